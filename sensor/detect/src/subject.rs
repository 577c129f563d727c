//! What rules may ask about a packet, its flow and a transaction.

use std::cmp::Ordering;
use std::net::IpAddr;

use rules::signature::HookState;
use rules::{Address, AppProtocols, IntFieldId, RpcInterface, Subject};
use sensor_app::tls::TlsTransaction;
use sensor_app::{AppLayer, Body, IntFieldRow, Protocol, Transaction};
use sensor_decode::{Net, Packet, PacketSource, Transport};
use sensor_flow::{Direction, Flow};
use sensor_stream::{EventSet, RawWindow, Session};

use crate::reputation::Known;
use crate::vocabulary::Names;

/// Everything that inspection of one packet looks at.
pub struct Traffic<'a> {
    pub packet: &'a Packet<'a>,
    pub flow: Option<&'a Flow>,
    pub direction: Direction,
    pub now_ns: i64,
    /// TCP: after the handshake; else: both sides have spoken.
    pub established: bool,
    pub session: Option<&'a Session>,
    pub stream_events: EventSet,
    /// Stream data of this direction that rules have not seen yet.
    pub raw: Option<RawWindow<'a>>,
    /// Only `raw` is to be looked at: the packet was, with stream data from before a gap.
    pub only_stream: bool,
    /// The packet's payload went into the stream.
    pub in_stream: bool,
    /// The packet's payload is in cipher: no content is looked for in it.
    pub encrypted: bool,
    pub app: Option<&'a AppLayer>,
    /// Transactions of this direction have changed since they were last inspected.
    pub transactions: TransactionInspection,
    /// The protocol of this direction became known with this packet.
    pub protocol_found: bool,
    /// Events of protocol detection with this packet.
    pub detection_events: &'a [&'static str],
    /// Not a packet, but the end of the flow.
    pub flow_end: bool,
    /// Number of the captured frame, from 1.
    pub frame: Option<u64>,
}

impl<'a> Traffic<'a> {
    /// The packet's payload; without a transport that can be read there is none.
    pub(crate) fn payload(&self) -> &'a [u8] {
        match self.packet.transport {
            Transport::None => &[],
            _ => self.packet.payload,
        }
    }

    /// Nobody sent this packet: it stands for what the stream still has to show.
    pub(crate) fn is_made_up(&self) -> bool {
        matches!(
            self.packet.source_kind,
            PacketSource::StreamEnd | PacketSource::FlowTimeout
        )
    }
}

/// Whether transactions are to be inspected with this packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionInspection {
    Unchanged,
    Changed,
}

/// Answers for [`rules::Subject`].
pub(crate) struct Facts<'a> {
    pub traffic: &'a Traffic<'a>,
    pub names: &'a Names,
    pub known: &'a Known,
    pub transaction: Option<&'a Transaction>,
}

impl Facts<'_> {
    fn transport(&self) -> &Transport<'_> {
        &self.traffic.packet.transport
    }

    fn tls(&self) -> Option<&TlsTransaction> {
        match &self.transaction?.body {
            Body::Tls(tls) => Some(tls),
            _ => None,
        }
    }
}

