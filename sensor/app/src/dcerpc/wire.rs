//! Messages (C706 §12.5, §12.6).

use std::borrow::Cow;
use std::fmt;

use sensor_bytes::{Reader, Short};

/// Bytes of the header that all messages over a connection share.
pub const HEADER_BYTES: usize = 16;
/// Bytes of a request's own header: its size, context and operation.
pub const REQUEST_HEADER_BYTES: usize = 8;

const FIRST_FRAGMENT: u8 = 0x01;
const LAST_FRAGMENT: u8 = 0x02;

/// Type of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind(pub u8);

impl Kind {
    pub const REQUEST: Kind = Kind(0);
    pub const RESPONSE: Kind = Kind(2);
    pub const FAULT: Kind = Kind(3);
    pub const REJECT: Kind = Kind(6);
    pub const BIND: Kind = Kind(11);
    pub const BIND_ACK: Kind = Kind(12);
    pub const ALTER_CONTEXT: Kind = Kind(14);
    pub const ALTER_CONTEXT_RESPONSE: Kind = Kind(15);

    const NAMES: [&'static str; 21] = [
        "REQUEST",
        "PING",
        "RESPONSE",
        "FAULT",
        "WORKING",
        "NOCALL",
        "REJECT",
        "ACK",
        "CL_CANCEL",
        "FACK",
        "CANCEL_ACK",
        "BIND",
        "BINDACK",
        "BINDNAK",
        "ALTER_CONTEXT",
        "ALTER_CONTEXT_RESP",
        "AUTH3",
        "SHUTDOWN",
        "CO_CANCEL",
        "ORPHANED",
        "RTS",
    ];

    pub fn name(self) -> Cow<'static, str> {
        match Self::NAMES.get(usize::from(self.0)) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(self.0.to_string()),
        }
    }

    /// The specification has such a message.
    pub fn is_known(self) -> bool {
        usize::from(self.0) < Self::NAMES.len()
    }

    /// Only a client sends it.
    pub fn is_from_client(self) -> bool {
        matches!(
            self,
            Kind::REQUEST | Kind::BIND | Kind::ALTER_CONTEXT | Kind(16 | 18 | 19)
        )
    }

    /// What a server answers to it.
    pub fn answer(self) -> Option<Kind> {
        match self {
            Kind::REQUEST => Some(Kind::RESPONSE),
            Kind::BIND => Some(Kind::BIND_ACK),
            Kind::ALTER_CONTEXT => Some(Kind::ALTER_CONTEXT_RESPONSE),
            _ => None,
        }
    }
}

/// Order of the bytes of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Big,
    Little,
}

impl Order {
    pub fn u16(self, reader: &mut Reader<'_>) -> Result<u16, Short> {
        match self {
            Order::Big => reader.u16(),
            Order::Little => reader.u16_le(),
        }
    }

    pub fn u32(self, reader: &mut Reader<'_>) -> Result<u32, Short> {
        match self {
            Order::Big => reader.u32(),
            Order::Little => reader.u32_le(),
        }
    }

    /// Of the first byte of a data representation.
    fn of(representation: u8) -> Order {
        if representation & 0x10 == 0 {
            Order::Big
        } else {
            Order::Little
        }
    }
}

/// An identifier with its bytes in the order of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    pub fn read(reader: &mut Reader<'_>, order: Order) -> Result<Uuid, Short> {
        let mut bytes: [u8; 16] = reader.array()?;
        if order == Order::Little {
            bytes[..4].reverse();
            bytes[4..6].reverse();
            bytes[6..8].reverse();
        }
        Ok(Uuid(bytes))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// Header of a message over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub version: u8,
    pub minor: u8,
    pub kind: Kind,
    pub flags: u8,
    pub representation: [u8; 4],
    pub order: Order,
    /// Bytes of the whole fragment, this header included.
    pub fragment_bytes: u16,
    pub call_id: u32,
}

impl Header {
    pub fn read(reader: &mut Reader<'_>) -> Result<Header, Short> {
        let [version, minor, kind, flags] = reader.array()?;
        let representation: [u8; 4] = reader.array()?;
        let order = Order::of(representation[0]);
        let fragment_bytes = order.u16(reader)?;
        let _authentication_bytes = order.u16(reader)?;
        Ok(Header {
            version,
            minor,
            kind: Kind(kind),
            flags,
            representation,
            order,
            fragment_bytes,
            call_id: order.u32(reader)?,
        })
    }

