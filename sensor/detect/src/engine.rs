//! A rule set, compiled: shared by all workers, never changed.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rules::signature::{Action, Condition, Signature};
use sensor_app::{BufferRow, Protocol, WantedFrames};
use sensor_flow::Direction;

use crate::build::EngineBuilder;
use crate::compile::{self, Compiled, Interner};
use crate::dataset::DatasetTable;
use crate::header::{AddressIndex, AddressSets, PortIndex};
use crate::hosts::HostBits;
use crate::lineage::Lineage;
use crate::prefilter::{Matcher, PortMatchers};
use crate::reputation::Known;
use crate::tag::HostTags;
use crate::threshold::Thresholds;
use crate::transform::Step;
use crate::vocabulary::{Names, PacketBuffer};

/// A signature that parsed but cannot run.
#[derive(Debug, Clone, thiserror::Error)]
#[error("sid {sid}: {reason}")]
pub struct CompileFault {
    pub sid: u32,
    pub reason: String,
    /// The rule as written.
    pub text: String,
}

impl CompileFault {
    pub(crate) fn of(signature: &Signature, reason: String) -> Self {
        CompileFault {
            sid: signature.sid,
            reason,
            text: signature.text.clone(),
        }
    }
}

/// One matcher over one buffer of one protocol and side.
pub(crate) struct Scanner {
    pub row: &'static BufferRow,
    pub steps: Vec<Step>,
    /// Shared by protocols of which the rules ask the same.
    pub matcher: Arc<Matcher>,
}

/// Inspection of the transactions of one protocol and side.
#[derive(Default)]
pub(crate) struct TransactionGroup {
    pub scanners: Vec<Scanner>,
    /// Signatures without a fast pattern.
    pub always: Vec<u32>,
}

/// One automaton over the frames of one name.
pub(crate) struct FrameScanner {
    pub steps: Vec<Step>,
    pub matcher: Matcher,
}

/// Inspection of the frames of one name and side.
#[derive(Default)]
pub(crate) struct FrameGroup {
    pub scanners: Vec<FrameScanner>,
    /// Signatures without a fast pattern.
    pub always: Vec<u32>,
}

/// A frame: its protocol and its name.
pub(crate) type FrameKey = (Protocol, &'static str);

/// Layer-four groups: TCP, UDP, ICMP, everything else.
pub(crate) const GROUPS: usize = 4;

pub(crate) fn group_of(ip_proto: Option<u8>) -> usize {
    match ip_proto {
        Some(6) => 0,
        Some(17) => 1,
        Some(1 | 58) => 2,
        _ => 3,
    }
}

/// One automaton over one part of packets.
pub(crate) struct PacketScanner {
    pub buffer: PacketBuffer,
    pub matcher: Matcher,
}

/// Inspection of packets of one layer-four group and side.
#[derive(Default)]
pub(crate) struct PacketGroup {
    /// Over the payload of every packet: signatures with packet keywords or fixed places.
    pub every_payload: PortMatchers,
    /// Over stream data, and the payload of packets that are no part of a followed stream.
    pub stream: PortMatchers,
    /// Over headers.
    pub headers: Vec<PacketScanner>,
    /// Signatures without a fast pattern.
    pub always: PortIndex,
    /// Signatures that are looked at with the first packet of a flow's direction.
    pub flow_start: Vec<u32>,
    /// Signatures on the flow's protocol alone.
    pub detection: Vec<u32>,
}

/// What an engine is to be told beside its rules.
pub struct Options {
    /// Where datasets with relative paths are looked for.
    pub directories: Vec<PathBuf>,
    /// Files that the rules carry with them; they come before those of the folders.
    pub carried: HashMap<String, String>,
    /// Which action is looked at first (`action-order`).
    pub action_order: [Action; 4],
    /// What is known of addresses.
    pub known: Known,
    pub keep: Keep,
}

/// What an engine keeps of how its signatures are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Everything: for tools that explain, test and advise.
    Everything,
    /// The text: for alerts that show it.
    Text,
    /// What inspection asks for, and no more.
    Nothing,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            directories: Vec::new(),
            carried: HashMap::new(),
            action_order: [Action::Pass, Action::Drop, Action::Reject, Action::Alert],
            known: Known::default(),
            keep: Keep::Everything,
        }
    }
}

/// Figures of a compiled rule set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub signatures: usize,
    pub failed: usize,
    pub skipped: usize,
    pub ip_only: usize,
    pub packet: usize,
    pub transaction: usize,
    /// Signatures on protocols without a parser.
    pub waiting: usize,
    /// Signatures that no fast pattern calls.
    pub without_pattern: usize,
    pub matchers: usize,
    pub patterns: usize,
    pub matcher_bytes: usize,
}

