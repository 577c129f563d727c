//! Commands of SMB 1.

use sensor_flow::Direction;

use super::auth::{self, Client};
use super::number::{Command1, NtStatus, Status};
use super::session::{FileChunk, Full, Passing, Tree, Work, answer, complete, key1, smb_mut};
use super::text::MAX_NAME_BYTES;
use super::transaction::{
    Command, Create, Detail, Dialect, Handle, Key, KeyKind, Negotiate, SessionSetup, TreeConnect,
};
use super::wire1::{self, Change, Message};
use super::{events, seconds};
use crate::Transaction;
use crate::file::FileState;

const UNKNOWN_NAME: &[u8] = b"<unknown>";
/// Dialects that a client may offer.
const MAX_DIALECTS: usize = 64;
/// Commands chained in one message.
const MAX_CHAIN: usize = 16;

fn request_of(message: &Message<'_>) -> (u64, u64) {
    (u64::from(message.user_id), u64::from(message.multiplex_id))
}

fn tree_of(message: &Message<'_>) -> (u64, u32) {
    (u64::from(message.user_id), u32::from(message.tree_id))
}

fn handle_of(message: &Message<'_>, fid: wire1::Fid) -> Handle {
    Handle::One {
        fid,
        user: message.user_id,
    }
}

/// Commands of which a request makes a transaction by itself.
fn has_transaction(command: Command1) -> bool {
    !matches!(
        command,
        Command1::READ_ANDX | Command1::WRITE_ANDX | Command1::TRANS | Command1::TRANS2
    )
}

/// The NT status of a message; as far as commands go, an old status is one that has failed or not.
fn nt_status(message: &Message<'_>) -> NtStatus {
    match message.status {
        Status::Nt(status) => status,
        Status::Dos { class, code } => NtStatus(u32::from(class) | u32::from(code) << 16),
    }
}

enum Outcome {
    /// The transaction is there, or there is to be none.
    Done,
    Generic,
    Malformed,
}

