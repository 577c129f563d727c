//! Commands of SMB 2 and 3.

use sensor_flow::Direction;

use super::auth::{self, Client};
use super::number::{Command2, NtStatus, Status, dialect_name};
use super::session::{
    FOUND_BY_CONTENT, FileChunk, Full, MAX_TRANSFER_BYTES, Passing, Tree, Work, answer, complete,
    key2, smb_mut,
};
use super::text::utf16;
use super::transaction::{
    Command, Create, Detail, Dialect, Handle, Key, KeyKind, Negotiate, SessionSetup, TreeConnect,
};
use super::wire2::{self, Message};
use super::{events, pipe, seconds};
use crate::Transaction;
use crate::file::FileState;

const UNKNOWN_NAME: &[u8] = b"<unknown>";
const PIPE_SHARE: u8 = 2;

fn request_of(message: &Message<'_>) -> (u64, u64) {
    (message.session_id, message.message_id)
}

/// Commands of which requests and responses make transactions by themselves.
fn has_transaction(command: Command2) -> bool {
    !matches!(
        command,
        Command2::READ | Command2::WRITE | Command2::GET_INFO | Command2::SET_INFO
    )
}

/// What becomes of a command: whether its transaction is there, and an event if something was odd.
struct Outcome {
    has_transaction: bool,
    malformed: bool,
}

impl Outcome {
    const DONE: Outcome = Outcome {
        has_transaction: true,
        malformed: false,
    };
    const GENERIC: Outcome = Outcome {
        has_transaction: false,
        malformed: false,
    };
    const MALFORMED: Outcome = Outcome {
        has_transaction: false,
        malformed: true,
    };
}

