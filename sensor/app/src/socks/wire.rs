//! Bytes → messages of both versions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sensor_bytes::{Reader, Short};

use crate::parser::Verdict;

/// Names in a request of version 4 are not longer.
const MAX_TEXT_BYTES: usize = 255;
/// Methods that a client offers.
const MAX_METHODS: u8 = 16;

/// How a client is to prove itself (RFC 1928 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method(pub u8);

impl Method {
    pub const NONE: Method = Method(0);
    pub const PASSWORD: Method = Method(2);
    pub const REFUSED: Method = Method(0xff);

    pub fn name(self) -> &'static str {
        match self.0 {
            0 => "none",
            1 => "gssapi",
            2 => "password",
            3..=0x7f => "assigned",
            0xff => "refused",
            _ => "private",
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command(pub u8);

impl Command {
    pub const CONNECT: Command = Command(1);

    pub fn name(self) -> &'static str {
        match self.0 {
            1 => "connect",
            2 => "bind",
            3 => "udp_associate",
            _ => "unknown",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    Address(IpAddr),
    Name(Vec<u8>),
}

/// Where to, or where from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub host: Host,
    pub port: u16,
}

/// A request of version 4 (with the name of 4a).
#[derive(Debug, PartialEq, Eq)]
pub struct Request4 {
    pub command: Command,
    pub user: Vec<u8>,
    pub place: Place,
}

pub fn methods<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Short> {
    reader.skip(1)?;
    let count = reader.u8()?;
    reader.take(usize::from(count))
}

/// Name and password of RFC 1929: the name.
pub fn password<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Short> {
    reader.skip(1)?;
    let length = reader.u8()?;
    let user = reader.take(usize::from(length))?;
    let length = reader.u8()?;
    reader.skip(usize::from(length))?;
    Ok(user)
}

/// A request or reply of version 5: its number, and the place. `Ok(None)` when its kind of address is unknown.
pub fn message5(reader: &mut Reader<'_>) -> Result<Option<(u8, Place)>, Short> {
    reader.skip(1)?;
    let number = reader.u8()?;
    reader.skip(1)?;
    let host = match reader.u8()? {
        1 => Host::Address(Ipv4Addr::from(reader.array::<4>()?).into()),
        3 => {
            let length = reader.u8()?;
            Host::Name(reader.take(usize::from(length))?.to_vec())
        }
        4 => Host::Address(Ipv6Addr::from(reader.array::<16>()?).into()),
        _ => return Ok(None),
    };
    let port = reader.u16()?;
    Ok(Some((number, Place { host, port })))
}

/// A request of version 4; `Ok(None)` when one of its names has no end.
pub fn request4(reader: &mut Reader<'_>) -> Result<Option<Request4>, Short> {
    reader.skip(1)?;
    let command = Command(reader.u8()?);
    let port = reader.u16()?;
    let address = reader.array::<4>()?;
    let Some(user) = text(reader)? else {
        return Ok(None);
    };
    // An address that is none stands for a name behind it.
    let host = match address {
        [0, 0, 0, last] if last != 0 => match text(reader)? {
            Some(name) => Host::Name(name),
            None => return Ok(None),
        },
        address => Host::Address(Ipv4Addr::from(address).into()),
    };
    Ok(Some(Request4 {
        command,
        user,
        place: Place { host, port },
    }))
}

/// A reply of version 4: its number, and the place.
pub fn reply4(reader: &mut Reader<'_>) -> Result<(u8, Place), Short> {
    reader.skip(1)?;
    let number = reader.u8()?;
    let port = reader.u16()?;
    let host = Host::Address(Ipv4Addr::from(reader.array::<4>()?).into());
    Ok((number, Place { host, port }))
}

fn text(reader: &mut Reader<'_>) -> Result<Option<Vec<u8>>, Short> {
    let rest = reader.rest();
    match rest
        .iter()
        .take(MAX_TEXT_BYTES + 1)
        .position(|&byte| byte == 0)
    {
        Some(end) => {
            let text = reader.take(end)?.to_vec();
            reader.skip(1)?;
            Ok(Some(text))
        }
        None if rest.len() > MAX_TEXT_BYTES => Ok(None),
        // Asks for one more.
        None => reader.take(rest.len() + 1).map(|_| None),
    }
}

/// Whether a client's first bytes are a first message, whole and alone.
pub fn begins(data: &[u8]) -> Verdict {
    let mut reader = Reader::new(data);
    let read = match data {
        [] | [4 | 5] => return Verdict::More,
        [5, 1..=MAX_METHODS, methods @ ..] => {
            let plausible = |method: &u8| matches!(method, 0..=9 | 0x80..=0x8f);
            if !methods.iter().all(plausible) {
                return Verdict::No;
            }
            self::methods(&mut reader).map(|_| true)
        }
        [4, 1 | 2, ..] => request4(&mut reader).map(|request| request.is_some()),
        _ => return Verdict::No,
    };
    match read {
        Ok(true) if reader.is_empty() => Verdict::Yes,
        Ok(_) => Verdict::No,
        Err(_) => Verdict::More,
    }
}

/// What a proxy says to a request.
pub fn reply_name(version: u8, number: u8) -> &'static str {
    match (version, number) {
        (4, 90) | (5, 0) => "succeeded",
        (4, 91) => "rejected",
        (4, 92) => "no_identd",
        (4, 93) => "identd_mismatch",
        (5, 1) => "general_failure",
        (5, 2) => "not_allowed",
        (5, 3) => "network_unreachable",
        (5, 4) => "host_unreachable",
        (5, 5) => "connection_refused",
        (5, 6) => "ttl_expired",
        (5, 7) => "command_not_supported",
        (5, 8) => "address_type_not_supported",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_are_read() {
        let mut reader = Reader::new(b"\x05\x01\x00\x03\x06a.test\x01\xbb");
        assert_eq!(
            message5(&mut reader),
            Ok(Some((
                1,
                Place {
                    host: Host::Name(b"a.test".to_vec()),
                    port: 443
                }
            )))
        );
        assert!(message5(&mut Reader::new(b"\x05\x01\x00\x03\x06a.te")).is_err());
        let request = request4(&mut Reader::new(
            b"\x04\x01\x00\x50\x00\x00\x00\x01an\0b.test\0",
        ));
        assert_eq!(
            request,
            Ok(Some(Request4 {
                command: Command::CONNECT,
                user: b"an".to_vec(),
                place: Place {
                    host: Host::Name(b"b.test".to_vec()),
                    port: 80
                }
            }))
        );
        assert_eq!(
            password(&mut Reader::new(b"\x01\x02an\x01x")),
            Ok(&b"an"[..])
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = begins(&bytes);
            let _ = request4(&mut Reader::new(&bytes));
            let _ = message5(&mut Reader::new(&bytes));
            let _ = password(&mut Reader::new(&bytes));
        }
    }
}
