//! The path of one worker: frame → packet → flow → stream → transactions → matches → records.

mod ending;
mod evidence;
mod flow;
mod inspect;
mod overload;
mod record;
mod stats;
mod store;
mod tally;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use sensor_app::{Context, Expected, Protocol};
use sensor_capture::Frame;
use sensor_decode::{Counters, LinkType, Packet};
use sensor_defrag::Defragmenter;
use sensor_detect::{Engine, FlowState, Inspector, Traffic, TransactionInspection};
use sensor_event::StatsTree;
use sensor_flow::{Direction, EndReason, Entry, Expectations, FlowTable, Lookup, Mark};
use sensor_stream::{EventSet, StreamEvent};

use crate::output::Output;
use crate::reload::Running;
use crate::settings::{Checksums, Settings};
use crate::sigma::SigmaRules;
pub use store::{Folder, MAX_FILE_BYTES};
pub use tally::{HomeNet, Tally};
use watch::Watch;
pub use watch::Window;

use ending::Ending;
use evidence::Evidence;
use flow::{Sink, Tracked, tell_history};
use inspect::{Seen, flush, inspect, record_matches};
use overload::Overload;
use record::Recording;

/// Packets looked at before wrong checksums are taken for the card's work (checksum offload).
const CHECKSUM_SAMPLE: u64 = 1_000;

/// What the workers of one input share beside the compiled rules.
#[derive(Default)]
pub struct Shared {
    /// Flows that others spoke of: they may fall to any worker.
    expectations: Arc<Expectations<Expected>>,
    facts: Arc<sensor_app::facts::Shared>,
}

impl Shared {
    /// Of an input whose facts may have been told before.
    pub fn with_facts(facts: Arc<sensor_app::facts::Shared>) -> Self {
        Shared {
            facts,
            ..Shared::default()
        }
    }
}

/// One worker with all its state.
pub struct Worker<O: Output> {
    settings: Arc<Settings>,
    /// `None` while a frame is decoded.
    decode: Option<Box<Counters>>,
    /// What is counted meanwhile: fragments and what they become.
    reassembled: Counters,
    defrag: Defragmenter,
    flows: FlowTable<Tracked>,
    inspector: Option<Inspector>,
    recording: Recording<O>,
    evidence: Option<Evidence>,
    expectations: Arc<Expectations<Expected>>,
    checksums: ChecksumSample,
    counts: stats::Counts,
    tally: Tally,
    overload: Overload,
    home: HomeNet,
    /// Largest IP packet of the interface, in bytes, where it is known.
    mtu: Option<u32>,
    /// Who sends what, while somebody looks.
    watch: Option<Watch>,
    now_ns: i64,
    next_stats_ns: i64,
    frame_number: u64,
}

#[derive(Default)]
struct ChecksumSample {
    seen: u64,
    wrong: u64,
    off: bool,
}

impl<O: Output> Worker<O> {
    pub fn new(
        number: u16,
        settings: Arc<Settings>,
        engine: Option<Arc<Engine>>,
        interface: Option<String>,
        output: O,
    ) -> Self {
        let mut settings = settings;
        if let Some(engine) = &engine {
            suit(&mut settings, engine);
        }
        Arc::make_mut(&mut settings).want_frames(engine.as_deref());
        let mut flows = FlowTable::new(settings.flow_limit, settings.timeouts.clone(), number);
        flows.track_by(settings.track_vlans, settings.track_depth);
        Worker {
            decode: Some(Box::default()),
            reassembled: Counters::default(),
            defrag: Defragmenter::new(settings.defrag.clone()),
            flows,
            inspector: engine.map(|engine| {
                let mut inspector = Inspector::new(engine, settings.alert_limit);
                if settings.guess_transaction {
                    inspector.guess_transactions();
                }
                inspector
            }),
            recording: Recording::new(Arc::clone(&settings), interface, output),
            evidence: None,
            expectations: Arc::default(),
            checksums: ChecksumSample::default(),
            counts: stats::Counts::new(&settings),
            tally: Tally::default(),
            overload: Overload::default(),
            home: HomeNet::of(&settings.environment),
            mtu: None,
            watch: None,
            now_ns: 0,
            next_stats_ns: 0,
            frame_number: 0,
            settings,
        }
    }

