//! IP fragments → whole datagrams (RFC 791 §3.2, RFC 8200 §4.5).
//!
//! Overlaps follow the policy of Windows hosts, the default of the rule language's reference engine: what
//! came first stays, unless a new fragment begins before an old one and ends behind it.
//! Left out: policies by host operating system.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use sensor_decode::{DecodeEvent, Net, Packet};

/// Datagrams being put together at a time; the oldest goes first.
pub const DATAGRAM_LIMIT: usize = 4_096;
/// Fragments of one datagram.
pub const FRAGMENT_LIMIT: usize = 1_024;
/// Bytes held by all datagrams together.
pub const MEMORY_LIMIT_BYTES: usize = 16 << 20;
/// A datagram that is not whole after this time is given up, in nanoseconds.
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

struct Piece {
    offset: u32,
    data: Vec<u8>,
}

impl Piece {
    fn end(&self) -> u32 {
        self.offset + self.data.len() as u32
    }
}

struct Datagram {
    started_ns: i64,
    /// Sorted by offset, never overlapping.
    pieces: Vec<Piece>,
    /// Total length of the data, once the last fragment is known.
    length: Option<u32>,
    /// IP header of the first fragment.
    header: Option<Vec<u8>>,
    protocol: u8,
    overlapped: bool,
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

/// Answer to a fragment.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The whole IP datagram, header included.
    pub datagram: Option<Vec<u8>>,
    /// An oddity to report with the packet.
    pub event: Option<DecodeEvent>,
}

/// Datagrams in the making, of one worker.
#[derive(Default)]
pub struct Defragmenter {
    datagrams: HashMap<Key, Datagram>,
    /// Keys in order of arrival; those already gone are skipped.
    order: VecDeque<(i64, Key)>,
    held_bytes: usize,
    counts: Counts,
}

impl Defragmenter {
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes a packet whose `fragment` is set; others give nothing.
    pub fn push(&mut self, packet: &Packet<'_>, now_ns: i64) -> Outcome {
        let mut outcome = Outcome {
            datagram: None,
            event: None,
        };
        let (Some(fragment), Some((source, destination))) = (packet.fragment, packet.addresses())
        else {
            return outcome;
        };
        let (header, data, protocol, v6) = match &packet.net {
            Net::Ipv4(ip) => (ip.header, ip.payload, ip.protocol, false),
            Net::Ipv6(ip) => (
                ip.header,
                ip.payload.get(ip.upper..).unwrap_or_default(),
                ip.protocol,
                true,
            ),
            Net::None | Net::Arp(_) => return outcome,
        };
        self.counts.fragments[usize::from(v6)] += 1;
        self.expire(now_ns);
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
        let end = fragment.offset + data.len() as u32;
        if end > DATAGRAM_BYTES {
            self.counts.refused += 1;
            outcome.event = Some(if v6 {
                DecodeEvent::Ipv6FragPktTooLarge
            } else {
                DecodeEvent::Ipv4FragPktTooLarge
            });
            return outcome;
        }
        if !self.datagrams.contains_key(&key) {
            self.make_room();
            self.order.push_back((now_ns, key.clone()));
            self.datagrams.insert(
                key.clone(),
                Datagram {
                    started_ns: now_ns,
                    pieces: Vec::new(),
                    length: None,
                    header: None,
                    protocol,
                    overlapped: false,
                },
            );
        }
        let Some(datagram) = self.datagrams.get_mut(&key) else {
            return outcome;
        };
        if datagram.pieces.len() >= FRAGMENT_LIMIT {
            self.counts.refused += 1;
            outcome.event = Some(if v6 {
                DecodeEvent::Ipv6FragIgnored
            } else {
                DecodeEvent::Ipv4FragIgnored
            });
            return outcome;
        }
        if fragment.offset == 0 && datagram.header.is_none() {
            datagram.header = Some(header.to_vec());
            datagram.protocol = protocol;
        }
        if !fragment.more && datagram.length.is_none_or(|length| end > length) {
            datagram.length = Some(end);
        }
        let (grown, overlap) = insert(&mut datagram.pieces, fragment.offset, data);
        self.held_bytes += grown;
        if overlap && !datagram.overlapped {
            datagram.overlapped = true;
            outcome.event = Some(if v6 {
                DecodeEvent::Ipv6FragOverlap
            } else {
                DecodeEvent::Ipv4FragOverlap
            });
        }
        if is_whole(datagram)
            && let Some(datagram) = self.datagrams.remove(&key)
        {
            self.held_bytes -= datagram
                .pieces
                .iter()
                .map(|piece| piece.data.len())
                .sum::<usize>();
            outcome.datagram = assemble(datagram, v6);
            self.counts.reassembled[usize::from(v6)] += u64::from(outcome.datagram.is_some());
        }
        outcome
    }

    fn expire(&mut self, now_ns: i64) {
        while let Some((started, key)) = self.order.front() {
            let current = self
                .datagrams
                .get(key)
                .is_some_and(|datagram| datagram.started_ns == *started);
            if current && now_ns.saturating_sub(*started) < TIMEOUT_NS {
                return;
            }
            if current {
                self.counts.timed_out += 1;
            }
            self.drop_oldest(current);
        }
    }

