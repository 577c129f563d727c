//! Events of one worker → EVE records.

mod frame;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use rules::sigma::{Detector, Finding};
use rules::signature::{Action, CaptureKind, RejectTo, Target};
use sensor_app::facts::{self, Facts};
use sensor_app::{File, FileState, Protocol, Transaction};
use sensor_decode::{LinkType, Net, Packet, PacketSource, Transport};
use sensor_detect::{Captured, Engine, FlowState, Inspector, Match, Traffic, Verdict};
use sensor_event::{
    Alert, AlertFlow, AlertRecord, Anomaly, AnomalyKind, AnomalyRecord, AppRecord, Base64, Body,
    Class, Common, End, Ether, EventAlertRecord, EventBody, Fact, FactObject, FactRecord, FileInfo,
    FileInfoRecord, FlowExtra, Hex, Json, Metadata, NetflowRecord, NetflowSummary, PacketInfo,
    Printable, Record, StatsRecord, StatsTree, Text, Time, TrafficLabels, TransactionRecord,
    Tunnel, Variables,
};
use sensor_flow::{Direction, EndReason, Entry, Flow};
use sensor_stream::RawWindow;

use super::flow::Tracked;
use super::store::FileStore;
use crate::output::Output;
use crate::settings::{DnsVersion, ForwardedBy, ForwardedMode, Settings};
use crate::sigma::SigmaRules;

/// When and by which frame an event came about.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    pub at_ns: i64,
    /// From 1; none at the end of a flow.
    pub frame: Option<u64>,
}

/// Whether a flow goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Packet,
    FlowEnd,
}

/// Whose addresses stand first in a record.
enum Ends<'a> {
    Packet(&'a Packet<'a>),
    Flow(Direction),
}

/// What stands beside an anomaly.
struct AnomalyFacts<'a> {
    flow: Option<&'a Flow>,
    community: Option<&'a str>,
    metadata: Option<Metadata<'a>>,
    tx_id: Option<u64>,
}

/// Writes records to an output through one buffer.
pub struct Recording<O: Output> {
    settings: Arc<Settings>,
    interface: Option<String>,
    output: O,
    line: Vec<u8>,
    store: FileStore,
    /// Facts, when they are to be told.
    facts: Option<Facts>,
    sigma: Option<Sigma>,
}

/// Sigma rules over the records of this worker.
struct Sigma {
    rules: Arc<SigmaRules>,
    detector: Detector,
    /// Time up to which windows are judged.
    judged_ns: i64,
}

/// Between two looks at windows that wait for their end.
const JUDGE_NS: i64 = 1_000_000_000;

impl<O: Output> Recording<O> {
    pub fn new(settings: Arc<Settings>, interface: Option<String>, output: O) -> Self {
        Recording {
            store: FileStore::new(settings.file_store.clone()),
            facts: settings.facts.then(Facts::default),
            settings,
            interface,
            output,
            line: Vec::with_capacity(4096),
            sigma: None,
        }
    }

    /// Shares with other workers which facts are told.
    pub fn share(&mut self, facts: &Arc<facts::Shared>) {
        if self.facts.is_some() {
            self.facts = Some(Facts::new(Arc::clone(facts)));
        }
    }

    /// From now on Sigma rules see every record, or none do.
    pub fn set_sigma(&mut self, rules: Option<&Arc<SigmaRules>>) {
        self.sigma = rules.map(|rules| Sigma {
            detector: rules.detector(),
            rules: Arc::clone(rules),
            judged_ns: i64::MIN,
        });
    }

    pub fn into_output(self) -> O {
        self.output
    }

    fn write(&mut self, class: Class, record: &Record<'_>) {
        self.line.clear();
        match serde_json::to_writer(&mut self.line, record) {
            Ok(()) => {
                self.line.push(b'\n');
                self.output.record(class, &self.line);
            }
            Err(error) => {
                tracing::error!(%error, "a record could not be written");
                return;
            }
        }
        if let Some(event) = record.body.event()
            && let Some(mut sigma) = self.sigma.take()
        {
            self.detect(&mut sigma, &record.common, event);
            self.sigma = Some(sigma);
        }
    }

    /// Runs Sigma rules over the record that has just been written.
    fn detect(&mut self, sigma: &mut Sigma, of_event: &Common<'_>, event: EventBody<'_>) {
        let Sigma {
            rules, detector, ..
        } = sigma;
        if !rules.ruleset.engine().wants(of_event.event_type) {
            return;
        }
        let Ok(text) = std::str::from_utf8(&self.line) else {
            return;
        };
        let findings = match detector.run(text, Some(of_event.timestamp.0)) {
            Ok([]) => return,
            Ok(findings) => findings.to_vec(),
            Err(error) => {
                tracing::error!(%error, "a record could not be read");
                return;
            }
        };
        for finding in &findings {
            let Some(found) = rules.alert(finding, detector, of_event) else {
                continue;
            };
            let mut common = of_event.clone();
            common.event_type = "alert";
            if !found.ends[0] {
                (common.src_ip, common.src_port) = (None, None);
            }
            if !found.ends[1] {
                (common.dest_ip, common.dest_port) = (None, None);
            }
            let app_proto = match event {
                EventBody::Transaction(_) => Some(of_event.event_type),
                _ => None,
            };
            let body = EventAlertRecord {
                alert: found.alert,
                app_proto,
                event: found.with_event.then_some(event),
            };
            self.write(
                Class::Alert,
                &Record {
                    common,
                    body: Body::EventAlert(body),
                },
            );
        }
    }

    /// Packet time has come to `now_ns`: windows of correlations that are over are judged.
    pub fn judge(&mut self, now_ns: i64) {
        let Some(sigma) = &mut self.sigma else { return };
        if now_ns < sigma.judged_ns.saturating_add(JUDGE_NS) || !sigma.rules.ruleset.correlates() {
            return;
        }
        sigma.judged_ns = now_ns;
        let findings = sigma.detector.advance(now_ns).to_vec();
        self.tell_windows(&findings, now_ns);
    }

