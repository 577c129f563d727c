//! Sticky buffers and number fields of Kerberos.

use kerberos_parser::krb5::PrincipalName;

use super::Krb5Transaction;
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};
use sensor_flow::Direction;

fn krb5(tx: &Transaction) -> Option<&Krb5Transaction> {
    match &tx.body {
        Body::Krb5(krb5) => Some(krb5),
        _ => None,
    }
}

const fn row(
    name: &'static str,
    synonyms: &'static [&'static str],
    getter: for<'a> fn(&'a Transaction, Direction, usize) -> Option<Bytes<'a>>,
) -> BufferRow {
    BufferRow {
        name,
        synonyms,
        modifiers: &[],
        // As the reference engine has it, also what a request holds.
        side: BufferSide::ToClient,
        ready_at: [Transaction::COMPLETE; 2],
        lowercase: false,
        streaming: false,
        getter: BufferGetter::Many(getter),
    }
}

fn part(name: Option<&PrincipalName>, nth: usize) -> Option<Bytes<'_>> {
    let part = name?.name_string.get(nth)?;
    Some(Bytes::whole(part.as_bytes()))
}

pub const BUFFERS: &[BufferRow] = &[
    row("krb5.cname", &["krb5_cname"], |tx, _, nth| {
        part(krb5(tx)?.client.as_ref(), nth)
    }),
    row("krb5.sname", &["krb5_sname"], |tx, _, nth| {
        part(krb5(tx)?.service.as_ref(), nth)
    }),
];

const fn field(
    name: &'static str,
    getter: fn(&Transaction, Direction, usize) -> Option<u64>,
) -> IntFieldRow {
    IntFieldRow {
        name,
        synonyms: &[],
        side: BufferSide::Both,
        ready_at: Transaction::COMPLETE,
        bits: 32,
        names: &[],
        getter,
    }
}

/// A number with a sign as one without: its bits.
fn bits(number: i32) -> u64 {
    u64::from(number.cast_unsigned())
}

pub const INT_FIELDS: &[IntFieldRow] = &[
    field("krb5_msg_type", |tx, _, nth| {
        let krb5 = krb5(tx).filter(|_| nth == 0)?;
        Some(u64::from(krb5.kind.0))
    }),
    field("krb5_err_code", |tx, _, nth| {
        let krb5 = krb5(tx).filter(|_| nth == 0)?;
        krb5.error.map(|code| bits(code.0))
    }),
    field("krb5.ticket_encryption_number", |tx, _, nth| {
        let krb5 = krb5(tx).filter(|_| nth == 0)?;
        krb5.ticket_encryption.map(|encryption| bits(encryption.0))
    }),
];
