//! The inbox: groups by tab, filtered, sorted, rolled up.

use std::net::IpAddr;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::{Group, Status, Verdict, read_spark};
use crate::error::{Result, StateError};
use crate::ids::{GroupId, UnitId, UnixMillis, address_bytes, address_from};
use crate::store::Store;
use crate::text::fold;
use crate::unit::{Scope, push_scope};

/// Groups of one page.
pub const MAX_PAGE: u32 = 500;
/// Words of one filter.
pub const MAX_TERMS: usize = 16;

/// How groups are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Signature,
    Source,
    Destination,
}

/// A word of the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// Part of the signature's text, without regard to case and accents.
    Text(String),
    Sid(u32),
    /// Source or destination within this range.
    Address(IpAddr, IpAddr),
    Source(IpAddr, IpAddr),
    Destination(IpAddr, IpAddr),
    /// Somebody's; nobody's when the name is empty.
    Owner(String),
    Technique(String),
    HiddenBy(i64),
}

#[derive(Debug, Clone)]
pub struct GroupFilter {
    pub scope: Scope,
    pub status: Option<Status>,
    pub terms: Vec<Term>,
    /// Empty: all.
    pub severities: Vec<u8>,
    pub from: Option<UnixMillis>,
    pub to: Option<UnixMillis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupSort {
    Risk,
    Last,
    Count,
}

impl GroupSort {
    fn column(self) -> &'static str {
        match self {
            GroupSort::Risk => "risk",
            GroupSort::Last => "last",
            GroupSort::Count => "count",
        }
    }
}

/// Which part of the list: behind `after`, a sort value and an id.
#[derive(Debug, Clone, Copy)]
pub struct GroupPage {
    pub sort: GroupSort,
    pub descending: bool,
    pub limit: u32,
    pub after: Option<(i64, GroupId)>,
}

/// Groups of each tab.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupCounts {
    pub new: u64,
    pub open: u64,
    pub escalated: u64,
    pub closed: u64,
    pub hidden: u64,
}

/// What a filter holds of one severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeverityCount {
    pub severity: u8,
    pub groups: u64,
    pub alerts: u64,
}

/// Groups with something in common, as one.
#[derive(Debug, Clone, PartialEq)]
pub struct RolledGroup {
    /// One of the groups, the newest.
    pub newest: Group,
    pub groups: u64,
    pub count: u64,
    pub sources: u64,
    pub destinations: u64,
    pub first: UnixMillis,
    pub last: UnixMillis,
    pub severity: u8,
}

pub(crate) const COLUMNS: &str = "g.id, g.unit_id, s.gid, s.sid, s.signature, s.category, g.severity, s.technique, g.src, g.dest, g.count, g.first,
    g.last, g.status, g.verdict, g.reason, g.owner, g.app_proto, g.latest_alert, g.spark, g.risk, g.version,
    (SELECT group_concat(n.name, char(31)) FROM group_sensors gs JOIN sensors n ON n.no = gs.sensor_no WHERE gs.group_id = g.id),
    s.alerts, s.closed, s.true_positive, g.escalated, g.hidden_by, g.mute_until, g.is_answer";

