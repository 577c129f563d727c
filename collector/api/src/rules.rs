//! Rules: those that the collector has the text of, and those that have alerted; what came of their alerts, and
//! what hides them.

use std::collections::BTreeMap;

use axum::extract::State;
use collector_search::{ClassFilter, Grouping, Node, Request};
use collector_state::{HideField, HideRule, SignatureRow, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::engine::{Explained, TongueQuery, explained};
use crate::error::{ApiError, Problem, Result};
use crate::evidence::rule_with;
use crate::extract::{Path, Query};
use crate::guidance::{Bilingual, GuidanceText};
use crate::json::Json;
use crate::times;

/// Titles of one answer.
const MAX_TITLES: usize = 1_000;

#[derive(Serialize, ToSchema)]
pub struct DetectionRule {
    sid: u32,
    gid: u32,
    /// The rule's own name.
    signature: String,
    title: Option<Bilingual>,
    category: String,
    /// 1 (worst) to 4; absent for rules that have never alerted.
    severity: Option<u8>,
    technique: Option<String>,
    groups: u64,
    alerts: u64,
    last: Option<String>,
    /// Groups that were closed, and as true.
    closed: u64,
    true_positive: u64,
    /// Hide rules in force that name it, and the alerts that they hid.
    hide_rules: u64,
    hidden: u64,
    /// The collector has its text.
    known: bool,
}

/// A rule set of the centre that has the rule.
#[derive(Serialize, ToSchema)]
pub struct RuleHolder {
    id: i64,
    name: String,
    /// The source that writes it; such a set has no draft.
    fed_by: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct DetectionRuleBody {
    rule: DetectionRule,
    text: Option<String>,
    guidance: Option<GuidanceText>,
    sets: Vec<RuleHolder>,
}

/// Alerts that a rule has in the search, by how far back one looks. Those of hidden and closed groups count as well.
#[derive(Default, Serialize, ToSchema)]
pub struct RuleHits {
    sid: u32,
    /// Of the last 24 hours, 7 days, 30 days.
    day: u64,
    week: u64,
    month: u64,
}

#[derive(Serialize, ToSchema)]
pub struct RuleHitsBody {
    /// Rules that have any.
    hits: Vec<RuleHits>,
    /// Time ran out, or more rules have alerts than are told apart: counts are at least these.
    partial: bool,
}

/// The value of an option of a rule's text, without its quotes.
fn option<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let at = text.find(&format!("{name}:"))?;
    let value = text.get(at + name.len() + 1..)?.trim_start();
    match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => value.split(';').next().map(str::trim),
    }
}

/// A technique that a rule's metadata names.
fn technique(text: &str) -> Option<String> {
    let after = text.split("mitre_technique_id").nth(1)?.trim_start();
    let id: String = after
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '.')
        .collect();
    id.starts_with('T').then_some(id)
}

/// Hide rules that name a signature.
fn hides(rules: &[HideRule], sid: u32) -> impl Iterator<Item = &HideRule> {
    let sid = sid.to_string();
    rules.iter().filter(move |rule| {
        rule.conditions
            .iter()
            .any(|one| one.field == HideField::Sid && one.values.contains(&sid))
    })
}

/// A rule that has not alerted.
fn quiet(state: &ApiState, sid: u32, text: &str) -> DetectionRule {
    DetectionRule {
        sid,
        gid: 1,
        signature: option(text, "msg").unwrap_or_default().to_owned(),
        title: state.guidance.title(sid).cloned(),
        category: option(text, "classtype").unwrap_or_default().to_owned(),
        severity: None,
        technique: technique(text),
        groups: 0,
        alerts: 0,
        last: None,
        closed: 0,
        true_positive: 0,
        hide_rules: 0,
        hidden: 0,
        known: true,
    }
}

/// A rule's text, from the collector's files or else from the sets that have it.
struct Held {
    text: Option<String>,
    sets: Vec<RuleHolder>,
}

async fn held(state: &ApiState, caller: &Caller, sid: u32) -> Result<Held> {
    let mut text = state.rules.get(&sid).cloned();
    let mut sets = Vec::new();
    for set in state.store.rule_sets(&caller.scope).await? {
        let whole = state.store.rule_text_with(&set, &sid.to_string()).await?;
        let Some(found) = whole.and_then(|whole| rule_with(&whole, u64::from(sid))) else {
            continue;
        };
        text.get_or_insert(found);
        sets.push(RuleHolder {
            id: set.id,
            name: set.name,
            fed_by: set.fed_by,
        });
    }
    Ok(Held { text, sets })
}

async fn rows(state: &ApiState, caller: &Caller) -> Result<Vec<DetectionRule>> {
    let now = state.now();
    let hiding = state.store.hide_rules(&caller.scope).await?;
    let mut by_sid: BTreeMap<(u32, u32), DetectionRule> = BTreeMap::new();
    for (sid, text) in &state.rules {
        by_sid.insert((1, *sid), quiet(state, *sid, text));
    }
    for seen in state.store.signatures(&caller.scope).await? {
        let SignatureRow { gid, sid, .. } = seen;
        let known = gid == 1 && state.rules.contains_key(&sid);
        let row = DetectionRule {
            sid,
            gid,
            title: state.guidance.title(sid).cloned(),
            signature: seen.signature,
            category: seen.category,
            severity: Some(seen.severity),
            technique: seen.technique,
            groups: seen.groups,
            alerts: seen.alerts,
            last: seen.last.map(times::write),
            closed: seen.closed,
            true_positive: seen.true_positive,
            hide_rules: 0,
            hidden: 0,
            known,
        };
        by_sid.insert((gid, sid), row);
    }
    let mut rows: Vec<DetectionRule> = by_sid.into_values().collect();
    for row in &mut rows {
        for rule in hides(&hiding, row.sid) {
            row.hidden += rule.hits;
            row.hide_rules += u64::from(rule.stands(now));
        }
    }
    rows.sort_by(|a, b| b.alerts.cmp(&a.alerts).then(a.sid.cmp(&b.sid)));
    Ok(rows)
}

