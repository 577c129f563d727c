//! What a period of work comes to: for reports and the hand-over between shifts.

use std::net::IpAddr;

use sqlx::{QueryBuilder, Row, Sqlite};

use crate::error::Result;
use crate::ids::{UnixMillis, address_from};
use crate::store::Store;
use crate::unit::{Scope, push_scope};

/// Rows of each list.
const LISTED: u32 = 10;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureFigures {
    pub sid: u32,
    pub signature: String,
    pub groups: u64,
    pub alerts: u64,
    pub closed: u64,
    pub true_positive: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressFigures {
    pub address: IpAddr,
    pub groups: u64,
    pub alerts: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensorFigures {
    pub name: String,
    pub made: u64,
    pub stored: u64,
    pub shed: u64,
    pub rejected: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalystFigures {
    pub user: String,
    pub taken: u64,
    pub closed: u64,
    pub escalated: u64,
}

/// Counts of a period: from a time, up to another one.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Groups that began, by severity 1 to 4.
    pub began: [u64; 4],
    /// Alerts of groups that were active. An alert of a group that began earlier counts with its group.
    pub alerts: u64,
    pub escalated: u64,
    pub true_positive: u64,
    pub false_positive: u64,
    pub benign: u64,
    /// Groups that stand open now, and new ones that nobody has taken.
    pub open: u64,
    pub waiting: u64,
    pub hidden: u64,
    /// Minutes from a group's beginning to the first that somebody did with it, on average.
    pub response_minutes: Option<u64>,
    pub cases_opened: u64,
    pub cases_closed: u64,
    pub signatures: Vec<SignatureFigures>,
    pub sources: Vec<AddressFigures>,
    pub destinations: Vec<AddressFigures>,
    pub sensors: Vec<SensorFigures>,
    pub analysts: Vec<AnalystFigures>,
}

impl Store {
    pub async fn figures(
        &self,
        scope: &Scope,
        from: UnixMillis,
        to: UnixMillis,
    ) -> Result<Figures> {
        let mut figures = Figures::default();
        let query = |text: &'static str, unit: &'static str, end: &'static str| {
            let mut query = QueryBuilder::<Sqlite>::new(text);
            query
                .push(" >= ")
                .push_bind(from.0)
                .push(end)
                .push_bind(to.0);
            push_scope(&mut query, unit, scope);
            query
        };
        let number = |value: i64| value.max(0).unsigned_abs();

        let mut began = query(
            "SELECT severity, count(*) FROM groups WHERE first",
            "unit_id",
            " AND first < ",
        );
        began.push(" GROUP BY severity");
        for row in began.build().fetch_all(self.reader()).await? {
            let at = usize::try_from(row.get::<i64, _>(0) - 1).unwrap_or(3);
            if let Some(count) = figures.began.get_mut(at) {
                *count = number(row.get(1));
            }
        }
        let mut alerts = query(
            "SELECT coalesce(sum(count), 0) FROM groups WHERE last",
            "unit_id",
            " AND first < ",
        );
        figures.alerts = number(alerts.build_query_scalar().fetch_one(self.reader()).await?);
        let mut verdicts = query(
            "SELECT verdict, count(*) FROM verdicts WHERE withdrawn_by IS NULL AND at",
            "unit_id",
            " AND at < ",
        );
        verdicts.push(" GROUP BY verdict");
        for row in verdicts.build().fetch_all(self.reader()).await? {
            let count = number(row.get(1));
            match row.get::<&str, _>(0) {
                "true_positive" => figures.true_positive = count,
                "false_positive" => figures.false_positive = count,
                _ => figures.benign = count,
            }
        }
        let counts = self.group_counts(scope).await?;
        figures.waiting = counts.new;
        figures.open = counts.open + counts.escalated;
        figures.hidden = counts.hidden;

        let mut people = query(
            "SELECT h.user, sum(h.action = 'acknowledge'), sum(h.action IN ('close', 'escalate_close')),
                 sum(h.action IN ('escalate', 'escalate_close'))
             FROM group_history h JOIN groups g ON g.id = h.group_id WHERE h.user IS NOT NULL AND h.at",
            "g.unit_id",
            " AND h.at < ",
        );
        people.push(" GROUP BY h.user ORDER BY 3 DESC, 1 LIMIT 50");
        for row in people.build().fetch_all(self.reader()).await? {
            let analyst = AnalystFigures {
                user: row.get(0),
                taken: number(row.get(1)),
                closed: number(row.get(2)),
                escalated: number(row.get(3)),
            };
            figures.escalated += analyst.escalated;
            if analyst.taken + analyst.closed + analyst.escalated > 0 {
                figures.analysts.push(analyst);
            }
        }
        let mut response = query(
            "SELECT avg(touched - created) FROM (
                 SELECT g.created AS created,
                     (SELECT min(h.at) FROM group_history h WHERE h.group_id = g.id AND h.user IS NOT NULL) AS touched
                 FROM groups g WHERE g.created",
            "g.unit_id",
            " AND g.created < ",
        );
        response.push(") WHERE touched IS NOT NULL");
        let response: Option<f64> = response
            .build_query_scalar()
            .fetch_one(self.reader())
            .await?;
        figures.response_minutes = response.map(|millis| (millis.max(0.0) / 60_000.0) as u64);

        for (text, end, count) in [
            (
                "SELECT count(*) FROM cases WHERE created",
                " AND created < ",
                &mut figures.cases_opened,
            ),
            (
                "SELECT count(*) FROM cases WHERE closed",
                " AND closed < ",
                &mut figures.cases_closed,
            ),
        ] {
            let mut cases = query(text, "unit_id", end);
            *count = number(cases.build_query_scalar().fetch_one(self.reader()).await?);
        }

        let mut signatures = query(
            "SELECT s.sid, s.signature, count(*), sum(g.count), s.closed, s.true_positive
             FROM groups g JOIN signatures s ON s.id = g.signature_id WHERE g.last",
            "g.unit_id",
            " AND g.first < ",
        );
        signatures.push(format_args!(
            " GROUP BY s.id ORDER BY sum(g.count) DESC LIMIT {LISTED}"
        ));
        for row in signatures.build().fetch_all(self.reader()).await? {
            figures.signatures.push(SignatureFigures {
                sid: u32::try_from(row.get::<i64, _>(0)).unwrap_or(0),
                signature: row.get(1),
                groups: number(row.get(2)),
                alerts: number(row.get(3)),
                closed: number(row.get(4)),
                true_positive: number(row.get(5)),
            });
        }
        for (text, key, list) in [
            (
                "SELECT src, count(*), sum(count) FROM groups WHERE last",
                " GROUP BY src",
                &mut figures.sources,
            ),
            (
                "SELECT dest, count(*), sum(count) FROM groups WHERE last",
                " GROUP BY dest",
                &mut figures.destinations,
            ),
        ] {
            let mut addresses = query(text, "unit_id", " AND first < ");
            addresses
                .push(key)
                .push(format_args!(" ORDER BY 3 DESC LIMIT {LISTED}"));
            for row in addresses.build().fetch_all(self.reader()).await? {
                list.push(AddressFigures {
                    address: address_from(row.get::<&[u8], _>(0)),
                    groups: number(row.get(1)),
                    alerts: number(row.get(2)),
                });
            }
        }
        let mut sensors = QueryBuilder::<Sqlite>::new(
            "SELECT n.name, coalesce(sum(l.made), 0), coalesce(sum(l.stored), 0), coalesce(sum(l.rejected), 0),
                 coalesce((SELECT sum(count) FROM ledger_shed d WHERE d.sensor_no = n.no AND d.hour >= ",
        );
        sensors
            .push_bind(from.hour())
            .push(" AND d.hour < ")
            .push_bind(to.hour() + 1)
            .push("), 0) FROM sensors n LEFT JOIN ledger l ON l.sensor_no = n.no AND l.hour >= ")
            .push_bind(from.hour())
            .push(" AND l.hour < ")
            .push_bind(to.hour() + 1)
            .push(" WHERE n.revoked IS NULL");
        push_scope(&mut sensors, "n.unit_id", scope);
        sensors.push(" GROUP BY n.no ORDER BY n.name LIMIT 500");
        for row in sensors.build().fetch_all(self.reader()).await? {
            figures.sensors.push(SensorFigures {
                name: row.get(0),
                made: number(row.get(1)),
                stored: number(row.get(2)),
                rejected: number(row.get(3)),
                shed: number(row.get(4)),
            });
        }
        Ok(figures)
    }
}
