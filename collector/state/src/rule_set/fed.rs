//! Versions that a source writes.

use super::{NewVersion, checked_reason, insert_version};
use crate::error::{Result, StateError};
use crate::ids::UnixMillis;
use crate::limits::MAX_FED_VERSION_BYTES;
use crate::store::Store;

impl Store {
    /// Keeps what a source's run made as a version of its set; none: the newest is the same. Its rules were checked
    /// before.
    pub async fn keep_fed_version(
        &self,
        set: i64,
        text: &str,
        rules: u64,
        why: &str,
        who: (&str, UnixMillis),
    ) -> Result<Option<i64>> {
        let why = checked_reason(why)?;
        if text.len() > MAX_FED_VERSION_BYTES {
            return Err(StateError::Invalid {
                field: "text",
                reason: "too_long",
            });
        }
        let mut tx = self.write().await?;
        let fed: Option<i64> = sqlx::query_scalar("SELECT id FROM feeds WHERE set_id = ?")
            .bind(set)
            .fetch_optional(&mut *tx)
            .await?;
        if fed.is_none() {
            return Err(StateError::not_found("feed", set));
        }
        let new = NewVersion { text, rules, why };
        let number = insert_version(&mut tx, set, new, who).await?;
        tx.commit().await?;
        Ok(number)
    }
}
