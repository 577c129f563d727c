//! The inbox: alert groups, and what people do to them.

use std::net::IpAddr;

use axum::Json;
use axum::extract::{Path, State};
use axum_extra::extract::Query;
use collector_search::Network;
use collector_state::{
    Action, Change, Group, GroupFilter, GroupId, GroupPage, GroupSort, Role, SeverityCount, Status,
    Term, UnixMillis, Verdict,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::guidance::{Bilingual, GuidanceText};
use crate::times;

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 500;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct GroupsQuery {
    /// new, open, escalated, closed; all without it.
    status: Option<String>,
    /// Words: part of a signature's text, an address or network, `src:` or `dest:` before one, `sid:N`.
    #[serde(default)]
    q: String,
    #[serde(default)]
    severity: Vec<u8>,
    from: Option<String>,
    to: Option<String>,
    /// risk (the default), last, count
    sort: Option<String>,
    /// desc (the default), asc
    order: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct GroupRow {
    id: i64,
    unit_id: i64,
    gid: u32,
    sid: u32,
    signature: String,
    /// The signature in words, if there is guidance for it.
    title: Option<Bilingual>,
    category: String,
    /// 1 (worst) to 4.
    severity: u8,
    technique: Option<String>,
    source: String,
    destination: String,
    count: u64,
    first: String,
    last: String,
    status: String,
    verdict: Option<String>,
    reason: Option<String>,
    owner: Option<String>,
    app_proto: Option<String>,
    sensors: Vec<String>,
    /// Alerts of each of the last 24 hours, oldest first.
    spark: Vec<u32>,
    latest_alert: String,
    version: i64,
}

#[derive(Serialize, ToSchema)]
pub struct Tabs {
    new: u64,
    open: u64,
    escalated: u64,
    closed: u64,
}

#[derive(Serialize, ToSchema)]
pub struct GroupsBody {
    items: Vec<GroupRow>,
    next_cursor: Option<String>,
    total: u64,
    tabs: Tabs,
}

#[derive(Serialize, ToSchema)]
pub struct SeveritySummary {
    /// 1 (worst) to 4.
    severity: u8,
    groups: u64,
    alerts: u64,
}

/// What a filter holds. A list that is open compares it with what it showed, to tell what is new.
#[derive(Serialize, ToSchema)]
pub struct SummaryBody {
    groups: u64,
    alerts: u64,
    severities: Vec<SeveritySummary>,
}

#[derive(Serialize, ToSchema)]
pub struct HistoryEntry {
    at: String,
    user: Option<String>,
    action: String,
    verdict: Option<String>,
    reason: Option<String>,
    comment: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct GroupBody {
    group: GroupRow,
    guidance: Option<GuidanceText>,
    /// The signature's source, if the collector has it.
    rule: Option<String>,
    history: Vec<HistoryEntry>,
}

#[derive(Deserialize, ToSchema)]
pub struct ActionRequest {
    ids: Vec<i64>,
    /// acknowledge, escalate, close, reopen, assign, comment
    action: String,
    /// true_positive, false_positive, benign; a close needs one.
    verdict: Option<String>,
    reason: Option<String>,
    comment: Option<String>,
    owner: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ActionBody {
    changed: u64,
    undo_token: String,
}

#[derive(Deserialize, ToSchema)]
pub struct UndoRequest {
    undo_token: String,
}

#[derive(Serialize, ToSchema)]
pub struct UndoBody {
    changed: u64,
}

fn row(state: &ApiState, group: Group) -> GroupRow {
    GroupRow {
        id: group.id.0,
        unit_id: group.unit_id.0,
        gid: group.gid,
        sid: group.sid,
        title: state.guidance.title(group.sid).cloned(),
        signature: group.signature,
        category: group.category,
        severity: group.severity,
        technique: group.technique,
        source: group.source.to_string(),
        destination: group.destination.to_string(),
        count: group.count,
        first: times::write(group.first),
        last: times::write(group.last),
        status: group.status.name().to_owned(),
        verdict: group.verdict.map(|verdict| verdict.name().to_owned()),
        reason: group.reason,
        owner: group.owner,
        app_proto: group.app_proto,
        sensors: group.sensors,
        spark: group.spark,
        latest_alert: group.latest_alert,
        version: group.version,
    }
}

/// The words of a filter.
fn terms(text: &str) -> Vec<Term> {
    text.split_whitespace()
        .map(|word| {
            if let Some(sid) = word.strip_prefix("sid:").and_then(|sid| sid.parse().ok()) {
                return Term::Sid(sid);
            }
            if let Some((first, last)) = word.strip_prefix("src:").and_then(network) {
                return Term::Source(first, last);
            }
            if let Some((first, last)) = word.strip_prefix("dest:").and_then(network) {
                return Term::Destination(first, last);
            }
            match network(word) {
                Some((first, last)) => Term::Address(first, last),
                None => Term::Text(word.to_owned()),
            }
        })
        .collect()
}

/// The first and last address of a network, or of one address.
fn network(text: &str) -> Option<(IpAddr, IpAddr)> {
    let network = Network::parse(text)?;
    Some((IpAddr::V6(network.first), IpAddr::V6(network.last)))
}

/// The groups that the query means.
fn filter(caller: &Caller, query: &GroupsQuery, now: UnixMillis) -> Result<GroupFilter> {
    let status = match query.status.as_deref() {
        None | Some("") => None,
        Some(name) => match Status::from_name(name) {
            Some(status) => Some(status),
            None => return invalid("status", "unknown"),
        },
    };
    Ok(GroupFilter {
        scope: caller.scope.clone(),
        status,
        terms: terms(&query.q),
        severities: query.severity.clone(),
        from: times::read_optional("from", query.from.as_deref(), now)?,
        to: times::read_optional("to", query.to.as_deref(), now)?,
    })
}

/// A cursor is the sort value and the id of a page's last row.
fn read_cursor(text: &str) -> Result<(i64, GroupId)> {
    let parts = text.split_once('.');
    let read = parts.and_then(|(value, id)| Some((value.parse().ok()?, id.parse().ok()?)));
    read.map_or_else(|| invalid("cursor", "not_a_cursor"), Ok)
}

#[utoipa::path(get, path = "/groups", operation_id = "list_groups", tag = "groups", params(GroupsQuery),
    responses((status = 200, body = GroupsBody), (status = 400, body = Problem)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<GroupsQuery>,
) -> Result<Json<GroupsBody>> {
    let filter = filter(&caller, &query, state.now())?;
    let (sort, value): (GroupSort, fn(&Group) -> i64) = match query.sort.as_deref() {
        None | Some("risk") => (GroupSort::Risk, |group| group.risk),
        Some("last") => (GroupSort::Last, |group| group.last.0),
        Some("count") => (GroupSort::Count, |group| group.count.cast_signed()),
        Some(_) => return invalid("sort", "unknown"),
    };
    let descending = match query.order.as_deref() {
        None | Some("desc") => true,
        Some("asc") => false,
        Some(_) => return invalid("order", "unknown"),
    };
    let limit = query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE);
    let page = GroupPage {
        sort,
        descending,
        limit,
        after: query.cursor.as_deref().map(read_cursor).transpose()?,
    };
    let groups = state.store.groups(&filter, page).await?;
    let full = groups.len() == limit as usize;
    let next_cursor = groups
        .last()
        .filter(|_| full)
        .map(|group| format!("{}.{}", value(group), group.id));
    let total = state.store.count_groups(&filter).await?;
    let tabs = state.store.group_counts(&caller.scope).await?;
    Ok(Json(GroupsBody {
        items: groups.into_iter().map(|group| row(&state, group)).collect(),
        next_cursor,
        total,
        tabs: Tabs {
            new: tabs.new,
            open: tabs.open,
            escalated: tabs.escalated,
            closed: tabs.closed,
        },
    }))
}

#[utoipa::path(get, path = "/groups/summary", tag = "groups", params(GroupsQuery),
    responses((status = 200, body = SummaryBody), (status = 400, body = Problem)))]
async fn summary(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<GroupsQuery>,
) -> Result<Json<SummaryBody>> {
    let filter = filter(&caller, &query, state.now())?;
    let counts = state.store.groups_by_severity(&filter).await?;
    let severity = |count: &SeverityCount| SeveritySummary {
        severity: count.severity,
        groups: count.groups,
        alerts: count.alerts,
    };
    Ok(Json(SummaryBody {
        groups: counts.iter().map(|count| count.groups).sum(),
        alerts: counts.iter().map(|count| count.alerts).sum(),
        severities: counts.iter().map(severity).collect(),
    }))
}

#[utoipa::path(get, path = "/groups/{id}", tag = "groups", params(("id" = i64, Path)),
    responses((status = 200, body = GroupBody), (status = 404, body = Problem)))]
