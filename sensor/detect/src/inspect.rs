//! One packet, its flow and its transactions → matches.
//!
//! Order within a packet: rules on addresses alone (first packet of either direction), rules on packets and
//! stream data, rules on transactions. What a match sets (flow bits, numbers, host bits) holds at once for
//! the rules behind it; alerts are sorted, thinned out by thresholds and cut at the end.

use std::sync::Arc;

use rules::signature::{Action, BitOperation, Condition, HeaderDirection, Threshold, Track};
use sensor_app::{BufferGetter, BufferSide, Bytes, Transaction};
use sensor_flow::Direction;

use crate::compile::{Compiled, IpVersion, Layer4, Part, PartHome};
use crate::content::{self, Captured, Evaluation, VARIABLE_LIMIT};
use crate::engine::{Engine, group_of};
use crate::header::port_in;
use crate::prefilter::Seen;
use crate::state::{FlowState, PENDING_LIMIT, Pending, SideState};
use crate::subject::{Facts, Traffic, TransactionInspection};
use crate::threshold::{Decision, Tracked};
use crate::vocabulary::{BufferHome, PacketBuffer};

/// Alerts of one packet unless configured (`packet-alert-max`).
pub const ALERT_LIMIT: usize = 15;

/// A signature that fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// For [`Engine::signature`]. Order of alerts.
    pub signature: u32,
    /// Number of the transaction.
    pub transaction: Option<u64>,
    /// The match lies in stream data rather than in the packet.
    pub in_stream: bool,
    pub captured: Vec<Captured>,
}

/// Matches that became no alert, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub alerts: u64,
    /// More than the limit on one packet.
    pub over_limit: u64,
    /// Thinned out by a threshold.
    pub suppressed: u64,
    /// Buffers on which an evaluation used up its steps.
    pub exhausted: u64,
}

/// Inspection by one worker.
pub struct Inspector {
    engine: Arc<Engine>,
    alert_limit: usize,
    scratch: Scratch,
    counts: Counts,
}

#[derive(Default)]
struct Scratch {
    patterns: Seen,
    candidates: Vec<u32>,
    matches: Vec<Match>,
    captured: Vec<Captured>,
    /// Transactions whose records a rule has switched off.
    silenced: Vec<u64>,
    passed: bool,
    exhausted: u64,
}

impl Inspector {
    pub fn new(engine: Arc<Engine>, alert_limit: usize) -> Self {
        Inspector {
            engine,
            alert_limit,
            scratch: Scratch::default(),
            counts: Counts::default(),
        }
    }

    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Transactions whose records the last inspection has switched off.
    pub fn silenced(&self) -> &[u64] {
        &self.scratch.silenced
    }

    /// Inspects a packet; the matches that are alerts, most important first.
    pub fn inspect(&mut self, traffic: &Traffic<'_>, state: &mut FlowState) -> &[Match] {
        let scratch = &mut self.scratch;
        scratch.matches.clear();
        scratch.silenced.clear();
        scratch.passed = false;
        if state.passed {
            return &[];
        }
        let engine: &Engine = &self.engine;
        let mut pass = Pass {
            engine,
            traffic,
            state,
            scratch,
        };
        pass.ip_only();
        pass.packet();
        if traffic.transactions == TransactionInspection::Changed {
            pass.transactions();
        }
        self.finish(traffic, state);
        &self.scratch.matches
    }

    fn finish(&mut self, traffic: &Traffic<'_>, state: &mut FlowState) {
        self.counts.exhausted += std::mem::take(&mut self.scratch.exhausted);
        let matches = &mut self.scratch.matches;
        if matches.is_empty() {
            return;
        }
        matches.sort_by_key(|found| found.signature);
        if let Some(at) = matches
            .iter()
            .position(|found| self.engine.signature(found.signature).action == Action::Pass)
        {
            let found = &matches[at];
            if found.transaction.is_some() || found.in_stream {
                state.passed = true;
            }
            matches.truncate(at);
        }
        let engine = &self.engine;
        let counts = &mut self.counts;
        matches.retain(|found| {
            let signature = engine.signature(found.signature);
            if signature.noalert || signature.action == Action::Config {
                return false;
            }
            let alert = is_due(engine, found.signature, traffic);
            counts.suppressed += u64::from(!alert);
            alert
        });
        if matches.len() > self.alert_limit {
            counts.over_limit += (matches.len() - self.alert_limit) as u64;
            matches.truncate(self.alert_limit);
        }
        counts.alerts += matches.len() as u64;
        state.alerts += matches.len() as u64;
    }
}

