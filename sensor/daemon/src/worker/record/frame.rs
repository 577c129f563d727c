//! Frames → records, and beside alerts on them.

use sensor_app::Frame;
use sensor_decode::Packet;
use sensor_event::{Base64, Body, Class, FrameInfo, FrameRecord, Printable, Record};
use sensor_flow::{Direction, Entry};

use super::{Ends, Recording, Stamp, Tracked, common};
use crate::output::Output;

/// Bytes of a frame that are shown, of streams and of datagrams.
const SHOWN_BYTES: usize = 4 << 10;
const SHOWN_DATAGRAM_BYTES: usize = 256;

/// A frame with the bytes that are shown of it.
pub(super) struct Shown {
    frame: Frame,
    direction: Direction,
    in_stream: bool,
    length: u64,
    bytes: Vec<u8>,
    complete: bool,
}

impl Shown {
    pub fn new(
        app: &sensor_app::AppLayer,
        frame: Frame,
        direction: Direction,
        in_stream: bool,
    ) -> Self {
        let limit = if in_stream {
            SHOWN_BYTES
        } else {
            SHOWN_DATAGRAM_BYTES
        };
        let (length, bytes, complete) = app.frames().shown(direction, &frame, limit);
        Shown {
            frame,
            direction,
            in_stream,
            length,
            bytes,
            complete,
        }
    }

    pub fn info(&self) -> FrameInfo<'_> {
        let has_bytes = !self.bytes.is_empty();
        FrameInfo {
            name: self.frame.name,
            id: self.frame.id,
            direction: match self.direction {
                Direction::ToServer => "toserver",
                Direction::ToClient => "toclient",
            },
            stream_offset: self.in_stream.then_some(self.frame.offset),
            length: self.length,
            complete_datagram: (!self.in_stream).then_some(self.complete),
            payload: has_bytes.then_some(Base64(&self.bytes)),
            payload_printable: has_bytes.then_some(Printable(&self.bytes)),
            complete: (self.in_stream && has_bytes).then_some(self.complete),
            tx_id: self.frame.transaction.map(|(_, number)| number),
        }
    }
}

impl<O: Output> Recording<O> {
    /// Records the frames of a side, if they are wanted, and forgets those that are over. `end`: of the flow, or of what
    /// is said in this protocol.
    pub fn frames(
        &mut self,
        entry: &mut Entry<Tracked>,
        packet: &Packet<'_>,
        direction: Direction,
        end: bool,
        stamp: Stamp,
    ) {
        let Entry { flow, user, .. } = entry;
        if user.app.frames().is_empty(direction) {
            return;
        }
        if self.settings.frame_records {
            let over = end || user.app.is_over();
            let news = user.app.frames_mut().take_news(direction, over);
            let community = flow.community_id(self.settings.community_seed).to_owned();
            let interface = self.interface.clone();
            for frame in news {
                let app_proto = frame.protocol.name();
                let shown = Shown::new(&user.app, frame, direction, user.session.is_some());
                let mut common = common(packet, Some(flow), "frame", Ends::Packet(packet), stamp);
                common.in_iface = interface.as_deref();
                common.community_id = Some(&community);
                let frame = shown.info();
                let body = Body::Frame(Box::new(FrameRecord { app_proto, frame }));
                self.write(Class::Record, &Record { common, body });
            }
        }
        let over = end || user.is_closed();
        user.app.frames_mut().prune(direction, over);
    }
}
