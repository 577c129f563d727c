//! Heartbeats of one link: how the sensor is, what is spooled, and what became of the records.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use prost::Message as _;
use sensor_event::Class;
use tokio::sync::mpsc;

use crate::fleet::{self, FleetDesk};
use crate::ledger::{Counts, HourClass};
use crate::link::message;
use crate::plan::at;
use crate::rules::RulesDesk;
use crate::shipper::SigmaInUse;
use crate::spool::{Shared, unix_millis, wire_class};
use crate::wire;
use crate::wire::sensor_message::Message as FromSensor;

/// Ledger rows in one heartbeat.
const LEDGER_ROWS: usize = 500;

/// Sends heartbeats until the link ends. In a task of its own: batches do not hold them up.
pub(crate) async fn heartbeats(
    outbound: mpsc::Sender<wire::SensorMessage>,
    shared: Arc<Shared>,
    options: crate::ShipperOptions,
) {
    let mut told = 0;
    let mut told_sigma = (options.sigma)();
    let mut told_settings = String::new();
    let mut rows: VecDeque<(HourClass, Counts)> = VecDeque::new();
    let mut pulse = tokio::time::interval(options.heartbeat);
    pulse.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        // A long history goes in several heartbeats without a pause.
        if rows.is_empty() {
            pulse.tick().await;
            let (changed, change) = shared.state().ledger.changed_after(told);
            rows = changed.into();
            told = change;
        }
        let some = rows.len().min(LEDGER_ROWS);
        let sigma = (options.sigma)();
        let is_new = sigma != told_sigma;
        told_sigma = Arc::clone(&sigma);
        let heartbeat = wire::Heartbeat {
            sent_ms: unix_millis(),
            stats: (options.stats)().into_bytes().into(),
            ledger: rows.drain(..some).map(ledger_row).collect(),
            ruleset_hash: (options.ruleset_hash)(),
            spool_budget_bytes: shared.budget_bytes,
            sigma: is_new.then(|| sigma_rules(&sigma)),
            rules: options.rules.as_ref().map(RulesDesk::told),
            configuration: running(options.fleet.as_ref(), &mut told_settings),
            ..vitals(&shared)
        };
        let heartbeat = message(FromSensor::Heartbeat(heartbeat));
        options.budget.spend(heartbeat.encoded_len());
        let sent = outbound.send(heartbeat);
        if sent.await.is_err() {
            return;
        }
    }
}

/// What the sensor runs with; its values only when they are not what was told before.
fn running(desk: Option<&FleetDesk>, before: &mut String) -> Option<wire::ConfigurationState> {
    let mut state = (desk?.state)();
    if state.running == *before {
        state.running.clear();
    } else {
        before.clone_from(&state.running);
    }
    Some(fleet::told(state))
}

pub(crate) fn sigma_rules(in_use: &SigmaInUse) -> wire::SigmaRules {
    wire::SigmaRules {
        since_ms: in_use.since_ms,
        sids: in_use.sids.clone(),
    }
}

/// What a heartbeat says of the spool.
fn vitals(shared: &Shared) -> wire::Heartbeat {
    let canary = *shared.canary.lock().unwrap_or_else(PoisonError::into_inner);
    let state = shared.state();
    let waiting = state.backlog();
    let backlog = Class::ALL
        .into_iter()
        .filter(|&class| state.marks.last_seq[at(class)] > 0)
        .map(|class| wire::Backlog {
            class: wire_class(class).into(),
            records: waiting.of(class),
            last_seq: state.marks.last_seq[at(class)],
            sent_seq: state.marks.sent[at(class)],
            acked_seq: state.marks.acked[at(class)],
            oldest_hour: state.oldest_hour(class),
        })
        .collect();
    wire::Heartbeat {
        backlog,
        spool_bytes: state.bytes,
        canary: canary.map(|canary| wire::Canary {
            made_ms: canary.made_ms,
            spooled_seq: canary.spooled_seq,
            every_ms: canary.every_ms,
        }),
        ..wire::Heartbeat::default()
    }
}

fn ledger_row((row, counts): (HourClass, Counts)) -> wire::LedgerRow {
    wire::LedgerRow {
        hour: row.hour,
        class: wire_class(row.class).into(),
        made: counts.made,
        sent: counts.sent,
        acked: counts.acked,
        shed: counts
            .shed
            .iter()
            .map(|(reason, &count)| wire::Shed {
                reason: reason.name().to_owned(),
                count,
            })
            .collect(),
    }
}
