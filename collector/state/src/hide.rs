//! Rules that put groups out of sight: conditions, a reason, an owner, and an end.
//!
//! A rule is judged once an alert, at ingest; what it hides stays in the store, counted and readable. When it
//! has ended, the next alert of a hidden group brings the group back.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};

use crate::error::{Result, StateError};
use crate::group::{
    AlertSeen, Entry, GroupFilter, Status, Term, push_filter, push_range, write_entry,
};
use crate::ids::{GroupId, UnitId, UnixMillis, address_bytes};
use crate::limits::{
    MAX_COMMENT_BYTES, MAX_HIDE_CONDITIONS, MAX_HIDE_LIFETIME, MAX_HIDE_RULES, MAX_HIDE_VALUES,
};
use crate::store::Store;
use crate::text::fold;
use crate::unit::{Scope, push_scope};

/// What a condition looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HideField {
    Sid,
    Signature,
    Category,
    Severity,
    Source,
    Destination,
    /// Either end.
    Address,
    Application,
    Technique,
    Sensor,
}

/// How it compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HideTest {
    /// One of the values.
    Is,
    /// Within one of the networks.
    Network,
    /// Begins with one of the values, without regard to case and accents.
    Prefix,
}

/// One condition. A network is written as its first and last address, joined by `-`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HideCondition {
    pub field: HideField,
    pub test: HideTest,
    pub values: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HideRule {
    pub id: i64,
    pub unit_id: UnitId,
    pub conditions: Vec<HideCondition>,
    pub reason: String,
    pub owner: String,
    pub created: UnixMillis,
    pub expires: UnixMillis,
    /// When somebody ended it before its time, and who.
    pub ended: Option<UnixMillis>,
    pub ended_by: Option<String>,
    /// Alerts that it hid.
    pub hits: u64,
    pub last_hit: Option<UnixMillis>,
}

#[derive(Debug, Clone)]
pub struct NewHideRule {
    pub unit_id: UnitId,
    pub conditions: Vec<HideCondition>,
    pub reason: String,
    pub expires: UnixMillis,
}

/// What a rule would have done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HidePreview {
    pub groups: u64,
    pub groups_of: u64,
    pub alerts: u64,
    pub alerts_of: u64,
    /// Of the groups that it would have hidden: closed as true, and escalated.
    pub true_positive: u64,
    pub escalated: u64,
}