impl Work<'_> {
    pub fn request2(&mut self, message: &Message<'_>) -> Result<Option<Passing>, Full> {
        let command = Command::Two(message.command);
        let mut passing = None;
        let outcome = match message.command {
            Command2::NEGOTIATE => self.negotiate_request2(message)?,
            Command2::SESSION_SETUP => self.session_setup_request2(message)?,
            Command2::TREE_CONNECT => match wire2::tree_connect_request(message.body) {
                Ok(path) => {
                    let detail = Detail::TreeConnect(TreeConnect {
                        name: utf16(path),
                        ..TreeConnect::default()
                    });
                    let tx = self.begin(key2(message, KeyKind::Tree), command, detail)?;
                    // Whether it is a pipe the server has yet to say.
                    tx.advance(Direction::ToServer, super::stage::NAMED);
                    Outcome::DONE
                }
                Err(_) => Outcome::MALFORMED,
            },
            Command2::TREE_DISCONNECT => {
                self.known
                    .trees
                    .remove(&(message.session_id, message.tree_id));
                Outcome::GENERIC
            }
            Command2::CREATE => match wire2::create_request(message.body) {
                Ok(create) => {
                    let name = utf16(create.name);
                    self.known.opening.set(request_of(message), name.clone());
                    let detail =
                        Detail::Create(Create::new(name, create.disposition, create.options));
                    self.request(key2(message, KeyKind::Command), command, detail)?;
                    Outcome::DONE
                }
                Err(_) => Outcome::MALFORMED,
            },
            Command2::READ => match wire2::read_request(message.body) {
                Ok(read) if self.is_too_large(read.bytes, self.known.max_read) => {
                    self.raise(events::READ_REQUEST_TOO_LARGE);
                    Outcome::GENERIC
                }
                Ok(read) => {
                    let wanted = (Handle::Two(read.handle), read.offset);
                    self.known.reads.set(request_of(message), wanted);
                    Outcome::GENERIC
                }
                Err(_) => Outcome::MALFORMED,
            },
            Command2::WRITE => {
                passing = self.write_request2(message)?;
                Outcome::DONE
            }
            Command2::CLOSE => match wire2::close_request(message.body) {
                Ok(handle) => {
                    self.close_request2(Handle::Two(handle));
                    Outcome::GENERIC
                }
                Err(_) => Outcome::MALFORMED,
            },
            Command2::IOCTL => self.ioctl_request2(message)?,
            Command2::SET_INFO => self.set_info_request2(message)?,
            _ => Outcome::GENERIC,
        };
        if !outcome.has_transaction && has_transaction(message.command) {
            self.request(key2(message, KeyKind::Command), command, Detail::Generic)?;
            if outcome.malformed {
                self.raise(events::MALFORMED_DATA);
            }
        }
        Ok(passing)
    }

    fn is_too_large(&self, bytes: u32, agreed: u32) -> bool {
        agreed != 0 && bytes > agreed || bytes > MAX_TRANSFER_BYTES
    }

    fn negotiate_request2(&mut self, message: &Message<'_>) -> Result<Outcome, Full> {
        let Ok((dialects, client)) = wire2::negotiate_request(message.body) else {
            return Ok(Outcome::MALFORMED);
        };
        let command = Command::Two(message.command);
        let live =
            self.find(|smb| smb.command == command && matches!(smb.detail, Detail::Negotiate(_)));
        if live.is_none() {
            let detail = Detail::Negotiate(Negotiate {
                dialects: dialects
                    .iter()
                    .map(|dialect| dialect_name(*dialect).into_owned().into_bytes())
                    .collect(),
                client: Some(client),
                ..Negotiate::default()
            });
            self.request(Key::NONE, command, detail)?;
        }
        Ok(Outcome::DONE)
    }

    fn session_setup_request2(&mut self, message: &Message<'_>) -> Result<Outcome, Full> {
        if let Ok(blob) = wire2::session_setup_request(message.body) {
            let client = auth::client(blob);
            let unusual = matches!(&client, Some(Client::Ntlm(ntlm)) if ntlm.is_unusual);
            let detail = Detail::SessionSetup(SessionSetup {
                client,
                ..SessionSetup::default()
            });
            self.request(
                key2(message, KeyKind::Message),
                Command::Two(message.command),
                detail,
            )?;
            if unusual {
                self.raise(events::UNUSUAL_NTLMSSP_ORDER);
            }
        }
        Ok(Outcome::DONE)
    }

    fn close_request2(&mut self, handle: Handle) {
        self.known.names.remove(&handle);
        for direction in Direction::BOTH {
            if let Some(tx) = self.find(|smb| smb.is_file(handle, direction)) {
                if let Some(smb) = smb_mut(tx) {
                    smb.set_nt_status(NtStatus::SUCCESS);
                }
                complete(tx, FileState::Closed);
            }
        }
    }

    fn ioctl_request2(&mut self, message: &Message<'_>) -> Result<Outcome, Full> {
        let key = key2(message, KeyKind::Message);
        let command = Command::Two(message.command);
        match wire2::ioctl_request(message.body) {
            Ok(ioctl) if ioctl.is_pipe() && self.known.carries_rpc(Handle::Two(ioctl.handle)) => {
                self.rpc_request(command, key, ioctl.data)?;
            }
            Ok(ioctl) => {
                let detail = Detail::Ioctl {
                    function: ioctl.function,
                };
                self.request(key, command, detail)?;
            }
            Err(_) => {
                self.request(key, command, Detail::Generic)?;
                self.raise(events::MALFORMED_DATA);
            }
        }
        Ok(Outcome::DONE)
    }

    fn set_info_request2(&mut self, message: &Message<'_>) -> Result<Outcome, Full> {
        let Ok(set) = wire2::set_info_request(message.body) else {
            return Ok(Outcome::MALFORMED);
        };
        let handle = Handle::Two(set.handle);
        let known = self.known.name(handle);
        let detail = match set.change {
            wire2::Change::Rename(name) => Detail::Rename {
                handle,
                from: known.unwrap_or_else(|| UNKNOWN_NAME.to_vec()),
                to: utf16(name),
            },
            wire2::Change::Disposition { delete } => {
                // In a compound the file may be one that the message before has just opened.
                let before = (message.session_id, message.message_id.wrapping_sub(1));
                let name = known
                    .or_else(|| self.known.opening.get(&before).cloned())
                    .unwrap_or_else(|| UNKNOWN_NAME.to_vec());
                Detail::SetInfo {
                    handle,
                    name,
                    subcommand: u16::from(set.class),
                    level: u16::from(set.level),
                    delete,
                }
            }
            wire2::Change::Other => return Ok(Outcome::GENERIC),
        };
        self.request(
            key2(message, KeyKind::Command),
            Command::Two(message.command),
            detail,
        )?;
        Ok(Outcome::DONE)
    }

    pub fn response2(&mut self, message: &Message<'_>) -> Result<Option<Passing>, Full> {
        let command = Command::Two(message.command);
        let status = Status::Nt(message.status);
        let mut passing = None;
        let outcome = match message.command {
            Command2::NEGOTIATE => self.negotiate_response2(message),
            Command2::SESSION_SETUP => {
                self.session_setup_response2(message);
                Outcome::DONE
            }
            Command2::TREE_CONNECT => self.tree_connect_response2(message),
            Command2::TREE_DISCONNECT => {
                self.known
                    .trees
                    .remove(&(message.session_id, message.tree_id));
                Outcome::GENERIC
            }
            Command2::CREATE if message.status == NtStatus::SUCCESS => {
                self.create_response2(message)
            }
            Command2::READ => {
                passing = self.read_response2(message)?;
                Outcome::GENERIC
            }
            Command2::IOCTL => {
                self.ioctl_response2(message)?;
                Outcome::DONE
            }
            _ => Outcome::GENERIC,
        };
        if !outcome.has_transaction
            && let Some(tx) = self.find_command(command, &key2(message, KeyKind::Command))
        {
            if let Some(smb) = smb_mut(tx) {
                smb.status = Some(status);
            }
            // A pending request is answered again, later.
            if message.status != NtStatus::PENDING {
                tx.advance(Direction::ToClient, Transaction::COMPLETE);
            }
            if outcome.malformed {
                tx.raise(events::MALFORMED_DATA);
            }
        }
        Ok(passing)
    }

    fn negotiate_response2(&mut self, message: &Message<'_>) -> Outcome {
        let agreed = if message.status == NtStatus::SUCCESS {
            wire2::negotiate_response(message.body)
        } else {
            Ok(wire2::NegotiateResponse {
                dialect: 0,
                server: [0; 16],
                max_read: 0,
                max_write: 0,
            })
        };
        let Ok(agreed) = agreed else {
            return Outcome::MALFORMED;
        };
        if agreed.max_read > MAX_TRANSFER_BYTES {
            self.raise(events::NEGOTIATE_MAX_READ_SIZE_TOO_LARGE);
        }
        if agreed.max_write > MAX_TRANSFER_BYTES {
            self.raise(events::NEGOTIATE_MAX_WRITE_SIZE_TOO_LARGE);
        }
        self.known.max_read = agreed.max_read;
        self.known.max_write = agreed.max_write;
        if agreed.dialect != 0 {
            self.set_dialect(Dialect::Two(agreed.dialect));
        }
        let mut found = false;
        // SMB 1 asks, SMB 2 may answer.
        for version in [2, 1] {
            let waiting = self.find(|smb| {
                smb.version() == Some(version) && matches!(smb.detail, Detail::Negotiate(_))
            });
            if let Some(tx) = waiting {
                if let Some(smb) = smb_mut(tx)
                    && let Detail::Negotiate(negotiate) = &mut smb.detail
                {
                    negotiate.server =
                        (message.status == NtStatus::SUCCESS).then_some(agreed.server);
                    negotiate.max_read = agreed.max_read;
                    negotiate.max_write = agreed.max_write;
                }
                answer(tx, Status::Nt(message.status));
                found = true;
                break;
            }
        }
        Outcome {
            has_transaction: found,
            malformed: false,
        }
    }

    fn session_setup_response2(&mut self, message: &Message<'_>) {
        let key = key2(message, KeyKind::Message);
        // The first request has no session yet.
        let first = Key { session: 0, ..key };
        for wanted in [key, first] {
            let waiting = self.find(|smb| {
                smb.key.joins(&wanted) && matches!(smb.detail, Detail::SessionSetup(_))
            });
            if let Some(tx) = waiting {
                if let Some(smb) = smb_mut(tx) {
                    smb.key = key;
                }
                answer(tx, Status::Nt(message.status));
                return;
            }
        }
    }

    fn tree_connect_response2(&mut self, message: &Message<'_>) -> Outcome {
        let key = key2(message, KeyKind::Tree);
        let kind = if message.status == NtStatus::SUCCESS {
            match wire2::tree_connect_response(message.body) {
                Ok(kind) => Some(kind),
                Err(_) => return Outcome::MALFORMED,
            }
        } else {
            None
        };
        let waiting =
            self.find(|smb| smb.key.joins(&key) && matches!(smb.detail, Detail::TreeConnect(_)));
        let Some(tx) = waiting else {
            return match kind {
                Some(_) => Outcome::DONE,
                None => Outcome::GENERIC,
            };
        };
        tx.advance(Direction::ToServer, Transaction::COMPLETE);
        answer(tx, Status::Nt(message.status));
        if let Some(kind) = kind
            && let Some(smb) = smb_mut(tx)
            && let Detail::TreeConnect(connect) = &mut smb.detail
        {
            connect.share_type = kind;
            connect.is_pipe = kind == PIPE_SHARE;
            let tree = Tree {
                name: connect.name.clone(),
                is_pipe: connect.is_pipe,
            };
            smb.key = key2(message, KeyKind::Message);
            self.known
                .trees
                .set((message.session_id, message.tree_id), tree);
        }
        Outcome::DONE
    }

    fn create_response2(&mut self, message: &Message<'_>) -> Outcome {
        let Ok(created) = wire2::create_response(message.body) else {
            if let Some(tx) = self.find_command(
                Command::Two(message.command),
                &key2(message, KeyKind::Command),
            ) {
                tx.raise(events::MALFORMED_DATA);
            }
            return Outcome::DONE;
        };
        let handle = Handle::Two(created.handle);
        if let Some(name) = self.known.opening.remove(&request_of(message)) {
            self.known.names.set(handle, name);
        }
        let key = key2(message, KeyKind::Command);
        if let Some(tx) = self.find_command(Command::Two(message.command), &key) {
            if let Some(smb) = smb_mut(tx)
                && let Detail::Create(create) = &mut smb.detail
            {
                create.times = created.times.map(seconds);
                create.size = created.size;
                create.handle = handle;
            }
            answer(tx, Status::Nt(message.status));
        }
        Outcome::DONE
    }

    fn ioctl_response2(&mut self, message: &Message<'_>) -> Result<(), Full> {
        let key = key2(message, KeyKind::Message);
        let command = Command::Two(message.command);
        let read = wire2::ioctl_response(message.body);
        if let Ok(ioctl) = &read
            && ioctl.is_pipe()
            && self.known.carries_rpc(Handle::Two(ioctl.handle))
        {
            let status = Some(message.status);
            return self.rpc_response(command, key, Handle::None, status, ioctl.data);
        }
        if let Some(tx) = self.find_command(command, &key) {
            if let Some(smb) = smb_mut(tx) {
                smb.set_nt_status(message.status);
            }
            if message.status != NtStatus::PENDING {
                tx.advance(Direction::ToClient, Transaction::COMPLETE);
            }
            if read.is_err() && message.status == NtStatus::SUCCESS {
                tx.raise(events::MALFORMED_DATA);
            }
        }
        Ok(())
    }

    /// Whether the bytes of a read or write go through a pipe, and whether they are RPC.
    pub fn pipe2(&mut self, message: &Message<'_>, handle: Handle, here: &[u8]) -> (bool, bool) {
        let place = (message.session_id, message.tree_id);
        let tree = self.known.trees.get(&place);
        let mut is_pipe = tree.is_some_and(|tree| tree.is_pipe);
        let unnamed = tree.is_none_or(|tree| tree.name.is_empty());
        let mut is_rpc = (is_pipe || unnamed) && self.known.carries_rpc(handle);
        // The tree connect was missed: the content tells.
        if unnamed && !is_pipe && pipe::looks_like_rpc(here) {
            let tree = Tree {
                name: FOUND_BY_CONTENT.to_vec(),
                is_pipe: true,
            };
            self.known.trees.set(place, tree);
            if !is_rpc {
                self.known.names.set(handle, FOUND_BY_CONTENT.to_vec());
            }
            (is_pipe, is_rpc) = (true, true);
        }
        (is_pipe, is_rpc)
    }

    fn write_request2(&mut self, message: &Message<'_>) -> Result<Option<Passing>, Full> {
        let Ok(write) = wire2::write_request(message.body) else {
            self.raise(events::MALFORMED_DATA);
            return Ok(None);
        };
        let data = write.data;
        let whole = message.body.len();
        if self.is_too_large(data.bytes, self.known.max_write) {
            self.raise(events::WRITE_REQUEST_TOO_LARGE);
            return Ok(Some(Passing {
                transaction: None,
                left: u64::from(data.bytes).saturating_sub(whole as u64),
            }));
        }
        let handle = Handle::Two(write.handle);
        let has_file = self
            .find(|smb| smb.is_file(handle, Direction::ToServer))
            .is_some();
        if !has_file {
            let (is_pipe, is_rpc) = self.pipe2(message, handle, data.here);
            if is_pipe {
                if is_rpc {
                    let key = key2(message, KeyKind::Message);
                    self.rpc_request(Command::Two(Command2::WRITE), key, data.here)?;
                }
                return Ok(None);
            }
        }
        let name = self.known.name(handle).unwrap_or_default();
        self.file_chunk2(
            message,
            Direction::ToServer,
            handle,
            write.offset,
            data,
            &name,
        )
    }

    fn read_response2(&mut self, message: &Message<'_>) -> Result<Option<Passing>, Full> {
        let request = request_of(message);
        if message.status == NtStatus::END_OF_FILE {
            if let Some((handle, _)) = self.known.reads.remove(&request)
                && let Some(tx) = self.find(|smb| smb.is_file(handle, Direction::ToClient))
            {
                for file in &mut tx.files {
                    file.close(FileState::Closed);
                }
                if let Some(smb) = smb_mut(tx) {
                    smb.set_nt_status(message.status);
                }
                tx.advance(Direction::ToServer, Transaction::COMPLETE);
            }
            return Ok(None);
        }
        if !matches!(
            message.status,
            NtStatus::SUCCESS | NtStatus::BUFFER_OVERFLOW
        ) {
            return Ok(None);
        }
        let Ok(data) = wire2::read_response(message.body) else {
            self.raise(events::MALFORMED_DATA);
            return Ok(None);
        };
        if self.is_too_large(data.bytes, self.known.max_read) {
            self.raise(events::READ_RESPONSE_TOO_LARGE);
            return Ok(None);
        }
        let Some((handle, offset)) = self.known.reads.remove(&request) else {
            return Ok(None);
        };
        let has_file = self
            .find(|smb| smb.is_file(handle, Direction::ToClient))
            .is_some();
        if !has_file {
            let (is_pipe, is_rpc) = self.pipe2(message, handle, data.here);
            if is_pipe {
                if is_rpc {
                    let key = key2(message, KeyKind::Message);
                    let status = Some(message.status);
                    let command = Command::Two(Command2::READ);
                    self.rpc_response(command, key, handle, status, data.here)?;
                }
                return Ok(None);
            }
        }
        let name = self
            .known
            .name(handle)
            .unwrap_or_else(|| UNKNOWN_NAME.to_vec());
        self.file_chunk2(message, Direction::ToClient, handle, offset, data, &name)
    }

    fn file_chunk2(
        &mut self,
        message: &Message<'_>,
        direction: Direction,
        handle: Handle,
        offset: u64,
        data: wire2::Data<'_>,
        name: &[u8],
    ) -> Result<Option<Passing>, Full> {
        let place = (message.session_id, message.tree_id);
        let share = self.known.trees.get(&place);
        let chunk = FileChunk {
            direction,
            handle,
            name,
            // Records of written files have no share.
            share: match (direction, share) {
                (Direction::ToClient, Some(tree)) => tree.name.clone(),
                _ => Vec::new(),
            },
            key: Key::new(KeyKind::Message, message.session_id, message.tree_id, 0),
            command: Command::Two(message.command),
            offset,
            bytes: data.bytes,
            here: data.here,
        };
        self.transfer(chunk).map(Some)
    }
}
