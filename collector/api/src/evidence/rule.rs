//! The rule behind an alert: its text, what it does in words, and where what it looks for stands in the bytes that
//! came with the alert.

use axum::extract::State;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use collector_evidence::{Piece, Side};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::marks::{contents, marks};
use super::show::MarkBody;
use crate::ApiState;
use crate::caller::Caller;
use crate::engine::{Explained, TongueQuery, explained};
use crate::error::{ApiError, Problem, Result};
use crate::extract::{Path, Query};
use crate::json::Json;

/// An alert, and the rule that made it.
pub struct RuleOf {
    pub text: String,
    event: Value,
}

#[derive(Serialize, ToSchema)]
pub struct EventRule {
    text: String,
    /// Where what the rule looks for stands in the alert's `payload` and `packet`, in bytes.
    payload: Vec<MarkBody>,
    packet: Vec<MarkBody>,
}

/// The rule that alerted, if its text is known: the alert brings it, or the collector has its file, or it was published
/// to the sensor.
pub async fn rule_of(state: &ApiState, caller: &Caller, event: String) -> Result<Option<RuleOf>> {
    let sensors = caller.sensors(state).await?;
    let Some(text) = state.engine.get(event, sensors).await? else {
        return Ok(None);
    };
    let event: Value = serde_json::from_str(&text).unwrap_or_default();
    let alert = &event["alert"];
    let sid = alert["signature_id"].as_u64().unwrap_or(0);
    let known = || state.rules.get(&u32::try_from(sid).ok()?).cloned();
    let brought = alert["rule"].as_str().map(str::to_owned);
    let text = match brought.or_else(known) {
        Some(text) => Some(text),
        None => {
            let sensor = event["matluoi"]["sensor"].as_str().unwrap_or_default();
            let versions = state.store.wanted_rule_versions(sensor).await?;
            let published = state.store.published_text(&versions).await?;
            rule_with(&published, sid)
        }
    };
    Ok(text.map(|text| RuleOf { text, event }))
}

/// The rule of a text with a signature id, its continued lines joined.
pub fn rule_with(text: &str, sid: u64) -> Option<String> {
    let (number, wanted) = (sid.to_string(), format!("sid:{sid};"));
    let joined = text.replace("\\\n", "");
    let mut rules = joined.lines().map(str::trim);
    let found = rules.find(|line| {
        !line.starts_with('#') && line.contains(&number) && line.replace(' ', "").contains(&wanted)
    });
    found.map(str::to_owned)
}

/// Marks of what came with an alert in base64.
fn marked(of: &RuleOf, field: &str) -> Vec<MarkBody> {
    let bytes = of.event[field]
        .as_str()
        .and_then(|text| BASE64_STANDARD.decode(text).ok());
    let piece = Piece {
        side: Side::Client,
        packet: 0,
        offset: 0,
        missing: 0,
        bytes: bytes.unwrap_or_default(),
    };
    let found = marks(&[piece], &contents(&of.text)).pop();
    found
        .unwrap_or_default()
        .into_iter()
        .map(|(from, to)| MarkBody { from, to })
        .collect()
}

/// The rule that made an alert, and where what it looks for stands in the alert's bytes.
#[utoipa::path(get, path = "/events/{id}/rule", operation_id = "event_rule", tag = "rules", params(("id" = String, Path)),
    responses((status = 200, body = EventRule), (status = 404, body = Problem)))]
async fn of_event(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<EventRule>> {
    let of = rule_of(&state, &caller, id).await?;
    let of = of.ok_or(ApiError::NotFound)?;
    Ok(Json(EventRule {
        payload: marked(&of, "payload"),
        packet: marked(&of, "packet"),
        text: of.text,
    }))
}

/// What the rule that made an alert does, in words.
#[utoipa::path(get, path = "/events/{id}/rule/explanation", operation_id = "event_rule_explanation", tag = "rules", params(("id" = String, Path), TongueQuery),
    responses((status = 200, body = Explained), (status = 404, body = Problem)))]
async fn explanation(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<TongueQuery>,
) -> Result<Json<Explained>> {
    let of = rule_of(&state, &caller, id).await?;
    let of = of.ok_or(ApiError::NotFound)?;
    explained(&state, &of.text, query.language).await.map(Json)
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(of_event))
        .routes(routes!(explanation))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_is_found_by_its_whole_id() {
        let text = "# alert ip any any -> any any (sid:7;)\nalert ip any any -> any any (sid:77;)\nalert tcp any any -> any any (msg:\"a\"; \\\n  sid: 7; rev:1;)";
        assert_eq!(
            rule_with(text, 7).as_deref(),
            Some("alert tcp any any -> any any (msg:\"a\";   sid: 7; rev:1;)")
        );
        assert_eq!(rule_with(text, 8), None);
    }

    #[test]
    fn what_a_rule_looks_for_is_marked_in_what_came() {
        let of = |payload: Value| RuleOf {
            text: r#"alert tcp any any -> any any (content:"PASS"; nocase; sid:7;)"#.to_owned(),
            event: json!({ "payload": payload }),
        };
        let found = |payload| {
            let marks = marked(&of(payload), "payload");
            marks
                .iter()
                .map(|one| (one.from, one.to))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            found(json!(BASE64_STANDARD.encode("a pass, PASS"))),
            [(2, 6), (8, 12)]
        );
        for nothing in [json!(null), json!("no base64!"), json!(7), json!("")] {
            assert_eq!(found(nothing), []);
        }
        assert!(marked(&of(json!(null)), "packet").is_empty());
    }
}
