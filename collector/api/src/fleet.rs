//! What sensors run with: settings of units and sensors, what a change would do, and the change.

use axum::extract::State;
use collector_state::{
    Effective, FleetChange, FleetTarget, Preview, Role, SensorConfiguration, UnitId, ValueChange,
};
use rules::signature::Environment;
use sensor_event::{MAX_SETTINGS, SETTINGS, Setting, SettingEffect, SettingFault, SettingKind};
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

/// Changed sensors that a preview names; all are counted.
const MAX_NAMED: usize = 500;

/// A setting that a centre may change.
#[derive(Serialize, ToSchema)]
pub struct SettingBody {
    /// With `*` at its end for those that somebody names.
    name: &'static str,
    /// choice, number, words, addresses, ports
    kind: &'static str,
    /// Of choice and words.
    words: &'static [&'static str],
    /// Of number.
    least: Option<u64>,
    most: Option<u64>,
    /// MB, s, kbit/s
    unit: Option<&'static str>,
    /// live: at once; restart: the sensor starts again
    effect: &'static str,
}

/// A unit with everything below it, or one sensor: one of both.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TargetQuery {
    unit_id: Option<i64>,
    sensor_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct EffectiveBody {
    name: String,
    value: String,
    /// It is set here, not inherited.
    own: bool,
    /// The unit that it comes from; absent: the sensor's own.
    unit_id: Option<i64>,
    unit_name: Option<String>,
    at: String,
    user: String,
}

#[derive(Serialize, ToSchema)]
pub struct EffectivePage {
    /// What a change has to name.
    revision: i64,
    items: Vec<EffectiveBody>,
}

#[derive(Deserialize, ToSchema)]
pub struct SettingChange {
    name: String,
    /// Absent: taken back, so that it is inherited, or as the sensor's own file says.
    value: Option<String>,
}

#[derive(Deserialize, ToSchema)]
pub struct FleetPreviewRequest {
    /// One of both.
    unit_id: Option<i64>,
    sensor_id: Option<String>,
    changes: Vec<SettingChange>,
}

#[derive(Deserialize, ToSchema)]
pub struct FleetChangeRequest {
    #[serde(flatten)]
    what: FleetPreviewRequest,
    /// Of the preview: nobody has changed anything since.
    revision: i64,
    why: String,
}

#[derive(Serialize, ToSchema)]
pub struct ValueBody {
    name: String,
    /// Absent: as the sensor's own file says.
    before: Option<String>,
    after: Option<String>,
    /// live, restart
    effect: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct ChangedSensorBody {
    sensor_id: String,
    name: String,
    unit_name: String,
    connected: bool,
    /// It has to start again.
    restarts: bool,
    changes: Vec<ValueBody>,
}

#[derive(Serialize, ToSchema)]
pub struct FleetPreviewBody {
    revision: i64,
    /// Sensors that change.
    changed: usize,
    /// Of them, those that start again.
    restarted: usize,
    /// Sensors of the target that stay as they are: they have values of their own, or of a unit between.
    unchanged: u64,
    /// The first 500 that change, by name.
    sensors: Vec<ChangedSensorBody>,
}

#[derive(Serialize, ToSchema)]
pub struct FleetChangeBody {
    id: i64,
    at: String,
    user: String,
    why: String,
    /// Sensors whose configuration it changed then.
    sensors: u64,
    changes: Vec<ValueBody>,
}

/// How a sensor stands to what it is to run with.
#[derive(Serialize, ToSchema)]
pub struct ConfigurationBody {
    /// current, waiting (not there yet), restart (there, the sensor has to start again), refused, unable (its version takes
    /// none)
    pub(crate) state: &'static str,
    pub(crate) refused_reason: Option<String>,
    /// Of the centre's settings: those it is to run with, and those it runs with; empty for none.
    pub(crate) wanted_hash: String,
    pub(crate) hash: Option<String>,
    /// Of everything that it runs with, its own file too.
    pub(crate) running_hash: Option<String>,
}

/// One setting of one sensor.
#[derive(Serialize, ToSchema)]
pub struct SensorSettingBody {
    name: String,
    /// What the centre wants, and where it is set; absent: nothing.
    wanted: Option<EffectiveBody>,
    /// As the sensor says that it runs; absent: it has not told.
    runs: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct SensorConfigurationBody {
    #[serde(flatten)]
    configuration: ConfigurationBody,
    settings: Vec<SensorSettingBody>,
}

pub(crate) fn configuration(told: &SensorConfiguration) -> ConfigurationBody {
    ConfigurationBody {
        state: told.state.name(),
        refused_reason: told.refused_reason.clone(),
        wanted_hash: told.wanted_hash.clone(),
        hash: told.hash.clone(),
        running_hash: told.running_hash.clone(),
    }
}

fn setting(setting: &'static Setting) -> SettingBody {
    let (kind, words, number): (_, &'static [&'static str], _) = match setting.kind {
        SettingKind::Choice(words) => ("choice", words, None),
        SettingKind::Words(words) => ("words", words, None),
        SettingKind::Number { least, most, unit } => ("number", &[], Some((least, most, unit))),
        SettingKind::Addresses => ("addresses", &[], None),
        SettingKind::Ports => ("ports", &[], None),
    };
    SettingBody {
        name: setting.name,
        kind,
        words,
        least: number.map(|(least, _, _)| least),
        most: number.map(|(_, most, _)| most),
        unit: number.map(|(_, _, unit)| unit),
        effect: effect(setting.effect),
    }
}

fn effect(effect: SettingEffect) -> &'static str {
    match effect {
        SettingEffect::Live => "live",
        SettingEffect::Restart => "restart",
    }
}

