//! Rules on frames: parts of the bytes that parsers have delimited.
//!
//! A frame is looked at once it is complete, or in parts as it grows; each part on its own.

use sensor_app::{Bytes, Frame};
use sensor_stream::TcpState;

use super::transaction::scan;
use super::{Pass, Place};
use crate::compile::{Kind, PartHome};
use crate::content::VARIABLE_LIMIT;
use crate::subject::Traffic;
use crate::trace::Missed;

impl Traffic<'_> {
    /// No more bytes will come.
    fn is_over(&self) -> bool {
        let closed = |session: &sensor_stream::Session| session.state() == TcpState::Closed;
        self.flow_end || self.is_made_up() || self.session.is_some_and(closed)
    }
}

impl<const TRACED: bool> Pass<'_, TRACED> {
    pub(super) fn frames(&mut self) {
        let traffic = self.traffic;
        let Some(app) = traffic.app else { return };
        if self.engine.frame_groups.is_empty() {
            return;
        }
        for (frame, bytes) in app.frames().due(traffic.direction, traffic.is_over()) {
            self.frame(frame, &bytes);
        }
    }

    fn frame(&mut self, frame: &Frame, pieces: &[Bytes<'_>]) {
        let side = self.traffic.direction.index();
        let in_stream = self.traffic.packet.tcp().is_some();
        let mut candidates = std::mem::take(&mut self.scratch.candidates);
        candidates.clear();
        for ((protocol, name), sides) in &self.engine.frame_groups {
            let own = (*protocol, *name) == (frame.protocol, frame.name);
            if !own && !frame.is_like(*protocol, name, in_stream) {
                continue;
            }
            let group = &sides[side];
            candidates.extend(&group.always);
            for scanner in group.scanners.iter().filter(|_| own) {
                for bytes in pieces {
                    scan(
                        &scanner.steps,
                        &scanner.matcher,
                        *bytes,
                        &mut self.scratch.patterns,
                        &mut candidates,
                    );
                }
            }
        }
        if TRACED {
            let engine = self.engine;
            candidates.extend(self.targets().into_iter().filter(|&index| {
                let one = &engine.signatures[index as usize];
                one.kind == Kind::Frame && one.serves(self.traffic.direction)
            }));
        }
        candidates.sort_unstable();
        candidates.dedup();
        for &index in &candidates {
            let start = self.costs.as_ref().map(|costs| costs.start());
            if self.frame_rule(index, frame, pieces) {
                let place = if in_stream {
                    Place::Stream
                } else {
                    Place::Packet
                };
                let transaction = frame.transaction.map(|(id, _)| id);
                self.matched_in(index, transaction, Some(frame.id), place);
            }
            if let (Some(costs), Some(start)) = (&mut self.costs, start) {
                costs.checked(index, start);
            }
        }
        self.scratch.candidates = candidates;
    }

    fn frame_rule(&mut self, index: u32, frame: &Frame, pieces: &[Bytes<'_>]) -> bool {
        self.scratch.current = index;
        let one = &self.engine.signatures[index as usize];
        let transaction = frame.transaction.map(|(id, _)| id);
        if let Some(miss) = self.header_miss(one) {
            self.note(index, transaction, || (Missed::Header(miss), 0));
            return false;
        }
        if let Some(missed) = self.packet_miss(one) {
            self.note(index, transaction, || (missed, 0));
            return false;
        }
        let in_stream = self.traffic.packet.tcp().is_some();
        let here = |home: &PartHome| match home {
            PartHome::Frame(protocol, name) => {
                (*protocol, *name) == (frame.protocol, frame.name)
                    || frame.is_like(*protocol, name, in_stream)
            }
            _ => false,
        };
        for (list, part) in one.parts.iter().enumerate() {
            if !here(&part.home) {
                continue;
            }
            if TRACED && let Some(trace) = self.trace.as_deref_mut() {
                trace.begin();
            }
            for bytes in pieces {
                self.scratch.captured.clear();
                if self.bytes_hold(part, *bytes, &mut [0; VARIABLE_LIMIT]) {
                    return true;
                }
            }
            self.note_list(index, transaction, list);
        }
        false
    }
}