impl Subject for Facts<'_> {
    fn ip_proto(&self) -> Option<u8> {
        self.traffic.packet.shown_protocol()
    }

    fn address(&self, which: Address) -> Option<IpAddr> {
        let (source, destination) = self.traffic.packet.addresses()?;
        Some(match which {
            Address::Source => source,
            Address::Destination => destination,
        })
    }

    fn country(&self, which: Address) -> Option<&str> {
        self.known.countries.as_ref()?.country(self.address(which)?)
    }

    fn reputation(&self, which: Address, category: u8) -> Option<u8> {
        let address = self.address(which)?;
        self.known.reputation.score(address, category)
    }

    fn port(&self, which: Address) -> Option<u16> {
        let (source, destination) = self.traffic.packet.ports()?;
        Some(match which {
            Address::Source => source,
            Address::Destination => destination,
        })
    }

    fn ttl(&self) -> Option<u8> {
        self.traffic
            .packet
            .ttl()
            .filter(|_| !self.traffic.is_made_up())
    }

    fn tos(&self) -> Option<u8> {
        match &self.traffic.packet.net {
            Net::Ipv4(ip) => Some(ip.tos),
            _ => None,
        }
    }

    fn ip_id(&self) -> Option<u16> {
        match &self.traffic.packet.net {
            Net::Ipv4(ip) => Some(ip.id),
            _ => None,
        }
    }

    fn fragment_word(&self) -> Option<u16> {
        match &self.traffic.packet.net {
            Net::Ipv4(ip) => Some(ip.fragment_word),
            _ => None,
        }
    }

    fn has_ip_option(&self, kind: u8) -> Option<bool> {
        let Net::Ipv4(ip) = &self.traffic.packet.net else {
            return None;
        };
        let mut options = ip.header.get(20..)?;
        while let [first, rest @ ..] = options {
            if *first == kind {
                return Some(true);
            }
            options = match *first {
                0 => break,
                1 => rest,
                // The length counts kind and length (RFC 791 §3.1).
                _ => match rest.first() {
                    Some(&length) if length >= 2 => {
                        options.get(usize::from(length)..).unwrap_or_default()
                    }
                    _ => break,
                },
            };
        }
        Some(false)
    }

    fn is_ipv6(&self) -> Option<bool> {
        match &self.traffic.packet.net {
            Net::Ipv4(_) => Some(false),
            Net::Ipv6(_) => Some(true),
            Net::None | Net::Arp(_) => None,
        }
    }

    fn tcp_flags(&self) -> Option<u8> {
        self.traffic
            .packet
            .tcp()
            .map(|tcp| tcp.flags)
            .filter(|_| !self.traffic.is_made_up())
    }

    fn tcp_seq(&self) -> Option<u32> {
        self.traffic.packet.tcp().map(|tcp| tcp.sequence)
    }

    fn tcp_ack(&self) -> Option<u32> {
        self.traffic.packet.tcp().map(|tcp| tcp.acknowledgment)
    }

    fn tcp_window(&self) -> Option<u16> {
        self.traffic.packet.tcp().map(|tcp| tcp.window)
    }

    fn tcp_mss(&self) -> Option<u16> {
        self.traffic.packet.tcp()?.options.mss
    }

    fn tcp_wscale(&self) -> Option<u8> {
        self.traffic.packet.tcp()?.options.window_scale
    }

    fn icmp_type(&self) -> Option<u8> {
        match self.transport() {
            Transport::Icmpv4(icmp) | Transport::Icmpv6(icmp) => Some(icmp.kind),
            _ => None,
        }
    }

    fn icmp_code(&self) -> Option<u8> {
        match self.transport() {
            Transport::Icmpv4(icmp) | Transport::Icmpv6(icmp) => Some(icmp.code),
            _ => None,
        }
    }

    fn icmp_id(&self) -> Option<u16> {
        match self.transport() {
            Transport::Icmpv4(icmp) | Transport::Icmpv6(icmp) => icmp.id,
            _ => None,
        }
    }

    fn icmp_seq(&self) -> Option<u16> {
        match self.transport() {
            Transport::Icmpv4(icmp) | Transport::Icmpv6(icmp) => icmp.sequence,
            _ => None,
        }
    }

    fn icmpv6_mtu(&self) -> Option<u32> {
        match self.transport() {
            Transport::Icmpv6(icmp) => icmp.mtu,
            _ => None,
        }
    }

    fn checksum_valid(&self, layer: &str) -> Option<bool> {
        let packet = self.traffic.packet;
        if self.traffic.is_made_up() {
            return None;
        }
        let v4 = matches!(packet.net, Net::Ipv4(_));
        let of_layer = match (layer, self.transport()) {
            ("ipv4", _) => return packet.ipv4_checksum_valid(),
            ("tcpv4" | "udpv4" | "icmpv4", _) if !v4 => false,
            ("tcpv6" | "udpv6" | "icmpv6", _) if v4 => false,
            ("tcpv4" | "tcpv6", Transport::Tcp(_)) => true,
            ("udpv4" | "udpv6", Transport::Udp(_)) => true,
            ("icmpv4", Transport::Icmpv4(_)) => true,
            ("icmpv6", Transport::Icmpv6(_)) => true,
            _ => false,
        };
        if of_layer {
            packet.transport_checksum_valid()
        } else {
            None
        }
    }

    fn payload_len(&self) -> Option<usize> {
        (!self.traffic.is_made_up()).then_some(self.traffic.payload().len())
    }

    fn rpc_call(&self) -> Option<[u32; 3]> {
        let payload = self.traffic.packet.payload;
        // Over TCP the length of the fragment stands before the call.
        let call = match self.transport() {
            Transport::Tcp(_) => payload.get(4..28)?,
            _ => payload.get(..24)?,
        };
        let word = |at: usize| {
            call.get(at..at + 4)
                .and_then(|bytes| bytes.try_into().ok())
                .map(u32::from_be_bytes)
        };
        if self.traffic.is_made_up() || word(4)? != 0 {
            return None;
        }
        Some([word(12)?, word(16)?, word(20)?])
    }

    fn vlan_id(&self, layer: usize) -> Option<u16> {
        let vlans = &self.traffic.packet.vlans;
        // As in Suricata 8.0.6, the layer behind the innermost tag has number 0; without tags there is no layer.
        let behind = layer > 0 && layer == vlans.len();
        vlans.get(layer).copied().or(behind.then_some(0))
    }

    fn vlan_layers(&self) -> u8 {
        self.traffic.packet.vlans.len() as u8
    }

    fn vxlan_vni(&self) -> Option<u32> {
        self.traffic.packet.labels.vxlan_vni
    }

    fn geneve_vni(&self) -> Option<u32> {
        self.traffic.packet.labels.geneve_vni
    }

    fn decode_event(&self, event: u16) -> bool {
        self.traffic.packet.events.has_number(event)
    }

    fn stream_event(&self, event: u16) -> bool {
        self.traffic.stream_events.has_number(event)
    }

    fn detection_event(&self, name: &str) -> bool {
        self.traffic.detection_events.contains(&name)
    }

    fn app_event(&self, event: u16) -> bool {
        self.transaction
            .is_some_and(|transaction| transaction.events.contains(&event))
    }

    fn stage(&self, state: &HookState) -> Option<Ordering> {
        let transaction = self.transaction?;
        let progress = transaction.progress[self.traffic.direction.index()];
        let stage = crate::compile::stage(state, &[transaction.protocol()])?;
        Some(progress.cmp(&stage))
    }

    fn is_ftp_bounce(&self) -> bool {
        let (Some(transaction), Some(flow)) = (self.transaction, self.traffic.flow) else {
            return false;
        };
        let Body::Ftp(ftp) = &transaction.body else {
            return false;
        };
        self.traffic.direction == Direction::ToServer
            && ftp.port_address.is_some_and(|named| named != flow.client)
    }

    fn has_file(&self) -> bool {
        self.transaction.is_some_and(|transaction| {
            let mut files = transaction.files.iter();
            files.any(|file| file.direction == self.traffic.direction)
        })
    }

    fn flow(&self) -> Option<rules::FlowState> {
        let flow = self.traffic.flow?;
        Some(rules::FlowState {
            to_server: self.traffic.direction == Direction::ToServer,
            established: self.traffic.established,
            age_seconds: u64::try_from(
                flow.end_ns.div_euclid(1_000_000_000) - flow.start_ns.div_euclid(1_000_000_000),
            )
            .unwrap_or(0),
            packets_to_server: flow.packets[0],
            packets_to_client: flow.packets[1],
            bytes_to_server: flow.bytes[0],
            bytes_to_client: flow.bytes[1],
        })
    }

    fn stream_sizes(&self) -> Option<(u64, u64)> {
        let session = self.traffic.session?;
        if session.state() == sensor_stream::TcpState::None {
            return None;
        }
        Some((
            session.sent(Direction::ToServer),
            session.sent(Direction::ToClient),
        ))
    }

    fn app_protocols(&self) -> Option<AppProtocols> {
        let app = self.traffic.app?;
        Some(AppProtocols {
            last: app.protocol().name(),
            original: app.original_protocol().map(Protocol::name),
            to_server: app.side_protocol(Direction::ToServer).name(),
            to_client: app.side_protocol(Direction::ToClient).name(),
        })
    }

    fn int_field(&self, field: IntFieldId, nth: usize) -> Option<u64> {
        let transaction = self.transaction?;
        let row = self.names.int_field(field, transaction.protocol())?;
        let number = (row.getter)(transaction, self.traffic.direction, nth)?;
        Some(if number == IntFieldRow::HOLE {
            rules::HOLE
        } else {
            number
        })
    }

    fn modbus(&self) -> Option<rules::ModbusRequest> {
        match &self.transaction?.body {
            sensor_app::Body::Modbus(modbus) if self.traffic.direction == Direction::ToServer => {
                let facts = modbus.facts()?;
                Some(rules::ModbusRequest {
                    unit: facts.unit,
                    function: facts.function,
                    subfunction: facts.subfunction,
                    category: facts.category,
                    access: facts.access,
                    addresses: facts.addresses,
                })
            }
            _ => None,
        }
    }

    fn modbus_value(&self, address: u16) -> Option<u16> {
        match &self.transaction?.body {
            sensor_app::Body::Modbus(modbus) => modbus.written(address),
            _ => None,
        }
    }

    fn cip_service(&self, service: u8, class: Option<u32>, attribute: Option<u32>) -> bool {
        match self.transaction.map(|transaction| &transaction.body) {
            Some(sensor_app::Body::Enip(enip)) => {
                enip.has_service(self.traffic.direction, service, class, attribute)
            }
            _ => false,
        }
    }

    fn rpc_operation(&self) -> Option<u16> {
        Some(self.transaction?.call()?.operation)
    }

    fn rpc_interface(&self, nth: usize) -> Option<RpcInterface> {
        let call = self.transaction?.call()?;
        let mut accepted = call.interfaces.iter().filter(|interface| {
            interface.result == Some(0)
                && call
                    .context
                    .is_none_or(|context| interface.context == context)
        });
        let interface = accepted.nth(nth)?;
        Some(RpcInterface {
            uuid: interface.uuid.0,
            version: interface.version,
            first_fragment: interface.first_fragment,
        })
    }

    fn tls_validity(&self) -> Option<(i64, i64)> {
        let certificate = self
            .tls()?
            .peer(self.traffic.direction)
            .certificate
            .as_ref()?;
        Some((certificate.not_before, certificate.not_after))
    }

    fn tls_version(&self) -> Option<u16> {
        Some(self.tls()?.peer(self.traffic.direction).version.0)
    }

    fn tls_messages(&self) -> Option<u8> {
        Some(self.tls()?.messages)
    }

    fn packet_seconds(&self) -> i64 {
        self.traffic.now_ns.div_euclid(1_000_000_000)
    }
}
