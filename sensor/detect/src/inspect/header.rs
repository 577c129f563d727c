//! Headers of rules, and conditions that need no bytes.

use rules::signature::{BitOperation, Condition, Track};
use sensor_app::Transaction;

use super::Pass;
use crate::compile::{Compiled, IpVersion, Layer4};
use crate::header::{port_in, ports_of};
use crate::subject::Facts;
use crate::threshold::Tracked;

impl Pass<'_> {
    /// Whether protocol, addresses, ports and flow of a rule fit the packet.
    pub(super) fn header_holds(&self, one: &Compiled) -> bool {
        let packet = self.traffic.packet;
        let protocol = packet.ip_protocol();
        let layer4 = match one.layer4 {
            Layer4::Any => protocol.is_some(),
            Layer4::Tcp => protocol == Some(6),
            Layer4::Udp => protocol == Some(17),
            Layer4::Icmp => matches!(protocol, Some(1 | 58)),
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
        if self.traffic.flow.is_none() && one.wants_flow {
            return false;
        }
        one.layer4 == Layer4::Header || self.ends_hold(one) && self.flow_holds(one)
    }

    fn ends_hold(&self, one: &Compiled) -> bool {
        let (source_ports, destination_ports) = ports_of(one);
        let has_ports = !source_ports.ranges.is_empty() || !destination_ports.ranges.is_empty();
        if one.source.is_none() && one.destination.is_none() && !has_ports {
            return true;
        }
        let packet = self.traffic.packet;
        if has_ports {
            let Some((source, destination)) = packet.ports() else {
                return false;
            };
            if !port_in(source_ports, source) || !port_in(destination_ports, destination) {
                return false;
            }
        }
        if one.source.is_none() && one.destination.is_none() {
            return true;
        }
        let Some((source, destination)) = packet.addresses() else {
            return false;
        };
        let addresses = &self.engine.addresses;
        one.source.is_none_or(|set| addresses.contains(set, source))
            && one
                .destination
                .is_none_or(|set| addresses.contains(set, destination))
    }

    fn flow_holds(&self, one: &Compiled) -> bool {
        let traffic = self.traffic;
        if !one.serves(traffic.direction) {
            return false;
        }
        let Some(flow) = one.signature.flow else {
            return true;
        };
        let defragmented = traffic.packet.source_kind == sensor_decode::PacketSource::Defrag;
        !(flow.only_frag && !defragmented
            || flow.no_frag && defragmented
            || flow.established && !traffic.established
            || flow.not_established && traffic.established)
    }

    /// A rule on an application protocol without its buffers: the flow must be of it.
    pub(super) fn protocol_holds(&self, one: &Compiled) -> bool {
        // Before the handshake a stream has no protocol yet.
        let ready = self.traffic.established || self.traffic.packet.tcp().is_none();
        one.protocols.is_empty()
            || ready
                && self
                    .traffic
                    .app
                    .is_some_and(|app| one.protocols.contains(&app.protocol()))
    }

    /// Whether conditions on packet and flow hold; those on a transaction are left out.
    pub(super) fn packet_conditions_hold(&self, one: &Compiled) -> bool {
        let facts = Facts {
            traffic: self.traffic,
            names: &self.engine.names,
            transaction: None,
        };
        one.signature
            .conditions
            .iter()
            .all(|condition| condition.is_of_transaction() || condition.holds(&facts))
            && self.bits_hold(one)
    }

    /// Whether conditions on the transaction hold.
    pub(super) fn transaction_conditions_hold(
        &self,
        one: &Compiled,
        transaction: &Transaction,
    ) -> bool {
        let facts = Facts {
            traffic: self.traffic,
            names: &self.engine.names,
            transaction: Some(transaction),
        };
        one.signature
            .conditions
            .iter()
            .filter(|condition| condition.is_of_transaction())
            .all(|condition| match condition {
                Condition::AppEvent { protocol, .. } => {
                    let wanted = self.engine.names.protocols.get(usize::from(protocol.0));
                    wanted.copied().flatten() == Some(transaction.event_protocol())
                        && condition.holds(&facts)
                }
                condition => condition.holds(&facts),
            })
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
        let tests = |operation| matches!(operation, BitOperation::IsSet | BitOperation::IsNotSet);
        if !one.signature.xbits.iter().any(|bit| tests(bit.operation)) {
            return true;
        }
        let bits = self
            .engine
            .host_bits
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let addresses = self.traffic.packet.addresses();
        one.signature
            .xbits
            .iter()
            .zip(&one.xbits)
            .filter(|(bit, _)| tests(bit.operation) && bit.track != Track::Transaction)
            .all(|(bit, &id)| {
                let set = Tracked::new(bit.track, addresses)
                    .is_some_and(|tracked| bits.is_set(id, tracked, self.traffic.now_ns));
                set == (bit.operation == BitOperation::IsSet)
            })
    }

    /// Whether the bits of the transaction that a rule tests are set.
    pub(super) fn transaction_bits_hold(&self, one: &Compiled, transaction: u64) -> bool {
        one.signature
            .xbits
            .iter()
            .zip(&one.xbits)
            .filter(|(bit, _)| {
                bit.track == Track::Transaction && bit.operation == BitOperation::IsSet
            })
            .all(|(_, &id)| self.state.has_transaction_bit(transaction, id))
    }
}
