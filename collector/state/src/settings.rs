//! Settings of the whole collector that people change while it runs: JSON by name.

use sqlx::Row;

use crate::error::Result;
use crate::ids::UnixMillis;
use crate::store::Store;

impl Store {
    /// The JSON of a setting, if it was ever set.
    pub async fn setting(&self, name: &str) -> Result<Option<String>> {
        let row = sqlx::query("SELECT value FROM settings WHERE name = ?")
            .bind(name)
            .fetch_optional(self.reader())
            .await?;
        Ok(row.map(|row| row.get(0)))
    }

    pub async fn set_setting(
        &self,
        name: &str,
        json: &str,
        user: &str,
        now: UnixMillis,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO settings (name, value, changed, changed_by) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO UPDATE SET value = ?2, changed = ?3, changed_by = ?4",
        )
        .bind(name)
        .bind(json)
        .bind(now.0)
        .bind(user)
        .execute(self.writer())
        .await?;
        Ok(())
    }
}
