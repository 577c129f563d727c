//! Sticky buffers and number fields of FTP, control and data.

use sensor_flow::Direction;

use super::data::FtpDataTransaction;
use super::stage;
use super::state::{FtpTransaction, Mode};
use crate::buffer::{
    FILE_DATA, FILE_MAGIC, FILE_MD5, FILE_NAME, FILE_SEEN, FILE_SHA1, FILE_SHA256, FILE_SIZE,
};
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};

/// The transaction of a known command.
fn ftp(transaction: &Transaction) -> Option<&FtpTransaction> {
    match &transaction.body {
        Body::Ftp(ftp) if ftp.command.is_some() => Some(ftp),
        _ => None,
    }
}

fn data(transaction: &Transaction) -> Option<&FtpDataTransaction> {
    match &transaction.body {
        Body::FtpData(data) => Some(data),
        _ => None,
    }
}

const fn row(name: &'static str, side: BufferSide, getter: BufferGetter) -> BufferRow {
    BufferRow {
        name,
        synonyms: &[],
        modifiers: &[],
        side,
        ready_at: [Transaction::COMPLETE; 2],
        lowercase: false,
        streaming: false,
        getter,
    }
}

pub const BUFFERS: &[BufferRow] = &[
    row(
        "ftp.command",
        BufferSide::ToServer,
        BufferGetter::One(|tx, _| Some(Bytes::whole(ftp(tx)?.command?.name().as_bytes()))),
    ),
    row(
        "ftp.command_data",
        BufferSide::ToServer,
        BufferGetter::One(|tx, _| ftp(tx)?.arguments().map(Bytes::whole)),
    ),
    row(
        "ftp.reply",
        BufferSide::ToClient,
        BufferGetter::Many(|tx, _, nth| {
            ftp(tx)?
                .replies
                .get(nth)
                .map(|reply| Bytes::whole(&reply.text))
        }),
    ),
    row(
        "ftp.completion_code",
        BufferSide::ToClient,
        BufferGetter::Many(|tx, _, nth| {
            ftp(tx)?
                .replies
                .get(nth)
                .map(|reply| Bytes::whole(&reply.code))
        }),
    ),
];

pub const DATA_BUFFERS: &[BufferRow] = &[
    FILE_DATA,
    FILE_NAME,
    FILE_MAGIC,
    FILE_MD5,
    FILE_SHA1,
    FILE_SHA256,
];

pub const INT_FIELDS: &[IntFieldRow] = &[
    IntFieldRow {
        name: "ftp.dynamic_port",
        synonyms: &[],
        side: BufferSide::Both,
        ready_at: Transaction::COMPLETE,
        bits: 16,
        names: &[],
        getter: |tx, _, nth| ftp(tx)?.dynamic_port.filter(|_| nth == 0).map(u64::from),
    },
    IntFieldRow {
        name: "ftp.mode",
        synonyms: &[],
        side: BufferSide::Both,
        ready_at: Transaction::COMPLETE,
        bits: 8,
        names: &[("passive", 0), ("active", 1)],
        getter: |tx, _, nth| {
            let mode = ftp(tx)?.mode.filter(|_| nth == 0)?;
            Some(u64::from(mode == Mode::Active))
        },
    },
    IntFieldRow {
        name: "ftp.reply_received",
        synonyms: &[],
        side: BufferSide::ToClient,
        ready_at: 0,
        bits: 1,
        names: &[
            ("0", 0),
            ("no", 0),
            ("off", 0),
            ("false", 0),
            ("1", 1),
            ("yes", 1),
            ("on", 1),
            ("true", 1),
        ],
        // Nothing can be said before the server has, or until the session ends without its word.
        getter: |tx, side, nth| {
            let ftp = ftp(tx)?;
            let spoken = tx.progress[Direction::ToClient.index()] >= stage::SPOKEN;
            (nth == 0 && side == Direction::ToClient && spoken).then(|| u64::from(ftp.answered))
        },
    },
];

/// Commands that open data connections, as `ftpdata_command` names them.
const TRANSFERS: &[(&str, u64)] = &[
    ("stor", 0),
    ("appe", 1),
    ("stou", 2),
    ("retr", 3),
    ("nlst", 4),
    ("list", 5),
    ("mlsd", 6),
];

pub const DATA_INT_FIELDS: &[IntFieldRow] = &[FTPDATA_COMMAND, FILE_SIZE, FILE_SEEN];

const FTPDATA_COMMAND: IntFieldRow = IntFieldRow {
    name: "ftpdata_command",
    synonyms: &[],
    side: BufferSide::Both,
    ready_at: 0,
    bits: 8,
    names: TRANSFERS,
    getter: |tx, _, nth| {
        let command = data(tx).filter(|_| nth == 0)?.transfer.command.name();
        TRANSFERS
            .iter()
            .find(|(name, _)| command.eq_ignore_ascii_case(name))
            .map(|(_, number)| *number)
    },
};
