//! Frames: parts of a side's bytes that a parser has delimited (a record, a header, a line), for rules and records.
//!
//! A parser only announces where a frame begins and how long it is; the bytes are kept here, as long as a frame
//! that somebody wants may need them. Without a wish for frames nothing is kept and announcing costs a test of a bit.

use std::collections::{BTreeMap, VecDeque};

use sensor_flow::Direction;

use crate::{Bytes, Protocol};

/// Frames of one side that wait for their end; later ones are not noted.
pub const MAX_FRAMES: usize = 256;
/// Bytes of one side kept for its frames.
pub const MAX_FRAME_BYTES: usize = 128 << 10;
/// Bytes kept before a parser has said what they are: enough for what parsers wait for.
const UNCLAIMED_BYTES: usize = 64 << 10;
/// Pieces of one side, cut by gaps, that are kept.
const MAX_PIECES: usize = 16;
/// A frame that is not complete is looked at in parts of so many bytes.
pub const PART_BYTES: u64 = 2500;
/// The frame that is a whole side of a stream.
pub const STREAM: &str = "stream";
/// Its place in a mask of wanted frames; the other names stand at their place among the protocol's.
const STREAM_BIT: u32 = 1 << 31;

/// A part of a side's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Number on its side, from 1.
    pub id: u64,
    pub protocol: Protocol,
    pub name: &'static str,
    /// Of its first byte, in the stream or in the datagram.
    pub offset: u64,
    /// None as long as its end is not known.
    pub length: Option<u64>,
    /// Id of the transaction it belongs to, and the transaction's number in records of frames.
    pub transaction: Option<(u64, u64)>,
    /// Bytes of it that rules have looked at.
    inspected: u64,
    /// It was recorded.
    told: bool,
}

impl Frame {
    /// Position behind its last byte.
    fn end(&self) -> Option<u64> {
        self.length.map(|length| self.offset.saturating_add(length))
    }

    /// Whether rules written for a frame of another protocol, or another name, hold for this one as well when no
    /// pattern calls them: as in Suricata 8.0.6, for the frame at the same place among those of a protocol that such rules
    /// are for, too.
    pub fn is_like(&self, protocol: Protocol, name: &str, in_stream: bool) -> bool {
        let kin = match protocol {
            Protocol::Dcerpc => self.protocol == Protocol::Smb,
            Protocol::Dns | Protocol::Http2 => self.protocol == Protocol::Doh2,
            Protocol::Doh2 => in_stream && matches!(self.protocol, Protocol::Dns | Protocol::Http2),
            _ => false,
        };
        kin && bit(protocol.frames(), name) == bit(self.protocol.frames(), self.name)
    }
}

/// The frames that rules or records want, by protocol.
#[derive(Debug, Clone, Default)]
pub struct WantedFrames {
    masks: BTreeMap<Protocol, u32>,
    all: bool,
    /// Bytes are looked at as they arrive: parts of a frame overlap.
    pub inline: bool,
}

impl WantedFrames {
    /// Every frame of every protocol.
    pub fn add_all(&mut self) {
        self.all = true;
    }

    pub fn add(&mut self, protocol: Protocol, name: &str) {
        let bit = bit(protocol.frames(), name);
        *self.masks.entry(protocol).or_default() |= bit;
    }

    /// Takes over what another one wants.
    pub fn merge(&mut self, other: &WantedFrames) {
        self.all |= other.all;
        for (protocol, mask) in &other.masks {
            *self.masks.entry(*protocol).or_default() |= mask;
        }
    }

    fn of(&self, protocol: Protocol) -> u32 {
        match self.masks.get(&protocol) {
            _ if self.all && !protocol.frames().is_empty() => u32::MAX,
            mask => mask.copied().unwrap_or(0),
        }
    }
}

fn bit(names: &[&str], name: &str) -> u32 {
    if name == STREAM {
        return STREAM_BIT;
    }
    let at = names.iter().position(|other| *other == name);
    at.and_then(|at| 1u32.checked_shl(at as u32)).unwrap_or(0)
}

