//! Bytes → messages: the encapsulation of EtherNet/IP (CIP volume 2, chapter 2) and what it carries of the
//! Common Industrial Protocol (CIP volume 1, chapter 2 and appendix C). Pure: no state.

use sensor_bytes::{Reader, Short};

/// Bytes of the encapsulation header.
pub const HEADER_BYTES: usize = 24;
/// Items of one message that are read.
const MAX_ITEMS: usize = 32;
/// Services of one packet of several that are read.
const MAX_SERVICES: usize = 128;
/// Attributes of one list that are kept.
const MAX_ATTRIBUTES: usize = 256;

/// Command of an encapsulated message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command(pub u16);

impl Command {
    pub const NOP: Command = Command(0x00);
    pub const LIST_SERVICES: Command = Command(0x04);
    pub const LIST_IDENTITY: Command = Command(0x63);
    pub const LIST_INTERFACES: Command = Command(0x64);
    pub const REGISTER_SESSION: Command = Command(0x65);
    pub const UNREGISTER_SESSION: Command = Command(0x66);
    pub const SEND_RR_DATA: Command = Command(0x6f);
    pub const SEND_UNIT_DATA: Command = Command(0x70);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub command: Command,
    /// Bytes behind the header.
    pub length: u16,
    pub session: u32,
    pub status: u32,
    pub options: u32,
}