    /// The input of all workers has ended: open windows are judged.
    pub fn judge_all(&mut self, now_ns: i64) {
        let Some(sigma) = &mut self.sigma else { return };
        let findings = sigma.detector.finish().to_vec();
        self.tell_windows(&findings, now_ns);
    }

    fn tell_windows(&mut self, findings: &[Finding], now_ns: i64) {
        let Some(sigma) = self.sigma.take() else {
            return;
        };
        for finding in findings {
            let Finding::Correlation(window) = finding else {
                continue;
            };
            let common = bare(window.last_ns.min(now_ns), "alert");
            if let Some(found) = sigma.rules.alert(finding, &sigma.detector, &common) {
                let body = EventAlertRecord {
                    alert: found.alert,
                    app_proto: None,
                    event: None,
                };
                self.write(
                    Class::Alert,
                    &Record {
                        common,
                        body: Body::EventAlert(body),
                    },
                );
            }
        }
        self.sigma = Some(sigma);
    }

    /// Decoder events of a packet without flow.
    pub fn decode_anomalies(&mut self, packet: &Packet<'_>, stamp: Stamp) {
        if packet.events.is_empty() {
            return;
        }
        for event in packet.events.iter() {
            let anomaly = Anomaly {
                app_proto: None,
                kind: AnomalyKind::Decode,
                event: event.full_name(),
                layer: None,
            };
            let facts = AnomalyFacts {
                flow: None,
                community: None,
                metadata: None,
                tx_id: None,
            };
            self.anomaly(packet, anomaly, facts, stamp);
        }
    }

    /// Decoder and stream events of a packet.
    pub fn anomalies(
        &mut self,
        packet: &Packet<'_>,
        entry: &mut Entry<Tracked>,
        stream_events: sensor_stream::EventSet,
        inspector: Option<&Inspector>,
        stamp: Stamp,
    ) {
        if packet.events.is_empty() && stream_events.is_empty() {
            return;
        }
        let Entry { flow, user, .. } = entry;
        let seed = self.settings.community_seed;
        let community = flow.community_id(seed).to_owned();
        let metadata = inspector.and_then(|inspector| variables(&user.detect, inspector.engine()));
        let decode = packet
            .events
            .iter()
            .map(|event| (AnomalyKind::Decode, event.full_name()));
        let stream = stream_events
            .iter()
            .map(|event| (AnomalyKind::Stream, event.full_name()));
        for (kind, event) in decode.chain(stream) {
            let anomaly = Anomaly {
                app_proto: None,
                kind,
                event,
                layer: None,
            };
            let facts = AnomalyFacts {
                flow: Some(flow),
                community: Some(&community),
                metadata: metadata.clone(),
                tx_id: None,
            };
            self.anomaly(packet, anomaly, facts, stamp);
        }
    }

    fn anomaly(
        &mut self,
        packet: &Packet<'_>,
        anomaly: Anomaly<'_>,
        facts: AnomalyFacts<'_>,
        stamp: Stamp,
    ) {
        let interface = self.interface.clone();
        let mut common = common(packet, facts.flow, "anomaly", Ends::Packet(packet), stamp);
        common.in_iface = interface.as_deref();
        common.community_id = facts.community;
        let record = Record {
            common,
            body: Body::Anomaly(AnomalyRecord {
                tx_id: facts.tx_id,
                metadata: facts.metadata,
                anomaly,
                packet: None,
                packet_info: None,
            }),
        };
        self.write(Class::Record, &record);
    }

    /// An address resolution is a fact of its own.
    pub fn arp(&mut self, packet: &Packet<'_>, stamp: Stamp) {
        let Net::Arp(arp) = &packet.net else { return };
        let interface = self.interface.clone();
        let mut common = common(packet, None, "arp", Ends::Packet(packet), stamp);
        common.in_iface = interface.as_deref();
        common.src_ip = Some(arp.sender_ip.into());
        common.dest_ip = Some(arp.target_ip.into());
        let record = Record {
            common,
            body: Body::Arp(sensor_event::ArpRecord {
                arp: sensor_event::Arp {
                    hw_type: "ethernet",
                    proto_type: "ipv4",
                    opcode: match arp.operation {
                        1 => "request",
                        2 => "reply",
                        3 => "rarp_request",
                        4 => "rarp_reply",
                        8 => "inarp_request",
                        9 => "inarp_reply",
                        _ => "unknown",
                    },
                    src_mac: mac(&arp.sender_mac),
                    src_ip: arp.sender_ip.into(),
                    dest_mac: mac(&arp.target_mac),
                    dest_ip: arp.target_ip.into(),
                },
            }),
        };
        self.write(Class::Record, &record);
    }

