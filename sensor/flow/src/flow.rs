//! One conversation between two ends.

use std::net::IpAddr;

use arrayvec::ArrayVec;
use sensor_decode::{Packet, Transport, VLAN_LIMIT};

use crate::History;
use crate::key::Ends;
use crate::{Direction, community_id};

/// Link-layer addresses kept for either side.
pub const MAC_LIMIT: usize = 10;

/// Number of a flow, unique within a sensor and below 2^53 (exact in every JSON reader).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowId(pub u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// One side has spoken.
    New,
    /// Both sides have (TCP: after the handshake).
    Established,
    /// TCP: ended by FIN or RST.
    Closed,
    /// Nothing of it is looked at any more.
    Bypassed,
}

impl State {
    /// Name in EVE's `flow.state`.
    pub fn name(self) -> &'static str {
        match self {
            State::New => "new",
            State::Established => "established",
            State::Closed => "closed",
            State::Bypassed => "bypassed",
        }
    }
}

/// What is known of a flow as such. The client is who sent its first packet.
#[derive(Debug, Clone)]
pub struct Flow {
    pub id: FlowId,
    pub client: IpAddr,
    pub server: IpAddr,
    pub client_port: u16,
    pub server_port: u16,
    pub protocol: u8,
    pub vlans: ArrayVec<u16, VLAN_LIMIT>,
    pub state: State,
    /// Time of the first packet, and the latest time of any, as the packets have it.
    pub start_ns: i64,
    pub end_ns: i64,
    /// When the last packet came, by a clock that does not go back.
    pub last_ns: i64,
    /// By [`Direction::index`].
    pub packets: [u64; 2],
    pub bytes: [u64; 2],
    pub ttl_min: [u8; 2],
    pub ttl_max: [u8; 2],
    /// Source addresses seen in frames of either direction.
    pub macs: [ArrayVec<[u8; 6], MAC_LIMIT>; 2],
    /// Type and code of the first ICMP message, and of the first answer.
    pub icmp: [Option<(u8, u8)>; 2],
    pub esp_spi: Option<u32>,
    /// Number of the frame that began it, from 1; 0 where frames are not counted.
    pub first_frame: u64,
    /// The flow that said that this one would come.
    pub parent: Option<FlowId>,
    pub history: History,
    community: Option<String>,
}

impl Flow {
    pub(crate) fn new(id: FlowId, packet: &Packet<'_>, ends: &Ends, now_ns: i64) -> Flow {
        Flow {
            id,
            client: ends.source.0,
            server: ends.destination.0,
            client_port: ends.source.1,
            server_port: ends.destination.1,
            protocol: ends.protocol,
            vlans: packet.vlans.clone(),
            state: State::New,
            start_ns: now_ns,
            end_ns: now_ns,
            last_ns: now_ns,
            packets: [0; 2],
            bytes: [0; 2],
            ttl_min: [0; 2],
            ttl_max: [0; 2],
            macs: Default::default(),
            icmp: [None; 2],
            esp_spi: match packet.transport {
                Transport::Esp { spi } => Some(spi),
                _ => None,
            },
            first_frame: 0,
            parent: None,
            history: History::default(),
            community: None,
        }
    }

    /// TCP, UDP or SCTP: the ports are ports.
    pub fn has_ports(&self) -> bool {
        matches!(self.protocol, 6 | 17 | 132)
    }

    /// Source and destination of packets in this direction.
    pub fn ends(&self, direction: Direction) -> ((IpAddr, u16), (IpAddr, u16)) {
        let (client, server) = (
            (self.client, self.client_port),
            (self.server, self.server_port),
        );
        match direction {
            Direction::ToServer => (client, server),
            Direction::ToClient => (server, client),
        }
    }

    pub(crate) fn direction(&self, packet: &Packet<'_>, ends: &Ends) -> Direction {
        let protocol = packet.ip_protocol().unwrap_or(0);
        let from_client = if self.protocol == protocol && self.has_ports() {
            ends.source == (self.client, self.client_port)
        } else if matches!(protocol, 1 | 58) {
            // ICMP: by address, as an error may come from a router on the way.
            packet
                .addresses()
                .is_some_and(|(source, _)| source == self.client)
        } else {
            // What has no ports tells of no client and server.
            true
        };
        if from_client {
            Direction::ToServer
        } else {
            Direction::ToClient
        }
    }

    /// `at_ns` is the packet's own time, `now_ns` that of a clock that does not go back.
    pub(crate) fn count(
        &mut self,
        packet: &Packet<'_>,
        direction: Direction,
        now_ns: i64,
        at_ns: i64,
    ) {
        if self.packets == [0; 2] {
            (self.start_ns, self.end_ns) = (at_ns, at_ns);
        }
        self.end_ns = self.end_ns.max(at_ns);
        let side = direction.index();
        self.packets[side] += 1;
        self.history.note(packet, direction);
        self.bytes[side] += packet.length as u64;
        self.last_ns = self.last_ns.max(now_ns);
        if let Some(ttl) = packet.ttl() {
            if self.ttl_min[side] == 0 {
                (self.ttl_min[side], self.ttl_max[side]) = (ttl, ttl);
            } else {
                self.ttl_min[side] = self.ttl_min[side].min(ttl);
                self.ttl_max[side] = self.ttl_max[side].max(ttl);
            }
        }
        if let Some(ethernet) = &packet.ethernet {
            let opposite = direction.opposite().index();
            for (slot, mac) in [(side, ethernet.source), (opposite, ethernet.destination)] {
                if !self.macs[slot].contains(&mac) {
                    // Full: later addresses are not kept.
                    let _ = self.macs[slot].try_push(mac);
                }
            }
        }
        if let Transport::Icmpv4(icmp) | Transport::Icmpv6(icmp) = &packet.transport
            && self.icmp[side].is_none()
        {
            self.icmp[side] = Some((icmp.kind, icmp.code));
        }
        if self.state == State::New
            && self.protocol != 6
            && self.packets[0] > 0
            && self.packets[1] > 0
        {
            self.state = State::Established;
        }
    }

    /// The client was the server (a midstream pickup that began with the server's packet): turns the flow round.
    pub fn swap(&mut self) {
        std::mem::swap(&mut self.client, &mut self.server);
        std::mem::swap(&mut self.client_port, &mut self.server_port);
        for pair in [&mut self.packets, &mut self.bytes] {
            pair.swap(0, 1);
        }
        // Hop limits stay with the side that they were read on, as in Suricata's records.
        self.macs.swap(0, 1);
        self.icmp.swap(0, 1);
        self.history.swap();
    }

    /// Community ID, computed once.
    pub fn community_id(&mut self, seed: u16) -> &str {
        let (mut client, mut server) = self.ends(Direction::ToServer);
        match self.protocol {
            // Of ICMP the type alone, of an SPI the first half.
            1 | 58 => (client.1, server.1) = (client.1 & 0xff, server.1 & 0xff),
            50 => server.1 = 0,
            _ => {}
        }
        let protocol = self.protocol;
        self.community
            .get_or_insert_with(|| community_id(seed, client, server, protocol))
    }
}
