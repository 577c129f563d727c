//! Sign-in and sessions.

use sqlx::Row;

use crate::error::{Result, StateError};
use crate::ids::{UnixMillis, UserId};
use crate::limits::{
    ADMIN_SESSION_IDLE, MAX_SESSIONS_PER_USER, SESSION_IDLE, SESSION_LIFETIME, SESSION_TOUCH,
};
use crate::secret::{digest, random_token};
use crate::store::Store;
use crate::user::{Role, User, user_from};

/// A fresh session. The token is known only here and in the browser.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub user: User,
    pub token: String,
    pub expires: UnixMillis,
}

/// A session that holds.
#[derive(Debug, Clone)]
pub struct Session {
    pub user: User,
    pub expires: UnixMillis,
}

impl Store {
    /// Checks a password and begins a session. Failures are counted by account and address; beyond a
    /// few, attempts are refused for a while without looking at the password.
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        address: &str,
        now: UnixMillis,
    ) -> Result<SignedIn> {
        self.sign_in_with(name, password, None, address, now).await
    }

    /// The same with the second factor, for accounts that have one. Without it the answer is
    /// [`StateError::SecondFactorNeeded`]; a wrong one counts as a failure like a wrong password.
    pub async fn sign_in_with(
        &self,
        name: &str,
        password: &str,
        code: Option<&str>,
        address: &str,
        now: UnixMillis,
    ) -> Result<SignedIn> {
        let name = name.trim().to_ascii_lowercase();
        self.require_sign_in_allowed(&name, address, now).await?;
        let row = sqlx::query(
            "SELECT id, name, display_name, role, unit_id, locale, disabled, created, last_sign_in,
                 password_hash
             FROM users WHERE name = ?",
        )
        .bind(&name)
        .fetch_optional(self.reader())
        .await?;
        let hash = row.as_ref().map(|row| row.get::<String, _>(9));
        let matches = self.password_matches(password, hash).await?;
        let user = row.as_ref().map(user_from).transpose()?;
        let Some(user) = user.filter(|user| matches && !user.disabled) else {
            self.count_sign_in_failure(&name, address, now).await?;
            return Err(StateError::SignInRefused);
        };
        if self.has_second_factor(user.id).await? {
            let Some(code) = code.filter(|code| !code.is_empty()) else {
                return Err(StateError::SecondFactorNeeded);
            };
            if !self.check_second_factor(user.id, code, now).await? {
                self.count_sign_in_failure(&name, address, now).await?;
                return Err(StateError::SignInRefused);
            }
        }
        self.forget_sign_in_failures(&name, address).await?;
        self.open_session(user, now).await
    }

    /// Begins a session for somebody who has shown to be the user.
    pub(crate) async fn open_session(&self, user: User, now: UnixMillis) -> Result<SignedIn> {
        let token = random_token()?;
        let expires = now.plus(SESSION_LIFETIME.as_millis() as i64);
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO sessions (token_hash, user_id, created, last_seen, expires)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(digest(&token))
        .bind(user.id.0)
        .bind(now.0)
        .bind(now.0)
        .bind(expires.0)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "DELETE FROM sessions WHERE user_id = ?1 AND token_hash NOT IN
             (SELECT token_hash FROM sessions WHERE user_id = ?1 ORDER BY created DESC LIMIT ?2)",
        )
        .bind(user.id.0)
        .bind(MAX_SESSIONS_PER_USER)
        .execute(&mut *tx)
        .await?;
        sqlx::query("UPDATE users SET last_sign_in = ? WHERE id = ?")
            .bind(now.0)
            .bind(user.id.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(SignedIn {
            user,
            token,
            expires,
        })
    }

    /// The session of a token, unless it has ended, been idle for too long, or the user is disabled.
    pub async fn session(&self, token: &str, now: UnixMillis) -> Result<Option<Session>> {
        let hash = digest(token);
        let Some(row) = sqlx::query(
            "SELECT u.id, name, display_name, role, unit_id, locale, disabled, u.created,
                 last_sign_in, last_seen, expires
             FROM sessions JOIN users u ON u.id = user_id WHERE token_hash = ?",
        )
        .bind(&hash)
        .fetch_optional(self.reader())
        .await?
        else {
            return Ok(None);
        };
        let user = user_from(&row)?;
        let last_seen: i64 = row.get(9);
        let expires = UnixMillis(row.get(10));
        let idle = match user.role {
            Role::Administrator => ADMIN_SESSION_IDLE,
            Role::Viewer | Role::Analyst | Role::RuleAuthor => SESSION_IDLE,
        };
        let idle_for = now.0.saturating_sub(last_seen);
        if user.disabled || now >= expires || idle_for > idle.as_millis() as i64 {
            return Ok(None);
        }
        if idle_for > SESSION_TOUCH.as_millis() as i64 {
            sqlx::query("UPDATE sessions SET last_seen = ? WHERE token_hash = ?")
                .bind(now.0)
                .bind(&hash)
                .execute(self.writer())
                .await?;
        }
        Ok(Some(Session { user, expires }))
    }

    pub async fn sign_out(&self, token: &str) -> Result<()> {
        sqlx::query("DELETE FROM sessions WHERE token_hash = ?")
            .bind(digest(token))
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// Ends every session of a user.
    pub async fn sign_out_everywhere(&self, user: UserId) -> Result<()> {
        sqlx::query("DELETE FROM sessions WHERE user_id = ?")
            .bind(user.0)
            .execute(self.writer())
            .await?;
        Ok(())
    }
}
