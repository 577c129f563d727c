//! High-water marks: what of a sensor's stream the tables of this store already contain.

use crate::error::Result;
use crate::ids::UnixMillis;
use crate::store::Store;

/// What a mark guards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Groups,
    Stored,
    Judged,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Purpose::Groups => "groups",
            Purpose::Stored => "stored",
            Purpose::Judged => "judged",
        }
    }
}

pub(crate) async fn read_mark(
    connection: &mut sqlx::SqliteConnection,
    purpose: Purpose,
    sensor_no: i64,
    epoch: u64,
    class: &str,
) -> Result<u64> {
    let through: Option<i64> = sqlx::query_scalar(
        "SELECT through FROM marks WHERE purpose = ? AND sensor_no = ? AND epoch = ? AND class = ?",
    )
    .bind(purpose.name())
    .bind(sensor_no)
    .bind(epoch.cast_signed())
    .bind(class)
    .fetch_optional(connection)
    .await?;
    Ok(through.map_or(0, i64::cast_unsigned))
}

pub(crate) async fn write_mark(
    connection: &mut sqlx::SqliteConnection,
    purpose: Purpose,
    (sensor_no, epoch, class): (i64, u64, &str),
    through: u64,
    now: UnixMillis,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO marks (purpose, sensor_no, epoch, class, through, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (purpose, sensor_no, epoch, class)
         DO UPDATE SET through = max(through, ?5), at = ?6",
    )
    .bind(purpose.name())
    .bind(sensor_no)
    .bind(epoch.cast_signed())
    .bind(class)
    .bind(through.cast_signed())
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// The sequence number through which the ledger counts this stream.
    pub async fn stored_through(&self, sensor_id: &str, epoch: u64, class: &str) -> Result<u64> {
        let through: Option<i64> = sqlx::query_scalar(
            "SELECT through FROM marks JOIN sensors ON no = sensor_no
             WHERE purpose = 'stored' AND id = ? AND marks.epoch = ? AND class = ?",
        )
        .bind(sensor_id)
        .bind(epoch.cast_signed())
        .bind(class)
        .fetch_optional(self.reader())
        .await?;
        Ok(through.map_or(0, i64::cast_unsigned))
    }

    /// The sequence number through which the alert groups contain this stream.
    pub async fn groups_through(&self, sensor_id: &str, epoch: u64, class: &str) -> Result<u64> {
        let through: Option<i64> = sqlx::query_scalar(
            "SELECT through FROM marks JOIN sensors ON no = sensor_no
             WHERE purpose = 'groups' AND id = ? AND marks.epoch = ? AND class = ?",
        )
        .bind(sensor_id)
        .bind(epoch.cast_signed())
        .bind(class)
        .fetch_optional(self.reader())
        .await?;
        Ok(through.map_or(0, i64::cast_unsigned))
    }
}
