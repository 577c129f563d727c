//! The HTTP API under `/api/v1`, and its OpenAPI description.
//!
//! A file per resource: what is asked, what is answered, the handler, `router()`. Every handler takes a
//! [`caller::Caller`], which knows the session's user and the units that the user may see; status codes
//! are chosen in [`error`] alone. Answers are JSON, errors `application/problem+json`.

mod access;
mod caller;
mod error;
mod export;
mod groups;
mod guidance;
mod people;
mod pivot;
mod quarantine;
mod search;
mod searches;
mod sensors;
mod session;
mod times;
mod units;

use std::collections::HashMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use collector_search::SearchEngine;
use collector_state::{Store, UnixMillis};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use export::sweep as sweep_exports;
pub use guidance::{Guidance, GuidanceError};

/// The largest request body.
const MAX_BODY_BYTES: usize = 512 * 1_024;
/// A handler that takes longer is given up.
const MAX_HANDLING: Duration = Duration::from_secs(60);

const PARALLEL_EXPORTS: usize = 2;

/// Makes an enrolment string out of a token.
pub type EnrolmentString = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// What the handlers work with.
pub struct Parts {
    pub store: Store,
    pub engine: Arc<dyn SearchEngine>,
    pub enrolment_string: EnrolmentString,
    pub guidance: Guidance,
    /// Rule texts by signature id, for those that the collector knows.
    pub rules: HashMap<u32, String>,
    /// Days that events are kept.
    pub index_days: u32,
    /// Where files of search results wait to be fetched.
    pub exports_dir: PathBuf,
    pub clock: fn() -> UnixMillis,
}

/// Shared by all handlers.
#[derive(Clone)]
pub struct ApiState {
    parts: Arc<Parts>,
    /// Exports that run at once; others wait.
    exporting: Arc<Semaphore>,
}

impl ApiState {
    pub fn new(parts: Parts) -> ApiState {
        ApiState {
            parts: Arc::new(parts),
            exporting: Arc::new(Semaphore::new(PARALLEL_EXPORTS)),
        }
    }

    fn now(&self) -> UnixMillis {
        (self.parts.clock)()
    }
}

impl Deref for ApiState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// The rules of rule files by signature id.
pub fn rule_texts(files: &[&str]) -> HashMap<u32, String> {
    files
        .iter()
        .flat_map(|file| file.lines())
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (_, after) = line.rsplit_once("sid:")?;
            let sid = after.split(';').next()?.trim().parse().ok()?;
            Some((sid, line.to_owned()))
        })
        .collect()
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Mắt Lưới",
    description = "The API of the collector. Writes need the X-CSRF-Token header that signing in gave.",
    license(name = "Apache-2.0")
))]
struct Description;

fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(Description::openapi()).nest(
        "/api/v1",
        OpenApiRouter::new()
            .merge(session::router())
            .merge(groups::router())
            .merge(search::router())
            .merge(searches::router())
            .merge(export::router())
            .merge(pivot::router())
            .merge(people::router())
            .merge(access::router())
            .merge(quarantine::router())
            .merge(sensors::router())
            .merge(units::router()),
    )
}

/// The description of the API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

/// The routes.
pub fn router(state: ApiState) -> Router {
    let (router, description) = routes().split_for_parts();
    let description = Arc::new(description);
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    router
        .route(
            "/api/v1/openapi.json",
            axum::routing::get(move || async move { axum::Json(description.as_ref().clone()) }),
        )
        .with_state(state)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            MAX_HANDLING,
        ))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(header(header::CACHE_CONTROL, "no-store"))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::X_FRAME_OPTIONS, "DENY"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(header(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ))
}
