//! What a keyword may ask about the traffic under inspection.

use std::net::IpAddr;

use crate::IntFieldId;

/// Source or destination, as the packet under inspection has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Address {
    Source,
    Destination,
}

/// An occurrence of a number field that has no number: it satisfies nothing, and is passed over.
pub const HOLE: u64 = u64::MAX;

/// What is known of the flow of the packet under inspection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlowState {
    pub to_server: bool,
    pub established: bool,
    /// Age of the flow in whole seconds of packet time.
    pub age_seconds: u64,
    pub packets_to_server: u64,
    pub packets_to_client: u64,
    pub bytes_to_server: u64,
    pub bytes_to_client: u64,
}

/// An interface of DCE/RPC that a server has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RpcInterface {
    /// In the order of its text.
    pub uuid: [u8; 16],
    pub version: u16,
    /// It was asked for in a first fragment.
    pub first_fragment: bool,
}

/// Names of a flow's application protocols; "unknown" and "failed" included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppProtocols {
    /// What the flow is now.
    pub last: &'static str,
    /// What it was before a change (STARTTLS, upgrade).
    pub original: Option<&'static str>,
    pub to_server: &'static str,
    pub to_client: &'static str,
}

/// A Modbus request: numbers as the wire has them, addresses counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModbusRequest {
    pub unit: u8,
    pub function: u8,
    pub subfunction: Option<u16>,
    /// Bits: 1 assigned, 2 unassigned, 4 user-defined, 8 reserved.
    pub category: u8,
    /// Bits: 1 read, 2 write, 4 discretes, 8 coils, 16 input, 32 holding.
    pub access: u8,
    pub addresses: Option<(u16, u16)>,
}

/// The traffic under inspection: one packet, its flow, and (for transaction rules) one transaction.
///
/// Every answer is `None` where the question has no meaning (the TTL of an ARP packet, the flow of a
/// packet without one); a condition on it then does not match. A new fact about traffic is one more
/// method here, with a default of `None` so that subjects in tests stay small.
pub trait Subject {
    /// IP protocol number of the packet.
    fn ip_proto(&self) -> Option<u8> {
        None
    }
    /// Two letters for the country of an address.
    fn country(&self, _which: Address) -> Option<&str> {
        None
    }
    /// Score of an address in a category of reputation.
    fn reputation(&self, _which: Address, _category: u8) -> Option<u8> {
        None
    }
    fn address(&self, _which: Address) -> Option<IpAddr> {
        None
    }
    fn port(&self, _which: Address) -> Option<u16> {
        None
    }
    /// IPv4 TTL or IPv6 hop limit.
    fn ttl(&self) -> Option<u8> {
        None
    }
    fn tos(&self) -> Option<u8> {
        None
    }
    /// IPv4 identification.
    fn ip_id(&self) -> Option<u16> {
        None
    }
    /// IPv4 fragment word: flags (reserved, DF, MF) in the top three bits, offset below.
    fn fragment_word(&self) -> Option<u16> {
        None
    }
    /// Whether the IPv4 header carries this option type (RFC 791 §3.1).
    fn has_ip_option(&self, _kind: u8) -> Option<bool> {
        None
    }
    fn is_ipv6(&self) -> Option<bool> {
        None
    }
    /// TCP flags byte, with ECE and CWR.
    fn tcp_flags(&self) -> Option<u8> {
        None
    }
    fn tcp_seq(&self) -> Option<u32> {
        None
    }
    fn tcp_ack(&self) -> Option<u32> {
        None
    }
    fn tcp_window(&self) -> Option<u16> {
        None
    }
    fn tcp_mss(&self) -> Option<u16> {
        None
    }
    fn tcp_wscale(&self) -> Option<u8> {
        None
    }
    fn icmp_type(&self) -> Option<u8> {
        None
    }
    fn icmp_code(&self) -> Option<u8> {
        None
    }
    fn icmp_id(&self) -> Option<u16> {
        None
    }
    fn icmp_seq(&self) -> Option<u16> {
        None
    }
    fn icmpv6_mtu(&self) -> Option<u32> {
        None
    }
    /// Whether the checksum of a layer is right: `ipv4`, `tcpv4`, `tcpv6`, `udpv4`, `udpv6`, `icmpv4`, `icmpv6`.
    fn checksum_valid(&self, _layer: &str) -> Option<bool> {
        None
    }
    /// Bytes of the packet's payload, above TCP, UDP or IP.
    fn payload_len(&self) -> Option<usize> {
        None
    }
    /// Program, version and procedure that the packet calls, of ONC RPC.
    fn rpc_call(&self) -> Option<[u32; 3]> {
        None
    }
    fn vlan_id(&self, _layer: usize) -> Option<u16> {
        None
    }
    fn vlan_layers(&self) -> u8 {
        0
    }
    fn vxlan_vni(&self) -> Option<u32> {
        None
    }
    fn geneve_vni(&self) -> Option<u32> {
        None
    }
    fn decode_event(&self, _event: u16) -> bool {
        false
    }
    fn stream_event(&self, _event: u16) -> bool {
        false
    }
    fn detection_event(&self, _name: &str) -> bool {
        false
    }
    fn app_event(&self, _event: u16) -> bool {
        false
    }
    /// Where the side under inspection of the transaction stands, compared with a stage.
    fn stage(&self, _state: &crate::signature::HookState) -> Option<std::cmp::Ordering> {
        None
    }
    /// A PORT command of FTP that names another host than its client.
    fn is_ftp_bounce(&self) -> bool {
        false
    }
    /// The transaction carries a file on the side under inspection.
    fn has_file(&self) -> bool {
        false
    }
    fn flow(&self) -> Option<FlowState> {
        None
    }
    /// Bytes of stream data seen: (to server, to client).
    fn stream_sizes(&self) -> Option<(u64, u64)> {
        None
    }
    fn app_protocols(&self) -> Option<AppProtocols> {
        None
    }
    /// The nth value of a number field of the transaction under inspection; [`HOLE`] for an occurrence
    /// without one.
    fn int_field(&self, _field: IntFieldId, _nth: usize) -> Option<u64> {
        None
    }
    /// Number of the operation that the transaction calls, of DCE/RPC.
    fn rpc_operation(&self) -> Option<u16> {
        None
    }
    /// The nth accepted interface that the called operation may be of.
    fn rpc_interface(&self, _nth: usize) -> Option<RpcInterface> {
        None
    }
    /// The request of a Modbus transaction.
    fn modbus(&self) -> Option<ModbusRequest> {
        None
    }
    /// What a Modbus request writes at an address.
    fn modbus_value(&self, _address: u16) -> Option<u16> {
        None
    }
    /// Whether the transaction calls a service of CIP, on a class and an attribute of it when they are given.
    fn cip_service(&self, _service: u8, _class: Option<u32>, _attribute: Option<u32>) -> bool {
        false
    }
    /// Validity of the certificate of the side under inspection: not before, not after, in seconds since the epoch.
    fn tls_validity(&self) -> Option<(i64, i64)> {
        None
    }
    /// Version of TLS that the side under inspection speaks.
    fn tls_version(&self) -> Option<u16> {
        None
    }
    /// Messages of the TLS handshake that came last: 1 is the client's hello, 2 the server's, 4 the client's
    /// key exchange, 8 the server's.
    fn tls_messages(&self) -> Option<u8> {
        None
    }
    /// Seconds since the epoch of the packet under inspection.
    fn packet_seconds(&self) -> i64 {
        0
    }
}
