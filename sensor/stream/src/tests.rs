//! Conversations, segment by segment.

use proptest::prelude::*;
use sensor_decode::{Counters, LinkType, Tcp, decode};
use sensor_flow::Direction::{self, ToClient, ToServer};

use crate::{Config, OsPolicy, Outcome, Session, Sink, StreamEvent, TcpState};

#[derive(Default, Debug, PartialEq, Clone)]
struct Log {
    data: [Vec<u8>; 2],
    gaps: [u64; 2],
    closed: [bool; 2],
    truncated: [bool; 2],
}

impl Sink for Log {
    fn chunk(&mut self, direction: Direction, data: &[u8]) {
        assert!(!data.is_empty());
        self.data[direction.index()].extend(data);
    }
    fn gap(&mut self, direction: Direction, bytes: u64) {
        self.gaps[direction.index()] += bytes;
        self.data[direction.index()].push(b'~');
    }
    fn truncated(&mut self, direction: Direction) {
        self.truncated[direction.index()] = true;
    }
    fn close(&mut self, direction: Direction) {
        assert!(!self.closed[direction.index()], "a side closes once");
        self.closed[direction.index()] = true;
    }
}

struct Wire {
    session: Session,
    config: Config,
    log: Log,
    events: Vec<StreamEvent>,
}

const S: u8 = Tcp::SYN;
const A: u8 = Tcp::ACK;
const F: u8 = Tcp::FIN;
const R: u8 = Tcp::RST;
/// First bytes of both sides lie around the wrap of sequence numbers.
const CLIENT: u32 = u32::MAX - 3;
const SERVER: u32 = u32::MAX - 100;

impl Wire {
    fn new(config: Config) -> Self {
        Wire {
            session: Session::default(),
            config,
            log: Log::default(),
            events: Vec::new(),
        }
    }

    fn open(config: Config) -> Self {
        let mut wire = Wire::new(config);
        wire.send(ToServer, S, -1, 0, b"");
        wire.send(ToClient, S | A, -1, 0, b"");
        wire.send(ToServer, A, 0, 0, b"");
        assert_eq!(wire.session.state(), TcpState::Established);
        wire
    }

    /// Sends a segment; positions count from the first byte of either stream.
    fn send(
        &mut self,
        direction: Direction,
        flags: u8,
        at: i64,
        ack: i64,
        payload: &[u8],
    ) -> Outcome {
        let (own, peer) = if direction == ToServer {
            (CLIENT, SERVER)
        } else {
            (SERVER, CLIENT)
        };
        let sequence = own.wrapping_add(1).wrapping_add(at as u32);
        let ack = if flags & A == 0 {
            0
        } else {
            peer.wrapping_add(1).wrapping_add(ack as u32)
        };
        let mut bytes = vec![
            0x45, 0, 0, 0, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x10, 0, 0, 80,
        ];
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(ack.to_be_bytes());
        bytes.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        bytes.extend(payload);
        let length = bytes.len() as u16;
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        let mut outcome = Outcome::default();
        decode(
            LinkType::RAW,
            &bytes,
            &mut Counters::default(),
            &mut |packet| {
                outcome = self.session.segment(
                    packet,
                    direction,
                    1_000_000_000,
                    &self.config,
                    &mut self.log,
                );
            },
        );
        self.events.extend(
            StreamEvent::ALL
                .iter()
                .filter(|event| outcome.events.contains(**event)),
        );
        outcome
    }

    fn text(&self, direction: Direction) -> String {
        String::from_utf8_lossy(&self.log.data[direction.index()]).into_owned()
    }
}

#[test]
fn data_is_handed_over_when_acknowledged() {
    let mut wire = Wire::open(Config::default());
    wire.send(ToServer, A, 0, 0, b"hello ");
    wire.send(ToServer, A, 6, 0, b"world");
    assert_eq!(wire.text(ToServer), "");
    let told = wire.send(ToClient, A, 0, 6, b"");
    assert_eq!(
        (wire.text(ToServer).as_str(), told.delivered),
        ("hello ", [true, false])
    );
    wire.send(ToClient, A, 0, 11, b"answer");
    wire.send(ToServer, A | F, 11, 6, b"");
    assert_eq!(wire.session.state(), TcpState::CloseWait);
    wire.send(ToClient, A | F, 6, 12, b"");
    assert_eq!(wire.session.state(), TcpState::LastAck);
    wire.send(ToServer, A, 12, 7, b"");
    assert_eq!(wire.session.state(), TcpState::Closed);
    assert_eq!(
        (wire.text(ToServer).as_str(), wire.text(ToClient).as_str()),
        ("hello world", "answer")
    );
    assert_eq!(
        (wire.log.closed, wire.log.gaps, wire.events.len()),
        ([true, true], [0, 0], 0)
    );
}

