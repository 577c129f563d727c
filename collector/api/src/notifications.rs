//! Whom to tell, and how: channels, rules, and the queue.

use axum::extract::State;
use axum::http::StatusCode;
use collector_notify::{ChannelConfig, ConfigFault, Notifier, RuleConfig};
use collector_state::{
    Channel, ChannelChange, NotificationRule, OutboxRow, OutboxState, Page, Role, RuleChange,
    Scope, UnitId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::json::Json;
use crate::times;

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;

#[derive(Deserialize, ToSchema)]
pub struct ChannelRequest {
    name: String,
    unit_id: i64,
    enabled: bool,
    config: ChannelConfig,
}

#[derive(Serialize, ToSchema)]
pub struct ChannelBody {
    id: i64,
    name: String,
    unit_id: i64,
    enabled: bool,
    /// Without its secret; none when it was written by another version.
    config: Option<ChannelConfig>,
    created: String,
    created_by: String,
}

#[derive(Deserialize, ToSchema)]
pub struct RuleRequest {
    name: String,
    unit_id: i64,
    enabled: bool,
    config: RuleConfig,
}

#[derive(Serialize, ToSchema)]
pub struct RuleBody {
    id: i64,
    name: String,
    unit_id: i64,
    enabled: bool,
    /// None when it was written by another version.
    config: Option<RuleConfig>,
    created: String,
    created_by: String,
}

#[derive(Serialize, ToSchema)]
pub struct Made {
    id: i64,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OutboxQuery {
    /// waiting, sent, failed; all without it
    state: Option<String>,
    limit: Option<u32>,
    /// `next` of the page before.
    before: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct MessageBody {
    id: i64,
    rule_id: Option<i64>,
    channel_id: i64,
    channel_name: String,
    /// waiting, sent, failed
    state: String,
    /// What it tells.
    #[schema(value_type = Vec<Object>)]
    items: Value,
    severity: u8,
    created: String,
    /// When it is sent, or tried again.
    due: String,
    attempts: u32,
    last_error: Option<String>,
    done: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct OutboxPage {
    items: Vec<MessageBody>,
    total: u64,
    next: Option<i64>,
}

fn channel_body(channel: Channel) -> ChannelBody {
    ChannelBody {
        id: channel.id,
        name: channel.name,
        unit_id: channel.unit_id.0,
        enabled: channel.enabled,
        config: serde_json::from_str(&channel.config)
            .ok()
            .map(ChannelConfig::masked),
        created: times::write(channel.created),
        created_by: channel.created_by,
    }
}

fn rule_body(rule: NotificationRule) -> RuleBody {
    RuleBody {
        id: rule.id,
        name: rule.name,
        unit_id: rule.unit_id.0,
        enabled: rule.enabled,
        config: serde_json::from_str(&rule.config).ok(),
        created: times::write(rule.created),
        created_by: rule.created_by,
    }
}

fn message_body(row: OutboxRow) -> MessageBody {
    MessageBody {
        id: row.id,
        rule_id: row.rule_id,
        channel_id: row.channel_id,
        channel_name: row.channel_name,
        state: row.state.name().to_owned(),
        items: serde_json::from_str(&row.items).unwrap_or_default(),
        severity: row.severity,
        created: times::write(row.created),
        due: times::write(row.due),
        attempts: row.attempts,
        last_error: row.last_error,
        done: row.done.map(times::write),
    }
}

fn checked(fault: std::result::Result<(), ConfigFault>) -> Result<()> {
    fault.map_err(|fault| ApiError::Invalid {
        field: fault.field,
        reason: fault.reason,
    })
}

impl Caller {
    /// Channels and rules reach out of the house: only administrators of the unit touch them.
    fn require_administration(&self, unit: i64) -> Result<()> {
        self.require(Role::Administrator)?;
        self.require_unit(UnitId(unit))
    }
}

#[utoipa::path(get, path = "/notifications/channels", operation_id = "list_channels", tag = "notifications",
    responses((status = 200, body = [ChannelBody]), (status = 403, body = Problem)))]
async fn channels(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<ChannelBody>>> {
    caller.require(Role::Analyst)?;
    let channels = state.store.channels(&caller.scope).await?;
    Ok(Json(channels.into_iter().map(channel_body).collect()))
}

async fn put_channel(
    state: &ApiState,
    caller: &Caller,
    id: Option<i64>,
    request: ChannelRequest,
) -> Result<i64> {
    caller.require_administration(request.unit_id)?;
    let mut config = request.config;
    if let Some(id) = id {
        let before = state.store.channel(id, &caller.scope).await?;
        if let Ok(before) = serde_json::from_str(&before.config) {
            config = config.with_secret_of(before);
        }
    }
    checked(config.check())?;
    let change = ChannelChange {
        name: request.name,
        unit_id: UnitId(request.unit_id),
        kind: config.kind().to_owned(),
        enabled: request.enabled,
        config: json!(config).to_string(),
    };
    let put = state
        .store
        .put_channel(id, &caller.scope, &change, &caller.user.name, state.now())
        .await?;
    let detail =
        json!({ "name": change.name, "enabled": change.enabled, "config": config.masked() });
    caller
        .note(state, "channel.put", &put.to_string(), detail)
        .await?;
    Ok(put)
}

#[utoipa::path(post, path = "/notifications/channels", operation_id = "create_channel", tag = "notifications",
    request_body = ChannelRequest,
    responses((status = 200, body = Made), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn create_channel(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<ChannelRequest>,
) -> Result<Json<Made>> {
    let id = put_channel(&state, &caller, None, request).await?;
    Ok(Json(Made { id }))
}

#[utoipa::path(put, path = "/notifications/channels/{id}", operation_id = "change_channel", tag = "notifications",
    params(("id" = i64, Path)), request_body = ChannelRequest,
    responses((status = 204), (status = 400, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn change_channel(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<ChannelRequest>,
) -> Result<StatusCode> {
    put_channel(&state, &caller, Some(id), request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// With what waits for it.
#[utoipa::path(delete, path = "/notifications/channels/{id}", operation_id = "delete_channel", tag = "notifications",
    params(("id" = i64, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn delete_channel(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<StatusCode> {
    caller.require(Role::Administrator)?;
    state.store.delete_channel(id, &caller.scope).await?;
    caller
        .note(&state, "channel.delete", &id.to_string(), json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Queues a test message; the queue shows what became of it.
#[utoipa::path(post, path = "/notifications/channels/{id}/test", operation_id = "test_channel", tag = "notifications",
    params(("id" = i64, Path)),
    responses((status = 202), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn test_channel(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<StatusCode> {
    caller.require(Role::Administrator)?;
    let channel = state.store.channel(id, &caller.scope).await?;
    Notifier::new(state.store.clone(), "", state.clock)
        .test(&channel, &caller.user.name)
        .await?;
    caller
        .note(&state, "channel.test", &id.to_string(), json!({}))
        .await?;
    Ok(StatusCode::ACCEPTED)
}

#[utoipa::path(get, path = "/notifications/rules", operation_id = "list_notification_rules", tag = "notifications",
    responses((status = 200, body = [RuleBody]), (status = 403, body = Problem)))]
async fn rules(State(state): State<ApiState>, caller: Caller) -> Result<Json<Vec<RuleBody>>> {
    caller.require(Role::Analyst)?;
    let rules = state.store.notification_rules(&caller.scope).await?;
    Ok(Json(rules.into_iter().map(rule_body).collect()))
}

async fn put_rule(
    state: &ApiState,
    caller: &Caller,
    id: Option<i64>,
    request: RuleRequest,
) -> Result<i64> {
    caller.require_administration(request.unit_id)?;
    checked(request.config.check())?;
    let escalated = request.config.escalation.iter();
    let named = escalated
        .flat_map(|escalation| &escalation.channels)
        .chain(&request.config.channels);
    let channels = visible_channels(state, &caller.scope).await?;
    for channel in named {
        if !channels.contains(channel) {
            return invalid("channels", "unknown");
        }
    }
    let config = json!(request.config);
    let change = RuleChange {
        name: request.name,
        unit_id: UnitId(request.unit_id),
        enabled: request.enabled,
        config: config.to_string(),
    };
    let put = state
        .store
        .put_notification_rule(id, &caller.scope, &change, &caller.user.name, state.now())
        .await?;
    let detail = json!({ "name": change.name, "enabled": change.enabled, "config": config });
    caller
        .note(state, "notification_rule.put", &put.to_string(), detail)
        .await?;
    Ok(put)
}

async fn visible_channels(state: &ApiState, scope: &Scope) -> Result<Vec<i64>> {
    let channels = state.store.channels(scope).await?;
    Ok(channels.iter().map(|channel| channel.id).collect())
}

#[utoipa::path(post, path = "/notifications/rules", operation_id = "create_notification_rule", tag = "notifications",
    request_body = RuleRequest,
    responses((status = 200, body = Made), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn create_rule(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<RuleRequest>,
) -> Result<Json<Made>> {
    let id = put_rule(&state, &caller, None, request).await?;
    Ok(Json(Made { id }))
}

#[utoipa::path(put, path = "/notifications/rules/{id}", operation_id = "change_notification_rule", tag = "notifications",
    params(("id" = i64, Path)), request_body = RuleRequest,
    responses((status = 204), (status = 400, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn change_rule(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<RuleRequest>,
) -> Result<StatusCode> {
    put_rule(&state, &caller, Some(id), request).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(delete, path = "/notifications/rules/{id}", operation_id = "delete_notification_rule", tag = "notifications",
    params(("id" = i64, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn delete_rule(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<StatusCode> {
    caller.require(Role::Administrator)?;
    state
        .store
        .delete_notification_rule(id, &caller.scope)
        .await?;
    caller
        .note(
            &state,
            "notification_rule.delete",
            &id.to_string(),
            json!({}),
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Messages on their way, sent, and failed; newest first.
#[utoipa::path(get, path = "/notifications/outbox", operation_id = "list_outbox", tag = "notifications",
    params(OutboxQuery),
    responses((status = 200, body = OutboxPage), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn outbox(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<OutboxQuery>,
) -> Result<Json<OutboxPage>> {
    caller.require(Role::Analyst)?;
    let wanted = match query.state.as_deref() {
        None | Some("") => None,
        Some(name) => match OutboxState::from_name(name) {
            Some(wanted) => Some(wanted),
            None => return invalid("state", "unknown"),
        },
    };
    let page = Page {
        limit: query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE),
        before: query.before,
    };
    let rows = state.store.outbox(&caller.scope, wanted, page).await?;
    Ok(Json(OutboxPage {
        items: rows.items.into_iter().map(message_body).collect(),
        total: rows.total,
        next: rows.next,
    }))
}

/// Has a message sent again, now.
#[utoipa::path(post, path = "/notifications/outbox/{id}/retry", operation_id = "retry_message", tag = "notifications",
    params(("id" = i64, Path)),
    responses((status = 202), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn retry(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<StatusCode> {
    caller.require(Role::Analyst)?;
    state
        .store
        .retry_message(id, &caller.scope, state.now())
        .await?;
    caller
        .note(&state, "message.retry", &id.to_string(), json!({}))
        .await?;
    Ok(StatusCode::ACCEPTED)
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(channels, create_channel))
        .routes(routes!(change_channel, delete_channel))
        .routes(routes!(test_channel))
        .routes(routes!(rules, create_rule))
        .routes(routes!(change_rule, delete_rule))
        .routes(routes!(outbox))
        .routes(routes!(retry))
}
