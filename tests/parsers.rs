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

/// Protocols that a message from amid a conversation tells. Of RFB, what comes behind the versions may be anything.
const TOLD_AMID: &[&str] = &[
    "dcerpc",
    "ftp",
    "http2",
    "imap",
    "modbus",
    "pop3",
    "smb",
    "smtp",
    "ssh",
    "tls",
    "websocket",
];

#[test]
fn the_rest_of_a_conversation_tells_no_other_protocol() {
    /// Pieces that are missing from the beginning, at most.
    const MISSING: usize = 6;
    let limits = Limits {
        midstream: true,
        ..Limits::default()
    };
    let mut otherwise = Vec::new();
    let mut told_amid: Vec<&str> = Vec::new();
    for (protocol, conversations) in conversations::by_protocol(MAX_BYTES) {
        for (nth, conversation) in conversations.iter().enumerate() {
            if conversation.transport == Transport::Udp {
                continue;
            }
            let whole = as_captured(conversation);
            let known = [Some(whole.protocol()), whole.original_protocol()];
            for missing in 1..conversation.pieces.len().min(MISSING) {
                let mut layer = AppLayer::default();
                layer.set_midstream();
                let rest = conversation.borrowed().skip(missing);
                conversation.feed(&mut layer, rest, &limits);
                conversation.close(&mut layer, &limits);
                records(&layer);
                let found = layer.protocol();
                // RDP goes on in TLS, whose handshake tells.
                let within = (protocol, found) == ("rdp", Protocol::Tls);
                let same = within || known.contains(&Some(found));
                if found.is_known() && !same {
                    otherwise.push((protocol, nth, missing, found));
                }
                if same && missing > 1 && !told_amid.contains(&protocol) {
                    told_amid.push(protocol);
                }
            }
        }
    }
    assert!(otherwise.is_empty(), "{otherwise:#?}");
    let silent: Vec<&&str> = TOLD_AMID
        .iter()
        .filter(|name| !told_amid.contains(name))
        .collect();
    assert!(silent.is_empty(), "{silent:?} of {told_amid:?}");
}

/// Streams that have no transaction more behind a gap: nothing marks the beginning of the next message, or its meaning hangs
/// on all that came before (compressed fields, a handshake), or there is one transaction alone.
const END_WITH_A_GAP: &[&str] = &[
    "doh2", "http2", "mqtt", "mysql", "pop3", "rdp", "redis", "rfb", "sip", "smtp", "socks", "ssh",
    "telnet",
];

#[test]
fn behind_a_gap_there_are_transactions_again() {
    /// Places of a conversation that are tried.
    const PLACES: usize = 24;
    let limits = Limits::default();
    let mut goes_on: Vec<&str> = Vec::new();
    let mut tried: Vec<&str> = Vec::new();
    for (protocol, conversations) in conversations::by_protocol(MAX_BYTES) {
        for conversation in conversations.iter() {
            let pieces = &conversation.pieces;
            if conversation.transport == Transport::Udp || pieces.len() < 3 {
                continue;
            }
            if !tried.contains(&protocol) {
                tried.push(protocol);
            }
            let context = sensor_app::Context {
                now_ns: 0,
                server_port: conversation.server_port,
                client_port: conversation.client_port,
            };
            let step = pieces.len().div_ceil(PLACES);
            for lost in (0..pieces.len()).step_by(step) {
                let mut layer = AppLayer::default();
                let (before, behind) = pieces.split_at(lost);
                conversation.feed(&mut layer, borrowed(before), &limits);
                let (side, bytes) = &pieces[lost];
                layer.gap(*side, bytes.len() as u64, &context, &limits);
                let count = layer.transaction_count();
                conversation.feed(&mut layer, borrowed(&behind[1..]), &limits);
                assert!(layer.transactions().len() <= MAX_LIVE_TRANSACTIONS);
                if layer.transaction_count() > count && lost > 0 && !goes_on.contains(&protocol) {
                    goes_on.push(protocol);
                }
                // A gap that reaches to the end, and one of the greatest length.
                layer.gap(side.opposite(), u64::from(u32::MAX), &context, &limits);
                conversation.close(&mut layer, &limits);
                records(&layer);
            }
        }
    }
    let ended: Vec<&str> = tried
        .iter()
        .copied()
        .filter(|name| !goes_on.contains(name))
        .collect();
    assert_eq!(ended, END_WITH_A_GAP);
}
