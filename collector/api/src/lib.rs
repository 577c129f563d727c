//! The HTTP API under `/api/v1`, and its OpenAPI description.
//!
//! A file per resource: what is asked, what is answered, the handler, `router()`. Every handler takes a
//! [`caller::Caller`], which knows the session's user and the units that the user may see; status codes
//! are chosen in [`error`] alone. Answers are JSON, errors `application/problem+json`.

mod access;
mod alarms;
mod archive;
mod assets;
mod audit;
mod caller;
mod cases;
mod collector_rules;
mod description;
mod elastic;
mod engine;
mod error;
mod eve;
mod evidence;
mod export;
mod extract;
mod feeds;
mod fleet;
mod group_actions;
mod groups;
mod guidance;
mod health;
mod hide_rules;
mod ingest;
mod json;
mod ledger;
mod limit;
mod live;
pub mod machine;
mod notifications;
mod orders;
mod people;
mod pivot;
mod provider;
mod quarantine;
mod remote_hunts;
mod report;
mod retention;
mod rule_captures;
mod rule_hunts;
mod rule_sets;
mod rules;
mod search;
mod searches;
mod sensors;
mod session;
mod silences;
mod sources;
mod times;
mod trace;
mod units;

use std::collections::HashMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::HttpBody;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use collector_evidence::Shelf;
use collector_search::SearchEngine;
use collector_state::{Store, UnixMillis};
use tokio::sync::Semaphore;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate, SizeAbove};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use archive::ArchiveDesk;
pub use evidence::sweep as sweep_evidence;
pub use export::sweep as sweep_exports;
pub use feeds::{
    FeedSettings, begin_due as begin_due_feeds, fail_interrupted as fail_interrupted_feeds,
};
pub use guidance::{Guidance, GuidanceError};
pub use live::{Live, LiveAlert};
pub use remote_hunts::sweep as sweep_remote_hunts;
pub use rule_hunts::sweep as sweep_rule_hunts;
pub use times::write as written;

use crate::description::Description;
use crate::health::Answers;
use crate::limit::Limiter;
use crate::machine::{Machine, NoMachine};

/// Shorter answers gain nothing by compression.
const SMALLEST_COMPRESSED: u64 = 1_024;
/// The largest request body.
const MAX_BODY_BYTES: usize = 512 * 1_024;
/// A handler that takes longer is given up.
const MAX_HANDLING: Duration = Duration::from_secs(60);

const PARALLEL_EXPORTS: usize = 2;
const PARALLEL_HUNTS: usize = 2;
/// Each has its content in memory.
const PARALLEL_FEEDS: usize = 1;

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
    /// Captures that rules are tried on.
    pub captures_dir: PathBuf,
    /// How rule and intelligence sources are fetched.
    pub feeds: FeedSettings,
    /// Speaks with services that are set in the console, and follows no redirects.
    pub client: reqwest::Client,
    /// How the archive of old partitions is reached.
    pub archive: ArchiveDesk,
    /// Where packets that were asked for lie.
    pub evidence: Shelf,
    /// Where ingest tells of alerts.
    pub live: Live,
    pub clock: fn() -> UnixMillis,
}

/// Shared by all handlers.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

struct Shared {
    parts: Parts,
    machine: Arc<dyn Machine>,
    limiter: Limiter,
    answers: Answers,
    /// Exports that run at once; others wait.
    exporting: Semaphore,
    /// Hunts with rules that run at once; others wait.
    hunting: Semaphore,
    /// Runs of sources at once; others wait.
    feeding: Semaphore,
    bulks: group_actions::SharedBulks,
    provider: provider::Desk,
}

impl ApiState {
    /// Without the rest of the collector: nothing is taken, nothing is known of the disk.
    pub fn new(parts: Parts) -> ApiState {
        ApiState::with_machine(parts, Arc::new(NoMachine))
    }

    pub fn with_machine(parts: Parts, machine: Arc<dyn Machine>) -> ApiState {
        let provider = provider::Desk::new(parts.client.clone());
        ApiState(Arc::new(Shared {
            parts,
            provider,
            machine,
            limiter: Limiter::default(),
            answers: Answers::default(),
            exporting: Semaphore::new(PARALLEL_EXPORTS),
            hunting: Semaphore::new(PARALLEL_HUNTS),
            feeding: Semaphore::new(PARALLEL_FEEDS),
            bulks: group_actions::SharedBulks::default(),
        }))
    }

    fn now(&self) -> UnixMillis {
        (self.0.parts.clock)()
    }

    fn machine(&self) -> &dyn Machine {
        &*self.0.machine
    }

    fn exporting(&self) -> &Semaphore {
        &self.0.exporting
    }

    fn hunting(&self) -> &Semaphore {
        &self.0.hunting
    }

    fn feeding(&self) -> &Semaphore {
        &self.0.feeding
    }

    fn provider(&self) -> &provider::Desk {
        &self.0.provider
    }

    fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    fn answers(&self) -> &Answers {
        &self.0.answers
    }
}

impl Deref for ApiState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0.parts
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

/// Lists are mostly the same words again and again; files that are fetched are compressed already, or small.
#[derive(Clone, Copy)]
struct IsJson;

impl Predicate for IsJson {
    fn should_compress<B: HttpBody>(&self, response: &Response<B>) -> bool {
        let kind = response.headers().get(header::CONTENT_TYPE);
        kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
    }
}

fn routes() -> OpenApiRouter<ApiState> {
    let router = OpenApiRouter::with_openapi(Description::openapi()).merge(health::router());
    let mut router = router.nest(
        "/api/v1",
        OpenApiRouter::new()
            .merge(alarms::router())
            .merge(archive::router())
            .merge(elastic::router())
            .merge(ingest::router())
            .merge(ledger::router())
            .merge(notifications::router())
            .merge(quarantine::router())
            .merge(retention::router())
            .merge(sources::router())
            .merge(session::router())
            .merge(assets::router())
            .merge(audit::router())
            .merge(cases::router())
            .merge(collector_rules::router())
            .merge(feeds::router())
            .merge(groups::router())
            .merge(group_actions::router())
            .merge(hide_rules::router())
            .merge(live::router())
            .merge(report::router())
            .merge(rules::router())
            .merge(rule_captures::router())
            .merge(remote_hunts::router())
            .merge(rule_hunts::router())
            .merge(rule_sets::router())
            .merge(search::router())
            .merge(searches::router())
            .merge(export::router())
            .merge(evidence::router())
            .merge(pivot::router())
            .merge(people::router())
            .merge(provider::router())
            .merge(access::router())
            .merge(sensors::router())
            .merge(fleet::router())
            .merge(orders::router())
            .merge(silences::router())
            .merge(units::router()),
    );
    description::tell_problems(router.get_openapi_mut());
    router
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
        .with_state(state.clone())
        .layer(axum::middleware::from_fn_with_state(state, limit::limit))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            MAX_HANDLING,
        ))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(
            CompressionLayer::new()
                .quality(CompressionLevel::Fastest)
                .compress_when(SizeAbove::new(SMALLEST_COMPRESSED).and(IsJson)),
        )
        .layer(header(header::CACHE_CONTROL, "no-store"))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::X_FRAME_OPTIONS, "DENY"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(header(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ))
        .layer(axum::middleware::from_fn(trace::traced))
}
