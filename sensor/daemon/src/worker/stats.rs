//! Counters of one worker, by the names of EVE `stats`.

use std::collections::BTreeMap;

use sensor_app::{PROTOCOLS, Protocol, ProtocolRow, Transport};
use sensor_decode::{Counters, Packet};
use sensor_detect::Inspector;
use sensor_event::StatsTree;
use sensor_flow::Entry;
use sensor_stream::{MidstreamPolicy, Outcome, StreamEvent, TcpState};

use super::flow::Tracked;
use crate::settings::Settings;

/// `flow.end.tcp_state.…`
const TCP_STATES: [&str; 11] = [
    "none",
    "syn_sent",
    "syn_recv",
    "established",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "last_ack",
    "close_wait",
    "closing",
    "closed",
];

/// Counts that no crate below keeps itself.
#[derive(Default)]
pub struct Counts {
    pub invalid_checksum: u64,
    pub tcp_reused: u64,
    /// Looks at flows that had ended.
    pub pseudo: u64,
    bypassed_packets: u64,
    bypassed_bytes: u64,
    sessions: u64,
    midstream: u64,
    gaps: u64,
    overlaps: u64,
    overlaps_differ: u64,
    unseen_acked: u64,
    depth_reached: u64,
    urgent: u64,
    no_room: u64,
    without_beginning: BTreeMap<&'static str, u64>,
    /// The policy that `without_beginning` counts.
    midstream_policy: MidstreamPolicy,
    stream_events: BTreeMap<StreamEvent, u64>,
    ended: BTreeMap<&'static str, u64>,
    ended_tcp: BTreeMap<&'static str, u64>,
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

impl Application {
    /// A flow with so many transactions; a session that is one thing from end to end is no transaction of anything.
    fn add(&mut self, protocol: Protocol, transactions: u64) {
        self.flows += 1;
        if !matches!(protocol, Protocol::Tls | Protocol::Ssh | Protocol::FtpData) {
            self.transactions += transactions;
        }
    }
}

impl Counts {
    pub fn new(settings: &Settings) -> Self {
        Counts {
            midstream_policy: settings.stream.midstream_policy,
            ..Counts::default()
        }
    }

    pub fn segments(&mut self, outcome: &Outcome) {
        let tally = &outcome.tally;
        self.sessions += u64::from(tally.session);
        self.midstream += u64::from(tally.session > 0 && outcome.without_beginning);
        self.overlaps += u64::from(tally.overlaps);
        self.overlaps_differ += u64::from(tally.overlaps_differ);
        self.unseen_acked += u64::from(tally.unseen_acked);
        self.depth_reached += u64::from(tally.depth_reached);
        self.urgent += u64::from(tally.urgent);
        self.no_room += u64::from(tally.no_room);
        self.stream_events(outcome.events);
    }

    pub fn stream_events(&mut self, events: sensor_stream::EventSet) {
        if events.is_empty() {
            return;
        }
        for event in events.iter() {
            *self.stream_events.entry(event).or_default() += 1;
        }
        self.gaps += u64::from(events.contains(StreamEvent::ReassemblySeqGap));
    }

    /// A packet of a session whose beginning was not seen.
    pub fn without_beginning(&mut self, policy: MidstreamPolicy) {
        if policy != MidstreamPolicy::Ignore {
            *self.without_beginning.entry(policy.name()).or_default() += 1;
        }
    }

    /// A packet of a flow that is not looked at.
    pub fn bypassed(&mut self, packet: &Packet<'_>) {
        self.bypassed_packets += 1;
        self.bypassed_bytes += packet.length as u64;
    }

    pub fn flow_ended(&mut self, entry: &Entry<Tracked>) {
        let state = match entry.flow.state {
            sensor_flow::State::Bypassed => "local_bypassed",
            state => state.name(),
        };
        *self.ended.entry(state).or_default() += 1;
        if entry.flow.protocol == 6 {
            let state = entry.user.session.as_ref().map(|session| session.state());
            // A session that was not followed has no state to end in.
            if let Some(name) = state.and_then(TcpState::name) {
                *self.ended_tcp.entry(name).or_default() += 1;
            }
        }
        let app = &entry.user.app;
        let udp = entry.flow.protocol == 17;
        let now = app.transaction_count_now();
        let before = app.transaction_count().saturating_sub(now);
        // A flow that changed its protocol counts with both.
        if let Some(original) = app.original_protocol() {
            self.application(original, udp).add(original, before);
        }
        let protocol = app.protocol();
        if protocol.is_known() {
            let counts = self.application(protocol, udp);
            counts.add(protocol, now);
            counts.failures += app.failures();
        } else if protocol == Protocol::Failed {
            let failed = if udp {
                &mut self.failed_udp
            } else {
                &mut self.failed_tcp
            };
            *failed += 1;
        }
    }

