//! The loss ledger: what became of every record, and what is missing.

use std::collections::BTreeMap;

use axum::extract::State;
use collector_state::{LedgerCounts, LedgerRow, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result};
use crate::extract::{Path, Query};
use crate::json::Json;
use crate::times;

const DEFAULT_HOURS: i64 = 24;
const MAX_HOURS: i64 = 31 * 24;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LedgerQuery {
    /// Hours back from now; at most 31 days.
    hours: Option<i64>,
    /// One sensor; all that the caller may see without it.
    sensor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SensorLedgerQuery {
    /// Hours back from now; at most 31 days.
    hours: Option<i64>,
}

/// What became of records. Made is shed, stored, rejected, and the gap; the gap is waiting and lost, but
/// where records are stored that the sensor has not told of yet.
#[derive(Serialize, ToSchema)]
pub struct Counts {
    made: u64,
    /// By reason.
    shed: BTreeMap<String, u64>,
    shed_total: u64,
    sent: u64,
    /// The sensor knows that they are stored or rejected.
    acked: u64,
    stored: u64,
    rejected: u64,
    /// In the sensor's spool, as of its last heartbeat.
    waiting: u64,
    /// Waited in a spool that is gone.
    lost_with_spool: u64,
    /// Acknowledged by the collector, which has lost them.
    lost_here: u64,
    /// Positive: waiting or lost. Negative: stored before the sensor told that it made them.
    gap: i64,
}

#[derive(Serialize, ToSchema)]
pub struct LedgerBody {
    /// Beginning of the hour in which the sensor made them, by its clock, RFC 3339.
    hour: String,
    class: String,
    #[serde(flatten)]
    counts: Counts,
}

#[derive(Serialize, ToSchema)]
pub struct SensorLedger {
    sensor_id: String,
    sensor_name: String,
    unit_id: i64,
    total: Counts,
    /// By class.
    classes: BTreeMap<String, Counts>,
}

#[derive(Serialize, ToSchema)]
pub struct LedgersBody {
    from: String,
    to: String,
    total: Counts,
    /// Sensors with the most lost first, then by name.
    sensors: Vec<SensorLedger>,
    /// All sensors together, newest hour first.
    hours: Vec<LedgerBody>,
}

fn counts(counts: &LedgerCounts) -> Counts {
    Counts {
        made: counts.made,
        shed: counts.shed.clone(),
        shed_total: counts.shed_total(),
        sent: counts.sent,
        acked: counts.acked,
        stored: counts.stored,
        rejected: counts.rejected,
        waiting: counts.waiting,
        lost_with_spool: counts.lost_with_spool,
        lost_here: counts.lost_here,
        gap: counts.gap(),
    }
}

fn hour(hour: i64) -> String {
    times::write(UnixMillis(hour.saturating_mul(UnixMillis::HOUR)))
}

fn range(state: &ApiState, hours: Option<i64>) -> (i64, i64) {
    let to = state.now().hour() + 1;
    (to - hours.unwrap_or(DEFAULT_HOURS).clamp(1, MAX_HOURS), to)
}

/// The ledgers of all sensors, with totals by sensor, class and hour.
#[utoipa::path(get, path = "/ledger", operation_id = "ledger", tag = "sensors", params(LedgerQuery),
    responses((status = 200, body = LedgersBody), (status = 404, body = Problem)))]
async fn all(
    State(state): State<ApiState>,
    caller: Caller,
    Query(query): Query<LedgerQuery>,
) -> Result<Json<LedgersBody>> {
    if let Some(sensor) = &query.sensor {
        state.store.sensor(sensor, &caller.scope).await?;
    }
    let (from, to) = range(&state, query.hours);
    let rows = state
        .store
        .ledgers(&caller.scope, query.sensor.as_deref(), from, to)
        .await?;
    let mut total = LedgerCounts::default();
    let mut hours: BTreeMap<(i64, String), LedgerCounts> = BTreeMap::new();
    let mut sensors: BTreeMap<String, (String, i64, BTreeMap<String, LedgerCounts>)> =
        BTreeMap::new();
    for row in rows {
        let LedgerRow {
            hour,
            class,
            counts,
        } = row.row;
        total.add(&counts);
        hours.entry((hour, class.clone())).or_default().add(&counts);
        let (_, _, classes) = sensors
            .entry(row.sensor_id)
            .or_insert_with(|| (row.sensor_name, row.unit_id.0, BTreeMap::new()));
        classes.entry(class).or_default().add(&counts);
    }
    let mut sensors: Vec<(u64, SensorLedger)> = sensors
        .into_iter()
        .map(|(sensor_id, (sensor_name, unit_id, classes))| {
            let mut total = LedgerCounts::default();
            classes.values().for_each(|of_class| total.add(of_class));
            let ledger = SensorLedger {
                sensor_id,
                sensor_name,
                unit_id,
                classes: classes
                    .iter()
                    .map(|(class, of_class)| (class.clone(), counts(of_class)))
                    .collect(),
                total: counts(&total),
            };
            (total.lost(), ledger)
        })
        .collect();
    sensors.sort_by(|(left_lost, left), (right_lost, right)| {
        right_lost
            .cmp(left_lost)
            .then_with(|| left.sensor_name.cmp(&right.sensor_name))
    });
    Ok(Json(LedgersBody {
        from: hour(from),
        to: hour(to),
        total: counts(&total),
        sensors: sensors.into_iter().map(|(_, ledger)| ledger).collect(),
        hours: hours
            .iter()
            .rev()
            .map(|((at, class), of_hour)| LedgerBody {
                hour: hour(*at),
                class: class.clone(),
                counts: counts(of_hour),
            })
            .collect(),
    }))
}

#[utoipa::path(get, path = "/sensors/{id}/ledger", operation_id = "sensor_ledger", tag = "sensors",
    params(("id" = String, Path), SensorLedgerQuery),
    responses((status = 200, body = [LedgerBody]), (status = 404, body = Problem)))]
async fn of_sensor(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<SensorLedgerQuery>,
) -> Result<Json<Vec<LedgerBody>>> {
    let sensor = state.store.sensor(&id, &caller.scope).await?;
    let (from, to) = range(&state, query.hours);
    let rows = state.store.ledger(&sensor.id, from, to).await?;
    let body = |row: LedgerRow| LedgerBody {
        hour: hour(row.hour),
        class: row.class,
        counts: counts(&row.counts),
    };
    Ok(Json(rows.into_iter().map(body).collect()))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(all))
        .routes(routes!(of_sensor))
}