/// Frames of one side.
#[derive(Debug, Default)]
struct Side {
    /// Behind the last byte that has arrived.
    end: u64,
    /// Bytes in order, by the position of the first; a gap begins a new piece.
    pieces: VecDeque<(u64, Vec<u8>)>,
    frames: Vec<Frame>,
    begun: u64,
    has_stream: bool,
    /// Nobody needs what lies before this position.
    base: u64,
}

/// Frames of one flow.
#[derive(Debug, Default)]
pub struct Frames {
    /// What is wanted of the present protocol.
    mask: u32,
    protocol: Option<Protocol>,
    inline: bool,
    /// There is no stream.
    datagrams: bool,
    /// The protocol is given up: what arrives next has frames of its own.
    left: bool,
    /// Its parser has given up: rules look at no more frames.
    broken: bool,
    /// Where the bytes of a side begin that came together with its end.
    last: [Option<u64>; 2],
    closing: [bool; 2],
    sides: Option<Box<[Side; 2]>>,
}

impl Frames {
    /// Bytes go to the parser of a protocol now; the last of them lies before `end`.
    pub(crate) fn arrive(
        &mut self,
        protocol: Protocol,
        direction: Direction,
        data: &[u8],
        end: u64,
        wanted: &WantedFrames,
    ) {
        if std::mem::take(&mut self.left) {
            self.sides = None;
        }
        self.protocol = Some(protocol);
        self.mask = wanted.of(protocol);
        self.inline = wanted.inline;
        if self.mask == 0 {
            return;
        }
        let side = &mut self.sides.get_or_insert_default()[direction.index()];
        let start = end.saturating_sub(data.len() as u64);
        match side.pieces.back_mut() {
            Some((from, bytes)) if *from + bytes.len() as u64 == start => {
                bytes.extend_from_slice(data);
            }
            _ => side.pieces.push_back((start, data.to_vec())),
        }
        side.end = end;
        if self.mask & STREAM_BIT != 0
            && !self.datagrams
            && !std::mem::replace(&mut side.has_stream, true)
        {
            self.add(direction, STREAM, data.len(), None);
        }
    }

    /// Another protocol is looked for: frames of this one are seen to their end, and are gone when its bytes arrive.
    pub(crate) fn leave(&mut self) {
        self.left = true;
    }

    /// The next bytes of a side come together with its end.
    pub(crate) fn note_last(&mut self, direction: Direction, from: u64) {
        self.last[direction.index()].get_or_insert(from);
    }

    /// The parser is told that a side ends.
    pub(crate) fn begin_close(&mut self, direction: Direction) {
        self.closing[direction.index()] = true;
    }

    /// The parser has given up.
    pub(crate) fn break_off(&mut self) {
        self.broken = true;
    }

    /// What was said by now belongs to a protocol within the one that was known.
    pub(crate) fn rename(&mut self, protocol: Protocol) {
        self.protocol = Some(protocol);
        for side in self.sides.iter_mut().flat_map(|sides| sides.iter_mut()) {
            for frame in &mut side.frames {
                frame.protocol = protocol;
            }
        }
    }

    /// Bytes of the past are given up as far as no frame may need them.
    pub(crate) fn trim(&mut self, direction: Direction) {
        let Some(sides) = &mut self.sides else { return };
        let side = &mut sides[direction.index()];
        let unclaimed = side.end.saturating_sub(UNCLAIMED_BYTES as u64);
        let oldest = side.frames.iter().map(|frame| frame.offset).min();
        let keep = oldest
            .map_or(unclaimed, |oldest| oldest.min(unclaimed))
            .max(side.end.saturating_sub(MAX_FRAME_BYTES as u64));
        while side.pieces.len() > MAX_PIECES
            || side
                .pieces
                .front()
                .is_some_and(|(from, bytes)| from + bytes.len() as u64 <= keep)
        {
            side.pieces.pop_front();
        }
        if let Some((from, bytes)) = side.pieces.front_mut()
            && let Some(cut) = keep.checked_sub(*from)
            // Moving bytes costs: it is done when there is much to gain.
            && cut as usize >= UNCLAIMED_BYTES / 2
        {
            bytes.drain(..cut as usize);
            *from = keep;
        }
    }

