//! A case as one archive, for whoever works on without the console: the fact sheet, the records, the notes, and what
//! there is of evidence, by its digests. Files of evidence stay where they are; each is fetched by itself, and audited.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use axum::extract::State;
use axum::http::HeaderMap;
use collector_search::{ClassFilter, Node, Request, Sort, limits, parse};
use collector_state::{CaseContent, CaseEvent, CaseFile, Group};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

use super::body::{CaseContentBody, content_body};
use super::files::saved_as;
use crate::ApiState;
use crate::archive;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result};
use crate::extract::{Path, Query};
use crate::report;
use crate::times;

/// Records of one archive, and their bytes.
const MAX_RECORDS: usize = 10_000;
const MAX_RECORD_BYTES: usize = 64 * 1_024 * 1_024;
/// Flows whose records are in it beside the alerts.
const MAX_FLOWS: usize = 1_000;
/// Groups and flows of one question.
const GROUPS_AT_ONCE: usize = 50;
const FLOWS_AT_ONCE: usize = 200;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PackageQuery {
    /// Of the fact sheet: vi (the default), en
    language: Option<String>,
}

/// What the archive says of itself.
#[derive(Serialize)]
struct Manifest {
    case: i64,
    made: String,
    made_by: String,
    records: usize,
    /// There are more records than these: there was no room for them, time ran out, or their days are in the archive.
    records_left_out: bool,
}

/// Records in the order of time, each once.
#[derive(Default)]
struct Records {
    by_time: BTreeMap<(String, String), String>,
    bytes: usize,
    flows: BTreeSet<u64>,
    cut: bool,
}

impl Records {
    fn is_full(&self) -> bool {
        self.by_time.len() >= MAX_RECORDS || self.bytes >= MAX_RECORD_BYTES
    }

    fn take(&mut self, text: String) {
        let event: Value = serde_json::from_str(&text).unwrap_or_default();
        let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let key = (of(&event["timestamp"]), of(&event["matluoi"]["id"]));
        if self.by_time.contains_key(&key) {
            return;
        }
        if self.is_full() {
            self.cut = true;
            return;
        }
        if let Some(flow) = event["flow_id"].as_u64() {
            if self.flows.len() < MAX_FLOWS || self.flows.contains(&flow) {
                self.flows.insert(flow);
            } else {
                self.cut = true;
            }
        }
        self.bytes += text.len() + 1;
        self.by_time.insert(key, text);
    }

    /// All that a question finds, page by page.
    async fn gather(&mut self, state: &ApiState, request: Request) -> Result<()> {
        let mut cursor = None;
        loop {
            let engine = &state.engine;
            let hits = engine
                .search(request.clone(), Sort::NewestFirst, limits::MAX_HITS, cursor)
                .await?;
            self.cut |= hits.partial;
            for event in hits.events {
                self.take(event);
            }
            cursor = hits.next_cursor;
            if cursor.is_none() {
                return Ok(());
            }
            if self.is_full() {
                self.cut = true;
                return Ok(());
            }
        }
    }
}

/// The alerts of groups, and the records of the flows that they are of.
async fn records(state: &ApiState, caller: &Caller, groups: &[Group]) -> Result<Records> {
    let sensors = caller.sensors(state).await?;
    let request = |query: Node, class: ClassFilter| Request {
        query,
        from: None,
        to: None,
        class,
        sensors: sensors.clone(),
    };
    let asked = |texts: &[String]| -> Result<Node> {
        let nodes = texts.iter().map(|text| parse(text));
        Ok(Node::Or(nodes.collect::<std::result::Result<_, _>>()?))
    };
    let times = groups.iter().map(|group| group.first).min();
    let times = times.zip(groups.iter().map(|group| group.last).max());
    let mut found = Records::default();
    if let Some((first, last)) = times {
        let range = archive::range(
            Some(first.0 * 1_000),
            Some(last.0 * 1_000),
            ClassFilter::All,
        );
        found.cut = state.store.archived_days(&range).await?.first.is_some();
    }
    let of_groups: Vec<String> = groups
        .iter()
        .map(|group| {
            let Group {
                sid,
                source,
                destination,
                ..
            } = group;
            format!("alert.signature_id:{sid} src_ip:\"{source}\" dest_ip:\"{destination}\"")
        })
        .collect();
    for texts in of_groups.chunks(GROUPS_AT_ONCE) {
        found
            .gather(state, request(asked(texts)?, ClassFilter::Alert))
            .await?;
    }
    let of_flows: Vec<String> = found
        .flows
        .iter()
        .map(|flow| format!("flow_id:{flow}"))
        .collect();
    for texts in of_flows.chunks(FLOWS_AT_ONCE) {
        found
            .gather(state, request(asked(texts)?, ClassFilter::All))
            .await?;
    }
    Ok(found)
}

