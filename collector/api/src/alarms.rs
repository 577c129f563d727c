//! What is wrong with sensors and with the collector itself, and from where on it is called wrong.

use axum::extract::State;
use collector_notify::WatchSettings;
use collector_state::{Alarm, AlarmFilter, Page, Role, UnitId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result, invalid};
use crate::extract::{Path, Query};
use crate::json::Json;
use crate::times;

const DEFAULT_PAGE: u32 = 100;
const MAX_PAGE: u32 = 500;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AlarmsQuery {
    /// open (the default), all
    state: Option<String>,
    limit: Option<u32>,
    /// `next` of the page before.
    before: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct AlarmBody {
    id: i64,
    /// sensor_disconnected, sensor_silent, packet_drops, no_traffic, records_shed, records_lost,
    /// spool_filling, clock_skew, ruleset_mismatch, configuration_mismatch, sensor_cloned, canary_missing, disk_days_left, disk_reserve,
    /// retention_short, notifications_failing, feeds_failing, archive_failing, syslog_refused, index_damaged
    kind: String,
    /// 1 (worst) to 4.
    severity: u8,
    /// None: the collector itself.
    sensor_id: Option<String>,
    sensor_name: Option<String>,
    unit_id: i64,
    opened: String,
    /// When the condition was last seen.
    seen: String,
    closed: Option<String>,
    /// Figures; `hop` of canary_missing is sensor, spool, link, send, index or inbox.
    #[schema(value_type = Object)]
    detail: Value,
    acknowledged_by: Option<String>,
    acknowledged: Option<String>,
    comment: Option<String>,
    /// Nobody is told of it for now.
    silence: Option<AlarmSilenceBody>,
}

#[derive(Serialize, ToSchema)]
pub struct AlarmSilenceBody {
    id: i64,
    reason: String,
    ends: String,
}

#[derive(Serialize, ToSchema)]
pub struct AlarmPage {
    items: Vec<AlarmBody>,
    total: u64,
    next: Option<i64>,
}

#[derive(Deserialize, ToSchema)]
pub struct Acknowledgement {
    #[serde(default)]
    comment: String,
}

fn body(alarm: Alarm) -> AlarmBody {
    AlarmBody {
        id: alarm.id,
        kind: alarm.kind.name().to_owned(),
        severity: alarm.kind.severity(),
        sensor_id: alarm.sensor_id,
        sensor_name: alarm.sensor_name,
        unit_id: alarm.unit_id.0,
        opened: times::write(alarm.opened),
        seen: times::write(alarm.seen),
        closed: alarm.closed.map(times::write),
        detail: serde_json::from_str(&alarm.detail).unwrap_or_default(),
        acknowledged_by: alarm.acknowledged_by,
        acknowledged: alarm.acknowledged.map(times::write),
        comment: alarm.comment,
        silence: alarm.silence.map(|silence| AlarmSilenceBody {
            id: silence.id,
            reason: silence.reason,
            ends: times::write(silence.ends),
        }),
    }
}

/// Newest first.
#[utoipa::path(get, path = "/alarms", operation_id = "list_alarms", tag = "alarms", params(AlarmsQuery),
    responses((status = 200, body = AlarmPage), (status = 400, body = Problem)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<AlarmsQuery>,
) -> Result<Json<AlarmPage>> {
    let filter = match query.state.as_deref() {
        None | Some("open") => AlarmFilter::Open,
        Some("all") => AlarmFilter::All,
        Some(_) => return invalid("state", "unknown"),
    };
    let page = Page {
        limit: query.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE),
        before: query.before,
    };
    let alarms = state.store.alarms(&caller.scope, filter, page).await?;
    Ok(Json(AlarmPage {
        items: alarms.items.into_iter().map(body).collect(),
        total: alarms.total,
        next: alarms.next,
    }))
}

/// Somebody sees to it; it stays open until its condition has gone.
#[utoipa::path(post, path = "/alarms/{id}/acknowledge", operation_id = "acknowledge_alarm", tag = "alarms",
    params(("id" = i64, Path)), request_body = Acknowledgement,
    responses((status = 200, body = AlarmBody), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn acknowledge(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
    Json(request): Json<Acknowledgement>,
) -> Result<Json<AlarmBody>> {
    caller.require(Role::Analyst)?;
    let alarm = state
        .store
        .acknowledge_alarm(
            id,
            &caller.scope,
            &caller.user.name,
            &request.comment,
            state.now(),
        )
        .await?;
    let detail = json!({ "comment": request.comment });
    caller
        .note(&state, "alarm.acknowledge", &id.to_string(), detail)
        .await?;
    Ok(Json(body(alarm)))
}

#[utoipa::path(get, path = "/alarms/settings", operation_id = "alarm_settings", tag = "alarms",
    responses((status = 200, body = WatchSettings)))]
async fn settings(State(state): State<ApiState>, _: Caller) -> Result<Json<WatchSettings>> {
    Ok(Json(WatchSettings::read(&state.store).await?))
}

#[utoipa::path(put, path = "/alarms/settings", operation_id = "set_alarm_settings", tag = "alarms",
    request_body = WatchSettings,
    responses((status = 200, body = WatchSettings), (status = 400, body = Problem), (status = 403, body = Problem)))]
async fn set_settings(
    State(state): State<ApiState>,
    caller: Caller,
    Json(settings): Json<WatchSettings>,
) -> Result<Json<WatchSettings>> {
    caller.require(Role::Administrator)?;
    caller.require_unit(UnitId::ROOT)?;
    if settings.ruleset_hash.len() > 200 {
        return invalid("ruleset_hash", "too_long");
    }
    if settings.silent_percent > 100 || settings.spool_percent > 100 {
        return invalid("percent", "out_of_range");
    }
    if !(0.0..=100.0).contains(&settings.drop_percent) {
        return invalid("drop_percent", "out_of_range");
    }
    let value = json!(settings);
    state
        .store
        .set_setting(
            WatchSettings::NAME,
            &value.to_string(),
            &caller.user.name,
            state.now(),
        )
        .await?;
    caller.note(&state, "alarms.settings", "", value).await?;
    Ok(Json(settings))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(acknowledge))
        .routes(routes!(settings, set_settings))
}