/// When a change of this setting takes effect; one that a later version knew is taken for the worse.
fn effect_of(name: &str) -> SettingEffect {
    Setting::of(name).map_or(SettingEffect::Restart, |setting| setting.effect)
}

fn effective(one: Effective, target: &FleetTarget) -> EffectiveBody {
    let own = match (target, &one.unit) {
        (FleetTarget::Unit(target), Some((unit, _))) => target == unit,
        (FleetTarget::Sensor(_), None) => true,
        _ => false,
    };
    let (unit_id, unit_name) = one.unit.map(|(unit, name)| (unit.0, name)).unzip();
    EffectiveBody {
        name: one.name,
        value: one.value,
        own,
        unit_id,
        unit_name,
        at: times::write(one.at),
        user: one.user,
    }
}

fn value(change: ValueChange) -> ValueBody {
    ValueBody {
        effect: effect(effect_of(&change.name)),
        name: change.name,
        before: change.before,
        after: change.after,
    }
}

fn preview_body(preview: Preview) -> FleetPreviewBody {
    let restarts = |changes: &[ValueChange]| {
        let mut effects = changes.iter().map(|change| effect_of(&change.name));
        effects.any(|effect| effect == SettingEffect::Restart)
    };
    let changed = &preview.sensors;
    FleetPreviewBody {
        revision: preview.revision,
        changed: changed.len(),
        restarted: changed.iter().filter(|one| restarts(&one.changes)).count(),
        unchanged: preview.unchanged,
        sensors: preview
            .sensors
            .into_iter()
            .take(MAX_NAMED)
            .map(|one| ChangedSensorBody {
                restarts: restarts(&one.changes),
                sensor_id: one.sensor_id,
                name: one.name,
                unit_name: one.unit_name,
                connected: one.connected,
                changes: one.changes.into_iter().map(value).collect(),
            })
            .collect(),
    }
}

fn change_body(change: FleetChange) -> FleetChangeBody {
    #[derive(Deserialize)]
    struct Noted {
        name: String,
        before: Option<String>,
        after: Option<String>,
    }
    let noted: Vec<Noted> = serde_json::from_str(&change.changes).unwrap_or_default();
    let values = noted.into_iter().map(|one| ValueChange {
        name: one.name,
        before: one.before,
        after: one.after,
    });
    FleetChangeBody {
        id: change.id,
        at: times::write(change.at),
        user: change.user,
        why: change.why,
        sensors: change.sensors,
        changes: values.map(value).collect(),
    }
}

fn target(unit_id: Option<i64>, sensor_id: Option<String>) -> Result<FleetTarget> {
    match (unit_id, sensor_id) {
        (Some(unit), None) => Ok(FleetTarget::Unit(UnitId(unit))),
        (None, Some(sensor)) => Ok(FleetTarget::Sensor(sensor)),
        _ => invalid("target", "one_of_both"),
    }
}

/// Whether the values are ones; the sensor looks once more before it runs with them.
fn checked(changes: Vec<SettingChange>) -> Result<Vec<(String, Option<String>)>> {
    if changes.is_empty() || changes.len() > MAX_SETTINGS {
        return invalid("changes", "out_of_range");
    }
    let mut checked: Vec<(String, Option<String>)> = Vec::with_capacity(changes.len());
    for change in changes {
        let value = change.value.map(|value| value.trim().to_owned());
        if checked.iter().any(|(name, _)| *name == change.name) {
            return invalid("changes", "twice");
        }
        let told = |fault: SettingFault| ApiError::Setting {
            name: change.name.chars().take(100).collect(),
            fault: fault.code(),
        };
        match (&value, Setting::of(&change.name)) {
            (None, Ok(_)) => {}
            (Some(value), Ok(setting)) => {
                setting.check(value).map_err(told)?;
                // What refers to other variables, the sensor alone can tell.
                let environment = Environment::default();
                let is_one = value.contains('$')
                    || match setting.kind {
                        SettingKind::Addresses => environment.address_set(value).is_ok(),
                        SettingKind::Ports => environment.check_ports(value).is_ok(),
                        _ => true,
                    };
                if !is_one {
                    return Err(told(SettingFault::Malformed));
                }
            }
            // What an earlier version has left can be taken back.
            (None, Err(SettingFault::Unknown)) => {}
            (_, Err(fault)) => return Err(told(fault)),
        }
        checked.push((change.name, value));
    }
    Ok(checked)
}

/// What may be changed from afar.
#[utoipa::path(get, path = "/fleet/settings", operation_id = "fleet_settings", tag = "fleet",
    responses((status = 200, body = [SettingBody])))]