    pub fn alert(
        &mut self,
        inspector: &Inspector,
        found: &Match,
        traffic: &Traffic<'_>,
        state: &FlowState,
        stamp: Stamp,
    ) {
        let engine: &Engine = inspector.engine();
        let packet_variables = inspector.packet_variables();
        let settings = Arc::clone(&self.settings);
        let packet = traffic.packet;
        let signature = engine.signature(found.signature);
        let transaction = found.transaction.and_then(|id| {
            let transactions = traffic.app?.transactions();
            transactions.iter().find(|transaction| transaction.id == id)
        });
        let shown = found.frame.and_then(|id| {
            let app = traffic.app?;
            let frame = app.frames().frame(traffic.direction, id)?.clone();
            let in_stream = traffic.session.is_some();
            Some(frame::Shown::new(app, frame, traffic.direction, in_stream))
        });
        let ends = packet.addresses();
        let ports = packet.ports();
        let end = |which: Target| {
            let (source, destination) = ends?;
            Some(match which {
                Target::Source => End {
                    ip: source,
                    port: ports.map(|ports| ports.0),
                },
                Target::Destination => End {
                    ip: destination,
                    port: ports.map(|ports| ports.1),
                },
            })
        };
        let (attacker, target) = match signature.target {
            Some(Target::Source) => (end(Target::Destination), end(Target::Source)),
            Some(Target::Destination) => (end(Target::Source), end(Target::Destination)),
            None => (None, None),
        };
        let metadata = engine.metadata(found.signature);
        let forwarded = forwarded_for(&settings, traffic, transaction);
        let alert = Alert {
            action: if signature.action == Action::Reject {
                "blocked"
            } else {
                "allowed"
            },
            gid: signature.gid,
            signature_id: signature.sid,
            rev: signature.rev,
            signature: &signature.msg,
            category: &signature.category,
            severity: signature.priority,
            source: attacker,
            target,
            references: (settings.references_in_alerts && !signature.references.is_empty())
                .then(|| engine.references(found.signature)),
            metadata: (settings.metadata_in_alerts && !metadata.is_empty()).then_some(metadata),
            context: context(found),
            rule: settings
                .rule_text_in_alerts
                .then_some(signature.text.as_str()),
            xff: forwarded
                .filter(|_| settings.forwarded.mode == ForwardedMode::ExtraData)
                .map(|address| address.to_string()),
        };
        let with_app = settings.metadata_in_alerts;
        let stream_bytes = traffic
            .raw
            .filter(|_| found.in_stream)
            .map(|raw| stream_payload(&raw));
        let payload = stream_bytes.as_deref().unwrap_or(if traffic.flow_end {
            &[]
        } else {
            packet.payload
        });
        let payload = &payload[..payload.len().min(settings.payload_limit_bytes)];
        let mut flow = traffic.flow.cloned();
        let community = flow
            .as_mut()
            .map(|flow| flow.community_id(settings.community_seed).to_owned());
        let app = traffic.app.filter(|_| with_app);
        let name = |protocol: Protocol| (protocol != Protocol::Unknown).then(|| protocol.name());
        let side = |direction: Direction| {
            let app = app?;
            let side = app.side_protocol(direction);
            if side == app.protocol() {
                None
            } else {
                name(side)
            }
        };
        let record = AlertRecord {
            tx_id: transaction
                .map(|transaction| transaction.number)
                .or(found.transaction)
                .filter(|_| with_app),
            tx_guessed: found.guessed && with_app,
            alert,
            app: transaction
                .filter(|_| with_app)
                .and_then(Transaction::alert_record),
            files: transaction
                .map(|transaction| {
                    transaction
                        .files
                        .iter()
                        .map(|file| file_info(file, transaction, &settings))
                        .collect()
                })
                .unwrap_or_default(),
            app_proto: app.and_then(|app| name(app.protocol())),
            app_proto_ts: side(Direction::ToServer),
            app_proto_tc: side(Direction::ToClient),
            app_proto_orig: app.and_then(|app| app.original_protocol()).and_then(name),
            direction: traffic.flow.map(|_| match traffic.direction {
                Direction::ToServer => "to_server",
                Direction::ToClient => "to_client",
            }),
            flow: traffic.flow.filter(|_| with_app).map(alert_flow),
            metadata: with_packet_variables(variables(state, engine), packet_variables),
            tunnel: tunnel(packet, stamp),
            payload: (!payload.is_empty()).then_some(Base64(payload)),
            payload_printable: (!payload.is_empty()).then_some(Printable(payload)),
            payload_length: (!payload.is_empty()).then_some(payload.len()),
            stream: Some(u8::from(stream_bytes.is_some())),
            frame: shown.as_ref().map(frame::Shown::info),
            packet: (!traffic.flow_end).then_some(Base64(packet.frame)),
            packet_info: (!traffic.flow_end).then(|| packet_info(packet.link)),
            verdict: Some(told(inspector.verdict(), packet)),
        };
        let interface = self.interface.clone();
        let mut common = common(packet, traffic.flow, "alert", Ends::Packet(packet), stamp);
        common.in_iface = interface.as_deref();
        common.community_id = community.as_deref();
        if settings.forwarded.mode == ForwardedMode::Overwrite && forwarded.is_some() {
            match traffic.direction {
                Direction::ToServer => common.src_ip = forwarded,
                Direction::ToClient => common.dest_ip = forwarded,
            }
        }
        self.write(
            Class::Alert,
            &Record {
                common,
                body: Body::Alert(Box::new(record)),
            },
        );
    }

    /// A packet that a tag wants.
    pub fn tagged(&mut self, traffic: &Traffic<'_>, stamp: Stamp) {
        let packet = traffic.packet;
        let settings = Arc::clone(&self.settings);
        let mut flow = traffic.flow.cloned();
        let community = flow
            .as_mut()
            .map(|flow| flow.community_id(settings.community_seed).to_owned());
        let interface = self.interface.clone();
        let mut common = common(packet, traffic.flow, "packet", Ends::Packet(packet), stamp);
        common.in_iface = interface.as_deref();
        common.community_id = community.as_deref();
        self.write(
            Class::Context,
            &Record {
                common,
                body: Body::Packet {
                    packet: Base64(packet.frame),
                    packet_info: packet_info(packet.link),
                },
            },
        );
    }

    /// Variables that rules took from a packet.
    pub fn metadata(
        &mut self,
        inspector: &Inspector,
        traffic: &Traffic<'_>,
        state: &FlowState,
        stamp: Stamp,
    ) {
        let variables = variables(state, inspector.engine());
        let Some(metadata) = with_packet_variables(variables, inspector.packet_variables()) else {
            return;
        };
        let mut flow = traffic.flow.cloned();
        let community = flow
            .as_mut()
            .map(|flow| flow.community_id(self.settings.community_seed).to_owned());
        let interface = self.interface.clone();
        let packet = traffic.packet;
        let mut common = common(
            packet,
            traffic.flow,
            "metadata",
            Ends::Packet(packet),
            stamp,
        );
        common.in_iface = interface.as_deref();
        common.community_id = community.as_deref();
        let body = Body::Metadata(Box::new(metadata));
        self.write(Class::Record, &Record { common, body });
    }

