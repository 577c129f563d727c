//! Payloads → greeting, log-in, commands and their ends.

use sensor_bytes::{Reader, Short};

/// Of the greeting.
pub const VERSION: u8 = 10;
/// Capabilities.
const CONNECT_WITH_DB: u32 = 1 << 3;
const SSL: u32 = 1 << 11;
const SECURE_CONNECTION: u32 = 1 << 15;
const PLUGIN_AUTH: u32 = 1 << 19;
const PLUGIN_AUTH_LENENC: u32 = 1 << 21;
const DEPRECATE_EOF: u32 = 1 << 24;
/// Of a request for TLS, which is a log-in that ends before the name.
const TLS_REQUEST_BYTES: usize = 32;
/// Of the status: another result follows.
const MORE_RESULTS: u16 = 8;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities(u32);

impl Capabilities {
    /// Results end with OK rather than EOF, and columns with nothing.
    pub fn deprecates_eof(self) -> bool {
        self.0 & DEPRECATE_EOF != 0
    }
}

/// What a server says first: its version.
pub fn greeting(payload: &[u8]) -> Option<&[u8]> {
    let rest = payload.strip_prefix(&[VERSION])?;
    rest.split(|&byte| byte == 0).next()
}

/// What a client answers to the greeting.
#[derive(Debug, PartialEq, Eq)]
pub enum Login<'a> {
    Tls,
    Names {
        capabilities: Capabilities,
        user: &'a [u8],
        database: Option<&'a [u8]>,
        plugin: Option<&'a [u8]>,
    },
}

pub fn login(payload: &[u8]) -> Result<Login<'_>, Short> {
    let mut reader = Reader::new(payload);
    let capabilities = reader.u32_le()?;
    // Longest packet (4), character set (1), nothing (23).
    reader.skip(28)?;
    if capabilities & SSL != 0 && payload.len() == TLS_REQUEST_BYTES {
        return Ok(Login::Tls);
    }
    let user = text(&mut reader)?;
    if capabilities & PLUGIN_AUTH_LENENC != 0 {
        let length = integer(&mut reader)?.unwrap_or(0);
        reader.skip(usize::try_from(length).unwrap_or(usize::MAX))?;
    } else if capabilities & SECURE_CONNECTION != 0 {
        let length = reader.u8()?;
        reader.skip(usize::from(length))?;
    } else {
        text(&mut reader)?;
    }
    let mut named = |flag| match capabilities & flag != 0 {
        true => text(&mut reader).ok().filter(|name| !name.is_empty()),
        false => None,
    };
    Ok(Login::Names {
        capabilities: Capabilities(capabilities),
        user,
        database: named(CONNECT_WITH_DB),
        plugin: named(PLUGIN_AUTH),
    })
}

/// A command by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command(pub u8);

impl Command {
    pub const QUIT: Command = Command(0x01);
    pub const INIT_DB: Command = Command(0x02);
    pub const QUERY: Command = Command(0x03);
    pub const PREPARE: Command = Command(0x16);
    pub const EXECUTE: Command = Command(0x17);

    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x00 => "sleep",
            0x01 => "quit",
            0x02 => "init_db",
            0x03 => "query",
            0x04 => "field_list",
            0x05 => "create_db",
            0x06 => "drop_db",
            0x07 => "refresh",
            0x08 => "shutdown",
            0x09 => "statistics",
            0x0a => "process_info",
            0x0c => "process_kill",
            0x0d => "debug",
            0x0e => "ping",
            0x11 => "change_user",
            0x12 => "binlog_dump",
            0x13 => "table_dump",
            0x15 => "register_slave",
            0x16 => "stmt_prepare",
            0x17 => "stmt_execute",
            0x18 => "stmt_send_long_data",
            0x19 => "stmt_close",
            0x1a => "stmt_reset",
            0x1b => "set_option",
            0x1c => "stmt_fetch",
            0x1e => "binlog_dump_gtid",
            0x1f => "reset_connection",
            0xfe => "stmt_bulk_execute",
            _ => return None,
        })
    }

    /// The bytes behind the number are text.
    pub fn has_text(self) -> bool {
        matches!(self.0, 0x02 | 0x03 | 0x04 | 0x05 | 0x06 | 0x16)
    }

    /// The server says nothing to it.
    pub fn is_unanswered(self) -> bool {
        matches!(self.0, 0x01 | 0x18 | 0x19)
    }

    /// It may bring rows.
    pub fn brings_rows(self) -> bool {
        matches!(self, Command::QUERY | Command::EXECUTE)
    }
}

/// Where a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    First,
    Rows,
}

/// A server's packet within a result.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    Ok {
        affected: u64,
        more: bool,
    },
    Error {
        code: u16,
        state: Option<&'a [u8]>,
        text: &'a [u8],
    },
    /// Of columns, or of rows.
    End {
        more: bool,
    },
    Columns(u64),
    Row,
    /// A file of the client is asked for.
    File(&'a [u8]),
    Other,
}

