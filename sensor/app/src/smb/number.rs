//! Names of commands, dialects, statuses and functions.
//!
//! The longer tables are text, a number and a name a line, in the order of their numbers: `status.txt`
//! (MS-ERREF §2.3.1) and `function.txt` (MS-FSCC §2.3).

use std::borrow::Cow;

const STATUSES: &str = include_str!("status.txt");
const FUNCTIONS: &str = include_str!("function.txt");

/// An NT status (MS-ERREF §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NtStatus(pub u32);

impl NtStatus {
    pub const SUCCESS: NtStatus = NtStatus(0);
    pub const PENDING: NtStatus = NtStatus(0x103);
    pub const BUFFER_OVERFLOW: NtStatus = NtStatus(0x8000_0005);
    pub const END_OF_FILE: NtStatus = NtStatus(0xc000_0011);
}

/// What the server said of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Nt(NtStatus),
    /// As servers before NT had it (MS-CIFS §2.2.2.4).
    Dos {
        class: u8,
        code: u16,
    },
}

impl Status {
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Status::Nt(status) => name_in(STATUSES, status.0),
            Status::Dos { class: 1, code } => named(
                code,
                &[
                    (0, "DOS_SUCCESS"),
                    (1, "DOS_BAD_FUNC"),
                    (2, "DOS_BAD_FILE"),
                    (3, "DOS_BAD_PATH"),
                    (4, "DOS_TOO_MANY_OPEN_FILES"),
                    (5, "DOS_ACCESS_DENIED"),
                ],
            ),
            Status::Dos { class: 2, code } => named(
                code,
                &[
                    (1, "SRV_ERROR"),
                    (2, "SRV_BADPW"),
                    (3, "SRV_BADTYPE"),
                    (4, "SRV_ACCESS"),
                    (91, "SRV_BADUID"),
                ],
            ),
            Status::Dos { class, code } => Cow::Owned(format!("UNKNOWN_{class:02x}_{code:04x}")),
        }
    }

    pub fn code(self) -> String {
        match self {
            Status::Nt(status) => format!("0x{:x}", status.0),
            Status::Dos { code, .. } => format!("0x{code:04x}"),
        }
    }
}

/// A control function of IOCTL.
pub fn function_name(function: u32) -> Cow<'static, str> {
    name_in(FUNCTIONS, function)
}

