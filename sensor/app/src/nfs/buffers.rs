//! Sticky buffers and number fields of NFS.

use super::NfsTransaction;
use super::number::v3;
use crate::buffer::{
    FILE_DATA, FILE_MAGIC, FILE_MD5, FILE_NAME, FILE_SEEN, FILE_SHA1, FILE_SHA256, FILE_SIZE,
};
use crate::{Body, BufferRow, BufferSide, IntFieldRow, Transaction};
use sensor_flow::Direction;

fn nfs(tx: &Transaction) -> Option<&NfsTransaction> {
    match &tx.body {
        Body::Nfs(nfs) => Some(nfs),
        _ => None,
    }
}

pub const BUFFERS: &[BufferRow] = &[
    FILE_DATA,
    FILE_NAME,
    FILE_MAGIC,
    FILE_MD5,
    FILE_SHA1,
    FILE_SHA256,
];

const fn field(
    name: &'static str,
    synonyms: &'static [&'static str],
    getter: fn(&Transaction, Direction, usize) -> Option<u64>,
) -> IntFieldRow {
    IntFieldRow {
        name,
        synonyms,
        side: BufferSide::ToServer,
        ready_at: 0,
        bits: 32,
        names: &[],
        getter,
    }
}

pub const INT_FIELDS: &[IntFieldRow] = &[
    // A file has a second one when a COMMIT has ended it.
    field("nfs_procedure", &[], |tx, _, nth| {
        let nfs = nfs(tx)?;
        match nth {
            0 => Some(u64::from(nfs.procedure)),
            1 => {
                let committed = nfs.file.as_ref()?.is_committed;
                committed.then_some(u64::from(v3::COMMIT))
            }
            _ => None,
        }
    }),
    field("nfs.version", &["nfs_version"], |tx, _, nth| {
        Some(u64::from(nfs(tx).filter(|_| nth == 0)?.version))
    }),
    FILE_SIZE,
    FILE_SEEN,
];