    /// A new datagram: frames of the one before are gone.
    pub(crate) fn begin_datagram(&mut self, direction: Direction) {
        self.datagrams = true;
        if let Some(sides) = &mut self.sides {
            let side = &mut sides[direction.index()];
            side.frames.clear();
            side.pieces.clear();
        }
    }

    pub(crate) fn swap(&mut self) {
        if let Some(sides) = &mut self.sides {
            sides.swap(0, 1);
        }
    }

    /// No more bytes of a side.
    pub(crate) fn close(&mut self, direction: Direction) {
        let Some(sides) = &mut self.sides else { return };
        let side = &mut sides[direction.index()];
        for frame in side.frames.iter_mut().filter(|frame| frame.name == STREAM) {
            frame.length.get_or_insert(side.end - frame.offset);
        }
    }

    /// Whether any frame of the present protocol is wanted.
    pub(crate) fn is_wanted(&self) -> bool {
        self.mask != 0
    }

    /// Whether frames of this name are wanted; for parsers that must look for them.
    pub(crate) fn wants(&self, name: &str) -> bool {
        let names = self.protocol.map_or(&[][..], Protocol::frames);
        self.mask != 0 && self.mask & bit(names, name) != 0
    }

    /// Announces a frame that begins `rest` bytes before the end of what has arrived. Its number, if it is wanted.
    pub(crate) fn add(
        &mut self,
        direction: Direction,
        name: &'static str,
        rest: usize,
        length: Option<u64>,
    ) -> Option<u64> {
        if !self.wants(name) {
            return None;
        }
        let protocol = self.protocol?;
        let side = &mut self.sides.as_mut()?[direction.index()];
        if side.frames.len() >= MAX_FRAMES {
            return None;
        }
        side.begun += 1;
        side.frames.push(Frame {
            id: side.begun,
            protocol,
            name,
            offset: side.end.checked_sub(rest as u64)?,
            length,
            transaction: None,
            inspected: 0,
            told: false,
        });
        Some(side.begun)
    }

    /// The last frame of this name whose end is not known.
    pub(crate) fn open(&self, direction: Direction, name: &str) -> Option<u64> {
        let side = &self.sides.as_ref()?[direction.index()];
        let open = |frame: &&Frame| frame.length.is_none() && frame.name == name;
        side.frames.iter().rfind(open).map(|frame| frame.id)
    }

    /// A frame ends `rest` bytes before the end of what has arrived.
    pub(crate) fn end(&mut self, direction: Direction, id: Option<u64>, rest: usize) {
        let Some(sides) = &self.sides else { return };
        let side = &sides[direction.index()];
        let end = side.end.saturating_sub(rest as u64);
        // A message of HTTP that ends with its side has no byte of those that came with the end, in Suricata 8.0.6.
        let http = self.protocol == Some(Protocol::Http1);
        let closing = self.closing[direction.index()];
        let cut = self.last[direction.index()].filter(|_| closing && http);
        let end = cut.unwrap_or(end);
        if let Some(frame) = self.with_id(direction, id) {
            frame.length = Some(end.saturating_sub(frame.offset));
        }
    }

    /// A frame belongs to a transaction.
    pub(crate) fn assign(
        &mut self,
        direction: Direction,
        id: Option<u64>,
        (tx_id, number): (u64, u64),
    ) {
        if let Some(frame) = self.with_id(direction, id) {
            let first = u64::from(counts_from_one(frame.protocol));
            frame.transaction = Some((tx_id, number + first));
        }
    }

