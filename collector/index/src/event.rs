//! One event on its way into the index: the parsed record, and where it came from.

use std::fmt::Write;
use std::net::IpAddr;

use sensor_event::Class;

use crate::partition::PartitionKey;
use crate::tape::{Json, Tape};
use sensor_query::{Day, parse_timestamp};

/// Why a line is not an event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    #[error("not UTF-8 after byte {0}")]
    Encoding(usize),
    #[error("not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("not a JSON object")]
    NotAnObject,
    #[error("no timestamp")]
    NoTimestamp,
    #[error("timestamp {0:?} is not a time between 1970 and 2105")]
    Timestamp(String),
    #[error("no event_type")]
    NoEventType,
}

/// A numbered flow of events: of one sensor, since its spool was made, in one class.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream {
    /// UUID of the sensor.
    pub sensor: String,
    pub epoch: u64,
    pub class: Class,
}

/// Alerts are kept apart from the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shelf {
    Alerts,
    Records,
}

impl Shelf {
    pub const ALL: [Shelf; 2] = [Shelf::Alerts, Shelf::Records];

    pub fn name(self) -> &'static str {
        match self {
            Shelf::Alerts => "alerts",
            Shelf::Records => "records",
        }
    }
}

/// A checked event.
#[derive(Debug, Clone)]
pub struct Event {
    tape: Tape,
    timestamp: i64,
    shelf: Shelf,
}

impl Event {
    /// Checks a line: a JSON object with `timestamp` and `event_type`.
    pub fn parse(line: Vec<u8>) -> Result<Event, EventError> {
        let text = String::from_utf8(line)
            .map_err(|error| EventError::Encoding(error.utf8_error().valid_up_to()))?;
        let tape = Tape::parse(text)?;
        let root = tape.root();
        if !root.is_object() {
            return Err(EventError::NotAnObject);
        }
        let timestamp = root
            .get("timestamp")
            .and_then(Json::as_str)
            .ok_or(EventError::NoTimestamp)?;
        let timestamp = parse_timestamp(timestamp)
            .ok_or_else(|| EventError::Timestamp(sensor_query::cut(timestamp, 64).to_owned()))?;
        let shelf = match root.get("event_type").and_then(Json::as_str) {
            Some("alert") => Shelf::Alerts,
            Some(_) => Shelf::Records,
            None => return Err(EventError::NoEventType),
        };
        Ok(Event {
            tape,
            timestamp,
            shelf,
        })
    }

    /// Microseconds since 1970.
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    pub fn day(&self) -> Day {
        Day::of(self.timestamp)
    }

    pub fn shelf(&self) -> Shelf {
        self.shelf
    }

    /// Where it belongs.
    pub fn partition(&self) -> PartitionKey {
        PartitionKey {
            day: self.day(),
            shelf: self.shelf,
        }
    }

    pub fn root(&self) -> Json<'_> {
        self.tape.root()
    }

    pub fn text(&self) -> &str {
        self.tape.text()
    }

    /// The text at a dotted path.
    pub fn str(&self, path: &str) -> Option<&str> {
        self.root().path(path)?.as_str()
    }

    pub fn u64(&self, path: &str) -> Option<u64> {
        self.root().path(path)?.as_u64()
    }

    pub fn ip(&self, path: &str) -> Option<IpAddr> {
        self.str(path)?.parse().ok()
    }
}

impl Stream {
    /// The id of an event: unique, and sortable within its stream's epoch.
    pub fn event_id(&self, seq: u64) -> String {
        let mut id: String = self
            .sensor
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(8)
            .collect();
        id.push('-');
        push_base36(&mut id, self.epoch);
        id.push('-');
        id.push_str(&self.class.name()[..1]);
        push_base36(&mut id, seq);
        id
    }

