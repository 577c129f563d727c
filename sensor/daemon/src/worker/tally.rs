//! What a worker counts about the wire itself: whether the mirror brings everything, and brings it whole.

use std::net::IpAddr;

use rules::signature::{AddressSet, Environment};
use sensor_capture::Frame;
use sensor_decode::{Packet, PacketSource, Tcp};
use sensor_flow::Flow;
use serde::{Deserialize, Serialize};

use super::overload::Shed;

/// The packet of a TCP flow at which it is judged whether both sides were seen. Retries of a connection that nobody
/// answers never have this many packets that are no SYN.
const JUDGED_PACKET: u64 = 4;

/// Counts since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub packets: u64,
    pub bytes: u64,
    /// Unix milliseconds of the newest packet; 0 before the first.
    pub last_packet_ms: u64,
    /// Bytes on the wire of the longest frame, its link header included.
    pub longest_frame: u64,
    /// Frames longer than any wire carries: somebody has joined segments.
    pub oversized: u64,
    /// Packets with a VLAN tag.
    pub tagged: u64,
    pub last_tagged_ms: u64,
    /// TCP flows of which both sides were seen early on, and those of which one was.
    pub two_way: u64,
    pub one_way: u64,
    /// TCP segments whose checksum was reckoned, and those that it did not fit.
    pub checksums_checked: u64,
    pub checksums_wrong: u64,
    /// 1: a worker no longer looks at checksums, because too many were wrong.
    pub checksums_off: u64,
    pub flows: u64,
    /// Of which one end is in HOME_NET.
    pub home_flows: u64,
    /// Flows that were ended to make room for others.
    pub evicted: u64,
    /// Segments that no memory was left for.
    pub no_room: u64,
    /// Alerts of signatures.
    pub alerts: u64,
    /// Packets that were not looked at for want of time: of long flows, of flows in cipher, of new flows but a share.
    #[serde(default)]
    pub shed_long: u64,
    #[serde(default)]
    pub shed_encrypted: u64,
    #[serde(default)]
    pub shed_sampled: u64,
    /// How much is left out at present; 0: nothing.
    #[serde(default)]
    pub shed_step: u64,
}

/// Header bytes around the largest IP packet of a link: Ethernet and two VLAN tags, checksum not captured.
const LINK_HEADERS: u32 = 22;
/// What counts as longer than a wire carries where the interface does not tell.
const USUAL_MTU: u32 = 9_216;

impl Tally {
    pub fn frame(&mut self, frame: &Frame<'_>, mtu: Option<u32>) {
        self.packets += 1;
        self.bytes += u64::from(frame.wire_length);
        self.longest_frame = self.longest_frame.max(u64::from(frame.wire_length));
        let longest = mtu.unwrap_or(USUAL_MTU).saturating_add(LINK_HEADERS);
        self.oversized += u64::from(frame.wire_length > longest);
        self.last_packet_ms = u64::try_from(frame.timestamp_ns / 1_000_000).unwrap_or(0);
    }

