//! The search for the protocol of a flow, by what its sides say.

use super::{AppLayer, MAX_CHANGE_BYTES, MAX_HELD_BYTES, MAX_PROBE_BYTES};
use crate::ftp::DataState;
use crate::parser::{Prefix, Transport, Verdict};
use crate::{Context, Limits, PROTOCOLS, Protocol};
use sensor_flow::Direction;

/// Bytes of a side without which it is not said that none of the protocols is spoken, as in Suricata: as many as its
/// longest pattern has, and more where a port lets it look for the beginning of one protocol.
fn deciding_bytes(direction: Direction, server_port: u16) -> usize {
    match (direction, server_port) {
        (_, 139) => 36,
        (Direction::ToServer, 80) => 25,
        (Direction::ToServer, _) => 17,
        (Direction::ToClient, 389 | 3389) => 17,
        (Direction::ToClient, 53) => 15,
        (Direction::ToClient, _) => 10,
    }
}

impl AppLayer {
    /// Looks for the protocol in what is held of a side.
    pub(super) fn detect(&mut self, direction: Direction, context: &Context, limits: &Limits) {
        let index = direction.index();
        if !self.sides[index].probed {
            match self.look(direction, context, limits) {
                Some((protocol, verdict)) => {
                    self.found(direction, protocol, verdict, context, limits);
                    return;
                }
                None if self.is_expected(direction) => {
                    let other = direction.opposite();
                    self.found(direction, Protocol::FtpData, Verdict::Yes, context, limits);
                    let side = &mut self.sides[other.index()];
                    if !side.done {
                        side.protocol = Protocol::FtpData;
                        self.release(other, context, limits);
                    }
                    return;
                }
                None => {}
            }
        }
        if self.protocol.is_known() {
            if self.sides[index].probed {
                self.settle_by_other(direction, context, limits);
            }
            return;
        }
        self.give_up_when_hopeless(direction);
    }

    /// The control connection has said that this side carries data.
    fn is_expected(&self, direction: Direction) -> bool {
        self.protocol == Protocol::Unknown
            && self.change.is_none()
            && self
                .expected
                .as_ref()
                .is_some_and(|expected| expected.direction == direction)
    }

    /// Asks the probes. Without an answer, `probed` tells whether more bytes could bring one.
    fn look(
        &mut self,
        direction: Direction,
        context: &Context,
        limits: &Limits,
    ) -> Option<(Protocol, Verdict)> {
        let other = self.sides[direction.opposite().index()].protocol;
        // What nothing but the protocol before can tell.
        let expected = self.change.and_then(|change| change.expect);
        if [Some(other), expected].contains(&Some(Protocol::Websocket)) {
            return Some((Protocol::Websocket, Verdict::Yes));
        }
        let side = &self.sides[direction.index()];
        let mut prefix = Prefix {
            transport: Transport::Tcp,
            direction,
            data: &side.held[..side.held.len().min(MAX_PROBE_BYTES)],
            server_port: self
                .change
                .and_then(|change| change.port)
                .unwrap_or(context.server_port),
            client_port: context.client_port,
            midway: limits.midstream,
            midstream: self.midstream
                && self.protocol == Protocol::Unknown
                && self.change.is_none(),
            other,
            other_data: {
                let held = &self.sides[direction.opposite().index()].held;
                &held[..held.len().min(MAX_PROBE_BYTES)]
            },
        };
        let (found, mut more) = probe(&prefix);
        if found.is_some() {
            return found;
        }
        if self.midstream && self.protocol == Protocol::Unknown {
            prefix.direction = direction.opposite();
            let (turned, turned_more) = probe(&prefix);
            if let Some((protocol, Verdict::Yes)) = turned {
                return Some((protocol, Verdict::Reversed));
            }
            more |= turned_more;
        }
        let enough = deciding_bytes(direction, prefix.server_port);
        let held = side.held.len();
        self.sides[direction.index()].probed = held >= MAX_PROBE_BYTES || !more && held >= enough;
        None
    }