/// Rules that are known or have alerted, those with most alerts first.
#[utoipa::path(get, path = "/rules", operation_id = "list_rules", tag = "rules", responses((status = 200, body = [DetectionRule])))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<DetectionRule>>> {
    rows(&state, &caller).await.map(Json)
}

/// How often rules hit in the last 24 hours, 7 days and 30 days.
#[utoipa::path(get, path = "/rules/hits", operation_id = "rule_hits", tag = "rules", responses((status = 200, body = RuleHitsBody)))]
async fn hits(State(state): State<ApiState>, caller: Caller) -> Result<Json<RuleHitsBody>> {
    let now = state.now();
    let sensors = caller.sensors(&state).await?;
    let count = |days: i64| {
        let request = Request {
            query: Node::All,
            from: Some(now.plus(-days * UnixMillis::DAY).0 * 1_000),
            to: None,
            class: ClassFilter::Alert,
            sensors: sensors.clone(),
        };
        state
            .engine
            .tables(request, vec![Grouping::of(&["alert.signature_id"])])
    };
    let mut by_sid: BTreeMap<u32, RuleHits> = BTreeMap::new();
    let mut partial = false;
    let ranges: [(i64, fn(&mut RuleHits) -> &mut u64); 3] = [
        (1, |hits| &mut hits.day),
        (7, |hits| &mut hits.week),
        (30, |hits| &mut hits.month),
    ];
    for (days, of) in ranges {
        let (tables, exact) = count(days).await?;
        partial |= !exact;
        for table in tables {
            partial |= table.different > table.rows.len() as u64;
            for row in table.rows {
                let Some(sid) = row.values.first().and_then(|sid| sid.parse().ok()) else {
                    continue;
                };
                let hits = by_sid.entry(sid).or_default();
                hits.sid = sid;
                *of(hits) = row.count;
            }
        }
    }
    Ok(Json(RuleHitsBody {
        hits: by_sid.into_values().collect(),
        partial,
    }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TitlesQuery {
    /// Signature ids, 1,000 at most.
    #[serde(default)]
    sid: Vec<u32>,
}

#[derive(Serialize, ToSchema)]
pub struct RuleTitle {
    sid: u32,
    title: Bilingual,
}

/// What rules are called in plain words, as far as they have any.
#[utoipa::path(get, path = "/rules/titles", operation_id = "rule_titles", tag = "rules", params(TitlesQuery), responses((status = 200, body = [RuleTitle])))]
async fn titles(
    State(state): State<ApiState>,
    _: Caller,
    Query(query): Query<TitlesQuery>,
) -> Json<Vec<RuleTitle>> {
    let titles = query.sid.into_iter().take(MAX_TITLES).filter_map(|sid| {
        let title = state.guidance.title(sid)?.clone();
        Some(RuleTitle { sid, title })
    });
    Json(titles.collect())
}

#[utoipa::path(get, path = "/rules/{sid}", operation_id = "one_rule", tag = "rules", params(("sid" = u32, Path)),
    responses((status = 200, body = DetectionRuleBody), (status = 404, body = Problem)))]
async fn one(
    State(state): State<ApiState>,
    caller: Caller,
    Path(sid): Path<u32>,
) -> Result<Json<DetectionRuleBody>> {
    let rows = rows(&state, &caller).await?;
    let Held { text, sets } = held(&state, &caller, sid).await?;
    let seen = rows.into_iter().find(|row| row.sid == sid);
    let unseen = || text.as_ref().map(|text| quiet(&state, sid, text));
    let rule = seen.or_else(unseen).ok_or(ApiError::NotFound)?;
    let guidance = state
        .guidance
        .find(sid, rule.technique.as_deref(), &rule.category)
        .cloned();
    Ok(Json(DetectionRuleBody {
        text,
        guidance,
        rule,
        sets,
    }))
}

/// What a rule does, in words.
#[utoipa::path(get, path = "/rules/{sid}/explanation", operation_id = "rule_explanation", tag = "rules", params(("sid" = u32, Path), TongueQuery),
    responses((status = 200, body = Explained), (status = 404, body = Problem)))]
async fn explanation(
    State(state): State<ApiState>,
    caller: Caller,
    Path(sid): Path<u32>,
    Query(query): Query<TongueQuery>,
) -> Result<Json<Explained>> {
    let Held { text, .. } = held(&state, &caller, sid).await?;
    let text = text.ok_or(ApiError::NotFound)?;
    explained(&state, &text, query.language).await.map(Json)
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(hits))
        .routes(routes!(titles))
        .routes(routes!(one))
        .routes(routes!(explanation))
}

#[cfg(test)]
mod tests {
    use super::{option, technique};

    #[test]
    fn options_are_read_from_the_text() {
        let text = r#"alert tcp any any -> any any (msg:"A; b"; classtype:web-attack; metadata:mitre_technique_id T1505.003, x y; sid:7;)"#;
        assert_eq!(option(text, "msg"), Some("A; b"));
        assert_eq!(option(text, "classtype"), Some("web-attack"));
        assert_eq!(option(text, "reference"), None);
        assert_eq!(technique(text).as_deref(), Some("T1505.003"));
        assert_eq!(technique("x"), None);
    }
}
