//! Rules on transactions.
//!
//! A rule is called by its fast pattern, or once if it has none. Its conditions on the packet are asked then;
//! its buffers as they become ready. What holds already is remembered with the transaction.

use rules::Side;
use sensor_app::{BufferGetter, BufferRow, BufferSide, Bytes, Protocol, Transaction, http1};
use sensor_flow::Direction;

use super::packet::packet_buffer;
use super::{Pass, Place};
use crate::compile::{Compiled, Kind, Moment, Part, PartHome};
use crate::content::VARIABLE_LIMIT;
use crate::engine::TransactionGroup;
use crate::prefilter::Seen;
use crate::state::{PENDING_LIMIT, Pending, SideState};
use crate::trace::Missed;
use crate::vocabulary::BufferHome;

/// Bits of the end of the occurrence that was scanned last; its place stands above.
const END_BITS: u32 = 44;

/// What is known of a rule on a transaction.
enum Verdict {
    Matched,
    /// Matched, and matches again while the transaction stays where it is.
    MatchedHere,
    /// More bytes may decide; these parts hold already.
    Open(u64),
    /// Conditions on the packet do not hold: another packet may do, while the transaction stays where it is.
    Again,
    Never,
}

impl<const TRACED: bool> Pass<'_, TRACED> {
    pub(super) fn transactions(&mut self) {
        let Some(app) = self.traffic.app else { return };
        let direction = self.traffic.direction;
        for transaction in app.transactions() {
            let Some(sides) = self.engine.transaction_groups.get(&transaction.protocol()) else {
                continue;
            };
            let group = &sides[direction.index()];
            if group.scanners.is_empty() && group.always.is_empty()
                || !transaction.has_side(direction)
            {
                continue;
            }
            let state = self.state.transaction(transaction.id);
            let side = std::mem::take(&mut state.sides[direction.index()]);
            let mut carried = Vec::new();
            let side = self.transaction(transaction, group, side, &mut carried);
            let state = self.state.transaction(transaction.id);
            state.sides[direction.index()] = side;
            let reply = &mut state.sides[Direction::ToClient.index()];
            for pending in carried {
                let known = reply
                    .pending
                    .iter()
                    .any(|other| other.signature == pending.signature);
                if !known && reply.pending.len() < PENDING_LIMIT {
                    reply.pending.push(pending);
                }
            }
        }
        if let Some(oldest) = app.transactions().front() {
            self.state.forget_transactions_before(oldest.id);
        }
    }

    /// Inspects one side; rules of both sides that wait for the reply are put into `carried`.
    fn transaction(
        &mut self,
        transaction: &Transaction,
        group: &TransactionGroup,
        mut side: SideState,
        carried: &mut Vec<Pending>,
    ) -> SideState {
        let direction = self.traffic.direction;
        if side.done {
            return side;
        }
        let mut candidates = std::mem::take(&mut self.scratch.candidates);
        candidates.clear();
        self.prefilter(transaction, group, &mut side, &mut candidates);
        candidates.extend(side.pending.iter().map(|pending| pending.signature));
        if TRACED {
            candidates.extend(self.targets().into_iter().filter(|&index| {
                let one = &self.engine.signatures[index as usize];
                one.kind == Kind::Transaction && one.serves(direction)
            }));
        }
        candidates.sort_unstable();
        candidates.dedup();
        let complete = transaction.is_complete(direction) || self.traffic.flow_end;
        let mut before = std::mem::take(&mut side.pending);
        before.sort_unstable_by_key(|pending| pending.signature);
        for &index in &candidates {
            if side.settled.binary_search(&index).is_ok() {
                continue;
            }
            let known = before
                .binary_search_by_key(&index, |pending| pending.signature)
                .ok()
                .map(|at| before[at])
                .filter(|pending| !pending.fresh);
            let start = self.costs.as_ref().map(|costs| costs.start());
            let verdict = self.transaction_rule(index, transaction, known);
            if let (Some(costs), Some(start)) = (&mut self.costs, start) {
                costs.checked(index, start);
            }
            let one = &self.engine.signatures[index as usize];
            match verdict {
                Verdict::Matched | Verdict::MatchedHere => {
                    let tcp = self.traffic.packet.tcp().is_some();
                    let place = if tcp { Place::Stream } else { Place::Packet };
                    self.matched(index, Some(transaction.id), place);
                    if matches!(verdict, Verdict::MatchedHere) {
                        if !complete {
                            side.pending.push(Pending {
                                signature: index,
                                held: 0,
                                fresh: true,
                            });
                        }
                    } else if let Err(at) = side.settled.binary_search(&index) {
                        side.settled.insert(at, index);
                    }
                }
                Verdict::Open(held)
                    if one.is_transactional() && direction == Direction::ToServer =>
                {
                    let pending = Pending {
                        signature: index,
                        held,
                        fresh: false,
                    };
                    if complete {
                        carried.push(pending);
                    } else if side.pending.len() < PENDING_LIMIT {
                        side.pending.push(pending);
                    }
                }
                Verdict::Open(held) if !complete && side.pending.len() < PENDING_LIMIT => {
                    side.pending.push(Pending {
                        signature: index,
                        held,
                        fresh: false,
                    })
                }
                Verdict::Again if !complete && side.pending.len() < PENDING_LIMIT => {
                    side.pending.push(Pending {
                        signature: index,
                        held: 0,
                        fresh: true,
                    })
                }
                Verdict::Open(_) | Verdict::Again | Verdict::Never => {}
            }
        }
        side.done = complete;
        self.scratch.candidates = candidates;
        side
    }

    /// Scans what is new in the buffers of a side; adds the rules that are called.
    fn prefilter(
        &mut self,
        transaction: &Transaction,
        group: &TransactionGroup,
        side: &mut SideState,
        candidates: &mut Vec<u32>,
    ) {
        let direction = self.traffic.direction;
        let progress = transaction.progress[direction.index()];
        let before = std::mem::replace(&mut side.progress, progress);
        if !std::mem::replace(&mut side.listed, true) {
            candidates.extend(&group.always);
        }
        side.scanned.resize(group.scanners.len(), 0);
        for (scanner, scanned) in group.scanners.iter().zip(&mut side.scanned) {
            let row = scanner.row;
            let ready = progress >= ready_at(row, transaction, direction) || self.traffic.flow_end;
            // As long as its stage lasts, a buffer may come or change.
            if !ready
                || *scanned > 0 && !row.streaming && has_passed(row, transaction, direction, before)
            {
                continue;
            }
            match scanner.row.getter {
                BufferGetter::One(get) => {
                    let Some(bytes) = get(transaction, direction) else {
                        continue;
                    };
                    let end = bytes.offset + bytes.data.len() as u64;
                    if *scanned == end + 1 && row.streaming {
                        continue;
                    }
                    // What was scanned before matters only as far as a pattern may lie across the seam.
                    let from = (*scanned)
                        .saturating_sub(1 + scanner.matcher.longest() as u64)
                        .saturating_sub(bytes.offset);
                    let new = if scanner.steps.is_empty() && row.streaming {
                        rest(bytes, from)
                    } else {
                        bytes
                    };
                    scan(
                        &scanner.steps,
                        &scanner.matcher,
                        new,
                        &mut self.scratch.patterns,
                        candidates,
                    );
                    *scanned = end + 1;
                }
                BufferGetter::Many(get) => {
                    // Occurrences come in order, and only the last one grows: what was scanned is its
                    // place and where it ended.
                    let (place, end) = (*scanned >> END_BITS, *scanned & ((1 << END_BITS) - 1));
                    let first = usize::try_from(place).unwrap_or(usize::MAX);
                    let occurrences =
                        (first..).map_while(|nth| Some((nth, get(transaction, direction, nth)?)));
                    for (nth, bytes) in occurrences {
                        let until = bytes.offset + bytes.data.len() as u64 + 1;
                        let known = if nth == first { end } else { 0 };
                        if known == until {
                            continue;
                        }
                        let new = if scanner.steps.is_empty() {
                            let from = known
                                .saturating_sub(1 + scanner.matcher.longest() as u64)
                                .saturating_sub(bytes.offset);
                            rest(bytes, from)
                        } else {
                            bytes
                        };
                        scan(
                            &scanner.steps,
                            &scanner.matcher,
                            new,
                            &mut self.scratch.patterns,
                            candidates,
                        );
                        *scanned = (nth as u64) << END_BITS | until & ((1 << END_BITS) - 1);
                    }
                    *scanned = (*scanned).max(1);
                }
            }
        }
    }

    fn transaction_rule(
        &mut self,
        index: u32,
        transaction: &Transaction,
        known: Option<Pending>,
    ) -> Verdict {
        self.scratch.current = index;
        let one = &self.engine.signatures[index as usize];
        if !one.protocols.is_empty() && !one.protocols.contains(&transaction.protocol()) {
            return Verdict::Never;
        }
        let direction = self.traffic.direction;
        let progress = transaction.progress[direction.index()];
        if let Some(Moment::Stage(stage)) = one.moment
            && progress < stage
            && !self.traffic.flow_end
        {
            return Verdict::Open(0);
        }
        if known.is_none() {
            if let Some(miss) = self.header_miss(one) {
                self.note(index, Some(transaction.id), || (Missed::Header(miss), 0));
                return Verdict::Never;
            }
            if let Some(missed) = self.packet_miss(one) {
                self.note(index, Some(transaction.id), || (missed, 0));
                return if progress <= self.first_stage(one, transaction) {
                    Verdict::Again
                } else {
                    Verdict::Never
                };
            }
        }
        let mut held = known.map_or(0, |pending| pending.held);
        self.dce_is_big = transaction.is_big_endian();
        self.scratch.captured.clear();
        let mut variables = [0; VARIABLE_LIMIT];
        let mut open = false;
        for (at, part) in one.parts.iter().enumerate() {
            if TRACED && let Some(trace) = self.trace.as_deref_mut() {
                trace.begin();
            }
            let bit = 1u64.checked_shl(at as u32).unwrap_or(0);
            if held & bit != 0 {
                continue;
            }
            match self.part_in_transaction(one, part, transaction, &mut variables) {
                Verdict::Matched => held |= bit,
                Verdict::Never => {
                    self.note_list(index, Some(transaction.id), at);
                    return Verdict::Never;
                }
                _ => {
                    self.note_list(index, Some(transaction.id), at);
                    open = true;
                }
            }
        }
        // What numbers say of both sides is known with the reply as well.
        let before_reply = one.is_transactional() && direction == Direction::ToServer;
        if open || before_reply {
            return Verdict::Open(held);
        }
        if let Some(condition) = self.transaction_miss(one, transaction) {
            let missed = Missed::Condition(condition);
            self.note(index, Some(transaction.id), || (missed, 0));
            return Verdict::Open(held);
        }
        if !self.transaction_bits_hold(one, transaction.id) {
            self.note(index, Some(transaction.id), || (Missed::HostBits, 0));
            return Verdict::Open(held);
        }
        match one.moment {
            // A rule on a moment alone matches as long as it lasts.
            Some(Moment::Stage(stage)) if one.parts.is_empty() && progress <= stage => {
                Verdict::MatchedHere
            }
            _ => Verdict::Matched,
        }
    }

    /// The stage at which the first buffer of a rule is ready.
    fn first_stage(&self, one: &Compiled, transaction: &Transaction) -> u8 {
        let of_parts = one
            .parts
            .iter()
            .filter_map(|part| match part.home {
                PartHome::App(id) => match self.engine.names.buffer(id) {
                    BufferHome::App(rows) => rows
                        .iter()
                        .find(|(protocol, _)| *protocol == transaction.protocol())
                        .map(|(_, row)| row.ready_at[self.traffic.direction.index()]),
                    _ => None,
                },
                _ => None,
            })
            .min();
        match (of_parts, one.moment) {
            (Some(stage), _) | (None, Some(Moment::Stage(stage))) => stage,
            // Numbers and events may come at any time.
            (None, _) => Transaction::COMPLETE,
        }
    }

    fn part_in_transaction(
        &mut self,
        one: &Compiled,
        part: &Part,
        transaction: &Transaction,
        variables: &mut [u64; VARIABLE_LIMIT],
    ) -> Verdict {
        let id = match part.home {
            PartHome::App(id) => id,
            PartHome::Frame(..) => return Verdict::Never,
            PartHome::Payload => {
                let bytes = match &self.traffic.raw {
                    Some(raw) => Bytes {
                        data: raw.data,
                        offset: raw.offset,
                        complete: true,
                    },
                    None if self.traffic.packet.tcp().is_some() => return Verdict::Open(0),
                    None => Bytes::whole(self.payload()),
                };
                return if self.bytes_hold(part, bytes, variables) {
                    Verdict::Matched
                } else {
                    Verdict::Open(0)
                };
            }
            PartHome::Packet(buffer) => {
                let mut address = [0; 16];
                return match packet_buffer(self.traffic, buffer, &mut address) {
                    Some(data) if self.bytes_hold(part, Bytes::whole(data), variables) => {
                        Verdict::Matched
                    }
                    _ => Verdict::Open(0),
                };
            }
        };
        let BufferHome::App(rows) = self.engine.names.buffer(id) else {
            return Verdict::Never;
        };
        let Some((_, row)) = rows
            .iter()
            .find(|(protocol, _)| *protocol == transaction.protocol())
        else {
            return Verdict::Never;
        };
        let direction = match (part.only, row.side) {
            (Some(only), _) => only,
            (None, BufferSide::Both) => self.traffic.direction,
            (None, BufferSide::ToServer) => Direction::ToServer,
            (None, BufferSide::ToClient) => Direction::ToClient,
        };
        // What other protocols have on both sides (files) may lie on one here.
        if direction != self.traffic.direction
            && !one.is_transactional()
            && self.engine.names.vocabulary.buffer_spec(id).side == Side::Both
        {
            return Verdict::Never;
        }
        // The reply of a rule on both sides is looked at with the reply.
        if one.is_transactional()
            && direction == Direction::ToClient
            && self.traffic.direction == Direction::ToServer
        {
            return Verdict::Open(0);
        }
        let complete = transaction.is_complete(direction) || self.traffic.flow_end;
        if transaction.progress[direction.index()] < ready_at(row, transaction, direction)
            && !complete
        {
            return Verdict::Open(0);
        }
        // What has not come by the stage that brings it will not come; the end of the flow alone proves nothing.
        let passed = has_passed(
            row,
            transaction,
            direction,
            transaction.progress[direction.index()],
        );
        let absent = part.absent && passed && self.may_be_absent(id, transaction);
        match row.getter {
            BufferGetter::One(get) => match get(transaction, direction) {
                None if absent => Verdict::Matched,
                None if complete || passed && !row.streaming => Verdict::Never,
                None => Verdict::Open(0),
                Some(bytes) => {
                    let bytes = Bytes {
                        complete: bytes.complete || complete,
                        ..bytes
                    };
                    if self.bytes_hold(part, bytes, variables) {
                        // A negated content may still come: such a part is decided at the end.
                        if !bytes.complete && part.decided_at_end {
                            Verdict::Open(0)
                        } else {
                            Verdict::Matched
                        }
                    } else if bytes.complete && (complete || passed) {
                        Verdict::Never
                    } else {
                        Verdict::Open(0)
                    }
                }
            },
            BufferGetter::Many(get) => {
                let mut any = false;
                for bytes in (0..).map_while(|nth| get(transaction, direction, nth)) {
                    any = true;
                    if self.bytes_hold(part, bytes, variables) {
                        return Verdict::Matched;
                    }
                }
                match (any, absent) {
                    (false, true) => Verdict::Matched,
                    _ if complete => Verdict::Never,
                    _ => Verdict::Open(0),
                }
            }
        }
    }
}

