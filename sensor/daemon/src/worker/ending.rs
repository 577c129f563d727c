//! The end of a flow, or of looking at it: what its streams still hold is looked at, and what is open is recorded as far
//! as it came.

use sensor_app::Context;
use sensor_decode::{Packet, PacketSource};
use sensor_detect::Inspector;
use sensor_flow::{Direction, Entry, Mark};
use sensor_stream::EventSet;

use super::flow::{Sink, Tracked};
use super::inspect::{Seen, inspect};
use super::record::{self, Recording};
use super::{reverse, stats};
use crate::output::Output;
use crate::settings::Settings;

/// What of a worker takes part in it.
pub(super) struct Ending<'a, O: Output> {
    pub inspector: &'a mut Option<Inspector>,
    pub recording: &'a mut Recording<O>,
    pub counts: &'a mut stats::Counts,
    pub settings: &'a Settings,
    pub now_ns: i64,
    pub stamp: record::Stamp,
}

impl<O: Output> Ending<'_, O> {
    /// Nothing more of the flow is looked at after this.
    pub fn end(mut self, entry: &mut Entry<Tracked>) {
        let context = Context {
            now_ns: self.now_ns,
            server_port: entry.flow.server_port,
            client_port: entry.flow.client_port,
        };
        if entry.flow.protocol == 17 {
            for direction in Direction::BOTH {
                let app = &mut entry.user.app;
                app.close(direction, &context, &self.settings.app);
            }
        }
        let mut reversed = false;
        for direction in Direction::BOTH {
            let direction = if reversed {
                direction.opposite()
            } else {
                direction
            };
            reversed ^= self.side(entry, direction, &context);
        }
        if !entry.user.app.transactions().is_empty() {
            let (from, to) = entry.flow.ends(Direction::ToServer);
            let packet = Packet::of_flow(from, to, entry.flow.protocol, PacketSource::FlowTimeout);
            self.recording.transactions(
                entry,
                &packet,
                Direction::ToServer,
                self.inspector.as_ref(),
                self.stamp,
                record::Moment::FlowEnd,
            );
        }
    }

    /// The rest of one side; true when it has turned the flow round.
    fn side(
        &mut self,
        entry: &mut Entry<Tracked>,
        mut direction: Direction,
        context: &Context,
    ) -> bool {
        let user = &mut entry.user;
        let open = user.is_open(direction) || !user.app.frames().is_empty(direction);
        let rest = user
            .session
            .as_ref()
            .is_some_and(|session| session.has_rest(direction));
        if !(rest || open) {
            return false;
        }
        if let Some(session) = &mut user.session {
            let mut sink = Sink {
                app: &mut user.app,
                context,
                limits: &self.settings.app,
                changed: &mut user.changed,
                flow_end: true,
            };
            let events = session.finish(direction, &mut sink);
            if session.gaps(direction) > 0 {
                entry.flow.history.mark(Mark::Gap, direction);
            }
            self.counts.stream_events(events);
            self.counts.pseudo += 1;
        }
        // What was never acknowledged may tell only now which side is the server.
        let reversed = reverse(entry);
        if reversed {
            direction = direction.opposite();
        }
        let (from, to) = entry.flow.ends(direction);
        let packet = Packet::of_flow(from, to, entry.flow.protocol, PacketSource::FlowTimeout);
        entry.user.changed[direction.index()] = true;
        let established = entry.user.is_established(&entry.flow);
        inspect(
            self.inspector,
            self.recording,
            self.settings,
            entry,
            Seen {
                packet: &packet,
                direction,
                stream_events: EventSet::default(),
                in_stream: false,
                established,
                encrypted: false,
                protocol_found: false,
                flow_end: true,
            },
            self.now_ns,
            self.stamp,
        );
        self.recording
            .frames(entry, &packet, direction, true, self.stamp);
        self.recording.transactions(
            entry,
            &packet,
            direction,
            self.inspector.as_ref(),
            self.stamp,
            record::Moment::Packet,
        );
        reversed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sensor_capture::Frame;
    use sensor_decode::{LinkType, Tcp};
    use sensor_event::Class;
    use serde_json::Value;

    use crate::output::Output;
    use crate::settings::{Checksums, Settings};
    use crate::worker::Worker;

    /// Records of HTTP.
    #[derive(Default)]
    struct Told(Arc<std::sync::Mutex<Vec<Value>>>);

    impl Output for Told {
        fn record(&mut self, _class: Class, line: &[u8]) {
            let record: Value = serde_json::from_slice(line).expect("a record");
            if record["event_type"] == "http" {
                self.0.lock().expect("no panic").push(record);
            }
        }
    }

    /// What a TCP segment has as its checksum.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Checksum {
        Right,
        /// As Linux hands it to a card.
        LeftToCard,
        Wrong,
    }

    fn sum(bytes: &[u8]) -> u16 {
        let mut sum: u64 = bytes
            .chunks(2)
            .map(|word| u64::from(word[0]) << 8 | word.get(1).map_or(0, |low| u64::from(*low)))
            .sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        u16::try_from(sum).expect("it is folded")
    }

    /// A client, a server, and what they have said.
    struct Wire {
        worker: Worker<Told>,
        checksum: Checksum,
        now_ns: i64,
        /// Next numbers of client and server.
        next: [u32; 2],
    }

    impl Wire {
        fn new(checksum: Checksum) -> (Wire, Arc<std::sync::Mutex<Vec<Value>>>) {
            let settings = Settings {
                checksums: Checksums::Auto,
                ..Settings::default()
            };
            let told = Told::default();
            let records = Arc::clone(&told.0);
            let worker = Worker::new(0, Arc::new(settings), None, None, told);
            let wire = Wire {
                worker,
                checksum,
                now_ns: 1_700_000_000_000_000_000,
                next: [100, 500],
            };
            (wire, records)
        }

        fn segment(&mut self, from_server: bool, flags: u8, payload: &[u8]) {
            let (addresses, ports) = if from_server {
                ([198, 51, 100, 1, 10, 0, 0, 1], [0, 80, 0x9c, 0x40])
            } else {
                ([10, 0, 0, 1, 198, 51, 100, 1], [0x9c, 0x40, 0, 80])
            };
            let side = usize::from(from_server);
            let mut tcp = Vec::from(ports);
            tcp.extend(self.next[side].to_be_bytes());
            tcp.extend(self.next[1 - side].to_be_bytes());
            tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
            tcp.extend(payload);
            let length = u16::try_from(tcp.len()).expect("a short segment");
            let mut pseudo = Vec::from(addresses);
            pseudo.extend([0, 6]);
            pseudo.extend(length.to_be_bytes());
            let whole = [pseudo.as_slice(), &tcp].concat();
            let stored = match self.checksum {
                Checksum::Right => !sum(&whole),
                Checksum::LeftToCard => sum(&pseudo),
                Checksum::Wrong => !sum(&whole) ^ 0x5555,
            };
            tcp[16..18].copy_from_slice(&stored.to_be_bytes());
            let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
            frame.extend((length + 20).to_be_bytes());
            frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
            frame.extend(addresses);
            let header = !sum(&frame[14..34]);
            frame[24..26].copy_from_slice(&header.to_be_bytes());
            frame.extend(&tcp);
            self.now_ns += 1_000_000;
            self.worker.frame(&Frame {
                timestamp_ns: self.now_ns,
                link: LinkType::ETHERNET.0,
                wire_length: u32::try_from(frame.len()).expect("a short frame"),
                data: &frame,
            });
            let taken = payload.len() + usize::from(flags & Tcp::SYN != 0);
            self.next[side] += u32::try_from(taken).expect("a short segment");
        }

        /// A request, and the beginning of an answer of 3 MB.
        fn begin(&mut self) {
            self.segment(false, Tcp::SYN, b"");
            self.segment(true, Tcp::SYN | Tcp::ACK, b"");
            self.segment(false, Tcp::ACK, b"");
            self.segment(
                false,
                Tcp::ACK,
                b"GET /big.bin HTTP/1.1\r\nHost: a.example\r\n\r\n",
            );
            self.segment(
                true,
                Tcp::ACK,
                b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n",
            );
        }

        fn go_on(&mut self, segments: usize) {
            for _ in 0..segments {
                self.segment(true, Tcp::ACK, &[b'x'; 1_400]);
                self.segment(false, Tcp::ACK, b"");
            }
        }
    }

    #[test]
    fn a_flow_that_is_left_out_tells_what_it_has_said() {
        let (mut wire, records) = Wire::new(Checksum::Right);
        wire.begin();
        // Longer than what is left out first, with the headers; not as long as streams are followed.
        wire.go_on(700);
        assert!(records.lock().expect("no panic").is_empty(), "it goes on");
        // Behind by a second: the rest of long flows is left out.
        wire.worker.waited(1_000_000_000, wire.now_ns);
        wire.go_on(10);
        let seen = std::mem::take(&mut *records.lock().expect("no panic"));
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!(seen[0]["http"]["url"], "/big.bin");
        assert_eq!(seen[0]["http"]["status"], 200);
        assert_eq!(seen[0]["http"]["length"], 700 * 1_400);
        wire.worker.finish();
        assert!(records.lock().expect("no panic").is_empty(), "told once");
    }

    #[test]
    fn what_a_host_sends_itself_is_followed_from_its_first_segment_on() {
        for (checksum, expected) in [
            (Checksum::Right, true),
            (Checksum::LeftToCard, true),
            (Checksum::Wrong, false),
        ] {
            let (mut wire, records) = Wire::new(checksum);
            wire.begin();
            wire.go_on(2);
            let tally = wire.worker.tally();
            let wrong = tally.checksums_wrong > 0;
            assert_eq!(wrong, checksum != Checksum::Right, "{checksum:?}");
            wire.worker.finish();
            let records = records.lock().expect("no panic");
            let told = records.iter().any(|one| one["http"]["status"] == 200);
            assert_eq!(told, expected, "{checksum:?}: {records:?}");
        }
    }
}
