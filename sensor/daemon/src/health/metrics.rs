//! The running sensor's counters for Prometheus: `GET /metrics` on the address of `[metrics] listen`.
//!
//! The listener is made before the sensor confines itself. It serves a few connections at a time, takes no bodies, and
//! gives up on who is slow. Names follow Prometheus' rules: base units, `_total` for what only grows.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::observer::Observer;
use super::status::Status;

/// Connections at a time; a scraper needs one.
const CONNECTIONS: usize = 8;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection lives no longer.
const LIFETIME: Duration = Duration::from_secs(600);

/// # Errors
/// When the address is taken or not ours.
pub fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let place = || format!("[metrics] listen = \"{address}\"");
    let listener = TcpListener::bind(address).with_context(place)?;
    listener.set_nonblocking(true).with_context(place)?;
    Ok(listener)
}

/// Answers until it is dropped.
pub async fn answer(listener: TcpListener, observer: Arc<Observer>) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let places = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return Ok(());
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "metrics");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let observer = Arc::clone(&observer);
        tokio::spawn(async move {
            let _place = place;
            let service = hyper::service::service_fn(|request| {
                let answer = respond(&request, &observer);
                async move { Ok::<_, Infallible>(answer) }
            });
            let serving = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(16 * 1_024)
                .serve_connection(TokioIo::new(stream), service);
            // What goes wrong there is the scraper's.
            let _ = tokio::time::timeout(LIFETIME, serving).await;
        });
    }
}

fn respond(request: &Request<Incoming>, observer: &Observer) -> Response<Full<Bytes>> {
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => (StatusCode::OK, render(&observer.status())),
        (&Method::GET, _) => (StatusCode::NOT_FOUND, "see /metrics\n".to_owned()),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "GET only\n".to_owned()),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Prometheus' text format.
