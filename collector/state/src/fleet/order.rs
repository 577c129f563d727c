//! What sensors are to do once: start again, send a support bundle.

use sha2::{Digest as _, Sha256};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::{Result, StateError};
use crate::ids::{UnitId, UnixMillis};
use crate::limits::{
    MAX_BUNDLE_BYTES, MAX_NAME_BYTES, MAX_OPEN_ORDERS, MAX_ORDERS_PER_SENSOR, ORDER_LIFETIME,
};
use crate::rule_set::checked_reason;
use crate::store::Store;
use crate::text::cut;
use crate::unit::{Scope, push_scope};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderKind {
    Restart,
    Bundle,
}

impl OrderKind {
    pub fn name(self) -> &'static str {
        match self {
            OrderKind::Restart => "restart",
            OrderKind::Bundle => "bundle",
        }
    }

    pub fn from_name(name: &str) -> Option<OrderKind> {
        [OrderKind::Restart, OrderKind::Bundle]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderState {
    /// The sensor has not been told: it is offline.
    Queued,
    Sent,
    Working,
    Done,
    Failed,
    Cancelled,
}

impl OrderState {
    pub fn name(self) -> &'static str {
        match self {
            OrderState::Queued => "queued",
            OrderState::Sent => "sent",
            OrderState::Working => "working",
            OrderState::Done => "done",
            OrderState::Failed => "failed",
            OrderState::Cancelled => "cancelled",
        }
    }

    fn of(name: &str) -> Option<OrderState> {
        use OrderState::*;
        [Queued, Sent, Working, Done, Failed, Cancelled]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: i64,
    pub sensor_id: String,
    pub sensor_name: String,
    pub unit_id: UnitId,
    pub kind: OrderKind,
    pub reason: String,
    pub requested: UnixMillis,
    pub requested_by: String,
    pub state: OrderState,
    pub fault: Option<String>,
    pub changed: UnixMillis,
    /// Of a bundle that is here.
    pub bytes: Option<u64>,
    pub sha256: Option<String>,
}

/// What becomes of an open order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderStep {
    /// Told to the program that makes this number.
    Sent(u64),
    Working,
    Failed(String),
    /// The bundle is here.
    Came(Vec<u8>),
    Cancelled,
}

const COLUMNS: &str =
    "SELECT o.id, sensor_id, s.name, s.unit_id, o.kind, reason, requested, requested_by,
    state, fault, changed, octet_length(content), sha256
    FROM sensor_orders o JOIN sensors s ON s.id = o.sensor_id WHERE 1";