    /// See [`crate::Fields::order`].
    pub(crate) fn order(&self, seq: u64) -> u64 {
        // FNV-1a: the value is stored, so it must never depend on the version of a library.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let epoch = self.epoch.to_le_bytes();
        for byte in self
            .sensor
            .bytes()
            .chain(epoch)
            .chain(self.class.name().bytes())
        {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        (seq & 0x7ff_ffff_ffff) << 20 | (hash ^ (hash >> 32)) & 0xf_ffff
    }

    /// The record as it is stored: with the object that says where it came from.
    pub(crate) fn source(&self, seq: u64, received: &str, text: &str) -> Vec<u8> {
        let body = text.trim_end().strip_suffix('}').unwrap_or(text);
        let mut source = String::with_capacity(body.len() + 224);
        // What the sensor says in the object stays, the rest is added.
        match own_object(body) {
            Some(members) => source.push_str(members),
            None => {
                source.push_str(body);
                source.push_str(r#","matluoi":{"#);
            }
        }
        if !source.ends_with('{') {
            source.push(',');
        }
        // A String takes any write.
        let _ = write!(
            source,
            r#""id":"{}","sensor":"{}","epoch":{},"seq":{},"class":"{}","received":"{}"}}}}"#,
            self.event_id(seq),
            self.sensor.escape_default(),
            self.epoch,
            seq,
            self.class.name(),
            received
        );
        source.into_bytes()
    }
}

/// A record without its last brace whose last member is an object `matluoi`: all of it but that object's brace.
fn own_object(body: &str) -> Option<&str> {
    const OWN: &str = r#","matluoi":"#;
    let at = body.rfind(OWN)?;
    let object = body[at + OWN.len()..].to_owned();
    let is_last = Tape::parse(object).is_ok_and(|tape| tape.root().is_object());
    body.strip_suffix('}').filter(|_| is_last)
}

fn push_base36(text: &mut String, mut number: u64) {
    let mut digits = [0_u8; 13];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b"0123456789abcdefghijklmnopqrstuvwxyz"[(number % 36) as usize];
        number /= 36;
        if number == 0 {
            break;
        }
    }
    text.extend(digits[at..].iter().map(|&digit| char::from(digit)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(class: Class) -> Stream {
        Stream {
            sensor: "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d".to_owned(),
            epoch: 1_764_000_000_000,
            class,
        }
    }

    #[test]
    fn lines_are_checked() {
        let rows: &[(&[u8], Option<&str>)] = &[
            (
                br#"{"timestamp":"2026-11-24T17:30:00Z","event_type":"dns"}"#,
                None,
            ),
            (
                br#"{"timestamp":"2026-11-24T17:30:00Z"}"#,
                Some("no event_type"),
            ),
            (br#"{"event_type":"dns"}"#, Some("no timestamp")),
            (
                br#"{"timestamp":5,"event_type":"dns"}"#,
                Some("no timestamp"),
            ),
            (b"[1]", Some("not a JSON object")),
            (b"{\"a\":\"\xff\"}", Some("not UTF-8 after byte 6")),
        ];
        for (line, expected) in rows {
            let error = Event::parse(line.to_vec()).err().map(|e| e.to_string());
            assert_eq!(error.as_deref(), *expected);
        }
    }

    #[test]
    fn ids_differ_between_classes_and_sort_by_order() {
        assert_eq!(stream(Class::Alert).event_id(36), "0a1b2c3d-midc1z40-a10");
        assert_ne!(
            stream(Class::Alert).event_id(1),
            stream(Class::Flow).event_id(1)
        );
        assert_ne!(stream(Class::Alert).order(1), stream(Class::Flow).order(1));
        assert!(stream(Class::Alert).order(1) < stream(Class::Alert).order(2));
    }

    #[test]
    fn the_stored_record_says_where_it_came_from() {
        let text = r#"{"timestamp":"2026-11-24T17:30:00Z","event_type":"dns"} "#;
        let source = stream(Class::Record).source(7, "2026-11-24T17:30:01Z", text);
        let value: serde_json::Value = serde_json::from_slice(&source).expect("it is JSON");
        assert_eq!(value["event_type"], "dns");
        assert_eq!(value["matluoi"]["seq"], 7);
        assert_eq!(value["matluoi"]["class"], "record");
        assert_eq!(value["matluoi"]["received"], "2026-11-24T17:30:01Z");
        let text = r#"{"timestamp":"2026-11-24T17:30:00Z","event_type":"flow","matluoi":{"history":"Sh"}}"#;
        let source = stream(Class::Flow).source(8, "2026-11-24T17:30:01Z", text);
        let value: serde_json::Value = serde_json::from_slice(&source).expect("it is JSON");
        assert_eq!(value["matluoi"]["history"], "Sh");
        assert_eq!(value["matluoi"]["seq"], 8);
    }
}
