//! Flows at their end → flow and netflow records.

use std::sync::Arc;

use sensor_app::Protocol;
use sensor_decode::{Packet, PacketSource};
use sensor_detect::Inspector;
use sensor_event::{Body, Class, FlowExtra, NetflowRecord, NetflowSummary, Record, Time};
use sensor_flow::{Direction, EndReason, Entry};

use super::common::{common, flow_ether, variables};
use super::{Ends, Recording, Stamp};
use crate::output::Output;
use crate::settings::Settings;
use crate::worker::HomeNet;
use crate::worker::flow::Tracked;

impl<O: Output> Recording<O> {
    /// A flow has ended.
    pub fn flow(
        &mut self,
        entry: &mut Entry<Tracked>,
        reason: EndReason,
        inspector: Option<&Inspector>,
        home: &HomeNet,
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
            app_proto_expected: app.expected_protocol().and_then(name),
            flow: sensor_event::FlowSummary {
                pkts_toserver: flow.packets[0],
                pkts_toclient: flow.packets[1],
                bytes_toserver: flow.bytes[0],
                bytes_toclient: flow.bytes[1],
                start: Time(flow.start_ns),
                end: Time(flow.end_ns),
                age: u64::try_from(seconds(flow.end_ns) - seconds(flow.start_ns)).unwrap_or(0),
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
                tx_cnt: Some(app.transaction_count_now()).filter(|count| *count > 0),
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
            let found = facts.of_flow(flow, user.app.protocol(), |ip| home.owns(ip), stamp.at_ns);
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
                spi: flow.esp_spi,
                app_proto: match user.app.side_protocol(direction) {
                    Protocol::Unknown => user.app.protocol().name(),
                    side => side.name(),
                },
                netflow: NetflowSummary {
                    pkts: flow.packets[at],
                    bytes: flow.bytes[at],
                    start: Time(flow.start_ns),
                    end: Time(flow.end_ns),
                    age: u64::try_from(seconds(flow.end_ns) - seconds(flow.start_ns)).unwrap_or(0),
                    min_ttl: Some(flow.ttl_min[at]),
                    max_ttl: Some(flow.ttl_max[at]),
                    tx_cnt: Some(user.app.transaction_count_now()).filter(|count| *count > 0),
                },
                tcp: (flow.protocol == 6).then(|| {
                    let flags = user
                        .session
                        .as_ref()
                        .map_or(0, |session| session.flags(direction));
                    sensor_event::TcpSide {
                        tcp_flags: flags,
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
        tcp_flags: all,
        tcp_flags_ts: to_server,
        tcp_flags_tc: to_client,
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
