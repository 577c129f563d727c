//! What the centre changes and orders: settings are handed over and what came of them is told with each heartbeat; orders are
//! carried out one after the other.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::wire;
use crate::wire::sensor_message::Message;

/// The longest text of settings that is taken.
const MAX_TEXT_BYTES: usize = 2 * 1_024 * 1_024;
/// Of a reason, this is told.
const MAX_REASON_BYTES: usize = 2_000;
/// Values that a sensor runs with: beyond this they are not told.
const MAX_RUNNING_BYTES: usize = 128 * 1_024;
/// The largest bundle that a collector takes.
const MAX_BUNDLE_BYTES: usize = 4 * 1_024 * 1_024;
/// A part of a bundle: on the thinnest of links, alerts wait for it for a second.
const CHUNK_BYTES: usize = 8 * 1_024;

/// Where settings and orders of the centre go, and what came of them.
#[derive(Clone)]
pub struct FleetDesk {
    /// Takes settings (a JSON object of strings; empty for none) in the place of those before; does not wait until they hold.
    pub configure: Arc<dyn Fn(String) + Send + Sync>,
    pub state: Arc<dyn Fn() -> ConfigurationState + Send + Sync>,
    /// Whether somebody would start this program again.
    pub may_restart: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Ends this program in order, to be started again.
    pub restart: Arc<dyn Fn() + Send + Sync>,
    /// Gathers a support bundle: a gzipped tar archive. Blocks.
    pub bundle: Arc<dyn Fn() -> std::io::Result<Vec<u8>> + Send + Sync>,
}

/// What a sensor runs with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigurationState {
    /// SHA-256 of the centre's text that runs, hexadecimal; empty for none.
    pub hash: String,
    /// Of the text that was refused last, and why.
    pub refused: Option<(String, String)>,
    /// Of a text that takes effect with the next start.
    pub waiting: Option<String>,
    /// Of everything that it runs with, its own file too.
    pub running_hash: String,
    /// A JSON object: the value of each setting that the centre may change, as it runs.
    pub running: String,
}

/// What the collector says.
#[derive(Debug)]
pub(crate) enum Errand {
    Order(wire::Order),
    Taken,
}

impl FleetDesk {
    /// Hands settings over; what cannot be read is told in the log and comes again.
    pub(crate) fn hear(&self, configuration: &wire::Configuration) {
        match std::str::from_utf8(&configuration.text) {
            Ok(text) if text.len() <= MAX_TEXT_BYTES => {
                tracing::info!(
                    hash = configuration.hash,
                    "settings have come from the centre"
                );
                (self.configure)(text.to_owned());
            }
            _ => tracing::warn!("settings of the centre cannot be read"),
        }
    }
}

pub(crate) fn told(state: ConfigurationState) -> wire::ConfigurationState {
    let (refused_hash, mut refused_reason) = state.refused.unwrap_or_default();
    refused_reason.truncate(refused_reason.floor_char_boundary(MAX_REASON_BYTES));
    let running = match state.running.len() <= MAX_RUNNING_BYTES {
        true => state.running.into_bytes(),
        false => Vec::new(),
    };
    wire::ConfigurationState {
        hash: state.hash,
        refused_hash,
        refused_reason,
        waiting_hash: state.waiting.unwrap_or_default(),
        running_hash: state.running_hash,
        running: running.into(),
    }
}

/// Carries out the orders of one link until it ends.
pub(crate) async fn serve(
    desk: Option<FleetDesk>,
    mut errands: mpsc::Receiver<Errand>,
    ready: mpsc::Sender<Message>,
) {
    while let Some(errand) = errands.recv().await {
        // An acknowledgement of what is over already says nothing.
        let Errand::Order(order) = errand else {
            continue;
        };
        let done = match (&desk, order.kind()) {
            (Some(desk), wire::OrderKind::Restart) => {
                if (desk.may_restart)() {
                    let told = ready
                        .send(state(order.id, wire::OrderPhase::Working, ""))
                        .await;
                    (desk.restart)();
                    told.is_ok()
                } else {
                    let fault = failed(order.id, "no_service_manager");
                    ready.send(fault).await.is_ok()
                }
            }
            (Some(desk), wire::OrderKind::Bundle) => {
                bundle(desk, order.id, &mut errands, &ready).await
            }
            _ => ready.send(failed(order.id, "unable")).await.is_ok(),
        };
        if !done {
            return;
        }
    }
}