    /// Other rules from the next packet on; flows keep what they are and know.
    pub fn replace_rules(&mut self, engine: Arc<Engine>) {
        suit(&mut self.settings, &engine);
        Arc::make_mut(&mut self.settings).want_frames(Some(&engine));
        match &mut self.inspector {
            Some(inspector) => inspector.replace(engine),
            None => self.inspector = Some(Inspector::new(engine, self.settings.alert_limit)),
        }
    }

    /// Other rules of both languages from the next packet on.
    pub fn replace_all(&mut self, running: &Running) {
        self.replace_rules(Arc::clone(&running.engine));
        self.home = HomeNet::of(&running.environment);
        self.set_sigma(running.sigma.as_ref());
    }

    /// Works with others on one input.
    pub fn share(&mut self, shared: &Shared) {
        self.expectations = Arc::clone(&shared.expectations);
        self.recording.share(&shared.facts);
    }

    /// From now on Sigma rules see every record, or none do.
    pub fn set_sigma(&mut self, rules: Option<&Arc<SigmaRules>>) {
        self.recording.set_sigma(rules);
    }

    /// From now on frames around alerts are kept.
    pub fn keep_evidence(&mut self, tap: sensor_evidence::Tap) {
        self.evidence = Some(Evidence::new(tap));
    }

    /// Goes on with the counts of the worker that it comes after, on an interface with this MTU.
    pub fn carry_on(&mut self, tally: Tally, mtu: Option<u32>) {
        self.tally = tally;
        self.mtu = mtu;
    }

    /// What was counted of the wire since the start.
    pub fn tally(&self) -> Tally {
        let inspector = self.inspector.as_ref();
        let alerts = inspector.map_or(0, |inspector| inspector.counts().alerts);
        Tally {
            alerts: self.tally.alerts.saturating_add(alerts),
            ..self.tally
        }
    }

    /// Takes note of how long the newest frame has waited in the kernel's ring, by the clock on the wall: a worker that
    /// cannot keep up leaves some flows out.
    pub fn waited(&mut self, waited_ns: i64, now_ns: i64) {
        // Without shedding, no frame has waited too long.
        let sheds = self.settings.switches.sheds();
        self.overload
            .note(if sheds { waited_ns } else { 0 }, now_ns);
        self.tally.shed_step = self.overload.step().into();
    }

    /// From now on it is noted who sends what, or no longer.
    pub fn set_watched(&mut self, watched: bool) {
        if watched != self.watch.is_some() {
            self.watch = watched.then(|| Watch::new(self.now_ns));
        }
    }

    /// What was noted in a stretch of time that is over; that time begins anew.
    pub fn watched(&mut self) -> Option<Window> {
        self.watch.as_mut()?.take(self.now_ns)
    }

