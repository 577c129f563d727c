//! A conversation as any bytes, for fuzzing, and what has to hold of every parser that reads it.
//!
//! A conversation is written as pieces: one octet that says what happens and on which side, two octets of length
//! (little-endian), and for a chunk so many octets of content, or what is left of the input.

use sensor_app::{
    BufferGetter, Context, Limits, MAX_LIVE_TRANSACTIONS, PROTOCOLS, Protocol, ProtocolRow, Step,
    Transaction, Transactions, Transport,
};
use sensor_flow::Direction;

/// Occurrences of a buffer that are looked at: detection has a limit of the same kind.
const MAX_OCCURRENCES: usize = 1_024;

/// What happens next in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    Chunk(Direction, &'a [u8]),
    Gap(Direction, u64),
    Close(Direction),
}

/// The pieces of an input; any bytes are some conversation.
pub fn pieces(input: &[u8]) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = input;
    while let [kind, low, high, after @ ..] = rest {
        let direction = match kind & 1 {
            0 => Direction::ToServer,
            _ => Direction::ToClient,
        };
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        rest = after;
        match kind >> 1 & 7 {
            6 => pieces.push(Piece::Gap(direction, length as u64 + 1)),
            7 => pieces.push(Piece::Close(direction)),
            _ => {
                let (chunk, after) = rest.split_at(length.min(rest.len()));
                rest = after;
                pieces.push(Piece::Chunk(direction, chunk));
            }
        }
    }
    pieces
}

/// A conversation as input.
pub fn write(pieces: &[Piece<'_>]) -> Vec<u8> {
    let mut input = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Chunk(direction, data) => {
                for part in data.chunks(usize::from(u16::MAX)) {
                    input.push(direction.index() as u8);
                    input.extend((part.len() as u16).to_le_bytes());
                    input.extend(part);
                }
            }
            Piece::Gap(direction, bytes) => {
                input.push(direction.index() as u8 | 6 << 1);
                input.extend((bytes.saturating_sub(1).min(0xffff) as u16).to_le_bytes());
            }
            Piece::Close(direction) => {
                input.extend([direction.index() as u8 | 7 << 1, 0, 0]);
            }
        }
    }
    input
}

/// The row of a protocol by its name in rules.
pub fn row(name: &str) -> &'static ProtocolRow {
    let found = PROTOCOLS.iter().find(|row| row.name == name);
    found.unwrap_or_else(|| panic!("no protocol is called {name:?}"))
}

/// Protocols whose records hang on how a broken stream is cut, as they do in Suricata: bytes behind the end of an HTTP
/// body belong to it when they come with it, and are a message when they come later; an SMB record that holds no
/// message ends its side unless it comes whole; an SSH banner beyond its limit is cut unless it comes whole; a SIP message
/// that tells no length has the body that comes with it.
const CUT_TELLS: &[&str] = &["http", "sip", "smb", "ssh"];

/// Whether transactions that are complete are taken away, as the sensor does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Retire {
    Complete,
    Never,
}