/// The compiled rule set.
pub struct Engine {
    pub(crate) names: Arc<Names>,
    pub(crate) signatures: Vec<Compiled>,
    pub(crate) addresses: AddressSets,
    pub(crate) datasets: DatasetTable,
    pub(crate) known: Known,
    pub(crate) flowbits: Interner,
    pub(crate) hostbits: Interner,
    pub(crate) lineage: Lineage,
    pub(crate) ip_only_source: AddressIndex,
    pub(crate) ip_only_destination: AddressIndex,
    pub(crate) ip_only_always: Vec<u32>,
    pub(crate) packet_groups: [[PacketGroup; 2]; GROUPS],
    /// Looked at only on packets with decoder events.
    pub(crate) decode_event_rules: Vec<u32>,
    /// Looked at only on packets with stream events.
    pub(crate) stream_event_rules: Vec<u32>,
    pub(crate) transaction_groups: BTreeMap<Protocol, [TransactionGroup; 2]>,
    pub(crate) frame_groups: BTreeMap<FrameKey, [FrameGroup; 2]>,
    /// What all workers count and remember together lives on when the rules are replaced.
    pub(crate) thresholds: Arc<Mutex<Thresholds>>,
    pub(crate) host_bits: Arc<Mutex<HostBits>>,
    pub(crate) host_tags: Arc<Mutex<HostTags>>,
    /// Some rule tags hosts.
    pub(crate) tags_hosts: bool,
    /// Some rule looks at the payload of streams.
    pub(crate) streams: bool,
    pub(crate) summary: Summary,
}

impl Engine {
    /// Compiles signatures. Those that cannot run are told apart; the others run.
    pub fn new(
        names: Names,
        signatures: Vec<Signature>,
        options: Options,
    ) -> (Engine, Vec<CompileFault>) {
        let mut builder = EngineBuilder::new(None, Arc::new(names), options);
        for signature in signatures {
            builder.add(signature, None);
        }
        builder.finish(0, 0)
    }

    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Writes the data sets that rules want kept from run to run.
    ///
    /// # Errors
    /// The first file that cannot be written.
    pub fn save_datasets(&self) -> Result<(), crate::DatasetError> {
        self.datasets.save()
    }

    /// The files that [`Engine::save_datasets`] writes.
    pub fn kept_files(&self) -> Vec<std::path::PathBuf> {
        self.datasets.kept_files()
    }

    /// 0 for a rule set of its own, one more than the engine whose place it takes.
    pub fn generation(&self) -> u32 {
        self.lineage.generation()
    }

    /// Forgets what matches have left behind: counts of thresholds, bits and tags of hosts, values of
    /// data sets that no file stands behind.
    pub fn forget(&self) {
        fn clear<T: Default>(what: &Mutex<T>) {
            *what.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = T::default();
        }
        clear(&self.thresholds);
        clear(&self.host_bits);
        clear(&self.host_tags);
        self.datasets.forget();
    }

    /// The rule vocabulary of this sensor.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The signature of a [`crate::Match`].
    pub fn signature(&self, index: u32) -> &Signature {
        &self.signatures[index as usize].signature
    }

    /// `metadata` of a signature, values by key.
    pub fn metadata(&self, index: u32) -> BTreeMap<&str, Vec<&str>> {
        let mut by_key = BTreeMap::<&str, Vec<&str>>::new();
        for pair in &self.signature(index).metadata {
            let (key, value) = &**pair;
            by_key.entry(key).or_default().push(value);
        }
        by_key
    }

    /// `reference`s of a signature as links.
    pub fn references(&self, index: u32) -> Vec<String> {
        let references = self.signature(index).references.iter();
        references
            .map(|pair| compile::reference(&pair.0, &pair.1))
            .collect()
    }

    /// Name of a flow bit.
    pub fn flowbit_name(&self, bit: u32) -> &str {
        self.flowbits
            .names
            .get(bit as usize)
            .map_or("", String::as_str)
    }

    /// Whether any rule asks for a stream event, by its number.
    pub fn asks_for_stream_event(&self, number: u16) -> bool {
        self.stream_event_rules.iter().any(|&index| {
            let conditions = &self.signature(index).conditions;
            conditions.contains(&Condition::StreamEvent(number))
        })
    }

    /// Whether any rule looks at the payload of streams.
    pub fn looks_at_streams(&self) -> bool {
        self.streams
    }

    /// Whether any rule asks for transactions of a protocol.
    pub fn inspects(&self, protocol: Protocol) -> bool {
        self.transaction_groups.get(&protocol).is_some_and(|sides| {
            sides
                .iter()
                .any(|side| !side.scanners.is_empty() || !side.always.is_empty())
        })
    }

    /// The frames that rules look into.
    pub fn frames(&self) -> WantedFrames {
        let mut wanted = WantedFrames::default();
        for (protocol, name) in self.frame_groups.keys() {
            wanted.add(*protocol, name);
        }
        wanted
    }

    /// Whether no rule has anything left to look at on a side of a transaction.
    pub fn is_done(
        &self,
        state: &crate::FlowState,
        protocol: Protocol,
        id: u64,
        direction: Direction,
    ) -> bool {
        let idle = self.transaction_groups.get(&protocol).is_none_or(|sides| {
            let side = &sides[direction.index()];
            side.scanners.is_empty() && side.always.is_empty()
        });
        idle || state.is_settled() || state.is_done(id, direction)
    }
}
