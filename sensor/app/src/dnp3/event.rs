//! Message → the `dnp3` object.

use sensor_event::{
    Base64, Dnp3, Dnp3Application, Dnp3ApplicationControl, Dnp3Indications, Dnp3LinkControl,
    Dnp3Message, Dnp3Object, Dnp3Point, Dnp3Value, Text,
};
use sensor_flow::Direction;

use super::Dnp3Transaction;
use super::objects::{self, Header, Point, Sink, Value};

const UNSOLICITED_RESPONSE: u8 = 0x82;

/// Internal indications (IEEE 1815 §4.2.2.6), the first octet above.
const INDICATIONS: &[(&str, u16)] = &[
    ("device_restart", 0x8000),
    ("device_trouble", 0x4000),
    ("local_control", 0x2000),
    ("need_time", 0x1000),
    ("class_3_events", 0x0800),
    ("class_2_events", 0x0400),
    ("class_1_events", 0x0200),
    ("all_stations", 0x0100),
    ("reserved_1", 0x0080),
    ("reserved_2", 0x0040),
    ("config_corrupt", 0x0020),
    ("already_executing", 0x0010),
    ("event_buffer_overflow", 0x0008),
    ("parameter_error", 0x0004),
    ("object_unknown", 0x0002),
    ("no_func_code_support", 0x0001),
];

pub fn record(tx: &Dnp3Transaction) -> Dnp3<'_> {
    Dnp3::Record(message(tx))
}

pub fn alert_record(tx: &Dnp3Transaction) -> Dnp3<'_> {
    match tx.direction {
        Direction::ToServer => Dnp3::Request(message(tx)),
        Direction::ToClient => Dnp3::Response(message(tx)),
    }
}

fn message(tx: &Dnp3Transaction) -> Dnp3Message<'_> {
    let link = tx.link.control;
    let control = tx.control();
    Dnp3Message {
        kind: match (tx.direction, tx.function()) {
            (Direction::ToServer, _) => "request",
            (Direction::ToClient, UNSOLICITED_RESPONSE) => "unsolicited_response",
            (Direction::ToClient, _) => "response",
        },
        control: Dnp3LinkControl {
            dir: link & 0x80 != 0,
            pri: link & 0x40 != 0,
            fcb: link & 0x20 != 0,
            fcv: link & 0x10 != 0,
            function_code: tx.link.function(),
        },
        src: tx.link.source,
        dst: tx.link.destination,
        application: Dnp3Application {
            control: Dnp3ApplicationControl {
                fir: control & 0x80 != 0,
                fin: control & 0x40 != 0,
                con: control & 0x20 != 0,
                uns: control & 0x10 != 0,
                sequence: control & 0x0f,
            },
            function_code: tx.function(),
            objects: objects(tx),
            complete: tx.complete,
        },
        iin: tx.indications().map(|set| Dnp3Indications {
            indicators: INDICATIONS
                .iter()
                .filter(|(_, bit)| set & bit != 0)
                .map(|(name, _)| *name)
                .collect(),
        }),
    }
}

fn objects(tx: &Dnp3Transaction) -> Vec<Dnp3Object<'_>> {
    struct Objects<'a>(Vec<Dnp3Object<'a>>);
    impl<'a> Sink<'a> for Objects<'a> {
        fn object(&mut self, header: Header) {
            self.0.push(Dnp3Object {
                group: header.group,
                variation: header.variation,
                qualifier: header.qualifier,
                prefix_code: header.prefix_code(),
                range_code: header.range_code(),
                start: header.start,
                stop: header.stop,
                count: header.count,
                points: Vec::new(),
            });
        }

        fn point(&mut self, point: Point<'a, '_>) {
            let Some(object) = self.0.last_mut() else {
                return;
            };
            object.points.push(Dnp3Point {
                prefix: point.prefix,
                index: point.index,
                size: matches!(object.prefix_code, 4..=6).then_some(point.prefix),
                values: point
                    .values
                    .iter()
                    .map(|(name, value)| {
                        let value = match *value {
                            Value::Unsigned(value) => Dnp3Value::Unsigned(value),
                            Value::Signed(value) => Dnp3Value::Signed(value),
                            Value::Float(value) => Dnp3Value::Float(value),
                            Value::Text(text) => Dnp3Value::Text(Text(text)),
                            Value::Bytes(bytes) => Dnp3Value::Bytes(Base64(bytes)),
                        };
                        (*name, value)
                    })
                    .collect(),
            });
        }
    }
    // A message that was cut for its length is not read.
    if tx.objects.is_empty() {
        return Vec::new();
    }
    let mut sink = Objects(Vec::with_capacity(tx.objects.len()));
    objects::read(tx.object_bytes(), &mut sink);
    sink.0
}
