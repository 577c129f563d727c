//! Rules on addresses, and on packets and stream data.

use sensor_app::Bytes;
use sensor_stream::RawWindow;

use super::{Pass, Place};
use crate::compile::{Compiled, Kind, PartHome};
use crate::content::VARIABLE_LIMIT;
use crate::engine::group_of;
use crate::subject::Traffic;
use crate::trace::Missed;
use crate::vocabulary::PacketBuffer;

/// What rules on the stream alone look at; they count places from its start.
fn unpassed<'a>(raw: &RawWindow<'a>) -> Bytes<'a> {
    Bytes::whole(raw.data.get(raw.passed..).unwrap_or_default())
}

impl<const TRACED: bool> Pass<'_, TRACED> {
    /// Rules on addresses; with `since`, only those newer than that generation.
    pub(super) fn ip_only(&mut self, since: Option<u32>) {
        let Some((source, destination)) = self.traffic.packet.addresses() else {
            return;
        };
        let engine = self.engine;
        let by_address = engine
            .ip_only_source
            .rules(source)
            .iter()
            .chain(engine.ip_only_destination.rules(destination));
        for &index in by_address.chain(&engine.ip_only_always) {
            let one = &engine.signatures[index as usize];
            if since.is_some_and(|since| !engine.lineage.is_newer(index, since)) {
                continue;
            }
            if self.header_miss(one).is_none() && self.packet_miss(one).is_none() {
                self.matched(index, None, Place::Packet);
            }
        }
    }

    pub(super) fn packet(&mut self, first: bool) {
        let engine = self.engine;
        let traffic = self.traffic;
        let packet = traffic.packet;
        let mut candidates = std::mem::take(&mut self.scratch.candidates);
        candidates.clear();
        if !packet.events.is_empty() && !traffic.flow_end {
            candidates.extend(&engine.decode_event_rules);
        }
        if !traffic.stream_events.is_empty() {
            candidates.extend(&engine.stream_event_rules);
        }
        let group =
            &engine.packet_groups[group_of(packet.shown_protocol())][traffic.direction.index()];
        candidates.extend(group.always.rules(packet.ports()));
        if first && traffic.flow.is_some() {
            candidates.extend(&group.flow_start);
        }
        if traffic.protocol_found {
            candidates.extend(&group.detection);
        }
        let payload = self.payload();
        let patterns = &mut self.scratch.patterns;
        if !traffic.flow_end {
            if !payload.is_empty() {
                let scanned = &group.every_payload;
                scanned.scan(payload, packet.ports(), patterns, &mut candidates);
                if !traffic.in_stream {
                    let scanned = &group.stream;
                    scanned.scan(payload, packet.ports(), patterns, &mut candidates);
                }
            }
            for scanner in &group.headers {
                let mut address = [0; 16];
                if let Some(data) = packet_buffer(traffic, scanner.buffer, &mut address) {
                    scanner.matcher.scan(data, 0, patterns, &mut candidates);
                }
            }
        }
        if let Some(raw) = &traffic.raw {
            let data = unpassed(raw).data;
            let scanned = &group.stream;
            scanned.scan(data, packet.ports(), patterns, &mut candidates);
        }
        self.packet_rules(candidates);
    }

    /// One more piece of stream data, of a packet that was looked at already.
    pub(super) fn stream(&mut self) {
        let traffic = self.traffic;
        let group = &self.engine.packet_groups[group_of(traffic.packet.shown_protocol())]
            [traffic.direction.index()];
        let mut candidates = std::mem::take(&mut self.scratch.candidates);
        candidates.clear();
        if let Some(raw) = &traffic.raw {
            group.stream.scan(
                unpassed(raw).data,
                traffic.packet.ports(),
                &mut self.scratch.patterns,
                &mut candidates,
            );
        }
        self.packet_rules(candidates);
    }

    fn packet_rules(&mut self, mut candidates: Vec<u32>) {
        if TRACED {
            let engine = self.engine;
            let on_packets = |index: &u32| engine.signatures[*index as usize].kind == Kind::Packet;
            candidates.extend(self.targets().into_iter().filter(on_packets));
        }
        candidates.sort_unstable();
        candidates.dedup();
        for &index in &candidates {
            let start = self.costs.as_ref().map(|costs| costs.start());
            self.packet_rule(index);
            if let (Some(costs), Some(start)) = (&mut self.costs, start) {
                costs.checked(index, start);
            }
        }
        self.scratch.candidates = candidates;
    }

    fn packet_rule(&mut self, index: u32) {
        self.scratch.current = index;
        let one = &self.engine.signatures[index as usize];
        let traffic = self.traffic;
        if traffic.flow_end && one.packets_only || traffic.is_made_up() && one.real_packets {
            return;
        }
        if one
            .payload
            .is_some_and(|wanted| wanted != self.has_payload())
        {
            return;
        }
        if let Some(miss) = self.header_miss(one) {
            return self.note(index, None, || (Missed::Header(miss), 0));
        }
        if !self.protocol_holds(one) {
            let app = self.traffic.app;
            let found = app.map_or("unknown", |app| app.protocol().name());
            return self.note(index, None, || (Missed::AppProtocol { found }, 0));
        }
        if let Some(missed) = self.packet_miss(one) {
            return self.note(index, None, || (missed, 0));
        }
        self.scratch.captured.clear();
        if let Some(place) = self.payload_holds(index, one) {
            match self.only_transaction() {
                Some(id) => self.matched_guessing(index, id, place),
                None => self.matched(index, self.datagram_transaction(one), place),
            }
        }
    }

    /// There are bytes that rules on payload may look at, of the packet or of its stream.
    fn has_payload(&self) -> bool {
        self.engine.streams && self.traffic.raw.is_some() || !self.payload().is_empty()
    }

    /// The one transaction of this side of a stream that is not over for rules, if it is to be guessed; each is so
    /// often.
    fn only_transaction(&mut self) -> Option<u64> {
        if !self.guess_transactions || self.traffic.packet.tcp().is_none() {
            return None;
        }
        let app = self.traffic.app?;
        let direction = self.traffic.direction;
        let live = app.transactions();
        let first = live
            .iter()
            .find(|transaction| !self.state.is_done(transaction.id, direction))?;
        let mut later = live.iter().filter(|other| other.id > first.id);
        let alone = match (later.next(), later.next()) {
            (None, _) => true,
            (Some(other), None) => !other.has_side(direction),
            _ => false,
        };
        (alone && self.state.may_guess(first.id)).then_some(first.id)
    }

    /// The transaction that a datagram belongs to, for a rule that names its protocol.
    fn datagram_transaction(&self, one: &Compiled) -> Option<u64> {
        if one.protocols.is_empty() || self.traffic.packet.tcp().is_some() {
            return None;
        }
        let last = self.traffic.app?.transactions().back()?;
        last.has_side(self.traffic.direction).then_some(last.id)
    }

    /// Looks for the payload parts in stream data, then in the packet, as far as the rule wants either.
    fn payload_holds(&mut self, index: u32, one: &Compiled) -> Option<Place> {
        let traffic = self.traffic;
        let has_payload = one.has_payload;
        let only_stream = one.signature.flow.is_some_and(|flow| flow.only_stream);
        if has_payload && only_stream && traffic.packet.tcp().is_none() {
            return None;
        }
        if has_payload && traffic.packet.tcp().is_some() && one.wants_stream {
            if let Some(raw) = &traffic.raw
                && !(raw.seen > raw.passed && self.state.stream_fired(index))
                && self.parts_hold(index, one, unpassed(raw))
            {
                self.state.note_stream_fired(index);
                return Some(Place::Stream);
            }
            let in_packet = !traffic.flow_end
                && !traffic.only_stream
                && (one.wants_packet || !traffic.in_stream)
                && !only_stream;
            if !in_packet {
                return None;
            }
        }
        // A flow's end has no payload; a rule on the protocol alone holds all the same.
        if traffic.flow_end && (!one.parts.is_empty() || one.kind == Kind::Detection) {
            return None;
        }
        let payload = self.payload();
        // Where stream data was looked at, what must not be there is sought in an empty packet too.
        if has_payload && payload.is_empty() && !(one.wants_stream && traffic.raw.is_some()) {
            return None;
        }
        self.parts_hold(index, one, Bytes::whole(payload))
            .then_some(Place::Packet)
    }

    /// Whether all parts on packet and payload hold.
    fn parts_hold(&mut self, index: u32, one: &Compiled, payload: Bytes<'_>) -> bool {
        let mut variables = [0; VARIABLE_LIMIT];
        for (list, part) in one.parts.iter().enumerate() {
            if TRACED && let Some(trace) = self.trace.as_deref_mut() {
                trace.begin();
            }
            let holds = match part.home {
                PartHome::Payload => self.bytes_hold(part, payload, &mut variables),
                PartHome::Packet(buffer) => {
                    let mut address = [0; 16];
                    match packet_buffer(self.traffic, buffer, &mut address) {
                        Some(data) => self.bytes_hold(part, Bytes::whole(data), &mut variables),
                        // As in the reference engine, a header that is not there is no match for `absent`.
                        None => false,
                    }
                }
                PartHome::App(_) | PartHome::Frame(..) => false,
            };
            if !holds {
                self.note_list(index, None, list);
                return false;
            }
        }
        true
    }
}

/// A part of the packet that rules look into.
pub(super) fn packet_buffer<'a>(
    traffic: &Traffic<'a>,
    buffer: PacketBuffer,
    address: &'a mut [u8; 16],
) -> Option<&'a [u8]> {
    use sensor_decode::{Net, Transport};
    if traffic.is_made_up() {
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
