//! Bytes → messages of the handshake (RFC 6143 §7.1–7.3). Pure.

use sensor_bytes::{Reader, Short};

/// A longer name or reason is no message.
pub const MAX_TEXT_BYTES: u32 = 64 * 1024;

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoMessage {
    /// More bytes may make one.
    Short,
    Malformed,
}

impl From<Short> for NoMessage {
    fn from(_: Short) -> Self {
        NoMessage::Short
    }
}

/// Way of authentication (RFC 6143 §7.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecurityType(pub u32);

impl SecurityType {
    /// The server refuses.
    pub const INVALID: SecurityType = SecurityType(0);
    pub const NONE: SecurityType = SecurityType(1);
    pub const VNC: SecurityType = SecurityType(2);
}

/// Outcome of authentication (RFC 6143 §7.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecurityResult(pub u32);

impl SecurityResult {
    pub const OK: SecurityResult = SecurityResult(0);
    pub const FAIL: SecurityResult = SecurityResult(1);
}

/// `RFB 003.008\n`: three digits each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    pub major: [u8; 3],
    pub minor: [u8; 3],
}

impl Version {
    pub fn read(reader: &mut Reader<'_>) -> Result<Version, NoMessage> {
        let [b'R', b'F', b'B', b' ', a, b, c, b'.', d, e, f, b'\n'] = reader.array()? else {
            return Err(NoMessage::Malformed);
        };
        Ok(Version {
            major: [a, b, c],
            minor: [d, e, f],
        })
    }

    /// The client does not choose: the server says how it authenticates.
    pub fn server_chooses(&self) -> bool {
        (&self.major, &self.minor) == (b"003", b"003")
    }

    /// A result follows even when nothing had to be proven.
    pub fn always_tells_result(&self) -> bool {
        (&self.major, &self.minor) >= (b"003", b"008")
    }
}

/// A list of types behind its length; an empty one is a refusal.
pub fn security_types<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], NoMessage> {
    let count = reader.u8()?;
    Ok(reader.take(usize::from(count))?)
}

/// Bytes behind their length.
pub fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], NoMessage> {
    let length = reader.u32()?;
    if length > MAX_TEXT_BYTES {
        return Err(NoMessage::Malformed);
    }
    Ok(reader.take(length as usize)?)
}

/// RFC 6143 §7.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelFormat {
    pub bits_per_pixel: u8,
    pub depth: u8,
    pub big_endian: bool,
    pub true_color: bool,
    /// Red, green, blue, as the following.
    pub max: [u16; 3],
    pub shift: [u8; 3],
}

impl PixelFormat {
    /// With the padding behind it.
    pub fn read(reader: &mut Reader<'_>) -> Result<PixelFormat, Short> {
        let format = PixelFormat {
            bits_per_pixel: reader.u8()?,
            depth: reader.u8()?,
            big_endian: reader.u8()? != 0,
            true_color: reader.u8()? != 0,
            max: [reader.u16()?, reader.u16()?, reader.u16()?],
            shift: reader.array()?,
        };
        reader.skip(3)?;
        Ok(format)
    }
}

/// The screen (RFC 6143 §7.3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInit {
    pub width: u16,
    pub height: u16,
    pub pixel_format: PixelFormat,
    pub name: Vec<u8>,
}

impl ServerInit {
    pub fn read(reader: &mut Reader<'_>) -> Result<ServerInit, NoMessage> {
        let (width, height) = (reader.u16()?, reader.u16()?);
        let pixel_format = PixelFormat::read(reader)?;
        Ok(ServerInit {
            width,
            height,
            pixel_format,
            name: text(reader)?.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions() {
        let read = |bytes: &[u8]| Version::read(&mut Reader::new(bytes));
        let version = read(b"RFB 003.007\n").expect("a version");
        assert!(!version.server_chooses() && !version.always_tells_result());
        assert!(read(b"RFB 003.003\n").is_ok_and(|version| version.server_chooses()));
        assert!(read(b"RFB 004.000\n").is_ok_and(|version| version.always_tells_result()));
        assert_eq!(read(b"RFB 003.00"), Err(NoMessage::Short));
        assert_eq!(read(b"RFB 003-007\n"), Err(NoMessage::Malformed));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let reader = Reader::new(&bytes);
            let _ = Version::read(&mut reader.clone());
            let _ = ServerInit::read(&mut reader.clone());
            let _ = security_types(&mut reader.clone());
            let _ = text(&mut reader.clone());
        }
    }
}