    fn with_id(&mut self, direction: Direction, id: Option<u64>) -> Option<&mut Frame> {
        let side = &mut self.sides.as_mut()?[direction.index()];
        let at = side
            .frames
            .binary_search_by_key(&id?, |frame| frame.id)
            .ok()?;
        side.frames.get_mut(at)
    }

    /// The frame with this number.
    pub fn frame(&self, direction: Direction, id: u64) -> Option<&Frame> {
        self.of_side(direction).find(|frame| frame.id == id)
    }

    fn of_side(&self, direction: Direction) -> impl Iterator<Item = &Frame> {
        let side = self.sides.as_ref().map(|sides| &sides[direction.index()]);
        side.into_iter().flat_map(|side| &side.frames)
    }

    /// A side has frames.
    pub fn is_empty(&self, direction: Direction) -> bool {
        self.of_side(direction).next().is_none()
    }

    /// The frames of a side that rules look at now, each with its bytes (a gap cuts them). `over`: nothing follows.
    pub fn due(
        &self,
        direction: Direction,
        over: bool,
    ) -> impl Iterator<Item = (&Frame, Vec<Bytes<'_>>)> {
        let side = self.sides.as_ref().filter(|_| !self.broken);
        let side = side.map(|sides| &sides[direction.index()]);
        side.into_iter().flat_map(move |side| {
            side.frames.iter().filter_map(move |frame| {
                if side.is_empty_at_start(frame) {
                    return Some((frame, vec![Bytes::whole(&[])]));
                }
                let (from, to) = self.part(side, frame, over)?;
                let end = frame.end();
                let bytes = side
                    .between(from, to)
                    .map(|(at, data)| Bytes {
                        data,
                        offset: at - frame.offset,
                        complete: end == Some(at + data.len() as u64),
                    })
                    .collect();
                Some((frame, bytes))
            })
        })
    }

    /// The part of a frame that is to be looked at now.
    fn part(&self, side: &Side, frame: &Frame, over: bool) -> Option<(u64, u64)> {
        let from = frame.offset + frame.inspected;
        let whole = frame.end().filter(|end| *end <= side.end);
        let to = whole.unwrap_or(side.end);
        let due = whole.is_some() || self.inline || side.has_part(frame, over);
        (due && to > from).then_some((from, to))
    }

    /// What was due has been looked at.
    pub fn inspected(&mut self, direction: Direction, over: bool) {
        let Some(mut sides) = self.sides.take() else {
            return;
        };
        let side = &mut sides[direction.index()];
        let seen: Vec<Option<u64>> = side
            .frames
            .iter()
            .map(|frame| self.part(side, frame, over).map(|(_, to)| to))
            .collect();
        for (frame, to) in side.frames.iter_mut().zip(seen) {
            let Some(to) = to else { continue };
            frame.inspected = to - frame.offset;
            if self.inline && frame.end() != Some(to) {
                frame.inspected = frame.inspected.saturating_sub(PART_BYTES);
            }
        }
        self.sides = Some(sides);
    }

    /// The frames of a side to record now; each is told once.
    pub fn take_news(&mut self, direction: Direction, over: bool) -> Vec<Frame> {
        let Some(sides) = &mut self.sides else {
            return Vec::new();
        };
        let side = &mut sides[direction.index()];
        let end = side.end;
        let news = side.frames.iter_mut().filter(|frame| {
            let arrived = end.saturating_sub(frame.offset);
            !frame.told
                && (over
                    || arrived >= PART_BYTES
                    || frame.length.is_some_and(|length| arrived >= length))
        });
        news.map(|frame| {
            frame.told = true;
            frame.clone()
        })
        .collect()
    }

    /// Forgets the frames of a side that were seen to their end, or all.
    pub fn prune(&mut self, direction: Direction, over: bool) {
        if let Some(sides) = &mut self.sides {
            let side = &mut sides[direction.index()];
            let end = side.end;
            side.frames
                .retain(|frame| !over && frame.end().is_none_or(|edge| edge > end));
            let needed = side.frames.iter().map(|frame| {
                let kept = end.saturating_sub(PART_BYTES);
                frame.offset.max(kept)
            });
            side.base = side.base.max(needed.min().unwrap_or(end).min(end));
        }
    }

