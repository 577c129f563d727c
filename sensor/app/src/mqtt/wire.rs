//! Bytes → messages (OASIS MQTT 3.1.1 §2–3, OASIS MQTT 5.0 §2–3). Pure: no state but the version that a
//! CONNECT announced.
//!
//! A [`Message`] keeps the bytes behind its fixed header; every field of it is a range into them.

use std::ops::Range;

use sensor_bytes::{Reader, Short};

use super::property::{Properties, properties};

/// Topics that one SUBSCRIBE or UNSUBSCRIBE may keep; later ones are read over.
pub const MAX_TOPICS: usize = 1024;

/// The first version with properties and reason codes.
pub const VERSION_5: u8 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageType(pub u8);

/// Lower-case names of types (MQTT 5.0 §2.1.2), by number.
pub const TYPES: &[(&str, u64)] = &[
    ("unassigned", 0),
    ("connect", 1),
    ("connack", 2),
    ("publish", 3),
    ("puback", 4),
    ("pubrec", 5),
    ("pubrel", 6),
    ("pubcomp", 7),
    ("subscribe", 8),
    ("suback", 9),
    ("unsubscribe", 10),
    ("unsuback", 11),
    ("pingreq", 12),
    ("pingresp", 13),
    ("disconnect", 14),
    ("auth", 15),
];

impl MessageType {
    pub const UNASSIGNED: MessageType = MessageType(0);
    pub const CONNECT: MessageType = MessageType(1);
    pub const CONNACK: MessageType = MessageType(2);
    pub const PUBLISH: MessageType = MessageType(3);
    pub const PUBACK: MessageType = MessageType(4);
    pub const PUBREC: MessageType = MessageType(5);
    pub const PUBREL: MessageType = MessageType(6);
    pub const PUBCOMP: MessageType = MessageType(7);
    pub const SUBSCRIBE: MessageType = MessageType(8);
    pub const SUBACK: MessageType = MessageType(9);
    pub const UNSUBSCRIBE: MessageType = MessageType(10);
    pub const UNSUBACK: MessageType = MessageType(11);
    pub const PINGREQ: MessageType = MessageType(12);
    pub const PINGRESP: MessageType = MessageType(13);
    pub const DISCONNECT: MessageType = MessageType(14);
    pub const AUTH: MessageType = MessageType(15);

    /// The name in lower case, as EVE writes it.
    pub fn name(self) -> &'static str {
        TYPES
            .get(usize::from(self.0))
            .map_or("unassigned", |row| row.0)
    }
}

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    Short(Short),
    /// A number of more than four bytes, properties past their end, a SUBSCRIBE without topic.
    Content,
}

impl From<Short> for Malformed {
    fn from(short: Short) -> Self {
        Malformed::Short(short)
    }
}

/// MQTT 5.0 §2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedHeader {
    pub kind: MessageType,
    /// DUP, QoS (two bits) and RETAIN.
    pub flags: u8,
    /// Bytes behind the header.
    pub length: u32,
}

impl FixedHeader {
    pub fn read(reader: &mut Reader<'_>) -> Result<FixedHeader, Malformed> {
        let first = reader.u8()?;
        Ok(FixedHeader {
            kind: MessageType(first >> 4),
            flags: first & 0x0f,
            length: variable_integer(reader)?,
        })
    }

    pub fn dup(&self) -> bool {
        self.flags & 0x08 != 0
    }

    pub fn qos(&self) -> u8 {
        (self.flags >> 1) & 0x03
    }

    pub fn retain(&self) -> bool {
        self.flags & 0x01 != 0
    }
}

/// Seven bits a byte, lowest first, at most four bytes (MQTT 5.0 §1.5.5).
pub fn variable_integer(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    let mut value = 0;
    for shift in [0, 7, 14, 21] {
        let byte = reader.u8()?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed::Content)
}

/// A range of the message's bytes.
pub type Span = Range<usize>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    pub topic: Span,
    pub message: Span,
    pub properties: Properties,
}

/// MQTT 5.0 §3.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    pub protocol: Span,
    pub version: u8,
    pub flags: u8,
    pub client_id: Span,
    pub properties: Properties,
    pub will: Option<Will>,
    pub username: Option<Span>,
    pub password: Option<Span>,
}

impl Connect {
    pub const USERNAME: u8 = 0x80;
    pub const PASSWORD: u8 = 0x40;
    pub const WILL_RETAIN: u8 = 0x20;
    pub const WILL: u8 = 0x04;
    pub const CLEAN_SESSION: u8 = 0x02;
}