/// What filters and thresholds say of a match.
fn is_due(engine: &Engine, index: u32, traffic: &Traffic<'_>) -> bool {
    let signature = engine.signature(index);
    if signature.detection_filter.is_none() && signature.threshold.is_none() {
        return true;
    }
    let mut thresholds = engine
        .thresholds
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(filter) = signature.detection_filter
        && let Some(tracked) = tracked(filter.track, traffic)
        && thresholds.filter(
            signature.gid,
            signature.sid,
            filter,
            tracked,
            traffic.now_ns,
        ) == Decision::Silent
    {
        return false;
    }
    let Some(threshold) = &signature.threshold else {
        return true;
    };
    let (Threshold::Threshold { track, .. }
    | Threshold::Limit { track, .. }
    | Threshold::Both { track, .. }
    | Threshold::Backoff { track, .. }) = threshold;
    match tracked(*track, traffic) {
        Some(tracked) => {
            thresholds.threshold(
                signature.gid,
                signature.sid,
                threshold,
                tracked,
                traffic.now_ns,
            ) == Decision::Alert
        }
        None => true,
    }
}

fn tracked(track: Track, traffic: &Traffic<'_>) -> Option<Tracked> {
    let addresses = traffic.packet.addresses();
    Tracked::new(
        track,
        addresses.map(|pair| pair.0),
        addresses.map(|pair| pair.1),
        traffic.flow.map(|flow| flow.id.0),
    )
}

/// Inspection of one packet.
struct Pass<'a> {
    engine: &'a Engine,
    traffic: &'a Traffic<'a>,
    state: &'a mut FlowState,
    scratch: &'a mut Scratch,
}

/// Where the payload of a rule matched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Packet,
    Stream,
}

impl<'a> Pass<'a> {
    fn ip_only(&mut self) {
        let Some((source, destination)) = self.traffic.packet.addresses() else {
            return;
        };
        if self.traffic.flow.is_some() {
            let side = self.traffic.direction.index();
            if std::mem::replace(&mut self.state.ip_only_done[side], true) {
                return;
            }
        }
        let engine = self.engine;
        let by_address = engine
            .ip_only_source
            .rules(source)
            .iter()
            .chain(engine.ip_only_destination.rules(destination));
        for &index in by_address.chain(&engine.ip_only_always) {
            let one = &engine.signatures[index as usize];
            if self.header_holds(one) && self.conditions_hold(one, None) {
                self.matched(index, None, Place::Packet);
            }
        }
    }

    fn packet(&mut self) {
        let engine = self.engine;
        let traffic = self.traffic;
        let mut candidates = std::mem::take(&mut self.scratch.candidates);
        candidates.clear();
        if !traffic.packet.events.is_empty() {
            candidates.extend(&engine.decode_event_rules);
        }
        if !traffic.stream_events.is_empty() {
            candidates.extend(&engine.stream_event_rules);
        }
        let group = &engine.packet_groups[group_of(traffic.packet.ip_protocol())]
            [traffic.direction.index()];
        candidates.extend(&group.always);
        let payload = if traffic.flow_end || traffic.encrypted || traffic.packet.encloses {
            &[][..]
        } else {
            traffic.packet.payload
        };
        let patterns = &mut self.scratch.patterns;
        if !payload.is_empty() {
            if let Some(matcher) = &group.every_payload {
                matcher.scan(payload, patterns, &mut candidates);
            }
            if !traffic.in_stream
                && let Some(matcher) = &group.payload
            {
                matcher.scan(payload, patterns, &mut candidates);
            }
        }
        if let (Some(raw), Some(matcher)) = (&traffic.raw, &group.stream) {
            matcher.scan(raw.data, patterns, &mut candidates);
        }
        candidates.sort_unstable();
        candidates.dedup();
        for &index in &candidates {
            self.packet_rule(index);
        }
        self.scratch.candidates = candidates;
    }

