//! People whom a provider of OpenID Connect knows: who is who, and accounts that are made when somebody comes.

use sqlx::Row;

use crate::error::{Result, StateError};
use crate::ids::{UnitId, UnixMillis, UserId};
use crate::limits::{MAX_EXPECTED_BYTES, MAX_USERS};
use crate::secret::digest;
use crate::session::SignedIn;
use crate::store::Store;
use crate::unit::checked_name;
use crate::user::{Role, User, UserChange, checked_locale, checked_user_name, user_from};

/// Failures at the provider are counted under this name, which no account can have.
const PROVIDER: &str = "(provider)";

/// Somebody as the provider tells, whose answer was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provided {
    pub issuer: String,
    /// The provider never gives it to another.
    pub subject: String,
    /// The name or address by which an administrator may have announced the person.
    pub name: Option<String>,
    pub display_name: Option<String>,
    /// What the provider's claims make of the person; none where no rule fits, or there are none.
    pub place: Option<(Role, UnitId)>,
}

/// How a person is known to the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub user_id: UserId,
    /// Who has come; none: nobody yet.
    pub subject: Option<String>,
    pub expected: Option<String>,
    pub made: bool,
}

const USER: &str =
    "SELECT u.id, name, display_name, role, unit_id, locale, disabled, created, last_sign_in, made
    FROM identities JOIN users u ON u.id = user_id";

impl Store {
    /// Begins a session for somebody whom the provider has named: the one who came under this subject before; else the one
    /// who is announced by this name, and is known by the subject from now on; else, where `creates`, a new account.
    pub async fn sign_in_provided(
        &self,
        told: &Provided,
        creates: bool,
        address: &str,
        now: UnixMillis,
    ) -> Result<SignedIn> {
        self.require_sign_in_allowed(PROVIDER, address, now).await?;
        let found = match self.provided_user(told).await? {
            Some(found) => Some(found),
            None if creates => self
                .make_provided(told, now)
                .await?
                .map(|user| (user, true)),
            None => None,
        };
        let user = match found {
            // What the provider says of an account of its own holds: also that there is no place for it any more.
            Some((user, true)) => self.placed(user, told.place).await?,
            Some((user, false)) => Some(user),
            None => None,
        };
        let Some(user) = user.filter(|user| !user.disabled) else {
            self.count_sign_in_failure(PROVIDER, address, now).await?;
            return Err(StateError::SignInRefused);
        };
        self.forget_sign_in_failures(PROVIDER, address).await?;
        let signed = self.open_session(user, now).await?;
        sqlx::query("UPDATE sessions SET provided = 1 WHERE token_hash = ?")
            .bind(digest(&signed.token))
            .execute(self.writer())
            .await?;
        Ok(signed)
    }

    /// Counts an answer of a provider that does not hold, as a wrong password is counted.
    pub async fn provider_refused(&self, address: &str, now: UnixMillis) -> Result<()> {
        self.count_sign_in_failure(PROVIDER, address, now).await
    }

    pub async fn provider_allowed(&self, address: &str, now: UnixMillis) -> Result<()> {
        self.require_sign_in_allowed(PROVIDER, address, now).await
    }

    /// Whether a session was opened by the provider.
    pub async fn session_is_provided(&self, token: &str) -> Result<bool> {
        let provided: Option<bool> =
            sqlx::query_scalar("SELECT provided FROM sessions WHERE token_hash = ?")
                .bind(digest(token))
                .fetch_optional(self.reader())
                .await?;
        Ok(provided.unwrap_or(false))
    }

    /// Announces by which name or address the provider calls a person; nothing takes the person from the provider. Whoever
    /// came under the name before has to come again.
    pub async fn expect_identity(&self, user: UserId, expected: Option<&str>) -> Result<()> {
        let expected = expected.map(|text| text.trim().to_lowercase());
        if expected
            .as_ref()
            .is_some_and(|text| text.is_empty() || text.len() > MAX_EXPECTED_BYTES)
        {
            return Err(StateError::Invalid {
                field: "expected",
                reason: "not_a_name",
            });
        }
        let mut tx = self.write().await?;
        let made: Option<bool> =
            sqlx::query_scalar("SELECT made FROM identities WHERE user_id = ?")
                .bind(user.0)
                .fetch_optional(&mut *tx)
                .await?;
        if made == Some(true) {
            return Err(StateError::InUse {
                what: "identity",
                id: user.to_string(),
            });
        }
        sqlx::query("DELETE FROM identities WHERE user_id = ?")
            .bind(user.0)
            .execute(&mut *tx)
            .await?;
        if let Some(expected) = expected {
            sqlx::query("INSERT INTO identities (user_id, expected) VALUES (?, ?) ON CONFLICT (expected) WHERE subject IS NULL DO NOTHING")
                .bind(user.0)
                .bind(&expected)
                .execute(&mut *tx)
                .await
                .map(|done| done.rows_affected())?
                .eq(&1)
                .then_some(())
                .ok_or(StateError::Exists {
                    what: "identity",
                    name: expected,
                })?;
        }
        tx.commit().await?;
        Ok(())
    }

