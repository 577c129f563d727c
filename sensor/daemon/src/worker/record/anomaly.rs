//! Decoder, stream and protocol events → anomaly records; ARP.

use sensor_decode::{Net, Packet};
use sensor_detect::Inspector;
use sensor_event::{Anomaly, AnomalyKind, AnomalyRecord, Body, Class, Mac, Record};
use sensor_flow::Entry;

use super::common::{common, variables};
use super::{AnomalyFacts, Ends, Recording, Stamp};
use crate::output::Output;
use crate::worker::flow::Tracked;

impl<O: Output> Recording<O> {
    /// Decoder events of a packet without flow.
    pub fn decode_anomalies(&mut self, packet: &Packet<'_>, stamp: Stamp) {
        if packet.events.is_empty() {
            return;
        }
        for event in packet.events.iter() {
            let name = event.full_name();
            let anomaly = Anomaly {
                app_proto: None,
                kind: decoder_kind(name),
                event: name,
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
            .map(|event| event.full_name())
            .map(|name| (decoder_kind(name), name));
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

    pub(super) fn anomaly(
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
        let record = Record {
            common,
            body: Body::Arp(sensor_event::ArpRecord {
                arp: sensor_event::Arp {
                    hw_type: "ethernet",
                    proto_type: "ipv4",
                    opcode: match arp.operation {
                        1 => "request",
                        2 => "reply",
                        3 => "request_reverse",
                        4 => "reply_reverse",
                        _ => "unknown",
                    },
                    src_mac: Mac(arp.sender_mac),
                    src_ip: arp.sender_ip.into(),
                    dest_mac: Mac(arp.target_mac),
                    dest_ip: arp.target_ip.into(),
                },
            }),
        };
        self.write(Class::Record, &record);
    }
}

/// Suricata counts the events of ARP, and that of too many layers, as those of streams.
fn decoder_kind(name: &str) -> AnomalyKind {
    if name.starts_with("decoder.arp.") || name == "decoder.too_many_layers" {
        AnomalyKind::Stream
    } else {
        AnomalyKind::Decode
    }
}
