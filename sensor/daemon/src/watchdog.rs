//! Tells systemd that the sensor has started, and goes on telling it as long as every worker gets on (sd_notify(3),
//! `WatchdogSec=` in systemd.service(5)). A sensor that hangs falls silent here, and is started again.
//!
//! The socket is opened before the sensor confines itself; `sd-notify` opens one for each message, which the confined
//! sensor may not.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Looks within the time that systemd gives; a look that comes late does no harm then.
const LOOKS: u32 = 4;

/// The way to the service manager that started this program.
#[derive(Debug)]
pub struct Watchdog {
    socket: UnixDatagram,
    /// Between two looks; none where nobody waits for a sign of life.
    every: Option<Duration>,
}

impl Watchdog {
    /// None where no service manager wants to be told.
    ///
    /// # Errors
    /// `NOTIFY_SOCKET` names a socket that cannot be reached.
    pub fn from_environment() -> io::Result<Option<Self>> {
        let Some(path) = std::env::var_os("NOTIFY_SOCKET") else {
            return Ok(None);
        };
        let address = match path.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(&path)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let every = number("WATCHDOG_USEC")
            .filter(|limit| meant && *limit > 0)
            .map(|limit| Duration::from_micros(limit) / LOOKS);
        Ok(Some(Watchdog { socket, every }))
    }

    fn tell(&self, state: &str) {
        if let Err(error) = self.socket.send(state.as_bytes()) {
            tracing::warn!(%error, state, "the service manager does not take what it is told");
        }
    }

    pub fn ready(&self) {
        self.tell("READY=1");
    }

    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Gives signs of life while `turns`, the turns that each worker has made, grow; for ever.
    pub async fn keep_telling(&self, turns: impl Fn() -> Vec<u64>) {
        let Some(every) = self.every else {
            return std::future::pending().await;
        };
        let mut pulse = Pulse::default();
        loop {
            match pulse.stopped(turns()) {
                None => self.tell("WATCHDOG=1"),
                Some(worker) => tracing::error!(worker, "a worker does not get on"),
            }
            tokio::time::sleep(every).await;
        }
    }
}

/// What was seen at the last look.
#[derive(Debug, Default)]
struct Pulse(Vec<u64>);

impl Pulse {
    /// The first worker that has not made a turn since the last look.
    fn stopped(&mut self, turns: Vec<u64>) -> Option<usize> {
        let stopped = self
            .0
            .iter()
            .zip(&turns)
            .position(|(before, now)| before == now);
        self.0 = turns;
        stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_makes_no_turn_is_noticed() {
        let mut pulse = Pulse::default();
        for (turns, stopped) in [
            (vec![0, 0], None),
            (vec![1, 5], None),
            (vec![2, 5], Some(1)),
            (vec![3, 6], None),
            (vec![3, 6], Some(0)),
        ] {
            assert_eq!(pulse.stopped(turns.clone()), stopped, "{turns:?}");
        }
        assert_eq!(Pulse::default().stopped(Vec::new()), None);
    }
}
