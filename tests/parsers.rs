//! What has to hold of every parser, tried on what real programs have said (`tests/pcap`): a stream may be cut in any
//! way, a message that is cut short asks for more, and no bytes panic or pass a limit. Parsers have tests of the same
//! kind beside them, on conversations of their own; here all of them go through detection and changes of protocol.

use matluoi_tests::conversations::{self, Conversation};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sensor_app::{AppLayer, Limits, MAX_LIVE_TRANSACTIONS, PROTOCOLS, Protocol, Transport};
use sensor_flow::Direction;

/// Bytes of a conversation that is tried: longer ones say little more, and take long.
const MAX_BYTES: usize = 32 * 1024;
/// Trials of one conversation.
const TRIALS: u32 = 12;
/// Protocols that no flow tells by itself: the control connection expects the data of FTP.
const NOT_ALONE: &[Protocol] = &[Protocol::FtpData];

/// What a sensor would tell of a flow.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    protocol: Protocol,
    original: Option<Protocol>,
    failures: u64,
    records: Vec<String>,
}

fn told(layer: &AppLayer) -> Told {
    Told {
        protocol: layer.protocol(),
        original: layer.original_protocol(),
        failures: layer.failures(),
        records: records(layer),
    }
}

fn records(layer: &AppLayer) -> Vec<String> {
    layer
        .transactions()
        .iter()
        .map(|tx| serde_json::to_string(&tx.record()).expect("a record serialises"))
        .collect()
}

/// The flow as it was captured.
fn as_captured(conversation: &Conversation) -> AppLayer {
    let mut layer = AppLayer::default();
    let limits = Limits::default();
    conversation.feed(&mut layer, conversation.borrowed(), &limits);
    layer
}

fn borrowed(pieces: &[(Direction, Vec<u8>)]) -> impl Iterator<Item = (Direction, &[u8])> {
    pieces.iter().map(|(side, bytes)| (*side, bytes.as_slice()))
}

/// Runs a trial on every conversation; tells which one failed.
fn each<S: Strategy>(
    strategy: impl Fn(&Conversation) -> S,
    trial: impl Fn(&Conversation, S::Value) -> Result<(), TestCaseError>,
) {
    for (protocol, conversations) in conversations::by_protocol(MAX_BYTES) {
        for (nth, conversation) in conversations.iter().enumerate() {
            let mut runner = TestRunner::new(Config {
                cases: TRIALS,
                failure_persistence: None,
                ..Config::default()
            });
            let result = runner.run(&strategy(conversation), |input| trial(conversation, input));
            if let Err(fault) = result {
                panic!("{protocol}, conversation {nth}: {fault}");
            }
        }
    }
}

/// Stretches of one side, cut anew: sizes are taken in turn.
fn cut(pieces: &[(Direction, Vec<u8>)], sizes: &[usize]) -> Vec<(Direction, Vec<u8>)> {
    let mut stretches: Vec<(Direction, Vec<u8>)> = Vec::new();
    for (side, bytes) in pieces {
        match stretches.last_mut() {
            Some((last, stretch)) if last == side => stretch.extend(bytes),
            _ => stretches.push((*side, bytes.clone())),
        }
    }
    let mut sizes = sizes.iter().copied().cycle();
    let mut cut = Vec::new();
    for (side, stretch) in stretches {
        let mut rest = stretch.as_slice();
        while !rest.is_empty() {
            let size = sizes.next().unwrap_or(rest.len()).clamp(1, rest.len());
            let (piece, after) = rest.split_at(size);
            cut.push((side, piece.to_vec()));
            rest = after;
        }
    }
    cut
}

