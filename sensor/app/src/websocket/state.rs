//! Chunks → frames and messages.

use sensor_flow::Direction;

use super::wire::{COMPRESSED, FIN, FrameHeader};
use super::{WebsocketTransaction, events};
use crate::http1::{Engine, Ran};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// Payload kept of a frame, and of a message.
pub const MAX_PAYLOAD_BYTES: usize = 65_535;
/// What one message may come to when it is decompressed; a side that exceeds it is not any more.
pub const MAX_INFLATED_BYTES: usize = 1024 * 1024;
/// What ends a compressed message, and is not sent (RFC 7692 §7.2.2).
const MESSAGE_END: [u8; 4] = [0, 0, 0xff, 0xff];

#[derive(Debug, Default)]
enum Inflate {
    #[default]
    Unused,
    Running(Engine),
    Over,
}

#[derive(Debug, Default)]
struct Side {
    held: Vec<u8>,
    skip: u64,
    /// Frames of a message so far.
    message: Vec<u8>,
    compressed: bool,
    inflate: Inflate,
}

impl Side {
    /// A message as it was before compression; as it is, when that fails.
    fn inflated(&mut self, payload: Vec<u8>) -> Vec<u8> {
        if let Inflate::Unused = self.inflate {
            self.inflate = Inflate::Running(Engine::inflate());
        }
        let Inflate::Running(engine) = &mut self.inflate else {
            return payload;
        };
        let mut out = Vec::new();
        let mut made = 0;
        let mut broken = false;
        for part in [&payload[..], &MESSAGE_END] {
            let ran = engine.run(part, &mut |piece| {
                made += piece.len();
                let room = MAX_PAYLOAD_BYTES.saturating_sub(out.len());
                out.extend_from_slice(&piece[..piece.len().min(room)]);
                made <= MAX_INFLATED_BYTES
            });
            broken |= !matches!(ran, Ran::More) || made > MAX_INFLATED_BYTES;
        }
        if broken {
            self.inflate = Inflate::Over;
        }
        if out.is_empty() { payload } else { out }
    }
}

/// The parser of one flow.
#[derive(Debug, Default)]
pub struct State {
    sides: [Side; 2],
}

impl State {
    fn frame(
        &mut self,
        direction: Direction,
        header: FrameHeader,
        payload: &[u8],
        transactions: &mut Transactions,
    ) -> bool {
        let side = &mut self.sides[direction.index()];
        let mut payload = header.unmask(payload);
        let mut compressed = header.has(COMPRESSED);
        let last = header.has(FIN);
        let mut limited = false;
        if !header.opcode.is_control() && (!side.message.is_empty() || !last) {
            if side.message.is_empty() {
                side.compressed = compressed;
            }
            let room = MAX_PAYLOAD_BYTES.saturating_sub(side.message.len());
            limited = payload.len() > room;
            side.message
                .extend_from_slice(&payload[..payload.len().min(room)]);
            if last {
                compressed = side.compressed;
                payload = std::mem::take(&mut side.message);
            }
        }
        if compressed && last {
            side.compressed = false;
            payload = side.inflated(payload);
        }
        let cut = header.length > MAX_PAYLOAD_BYTES as u64;
        let Some(tx) = transactions.begin(Body::Websocket(Box::new(WebsocketTransaction {
            direction,
            header,
            payload,
        }))) else {
            return false;
        };
        tx.only = Some(direction);
        if cut {
            tx.raise(events::SKIP_END_OF_PAYLOAD);
        }
        if limited {
            tx.raise(events::REASSEMBLY_LIMIT_REACHED);
        }
        for side in Direction::BOTH {
            tx.advance(side, Transaction::COMPLETE);
        }
        true
    }
}

impl Parser for State {
    fn chunk(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        let mut all = std::mem::take(&mut self.sides[direction.index()].held);
        let mut rest = if all.is_empty() {
            data
        } else {
            all.extend_from_slice(data);
            &all
        };
        loop {
            let side = &mut self.sides[direction.index()];
            let skipped = usize::try_from(side.skip)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            side.skip -= skipped as u64;
            rest = &rest[skipped..];
            let Ok((header, header_bytes)) = FrameHeader::read(rest) else {
                break;
            };
            let length = header.length.min(MAX_PAYLOAD_BYTES as u64);
            let behind = &rest[header_bytes..];
            let Some(payload) = behind.get(..length as usize) else {
                break;
            };
            side.skip = header.length - length;
            let frames = &mut transactions.frames;
            let announced = [
                ("header", rest.len(), header_bytes),
                ("pdu", rest.len(), header_bytes + payload.len()),
                ("data", behind.len(), payload.len()),
            ]
            .map(|(name, rest, length)| frames.add(direction, name, rest, Some(length as u64)));
            rest = &behind[payload.len()..];
            if !self.frame(direction, header, payload, transactions) {
                return Step::Failed;
            }
            if let Some(id) = transactions.last().map(|tx| tx.id) {
                for frame in announced {
                    transactions.assign_frame(direction, frame, id);
                }
            }
        }
        self.sides[direction.index()].held = rest.to_vec();
        Step::More
    }

