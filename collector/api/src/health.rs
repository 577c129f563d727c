//! For machines that watch: alive, ready, and figures.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use collector_state::{AlarmFilter, Page, Scope, UnixMillis};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::{ApiError, Result};

/// Answers, by hundred of their status.
#[derive(Debug, Default)]
pub struct Answers([AtomicU64; 6]);

impl Answers {
    pub fn count(&self, status: StatusCode) {
        let hundred = usize::from(status.as_u16() / 100).min(5);
        if let Some(counter) = self.0.get(hundred) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The process answers.
#[utoipa::path(get, path = "/healthz", operation_id = "healthz", tag = "system", responses((status = 200, body = String)))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// State and index take records.
#[utoipa::path(get, path = "/readyz", operation_id = "readyz", tag = "system",
    responses((status = 200, body = String), (status = 503, body = String)))]
async fn readyz(State(state): State<ApiState>) -> Response {
    if !state.store.healthy().await {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "the state does not answer\n",
        )
            .into_response();
    }
    match state.machine().ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

/// Figures for Prometheus. Asked from another machine, it needs the token of a source.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "system",
    responses((status = 200, body = String), (status = 401, body = crate::error::Problem)))]
async fn metrics(
    State(state): State<ApiState>,
    peer: Option<axum::Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
) -> Result<Response> {
    let is_here = peer.is_none_or(|peer| peer.0.0.ip().is_loopback());
    if !is_here {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let known = match token {
            Some(token) => state.store.source_of_token(token, state.now()).await?,
            None => None,
        };
        if known.is_none() {
            return Err(ApiError::NoToken);
        }
    }
    let text = figures(&state).await?;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// Prometheus' text format.
#[derive(Default)]
struct Figures(String);

impl Figures {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // A String takes any write.
        let _ = writeln!(
            self.0,
            "# HELP matluoi_{name} {help}\n# TYPE matluoi_{name} {kind}"
        );
    }

    fn row(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.0, "matluoi_{name}");
        for (at, (label, text)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            let text = text
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', " ");
            let _ = write!(self.0, "{before}{label}=\"{text}\"");
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }
}

async fn figures(state: &ApiState) -> Result<String> {
    let now = state.now();
    let mut figures = Figures::default();
    figures.head(
        "http_responses_total",
        "counter",
        "Answers by hundred of status.",
    );
    for (hundred, count) in state.answers().0.iter().enumerate().skip(1) {
        let code = format!("{hundred}xx");
        let count = count.load(Ordering::Relaxed) as f64;
        figures.row("http_responses_total", &[("code", &code)], count);
    }
    let sensors = state.store.sensors(&Scope::All).await?;
    figures.head(
        "sensor_connected",
        "gauge",
        "Whether the sensor's stream is open.",
    );
    for sensor in &sensors {
        let labels = [
            ("sensor", sensor.name.as_str()),
            ("kind", sensor.kind.name()),
        ];
        figures.row(
            "sensor_connected",
            &labels,
            f64::from(u8::from(sensor.connected)),
        );
    }
    figures.head(
        "sensor_heartbeat_age_seconds",
        "gauge",
        "Since the last heartbeat.",
    );
    for sensor in &sensors {
        if let Some(last) = sensor.last_heartbeat {
            let age = (now.0 - last.0) as f64 / 1_000.0;
            figures.row(
                "sensor_heartbeat_age_seconds",
                &[("sensor", &sensor.name)],
                age,
            );
        }
    }
    figures.head(
        "sensor_backlog_records",
        "gauge",
        "Records that wait in the sensor's spool.",
    );
    for sensor in &sensors {
        for row in sensor.spool.iter().flat_map(|spool| &spool.classes) {
            let labels = [
                ("sensor", sensor.name.as_str()),
                ("class", row.class.as_str()),
            ];
            figures.row("sensor_backlog_records", &labels, row.records as f64);
        }
    }
    ledger_figures(state, now, &mut figures).await?;
    let page = Page {
        limit: 1,
        before: None,
    };
    let alarms = state
        .store
        .alarms(&Scope::All, AlarmFilter::Open, page)
        .await?;
    figures.head("alarms_open", "gauge", "Open alarms.");
    figures.row("alarms_open", &[], alarms.total as f64);
    let (waiting, failed) = state
        .store
        .outbox_counts(now.plus(-UnixMillis::DAY))
        .await?;
    figures.head("notifications_waiting", "gauge", "Messages in the queue.");
    figures.row("notifications_waiting", &[], waiting as f64);
    figures.head(
        "notifications_failed_24h",
        "gauge",
        "Messages given up in the last day.",
    );
    figures.row("notifications_failed_24h", &[], failed as f64);
    figures.head(
        "sigma",
        "gauge",
        "Records that the collector's rules looked at and matched, alerts that they made, and what was left out.",
    );
    for (what, count) in state.machine().sigma() {
        figures.row("sigma", &[("what", what)], count as f64);
    }
    figures.head(
        "syslog",
        "gauge",
        "Messages of devices since the start: received, stored, cut, and lost by reason.",
    );
    for (what, count) in state.machine().syslog() {
        figures.row("syslog", &[("what", what)], count as f64);
    }
    let archive = state.store.archive_totals().await?;
    figures.head("archive", "gauge", "Partitions in the archive, their bytes there, those that were dropped before it had them, and those whose days there were over.");
    for (what, count) in [
        ("packs", archive.packs),
        ("packed_bytes", archive.packed_bytes),
        ("recalled_bytes", archive.recalled_bytes),
        ("lost_partitions", archive.lost_partitions),
        ("lost_events", archive.lost_events),
        ("expired_partitions", archive.expired_partitions),
        ("expired_events", archive.expired_events),
    ] {
        figures.row("archive", &[("what", what)], count as f64);
    }
    if let Ok(storage) = state.machine().storage().await {
        figures.head(
            "archive_waiting",
            "gauge",
            "Partitions that wait for the archive.",
        );
        figures.row("archive_waiting", &[], storage.archive_waiting as f64);
        figures.head("index_events", "gauge", "Events in the index.");
        figures.head("index_bytes", "gauge", "Size of the index.");
        for shelf in &storage.shelves {
            let labels = [("shelf", shelf.shelf.as_str())];
            figures.row("index_events", &labels, shelf.events as f64);
            figures.row("index_bytes", &labels, shelf.bytes as f64);
        }
        figures.head(
            "disk_free_bytes",
            "gauge",
            "Free on the data folder's disk.",
        );
        figures.row("disk_free_bytes", &[], storage.disk.free_bytes as f64);
    }
    Ok(figures.0)
}

async fn ledger_figures(state: &ApiState, now: UnixMillis, figures: &mut Figures) -> Result<()> {
    let hour = now.hour();
    let rows = state
        .store
        .ledgers(&Scope::All, None, hour - 24, hour + 1)
        .await?;
    let mut by_class = std::collections::BTreeMap::new();
    for row in rows {
        let of_class: &mut collector_state::LedgerCounts =
            by_class.entry(row.row.class).or_default();
        of_class.add(&row.row.counts);
    }
    figures.head(
        "records_24h",
        "gauge",
        "Records of the last day by what became of them.",
    );
    for (class, counts) in &by_class {
        for (fate, count) in [
            ("made", counts.made),
            ("shed", counts.shed_total()),
            ("stored", counts.stored),
            ("rejected", counts.rejected),
            ("waiting", counts.waiting),
            ("lost", counts.lost()),
        ] {
            figures.row(
                "records_24h",
                &[("class", class), ("fate", fate)],
                count as f64,
            );
        }
    }
    Ok(())
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}
