//! The flows of one worker.

use std::collections::{BTreeMap, HashMap};

use sensor_decode::Packet;

use crate::key::{self, Tracking};
use crate::{Direction, Flow, FlowId, FlowKey, State};

const SECOND_NS: i64 = 1_000_000_000;

/// Seconds of silence after which a bypassed flow ends.
const BYPASSED_TIMEOUT_S: i64 = 100;

/// Seconds of silence after which a flow ends; the names are those of `flow-timeouts` in Suricata's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    pub tcp: [i64; 3],
    pub udp: [i64; 3],
    pub icmp: [i64; 3],
    pub other: [i64; 3],
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            tcp: [60, 600, 60],
            udp: [30, 300, 0],
            icmp: [30, 300, 0],
            other: [30, 300, 0],
        }
    }
}

impl Timeouts {
    fn of(&self, flow: &Flow) -> i64 {
        let row = match flow.protocol {
            6 => &self.tcp,
            17 => &self.udp,
            1 | 58 => &self.icmp,
            _ => &self.other,
        };
        row[match flow.state {
            State::New => 0,
            State::Established => 1,
            State::Closed => 2,
            State::Bypassed => return BYPASSED_TIMEOUT_S,
        }]
    }
}

/// Why a flow left the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    Timeout,
    /// Its place was needed: the table is full.
    Forced,
    /// A new session began on the same ports.
    TcpReuse,
    Shutdown,
}

impl EndReason {
    /// Name in EVE's `flow.reason`.
    pub fn name(self) -> &'static str {
        match self {
            EndReason::Timeout => "timeout",
            EndReason::Forced => "forced",
            EndReason::TcpReuse => "tcp_reuse",
            EndReason::Shutdown => "shutdown",
        }
    }
}

/// Place of a flow in the table, good until the flow ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowIndex(usize);

/// A flow and what its user keeps for it.
pub struct Entry<T> {
    key: FlowKey,
    pub flow: Flow,
    pub user: T,
}

/// What became of the flows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub total: u64,
    pub tcp: u64,
    pub udp: u64,
    pub icmpv4: u64,
    pub icmpv6: u64,
    pub timed_out: u64,
    /// Ended before their time because the table was full.
    pub evicted: u64,
    /// Followed at once, at most so far.
    pub most: usize,
}

/// Where a packet belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup {
    pub index: FlowIndex,
    pub direction: Direction,
    /// This packet began the flow.
    pub new: bool,
}

/// All flows of one worker.
pub struct FlowTable<T> {
    places: HashMap<FlowKey, usize, ahash::RandomState>,
    /// Each on its own: a table that grows moves no flows, and flows that have ended give their memory back.
    slots: Vec<Option<Box<Entry<T>>>>,
    free: Vec<usize>,
    /// Slots to look at in a second of packet time. A flow that was active since is put in again then.
    deadlines: BTreeMap<i64, Vec<(usize, FlowId)>>,
    limit: usize,
    timeouts: Timeouts,
    tracking: Tracking,
    worker: u64,
    counts: Counts,
}

impl<T: Default> FlowTable<T> {
    /// A table of at most `limit` flows; `worker` keeps the ids of several workers apart.
    pub fn new(limit: usize, timeouts: Timeouts, worker: u16) -> Self {
        FlowTable {
            places: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            deadlines: BTreeMap::new(),
            limit: limit.max(1),
            timeouts,
            tracking: Tracking::default(),
            worker: u64::from(worker),
            counts: Counts::default(),
        }
    }

