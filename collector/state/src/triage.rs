//! What ingest has to know to judge an alert: the hide rules and the assets, read once and kept until
//! somebody changes them.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

use crate::asset::{Asset, USUAL_IMPORTANCE};
use crate::error::Result;
use crate::hide::HideRule;
use crate::ids::{UnitId, address_bytes};
use crate::store::Store;
use crate::unit::Scope;

/// A view of the rules and assets at one time.
#[derive(Debug, Default)]
pub(crate) struct Triage {
    pub(crate) rules: Vec<HideRule>,
    assets: Vec<Asset>,
    /// Of each unit, itself and the units above it.
    above: std::collections::HashMap<UnitId, Vec<UnitId>>,
}

impl Triage {
    /// Whether a rule or asset of `unit` is meant for what happens in `below`.
    pub(crate) fn reaches(&self, unit: UnitId, below: UnitId) -> bool {
        self.above
            .get(&below)
            .is_some_and(|chain| chain.contains(&unit))
    }

    /// The asset that an address is: the narrowest of its unit or above.
    pub(crate) fn asset(&self, address: IpAddr, unit: UnitId) -> Option<&Asset> {
        let wanted = address_bytes(address);
        let width = |asset: &Asset| {
            u128::from_be_bytes(address_bytes(asset.last))
                .saturating_sub(u128::from_be_bytes(address_bytes(asset.first)))
        };
        self.assets
            .iter()
            .take_while(|asset| address_bytes(asset.first) <= wanted)
            .filter(|asset| {
                address_bytes(asset.last) >= wanted && self.reaches(asset.unit_id, unit)
            })
            .min_by_key(|asset| width(asset))
    }

    /// The importance of the more important side.
    pub(crate) fn importance(&self, source: IpAddr, destination: IpAddr, unit: UnitId) -> u8 {
        let of = |address| self.asset(address, unit).map(|asset| asset.importance);
        of(source)
            .into_iter()
            .chain(of(destination))
            .max()
            .unwrap_or(USUAL_IMPORTANCE)
    }
}

/// The last view, and how often it was given up: a view that was read before a change is not kept.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    view: Option<Arc<Triage>>,
    changes: u64,
}

impl Store {
    pub(crate) async fn triage(&self) -> Result<Arc<Triage>> {
        let changes = {
            let kept = self.triage.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(view) = &kept.view {
                return Ok(Arc::clone(view));
            }
            kept.changes
        };
        let units = self.units(&Scope::All).await?;
        let mut above = std::collections::HashMap::with_capacity(units.len());
        // Parents come before children.
        for unit in &units {
            let mut chain: Vec<UnitId> = unit
                .parent_id
                .and_then(|parent| above.get(&parent).cloned())
                .unwrap_or_default();
            chain.push(unit.id);
            above.insert(unit.id, chain);
        }
        let read = Arc::new(Triage {
            rules: self.standing_hide_rules().await?,
            assets: self.assets(&Scope::All).await?,
            above,
        });
        let mut kept = self.triage.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.changes == changes {
            kept.view = Some(Arc::clone(&read));
        }
        Ok(read)
    }

    /// Called after rules, assets or units have changed.
    pub(crate) fn forget_triage(&self) {
        let mut kept = self.triage.lock().unwrap_or_else(PoisonError::into_inner);
        kept.view = None;
        kept.changes += 1;
    }

    /// Names and importance of the two ends of a group, as far as they are known.
    pub async fn ends(
        &self,
        source: IpAddr,
        destination: IpAddr,
        unit: UnitId,
    ) -> Result<(Option<Asset>, Option<Asset>)> {
        let triage = self.triage().await?;
        Ok((
            triage.asset(source, unit).cloned(),
            triage.asset(destination, unit).cloned(),
        ))
    }
}