fn render(status: &Status) -> String {
    let mut page = Page::default();
    let counts = &status.counts;
    let traffic = &counts.traffic;
    page.family("info", "gauge", "What runs here.");
    page.sample(
        "info",
        &[("version", &status.version), ("hostname", &status.hostname)],
        1,
    );
    page.family(
        "start_time_seconds",
        "gauge",
        "When the sensor was started, Unix time.",
    );
    page.sample("start_time_seconds", &[], status.started_ms / 1_000);
    page.one(
        "resident_memory_bytes",
        "gauge",
        "Memory in use.",
        status.memory_bytes,
    );
    page.one("packets_total", "counter", "Packets seen.", traffic.packets);
    page.one(
        "bytes_total",
        "counter",
        "Bytes seen, on the wire.",
        traffic.bytes,
    );
    page.family(
        "drops_total",
        "counter",
        "Packets not seen, by where they were lost.",
    );
    page.sample("drops_total", &[("where", "ring")], counts.ring_drops);
    page.sample("drops_total", &[("where", "card")], counts.card_drops);
    page.family(
        "shed_packets_total",
        "counter",
        "Packets of flows that were left out for want of time, by why these.",
    );
    for (why, packets) in [
        ("long", traffic.shed_long),
        ("encrypted", traffic.shed_encrypted),
        ("sampled", traffic.shed_sampled),
    ] {
        page.sample("shed_packets_total", &[("flows", why)], packets);
    }
    page.one(
        "shed_step",
        "gauge",
        "How much is left out at present; 0: nothing.",
        traffic.shed_step,
    );
    page.one(
        "alerts_total",
        "counter",
        "Alerts of signatures.",
        traffic.alerts,
    );
    page.one(
        "flows_evicted_total",
        "counter",
        "Flows given up for want of room.",
        traffic.evicted,
    );
    page.one(
        "records_made_total",
        "counter",
        "Records handed to the spool.",
        counts.records_made,
    );
    page.one(
        "records_acked_total",
        "counter",
        "Records that the collector has.",
        counts.records_acked,
    );
    page.family(
        "records_lost_total",
        "counter",
        "Records lost on this machine, by reason.",
    );
    page.sample(
        "records_lost_total",
        &[("reason", "queue")],
        counts.records_queue_full,
    );
    page.sample(
        "records_lost_total",
        &[("reason", "spool")],
        counts.records_given_up,
    );
    page.family("rules", "gauge", "Rules of the running set.");
    page.sample("rules", &[("state", "loaded")], status.rules.loaded);
    page.sample("rules", &[("state", "failed")], status.rules.failed);
    if let Some(link) = &status.link {
        page.one(
            "link_up",
            "gauge",
            "Whether the collector is connected.",
            link.connected.into(),
        );
    }
    if let Some(spool) = &status.spool {
        page.one(
            "spool_bytes",
            "gauge",
            "Compressed bytes that wait.",
            spool.bytes,
        );
        page.one(
            "spool_budget_bytes",
            "gauge",
            "Bytes that may wait.",
            spool.budget_bytes,
        );
        page.family("spool_records", "gauge", "Records that wait, by class.");
        for (class, records) in &spool.waiting {
            page.sample("spool_records", &[("class", class)], *records);
        }
    }
    if let Some(disk) = &status.disk {
        page.one(
            "disk_free_bytes",
            "gauge",
            "Room on the disk of the state folder.",
            disk.free_bytes,
        );
    }
    if let Some(ends) = status.certificate_ends_ms {
        let seconds = u64::try_from(ends / 1_000).unwrap_or(0);
        page.one(
            "certificate_ends_seconds",
            "gauge",
            "When the certificate ends, Unix time.",
            seconds,
        );
    }
    let outputs: [(&str, &str, &str, fn(&super::status::OutputState) -> u64); 4] = [
        (
            "output_written_total",
            "counter",
            "Records that an output has taken.",
            |one| one.written,
        ),
        (
            "output_lost_total",
            "counter",
            "Records that an output has not taken.",
            |one| one.lost,
        ),
        (
            "output_faults_total",
            "counter",
            "Times that the way was lost.",
            |one| one.faults,
        ),
        (
            "output_queued_bytes",
            "gauge",
            "What waits for an output.",
            |one| one.queued_bytes,
        ),
    ];
    for (name, kind, help, of) in outputs {
        if !status.outputs.is_empty() {
            page.family(name, kind, help);
        }
        for output in &status.outputs {
            page.sample(name, &[("output", &output.name)], of(output));
        }
    }
    page.family(
        "finding",
        "gauge",
        "What the doctor finds wrong; 1 while it lasts.",
    );
    for finding in &status.findings {
        page.sample("finding", &[("code", finding.code.name())], 1);
    }
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // A String takes any write.
        let _ = writeln!(
            self.0,
            "# HELP matluoi_sensor_{name} {help}\n# TYPE matluoi_sensor_{name} {kind}"
        );
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let _ = write!(self.0, "matluoi_sensor_{name}");
        for (number, (label, text)) in labels.iter().enumerate() {
            let open = if number == 0 { '{' } else { ',' };
            let text = text
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let _ = write!(self.0, "{open}{label}=\"{text}\"");
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{close} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Code, Finding};
    use super::super::status::{Link, OutputState};
    use super::*;

    #[test]
    fn every_sample_has_its_family_once() {
        let mut status = Status {
            version: "1".to_owned(),
            hostname: "a \"b\"\n".to_owned(),
            link: Some(Link::default()),
            findings: vec![Finding::new(Code::NoPackets, 1)],
            ..Status::default()
        };
        status.counts.ring_drops = 3;
        for name in ["file:/a", "file:/b"] {
            status.outputs.push(OutputState {
                name: name.to_owned(),
                lost: 7,
                ..OutputState::default()
            });
        }
        let text = render(&status);
        for line in [
            r#"matluoi_sensor_info{version="1",hostname="a \"b\"\n"} 1"#,
            r#"matluoi_sensor_drops_total{where="ring"} 3"#,
            r#"matluoi_sensor_output_lost_total{output="file:/b"} 7"#,
            r#"matluoi_sensor_finding{code="no_packets"} 1"#,
            "matluoi_sensor_link_up 0",
        ] {
            assert!(text.lines().any(|one| one == line), "{line}: {text}");
        }
        let mut families = std::collections::BTreeSet::new();
        let mut current = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                current = rest.split(' ').next().expect("a name");
                assert!(families.insert(current), "{current} is there twice");
            } else if !line.starts_with('#') {
                let name = line.split(['{', ' ']).next().expect("a name");
                assert_eq!(name, current);
            }
        }
    }
}