    /// A packet as it came from the wire or out of a tunnel.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        if packet.source_kind == PacketSource::Wire && !packet.vlans.is_empty() {
            self.tagged += 1;
            self.last_tagged_ms = self.last_packet_ms;
        }
    }

    /// A packet of a flow, which has been counted by the flow.
    pub fn of_flow(&mut self, flow: &Flow, packet: &Packet<'_>, home: &HomeNet, new: bool) {
        if new {
            self.flows += 1;
            self.home_flows += u64::from(home.has(flow.client) || home.has(flow.server));
        }
        let Some(tcp) = packet.tcp() else { return };
        let [there, back] = flow.packets;
        if there + back != JUDGED_PACKET {
            return;
        }
        if there > 0 && back > 0 {
            self.two_way += 1;
        } else if !tcp.has(Tcp::SYN) {
            self.one_way += 1;
        }
    }

    /// A packet that is not looked at for want of time.
    pub fn shed(&mut self, why: Shed) {
        match why {
            Shed::Long => self.shed_long += 1,
            Shed::Encrypted => self.shed_encrypted += 1,
            Shed::Sampled => self.shed_sampled += 1,
        }
    }

    /// Packets that were not looked at for want of time.
    pub fn all_shed(&self) -> u64 {
        self.shed_long
            .saturating_add(self.shed_encrypted)
            .saturating_add(self.shed_sampled)
    }

    /// Adds another worker's counts; of times and lengths the larger stays.
    pub fn add(&mut self, other: &Tally) {
        self.each(other, |mine, theirs| mine + theirs, u64::max);
    }

    /// What was counted after `before`; times and lengths stay what they are.
    pub fn since(mut self, before: &Tally) -> Tally {
        self.each(before, u64::saturating_sub, |now, _| now);
        self
    }

    /// Counts one way, states another.
    fn each(
        &mut self,
        other: &Tally,
        count: impl Fn(u64, u64) -> u64,
        state: impl Fn(u64, u64) -> u64,
    ) {
        macro_rules! each {
            ($with:ident: $($field:ident),*) => { $(self.$field = $with(self.$field, other.$field);)* };
        }
        each!(count: packets, bytes, oversized, tagged, two_way, one_way, checksums_checked, checksums_wrong, flows,
            home_flows, evicted, no_room, alerts, shed_long, shed_encrypted, shed_sampled);
        each!(state: last_packet_ms, longest_frame, last_tagged_ms, checksums_off, shed_step);
    }
}

/// The addresses of HOME_NET.
#[derive(Debug, Default)]
pub struct HomeNet {
    addresses: Option<AddressSet>,
    /// Somebody has said which addresses are ours.
    is_told: bool,
}

impl HomeNet {
    /// A group that cannot be read contains nothing; rules that name it tell its fault.
    pub fn of(environment: &Environment) -> Self {
        let usual = Environment::default();
        HomeNet {
            addresses: environment.address_set("$HOME_NET").ok(),
            is_told: environment.address_group("HOME_NET") != usual.address_group("HOME_NET"),
        }
    }

    pub fn has(&self, address: IpAddr) -> bool {
        let addresses = self.addresses.as_ref();
        addresses.is_some_and(|set| set.contains(address))
    }

    /// Every address is ours, so that nothing comes from outside.
    pub fn is_any(&self) -> bool {
        self.addresses.as_ref().is_some_and(AddressSet::is_any)
    }

    /// Whether a machine belongs in our inventory: those of HOME_NET, or of private networks where it says nothing.
    pub fn owns(&self, address: IpAddr) -> bool {
        match self.is_told && self.addresses.is_some() && !self.is_any() {
            true => self.has(address),
            false => is_private(address),
        }
    }
}

/// Of a private network (RFC 1918, RFC 4193, RFC 6598).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || a == 100 && (64..128).contains(&b)
        }
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inventory_is_of_home_net() {
        let usual = Environment::default();
        let set = |text| {
            let mut environment = Environment::default();
            environment.set_address_group("HOME_NET", text);
            environment
        };
        let campus = set("[203.0.113.0/24,2001:db8::/32,!203.0.113.9]");
        for (environment, address, owned) in [
            (&usual, "10.1.2.3", true),
            (&usual, "100.64.0.1", true),
            (&usual, "100.128.0.1", false),
            (&usual, "203.0.113.1", false),
            (&usual, "fd00::1", true),
            (&usual, "2001:db8::1", false),
            (&campus, "203.0.113.1", true),
            (&campus, "203.0.113.9", false),
            (&campus, "2001:db8::1", true),
            (&campus, "10.1.2.3", false),
            (&set("any"), "203.0.113.1", false),
            (&set("any"), "10.1.2.3", true),
            (&set("[nonsense"), "10.1.2.3", true),
        ] {
            let ip = address.parse().expect("an address");
            assert_eq!(HomeNet::of(environment).owns(ip), owned, "{address}");
        }
    }
}
