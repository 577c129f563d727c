//! Partitions that have gone to an archive: where they lie, what could not go there, what is back for a while.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StateError};
use crate::ids::UnixMillis;
use crate::limits::{MAX_ARCHIVE_LOSSES, MAX_FAULT_BYTES};
use crate::store::{Page, Paged, Store};
use crate::text::cut;

/// What has become of a pack's recall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recall {
    None,
    /// Somebody has asked for it; it is on its way.
    Asked,
    /// It is searched.
    Here,
    Failed,
}

impl Recall {
    pub fn name(self) -> &'static str {
        match self {
            Recall::None => "none",
            Recall::Asked => "asked",
            Recall::Here => "here",
            Recall::Failed => "failed",
        }
    }

    fn from_name(name: &str) -> Recall {
        match name {
            "asked" => Recall::Asked,
            "here" => Recall::Here,
            "failed" => Recall::Failed,
            _ => Recall::None,
        }
    }
}

/// A partition in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    pub id: i64,
    /// Where it lies, and its name there.
    pub site: String,
    pub object: String,
    /// `2026-11-24`
    pub day: String,
    pub shelf: String,
    pub events: u64,
    /// Of the partition, and of the pack.
    pub bytes: u64,
    pub packed_bytes: u64,
    pub sha256: String,
    pub archived: UnixMillis,
    pub recall: Recall,
    pub recalled_by: Option<String>,
    pub recall_until: Option<UnixMillis>,
    pub recall_fault: Option<String>,
}

/// What has been put into an archive.
#[derive(Debug, Clone, Copy)]
pub struct NewPack<'a> {
    pub site: &'a str,
    pub object: &'a str,
    pub day: &'a str,
    pub shelf: &'a str,
    pub events: u64,
    pub bytes: u64,
    pub packed_bytes: u64,
    pub sha256: &'a str,
}

/// A partition that waits for the archive: day, shelf and the number it was sealed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting<'a> {
    pub day: &'a str,
    pub shelf: &'a str,
    pub number: u64,
}

/// Why a partition is not in the archive yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveFault {
    pub day: String,
    pub shelf: String,
    pub since: UnixMillis,
    pub last: UnixMillis,
    pub attempts: u64,
    pub code: String,
    pub reason: String,
}

/// A partition that was dropped before the archive had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveLoss {
    pub day: String,
    pub shelf: String,
    pub events: u64,
    pub bytes: u64,
    pub at: UnixMillis,
}

/// What an archive holds in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveTotals {
    pub packs: u64,
    pub events: u64,
    pub bytes: u64,
    pub packed_bytes: u64,
    pub first_day: Option<String>,
    pub last_day: Option<String>,
    /// Of what is back, or on its way.
    pub recalled_bytes: u64,
    /// Dropped before the archive had it, ever.
    pub lost_partitions: u64,
    pub lost_events: u64,
    /// Removed from the archive when their days there were over, ever.
    pub expired_partitions: u64,
    pub expired_events: u64,
}

/// How far back an archive reaches on one shelf.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveReach {
    pub shelf: String,
    pub days: u64,
    /// `2026-11-24`
    pub oldest: String,
}

/// Days, both inclusive, `2026-11-24`; and the shelf, both without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedRange {
    pub from: String,
    pub to: String,
    pub shelf: Option<&'static str>,
}

/// What of a range lies in the archive, and is not searched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchivedDays {
    pub days: u64,
    pub events: u64,
    pub bytes: u64,
    pub first: Option<String>,
    pub last: Option<String>,
    /// Days of them that are on their way.
    pub coming: u64,
}

const PACK: &str =
    "SELECT id, site, object, day, shelf, events, bytes, packed_bytes, sha256, archived, recall,
    recalled_by, recall_until, recall_fault FROM archive_packs";

