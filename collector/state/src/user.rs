//! Accounts.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StateError};
use crate::ids::{UnitId, UnixMillis, UserId};
use crate::limits::{MAX_NAME_BYTES, MAX_USERS};
use crate::store::Store;
use crate::unit::{Scope, checked_name};

/// What a user may do; each role includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Viewer,
    Analyst,
    RuleAuthor,
    Administrator,
}

impl Role {
    pub const ALL: [Role; 4] = [
        Role::Viewer,
        Role::Analyst,
        Role::RuleAuthor,
        Role::Administrator,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Analyst => "analyst",
            Role::RuleAuthor => "rule_author",
            Role::Administrator => "administrator",
        }
    }

    pub fn from_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub display_name: String,
    pub role: Role,
    pub unit_id: UnitId,
    /// `vi` or `en`.
    pub locale: String,
    pub disabled: bool,
    pub created: UnixMillis,
    pub last_sign_in: Option<UnixMillis>,
}

#[derive(Debug, Clone)]
pub struct NewUser {
    pub name: String,
    pub display_name: String,
    pub role: Role,
    pub unit_id: UnitId,
    pub locale: String,
    pub password: String,
}

/// What to change; absent stays.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    pub display_name: Option<String>,
    pub role: Option<Role>,
    pub unit_id: Option<UnitId>,
    pub password: Option<String>,
    pub disabled: Option<bool>,
}

pub(crate) const LOCALES: [&str; 2] = ["vi", "en"];

impl Store {
    /// Makes the first administrator, at the root. `None` when there is a user already.
    pub async fn create_first_admin(
        &self,
        name: &str,
        password: &str,
        now: UnixMillis,
    ) -> Result<Option<User>> {
        let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
            .fetch_one(self.reader())
            .await?;
        if users > 0 {
            return Ok(None);
        }
        let new = NewUser {
            name: name.to_owned(),
            display_name: name.to_owned(),
            role: Role::Administrator,
            unit_id: UnitId::ROOT,
            locale: "vi".to_owned(),
            password: password.to_owned(),
        };
        self.create_user(new, now).await.map(Some)
    }

    pub async fn create_user(&self, new: NewUser, now: UnixMillis) -> Result<User> {
        let name = checked_user_name(&new.name)?;
        let display_name = checked_name("display_name", &new.display_name)?;
        let locale = checked_locale(&new.locale)?;
        self.require_unit(new.unit_id).await?;
        let hash = self.hash_password(&new.password).await?;
        let mut tx = self.write().await?;
        let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
            .fetch_one(&mut *tx)
            .await?;
        if users >= MAX_USERS {
            return Err(StateError::Invalid {
                field: "users",
                reason: "too_many",
            });
        }
        let row = sqlx::query(
            "INSERT INTO users (name, display_name, role, unit_id, locale, password_hash, created)
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING
             RETURNING id, name, display_name, role, unit_id, locale, disabled, created, last_sign_in",
        )
        .bind(&name)
        .bind(&display_name)
        .bind(new.role.name())
        .bind(new.unit_id.0)
        .bind(&locale)
        .bind(&hash)
        .bind(now.0)
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(StateError::Exists {
            what: "user",
            name: name.clone(),
        })?;
        tx.commit().await?;
        user_from(&row)
    }

    /// The users of the units in scope, by name.
    pub async fn users(&self, scope: &Scope) -> Result<Vec<User>> {
        let rows = sqlx::query(
            "SELECT id, name, display_name, role, unit_id, locale, disabled, created, last_sign_in
             FROM users ORDER BY name",
        )
        .fetch_all(self.reader())
        .await?;
        let users: Vec<User> = rows.iter().map(user_from).collect::<Result<_>>()?;
        Ok(users
            .into_iter()
            .filter(|user| scope.contains(user.unit_id))
            .collect())
    }

    pub async fn user(&self, id: UserId) -> Result<User> {
        let row = sqlx::query(
            "SELECT id, name, display_name, role, unit_id, locale, disabled, created, last_sign_in
             FROM users WHERE id = ?",
        )
        .bind(id.0)
        .fetch_optional(self.reader())
        .await?
        .ok_or_else(|| StateError::not_found("user", id))?;
        user_from(&row)
    }

