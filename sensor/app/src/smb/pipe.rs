//! Calls through pipes: DCE/RPC in writes, reads, transactions and control functions.

use std::sync::Arc;

use sensor_bytes::Reader;
use sensor_flow::Direction;

use super::events;
use super::number::{Command2, NtStatus, Status};
use super::session::{Full, Work, smb_mut};
use super::transaction::{Command, Detail, Handle, Key, Rpc, SmbTransaction};
use crate::dcerpc::wire::{self, Header, Kind};
use crate::dcerpc::{append_stub, note_bind};
use crate::{Body, Transaction};

/// Bytes of a message in a pipe that are held until the rest comes.
const MAX_PART_BYTES: usize = 1 << 16;

/// The data are the beginning of a message of DCE/RPC.
pub fn looks_like_rpc(data: &[u8]) -> bool {
    Header::read(&mut Reader::new(data)).is_ok_and(|header| {
        header.version == 5
            && header.minor < 3
            && header.fragment_bytes > 0
            && header.kind.is_known()
    })
}

/// Calls are joined by their number; the message counts only where request and response share it.
fn joins(smb: &SmbTransaction, command: Command, key: &Key, call_id: u32) -> bool {
    let by_message = match command {
        Command::Two(command) => !matches!(command, Command2::READ | Command2::WRITE),
        Command::One(_) => false,
        Command::None => true,
    };
    matches!(&smb.detail, Detail::Rpc(rpc) if rpc.call_id == call_id)
        && smb.key.session == key.session
        && (!by_message || smb.key.message == key.message)
}

fn rpc_of(tx: &mut Transaction) -> Option<&mut Rpc> {
    match &mut tx.body {
        Body::Smb(smb) => match &mut smb.detail {
            Detail::Rpc(rpc) => Some(rpc),
            _ => None,
        },
        _ => None,
    }
}

/// The body of a fragment without the header of requests and responses.
fn stub<'a>(header: &Header, body: &'a [u8]) -> Option<&'a [u8]> {
    let end = usize::from(header.fragment_bytes).checked_sub(wire::HEADER_BYTES)?;
    body.get(wire::REQUEST_HEADER_BYTES..end)
}