    /// Records what transactions have come to: their records, events and files; then forgets those that are done.
    pub fn transactions(
        &mut self,
        entry: &mut Entry<Tracked>,
        packet: &Packet<'_>,
        direction: Direction,
        inspector: Option<&Inspector>,
        stamp: Stamp,
        moment: Moment,
    ) {
        let Entry { flow, user, .. } = entry;
        let flow_events = user.app.take_events();
        if user.app.transactions().is_empty() && flow_events.is_empty() {
            return;
        }
        if flow_events.is_empty() && !has_news(user, direction, moment) {
            retire(user, inspector);
            return;
        }
        let settings = Arc::clone(&self.settings);
        let community = flow.community_id(settings.community_seed).to_owned();
        let interface = self.interface.clone();
        let protocol = user.app.protocol();
        let bits = inspector.and_then(|inspector| variables(&user.detect, inspector.engine()));
        for event in flow_events {
            let label = event.to_ascii_uppercase();
            let anomaly = Anomaly {
                app_proto: known(protocol),
                kind: AnomalyKind::AppLayer,
                event: &label,
                layer: Some("proto_detect"),
            };
            let facts = AnomalyFacts {
                flow: Some(flow),
                community: Some(&community),
                metadata: bits.clone(),
                tx_id: None,
            };
            self.anomaly(packet, anomaly, facts, stamp);
        }
        let class = if user.alerted {
            Class::Context
        } else {
            Class::Record
        };
        let over = moment == Moment::FlowEnd || user.app.is_over();
        // A file is told with a packet of its side, as it is inspected with one.
        let is_due = |file: &File| {
            !file.logged
                && (over || file.direction == direction)
                && (file.state != FileState::Open || moment == Moment::FlowEnd)
        };
        let original = user.app.original_protocol();
        for at in 0..user.app.transactions().len() {
            let Some(transaction) = user.app.transactions().get(at) else {
                break;
            };
            let id = transaction.id;
            let tx_id = transaction.number;
            let mark = *super::flow::mark(&mut user.recorded, id);
            for number in transaction.events.iter().skip(mark.events) {
                let row = transaction.protocol().row();
                let event = row
                    .and_then(|row| row.events.iter().find(|event| event.number == *number))
                    .map_or("unknown", |event| event.name);
                let event = transaction.protocol().event_label(event);
                let anomaly = Anomaly {
                    app_proto: known(transaction.protocol()),
                    kind: AnomalyKind::AppLayer,
                    event: &event,
                    layer: Some("proto_parser"),
                };
                let facts = AnomalyFacts {
                    flow: Some(flow),
                    community: Some(&community),
                    metadata: bits.clone(),
                    tx_id: Some(tx_id),
                };
                self.anomaly(packet, anomaly, facts, stamp);
            }
            let due = !mark.record && (transaction.is_due() || moment == Moment::FlowEnd);
            if due && transaction.is_recorded() {
                let mut common = common(
                    packet,
                    Some(flow),
                    transaction.event_type(),
                    record_ends(transaction, packet, settings.dns_version),
                    stamp,
                );
                common.in_iface = interface.as_deref();
                common.community_id = Some(&community);
                for mut app in app_records(transaction, settings.dns_version) {
                    if let AppRecord::Tls(tls) = &mut app {
                        tls.from_proto = original.map(|protocol| protocol.name());
                    }
                    let body = TransactionRecord {
                        tx_id: Some(tx_id).filter(|_| app.has_transaction_number()),
                        metadata: bits.clone(),
                        app,
                    };
                    self.write(
                        class,
                        &Record {
                            common: common.clone(),
                            body: Body::Transaction(Box::new(body)),
                        },
                    );
                }
            }
            if due && let Some(facts) = &mut self.facts {
                let found = facts.of_transaction(transaction, flow, original, stamp.at_ns);
                self.write_facts(found, flow, &community, stamp);
            }
            for file in transaction.files.iter().filter(|file| is_due(file)) {
                let side = file.direction.index();
                let wanted = transaction.stores[side] || user.stores[side];
                let stored = self.store.take(file, wanted, transaction.content(file));
                let mut common = common(
                    packet,
                    Some(flow),
                    "fileinfo",
                    Ends::Flow(file.direction),
                    stamp,
                );
                common.in_iface = interface.as_deref();
                common.community_id = Some(&community);
                let body = FileInfoRecord {
                    app: transaction.alert_record(),
                    metadata: bits.clone(),
                    app_proto: transaction.protocol().name(),
                    fileinfo: FileInfo {
                        stored: stored.is_some(),
                        file_id: stored,
                        ..file_info(file, transaction, &settings)
                    },
                };
                self.write(
                    class,
                    &Record {
                        common,
                        body: Body::FileInfo(Box::new(body)),
                    },
                );
            }
            let events = transaction.events.len();
            if let Some(transaction) = user.app.transactions_mut().get_mut(at) {
                for file in &mut transaction.files {
                    file.logged |= is_due(file);
                }
            }
            let mark = super::flow::mark(&mut user.recorded, id);
            mark.record |= due;
            mark.events = events;
        }
        retire(user, inspector);
    }

    /// Facts that a flow has told.
    fn write_facts(&mut self, found: Vec<Fact>, flow: &Flow, community: &str, stamp: Stamp) {
        if found.is_empty() {
            return;
        }
        let interface = self.interface.clone();
        let (from, to) = flow.ends(Direction::ToServer);
        let packet = Packet::of_flow(from, to, flow.protocol, PacketSource::FlowTimeout);
        for fact in found {
            let ends = Ends::Flow(Direction::ToServer);
            let mut common = common(&packet, Some(flow), "fact", ends, stamp);
            common.pkt_src = None;
            common.ether = None;
            common.in_iface = interface.as_deref();
            common.community_id = Some(community);
            let body = Body::Fact(Box::new(FactRecord {
                matluoi: FactObject { fact },
            }));
            self.write(Class::Record, &Record { common, body });
        }
    }