    fn make_room(&mut self) {
        while self.datagrams.len() >= DATAGRAM_LIMIT || self.held_bytes >= MEMORY_LIMIT_BYTES {
            let Some((started, key)) = self.order.front() else {
                return;
            };
            let current = self
                .datagrams
                .get(key)
                .is_some_and(|datagram| datagram.started_ns == *started);
            if current {
                self.counts.evicted += 1;
            }
            self.drop_oldest(current);
        }
    }

    fn drop_oldest(&mut self, current: bool) {
        if let Some((_, key)) = self.order.pop_front()
            && current
            && let Some(datagram) = self.datagrams.remove(&key)
        {
            self.held_bytes -= datagram
                .pieces
                .iter()
                .map(|piece| piece.data.len())
                .sum::<usize>();
        }
    }
}

/// Puts new data among the pieces; tells how many bytes more are held, and whether it overlapped.
fn insert(pieces: &mut Vec<Piece>, offset: u32, data: &[u8]) -> (usize, bool) {
    let before: usize = pieces.iter().map(|piece| piece.data.len()).sum();
    let end = offset + data.len() as u32;
    let overlap = pieces
        .iter()
        .any(|piece| piece.offset < end && offset < piece.end());
    // An old piece that lies wholly inside the new data, with some of it on both sides, gives way.
    pieces.retain(|piece| !(offset < piece.offset && piece.end() < end));
    let mut from = offset;
    let mut at = pieces.partition_point(|piece| piece.offset <= offset);
    if let Some(previous) = at.checked_sub(1).and_then(|index| pieces.get(index)) {
        from = from.max(previous.end());
    }
    while from < end {
        let to = pieces.get(at).map_or(end, |next| next.offset.min(end));
        if from < to {
            let part = data[(from - offset) as usize..(to - offset) as usize].to_vec();
            pieces.insert(
                at,
                Piece {
                    offset: from,
                    data: part,
                },
            );
            at += 1;
        }
        match pieces.get(at) {
            Some(next) if next.offset < end => from = next.end().max(from),
            _ => break,
        }
        at += 1;
    }
    let after: usize = pieces.iter().map(|piece| piece.data.len()).sum();
    (after.saturating_sub(before), overlap)
}

fn is_whole(datagram: &Datagram) -> bool {
    let (Some(length), true) = (datagram.length, datagram.header.is_some()) else {
        return false;
    };
    let mut at = 0;
    for piece in &datagram.pieces {
        if piece.offset != at {
            return false;
        }
        at = piece.end();
    }
    at >= length
}

/// The datagram with the header of its first fragment, mended.
fn assemble(datagram: Datagram, v6: bool) -> Option<Vec<u8>> {
    let length = datagram.length? as usize;
    let mut bytes = datagram.header?;
    let header = bytes.len();
    for piece in &datagram.pieces {
        bytes.extend_from_slice(&piece.data);
    }
    bytes.truncate(header + length);
    if v6 {
        let payload = u16::try_from(length).ok()?;
        bytes.get_mut(4..6)?.copy_from_slice(&payload.to_be_bytes());
        // The extension headers before the fragment header are left out.
        *bytes.get_mut(6)? = datagram.protocol;
    } else {
        let total = u16::try_from(header + length).ok()?;
        bytes.get_mut(2..4)?.copy_from_slice(&total.to_be_bytes());
        bytes.get_mut(6..8)?.copy_from_slice(&[0, 0]);
        bytes.get_mut(10..12)?.copy_from_slice(&[0, 0]);
        let sum = checksum(bytes.get(..header)?);
        bytes.get_mut(10..12)?.copy_from_slice(&sum.to_be_bytes());
    }
    Some(bytes)
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
                .expect("whole after the third");
            assert_eq!(&whole[20..], &udp[..], "order {order:?}");
            assert_eq!(checksum(&whole[..20]), 0, "the header's checksum is right");
            assert_eq!(defrag.held_bytes, 0);
            decode(
                LinkType::RAW,
                &parts[2],
                &mut Counters::default(),
                &mut |like| {
                    decode_reassembled(like, whole, &mut Counters::default(), &mut |packet| {
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
            .expect("whole");
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

    proptest::proptest! {
        #[test]
        fn pieces_never_overlap(parts in proptest::collection::vec((0u32..200, 1usize..40), 1..40)) {
            let mut pieces = Vec::new();
            let mut held = 0usize;
            for (offset, length) in parts {
                let before: usize = pieces.iter().map(|piece: &Piece| piece.data.len()).sum();
                let (grown, _) = insert(&mut pieces, offset, &vec![1; length]);
                held = before + grown;
            }
            for pair in pieces.windows(2) {
                proptest::prop_assert!(pair[0].end() <= pair[1].offset);
            }
            let sum: usize = pieces.iter().map(|piece| piece.data.len()).sum();
            proptest::prop_assert_eq!(sum, held);
        }
    }
}
