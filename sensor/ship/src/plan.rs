//! What one transaction of the spool changes, worked out before anything is written: pure, so that a
//! transaction that fails leaves nothing behind.

use std::collections::{BTreeMap, BTreeSet};

use sensor_event::Class;

use crate::block::{BlockHead, BlockKey, OpenBlock, class_byte};
use crate::error::Result;
use crate::ledger::{Counts, HourClass, Ledger, Reason};

pub(crate) const CLASSES: usize = Class::ALL.len();

/// A block that is not this full yet is rewritten as it grows, while it waits to be sent, so that a
/// long time without a link at a low rate makes few blocks.
const REWRITTEN_BYTES: u32 = 64 * 1_024;

/// Per class.
pub(crate) type PerClass<T> = [T; CLASSES];

pub(crate) fn at(class: Class) -> usize {
    usize::from(class_byte(class))
}

/// What the spool holds, as of the last transaction.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub epoch: u64,
    /// Head and stored bytes of every block.
    pub blocks: BTreeMap<BlockKey, (BlockHead, u32)>,
    /// Sum of the stored bytes.
    pub bytes: u64,
    pub marks: Marks,
    pub ledger: Ledger,
    /// How far sources that can be read again have been read.
    pub bookmarks: BTreeMap<String, Vec<u8>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Last number given out.
    pub last_seq: PerClass<u64>,
    /// Last number that was sent at least once.
    pub sent: PerClass<u64>,
    /// Last number that the collector acknowledged.
    pub acked: PerClass<u64>,
}

/// What has come in since the last transaction.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub records: PerClass<Vec<Box<[u8]>>>,
    pub bytes: usize,
    pub sent: PerClass<u64>,
    pub acked: PerClass<u64>,
    /// Stretches that will never be acknowledged.
    pub given_up: Vec<(Class, u64, u64, Reason)>,
    pub shed: Vec<(Class, Reason, u64)>,
    pub bookmarks: BTreeMap<String, Vec<u8>>,
}

impl Pending {
    pub fn is_empty(&self) -> bool {
        self.records.iter().all(Vec::is_empty)
            && self.sent == [0; CLASSES]
            && self.acked == [0; CLASSES]
            && self.given_up.is_empty()
            && self.shed.is_empty()
            && self.bookmarks.is_empty()
    }
}

/// What one transaction writes.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub put: BTreeMap<BlockKey, (BlockHead, Vec<u8>)>,
    pub remove: BTreeSet<BlockKey>,
    /// Those of the removed that had to make room.
    pub crowded_out: Vec<BlockKey>,
    /// The last so many records of each class for which there was no room at all.
    pub no_room: PerClass<usize>,
    pub marks: Marks,
    pub ledger: BTreeMap<HourClass, Counts>,
    pub forget: Vec<HourClass>,
    pub bookmarks: BTreeMap<String, Vec<u8>>,
}

/// The last block of each class, while it may still grow.
pub(crate) type Tails = PerClass<Option<OpenBlock>>;

/// What the spool may hold, and why there is no more room when there is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub bytes: u64,
    pub shortage: Reason,
}

/// Works out a transaction. `tails` are left as they are after it; when it fails, they are void.
pub(crate) fn plan(
    state: &State,
    pending: &Pending,
    tails: &mut Tails,
    room: Room,
    hour: u64,
) -> Result<Change> {
    let mut planner = Planner {
        state,
        shortage: room.shortage,
        change: Change {
            marks: state.marks,
            bookmarks: pending.bookmarks.clone(),
            ..Change::default()
        },
        bytes: state.bytes,
    };
    for &(class, reason, records) in &pending.shed {
        let counts = planner.counts(HourClass { hour, class });
        counts.made += records;
        counts.shed(reason, records);
    }
    for class in Class::ALL {
        planner.sent(class, pending.sent[at(class)]);
    }
    for &(class, first, last, reason) in &pending.given_up {
        planner.given_up(class, first, last, reason);
    }
    for class in Class::ALL {
        planner.acked(class, pending.acked[at(class)]);
    }
    for class in Class::ALL {
        let records = &pending.records[at(class)];
        let tail = &mut tails[at(class)];
        planner.append(class, records, tail, room.bytes, hour)?;
    }
    Ok(planner.change)
}

struct Planner<'a> {
    state: &'a State,
    change: Change,
    bytes: u64,
    shortage: Reason,
}