    pub async fn identities(&self) -> Result<Vec<Identity>> {
        let rows =
            sqlx::query("SELECT user_id, subject, expected, made FROM identities ORDER BY user_id")
                .fetch_all(self.reader())
                .await?;
        let identity = |row: &sqlx::sqlite::SqliteRow| Identity {
            user_id: UserId(row.get(0)),
            subject: row.get(1),
            expected: row.get(2),
            made: row.get(3),
        };
        Ok(rows.iter().map(identity).collect())
    }

    /// The account of this subject, and whether it was made for it.
    async fn provided_user(&self, told: &Provided) -> Result<Option<(User, bool)>> {
        let mut tx = self.write().await?;
        if let Some(name) = &told.name {
            // A subject that is known already is not taken over to another account.
            sqlx::query(
                "UPDATE identities SET issuer = ?1, subject = ?2 WHERE subject IS NULL AND expected = ?3
                 AND NOT EXISTS (SELECT 1 FROM identities WHERE issuer = ?1 AND subject = ?2)",
            )
            .bind(&told.issuer)
            .bind(&told.subject)
            .bind(name.trim().to_lowercase())
            .execute(&mut *tx)
            .await?;
        }
        let mut query = sqlx::QueryBuilder::new(USER);
        query.push(" WHERE issuer = ").push_bind(&told.issuer);
        query.push(" AND subject = ").push_bind(&told.subject);
        let row = query.build().fetch_optional(&mut *tx).await?;
        tx.commit().await?;
        row.map(|row| Ok((user_from(&row)?, row.get(9))))
            .transpose()
    }

