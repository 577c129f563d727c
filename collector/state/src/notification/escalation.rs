//! Groups that rules of notification look at: when they are made, and again when nobody has taken them.

use std::net::IpAddr;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::Result;
use crate::group::Status;
use crate::ids::{GroupId, UnitId, UnixMillis, address_from};
use crate::store::Store;

use super::small;

/// A group of alerts, as far as a message tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupTold {
    pub id: GroupId,
    pub unit_id: UnitId,
    pub unit_name: String,
    pub sid: u32,
    pub signature: String,
    pub category: String,
    pub severity: u8,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub count: u64,
    pub first: UnixMillis,
    pub last: UnixMillis,
    /// Nobody has taken it, closed it or hidden it.
    pub is_open_and_untaken: bool,
}

const GROUP: &str = "SELECT g.id, g.unit_id, u.name, s.sid, s.signature, s.category, g.severity, g.src, g.dest,
    g.count, g.first, g.last, g.status, g.owner FROM groups g JOIN signatures s ON s.id = g.signature_id
    JOIN units u ON u.id = g.unit_id";

impl Store {
    /// Groups made after the one with this id, oldest first.
    pub async fn groups_made_after(&self, id: i64, limit: u32) -> Result<Vec<GroupTold>> {
        let mut query = sqlx::QueryBuilder::new(GROUP);
        query.push(" WHERE g.id > ").push_bind(id);
        query.push(" ORDER BY g.id LIMIT ").push_bind(limit);
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(group_from).collect())
    }

    /// The id of the newest group.
    pub async fn newest_group(&self) -> Result<i64> {
        let id: Option<i64> = sqlx::query_scalar("SELECT max(id) FROM groups")
            .fetch_one(self.reader())
            .await?;
        Ok(id.unwrap_or(0))
    }

    /// Has a rule look at a group again at a time.
    pub async fn plan_escalation(&self, rule: i64, group: GroupId, due: UnixMillis) -> Result<()> {
        sqlx::query(
            "INSERT INTO escalations (rule_id, group_id, due) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(rule)
        .bind(group.0)
        .bind(due.0)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// What is to be looked at again by now, with the rule; see [`Store::end_escalation`].
    pub async fn due_escalations(
        &self,
        now: UnixMillis,
        limit: u32,
    ) -> Result<Vec<(i64, GroupTold)>> {
        let rows = sqlx::query(
            "SELECT rule_id, group_id FROM escalations WHERE due <= ? ORDER BY due LIMIT ?",
        )
        .bind(now.0)
        .bind(limit)
        .fetch_all(self.reader())
        .await?;
        let mut due = Vec::with_capacity(rows.len());
        for row in rows {
            let mut query = sqlx::QueryBuilder::new(GROUP);
            query.push(" WHERE g.id = ").push_bind(row.get::<i64, _>(1));
            if let Some(group) = query.build().fetch_optional(self.reader()).await? {
                due.push((row.get(0), group_from(&group)));
            }
        }
        Ok(due)
    }

    pub async fn end_escalation(&self, rule: i64, group: GroupId) -> Result<()> {
        sqlx::query("DELETE FROM escalations WHERE rule_id = ? AND group_id = ?")
            .bind(rule)
            .bind(group.0)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// How far something has been looked at; `None` before the first time.
    pub async fn notification_mark(&self, what: &str) -> Result<Option<i64>> {
        Ok(
            sqlx::query_scalar("SELECT through FROM notification_marks WHERE what = ?")
                .bind(what)
                .fetch_optional(self.reader())
                .await?,
        )
    }

    pub async fn set_notification_mark(&self, what: &str, through: i64) -> Result<()> {
        sqlx::query(
            "INSERT INTO notification_marks (what, through) VALUES (?1, ?2)
             ON CONFLICT (what) DO UPDATE SET through = ?2",
        )
        .bind(what)
        .bind(through)
        .execute(self.writer())
        .await?;
        Ok(())
    }
}

fn group_from(row: &SqliteRow) -> GroupTold {
    let owner: Option<String> = row.get(13);
    GroupTold {
        id: GroupId(row.get(0)),
        unit_id: UnitId(row.get(1)),
        unit_name: row.get(2),
        sid: u32::try_from(row.get::<i64, _>(3)).unwrap_or(0),
        signature: row.get(4),
        category: row.get(5),
        severity: small(row.get(6)),
        source: address_from(row.get(7)),
        destination: address_from(row.get(8)),
        count: row.get::<i64, _>(9).unsigned_abs(),
        first: UnixMillis(row.get(10)),
        last: UnixMillis(row.get(11)),
        is_open_and_untaken: row.get::<i64, _>(12) == Status::New.number() && owner.is_none(),
    }
}