impl Store {
    /// One page of groups.
    pub async fn groups(&self, filter: &GroupFilter, page: GroupPage) -> Result<Vec<Group>> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
        query
            .push(COLUMNS)
            .push(" FROM groups g JOIN signatures s ON s.id = g.signature_id WHERE 1");
        push_filter(&mut query, filter);
        let column = page.sort.column();
        if let Some((value, id)) = page.after {
            let operator = if page.descending { " < " } else { " > " };
            query.push(format_args!(" AND (g.{column}, g.id){operator}("));
            query.push_bind(value).push(", ").push_bind(id.0).push(")");
        }
        let order = if page.descending { "DESC" } else { "ASC" };
        query.push(format_args!(
            " ORDER BY g.{column} {order}, g.id {order} LIMIT {}",
            page.limit.min(MAX_PAGE)
        ));
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(group_from).collect())
    }

    /// Ids of groups that the filter holds and that were there at a time, behind `after`.
    pub async fn group_targets(
        &self,
        filter: &GroupFilter,
        there_at: UnixMillis,
        after: GroupId,
        limit: u32,
    ) -> Result<Vec<GroupId>> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT g.id FROM groups g JOIN signatures s ON s.id = g.signature_id WHERE g.id > ",
        );
        query
            .push_bind(after.0)
            .push(" AND g.created <= ")
            .push_bind(there_at.0);
        push_filter(&mut query, filter);
        query.push(format_args!(" ORDER BY g.id LIMIT {limit}"));
        let ids: Vec<i64> = query.build_query_scalar().fetch_all(self.reader()).await?;
        Ok(ids.into_iter().map(GroupId).collect())
    }

    /// How many groups the filter holds.
    pub async fn count_groups(&self, filter: &GroupFilter) -> Result<u64> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT count(*) FROM groups g JOIN signatures s ON s.id = g.signature_id WHERE 1",
        );
        push_filter(&mut query, filter);
        let count: i64 = query.build_query_scalar().fetch_one(self.reader()).await?;
        Ok(count.unsigned_abs())
    }

    /// Groups and alerts that the filter holds, by severity, worst first.
    pub async fn groups_by_severity(&self, filter: &GroupFilter) -> Result<Vec<SeverityCount>> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT g.severity, count(*), sum(g.count) FROM groups g JOIN signatures s ON s.id = g.signature_id WHERE 1",
        );
        push_filter(&mut query, filter);
        query.push(" GROUP BY g.severity ORDER BY g.severity");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows
            .iter()
            .map(|row| SeverityCount {
                severity: u8::try_from(row.get::<i64, _>(0)).unwrap_or(4),
                groups: row.get::<i64, _>(1).unsigned_abs(),
                alerts: row.get::<i64, _>(2).unsigned_abs(),
            })
            .collect())
    }

    /// Groups put together, worst first or by the sort given; at most `limit`.
    pub async fn rolled_groups(
        &self,
        filter: &GroupFilter,
        by: By,
        page: GroupPage,
    ) -> Result<Vec<RolledGroup>> {
        let key = match by {
            By::Signature => "g.signature_id",
            By::Source => "g.src",
            By::Destination => "g.dest",
        };
        let column = match page.sort {
            GroupSort::Risk => "max(g.risk)",
            GroupSort::Last => "max(g.last)",
            GroupSort::Count => "sum(g.count)",
        };
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT max(g.last * 1048576 + g.id % 1048576), count(*), sum(g.count), count(DISTINCT g.src), count(DISTINCT g.dest),
                 min(g.first), max(g.last), min(g.severity), ",
        );
        query
            .push(key)
            .push(" FROM groups g JOIN signatures s ON s.id = g.signature_id WHERE 1");
        push_filter(&mut query, filter);
        let order = if page.descending { "DESC" } else { "ASC" };
        query.push(format_args!(
            " GROUP BY {key} ORDER BY {column} {order} LIMIT {}",
            page.limit.min(MAX_PAGE)
        ));
        let rows = query.build().fetch_all(self.reader()).await?;
        let mut rolled = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut newest = QueryBuilder::<Sqlite>::new("SELECT ");
            newest
                .push(COLUMNS)
                .push(" FROM groups g JOIN signatures s ON s.id = g.signature_id WHERE ");
            newest.push(key).push(" = ");
            match by {
                By::Signature => newest.push_bind(row.get::<i64, _>(8)),
                By::Source | By::Destination => newest.push_bind(row.get::<Vec<u8>, _>(8)),
            };
            push_filter(&mut newest, filter);
            newest.push(" ORDER BY g.last DESC, g.id DESC LIMIT 1");
            let Some(group) = newest.build().fetch_optional(self.reader()).await? else {
                continue;
            };
            rolled.push(RolledGroup {
                newest: group_from(&group),
                groups: row.get::<i64, _>(1).unsigned_abs(),
                count: row.get::<i64, _>(2).unsigned_abs(),
                sources: row.get::<i64, _>(3).unsigned_abs(),
                destinations: row.get::<i64, _>(4).unsigned_abs(),
                first: UnixMillis(row.get(5)),
                last: UnixMillis(row.get(6)),
                severity: u8::try_from(row.get::<i64, _>(7)).unwrap_or(4),
            });
        }
        Ok(rolled)
    }

    /// Groups of each tab.
    pub async fn group_counts(&self, scope: &Scope) -> Result<GroupCounts> {
        let mut query =
            QueryBuilder::<Sqlite>::new("SELECT status, sum(count) FROM group_counts WHERE 1");
        push_scope(&mut query, "unit_id", scope);
        query.push(" GROUP BY status");
        let mut counts = GroupCounts::default();
        for row in query.build().fetch_all(self.reader()).await? {
            let count = row.get::<i64, _>(1).max(0).unsigned_abs();
            match Status::from_number(row.get(0)) {
                Status::New => counts.new = count,
                Status::Open => counts.open = count,
                Status::Escalated => counts.escalated = count,
                Status::Closed => counts.closed = count,
                Status::Hidden => counts.hidden = count,
            }
        }
        Ok(counts)
    }

    /// A group in scope.
    pub async fn group(&self, id: GroupId, scope: &Scope) -> Result<Group> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
        query
            .push(COLUMNS)
            .push(" FROM groups g JOIN signatures s ON s.id = g.signature_id WHERE g.id = ")
            .push_bind(id.0);
        push_scope(&mut query, "g.unit_id", scope);
        let row = query
            .build()
            .fetch_optional(self.reader())
            .await?
            .ok_or_else(|| StateError::not_found("group", id))?;
        Ok(group_from(&row))
    }

    /// The group that an alert belongs to.
    pub async fn group_of(
        &self,
        sid: u32,
        source: IpAddr,
        destination: IpAddr,
        scope: &Scope,
    ) -> Result<Option<GroupId>> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT g.id FROM groups g JOIN signatures s ON s.id = g.signature_id WHERE s.sid = ",
        );
        query
            .push_bind(i64::from(sid))
            .push(" AND g.src = ")
            .push_bind(address_bytes(source).to_vec());
        query
            .push(" AND g.dest = ")
            .push_bind(address_bytes(destination).to_vec());
        push_scope(&mut query, "g.unit_id", scope);
        query.push(" LIMIT 1");
        let id: Option<i64> = query
            .build_query_scalar()
            .fetch_optional(self.reader())
            .await?;
        Ok(id.map(GroupId))
    }
}

