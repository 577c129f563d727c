//! Frame → worker, when several workers share one input.

use std::hash::Hasher;

use sensor_bytes::Reader;

use crate::LinkType;
use crate::link::ether_type;

/// The worker, of so many, that a frame belongs to: both directions of a flow, its fragments and what is tunnelled
/// between two hosts have the same one, as the hash is over the outermost pair of addresses alone. What is not
/// IP behind at most [`crate::VLAN_LIMIT`] tags belongs to the first worker.
pub fn steer(link: LinkType, frame: &[u8], workers: u16) -> u16 {
    let Some((low, high)) = addresses(link, frame) else {
        return 0;
    };
    // The hash must be the same for every worker, and needs no secret: the input is a file.
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(low.min(high));
    hasher.write(low.max(high));
    u16::try_from(hasher.finish() % u64::from(workers.max(1))).unwrap_or(0)
}

fn addresses(link: LinkType, frame: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Reader::new(frame);
    let mut kind = match link {
        LinkType::ETHERNET => {
            reader.take(12).ok()?;
            reader.u16().ok()?
        }
        LinkType::SLL => {
            reader.take(14).ok()?;
            reader.u16().ok()?
        }
        LinkType::SLL2 => {
            let kind = reader.u16().ok()?;
            reader.take(18).ok()?;
            kind
        }
        LinkType::NULL | LinkType::LOOP => {
            reader.take(4).ok()?;
            ether_type::IPV4
        }
        LinkType::PPP | LinkType::CHDLC => {
            reader.take(4).ok()?;
            ether_type::IPV4
        }
        _ => ether_type::IPV4,
    };
    for _ in 0..=crate::VLAN_LIMIT {
        match kind {
            ether_type::VLAN | ether_type::QINQ | ether_type::QINQ_OLD => {
                reader.take(2).ok()?;
                kind = reader.u16().ok()?;
            }
            ether_type::IPV4 | ether_type::IPV6 => return ip_addresses(reader.rest()),
            _ => return None,
        }
    }
    None
}

/// Source and destination (RFC 791 §3.1, RFC 8200 §3).
fn ip_addresses(packet: &[u8]) -> Option<(&[u8], &[u8])> {
    match packet.first()? >> 4 {
        4 => Some((packet.get(12..16)?, packet.get(16..20)?)),
        6 => Some((packet.get(8..24)?, packet.get(24..40)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ethernet(tags: &[u16], kind: u16, packet: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 12];
        for tag in tags {
            frame.extend_from_slice(&ether_type::VLAN.to_be_bytes());
            frame.extend_from_slice(&tag.to_be_bytes());
        }
        frame.extend_from_slice(&kind.to_be_bytes());
        frame.extend_from_slice(packet);
        frame
    }

    fn ipv4(source: u8, destination: u8, rest: u8) -> Vec<u8> {
        let mut packet = vec![0x45; 12];
        packet.extend_from_slice(&[10, 0, 0, source, 10, 0, 0, destination]);
        packet.extend_from_slice(&[rest; 20]);
        packet
    }

    #[test]
    fn both_directions_of_a_pair_have_one_worker() {
        let steer = |frame: &[u8]| steer(LinkType::ETHERNET, frame, 7);
        let mut used = [false; 7];
        for host in 0..200 {
            let there = ethernet(&[], ether_type::IPV4, &ipv4(host, 9, 1));
            let back = ethernet(&[5, 6], ether_type::IPV4, &ipv4(9, host, 2));
            assert_eq!(steer(&there), steer(&back), "{host}");
            used[usize::from(steer(&there))] = true;
        }
        assert_eq!(used, [true; 7]);
    }

    #[test]
    fn what_is_not_ip_or_is_cut_goes_to_the_first() {
        let whole = ethernet(&[1], ether_type::IPV6, &[0x60; 40]);
        for length in 0..whole.len() {
            assert_eq!(
                steer(LinkType::ETHERNET, &whole[..length], 7),
                0,
                "{length}"
            );
        }
        let arp = ethernet(&[], ether_type::ARP, &[0; 28]);
        assert_eq!(steer(LinkType::ETHERNET, &arp, 7), 0);
    }
}
