//! Signatures that have alerted, with what came of their alerts.

use sqlx::{QueryBuilder, Row, Sqlite};

use crate::error::Result;
use crate::ids::UnixMillis;
use crate::store::Store;
use crate::unit::{Scope, push_scope};

/// Signatures of one list.
const MAX_LISTED: u32 = 20_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureRow {
    pub gid: u32,
    pub sid: u32,
    pub signature: String,
    pub category: String,
    pub severity: u8,
    pub technique: Option<String>,
    /// Groups and alerts in scope.
    pub groups: u64,
    pub alerts: u64,
    pub last: Option<UnixMillis>,
    /// Groups that were closed, and as true; over all units, for they tell of the rule.
    pub closed: u64,
    pub true_positive: u64,
}

impl Store {
    /// The signatures that have groups in scope, those with most alerts first.
    pub async fn signatures(&self, scope: &Scope) -> Result<Vec<SignatureRow>> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT s.gid, s.sid, s.signature, s.category, s.severity, s.technique, count(*), sum(g.count), max(g.last),
                 s.closed, s.true_positive
             FROM groups g JOIN signatures s ON s.id = g.signature_id WHERE 1",
        );
        push_scope(&mut query, "g.unit_id", scope);
        query.push(format_args!(
            " GROUP BY s.id ORDER BY sum(g.count) DESC LIMIT {MAX_LISTED}"
        ));
        let rows = query.build().fetch_all(self.reader()).await?;
        let small = |value: i64| u32::try_from(value).unwrap_or(0);
        Ok(rows
            .iter()
            .map(|row| SignatureRow {
                gid: small(row.get(0)),
                sid: small(row.get(1)),
                signature: row.get(2),
                category: row.get(3),
                severity: u8::try_from(row.get::<i64, _>(4)).unwrap_or(4),
                technique: row.get(5),
                groups: row.get::<i64, _>(6).unsigned_abs(),
                alerts: row.get::<i64, _>(7).unsigned_abs(),
                last: row.get::<Option<i64>, _>(8).map(UnixMillis),
                closed: row.get::<i64, _>(9).unsigned_abs(),
                true_positive: row.get::<i64, _>(10).unsigned_abs(),
            })
            .collect())
    }
}