    /// Takes one captured frame.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        self.frame_number += 1;
        self.tally.frame(frame, self.mtu);
        // Time never runs backwards: a late frame belongs to the present.
        self.now_ns = self.now_ns.max(frame.timestamp_ns);
        let at_ns = frame.timestamp_ns;
        self.expire();
        let mut counters = self.decode.take().unwrap_or_default();
        sensor_decode::decode(
            LinkType(frame.link),
            frame.data,
            &mut counters,
            &mut |packet| self.packet(packet, at_ns),
        );
        self.decode = Some(counters);
        if let Some(evidence) = &mut self.evidence {
            evidence.frame(frame, &mut self.flows);
            evidence.tap.idle(self.now_ns);
        }
    }

    /// A frame that another worker takes: it counts, and time passes.
    pub fn skip(&mut self, frame: &Frame<'_>) {
        self.frame_number += 1;
        self.idle(frame.timestamp_ns);
    }

    /// The input has ended: every flow ends, and the counters are told.
    pub fn finish(&mut self) {
        let counters = self.end();
        self.judge_all();
        self.record_stats(counters);
    }

    /// The input has ended: every flow ends. The counters are for [`Self::record_stats`].
    pub fn end(&mut self) -> StatsTree {
        let mut ended = Vec::new();
        self.flows
            .drain(|entry, reason| ended.push((entry, reason)));
        for (entry, reason) in ended {
            self.end_flow(entry, reason);
        }
        if let Some(evidence) = &mut self.evidence {
            evidence.tap.flush();
        }
        self.counters()
    }

    /// The input of all workers has ended.
    pub fn judge_all(&mut self) {
        self.recording.judge_all(self.now_ns);
    }

    fn counters(&self) -> StatsTree {
        let mut decoded = self.reassembled.clone();
        if let Some(counters) = &self.decode {
            decoded.add(counters);
        }
        let mut tree = self.counts.tree(
            &decoded,
            self.defrag.counts(),
            self.flows.counts(),
            self.inspector.as_ref(),
        );
        if let Some(evidence) = &self.evidence {
            evidence.count(&mut tree);
        }
        self.recording.count(&mut tree);
        for (name, flows) in [
            ("memcap.pressure", self.flows.len()),
            ("memcap.pressure_max", self.flows.counts().most),
        ] {
            let percent = flows * 100 / self.settings.flow_limit.max(1);
            tree.add(name, percent as u64);
        }
        for (name, packets) in [
            ("shed.long_flow_pkts", self.tally.shed_long),
            ("shed.encrypted_flow_pkts", self.tally.shed_encrypted),
            ("shed.sampled_flow_pkts", self.tally.shed_sampled),
        ] {
            if packets > 0 {
                tree.add(name, packets);
            }
        }
        tree
    }

    /// Lets packet time pass while no frame comes.
    pub fn idle(&mut self, now_ns: i64) {
        self.now_ns = self.now_ns.max(now_ns);
        self.expire();
        if let Some(evidence) = &mut self.evidence {
            evidence.tap.idle(self.now_ns);
        }
    }

    /// From now on the cost of each rule is measured.
    pub fn measure(&mut self) {
        if let Some(inspector) = &mut self.inspector {
            inspector.measure();
        }
    }

    /// From now on it is noted how near rules come to matching.
    pub fn trace(&mut self, sids: &[u32]) {
        if let Some(inspector) = &mut self.inspector {
            inspector.trace(sids);
        }
    }

    /// What was noted.
    pub fn traced(&self) -> Option<&sensor_detect::Trace> {
        self.inspector.as_ref()?.traced()
    }

    /// Rules that a limit has stopped, and how often.
    pub fn stopped(&self) -> BTreeMap<u32, u64> {
        let inspector = self.inspector.as_ref();
        inspector.map_or_else(BTreeMap::new, |one| one.stopped().clone())
    }

    /// What was measured.
    pub fn costs(&self) -> Option<&sensor_detect::Costs> {
        self.inspector.as_ref()?.costs()
    }

    /// Gives the output back.
    pub fn into_output(self) -> O {
        self.recording.into_output()
    }

    /// What is due at this time: flows end, counters are told.
    fn expire(&mut self) {
        if let Some(interval) = self.settings.stats_interval
            && self.now_ns >= self.next_stats_ns
        {
            // The first packet only starts the clock.
            if self.next_stats_ns > 0 {
                self.record_stats(self.counters());
            }
            let interval = i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX);
            self.next_stats_ns = self.now_ns.saturating_add(interval);
        }
        let mut ended = Vec::new();
        self.flows
            .expire(self.now_ns, |entry, reason| ended.push((entry, reason)));
        for (entry, reason) in ended {
            self.end_flow(entry, reason);
        }
        self.recording.judge(self.now_ns);
    }

    fn packet(&mut self, packet: &Packet<'_>, at_ns: i64) {
        self.tally.packet(packet);
        if packet.fragment.is_some() {
            self.fragment(packet, at_ns);
            return;
        }
        let mut evicted = None;
        let found = self.flows.lookup(packet, self.now_ns, |entry, reason| {
            evicted = Some((entry, reason))
        });
        if let Some((entry, reason)) = evicted {
            self.tally.evicted += 1;
            self.end_flow(entry, reason);
        }
        let Some(mut at) = found else {
            self.without_flow(packet, at_ns);
            return;
        };
        if let Some(entry) = self.flows.entry(at.index)
            && entry
                .user
                .is_reused_by(&entry.flow, packet, at.direction, &self.settings.stream)
            && let Some(entry) = self.flows.end(at.index)
        {
            self.counts.tcp_reused += 1;
            self.end_flow(entry, EndReason::TcpReuse);
            match self.flows.lookup(packet, self.now_ns, |_, _| {}) {
                Some(fresh) => at = fresh,
                None => return,
            }
        }
        self.flows.count(at, packet, self.now_ns, at_ns);
        self.with_flow(packet, at, at_ns);
    }

    fn fragment(&mut self, packet: &Packet<'_>, at_ns: i64) {
        let outcome = self.defrag.push(packet, self.now_ns);
        match outcome.event {
            Some(event) => {
                self.reassembled.note_event(event);
                self.without_flow(&packet.with_event(event), at_ns);
            }
            None => self.without_flow(packet, at_ns),
        }
        if let Some(datagram) = outcome.datagram {
            let mut counters = Counters::default();
            sensor_decode::decode_reassembled(
                packet,
                &datagram.frame,
                datagram.net_offset,
                &mut counters,
                &mut |packet| self.packet(packet, at_ns),
            );
            self.reassembled.add(&counters);
        }
    }

    /// A packet that belongs to no flow: rules and anomalies see it alone.
    fn without_flow(&mut self, packet: &Packet<'_>, at_ns: i64) {
        let stamp = record::Stamp {
            at_ns,
            frame: Some(self.frame_number),
        };
        self.recording.decode_anomalies(packet, stamp);
        self.recording.arp(packet, stamp);
        let Some(inspector) = &mut self.inspector else {
            return;
        };
        let mut state = FlowState::default();
        let traffic = Traffic {
            packet,
            flow: None,
            direction: Direction::ToServer,
            now_ns: self.now_ns,
            established: false,
            session: None,
            stream_events: EventSet::default(),
            raw: None,
            only_stream: false,
            in_stream: false,
            encrypted: false,
            app: None,
            transactions: TransactionInspection::Unchanged,
            protocol_found: false,
            detection_events: &[],
            flow_end: false,
            frame: stamp.frame,
        };
        record_matches(inspector, &mut self.recording, &traffic, &mut state, stamp);
    }

    fn with_flow(&mut self, packet: &Packet<'_>, mut at: Lookup, at_ns: i64) {
        let stamp = record::Stamp {
            at_ns,
            frame: Some(self.frame_number),
        };
        let checksum_holds = self.checksum_holds(packet);
        let Some(entry) = self.flows.entry(at.index) else {
            return;
        };
        if at.new {
            entry.flow.first_frame = self.frame_number;
        }
        if let Some(evidence) = &mut self.evidence {
            evidence.belongs(at.index, entry.flow.id);
        }
        self.tally.of_flow(&entry.flow, packet, &self.home, at.new);
        if let Some(watch) = &mut self.watch {
            watch.packet(packet, &entry.flow, entry.user.app.protocol());
        }
        let is_bypassed = entry.flow.state == sensor_flow::State::Bypassed;
        if !is_bypassed {
            let is_encrypted = entry.user.app.is_encrypted();
            let bytes = entry.flow.bytes.iter().sum();
            entry.user.shed = self
                .overload
                .sheds(entry.flow.id, bytes, at.new, is_encrypted);
        }
        if let Some(why) = entry.user.shed {
            if !is_bypassed && !at.new {
                // What it has said so far is told now: nothing more of it is heard.
                Ending {
                    inspector: &mut self.inspector,
                    recording: &mut self.recording,
                    counts: &mut self.counts,
                    settings: &self.settings,
                    now_ns: self.now_ns,
                    stamp,
                }
                .end(entry);
                if self.recording.take_alerted()
                    && let Some(evidence) = &mut self.evidence
                {
                    evidence.alert(entry, self.now_ns);
                }
            }
            entry.flow.state = sensor_flow::State::Bypassed;
            self.tally.shed(why);
            return;
        }
        if is_bypassed {
            self.counts.bypassed(packet);
            return;
        }
        let settings = &self.settings;
        // Of what came before: a packet that begins with data in cipher is still looked at.
        let encrypted = entry.user.app.is_encrypted();
        let mut stream_events = EventSet::default();
        let mut in_stream = false;
        let mut established = entry.user.is_established(&entry.flow);
        let detected = entry.user.detected();
        if !checksum_holds {
            entry.flow.history.mark(Mark::WrongChecksum, at.direction);
        }
        if packet.tcp().is_some() {
            if checksum_holds {
                let Entry { flow, user, .. } = entry;
                if user.app.protocol() == Protocol::Unknown
                    && let Some((parent, expected)) = self.expectations.take(
                        flow.client,
                        flow.server,
                        flow.server_port,
                        self.now_ns,
                    )
                {
                    flow.parent = Some(parent);
                    user.app.expect(expected);
                }
                let session = user.session.get_or_insert_with(Default::default);
                let context = Context {
                    now_ns: self.now_ns,
                    server_port: flow.server_port,
                    client_port: flow.client_port,
                };
                // What a change of protocol kept waiting is looked at when more of that side could be.
                let readable = if settings.stream.inline {
                    at.direction
                } else {
                    at.direction.opposite()
                };
                user.changed[readable.index()] |=
                    user.app.resume(readable, &context, &settings.app);
                let mut sink = Sink {
                    app: &mut user.app,
                    context: &context,
                    limits: &settings.app,
                    changed: &mut user.changed,
                    flow_end: false,
                };
                let before = session.state();
                let outcome =
                    session.segment(packet, at.direction, at_ns, &settings.stream, &mut sink);
                stream_events = outcome.events;
                in_stream = outcome.accepted;
                if outcome.reversed {
                    session.swap();
                    flow.swap();
                    at.direction = at.direction.opposite();
                }
                tell_history(flow, session, &outcome, at.direction);
                // The segment that completes the handshake counts as established when it has data.
                established |= before == sensor_stream::TcpState::SynRecv
                    && session.state() == sensor_stream::TcpState::Established
                    && at.direction == Direction::ToServer
                    && !packet.payload.is_empty();
                if session.is_midstream() && !user.midstream {
                    user.midstream = true;
                    user.app.set_midstream();
                }
                if user.app.protocol().is_read_whole() {
                    session.read_whole();
                }
                if session.state() != before {
                    flow.state = user.state(flow.state);
                }
                for expected in user.app.take_expected() {
                    user.expects = true;
                    self.expectations.add(
                        (flow.client, flow.server),
                        expected.port,
                        flow.id,
                        self.now_ns,
                        expected,
                    );
                }
                self.counts.segments(&outcome);
                self.tally.no_room += u64::from(outcome.tally.no_room);
                if outcome.without_beginning {
                    user.without_beginning = true;
                    let policy = settings.stream.midstream_policy;
                    self.counts.without_beginning(policy);
                    user.passed |= policy != sensor_stream::MidstreamPolicy::Ignore;
                    if policy == sensor_stream::MidstreamPolicy::Bypass {
                        flow.state = sensor_flow::State::Bypassed;
                    }
                }
            }
        } else if matches!(packet.transport, sensor_decode::Transport::Udp(_)) {
            let Entry { flow, user, .. } = entry;
            let context = Context {
                now_ns: self.now_ns,
                server_port: flow.server_port,
                client_port: flow.client_port,
            };
            if !packet.payload.is_empty() {
                user.app
                    .datagram(at.direction, packet.payload, &context, &settings.app);
                user.changed[at.direction.index()] = true;
            }
        }
        if reverse(entry) {
            at.direction = at.direction.opposite();
        }
        let protocol_found =
            entry
                .user
                .note_detected(detected, at.direction, packet.tcp().is_some());
        if checksum_holds && entry.user.turns(encrypted) {
            flush(
                &mut self.inspector,
                &mut self.recording,
                &self.settings,
                entry,
                at.direction,
                self.now_ns,
                stamp,
            );
            self.counts.pseudo += 2;
        }
        inspect(
            &mut self.inspector,
            &mut self.recording,
            &self.settings,
            entry,
            Seen {
                packet,
                direction: at.direction,
                stream_events,
                in_stream,
                established,
                encrypted,
                protocol_found,
                flow_end: false,
            },
            self.now_ns,
            stamp,
        );
        self.recording
            .anomalies(packet, entry, stream_events, self.inspector.as_ref(), stamp);
        self.recording
            .frames(entry, packet, at.direction, false, stamp);
        self.recording.transactions(
            entry,
            packet,
            at.direction,
            self.inspector.as_ref(),
            stamp,
            record::Moment::Packet,
        );
        if self.recording.take_alerted()
            && let Some(evidence) = &mut self.evidence
        {
            evidence.alert(entry, self.now_ns);
        }
        entry
            .user
            .spare_stream(self.inspector.is_some(), &self.settings.stream);
        let detected = entry.user.app.detection_done(at.direction);
        if let Some(session) = &mut entry.user.session {
            if detected || self.inspector.is_none() {
                session.looked_at(at.direction, &self.settings.stream);
            }
            session.prune(at.direction);
        }
    }

    /// Whether a segment may be followed; samples whether the card computes checksums late.
    fn checksum_holds(&mut self, packet: &Packet<'_>) -> bool {
        if self.settings.checksums == Checksums::None
            || self.checksums.off
            || packet.tcp().is_none()
        {
            return true;
        }
        let right = packet.transport_checksum_valid() != Some(false);
        let sample = &mut self.checksums;
        sample.seen += 1;
        self.tally.checksums_checked += 1;
        // Meanwhile what looks like the card's work is taken for it; whoever makes such segments to deceive has a
        // thousand of all.
        let holds = right || sample.seen <= CHECKSUM_SAMPLE && packet.checksum_left_to_card();
        if !right {
            sample.wrong += 1;
            self.tally.checksums_wrong += 1;
        }
        if !holds {
            self.counts.invalid_checksum += 1;
        }
        if sample.seen == CHECKSUM_SAMPLE && sample.wrong * 10 > sample.seen {
            sample.off = true;
            self.tally.checksums_off = 1;
        }
        holds
    }

    fn end_flow(&mut self, mut entry: Box<Entry<Tracked>>, reason: EndReason) {
        let stamp = record::Stamp {
            at_ns: self.now_ns,
            frame: None,
        };
        if entry.user.expects {
            let hosts = (entry.flow.client, entry.flow.server);
            self.expectations.forget(hosts, entry.flow.id);
        }
        if entry.flow.state != sensor_flow::State::Bypassed {
            Ending {
                inspector: &mut self.inspector,
                recording: &mut self.recording,
                counts: &mut self.counts,
                settings: &self.settings,
                now_ns: self.now_ns,
                stamp,
            }
            .end(&mut entry);
        }
        self.counts.flow_ended(&entry);
        self.recording.flow(
            &mut entry,
            reason,
            self.inspector.as_ref(),
            &self.home,
            stamp,
        );
        if self.recording.take_alerted()
            && let Some(evidence) = &mut self.evidence
        {
            evidence.alert(&mut entry, self.now_ns);
        }
    }

    /// Tells counters.
    pub fn record_stats(&mut self, counters: StatsTree) {
        let stamp = record::Stamp {
            at_ns: self.now_ns,
            frame: None,
        };
        self.recording.stats(counters, stamp);
    }
}

/// Turns the flow round when its application has found that client and server are the other way round; true then.
fn reverse(entry: &mut Entry<Tracked>) -> bool {
    let reversed = entry.user.app.take_reversed();
    if reversed {
        if let Some(session) = &mut entry.user.session {
            session.swap();
        }
        entry.flow.swap();
        entry.user.changed.swap(0, 1);
    }
    reversed
}

/// Sets what must be watched for because rules ask for it.
fn suit(settings: &mut Arc<Settings>, engine: &Engine) {
    let differs = StreamEvent::ReassemblyOverlapDifferentData.number();
    if !settings.stream.compare_overlaps && engine.asks_for_stream_event(differs) {
        Arc::make_mut(settings).stream.compare_overlaps = true;
    }
    let raw_inspected = engine.looks_at_streams();
    if settings.stream.raw_inspected != raw_inspected {
        Arc::make_mut(settings).stream.raw_inspected = raw_inspected;
    }
}
