//! Sticky buffers of PostgreSQL.

use super::PgsqlTransaction;
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, Transaction};

fn pgsql(transaction: &Transaction) -> Option<&PgsqlTransaction> {
    match &transaction.body {
        Body::Pgsql(pgsql) => Some(pgsql),
        _ => None,
    }
}

pub const BUFFERS: &[BufferRow] = &[BufferRow {
    name: "pgsql.query",
    synonyms: &[],
    modifiers: &[],
    side: BufferSide::ToServer,
    ready_at: [0; 2],
    lowercase: false,
    streaming: false,
    getter: BufferGetter::One(|tx, _| {
        let query = pgsql(tx)?.request.as_ref()?.query.as_ref()?;
        Some(Bytes::whole(query))
    }),
}];