async fn settings(_: Caller) -> Json<Vec<SettingBody>> {
    Json(SETTINGS.iter().map(setting).collect())
}

/// What holds in a unit or for a sensor, with the place that each value comes from.
#[utoipa::path(get, path = "/fleet/effective", operation_id = "effective_settings", tag = "fleet", params(TargetQuery),
    responses((status = 200, body = EffectivePage), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn effective_settings(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<TargetQuery>,
) -> Result<Json<EffectivePage>> {
    let target = target(query.unit_id, query.sensor_id)?;
    let revision = state.store.fleet_revision().await?;
    let found = state.store.effective_settings(&target, &caller.scope);
    let items = found.await?.into_iter();
    Ok(Json(EffectivePage {
        revision,
        items: items.map(|one| effective(one, &target)).collect(),
    }))
}

/// What a change would do; it is not made.
#[utoipa::path(post, path = "/fleet/preview", operation_id = "preview_settings", tag = "fleet",
    request_body = FleetPreviewRequest,
    responses((status = 200, body = FleetPreviewBody), (status = 400, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn preview(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<FleetPreviewRequest>,
) -> Result<Json<FleetPreviewBody>> {
    caller.require(Role::Administrator)?;
    let target = target(request.unit_id, request.sensor_id)?;
    let changes = checked(request.changes)?;
    let preview = state
        .store
        .preview_settings(&target, &changes, &caller.scope)
        .await?;
    Ok(Json(preview_body(preview)))
}

/// Sets and takes back values. Connected sensors get them at once.
#[utoipa::path(post, path = "/fleet/changes", operation_id = "change_settings", tag = "fleet",
    request_body = FleetChangeRequest,
    responses((status = 200, body = FleetPreviewBody), (status = 400, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    Json(request): Json<FleetChangeRequest>,
) -> Result<Json<FleetPreviewBody>> {
    caller.require(Role::Administrator)?;
    let target = target(request.what.unit_id, request.what.sensor_id)?;
    let changes = checked(request.what.changes)?;
    let why = (request.revision, request.why.as_str());
    let who = (caller.user.name.as_str(), state.now());
    let done = state
        .store
        .change_settings(&target, &changes, why, &caller.scope, who)
        .await?;
    let named = match &target {
        FleetTarget::Unit(unit) => format!("unit {unit}"),
        FleetTarget::Sensor(sensor) => sensor.clone(),
    };
    let values: serde_json::Map<String, Value> = changes
        .into_iter()
        .map(|(name, value)| (name, json!(value)))
        .collect();
    let detail = json!({ "changes": values, "why": request.why, "sensors": done.sensors.len() });
    caller.note(&state, "fleet.change", &named, detail).await?;
    Ok(Json(preview_body(done)))
}

/// What was changed at a unit or a sensor, newest first.
#[utoipa::path(get, path = "/fleet/changes", operation_id = "fleet_changes", tag = "fleet", params(TargetQuery),
    responses((status = 200, body = [FleetChangeBody]), (status = 400, body = Problem), (status = 404, body = Problem)))]
async fn changes(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<TargetQuery>,
) -> Result<Json<Vec<FleetChangeBody>>> {
    let target = target(query.unit_id, query.sensor_id)?;
    let changes = state.store.fleet_changes(&target, &caller.scope).await?;
    Ok(Json(changes.into_iter().map(change_body).collect()))
}

/// What a sensor is to run with, where each value comes from, and what it says that it runs.
#[utoipa::path(get, path = "/sensors/{id}/configuration", operation_id = "sensor_configuration", tag = "fleet",
    params(("id" = String, Path)),
    responses((status = 200, body = SensorConfigurationBody), (status = 404, body = Problem)))]
async fn of_sensor(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<SensorConfigurationBody>> {
    let target = FleetTarget::Sensor(id);
    let wanted = state
        .store
        .effective_settings(&target, &caller.scope)
        .await?;
    let FleetTarget::Sensor(id) = &target else {
        return Err(ApiError::NotFound);
    };
    let told = state.store.sensor_configuration(id, &caller.scope).await?;
    let running = told.running.as_deref().unwrap_or("{}");
    let running: std::collections::BTreeMap<String, String> =
        serde_json::from_str(running).unwrap_or_default();
    let mut settings: Vec<SensorSettingBody> = running
        .into_iter()
        .map(|(name, runs)| SensorSettingBody {
            name,
            wanted: None,
            runs: Some(runs),
        })
        .collect();
    for one in wanted {
        let body = effective(one, &target);
        match settings
            .iter_mut()
            .find(|setting| setting.name == body.name)
        {
            Some(setting) => setting.wanted = Some(body),
            None => settings.push(SensorSettingBody {
                name: body.name.clone(),
                wanted: Some(body),
                runs: None,
            }),
        }
    }
    Ok(Json(SensorConfigurationBody {
        configuration: configuration(&told),
        settings,
    }))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(settings))
        .routes(routes!(effective_settings))
        .routes(routes!(preview))
        .routes(routes!(changes, change))
        .routes(routes!(of_sensor))
}