    fn packet_rule(&mut self, index: u32) {
        let one = &self.engine.signatures[index as usize];
        if !self.header_holds(one) || !self.protocol_holds(one) || !self.conditions_hold(one, None)
        {
            return;
        }
        self.scratch.captured.clear();
        if let Some(place) = self.payload_holds(index, one) {
            self.matched(index, None, place);
        }
    }

    /// Looks for the payload parts in stream data, then in the packet, as far as the rule wants either.
    fn payload_holds(&mut self, index: u32, one: &Compiled) -> Option<Place> {
        let traffic = self.traffic;
        let has_payload = one
            .parts
            .iter()
            .any(|part| matches!(part.home, PartHome::Payload));
        let is_tcp = traffic.packet.tcp().is_some();
        if has_payload && is_tcp && one.wants_stream {
            if let Some(raw) = &traffic.raw
                && !(raw.seen > 0 && self.state.stream_fired(index))
            {
                let bytes = Bytes {
                    data: raw.data,
                    offset: raw.offset,
                    complete: traffic.flow_end,
                };
                if self.parts_hold(one, bytes) {
                    self.state.note_stream_fired(index);
                    return Some(Place::Stream);
                }
            }
            let in_packet = !traffic.flow_end
                && (one.wants_packet || !traffic.in_stream)
                && one.signature.protocol != rules::signature::HeaderProtocol::TcpStream;
            if !in_packet {
                return None;
            }
        }
        if has_payload && traffic.encrypted {
            return None;
        }
        if traffic.flow_end
            && (has_payload || !one.parts.is_empty() || !one.signature.conditions.is_empty())
        {
            return None;
        }
        self.parts_hold(one, Bytes::whole(traffic.packet.payload))
            .then_some(Place::Packet)
    }

    /// Whether all parts on packet and payload hold.
    fn parts_hold(&mut self, one: &Compiled, payload: Bytes<'_>) -> bool {
        let mut variables = [0; VARIABLE_LIMIT];
        one.parts.iter().all(|part| match part.home {
            PartHome::Payload => self.bytes_hold(part, payload, &mut variables),
            PartHome::Packet(buffer) => {
                let mut address = [0; 16];
                match packet_buffer(self.traffic, buffer, &mut address) {
                    Some(data) => self.bytes_hold(part, Bytes::whole(data), &mut variables),
                    None => part.absent,
                }
            }
            PartHome::App(_) => false,
        })
    }

    fn bytes_hold(
        &mut self,
        part: &Part,
        bytes: Bytes<'_>,
        variables: &mut [u64; VARIABLE_LIMIT],
    ) -> bool {
        let transformed;
        let subject = if part.steps.is_empty() {
            content::Subject {
                data: bytes.data,
                base: bytes.offset,
                complete: bytes.complete,
            }
        } else {
            let Some(data) = crate::transform::apply(&part.steps, bytes.data) else {
                return false;
            };
            transformed = data;
            content::Subject {
                data: &transformed,
                base: 0,
                complete: bytes.complete,
            }
        };
        let mut evaluation = Evaluation::new(
            subject,
            &self.engine.datasets,
            variables,
            &mut self.scratch.captured,
        );
        let holds = evaluation.matches(&part.checks);
        self.scratch.exhausted += u64::from(evaluation.exhausted());
        holds
    }

