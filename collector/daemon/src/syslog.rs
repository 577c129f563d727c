//! Logs of devices, received by syslog as those of one source.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use collector_ingest::{Intake, SyslogCounts, SyslogSockets, serve_syslog};
use collector_notify::REFUSED_MS;
use collector_state::{Scope, Store, UnitId, UnixMillis};
use sensor_event::Time;
use tokio::net::{TcpListener, UdpSocket};

use crate::collector::now;
use crate::settings::SyslogConfig;

/// The source that all these records are of, as the console lists it.
const SOURCE: &str = "syslog";

/// Binds what is configured; the service ends when told to stop.
pub async fn service<S: Future<Output = ()> + Send>(
    config: SyslogConfig,
    store: &Store,
    intake: Intake,
    counts: Arc<SyslogCounts>,
    stopping: S,
) -> Result<impl Future<Output = Result<()>> + Send + use<S>> {
    let udp = match config.udp {
        Some(address) => {
            let socket = UdpSocket::bind(address).await;
            Some(socket.with_context(|| format!("syslog.udp: cannot listen on {address}"))?)
        }
        None => None,
    };
    let tcp = match config.tcp {
        Some(address) => {
            let listener = TcpListener::bind(address).await;
            Some(listener.with_context(|| format!("syslog.tcp: cannot listen on {address}"))?)
        }
        None => None,
    };
    let is_on = udp.is_some() || tcp.is_some();
    let source = if is_on {
        source(store).await?
    } else {
        String::new()
    };
    Ok(async move {
        let senders = config.senders;
        let allows = move |address| {
            senders.is_empty() || senders.iter().any(|network| network.contains(address))
        };
        let sockets = SyslogSockets {
            udp,
            tcp,
            allows: Arc::new(allows),
        };
        let serving = serve_syslog(sockets, source, intake, counts);
        if is_on {
            tokio::select! {
                () = serving => {}
                () = stopping => {}
            }
        } else {
            stopping.await;
        }
        anyhow::Ok(())
    })
}

/// Who has sent of late and may not, with the messages of each.
pub fn refused(counts: &SyslogCounts, now: UnixMillis) -> Vec<(IpAddr, u64)> {
    let since = now.plus(-REFUSED_MS).0.saturating_mul(1_000_000);
    let refused = counts.refused_since(Time(since)).into_iter();
    refused.map(|own| (own.address, own.messages)).collect()
}

/// The id of the source, which is made at the first start.
async fn source(store: &Store) -> Result<String> {
    let sources = store.sources(&Scope::All).await?;
    if let Some(known) = sources.into_iter().find(|source| source.name == SOURCE) {
        return Ok(known.id);
    }
    // Its token, which nobody gets, lets no one else send in its name.
    let made = store.create_source(SOURCE, UnitId::ROOT, "syslog", now());
    Ok(made.await?.0.id)
}