impl Header {
    pub fn read(reader: &mut Reader<'_>) -> Result<Header, Short> {
        let (command, length) = (reader.u16_le()?, reader.u16_le()?);
        let (session, status) = (reader.u32_le()?, reader.u32_le()?);
        // The sender's context.
        reader.skip(8)?;
        Ok(Header {
            command: Command(command),
            length,
            session,
            status,
            options: reader.u32_le()?,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Payload {
    #[default]
    Other,
    Session {
        version: u16,
        options: u16,
    },
    /// The first item of a list of services.
    Services(Services),
    Identity(Identity),
    Cip(Cip),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services {
    pub version: u16,
    pub capabilities: u16,
    pub name: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub version: u16,
    pub vendor: u16,
    pub device_type: u16,
    pub product_code: u16,
    pub revision: (u8, u8),
    pub status: u16,
    pub serial: u32,
    pub name: Vec<u8>,
    pub state: u8,
}

/// Items of a message that carries data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cip {
    /// The first data among the items.
    pub data: Option<Data>,
    /// Sequence number of connected data in the second item; none within for other data.
    pub connected: Option<Option<u16>>,
}

/// A request for a service, or the response to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// Without the bit that marks responses.
    pub service: u8,
    pub kind: Kind,
    /// Services in a packet of several.
    pub services: Vec<Data>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Request {
        path: Vec<Segment>,
        /// Attributes named in lists.
        attributes: Vec<u16>,
    },
    Response {
        status: u8,
        extended: Vec<u8>,
    },
}

/// A logical segment of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub kind: u8,
    pub value: u32,
}

impl Segment {
    pub const CLASS: u8 = 8;
    pub const INSTANCE: u8 = 9;
    pub const ATTRIBUTE: u8 = 12;

    /// What the segment names, without the width of its value.
    pub fn logical(&self) -> u8 {
        self.kind >> 2
    }
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub header: Header,
    pub payload: Payload,
    /// What stands behind the header cannot be read.
    pub invalid: bool,
}

impl Message {
    /// Reads a message; `None` when more bytes are needed.
    pub fn read(reader: &mut Reader<'_>) -> Option<Message> {
        let mut ahead = *reader;
        let header = Header::read(&mut ahead).ok()?;
        let body = ahead.take(usize::from(header.length)).ok()?;
        *reader = ahead;
        let payload = payload(&header, &mut Reader::new(body));
        let invalid = payload.is_err();
        Some(Message {
            header,
            payload: payload.unwrap_or_default(),
            invalid,
        })
    }
}

/// A body that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Malformed;

impl From<Short> for Malformed {
    fn from(_: Short) -> Self {
        Malformed
    }
}

fn payload(header: &Header, reader: &mut Reader<'_>) -> Result<Payload, Malformed> {
    Ok(match header.command {
        Command::REGISTER_SESSION => Payload::Session {
            version: reader.u16_le()?,
            options: reader.u16_le()?,
        },
        // Requests for lists are empty.
        Command::LIST_SERVICES | Command::LIST_IDENTITY | Command::LIST_INTERFACES
            if header.length > 0 =>
        {
            let items = items(reader)?;
            match (header.command, items.into_iter().next()) {
                (Command::LIST_SERVICES, Some(Item::Services(services))) => {
                    Payload::Services(services)
                }
                (Command::LIST_IDENTITY, Some(Item::Identity(identity))) => {
                    Payload::Identity(identity)
                }
                _ => Payload::Other,
            }
        }
        Command::SEND_RR_DATA | Command::SEND_UNIT_DATA => {
            // Interface handle and time-out.
            reader.skip(6)?;
            let items = items(reader)?;
            let connected = match items.get(1) {
                Some(Item::Data { sequence, .. }) if sequence.is_some() => Some(*sequence),
                _ => None,
            };
            let data = items.into_iter().find_map(|item| match item {
                Item::Data { data, .. } => Some(data),
                _ => None,
            });
            Payload::Cip(Cip { data, connected })
        }
        _ => Payload::Other,
    })
}

enum Item {
    Identity(Identity),
    Services(Services),
    Data { sequence: Option<u16>, data: Data },
    Other,
}

fn items(reader: &mut Reader<'_>) -> Result<Vec<Item>, Malformed> {
    let count = usize::from(reader.u16_le()?);
    let mut items = Vec::new();
    for _ in 0..count.min(MAX_ITEMS) {
        let kind = reader.u16_le()?;
        let length = usize::from(reader.u16_le()?);
        let mut body = reader.sub(length)?;
        items.push(match kind {
            0x0c => Item::Identity(identity(&mut body)?),
            0x100 => Item::Services(Services {
                version: body.u16_le()?,
                capabilities: body.u16_le()?,
                name: body.take(16)?.to_vec(),
            }),
            0xb1 => Item::Data {
                sequence: Some(body.u16_le()?),
                data: data(&mut body, Nesting::Outer)?,
            },
            0xb2 => Item::Data {
                sequence: None,
                data: data(&mut body, Nesting::Outer)?,
            },
            _ => Item::Other,
        });
    }
    Ok(items)
}

fn identity(body: &mut Reader<'_>) -> Result<Identity, Malformed> {
    let version = body.u16_le()?;
    // A socket address.
    body.skip(16)?;
    let (vendor, device_type, product_code) = (body.u16_le()?, body.u16_le()?, body.u16_le()?);
    let revision = (body.u8()?, body.u8()?);
    let (status, serial) = (body.u16_le()?, body.u32_le()?);
    let length = usize::from(body.u8()?);
    Ok(Identity {
        version,
        vendor,
        device_type,
        product_code,
        revision,
        status,
        serial,
        name: body.take(length)?.to_vec(),
        state: body.u8()?,
    })
}

/// Services of a packet of several hold no further ones.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nesting {
    Outer,
    Inner,
}

mod service {
    pub const GET_ATTRIBUTE_LIST: u8 = 0x03;
    pub const SET_ATTRIBUTE_LIST: u8 = 0x04;
    pub const MULTIPLE: u8 = 0x0a;
}

fn data(reader: &mut Reader<'_>, nesting: Nesting) -> Result<Data, Malformed> {
    let octet = reader.u8()?;
    let service = octet & 0x7f;
    let kind = if octet & 0x80 == 0 {
        let path = path(reader)?;
        let mut attributes = Vec::new();
        match service {
            service::GET_ATTRIBUTE_LIST => {
                let count = usize::from(reader.u16_le()?);
                let mut list = reader.sub(count * 2)?;
                while let Ok(attribute) = list.u16_le() {
                    if attributes.len() < MAX_ATTRIBUTES {
                        attributes.push(attribute);
                    }
                }
            }
            // The values between the attributes are of the class's own form.
            service::SET_ATTRIBUTE_LIST if reader.u16_le()? > 0 => {
                attributes.push(reader.u16_le()?);
            }
            _ => {}
        }
        Kind::Request { path, attributes }
    } else {
        reader.skip(1)?;
        let status = reader.u8()?;
        let extended = usize::from(reader.u8()?);
        Kind::Response {
            status,
            extended: reader.take(extended)?.to_vec(),
        }
    };
    let mut services = Vec::new();
    if service == service::MULTIPLE && nesting == Nesting::Outer {
        let all = reader.rest();
        let count = usize::from(reader.u16_le()?);
        let mut offsets = reader.sub(count * 2)?;
        while let Ok(offset) = offsets.u16_le() {
            if services.len() >= MAX_SERVICES {
                break;
            }
            let inner = all.get(usize::from(offset)..).ok_or(Malformed)?;
            services.push(data(&mut Reader::new(inner), Nesting::Inner)?);
        }
    }
    Ok(Data {
        service,
        kind,
        services,
    })
}

/// Logical segments; others are not read.
fn path(reader: &mut Reader<'_>) -> Result<Vec<Segment>, Malformed> {
    let words = usize::from(reader.u8()?);
    let mut path = reader.sub(words * 2)?;
    let mut segments = Vec::new();
    while !path.is_empty() {
        let kind = path.u8()?;
        if kind >> 5 != 1 {
            return Err(Malformed);
        }
        let value = match kind & 3 {
            0 => u32::from(path.u8()?),
            width @ (1 | 2) => {
                path.skip(1)?;
                if width == 1 {
                    u32::from(path.u16_le()?)
                } else {
                    path.u32_le()?
                }
            }
            _ => return Err(Malformed),
        };
        segments.push(Segment { kind, value });
    }
    Ok(segments)
}

#[cfg(test)]
pub mod build {
    /// A message with this body.
    pub fn message(command: u16, session: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = command.to_le_bytes().to_vec();
        bytes.extend((body.len() as u16).to_le_bytes());
        bytes.extend(session.to_le_bytes());
        bytes.extend([0; 16]);
        bytes.extend(body);
        bytes
    }

