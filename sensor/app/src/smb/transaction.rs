//! What a transaction of SMB tells.

use std::sync::Arc;

use sensor_event::AppRecord;
use sensor_flow::Direction;

use super::auth::Client;
use super::number::{Command1, Command2, NtStatus, Status, dialect_name};
use super::wire2::Guid;
use super::{event, wire1};
use crate::dcerpc::wire::Kind;
use crate::dcerpc::{Call, Interfaces};
use crate::transfer::Transfer;

/// Which requests and responses a key can join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Transactions that are found by their command alone.
    Command,
    /// Messages of sessions, functions and pipes.
    Message,
    /// Tree connects: the tree has no number yet.
    Tree,
    None,
}

/// What joins requests and responses.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub kind: KeyKind,
    pub session: u64,
    pub tree: u32,
    pub message: u64,
}

impl Key {
    pub const NONE: Key = Key {
        kind: KeyKind::None,
        session: 0,
        tree: 0,
        message: 0,
    };

    pub fn new(kind: KeyKind, session: u64, tree: u32, message: u64) -> Key {
        Key {
            kind,
            session,
            tree,
            message,
        }
    }

    /// The tree does not count: asynchronous responses have none.
    pub fn joins(&self, other: &Key) -> bool {
        self.kind == other.kind && self.session == other.session && self.message == other.message
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    One(Command1),
    Two(Command2),
    /// Not told: a session that a record of it lacks.
    None,
}

/// A handle: of SMB 1 with the user's number, as handles of users may be the same; or of SMB 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Handle {
    One {
        fid: wire1::Fid,
        user: u16,
    },
    /// As records of TRANS2 have it.
    Fid(wire1::Fid),
    Two(Guid),
    None,
}

/// The dialect as it stands.
#[derive(Debug, Clone, Default)]
pub enum Dialect {
    #[default]
    Unknown,
    /// By its name.
    One(Arc<[u8]>),
    Two(u16),
}

impl Dialect {
    pub fn name(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Dialect::Unknown => "unknown".into(),
            Dialect::One(name) => std::str::from_utf8(name).unwrap_or("invalid").into(),
            Dialect::Two(number) => dialect_name(*number),
        }
    }
}

/// One request with its response, or a file as it passes.
#[derive(Debug)]
pub struct SmbTransaction {
    pub key: Key,
    pub command: Command,
    pub status: Option<Status>,
    pub dialect: Dialect,
    pub detail: Detail,
}

impl SmbTransaction {
    /// The program that a side of a session set-up says to be (SMB 1).
    pub(crate) fn lan_manager(&self, side: Direction) -> Option<&[u8]> {
        let Detail::SessionSetup(setup) = &self.detail else {
            return None;
        };
        let [_, manager] = setup.native[side.index()].as_ref()?;
        Some(manager)
    }
}

#[derive(Debug)]
pub enum Detail {
    Generic,
    Negotiate(Negotiate),
    SessionSetup(SessionSetup),
    TreeConnect(TreeConnect),
    Create(Create),
    File(FileDetail),
    Rename {
        handle: Handle,
        from: Vec<u8>,
        to: Vec<u8>,
    },
    SetInfo {
        handle: Handle,
        name: Vec<u8>,
        subcommand: u16,
        level: u16,
        delete: bool,
    },
    Ioctl {
        function: u32,
    },
    Rpc(Box<Rpc>),
}

#[derive(Debug, Default)]
pub struct Negotiate {
    pub dialects: Vec<Vec<u8>>,
    pub client: Option<Guid>,
    pub server: Option<Guid>,
    pub max_read: u32,
    pub max_write: u32,
}

#[derive(Debug, Default)]
pub struct SessionSetup {
    pub client: Option<Client>,
    /// Operating system and LAN manager of client and server.
    pub native: [Option<[Vec<u8>; 2]>; 2],
}

#[derive(Debug, Default)]
pub struct TreeConnect {
    pub name: Vec<u8>,
    pub is_pipe: bool,
    pub share_type: u8,
    /// What the client asked for and what the server gave, in SMB 1.
    pub services: [Option<Vec<u8>>; 2],
}

#[derive(Debug)]
pub struct Create {
    pub name: Vec<u8>,
    pub disposition: u32,
    pub delete_on_close: bool,
    pub is_directory: bool,
    /// Created, accessed, written, changed, in seconds since the epoch.
    pub times: [u32; 4],
    pub size: u64,
    pub handle: Handle,
}

#[derive(Debug)]
pub struct FileDetail {
    pub handle: Handle,
    pub name: Vec<u8>,
    pub share: Vec<u8>,
    pub transfer: Transfer,
    /// Second of packet time after which nothing more is expected, once bytes were missed.
    pub expires: Option<i64>,
}

/// A call through a pipe.
#[derive(Debug)]
pub struct Rpc {
    pub call_id: u32,
    pub context: u16,
    pub operation: u16,
    pub request: Option<Kind>,
    pub response: Option<Kind>,
    pub fragments: [u16; 2],
    pub stubs: [Vec<u8>; 2],
    pub interfaces: Interfaces,
    /// Numbers in arguments and results have their high byte first.
    pub big_endian: bool,
}

impl SmbTransaction {
    /// Arguments and results in a pipe have numbers with their high byte first.
    pub fn is_big_endian(&self) -> bool {
        matches!(&self.detail, Detail::Rpc(rpc) if rpc.big_endian)
    }

    pub fn record(&self, number: u64) -> AppRecord<'_> {
        AppRecord::Smb(Box::new(event::record(self, number)))
    }

    /// 1, or 2 for everything after it.
    pub fn version(&self) -> Option<u8> {
        match self.command {
            Command::One(_) => Some(1),
            Command::Two(_) => Some(2),
            Command::None => None,
        }
    }

    pub fn call(&self) -> Option<Call<'_>> {
        match &self.detail {
            Detail::Rpc(rpc) if rpc.request == Some(Kind::REQUEST) => Some(Call {
                operation: rpc.operation,
                interfaces: &rpc.interfaces,
                context: None,
            }),
            _ => None,
        }
    }

    pub(super) fn set_nt_status(&mut self, status: NtStatus) {
        self.status = Some(Status::Nt(status));
    }

    /// The file of this handle and direction.
    pub(super) fn is_file(&self, handle: Handle, direction: Direction) -> bool {
        matches!(&self.detail, Detail::File(file)
            if file.handle == handle && file.transfer.direction == direction)
    }
}
