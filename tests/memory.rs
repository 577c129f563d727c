//! What one flow holds while one side talks on without end. A parser has limits of its own for all that a peer can
//! make grow; here their sum is measured, as the allocator sees it.

use matluoi_tests::conversations::{self, Conversation};
use sensor_app::{
    AppLayer, Context, Limits, PROTOCOLS, ProtocolRow, Step, Transaction, Transactions, Transport,
};
use sensor_flow::Direction;

/// Bytes of the conversations that are talked on with.
const MAX_BYTES: usize = 32 * 1024;
/// Conversations of a protocol that are tried.
const CONVERSATIONS: usize = 2;
/// Bytes that a side sends. More than may be held, so that what holds all of it is found.
const SENT_BYTES: usize = 4 * 1024 * 1024;
/// A segment without content holds something as well.
const LEAST_BYTES: usize = 50;
/// What a flow may hold at any time that has the transactions of a real one, thousands of them at once.
const MAX_HELD_BYTES: u64 = 3 * 1024 * 1024;
/// Bytes of one octet, and what may be held of them.
const FLOOD_BYTES: usize = 1024 * 1024;
const MAX_FLOOD_BYTES: u64 = 512 * 1024;
const SEGMENT_BYTES: usize = 1_400;

fn is_over(transaction: &Transaction) -> bool {
    Direction::BOTH
        .iter()
        .all(|side| transaction.is_complete(*side) || !transaction.has_side(*side))
}

/// The most that a flow holds which goes on with what one side has said, over and over.
fn held(conversation: &Conversation, side: Direction) -> u64 {
    let said: Vec<&[u8]> = conversation
        .borrowed()
        .filter(|(of, _)| *of == side)
        .map(|(_, bytes)| bytes)
        .collect();
    let measured = allocation_counter::measure(|| {
        let limits = Limits::default();
        let mut layer = AppLayer::default();
        conversation.feed(&mut layer, conversation.borrowed(), &limits);
        let mut sent = 0;
        for bytes in said.iter().cycle() {
            conversation.feed(&mut layer, [(side, *bytes)], &limits);
            // What the sensor does after each packet.
            layer.take_events();
            layer.take_expected();
            layer.retire(is_over);
            sent += bytes.len().max(LEAST_BYTES);
            if sent > SENT_BYTES {
                break;
            }
        }
    });
    measured.bytes_max
}

#[test]
fn a_side_that_repeats_itself_is_not_held() {
    let mut faults = Vec::new();
    for (protocol, conversations) in conversations::by_protocol(MAX_BYTES) {
        for (nth, conversation) in conversations.iter().take(CONVERSATIONS).enumerate() {
            for side in Direction::BOTH {
                let held = held(conversation, side);
                if held > MAX_HELD_BYTES {
                    faults.push(format!(
                        "{protocol}, conversation {nth}, {side:?}: {held} bytes"
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The most that a parser holds of one octet without end.
fn flooded(row: &ProtocolRow, transport: Transport, side: Direction, octet: u8) -> u64 {
    let limits = Limits::default();
    let context = Context {
        now_ns: 0,
        server_port: 443,
        client_port: 50_000,
    };
    let segment = [octet; SEGMENT_BYTES];
    let measured = allocation_counter::measure(|| {
        let mut parser = (row.parser)(transport);
        let mut transactions = Transactions::default();
        for _ in 0..FLOOD_BYTES / SEGMENT_BYTES {
            let step = parser.chunk(side, &segment, &mut transactions, &context, &limits);
            if step != Step::More && transport == Transport::Tcp {
                break;
            }
            transactions.live_mut().retain(|one| !is_over(one));
        }
    });
    measured.bytes_max
}

#[test]
fn a_flood_of_one_octet_is_not_held() {
    let mut faults = Vec::new();
    for row in PROTOCOLS {
        for &transport in row.transports {
            for side in Direction::BOTH {
                for octet in [0, b'A', b'\n', 0xff] {
                    let held = flooded(row, transport, side, octet);
                    if held > MAX_FLOOD_BYTES {
                        faults.push(format!(
                            "{}, {transport:?}, {side:?}, {octet:#04x}: {held} bytes",
                            row.name
                        ));
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
