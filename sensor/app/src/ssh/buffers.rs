//! Sticky buffers of SSH: what the side under inspection has told.

use sensor_flow::Direction;

use super::state::{BANNER_DONE, Told};
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, Transaction};

/// When a buffer is there.
enum Appears {
    WithBanner,
    /// With the offer of algorithms, if that comes: until then rules wait.
    Later,
}

type Get = for<'a> fn(&'a Transaction, Direction) -> Option<Bytes<'a>>;

const fn row(
    name: &'static str,
    synonyms: &'static [&'static str],
    side: BufferSide,
    appears: Appears,
    get: Get,
) -> BufferRow {
    BufferRow {
        name,
        synonyms,
        modifiers: &[],
        side,
        ready_at: [BANNER_DONE; 2],
        lowercase: false,
        streaming: matches!(appears, Appears::Later),
        getter: BufferGetter::One(get),
    }
}

fn told(transaction: &Transaction, direction: Direction) -> Option<&Told> {
    match &transaction.body {
        Body::Ssh(ssh) => Some(&ssh.sides[direction.index()]),
        _ => None,
    }
}

fn some(bytes: &[u8]) -> Option<Bytes<'_>> {
    (!bytes.is_empty()).then_some(Bytes::whole(bytes))
}

fn hash(transaction: &Transaction, direction: Direction) -> Option<Bytes<'_>> {
    let (_, hash) = told(transaction, direction)?.hassh.as_ref()?;
    some(hash.as_bytes())
}

fn offer(transaction: &Transaction, direction: Direction) -> Option<Bytes<'_>> {
    let (offer, _) = told(transaction, direction)?.hassh.as_ref()?;
    some(offer)
}

pub const BUFFERS: &[BufferRow] = &[
    row(
        "ssh.proto",
        &["ssh_proto"],
        BufferSide::Both,
        Appears::WithBanner,
        |tx, direction| some(&told(tx, direction)?.protocol),
    ),
    row(
        "ssh.software",
        &["ssh_software"],
        BufferSide::Both,
        Appears::WithBanner,
        |tx, direction| some(&told(tx, direction)?.software),
    ),
    row(
        "ssh.hassh",
        &["ssh-hassh"],
        BufferSide::ToServer,
        Appears::Later,
        hash,
    ),
    row(
        "ssh.hassh.string",
        &["ssh-hassh-string"],
        BufferSide::ToServer,
        Appears::Later,
        offer,
    ),
    row(
        "ssh.hassh.server",
        &["ssh-hassh-server"],
        BufferSide::ToClient,
        Appears::Later,
        hash,
    ),
    row(
        "ssh.hassh.server.string",
        &["ssh-hassh-server-string"],
        BufferSide::ToClient,
        Appears::Later,
        offer,
    ),
];
