//! Rules that put groups out of sight, tried on the past before they are made.

use axum::extract::State;
use collector_search::Network;
use collector_state::{
    HideCondition, HideField, HideRule, HideTest, NewHideRule, Role, UnitId, UnixMillis,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::extract::Path;
use crate::groups::{GroupRow, row};
use crate::json::Json;
use crate::times;

/// A preview looks this far back.
const PREVIEW_DAYS: i64 = 30;
const EXAMPLES: u32 = 5;

/// One condition; all conditions of a rule have to hold.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ConditionBody {
    /// sid, signature, category, severity, source, destination, address (either end), application, technique,
    /// sensor
    field: String,
    /// is (one of the values), network (within one of them), prefix (begins with one of them)
    test: String,
    values: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
pub struct PreviewRequest {
    conditions: Vec<ConditionBody>,
    unit_id: Option<i64>,
}

/// What a rule would have hidden of the last thirty days.
#[derive(Serialize, ToSchema)]
pub struct PreviewBody {
    days: i64,
    groups: u64,
    groups_of: u64,
    alerts: u64,
    alerts_of: u64,
    /// Of the groups: those that were closed as true, and those that were escalated.
    true_positive: u64,
    escalated: u64,
    /// The worst of them, those that were true first.
    examples: Vec<GroupRow>,
}

#[derive(Deserialize, ToSchema)]
pub struct HideRequest {
    conditions: Vec<ConditionBody>,
    reason: String,
    /// A time, or `now+30d`.
    expires: String,
    /// The unit that it is for, with all below it; the caller's own without it.
    unit_id: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct HideRuleBody {
    id: i64,
    unit_id: i64,
    conditions: Vec<ConditionBody>,
    reason: String,
    owner: String,
    created: String,
    expires: String,
    ended: Option<String>,
    ended_by: Option<String>,
    /// It hides what comes now.
    standing: bool,
    /// Alerts that it hid, and when the last.
    hits: u64,
    last_hit: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct HiddenBody {
    rule: HideRuleBody,
    /// New groups that it hid at once.
    hidden: u64,
}

#[derive(Serialize, ToSchema)]
pub struct ShownBody {
    /// Groups that are new again.
    shown: u64,
}

const FIELDS: [(&str, HideField); 10] = [
    ("sid", HideField::Sid),
    ("signature", HideField::Signature),
    ("category", HideField::Category),
    ("severity", HideField::Severity),
    ("source", HideField::Source),
    ("destination", HideField::Destination),
    ("address", HideField::Address),
    ("application", HideField::Application),
    ("technique", HideField::Technique),
    ("sensor", HideField::Sensor),
];
const TESTS: [(&str, HideTest); 3] = [
    ("is", HideTest::Is),
    ("network", HideTest::Network),
    ("prefix", HideTest::Prefix),
];

fn named<T: Copy + PartialEq>(table: &[(&'static str, T)], value: T) -> String {
    let found = table.iter().find(|(_, one)| *one == value);
    found.map_or("", |(name, _)| *name).to_owned()
}

/// Conditions as the store takes them: networks as their first and last address.
fn conditions(told: Vec<ConditionBody>) -> Result<Vec<HideCondition>> {
    let find = |name: &str| FIELDS.iter().find(|(known, _)| *known == name);
    told.into_iter()
        .map(|one| {
            let unknown = ApiError::Invalid {
                field: "conditions",
                reason: "unknown",
            };
            let test = TESTS.iter().find(|(known, _)| *known == one.test);
            let (Some((_, field)), Some((_, test))) = (find(&one.field), test) else {
                return Err(unknown);
            };
            let mut values = Vec::with_capacity(one.values.len());
            for value in &one.values {
                let value = value.trim();
                let address = matches!(
                    field,
                    HideField::Source | HideField::Destination | HideField::Address
                );
                if !address {
                    values.push(value.to_owned());
                    continue;
                }
                let Some(network) = Network::parse(value) else {
                    return invalid("conditions", "not_a_network");
                };
                values.push(format!(
                    "{}-{}",
                    network.first.to_canonical(),
                    network.last.to_canonical()
                ));
            }
            Ok(HideCondition {
                field: *field,
                test: *test,
                values,
            })
        })
        .collect()
}

/// `10.0.0.0-10.255.255.255` as `10.0.0.0/8`.
fn told_value(value: &str) -> String {
    let ends = value.split_once('-').and_then(|(first, last)| {
        let read = |text: &str| text.parse::<std::net::IpAddr>().ok();
        Some((read(first)?, read(last)?))
    });
    let Some((first, last)) = ends else {
        return value.to_owned();
    };
    let bits = |address: std::net::IpAddr| match address {
        std::net::IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        std::net::IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let ((from, width), (to, _)) = (bits(first), bits(last));
    let free = 128 - (from ^ to).leading_zeros();
    match width - free.min(width) {
        length if length == width => first.to_string(),
        length => format!("{first}/{length}"),
    }
}

fn body(rule: HideRule, now: UnixMillis) -> HideRuleBody {
    HideRuleBody {
        id: rule.id,
        unit_id: rule.unit_id.0,
        standing: rule.stands(now),
        conditions: rule
            .conditions
            .iter()
            .map(|condition| ConditionBody {
                field: named(&FIELDS, condition.field),
                test: named(&TESTS, condition.test),
                values: match condition.field {
                    HideField::Source | HideField::Destination | HideField::Address => condition
                        .values
                        .iter()
                        .map(|value| told_value(value))
                        .collect(),
                    _ => condition.values.clone(),
                },
            })
            .collect(),
        reason: rule.reason,
        owner: rule.owner,
        created: times::write(rule.created),
        expires: times::write(rule.expires),
        ended: rule.ended.map(times::write),
        ended_by: rule.ended_by,
        hits: rule.hits,
        last_hit: rule.last_hit.map(times::write),
    }
}

/// The unit that is asked for, or the caller's.
fn unit(caller: &Caller, asked: Option<i64>) -> Result<UnitId> {
    let unit = asked.map_or(caller.user.unit_id, UnitId);
    caller.require_unit(unit)?;
    Ok(unit)
}

#[utoipa::path(get, path = "/hide-rules", operation_id = "list_hide_rules", tag = "hide-rules",
    responses((status = 200, body = [HideRuleBody])))]
async fn list(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<HideRuleBody>>> {
    let now = state.now();
    let rules = state.store.hide_rules(&caller.scope).await?;
    Ok(Json(
        rules.into_iter().map(|rule| body(rule, now)).collect(),
    ))
}

#[utoipa::path(post, path = "/hide-rules/preview", tag = "hide-rules", request_body = PreviewRequest,
    responses((status = 200, body = PreviewBody), (status = 400, body = Problem)))]
async fn preview(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<PreviewRequest>,
) -> Result<Json<PreviewBody>> {
    let unit = unit(&caller, request.unit_id)?;
    let conditions = conditions(request.conditions)?;
    let scope = state.store.scope_of(unit).await?;
    let since = state.now().plus(-PREVIEW_DAYS * UnixMillis::DAY);
    let seen = state
        .store
        .preview_hiding(&conditions, &scope, since)
        .await?;
    let ids = state
        .store
        .hidden_examples(&conditions, &scope, since, EXAMPLES)
        .await?;
    let mut examples = Vec::with_capacity(ids.len());
    for id in ids {
        let group = state.store.group(id, &caller.scope).await?;
        examples.push(row(&state, group).await?);
    }
    Ok(Json(PreviewBody {
        days: PREVIEW_DAYS,
        groups: seen.groups,
        groups_of: seen.groups_of,
        alerts: seen.alerts,
        alerts_of: seen.alerts_of,
        true_positive: seen.true_positive,
        escalated: seen.escalated,
        examples,
    }))
}

#[utoipa::path(post, path = "/hide-rules", operation_id = "create_hide_rule", tag = "hide-rules",
    request_body = HideRequest, responses((status = 200, body = HiddenBody), (status = 400, body = Problem)))]
async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<HideRequest>,
) -> Result<Json<HiddenBody>> {
    caller.require(Role::Analyst)?;
    let now = state.now();
    let what = serde_json::to_value(&request.conditions).unwrap_or_default();
    let new = NewHideRule {
        unit_id: unit(&caller, request.unit_id)?,
        conditions: conditions(request.conditions)?,
        reason: request.reason,
        expires: times::read("expires", &request.expires, now)?,
    };
    let (rule, hidden) = state
        .store
        .create_hide_rule(new, &caller.user.name, now)
        .await?;
    caller
        .note(
            &state,
            "hide_rule.create",
            &rule.id.to_string(),
            json!({ "conditions": what, "reason": rule.reason, "hidden": hidden }),
        )
        .await?;
    let rule = body(rule, now);
    Ok(Json(HiddenBody { rule, hidden }))
}

