//! The questions of one request: the same range, the same sensors.

use std::collections::{BTreeMap, BTreeSet};

use collector_search::{ClassFilter, Grouping, Node, Request};
use collector_state::UnixMillis;

use super::{Panel, PivotBody, PivotQuery};
use crate::ApiState;
use crate::archive::{self, ArchivedBody};
use crate::caller::Caller;
use crate::error::Result;
use crate::json::Json;
use crate::search::{TableRow, table_row};
use crate::times;

const DEFAULT_FROM: &str = "now-7d";
const DEFAULT_ROWS: usize = 25;
const MAX_ROWS: usize = 200;
/// New things are those of the range that the time before it, this many times as long, does not have.
const LOOK_BACK: i64 = 4;

/// A panel: its name, which of the events, grouped by what.
pub(super) type PanelPlan = (&'static str, Node, &'static [&'static str]);

pub(super) struct Asking<'a> {
    pub(super) state: &'a ApiState,
    pub(super) sensors: Option<Vec<String>>,
    pub(super) from: UnixMillis,
    pub(super) to: UnixMillis,
    pub(super) rows: usize,
}

impl<'a> Asking<'a> {
    pub(super) async fn new(
        state: &'a ApiState,
        caller: &Caller,
        query: &PivotQuery,
    ) -> Result<Asking<'a>> {
        let now = state.now();
        Ok(Asking {
            from: times::read("from", query.from.as_deref().unwrap_or(DEFAULT_FROM), now)?,
            to: times::read("to", query.to.as_deref().unwrap_or("now"), now)?,
            rows: query.rows.unwrap_or(DEFAULT_ROWS).clamp(1, MAX_ROWS),
            sensors: caller.sensors(state).await?,
            state,
        })
    }

    /// What of the range lies in the archive.
    pub(super) async fn unseen(&self) -> Result<Option<ArchivedBody>> {
        let range = (Some(self.from.0 * 1_000), Some(self.to.0 * 1_000));
        Ok(archive::unseen(self.state, range, ClassFilter::All).await?)
    }

    pub(super) fn request(&self, query: Node) -> Request {
        Request {
            query,
            from: Some(self.from.0 * 1_000),
            to: Some(self.to.0 * 1_000),
            class: ClassFilter::All,
            sensors: self.sensors.clone(),
        }
    }

    /// The panels, those with the same condition in one pass.
    pub(super) async fn panels(&self, plans: Vec<PanelPlan>) -> Result<(Vec<Panel>, bool)> {
        let mut passes: Vec<(Node, Vec<usize>)> = Vec::new();
        for (at, (_, node, _)) in plans.iter().enumerate() {
            match passes.iter_mut().find(|(known, _)| known == node) {
                Some((_, places)) => places.push(at),
                None => passes.push((node.clone(), vec![at])),
            }
        }
        let mut found: BTreeMap<usize, Panel> = BTreeMap::new();
        let mut partial = false;
        for (node, places) in passes {
            let of = |at: &usize| plans.get(*at).map_or(&[] as &[&str], |plan| plan.2);
            let groupings: Vec<Grouping> = places
                .iter()
                .map(|at| Grouping::of(of(at)).head(self.rows))
                .collect();
            let (tables, exact) = self
                .state
                .engine
                .tables(self.request(node), groupings)
                .await?;
            partial |= !exact;
            for (at, table) in places.iter().zip(tables) {
                let Some((id, _, fields)) = plans.get(*at) else {
                    continue;
                };
                found.insert(
                    *at,
                    Panel {
                        id: (*id).to_owned(),
                        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
                        rows: table.rows.into_iter().map(table_row).collect(),
                        different: table.different,
                    },
                );
            }
        }
        Ok((found.into_values().collect(), partial))
    }

    pub(super) async fn body(
        &self,
        kind: &str,
        value: &str,
        q: String,
        about: Node,
        plans: Vec<PanelPlan>,
    ) -> Result<Json<PivotBody>> {
        let all = [Grouping::of(&["event_type"])];
        let (kinds, exact) = self
            .state
            .engine
            .tables(self.request(about), all.to_vec())
            .await?;
        let rows = kinds.into_iter().next().unwrap_or_default().rows;
        let write = |micros: i64| times::write(UnixMillis(micros.div_euclid(1_000)));
        let (mut panels, partial) = self.panels(plans).await?;
        let (total, first, last) = (
            rows.iter().map(|row| row.count).sum(),
            rows.iter().map(|row| row.first).min().map(write),
            rows.iter().map(|row| row.last).max().map(write),
        );
        panels.insert(
            0,
            Panel {
                id: "kinds".to_owned(),
                fields: vec!["event_type".to_owned()],
                different: rows.len() as u64,
                rows: rows.into_iter().map(table_row).collect(),
            },
        );
        Ok(Json(PivotBody {
            kind: kind.to_owned(),
            value: value.to_owned(),
            q,
            from: times::write(self.from),
            to: times::write(self.to),
            total,
            first,
            last,
            panels,
            partial: partial || !exact,
            archived: self.unseen().await?,
        }))
    }

    /// What the range has and the time before it has not.
    pub(super) async fn fresh(&self, plans: Vec<PanelPlan>) -> Result<Vec<Panel>> {
        let length = self.to.0.saturating_sub(self.from.0).max(1);
        let before = Asking {
            from: UnixMillis(self.from.0.saturating_sub(length.saturating_mul(LOOK_BACK))),
            to: UnixMillis(self.from.0 - 1),
            sensors: self.sensors.clone(),
            rows: 1_000,
            state: self.state,
        };
        let (known, _) = before.panels(plans.clone()).await?;
        let (mut now, _) = Asking {
            sensors: self.sensors.clone(),
            rows: 1_000,
            ..*self
        }
        .panels(plans)
        .await?;
        for (panel, known) in now.iter_mut().zip(known) {
            // More than can be compared: nothing is said rather than something wrong.
            if known.different > known.rows.len() as u64 {
                panel.rows.clear();
            }
            let known: BTreeSet<&[String]> = known.rows.iter().map(TableRow::key).collect();
            panel.rows.retain(|row| !known.contains(row.key()));
            panel.different = panel.rows.len() as u64;
            panel.rows.truncate(self.rows);
        }
        Ok(now)
    }
}
