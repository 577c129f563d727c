//! Machines and networks that have a name and an importance.

use std::net::IpAddr;

use sqlx::Row;

use crate::error::{Result, StateError};
use crate::ids::{UnitId, address_bytes, address_from};
use crate::limits::MAX_ASSETS;
use crate::store::Store;
use crate::unit::{Scope, checked_name, push_scope};

/// Importance of a machine that nobody has said anything about.
pub const USUAL_IMPORTANCE: u8 = 3;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    pub id: i64,
    pub unit_id: UnitId,
    pub first: IpAddr,
    pub last: IpAddr,
    pub name: String,
    /// 1 (a guest's telephone) to 5 (the centre does not work without it).
    pub importance: u8,
}

#[derive(Debug, Clone)]
pub struct NewAsset {
    pub unit_id: UnitId,
    pub first: IpAddr,
    pub last: IpAddr,
    pub name: String,
    pub importance: u8,
}

impl Store {
    /// Assets in scope, in the order of their addresses.
    pub async fn assets(&self, scope: &Scope) -> Result<Vec<Asset>> {
        let mut query = sqlx::QueryBuilder::new(
            "SELECT id, unit_id, first, last, name, importance FROM assets WHERE 1",
        );
        push_scope(&mut query, "unit_id", scope);
        query.push(" ORDER BY first, last");
        let rows = query.build().fetch_all(self.reader()).await?;
        Ok(rows
            .iter()
            .map(|row| Asset {
                id: row.get(0),
                unit_id: UnitId(row.get(1)),
                first: address_from(row.get::<&[u8], _>(2)),
                last: address_from(row.get::<&[u8], _>(3)),
                name: row.get(4),
                importance: u8::try_from(row.get::<i64, _>(5)).unwrap_or(USUAL_IMPORTANCE),
            })
            .collect())
    }

    /// Adds an asset, or changes the one with the same addresses.
    pub async fn put_asset(&self, new: NewAsset) -> Result<i64> {
        let name = checked_name("name", &new.name)?;
        let invalid = |field, reason| Err(StateError::Invalid { field, reason });
        if !(1..=5).contains(&new.importance) {
            return invalid("importance", "out_of_range");
        }
        let (first, last) = (address_bytes(new.first), address_bytes(new.last));
        if first > last {
            return invalid("network", "not_a_network");
        }
        self.require_unit(new.unit_id).await?;
        let mut tx = self.write().await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM assets")
            .fetch_one(&mut *tx)
            .await?;
        if count >= MAX_ASSETS {
            return invalid("assets", "too_many");
        }
        let id = sqlx::query_scalar(
            "INSERT INTO assets (unit_id, first, last, name, importance) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (unit_id, first, last) DO UPDATE SET name = excluded.name, importance = excluded.importance
             RETURNING id",
        )
        .bind(new.unit_id.0)
        .bind(&first[..])
        .bind(&last[..])
        .bind(&name)
        .bind(i64::from(new.importance))
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        self.forget_triage();
        Ok(id)
    }

    pub async fn delete_asset(&self, id: i64, scope: &Scope) -> Result<()> {
        let mut query = sqlx::QueryBuilder::new("DELETE FROM assets WHERE id = ");
        query.push_bind(id);
        push_scope(&mut query, "unit_id", scope);
        let deleted = query.build().execute(self.writer()).await?;
        self.forget_triage();
        if deleted.rows_affected() == 0 {
            return Err(StateError::not_found("asset", id));
        }
        Ok(())
    }
}