    /// A message with unconnected data.
    pub fn unconnected(data: &[u8]) -> Vec<u8> {
        let mut body = vec![0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0xb2, 0];
        body.extend((data.len() as u16).to_le_bytes());
        body.extend(data);
        message(0x6f, 7, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Message {
        Message::read(&mut Reader::new(bytes)).expect("a whole message")
    }

    #[test]
    fn services_and_their_paths() {
        let message = read(&build::unconnected(&[
            0x03, 2, 0x20, 0x01, 0x24, 0x01, 2, 0, 6, 0, 7, 0,
        ]));
        let Payload::Cip(Cip {
            data: Some(data),
            connected: None,
        }) = message.payload
        else {
            panic!("{message:?}");
        };
        assert_eq!(
            data.kind,
            Kind::Request {
                path: vec![
                    Segment {
                        kind: 0x20,
                        value: 1
                    },
                    Segment {
                        kind: 0x24,
                        value: 1
                    },
                ],
                attributes: vec![6, 7],
            }
        );
        // Two services in one packet.
        let message = read(&build::unconnected(&[
            0x8a, 0, 0, 0, 2, 0, 6, 0, 10, 0, 0xcc, 0, 5, 0, 0xcd, 0, 0, 0,
        ]));
        let Payload::Cip(Cip {
            data: Some(data), ..
        }) = message.payload
        else {
            panic!("{message:?}");
        };
        let services: Vec<u8> = data.services.iter().map(|one| one.service).collect();
        assert_eq!(services, [0x4c, 0x4d]);
        // A path of symbols is not read.
        assert!(read(&build::unconnected(&[0x4c, 2, 0x91, 1, b'a', 0])).invalid);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(command in any::<u8>(), body in proptest::collection::vec(any::<u8>(), 0..80)) {
            read(&build::message(command.into(), 0, &body));
            read(&build::unconnected(&body));
            Message::read(&mut Reader::new(&body));
        }
    }
}