    /// Whether VLAN tags and tunnel depth tell flows apart; both do unless said otherwise.
    pub fn track_by(&mut self, vlans: bool, depth: bool) {
        self.tracking = Tracking { vlans, depth };
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Finds the packet's flow, or begins one; `None` for packets without. When the table is full the flow that
    /// would end first makes room and is handed to `ended`.
    pub fn lookup(
        &mut self,
        packet: &Packet<'_>,
        now_ns: i64,
        ended: impl FnOnce(Box<Entry<T>>, EndReason),
    ) -> Option<Lookup> {
        let ends = key::ends(packet)?;
        let key = FlowKey::of(packet, &ends, self.tracking);
        let mut ended = Some(ended);
        if let Some(&slot) = self.places.get(&key) {
            let entry = self.slots.get(slot)?.as_ref()?;
            let silence = now_ns.saturating_sub(entry.flow.last_ns);
            if silence < self.timeouts.of(&entry.flow).saturating_mul(SECOND_NS) {
                return Some(Lookup {
                    index: FlowIndex(slot),
                    direction: entry.flow.direction(packet, &ends),
                    new: false,
                });
            }
            // Its time is over, though nobody has looked since.
            self.counts.timed_out += 1;
            if let (Some(entry), Some(ended)) = (self.end(FlowIndex(slot)), ended.take()) {
                ended(entry, EndReason::Timeout);
            }
        }
        if !ends.starts {
            return None;
        }
        if self.places.len() >= self.limit
            && let (Some(entry), Some(ended)) = (self.evict(), ended.take())
        {
            ended(entry, EndReason::Forced);
        }
        self.counts.total += 1;
        match ends.protocol {
            6 => self.counts.tcp += 1,
            17 => self.counts.udp += 1,
            1 => self.counts.icmpv4 += 1,
            58 => self.counts.icmpv6 += 1,
            _ => {}
        }
        let id = FlowId(mix(now_ns as u64 ^ (self.counts.total << 20) ^ (self.worker << 56)) >> 11);
        let entry = Box::new(Entry {
            key,
            flow: Flow::new(id, packet, &ends, now_ns),
            user: T::default(),
        });
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        let deadline = now_ns / SECOND_NS + self.timeouts.of(&entry.flow) + 1;
        self.deadlines.entry(deadline).or_default().push((slot, id));
        self.slots[slot] = Some(entry);
        self.places.insert(key, slot);
        self.counts.most = self.counts.most.max(self.places.len());
        Some(Lookup {
            index: FlowIndex(slot),
            direction: Direction::ToServer,
            new: true,
        })
    }

    /// Counts a packet of a flow: `at_ns` is its own time, `now_ns` that of a clock that does not go back.
    pub fn count(&mut self, at: Lookup, packet: &Packet<'_>, now_ns: i64, at_ns: i64) {
        if let Some(entry) = self.entry(at.index) {
            entry.flow.count(packet, at.direction, now_ns, at_ns);
        }
    }

    /// The flow at a place; `None` once it has ended.
    pub fn entry(&mut self, index: FlowIndex) -> Option<&mut Entry<T>> {
        self.slots.get_mut(index.0)?.as_deref_mut()
    }

    /// Takes a flow out of the table.
    pub fn end(&mut self, index: FlowIndex) -> Option<Box<Entry<T>>> {
        let entry = self.slots.get_mut(index.0)?.take()?;
        self.places.remove(&entry.key);
        self.free.push(index.0);
        Some(entry)
    }

    /// Ends the flows whose time is over, oldest deadline first.
    pub fn expire(&mut self, now_ns: i64, mut ended: impl FnMut(Box<Entry<T>>, EndReason)) {
        let now = now_ns.div_euclid(SECOND_NS);
        while let Some(first) = self.deadlines.first_entry() {
            if *first.key() > now {
                return;
            }
            for (slot, id) in first.remove() {
                let Some(Some(entry)) = self.slots.get(slot) else {
                    continue;
                };
                if entry.flow.id != id {
                    continue;
                }
                let deadline =
                    entry.flow.last_ns.div_euclid(SECOND_NS) + self.timeouts.of(&entry.flow) + 1;
                if deadline > now {
                    self.deadlines.entry(deadline).or_default().push((slot, id));
                } else if let Some(entry) = self.end(FlowIndex(slot)) {
                    self.counts.timed_out += 1;
                    ended(entry, EndReason::Timeout);
                }
            }
        }
    }

    /// Ends every flow, in the order in which they began.
    pub fn drain(&mut self, mut ended: impl FnMut(Box<Entry<T>>, EndReason)) {
        let mut rest: Vec<Box<Entry<T>>> = self.slots.drain(..).flatten().collect();
        rest.sort_by_key(|entry| (entry.flow.start_ns, entry.flow.first_frame, entry.flow.id));
        self.places.clear();
        self.free.clear();
        self.deadlines.clear();
        for entry in rest {
            ended(entry, EndReason::Shutdown);
        }
    }

    fn evict(&mut self) -> Option<Box<Entry<T>>> {
        while let Some(mut first) = self.deadlines.first_entry() {
            let candidate = first.get_mut().pop();
            if first.get().is_empty() {
                first.remove();
            }
            let Some((slot, id)) = candidate else {
                continue;
            };
            if self
                .slots
                .get(slot)
                .and_then(Option::as_ref)
                .is_some_and(|entry| entry.flow.id == id)
            {
                self.counts.evicted += 1;
                return self.end(FlowIndex(slot));
            }
        }
        None
    }
}

/// SplitMix64's finaliser: spreads close numbers.
fn mix(mut n: u64) -> u64 {
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sensor_decode::{Counters, LinkType, decode};

    fn udp(from: [u8; 4], from_port: u16, to: [u8; 4], to_port: u16) -> Vec<u8> {
        let mut bytes = vec![0x45, 0, 0, 29, 0, 1, 0, 0, 64, 17, 0, 0];
        bytes.extend(from);
        bytes.extend(to);
        bytes.extend(from_port.to_be_bytes());
        bytes.extend(to_port.to_be_bytes());
        bytes.extend([0, 9, 0, 0, b'x']);
        bytes
    }

    fn feed(
        table: &mut FlowTable<u32>,
        bytes: &[u8],
        second: i64,
    ) -> (Option<Lookup>, Vec<FlowId>) {
        let mut answer = None;
        let mut gone = Vec::new();
        decode(
            LinkType::RAW,
            bytes,
            &mut Counters::default(),
            &mut |packet| {
                let now = second * SECOND_NS;
                table.expire(now, |entry, _| gone.push(entry.flow.id));
                answer = table.lookup(packet, now, |entry, _| gone.push(entry.flow.id));
                if let Some(at) = answer {
                    table.count(at, packet, now, now);
                }
            },
        );
        (answer, gone)
    }

    const A: [u8; 4] = [10, 0, 0, 1];
    const B: [u8; 4] = [10, 0, 0, 2];

    #[test]
    fn both_directions_are_one_flow() {
        let mut table = FlowTable::new(10, Timeouts::default(), 0);
        let there = feed(&mut table, &udp(B, 5000, A, 53), 1).0.expect("a flow");
        let back = feed(&mut table, &udp(A, 53, B, 5000), 2).0.expect("a flow");
        assert!(there.new && !back.new);
        assert_eq!(
            (there.direction, back.direction),
            (Direction::ToServer, Direction::ToClient)
        );
        let flow = &table.entry(back.index).expect("present").flow;
        assert_eq!(
            (flow.packets, flow.state, flow.client),
            ([1, 1], State::Established, B.into())
        );
    }

    #[test]
    fn silence_ends_a_flow_and_activity_keeps_it() {
        let mut table = FlowTable::new(10, Timeouts::default(), 0);
        feed(&mut table, &udp(A, 1, B, 53), 0);
        feed(&mut table, &udp(A, 2, B, 53), 0);
        assert_eq!(feed(&mut table, &udp(A, 2, B, 53), 25).1.len(), 0);
        assert_eq!(
            feed(&mut table, &udp(A, 3, B, 53), 40).1.len(),
            1,
            "the first was silent for 40 seconds"
        );
        assert_eq!(feed(&mut table, &udp(A, 3, B, 53), 60).1.len(), 1);
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn a_full_table_evicts_and_counts() {
        let mut table = FlowTable::new(3, Timeouts::default(), 0);
        for port in 0..10 {
            feed(&mut table, &udp(A, port, B, 53), 0);
        }
        assert_eq!(
            (table.len(), table.counts().evicted, table.counts().total),
            (3, 7, 10)
        );
        let mut left = 0;
        table.drain(|_, reason| {
            assert_eq!(reason, EndReason::Shutdown);
            left += 1;
        });
        assert_eq!(left, 3);
    }

    #[test]
    fn an_unreachable_message_belongs_to_the_flow_it_quotes() {
        let mut table = FlowTable::new(10, Timeouts::default(), 0);
        let sent = udp(A, 1000, B, 53);
        feed(&mut table, &sent, 0);
        let mut icmp = vec![0x45, 0, 0, 0, 0, 1, 0, 0, 64, 1, 0, 0];
        icmp.extend(B);
        icmp.extend(A);
        icmp.extend([3, 3, 0, 0, 0, 0, 0, 0]);
        icmp.extend(&sent);
        let length = icmp.len() as u16;
        icmp[2..4].copy_from_slice(&length.to_be_bytes());
        let told = feed(&mut table, &icmp, 1)
            .0
            .expect("the flow of the datagram");
        assert_eq!((told.new, told.direction), (false, Direction::ToClient));
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn what_has_no_ports_has_no_client() {
        let mut table = FlowTable::new(10, Timeouts::default(), 0);
        let tunnelled = |from: [u8; 4], to: [u8; 4]| {
            let mut packet = vec![0x45, 0, 0, 20, 0, 1, 0, 0, 64, 4, 0, 0];
            packet.extend(from);
            packet.extend(to);
            let inner = udp(A, 1, B, 2);
            packet[2..4].copy_from_slice(&(20 + inner.len() as u16).to_be_bytes());
            packet.extend(inner);
            packet
        };
        for packet in [tunnelled(A, B), tunnelled(B, A)] {
            feed(&mut table, &packet, 0);
        }
        let mut packets = Vec::new();
        table.drain(|entry, _| {
            if entry.flow.protocol == 4 {
                packets.push(entry.flow.packets);
            }
        });
        assert_eq!(packets, [[2, 0]]);
    }
}