    /// A flow has ended.
    pub fn flow(
        &mut self,
        entry: &mut Entry<Tracked>,
        reason: EndReason,
        inspector: Option<&Inspector>,
        stamp: Stamp,
    ) {
        let Entry { flow, user, .. } = entry;
        let settings = Arc::clone(&self.settings);
        let community = flow.community_id(settings.community_seed).to_owned();
        let interface = self.interface.clone();
        let (from, to) = flow.ends(Direction::ToServer);
        let packet = Packet::of_flow(from, to, flow.protocol, PacketSource::FlowTimeout);
        let bits = inspector.and_then(|inspector| variables(&user.detect, inspector.engine()));
        let app = &user.app;
        let name = |protocol: Protocol| (protocol != Protocol::Unknown).then(|| protocol.name());
        let side = |direction: Direction| {
            let side = app.side_protocol(direction);
            if side == app.protocol() {
                None
            } else {
                name(side)
            }
        };
        let mut common = common(
            &packet,
            Some(flow),
            "flow",
            Ends::Flow(Direction::ToServer),
            stamp,
        );
        common.pkt_src = None;
        common.vlan = &flow.vlans;
        common.in_iface = interface.as_deref();
        common.community_id = Some(&community);
        common.ether = flow_ether(flow, Direction::ToServer);
        if let Some((kind, code)) = flow.icmp[0].filter(|_| matches!(flow.protocol, 1 | 58)) {
            (common.icmp_type, common.icmp_code) = (Some(kind), Some(code));
        }
        let answer = flow.icmp[1].filter(|_| matches!(flow.protocol, 1 | 58));
        let seconds = |ns: i64| ns.div_euclid(1_000_000_000);
        let record = sensor_event::FlowRecord {
            response_icmp_type: answer.map(|answer| answer.0),
            response_icmp_code: answer.map(|answer| answer.1),
            spi: flow.esp_spi,
            app_proto: name(app.protocol()),
            app_proto_ts: side(Direction::ToServer),
            app_proto_tc: side(Direction::ToClient),
            app_proto_orig: app.original_protocol().and_then(name),
            app_proto_expected: None,
            flow: sensor_event::FlowSummary {
                pkts_toserver: flow.packets[0],
                pkts_toclient: flow.packets[1],
                bytes_toserver: flow.bytes[0],
                bytes_toclient: flow.bytes[1],
                start: Time(flow.start_ns),
                end: Time(flow.last_ns),
                age: u64::try_from(seconds(flow.last_ns) - seconds(flow.start_ns)).unwrap_or(0),
                bypass: (flow.state == sensor_flow::State::Bypassed).then_some("local"),
                state: flow.state.name(),
                reason: reason.name(),
                alerted: user.alerted,
                wrong_thread: false,
                action: match user.detect.action() {
                    Some(action) => Some(action.name()),
                    None => user.passed.then_some("pass"),
                },
                exception_policy: exceptions(user, &settings),
                tx_cnt: Some(app.transaction_count()).filter(|count| *count > 0),
            },
            tcp: (flow.protocol == 6).then(|| tcp_summary(user.session.as_deref())),
            metadata: bits.clone(),
            matluoi: self.facts.as_ref().map(|facts| FlowExtra {
                history: flow.history.text().to_owned(),
                server_names: facts.names(flow.server, stamp.at_ns),
            }),
        };
        let mut base = common.clone();
        base.ip_v = None;
        self.write(
            Class::Flow,
            &Record {
                common,
                body: Body::Flow(Box::new(record)),
            },
        );
        if let Some(facts) = &mut self.facts {
            let found = facts.of_flow(flow, user.app.protocol(), stamp.at_ns);
            self.write_facts(found, flow, &community, stamp);
        }
        base.event_type = "netflow";
        for direction in Direction::BOTH {
            let at = direction.index();
            if direction == Direction::ToClient && flow.packets[at] == 0 {
                continue;
            }
            let (from, to) = flow.ends(direction);
            let ports = flow.has_ports();
            base.ether = flow_ether(flow, direction);
            if matches!(flow.protocol, 1 | 58) {
                let (kind, code) = flow.icmp[at].unwrap_or_default();
                (base.icmp_type, base.icmp_code) = (Some(kind), Some(code));
            }
            (base.src_ip, base.dest_ip) = (Some(from.0), Some(to.0));
            (base.src_port, base.dest_port) = (ports.then_some(from.1), ports.then_some(to.1));
            let record = NetflowRecord {
                app_proto: match user.app.side_protocol(direction) {
                    Protocol::Unknown => user.app.protocol().name(),
                    side => side.name(),
                },
                netflow: NetflowSummary {
                    pkts: flow.packets[at],
                    bytes: flow.bytes[at],
                    start: Time(flow.start_ns),
                    end: Time(flow.last_ns),
                    age: u64::try_from(seconds(flow.last_ns) - seconds(flow.start_ns)).unwrap_or(0),
                    min_ttl: Some(flow.ttl_min[at]),
                    max_ttl: Some(flow.ttl_max[at]),
                    tx_cnt: Some(user.app.transaction_count()).filter(|count| *count > 0),
                },
                tcp: (flow.protocol == 6).then(|| {
                    let flags = user
                        .session
                        .as_ref()
                        .map_or(0, |session| session.flags(direction));
                    sensor_event::TcpSide {
                        tcp_flags: format!("{flags:02x}"),
                        flags: sensor_event::TcpFlags::of(flags),
                    }
                }),
                metadata: bits.clone(),
            };
            if settings.netflow {
                self.write(
                    Class::Flow,
                    &Record {
                        common: base.clone(),
                        body: Body::Netflow(Box::new(record)),
                    },
                );
            }
        }
    }

    pub fn stats(&mut self, tree: StatsTree, stamp: Stamp) {
        let common = bare(stamp.at_ns, "stats");
        self.write(
            Class::Record,
            &Record {
                common,
                body: Body::Stats(StatsRecord { stats: tree }),
            },
        );
    }
}

