//! Sticky buffers and number fields of SMB.

use super::auth::{Client, Ntlm};
use super::session::smb;
use super::stage;
use super::transaction::{Detail, TreeConnect};
use crate::buffer::{FILE_MAGIC, FILE_MD5, FILE_SEEN, FILE_SHA1, FILE_SHA256, FILE_SIZE};
use crate::dcerpc::stub_data;
use crate::file::{FILE_DATA, FILE_NAME};
use crate::{BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};
use sensor_flow::Direction;

fn connect(tx: &Transaction) -> Option<&TreeConnect> {
    match &smb(tx)?.detail {
        Detail::TreeConnect(connect) => Some(connect),
        _ => None,
    }
}

/// A name, if the client gave one.
fn text(name: &[u8]) -> Option<Bytes<'_>> {
    (!name.is_empty()).then(|| Bytes::whole(name))
}

fn ntlm(tx: &Transaction) -> Option<&Ntlm> {
    match &smb(tx)?.detail {
        Detail::SessionSetup(setup) => match &setup.client {
            Some(Client::Ntlm(ntlm)) => Some(ntlm),
            _ => None,
        },
        _ => None,
    }
}

const fn row(
    name: &'static str,
    synonyms: &'static [&'static str],
    ready_at: u8,
    getter: for<'a> fn(&'a Transaction, Direction) -> Option<Bytes<'a>>,
) -> BufferRow {
    BufferRow {
        name,
        synonyms,
        modifiers: &[],
        side: BufferSide::ToServer,
        ready_at: [ready_at; 2],
        lowercase: false,
        streaming: false,
        getter: BufferGetter::One(getter),
    }
}

pub const BUFFERS: &[BufferRow] = &[
    row(
        "smb.named_pipe",
        &["smb_named_pipe"],
        Transaction::COMPLETE,
        |tx, _| {
            let connect = connect(tx).filter(|connect| connect.is_pipe)?;
            Some(Bytes::whole(&connect.name))
        },
    ),
    // A name counts as a share's as long as the server has not said that it is a pipe's.
    row("smb.share", &["smb_share"], stage::NAMED, |tx, _| {
        let connect = connect(tx).filter(|connect| !connect.is_pipe)?;
        Some(Bytes::whole(&connect.name))
    }),
    row("smb.ntlmssp_user", &[], Transaction::COMPLETE, |tx, _| {
        text(&ntlm(tx)?.user)
    }),
    row("smb.ntlmssp_domain", &[], Transaction::COMPLETE, |tx, _| {
        text(&ntlm(tx)?.domain)
    }),
    stub_data(|tx, direction| {
        let Detail::Rpc(rpc) = &smb(tx)?.detail else {
            return None;
        };
        let stub = &rpc.stubs[direction.index()];
        (!stub.is_empty()).then(|| Bytes::whole(stub))
    }),
    FILE_DATA,
    FILE_NAME,
    FILE_MAGIC,
    FILE_MD5,
    FILE_SHA1,
    FILE_SHA256,
];

pub const INT_FIELDS: &[IntFieldRow] = &[VERSION, FILE_SIZE, FILE_SEEN];

const VERSION: IntFieldRow = IntFieldRow {
    name: "smb.version",
    synonyms: &["smb_version"],
    side: BufferSide::Both,
    ready_at: 0,
    bits: 8,
    names: &[],
    getter: |tx, _, nth| {
        let version = smb(tx)?.version()?;
        (nth == 0).then_some(u64::from(version))
    },
};
