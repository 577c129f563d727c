//! Headers of rules, and conditions that need no bytes.

use rules::signature::{BitOperation, CaptureKind, Condition, Track, VariableTest};
use sensor_app::Transaction;

use super::Pass;
use crate::compile::{Compiled, IpVersion, Layer4};
use crate::header::{port_in, ports_of};
use crate::subject::Facts;
use crate::threshold::Tracked;
use crate::trace::{HeaderMiss, Missed};

impl<const TRACED: bool> Pass<'_, TRACED> {
    /// What of protocol, addresses, ports and flow of a rule does not fit the packet.
    pub(super) fn header_miss(&self, one: &Compiled) -> Option<HeaderMiss> {
        let packet = self.traffic.packet;
        let protocol = packet.shown_protocol();
        let layer4 = match one.layer4 {
            Layer4::Any => protocol.is_some(),
            Layer4::Tcp => protocol == Some(6),
            Layer4::Udp => protocol == Some(17),
            Layer4::Icmp => matches!(protocol, Some(1 | 58)),
            Layer4::Number(number) => protocol == Some(number),
            Layer4::Header => true,
        };
        // A broken packet may lack the layer that its decoder event speaks of.
        if !layer4 && (packet.events.is_empty() || protocol.is_some()) {
            return Some(HeaderMiss::Protocol);
        }
        let version = matches!(
            (one.ip, &packet.net),
            (IpVersion::Any, _)
                | (IpVersion::V4, sensor_decode::Net::Ipv4(_))
                | (IpVersion::V6, sensor_decode::Net::Ipv6(_))
        );
        if !version {
            return Some(HeaderMiss::IpVersion);
        }
        if self.traffic.flow.is_none() && one.wants_flow {
            return Some(HeaderMiss::WithoutFlow);
        }
        if one.layer4 == Layer4::Header {
            return None;
        }
        self.ends_miss(one).or_else(|| self.flow_miss(one))
    }

    fn ends_miss(&self, one: &Compiled) -> Option<HeaderMiss> {
        let (source_ports, destination_ports) = ports_of(one);
        let has_ports = !source_ports.ranges.is_empty() || !destination_ports.ranges.is_empty();
        if one.source.is_none() && one.destination.is_none() && !has_ports {
            return None;
        }
        let packet = self.traffic.packet;
        if has_ports {
            let Some((source, destination)) = packet.ports() else {
                return Some(HeaderMiss::Protocol);
            };
            if !port_in(source_ports, source) {
                return Some(HeaderMiss::SourcePort);
            }
            if !port_in(destination_ports, destination) {
                return Some(HeaderMiss::DestinationPort);
            }
        }
        if one.source.is_none() && one.destination.is_none() {
            return None;
        }
        let Some((source, destination)) = packet.addresses() else {
            return Some(HeaderMiss::Protocol);
        };
        let addresses = &self.engine.addresses;
        if one
            .source
            .is_some_and(|set| !addresses.contains(set, source))
        {
            return Some(HeaderMiss::SourceAddress);
        }
        one.destination
            .is_some_and(|set| !addresses.contains(set, destination))
            .then_some(HeaderMiss::DestinationAddress)
    }

    fn flow_miss(&self, one: &Compiled) -> Option<HeaderMiss> {
        let traffic = self.traffic;
        if !one.serves(traffic.direction) {
            return Some(HeaderMiss::Direction);
        }
        let flow = one.signature.flow?;
        let defragmented = traffic.packet.source_kind == sensor_decode::PacketSource::Defrag;
        if flow.only_frag && !defragmented || flow.no_frag && defragmented {
            Some(HeaderMiss::Fragments)
        } else if flow.established && !traffic.established {
            Some(HeaderMiss::NotEstablished)
        } else if flow.not_established && traffic.established {
            Some(HeaderMiss::Established)
        } else {
            None
        }
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

    /// Which condition on packet and flow does not hold; those on a transaction are left out.
    pub(super) fn packet_miss(&self, one: &Compiled) -> Option<Missed> {
        let facts = Facts {
            traffic: self.traffic,
            names: &self.engine.names,
            known: &self.engine.known,
            transaction: None,
        };
        one.signature
            .conditions
            .iter()
            .position(|condition| !condition.is_of_transaction() && !condition.holds(&facts))
            .map(Missed::Condition)
            .or_else(|| self.bits_miss(one))
    }

    /// Which condition on the transaction does not hold.
    pub(super) fn transaction_miss(
        &self,
        one: &Compiled,
        transaction: &Transaction,
    ) -> Option<usize> {
        let facts = Facts {
            traffic: self.traffic,
            names: &self.engine.names,
            known: &self.engine.known,
            transaction: Some(transaction),
        };
        one.signature.conditions.iter().position(|condition| {
            let holds = match condition {
                condition if !condition.is_of_transaction() => true,
                Condition::AppEvent { protocol, .. } => {
                    let wanted = self.engine.names.protocols.get(usize::from(protocol.0));
                    wanted.copied().flatten() == Some(transaction.event_protocol())
                        && condition.holds(&facts)
                }
                condition => condition.holds(&facts),
            };
            !holds
        })
    }

    fn bits_miss(&self, one: &Compiled) -> Option<Missed> {
        let flow_bits = one
            .signature
            .flowbits
            .iter()
            .zip(&one.flowbits)
            .position(|(bits, ids)| match bits.operation {
                BitOperation::IsSet => !ids.iter().any(|&bit| self.state.has_bit(bit)),
                BitOperation::IsNotSet => ids.iter().all(|&bit| self.state.has_bit(bit)),
                BitOperation::Set | BitOperation::Unset | BitOperation::Toggle => false,
            });
        if let Some(at) = flow_bits {
            return Some(Missed::FlowBits(at));
        }
        let mut ints = one.signature.flowints.iter();
        if let Some(at) = ints.position(|int| !self.state.int_holds(int)) {
            return Some(Missed::FlowInts(at));
        }
        let mut tests = one.signature.variable_tests.iter();
        if let Some(at) = tests.position(|test| !self.variable_holds(test)) {
            return Some(Missed::Variables(at));
        }
        (!self.host_bits_hold(one)).then_some(Missed::HostBits)
    }

    fn variable_holds(&self, test: &VariableTest) -> bool {
        let variables = match test.kind {
            CaptureKind::Flow => self.state.variables(),
            CaptureKind::Packet | CaptureKind::Alert => &self.scratch.packet_variables,
        };
        variables
            .iter()
            .find(|(name, _)| *name == test.name)
            .is_some_and(|(_, value)| memchr::memmem::find(value, &test.content).is_some())
    }

    fn host_bits_hold(&self, one: &Compiled) -> bool {
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
                let set = Tracked::new(bit.track, addresses.unzip())
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