/// Gathers a bundle and sends it, part by part; false when the link has ended. What is ordered meanwhile waits for the next
/// stream.
async fn bundle(
    desk: &FleetDesk,
    id: u64,
    errands: &mut mpsc::Receiver<Errand>,
    ready: &mpsc::Sender<Message>,
) -> bool {
    if ready
        .send(state(id, wire::OrderPhase::Working, ""))
        .await
        .is_err()
    {
        return false;
    }
    let gather = Arc::clone(&desk.bundle);
    let gathered = tokio::task::spawn_blocking(move || gather()).await;
    let content = match gathered {
        Ok(Ok(content)) if content.len() <= MAX_BUNDLE_BYTES => content,
        Ok(Ok(_)) => return ready.send(failed(id, "too_large")).await.is_ok(),
        Ok(Err(error)) => {
            tracing::error!(%error, "no support bundle");
            return ready.send(failed(id, "unreadable")).await.is_ok();
        }
        Err(error) => {
            tracing::error!(%error, "no support bundle");
            return ready.send(failed(id, "unreadable")).await.is_ok();
        }
    };
    let mut offset = 0;
    loop {
        let end = content.len().min(offset + CHUNK_BYTES);
        let chunk = wire::BundleChunk {
            id,
            offset: offset as u64,
            data: content[offset..end].to_vec().into(),
            last: end == content.len(),
        };
        if ready.send(Message::BundleChunk(chunk)).await.is_err() {
            return false;
        }
        loop {
            match errands.recv().await {
                None => return false,
                Some(Errand::Taken) => break,
                Some(Errand::Order(order)) => {
                    let fault = failed(order.id, "busy");
                    if ready.send(fault).await.is_err() {
                        return false;
                    }
                }
            }
        }
        if end == content.len() {
            return true;
        }
        offset = end;
    }
}

fn state(id: u64, phase: wire::OrderPhase, reason: &str) -> Message {
    Message::OrderState(wire::OrderState {
        id,
        phase: phase.into(),
        reason: reason.to_owned(),
    })
}

fn failed(id: u64, reason: &str) -> Message {
    state(id, wire::OrderPhase::Failed, reason)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn desk(managed: bool, bundle: Vec<u8>, restarted: &Arc<AtomicBool>) -> FleetDesk {
        let restarted = Arc::clone(restarted);
        FleetDesk {
            configure: Arc::new(|_| {}),
            state: Arc::new(ConfigurationState::default),
            may_restart: Arc::new(move || managed),
            restart: Arc::new(move || restarted.store(true, Ordering::Relaxed)),
            bundle: Arc::new(move || Ok(bundle.clone())),
        }
    }

    fn order(id: u64, kind: wire::OrderKind) -> Errand {
        Errand::Order(wire::Order {
            id,
            kind: kind.into(),
        })
    }

    #[tokio::test]
    async fn a_restart_needs_somebody_who_starts_again() {
        for (managed, expected) in [
            (true, wire::OrderPhase::Working),
            (false, wire::OrderPhase::Failed),
        ] {
            let restarted = Arc::default();
            let (orders, errands) = mpsc::channel(4);
            let (ready, mut said) = mpsc::channel(1);
            tokio::spawn(serve(
                Some(desk(managed, Vec::new(), &restarted)),
                errands,
                ready,
            ));
            orders
                .send(order(1, wire::OrderKind::Restart))
                .await
                .expect("it is served");
            let Some(Message::OrderState(told)) = said.recv().await else {
                panic!("no state");
            };
            assert_eq!(told.phase(), expected);
            drop(orders);
            assert!(said.recv().await.is_none());
            assert_eq!(restarted.load(Ordering::Relaxed), managed);
        }
    }

    #[tokio::test]
    async fn a_bundle_goes_part_by_part() {
        let content: Vec<u8> = (0..3 * CHUNK_BYTES + 5).map(|at| at as u8).collect();
        let (orders, errands) = mpsc::channel(4);
        let (ready, mut said) = mpsc::channel(1);
        let desk = desk(true, content.clone(), &Arc::default());
        tokio::spawn(serve(Some(desk), errands, ready));
        orders
            .send(order(7, wire::OrderKind::Bundle))
            .await
            .expect("it is served");
        let mut came = Vec::new();
        loop {
            match said.recv().await.expect("it is served") {
                Message::OrderState(told) => assert_eq!(told.phase(), wire::OrderPhase::Working),
                Message::BundleChunk(chunk) => {
                    assert_eq!((chunk.id, chunk.offset), (7, came.len() as u64));
                    came.extend_from_slice(&chunk.data);
                    // Nothing follows before it is taken.
                    tokio::task::yield_now().await;
                    assert!(said.try_recv().is_err());
                    orders.send(Errand::Taken).await.expect("it is served");
                    if chunk.last {
                        break;
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(came == content);
    }
}