    /// An account for somebody who has come for the first time, if there is a place for the person.
    async fn make_provided(&self, told: &Provided, now: UnixMillis) -> Result<Option<User>> {
        let (Some(name), Some((role, unit))) = (&told.name, told.place) else {
            return Ok(None);
        };
        // An address becomes a name by what stands before its host.
        let name = checked_user_name(name.split('@').next().unwrap_or_default())?;
        let display_name = told.display_name.as_deref().unwrap_or(&name);
        let display_name = checked_name("display_name", display_name)?;
        let locale = checked_locale("vi")?;
        self.require_unit(unit).await?;
        let mut tx = self.write().await?;
        let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
            .fetch_one(&mut *tx)
            .await?;
        if users >= MAX_USERS {
            return Ok(None);
        }
        // The account of another is not given to somebody because of a name.
        let row = sqlx::query(
            "INSERT INTO users (name, display_name, role, unit_id, locale, password_hash, created)
             VALUES (?, ?, ?, ?, ?, '', ?) ON CONFLICT (name) DO NOTHING
             RETURNING id, name, display_name, role, unit_id, locale, disabled, created, last_sign_in",
        )
        .bind(&name)
        .bind(&display_name)
        .bind(role.name())
        .bind(unit.0)
        .bind(&locale)
        .bind(now.0)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let user = user_from(&row)?;
        sqlx::query("INSERT INTO identities (user_id, issuer, subject, expected, made) VALUES (?, ?, ?, ?, 1)")
            .bind(user.id.0)
            .bind(&told.issuer)
            .bind(&told.subject)
            .bind(told.name.as_deref())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Some(user))
    }

    /// An account that the provider has made, in the place that it has now.
    async fn placed(&self, user: User, place: Option<(Role, UnitId)>) -> Result<Option<User>> {
        let Some((role, unit)) = place else {
            return Ok(None);
        };
        if (user.role, user.unit_id) == (role, unit) {
            return Ok(Some(user));
        }
        let change = UserChange {
            role: Some(role),
            unit_id: Some(unit),
            ..UserChange::default()
        };
        self.update_user(user.id, change).await.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::PasswordCost;
    use crate::store::StoreOptions;
    use crate::user::NewUser;

    const NOW: UnixMillis = UnixMillis(1_764_000_000_000);

    fn told(subject: &str, name: &str, place: Option<Role>) -> Provided {
        Provided {
            issuer: "https://id".to_owned(),
            subject: subject.to_owned(),
            name: Some(name.to_owned()),
            display_name: None,
            place: place.map(|role| (role, UnitId::ROOT)),
        }
    }

    async fn store(folder: &tempfile::TempDir) -> (Store, UserId) {
        let options = StoreOptions {
            password_cost: PasswordCost::TEST,
        };
        let store = Store::open(&folder.path().join("state.sqlite"), options)
            .await
            .expect("a store");
        store
            .create_first_admin("admin", "a long first password", NOW)
            .await
            .expect("an account");
        let new = NewUser {
            name: "minh".to_owned(),
            display_name: "Minh".to_owned(),
            role: Role::Analyst,
            unit_id: UnitId::ROOT,
            locale: "vi".to_owned(),
            password: "a long first password".to_owned(),
        };
        let id = store.create_user(new, NOW).await.expect("an account").id;
        (store, id)
    }

    #[tokio::test]
    async fn who_is_announced_is_known_by_the_subject_from_then_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, minh) = store(&folder).await;
        let come = async |told: Provided| {
            store
                .sign_in_provided(&told, false, "a", NOW)
                .await
                .map(|signed| signed.user.id)
                .ok()
        };
        assert_eq!(
            come(told("1", "minh", None)).await,
            None,
            "a name alone is nobody"
        );
        store
            .expect_identity(minh, Some("Minh@Tinh.vn"))
            .await
            .expect("announced");
        assert_eq!(come(told("1", "lan@tinh.vn", None)).await, None);
        assert_eq!(come(told("1", "minh@tinh.vn", None)).await, Some(minh));
        assert_eq!(
            come(told("1", "other", None)).await,
            Some(minh),
            "by the subject"
        );
        assert_eq!(
            come(told("2", "minh@tinh.vn", None)).await,
            None,
            "the name is spent"
        );
        let change = UserChange {
            disabled: Some(true),
            ..UserChange::default()
        };
        store.update_user(minh, change).await.expect("disabled");
        assert_eq!(come(told("1", "minh@tinh.vn", None)).await, None);
        store.expect_identity(minh, None).await.expect("taken away");
        assert!(store.identities().await.expect("a list").is_empty());
    }

    #[tokio::test]
    async fn accounts_are_made_where_there_is_a_place_and_have_no_password() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, _) = store(&folder).await;
        let come = async |told: Provided, creates| {
            store
                .sign_in_provided(&told, creates, "a", NOW)
                .await
                .map(|signed| signed.user)
                .ok()
        };
        let lan = || told("7", "lan@tinh.vn", Some(Role::Analyst));
        assert!(come(lan(), false).await.is_none());
        assert!(
            come(told("7", "lan@tinh.vn", None), true).await.is_none(),
            "there is no place"
        );
        assert!(
            come(told("8", "minh", Some(Role::Administrator)), true)
                .await
                .is_none(),
            "of another"
        );
        let made = come(lan(), true).await.expect("made");
        assert_eq!((made.name.as_str(), made.role), ("lan", Role::Analyst));
        for password in ["", "!", "a long first password"] {
            let signed = store.sign_in("lan", password, "b", NOW).await;
            assert!(
                matches!(signed, Err(StateError::SignInRefused)),
                "{password:?}"
            );
        }
        let change = UserChange {
            password: Some("a long second password".to_owned()),
            ..UserChange::default()
        };
        assert!(
            store.update_user(made.id, change).await.is_err(),
            "it has none"
        );
        let other = told("7", "lan@tinh.vn", Some(Role::Viewer));
        assert_eq!(
            come(other, true).await.expect("comes").role,
            Role::Viewer,
            "the provider says so"
        );
        assert!(
            come(told("7", "lan@tinh.vn", None), true).await.is_none(),
            "no place any more"
        );
    }

    #[tokio::test]
    async fn answers_that_do_not_hold_are_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, _) = store(&folder).await;
        for _ in 0..20 {
            store.provider_refused("a", NOW).await.expect("counted");
        }
        assert!(store.provider_allowed("a", NOW).await.is_err());
        assert!(store.provider_allowed("b", NOW).await.is_ok());
    }
}
