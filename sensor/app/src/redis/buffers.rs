//! Sticky buffers of Redis: names of our own.

use super::state::RedisTransaction;
use crate::{Body, BufferRow, BufferSide, Bytes, Transaction};

fn redis(transaction: &Transaction) -> Option<&RedisTransaction> {
    match &transaction.body {
        Body::Redis(redis) => Some(redis),
        _ => None,
    }
}

pub const BUFFERS: &[BufferRow] = &[
    BufferRow::one("redis.command", BufferSide::ToServer, |tx, _| {
        Some(Bytes::whole(redis(tx)?.command.as_bytes()))
    }),
    BufferRow::many("redis.args", BufferSide::ToServer, |tx, _, nth| {
        Some(Bytes::whole(redis(tx)?.arguments.get(nth)?))
    }),
    BufferRow::one("redis.reply", BufferSide::ToClient, |tx, _| {
        Some(Bytes::whole(&redis(tx)?.reply.as_ref()?.text))
    }),
];
