//! Sticky buffers and number fields of IKE.

use ipsec_parser::IkeV2Transform;

use super::IkeTransaction;
use super::names::{AUTHENTICATION, ENCRYPTION, GROUP, PRF};
use super::state::{One, Version};
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};

fn ike(transaction: &Transaction) -> Option<&IkeTransaction> {
    match &transaction.body {
        Body::Ike(ike) => Some(ike),
        _ => None,
    }
}

fn one(transaction: &Transaction) -> Option<&One> {
    match &ike(transaction)?.version {
        Version::One(one) => Some(one),
        Version::Two(_) => None,
    }
}

fn key_exchange(transaction: &Transaction) -> Option<&[u8]> {
    Some(one(transaction)?.payloads.key_exchange.as_slice()).filter(|bytes| !bytes.is_empty())
}

fn nonce(transaction: &Transaction) -> Option<&[u8]> {
    Some(one(transaction)?.payloads.nonce.as_slice()).filter(|bytes| !bytes.is_empty())
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
        "ike.init_spi",
        BufferSide::ToServer,
        BufferGetter::One(|tx, _| Some(Bytes::whole(ike(tx)?.initiator.as_bytes()))),
    ),
    row(
        "ike.resp_spi",
        BufferSide::ToClient,
        BufferGetter::One(|tx, _| Some(Bytes::whole(ike(tx)?.responder.as_bytes()))),
    ),
    row(
        "ike.key_exchange_payload",
        BufferSide::Both,
        BufferGetter::One(|tx, _| key_exchange(tx).map(Bytes::whole)),
    ),
    row(
        "ike.nonce_payload",
        BufferSide::Both,
        BufferGetter::One(|tx, _| nonce(tx).map(Bytes::whole)),
    ),
    row(
        "ike.vendor",
        BufferSide::ToServer,
        BufferGetter::Many(|tx, _, nth| {
            let vendor = one(tx)?.vendors.get(nth)?;
            Some(Bytes::whole(vendor.as_bytes()))
        }),
    ),
];

type GetNumber = fn(&Transaction) -> Option<u64>;

/// The nth attribute of the transform that the server has chosen: kind above, value in the lower 32 bits.
fn chosen(transaction: &Transaction, nth: usize) -> Option<u64> {
    let (kind, value) = match &ike(transaction)?.version {
        Version::One(one) => {
            let mut numbers = one
                .payloads
                .transforms
                .first()?
                .iter()
                .filter_map(|attribute| Some((attribute.kind, attribute.number?)));
            numbers.nth(nth)?
        }
        Version::Two(two) => {
            let mut numbers = two.chosen.iter().filter_map(|transform| match transform {
                IkeV2Transform::Encryption(kind) => Some((ENCRYPTION, u32::from(kind.0))),
                IkeV2Transform::Auth(kind) => Some((AUTHENTICATION, u32::from(kind.0))),
                IkeV2Transform::PRF(kind) => Some((PRF, u32::from(kind.0))),
                IkeV2Transform::DH(kind) => Some((GROUP, u32::from(kind.0))),
                IkeV2Transform::ESN(_) | IkeV2Transform::Unknown(..) => None,
            });
            numbers.nth(nth)?
        }
    };
    Some(u64::from(kind) << 32 | u64::from(value))
}

/// A field that has one value.
fn single(nth: usize, transaction: &Transaction, get: GetNumber) -> Option<u64> {
    if nth == 0 { get(transaction) } else { None }
}

pub const INT_FIELDS: &[IntFieldRow] = &[
    IntFieldRow {
        name: "ike.exchtype",
        synonyms: &[],
        side: BufferSide::Both,
        ready_at: Transaction::COMPLETE,
        bits: 8,
        names: &[],
        getter: |tx, _, nth| single(nth, tx, |tx| Some(ike(tx)?.header.exchange.into())),
    },
    IntFieldRow {
        name: "ike.key_exchange_payload_length",
        synonyms: &[],
        side: BufferSide::Both,
        ready_at: Transaction::COMPLETE,
        bits: 32,
        names: &[],
        getter: |tx, _, nth| single(nth, tx, |tx| Some(key_exchange(tx)?.len() as u64)),
    },
    IntFieldRow {
        name: "ike.nonce_payload_length",
        synonyms: &[],
        side: BufferSide::Both,
        ready_at: Transaction::COMPLETE,
        bits: 32,
        names: &[],
        getter: |tx, _, nth| single(nth, tx, |tx| Some(nonce(tx)?.len() as u64)),
    },
    IntFieldRow {
        name: "ike.chosen_sa_attribute",
        synonyms: &[],
        side: BufferSide::ToClient,
        ready_at: Transaction::COMPLETE,
        bits: 64,
        names: &[],
        getter: |tx, _, nth| chosen(tx, nth),
    },
];
