//! Logs of devices, by syslog over UDP and TCP: received, made records, and taken as those of a source.
//!
//! Nothing is acknowledged in syslog: what cannot be taken is counted by reason ([`SyslogCounts`]). A connection waits
//! while the collector is behind; datagrams that find no room are lost. Messages and connections are limited, and
//! where they may come from.

mod frame;
mod message;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sensor_event::Time;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, mpsc};

use crate::intake::Intake;
use frame::{Framer, MAX_MESSAGE_BYTES};

/// Messages that wait to be taken.
const WAITING: usize = 8_192;
/// Messages that are taken at a time.
const TOGETHER: usize = 1_000;
const MAX_CONNECTIONS: usize = 512;
/// A connection that says nothing for so long is closed.
const SILENCE: Duration = Duration::from_secs(3_600);
/// Addresses that may not send and are told apart; of the others, messages are counted together.
const TOLD: usize = 1_024;
/// Pause after a fault of a socket.
const PAUSE: Duration = Duration::from_millis(200);

/// What has become of messages since the start.
#[derive(Debug, Default)]
pub struct SyslogCounts {
    received: AtomicU64,
    stored: AtomicU64,
    cut: AtomicU64,
    no_room: AtomicU64,
    not_allowed: AtomicU64,
    not_stored: AtomicU64,
    connections_refused: AtomicU64,
    /// Those who sent and may not.
    refused: Mutex<HashMap<IpAddr, Refused>>,
}

/// What somebody sent who may not.
#[derive(Debug, Clone, Copy)]
struct Refused {
    messages: u64,
    last: Time,
}

/// Somebody who sent and may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedSender {
    pub address: IpAddr,
    /// Datagrams and connections since the start.
    pub messages: u64,
}

impl SyslogCounts {
    /// Who has sent since a moment and may not, those with the most messages first; some of them where there are
    /// more than a thousand.
    pub fn refused_since(&self, since: Time) -> Vec<RefusedSender> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let mut recent: Vec<RefusedSender> = refused
            .iter()
            .filter(|(_, own)| own.last.0 >= since.0)
            .map(|(address, own)| RefusedSender {
                address: *address,
                messages: own.messages,
            })
            .collect();
        recent.sort_by_key(|own| (std::cmp::Reverse(own.messages), own.address));
        recent
    }

    /// Counts a message of somebody who may not send; whether that is the first.
    fn refuse(&self, address: IpAddr, now: Time) -> bool {
        add(&self.not_allowed, 1);
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = refused.get_mut(&address) {
            own.messages += 1;
            own.last = now;
            return false;
        }
        if refused.len() >= TOLD {
            return false;
        }
        let first = Refused {
            messages: 1,
            last: now,
        };
        refused.insert(address, first);
        true
    }

    /// By name.
    pub fn rows(&self) -> Vec<(&'static str, u64)> {
        [
            ("received", &self.received),
            ("stored", &self.stored),
            ("cut", &self.cut),
            ("lost_no_room", &self.no_room),
            ("lost_not_stored", &self.not_stored),
            ("lost_not_allowed", &self.not_allowed),
            ("connections_refused", &self.connections_refused),
        ]
        .map(|(name, count)| (name, count.load(Ordering::Relaxed)))
        .to_vec()
    }
}

fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}