impl Planner<'_> {
    fn counts(&mut self, row: HourClass) -> &mut Counts {
        let ledger = &self.state.ledger;
        self.change
            .ledger
            .entry(row)
            .or_insert_with(|| ledger.counts(row))
    }

    /// Blocks of a class in the state which are not removed by this transaction.
    fn blocks(&self, class: Class) -> Vec<(BlockKey, BlockHead, u32)> {
        let first = BlockKey {
            class,
            first_seq: 0,
        };
        let last = BlockKey {
            class,
            first_seq: u64::MAX,
        };
        self.state
            .blocks
            .range(first..=last)
            .filter(|(key, _)| !self.change.remove.contains(key))
            .map(|(&key, &(head, bytes))| (key, head, bytes))
            .collect()
    }

    fn remove(&mut self, key: BlockKey, bytes: u32) {
        self.bytes = self.bytes.saturating_sub(u64::from(bytes));
        self.change.remove.insert(key);
    }

    fn sent(&mut self, class: Class, through: u64) {
        let before = self.change.marks.sent[at(class)];
        let through = through.min(self.state.marks.last_seq[at(class)]);
        if through <= before {
            return;
        }
        for (key, head, _) in self.blocks_of_range(class, before + 1, through) {
            let records = overlap(key, head, before + 1, through);
            let row = HourClass {
                hour: head.hour,
                class,
            };
            self.counts(row).sent += records;
        }
        self.change.marks.sent[at(class)] = through;
    }

    fn acked(&mut self, class: Class, through: u64) {
        // What is acknowledged was sent, also when this spool forgot it.
        let through = through.min(self.state.marks.last_seq[at(class)]);
        self.sent(class, through);
        let before = self.change.marks.acked[at(class)];
        if through <= before {
            return;
        }
        for (key, head, bytes) in self.blocks_of_range(class, before + 1, through) {
            let records = overlap(key, head, before + 1, through);
            let row = HourClass {
                hour: head.hour,
                class,
            };
            self.counts(row).acked += records;
            if head.last_seq <= through {
                self.remove(key, bytes);
            }
        }
        self.change.marks.acked[at(class)] = through;
    }

    fn given_up(&mut self, class: Class, first: u64, last: u64, reason: Reason) {
        for (key, head, bytes) in self.blocks_of_range(class, first, last) {
            if key.first_seq >= first && head.last_seq <= last {
                let row = HourClass {
                    hour: head.hour,
                    class,
                };
                let acked = self.change.marks.acked[at(class)];
                let records = overlap(key, head, acked + 1, head.last_seq);
                self.counts(row).shed(reason, records);
                self.remove(key, bytes);
            }
        }
    }

    fn blocks_of_range(
        &self,
        class: Class,
        first: u64,
        last: u64,
    ) -> Vec<(BlockKey, BlockHead, u32)> {
        let from = self
            .state
            .block_of(class, first)
            .map_or(first, |(key, _)| key.first_seq);
        let range = BlockKey {
            class,
            first_seq: from,
        }..=BlockKey {
            class,
            first_seq: last,
        };
        if from > last {
            return Vec::new();
        }
        self.state
            .blocks
            .range(range)
            .filter(|(key, _)| !self.change.remove.contains(key))
            .map(|(&key, &(head, bytes))| (key, head, bytes))
            .collect()
    }

    fn append(
        &mut self,
        class: Class,
        records: &[Box<[u8]>],
        tail: &mut Option<OpenBlock>,
        budget_bytes: u64,
        hour: u64,
    ) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        self.counts(HourClass { hour, class }).made += records.len() as u64;
        let sent = self.change.marks.sent[at(class)];
        let mut rest = records;
        // A tail grows only while nobody has seen it, in its own hour, and while it is stored.
        let mut open = tail.take().filter(|tail| {
            tail.key.first_seq > sent
                && tail.head.hour == hour
                && tail.head.content_bytes < REWRITTEN_BYTES
                && self.state.blocks.contains_key(&tail.key)
                && !self.change.remove.contains(&tail.key)
        });
        while !rest.is_empty() {
            let next = self.change.marks.last_seq[at(class)] + 1;
            let mut block = open.take().unwrap_or_else(|| {
                OpenBlock::new(
                    BlockKey {
                        class,
                        first_seq: next,
                    },
                    hour,
                )
            });
            let mut taken = 0;
            while let Some(record) = rest.get(taken)
                && !block.is_full()
            {
                block.push(record);
                taken += 1;
            }
            let value = block.close()?;
            let replaced = self
                .state
                .blocks
                .get(&block.key)
                .map_or(0, |(_, bytes)| u64::from(*bytes));
            let more = (value.len() as u64).saturating_sub(replaced);
            if !self.make_room(class, block.key, more, budget_bytes) {
                let shortage = self.shortage;
                self.counts(HourClass { hour, class })
                    .shed(shortage, rest.len() as u64);
                self.change.no_room[at(class)] = rest.len();
                return Ok(());
            }
            self.bytes = self.bytes - replaced + value.len() as u64;
            self.change.marks.last_seq[at(class)] = block.head.last_seq;
            self.change.put.insert(block.key, (block.head, value));
            rest = rest.get(taken..).unwrap_or_default();
            *tail = Some(block);
        }
        Ok(())
    }

    /// Drops unsent blocks, the lowest class first and its oldest first, until `more` bytes fit.
    /// `false` when only better classes are left; then nothing more is dropped.
    fn make_room(&mut self, class: Class, keep: BlockKey, more: u64, budget_bytes: u64) -> bool {
        if self.bytes + more <= budget_bytes {
            return true;
        }
        for victim in Class::ALL.into_iter().rev() {
            if victim < class {
                return false;
            }
            let sent = self.change.marks.sent[at(victim)];
            for (key, head, bytes) in self.blocks(victim) {
                // What is on the way may be stored already; it is never counted as shed.
                if key == keep || key.first_seq <= sent || self.change.put.contains_key(&key) {
                    continue;
                }
                let row = HourClass {
                    hour: head.hour,
                    class: victim,
                };
                let shortage = self.shortage;
                self.counts(row).shed(shortage, u64::from(head.records));
                self.change.crowded_out.push(key);
                self.remove(key, bytes);
                if self.bytes + more <= budget_bytes {
                    return true;
                }
            }
        }
        false
    }
}