fn push_range(query: &mut sqlx::QueryBuilder<sqlx::Sqlite>, range: &ArchivedRange) {
    query.push(" WHERE day >= ").push_bind(range.from.clone());
    query.push(" AND day <= ").push_bind(range.to.clone());
    if let Some(shelf) = range.shelf {
        query.push(" AND shelf = ").push_bind(shelf);
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn count(row: &SqliteRow, place: usize) -> u64 {
    row.get::<i64, _>(place).unsigned_abs()
}

impl Store {
    /// Notes that the archive has a partition whole. Told again, it is the same pack.
    pub async fn archived(&self, new: NewPack<'_>, now: UnixMillis) -> Result<()> {
        sqlx::query(
            "INSERT INTO archive_packs (site, object, day, shelf, events, bytes, packed_bytes, sha256, archived)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (site, object) DO UPDATE SET events = excluded.events, bytes = excluded.bytes,
                 packed_bytes = excluded.packed_bytes, sha256 = excluded.sha256",
        )
        .bind(new.site)
        .bind(new.object)
        .bind(new.day)
        .bind(new.shelf)
        .bind(signed(new.events))
        .bind(signed(new.bytes))
        .bind(signed(new.packed_bytes))
        .bind(new.sha256)
        .bind(now.0)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// Notes why a partition could not go to the archive.
    pub async fn archive_failed(
        &self,
        waiting: Waiting<'_>,
        code: &str,
        reason: &str,
        now: UnixMillis,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO archive_faults (day, shelf, number, since, last, attempts, code, reason)
             VALUES (?1, ?2, ?3, ?4, ?4, 1, ?5, ?6)
             ON CONFLICT (day, shelf, number) DO UPDATE SET last = ?4, attempts = attempts + 1, code = ?5, reason = ?6",
        )
        .bind(waiting.day)
        .bind(waiting.shelf)
        .bind(signed(waiting.number))
        .bind(now.0)
        .bind(code)
        .bind(cut(reason, MAX_FAULT_BYTES))
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// Forgets the fault of a partition that waits no more.
    pub async fn archive_settled(&self, waiting: Waiting<'_>) -> Result<()> {
        sqlx::query("DELETE FROM archive_faults WHERE day = ? AND shelf = ? AND number = ?")
            .bind(waiting.day)
            .bind(waiting.shelf)
            .bind(signed(waiting.number))
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// Forgets all faults: nothing goes to an archive any more.
    pub async fn forget_archive_faults(&self) -> Result<()> {
        sqlx::query("DELETE FROM archive_faults")
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// Notes that a partition was dropped before the archive had it.
    pub async fn archive_lost(&self, loss: &ArchiveLoss) -> Result<()> {
        sqlx::query(
            "INSERT INTO archive_losses (day, shelf, events, bytes, at) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(&loss.day)
        .bind(&loss.shelf)
        .bind(signed(loss.events))
        .bind(signed(loss.bytes))
        .bind(loss.at.0)
        .execute(self.writer())
        .await?;
        Ok(())
    }

    /// The longest waiting first.
    pub async fn archive_faults(&self) -> Result<Vec<ArchiveFault>> {
        let rows = sqlx::query(
            "SELECT day, shelf, since, last, attempts, code, reason FROM archive_faults ORDER BY since, day, shelf",
        )
        .fetch_all(self.reader())
        .await?;
        let fault = |row: &SqliteRow| ArchiveFault {
            day: row.get(0),
            shelf: row.get(1),
            since: UnixMillis(row.get(2)),
            last: UnixMillis(row.get(3)),
            attempts: count(row, 4),
            code: row.get(5),
            reason: row.get(6),
        };
        Ok(rows.iter().map(fault).collect())
    }

    /// The newest losses.
    pub async fn archive_losses(&self) -> Result<Vec<ArchiveLoss>> {
        let rows = sqlx::query(
            "SELECT day, shelf, events, bytes, at FROM archive_losses ORDER BY id DESC LIMIT ?",
        )
        .bind(MAX_ARCHIVE_LOSSES)
        .fetch_all(self.reader())
        .await?;
        let loss = |row: &SqliteRow| ArchiveLoss {
            day: row.get(0),
            shelf: row.get(1),
            events: count(row, 2),
            bytes: count(row, 3),
            at: UnixMillis(row.get(4)),
        };
        Ok(rows.iter().map(loss).collect())
    }

    pub async fn archive_totals(&self) -> Result<ArchiveTotals> {
        let row = sqlx::query(
            "SELECT count(*), coalesce(sum(events), 0), coalesce(sum(bytes), 0), coalesce(sum(packed_bytes), 0),
                 min(day), max(day), coalesce(sum(CASE WHEN recall IN ('asked', 'here') THEN bytes END), 0),
                 (SELECT count(*) FROM archive_losses), (SELECT coalesce(sum(events), 0) FROM archive_losses),
                 (SELECT count(*) FROM archive_expired), (SELECT coalesce(sum(events), 0) FROM archive_expired)
             FROM archive_packs",
        )
        .fetch_one(self.reader())
        .await?;
        Ok(ArchiveTotals {
            packs: count(&row, 0),
            events: count(&row, 1),
            bytes: count(&row, 2),
            packed_bytes: count(&row, 3),
            first_day: row.get(4),
            last_day: row.get(5),
            recalled_bytes: count(&row, 6),
            lost_partitions: count(&row, 7),
            lost_events: count(&row, 8),
            expired_partitions: count(&row, 9),
            expired_events: count(&row, 10),
        })
    }

    /// By shelf, of days until today.
    pub async fn archive_reach(&self, today: &str) -> Result<Vec<ArchiveReach>> {
        let rows = sqlx::query(
            "SELECT shelf, count(DISTINCT day), min(day) FROM archive_packs WHERE day <= ? GROUP BY shelf",
        )
        .bind(today)
        .fetch_all(self.reader())
        .await?;
        let reach = |row: &SqliteRow| ArchiveReach {
            shelf: row.get(0),
            days: count(row, 1),
            oldest: row.get(2),
        };
        Ok(rows.iter().map(reach).collect())
    }

    /// Whether something of a shelf and of these days was dropped before the archive had it.
    pub async fn archive_has_lost(&self, shelf: &str, since: &str) -> Result<bool> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM archive_losses WHERE shelf = ? AND day >= ?)",
        )
        .bind(shelf)
        .bind(since)
        .fetch_one(self.reader())
        .await?)
    }

    /// Packs of a site and shelf that are of days before this one and that nobody has asked for, oldest first.
    pub async fn archive_expiring(
        &self,
        site: &str,
        shelf: &str,
        before: &str,
        limit: u32,
    ) -> Result<Vec<Pack>> {
        let mut query = sqlx::QueryBuilder::new(PACK);
        query.push(" WHERE site = ").push_bind(site);
        query.push(" AND shelf = ").push_bind(shelf);
        query.push(" AND day < ").push_bind(before);
        query
            .push(" AND recall NOT IN ('asked', 'here') ORDER BY day, id LIMIT ")
            .push_bind(limit);
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(pack_from).collect())
    }

    /// Notes that a pack is no longer in the archive, for its days there were over.
    pub async fn archive_expired(&self, pack: &Pack, now: UnixMillis) -> Result<()> {
        let mut tx = self.write().await?;
        let gone = sqlx::query("DELETE FROM archive_packs WHERE id = ?")
            .bind(pack.id)
            .execute(&mut *tx)
            .await?;
        if gone.rows_affected() > 0 {
            sqlx::query(
                "INSERT INTO archive_expired (site, day, shelf, events, packed_bytes, at) VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(&pack.site)
            .bind(&pack.day)
            .bind(&pack.shelf)
            .bind(signed(pack.events))
            .bind(signed(pack.packed_bytes))
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Packs, the newest in the archive first.
    pub async fn archive_packs(&self, page: Page) -> Result<Paged<Pack>> {
        let total: i64 = sqlx::query_scalar("SELECT count(*) FROM archive_packs")
            .fetch_one(self.reader())
            .await?;
        let mut query = sqlx::QueryBuilder::new(PACK);
        if let Some(before) = page.before {
            query.push(" WHERE id < ").push_bind(before);
        }
        query
            .push(" ORDER BY id DESC LIMIT ")
            .push_bind(i64::from(page.limit));
        let rows = query.build().fetch_all(self.reader()).await?;
        let items: Vec<Pack> = rows.iter().map(pack_from).collect();
        let next = (items.len() == page.limit as usize).then(|| items.last().map(|pack| pack.id));
        Ok(Paged {
            items,
            total: total.unsigned_abs(),
            next: next.flatten(),
        })
    }

    /// Packs that somebody has asked for, by day.
    pub async fn recalls(&self) -> Result<Vec<Pack>> {
        let mut query = sqlx::QueryBuilder::new(PACK);
        query.push(" WHERE recall <> 'none' ORDER BY day DESC, shelf, id");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().map(pack_from).collect())
    }

    /// What of a range a search does not find, because it lies in the archive.
    pub async fn archived_days(&self, range: &ArchivedRange) -> Result<ArchivedDays> {
        let mut query = sqlx::QueryBuilder::new(
            "SELECT count(DISTINCT day), coalesce(sum(events), 0), coalesce(sum(bytes), 0), min(day), max(day),
                 count(DISTINCT CASE WHEN recall = 'asked' THEN day END) FROM archive_packs",
        );
        push_range(&mut query, range);
        query.push(" AND recall <> 'here'");
        let row = query.build().fetch_one(self.reader()).await?;
        Ok(ArchivedDays {
            days: count(&row, 0),
            events: count(&row, 1),
            bytes: count(&row, 2),
            first: row.get(3),
            last: row.get(4),
            coming: count(&row, 5),
        })
    }

    /// Asks for what of a range is in the archive, until a time; what is back already stays until then. All that is back
    /// may have `limit_bytes`.
    pub async fn ask_recall(
        &self,
        range: &ArchivedRange,
        until: UnixMillis,
        user: &str,
        limit_bytes: u64,
    ) -> Result<ArchivedDays> {
        let asked = self.archived_days(range).await?;
        let mut tx = self.write().await?;
        let mut query = sqlx::QueryBuilder::new(
            "UPDATE archive_packs SET recall = CASE recall WHEN 'here' THEN 'here' ELSE 'asked' END, recall_fault = NULL, recalled_by = ",
        );
        query.push_bind(user);
        query
            .push(", recall_until = max(coalesce(recall_until, 0), ")
            .push_bind(until.0)
            .push(")");
        push_range(&mut query, range);
        query.build().execute(&mut *tx).await?;
        let bytes: i64 = sqlx::query_scalar(
            "SELECT coalesce(sum(bytes), 0) FROM archive_packs WHERE recall IN ('asked', 'here')",
        )
        .fetch_one(&mut *tx)
        .await?;
        if bytes.unsigned_abs() > limit_bytes {
            return Err(StateError::Invalid {
                field: "range",
                reason: "recall_too_large",
            });
        }
        tx.commit().await?;
        Ok(asked)
    }

    /// Ends the recalls of a range: what is back goes, what is asked for does not come.
    pub async fn end_recall(&self, range: &ArchivedRange, now: UnixMillis) -> Result<u64> {
        let mut query = sqlx::QueryBuilder::new("UPDATE archive_packs SET recall_until = ");
        query.push_bind(now.0);
        push_range(&mut query, range);
        query.push(" AND recall <> 'none'");
        let done = query.build().execute(self.writer()).await?;
        Ok(done.rows_affected())
    }

    /// Notes what has become of one recall.
    pub async fn set_recall(&self, id: i64, recall: Recall, fault: Option<&str>) -> Result<()> {
        let ended = recall == Recall::None;
        sqlx::query(
            "UPDATE archive_packs SET recall = ?1, recall_fault = ?2,
                 recall_until = CASE WHEN ?3 THEN NULL ELSE recall_until END,
                 recalled_by = CASE WHEN ?3 THEN NULL ELSE recalled_by END WHERE id = ?4",
        )
        .bind(recall.name())
        .bind(fault.map(|fault| cut(fault, MAX_FAULT_BYTES)))
        .bind(ended)
        .bind(id)
        .execute(self.writer())
        .await?;
        Ok(())
    }
}

fn pack_from(row: &SqliteRow) -> Pack {
    Pack {
        id: row.get(0),
        site: row.get(1),
        object: row.get(2),
        day: row.get(3),
        shelf: row.get(4),
        events: count(row, 5),
        bytes: count(row, 6),
        packed_bytes: count(row, 7),
        sha256: row.get(8),
        archived: UnixMillis(row.get(9)),
        recall: Recall::from_name(row.get(10)),
        recalled_by: row.get(11),
        recall_until: row.get::<Option<i64>, _>(12).map(UnixMillis),
        recall_fault: row.get(13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreOptions;

    fn range(from: &str, to: &str, shelf: Option<&'static str>) -> ArchivedRange {
        ArchivedRange {
            from: from.to_owned(),
            to: to.to_owned(),
            shelf,
        }
    }

    #[tokio::test]
    async fn packs_are_known_asked_for_and_given_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.sqlite");
        let store = Store::open(&path, StoreOptions::default())
            .await
            .expect("a store");
        let at = UnixMillis;
        for (day, shelf) in [
            ("2026-01-01", "records"),
            ("2026-01-02", "records"),
            ("2026-01-02", "alerts"),
        ] {
            let object = format!("{day}/{shelf}-1.tar.zst");
            let new = NewPack {
                site: "/a",
                object: &object,
                day,
                shelf,
                events: 10,
                bytes: 100,
                packed_bytes: 50,
                sha256: "ab",
            };
            for _ in 0..2 {
                store.archived(new, at(1)).await.expect("it is noted");
            }
        }
        let all = range("2026-01-01", "2026-12-31", None);
        let days = store.archived_days(&all).await.expect("it counts");
        assert_eq!((days.days, days.events, days.bytes), (2, 30, 300));
        let records = range("2026-01-02", "2026-01-02", Some("records"));
        assert!(
            store.ask_recall(&all, at(50), "u", 299).await.is_err(),
            "too large"
        );
        assert!(
            store.recalls().await.expect("a list").is_empty(),
            "all or nothing"
        );
        store
            .ask_recall(&records, at(50), "u", 100)
            .await
            .expect("it is asked for");
        let [asked] = &store.recalls().await.expect("a list")[..] else {
            panic!("one is asked for");
        };
        assert_eq!(
            (asked.recall, asked.recall_until),
            (Recall::Asked, Some(at(50)))
        );
        store
            .set_recall(asked.id, Recall::Here, None)
            .await
            .expect("it is here");
        let days = store.archived_days(&all).await.expect("it counts");
        assert_eq!((days.days, days.events, days.coming), (2, 20, 0));
        // Asked again, it stays, and for longer.
        store
            .ask_recall(&all, at(90), "v", 300)
            .await
            .expect("it is asked for");
        let recalls = store.recalls().await.expect("a list");
        assert_eq!(
            recalls
                .iter()
                .filter(|one| one.recall == Recall::Here)
                .count(),
            1
        );
        assert!(recalls.iter().all(|one| one.recall_until == Some(at(90))));
        assert_eq!(store.end_recall(&all, at(60)).await.expect("it ends"), 3);
        store
            .set_recall(asked.id, Recall::None, None)
            .await
            .expect("it has gone");
        assert_eq!(store.recalls().await.expect("a list").len(), 2);
    }

    #[tokio::test]
    async fn packs_go_when_their_days_are_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.sqlite");
        let store = Store::open(&path, StoreOptions::default())
            .await
            .expect("a store");
        for (site, day) in [
            ("/a", "2026-01-01"),
            ("/a", "2026-01-02"),
            ("/a", "2026-01-03"),
            ("/b", "2026-01-01"),
        ] {
            let new = NewPack {
                site,
                object: day,
                day,
                shelf: "records",
                events: 10,
                bytes: 100,
                packed_bytes: 50,
                sha256: "ab",
            };
            store
                .archived(new, UnixMillis(1))
                .await
                .expect("it is noted");
        }
        let day = range("2026-01-02", "2026-01-02", None);
        store
            .ask_recall(&day, UnixMillis(50), "u", 1_000)
            .await
            .expect("it is asked for");
        let due = |before: &'static str| store.archive_expiring("/a", "records", before, 9);
        let packs = due("2026-01-03").await.expect("a list");
        let [first] = &packs[..] else {
            panic!(
                "what somebody has asked for stays, and another site is not this one: {packs:?}"
            );
        };
        assert_eq!(first.day, "2026-01-01");
        for _ in 0..2 {
            store
                .archive_expired(first, UnixMillis(2))
                .await
                .expect("it is noted");
        }
        let totals = store.archive_totals().await.expect("it counts");
        assert_eq!((totals.packs, totals.events), (3, 30));
        assert_eq!((totals.expired_partitions, totals.expired_events), (1, 10));
        assert_eq!(due("2026-01-03").await.expect("a list"), []);
        let reach = store.archive_reach("2026-01-02").await.expect("it counts");
        let told: Vec<_> = reach
            .iter()
            .map(|one| (one.shelf.as_str(), one.days, one.oldest.as_str()))
            .collect();
        assert_eq!(told, [("records", 2, "2026-01-01")]);
    }

    #[tokio::test]
    async fn faults_and_losses_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.sqlite");
        let store = Store::open(&path, StoreOptions::default())
            .await
            .expect("a store");
        let waiting = Waiting {
            day: "2026-01-01",
            shelf: "records",
            number: 7,
        };
        for now in [5, 9] {
            store
                .archive_failed(waiting, "full", "no room", UnixMillis(now))
                .await
                .expect("it is noted");
        }
        let [fault] = &store.archive_faults().await.expect("a list")[..] else {
            panic!("one fault");
        };
        assert_eq!((fault.since.0, fault.last.0, fault.attempts), (5, 9, 2));
        store.archive_settled(waiting).await.expect("it is settled");
        assert!(store.archive_faults().await.expect("a list").is_empty());
        let loss = ArchiveLoss {
            day: "2026-01-01".to_owned(),
            shelf: "records".to_owned(),
            events: 10,
            bytes: 100,
            at: UnixMillis(9),
        };
        store.archive_lost(&loss).await.expect("it is noted");
        assert_eq!(store.archive_losses().await.expect("a list"), [loss]);
        for (shelf, since, lost) in [
            ("records", "2026-01-01", true),
            ("records", "2026-01-02", false),
            ("alerts", "2026-01-01", false),
        ] {
            let told = store
                .archive_has_lost(shelf, since)
                .await
                .expect("it is asked");
            assert_eq!(told, lost, "{shelf} {since}");
        }
        let totals = store.archive_totals().await.expect("it counts");
        assert_eq!((totals.lost_partitions, totals.lost_events), (1, 10));
    }
}
