//! Inspection of a flow's packets: rules look at them and at what the stream has told since, and what matches is recorded.

use sensor_decode::{Packet, PacketSource};
use sensor_detect::{FlowState, Inspector, Traffic, TransactionInspection};
use sensor_flow::{Direction, Entry};
use sensor_stream::EventSet;

use super::flow::Tracked;
use super::record::{self, Recording};
use crate::output::Output;
use crate::settings::Settings;

/// Pieces of a stream, cut by gaps, that are looked at with one packet.
const PIECE_LIMIT: usize = 32;

/// What inspection looks at beside the flow.
pub(super) struct Seen<'a> {
    pub packet: &'a Packet<'a>,
    pub direction: Direction,
    pub stream_events: EventSet,
    pub in_stream: bool,
    pub established: bool,
    pub encrypted: bool,
    pub protocol_found: bool,
    pub flow_end: bool,
}

/// Inspects, and records the alerts and what tags want; true when there was an alert.
pub(super) fn record_matches<O: Output>(
    inspector: &mut Inspector,
    recording: &mut Recording<O>,
    traffic: &Traffic<'_>,
    state: &mut FlowState,
    stamp: record::Stamp,
) -> bool {
    inspector.inspect(traffic, state);
    for found in inspector.matches() {
        recording.alert(inspector, found, traffic, state, stamp);
    }
    if !inspector.packet_variables().is_empty() {
        recording.metadata(inspector, traffic, state, stamp);
    }
    if inspector.verdict().tagged {
        recording.tagged(traffic, stamp);
    }
    !inspector.matches().is_empty()
}

/// What was said before a stream turns to another protocol, or to cipher, is told and inspected with packets of its
/// own, one for each side.
pub(super) fn flush<O: Output>(
    inspector: &mut Option<Inspector>,
    recording: &mut Recording<O>,
    settings: &Settings,
    entry: &mut Entry<Tracked>,
    direction: Direction,
    now_ns: i64,
    stamp: record::Stamp,
) {
    let first = if settings.stream.inline {
        direction.opposite()
    } else {
        direction
    };
    if let Some(session) = &mut entry.user.session {
        for direction in Direction::BOTH {
            session.trigger_raw(direction);
        }
    }
    for direction in [first, first.opposite()] {
        let (from, to) = entry.flow.ends(direction);
        let packet = Packet::of_flow(from, to, entry.flow.protocol, PacketSource::StreamEnd);
        entry.user.changed[direction.index()] = true;
        let established = entry.user.is_established(&entry.flow);
        inspect(
            inspector,
            recording,
            settings,
            entry,
            Seen {
                packet: &packet,
                direction,
                stream_events: EventSet::default(),
                in_stream: false,
                established,
                encrypted: false,
                protocol_found: false,
                flow_end: false,
            },
            now_ns,
            stamp,
        );
        recording.frames(entry, &packet, direction, true, stamp);
        recording.transactions(
            entry,
            &packet,
            direction,
            inspector.as_ref(),
            stamp,
            record::Moment::Turn,
        );
    }
}

pub(super) fn inspect<O: Output>(
    inspector: &mut Option<Inspector>,
    recording: &mut Recording<O>,
    settings: &Settings,
    entry: &mut Entry<Tracked>,
    seen: Seen<'_>,
    now_ns: i64,
    stamp: record::Stamp,
) {
    let Some(inspector) = inspector else { return };
    let Seen {
        packet,
        direction,
        stream_events,
        in_stream,
        established,
        encrypted,
        protocol_found,
        flow_end,
    } = seen;
    let turn = packet.source_kind == PacketSource::StreamEnd;
    let Entry { flow, user, .. } = entry;
    user.trigger_raw();
    if user.passed {
        return;
    }
    // Transactions of TCP are looked at once the session is open; those of UDP at once.
    let ready = match &user.session {
        Some(session) => {
            session.state() >= sensor_stream::TcpState::Established
                || in_stream
                    && packet
                        .tcp()
                        .is_some_and(|tcp| tcp.has(sensor_decode::Tcp::SYN))
        }
        None => flow.protocol != 6,
    };
    let changed = std::mem::take(&mut user.changed[direction.index()]) && ready;
    let raw = user
        .session
        .as_ref()
        .filter(|_| ready)
        .and_then(|session| session.raw_window(direction, &settings.stream, flow_end));
    let traffic = Traffic {
        packet,
        flow: Some(flow),
        direction,
        now_ns,
        established,
        session: user.session.as_deref(),
        stream_events,
        raw,
        only_stream: false,
        in_stream,
        encrypted,
        app: Some(&user.app),
        transactions: if changed {
            TransactionInspection::Changed
        } else {
            TransactionInspection::Unchanged
        },
        protocol_found,
        detection_events: user.app.events(),
        flow_end,
        frame: stamp.frame,
    };
    user.alerted |= record_matches(inspector, recording, &traffic, &mut user.detect, stamp);
    if changed {
        let over = flow_end || turn || user.is_closed();
        user.app.frames_mut().inspected(direction, over);
    }
    if user.detect.is_bypassed() {
        flow.state = sensor_flow::State::Bypassed;
    }
    let seen_raw = raw.is_some();
    for store in inspector.stores() {
        for direction in Direction::BOTH {
            if store.sides[direction.index()] {
                user.app.store(store.transaction, direction);
                user.stores[direction.index()] |= store.transaction.is_none();
            }
        }
    }
    for &id in inspector.silenced() {
        user.app.silence(id);
    }
    let Some(session) = user.session.as_deref_mut() else {
        return;
    };
    let mut more = seen_raw && session.raw_done(direction, &settings.stream, flow_end);
    // Behind a gap the stream begins anew: each piece is looked at on its own.
    for _ in 0..PIECE_LIMIT {
        more |= flow_end && session.skip_hole(direction);
        if !more {
            return;
        }
        let Some(raw) = session.raw_window(direction, &settings.stream, flow_end) else {
            return;
        };
        let traffic = Traffic {
            packet,
            flow: Some(flow),
            direction,
            now_ns,
            established,
            session: Some(session),
            stream_events,
            raw: Some(raw),
            only_stream: true,
            in_stream,
            encrypted,
            app: Some(&user.app),
            transactions: TransactionInspection::Unchanged,
            protocol_found: false,
            detection_events: &[],
            flow_end,
            frame: stamp.frame,
        };
        user.alerted |= record_matches(inspector, recording, &traffic, &mut user.detect, stamp);
        more = session.raw_done(direction, &settings.stream, flow_end);
    }
}