/// Records of a block with a number in a range. Numbers in a block are consecutive.
fn overlap(key: BlockKey, head: BlockHead, first: u64, last: u64) -> u64 {
    let from = key.first_seq.max(first);
    let to = head.last_seq.min(last);
    (to + 1).saturating_sub(from)
}

impl State {
    /// The block that holds this number, or else the next one of the class.
    pub fn block_of(&self, class: Class, seq: u64) -> Option<(BlockKey, BlockHead)> {
        let key = BlockKey {
            class,
            first_seq: seq,
        };
        let holding = self.blocks.range(..=key).next_back();
        if let Some((&found, &(head, _))) = holding
            && found.class == class
            && head.last_seq >= seq
        {
            return Some((found, head));
        }
        let (&found, &(head, _)) = self.blocks.range(key..).next()?;
        (found.class == class).then_some((found, head))
    }

    /// Takes over what a transaction has written.
    pub fn apply(&mut self, change: &Change) {
        for key in &change.remove {
            if let Some((_, bytes)) = self.blocks.remove(key) {
                self.bytes -= u64::from(bytes);
            }
        }
        for (&key, (head, value)) in &change.put {
            let bytes = u32::try_from(value.len()).unwrap_or(u32::MAX);
            self.bytes += u64::from(bytes);
            if let Some((_, replaced)) = self.blocks.insert(key, (*head, bytes)) {
                self.bytes -= u64::from(replaced);
            }
        }
        self.marks = change.marks;
        for (&row, counts) in &change.ledger {
            self.ledger.put(row, counts.clone());
        }
        self.ledger.forget(&change.forget);
        self.bookmarks.extend(change.bookmarks.clone());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(count: usize, bytes: usize) -> Vec<Box<[u8]>> {
        let mut random = fastrand::Rng::with_seed(count as u64);
        (0..count)
            .map(|_| (0..bytes).map(|_| random.alphanumeric() as u8).collect())
            .collect()
    }

    #[derive(Default)]
    struct Bench {
        state: State,
        tails: Tails,
    }

    impl Bench {
        fn run(&mut self, pending: &Pending, budget: u64, hour: u64) {
            let room = Room {
                bytes: budget,
                shortage: Reason::DiskBudget,
            };
            let change = plan(&self.state, pending, &mut self.tails, room, hour).expect("it plans");
            self.state.apply(&change);
            self.balances();
        }

        fn append(&mut self, class: Class, count: usize, budget: u64, hour: u64) {
            let mut pending = Pending::default();
            pending.records[at(class)] = records(count, 1_000);
            self.run(&pending, budget, hour);
        }

        /// Made is what was shed, is spooled and was acknowledged; the bytes are those of the blocks.
        fn balances(&self) {
            for class in Class::ALL {
                let total = self.state.ledger.total(class);
                let spooled: u64 = self
                    .state
                    .blocks
                    .iter()
                    .filter(|(key, _)| key.class == class)
                    .map(|(&key, &(head, _))| {
                        let acked = self.state.marks.acked[at(class)];
                        overlap(key, head, acked + 1, u64::MAX - 1)
                    })
                    .sum();
                let shed: u64 = total.shed.values().sum();
                assert_eq!(
                    total.made,
                    shed + spooled + total.acked,
                    "{class:?} {total:?}"
                );
            }
            let bytes: u64 = self.state.blocks.values().map(|(_, b)| u64::from(*b)).sum();
            assert_eq!(self.state.bytes, bytes);
        }
    }

    #[test]
    fn a_tail_grows_until_it_is_sent() {
        let mut bench = Bench::default();
        for _ in 0..3 {
            bench.append(Class::Alert, 2, u64::MAX, 1);
        }
        assert_eq!(bench.state.blocks.len(), 1);
        let mut pending = Pending::default();
        pending.sent[at(Class::Alert)] = 4;
        bench.run(&pending, u64::MAX, 1);
        bench.append(Class::Alert, 1, u64::MAX, 1);
        bench.append(Class::Alert, 1, u64::MAX, 2);
        let firsts: Vec<u64> = bench.state.blocks.keys().map(|key| key.first_seq).collect();
        assert_eq!(firsts, [1, 7, 8]);
        assert_eq!(bench.state.ledger.total(Class::Alert).sent, 4);
    }

    #[test]
    fn the_lowest_class_goes_first() {
        let mut bench = Bench::default();
        let budget = 200_000;
        bench.append(Class::Record, 100, budget, 1);
        bench.append(Class::Flow, 100, budget, 1);
        bench.append(Class::Alert, 100, budget, 1);
        let shed =
            |bench: &Bench, class| bench.state.ledger.total(class).shed.values().sum::<u64>();
        assert_eq!(shed(&bench, Class::Flow), 100);
        assert_eq!(shed(&bench, Class::Record), 0);
        // No room for a flow where only better classes are.
        bench.append(Class::Flow, 100, budget, 1);
        assert_eq!(shed(&bench, Class::Flow), 200);
        bench.append(Class::Alert, 100, budget, 2);
        assert_eq!(shed(&bench, Class::Record), 100);
        assert!(bench.state.bytes <= budget);
    }

    #[test]
    fn what_is_on_the_way_is_not_shed() {
        let mut bench = Bench::default();
        let budget = 100_000;
        bench.append(Class::Flow, 90, budget, 1);
        let mut pending = Pending::default();
        pending.sent[at(Class::Flow)] = 90;
        bench.run(&pending, budget, 1);
        bench.append(Class::Alert, 90, budget, 1);
        let shed = &bench.state.ledger.total(Class::Alert).shed;
        assert_eq!(shed[&Reason::DiskBudget], 90);
        assert_eq!(bench.state.ledger.total(Class::Flow).shed.len(), 0);
    }

    proptest! {
        #[test]
        fn the_ledger_balances(steps in proptest::collection::vec((0_usize..6, 0_usize..5, 0_u64..60), 1..40)) {
            let mut bench = Bench::default();
            for (step, (action, class, amount)) in steps.into_iter().enumerate() {
                let class = Class::ALL[class];
                let last = bench.state.marks.last_seq[at(class)];
                let mut pending = Pending::default();
                match action {
                    0..=2 => pending.records[at(class)] = records(amount as usize, 400),
                    3 => pending.sent[at(class)] = amount,
                    4 => pending.acked[at(class)] = amount,
                    _ => {
                        let first = last.saturating_sub(amount);
                        pending.given_up.push((class, first, last, Reason::Refused));
                    }
                }
                bench.run(&pending, 40_000, step as u64 / 10);
                prop_assert!(bench.state.marks.last_seq[at(class)] >= last);
            }
        }
    }
}