/// Feeds a parser with a conversation; nothing may panic, and no limit may be passed.
pub fn converse(row: &ProtocolRow, pieces: &[Piece<'_>]) {
    for transport in row.transports {
        run(row, *transport, Retire::Complete, pieces.iter().copied());
        // Datagrams are whole; streams may come in any cut. After a gap a parser may pick up at a message that it
        // has whole, so only streams without one have to tell the same. When transactions are retired hangs on the
        // cut, and what belongs to a transaction that is complete then finds it or not: so none is.
        let has_gap = pieces.iter().any(|piece| matches!(piece, Piece::Gap(..)));
        if *transport == Transport::Tcp && !has_gap && !CUT_TELLS.contains(&row.name) {
            let told = run(row, *transport, Retire::Never, pieces.iter().copied());
            let cut = pieces.iter().flat_map(|piece| match *piece {
                Piece::Chunk(direction, data) => data
                    .chunks(7)
                    .map(move |part| Piece::Chunk(direction, part))
                    .collect(),
                other => vec![other],
            });
            let again = run(row, *transport, Retire::Never, cut);
            // Where in a chunk a parser gives up or hands over is its own affair.
            if let (Some(told), Some(again)) = (told, again) {
                assert_eq!(
                    told, again,
                    "another cut of the stream tells something else"
                );
            }
        }
    }
}

/// The records of all transactions, if all bytes were parsed by this parser.
fn run<'a>(
    row: &ProtocolRow,
    transport: Transport,
    retire: Retire,
    pieces: impl Iterator<Item = Piece<'a>>,
) -> Option<Vec<String>> {
    let limits = Limits::default();
    let mut context = Context {
        now_ns: 1_700_000_000_000_000_000,
        server_port: 443,
        client_port: 50_000,
    };
    let mut parser = (row.parser)(transport);
    let mut transactions = Transactions::default();
    let mut finished = [false; 2];
    let mut told = Vec::new();
    for piece in pieces {
        context.now_ns += 1_000_000;
        let step = match piece {
            Piece::Chunk(direction, data) => {
                if finished[direction.index()] || data.is_empty() {
                    continue;
                }
                parser.chunk(direction, data, &mut transactions, &context, &limits)
            }
            Piece::Gap(direction, bytes) => {
                if finished[direction.index()] {
                    continue;
                }
                parser.gap(direction, bytes, &mut transactions, &context, &limits)
            }
            Piece::Close(direction) => {
                parser.close(direction, &mut transactions, &context, &limits);
                finished[direction.index()] = true;
                Step::More
            }
        };
        assert!(transactions.live().len() <= MAX_LIVE_TRANSACTIONS);
        if retire == Retire::Complete {
            transactions.live().iter().for_each(inspect);
        }
        transactions.live_mut().retain(|transaction| {
            let over = [Direction::ToServer, Direction::ToClient]
                .iter()
                .all(|side| transaction.is_complete(*side) || !transaction.has_side(*side));
            let retired = over && retire == Retire::Complete;
            if retired {
                told.push(record(transaction));
            }
            !retired
        });
        match step {
            Step::More => {}
            Step::Finished => match piece {
                Piece::Chunk(direction, _) | Piece::Gap(direction, _) | Piece::Close(direction) => {
                    finished[direction.index()] = true;
                }
            },
            Step::Failed => return None,
            Step::Change { rest, .. } => {
                if let Piece::Chunk(_, data) = piece {
                    assert!(rest <= data.len(), "more is handed on than came");
                }
                return None;
            }
        }
    }
    for direction in [Direction::ToServer, Direction::ToClient] {
        parser.close(direction, &mut transactions, &context, &limits);
    }
    for transaction in transactions.live() {
        inspect(transaction);
        told.push(record(transaction));
    }
    Some(told)
}

/// What a transaction would tell in EVE.
fn record(transaction: &Transaction) -> String {
    serde_json::to_string(&transaction.record()).expect("a record serialises")
}

/// Reads everything that rules can ask of a transaction.
fn inspect(transaction: &Transaction) {
    let Some(row) = known(transaction.protocol()) else {
        return;
    };
    for side in [Direction::ToServer, Direction::ToClient] {
        for buffer in row.buffers {
            match buffer.getter {
                BufferGetter::One(getter) => {
                    getter(transaction, side);
                }
                BufferGetter::Many(getter) => {
                    let mut nth = 0;
                    while nth < MAX_OCCURRENCES && getter(transaction, side, nth).is_some() {
                        nth += 1;
                    }
                }
            }
        }
        for field in row.int_fields {
            let mut nth = 0;
            while nth < MAX_OCCURRENCES && (field.getter)(transaction, side, nth).is_some() {
                nth += 1;
            }
        }
    }
    record(transaction);
}

fn known(protocol: Protocol) -> Option<&'static ProtocolRow> {
    protocol.row()
}