    fn header_holds(&self, one: &Compiled) -> bool {
        let packet = self.traffic.packet;
        let protocol = packet.ip_protocol();
        let layer4 = match one.layer4 {
            Layer4::Any => protocol.is_some(),
            Layer4::Tcp => packet.tcp().is_some(),
            Layer4::Udp => matches!(packet.transport, sensor_decode::Transport::Udp(_)),
            Layer4::Icmp => matches!(
                packet.transport,
                sensor_decode::Transport::Icmpv4(_) | sensor_decode::Transport::Icmpv6(_)
            ),
            Layer4::Number(number) => protocol == Some(number),
            Layer4::Header => true,
        };
        // A broken packet may lack the layer that its decoder event speaks of.
        if !layer4 && packet.events.is_empty() {
            return false;
        }
        let version = matches!(
            (one.ip, &packet.net),
            (IpVersion::Any, _)
                | (IpVersion::V4, sensor_decode::Net::Ipv4(_))
                | (IpVersion::V6, sensor_decode::Net::Ipv6(_))
        );
        if !version || !layer4 && protocol.is_some() {
            return false;
        }
        let signature = &one.signature;
        if one.layer4 != Layer4::Header
            && (one.source.is_some() || one.destination.is_some() || has_ports(one))
        {
            let Some((source, destination)) = packet.addresses() else {
                return false;
            };
            let ports = packet.ports();
            let ends = |from: (std::net::IpAddr, u16), to: (std::net::IpAddr, u16)| {
                one.source
                    .is_none_or(|set| self.engine.addresses.contains(set, from.0))
                    && one
                        .destination
                        .is_none_or(|set| self.engine.addresses.contains(set, to.0))
                    && (!has_ports(one) || ports.is_some())
                    && port_in(&signature.source_ports, from.1)
                    && port_in(&signature.destination_ports, to.1)
            };
            let (from_port, to_port) = ports.unwrap_or((0, 0));
            let (from, to) = ((source, from_port), (destination, to_port));
            if !(ends(from, to) || signature.direction == HeaderDirection::Both && ends(to, from)) {
                return false;
            }
        }
        self.flow_holds(one)
    }

    fn flow_holds(&self, one: &Compiled) -> bool {
        let traffic = self.traffic;
        let Some(flow) = one.signature.flow else {
            return true;
        };
        let defragmented = traffic.packet.source_kind == sensor_decode::PacketSource::Defrag;
        if flow.only_frag && !defragmented || flow.no_frag && defragmented {
            return false;
        }
        let sided = flow.to_server || flow.to_client || flow.established || flow.not_established;
        if !sided {
            return true;
        }
        if traffic.flow.is_none() {
            return false;
        }
        let to_server = traffic.direction == Direction::ToServer;
        !(flow.to_server && !to_server && !flow.to_client
            || flow.to_client && to_server && !flow.to_server
            || flow.established && !traffic.established
            || flow.not_established && traffic.established)
    }

    /// A rule on an application protocol without its buffers: the flow must be of it.
    fn protocol_holds(&self, one: &Compiled) -> bool {
        one.protocols.is_empty()
            || self.traffic.app.is_some_and(|app| {
                one.protocols.contains(&app.protocol())
                    || Direction::BOTH
                        .iter()
                        .any(|&direction| one.protocols.contains(&app.side_protocol(direction)))
            })
    }

    fn conditions_hold(&self, one: &Compiled, transaction: Option<&Transaction>) -> bool {
        let facts = Facts {
            traffic: self.traffic,
            names: &self.engine.names,
            transaction,
        };
        let protocol = transaction.map(Transaction::protocol);
        one.signature
            .conditions
            .iter()
            .all(|condition| match condition {
                Condition::AppEvent {
                    protocol: wanted, ..
                } if self
                    .engine
                    .names
                    .protocols
                    .get(usize::from(wanted.0))
                    .copied()
                    .flatten()
                    != protocol =>
                {
                    false
                }
                condition => condition.holds(&facts),
            })
            && self.bits_hold(one)
    }