#[test]
fn inline_data_is_handed_over_on_arrival() {
    let mut wire = Wire::open(Config {
        inline: true,
        ..Config::default()
    });
    wire.send(ToServer, A, 0, 0, b"now");
    assert_eq!(wire.text(ToServer), "now");
}

#[test]
fn what_is_left_comes_at_the_end_of_the_flow() {
    let mut wire = Wire::open(Config::default());
    wire.send(ToServer, A, 0, 0, b"unacknowledged");
    for direction in Direction::BOTH {
        wire.session.finish(direction, &mut wire.log);
    }
    assert_eq!(
        (wire.text(ToServer).as_str(), wire.log.closed),
        ("unacknowledged", [true, true])
    );
}

#[test]
fn a_reset_ends_both_sides() {
    let mut wire = Wire::open(Config::default());
    wire.send(ToServer, A, 0, 0, b"data");
    wire.send(ToClient, A | R, 0, 4, b"");
    assert_eq!(
        (wire.session.state(), wire.log.closed),
        (TcpState::Closed, [false, true])
    );
    for direction in Direction::BOTH {
        wire.session.finish(direction, &mut wire.log);
    }
    assert_eq!(wire.log.closed, [true, true]);
    assert_eq!(wire.text(ToServer), "data");
}

#[test]
fn a_reset_from_outside_the_window_is_ignored() {
    let mut wire = Wire::open(Config::default());
    wire.send(ToServer, R, 1_000_000, 0, b"");
    assert_eq!(
        (wire.session.state(), wire.events.as_slice()),
        (TcpState::Established, &[][..])
    );
}

#[test]
fn lost_segments_are_gaps_once_acknowledged() {
    let mut wire = Wire::open(Config::default());
    wire.send(ToServer, A, 0, 0, b"abc");
    wire.send(ToServer, A, 6, 0, b"ghi");
    wire.send(ToClient, A, 0, 9, b"");
    assert_eq!(
        (wire.text(ToServer).as_str(), wire.log.gaps),
        ("abc~ghi", [3, 0])
    );
    assert_eq!(wire.events, [StreamEvent::ReassemblySeqGap]);
}

#[test]
fn overlaps_keep_what_came_first_and_are_told() {
    let mut wire = Wire::open(Config {
        compare_overlaps: true,
        ..Config::default()
    });
    wire.send(ToServer, A, 0, 0, b"abcd");
    wire.send(ToServer, A, 2, 0, b"XXef");
    wire.send(ToClient, A, 0, 6, b"");
    assert_eq!(wire.text(ToServer), "abcdef");
    assert!(
        wire.events
            .contains(&StreamEvent::ReassemblyOverlapDifferentData)
    );
}

#[test]
fn the_receivers_policy_resolves_overlaps() {
    let mut config = Config::default();
    config
        .hosts
        .add([10, 0, 0, 2].into(), 32, OsPolicy::OldLinux);
    for (config, text) in [(Config::default(), "abcd"), (config, "WXYZ")] {
        let mut wire = Wire::open(config);
        wire.send(ToServer, A, 0, 0, b"abcd");
        wire.send(ToServer, A, 0, 0, b"WXYZ");
        wire.send(ToClient, A, 0, 4, b"");
        assert_eq!(wire.text(ToServer), text);
    }
}

