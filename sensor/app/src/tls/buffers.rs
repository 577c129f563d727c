//! Sticky buffers and number fields of TLS.

use super::{Certificate, Peer, stage, tls};
use crate::{BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};
use sensor_flow::Direction;

/// Bytes of the random that old stacks took from the clock (RFC 5246 §7.4.1.2).
const RANDOM_TIME_BYTES: usize = 4;

type One = for<'a> fn(&'a Transaction, Direction) -> Option<Bytes<'a>>;
type Many = for<'a> fn(&'a Transaction, Direction, usize) -> Option<Bytes<'a>>;

const fn row(
    name: &'static str,
    synonyms: &'static [&'static str],
    side: BufferSide,
    ready_at: u8,
    getter: BufferGetter,
) -> BufferRow {
    BufferRow {
        name,
        synonyms,
        modifiers: &[],
        side,
        ready_at: [ready_at; 2],
        lowercase: false,
        streaming: false,
        getter,
    }
}

const fn of_hello(
    name: &'static str,
    synonyms: &'static [&'static str],
    side: BufferSide,
    getter: One,
) -> BufferRow {
    row(
        name,
        synonyms,
        side,
        stage::HELLO,
        BufferGetter::One(getter),
    )
}

const fn of_certificate(
    name: &'static str,
    synonyms: &'static [&'static str],
    getter: One,
) -> BufferRow {
    row(
        name,
        synonyms,
        BufferSide::Both,
        stage::CERTIFICATE,
        BufferGetter::One(getter),
    )
}

const fn many(name: &'static str, side: BufferSide, ready_at: u8, getter: Many) -> BufferRow {
    row(name, &[], side, ready_at, BufferGetter::Many(getter))
}

fn peer(tx: &Transaction, direction: Direction) -> Option<&Peer> {
    tls(tx).map(|tls| tls.peer(direction))
}

fn certificate(tx: &Transaction, direction: Direction) -> Option<&Certificate> {
    peer(tx, direction)?.certificate.as_deref()
}

fn random(tx: &Transaction, direction: Direction) -> Option<&[u8; 32]> {
    Some(&peer(tx, direction)?.hello.as_ref()?.random)
}

pub const BUFFERS: &[BufferRow] = &[
    of_hello("tls.sni", &["tls_sni"], BufferSide::ToServer, |tx, _| {
        let hello = tls(tx)?.client.hello.as_ref()?;
        hello.server_name.as_deref().map(Bytes::whole)
    }),
    of_certificate(
        "tls.cert_subject",
        &["tls_cert_subject"],
        |tx, direction| certificate(tx, direction).map(|found| Bytes::whole(&found.subject)),
    ),
    of_certificate("tls.cert_issuer", &["tls_cert_issuer"], |tx, direction| {
        certificate(tx, direction).map(|found| Bytes::whole(&found.issuer))
    }),
    of_certificate("tls.cert_serial", &["tls_cert_serial"], |tx, direction| {
        certificate(tx, direction).map(|found| Bytes::whole(found.serial.as_bytes()))
    }),
    of_certificate(
        "tls.cert_fingerprint",
        &["tls_cert_fingerprint"],
        |tx, direction| {
            certificate(tx, direction).map(|found| Bytes::whole(found.fingerprint.as_bytes()))
        },
    ),
    many(
        "tls.certs",
        BufferSide::Both,
        stage::CERTIFICATE,
        |tx, direction, nth| {
            peer(tx, direction)?
                .chain
                .get(nth)
                .map(|der| Bytes::whole(der))
        },
    ),
    many(
        "tls.alpn",
        BufferSide::Both,
        stage::HELLO,
        |tx, direction, nth| {
            let hello = peer(tx, direction)?.hello.as_ref()?;
            hello.alpns.get(nth).map(|name| Bytes::whole(name))
        },
    ),
    many(
        "tls.subjectaltname",
        BufferSide::ToClient,
        stage::CERTIFICATE,
        |tx, _, nth| {
            let certificate = tls(tx)?.server.certificate.as_ref()?;
            certificate.names.get(nth).map(|name| Bytes::whole(name))
        },
    ),
    of_hello("tls.random", &[], BufferSide::Both, |tx, direction| {
        random(tx, direction).map(|random| Bytes::whole(random))
    }),
    of_hello("tls.random_time", &[], BufferSide::Both, |tx, direction| {
        random(tx, direction).map(|random| Bytes::whole(&random[..RANDOM_TIME_BYTES]))
    }),
    of_hello(
        "tls.random_bytes",
        &[],
        BufferSide::Both,
        |tx, direction| {
            random(tx, direction).map(|random| Bytes::whole(&random[RANDOM_TIME_BYTES..]))
        },
    ),
    of_hello("ja3.hash", &["ja3_hash"], BufferSide::ToServer, |tx, _| {
        let ja3 = tls(tx)?.client.ja3.as_ref()?;
        Some(Bytes::whole(ja3.hash.as_bytes()))
    }),
    of_hello(
        "ja3.string",
        &["ja3_string"],
        BufferSide::ToServer,
        |tx, _| {
            let ja3 = tls(tx)?.client.ja3.as_ref()?;
            Some(Bytes::whole(ja3.text.as_bytes()))
        },
    ),
    of_hello(
        "ja3s.hash",
        &["ja3s_hash"],
        BufferSide::ToClient,
        |tx, _| {
            let ja3s = tls(tx)?.server.ja3.as_ref()?;
            Some(Bytes::whole(ja3s.hash.as_bytes()))
        },
    ),
    of_hello(
        "ja3s.string",
        &["ja3s_string"],
        BufferSide::ToClient,
        |tx, _| {
            let ja3s = tls(tx)?.server.ja3.as_ref()?;
            Some(Bytes::whole(ja3s.text.as_bytes()))
        },
    ),
    of_hello("ja4.hash", &["ja4_hash"], BufferSide::ToServer, |tx, _| {
        tls(tx)?.ja4().map(|ja4| Bytes::whole(ja4.as_bytes()))
    }),
];

pub const INT_FIELDS: &[IntFieldRow] = &[IntFieldRow {
    name: "tls.cert_chain_len",
    synonyms: &[],
    side: BufferSide::ToClient,
    ready_at: stage::CERTIFICATE,
    bits: 32,
    names: &[],
    getter: |tx, direction, nth| {
        let known = direction == Direction::ToClient
            && tx.progress[direction.index()] >= stage::CERTIFICATE;
        let chain = &tls(tx)?.server.chain;
        (known && nth == 0).then_some(chain.len() as u64)
    },
}];
