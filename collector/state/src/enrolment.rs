//! Letting a sensor in: a one-time token becomes a sensor id, once.

use sqlx::Row;

use crate::error::{Result, StateError};
use crate::ids::{UnitId, UnixMillis};
use crate::limits::{ENROLMENT_LIFETIME, MAX_NAME_BYTES, MAX_OPEN_ENROLMENTS};
use crate::secret::{digest, random_token};
use crate::store::Store;
use crate::text::cut;
use crate::unit::checked_name;

/// A token to hand to a sensor; shown once.
#[derive(Debug, Clone)]
pub struct PendingEnrolment {
    pub token: String,
    pub expires: UnixMillis,
}

/// What a used token made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    pub sensor_id: String,
    pub name: String,
    pub unit_id: UnitId,
}

impl Store {
    pub async fn create_enrolment(
        &self,
        name: &str,
        unit: UnitId,
        created_by: &str,
        now: UnixMillis,
    ) -> Result<PendingEnrolment> {
        let name = checked_name("name", name)?;
        self.require_unit(unit).await?;
        let token = random_token()?;
        let expires = now.plus(ENROLMENT_LIFETIME.as_millis() as i64);
        let mut tx = self.write().await?;
        let open: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM enrolments WHERE used IS NULL AND expires > ?",
        )
        .bind(now.0)
        .fetch_one(&mut *tx)
        .await?;
        if open >= MAX_OPEN_ENROLMENTS {
            return Err(StateError::Invalid {
                field: "enrolments",
                reason: "too_many",
            });
        }
        sqlx::query(
            "INSERT INTO enrolments (token_hash, name, unit_id, created_by, created, expires)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(digest(&token))
        .bind(name)
        .bind(unit.0)
        .bind(created_by)
        .bind(now.0)
        .bind(expires.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(PendingEnrolment { token, expires })
    }

    /// Whether a token could be used now. Lets the certificate request be checked before the token is
    /// spent.
    pub async fn enrolment_is_open(&self, token: &str, now: UnixMillis) -> Result<bool> {
        Ok(sqlx::query_scalar::<_, i64>(
            "SELECT 1 FROM enrolments WHERE token_hash = ? AND used IS NULL AND expires > ?",
        )
        .bind(digest(token))
        .bind(now.0)
        .fetch_optional(self.reader())
        .await?
        .is_some())
    }

    /// Spends a token and makes the sensor.
    pub async fn enrol(&self, token: &str, hostname: &str, now: UnixMillis) -> Result<Enrolment> {
        let mut tx = self.write().await?;
        let sensor_id = uuid::Uuid::new_v4().to_string();
        let row = sqlx::query(
            "UPDATE enrolments SET used = ?1, sensor_id = ?2
             WHERE token_hash = ?3 AND used IS NULL AND expires > ?1 RETURNING name, unit_id",
        )
        .bind(now.0)
        .bind(&sensor_id)
        .bind(digest(token))
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(StateError::EnrolmentRefused)?;
        let name: String = row.get(0);
        let unit: i64 = row.get(1);
        sqlx::query(
            "INSERT INTO sensors (id, name, unit_id, hostname, enrolled) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(&sensor_id)
        .bind(&name)
        .bind(unit)
        .bind(cut(hostname, MAX_NAME_BYTES))
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Enrolment {
            sensor_id,
            name,
            unit_id: UnitId(unit),
        })
    }

    /// Notes the fingerprint of the certificate that a sensor was given.
    pub async fn set_sensor_certificate(&self, sensor_id: &str, fingerprint: &str) -> Result<()> {
        sqlx::query("UPDATE sensors SET certificate = ? WHERE id = ?")
            .bind(fingerprint)
            .bind(sensor_id)
            .execute(self.writer())
            .await?;
        Ok(())
    }
}