    /// A side has told its protocol.
    fn found(
        &mut self,
        direction: Direction,
        protocol: Protocol,
        verdict: Verdict,
        context: &Context,
        limits: &Limits,
    ) {
        let mut direction = direction;
        let other = self.sides[direction.opposite().index()].protocol;
        let known = other.is_known();
        // What carries another protocol is found as its carrier.
        let carried = other.parts().contains(&protocol);
        if known && other != protocol && !carried {
            self.events
                .push("applayer_mismatch_protocol_both_directions");
        }
        self.sides[direction.index()].protocol = if carried { other } else { protocol };
        if self.midstream
            && !known
            && verdict == Verdict::Yes
            && !self.pass_over(direction, protocol, context, limits)
        {
            self.fail();
            return;
        }
        // The server is trusted more, as long as no parser has begun.
        if !known || (!self.parsing && direction == Direction::ToClient) {
            self.settle(protocol, context, limits);
        }
        if verdict == Verdict::Reversed && self.midstream && !known && !self.parsing {
            self.reversed = true;
            self.sides.swap(0, 1);
            self.transactions.frames.swap();
            self.first_data = self.first_data.map(Direction::opposite);
            direction = direction.opposite();
        }
        if !self.parsing
            && let Some(first) = protocol.row().and_then(|row| row.first)
            && !self.midstream
        {
            if self.first_data.is_some_and(|seen| seen != first) {
                self.events.push("applayer_wrong_direction_first_data");
                self.fail();
                return;
            }
            let waiting = &self.sides[first.index()];
            if direction != first && !waiting.done && !waiting.held.is_empty() {
                // The side that has to come first goes first, now that it is known what to look for.
                match self.look(first, context, limits) {
                    Some((found, Verdict::Yes)) if found == protocol => {
                        self.sides[first.index()].protocol = found;
                        self.release(first, context, limits);
                    }
                    _ => {
                        self.sides[first.index()].probed = true;
                        self.settle_by_other(first, context, limits);
                    }
                }
            }
        }
        self.sides[direction.index()].done = true;
        let opposite = direction.opposite();
        let opposite_first = self.first_data == Some(opposite);
        if opposite_first {
            self.detect_held(opposite, context, limits);
        }
        self.release(direction, context, limits);
        if !opposite_first {
            self.detect_held(opposite, context, limits);
        }
        self.changing = false;
    }

    /// In a flow whose beginning was not seen, the other side may have said the end of something: it is no message, and
    /// lost to the parser. Whether the flow can be followed: of HTTP, which has no mark at the beginning of a request, only
    /// where the client tells it, as in Suricata.
    fn pass_over(
        &mut self,
        direction: Direction,
        protocol: Protocol,
        context: &Context,
        limits: &Limits,
    ) -> bool {
        let opposite = direction.opposite();
        let other = &self.sides[opposite.index()];
        if !other.probed || other.done || self.change.is_some() {
            return true;
        }
        if protocol == Protocol::Http1 {
            return direction == Direction::ToServer;
        }
        // What this side is may tell what the other one said.
        let found = self.look(opposite, context, limits);
        let other = &mut self.sides[opposite.index()];
        other.probed = true;
        if found.is_none_or(|(found, _)| found != protocol) {
            other.lost = other.held.len() as u64;
            other.held = Vec::new();
            other.done = true;
        }
        true
    }

    /// Looks for the protocol in the first datagram of a side. A side that says nothing typical takes the
    /// protocol of the other one; what the first side said stays, even if the second contradicts.
    pub(super) fn detect_datagram(
        &mut self,
        direction: Direction,
        data: &[u8],
        context: &Context,
        limits: &Limits,
    ) -> Verdict {
        let other = self.sides[direction.opposite().index()].protocol;
        let prefix = Prefix {
            transport: Transport::Udp,
            direction,
            data,
            server_port: context.server_port,
            client_port: context.client_port,
            midway: limits.midstream,
            midstream: false,
            other,
            other_data: &[],
        };
        // The second side is most likely what the first one is.
        let expected = other.row().map_or(Verdict::No, |row| (row.probe)(&prefix));
        let found = match expected {
            Verdict::Yes | Verdict::Reversed => Some((other, expected)),
            Verdict::No | Verdict::More => probe(&prefix).0,
        };
        let side = &mut self.sides[direction.index()];
        side.done = true;
        let (protocol, verdict) = match found {
            Some((protocol, verdict)) => {
                side.protocol = protocol;
                if other.is_known() && other != protocol {
                    self.events
                        .push("applayer_mismatch_protocol_both_directions");
                }
                (protocol, verdict)
            }
            None => {
                side.protocol = match other {
                    Protocol::Unknown => Protocol::Failed,
                    other => other,
                };
                (side.protocol, Verdict::No)
            }
        };
        if !self.protocol.is_known() {
            self.protocol = protocol;
            self.parser = protocol.row().map(|row| (row.parser)(Transport::Udp));
        }
        verdict
    }