#[test]
fn pieces_around_a_gap_are_looked_at_one_by_one() {
    let window = |wire: &Wire, force| {
        wire.session
            .raw_window(ToServer, &wire.config, force)
            .map(|raw| (raw.data.to_vec(), raw.offset, raw.missing))
    };
    let mut wire = Wire::open(Config::default());
    wire.send(ToServer, A, 0, 0, b"abc");
    wire.send(ToServer, A, 6, 0, b"ghi");
    wire.send(ToClient, A, 0, 9, b"");
    wire.session.trigger_raw(ToServer);
    assert_eq!(window(&wire, false), Some((b"abc".to_vec(), 0, 0)));
    assert!(wire.session.raw_done(ToServer, &wire.config, false));
    assert_eq!(window(&wire, false), Some((b"ghi".to_vec(), 6, 3)));
    assert!(!wire.session.raw_done(ToServer, &wire.config, false));
    assert_eq!(window(&wire, true), None);

    // What lies behind a hole that nobody acknowledged is looked at when the flow ends.
    let mut wire = Wire::open(Config::default());
    wire.send(ToServer, A, 3, 0, b"def");
    wire.session.finish(ToServer, &mut wire.log);
    assert_eq!((wire.text(ToServer).as_str(), wire.log.gaps), ("", [0, 0]));
    assert_eq!(window(&wire, true), None);
    assert!(wire.session.skip_hole(ToServer));
    assert_eq!(window(&wire, true), Some((b"def".to_vec(), 3, 3)));
}

#[test]
fn a_forged_reset_is_found_out() {
    let mut wire = Wire::new(Config::default());
    wire.send(ToServer, S, -1, 0, b"");
    // Number 0: the server's is not known yet.
    wire.send(ToClient, R | A, 100, 0, b"");
    assert_eq!(wire.session.state(), TcpState::Closed);
    wire.send(ToClient, S | A, -1, 0, b"");
    assert_eq!(wire.session.state(), TcpState::SynRecv);
    assert_eq!(wire.events, [StreamEvent::SuspectedRstInject]);
}

#[test]
fn both_ends_may_open() {
    let mut wire = Wire::new(Config::default());
    wire.send(ToServer, S, -1, 0, b"");
    wire.send(ToClient, S, -1, 0, b"");
    wire.send(ToServer, S | A, -1, 0, b"");
    wire.send(ToClient, A, 0, 0, b"");
    assert_eq!(
        (wire.session.state(), wire.events.len()),
        (TcpState::Established, 0)
    );
}

#[test]
fn sessions_without_handshake_need_midstream() {
    let mut ignored = Wire::new(Config::default());
    let outcome = ignored.send(ToServer, A, 0, 0, b"data");
    assert!(!outcome.accepted && outcome.without_beginning);
    let mut followed = Wire::new(Config {
        midstream: true,
        ..Config::default()
    });
    assert!(followed.send(ToServer, A, 0, 0, b"data").accepted);
    followed.send(ToClient, A, 0, 4, b"answer");
    followed.send(ToServer, A, 4, 6, b"");
    assert_eq!(
        (
            followed.text(ToServer).as_str(),
            followed.text(ToClient).as_str()
        ),
        ("data", "answer")
    );
    let mut turned = Wire::new(Config {
        midstream: true,
        ..Config::default()
    });
    assert!(turned.send(ToServer, S | A, -1, 0, b"").reversed);
}

#[test]
fn depth_stops_reassembly_and_is_told() {
    let mut wire = Wire::open(Config {
        depth: 10,
        ..Config::default()
    });
    wire.send(ToServer, A, 0, 0, &[b'x'; 8]);
    wire.send(ToServer, A, 8, 0, &[b'y'; 8]);
    wire.send(ToClient, A, 0, 16, b"");
    assert_eq!(
        (wire.log.data[0].len(), wire.log.truncated, wire.log.gaps),
        (8, [true, false], [0, 0])
    );
    wire.send(ToServer, A, 16, 0, &[b'z'; 8]);
    wire.send(ToClient, A, 0, 24, b"");
    assert_eq!((wire.log.data[0].len(), wire.log.gaps), (8, [0, 0]));
}

#[test]
fn depth_does_not_hold_for_what_is_read_whole() {
    let mut wire = Wire::open(Config {
        depth: 10,
        ..Config::default()
    });
    wire.session.read_whole();
    wire.send(ToServer, A, 0, 0, &[b'x'; 8]);
    wire.send(ToServer, A, 8, 0, &[b'y'; 8]);
    wire.send(ToClient, A, 0, 16, b"");
    assert_eq!(
        (wire.log.data[0].len(), wire.log.truncated),
        (16, [false, false])
    );
}

