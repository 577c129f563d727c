//! IP fragments → whole datagrams (RFC 791 §3.2, RFC 8200 §4.5).
//!
//! Overlaps are resolved as the receiving host would ([`Policy`]): a fragment that comes may give way to one that
//! is there, lose its beginning to it, or take its place. What is left of each is put down in the order of its
//! offset, so that of two that still overlap the later one holds.

mod policy;

pub use policy::{HostPolicies, Policy};

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use policy::{Piece, place};
use sensor_decode::{DecodeEvent, Net, Packet};

/// Datagrams being put together at a time; the oldest goes first.
pub const DATAGRAM_LIMIT: usize = 4_096;
/// Fragments of one datagram.
pub const FRAGMENT_LIMIT: usize = 1_024;
/// Bytes held by all datagrams together.
pub const MEMORY_LIMIT_BYTES: usize = 16 << 20;
/// A datagram of which nothing came for this time is given up, in nanoseconds.
pub const TIMEOUT_NS: i64 = 60_000_000_000;
/// Longest datagram (RFC 791 §3.1).
const DATAGRAM_BYTES: u32 = 65_535;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    protocol: u8,
    vlans: [u16; sensor_decode::VLAN_LIMIT],
    depth: u8,
}

/// What stands before the data of the first fragment.
struct Front {
    /// Link layer, IP header and what IPv6 keeps before its fragment header.
    bytes: Vec<u8>,
    net_offset: usize,
}

struct Assembly {
    last_ns: i64,
    /// Sorted by offset; equal ones in the order in which they came.
    pieces: Vec<Piece>,
    front: Option<Front>,
    seen_last: bool,
    policy: Policy,
    held_bytes: usize,
}

/// What became of the fragments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Of IPv4 and of IPv6.
    pub fragments: [u64; 2],
    pub reassembled: [u64; 2],
    pub timed_out: u64,
    /// Given up for want of room.
    pub evicted: u64,
    /// Fragments that were not taken: too many of a datagram, beyond its end.
    pub refused: u64,
}

/// A whole datagram behind the link layer of its first fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    pub frame: Vec<u8>,
    /// Where the IP header begins.
    pub net_offset: usize,
}

/// Answer to a fragment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub datagram: Option<Datagram>,
    /// An oddity to report with the packet.
    pub event: Option<DecodeEvent>,
}

/// Datagrams in the making, of one worker.
#[derive(Default)]
pub struct Defragmenter {
    hosts: HostPolicies,
    datagrams: HashMap<Key, Assembly>,
    /// Keys by the time at which they are to be looked at; those already gone are skipped.
    order: VecDeque<(i64, Key)>,
    held_bytes: usize,
    counts: Counts,
}

