//! Alerts as they come in, as server-sent events: once a second what has come, never more. A client that is too
//! slow loses some, and is told how many.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use collector_state::{Scope, UnitId};
use futures_util::Stream;
use serde::Serialize;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::caller::Caller;
use crate::error::{Problem, Result, invalid};

/// Alerts that a client may be behind before it loses some.
const BUFFER: usize = 4_096;
/// Clients at once.
const MAX_CLIENTS: usize = 200;
/// What has come is told this often.
const EVERY: Duration = Duration::from_secs(1);
/// A client has to ask again after this many times, so that a session that has ended is noticed.
const TURNS: u32 = 900;

/// An alert, as far as those who watch are concerned.
#[derive(Debug, Clone, Copy)]
pub struct LiveAlert {
    pub unit: UnitId,
    pub severity: u8,
    /// Its group stands among the new ones.
    pub in_new: bool,
    /// It began its group.
    pub new_group: bool,
}

/// Where ingest tells of alerts, and clients hear of them.
#[derive(Debug, Clone)]
pub struct Live {
    alerts: broadcast::Sender<LiveAlert>,
    clients: Arc<AtomicUsize>,
    closed: tokio::sync::watch::Sender<bool>,
}

impl Default for Live {
    fn default() -> Live {
        Live {
            alerts: broadcast::Sender::new(BUFFER),
            clients: Arc::default(),
            closed: tokio::sync::watch::Sender::new(false),
        }
    }
}

impl Live {
    /// Never waits, whoever listens.
    pub fn tell(&self, alert: LiveAlert) {
        // An error means that nobody listens.
        let _ = self.alerts.send(alert);
    }

    /// Ends all streams: a collector that stops does not wait for those who watch.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }
}

/// What came within a second.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct LiveBody {
    alerts: u64,
    /// Of them, those whose group stands among the new ones.
    in_new: u64,
    new_groups: u64,
    /// The worst severity, 1 to 4; 0 when nothing came.
    worst: u8,
    /// Alerts that this client was too slow for.
    dropped: u64,
}

/// One client fewer, however its stream ends.
struct Client(Arc<AtomicUsize>);

impl Drop for Client {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Everything that has come and not been told yet.
fn gather(receiver: &mut broadcast::Receiver<LiveAlert>, scope: &Scope) -> LiveBody {
    let mut told = LiveBody::default();
    // What comes while this goes on has its turn in a second.
    for _ in 0..=2 * BUFFER {
        match receiver.try_recv() {
            Ok(alert) if scope.contains(alert.unit) => {
                told.alerts += 1;
                told.in_new += u64::from(alert.in_new);
                told.new_groups += u64::from(alert.new_group);
                let worst = if told.worst == 0 { 4 } else { told.worst };
                told.worst = worst.min(alert.severity.clamp(1, 4));
            }
            Ok(_) => {}
            Err(TryRecvError::Lagged(missed)) => told.dropped += missed,
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    told
}

#[utoipa::path(get, path = "/groups/live", operation_id = "live", tag = "groups",
    responses((status = 200, body = LiveBody, content_type = "text/event-stream"), (status = 400, body = Problem)))]
async fn live(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Sse<impl Stream<Item = std::result::Result<Event, Infallible>>>> {
    let live = &state.live;
    let client = Client(Arc::clone(&live.clients));
    if live.clients.fetch_add(1, Ordering::Relaxed) >= MAX_CLIENTS {
        return invalid("live", "too_many");
    }
    let receiver = live.alerts.subscribe();
    let closed = live.closed.subscribe();
    let begin = (receiver, closed, caller.scope, client, 0_u32);
    let events = futures_util::stream::unfold(
        begin,
        |(mut receiver, mut closed, scope, client, mut turn)| async move {
            loop {
                if turn >= TURNS || *closed.borrow_and_update() {
                    return None;
                }
                turn += 1;
                let told = gather(&mut receiver, &scope);
                if turn == 1 || told.alerts > 0 || told.dropped > 0 {
                    let event = Event::default().event("alerts").json_data(&told);
                    let event = event.unwrap_or_else(|_| Event::default().comment("unreadable"));
                    return Some((Ok(event), (receiver, closed, scope, client, turn)));
                }
                tokio::select! {
                    () = tokio::time::sleep(EVERY) => {}
                    _ = closed.changed() => {}
                }
            }
        },
    );
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(20))))
}

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(live))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_slow_client_lost_is_told() {
        let live = Live::default();
        let mut receiver = live.alerts.subscribe();
        let alert = |unit, severity| LiveAlert {
            unit: UnitId(unit),
            severity,
            in_new: severity < 3,
            new_group: false,
        };
        live.tell(alert(1, 3));
        live.tell(alert(2, 1));
        live.tell(alert(1, 2));
        let own = Scope::Units(vec![UnitId(1)]);
        let told = gather(&mut receiver, &own);
        assert_eq!(
            (told.alerts, told.in_new, told.worst, told.dropped),
            (2, 1, 2, 0)
        );
        for _ in 0..BUFFER + 10 {
            live.tell(alert(1, 4));
        }
        let told = gather(&mut receiver, &own);
        assert_eq!(told.alerts + told.dropped, BUFFER as u64 + 10);
        assert!(told.dropped >= 10);
        assert_eq!(gather(&mut receiver, &own).alerts, 0);
    }
}