/// What is common to records that no packet or flow stands behind.
fn bare<'a>(at_ns: i64, event_type: &'static str) -> Common<'a> {
    Common {
        timestamp: Time(at_ns),
        flow_id: None,
        parent_id: None,
        in_iface: None,
        pcap_cnt: None,
        event_type,
        vlan: &[],
        src_ip: None,
        src_port: None,
        dest_ip: None,
        dest_port: None,
        proto: None,
        ip_v: None,
        icmp_type: None,
        icmp_code: None,
        pkt_src: None,
        ether: None,
        community_id: None,
    }
}

/// Whose addresses stand first in the record of a transaction, as readers of EVE know it.
fn record_ends<'a>(
    transaction: &Transaction,
    packet: &'a Packet<'a>,
    dns_version: DnsVersion,
) -> Ends<'a> {
    match (transaction.protocol(), dns_version, transaction.only) {
        (Protocol::Dns, DnsVersion::Three, Some(side)) if packet.tcp().is_some() => {
            Ends::Flow(side)
        }
        (Protocol::Dns, DnsVersion::Three, _)
        | (
            Protocol::Dhcp
            | Protocol::Ike
            | Protocol::Nfs
            | Protocol::Ntp
            | Protocol::Rfb
            | Protocol::Sip,
            ..,
        ) => Ends::Packet(packet),
        _ => Ends::Flow(transaction.record_direction()),
    }
}

/// Whether any transaction has something to record, so that it is worth gathering what records need.
fn has_news(user: &Tracked, direction: Direction, moment: Moment) -> bool {
    let over = moment == Moment::FlowEnd || user.app.is_over();
    user.app.transactions().iter().any(|transaction| {
        let mark = user
            .recorded
            .binary_search_by_key(&transaction.id, |mark| mark.id)
            .map(|at| user.recorded[at])
            .unwrap_or_default();
        transaction.events.len() > mark.events
            || !mark.record && (transaction.is_due() || moment == Moment::FlowEnd)
            || transaction
                .files
                .iter()
                .any(|file| !file.logged && (over || file.direction == direction))
    })
}

/// Forgets transactions that are told and inspected.
fn retire(user: &mut Tracked, inspector: Option<&Inspector>) {
    let Tracked {
        app,
        detect,
        recorded,
        ..
    } = user;
    app.retire(|transaction| {
        let complete = Direction::BOTH
            .iter()
            .all(|side| transaction.is_complete(*side));
        let told = recorded
            .binary_search_by_key(&transaction.id, |mark| mark.id)
            .is_ok_and(|at| recorded[at].record);
        let inspected = inspector.is_none_or(|inspector| {
            !inspector.engine().inspects(transaction.protocol())
                || Direction::BOTH.iter().all(|side| {
                    !transaction.has_side(*side)
                        || inspector.engine().is_done(
                            detect,
                            transaction.protocol(),
                            transaction.id,
                            *side,
                        )
                })
        });
        complete && told && inspected && transaction.files.iter().all(|file| file.logged)
    });
    let oldest = app
        .transactions()
        .front()
        .map_or(u64::MAX, |transaction| transaction.id);
    while recorded.front().is_some_and(|mark| mark.id < oldest) {
        recorded.pop_front();
    }
}

/// The objects that a transaction is recorded as; the older format of DNS has several.
fn app_records(transaction: &Transaction, dns_version: DnsVersion) -> Vec<AppRecord<'_>> {
    match (&transaction.body, dns_version) {
        (sensor_app::Body::Dns(dns), DnsVersion::Two) => dns.records_v2(transaction.id),
        _ => vec![transaction.record()],
    }
}

fn known(protocol: Protocol) -> Option<&'static str> {
    protocol.is_known().then(|| protocol.name())
}

fn common<'a>(
    packet: &'a Packet<'a>,
    flow: Option<&'a Flow>,
    event_type: &'static str,
    ends: Ends<'_>,
    stamp: Stamp,
) -> Common<'a> {
    let addresses = match ends {
        Ends::Packet(packet) => packet
            .addresses()
            .map(|(source, destination)| (source, destination, packet.ports())),
        Ends::Flow(direction) => flow.map(|flow| {
            let (from, to) = flow.ends(direction);
            (from.0, to.0, flow.has_ports().then_some((from.1, to.1)))
        }),
    };
    let icmp = match &packet.transport {
        Transport::Icmpv4(icmp) | Transport::Icmpv6(icmp) => Some((icmp.kind, icmp.code)),
        _ => None,
    };
    let ports = addresses.and_then(|(.., ports)| ports);
    Common {
        timestamp: Time(stamp.at_ns),
        flow_id: flow.map(|flow| flow.id.0),
        parent_id: flow.and_then(|flow| flow.parent).map(|parent| parent.0),
        in_iface: None,
        pcap_cnt: stamp
            .frame
            .filter(|_| packet.source_kind != PacketSource::Defrag),
        event_type,
        // The packet that stands for the end of a flow has been on no wire: its flow knows the tags.
        vlan: flow
            .filter(|_| packet.ethernet.is_none() && packet.vlans.is_empty())
            .map_or(&packet.vlans, |flow| &flow.vlans),
        src_ip: addresses.map(|(source, ..)| source),
        src_port: ports.map(|ports| ports.0),
        dest_ip: addresses.map(|(_, destination, _)| destination),
        dest_port: ports.map(|ports| ports.1),
        proto: packet.ip_protocol().map(protocol_name),
        ip_v: addresses.map(|(source, ..)| if source.is_ipv4() { 4 } else { 6 }),
        icmp_type: icmp.map(|icmp| icmp.0),
        icmp_code: icmp.map(|icmp| icmp.1),
        pkt_src: Some(packet.source_kind.name()),
        ether: match (&packet.ethernet, flow) {
            (Some(ethernet), _) => {
                let (mut source, mut destination) = (ethernet.source, ethernet.destination);
                // As the addresses of the record, whichever way the packet went.
                if matches!(ends, Ends::Flow(_))
                    && addresses.map(|(source, ..)| source)
                        != packet.addresses().map(|(source, _)| source)
                {
                    std::mem::swap(&mut source, &mut destination);
                }
                Some(Ether {
                    ether_type: Some(ethernet.ether_type),
                    src_mac: Some(mac(&source)),
                    dest_mac: Some(mac(&destination)),
                    ..Ether::default()
                })
            }
            // Nothing was on a wire: the first addresses of the flow stand for it.
            (None, Some(flow)) => match [flow.macs[0].first(), flow.macs[1].first()] {
                [Some(source), Some(destination)] => Some(Ether {
                    src_mac: Some(mac(source)),
                    dest_mac: Some(mac(destination)),
                    ..Ether::default()
                }),
                _ => None,
            },
            (None, None) => None,
        },
        community_id: None,
    }
}

