//! Joins what all parts of a running sensor tell, and keeps what was counted in the last minutes.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rules::signature::Environment;
use sensor_capture::Card;
use sensor_event::Class;
use sensor_ship::{Outlets, Reason, Shipper, Spool};

use super::board::Board;
use super::finding::{Code, Finding};
use super::interface::Interface;
use super::judge::judge;
use super::status::{
    Counts, Disk, HomeNetState, Link, OutputState, RulesState, SpoolState, Status,
};
use crate::reload::Rules;
use crate::worker::HomeNet;

/// Between two notes of all counts.
const NOTE_EVERY: Duration = Duration::from_secs(5);
/// How far back "lately" reaches.
const LATELY: Duration = Duration::from_secs(300);

/// Where an observer looks.
pub struct Sources {
    pub interface: Option<String>,
    /// Opened before the sensor confines itself.
    pub card: Option<Card>,
    pub workers: u16,
    pub state_dir: PathBuf,
    pub board: Arc<Board>,
    /// Packets lost in the kernel's ring, and at the card.
    pub drops: Arc<dyn Fn() -> (u64, u64) + Send + Sync>,
    pub rules: Arc<Rules>,
    /// None where there is no collector.
    pub delivery: Option<Delivery>,
    pub confinement_gaps: Vec<String>,
    pub outlets: Outlets,
}

/// The way to the collector.
pub struct Delivery {
    pub address: String,
    pub certificate_ends_ms: Option<i64>,
    pub spool: Arc<Spool>,
    pub shipper: Arc<std::sync::OnceLock<Arc<Shipper>>>,
}

pub struct Observer {
    sources: Sources,
    started_ms: u64,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// Oldest first.
    notes: VecDeque<(Instant, Counts)>,
    since_ms: BTreeMap<Code, u64>,
}

/// Unix milliseconds.
pub fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}

/// Room on the disk of a folder.
pub fn disk_of(folder: &Path) -> Option<Disk> {
    let about = nix::sys::statvfs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(about.fragment_size());
    Some(Disk {
        free_bytes: bytes(about.blocks_available()),
        total_bytes: bytes(about.blocks()),
    })
}

impl HomeNetState {
    pub fn of(environment: &Environment) -> Self {
        HomeNetState {
            text: environment
                .address_group("HOME_NET")
                .unwrap_or_default()
                .to_owned(),
            any: HomeNet::of(environment).is_any(),
        }
    }
}

impl Observer {
    pub fn new(sources: Sources) -> Self {
        Observer {
            sources,
            started_ms: unix_ms(),
            memory: Mutex::default(),
        }
    }

    /// Notes all counts every few seconds, until it is dropped.
    pub async fn keep_noting(&self) {
        loop {
            self.note();
            tokio::time::sleep(NOTE_EVERY).await;
        }
    }

