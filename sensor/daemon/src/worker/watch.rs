//! Who sends what, counted only while somebody looks (`matluoi-sensor top`).

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::net::IpAddr;

use sensor_app::Protocol;
use sensor_decode::Packet;
use sensor_flow::Flow;
use serde::{Deserialize, Serialize};

/// Hosts that are told apart in one stretch of time; packets of others are counted together.
const HOST_LIMIT: usize = 4_096;
/// Hosts that are told.
const TOLD_HOSTS: usize = 50;
/// A stretch of time.
const WINDOW_NS: i64 = 2_000_000_000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub packets: u64,
    pub bytes: u64,
}

impl Share {
    pub fn add(&mut self, other: Share) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    pub address: IpAddr,
    pub sent: Share,
    pub received: Share,
}

/// What one stretch of time brought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub milliseconds: u64,
    /// Those with most bytes first.
    pub hosts: Vec<Host>,
    /// Hosts that were not told apart.
    pub others: Share,
    /// By protocol; `tcp`, `udp` and so on where no protocol is known above.
    pub protocols: BTreeMap<String, Share>,
}

/// Counts of the stretch of time that goes on.
#[derive(Debug, Default)]
pub struct Watch {
    begun_ns: i64,
    hosts: HashMap<IpAddr, [Share; 2]>,
    others: Share,
    protocols: HashMap<&'static str, Share>,
}

impl Watch {
    pub fn new(now_ns: i64) -> Self {
        Watch {
            begun_ns: now_ns,
            ..Watch::default()
        }
    }

    pub fn packet(&mut self, packet: &Packet<'_>, flow: &Flow, protocol: Protocol) {
        let share = Share {
            packets: 1,
            bytes: packet.length as u64,
        };
        let name = match flow.protocol {
            _ if protocol.is_known() => protocol.name(),
            1 | 58 => "icmp",
            6 => "tcp",
            17 => "udp",
            132 => "sctp",
            _ => "ip",
        };
        self.protocols.entry(name).or_default().add(share);
        let Some((source, destination)) = packet.addresses() else {
            return;
        };
        for (side, address) in [source, destination].into_iter().enumerate() {
            if self.hosts.len() >= HOST_LIMIT && !self.hosts.contains_key(&address) {
                self.others.add(share);
                continue;
            }
            self.hosts.entry(address).or_default()[side].add(share);
        }
    }

    /// What was counted, if the stretch is over.
    pub fn take(&mut self, now_ns: i64) -> Option<Window> {
        let lasted = now_ns.saturating_sub(self.begun_ns);
        if lasted < WINDOW_NS {
            return None;
        }
        let over = std::mem::replace(self, Watch::new(now_ns));
        let mut hosts: Vec<Host> = over
            .hosts
            .into_iter()
            .map(|(address, [sent, received])| Host {
                address,
                sent,
                received,
            })
            .collect();
        most_first(&mut hosts);
        Some(Window {
            milliseconds: u64::try_from(lasted / 1_000_000).unwrap_or(0),
            hosts,
            others: over.others,
            protocols: over
                .protocols
                .into_iter()
                .map(|(name, share)| (name.to_owned(), share))
                .collect(),
        })
    }
}

fn most_first(hosts: &mut Vec<Host>) {
    let bytes = |host: &Host| host.sent.bytes + host.received.bytes;
    hosts.sort_unstable_by(|a, b| {
        bytes(b)
            .cmp(&bytes(a))
            .then_with(|| a.address.cmp(&b.address))
    });
    hosts.truncate(TOLD_HOSTS);
}

impl Window {
    /// Joins what another worker saw in the same time.
    pub fn join(&mut self, other: Window) {
        self.milliseconds = self.milliseconds.max(other.milliseconds);
        self.others.add(other.others);
        for (name, share) in other.protocols {
            self.protocols.entry(name).or_default().add(share);
        }
        for host in other.hosts {
            match self
                .hosts
                .iter_mut()
                .find(|known| known.address == host.address)
            {
                Some(known) => {
                    known.sent.add(host.sent);
                    known.received.add(host.received);
                }
                None => self.hosts.push(host),
            }
        }
        most_first(&mut self.hosts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(last: u8, bytes: u64) -> Host {
        Host {
            address: IpAddr::from([10, 0, 0, last]),
            sent: Share { packets: 1, bytes },
            received: Share::default(),
        }
    }

    #[test]
    fn windows_of_workers_are_joined_and_the_loudest_come_first() {
        let mut first = Window {
            milliseconds: 2_000,
            hosts: vec![host(1, 10), host(2, 5)],
            ..Window::default()
        };
        first.protocols.insert(
            "dns".to_owned(),
            Share {
                packets: 1,
                bytes: 7,
            },
        );
        let mut second = first.clone();
        second.hosts = vec![host(2, 50), host(3, 1)];
        first.join(second);
        let told: Vec<(String, u64)> = first
            .hosts
            .iter()
            .map(|host| (host.address.to_string(), host.sent.bytes))
            .collect();
        let expected = [("10.0.0.2", 55), ("10.0.0.1", 10), ("10.0.0.3", 1)];
        assert_eq!(
            told,
            expected.map(|(address, bytes)| (address.to_owned(), bytes))
        );
        assert_eq!(first.protocols["dns"].bytes, 14);
    }

    #[test]
    fn a_stretch_is_told_when_it_is_over() {
        let mut watch = Watch::new(0);
        assert_eq!(watch.take(WINDOW_NS - 1), None);
        let told = watch.take(WINDOW_NS).expect("it is over");
        assert_eq!((told.milliseconds, told.hosts.len()), (2_000, 0));
        assert_eq!(watch.take(WINDOW_NS + 1), None);
    }
}
