//! Whether a sensor still has the packets of an event's flow, and what it is to be asked for.

use collector_search::{ClassFilter, Node, Request, Test};
use collector_state::{Sensor, SensorKind, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::EvidenceBody;
use crate::ApiState;
use crate::caller::Caller;
use crate::error::{ApiError, Result};
use crate::times;

/// Before the flow began.
const MARGIN_NS: i64 = 1_000_000_000;
/// Before an event that does not tell when its flow began.
const BEFORE_NS: i64 = 3_600_000_000_000;
/// `matluoi.source` of alerts of the collector's own rules.
const BY_COLLECTOR: &str = "collector";

/// Whether a sensor has the packets of an event.
#[derive(Serialize, ToSchema)]
pub struct AvailabilityBody {
    /// available; rotated: overwritten meanwhile; not_kept: from before the ring began; no_alert: only flows with alerts
    /// are kept; off: the sensor keeps none; unknown: it has told nothing; no_flow: the event belongs to no flow;
    /// foreign: no sensor of ours made it
    state: String,
    sensor_name: Option<String>,
    /// The sensor is connected: it can be asked now.
    online: bool,
    flow_id: Option<String>,
    /// alerts, full
    mode: Option<String>,
    /// What the ring holds.
    oldest: Option<String>,
    newest: Option<String>,
    bytes: Option<u64>,
    budget_bytes: Option<u64>,
    /// Frames that could not be kept since the sensor's start.
    left_out: u64,
    /// What was asked for of its flow, newest first.
    requests: Vec<EvidenceBody>,
}

/// What a heartbeat tells of the ring.
#[derive(Deserialize)]
struct Ring {
    mode: String,
    bytes: u64,
    budget_bytes: u64,
    oldest_ms: Option<i64>,
    newest_ms: Option<i64>,
    rotated: bool,
    left_out: std::collections::BTreeMap<String, u64>,
}

/// What of an event the sensor is to be asked for.
pub(super) struct Traced {
    pub(super) sensor: Option<Sensor>,
    pub(super) flow: Option<i64>,
    pub(super) from_ns: i64,
    pub(super) at_ns: i64,
    /// The sensor has alerted on the flow.
    alerted: bool,
}

pub(super) async fn traced(state: &ApiState, caller: &Caller, id: &str) -> Result<Traced> {
    let sensors = caller.sensors(state).await?;
    let found = state.engine.get(id.to_owned(), sensors).await?;
    let text = found.ok_or(ApiError::NotFound)?;
    let event: Value = serde_json::from_str(&text)
        .map_err(|error| ApiError::Broken(format!("event {id}: {error}")))?;
    let said_ns = nanos(&event["timestamp"]).ok_or(ApiError::NotFound)?;
    let began = nanos(&event["flow"]["start"]).map(|ns| ns.saturating_sub(MARGIN_NS));
    // The record of a flow is written when it has been silent for a while.
    let at_ns = nanos(&event["flow"]["end"]).unwrap_or(said_ns);
    // An alert of the collector's own rules is about a record, whose flow it names: whose record that is has the packets.
    let sensor = if event["matluoi"]["source"] == BY_COLLECTOR {
        match event["matluoi"]["origin"]["sensor"].as_str() {
            Some(sensor) => state.store.sensor(sensor, &caller.scope).await.ok(),
            None => None,
        }
    } else {
        match event["matluoi"]["sensor"].as_str() {
            Some(sensor) => Some(state.store.sensor(sensor, &caller.scope).await?),
            None => None,
        }
    };
    let sensor = sensor.filter(|sensor| sensor.kind == SensorKind::Sensor);
    let flow = event["flow_id"].as_i64();
    let alerted = match (&sensor, flow) {
        _ if is_of_sensor(&event) || event["flow"]["alerted"] == true => true,
        (Some(sensor), Some(flow)) => has_alert(state, &sensor.id, flow).await?,
        _ => false,
    };
    Ok(Traced {
        sensor,
        flow,
        from_ns: began.unwrap_or(at_ns.saturating_sub(BEFORE_NS)).min(at_ns),
        at_ns,
        alerted,
    })
}

/// An alert that the sensor itself made; the collector makes others.
fn is_of_sensor(event: &Value) -> bool {
    event["event_type"] == "alert" && event["matluoi"]["source"] != BY_COLLECTOR
}

/// Whether a sensor has alerted on a flow of its own.
async fn has_alert(state: &ApiState, sensor: &str, flow: i64) -> Result<bool> {
    let is = |path: &str, value: String| Node::Field {
        path: path.to_owned(),
        test: Test::Is(value),
        position: 0,
    };
    let by_collector = is("matluoi.source", BY_COLLECTOR.to_owned());
    let request = Request {
        query: Node::And(vec![
            is("flow_id", flow.to_string()),
            Node::Not(Box::new(by_collector)),
        ]),
        from: None,
        to: None,
        class: ClassFilter::Alert,
        sensors: Some(vec![sensor.to_owned()]),
    };
    Ok(state.engine.count(request).await?.total > 0)
}

fn nanos(time: &Value) -> Option<i64> {
    times::eve_ns(time.as_str()?)
}

pub(super) fn availability(traced: &Traced, requests: Vec<EvidenceBody>) -> AvailabilityBody {
    let mut body = AvailabilityBody {
        state: String::new(),
        sensor_name: traced.sensor.as_ref().map(|sensor| sensor.name.clone()),
        online: traced
            .sensor
            .as_ref()
            .is_some_and(|sensor| sensor.connected),
        flow_id: traced.flow.map(|id| id.to_string()),
        mode: None,
        oldest: None,
        newest: None,
        bytes: None,
        budget_bytes: None,
        left_out: 0,
        requests,
    };
    let stats = traced.sensor.as_ref().map(|sensor| {
        let stats = sensor.stats.as_deref()?;
        serde_json::from_str::<Value>(stats).ok()
    });
    let told = match &stats {
        None => Err("foreign"),
        Some(None) => Err("unknown"),
        Some(Some(stats)) => match &stats["evidence"] {
            Value::Null => Err("off"),
            ring => serde_json::from_value::<Ring>(ring.clone()).map_err(|_| "unknown"),
        },
    };
    let state = match told {
        Err(state) => state,
        Ok(ring) => {
            let at_ms = traced.at_ns.div_euclid(1_000_000);
            let state = match ring.oldest_ms {
                _ if traced.flow.is_none() => "no_flow",
                _ if ring.mode == "alerts" && !traced.alerted => "no_alert",
                Some(oldest) if at_ms >= oldest => "available",
                Some(_) if ring.rotated => "rotated",
                _ => "not_kept",
            };
            body.oldest = ring.oldest_ms.map(|ms| times::write(UnixMillis(ms)));
            body.newest = ring.newest_ms.map(|ms| times::write(UnixMillis(ms)));
            body.mode = Some(ring.mode);
            body.bytes = Some(ring.bytes);
            body.budget_bytes = Some(ring.budget_bytes);
            body.left_out = ring.left_out.values().sum();
            state
        }
    };
    body.state = state.to_owned();
    body
}