impl Store {
    /// Notes that a sensor is to do something. What it is told to do already is not told twice.
    pub async fn order(
        &self,
        sensor_id: &str,
        kind: OrderKind,
        reason: &str,
        scope: &Scope,
        (user, now): (&str, UnixMillis),
    ) -> Result<Order> {
        let reason = checked_reason(reason)?;
        let target = super::FleetTarget::Sensor(sensor_id.to_owned());
        self.fleet_target(&target, scope).await?;
        let mut tx = self.write().await?;
        let open: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, kind FROM sensor_orders WHERE sensor_id = ? AND is_open")
                .bind(sensor_id)
                .fetch_all(&mut *tx)
                .await?;
        let same = open.iter().find(|(_, other)| other == kind.name());
        let id = match same {
            Some((id, _)) => *id,
            None => {
                let all: i64 =
                    sqlx::query_scalar("SELECT count(*) FROM sensor_orders WHERE is_open")
                        .fetch_one(&mut *tx)
                        .await?;
                if all >= MAX_OPEN_ORDERS {
                    return Err(StateError::Invalid {
                        field: "order",
                        reason: "too_many",
                    });
                }
                sqlx::query_scalar(
                    "INSERT INTO sensor_orders (sensor_id, kind, reason, requested, requested_by, state, changed)
                     VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?4) RETURNING id",
                )
                .bind(sensor_id)
                .bind(kind.name())
                .bind(reason)
                .bind(now.0)
                .bind(user)
                .fetch_one(&mut *tx)
                .await?
            }
        };
        sqlx::query(
            "DELETE FROM sensor_orders WHERE sensor_id = ?1 AND NOT is_open AND id NOT IN
             (SELECT id FROM sensor_orders WHERE sensor_id = ?1 ORDER BY id DESC LIMIT ?2)",
        )
        .bind(sensor_id)
        .bind(MAX_ORDERS_PER_SENSOR)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        self.tell_fleet();
        self.one_order(id, scope).await
    }

    pub async fn one_order(&self, id: i64, scope: &Scope) -> Result<Order> {
        let mut query = sqlx::QueryBuilder::new(COLUMNS);
        query.push(" AND o.id = ").push_bind(id);
        push_scope(&mut query, "s.unit_id", scope);
        let row = query.build().fetch_optional(self.reader()).await?;
        row.as_ref()
            .and_then(order_from)
            .ok_or_else(|| StateError::not_found("order", id))
    }

    /// Of one sensor, newest first.
    pub async fn orders(&self, sensor_id: &str, scope: &Scope) -> Result<Vec<Order>> {
        let sensor = self.sensor(sensor_id, scope).await?;
        let mut query = sqlx::QueryBuilder::new(COLUMNS);
        query.push(" AND sensor_id = ").push_bind(&sensor.id);
        query.push(" ORDER BY o.id DESC LIMIT ");
        query.push_bind(MAX_ORDERS_PER_SENSOR);
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().filter_map(order_from).collect())
    }

    /// What a sensor is to be told, oldest first.
    pub async fn open_orders(&self, sensor_id: &str) -> Result<Vec<Order>> {
        let mut query = sqlx::QueryBuilder::new(COLUMNS);
        query.push(" AND sensor_id = ").push_bind(sensor_id);
        query.push(" AND is_open ORDER BY o.id");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows.iter().filter_map(order_from).collect())
    }

    /// Notes a step of an open order; false when it is open no more.
    pub async fn step_order(&self, id: i64, step: &OrderStep, now: UnixMillis) -> Result<bool> {
        let (state, fault, instance, content) = match step {
            OrderStep::Sent(instance) => ("sent", None, Some(instance.cast_signed()), None),
            OrderStep::Working => ("working", None, None, None),
            OrderStep::Failed(fault) => ("failed", Some(cut(fault, MAX_NAME_BYTES)), None, None),
            OrderStep::Came(content) if content.len() > MAX_BUNDLE_BYTES => {
                ("failed", Some("too_large"), None, None)
            }
            OrderStep::Came(content) => ("done", None, None, Some(content)),
            OrderStep::Cancelled => ("cancelled", None, None, None),
        };
        let sha256 = content.map(|content| {
            let digest = Sha256::digest(content);
            digest
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        });
        let done = sqlx::query(
            "UPDATE sensor_orders SET state = ?1, fault = ?2, instance = coalesce(?3, instance), content = ?4,
             sha256 = ?5, changed = ?6 WHERE id = ?7 AND is_open",
        )
        .bind(state)
        .bind(fault)
        .bind(instance)
        .bind(content)
        .bind(sha256)
        .bind(now.0)
        .bind(id)
        .execute(self.writer())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// A bundle that is here.
    pub async fn bundle(&self, id: i64, scope: &Scope) -> Result<(Order, Vec<u8>)> {
        let order = self.one_order(id, scope).await?;
        let content: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT content FROM sensor_orders WHERE id = ?")
                .bind(id)
                .fetch_one(self.reader())
                .await?;
        content
            .map(|content| (order, content))
            .ok_or_else(|| StateError::not_found("bundle", id))
    }

    /// Gives up orders that waited too long for their sensor, and removes those that are old.
    pub async fn expire_orders(&self, now: UnixMillis) -> Result<()> {
        let before = now.plus(-(ORDER_LIFETIME.as_millis() as i64));
        sqlx::query(
            "UPDATE sensor_orders SET state = 'failed', fault = 'expired', changed = ? WHERE is_open AND requested < ?",
        )
        .bind(now.0)
        .bind(before.0)
        .execute(self.writer())
        .await?;
        sqlx::query("DELETE FROM sensor_orders WHERE NOT is_open AND changed < ?")
            .bind(now.plus(-30 * UnixMillis::DAY).0)
            .execute(self.writer())
            .await?;
        Ok(())
    }
}

fn order_from(row: &SqliteRow) -> Option<Order> {
    Some(Order {
        id: row.get(0),
        sensor_id: row.get(1),
        sensor_name: row.get(2),
        unit_id: UnitId(row.get(3)),
        // A later version may have known more kinds.
        kind: OrderKind::from_name(row.get(4))?,
        reason: row.get(5),
        requested: UnixMillis(row.get(6)),
        requested_by: row.get(7),
        state: OrderState::of(row.get(8))?,
        fault: row.get(9),
        changed: UnixMillis(row.get(10)),
        bytes: row.get::<Option<i64>, _>(11).map(i64::unsigned_abs),
        sha256: row.get(12),
    })
}
