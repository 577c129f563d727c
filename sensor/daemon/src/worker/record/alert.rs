//! Matches → alert records, and packets that rules tagged.

use std::sync::Arc;

use rules::signature::{Action, CaptureKind, RejectTo, Target};
use sensor_app::{Protocol, Transaction};
use sensor_decode::{LinkType, Packet, Transport};
use sensor_detect::{Captured, Engine, FlowState, Inspector, Match, Traffic, Verdict};
use sensor_event::{
    Alert, AlertFlow, AlertRecord, Base64, Body, Class, End, Json, PacketInfo, Printable, Record,
    Text, Time,
};
use sensor_flow::{Direction, Flow};

use super::common::{common, file_info, forwarded_for, tunnel, variables, with_packet_variables};
use super::{Ends, Recording, Stamp, frame};
use crate::output::Output;
use crate::settings::ForwardedMode;

impl<O: Output> Recording<O> {
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
        let frame = found.frame.and_then(|id| {
            let frame = traffic.app?.frames().frame(traffic.direction, id)?;
            Some(frame.clone())
        });
        // Numbers of transactions count from 1 where records of frames count them so.
        let number = frame.as_ref().and_then(|frame| frame.transaction);
        let transaction = found.transaction.and_then(|id| {
            let live = traffic.app?.transactions();
            let own = live.iter().find(|transaction| transaction.id == id);
            own.or_else(|| {
                let (_, number) = number?;
                live.iter().find(|transaction| transaction.number == number)
            })
        });
        let shown = frame.zip(traffic.app).map(|(frame, app)| {
            let in_stream = traffic.session.is_some();
            frame::Shown::new(app, frame, traffic.direction, in_stream)
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
        // As in Suricata: where a rate filter has changed the action, what all rules do to the packet counts.
        let blocked = if found.changed {
            inspector.verdict().dropped
        } else {
            signature.action == Action::Reject
        };
        let alert = Alert {
            action: if blocked { "blocked" } else { "allowed" },
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
        let in_stream = found.in_stream && packet.tcp().is_some();
        let shown_bytes = traffic
            .session
            .filter(|_| in_stream)
            .map(|session| {
                let limit = settings.payload_limit_bytes.saturating_sub(1);
                session.shown(traffic.direction, limit)
            })
            .filter(|bytes| !bytes.is_empty());
        let payload: &[u8] = match &shown_bytes {
            Some(bytes) => bytes,
            None if traffic.flow_end || matches!(packet.transport, Transport::None) => &[],
            None => packet.payload,
        };
        let mut flow = traffic.flow.cloned();
        let community = flow
            .as_mut()
            .map(|flow| flow.community_id(settings.community_seed).to_owned());
        let app = traffic.app;
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
        let stage = |direction| transaction.filter(|_| with_app)?.stage_name(direction);
        let record = AlertRecord {
            tx_id: number
                .map(|(_, number)| number)
                .or(transaction.map(|transaction| transaction.number))
                .or(found.transaction),
            tx_guessed: found.guessed,
            alert,
            ts_progress: stage(Direction::ToServer),
            tc_progress: stage(Direction::ToClient),
            app: transaction
                .filter(|_| with_app)
                .and_then(Transaction::alert_record),
            files: transaction
                .filter(|_| with_app)
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
            payload_length: (!payload.is_empty() || !in_stream).then_some(payload.len()),
            stream: Some(u8::from(in_stream)),
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
}

/// What libpcap calls raw IP on Linux, which in capture files is 101 (pcap-linktype(7)).
const DLT_RAW: u16 = 12;

fn packet_info(link: LinkType) -> PacketInfo {
    PacketInfo {
        linktype: match link {
            LinkType::RAW => DLT_RAW,
            LinkType(number) => number,
        },
        linktype_name: link.name(),
    }
}

pub(super) fn alert_flow(flow: &Flow) -> AlertFlow {
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

/// Bits, numbers and variables of a flow; none when it has none.
/// What the rules have decided about a packet, for its alerts.
pub(super) fn told(verdict: Verdict, packet: &Packet<'_>) -> sensor_event::Verdict {
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