/// Ends a rule; what it hid is new again.
#[utoipa::path(delete, path = "/hide-rules/{id}", operation_id = "end_hide_rule", tag = "hide-rules",
    params(("id" = i64, Path)), responses((status = 200, body = ShownBody), (status = 404, body = Problem)))]
async fn end(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<Json<ShownBody>> {
    caller.require(Role::Analyst)?;
    let shown = state
        .store
        .end_hide_rule(id, &caller.user.name, &caller.scope, state.now())
        .await?;
    caller
        .note(
            &state,
            "hide_rule.end",
            &id.to_string(),
            json!({ "shown": shown }),
        )
        .await?;
    Ok(Json(ShownBody { shown }))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(preview))
        .routes(routes!(end))
}

#[cfg(test)]
mod tests {
    use super::told_value;

    #[test]
    fn networks_are_told_as_they_were_given() {
        for (kept, told) in [
            ("10.0.0.0-10.255.255.255", "10.0.0.0/8"),
            ("10.1.2.3-10.1.2.3", "10.1.2.3"),
            (
                "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                "2001:db8::/32",
            ),
            ("0.0.0.0-255.255.255.255", "0.0.0.0/0"),
            ("http", "http"),
        ] {
            assert_eq!(told_value(kept), told);
        }
    }
}
