//! Sticky buffers of mail.

use super::message::Message;
use super::state::SmtpTransaction;
use crate::buffer::{
    FILE_DATA, FILE_MAGIC, FILE_MD5, FILE_NAME, FILE_SEEN, FILE_SHA1, FILE_SHA256, FILE_SIZE,
};
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};

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
        ready_at: [0; 2],
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
    attached(FILE_DATA),
    attached(FILE_NAME),
    attached(FILE_MAGIC),
    attached(FILE_MD5),
    attached(FILE_SHA1),
    attached(FILE_SHA256),
];

pub const INT_FIELDS: &[IntFieldRow] = &[FILE_SIZE, FILE_SEEN];

/// Clients alone send mail.
const fn attached(row: BufferRow) -> BufferRow {
    BufferRow {
        side: BufferSide::ToServer,
        ..row
    }
}