    fn bits_hold(&self, one: &Compiled) -> bool {
        let flow_bits = one
            .signature
            .flowbits
            .iter()
            .zip(&one.flowbits)
            .all(|(bits, ids)| match bits.operation {
                BitOperation::IsSet => ids.iter().any(|&bit| self.state.has_bit(bit)),
                BitOperation::IsNotSet => !ids.iter().any(|&bit| self.state.has_bit(bit)),
                BitOperation::Set | BitOperation::Unset | BitOperation::Toggle => true,
            });
        if !flow_bits
            || !one
                .signature
                .flowints
                .iter()
                .all(|int| self.state.int_holds(int))
        {
            return false;
        }
        if one.signature.xbits.is_empty() {
            return true;
        }
        let bits = self
            .engine
            .host_bits
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        one.signature
            .xbits
            .iter()
            .zip(&one.xbits)
            .all(|(bit, &id)| {
                let set = || {
                    tracked(bit.track, self.traffic)
                        .is_some_and(|tracked| bits.is_set(id, tracked, self.traffic.now_ns))
                };
                match bit.operation {
                    BitOperation::IsSet => set(),
                    BitOperation::IsNotSet => !set(),
                    BitOperation::Set | BitOperation::Unset | BitOperation::Toggle => true,
                }
            })
    }

    /// Carries out what a match sets, and notes it.
    fn matched(&mut self, index: u32, transaction: Option<u64>, place: Place) {
        let one = &self.engine.signatures[index as usize];
        for (bits, ids) in one.signature.flowbits.iter().zip(&one.flowbits) {
            for &bit in ids {
                self.state.apply_bit(bits.operation, bit);
            }
        }
        for int in &one.signature.flowints {
            self.state.apply_int(int);
        }
        if !one.signature.xbits.is_empty() {
            let mut bits = self
                .engine
                .host_bits
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            for (bit, &id) in one.signature.xbits.iter().zip(&one.xbits) {
                if let Some(tracked) = tracked(bit.track, self.traffic) {
                    bits.apply(
                        bit.operation,
                        id,
                        tracked,
                        self.traffic.now_ns,
                        bit.expire.as_secs(),
                    );
                }
            }
        }
        if one.signature.silences_transaction {
            self.scratch.silenced.extend(transaction);
        }
        let captured = std::mem::take(&mut self.scratch.captured);
        for found in &captured {
            if found.capture.kind == rules::signature::CaptureKind::Flow {
                self.state
                    .set_variable(&found.capture.name, found.value.clone());
            }
        }
        self.scratch.matches.push(Match {
            signature: index,
            transaction,
            in_stream: place == Place::Stream,
            captured,
        });
    }

    fn transactions(&mut self) {
        let Some(app) = self.traffic.app else { return };
        let direction = self.traffic.direction;
        for transaction in app.transactions() {
            let Some(sides) = self.engine.transaction_groups.get(&transaction.protocol()) else {
                continue;
            };
            let group = &sides[direction.index()];
            if group.scanners.is_empty() && group.always.is_empty()
                || !transaction.has_side(direction)
            {
                continue;
            }
            let side = std::mem::take(
                &mut self.state.transaction(transaction.id).sides[direction.index()],
            );
            let side = self.transaction(transaction, group, side);
            self.state.transaction(transaction.id).sides[direction.index()] = side;
        }
        if let Some(oldest) = app.transactions().front() {
            self.state.forget_transactions_before(oldest.id);
        }
    }