impl<const TRACED: bool> Pass<'_, TRACED> {
    /// Whether a rule hears that a buffer is not there. Where files are what a protocol is for, a transaction without one
    /// says nothing of `file.data`, as in Suricata.
    fn may_be_absent(&self, id: rules::BufferId, transaction: &Transaction) -> bool {
        let carries = matches!(
            transaction.protocol(),
            Protocol::Smb | Protocol::Nfs | Protocol::FtpData
        );
        !carries || self.engine.names.vocabulary.buffer_spec(id).name != "file.data"
    }
}

/// The stage from which a buffer is looked at. A message of DNS within HTTP/2 is there as a whole or not at all:
/// nothing waits for the end of the stream that carries it.
fn ready_at(row: &BufferRow, transaction: &Transaction, direction: Direction) -> u8 {
    match row.ready_at[direction.index()] {
        Transaction::COMPLETE if transaction.protocol() == Protocol::Doh2 => 0,
        stage => stage,
    }
}

/// Whether the stage that brings a buffer is over at this progress: what it holds then, it will hold at the end.
fn has_passed(
    row: &BufferRow,
    transaction: &Transaction,
    direction: Direction,
    progress: u8,
) -> bool {
    let ready_at = row.ready_at[direction.index()];
    match transaction.protocol() {
        // A body that is not shown yet is not missing.
        Protocol::Http1 if row.streaming => progress > http1::stage::BODY,
        // Most stages of HTTP/1 begin when the one before is known.
        Protocol::Http1 if ready_at > http1::stage::LINE => progress >= ready_at,
        Protocol::Smb | Protocol::Dcerpc => {
            progress > ready_at || progress == Transaction::COMPLETE
        }
        _ => progress > ready_at,
    }
}

/// What of a part of a buffer begins `from` bytes behind its beginning.
fn rest(bytes: Bytes<'_>, from: u64) -> Bytes<'_> {
    Bytes {
        data: bytes.data.get(from as usize..).unwrap_or_default(),
        offset: bytes.offset + from,
        ..bytes
    }
}

pub(super) fn scan(
    steps: &[crate::transform::Step],
    matcher: &crate::prefilter::Matcher,
    bytes: Bytes<'_>,
    patterns: &mut Seen,
    candidates: &mut Vec<u32>,
) {
    if steps.is_empty() {
        matcher.scan(bytes.data, bytes.offset, patterns, candidates);
    } else if let Some(transformed) = crate::transform::apply(steps, bytes.data) {
        matcher.scan(&transformed, 0, patterns, candidates);
    }
}
