//! What sensors are to do once: start again, send a support bundle.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use collector_state::{Order, OrderKind, OrderStep, Role};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::cases::saved_as;
use crate::error::{Problem, Result, invalid};
use crate::extract::Path;
use crate::json::Json;
use crate::times;

#[derive(Deserialize, ToSchema)]
pub struct OrderRequest {
    /// restart, bundle
    kind: String,
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct OrderBody {
    id: i64,
    sensor_id: String,
    sensor_name: String,
    /// restart, bundle
    kind: &'static str,
    reason: String,
    requested: String,
    requested_by: String,
    /// queued (the sensor is offline), sent, working, done, failed, cancelled
    state: &'static str,
    /// Of failed: no_service_manager, unable, unreadable, too_large, busy, expired
    fault: Option<String>,
    changed: String,
    /// Of a bundle that can be fetched.
    bytes: Option<u64>,
    sha256: Option<String>,
}

fn body(order: Order) -> OrderBody {
    OrderBody {
        id: order.id,
        sensor_id: order.sensor_id,
        sensor_name: order.sensor_name,
        kind: order.kind.name(),
        reason: order.reason,
        requested: times::write(order.requested),
        requested_by: order.requested_by,
        state: order.state.name(),
        fault: order.fault,
        changed: times::write(order.changed),
        bytes: order.bytes,
        sha256: order.sha256,
    }
}

/// The newest orders to a sensor, newest first.
#[utoipa::path(get, path = "/sensors/{id}/orders", operation_id = "sensor_orders", tag = "fleet", params(("id" = String, Path)),
    responses((status = 200, body = [OrderBody]), (status = 404, body = Problem)))]
async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Vec<OrderBody>>> {
    let orders = state.store.orders(&id, &caller.scope).await?;
    Ok(Json(orders.into_iter().map(body).collect()))
}

/// Has a sensor do something; one that is offline is told when it comes back within a day.
#[utoipa::path(post, path = "/sensors/{id}/orders", operation_id = "order_sensor", tag = "fleet",
    params(("id" = String, Path)), request_body = OrderRequest,
    responses((status = 200, body = OrderBody), (status = 400, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn order(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(request): Json<OrderRequest>,
) -> Result<Json<OrderBody>> {
    caller.require(Role::Administrator)?;
    let Some(kind) = OrderKind::from_name(&request.kind) else {
        return invalid("kind", "unknown");
    };
    let who = (caller.user.name.as_str(), state.now());
    let order = state
        .store
        .order(&id, kind, &request.reason, &caller.scope, who)
        .await?;
    let detail = json!({ "order": order.id, "reason": order.reason });
    let action = match kind {
        OrderKind::Restart => "sensor.restart",
        OrderKind::Bundle => "sensor.bundle",
    };
    caller.note(&state, action, &id, detail).await?;
    Ok(Json(body(order)))
}

/// What has not been done is not wanted any more.
#[utoipa::path(post, path = "/orders/{id}/cancel", operation_id = "cancel_order", tag = "fleet", params(("id" = i64, Path)),
    responses((status = 200, body = OrderBody), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn cancel(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<Json<OrderBody>> {
    caller.require(Role::Administrator)?;
    let order = state.store.one_order(id, &caller.scope).await?;
    let step = OrderStep::Cancelled;
    if state.store.step_order(id, &step, state.now()).await? {
        let detail = json!({ "order": id });
        caller
            .note(&state, "sensor.cancel_order", &order.sensor_id, detail)
            .await?;
    }
    Ok(Json(body(state.store.one_order(id, &caller.scope).await?)))
}

/// A support bundle: logs, counters, configuration without secrets, what the doctor finds; a gzipped tar archive.
#[utoipa::path(get, path = "/orders/{id}/bundle", operation_id = "download_bundle", tag = "fleet", params(("id" = i64, Path)),
    responses((status = 200, content_type = "application/octet-stream"), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn bundle(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<i64>,
) -> Result<(HeaderMap, Body)> {
    caller.require(Role::Administrator)?;
    let (order, content) = state.store.bundle(id, &caller.scope).await?;
    let detail = json!({ "order": id, "sha256": order.sha256, "bytes": content.len() });
    caller
        .note(&state, "sensor.download_bundle", &order.sensor_id, detail)
        .await?;
    let headers = saved_as(
        &format!("matluoi-sensor-{id}.tar.gz"),
        "application/octet-stream",
    )?;
    Ok((headers, Body::from(content)))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, order))
        .routes(routes!(cancel))
        .routes(routes!(bundle))
}
