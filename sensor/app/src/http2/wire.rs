//! Frames (RFC 9113 §4, §6).

use std::borrow::Cow;

use sensor_bytes::{Reader, Short};

/// What a client says first (RFC 9113 §3.4).
pub const MAGIC: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub const HEADER_BYTES: usize = 9;

/// Kind of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameType(pub u8);

impl FrameType {
    pub const DATA: FrameType = FrameType(0);
    pub const HEADERS: FrameType = FrameType(1);
    pub const PRIORITY: FrameType = FrameType(2);
    pub const RST_STREAM: FrameType = FrameType(3);
    pub const SETTINGS: FrameType = FrameType(4);
    pub const PUSH_PROMISE: FrameType = FrameType(5);
    pub const GO_AWAY: FrameType = FrameType(7);
    pub const WINDOW_UPDATE: FrameType = FrameType(8);
    pub const CONTINUATION: FrameType = FrameType(9);
}

/// Names in rules.
pub const FRAME_TYPES: &[(&str, u64)] = &[
    ("data", 0),
    ("headers", 1),
    ("priority", 2),
    ("rststream", 3),
    ("settings", 4),
    ("pushpromise", 5),
    ("ping", 6),
    ("goaway", 7),
    ("windowupdate", 8),
    ("continuation", 9),
];

/// Flags of frames.
pub mod flag {
    pub const END_STREAM: u8 = 0x01;
    pub const END_HEADERS: u8 = 0x04;
    pub const PADDED: u8 = 0x08;
    pub const PRIORITY: u8 = 0x20;
}

/// The beginning of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    pub length: u32,
    pub kind: FrameType,
    pub flags: u8,
    pub reserved: bool,
    pub stream: u32,
}

impl FrameHeader {
    pub fn read(bytes: &[u8]) -> Result<FrameHeader, Short> {
        let mut reader = Reader::new(bytes);
        let length = reader.u24()?;
        let kind = FrameType(reader.u8()?);
        let flags = reader.u8()?;
        let word = reader.u32()?;
        Ok(FrameHeader {
            length,
            kind,
            flags,
            reserved: word >> 31 != 0,
            stream: word & 0x7fff_ffff,
        })
    }

    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Identifiers of settings (RFC 9113 §6.5.2, RFC 8441, RFC 9218), with their names in rules and in EVE.
pub const SETTINGS: &[(u16, &str, &str)] = &[
    (1, "SETTINGS_HEADER_TABLE_SIZE", "SETTINGSHEADERTABLESIZE"),
    (2, "SETTINGS_ENABLE_PUSH", "SETTINGSENABLEPUSH"),
    (
        3,
        "SETTINGS_MAX_CONCURRENT_STREAMS",
        "SETTINGSMAXCONCURRENTSTREAMS",
    ),
    (
        4,
        "SETTINGS_INITIAL_WINDOW_SIZE",
        "SETTINGSINITIALWINDOWSIZE",
    ),
    (5, "SETTINGS_MAX_FRAME_SIZE", "SETTINGSMAXFRAMESIZE"),
    (
        6,
        "SETTINGS_MAX_HEADER_LIST_SIZE",
        "SETTINGSMAXHEADERLISTSIZE",
    ),
    (
        8,
        "SETTINGS_ENABLE_CONNECT_PROTOCOL",
        "SETTINGSENABLECONNECTPROTOCOL",
    ),
    (
        9,
        "SETTINGS_NO_RFC7540_PRIORITIES",
        "SETTINGSNORFC7540PRIORITIES",
    ),
];
pub const HEADER_TABLE_SIZE: u16 = 1;

/// Settings one after another; they end where one is unknown.
pub fn settings(bytes: &[u8]) -> Vec<(u16, u32)> {
    let mut reader = Reader::new(bytes);
    let mut found = Vec::new();
    while let (Ok(id), Ok(value)) = (reader.u16(), reader.u32()) {
        if !SETTINGS.iter().any(|row| row.0 == id) {
            break;
        }
        found.push((id, value));
    }
    found
}

/// Reasons of RST_STREAM and GOAWAY (RFC 9113 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode(pub u32);

/// Names in rules.
pub const ERROR_CODES: &[(&str, u64)] = &[
    ("no_error", 0),
    ("protocol_error", 1),
    ("internal_error", 2),
    ("flow_control_error", 3),
    ("settings_timeout", 4),
    ("stream_closed", 5),
    ("frame_size_error", 6),
    ("refused_stream", 7),
    ("cancel", 8),
    ("compression_error", 9),
    ("connect_error", 10),
    ("enhance_your_calm", 11),
    ("inadequate_security", 12),
    ("http_1_1_required", 13),
];

impl ErrorCode {
    /// Name in EVE.
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self.0 {
            0 => "NoError",
            1 => "ProtocolError",
            2 => "InternalError",
            3 => "FlowControlError",
            4 => "SettingsTimeout",
            5 => "StreamClosed",
            6 => "FrameSizeError",
            7 => "RefusedStream",
            8 => "Cancel",
            9 => "CompressionError",
            10 => "ConnectError",
            11 => "EnhanceYourCalm",
            12 => "InadequateSecurity",
            13 => "Http11Required",
            other => return other.to_string().into(),
        })
    }
}

/// The payload of a DATA, HEADERS or PUSH_PROMISE frame without its padding.
pub fn unpadded<'a>(header: &FrameHeader, payload: &'a [u8]) -> &'a [u8] {
    if !header.has(flag::PADDED) {
        return payload;
    }
    match payload.split_first() {
        Some((&padding, rest)) if usize::from(padding) <= rest.len() => {
            &rest[..rest.len() - usize::from(padding)]
        }
        _ => payload,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_of_frames() {
        let header = FrameHeader::read(&[0, 0, 6, 4, 8, 0x80, 0, 0, 3]).expect("nine bytes");
        assert_eq!(
            (header.length, header.kind, header.stream),
            (6, FrameType::SETTINGS, 3)
        );
        assert!(header.reserved);
        assert_eq!(
            settings(&[0, 3, 0, 0, 0, 100, 0, 7, 0, 0, 0, 1]),
            [(3, 100)]
        );
        assert_eq!(unpadded(&header, &[2, b'a', 0, 0]), b"a");
        assert_eq!(unpadded(&header, &[9, b'a']), [9, b'a']);
        assert_eq!(ErrorCode(2).name(), "InternalError");
        assert_eq!(ErrorCode(99).name(), "99");
    }

    #[test]
    fn a_cut_header_asks_for_more() {
        const HEADER: &[u8] = &[0, 0, 6, 4, 8, 0x80, 0, 0, 3];
        for cut in 0..HEADER.len() {
            assert!(FrameHeader::read(&HEADER[..cut]).is_err(), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(settings(&bytes).len() <= bytes.len() / 6);
            if let Ok(header) = FrameHeader::read(&bytes) {
                prop_assert!(unpadded(&header, &bytes).len() <= bytes.len());
            }
            if let Some(&number) = bytes.first() {
                ErrorCode(number.into()).name();
            }
        }
    }
}