    fn gap(
        &mut self,
        direction: Direction,
        bytes: u64,
        _: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        let side = &mut self.sides[direction.index()];
        match side.skip.checked_sub(bytes) {
            Some(left) => {
                side.skip = left;
                Step::More
            }
            // Nothing marks the beginning of a frame.
            None => Step::Failed,
        }
    }

    fn close(&mut self, direction: Direction, _: &mut Transactions, _: &Context, _: &Limits) {
        self.sides[direction.index()].held = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::super::websocket;
    use super::*;
    use Direction::ToClient;
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 80,
        client_port: 40_000,
    };

    fn run(chunks: &[&[u8]]) -> Transactions {
        let mut transactions = Transactions::default();
        let mut state = State::default();
        for chunk in chunks {
            state.chunk(
                ToClient,
                chunk,
                &mut transactions,
                &CONTEXT,
                &Limits::default(),
            );
        }
        transactions
    }

    fn payloads(transactions: &Transactions) -> Vec<Vec<u8>> {
        let live = transactions.live().iter();
        live.filter_map(|tx| websocket(tx).map(|frame| frame.payload.clone()))
            .collect()
    }

    #[test]
    fn the_last_frame_has_the_message() {
        let stream = [&[0x01, 3][..], b"Hel", &[0x89, 1], b"!", &[0x80, 2], b"lo"].concat();
        let transactions = run(&[&stream]);
        assert_eq!(payloads(&transactions), [&b"Hel"[..], b"!", b"Hello"]);
    }

    /// RFC 7692 §7.2.3.2: the second message refers to the first.
    #[test]
    fn compressed_messages() {
        let stream = [
            &[0xc1, 7, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
            &[0xc1, 5, 0xf2, 0x00, 0x11, 0x00, 0x00],
        ]
        .concat();
        assert_eq!(payloads(&run(&[&stream])), [b"Hello", b"Hello"]);
    }

    #[test]
    fn long_payloads_are_cut() {
        let mut stream = vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70];
        stream.extend(vec![7; 70_000]);
        stream.extend([0x8a, 0]);
        let transactions = run(&[&stream]);
        assert_eq!(transactions.live()[0].events, [events::SKIP_END_OF_PAYLOAD]);
        assert_eq!(payloads(&transactions)[0].len(), MAX_PAYLOAD_BYTES);
        assert_eq!(transactions.begun(), 2);
    }

    #[test]
    fn what_grows_too_much_is_not_decompressed_any_more() {
        let compressed = |payload: &[u8]| {
            let level = flate2::Compression::default();
            let mut encoder = flate2::Compress::new(level, false);
            let mut out = Vec::with_capacity(64 * 1024);
            let done = encoder.compress_vec(payload, &mut out, flate2::FlushCompress::Sync);
            done.expect("there is room");
            // RFC 7692 §7.2.1: the end of the flush is left out.
            out.truncate(out.len() - MESSAGE_END.len());
            let length = u16::try_from(out.len()).expect("it is short").to_be_bytes();
            [&[0xc1, 126], &length[..], &out].concat()
        };
        let small = compressed(&vec![b'a'; MAX_INFLATED_BYTES / 2]);
        let bomb = compressed(&vec![b'a'; MAX_INFLATED_BYTES + 1]);
        let transactions = run(&[&small, &bomb, &small]);
        let payloads = payloads(&transactions);
        let lengths: Vec<usize> = payloads.iter().map(Vec::len).collect();
        // What is kept of the first two has its limit; the third stands as it came.
        assert_eq!(
            lengths,
            [MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES, small.len() - 4]
        );
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_frames(cuts in proptest::collection::vec(1usize..9, 1..20)) {
            let stream = [&[0x01, 3][..], b"Hel", &[0x80, 0x82, 1, 2, 3, 4, 1 ^ b'l', 2 ^ b'o'], &[0x8a, 0]].concat();
            let mut chunks = Vec::new();
            let mut rest = stream.as_slice();
            let mut cuts = cuts.into_iter().cycle();
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                chunks.push(chunk);
                rest = after;
            }
            prop_assert_eq!(payloads(&run(&chunks)), [&b"Hel"[..], b"Hello", b""]);
        }

        #[test]
        fn no_bytes_panic(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..12)) {
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            for tx in run(&chunks).live() {
                serde_json::to_string(&tx.record()).expect("a record serialises");
            }
        }
    }
}