impl Work<'_> {
    pub fn request1(&mut self, message: &Message<'_>) -> Result<Option<Passing>, Full> {
        self.chain1(message, Self::command_request1)
    }

    pub fn response1(&mut self, message: &Message<'_>) -> Result<Option<Passing>, Full> {
        self.chain1(message, Self::command_response1)
    }

    /// Carries out each command of a message.
    fn chain1(
        &mut self,
        message: &Message<'_>,
        one: fn(&mut Self, &Message<'_>, Command1, usize) -> Result<Option<Passing>, Full>,
    ) -> Result<Option<Passing>, Full> {
        let mut command = message.command;
        let mut place = wire1::HEADER_BYTES;
        let mut passing = None;
        for _ in 0..MAX_CHAIN {
            passing = one(self, message, command, place)?.or(passing);
            match wire1::next_command(message.from(place)) {
                Some((next, at))
                    if command.is_chained()
                        && at > place
                        && at - wire1::HEADER_BYTES < message.body.len() =>
                {
                    (command, place) = (next, at);
                }
                _ => break,
            }
        }
        Ok(passing)
    }

    fn command_request1(
        &mut self,
        message: &Message<'_>,
        command: Command1,
        place: usize,
    ) -> Result<Option<Passing>, Full> {
        let body = message.from(place);
        let one = Command::One(command);
        let mut passing = None;
        let outcome = match command {
            Command1::NEGOTIATE => self.negotiate_request1(message)?,
            Command1::SESSION_SETUP_ANDX => {
                self.session_setup_request1(message, body)?;
                Outcome::Done
            }
            Command1::TREE_CONNECT_ANDX => match wire1::tree_connect_request(message, body) {
                Ok(connect) => {
                    let mut name = connect.path;
                    // One of the two backslashes in front.
                    if name.len() > 1 {
                        name.remove(0);
                    }
                    let detail = Detail::TreeConnect(TreeConnect {
                        name,
                        services: [Some(connect.service.to_vec()), None],
                        ..TreeConnect::default()
                    });
                    let tx = self.begin(key1(message, KeyKind::Tree), one, detail)?;
                    // Whether it is a pipe the server has yet to say.
                    tx.advance(Direction::ToServer, super::stage::NAMED);
                    Outcome::Done
                }
                Err(_) => Outcome::Malformed,
            },
            Command1::TREE_DISCONNECT => {
                self.known.trees.remove(&tree_of(message));
                Outcome::Generic
            }
            Command1::NT_CREATE_ANDX => match wire1::create_request(message, body) {
                Ok(create) => {
                    self.known
                        .opening
                        .set(request_of(message), create.name.clone());
                    let detail = Detail::Create(Create::new(
                        create.name,
                        create.disposition,
                        create.options,
                    ));
                    self.request(key1(message, KeyKind::Command), one, detail)?;
                    Outcome::Done
                }
                Err(_) => Outcome::Malformed,
            },
            Command1::READ_ANDX => match wire1::read_request(body) {
                Ok(read) => {
                    let wanted = (handle_of(message, read.fid), read.offset);
                    self.known.reads.set(request_of(message), wanted);
                    Outcome::Generic
                }
                Err(_) => Outcome::Malformed,
            },
            Command1::WRITE_ANDX | Command1::WRITE | Command1::WRITE_AND_CLOSE => {
                passing = self.write_request1(message, command, place)?;
                Outcome::Done
            }
            Command1::CLOSE => match wire1::close_request(message.body) {
                Ok(fid) => {
                    let handle = handle_of(message, fid);
                    self.known.names.remove(&handle);
                    self.known.handles.set(request_of(message), handle);
                    self.close_file1(handle, Direction::ToServer);
                    Outcome::Generic
                }
                Err(_) => Outcome::Malformed,
            },
            Command1::TRANS => {
                self.trans_request1(message)?;
                Outcome::Done
            }
            Command1::TRANS2 => self.trans2_request1(message)?,
            Command1::RENAME => match wire1::rename_request(message.body) {
                Ok((from, to)) => {
                    let handle = Handle::None;
                    let detail = Detail::Rename { handle, from, to };
                    self.request(key1(message, KeyKind::Command), one, detail)?;
                    Outcome::Done
                }
                Err(_) => Outcome::Malformed,
            },
            _ => Outcome::Generic,
        };
        let malformed = matches!(outcome, Outcome::Malformed);
        if !matches!(outcome, Outcome::Done) && has_transaction(command) {
            self.request(key1(message, KeyKind::Command), one, Detail::Generic)?;
            if malformed {
                self.raise(events::MALFORMED_DATA);
            }
            let unanswered = matches!(
                command,
                Command1::NT_CANCEL | Command1::TRANS2_SECONDARY | Command1::LOCKING_ANDX
            );
            if unanswered && let Some(tx) = self.transactions.last() {
                tx.advance(Direction::ToClient, Transaction::COMPLETE);
            }
        }
        Ok(passing)
    }

    fn negotiate_request1(&mut self, message: &Message<'_>) -> Result<Outcome, Full> {
        let Ok(offered) = wire1::negotiate_request(message.body) else {
            return Ok(Outcome::Malformed);
        };
        let command = Command::One(Command1::NEGOTIATE);
        let live =
            self.find(|smb| smb.command == command && matches!(smb.detail, Detail::Negotiate(_)));
        if let Some(tx) = live {
            tx.raise(events::DUPLICATE_NEGOTIATE);
            return Ok(Outcome::Done);
        }
        let odd = offered.iter().any(|dialect| dialect.len() < 2);
        let detail = Detail::Negotiate(Negotiate {
            dialects: offered
                .iter()
                .take(MAX_DIALECTS)
                .filter_map(|dialect| dialect.get(1..).map(<[u8]>::to_vec))
                .collect(),
            ..Negotiate::default()
        });
        self.request(Key::NONE, command, detail)?;
        if odd {
            self.raise(events::NEGOTIATE_MALFORMED_DIALECTS);
        }
        Ok(Outcome::Done)
    }

    fn session_setup_request1(&mut self, message: &Message<'_>, body: &[u8]) -> Result<(), Full> {
        let Ok(setup) = wire1::session_setup_request(message, body) else {
            return Ok(());
        };
        let client = auth::client(setup.blob);
        let unusual = matches!(&client, Some(Client::Ntlm(ntlm)) if ntlm.is_unusual);
        let detail = Detail::SessionSetup(SessionSetup {
            client,
            native: [Some(setup.native), None],
        });
        let key = Key {
            tree: 0,
            ..key1(message, KeyKind::Message)
        };
        self.request(key, Command::One(message.command), detail)?;
        if unusual {
            self.raise(events::UNUSUAL_NTLMSSP_ORDER);
        }
        Ok(())
    }

    fn close_file1(&mut self, handle: Handle, direction: Direction) {
        if let Some(tx) = self.find(|smb| smb.is_file(handle, direction))
            && !tx.is_complete(Direction::ToServer)
        {
            complete(tx, FileState::Closed);
        }
    }

    fn trans_request1(&mut self, message: &Message<'_>) -> Result<(), Full> {
        let Ok(trans) = wire1::trans_request(message) else {
            return self.odd_request1(message);
        };
        let Some(fid) = trans.pipe else { return Ok(()) };
        let handle = handle_of(message, fid);
        self.known.handles.set(request_of(message), handle);
        if self.known.carries_rpc(handle) {
            let key = key1(message, KeyKind::Message);
            self.rpc_request(Command::One(message.command), key, trans.data)?;
        }
        Ok(())
    }

    /// A request that makes a transaction only because something is wrong with it.
    fn odd_request1(&mut self, message: &Message<'_>) -> Result<(), Full> {
        self.request(
            key1(message, KeyKind::Command),
            Command::One(message.command),
            Detail::Generic,
        )?;
        self.raise(events::MALFORMED_DATA);
        Ok(())
    }

    fn trans2_request1(&mut self, message: &Message<'_>) -> Result<Outcome, Full> {
        let Ok(set) = wire1::trans2_request(message.body) else {
            return Ok(Outcome::Malformed);
        };
        let Some(set) = set else {
            return Ok(Outcome::Generic);
        };
        let handle = set.fid.map_or(Handle::None, Handle::Fid);
        let name = match set.fid {
            Some(fid) => self
                .known
                .name(handle_of(message, fid))
                .unwrap_or_else(|| UNKNOWN_NAME.to_vec()),
            None => set.path,
        };
        let detail = match set.change {
            Change::Rename(to) => Detail::Rename {
                handle,
                from: name,
                to,
            },
            Change::Disposition { delete } => Detail::SetInfo {
                handle,
                name,
                subcommand: set.subcommand,
                level: set.level,
                delete,
            },
        };
        self.request(
            key1(message, KeyKind::Command),
            Command::One(message.command),
            detail,
        )?;
        Ok(Outcome::Done)
    }

    fn write_request1(
        &mut self,
        message: &Message<'_>,
        command: Command1,
        place: usize,
    ) -> Result<Option<Passing>, Full> {
        let read = match command {
            Command1::WRITE_ANDX => wire1::write_andx_request(message.from(place), place),
            Command1::WRITE => wire1::write_request(message.body),
            _ => wire1::write_and_close_request(message.body),
        };
        let Ok(write) = read else {
            self.odd_request1(message)?;
            return Ok(None);
        };
        let handle = handle_of(message, write.fid);
        let tree = self.known.trees.get(&tree_of(message)).cloned();
        let has_file = self
            .find(|smb| smb.is_file(handle, Direction::ToServer))
            .is_some();
        let mut passing = None;
        if !has_file && tree.as_ref().is_some_and(|tree| tree.is_pipe) {
            let key = key1(message, KeyKind::Message);
            self.rpc_request(Command::One(command), key, write.data.here)?;
        } else {
            let name = self
                .known
                .name(handle)
                .unwrap_or_else(|| UNKNOWN_NAME.to_vec());
            passing = Some(self.transfer(FileChunk {
                direction: Direction::ToServer,
                handle,
                name: &name,
                share: tree.map(|tree| tree.name).unwrap_or_default(),
                key: Key::NONE,
                command: Command::One(Command1::WRITE_ANDX),
                offset: write.offset,
                bytes: write.data.bytes,
                here: write.data.here,
            })?);
        }
        if command == Command1::WRITE_AND_CLOSE {
            self.known.names.remove(&handle);
            self.close_file1(handle, Direction::ToServer);
        }
        if has_transaction(message.command) {
            self.request(
                key1(message, KeyKind::Command),
                Command::One(message.command),
                Detail::Generic,
            )?;
        }
        Ok(passing)
    }

    fn command_response1(
        &mut self,
        message: &Message<'_>,
        command: Command1,
        place: usize,
    ) -> Result<Option<Passing>, Full> {
        let body = message.from(place);
        let one = Command::One(command);
        let mut malformed = false;
        match command {
            Command1::READ_ANDX => {
                let passing = self.read_response1(message, place)?;
                self.answer1(message, false)?;
                return Ok(passing);
            }
            Command1::NEGOTIATE => match self.negotiate_response1(message) {
                Outcome::Done => return Ok(None),
                Outcome::Generic => {}
                Outcome::Malformed => malformed = true,
            },
            Command1::TREE_CONNECT_ANDX => match self.tree_connect_response1(message, body) {
                Outcome::Done => return Ok(None),
                Outcome::Generic => {}
                Outcome::Malformed => malformed = true,
            },
            Command1::TREE_DISCONNECT => {
                self.known.trees.remove(&tree_of(message));
            }
            Command1::NT_CREATE_ANDX if message.is_success() => {
                match wire1::create_response(body) {
                    Ok(created) => {
                        self.create_response1(message, &created);
                        return Ok(None);
                    }
                    Err(_) => malformed = true,
                }
            }
            Command1::CLOSE => {
                if let Some(handle) = self.known.handles.remove(&request_of(message)) {
                    self.close_file1(handle, Direction::ToClient);
                }
            }
            Command1::TRANS => {
                self.trans_response1(message)?;
                return Ok(None);
            }
            Command1::SESSION_SETUP_ANDX => {
                self.session_setup_response1(message, body);
                return Ok(None);
            }
            Command1::LOGOFF_ANDX => {
                // The user of the response may be another one: it answers what came last.
                if let Some(tx) = self.transactions.last()
                    && smb_mut(tx).is_some_and(|smb| smb.command == one)
                {
                    answer(tx, message.status);
                }
                return Ok(None);
            }
            Command1::WRITE_ANDX => return Ok(None),
            _ => {}
        }
        if let Some(tx) = self.find_command(one, &key1(message, KeyKind::Command)) {
            tx.advance(Direction::ToServer, Transaction::COMPLETE);
            answer(tx, message.status);
            if malformed {
                tx.raise(events::MALFORMED_DATA);
            }
        }
        Ok(None)
    }

    /// Answers the transaction of a message's command, which is made now when something is wrong.
    fn answer1(&mut self, message: &Message<'_>, malformed: bool) -> Result<(), Full> {
        let command = Command::One(message.command);
        let key = key1(message, KeyKind::Command);
        let tx = match self.find_command(command, &key) {
            Some(tx) => tx,
            None if malformed => self.begin(key, command, Detail::Generic)?,
            None => return Ok(()),
        };
        tx.advance(Direction::ToServer, Transaction::COMPLETE);
        answer(tx, message.status);
        if malformed {
            tx.raise(events::MALFORMED_DATA);
        }
        Ok(())
    }

    fn negotiate_response1(&mut self, message: &Message<'_>) -> Outcome {
        let Ok((index, server)) = wire1::negotiate_response(message.body) else {
            return Outcome::Malformed;
        };
        let command = Command::One(Command1::NEGOTIATE);
        let waiting =
            self.find(|smb| smb.command == command && matches!(smb.detail, Detail::Negotiate(_)));
        let Some(tx) = waiting else {
            return Outcome::Generic;
        };
        answer(tx, message.status);
        let mut chosen = None;
        if let Some(smb) = smb_mut(tx)
            && let Detail::Negotiate(negotiate) = &mut smb.detail
        {
            negotiate.server = server;
            chosen = negotiate.dialects.get(usize::from(index)).cloned();
        }
        match chosen {
            Some(mut name) => {
                name.truncate(MAX_NAME_BYTES);
                self.set_dialect(Dialect::One(name.into()));
            }
            None => tx.raise(events::NEGOTIATE_MALFORMED_DIALECTS),
        }
        Outcome::Done
    }

    fn session_setup_response1(&mut self, message: &Message<'_>, body: &[u8]) {
        let key = key1(message, KeyKind::Message);
        // The first request has no user yet.
        let first = Key { session: 0, ..key };
        for wanted in [key, first] {
            let waiting = self.find(|smb| {
                smb.key.joins(&wanted) && matches!(smb.detail, Detail::SessionSetup(_))
            });
            let Some(tx) = waiting else { continue };
            match wire1::session_setup_response(message, body) {
                Ok(native) => {
                    if let Some(smb) = smb_mut(tx)
                        && let Detail::SessionSetup(setup) = &mut smb.detail
                    {
                        setup.native[1] = Some(native);
                    }
                }
                Err(_) => tx.raise(events::MALFORMED_DATA),
            }
            if let Some(smb) = smb_mut(tx) {
                smb.key = key;
            }
            answer(tx, message.status);
            return;
        }
    }

    fn tree_connect_response1(&mut self, message: &Message<'_>, body: &[u8]) -> Outcome {
        let key = key1(message, KeyKind::Tree);
        let service = if message.is_success() {
            match wire1::tree_connect_response(body) {
                Ok(service) => Some(service),
                Err(_) => return Outcome::Malformed,
            }
        } else {
            None
        };
        let waiting =
            self.find(|smb| smb.key.joins(&key) && matches!(smb.detail, Detail::TreeConnect(_)));
        let Some(tx) = waiting else {
            return match service {
                Some(_) => Outcome::Generic,
                None => Outcome::Done,
            };
        };
        tx.advance(Direction::ToServer, Transaction::COMPLETE);
        answer(tx, message.status);
        if let Some(service) = service
            && let Some(smb) = smb_mut(tx)
            && let Detail::TreeConnect(connect) = &mut smb.detail
        {
            connect.is_pipe = service == b"IPC";
            connect.services[1] = Some(service.to_vec());
            let tree = Tree {
                name: connect.name.clone(),
                is_pipe: connect.is_pipe,
            };
            smb.key = key1(message, KeyKind::Message);
            self.known.trees.set(tree_of(message), tree);
        }
        Outcome::Done
    }

    fn create_response1(&mut self, message: &Message<'_>, created: &wire1::CreateResponse) {
        if let Some(name) = self.known.opening.remove(&request_of(message)) {
            let handle = handle_of(message, created.fid);
            self.known.names.set(handle, name);
        }
        let key = key1(message, KeyKind::Command);
        let command = Command::One(Command1::NT_CREATE_ANDX);
        if let Some(tx) = self.find_command(command, &key) {
            if let Some(smb) = smb_mut(tx)
                && let Detail::Create(create) = &mut smb.detail
            {
                create.times = created.times.map(seconds);
                create.size = created.size;
                create.handle = Handle::Fid(created.fid);
            }
            answer(tx, Status::Nt(nt_status(message)));
        }
    }

    fn trans_response1(&mut self, message: &Message<'_>) -> Result<(), Full> {
        let Ok(data) = wire1::trans_response(message.body) else {
            return self.answer1(message, true);
        };
        let handle = self
            .known
            .handles
            .remove(&request_of(message))
            .unwrap_or(Handle::None);
        let key = key1(message, KeyKind::Message);
        let status = nt_status(message);
        if status == NtStatus::BUFFER_OVERFLOW {
            // The rest is read later.
            let place = (key.session, key.tree, handle);
            self.known.parts.set(place, data.to_vec());
        } else if self.known.carries_rpc(handle) {
            let command = Command::One(message.command);
            self.rpc_response(command, key, handle, Some(status), data)?;
        }
        self.answer1(message, false)
    }

    fn read_response1(
        &mut self,
        message: &Message<'_>,
        place: usize,
    ) -> Result<Option<Passing>, Full> {
        if !message.is_success() {
            return Ok(None);
        }
        let Ok(data) = wire1::read_response(message.from(place)) else {
            self.answer1(message, true)?;
            return Ok(None);
        };
        let Some((handle, offset)) = self.known.reads.remove(&request_of(message)) else {
            return Ok(None);
        };
        let tree = self.known.trees.get(&tree_of(message)).cloned();
        if tree.as_ref().is_some_and(|tree| tree.is_pipe) {
            let key = key1(message, KeyKind::Message);
            let command = Command::One(Command1::READ_ANDX);
            self.rpc_response(command, key, handle, None, data.here)?;
            return Ok(None);
        }
        let name = self.known.name(handle).unwrap_or_default();
        self.transfer(FileChunk {
            direction: Direction::ToClient,
            handle,
            name: &name,
            share: tree.map(|tree| tree.name).unwrap_or_default(),
            key: Key::NONE,
            command: Command::One(Command1::READ_ANDX),
            offset,
            bytes: data.bytes,
            here: data.here,
        })
        .map(Some)
    }
}