impl Defragmenter {
    pub fn new(hosts: HostPolicies) -> Self {
        Defragmenter {
            hosts,
            ..Defragmenter::default()
        }
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes a packet whose `fragment` is set; others give nothing.
    pub fn push(&mut self, packet: &Packet<'_>, now_ns: i64) -> Outcome {
        let mut outcome = Outcome::default();
        let (Some(fragment), Some((source, destination))) = (packet.fragment, packet.addresses())
        else {
            return outcome;
        };
        let (data, protocol, v6) = match &packet.net {
            Net::Ipv4(ip) => (ip.payload, ip.protocol, false),
            Net::Ipv6(ip) => (
                ip.payload.get(ip.upper..).unwrap_or_default(),
                ip.protocol,
                true,
            ),
            Net::None | Net::Arp(_) => return outcome,
        };
        let told = |v4, v6_event| if v6 { v6_event } else { v4 };
        self.counts.fragments[usize::from(v6)] += 1;
        self.expire(now_ns);
        let end = fragment.offset + data.len() as u32;
        if end + if v6 { 0 } else { 20 } > DATAGRAM_BYTES {
            self.counts.refused += 1;
            outcome.event = Some(told(
                DecodeEvent::Ipv4FragPktTooLarge,
                DecodeEvent::Ipv6FragPktTooLarge,
            ));
            return outcome;
        }
        let mut vlans = [0; sensor_decode::VLAN_LIMIT];
        for (slot, vlan) in vlans.iter_mut().zip(&packet.vlans) {
            *slot = *vlan;
        }
        // In IPv6 the first fragment alone names the protocol reliably (RFC 8200 §4.5): it is no part of the key.
        let key = Key {
            source,
            destination,
            id: fragment.id,
            protocol: if v6 { 0 } else { protocol },
            vlans,
            depth: packet.depth,
        };
        if !self.datagrams.contains_key(&key) {
            self.make_room();
            self.order.push_back((now_ns, key.clone()));
            let policy = self.hosts.of(destination);
            self.datagrams
                .insert(key.clone(), Assembly::new(policy, now_ns));
        }
        let Some(assembly) = self.datagrams.get_mut(&key) else {
            return outcome;
        };
        assembly.last_ns = now_ns;
        if assembly.pieces.len() >= FRAGMENT_LIMIT {
            self.counts.refused += 1;
            outcome.event = Some(told(
                DecodeEvent::Ipv4FragIgnored,
                DecodeEvent::Ipv6FragIgnored,
            ));
            return outcome;
        }
        let before = assembly.held_bytes;
        let placed = place(
            &mut assembly.pieces,
            assembly.policy,
            fragment.offset,
            fragment.more,
            data,
        );
        if placed.overlapped {
            outcome.event = Some(told(
                DecodeEvent::Ipv4FragOverlap,
                DecodeEvent::Ipv6FragOverlap,
            ));
        }
        if placed.taken {
            assembly.seen_last |= !fragment.more;
            if fragment.offset == 0 {
                assembly.front = Front::of(packet, v6);
            }
        }
        assembly.held_bytes = assembly.pieces.iter().map(|piece| piece.data.len()).sum();
        self.held_bytes = self.held_bytes + assembly.held_bytes - before;
        if placed.taken
            && assembly.is_whole()
            && let Some(assembly) = self.datagrams.remove(&key)
        {
            self.held_bytes -= assembly.held_bytes;
            outcome.datagram = assembly.assemble(v6);
            self.counts.reassembled[usize::from(v6)] += u64::from(outcome.datagram.is_some());
        }
        outcome
    }

    fn expire(&mut self, now_ns: i64) {
        while let Some((at, _)) = self.order.front() {
            if now_ns.saturating_sub(*at) < TIMEOUT_NS {
                return;
            }
            let Some((_, key)) = self.order.pop_front() else {
                return;
            };
            let Some(last_ns) = self.datagrams.get(&key).map(|assembly| assembly.last_ns) else {
                continue;
            };
            if now_ns.saturating_sub(last_ns) < TIMEOUT_NS {
                self.order.push_back((last_ns, key));
            } else {
                self.counts.timed_out += 1;
                self.give_up(&key);
            }
        }
    }

    fn make_room(&mut self) {
        while self.datagrams.len() >= DATAGRAM_LIMIT || self.held_bytes >= MEMORY_LIMIT_BYTES {
            let Some((_, key)) = self.order.pop_front() else {
                return;
            };
            self.counts.evicted += u64::from(self.give_up(&key));
        }
    }

    fn give_up(&mut self, key: &Key) -> bool {
        let gone = self.datagrams.remove(key);
        if let Some(assembly) = &gone {
            self.held_bytes -= assembly.held_bytes;
        }
        gone.is_some()
    }
}

impl Front {
    /// The bytes before a first fragment's data, as if it were whole.
    fn of(packet: &Packet<'_>, v6: bool) -> Option<Front> {
        let fragment = packet.fragment?;
        let net_offset = packet.net_offset;
        let mut bytes = packet.frame.get(..net_offset + fragment.kept)?.to_vec();
        if v6 {
            // The fragment header goes: what named it names what stood behind it.
            *bytes.get_mut(net_offset + fragment.named_at)? = packet.ip_protocol()?;
        }
        Some(Front { bytes, net_offset })
    }
}

impl Assembly {
    fn new(policy: Policy, now_ns: i64) -> Self {
        Assembly {
            last_ns: now_ns,
            pieces: Vec::new(),
            front: None,
            seen_last: false,
            policy,
            held_bytes: 0,
        }
    }

    /// The last fragment is there, and nothing is missing before.
    fn is_whole(&self) -> bool {
        if !self.seen_last || self.front.is_none() {
            return false;
        }
        let mut length = 0;
        for (nth, piece) in self.pieces.iter().enumerate() {
            if piece.offset > length || nth == 0 && piece.offset != 0 {
                return false;
            }
            length = length.max(piece.end());
        }
        true
    }