/// The part of a message that its type decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Connect(Box<Connect>),
    Connack {
        session_present: bool,
        code: u8,
        properties: Properties,
    },
    Publish {
        topic: Span,
        id: Option<u16>,
        message: Span,
        properties: Properties,
    },
    /// PUBACK, PUBREC, PUBREL, PUBCOMP.
    Acknowledgement {
        id: u16,
        code: Option<u8>,
        properties: Properties,
    },
    Subscribe {
        id: u16,
        /// With the quality of service that each asks for.
        topics: Vec<(Span, u8)>,
        properties: Properties,
    },
    Suback {
        id: u16,
        /// Granted quality of service, or a reason, a byte each.
        codes: Span,
    },
    Unsubscribe {
        id: u16,
        topics: Vec<Span>,
    },
    Unsuback {
        id: u16,
        codes: Span,
    },
    Disconnect {
        code: Option<u8>,
        properties: Properties,
    },
    Auth {
        code: u8,
        properties: Properties,
    },
    /// PINGREQ, PINGRESP, and types that are not assigned.
    Nothing,
    /// Not read, as the message is longer than the limit: bytes with the fixed header.
    Truncated {
        skipped: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub header: FixedHeader,
    pub content: Content,
    body: Vec<u8>,
}

impl Message {
    /// Reads the bytes behind a fixed header. `version` is the one that the connection announced, 0 before that.
    pub fn read(header: FixedHeader, body: &[u8], version: u8) -> Result<Message, Malformed> {
        let content = content(header, body, version)?;
        Ok(Message {
            header,
            content,
            body: body.to_vec(),
        })
    }

    /// A message that is too long to be read.
    pub fn truncated(header: FixedHeader, skipped: u64) -> Message {
        Message {
            header,
            content: Content::Truncated { skipped },
            body: Vec::new(),
        }
    }

    pub fn bytes(&self, span: &Span) -> &[u8] {
        self.body.get(span.clone()).unwrap_or_default()
    }

    /// Bytes that it holds in memory, roughly.
    pub fn held_bytes(&self) -> usize {
        self.body.len() + size_of::<Message>()
    }
}

fn content(header: FixedHeader, body: &[u8], version: u8) -> Result<Content, Malformed> {
    let mut reader = Reader::new(body);
    let reader = &mut reader;
    let rest = |reader: &Reader<'_>| reader.position()..body.len();
    Ok(match header.kind {
        MessageType::CONNECT => Content::Connect(Box::new(connect(reader)?)),
        MessageType::CONNACK => Content::Connack {
            session_present: reader.u8()? & 1 != 0,
            code: reader.u8()?,
            properties: properties(reader, version)?,
        },
        MessageType::PUBLISH => {
            let topic = string(reader)?;
            let id = (header.qos() > 0).then(|| reader.u16()).transpose()?;
            let properties = properties(reader, version)?;
            Content::Publish {
                topic,
                id,
                message: rest(reader),
                properties,
            }
        }
        MessageType::PUBACK | MessageType::PUBREC | MessageType::PUBREL | MessageType::PUBCOMP => {
            let id = reader.u16()?;
            let (code, properties) = reason(reader, version)?;
            Content::Acknowledgement {
                id,
                code,
                properties,
            }
        }
        MessageType::SUBSCRIBE => {
            let id = reader.u16()?;
            let properties = properties(reader, version)?;
            let mut topics = Vec::new();
            while let Ok(topic) = string(reader)
                && let Ok(qos) = reader.u8()
            {
                if topics.len() < MAX_TOPICS {
                    topics.push((topic, qos));
                }
            }
            if topics.is_empty() {
                return Err(Malformed::Content);
            }
            Content::Subscribe {
                id,
                topics,
                properties,
            }
        }
        MessageType::SUBACK => {
            let id = reader.u16()?;
            properties(reader, version)?;
            Content::Suback {
                id,
                codes: rest(reader),
            }
        }
        MessageType::UNSUBSCRIBE => {
            let id = reader.u16()?;
            properties(reader, version)?;
            let mut topics = Vec::new();
            while let Ok(topic) = string(reader) {
                if topics.len() < MAX_TOPICS {
                    topics.push(topic);
                }
            }
            Content::Unsubscribe { id, topics }
        }
        MessageType::UNSUBACK => {
            let id = reader.u16()?;
            properties(reader, version)?;
            Content::Unsuback {
                id,
                codes: rest(reader),
            }
        }
        MessageType::DISCONNECT => {
            // A reason without properties is told as 0, as compatible sensors do.
            let bare = body.len() == 1;
            let (code, properties) = reason(reader, version)?;
            Content::Disconnect {
                code: code.map(|code| if bare { 0 } else { code }),
                properties,
            }
        }
        MessageType::AUTH => Content::Auth {
            code: reader.u8()?,
            properties: properties(reader, VERSION_5)?,
        },
        _ => Content::Nothing,
    })
}