    fn application(&mut self, protocol: Protocol, udp: bool) -> &mut Application {
        self.applications.entry((protocol, udp)).or_default()
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
        for (number, version) in ["ipv4", "ipv6"].into_iter().enumerate() {
            tree.add(
                &format!("defrag.{version}.fragments"),
                defrag.fragments[number],
            );
            tree.add(
                &format!("defrag.{version}.reassembled"),
                defrag.reassembled[number],
            );
        }
        tree.add("defrag.wrk.tracker_timeout", defrag.timed_out);
        tree.add("defrag.max_trackers_reached", defrag.evicted);
        tree.add("defrag.max_frags_reached", defrag.refused);
        tree.add("flow.total", flows.total);
        tree.add("flow.active", 0);
        tree.add("flow.tcp", flows.tcp);
        tree.add("flow.udp", flows.udp);
        tree.add("flow.icmpv4", flows.icmpv4);
        tree.add("flow.icmpv6", flows.icmpv6);
        tree.add("flow.tcp_reuse", self.tcp_reused);
        tree.add("flow.mgr.flows_timeout", flows.timed_out);
        tree.add("flow.wrk.flows_evicted", flows.evicted);
        for state in ["new", "established", "closed", "local_bypassed"] {
            let count = self.ended.get(state).copied().unwrap_or(0);
            tree.add(&format!("flow.end.state.{state}"), count);
        }
        for state in TCP_STATES {
            let count = self.ended_tcp.get(state).copied().unwrap_or(0);
            tree.add(&format!("flow.end.tcp_state.{state}"), count);
        }
        tree.add("flow_bypassed.local_pkts", self.bypassed_packets);
        tree.add("flow_bypassed.local_bytes", self.bypassed_bytes);
        if self.midstream_policy != MidstreamPolicy::Ignore {
            for policy in [MidstreamPolicy::PassFlow, MidstreamPolicy::Bypass] {
                let name = policy.name();
                let count = self.without_beginning.get(name).copied().unwrap_or(0);
                tree.add(&format!("exception_policy.tcp.midstream.{name}"), count);
            }
        }
        for (name, count) in [
            ("sessions", self.sessions),
            ("pseudo", self.pseudo),
            ("invalid_checksum", self.invalid_checksum),
            ("midstream_pickups", self.midstream),
            ("syn", decode.tcp_syn),
            ("synack", decode.tcp_synack),
            ("rst", decode.tcp_rst),
            ("urg", decode.tcp_urg),
            ("pkt_on_wrong_thread", 0),
            ("ack_unseen_data", self.unseen_acked),
            ("stream_depth_reached", self.depth_reached),
            ("reassembly_gap", self.gaps),
            ("overlap", self.overlaps),
            ("overlap_diff_data", self.overlaps_differ),
            ("insert_data_normal_fail", self.no_room),
            ("insert_data_overlap_fail", 0),
            ("urgent_oob_data", self.urgent),
            ("ssn_memcap_drop", 0),
            ("segment_memcap_drop", 0),
        ] {
            tree.add(&format!("tcp.{name}"), count);
        }
        for event in StreamEvent::ALL {
            let count = self.stream_events.get(event).copied().unwrap_or(0);
            tree.add(&format!("stream.{}", event.name()), count);
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
            let summary = inspector.engine().summary();
            let mut engine = StatsTree::new();
            engine.add("id", u64::from(inspector.engine().generation()));
            engine.add("rules_loaded", summary.signatures as u64);
            engine.add("rules_failed", summary.failed as u64);
            engine.add("rules_skipped", summary.skipped as u64);
            tree.add_to_list("detect.engines", engine);
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