    fn note(&self) {
        let counts = self.counts();
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        memory.notes.push_back((now, counts));
        while memory
            .notes
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) > LATELY)
        {
            memory.notes.pop_front();
        }
    }

    fn counts(&self) -> Counts {
        let (ring_drops, card_drops) = (self.sources.drops)();
        let mut counts = Counts {
            traffic: self.sources.board.tally(),
            ring_drops,
            card_drops,
            ..Counts::default()
        };
        if let Some(delivery) = &self.sources.delivery {
            for class in Class::ALL {
                let total = delivery.spool.total(class);
                counts.records_made += total.made;
                counts.records_acked += total.acked;
                for (reason, records) in total.shed {
                    match reason {
                        Reason::QueueFull => counts.records_queue_full += records,
                        Reason::DiskBudget
                        | Reason::LinkBudget
                        | Reason::DiskError
                        | Reason::Damaged => {
                            counts.records_given_up += records;
                        }
                        // Nothing that this machine could do better.
                        Reason::TooLarge | Reason::NotALine | Reason::Refused | Reason::Stays => {}
                    }
                }
            }
            let commits = delivery.spool.commits();
            counts.commits = commits.count;
            counts.commit_us = u64::try_from(commits.time.as_micros()).unwrap_or(u64::MAX);
        } else {
            // Without a spool, what outputs were given is what was made; they may want some classes alone.
            let given = self.sources.outlets.states().into_iter();
            counts.records_made = given
                .map(|state| state.written + state.lost)
                .max()
                .unwrap_or(0);
        }
        counts
    }

    /// How the sensor is now, without what only a person looks at.
    pub fn status(&self) -> Status {
        let sources = &self.sources;
        let (now, now_ms) = (Instant::now(), unix_ms());
        let counts = self.counts();
        let running = sources.rules.running();
        let interface = sources.interface.as_deref();
        let delivery = sources.delivery.as_ref();
        let mut status = Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process: std::process::id(),
            hostname: hostname::get()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            now_ms,
            started_ms: self.started_ms,
            memory_bytes: crate::console::resident_bytes(),
            workers: sources.workers,
            interface: interface.map(|name| Interface::look(name, sources.card.as_ref())),
            state_dir: sources.state_dir.display().to_string(),
            counts,
            rules: RulesState {
                loaded: running.loaded as u64,
                failed: running.failed as u64,
                refusal: sources.rules.last_refusal(),
            },
            home_net: HomeNetState::of(&running.environment),
            link: delivery.map(Delivery::link),
            spool: delivery.map(Delivery::spool_state),
            disk: disk_of(&sources.state_dir),
            certificate_ends_ms: delivery.and_then(|one| one.certificate_ends_ms),
            confinement_gaps: sources.confinement_gaps.clone(),
            outputs: sources
                .outlets
                .states()
                .into_iter()
                .map(OutputState::from)
                .collect(),
            ..Status::default()
        };
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, before)) = memory.notes.front() {
            status.lately = counts.since(before);
            let lately = now.saturating_duration_since(*at);
            status.lately_ms = u64::try_from(lately.as_millis()).unwrap_or(u64::MAX);
        }
        status.findings = memory.date(judge(&status), now_ms);
        status
    }

    /// As [`Self::status`], with hosts, protocols and alerts.
    pub fn full_status(&self) -> Status {
        Status {
            window: self.sources.board.look(),
            alerts: self.sources.board.alerts(),
            ..self.status()
        }
    }
}

impl Memory {
    /// Findings that were there before keep their time; of others it is now.
    fn date(&mut self, mut findings: Vec<Finding>, now_ms: u64) -> Vec<Finding> {
        let before = std::mem::take(&mut self.since_ms);
        for finding in &mut findings {
            let since_ms = before.get(&finding.code).copied().unwrap_or(now_ms);
            finding.since_ms = since_ms;
            self.since_ms.insert(finding.code, since_ms);
        }
        findings
    }
}

impl Delivery {
    fn link(&self) -> Link {
        let contact = self
            .shipper
            .get()
            .map(|shipper| shipper.contact())
            .unwrap_or_default();
        Link {
            address: self.address.clone(),
            connected: contact.connected,
            failure: contact.failure,
            ahead_ms: contact.ahead_ms,
        }
    }

    fn spool_state(&self) -> SpoolState {
        let backlog = self.spool.backlog();
        SpoolState {
            bytes: backlog.bytes,
            budget_bytes: self.spool.budget_bytes(),
            waiting: Class::ALL
                .into_iter()
                .map(|class| (class.name().to_owned(), backlog.of(class)))
                .collect(),
            oldest_hour: self.spool.oldest_hour(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_keeps_its_time_while_it_lasts() {
        let mut memory = Memory::default();
        let mut dated = |codes: &[Code], now_ms| -> Vec<u64> {
            let found = codes.iter().map(|code| Finding::new(*code, now_ms));
            let dated = memory.date(found.collect(), now_ms);
            dated.iter().map(|finding| finding.since_ms).collect()
        };
        assert_eq!(dated(&[Code::NoPackets], 1), [1]);
        assert_eq!(dated(&[Code::NoPackets, Code::DiskFull], 2), [1, 2]);
        assert_eq!(dated(&[Code::DiskFull], 3), [2]);
        assert_eq!(dated(&[Code::NoPackets], 4), [4]);
    }
}
