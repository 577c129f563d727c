//! Frame → borrowed header views. No state, no clock, no allocation.
//!
//! [`decode`] walks from the link layer to the payload and hands each packet to its caller: the outer
//! one first, then what it carries (GRE, VXLAN, IP in IP, …). What is broken becomes a [`DecodeEvent`]
//! of the packet, which is handed over all the same, as far as it could be read.

mod counters;
mod event;
mod event_set;
mod link;
mod net;
mod packet;
mod steer;
mod transport;
mod tunnel;

#[cfg(test)]
mod tests;

pub use counters::Counters;
pub use event::DecodeEvent;
pub use event_set::{Event, EventSet, MAX_EVENTS, MAX_TOLD};
pub use packet::{
    Arp, Ethernet, Fragment, Icmp, Ipv4, Ipv6, LAYER_LIMIT, Labels, Net, Outer, Packet,
    PacketSource, Tcp, TcpOptions, Transport, Udp, VLAN_LIMIT,
};

pub use steer::steer;

/// Link types by their pcap numbers, as far as they are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    pub const NULL: LinkType = LinkType(0);
    pub const ETHERNET: LinkType = LinkType(1);
    pub const PPP: LinkType = LinkType(9);
    pub const RAW_BSD: LinkType = LinkType(12);
    pub const RAW_OPENBSD: LinkType = LinkType(14);
    pub const RAW: LinkType = LinkType(101);
    pub const CHDLC: LinkType = LinkType(104);
    pub const LOOP: LinkType = LinkType(108);
    pub const SLL: LinkType = LinkType(113);
    pub const IPV4: LinkType = LinkType(228);
    pub const IPV6: LinkType = LinkType(229);
    pub const SLL2: LinkType = LinkType(276);

    /// Name in EVE's `packet_info.linktype_name`.
    pub fn name(self) -> &'static str {
        match self {
            LinkType::NULL => "NULL",
            LinkType::ETHERNET => "EN10MB",
            LinkType::PPP => "PPP",
            LinkType::RAW => "RAW",
            LinkType::RAW_BSD | LinkType::RAW_OPENBSD => "RAW2",
            LinkType::CHDLC => "C_HDLC",
            LinkType::LOOP => "LOOP",
            LinkType::SLL => "LINUX_SLL",
            LinkType::IPV4 => "IPv4",
            LinkType::IPV6 => "IPv6",
            LinkType::SLL2 => "LINUX_SLL2",
            _ => "n/a",
        }
    }
}

/// Decodes a frame; `each` gets the packet and then every packet within it.
pub fn decode<'a>(
    link: LinkType,
    frame: &'a [u8],
    counters: &mut Counters,
    each: &mut dyn FnMut(&Packet<'a>),
) {
    let mut packet = Packet::new(link, frame);
    counters.frame(frame.len());
    link::decode(&mut packet, frame, counters, each);
}

/// Decodes an IP datagram put together from fragments. `frame` is the datagram behind the link layer of its first
/// fragment, `net_offset` the place where it begins; `like` is the last fragment's packet.
pub fn decode_reassembled<'a>(
    like: &Packet<'_>,
    frame: &'a [u8],
    net_offset: usize,
    counters: &mut Counters,
    each: &mut dyn FnMut(&Packet<'a>),
) {
    let mut packet = like.reassembled(frame);
    let datagram = frame.get(net_offset..).unwrap_or_default();
    net::decode_ip(&mut packet, datagram, counters, each);
}