fn range(value: &str) -> Option<(IpAddr, IpAddr)> {
    let (first, last) = value.split_once('-').unwrap_or((value, value));
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

impl HideCondition {
    fn check(&self) -> Result<()> {
        let invalid = |reason| {
            Err(StateError::Invalid {
                field: "conditions",
                reason,
            })
        };
        if self.values.is_empty() || self.values.iter().any(|value| value.trim().is_empty()) {
            return invalid("missing");
        }
        if self.values.len() > MAX_HIDE_VALUES || self.values.iter().any(|value| value.len() > 512)
        {
            return invalid("too_many");
        }
        let address = matches!(
            self.field,
            HideField::Source | HideField::Destination | HideField::Address
        );
        let number = matches!(self.field, HideField::Sid | HideField::Severity);
        let fits = match self.test {
            HideTest::Is | HideTest::Network if address => {
                self.values.iter().all(|value| range(value).is_some())
            }
            HideTest::Network => false,
            HideTest::Is if number => self.values.iter().all(|value| value.parse::<u32>().is_ok()),
            HideTest::Is => true,
            HideTest::Prefix => !address && !number,
        };
        if fits {
            Ok(())
        } else {
            invalid("does_not_fit")
        }
    }

    fn text_matches(&self, text: &str) -> bool {
        match self.test {
            HideTest::Is => self.values.iter().any(|value| value == text),
            HideTest::Prefix => {
                let text = fold(text);
                self.values
                    .iter()
                    .any(|value| text.starts_with(&fold(value)))
            }
            HideTest::Network => false,
        }
    }

    fn address_matches(&self, address: IpAddr) -> bool {
        let wanted = address_bytes(address);
        self.values
            .iter()
            .filter_map(|value| range(value))
            .any(|(first, last)| address_bytes(first) <= wanted && wanted <= address_bytes(last))
    }

    fn matches(&self, alert: &AlertSeen<'_>, sensor: &str) -> bool {
        match self.field {
            HideField::Sid => self.text_matches(&alert.sid.to_string()),
            HideField::Severity => self.text_matches(&alert.severity.clamp(1, 4).to_string()),
            HideField::Signature => self.text_matches(alert.signature),
            HideField::Category => self.text_matches(alert.category),
            HideField::Application => self.text_matches(alert.app_proto.unwrap_or_default()),
            HideField::Technique => self.text_matches(alert.technique.unwrap_or_default()),
            HideField::Sensor => self.text_matches(sensor),
            HideField::Source => self.address_matches(alert.source),
            HideField::Destination => self.address_matches(alert.destination),
            HideField::Address => {
                self.address_matches(alert.source) || self.address_matches(alert.destination)
            }
        }
    }

    /// The same on stored groups.
    fn push(&self, query: &mut QueryBuilder<Sqlite>) {
        query.push(" AND (0");
        for value in &self.values {
            query.push(" OR ");
            let sides: &[&'static str] = match self.field {
                HideField::Source => &["g.src"],
                HideField::Destination => &["g.dest"],
                HideField::Address => &["g.src", "g.dest"],
                _ => &[],
            };
            if !sides.is_empty() {
                query.push("(0");
                if let Some((first, last)) = range(value) {
                    for side in sides {
                        query.push(" OR ");
                        push_range(query, side, first, last);
                    }
                }
                query.push(")");
                continue;
            }
            let column = match self.field {
                HideField::Sid => "s.sid",
                HideField::Severity => "g.severity",
                HideField::Signature if self.test == HideTest::Prefix => "s.folded",
                HideField::Signature => "s.signature",
                HideField::Category => "s.category",
                HideField::Application => "coalesce(g.app_proto, '')",
                HideField::Technique => "coalesce(s.technique, '')",
                _ => "n.name",
            };
            if self.field == HideField::Sensor {
                query.push(
                    "EXISTS (SELECT 1 FROM group_sensors gs JOIN sensors n ON n.no = gs.sensor_no WHERE gs.group_id = g.id AND ",
                );
            }
            match (self.field, self.test) {
                (HideField::Sid | HideField::Severity, _) => {
                    query
                        .push(column)
                        .push(" = ")
                        .push_bind(value.parse::<i64>().unwrap_or(-1));
                }
                (_, HideTest::Prefix) => {
                    let folded = fold(value);
                    query
                        .push("substr(lower(")
                        .push(column)
                        .push(format_args!("), 1, {}) = ", folded.chars().count()))
                        .push_bind(folded);
                }
                _ => {
                    query.push(column).push(" = ").push_bind(value.clone());
                }
            }
            if self.field == HideField::Sensor {
                query.push(")");
            }
        }
        query.push(")");
    }
}

/// Faults of the conditions of a rule.
fn checked(conditions: &[HideCondition]) -> Result<()> {
    let invalid = |reason| {
        Err(StateError::Invalid {
            field: "conditions",
            reason,
        })
    };
    if conditions.is_empty() {
        return invalid("missing");
    }
    if conditions.len() > MAX_HIDE_CONDITIONS {
        return invalid("too_many");
    }
    conditions.iter().try_for_each(HideCondition::check)
}

impl HideRule {
    pub fn stands(&self, now: UnixMillis) -> bool {
        self.ended.is_none() && self.expires > now
    }

    pub(crate) fn matches(&self, alert: &AlertSeen<'_>, sensor: &str) -> bool {
        self.conditions
            .iter()
            .all(|condition| condition.matches(alert, sensor))
    }
}

const COLUMNS: &str =
    "id, unit_id, conditions, reason, owner, created, expires, ended, ended_by, hits, last_hit";

fn rule_from(row: &SqliteRow) -> HideRule {
    HideRule {
        id: row.get(0),
        unit_id: UnitId(row.get(1)),
        // Conditions that this version cannot read hide nothing.
        conditions: serde_json::from_str(row.get::<&str, _>(2)).unwrap_or_default(),
        reason: row.get(3),
        owner: row.get(4),
        created: UnixMillis(row.get(5)),
        expires: UnixMillis(row.get(6)),
        ended: row.get::<Option<i64>, _>(7).map(UnixMillis),
        ended_by: row.get(8),
        hits: row.get::<i64, _>(9).unsigned_abs(),
        last_hit: row.get::<Option<i64>, _>(10).map(UnixMillis),
    }
}

fn push_conditions(query: &mut QueryBuilder<Sqlite>, conditions: &[HideCondition]) {
    for condition in conditions {
        condition.push(query);
    }
}

impl Store {
    /// Rules that nobody has ended, whatever their time.
    pub(crate) async fn standing_hide_rules(&self) -> Result<Vec<HideRule>> {
        let query = format!("SELECT {COLUMNS} FROM hide_rules WHERE ended IS NULL ORDER BY id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query))
            .fetch_all(self.reader())
            .await?;
        Ok(rows
            .iter()
            .map(rule_from)
            .filter(|rule| !rule.conditions.is_empty())
            .collect())
    }

    /// All rules in scope, newest first.
    pub async fn hide_rules(&self, scope: &Scope) -> Result<Vec<HideRule>> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
        query.push(COLUMNS).push(" FROM hide_rules WHERE 1");
        push_scope(&mut query, "unit_id", scope);
        query.push(" ORDER BY id DESC LIMIT 1000");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(rule_from).collect())
    }

    /// What a rule would have hidden of what came since a time.
    pub async fn preview_hiding(
        &self,
        conditions: &[HideCondition],
        scope: &Scope,
        since: UnixMillis,
    ) -> Result<HidePreview> {
        checked(conditions)?;
        let counted = async |conditions: &[HideCondition]| {
            let mut query = QueryBuilder::<Sqlite>::new(
                "SELECT count(*), coalesce(sum(g.count), 0), coalesce(sum(g.verdict = 'true_positive'), 0), coalesce(sum(g.escalated), 0)
                 FROM groups g JOIN signatures s ON s.id = g.signature_id WHERE g.last >= ",
            );
            query.push_bind(since.0);
            push_scope(&mut query, "g.unit_id", scope);
            push_conditions(&mut query, conditions);
            let row = query.build().fetch_one(self.reader()).await?;
            let number = |at: usize| row.get::<i64, _>(at).unsigned_abs();
            Result::Ok((number(0), number(1), number(2), number(3)))
        };
        let (groups, alerts, true_positive, escalated) = counted(conditions).await?;
        let (groups_of, alerts_of, _, _) = counted(&[]).await?;
        Ok(HidePreview {
            groups,
            groups_of,
            alerts,
            alerts_of,
            true_positive,
            escalated,
        })
    }

    /// Makes a rule, and hides the new groups that it is meant for; the rule, and how many it hid.
    pub async fn create_hide_rule(
        &self,
        new: NewHideRule,
        user: &str,
        now: UnixMillis,
    ) -> Result<(HideRule, u64)> {
        let invalid = |field, reason| Err(StateError::Invalid { field, reason });
        checked(&new.conditions)?;
        let reason = new.reason.trim();
        if reason.is_empty() {
            return invalid("reason", "missing");
        }
        if reason.len() > MAX_COMMENT_BYTES {
            return invalid("reason", "too_long");
        }
        let latest = now.plus(i64::try_from(MAX_HIDE_LIFETIME.as_millis()).unwrap_or(i64::MAX));
        if new.expires <= now || new.expires > latest {
            return invalid("expires", "out_of_range");
        }
        self.require_unit(new.unit_id).await?;
        let scope = self.scope_of(new.unit_id).await?;
        let mut tx = self.write().await?;
        let standing: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM hide_rules WHERE ended IS NULL AND expires > ?",
        )
        .bind(now.0)
        .fetch_one(&mut *tx)
        .await?;
        if standing >= MAX_HIDE_RULES {
            return invalid("conditions", "too_many");
        }
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO hide_rules (unit_id, conditions, reason, owner, created, expires)
             VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        )
        .bind(new.unit_id.0)
        .bind(serde_json::to_string(&new.conditions).unwrap_or_default())
        .bind(reason)
        .bind(user)
        .bind(now.0)
        .bind(new.expires.0)
        .fetch_one(&mut *tx)
        .await?;
        let mut query = QueryBuilder::<Sqlite>::new("UPDATE groups SET hidden_by = ");
        query
            .push_bind(id)
            .push(", status = ")
            .push_bind(Status::Hidden.number())
            .push(
                ", version = version + 1 WHERE id IN (SELECT g.id FROM groups g JOIN signatures s ON s.id = g.signature_id WHERE g.status = ",
            )
            .push_bind(Status::New.number());
        push_scope(&mut query, "g.unit_id", &scope);
        push_conditions(&mut query, &new.conditions);
        query.push(") RETURNING id, version");
        let rows = query.build().fetch_all(&mut *tx).await?;
        let hidden = rows.len() as u64;
        for row in &rows {
            let entry = Entry {
                user: Some(user),
                ..Entry::of_system("hide", Some(reason), now)
            };
            write_entry(&mut tx, row.get(0), &entry, row.get(1)).await?;
        }
        tx.commit().await?;
        self.forget_triage();
        let rule = HideRule {
            id,
            unit_id: new.unit_id,
            conditions: new.conditions,
            reason: reason.to_owned(),
            owner: user.to_owned(),
            created: now,
            expires: new.expires,
            ended: None,
            ended_by: None,
            hits: 0,
            last_hit: None,
        };
        Ok((rule, hidden))
    }

    /// Ends a rule and brings back what it hid; how many groups.
    pub async fn end_hide_rule(
        &self,
        id: i64,
        user: &str,
        scope: &Scope,
        now: UnixMillis,
    ) -> Result<u64> {
        let mut tx = self.write().await?;
        let mut query = QueryBuilder::<Sqlite>::new("UPDATE hide_rules SET ended = ");
        query
            .push_bind(now.0)
            .push(", ended_by = ")
            .push_bind(user)
            .push(" WHERE ended IS NULL AND id = ")
            .push_bind(id);
        push_scope(&mut query, "unit_id", scope);
        if query.build().execute(&mut *tx).await?.rows_affected() == 0 {
            return Err(StateError::not_found("hide rule", id));
        }
        let rows = sqlx::query(
            "UPDATE groups SET status = ?, hidden_by = NULL, version = version + 1
             WHERE hidden_by = ? AND status = ? RETURNING id, version",
        )
        .bind(Status::New.number())
        .bind(id)
        .bind(Status::Hidden.number())
        .fetch_all(&mut *tx)
        .await?;
        for row in &rows {
            let entry = Entry {
                user: Some(user),
                ..Entry::of_system("return", None, now)
            };
            write_entry(&mut tx, row.get(0), &entry, row.get(1)).await?;
        }
        tx.commit().await?;
        self.forget_triage();
        Ok(rows.len() as u64)
    }

    /// A few of the groups that conditions mean, the riskiest first.
    pub async fn hidden_examples(
        &self,
        conditions: &[HideCondition],
        scope: &Scope,
        since: UnixMillis,
        limit: u32,
    ) -> Result<Vec<GroupId>> {
        checked(conditions)?;
        let filter = GroupFilter {
            scope: scope.clone(),
            status: None,
            terms: Vec::<Term>::new(),
            severities: Vec::new(),
            from: Some(since),
            to: None,
        };
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT g.id FROM groups g JOIN signatures s ON s.id = g.signature_id WHERE 1",
        );
        push_filter(&mut query, &filter);
        push_conditions(&mut query, conditions);
        query.push(format_args!(
            " ORDER BY (g.verdict = 'true_positive') DESC, g.risk DESC LIMIT {limit}"
        ));
        let ids: Vec<i64> = query.build_query_scalar().fetch_all(self.reader()).await?;
        Ok(ids.into_iter().map(GroupId).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_compare_as_they_say() {
        let alert = AlertSeen {
            seq: 1,
            id: "e",
            at: UnixMillis(0),
            gid: 1,
            sid: 7,
            signature: "Quét cổng TCP",
            category: "attempted-recon",
            severity: 3,
            source: "10.1.2.3".parse().expect("an address"),
            destination: "192.0.2.9".parse().expect("an address"),
            attacker: None,
            app_proto: Some("http"),
            technique: None,
        };
        use HideField::*;
        use HideTest::*;
        for (field, test, values, expected) in [
            (Sid, Is, &["7"][..], Some(true)),
            (Sid, Is, &["8", "9"], Some(false)),
            (Sid, Is, &["x"], None),
            (Sid, Prefix, &["7"], None),
            (Signature, Prefix, &["quet CONG"], Some(true)),
            (Signature, Is, &["quét cổng tcp"], Some(false)),
            (Source, Network, &["10.0.0.0-10.255.255.255"], Some(true)),
            (Source, Is, &["10.1.2.4", "10.1.2.3"], Some(true)),
            (
                Destination,
                Network,
                &["10.0.0.0-10.255.255.255"],
                Some(false),
            ),
            (Address, Network, &["192.0.2.0-192.0.2.255"], Some(true)),
            (Source, Prefix, &["10."], None),
            (Source, Network, &["10.0.0.0/8"], None),
            (Sensor, Is, &["cổng"], Some(true)),
            (Application, Is, &["http", "tls"], Some(true)),
            (Technique, Is, &["T1046"], Some(false)),
            (Category, Network, &["a"], None),
            (Severity, Is, &["3"], Some(true)),
            (Severity, Is, &[], None),
        ] {
            let condition = HideCondition {
                field,
                test,
                values: values.iter().map(|value| (*value).to_owned()).collect(),
            };
            let told = checked(std::slice::from_ref(&condition))
                .ok()
                .map(|()| condition.matches(&alert, "cổng"));
            assert_eq!(told, expected, "{field:?} {test:?} {values:?}");
        }
    }
}