/// What was written down, a paragraph an entry, with the hash that chains it to the one before.
fn notes(events: &[CaseEvent]) -> String {
    let mut text = String::new();
    for event in events {
        let CaseEvent {
            user,
            kind,
            text: said,
            hash,
            ..
        } = event;
        let (at, written) = (times::write(event.at), times::write(event.written));
        let broken = if event.intact { "" } else { " (changed since)" };
        let _ = write!(
            text,
            "{at}  {kind}  {user}, written {written}{broken}\n{said}\n{hash}\n\n"
        );
    }
    text
}

/// As `sha256sum --check` reads it.
fn digests<'a>(rows: impl Iterator<Item = (String, &'a str)>) -> String {
    rows.map(|(digest, name)| format!("{digest}  {name}\n"))
        .collect()
}

fn digest(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn packed(folder: &str, members: &[(String, Vec<u8>)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    for (name, content) in members {
        archive.start_file(format!("{folder}/{name}"), options)?;
        archive.write_all(content)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// The whole case in one ZIP: fact sheet (PDF, DOCX), `case.json`, `records.ndjson` (alerts, and the records of their
/// flows), `notes.txt`, `evidence.sha256`, and what the archive says of itself.
#[utoipa::path(get, path = "/cases/{id}/package", operation_id = "package_case", tag = "cases",
    params(("id" = i64, Path), PackageQuery),
    responses((status = 200, content_type = "application/zip"), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn package(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Query(query): Query<PackageQuery>,
) -> Result<(HeaderMap, Vec<u8>)> {
    let content = state.store.case_content(id, &caller.scope).await?;
    let sheets = report::fact_sheets(&state, &caller, &content, query.language.as_deref()).await?;
    let found = records(&state, &caller, &content.groups).await?;
    let manifest = Manifest {
        case: id,
        made: times::write(state.now()),
        made_by: caller.user.name.clone(),
        records: found.by_time.len(),
        records_left_out: found.cut,
    };
    let detail =
        json!({ "records": manifest.records, "records_left_out": manifest.records_left_out });
    caller
        .note(&state, "case.package", &id.to_string(), detail)
        .await?;
    let CaseContent { events, files, .. } = &content;
    let (notes, evidence) = (notes(events), evidence(files));
    let body: CaseContentBody = content_body(&state, content).await?;
    let broken = |error: &dyn std::fmt::Display| ApiError::Broken(format!("case {id}: {error}"));
    let pretty = |value: serde_json::Result<Vec<u8>>| value.map_err(|error| broken(&error));
    let (body, manifest) = (
        pretty(serde_json::to_vec_pretty(&body))?,
        pretty(serde_json::to_vec_pretty(&manifest))?,
    );
    let written = tokio::task::spawn_blocking(move || {
        let mut lines = Vec::with_capacity(found.bytes);
        for record in found.by_time.into_values() {
            lines.extend_from_slice(record.as_bytes());
            lines.push(b'\n');
        }
        let mut members: Vec<(String, Vec<u8>)> = sheets
            .into_iter()
            .map(|(ending, bytes)| (format!("fact-sheet.{ending}"), bytes))
            .collect();
        members.extend([
            ("case.json".to_owned(), body),
            ("records.ndjson".to_owned(), lines),
            ("notes.txt".to_owned(), notes.into_bytes()),
            ("evidence.sha256".to_owned(), evidence.into_bytes()),
            ("manifest.json".to_owned(), manifest),
        ]);
        let sums = digests(
            members
                .iter()
                .map(|(name, content)| (digest(content), name.as_str())),
        );
        members.push(("SHA256SUMS".to_owned(), sums.into_bytes()));
        packed(&format!("case-{id}"), &members)
    })
    .await
    .map_err(|error| broken(&error))?;
    let written = written.map_err(|error| broken(&error))?;
    Ok((
        saved_as(&format!("case-{id}.zip"), "application/zip")?,
        written,
    ))
}

fn evidence(files: &[CaseFile]) -> String {
    digests(
        files
            .iter()
            .map(|file| (file.sha256.clone(), file.name.as_str())),
    )
}
