//! Slowing down whoever guesses passwords. Counted by account and address together, so that nobody can
//! lock another's account from elsewhere, and by address alone against lists of accounts.

use std::time::Duration;

use sqlx::Row;

use crate::error::{Result, StateError};
use crate::ids::UnixMillis;
use crate::limits::{
    FREE_ADDRESS_FAILURES, FREE_SIGN_IN_FAILURES, MAX_NAME_BYTES, MAX_SIGN_IN_DELAY,
    MAX_SIGN_IN_ROWS,
};
use crate::store::Store;
use crate::text::cut;

/// Failures are forgotten after this long without another.
const FORGET: Duration = Duration::from_secs(3_600);

fn keys(name: &str, address: &str) -> [(String, i64); 2] {
    [
        (
            format!("a {} {address}", cut(name, MAX_NAME_BYTES)),
            FREE_SIGN_IN_FAILURES,
        ),
        (format!("h {address}"), FREE_ADDRESS_FAILURES),
    ]
}

/// The wait after a number of failures: none at first, then doubling from two seconds.
fn delay(failures: i64, free: i64) -> Duration {
    let over = failures - free;
    if over < 0 {
        return Duration::ZERO;
    }
    let exponent = u32::try_from(over + 1).unwrap_or(u32::MAX).min(20);
    Duration::from_secs(2_u64.pow(exponent)).min(MAX_SIGN_IN_DELAY)
}

impl Store {
    pub(crate) async fn require_sign_in_allowed(
        &self,
        name: &str,
        address: &str,
        now: UnixMillis,
    ) -> Result<()> {
        for (key, _) in keys(name, address) {
            let blocked: Option<i64> =
                sqlx::query_scalar("SELECT blocked_until FROM sign_in_failures WHERE key = ?")
                    .bind(key)
                    .fetch_optional(self.reader())
                    .await?;
            let left = blocked.unwrap_or(0) - now.0;
            if left > 0 {
                return Err(StateError::Throttled {
                    retry_after: Duration::from_millis(left.unsigned_abs())
                        .max(Duration::from_secs(1)),
                });
            }
        }
        Ok(())
    }

    pub(crate) async fn count_sign_in_failure(
        &self,
        name: &str,
        address: &str,
        now: UnixMillis,
    ) -> Result<()> {
        let mut tx = self.write().await?;
        for (key, free) in keys(name, address) {
            let row = sqlx::query("SELECT failures, last FROM sign_in_failures WHERE key = ?")
                .bind(&key)
                .fetch_optional(&mut *tx)
                .await?;
            let before = row
                .filter(|row| now.0 - row.get::<i64, _>(1) < FORGET.as_millis() as i64)
                .map_or(0, |row| row.get::<i64, _>(0));
            let failures = before + 1;
            let blocked_until = now.plus(delay(failures, free).as_millis() as i64);
            sqlx::query(
                "INSERT INTO sign_in_failures (key, failures, last, blocked_until)
                 VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key) DO UPDATE
                 SET failures = ?2, last = ?3, blocked_until = ?4",
            )
            .bind(&key)
            .bind(failures)
            .bind(now.0)
            .bind(blocked_until.0)
            .execute(&mut *tx)
            .await?;
        }
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM sign_in_failures")
            .fetch_one(&mut *tx)
            .await?;
        if rows > MAX_SIGN_IN_ROWS {
            sqlx::query(
                "DELETE FROM sign_in_failures WHERE key IN
                 (SELECT key FROM sign_in_failures ORDER BY last LIMIT ?)",
            )
            .bind(rows - MAX_SIGN_IN_ROWS / 2)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    pub(crate) async fn forget_sign_in_failures(&self, name: &str, address: &str) -> Result<()> {
        let [(account, _), _] = keys(name, address);
        sqlx::query("DELETE FROM sign_in_failures WHERE key = ?")
            .bind(account)
            .execute(self.writer())
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::delay;
    use std::time::Duration;

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        for (failures, seconds) in [(1, 0), (4, 0), (5, 2), (6, 4), (9, 32), (30, 900)] {
            assert_eq!(
                delay(failures, 5),
                Duration::from_secs(seconds),
                "{failures}"
            );
        }
    }
}
