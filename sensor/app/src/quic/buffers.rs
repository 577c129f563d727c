//! Sticky buffers of QUIC.

use super::{QuicTransaction, quic};
use crate::tls::Ja3;
use crate::{BufferGetter, BufferRow, BufferSide, Bytes, Transaction};
use sensor_flow::Direction;

type One = for<'a> fn(&'a Transaction, Direction) -> Option<Bytes<'a>>;

const fn row(
    name: &'static str,
    synonyms: &'static [&'static str],
    side: BufferSide,
    getter: BufferGetter,
) -> BufferRow {
    BufferRow {
        name,
        synonyms,
        modifiers: &[],
        side,
        ready_at: [Transaction::COMPLETE; 2],
        lowercase: false,
        streaming: false,
        getter,
    }
}

const fn one(
    name: &'static str,
    synonyms: &'static [&'static str],
    side: BufferSide,
    getter: One,
) -> BufferRow {
    row(name, synonyms, side, BufferGetter::One(getter))
}

/// The fingerprint of a packet of this side.
fn fingerprint(tx: &Transaction, direction: Direction) -> Option<&Ja3> {
    let quic: &QuicTransaction = quic(tx)?;
    quic.ja3.as_ref().filter(|_| quic.direction == direction)
}

fn hash(tx: &Transaction, direction: Direction) -> Option<Bytes<'_>> {
    fingerprint(tx, direction).map(|ja3| Bytes::whole(ja3.hash.as_bytes()))
}

fn text(tx: &Transaction, direction: Direction) -> Option<Bytes<'_>> {
    fingerprint(tx, direction).map(|ja3| Bytes::whole(ja3.text.as_bytes()))
}

pub const BUFFERS: &[BufferRow] = &[
    one("quic.sni", &[], BufferSide::ToServer, |tx, _| {
        quic(tx)?.server_name.as_deref().map(Bytes::whole)
    }),
    one("quic.ua", &[], BufferSide::ToServer, |tx, _| {
        quic(tx)?.user_agent.as_deref().map(Bytes::whole)
    }),
    one("quic.version", &[], BufferSide::Both, |tx, _| {
        let header = &quic(tx)?.header;
        header.is_long.then(|| Bytes::whole(&header.version_bytes))
    }),
    row(
        "quic.cyu.hash",
        &[],
        BufferSide::ToServer,
        BufferGetter::Many(|tx, _, nth| {
            let cyu = quic(tx)?.cyu.get(nth)?;
            Some(Bytes::whole(cyu.hash.as_bytes()))
        }),
    ),
    row(
        "quic.cyu.string",
        &[],
        BufferSide::ToServer,
        BufferGetter::Many(|tx, _, nth| {
            let cyu = quic(tx)?.cyu.get(nth)?;
            Some(Bytes::whole(cyu.text.as_bytes()))
        }),
    ),
    one("ja3.hash", &["ja3_hash"], BufferSide::ToServer, hash),
    one("ja3.string", &["ja3_string"], BufferSide::ToServer, text),
    one("ja3s.hash", &["ja3s_hash"], BufferSide::ToClient, hash),
    one("ja3s.string", &["ja3s_string"], BufferSide::ToClient, text),
    one("ja4.hash", &["ja4_hash"], BufferSide::ToServer, |tx, _| {
        let ja4 = quic(tx)?.ja4.as_ref()?;
        Some(Bytes::whole(ja4.as_bytes()))
    }),
];