fn connect(reader: &mut Reader<'_>) -> Result<Connect, Malformed> {
    let protocol = string(reader)?;
    let version = reader.u8()?;
    let flags = reader.u8()?;
    let _keep_alive = reader.u16()?;
    let connection = properties(reader, version)?;
    let client_id = string(reader)?;
    let will = if flags & Connect::WILL != 0 {
        let properties = properties(reader, version)?;
        Some(Will {
            topic: string(reader)?,
            message: string(reader)?,
            properties,
        })
    } else {
        None
    };
    let mut optional = |flag: u8| (flags & flag != 0).then(|| string(reader)).transpose();
    Ok(Connect {
        protocol,
        version,
        flags,
        client_id,
        properties: connection,
        will,
        username: optional(Connect::USERNAME)?,
        password: optional(Connect::PASSWORD)?,
    })
}

/// A reason code and properties. Both may be left out from the end: success, and none (MQTT 5.0 §3.4.2.1).
fn reason(reader: &mut Reader<'_>, version: u8) -> Result<(Option<u8>, Properties), Malformed> {
    if version < VERSION_5 {
        return Ok((None, None));
    }
    if reader.is_empty() {
        return Ok((Some(0), None));
    }
    let code = reader.u8()?;
    if reader.is_empty() {
        return Ok((Some(code), None));
    }
    Ok((Some(code), properties(reader, version)?))
}

/// A length and bytes (MQTT 5.0 §1.5.4, §1.5.6).
pub fn string(reader: &mut Reader<'_>) -> Result<Span, Short> {
    let mut ahead = *reader;
    let length = ahead.u16()?;
    let from = ahead.position();
    ahead.skip(usize::from(length))?;
    *reader = ahead;
    Ok(from..reader.position())
}

#[cfg(test)]
mod tests {
    use super::super::property::{Property, PropertyValue};
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8], version: u8) -> Result<Message, Malformed> {
        let mut reader = Reader::new(bytes);
        let header = FixedHeader::read(&mut reader)?;
        Message::read(header, reader.rest(), version)
    }

    #[test]
    fn messages() {
        let publish = read(b"\x33\x0b\x00\x01t\x00\x07\x02\x01\x01hey", 5).expect("PUBLISH");
        assert!(publish.header.retain() && !publish.header.dup());
        assert_eq!(
            publish.content,
            Content::Publish {
                topic: 2..3,
                id: Some(7),
                message: 8..11,
                properties: Some(vec![Property {
                    identifier: 1,
                    value: PropertyValue::Number(1)
                }]),
            }
        );
        let rows: &[(&[u8], u8, Content)] = &[
            (
                b"\x20\x02\x01\x05",
                4,
                Content::Connack {
                    session_present: true,
                    code: 5,
                    properties: None,
                },
            ),
            (
                b"\xe0\x02\x04\x00",
                5,
                Content::Disconnect {
                    code: Some(4),
                    properties: None,
                },
            ),
            (
                b"\xe0\x00",
                4,
                Content::Disconnect {
                    code: None,
                    properties: None,
                },
            ),
            (
                b"\x82\x0a\x00\x01\x00\x01a\x00\x00\x01b\x02",
                4,
                Content::Subscribe {
                    id: 1,
                    topics: vec![(4..5, 0), (8..9, 2)],
                    properties: None,
                },
            ),
            (b"\xc0\x00", 4, Content::Nothing),
        ];
        for (bytes, version, content) in rows {
            assert_eq!(
                read(bytes, *version)
                    .map(|message| message.content)
                    .as_ref(),
                Ok(content)
            );
        }
    }

    #[test]
    fn what_is_no_message() {
        let rows: &[(&[u8], u8)] = &[
            (b"\x10\x02\x00\x09", 0),
            (b"\x82\x02\x00\x01", 4),
            // Properties that are longer than the message, and one that is longer than the properties.
            (b"\x20\x03\x00\x00\x7f", 5),
            (b"\x20\x08\x00\x00\x02\x11\x00\x00\x00\x01", 5),
        ];
        for (bytes, version) in rows {
            assert!(read(bytes, *version).is_err(), "{bytes:02x?}");
        }
        assert_eq!(
            FixedHeader::read(&mut Reader::new(b"\x10\xff\xff\xff\xff")),
            Err(Malformed::Content)
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), version in 0u8..7) {
            let _ = read(&bytes, version);
        }
    }
}