    fn transaction(
        &mut self,
        transaction: &Transaction,
        group: &crate::engine::TransactionGroup,
        mut side: SideState,
    ) -> SideState {
        let direction = self.traffic.direction;
        if side.done {
            return side;
        }
        let progress = transaction.progress[direction.index()];
        let mut candidates = std::mem::take(&mut self.scratch.candidates);
        candidates.clear();
        if !std::mem::replace(&mut side.listed, true) {
            candidates.extend(&group.always);
        }
        side.scanned.resize(group.scanners.len(), 0);
        for (scanner, scanned) in group.scanners.iter().zip(&mut side.scanned) {
            if progress < scanner.row.ready_at || (*scanned > 0 && !scanner.row.streaming) {
                continue;
            }
            match scanner.row.getter {
                BufferGetter::One(get) => {
                    let Some(bytes) = get(transaction, direction) else {
                        continue;
                    };
                    let end = bytes.offset + bytes.data.len() as u64;
                    if *scanned == end + 1 {
                        continue;
                    }
                    // What was scanned before matters only as far as a pattern may lie across the seam.
                    let from = (*scanned)
                        .saturating_sub(1 + scanner.matcher.longest() as u64)
                        .saturating_sub(bytes.offset);
                    let new = if scanner.steps.is_empty() {
                        bytes.data.get(from as usize..).unwrap_or_default()
                    } else {
                        bytes.data
                    };
                    scan(scanner, new, &mut self.scratch.patterns, &mut candidates);
                    *scanned = end + 1;
                }
                BufferGetter::Many(get) => {
                    for bytes in (0..).map_while(|nth| get(transaction, direction, nth)) {
                        scan(
                            scanner,
                            bytes.data,
                            &mut self.scratch.patterns,
                            &mut candidates,
                        );
                    }
                    *scanned = 1;
                }
            }
        }
        candidates.extend(side.pending.iter().map(|pending| pending.signature));
        candidates.sort_unstable();
        candidates.dedup();
        let complete = transaction.is_complete(direction) || self.traffic.flow_end;
        let mut pending = std::mem::take(&mut side.pending);
        for &index in &candidates {
            if side.settled.binary_search(&index).is_ok() {
                continue;
            }
            let held = pending
                .iter()
                .find(|pending| pending.signature == index)
                .map_or(0, |pending| pending.held);
            match self.transaction_rule(index, transaction, held) {
                Verdict::Matched => {
                    self.matched(index, Some(transaction.id), Place::Packet);
                    if let Err(at) = side.settled.binary_search(&index) {
                        side.settled.insert(at, index);
                    }
                }
                Verdict::Open(held) if !complete && side.pending.len() < PENDING_LIMIT => {
                    side.pending.push(Pending {
                        signature: index,
                        held,
                    })
                }
                Verdict::Open(_) | Verdict::Never => {}
            }
        }
        pending.clear();
        side.done = complete;
        self.scratch.candidates = candidates;
        side
    }

    fn transaction_rule(
        &mut self,
        index: u32,
        transaction: &Transaction,
        mut held: u64,
    ) -> Verdict {
        let one = &self.engine.signatures[index as usize];
        if !self.header_holds(one) {
            return Verdict::Never;
        }
        if !one.protocols.is_empty() && !one.protocols.contains(&transaction.protocol()) {
            return Verdict::Never;
        }
        self.scratch.captured.clear();
        let mut variables = [0; VARIABLE_LIMIT];
        let mut open = false;
        for (at, part) in one.parts.iter().enumerate() {
            let bit = 1u64.checked_shl(at as u32).unwrap_or(0);
            if held & bit != 0 {
                continue;
            }
            match self.part_in_transaction(part, transaction, &mut variables) {
                Verdict::Matched => held |= bit,
                Verdict::Open(_) => open = true,
                Verdict::Never => return Verdict::Never,
            }
        }
        if open || !self.conditions_hold(one, Some(transaction)) {
            return Verdict::Open(held);
        }
        Verdict::Matched
    }