impl Work<'_> {
    /// Data that a client sends into a pipe.
    pub fn rpc_request(&mut self, command: Command, key: Key, data: &[u8]) -> Result<(), Full> {
        let mut reader = Reader::new(data);
        let Ok(header) = Header::read(&mut reader) else {
            self.raise(events::MALFORMED_DATA);
            return Ok(());
        };
        let body = reader.rest();
        if header.kind == Kind::REQUEST && !header.is_first() {
            self.rpc_fragment(command, &key, &header, body);
            return Ok(());
        }
        let rpc = Rpc {
            call_id: header.call_id,
            context: 0,
            operation: 0,
            request: Some(header.kind),
            response: None,
            fragments: [0; 2],
            stubs: Default::default(),
            interfaces: Arc::clone(&self.known.interfaces),
            big_endian: header.order == wire::Order::Big,
        };
        let tx = self.begin(key, command, Detail::Rpc(Box::new(rpc)))?;
        match header.kind {
            Kind::REQUEST => {
                let request = wire::Request::read(&mut Reader::new(body), header.order).ok();
                match (request, stub(&header, body)) {
                    (Some(request), Some(arguments)) => {
                        if let Some(rpc) = rpc_of(tx) {
                            rpc.context = request.context;
                            rpc.operation = request.operation;
                            rpc.fragments[0] = 1;
                            append_stub(&mut rpc.stubs[0], arguments);
                        }
                        if !header.is_last() {
                            return Ok(());
                        }
                    }
                    _ => tx.raise(events::MALFORMED_DATA),
                }
            }
            Kind::BIND | Kind::ALTER_CONTEXT => match wire::read_bind(body, header.order) {
                Ok(items) => {
                    let interfaces = Arc::make_mut(&mut self.known.interfaces);
                    if header.kind == Kind::BIND {
                        interfaces.clear();
                    }
                    note_bind(interfaces, &header, &items);
                    self.share_interfaces();
                }
                Err(_) => tx.raise(events::MALFORMED_DATA),
            },
            kind if !kind.is_known() => tx.raise(events::MALFORMED_DATA),
            _ => {}
        }
        if let Some(tx) = self.transactions.last() {
            tx.advance(Direction::ToServer, Transaction::COMPLETE);
        }
        Ok(())
    }

    /// A later part of a request.
    fn rpc_fragment(&mut self, command: Command, key: &Key, header: &Header, body: &[u8]) {
        let Some(arguments) = stub(header, body) else {
            self.raise(events::MALFORMED_DATA);
            return;
        };
        if let Some(tx) = self.find(|smb| joins(smb, command, key, header.call_id)) {
            if let Some(rpc) = rpc_of(tx) {
                rpc.fragments[0] = rpc.fragments[0].saturating_add(1);
                append_stub(&mut rpc.stubs[0], arguments);
            }
            if header.is_last() {
                tx.advance(Direction::ToServer, Transaction::COMPLETE);
            }
        }
    }

    /// Data that a server sends through a pipe.
    pub fn rpc_response(
        &mut self,
        command: Command,
        key: Key,
        handle: Handle,
        status: Option<NtStatus>,
        data: &[u8],
    ) -> Result<(), Full> {
        let status = status.unwrap_or(NtStatus::SUCCESS);
        if !matches!(status, NtStatus::SUCCESS | NtStatus::BUFFER_OVERFLOW) {
            if let Some(tx) = self.find_command(command, &key) {
                super::session::answer(tx, Status::Nt(status));
            }
            return Ok(());
        }
        let place = (key.session, key.tree, handle);
        let mut held = self.known.parts.remove(&place).unwrap_or_default();
        held.extend_from_slice(data);
        if held.is_empty() {
            return Ok(());
        }
        let mut reader = Reader::new(&held);
        let Ok(header) = Header::read(&mut reader) else {
            self.raise(events::MALFORMED_DATA);
            return Ok(());
        };
        if status == NtStatus::BUFFER_OVERFLOW
            && held.len() < usize::from(header.fragment_bytes)
            && held.len() <= MAX_PART_BYTES
        {
            self.known.parts.set(place, held);
            return Ok(());
        }
        let body = reader.rest();
        if matches!(header.kind, Kind::BIND_ACK | Kind::ALTER_CONTEXT_RESPONSE) {
            self.rpc_bind_ack(command, &key, &header, body, status);
            return Ok(());
        }
        let id = match self.find(|smb| joins(smb, command, &key, header.call_id)) {
            Some(tx) => tx.id,
            // The request was missed.
            None => {
                let rpc = Rpc {
                    call_id: header.call_id,
                    context: 0,
                    operation: 0,
                    request: None,
                    response: None,
                    fragments: [0; 2],
                    stubs: Default::default(),
                    interfaces: Arc::clone(&self.known.interfaces),
                    big_endian: header.order == wire::Order::Big,
                };
                let tx = self.begin(key, command, Detail::Rpc(Box::new(rpc)))?;
                tx.id
            }
        };
        if let Some(tx) = self.transactions.with_id(id) {
            rpc_answer(tx, &header, body, status);
        }
        Ok(())
    }

    fn rpc_bind_ack(
        &mut self,
        command: Command,
        key: &Key,
        header: &Header,
        body: &[u8],
        status: NtStatus,
    ) {
        let Ok(results) = wire::read_bind_ack(body, header.order) else {
            self.raise(events::MALFORMED_DATA);
            return;
        };
        let Some(tx) = self.find(|smb| joins(smb, command, key, header.call_id)) else {
            return;
        };
        if let Some(rpc) = rpc_of(tx) {
            rpc.response = Some(header.kind);
        }
        super::session::answer(tx, Status::Nt(status));
        for interface in Arc::make_mut(&mut self.known.interfaces) {
            if interface.call_id == header.call_id
                && let Some(result) = results.get(interface.index)
            {
                interface.result = Some(*result);
            }
        }
        self.share_interfaces();
    }
}

fn rpc_answer(tx: &mut Transaction, header: &Header, body: &[u8], status: NtStatus) {
    let mut done = true;
    if header.kind == Kind::RESPONSE {
        let Some(results) = stub(header, body) else {
            tx.raise(events::MALFORMED_DATA);
            return;
        };
        if let Some(rpc) = rpc_of(tx) {
            rpc.fragments[1] = rpc.fragments[1].saturating_add(1);
            append_stub(&mut rpc.stubs[1], results);
        }
        done = header.is_last();
    } else if !header.kind.is_known() {
        tx.raise(events::MALFORMED_DATA);
    }
    if let Some(rpc) = rpc_of(tx) {
        rpc.response = Some(header.kind);
    }
    if let Some(smb) = smb_mut(tx) {
        smb.set_nt_status(status);
    }
    if done {
        tx.advance(Direction::ToClient, Transaction::COMPLETE);
    }
}