    pub fn is_first(&self) -> bool {
        self.flags & FIRST_FRAGMENT != 0
    }

    pub fn is_last(&self) -> bool {
        self.flags & LAST_FRAGMENT != 0
    }

    /// Version 5.0 with a known representation of numbers and a length that can be.
    pub fn is_plausible(&self) -> bool {
        self.version == 5
            && self.minor == 0
            && self.representation[0] & 0xee == 0
            && self.representation[1] <= 3
            && usize::from(self.fragment_bytes) >= HEADER_BYTES
    }
}

/// An interface within a bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextItem {
    pub context: u16,
    pub uuid: Uuid,
    pub version: u16,
    pub minor: u16,
}

/// The interfaces of a bind or alter-context, behind the header.
pub fn read_bind(body: &[u8], order: Order) -> Result<Vec<ContextItem>, Short> {
    let mut reader = Reader::new(body);
    reader.skip(8)?;
    let count = reader.u8()?;
    reader.skip(3)?;
    let mut items = Vec::with_capacity(usize::from(count).min(8));
    for _ in 0..count {
        let context = order.u16(&mut reader)?;
        let syntaxes = reader.u8()?;
        reader.skip(1)?;
        let uuid = Uuid::read(&mut reader, order)?;
        // C706 §12.6.3.1 has one number with the major version in its low half; rules are written for Suricata, which
        // reads two in this order whatever the order of bytes.
        let version = order.u16(&mut reader)?;
        let minor = order.u16(&mut reader)?;
        reader.skip(usize::from(syntaxes) * 20)?;
        items.push(ContextItem {
            context,
            uuid,
            version,
            minor,
        });
    }
    Ok(items)
}

/// The results of a bind-ack or its like, behind the header, in the order of the interfaces asked for.
pub fn read_bind_ack(body: &[u8], order: Order) -> Result<Vec<u16>, Short> {
    let mut reader = Reader::new(body);
    reader.skip(8)?;
    let address_bytes = usize::from(order.u16(&mut reader)?);
    reader.skip(address_bytes)?;
    // Up to a multiple of four, counted from the start of the body.
    reader.skip((4 - (address_bytes + 2) % 4) % 4)?;
    let count = reader.u8()?;
    reader.skip(3)?;
    let mut results = Vec::with_capacity(usize::from(count).min(8));
    for _ in 0..count {
        results.push(order.u16(&mut reader)?);
        reader.skip(2 + 16 + 4)?;
    }
    Ok(results)
}

/// The own header of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    pub context: u16,
    pub operation: u16,
}

impl Request {
    pub fn read(reader: &mut Reader<'_>, order: Order) -> Result<Request, Short> {
        let _size_hint = order.u32(reader)?;
        Ok(Request {
            context: order.u16(reader)?,
            operation: order.u16(reader)?,
        })
    }
}

/// Header of a message over UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatagramHeader {
    pub version: u8,
    pub order: Order,
    pub kind: Kind,
    pub flags1: u8,
    pub flags2: u8,
    pub representation_is_known: bool,
    pub interface: Uuid,
    pub activity: Uuid,
    pub interface_version: u32,
    pub sequence: u32,
    pub operation: u16,
    pub body_bytes: u16,
    pub fragment: u16,
}

impl DatagramHeader {
    pub fn read(reader: &mut Reader<'_>) -> Result<DatagramHeader, Short> {
        let [version, kind, flags1, flags2] = reader.array()?;
        let [number, float, _, _serial_high] = reader.array()?;
        let order = Order::of(number);
        let _object = Uuid::read(reader, order)?;
        let interface = Uuid::read(reader, order)?;
        // The text of an activity is written as if it were little-endian, whatever it is.
        let activity = Uuid::read(reader, Order::Little)?;
        let _server_boot = order.u32(reader)?;
        let interface_version = order.u32(reader)?;
        let sequence = order.u32(reader)?;
        let operation = order.u16(reader)?;
        reader.skip(4)?;
        let body_bytes = order.u16(reader)?;
        let fragment = order.u16(reader)?;
        reader.skip(2)?;
        Ok(DatagramHeader {
            version,
            order,
            kind: Kind(kind),
            flags1,
            flags2,
            representation_is_known: number & 0xee == 0 && float <= 3,
            interface,
            activity,
            interface_version,
            sequence,
            operation,
            body_bytes,
            fragment,
        })
    }

