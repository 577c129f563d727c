//! Errors as the API tells them: the only place where status codes are chosen.

use std::any::Any;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use collector_search::{QueryError, SearchError};
use collector_state::StateError;
use serde::Serialize;
use utoipa::ToSchema;

/// A sender that cannot be served now comes back after this time.
const BUSY_RETRY: Duration = Duration::from_secs(5);

/// `application/problem+json`. The console translates `code` and `params`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// Stable; what programs look at.
    pub code: String,
    pub detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Where in the query, in characters from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<usize>,
    /// The same in Vietnamese, for faults of queries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail_vi: Option<String>,
    /// The query as it was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

#[derive(Debug)]
pub enum ApiError {
    NotSignedIn,
    Csrf,
    Forbidden,
    NotFound,
    Invalid {
        field: &'static str,
        reason: &'static str,
    },
    /// A body that is not what was asked for; the reason names the place.
    Unreadable(String),
    /// A source without a token that works.
    NoToken,
    TooLarge,
    /// Too many requests.
    TooMany {
        retry_after: Duration,
    },
    /// It may work later; the reason is for the sender.
    Busy(String),
    /// The collector has no rule engine.
    NoEngine,
    /// The rule engine would have taken more of this than it may.
    EngineLimit(&'static str),
    /// The rule engine could not do it; its reason is for the sender.
    EngineFailed(String),
    /// A setting of sensors that cannot be set so.
    Setting {
        name: String,
        fault: &'static str,
    },
    /// Rules that do not load are not kept.
    FaultyRules {
        failed: u64,
    },
    /// The reason is for the log.
    Broken(String),
    State(StateError),
    Search(SearchError),
}

pub type Result<T> = std::result::Result<T, ApiError>;

impl From<StateError> for ApiError {
    fn from(error: StateError) -> Self {
        ApiError::State(error)
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        ApiError::Search(error)
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        ApiError::Search(SearchError::Query(error))
    }
}

pub fn invalid<T>(field: &'static str, reason: &'static str) -> Result<T> {
    Err(ApiError::Invalid { field, reason })
}

impl ApiError {
    fn problem(&self) -> (StatusCode, Problem) {
        let plain = |status: StatusCode, code: &str, detail: String| {
            let problem = Problem {
                kind: "about:blank".to_owned(),
                title: status.canonical_reason().unwrap_or_default().to_owned(),
                status: status.as_u16(),
                code: code.to_owned(),
                detail,
                field: None,
                position: None,
                detail_vi: None,
                suggestion: None,
            };
            (status, problem)
        };
        let field = |field: &str, reason: &str| {
            let detail = format!("{field}: {reason}");
            let (status, mut problem) = plain(StatusCode::BAD_REQUEST, reason, detail);
            problem.field = Some(field.to_owned());
            (status, problem)
        };
        let broken = |detail: &dyn std::fmt::Display| {
            tracing::error!(error = %detail, "a request failed");
            let detail = "the collector could not do it; its log says why".to_owned();
            plain(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
        };
        match self {
            ApiError::NotSignedIn => plain(
                StatusCode::UNAUTHORIZED,
                "not_signed_in",
                "sign in first".to_owned(),
            ),
            ApiError::Csrf => plain(
                StatusCode::FORBIDDEN,
                "csrf",
                "the X-CSRF-Token header is missing or wrong".to_owned(),
            ),
            ApiError::Forbidden => plain(
                StatusCode::FORBIDDEN,
                "forbidden",
                "your role or unit does not allow this".to_owned(),
            ),
            ApiError::NotFound => plain(
                StatusCode::NOT_FOUND,
                "not_found",
                "there is none".to_owned(),
            ),
            ApiError::Invalid {
                field: name,
                reason,
            } => field(name, reason),
            ApiError::Setting { name, fault } => {
                let (status, mut problem) = field(name, fault);
                problem.code = format!("setting_{fault}");
                (status, problem)
            }
            ApiError::Unreadable(reason) => {
                plain(StatusCode::BAD_REQUEST, "unreadable", reason.clone())
            }
            ApiError::NoToken => plain(
                StatusCode::UNAUTHORIZED,
                "no_token",
                "a token of a source is needed".to_owned(),
            ),
            ApiError::TooLarge => plain(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "the body is too large, or has too many lines".to_owned(),
            ),
            ApiError::TooMany { .. } => plain(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                "too many requests from this address".to_owned(),
            ),
            ApiError::Busy(reason) => {
                plain(StatusCode::SERVICE_UNAVAILABLE, "busy", reason.clone())
            }
            ApiError::NoEngine => plain(
                StatusCode::CONFLICT,
                "no_engine",
                "the sensor's program is not on this machine: install it, or name it in [workbench] sensor".to_owned(),
            ),
            ApiError::EngineLimit(what) => plain(
                StatusCode::UNPROCESSABLE_ENTITY,
                "engine_limit",
                format!("the rule engine was stopped: too much {what}"),
            ),
            ApiError::EngineFailed(reason) => plain(
                StatusCode::UNPROCESSABLE_ENTITY,
                "engine_failed",
                reason.clone(),
            ),
            ApiError::FaultyRules { failed } => plain(
                StatusCode::UNPROCESSABLE_ENTITY,
                "faulty_rules",
                format!("{failed} rules do not load"),
            ),
            ApiError::Broken(reason) => broken(reason),
            ApiError::State(error) => match error {
                StateError::NotFound { .. } => {
                    plain(StatusCode::NOT_FOUND, "not_found", error.to_string())
                }
                StateError::Exists { .. } => {
                    plain(StatusCode::CONFLICT, "exists", error.to_string())
                }
                StateError::InUse { .. } => {
                    plain(StatusCode::CONFLICT, "in_use", error.to_string())
                }
                StateError::Invalid {
                    field: name,
                    reason,
                } => field(name, reason),
                StateError::SignInRefused => plain(
                    StatusCode::UNAUTHORIZED,
                    "sign_in_refused",
                    error.to_string(),
                ),
                StateError::SecondFactorNeeded => {
                    plain(StatusCode::UNAUTHORIZED, "second_factor", error.to_string())
                }
                StateError::Throttled { .. } => plain(
                    StatusCode::TOO_MANY_REQUESTS,
                    "throttled",
                    error.to_string(),
                ),
                StateError::EnrolmentRefused => plain(
                    StatusCode::FORBIDDEN,
                    "enrolment_refused",
                    error.to_string(),
                ),
                error => broken(error),
            },
            ApiError::Search(error) => match error {
                SearchError::Query(fault) => {
                    let code = fault.code.name();
                    let (status, mut problem) =
                        plain(StatusCode::BAD_REQUEST, code, fault.message_en());
                    problem.field = Some("q".to_owned());
                    problem.position = Some(fault.position);
                    problem.detail_vi = Some(fault.message_vi());
                    problem.suggestion = fault.suggestion.clone();
                    (status, problem)
                }
                SearchError::Cursor => field("cursor", "not_a_cursor"),
                SearchError::Timeout | SearchError::Cancelled => plain(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "search_timeout",
                    error.to_string(),
                ),
                error => broken(error),
            },
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, problem) = self.problem();
        let mut response = (status, axum::Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        let retry_after = match &self {
            ApiError::State(StateError::Throttled { retry_after })
            | ApiError::TooMany { retry_after } => Some(*retry_after),
            ApiError::Busy(_) => Some(BUSY_RETRY),
            _ => None,
        };
        if let Some(retry_after) = retry_after {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(retry_after.as_secs().max(1)),
            );
        }
        response
    }
}

/// The answer when a handler panicked.
pub fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    let broken = StateError::Randomness("a handler panicked".to_owned());
    ApiError::State(broken).into_response()
}
