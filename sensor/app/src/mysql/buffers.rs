//! Sticky buffers of MySQL, with the names that are proposed for Suricata, and two of our own.

use super::state::{MysqlTransaction, Outcome};
use crate::{Body, BufferRow, BufferSide, Bytes, Transaction};

fn mysql(transaction: &Transaction) -> Option<&MysqlTransaction> {
    match &transaction.body {
        Body::Mysql(mysql) => Some(mysql),
        _ => None,
    }
}

pub const BUFFERS: &[BufferRow] = &[
    BufferRow::one("mysql.command", BufferSide::ToServer, |tx, _| {
        let text = &mysql(tx)?.text;
        Some(Bytes::whole(text)).filter(|_| !text.is_empty())
    }),
    BufferRow::many("mysql.rows", BufferSide::ToClient, |tx, _, nth| {
        Some(Bytes::whole(mysql(tx)?.rows.get(nth)?))
    }),
    BufferRow::one("mysql.user", BufferSide::ToServer, |tx, _| {
        mysql(tx)?.session.user.as_deref().map(Bytes::whole)
    }),
    BufferRow::one("mysql.error", BufferSide::ToClient, |tx, _| {
        match mysql(tx)?.outcome.as_ref()? {
            Outcome::Error { text, .. } => Some(Bytes::whole(text)),
            _ => None,
        }
    }),
];