    /// Looks again at a side that waits, now that the flow's protocol is known.
    fn detect_held(&mut self, direction: Direction, context: &Context, limits: &Limits) {
        let side = &mut self.sides[direction.index()];
        if !self.protocol.is_known() || side.done || side.held.is_empty() {
            return;
        }
        // What the other side is may tell what this one said before.
        if std::mem::take(&mut side.probed) {
            if let Some((found, verdict)) = self.look(direction, context, limits)
                && found == self.protocol
            {
                self.found(direction, found, verdict, context, limits);
                return;
            }
            self.sides[direction.index()].probed = true;
        }
        self.detect(direction, context, limits);
    }

    /// The flow's protocol is this one.
    fn settle(&mut self, protocol: Protocol, context: &Context, limits: &Limits) {
        self.protocol = protocol;
        self.parser = match self.expected.take() {
            Some(expected) if protocol == Protocol::FtpData => Some(Box::new(DataState::new(
                Some(expected.transfer),
                expected.direction,
            ))),
            _ => protocol.row().map(|row| (row.parser)(Transport::Tcp)),
        };
        for direction in Direction::BOTH {
            let lost = std::mem::take(&mut self.sides[direction.index()].lost);
            if lost > 0
                && let Some(parser) = &mut self.parser
            {
                parser.gap(direction, lost, &mut self.transactions, context, limits);
            }
        }
        self.changing = self.change.is_some();
        if let Some(change) = self.change.take()
            && change.expect.is_some_and(|expected| expected != protocol)
        {
            self.events.push("applayer_unexpected_protocol");
            if change.expect == Some(Protocol::Tls) {
                self.events.push("applayer_no_tls_after_starttls");
            }
        }
    }

    /// The beginning of this side is lost: only the other one can tell the protocol.
    pub(super) fn lose(&mut self, direction: Direction, bytes: u64) {
        let side = &mut self.sides[direction.index()];
        side.lost = bytes.saturating_add(side.held.len() as u64);
        side.held = Vec::new();
        side.done = true;
        side.probed = true;
        if self.sides.iter().all(|side| side.probed) {
            self.fail();
        }
    }

    /// This side never told its protocol, the other one did: its bytes go to the same parser.
    pub(super) fn settle_by_other(
        &mut self,
        direction: Direction,
        context: &Context,
        limits: &Limits,
    ) {
        self.events
            .push("applayer_detect_protocol_only_one_direction");
        self.sides[direction.index()].protocol = Protocol::Failed;
        let failures = self.failures;
        self.release(direction, context, limits);
        // What makes no sense to the parser counts as said in its protocol all the same, as in Suricata.
        if self.failures > failures {
            self.sides[direction.index()].protocol = self.protocol;
        }
    }

    /// Gives up when neither side can tell the protocol any more, or too much is held.
    fn give_up_when_hopeless(&mut self, direction: Direction) {
        let [client, server] = &self.sides;
        if client.probed && server.probed {
            self.fail();
            return;
        }
        let held = self.sides[direction.index()].held.len();
        if self.change.is_some() && held >= MAX_CHANGE_BYTES {
            self.fail();
        } else if held > MAX_HELD_BYTES {
            self.events.push("applayer_proto_detection_skipped");
            self.fail();
        }
    }
}

/// Asks every protocol in turn. Without an answer, whether one of them wants more bytes.
pub(super) fn probe(prefix: &Prefix<'_>) -> (Option<(Protocol, Verdict)>, bool) {
    let mut more = false;
    for row in PROTOCOLS {
        if !row.transports.contains(&prefix.transport) {
            continue;
        }
        match (row.probe)(prefix) {
            Verdict::No => {}
            Verdict::More => more = true,
            verdict => return (Some((row.protocol, verdict)), more),
        }
    }
    (None, more)
}