fn named(number: u16, names: &[(u16, &'static str)]) -> Cow<'static, str> {
    match names.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => Cow::Borrowed(name),
        None => Cow::Owned(number.to_string()),
    }
}

/// Looks a number up in a table of text; the number itself when it is not there.
fn name_in(table: &'static str, number: u32) -> Cow<'static, str> {
    let (mut low, mut high) = (0, table.len());
    // The line around the middle tells in which half to go on.
    while low < high {
        let middle = low + (high - low) / 2;
        let start = table[..middle].rfind('\n').map_or(0, |at| at + 1);
        let end = table[middle..]
            .find('\n')
            .map_or(table.len(), |at| middle + at);
        let Some((key, name)) = table[start..end].split_once(' ') else {
            break;
        };
        let Ok(key) = u32::from_str_radix(key, 16) else {
            break;
        };
        match key.cmp(&number) {
            std::cmp::Ordering::Equal => return Cow::Borrowed(name),
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    Cow::Owned(number.to_string())
}

/// A command of SMB 1 (MS-CIFS §2.2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command1(pub u8);

impl Command1 {
    pub const CLOSE: Command1 = Command1(0x04);
    pub const RENAME: Command1 = Command1(0x07);
    pub const WRITE: Command1 = Command1(0x0b);
    pub const LOCKING_ANDX: Command1 = Command1(0x24);
    pub const TRANS: Command1 = Command1(0x25);
    pub const WRITE_AND_CLOSE: Command1 = Command1(0x2c);
    pub const OPEN_ANDX: Command1 = Command1(0x2d);
    pub const READ_ANDX: Command1 = Command1(0x2e);
    pub const WRITE_ANDX: Command1 = Command1(0x2f);
    pub const TRANS2: Command1 = Command1(0x32);
    pub const TRANS2_SECONDARY: Command1 = Command1(0x33);
    pub const TREE_DISCONNECT: Command1 = Command1(0x71);
    pub const NEGOTIATE: Command1 = Command1(0x72);
    pub const SESSION_SETUP_ANDX: Command1 = Command1(0x73);
    pub const LOGOFF_ANDX: Command1 = Command1(0x74);
    pub const TREE_CONNECT_ANDX: Command1 = Command1(0x75);
    pub const NT_CREATE_ANDX: Command1 = Command1(0xa2);
    pub const NT_CANCEL: Command1 = Command1(0xa4);
    pub const NONE: Command1 = Command1(0xff);

    /// Another command may follow in the same message.
    pub fn is_chained(self) -> bool {
        matches!(
            self,
            Command1::LOCKING_ANDX
                | Command1::OPEN_ANDX
                | Command1::READ_ANDX
                | Command1::WRITE_ANDX
                | Command1::SESSION_SETUP_ANDX
                | Command1::LOGOFF_ANDX
                | Command1::TREE_CONNECT_ANDX
                | Command1::NT_CREATE_ANDX
        )
    }

    pub fn name(self) -> Cow<'static, str> {
        let name = match self.0 {
            0x00 => "SMB1_COMMAND_CREATE_DIRECTORY",
            0x01 => "SMB1_COMMAND_DELETE_DIRECTORY",
            0x02 => "SMB1_COMMAND_OPEN",
            0x03 => "SMB1_COMMAND_CREATE",
            0x04 => "SMB1_COMMAND_CLOSE",
            0x05 => "SMB1_COMMAND_FLUSH",
            0x06 => "SMB1_COMMAND_DELETE",
            0x07 => "SMB1_COMMAND_RENAME",
            0x08 => "SMB1_COMMAND_QUERY_INFORMATION",
            0x09 => "SMB1_COMMAND_SET_INFORMATION",
            0x0a => "SMB1_COMMAND_READ",
            0x0b => "SMB1_COMMAND_WRITE",
            0x0c => "SMB1_COMMAND_LOCK_BYTE_RANGE",
            0x0d => "SMB1_COMMAND_UNLOCK_BYTE_RANGE",
            0x0e => "SMB1_COMMAND_CREATE_TEMPORARY",
            0x0f => "SMB1_COMMAND_CREATE_NEW",
            0x10 => "SMB1_COMMAND_CHECK_DIRECTORY",
            0x11 => "SMB1_COMMAND_PROCESS_EXIT",
            0x12 => "SMB1_COMMAND_SEEK",
            0x13 => "SMB1_COMMAND_LOCK_AND_READ",
            0x14 => "SMB1_COMMAND_WRITE_AND_UNLOCK",
            0x24 => "SMB1_COMMAND_LOCKING_ANDX",
            0x25 => "SMB1_COMMAND_TRANS",
            0x2b => "SMB1_COMMAND_ECHO",
            0x2c => "SMB1_COMMAND_WRITE_AND_CLOSE",
            0x2d => "SMB1_COMMAND_OPEN_ANDX",
            0x2e => "SMB1_COMMAND_READ_ANDX",
            0x2f => "SMB1_COMMAND_WRITE_ANDX",
            0x32 => "SMB1_COMMAND_TRANS2",
            0x33 => "SMB1_COMMAND_TRANS2_SECONDARY",
            0x34 => "SMB1_COMMAND_FIND_CLOSE2",
            0x71 => "SMB1_COMMAND_TREE_DISCONNECT",
            0x72 => "SMB1_COMMAND_NEGOTIATE_PROTOCOL",
            0x73 => "SMB1_COMMAND_SESSION_SETUP_ANDX",
            0x74 => "SMB1_COMMAND_LOGOFF_ANDX",
            0x75 => "SMB1_COMMAND_TREE_CONNECT_ANDX",
            0x80 => "SMB1_COMMAND_QUERY_INFO_DISK",
            0xa0 => "SMB1_COMMAND_NT_TRANS",
            0xa1 => "SMB1_COMMAND_NT_TRANS_SECONDARY",
            0xa2 => "SMB1_COMMAND_NT_CREATE_ANDX",
            0xa4 => "SMB1_COMMAND_NT_CANCEL",
            other => return Cow::Owned(other.to_string()),
        };
        Cow::Borrowed(name)
    }
}

/// A command of SMB 2 and 3 (MS-SMB2 §2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command2(pub u16);

impl Command2 {
    pub const NEGOTIATE: Command2 = Command2(0);
    pub const SESSION_SETUP: Command2 = Command2(1);
    pub const TREE_CONNECT: Command2 = Command2(3);
    pub const TREE_DISCONNECT: Command2 = Command2(4);
    pub const CREATE: Command2 = Command2(5);
    pub const CLOSE: Command2 = Command2(6);
    pub const READ: Command2 = Command2(8);
    pub const WRITE: Command2 = Command2(9);
    pub const IOCTL: Command2 = Command2(11);
    pub const GET_INFO: Command2 = Command2(16);
    pub const SET_INFO: Command2 = Command2(17);

    const NAMES: [&'static str; 19] = [
        "SMB2_COMMAND_NEGOTIATE_PROTOCOL",
        "SMB2_COMMAND_SESSION_SETUP",
        "SMB2_COMMAND_SESSION_LOGOFF",
        "SMB2_COMMAND_TREE_CONNECT",
        "SMB2_COMMAND_TREE_DISCONNECT",
        "SMB2_COMMAND_CREATE",
        "SMB2_COMMAND_CLOSE",
        "SMB2_COMMAND_FLUSH",
        "SMB2_COMMAND_READ",
        "SMB2_COMMAND_WRITE",
        "SMB2_COMMAND_LOCK",
        "SMB2_COMMAND_IOCTL",
        "SMB2_COMMAND_CANCEL",
        "SMB2_COMMAND_KEEPALIVE",
        "SMB2_COMMAND_FIND",
        "SMB2_COMMAND_CHANGE_NOTIFY",
        "SMB2_COMMAND_GET_INFO",
        "SMB2_COMMAND_SET_INFO",
        "SMB2_COMMAND_OPLOCK_BREAK",
    ];

    pub fn name(self) -> Cow<'static, str> {
        match Self::NAMES.get(usize::from(self.0)) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(self.0.to_string()),
        }
    }
}

/// A dialect of SMB 2 and 3.
pub fn dialect_name(dialect: u16) -> Cow<'static, str> {
    let name = match dialect {
        0x0202 => "2.02",
        0x0210 => "2.10",
        0x0222 => "2.22",
        0x0224 => "2.24",
        0x02ff => "2.??",
        0x0300 => "3.00",
        0x0302 => "3.02",
        0x0310 => "3.10",
        0x0311 => "3.11",
        other => return Cow::Owned(other.to_string()),
    };
    Cow::Borrowed(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_found() {
        for table in [STATUSES, FUNCTIONS] {
            for line in table.lines() {
                let (key, name) = line.split_once(' ').expect("a number and a name");
                let key = u32::from_str_radix(key, 16).expect("a number");
                assert_eq!(name_in(table, key), name);
            }
        }
        assert_eq!(Status::Nt(NtStatus(0xdead_beef)).name(), "3735928559");
        assert_eq!(Status::Dos { class: 2, code: 91 }.name(), "SRV_BADUID");
    }
}