    /// Changes an account. A new password, a new role or disabling ends the user's sessions. The last
    /// administrator who can sign in at the root stays one.
    pub async fn update_user(&self, id: UserId, change: UserChange) -> Result<User> {
        let display_name = change
            .display_name
            .as_deref()
            .map(|name| checked_name("display_name", name))
            .transpose()?;
        if let Some(unit) = change.unit_id {
            self.require_unit(unit).await?;
        }
        let hash = match &change.password {
            Some(password) => Some(self.hash_password(password).await?),
            None => None,
        };
        let mut tx = self.write().await?;
        if hash.is_some() {
            let made: Option<bool> =
                sqlx::query_scalar("SELECT made FROM identities WHERE user_id = ?")
                    .bind(id.0)
                    .fetch_optional(&mut *tx)
                    .await?;
            if made == Some(true) {
                return Err(StateError::Invalid {
                    field: "password",
                    reason: "has_none",
                });
            }
        }
        let row = sqlx::query(
            "UPDATE users SET display_name = coalesce(?, display_name), role = coalesce(?, role),
                 unit_id = coalesce(?, unit_id), password_hash = coalesce(?, password_hash),
                 disabled = coalesce(?, disabled)
             WHERE id = ?
             RETURNING id, name, display_name, role, unit_id, locale, disabled, created, last_sign_in",
        )
        .bind(display_name)
        .bind(change.role.map(Role::name))
        .bind(change.unit_id.map(|unit| unit.0))
        .bind(hash)
        .bind(change.disabled)
        .bind(id.0)
        .fetch_optional(&mut *tx)
        .await?
        .ok_or_else(|| StateError::not_found("user", id))?;
        let administrators: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM users WHERE role = 'administrator' AND disabled = 0 AND unit_id = 1",
        )
        .fetch_one(&mut *tx)
        .await?;
        if administrators == 0 {
            return Err(StateError::InUse {
                what: "administrator",
                id: id.to_string(),
            });
        }
        if change.role.is_some() || change.password.is_some() || change.disabled == Some(true) {
            sqlx::query("DELETE FROM sessions WHERE user_id = ?")
                .bind(id.0)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        user_from(&row)
    }

    pub async fn set_locale(&self, id: UserId, locale: &str) -> Result<()> {
        let locale = checked_locale(locale)?;
        sqlx::query("UPDATE users SET locale = ? WHERE id = ?")
            .bind(locale)
            .bind(id.0)
            .execute(self.writer())
            .await?;
        Ok(())
    }

    /// A user's own change of password. Other sessions of the user end; the one with `keep` stays.
    pub async fn change_own_password(
        &self,
        id: UserId,
        current: &str,
        new: &str,
        keep: &str,
    ) -> Result<()> {
        let stored: Option<String> =
            sqlx::query_scalar("SELECT password_hash FROM users WHERE id = ?")
                .bind(id.0)
                .fetch_optional(self.reader())
                .await?;
        if !self.password_matches(current, stored).await? {
            return Err(StateError::SignInRefused);
        }
        let hash = self.hash_password(new).await?;
        let mut tx = self.write().await?;
        sqlx::query("UPDATE users SET password_hash = ? WHERE id = ?")
            .bind(hash)
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM sessions WHERE user_id = ? AND token_hash <> ?")
            .bind(id.0)
            .bind(crate::secret::digest(keep))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

pub(crate) fn checked_locale(locale: &str) -> Result<String> {
    if LOCALES.contains(&locale) {
        Ok(locale.to_owned())
    } else {
        Err(StateError::Invalid {
            field: "locale",
            reason: "unknown",
        })
    }
}

/// User names are lower case ASCII letters, digits and `._-`.
pub(crate) fn checked_user_name(name: &str) -> Result<String> {
    let name = name.trim().to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(plain) {
        return Err(StateError::Invalid {
            field: "name",
            reason: "not_a_user_name",
        });
    }
    Ok(name)
}

pub(crate) fn user_from(row: &SqliteRow) -> Result<User> {
    let id = UserId(row.get(0));
    let role: String = row.get(3);
    Ok(User {
        id,
        name: row.get(1),
        display_name: row.get(2),
        role: Role::from_name(&role).ok_or_else(|| StateError::Corrupt {
            table: "users",
            id: id.to_string(),
            value: role.clone(),
        })?,
        unit_id: UnitId(row.get(4)),
        locale: row.get(5),
        disabled: row.get(6),
        created: UnixMillis(row.get(7)),
        last_sign_in: row.get::<Option<i64>, _>(8).map(UnixMillis),
    })
}