/// Reads a packet; `length` is that of the whole payload.
pub fn answer(
    payload: &[u8],
    length: u32,
    expected: Expected,
    capabilities: Capabilities,
) -> Answer<'_> {
    let Some((first, rest)) = payload.split_first() else {
        return Answer::Other;
    };
    match (first, expected) {
        (0xff, _) => error(rest),
        (0xfe, _) if length < 9 => Answer::End {
            more: rest.get(2..4).is_some_and(|status| {
                u16::from_le_bytes([status[0], status[1]]) & MORE_RESULTS != 0
            }),
        },
        (0xfe, Expected::Rows) if capabilities.deprecates_eof() && length < 0xff_ffff => {
            match ok(rest) {
                Ok((_, more)) => Answer::End { more },
                Err(Short { .. }) => Answer::End { more: false },
            }
        }
        (_, Expected::Rows) => Answer::Row,
        (0x00, Expected::First) => match ok(rest) {
            Ok((affected, more)) => Answer::Ok { affected, more },
            Err(Short { .. }) => Answer::Ok {
                affected: 0,
                more: false,
            },
        },
        (0xfb, Expected::First) => Answer::File(rest),
        (_, Expected::First) => match integer(&mut Reader::new(payload)) {
            Ok(Some(columns)) => Answer::Columns(columns),
            _ => Answer::Other,
        },
    }
}

/// Rows that a statement changed, and whether another result follows.
fn ok(bytes: &[u8]) -> Result<(u64, bool), Short> {
    let mut reader = Reader::new(bytes);
    let affected = integer(&mut reader)?.unwrap_or(0);
    integer(&mut reader)?;
    let status = reader.u16_le().unwrap_or(0);
    Ok((affected, status & MORE_RESULTS != 0))
}

fn error(bytes: &[u8]) -> Answer<'_> {
    let Some((code, rest)) = bytes.split_first_chunk::<2>() else {
        return Answer::Other;
    };
    let (state, text) = match rest
        .strip_prefix(b"#")
        .and_then(|rest| rest.split_at_checked(5))
    {
        Some((state, text)) => (Some(state), text),
        None => (None, rest),
    };
    Answer::Error {
        code: u16::from_le_bytes(*code),
        state,
        text,
    }
}

/// The columns of a row of text, with commas between them; NULL as its name.
pub fn row(payload: &[u8], limit: usize) -> Vec<u8> {
    let mut reader = Reader::new(payload);
    let mut row = Vec::new();
    while !reader.is_empty() && row.len() < limit {
        if !row.is_empty() {
            row.push(b',');
        }
        match integer(&mut reader) {
            Ok(Some(length)) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let column = reader
                    .take(length.min(reader.remaining()))
                    .unwrap_or_default();
                row.extend_from_slice(column);
            }
            Ok(None) => row.extend_from_slice(b"NULL"),
            Err(Short { .. }) => break,
        }
    }
    row.truncate(limit);
    row
}

/// A number of variable length; `None` is NULL.
fn integer(reader: &mut Reader<'_>) -> Result<Option<u64>, Short> {
    Ok(Some(match reader.u8()? {
        0xfb => return Ok(None),
        0xfc => u64::from(reader.u16_le()?),
        0xfd => {
            let [a, b, c] = reader.array::<3>()?;
            u64::from(u32::from_le_bytes([a, b, c, 0]))
        }
        0xfe => reader.u64_le()?,
        small => u64::from(small),
    }))
}

/// Up to a zero byte.
fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Short> {
    let rest = reader.rest();
    let end = rest.iter().position(|&byte| byte == 0);
    let text = reader.take(end.unwrap_or(rest.len()))?;
    if end.is_some() {
        reader.skip(1)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn payloads_are_read() {
        assert_eq!(greeting(b"\x0a8.0.1\0rest"), Some(&b"8.0.1"[..]));
        let mut bytes = (CONNECT_WITH_DB | SECURE_CONNECTION | PLUGIN_AUTH)
            .to_le_bytes()
            .to_vec();
        bytes.extend_from_slice(&[0; 28]);
        bytes.extend_from_slice(b"root\0\x03abcshop\0mysql_native_password\0");
        let read = login(&bytes);
        assert!(matches!(
            read,
            Ok(Login::Names {
                user: b"root",
                database: Some(b"shop"),
                plugin: Some(b"mysql_native_password"),
                ..
            })
        ));
        let mut tls = SSL.to_le_bytes().to_vec();
        tls.extend_from_slice(&[0; 28]);
        assert_eq!(login(&tls), Ok(Login::Tls));
        let plain = Capabilities::default();
        assert_eq!(
            answer(
                b"\xff\x15\x04#28000Access denied",
                21,
                Expected::First,
                plain
            ),
            Answer::Error {
                code: 1045,
                state: Some(b"28000"),
                text: b"Access denied"
            }
        );
        assert_eq!(
            answer(b"\0\x02\0\x0a\0\0\0", 7, Expected::First, plain),
            Answer::Ok {
                affected: 2,
                more: true
            }
        );
        assert_eq!(
            answer(b"\x05", 1, Expected::First, plain),
            Answer::Columns(5)
        );
        assert_eq!(
            answer(b"\xfe\0\0\x02\0", 5, Expected::Rows, plain),
            Answer::End { more: false }
        );
        assert_eq!(row(b"\x01a\xfb\x02bc", 64), b"a,NULL,bc");
    }

    proptest! {
        #[test]
        fn no_payload_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (greeting(&bytes), login(&bytes), row(&bytes, 30));
            for expected in [Expected::First, Expected::Rows] {
                let _ = answer(&bytes, 80, expected, Capabilities(DEPRECATE_EOF));
            }
        }
    }
}