    fn part_in_transaction(
        &mut self,
        part: &Part,
        transaction: &Transaction,
        variables: &mut [u64; VARIABLE_LIMIT],
    ) -> Verdict {
        let id = match part.home {
            PartHome::App(id) => id,
            PartHome::Payload => {
                let bytes = match &self.traffic.raw {
                    Some(raw) => Bytes {
                        data: raw.data,
                        offset: raw.offset,
                        complete: self.traffic.flow_end,
                    },
                    None => Bytes::whole(self.traffic.packet.payload),
                };
                return if self.bytes_hold(part, bytes, variables) {
                    Verdict::Matched
                } else {
                    Verdict::Open(0)
                };
            }
            PartHome::Packet(buffer) => {
                let mut address = [0; 16];
                return match packet_buffer(self.traffic, buffer, &mut address) {
                    Some(data) if self.bytes_hold(part, Bytes::whole(data), variables) => {
                        Verdict::Matched
                    }
                    _ => Verdict::Open(0),
                };
            }
        };
        let BufferHome::App(rows) = self.engine.names.buffer(id) else {
            return Verdict::Never;
        };
        let Some((_, row)) = rows
            .iter()
            .find(|(protocol, _)| *protocol == transaction.protocol())
        else {
            return Verdict::Never;
        };
        let direction = match row.side {
            BufferSide::Both => self.traffic.direction,
            BufferSide::ToServer => Direction::ToServer,
            BufferSide::ToClient => Direction::ToClient,
        };
        let complete = transaction.is_complete(direction) || self.traffic.flow_end;
        if transaction.progress[direction.index()] < row.ready_at && !complete {
            return Verdict::Open(0);
        }
        match row.getter {
            BufferGetter::One(get) => match get(transaction, direction) {
                None if part.absent => Verdict::Matched,
                None if complete || !row.streaming => Verdict::Never,
                None => Verdict::Open(0),
                Some(bytes) => {
                    let bytes = Bytes {
                        complete: bytes.complete || complete,
                        ..bytes
                    };
                    if self.bytes_hold(part, bytes, variables) {
                        // A negated content may still come: such a part is decided at the end.
                        if !bytes.complete && part.decided_at_end {
                            Verdict::Open(0)
                        } else {
                            Verdict::Matched
                        }
                    } else if bytes.complete {
                        Verdict::Never
                    } else {
                        Verdict::Open(0)
                    }
                }
            },
            BufferGetter::Many(get) => {
                let mut any = false;
                for bytes in (0..).map_while(|nth| get(transaction, direction, nth)) {
                    any = true;
                    if self.bytes_hold(part, bytes, variables) {
                        return Verdict::Matched;
                    }
                }
                match (any, part.absent) {
                    (false, true) => Verdict::Matched,
                    _ if complete => Verdict::Never,
                    _ => Verdict::Open(0),
                }
            }
        }
    }
}

/// What is known of a rule on a transaction.
enum Verdict {
    Matched,
    /// More bytes may decide; these parts hold already.
    Open(u64),
    Never,
}

fn scan(
    scanner: &crate::engine::Scanner,
    data: &[u8],
    patterns: &mut Seen,
    candidates: &mut Vec<u32>,
) {
    if scanner.steps.is_empty() {
        scanner.matcher.scan(data, patterns, candidates);
    } else if let Some(transformed) = crate::transform::apply(&scanner.steps, data) {
        scanner.matcher.scan(&transformed, patterns, candidates);
    }
}

fn has_ports(one: &Compiled) -> bool {
    !one.signature.source_ports.ranges.is_empty()
        || !one.signature.destination_ports.ranges.is_empty()
}

fn packet_buffer<'a>(
    traffic: &Traffic<'a>,
    buffer: PacketBuffer,
    address: &'a mut [u8; 16],
) -> Option<&'a [u8]> {
    use sensor_decode::{Net, Transport};
    if traffic.flow_end {
        return None;
    }
    let packet = traffic.packet;
    Some(match (buffer, &packet.net, &packet.transport) {
        (PacketBuffer::Ipv4Header, Net::Ipv4(ip), _) => ip.header,
        (PacketBuffer::Ipv6Header, Net::Ipv6(ip), _) => ip.header,
        (PacketBuffer::TcpHeader, _, Transport::Tcp(tcp)) => tcp.header,
        (PacketBuffer::UdpHeader, _, Transport::Udp(udp)) => udp.header,
        (PacketBuffer::Icmpv4Header, _, Transport::Icmpv4(icmp)) => icmp.header,
        (PacketBuffer::Icmpv6Header, _, Transport::Icmpv6(icmp)) => icmp.header,
        (PacketBuffer::SourceAddress | PacketBuffer::DestinationAddress, ..) => {
            let (source, destination) = packet.addresses()?;
            let of = if buffer == PacketBuffer::SourceAddress {
                source
            } else {
                destination
            };
            let length = match of {
                std::net::IpAddr::V4(v4) => {
                    address[..4].copy_from_slice(&v4.octets());
                    4
                }
                std::net::IpAddr::V6(v6) => {
                    address.copy_from_slice(&v6.octets());
                    16
                }
            };
            &address[..length]
        }
        _ => return None,
    })
}