async fn one(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<Json<GroupBody>> {
    let group = state.store.group(GroupId(id), &caller.scope).await?;
    let technique = group.technique.as_deref();
    let guidance = state.guidance.find(group.sid, technique, &group.category);
    let history = state.store.history(group.id).await?;
    let entry = |entry: collector_state::HistoryRow| HistoryEntry {
        at: times::write(entry.at),
        user: entry.user,
        action: entry.action,
        verdict: entry.verdict.map(|verdict| verdict.name().to_owned()),
        reason: entry.reason,
        comment: entry.comment,
    };
    Ok(Json(GroupBody {
        guidance: guidance.cloned(),
        rule: state.rules.get(&group.sid).cloned(),
        history: history.into_iter().map(entry).collect(),
        group: row(&state, group),
    }))
}

#[utoipa::path(post, path = "/groups/actions", tag = "groups", request_body = ActionRequest,
    responses((status = 200, body = ActionBody), (status = 400, body = Problem)))]
async fn act(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<ActionRequest>,
) -> Result<Json<ActionBody>> {
    caller.require(Role::Analyst)?;
    let unknown = |field| ApiError::Invalid {
        field,
        reason: "unknown",
    };
    let action = Action::from_name(&request.action).ok_or_else(|| unknown("action"))?;
    let verdict = match request.verdict.as_deref() {
        None => None,
        Some(name) => Some(Verdict::from_name(name).ok_or_else(|| unknown("verdict"))?),
    };
    let ids: Vec<GroupId> = request.ids.into_iter().map(GroupId).collect();
    let change = Change {
        action,
        verdict,
        reason: request.reason,
        comment: request.comment,
        owner: request.owner,
    };
    let outcome = state
        .store
        .act(&ids, &change, &caller.user.name, &caller.scope, state.now())
        .await?;
    let target = ids
        .iter()
        .take(20)
        .map(GroupId::to_string)
        .collect::<Vec<_>>();
    caller
        .note(
            &state,
            &format!("group.{}", action.name()),
            &target.join(","),
            json!({ "changed": outcome.changed }),
        )
        .await?;
    Ok(Json(ActionBody {
        changed: outcome.changed,
        undo_token: outcome.undo_token,
    }))
}

#[utoipa::path(post, path = "/groups/actions/undo", tag = "groups", request_body = UndoRequest,
    responses((status = 200, body = UndoBody)))]
async fn undo(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<UndoRequest>,
) -> Result<Json<UndoBody>> {
    caller.require(Role::Analyst)?;
    let token = &request.undo_token;
    let changed = state
        .store
        .undo(token, &caller.user.name, &caller.scope, state.now())
        .await?;
    caller
        .note(&state, "group.undo", "", json!({ "changed": changed }))
        .await?;
    Ok(Json(UndoBody { changed }))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(summary))
        .routes(routes!(one))
        .routes(routes!(act))
        .routes(routes!(undo))
}
