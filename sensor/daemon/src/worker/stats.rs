//! Counters of one worker, by the names of EVE `stats`.

use std::collections::BTreeMap;

use sensor_app::{PROTOCOLS, Protocol, ProtocolRow, Transport};
use sensor_decode::{Counters, Packet, Tcp};
use sensor_detect::Inspector;
use sensor_event::StatsTree;
use sensor_flow::Entry;
use sensor_stream::{Outcome, StreamEvent};

use super::flow::Tracked;

/// Counts that no crate below keeps itself.
#[derive(Default)]
pub struct Counts {
    pub invalid_checksum: u64,
    sessions: u64,
    syn: u64,
    synack: u64,
    rst: u64,
    midstream: u64,
    gaps: u64,
    overlaps: u64,
    /// Of known protocols, by protocol and whether over UDP.
    applications: BTreeMap<(Protocol, bool), Application>,
    failed_tcp: u64,
    failed_udp: u64,
}

/// Flows of one protocol over one transport.
#[derive(Default, Clone, Copy)]
struct Application {
    flows: u64,
    transactions: u64,
    failures: u64,
}

impl Counts {
    pub fn segments(&mut self, outcome: &Outcome, packet: &Packet<'_>) {
        let Some(tcp) = packet.tcp() else { return };
        self.syn += u64::from(tcp.has(Tcp::SYN) && !tcp.has(Tcp::ACK));
        self.synack += u64::from(tcp.has(Tcp::SYN | Tcp::ACK));
        self.rst += u64::from(tcp.has(Tcp::RST));
        self.gaps += u64::from(outcome.events.contains(StreamEvent::ReassemblySeqGap));
        self.overlaps += u64::from(
            outcome
                .events
                .contains(StreamEvent::ReassemblyOverlapDifferentData),
        );
    }

    pub fn flow_ended(&mut self, entry: &Entry<Tracked>) {
        if let Some(session) = &entry.user.session
            && session.state() != sensor_stream::TcpState::None
        {
            self.sessions += 1;
            self.midstream += u64::from(session.is_midstream());
        }
        let protocol = entry.user.app.protocol();
        let udp = entry.flow.protocol == 17;
        if protocol.is_known() {
            let counts = self.applications.entry((protocol, udp)).or_default();
            counts.flows += 1;
            counts.transactions += entry.user.app.transaction_count();
            counts.failures += entry.user.app.failures();
        } else if protocol == Protocol::Failed {
            let failed = if udp {
                &mut self.failed_udp
            } else {
                &mut self.failed_tcp
            };
            *failed += 1;
        }
    }

    pub fn tree(
        &self,
        decode: &Counters,
        defrag: sensor_defrag::Counts,
        flows: sensor_flow::Counts,
        inspector: Option<&Inspector>,
    ) -> StatsTree {
        let mut tree = StatsTree::new();
        for (name, count) in decode.iter() {
            tree.add(&format!("decoder.{name}"), count);
        }
        for (name, count) in decode.events() {
            tree.add(&format!("decoder.event.{name}"), count);
        }
        tree.add("defrag.ipv4.fragments", defrag.fragments);
        tree.add("defrag.ipv4.reassembled", defrag.reassembled);
        tree.add("defrag.timed_out", defrag.timed_out);
        tree.add("defrag.evicted", defrag.evicted);
        tree.add("defrag.refused", defrag.refused);
        tree.add("flow.total", flows.total);
        tree.add("flow.tcp", flows.tcp);
        tree.add("flow.udp", flows.udp);
        tree.add("flow.icmpv4", flows.icmpv4);
        tree.add("flow.icmpv6", flows.icmpv6);
        tree.add("flow.timed_out", flows.timed_out);
        tree.add("flow.evicted", flows.evicted);
        for (name, count) in [
            ("sessions", self.sessions),
            ("invalid_checksum", self.invalid_checksum),
            ("syn", self.syn),
            ("synack", self.synack),
            ("rst", self.rst),
            ("midstream_pickups", self.midstream),
            ("reassembly_gap", self.gaps),
            ("overlap_diff_data", self.overlaps),
        ] {
            tree.add(&format!("tcp.{name}"), count);
        }
        for row in PROTOCOLS {
            for transport in row.transports {
                let udp = *transport == Transport::Udp;
                let counts = self.applications.get(&(row.protocol, udp));
                let counts = counts.copied().unwrap_or_default();
                let name = counted_as(row, *transport);
                tree.add(&format!("app_layer.flow.{name}"), counts.flows);
                tree.add(&format!("app_layer.tx.{name}"), counts.transactions);
                tree.add(&format!("app_layer.error.{name}.parser"), counts.failures);
            }
        }
        tree.add("app_layer.flow.failed_tcp", self.failed_tcp);
        tree.add("app_layer.flow.failed_udp", self.failed_udp);
        if let Some(inspector) = inspector {
            let counts = inspector.counts();
            tree.add("detect.alert", counts.alerts);
            tree.add("detect.alert_queue_overflow", counts.over_limit);
            tree.add("detect.alerts_suppressed", counts.suppressed);
            tree.add("detect.evaluations_exhausted", counts.exhausted);
            tree.add(
                "detect.rules_loaded",
                inspector.engine().summary().signatures as u64,
            );
        }
        tree
    }
}

/// Name of a protocol among the counters; over each of two transports it is counted apart.
fn counted_as(row: &ProtocolRow, transport: Transport) -> String {
    match (row.transports, transport) {
        ([_], _) => row.name.to_owned(),
        (_, Transport::Tcp) => format!("{}_tcp", row.name),
        (_, Transport::Udp) => format!("{}_udp", row.name),
    }
}
