//! Sticky buffers of mail.

use super::message::Message;
use super::state::SmtpTransaction;
use crate::buffer::{file_magic, file_name};
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, FileState, Transaction};
use sensor_flow::Direction;

/// An attachment is looked at once it has so many bytes, or is over.
const INSPECT_BYTES: u64 = 32 * 1024;

fn smtp(transaction: &Transaction) -> Option<&SmtpTransaction> {
    match &transaction.body {
        Body::Smtp(smtp) => Some(smtp),
        _ => None,
    }
}

fn message(transaction: &Transaction) -> Option<&Message> {
    smtp(transaction)?.message.as_deref()
}

/// All of mail may still grow while it is sent.
const fn row(
    name: &'static str,
    synonyms: &'static [&'static str],
    getter: BufferGetter,
) -> BufferRow {
    BufferRow {
        name,
        synonyms,
        modifiers: &[],
        side: BufferSide::ToServer,
        ready_at: 0,
        lowercase: false,
        streaming: true,
        getter,
    }
}

/// The first field of a name.
macro_rules! field {
    ($name:literal) => {
        BufferGetter::One(|tx, _| {
            let message = message(tx)?;
            let data = message.values($name).next()?;
            Some(Bytes {
                data,
                offset: 0,
                complete: message.has_all_fields(),
            })
        })
    };
}

pub const BUFFERS: &[BufferRow] = &[
    row(
        "smtp.helo",
        &[],
        BufferGetter::One(|tx, _| smtp(tx)?.helo.as_deref().map(Bytes::whole)),
    ),
    row(
        "smtp.mail_from",
        &[],
        BufferGetter::One(|tx, _| smtp(tx)?.mail_from.as_deref().map(Bytes::whole)),
    ),
    row(
        "smtp.rcpt_to",
        &[],
        BufferGetter::Many(|tx, _, nth| smtp(tx)?.rcpt_to.get(nth).map(|to| Bytes::whole(to))),
    ),
    row("email.from", &[], field!(b"from")),
    row("email.subject", &[], field!(b"subject")),
    row("email.to", &[], field!(b"to")),
    row("email.cc", &[], field!(b"cc")),
    row("email.date", &[], field!(b"date")),
    row("email.message_id", &[], field!(b"message-id")),
    row("email.x_mailer", &[], field!(b"x-mailer")),
    row(
        "email.url",
        &[],
        BufferGetter::Many(|tx, _, nth| message(tx)?.urls().get(nth).map(|url| Bytes::whole(url))),
    ),
    row(
        "email.received",
        &[],
        BufferGetter::Many(|tx, _, nth| {
            message(tx)?.values(b"received").nth(nth).map(Bytes::whole)
        }),
    ),
    row("file.data", &["file_data"], BufferGetter::Many(attachment)),
    row("file.name", &["file_name"], BufferGetter::Many(file_name)),
    row(
        "file.magic",
        &["file_magic"],
        BufferGetter::Many(file_magic),
    ),
];

fn attachment(transaction: &Transaction, _: Direction, nth: usize) -> Option<Bytes<'_>> {
    transaction
        .files
        .iter()
        .filter(|file| {
            file.size > 0 && (file.size >= INSPECT_BYTES || file.state != FileState::Open)
        })
        .nth(nth)
        .map(|file| file.bytes())
}
