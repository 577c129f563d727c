//! What can go wrong in the state store, as the API needs to tell it apart.

use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("state database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("state database schema: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("no {what} {id}")]
    NotFound { what: &'static str, id: String },
    #[error("{what} {name} exists already")]
    Exists { what: &'static str, name: String },
    #[error("{what} {id} is still in use")]
    InUse { what: &'static str, id: String },
    #[error("{field}: {reason}")]
    Invalid {
        field: &'static str,
        reason: &'static str,
    },
    #[error("user name or password is wrong")]
    SignInRefused,
    #[error("the account asks for a second factor")]
    SecondFactorNeeded,
    #[error("too many failed sign-ins; next attempt in {} s", retry_after.as_secs())]
    Throttled { retry_after: Duration },
    #[error("the enrolment token is unknown, used or expired")]
    EnrolmentRefused,
    #[error("password hash: {0}")]
    PasswordHash(String),
    #[error("row {table} {id} holds {value:?}, which this version does not know")]
    Corrupt {
        table: &'static str,
        id: String,
        value: String,
    },
    #[error("audit log: row {id} does not follow from the row before it")]
    AuditBroken {
        id: i64,
        /// Rows before it that do.
        rows: u64,
    },
    #[error("no randomness from the system: {0}")]
    Randomness(String),
}

pub type Result<T> = std::result::Result<T, StateError>;

impl StateError {
    pub(crate) fn not_found(what: &'static str, id: impl ToString) -> Self {
        StateError::NotFound {
            what,
            id: id.to_string(),
        }
    }
}