/// Link-layer addresses of a whole flow, as one direction has them.
fn flow_ether(flow: &Flow, direction: Direction) -> Option<Ether> {
    if flow.macs.iter().all(|macs| macs.is_empty()) {
        return None;
    }
    Some(Ether {
        src_macs: flow.macs[direction.index()].iter().map(mac).collect(),
        dest_macs: flow.macs[direction.opposite().index()]
            .iter()
            .map(mac)
            .collect(),
        ..Ether::default()
    })
}

fn mac(bytes: &[u8; 6]) -> String {
    let [a, b, c, d, e, f] = bytes;
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}

/// The address for which a proxy speaks, as far as it is wanted and is one.
fn forwarded_for(
    settings: &Settings,
    traffic: &Traffic<'_>,
    transaction: Option<&Transaction>,
) -> Option<IpAddr> {
    if !settings.forwarded.enabled {
        return None;
    }
    let of = |transaction: &Transaction| {
        let sensor_app::Body::Http1(http) = &transaction.body else {
            return None;
        };
        let list = std::str::from_utf8(http.forwarded_for()?).ok()?;
        let address = match settings.forwarded.by {
            ForwardedBy::Reverse => list.rsplit(',').next(),
            ForwardedBy::Forward => list.split(',').next(),
        };
        address?.trim().parse().ok()
    };
    match transaction {
        Some(transaction) => of(transaction),
        None => traffic.app?.transactions().iter().find_map(of),
    }
}

/// Stream data as alerts show it: new bytes, and how many are missing before them.
fn stream_payload<'a>(raw: &RawWindow<'a>) -> Cow<'a, [u8]> {
    let new = raw.data.get(raw.seen..).unwrap_or_default();
    if raw.missing == 0 {
        return Cow::Borrowed(new);
    }
    let mut bytes = format!("[{} bytes missing]", raw.missing).into_bytes();
    bytes.extend_from_slice(new);
    Cow::Owned(bytes)
}

/// Name in EVE's `proto`: as IANA registers it, or the number in three digits.
fn protocol_name(number: u8) -> Cow<'static, str> {
    match number {
        0 => "HOPOPT",
        1 => "ICMP",
        2 => "IGMP",
        3 => "GGP",
        4 => "IP-in-IP",
        5 => "ST",
        6 => "TCP",
        8 => "EGP",
        9 => "IGP",
        17 => "UDP",
        27 => "RDP",
        33 => "DCCP",
        41 => "IPv6",
        43 => "IPv6-Route",
        44 => "IPv6-Frag",
        46 => "RSVP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        58 => "IPv6-ICMP",
        59 => "IPv6-NoNxt",
        60 => "IPv6-Opts",
        88 => "EIGRP",
        89 => "OSPF",
        94 => "OS",
        97 => "ETHERIP",
        98 => "ENCAP",
        103 => "PIM",
        108 => "IPComp",
        112 => "VRRP",
        115 => "L2TP",
        124 => "IS-IS",
        132 => "SCTP",
        133 => "FC",
        135 => "Mobility",
        136 => "UDPLite",
        137 => "MPLS-in-IP",
        139 => "HIP",
        140 => "Shim6",
        other => return format!("{other:03}").into(),
    }
    .into()
}

fn packet_info(link: LinkType) -> PacketInfo {
    PacketInfo {
        linktype: link.0,
        linktype_name: link.name(),
    }
}

fn alert_flow(flow: &Flow) -> AlertFlow {
    AlertFlow {
        pkts_toserver: flow.packets[0],
        pkts_toclient: flow.packets[1],
        bytes_toserver: flow.bytes[0],
        bytes_toclient: flow.bytes[1],
        start: Time(flow.start_ns),
        src_ip: flow.client,
        dest_ip: flow.server,
        src_port: flow.has_ports().then_some(flow.client_port),
        dest_port: flow.has_ports().then_some(flow.server_port),
    }
}

fn tunnel(packet: &Packet<'_>, stamp: Stamp) -> Option<Tunnel> {
    let outer = packet.outer?;
    Some(Tunnel {
        src_ip: outer.source,
        dest_ip: outer.destination,
        src_port: outer.ports.map(|ports| ports.0),
        dest_port: outer.ports.map(|ports| ports.1),
        proto: protocol_name(outer.protocol).into_owned(),
        depth: packet.depth,
        pcap_cnt: stamp.frame,
        pkt_src: outer.source_kind.name(),
    })
}

fn file_info<'a>(
    file: &'a File,
    transaction: &'a Transaction,
    settings: &Settings,
) -> FileInfo<'a> {
    FileInfo {
        filename: (!file.name.is_empty()).then(|| Text(&file.name)),
        magic: if settings.force_magic {
            transaction.magic(file)
        } else {
            file.known_magic()
        },
        gaps: file.gaps,
        state: match file.state {
            FileState::Open => "UNKNOWN",
            FileState::Closed => "CLOSED",
            FileState::Truncated => "TRUNCATED",
            FileState::Error => "ERROR",
        },
        md5: file.md5.as_ref().map(|hash| Hex(hash)),
        sha1: file.sha1.as_ref().map(|hash| Hex(hash)),
        sha256: file.sha256.as_ref().map(|hash| Hex(hash)),
        stored: false,
        file_id: None,
        size: file.size,
        start: file.range.map(|range| range.0),
        end: file.range.map(|range| range.1),
        tx_id: transaction.number,
        sid: Vec::new(),
    }
}

