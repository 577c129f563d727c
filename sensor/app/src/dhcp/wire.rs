//! Bytes → messages (RFC 2131 §2, RFC 2132). Pure.

use std::ops::Range;

use sensor_bytes::{Reader, Short};

/// Options of one message that are kept; later ones are read over.
pub const MAX_OPTIONS: usize = 256;

/// What stands before options (RFC 2132 §2).
const COOKIE: [u8; 4] = [99, 130, 83, 99];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation(pub u8);

impl Operation {
    pub const REQUEST: Operation = Operation(1);
    pub const REPLY: Operation = Operation(2);
}

/// RFC 2131 §2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub operation: Operation,
    pub id: u32,
    pub client_ip: [u8; 4],
    /// The address that the client is given.
    pub your_ip: [u8; 4],
    pub server_ip: [u8; 4],
    pub relay_ip: [u8; 4],
    hardware: [u8; 16],
    hardware_bytes: u8,
    cookie: [u8; 4],
}

impl Header {
    pub fn read(bytes: &[u8]) -> Result<Header, Short> {
        Header::take(&mut Reader::new(bytes))
    }

    fn take(reader: &mut Reader<'_>) -> Result<Header, Short> {
        let operation = Operation(reader.u8()?);
        let _hardware_type = reader.u8()?;
        let hardware_bytes = reader.u8()?;
        let _hops = reader.u8()?;
        let id = reader.u32()?;
        let _seconds_and_flags = reader.u32()?;
        let (client_ip, your_ip) = (reader.array()?, reader.array()?);
        let (server_ip, relay_ip) = (reader.array()?, reader.array()?);
        let hardware = reader.array()?;
        // Names of server (64 bytes) and file (128 bytes).
        reader.skip(64 + 128)?;
        Ok(Header {
            operation,
            id,
            client_ip,
            your_ip,
            server_ip,
            relay_ip,
            hardware,
            hardware_bytes,
            cookie: reader.array()?,
        })
    }

    /// The client's hardware address.
    pub fn hardware(&self) -> &[u8] {
        let length = usize::from(self.hardware_bytes).min(self.hardware.len());
        &self.hardware[..length]
    }

    pub fn has_cookie(&self) -> bool {
        self.cookie == COOKIE && matches!(self.operation, Operation::REQUEST | Operation::REPLY)
    }
}

/// Code of an option (RFC 2132).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(pub u8);

impl Code {
    pub const PAD: Code = Code(0);
    pub const SUBNET_MASK: Code = Code(1);
    pub const ROUTERS: Code = Code(3);
    pub const DNS_SERVERS: Code = Code(6);
    pub const HOST_NAME: Code = Code(12);
    pub const REQUESTED_IP: Code = Code(50);
    pub const LEASE_TIME: Code = Code(51);
    pub const MESSAGE_TYPE: Code = Code(53);
    pub const PARAMETERS: Code = Code(55);
    pub const RENEWAL_TIME: Code = Code(58);
    pub const REBINDING_TIME: Code = Code(59);
    pub const VENDOR_CLASS: Code = Code(60);
    pub const CLIENT_ID: Code = Code(61);
    pub const END: Code = Code(255);
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub header: Header,
    /// The options do not end as they should.
    pub truncated: bool,
    options: Vec<(Code, Range<usize>)>,
    bytes: Vec<u8>,
}

impl Message {
    pub fn read(bytes: &[u8]) -> Result<Message, Short> {
        let mut reader = Reader::new(bytes);
        let header = Header::take(&mut reader)?;
        let mut options = Vec::new();
        let truncated = loop {
            let Ok(code) = reader.u8().map(Code) else {
                break true;
            };
            match code {
                Code::PAD => continue,
                Code::END => break false,
                _ => {}
            }
            let Ok(length) = reader.u8().map(usize::from) else {
                break true;
            };
            let from = reader.position();
            if reader.skip(length).is_err() {
                break true;
            }
            if options.len() < MAX_OPTIONS {
                options.push((code, from..from + length));
            }
        };
        Ok(Message {
            header,
            truncated,
            options,
            bytes: bytes.to_vec(),
        })
    }

    /// Options with their data, in the order of the message.
    pub fn options(&self) -> impl Iterator<Item = (Code, &[u8])> {
        self.options
            .iter()
            .map(|(code, span)| (*code, self.bytes.get(span.clone()).unwrap_or_default()))
    }

    /// Seconds that an option tells.
    pub fn seconds(&self, wanted: Code) -> Option<u32> {
        let (_, data) = self.options().find(|(code, _)| *code == wanted)?;
        Reader::new(data).u32().ok()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A request for an address, with these options behind the cookie.
    pub fn request(options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![1, 1, 6, 0, 0, 0, 0, 7];
        bytes.resize(28, 0);
        bytes.extend([2, 0, 0, 0, 0, 1]);
        bytes.resize(236, 0);
        bytes.extend(COOKIE);
        bytes.extend(options);
        bytes
    }

    #[test]
    fn options_end_or_are_truncated() {
        let rows: &[(&[u8], &[u8], bool)] = &[
            (
                &[53, 1, 3, 0, 51, 4, 0, 0, 14, 16, 255, 9],
                &[53, 51],
                false,
            ),
            (&[53, 1, 3], &[53], true),
            (&[53, 9, 3], &[], true),
            (&[53], &[], true),
            (&[255], &[], false),
        ];
        for (options, codes, truncated) in rows {
            let message = Message::read(&request(options)).expect("a message");
            let found: Vec<u8> = message.options().map(|(code, _)| code.0).collect();
            assert_eq!((found.as_slice(), message.truncated), (*codes, *truncated));
        }
        let message = Message::read(&request(&[51, 4, 0, 0, 14, 16, 255])).expect("a message");
        assert_eq!(message.seconds(Code::LEASE_TIME), Some(3600));
        assert_eq!(message.header.hardware(), [2, 0, 0, 0, 0, 1]);
        assert!(message.header.has_cookie());
        assert!(Message::read(&[0; 239]).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(options in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Message::read(&options);
            let message = Message::read(&request(&options)).expect("a message");
            message.options().count();
        }
    }
}