    /// What there is of a frame: how long it is so far, its bytes as records show them (what a gap took is told),
    /// and whether that is all of it.
    pub fn shown(&self, direction: Direction, frame: &Frame, limit: usize) -> (u64, Vec<u8>, bool) {
        let Some(sides) = &self.sides else {
            return (0, Vec::new(), false);
        };
        let side = &sides[direction.index()];
        let complete = frame.end().is_some_and(|end| end <= side.end);
        let to = frame.end().unwrap_or(side.end).min(side.end);
        let mut bytes = Vec::new();
        let mut at = frame.offset;
        let missing = |bytes: &mut Vec<u8>, count: u64| {
            if count > 0 {
                bytes.extend_from_slice(format!("[{count} bytes missing]").as_bytes());
            }
        };
        for (from, data) in side.between(frame.offset, to) {
            missing(&mut bytes, from - at);
            bytes.extend_from_slice(data);
            at = from + data.len() as u64;
            if bytes.len() >= limit {
                at = to;
                break;
            }
        }
        missing(&mut bytes, to.saturating_sub(at));
        bytes.truncate(limit);
        let length = frame
            .length
            .unwrap_or(side.end.saturating_sub(frame.offset));
        (length, bytes, complete)
    }
}

impl Side {
    /// A frame without bytes is looked at where its stream begins, and nowhere else.
    fn is_empty_at_start(&self, frame: &Frame) -> bool {
        let begins = |(from, _): &(u64, Vec<u8>)| *from == 0;
        frame.length == Some(0) && frame.offset == 0 && self.pieces.front().is_some_and(begins)
    }

    /// Whether a frame that is not complete is looked at as far as it has come. Suricata 8.0.6 counts what a rule has
    /// looked at from the frame's beginning, and what there is from the stream's.
    fn has_part(&self, frame: &Frame, over: bool) -> bool {
        let kept = self.end.saturating_sub(self.base);
        match frame.length {
            None if over => true,
            length => {
                self.end >= frame.inspected + PART_BYTES
                    && (over || kept >= PART_BYTES || length.is_some_and(|length| length <= kept))
            }
        }
    }

    /// Bytes between two positions, as far as they are there.
    fn between(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, &[u8])> {
        self.pieces.iter().filter_map(move |(start, bytes)| {
            let end = start + bytes.len() as u64;
            let (from, to) = (from.max(*start), to.min(end));
            let range = from.checked_sub(*start)? as usize..to.checked_sub(*start)? as usize;
            let data = bytes.get(range).filter(|data| !data.is_empty())?;
            Some((from, data))
        })
    }
}

