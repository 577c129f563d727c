//! Open sessions as their owner sees them, and tokens for programs.

use sqlx::Row;

use crate::error::{Result, StateError};
use crate::ids::{UnixMillis, UserId};
use crate::limits::{MAX_TOKEN_DAYS, MAX_TOKENS_PER_USER};
use crate::secret::{digest, random_token};
use crate::store::Store;
use crate::unit::checked_name;
use crate::user::{Role, User, user_from};

/// Tokens begin with this, so that a lost one is found for what it is.
pub const TOKEN_PREFIX: &str = "ml_";
/// The time of last use is written at most this often.
const TOUCH_MILLIS: i64 = 60_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// Names the session without being its token.
    pub id: String,
    pub created: UnixMillis,
    pub last_seen: UnixMillis,
    pub expires: UnixMillis,
    pub address: String,
    pub agent: String,
    pub current: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    pub id: i64,
    pub name: String,
    /// What it may do at most; never more than its owner.
    pub role: Role,
    pub created: UnixMillis,
    pub expires: UnixMillis,
    pub last_used: Option<UnixMillis>,
}

fn session_id(hash: &[u8]) -> String {
    hash.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Store {
    /// The sessions of a user, the newest first. `token` is that of the one who asks.
    pub async fn open_sessions(
        &self,
        user: UserId,
        token: &str,
        now: UnixMillis,
    ) -> Result<Vec<OpenSession>> {
        let own = digest(token);
        let rows = sqlx::query(
            "SELECT token_hash, created, last_seen, expires, address, agent FROM sessions
             WHERE user_id = ? AND expires > ? ORDER BY last_seen DESC",
        )
        .bind(user.0)
        .bind(now.0)
        .fetch_all(self.reader())
        .await?;
        Ok(rows
            .iter()
            .map(|row| {
                let hash: Vec<u8> = row.get(0);
                OpenSession {
                    id: session_id(&hash),
                    created: UnixMillis(row.get(1)),
                    last_seen: UnixMillis(row.get(2)),
                    expires: UnixMillis(row.get(3)),
                    address: row.get(4),
                    agent: row.get(5),
                    current: hash == own,
                }
            })
            .collect())
    }

    pub async fn end_session(&self, user: UserId, id: &str) -> Result<()> {
        let gone = sqlx::query(
            "DELETE FROM sessions WHERE user_id = ? AND lower(hex(substr(token_hash, 1, 8))) = ?",
        )
        .bind(user.0)
        .bind(id)
        .execute(self.writer())
        .await?;
        if gone.rows_affected() == 0 {
            return Err(StateError::not_found("session", id));
        }
        Ok(())
    }

    /// Notes where a session was opened from.
    pub async fn session_opened_from(&self, token: &str, address: &str, agent: &str) -> Result<()> {
        sqlx::query("UPDATE sessions SET address = ?, agent = ? WHERE token_hash = ?")
            .bind(crate::text::cut(address, 64))
            .bind(crate::text::cut(agent, 300))
            .bind(digest(token))
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// A token for a program; shown once.
    pub async fn create_token(
        &self,
        user: &User,
        name: &str,
        role: Role,
        days: i64,
        now: UnixMillis,
    ) -> Result<String> {
        let name = checked_name("name", name)?;
        if role > user.role {
            return Err(StateError::Invalid {
                field: "role",
                reason: "above_own",
            });
        }
        if !(1..=MAX_TOKEN_DAYS).contains(&days) {
            return Err(StateError::Invalid {
                field: "days",
                reason: "out_of_range",
            });
        }
        let token = format!("{TOKEN_PREFIX}{}", random_token()?);
        let mut tx = self.write().await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM api_tokens WHERE user_id = ?")
            .bind(user.id.0)
            .fetch_one(&mut *tx)
            .await?;
        if count >= MAX_TOKENS_PER_USER {
            return Err(StateError::Invalid {
                field: "tokens",
                reason: "too_many",
            });
        }
        sqlx::query(
            "INSERT INTO api_tokens (user_id, name, token_hash, role, created, expires)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(user.id.0)
        .bind(name)
        .bind(digest(&token))
        .bind(role.name())
        .bind(now.0)
        .bind(now.plus(days.saturating_mul(UnixMillis::DAY)).0)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(token)
    }

    pub async fn tokens(&self, user: UserId) -> Result<Vec<ApiToken>> {
        let rows = sqlx::query(
            "SELECT id, name, role, created, expires, last_used FROM api_tokens
             WHERE user_id = ? ORDER BY created DESC, id DESC",
        )
        .bind(user.0)
        .fetch_all(self.reader())
        .await?;
        Ok(rows
            .iter()
            .map(|row| ApiToken {
                id: row.get(0),
                name: row.get(1),
                role: Role::from_name(row.get(2)).unwrap_or(Role::Viewer),
                created: UnixMillis(row.get(3)),
                expires: UnixMillis(row.get(4)),
                last_used: row.get::<Option<i64>, _>(5).map(UnixMillis),
            })
            .collect())
    }

    pub async fn delete_token(&self, user: UserId, id: i64) -> Result<()> {
        let gone = sqlx::query("DELETE FROM api_tokens WHERE user_id = ? AND id = ?")
            .bind(user.0)
            .bind(id)
            .execute(self.writer())
            .await?;
        if gone.rows_affected() == 0 {
            return Err(StateError::not_found("token", id));
        }
        Ok(())
    }

    /// Whom a token speaks for, with the lesser of both roles; `None` when it has expired or never was.
    pub async fn token_user(&self, token: &str, now: UnixMillis) -> Result<Option<User>> {
        let row = sqlx::query(
            "SELECT u.id, u.name, display_name, u.role, unit_id, locale, disabled, u.created,
                 last_sign_in, t.role, t.id, t.last_used
             FROM api_tokens t JOIN users u ON u.id = t.user_id
             WHERE token_hash = ? AND t.expires > ? AND disabled = 0",
        )
        .bind(digest(token))
        .bind(now.0)
        .fetch_optional(self.reader())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let mut user = user_from(&row)?;
        let role = Role::from_name(row.get(9)).unwrap_or(Role::Viewer);
        user.role = user.role.min(role);
        let used: Option<i64> = row.get(11);
        if used.is_none_or(|used| now.0 - used > TOUCH_MILLIS) {
            sqlx::query("UPDATE api_tokens SET last_used = ? WHERE id = ?")
                .bind(now.0)
                .bind(row.get::<i64, _>(10))
                .execute(self.writer())
                .await?;
        }
        Ok(Some(user))
    }

    /// Forgets the failed sign-ins of an account, so that it is not held off any longer.
    pub async fn unlock_user(&self, name: &str) -> Result<()> {
        sqlx::query("DELETE FROM sign_in_failures WHERE key LIKE 'a ' || ? || ' %'")
            .bind(name)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// Until when sign-ins of accounts are held off, by name.
    pub async fn locked_users(&self, now: UnixMillis) -> Result<Vec<(String, UnixMillis)>> {
        let rows = sqlx::query(
            "SELECT key, blocked_until FROM sign_in_failures WHERE blocked_until > ? AND key LIKE 'a %'",
        )
        .bind(now.0)
        .fetch_all(self.reader())
        .await?;
        Ok(rows
            .iter()
            .filter_map(|row| {
                let key: String = row.get(0);
                let name = key.split(' ').nth(1)?.to_owned();
                Some((name, UnixMillis(row.get(1))))
            })
            .collect())
    }
}
