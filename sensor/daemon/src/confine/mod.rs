//! What the sensor gives up once its capture handles are open.
//!
//! A parser that reads what strangers send may one day be taken over. Then it shall find no privilege, no file but
//! the sensor's own, no program to start, and no way to anybody but the collector. [`confine`] does, in this order:
//! the state folder is handed to the unprivileged user; the user is changed and every capability dropped
//! ([`user`]); Landlock limits files, TCP ports, signals and abstract sockets as far as the kernel knows them
//! ([`walls`]); seccomp leaves the system calls that the sensor uses ([`calls`]). All of it holds for the thread that
//! calls it and for those that it starts, so that it is called before there are others.
//!
//! What remains: the ports of the collector and of outputs over TCP are open on any host, as Landlock knows ports and not
//! addresses. With an output to a Unix socket, others that the user may connect to are open as well.

mod calls;
pub mod trial;
mod user;
mod walls;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use sensor_ship::Place;

pub use user::hand_to_owner_of;
pub use walls::{kernel, only_read};

/// The account that the Debian package makes.
pub const DEFAULT_USER: &str = "matluoi";

/// How much is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    #[default]
    Full,
    /// Nothing; to find out whether a fault comes from the confinement.
    None,
}

/// What the confined sensor may still reach.
#[derive(Debug, Default)]
pub struct Needs {
    /// Named in the configuration; without, [`DEFAULT_USER`] if there is one.
    pub user: Option<String>,
    /// The spool's folder: files are made, changed and removed in it.
    pub state_dir: PathBuf,
    /// Files that are written again and again, and stay where they are.
    pub kept_files: Vec<PathBuf>,
    /// Files and folders that are read.
    pub readable: Vec<PathBuf>,
    /// `host:port` of the collector; none: there is none.
    pub collector: Option<String>,
    /// Places that records go to beside it.
    pub outlets: Vec<Place>,
    /// Whose counters are read.
    pub interface: Option<String>,
}

impl Needs {
    /// Whether the collector has to be looked up: then the resolver's files and UDP stay open.
    fn looks_up(&self) -> bool {
        self.collector.as_deref().is_some_and(is_name)
    }

    /// Whether Unix sockets are connected to, anew when their listener has been away.
    fn unix_sockets(&self) -> bool {
        self.outlets.iter().any(|place| {
            matches!(
                place,
                Place::Stream(_) | Place::Datagram(_) | Place::Syslog(_)
            )
        })
    }

    /// Folders in which outputs make files and move them.
    fn outlet_folders(&self) -> Vec<PathBuf> {
        let folders = self.outlets.iter().filter_map(|place| match place {
            Place::File(path) => path.parent().map(Path::to_owned),
            _ => None,
        });
        folders.collect()
    }

    /// TCP ports that are connected to.
    fn ports(&self) -> Vec<u16> {
        let collector = self.collector.as_deref().and_then(|address| {
            let (_, port) = address.rsplit_once(':')?;
            port.parse().ok()
        });
        let resolver = self.looks_up().then_some(53);
        let outlets = self.outlets.iter().filter_map(|place| match place {
            Place::SyslogTcp(address) => Some(address.port()),
            _ => None,
        });
        collector
            .into_iter()
            .chain(resolver)
            .chain(outlets)
            .collect()
    }
}

/// What was given up, and what could not be.
#[derive(Debug, Default, serde::Serialize)]
pub struct State {
    pub user: String,
    pub landlock_abi: i32,
    pub system_calls: usize,
    /// What this machine could not refuse, in words.
    pub gaps: Vec<String>,
}

impl State {
    pub fn tell(&self) {
        tracing::info!(
            user = self.user,
            landlock_abi = self.landlock_abi,
            system_calls = self.system_calls,
            "confined: no capabilities, no new privileges, own files and the collector only"
        );
        for gap in &self.gaps {
            tracing::warn!("confinement: {gap}");
        }
    }
}

/// Gives up everything but the needs.
///
/// # Errors
/// When the user does not exist or could not do its work, or a step fails that this machine knows: a sensor that is
/// less confined than it says does not start.
pub fn confine(needs: &Needs) -> anyhow::Result<State> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads != 1 {
        bail!("confinement: {threads} threads run already, which would stay free");
    }
    let mut state = State::default();
    for path in &needs.kept_files {
        // A file that is to be written later exists now, as its folder stays closed.
        if let Err(error) = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
        {
            let path = path.display();
            state.gaps.push(format!("{path} will not be kept: {error}"));
        }
    }
    user::change(needs, &mut state)?;
    may_write("state_dir", &needs.state_dir)?;
    for folder in needs.outlet_folders() {
        may_write("[[output]]", &folder)?;
    }
    walls::raise(needs, &mut state).context("Landlock")?;
    state.system_calls = calls::limit(needs.looks_up(), needs.unix_sockets()).context("seccomp")?;
    Ok(state)
}

/// Whether an address has to be looked up.
fn is_name(address: &str) -> bool {
    address.parse::<std::net::SocketAddr>().is_err()
}

fn may_write(what: &str, folder: &Path) -> anyhow::Result<()> {
    let trial = folder.join(".trial");
    std::fs::write(&trial, b"")
        .and_then(|()| std::fs::remove_file(&trial))
        .with_context(|| {
            format!(
                "{what}: {} cannot be written by the sensor's user; give it the folder, and let the folders above it be entered",
                folder.display()
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_looked_up_and_addresses_not() {
        for (address, name) in [
            ("10.0.0.1:7443", false),
            ("[2001:db8::1]:7443", false),
            ("collector.example.vn:7443", true),
        ] {
            assert_eq!(is_name(address), name, "{address}");
        }
    }
}