#[test]
fn every_protocol_has_a_conversation() {
    let found = conversations::by_protocol(MAX_BYTES);
    let missing: Vec<&str> = PROTOCOLS
        .iter()
        .filter(|row| !NOT_ALONE.contains(&row.protocol) && !found.contains_key(row.name))
        .map(|row| row.name)
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// Protocols that only their port tells: elsewhere these are messages of DNS among neighbours.
const NEED_THEIR_PORT: &[Protocol] = &[Protocol::Llmnr, Protocol::Mdns];

#[test]
fn content_tells_the_protocol_on_any_port() {
    let mut otherwise = Vec::new();
    for (protocol, conversations) in conversations::by_protocol(MAX_BYTES) {
        for (nth, mut conversation) in conversations.into_iter().enumerate() {
            let layer = as_captured(&conversation);
            // A greeting alone, and a flow that begins with something else, tell nothing without the port.
            let client_speaks = conversation
                .pieces
                .iter()
                .any(|(side, _)| *side == Direction::ToServer);
            let one_sided = conversation.transport == Transport::Tcp && !client_speaks;
            if one_sided || layer.failures() > 0 || NEED_THEIR_PORT.contains(&layer.protocol()) {
                continue;
            }
            (conversation.server_port, conversation.client_port) = (23_456, 40_000);
            let moved = told(&as_captured(&conversation));
            if moved != told(&layer) {
                otherwise.push((protocol, nth, moved, told(&layer)));
            }
        }
    }
    assert!(otherwise.is_empty(), "{otherwise:#?}");
}

#[test]
fn any_cut_of_a_stream_tells_the_same() {
    let sizes = |_: &Conversation| {
        prop_oneof![
            Just(vec![1]),
            Just(vec![usize::MAX]),
            proptest::collection::vec(1usize..40, 1..8),
            proptest::collection::vec(1usize..1_500, 1..8),
        ]
    };
    each(sizes, |conversation, sizes| {
        if conversation.transport == Transport::Udp {
            return Ok(());
        }
        let limits = Limits::default();
        let mut whole = as_captured(conversation);
        let mut anew = AppLayer::default();
        let pieces = cut(&conversation.pieces, &sizes);
        conversation.feed(&mut anew, borrowed(&pieces), &limits);
        for layer in [&mut whole, &mut anew] {
            conversation.close(layer, &limits);
        }
        prop_assert_eq!(told(&anew), told(&whole));
        Ok(())
    });
}

#[test]
fn what_is_cut_short_asks_for_more() {
    each(
        |conversation| 0..conversation.bytes().max(1),
        |conversation, kept| {
            let limits = Limits::default();
            let whole = as_captured(conversation);
            let mut left = kept;
            let pieces: Vec<_> = conversation
                .pieces
                .iter()
                .map(|(side, bytes)| {
                    let here = bytes.len().min(left);
                    left -= here;
                    (*side, bytes[..here].to_vec())
                })
                .filter(|(_, bytes)| !bytes.is_empty())
                .collect();
            let mut layer = AppLayer::default();
            conversation.feed(&mut layer, borrowed(&pieces), &limits);
            // A datagram that is cut short is a bad one.
            if conversation.transport == Transport::Tcp {
                prop_assert!(layer.failures() <= whole.failures());
                prop_assert!(layer.protocol() != Protocol::Failed);
            }
            prop_assert!(layer.transaction_count() <= whole.transaction_count());
            conversation.close(&mut layer, &limits);
            records(&layer);
            Ok(())
        },
    );
}

/// What happens to a piece on its way.
#[derive(Debug, Clone)]
enum Mishap {
    Altered(prop::sample::Index, u8),
    CutShort(prop::sample::Index),
    Lost,
    SentAgain,
    OtherSide,
    Followed(Vec<u8>),
}

fn mishaps() -> impl Strategy<Value = Vec<(prop::sample::Index, Mishap)>> {
    let mishap = prop_oneof![
        4 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, to)| Mishap::Altered(at, to)),
        1 => any::<prop::sample::Index>().prop_map(Mishap::CutShort),
        1 => Just(Mishap::Lost),
        1 => Just(Mishap::SentAgain),
        1 => Just(Mishap::OtherSide),
        1 => proptest::collection::vec(any::<u8>(), 1..80).prop_map(Mishap::Followed),
    ];
    proptest::collection::vec((any::<prop::sample::Index>(), mishap), 1..10)
}

#[test]
fn no_input_panics_or_passes_a_limit() {
    each(
        |_| mishaps(),
        |conversation, mishaps| {
            let mut pieces = conversation.pieces.clone();
            for (at, mishap) in mishaps {
                let at = at.index(pieces.len());
                let (side, bytes) = &mut pieces[at];
                match mishap {
                    Mishap::Altered(place, to) if !bytes.is_empty() => {
                        let place = place.index(bytes.len());
                        bytes[place] = to;
                    }
                    Mishap::Altered(..) => {}
                    Mishap::CutShort(to) => bytes.truncate(to.index(bytes.len() + 1)),
                    Mishap::Lost => bytes.clear(),
                    Mishap::SentAgain => bytes.extend_from_within(..),
                    Mishap::OtherSide => *side = side.opposite(),
                    Mishap::Followed(more) => bytes.extend(more),
                }
            }
            let limits = Limits::default();
            let mut layer = AppLayer::default();
            for piece in borrowed(&pieces) {
                conversation.feed(&mut layer, [piece], &limits);
                prop_assert!(layer.transactions().len() <= MAX_LIVE_TRANSACTIONS);
            }
            conversation.close(&mut layer, &limits);
            records(&layer);
            Ok(())
        },
    );
}