    fn assemble(self, v6: bool) -> Option<Datagram> {
        let Front {
            mut bytes,
            net_offset,
        } = self.front?;
        let start = bytes.len();
        let mut last = false;
        let mut previous = 0;
        let mut length = 0;
        for piece in &self.pieces {
            // Behind the last fragment only what begins at the same place still counts.
            if last && piece.offset > previous {
                break;
            }
            let Some(data) = piece.data.get(piece.trimmed as usize..) else {
                continue;
            };
            let at = start + (piece.offset + piece.trimmed) as usize;
            let end = start + piece.end() as usize;
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes.get_mut(at..end)?.copy_from_slice(data);
            length = length.max(piece.end() as usize);
            (last, previous) = (!piece.more, piece.offset);
        }
        bytes.truncate(start + length);
        let header = bytes.get_mut(net_offset..)?;
        if v6 {
            let payload = u16::try_from(header.len().checked_sub(40)?).ok()?;
            header
                .get_mut(4..6)?
                .copy_from_slice(&payload.to_be_bytes());
        } else {
            let total = u16::try_from(header.len()).ok()?;
            header.get_mut(2..4)?.copy_from_slice(&total.to_be_bytes());
            header.get_mut(6..8)?.copy_from_slice(&[0, 0]);
            header.get_mut(10..12)?.copy_from_slice(&[0, 0]);
            let sum = checksum(header.get(..start - net_offset)?);
            header.get_mut(10..12)?.copy_from_slice(&sum.to_be_bytes());
        }
        Some(Datagram {
            frame: bytes,
            net_offset,
        })
    }
}

/// Internet checksum of a header (RFC 1071 §1).
fn checksum(header: &[u8]) -> u16 {
    let mut sum: u32 = header
        .chunks_exact(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sensor_decode::{Counters, LinkType, Transport, decode, decode_reassembled};

    /// An IPv4 fragment of a UDP datagram.
    fn fragment(id: u16, offset: u16, more: bool, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![
            0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        ];
        bytes[2..4].copy_from_slice(&(20 + data.len() as u16).to_be_bytes());
        bytes[4..6].copy_from_slice(&id.to_be_bytes());
        bytes[6..8].copy_from_slice(&((offset / 8) | if more { 0x2000 } else { 0 }).to_be_bytes());
        bytes.extend(data);
        bytes
    }

    fn push(defrag: &mut Defragmenter, bytes: &[u8], now_s: i64) -> Outcome {
        let mut outcome = None;
        decode(
            LinkType::RAW,
            bytes,
            &mut Counters::default(),
            &mut |packet| {
                outcome = Some(defrag.push(packet, now_s * 1_000_000_000));
            },
        );
        outcome.expect("a packet")
    }

    fn datagram() -> Vec<u8> {
        let mut udp = vec![0x03, 0xe8, 0x00, 0x35, 0, 40, 0, 0];
        udp.extend((0..32).collect::<Vec<u8>>());
        udp
    }

    #[test]
    fn any_order_gives_the_datagram() {
        let udp = datagram();
        let parts = [
            fragment(7, 0, true, &udp[..16]),
            fragment(7, 16, true, &udp[16..32]),
            fragment(7, 32, false, &udp[32..]),
        ];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            let mut defrag = Defragmenter::default();
            let outcomes: Vec<_> = order
                .iter()
                .map(|&index| push(&mut defrag, &parts[index], 1))
                .collect();
            assert!(outcomes[0].datagram.is_none() && outcomes[1].datagram.is_none());
            let whole = outcomes[2]
                .datagram
                .as_ref()
                .map(|whole| &whole.frame)
                .expect("whole after the third");
            assert_eq!(&whole[20..], &udp[..], "order {order:?}");
            assert_eq!(checksum(&whole[..20]), 0, "the header's checksum is right");
            assert_eq!(defrag.held_bytes, 0);
            decode(
                LinkType::RAW,
                &parts[2],
                &mut Counters::default(),
                &mut |like| {
                    decode_reassembled(like, whole, 0, &mut Counters::default(), &mut |packet| {
                        assert!(
                            matches!(packet.transport, Transport::Udp(udp) if udp.destination_port == 53)
                        );
                        assert_eq!(packet.payload, &udp[8..]);
                    });
                },
            );
        }
    }

    #[test]
    fn overlaps_keep_what_came_first_and_are_told() {
        let udp = datagram();
        let mut defrag = Defragmenter::default();
        push(&mut defrag, &fragment(7, 0, true, &udp[..16]), 1);
        let told = push(&mut defrag, &fragment(7, 8, true, &[0xff; 16]), 1);
        assert_eq!(told.event, Some(DecodeEvent::Ipv4FragOverlap));
        let whole = push(&mut defrag, &fragment(7, 24, false, &udp[24..]), 1)
            .datagram
            .expect("whole")
            .frame;
        assert_eq!(&whole[20 + 8..20 + 16], &udp[8..16]);
        assert_eq!(&whole[20 + 16..20 + 24], &[0xff; 8]);
    }

    #[test]
    fn the_ping_of_death_is_refused() {
        let told = push(
            &mut Defragmenter::default(),
            &fragment(7, 65_528, false, &[0; 64]),
            1,
        );
        assert_eq!(told.event, Some(DecodeEvent::Ipv4FragPktTooLarge));
    }

    #[test]
    fn memory_is_bounded_in_time_and_number() {
        let mut defrag = Defragmenter::default();
        for id in 0..6_000u16 {
            push(&mut defrag, &fragment(id, 0, true, &[0; 64]), 1);
        }
        assert_eq!(defrag.datagrams.len(), DATAGRAM_LIMIT);
        assert_eq!(defrag.counts().evicted, 6_000 - DATAGRAM_LIMIT as u64);
        push(&mut defrag, &fragment(1, 0, true, &[0; 64]), 100);
        assert_eq!(defrag.datagrams.len(), 1);
    }
}