    /// No fragment of the same message follows.
    pub fn is_last(&self) -> bool {
        self.flags1 & 0x04 == 0 || self.flags1 & 0x02 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEADER: &[u8] = b"\x05\0\x0b\x03\x10\0\0\0\x48\0\0\0\x01\0\0\0";
    /// One interface with one transfer syntax.
    const BIND: &[u8] = b"\xd0\x16\xd0\x16\0\0\0\0\x01\0\0\0\0\0\x01\0\
        0123456789abcdef\x04\0\0\0fedcba9876543210\x02\0\0\0";
    /// An address of four bytes, two of padding, one result.
    const BIND_ACK: &[u8] = b"\xd0\x16\xd0\x16\0\0\0\0\x04\x00135\0\0\0\x01\0\0\0\
        \0\0\0\0fedcba9876543210\x02\0\0\0";
    const REQUEST: &[u8] = b"\x04\0\0\0\x01\0\x0f\0";

    fn datagram() -> Vec<u8> {
        let mut bytes = vec![4, 0, 0x20, 0, 0x10, 0, 0, 0];
        bytes.extend([0; 16 * 3]);
        bytes.extend([
            0, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 3, 0, 0xff, 0xff, 0xff, 0xff, 5, 0, 0, 0, 0, 0,
        ]);
        bytes
    }

    #[test]
    fn messages_are_read() {
        let header = Header::read(&mut Reader::new(HEADER)).expect("whole");
        assert!(header.is_plausible() && header.is_first() && header.is_last());
        assert_eq!((header.fragment_bytes, header.call_id), (72, 1));
        let items = read_bind(BIND, Order::Little).expect("whole");
        assert_eq!((items.len(), items[0].version), (1, 4));
        assert_eq!(
            items[0].uuid.to_string(),
            "33323130-3534-3736-3839-616263646566"
        );
        assert_eq!(read_bind_ack(BIND_ACK, Order::Little), Ok(vec![0]));
        let request = Request::read(&mut Reader::new(REQUEST), Order::Little).expect("whole");
        assert_eq!((request.context, request.operation), (1, 15));
        let header = DatagramHeader::read(&mut Reader::new(&datagram())).expect("whole");
        assert_eq!(
            (header.sequence, header.operation, header.body_bytes),
            (9, 3, 5)
        );
    }

    #[test]
    fn a_cut_message_asks_for_more() {
        for cut in 0..HEADER.len() {
            assert!(Header::read(&mut Reader::new(&HEADER[..cut])).is_err());
        }
        // What follows the last syntax or result is not looked at.
        for cut in 0..BIND.len() {
            assert!(read_bind(&BIND[..cut], Order::Little).is_err(), "{cut}");
        }
        for cut in 0..BIND_ACK.len() {
            assert!(read_bind_ack(&BIND_ACK[..cut], Order::Little).is_err());
        }
        for cut in 0..REQUEST.len() {
            assert!(Request::read(&mut Reader::new(&REQUEST[..cut]), Order::Little).is_err());
        }
        let datagram = datagram();
        for cut in 0..datagram.len() {
            assert!(DatagramHeader::read(&mut Reader::new(&datagram[..cut])).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), little in any::<bool>()) {
            let order = if little { Order::Little } else { Order::Big };
            if let Ok(header) = Header::read(&mut Reader::new(&bytes)) {
                header.is_plausible();
                header.kind.name();
            }
            if let Ok(items) = read_bind(&bytes, order) {
                prop_assert!(items.len() <= usize::from(u8::MAX));
            }
            if let Ok(results) = read_bind_ack(&bytes, order) {
                prop_assert!(results.len() <= usize::from(u8::MAX));
            }
            let _ = Request::read(&mut Reader::new(&bytes), order);
            let _ = DatagramHeader::read(&mut Reader::new(&bytes));
        }
    }
}
