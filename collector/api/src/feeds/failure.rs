//! Why a run of a source failed.

use collector_state::StateError;

use crate::error::ApiError;

/// What a step of a run gives.
pub type Done<T> = Result<T, Failure>;

/// Why a run failed: a word, and what to show.
pub struct Failure {
    pub code: &'static str,
    pub detail: String,
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Failure {
        let (code, detail) = match error {
            ApiError::NoEngine => ("no_engine", String::new()),
            ApiError::EngineLimit(what) => ("engine_limit", what.to_owned()),
            ApiError::EngineFailed(reason) => ("engine_failed", reason),
            ApiError::Busy(reason) => ("busy", reason),
            other => {
                tracing::error!(error = ?other, "a run of a source failed");
                ("internal", String::new())
            }
        };
        Failure { code, detail }
    }
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Failure {
        match error {
            StateError::Invalid { field, reason } => Failure {
                code: reason,
                detail: field.to_owned(),
            },
            other => ApiError::State(other).into(),
        }
    }
}

impl From<tokio::task::JoinError> for Failure {
    fn from(error: tokio::task::JoinError) -> Failure {
        ApiError::Broken(error.to_string()).into()
    }
}