/// Transactions of these have the number 1 first, in records of frames.
fn counts_from_one(protocol: Protocol) -> bool {
    matches!(
        protocol,
        Protocol::Dns
            | Protocol::Mdns
            | Protocol::Http2
            | Protocol::Ldap
            | Protocol::Sip
            | Protocol::Websocket
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AppLayer, Context, Limits};
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    fn wanted() -> WantedFrames {
        let mut wanted = WantedFrames::default();
        wanted.add_all();
        wanted
    }

    fn arrive(frames: &mut Frames, bytes: usize, end: u64) {
        let data = vec![b'x'; bytes];
        frames.arrive(Protocol::Tls, ToServer, &data, end, &wanted());
    }

    fn due(frames: &Frames, over: bool) -> Vec<(&'static str, u64, usize, bool)> {
        frames
            .due(ToServer, over)
            .flat_map(|(frame, bytes)| {
                bytes.into_iter().map(|bytes| {
                    let length = bytes.data.len();
                    (frame.name, bytes.offset, length, bytes.complete)
                })
            })
            .filter(|(name, ..)| *name != STREAM)
            .collect()
    }

    #[test]
    fn frames_are_looked_at_whole_or_in_parts() {
        let mut frames = Frames::default();
        arrive(&mut frames, 100, 100);
        frames.add(ToServer, "hdr", 100, Some(5));
        frames.add(ToServer, "pdu", 100, Some(6000));
        assert_eq!(due(&frames, false), [("hdr", 0, 5, true)]);
        frames.inspected(ToServer, false);
        frames.prune(ToServer, false);
        arrive(&mut frames, 2900, 3000);
        assert_eq!(due(&frames, false), [("pdu", 0, 3000, false)]);
        frames.inspected(ToServer, false);
        assert_eq!(due(&frames, false), []);
        arrive(&mut frames, 500, 3500);
        assert_eq!(due(&frames, false), []);
        // At the end as well, a frame of known length waits for a part that is worth it.
        assert_eq!(due(&frames, true), []);
        arrive(&mut frames, 2600, 6100);
        assert_eq!(due(&frames, false), [("pdu", 3000, 3000, true)]);
        frames.inspected(ToServer, false);
        frames.prune(ToServer, false);
        assert!(frames.frame(ToServer, 3).is_none());
    }

    #[test]
    fn a_frame_without_end_is_looked_at_when_the_stream_ends() {
        let mut frames = Frames::default();
        arrive(&mut frames, 100, 100);
        frames.add(ToServer, "pdu", 100, None);
        assert_eq!(due(&frames, false), []);
        assert_eq!(due(&frames, true), [("pdu", 0, 100, false)]);
        frames.break_off();
        assert_eq!(due(&frames, true), []);
    }

    #[test]
    fn another_protocol_has_frames_of_its_own() {
        let mut frames = Frames::default();
        arrive(&mut frames, 100, 100);
        frames.add(ToServer, "pdu", 100, Some(100));
        frames.leave();
        assert_eq!(due(&frames, true), [("pdu", 0, 100, true)]);
        arrive(&mut frames, 10, 110);
        assert_eq!(due(&frames, true), []);
        assert_eq!(frames.frame(ToServer, 1).map(|one| one.offset), Some(100));
    }

    #[test]
    fn rules_without_a_pattern_hold_for_frames_of_kin() {
        let frame = |protocol, name| Frame {
            id: 1,
            protocol,
            name,
            offset: 0,
            length: None,
            transaction: None,
            inspected: 0,
            told: false,
        };
        type Row = (Protocol, &'static str, Protocol, &'static str, bool);
        let rows: &[Row] = &[
            (Protocol::Dcerpc, "hdr", Protocol::Smb, "nbss.hdr", true),
            (Protocol::Dcerpc, "hdr", Protocol::Smb, "nbss.pdu", false),
            (Protocol::Dcerpc, STREAM, Protocol::Smb, STREAM, true),
            (Protocol::Smb, "nbss.hdr", Protocol::Dcerpc, "hdr", false),
            (Protocol::Http2, "data", Protocol::Doh2, "data", true),
            (Protocol::Doh2, "hdr", Protocol::Dns, "pdu", true),
            (Protocol::Tls, "pdu", Protocol::Smtp, "data", false),
        ];
        for (wanted, name, protocol, there, like) in rows {
            let there = frame(*protocol, there);
            assert_eq!(there.is_like(*wanted, name, true), *like, "{wanted:?}");
        }
        assert!(!frame(Protocol::Dns, "pdu").is_like(Protocol::Doh2, "hdr", false));
    }

    #[test]
    fn a_message_that_comes_with_the_end_has_no_bytes() {
        let mut app = AppLayer::default();
        let (context, limits) = (
            Context {
                now_ns: 0,
                server_port: 80,
                client_port: 40_000,
            },
            Limits {
                frames: wanted(),
                ..Limits::default()
            },
        );
        app.note_last(ToServer);
        app.chunk(ToServer, b"GET / HTTP/1.1\r\n", &context, &limits);
        app.close(ToServer, &context, &limits);
        let seen: Vec<_> = app.frames().due(ToServer, true).collect();
        let of = |name| seen.iter().find(|(frame, _)| frame.name == name);
        assert_eq!(of(STREAM).map(|(_, bytes)| bytes[0].data.len()), Some(16));
        assert_eq!(
            of("request").map(|(_, bytes)| bytes[0].data),
            Some(&b""[..])
        );
    }

    #[test]
    fn gaps_are_told() {
        let mut frames = Frames::default();
        arrive(&mut frames, 4, 4);
        let id = frames.add(ToServer, "data", 2, Some(9));
        arrive(&mut frames, 3, 10);
        frames.trim(ToServer);
        let frame = frames.frame(ToServer, id.expect("wanted")).expect("there");
        let (length, bytes, complete) = frames.shown(ToServer, frame, 100);
        assert_eq!((length, complete), (9, false));
        assert_eq!(bytes, b"xx[3 bytes missing]xxx");
    }

    #[test]
    fn what_is_kept_has_limits() {
        let mut frames = Frames::default();
        for round in 1..=400u64 {
            arrive(&mut frames, 1000, round * 1000);
            frames.add(ToServer, "pdu", 1000, None);
            frames.trim(ToServer);
        }
        let side = &frames.sides.as_ref().expect("wanted")[0];
        let bytes: usize = side.pieces.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(bytes <= MAX_FRAME_BYTES + UNCLAIMED_BYTES);
        assert_eq!(side.frames.len(), MAX_FRAMES);
    }

    #[test]
    fn nothing_is_kept_unless_wanted() {
        let mut frames = Frames::default();
        frames.arrive(Protocol::Tls, ToServer, b"abc", 3, &WantedFrames::default());
        assert_eq!(frames.add(ToServer, "pdu", 3, Some(3)), None);
        assert!(frames.sides.is_none());
        let mut one = WantedFrames::default();
        one.add(Protocol::Tls, "hdr");
        frames.arrive(Protocol::Tls, ToServer, b"abc", 6, &one);
        assert_eq!(frames.add(ToServer, "pdu", 3, Some(3)), None);
        assert!(frames.add(ToServer, "hdr", 3, Some(3)).is_some());
    }

    const MAIL: &[(Direction, &[u8])] = &[
        (ToClient, b"220 a.example\r\n"),
        (ToServer, b"EHLO me\r\n"),
        (ToClient, b"250 a\r\n"),
        (ToServer, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
        (ToClient, b"250 ok\r\n250 ok\r\n354 go\r\n"),
        (ToServer, b"Subject: s\r\n\r\nhello\r\n.\r\n"),
        (ToClient, b"250 ok\r\n"),
        (ToServer, b"QUIT\r\n"),
    ];
    const WEB: &[(Direction, &[u8])] = &[
        (
            ToServer,
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n",
        ),
        (
            ToClient,
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 304 No\r\n\r\n",
        ),
    ];
    const CALLS: &[(Direction, &[u8])] = &[
        (
            ToServer,
            b"REGISTER sip:b SIP/2.0\r\nl: 4\r\n\r\nbodyACK sip:b SIP/2.0\r\nl: 0\r\n\r\n",
        ),
        (ToClient, b"SIP/2.0 200 OK\r\nl: 0\r\n\r\n"),
    ];

    const LOGIN: &[(Direction, &[u8])] = &[
        (ToClient, b"\xff\xfd\x18login: "),
        (ToServer, b"\xff\xfa\x18\x00X\xff\xf0me\r\n"),
    ];

    type Seen = (&'static str, usize, u64, Option<u64>, Option<u64>);

    fn run(pieces: &[(Direction, &[u8])], step: usize) -> Vec<Seen> {
        let context = Context {
            now_ns: 0,
            server_port: 5060,
            client_port: 40_000,
        };
        let limits = Limits {
            frames: wanted(),
            ..Limits::default()
        };
        let mut app = AppLayer::default();
        for (direction, bytes) in pieces {
            for chunk in bytes.chunks(step) {
                app.chunk(*direction, chunk, &context, &limits);
            }
        }
        let mut seen = Vec::new();
        for direction in Direction::BOTH {
            app.close(direction, &context, &limits);
            seen.extend(
                app.frames_mut()
                    .take_news(direction, true)
                    .iter()
                    .map(|frame| {
                        let transaction = frame.transaction.map(|(id, _)| id);
                        let side = direction.index();
                        (frame.name, side, frame.offset, frame.length, transaction)
                    }),
            );
        }
        seen.sort_unstable();
        seen
    }

    #[test]
    fn parsers_announce_where_frames_lie() {
        let web = run(WEB, usize::MAX);
        assert!(
            web.contains(&("request", 0, 0, Some(50), Some(0))),
            "{web:?}"
        );
        assert!(
            web.contains(&("request", 0, 50, Some(18), Some(1))),
            "{web:?}"
        );
        assert!(
            web.contains(&("response", 1, 40, Some(19), Some(1))),
            "{web:?}"
        );
        assert!(web.contains(&("stream", 0, 0, Some(68), None)), "{web:?}");
        let calls = run(CALLS, usize::MAX);
        assert!(
            calls.contains(&("request.line", 0, 0, Some(24), Some(0))),
            "{calls:?}"
        );
        assert!(
            calls.contains(&("request.headers", 0, 24, Some(6), Some(0))),
            "{calls:?}"
        );
        assert!(
            calls.contains(&("request.body", 0, 32, Some(4), Some(0))),
            "{calls:?}"
        );
        assert!(
            calls.contains(&("pdu", 0, 36, Some(27), Some(1))),
            "{calls:?}"
        );
        let mail = run(MAIL, usize::MAX);
        assert!(
            mail.contains(&("command_line", 0, 9, Some(17), None)),
            "{mail:?}"
        );
        assert!(
            mail.contains(&("command_line", 0, 9, Some(15), Some(0))),
            "{mail:?}"
        );
        assert!(
            mail.contains(&("data", 0, 47, Some(24), Some(0))),
            "{mail:?}"
        );
        assert!(
            mail.contains(&("response_line", 1, 15, Some(7), Some(0))),
            "{mail:?}"
        );
    }

    #[test]
    fn commands_of_telnet_are_frames() {
        let context = Context {
            now_ns: 0,
            server_port: 23,
            client_port: 40_000,
        };
        let limits = Limits {
            frames: wanted(),
            ..Limits::default()
        };
        let row = Protocol::Telnet.row().expect("parsed");
        let mut parser = (row.parser)(crate::Transport::Tcp);
        let mut transactions = crate::Transactions::default();
        for (direction, bytes) in LOGIN {
            let frames = &mut transactions.frames;
            let end = bytes.len() as u64;
            frames.arrive(Protocol::Telnet, *direction, bytes, end, &limits.frames);
            parser.chunk(*direction, bytes, &mut transactions, &context, &limits);
        }
        let seen = |direction| -> Vec<_> {
            let news = transactions.frames.of_side(direction);
            let own = news.filter(|frame| frame.name != STREAM && frame.name != "pdu");
            own.map(|frame| (frame.name, frame.offset, frame.length))
                .collect()
        };
        assert_eq!(seen(ToClient), [("ctl", 0, Some(3)), ("data", 3, Some(7))]);
        assert_eq!(
            seen(ToServer),
            [
                ("ctl", 0, Some(5)),
                ("ctl", 5, Some(2)),
                ("data", 7, Some(4))
            ]
        );
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_frames(step in 1usize..40) {
            for pieces in [MAIL, WEB, CALLS, LOGIN] {
                prop_assert_eq!(run(pieces, step), run(pieces, usize::MAX));
            }
        }
    }
}
