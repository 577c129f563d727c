//! What an alert shows of a stream: acknowledged bytes that not everybody had looked at before this packet.

use std::borrow::Cow;

use sensor_flow::Direction;

use crate::buffer::Buffer;
use crate::{Config, Session};

impl Session {
    /// Everybody has looked at what this side has sent so far: alerts show what follows. Not to be called while it is
    /// still unknown what the stream carries; all of it belongs together then.
    pub fn looked_at(&mut self, direction: Direction, config: &Config) {
        let half = &mut self.sides[direction.index()];
        let buffer = &half.buffer;
        let mut until = buffer.delivered();
        if config.raw_inspected && !buffer.raw_disabled {
            until = until.min(buffer.raw());
        }
        half.shown = half.shown.max(until.min(half.acked_position()));
    }

    /// The bytes of this side for an alert, at most `limit`; holes are told by their lengths.
    pub fn shown(&self, direction: Direction, limit: usize) -> Cow<'_, [u8]> {
        let half = &self.sides[direction.index()];
        let from = half.shown.max(half.buffer.first());
        let until = half.acked_position();
        let mut all = Cow::Borrowed(&[][..]);
        let mut end = from;
        for (at, bytes) in half.buffer.pieces(from, until) {
            if at > end {
                let hole = format!("[{} bytes missing]", at - end);
                all.to_mut().extend_from_slice(hole.as_bytes());
            }
            let room = limit.saturating_sub(all.len());
            let part = bytes.get(..room).unwrap_or(bytes);
            if all.is_empty() {
                all = Cow::Borrowed(part);
            } else {
                all.to_mut().extend_from_slice(part);
            }
            if part.len() < bytes.len() {
                break;
            }
            end = at + bytes.len() as u64;
        }
        all
    }
}

impl Buffer {
    /// Where what is held begins; a hole before it belongs to it.
    fn first(&self) -> u64 {
        let start = self.start();
        let start = if start == self.raw_floor {
            start.saturating_sub(self.missing)
        } else {
            start
        };
        self.stale.front().map_or(start, |(at, _)| start.min(*at))
    }

    /// What is held from one position to another, with positions: what a gap has cut off, what is in order, and what
    /// waits behind holes.
    fn pieces(&self, from: u64, until: u64) -> impl Iterator<Item = (u64, &[u8])> {
        fn slice((at, bytes): (u64, &Vec<u8>)) -> (u64, &[u8]) {
            (at, bytes)
        }
        let in_order = self.data.get(self.head..).unwrap_or_default();
        let cut_off = self.stale.iter().map(|(at, bytes)| slice((*at, bytes)));
        let waiting = self.pending.iter().map(|(at, bytes)| slice((*at, bytes)));
        cut_off
            .chain(std::iter::once((self.start(), in_order)))
            .chain(waiting)
            .filter_map(move |(at, bytes)| {
                let skipped = usize::try_from(from.saturating_sub(at)).ok()?;
                let wanted = usize::try_from(until.saturating_sub(at)).unwrap_or(usize::MAX);
                let bytes = bytes.get(skipped..bytes.len().min(wanted))?;
                (!bytes.is_empty()).then_some((at.max(from), bytes))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overlap::Overlap;
    use crate::{EventSet, OsPolicy, Tally};
    use Direction::ToServer;

    /// A side that began with the number 99 and sent these pieces, by their places in the stream.
    fn session(pieces: &[(u32, &[u8])], acked: u32) -> Session {
        let mut session = Session::default();
        let half = &mut session.sides[ToServer.index()];
        half.begin(99);
        half.acked = 100 + acked;
        for (at, bytes) in pieces {
            let overlap = Overlap {
                policy: OsPolicy::Bsd,
                inline: false,
                compare: false,
            };
            let (mut events, mut tally) = (EventSet::default(), Tally::default());
            let buffer = &mut half.buffer;
            assert!(buffer.insert(100 + at, bytes, overlap, &mut events, &mut tally));
        }
        session
    }

    #[test]
    fn alerts_show_what_is_acknowledged_and_how_much_is_missing() {
        type Row = (&'static [(u32, &'static [u8])], u32, usize, &'static [u8]);
        let rows: &[Row] = &[
            (&[(0, b"abcdef")], 6, 99, b"abcdef"),
            (&[(0, b"abcdef")], 4, 99, b"abcd"),
            (&[(0, b"abcdef")], 6, 3, b"abc"),
            (&[(0, b"abcdef")], 0, 99, b""),
            (
                &[(0, b"abc"), (5, b"fgh")],
                8,
                99,
                b"abc[2 bytes missing]fgh",
            ),
            (&[(0, b"abc"), (5, b"fgh")], 4, 99, b"abc"),
            (&[(2, b"cd")], 4, 99, b"[2 bytes missing]cd"),
        ];
        for (pieces, acked, limit, shown) in rows {
            let session = session(pieces, *acked);
            let got = session.shown(ToServer, *limit);
            assert_eq!(
                String::from_utf8_lossy(&got),
                String::from_utf8_lossy(shown)
            );
        }
    }

    #[test]
    fn what_was_looked_at_is_not_shown_again() {
        struct Nobody;
        impl crate::Sink for Nobody {
            fn chunk(&mut self, _: Direction, _: &[u8]) {}
            fn gap(&mut self, _: Direction, _: u64) {}
            fn truncated(&mut self, _: Direction) {}
            fn close(&mut self, _: Direction) {}
        }
        let config = Config {
            raw_inspected: false,
            ..Config::default()
        };
        let mut session = session(&[(0, b"abcdef")], 4);
        let buffer = &mut session.sides[ToServer.index()].buffer;
        buffer.deliver(4, 4, ToServer, &mut Nobody, &mut EventSet::default());
        // Rules on the stream would still have to look at it.
        session.looked_at(ToServer, &Config::default());
        assert_eq!(&*session.shown(ToServer, 99), b"abcd");
        session.looked_at(ToServer, &config);
        assert_eq!(&*session.shown(ToServer, 99), b"");
        session.sides[ToServer.index()].acked = 106;
        assert_eq!(&*session.shown(ToServer, 99), b"ef");
    }
}