pub(crate) fn push_filter(query: &mut QueryBuilder<Sqlite>, filter: &GroupFilter) {
    push_scope(query, "g.unit_id", &filter.scope);
    if let Some(status) = filter.status {
        query.push(" AND g.status = ").push_bind(status.number());
    }
    if !filter.severities.is_empty() {
        query.push(" AND g.severity IN (");
        for (at, severity) in filter.severities.iter().take(8).enumerate() {
            query
                .push(if at > 0 { "," } else { "" })
                .push_bind(i64::from(*severity));
        }
        query.push(")");
    }
    if let Some(from) = filter.from {
        query.push(" AND g.last >= ").push_bind(from.0);
    }
    if let Some(to) = filter.to {
        query.push(" AND g.first <= ").push_bind(to.0);
    }
    for term in filter.terms.iter().take(MAX_TERMS) {
        match term {
            Term::Text(text) => {
                query
                    .push(" AND instr(s.folded, ")
                    .push_bind(fold(text))
                    .push(") > 0");
            }
            Term::Sid(sid) => {
                query.push(" AND s.sid = ").push_bind(i64::from(*sid));
            }
            Term::Address(first, last) => {
                query.push(" AND (");
                push_range(query, "g.src", *first, *last);
                query.push(" OR ");
                push_range(query, "g.dest", *first, *last);
                query.push(")");
            }
            Term::Source(first, last) => {
                query.push(" AND ");
                push_range(query, "g.src", *first, *last);
            }
            Term::Destination(first, last) => {
                query.push(" AND ");
                push_range(query, "g.dest", *first, *last);
            }
            Term::Owner(name) => {
                query
                    .push(" AND coalesce(g.owner, '') = ")
                    .push_bind(name.clone());
            }
            Term::Technique(id) => {
                query.push(" AND (s.technique = ").push_bind(id.clone());
                query
                    .push(" OR substr(s.technique, 1, ")
                    .push_bind(i64::try_from(id.len() + 1).unwrap_or(i64::MAX))
                    .push(") = ")
                    .push_bind(format!("{id}."))
                    .push(")");
            }
            Term::HiddenBy(rule) => {
                query.push(" AND g.hidden_by = ").push_bind(*rule);
            }
        }
    }
}

pub(crate) fn push_range(
    query: &mut QueryBuilder<Sqlite>,
    column: &'static str,
    first: IpAddr,
    last: IpAddr,
) {
    query
        .push("(")
        .push(column)
        .push(" >= ")
        .push_bind(address_bytes(first).to_vec());
    query
        .push(" AND ")
        .push(column)
        .push(" <= ")
        .push_bind(address_bytes(last).to_vec())
        .push(")");
}

pub(crate) fn group_from(row: &SqliteRow) -> Group {
    let number = |at: usize| row.get::<i64, _>(at);
    let sensors: Option<String> = row.get(22);
    Group {
        id: GroupId(number(0)),
        unit_id: UnitId(number(1)),
        gid: u32::try_from(number(2)).unwrap_or(0),
        sid: u32::try_from(number(3)).unwrap_or(0),
        signature: row.get(4),
        category: row.get(5),
        severity: u8::try_from(number(6)).unwrap_or(4),
        technique: row.get(7),
        source: address_from(row.get::<&[u8], _>(8)),
        destination: address_from(row.get::<&[u8], _>(9)),
        count: number(10).unsigned_abs(),
        first: UnixMillis(number(11)),
        last: UnixMillis(number(12)),
        status: Status::from_number(number(13)),
        verdict: row
            .get::<Option<String>, _>(14)
            .as_deref()
            .and_then(Verdict::from_name),
        reason: row.get(15),
        owner: row.get(16),
        app_proto: row.get(17),
        latest_alert: row.get(18),
        spark: read_spark(row.get::<&[u8], _>(19)),
        risk: number(20),
        version: number(21),
        signature_alerts: number(23).unsigned_abs(),
        signature_closed: number(24).unsigned_abs(),
        signature_true: number(25).unsigned_abs(),
        escalated: number(26) != 0,
        hidden_by: row.get(27),
        mute_until: row.get::<Option<i64>, _>(28).map(UnixMillis),
        is_answer: number(29) != 0,
        sensors: sensors
            .map(|names| names.split('\u{1f}').map(str::to_owned).collect())
            .unwrap_or_default(),
    }
}