/// Where messages come in, and whose are taken.
pub struct SyslogSockets {
    pub udp: Option<UdpSocket>,
    pub tcp: Option<TcpListener>,
    /// Whether this address may send.
    pub allows: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

/// Who may send; what others send is counted, and each of them is told once.
struct Senders(Arc<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl Senders {
    /// A message, or a connection, of an address.
    fn allow(&self, address: IpAddr, counts: &SyslogCounts) -> bool {
        if (self.0)(address) {
            return true;
        }
        let address = address.to_canonical();
        if counts.refuse(address, now()) {
            tracing::warn!(
                %address,
                "sends logs by syslog and may not: add it to syslog.senders, or have it stop"
            );
        }
        false
    }
}

/// Receives, until the future is dropped. Records are those of the source with this id.
pub async fn serve_syslog(
    sockets: SyslogSockets,
    source: String,
    intake: Intake,
    counts: Arc<SyslogCounts>,
) {
    let (sender, messages) = mpsc::channel(WAITING);
    let senders = Senders(sockets.allows);
    let udp = sockets
        .udp
        .map(|socket| datagrams(socket, &senders, sender.clone(), &counts));
    let tcp = sockets
        .tcp
        .map(|listener| connections(listener, &senders, sender, &counts));
    let udp = async {
        match udp {
            Some(udp) => udp.await,
            None => std::future::pending().await,
        }
    };
    let tcp = async {
        match tcp {
            Some(tcp) => tcp.await,
            None => std::future::pending().await,
        }
    };
    tokio::join!(udp, tcp, take(messages, source, intake, &counts));
}

fn now() -> Time {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

fn record(bytes: &[u8], from: SocketAddr, port: u16, proto: &'static str) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if text.is_empty() {
        return None;
    }
    message::record(text, now(), from, port, proto)
}

async fn datagrams(
    socket: UdpSocket,
    senders: &Senders,
    sender: mpsc::Sender<Vec<u8>>,
    counts: &SyslogCounts,
) {
    let port = socket.local_addr().map_or(0, |address| address.port());
    let mut buffer = vec![0; 65_536];
    loop {
        let (length, from) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                tracing::debug!(%error, "syslog over UDP");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        if !senders.allow(from.ip(), counts) {
            continue;
        }
        let kept = length.min(MAX_MESSAGE_BYTES);
        add(&counts.cut, usize::from(kept < length));
        let bytes = buffer.get(..kept).unwrap_or_default();
        if let Some(record) = record(bytes, from, port, "UDP") {
            add(&counts.received, 1);
            add(
                &counts.no_room,
                usize::from(sender.try_send(record).is_err()),
            );
        }
    }
}

async fn connections(
    listener: TcpListener,
    senders: &Senders,
    sender: mpsc::Sender<Vec<u8>>,
    counts: &Arc<SyslogCounts>,
) {
    let port = listener.local_addr().map_or(0, |address| address.port());
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // Dropped with this future, and its connections with it.
    let mut open = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = open.join_next() => continue,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "syslog over TCP");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        if !senders.allow(from.ip(), counts) {
            continue;
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            add(&counts.connections_refused, 1);
            continue;
        };
        let (sender, counts) = (sender.clone(), Arc::clone(counts));
        open.spawn(async move {
            connection(stream, from, port, sender, &counts).await;
            drop(place);
        });
    }
}

async fn connection(
    mut stream: TcpStream,
    from: SocketAddr,
    port: u16,
    sender: mpsc::Sender<Vec<u8>>,
    counts: &SyslogCounts,
) {
    let mut framer = Framer::default();
    let mut buffer = vec![0; 16 * 1_024];
    let give = async |framed: frame::Framed| {
        add(&counts.cut, usize::from(framed.is_cut));
        if let Some(record) = record(&framed.message, from, port, "TCP") {
            add(&counts.received, 1);
            add(
                &counts.no_room,
                usize::from(sender.send(record).await.is_err()),
            );
        }
    };
    while let Ok(Ok(length)) = tokio::time::timeout(SILENCE, stream.read(&mut buffer)).await {
        if length == 0 {
            break;
        }
        framer.push(buffer.get(..length).unwrap_or_default());
        while let Some(framed) = framer.take() {
            give(framed).await;
        }
    }
    if let Some(framed) = framer.rest() {
        give(framed).await;
    }
}

async fn take(
    mut messages: mpsc::Receiver<Vec<u8>>,
    source: String,
    intake: Intake,
    counts: &SyslogCounts,
) {
    let mut records = Vec::with_capacity(TOGETHER);
    while messages.recv_many(&mut records, TOGETHER).await > 0 {
        let count = records.len();
        let lines = records.drain(..).map(Ok).collect();
        match intake.take(&source, None, lines).await {
            Ok(taken) => {
                add(&counts.stored, taken.accepted);
                add(&counts.not_stored, taken.rejected.len());
            }
            Err(error) => {
                tracing::warn!(%error, messages = count, "syslog messages are not stored");
                add(&counts.not_stored, count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_send_is_remembered() {
        let counts = SyslogCounts::default();
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        let rows = [(1, 10, true), (2, 20, true), (2, 21, false), (1, 5, false)];
        for (last, at, is_first) in rows {
            assert_eq!(counts.refuse(address(last), Time(at)), is_first);
        }
        let told = |since| -> Vec<(IpAddr, u64)> {
            let refused = counts.refused_since(Time(since)).into_iter();
            refused.map(|own| (own.address, own.messages)).collect()
        };
        assert_eq!(told(0), [(address(1), 2), (address(2), 2)]);
        assert_eq!(told(20), [(address(2), 2)]);
        // However many come, few are told apart.
        for number in 0..2 * TOLD as u32 {
            counts.refuse(IpAddr::from(number.to_be_bytes()), Time(30));
        }
        assert_eq!(told(0).len(), TOLD);
        let all = counts
            .rows()
            .into_iter()
            .find(|(name, _)| *name == "lost_not_allowed");
        assert_eq!(all.map(|(_, count)| count), Some(4 + 2 * TOLD as u64));
    }
}