#[test]
fn handshake_oddities_are_told() {
    use StreamEvent as E;
    type Segments = &'static [(Direction, u8, i64, i64)];
    let rows: [(Segments, E); 5] = [
        (
            &[(ToServer, S, -1, 0), (ToServer, S | A, -1, 0)],
            E::ThreewhsSynackInWrongDirection,
        ),
        (
            &[(ToServer, S, -1, 0), (ToClient, S | A, -1, 5)],
            E::ThreewhsSynackWithWrongAck,
        ),
        (
            &[
                (ToServer, S, -1, 0),
                (ToClient, S | A, -1, 0),
                (ToClient, S | A, -1, 5),
            ],
            E::ThreewhsSynackResendWithDiffAck,
        ),
        (
            &[
                (ToServer, S, -1, 0),
                (ToClient, S | A, -1, 0),
                (ToServer, A, 0, -90_000),
            ],
            E::ThreewhsRightSeqWrongAckEvasion,
        ),
        (&[(ToServer, F | A, 0, 0)], E::FinButNoSession),
    ];
    for (segments, event) in rows {
        let mut wire = Wire::new(Config::default());
        for &(direction, flags, at, ack) in segments {
            wire.send(direction, flags, at, ack, b"");
        }
        assert_eq!(wire.events, [event]);
    }
}

#[test]
fn the_raw_window_waits_for_enough_bytes() {
    let mut wire = Wire::open(Config::default());
    wire.send(ToServer, A, 0, 0, b"first");
    wire.send(ToClient, A, 0, 5, b"");
    assert!(
        wire.session
            .raw_window(ToServer, &wire.config, false)
            .is_none()
    );
    wire.session.trigger_raw(ToServer);
    let window = wire
        .session
        .raw_window(ToServer, &wire.config, false)
        .expect("triggered");
    assert_eq!((window.data, window.seen), (&b"first"[..], 0));
    wire.session.raw_done(ToServer, &wire.config, false);
    wire.send(ToServer, A, 5, 0, b"second");
    wire.send(ToClient, A, 0, 11, b"");
    wire.session.trigger_raw(ToServer);
    let window = wire
        .session
        .raw_window(ToServer, &wire.config, false)
        .expect("triggered");
    assert_eq!((window.data, window.seen), (&b"firstsecond"[..], 5));
}

#[test]
fn out_of_order_data_is_bounded() {
    let mut wire = Wire::open(Config {
        depth: 0,
        ..Config::default()
    });
    for index in 0..3_000 {
        wire.send(ToServer, A, 10 + index * 20, 0, b"x");
    }
    assert!(wire.events.contains(&StreamEvent::ReassemblyInsertLimit));
}

proptest! {
    /// Any order of segments, with retransmissions and overlaps, gives the same bytes.
    #[test]
    fn any_order_gives_the_same_stream(
        length in 1usize..300,
        cuts in proptest::collection::vec((0usize..300, 1usize..80), 1..30),
        order in any::<u64>(),
    ) {
        let bytes: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
        let mut segments: Vec<(usize, usize)> =
            cuts.into_iter().filter(|&(at, _)| at < length).map(|(at, size)| (at, (at + size).min(length))).collect();
        segments.extend((0..length).step_by(50).map(|at| (at, (at + 50).min(length))));
        let mut seed = order;
        for index in (1..segments.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            segments.swap(index, (seed >> 33) as usize % (index + 1));
        }
        let mut wire = Wire::open(Config::default());
        for (from, to) in segments {
            wire.send(ToServer, A, from as i64, 0, &bytes[from..to]);
        }
        wire.send(ToClient, A, 0, length as i64, b"");
        prop_assert_eq!(&wire.log.data[0], &bytes);
        prop_assert_eq!(wire.log.gaps, [0, 0]);
    }

    /// No sequence of segments panics, closes twice or hands over more than was sent.
    #[test]
    fn hostile_segments_are_survived(
        segments in proptest::collection::vec((any::<bool>(), any::<u8>(), -20i64..200, -20i64..200, 0usize..40), 1..60),
        midstream in any::<bool>(), inline in any::<bool>(), async_oneside in any::<bool>(),
    ) {
        let mut wire = Wire::new(Config { midstream, inline, async_oneside, ..Config::default() });
        for (to_server, flags, at, ack, length) in segments {
            wire.send(if to_server { ToServer } else { ToClient }, flags, at, ack, &vec![b'x'; length]);
        }
        for direction in Direction::BOTH {
        wire.session.finish(direction, &mut wire.log);
    }
        prop_assert!(wire.log.data[0].len() + wire.log.data[1].len() <= 60 * 40 + 120);
    }
}
