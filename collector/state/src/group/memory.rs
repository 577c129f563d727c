//! How the last groups like this one were closed.

use std::net::IpAddr;

use sqlx::{QueryBuilder, Row, Sqlite};

use super::{Group, Verdict};
use crate::error::Result;
use crate::ids::{GroupId, UnixMillis, address_bytes, address_from};
use crate::limits::MAX_REMEMBERED;
use crate::store::Store;
use crate::unit::{Scope, push_scope};

/// One closing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedVerdict {
    /// The group, while it is kept.
    pub group: Option<GroupId>,
    pub at: UnixMillis,
    pub user: String,
    pub verdict: Verdict,
    pub reason: String,
    pub source: IpAddr,
    pub destination: IpAddr,
    /// It has an end in common with the group that was asked about.
    pub same_source: bool,
    pub same_destination: bool,
}

/// A reason, and how often it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedReason {
    pub verdict: Verdict,
    pub reason: String,
    pub count: u64,
    pub last: UnixMillis,
}

/// What is remembered of a signature, newest first; at most [`MAX_REMEMBERED`] closings are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    pub true_positive: u64,
    pub false_positive: u64,
    pub benign: u64,
    /// The most frequent reasons.
    pub reasons: Vec<RememberedReason>,
    /// Closings of the nearest groups: same ends first, then the newest.
    pub nearest: Vec<RememberedVerdict>,
}

const REASONS: usize = 5;
const NEAREST: usize = 8;

impl Store {
    /// How groups of the same signature were closed, as far as the caller may see them.
    pub async fn memory(&self, group: &Group, scope: &Scope) -> Result<Memory> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT v.group_id, v.at, v.user, v.verdict, v.reason, v.src, v.dest FROM verdicts v
             JOIN signatures s ON s.id = v.signature_id WHERE v.withdrawn_by IS NULL AND s.sid = ",
        );
        query
            .push_bind(i64::from(group.sid))
            .push(" AND s.gid = ")
            .push_bind(i64::from(group.gid))
            .push(" AND v.group_id IS NOT ")
            .push_bind(group.id.0);
        push_scope(&mut query, "v.unit_id", scope);
        query.push(format_args!(" ORDER BY v.id DESC LIMIT {MAX_REMEMBERED}"));
        let rows = query.build().fetch_all(self.reader()).await?;
        let (source, destination) = (
            address_bytes(group.source),
            address_bytes(group.destination),
        );
        let mut memory = Memory::default();
        for row in &rows {
            let Some(verdict) = Verdict::from_name(row.get::<&str, _>(3)) else {
                continue;
            };
            match verdict {
                Verdict::TruePositive => memory.true_positive += 1,
                Verdict::FalsePositive => memory.false_positive += 1,
                Verdict::Benign => memory.benign += 1,
            }
            let (src, dest): (&[u8], &[u8]) = (row.get(5), row.get(6));
            let remembered = RememberedVerdict {
                group: row.get::<Option<i64>, _>(0).map(GroupId),
                at: UnixMillis(row.get(1)),
                user: row.get(2),
                verdict,
                reason: row.get(4),
                source: address_from(src),
                destination: address_from(dest),
                same_source: src == source,
                same_destination: dest == destination,
            };
            let said = memory
                .reasons
                .iter_mut()
                .find(|said| said.verdict == verdict && said.reason == remembered.reason);
            match said {
                Some(said) => said.count += 1,
                None if !remembered.reason.is_empty() => memory.reasons.push(RememberedReason {
                    verdict,
                    reason: remembered.reason.clone(),
                    count: 1,
                    last: remembered.at,
                }),
                None => {}
            }
            memory.nearest.push(remembered);
        }
        memory
            .reasons
            .sort_by_key(|said| std::cmp::Reverse(said.count));
        memory.reasons.truncate(REASONS);
        let nearness = |one: &RememberedVerdict| {
            std::cmp::Reverse(u8::from(one.same_source) + u8::from(one.same_destination))
        };
        memory.nearest.sort_by_key(nearness);
        memory.nearest.truncate(NEAREST);
        Ok(memory)
    }
}