/// Bits, numbers and variables of a flow; none when it has none.
/// What the rules have decided about a packet, for its alerts.
fn told(verdict: Verdict, packet: &Packet<'_>) -> sensor_event::Verdict {
    let reject = verdict.reject.map(|to| {
        let target = match to {
            RejectTo::Source => "to_client",
            RejectTo::Destination => "to_server",
            RejectTo::Both => "both",
        };
        let how = match packet.ip_protocol() {
            Some(6) => Some("tcp-reset"),
            Some(1 | 17 | 58) => Some("icmp-prohib"),
            _ => None,
        };
        (target, how)
    });
    sensor_event::Verdict {
        action: if verdict.passed && reject.is_none() {
            "pass"
        } else {
            "alert"
        },
        reject_target: reject.map(|(target, _)| target),
        reject: reject.and_then(|(_, how)| how).into_iter().collect(),
    }
}

/// What a match knows beyond the rule: captures for the alert, and what data sets say.
fn context(found: &Match) -> Option<Json> {
    let members: Vec<(String, Json)> = found
        .captured
        .iter()
        .filter_map(|captured| match captured {
            Captured::Variable { capture, value } if capture.kind == CaptureKind::Alert => {
                Some((capture.name.clone(), Json::Text(Text(value).to_string())))
            }
            Captured::Context { name, value } => Some((name.clone(), value.clone())),
            _ => None,
        })
        .collect();
    (!members.is_empty()).then_some(Json::Object(members))
}

/// Variables of the flow with those that the match has set for its packet.
fn with_packet_variables<'a>(
    metadata: Option<Metadata<'a>>,
    packet_variables: &[(String, Vec<u8>)],
) -> Option<Metadata<'a>> {
    if packet_variables.is_empty() {
        return metadata;
    }
    let mut metadata = metadata.unwrap_or_default();
    metadata.metadata.pktvars = packet_variables
        .iter()
        .map(|(name, value)| BTreeMap::from([(name.clone(), Text(value).to_string())]))
        .collect();
    Some(metadata)
}

fn variables<'a>(state: &'a FlowState, engine: &'a Engine) -> Option<Metadata<'a>> {
    if state.bits().is_empty()
        && state.ints().is_empty()
        && state.variables().is_empty()
        && state.entropies().is_empty()
    {
        return None;
    }
    let mut traffic = TrafficLabels::default();
    let mut flowbits = Vec::new();
    for &bit in state.bits() {
        let name = engine.flowbit_name(bit);
        if let Some(id) = name.strip_prefix("traffic/id/") {
            traffic.id.push(id);
        } else if let Some(label) = name.strip_prefix("traffic/label/") {
            traffic.label.push(label);
        } else {
            flowbits.push(name);
        }
    }
    Some(Metadata {
        traffic: (!traffic.id.is_empty() || !traffic.label.is_empty()).then_some(traffic),
        metadata: Variables {
            flowbits,
            flowints: state
                .ints()
                .iter()
                .map(|(name, value)| (name.as_str(), *value))
                .collect(),
            flowvars: state
                .variables()
                .iter()
                .map(|(name, value)| BTreeMap::from([(name.clone(), Text(value).to_string())]))
                .collect(),
            entropy: state
                .entropies()
                .iter()
                .map(|(name, value)| (name.replace('.', "_"), *value))
                .collect(),
            ..Variables::default()
        },
    })
}

/// What could not be followed in a flow, and what the policies for that say.
fn exceptions(user: &Tracked, settings: &Settings) -> Option<Vec<sensor_event::ExceptionPolicy>> {
    let midstream = user
        .without_beginning
        .then(|| sensor_event::ExceptionPolicy {
            target: "stream_midstream",
            policy: settings.stream.midstream_policy.name(),
        });
    let broken = user
        .app
        .is_broken()
        .then_some(sensor_event::ExceptionPolicy {
            target: "app_layer_error",
            policy: sensor_stream::MidstreamPolicy::Ignore.name(),
        });
    let policies: Vec<_> = midstream.into_iter().chain(broken).collect();
    (!policies.is_empty()).then_some(policies)
}

fn tcp_summary(session: Option<&sensor_stream::Session>) -> sensor_event::TcpSummary {
    // A session without state never began: a segment alone makes none.
    let session = session.filter(|session| session.state().name().is_some());
    let flags = |direction| session.map_or(0, |session| session.flags(direction));
    let (to_server, to_client) = (flags(Direction::ToServer), flags(Direction::ToClient));
    let all = to_server | to_client;
    let gap = |direction| {
        session.is_some_and(|session: &sensor_stream::Session| session.gaps(direction) > 0)
    };
    let urgent = |direction| {
        session
            .map(|session| session.urgent(direction))
            .filter(|count| *count > 0)
    };
    sensor_event::TcpSummary {
        tcp_flags: format!("{all:02x}"),
        tcp_flags_ts: format!("{to_server:02x}"),
        tcp_flags_tc: format!("{to_client:02x}"),
        flags: sensor_event::TcpFlags::of(all),
        state: session.and_then(|session| session.state().name()),
        tc_gap: gap(Direction::ToClient),
        ts_gap: gap(Direction::ToServer),
        ts_max_regions: session.map(|session| session.max_regions(Direction::ToServer)),
        tc_max_regions: session.map(|session| session.max_regions(Direction::ToClient)),
        ts_urgent_oob_data: urgent(Direction::ToServer),
        tc_urgent_oob_data: urgent(Direction::ToClient),
    }
}
