//! Sticky buffers and number fields of EtherNet/IP.

use super::EnipTransaction;
use super::names::{COMMANDS, STATUSES};
use super::state::data_of;
use super::wire::{Data, Identity, Kind, Payload, Segment, Services};
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};
use sensor_flow::Direction;

fn enip(transaction: &Transaction) -> Option<&EnipTransaction> {
    match &transaction.body {
        Body::Enip(enip) => Some(enip),
        _ => None,
    }
}

fn identity(transaction: &Transaction) -> Option<&Identity> {
    match &enip(transaction)?.response.as_ref()?.payload {
        Payload::Identity(identity) => Some(identity),
        _ => None,
    }
}

fn services(transaction: &Transaction) -> Option<&Services> {
    match &enip(transaction)?.response.as_ref()?.payload {
        Payload::Services(services) => Some(services),
        _ => None,
    }
}

/// The data of a side, and the services within.
fn data(transaction: &Transaction, direction: Direction) -> impl Iterator<Item = &Data> {
    let data = enip(transaction)
        .and_then(|enip| enip.side(direction))
        .and_then(data_of);
    data.into_iter()
        .flat_map(|data| std::iter::once(data).chain(&data.services))
}

/// The nth value in the request's paths of this logical kind.
fn segment(transaction: &Transaction, logical: u8, nth: usize) -> Option<u64> {
    data(transaction, Direction::ToServer)
        .flat_map(|data| match &data.kind {
            Kind::Request { path, .. } => path.as_slice(),
            Kind::Response { .. } => &[],
        })
        .filter(|segment| segment.logical() == logical)
        .nth(nth)
        .map(|segment| segment.value.into())
}

/// Attributes in the request's paths and lists.
fn attribute(transaction: &Transaction, nth: usize) -> Option<u64> {
    data(transaction, Direction::ToServer)
        .flat_map(|data| {
            let (path, listed) = match &data.kind {
                Kind::Request { path, attributes } => (path.as_slice(), attributes.as_slice()),
                Kind::Response { .. } => (&[][..], &[][..]),
            };
            let in_path = path
                .iter()
                .filter(|segment| segment.logical() == Segment::ATTRIBUTE)
                .map(|segment| u64::from(segment.value));
            in_path.chain(listed.iter().map(|attribute| u64::from(*attribute)))
        })
        .nth(nth)
}

type Get = for<'a> fn(&'a Transaction, Direction) -> Option<Bytes<'a>>;

const fn buffer(name: &'static str, get: Get) -> BufferRow {
    BufferRow {
        name,
        synonyms: &[],
        modifiers: &[],
        side: BufferSide::Both,
        ready_at: [0; 2],
        lowercase: false,
        streaming: false,
        getter: BufferGetter::One(get),
    }
}

pub const BUFFERS: &[BufferRow] = &[
    buffer("enip.product_name", |tx, _| {
        Some(Bytes::whole(&identity(tx)?.name))
    }),
    buffer("enip.service_name", |tx, _| {
        Some(Bytes::whole(&services(tx)?.name))
    }),
];

type GetNumber = fn(&Transaction, Direction, usize) -> Option<u64>;

const fn field(name: &'static str, bits: u8, getter: GetNumber) -> IntFieldRow {
    IntFieldRow {
        name,
        synonyms: &[],
        side: BufferSide::Both,
        ready_at: Transaction::COMPLETE,
        bits,
        names: &[],
        getter,
    }
}

/// A field that has one value.
fn single(nth: usize, value: Option<u64>) -> Option<u64> {
    value.filter(|_| nth == 0)
}

pub const INT_FIELDS: &[IntFieldRow] = &[
    IntFieldRow {
        names: COMMANDS,
        ..field("enip_command", 16, |tx, side, nth| {
            single(nth, Some(enip(tx)?.side(side)?.header.command.0.into()))
        })
    },
    IntFieldRow {
        names: STATUSES,
        ..field("enip.status", 32, |tx, side, nth| {
            single(nth, Some(enip(tx)?.side(side)?.header.status.into()))
        })
    },
    field("enip.protocol_version", 16, |tx, side, nth| {
        let version = match (&enip(tx)?.side(side)?.payload, side) {
            (Payload::Session { version, .. }, _) => *version,
            (Payload::Services(services), Direction::ToClient) => services.version,
            (Payload::Identity(identity), Direction::ToClient) => identity.version,
            _ => return None,
        };
        single(nth, Some(version.into()))
    }),
    field("enip.capabilities", 16, |tx, _, nth| {
        single(nth, Some(services(tx)?.capabilities.into()))
    }),
    field("enip.vendor_id", 16, |tx, _, nth| {
        single(nth, Some(identity(tx)?.vendor.into()))
    }),
    field("enip.device_type", 16, |tx, _, nth| {
        single(nth, Some(identity(tx)?.device_type.into()))
    }),
    field("enip.product_code", 16, |tx, _, nth| {
        single(nth, Some(identity(tx)?.product_code.into()))
    }),
    field("enip.revision", 16, |tx, _, nth| {
        let (major, minor) = identity(tx)?.revision;
        single(nth, Some(u16::from_be_bytes([major, minor]).into()))
    }),
    field("enip.identity_status", 16, |tx, _, nth| {
        single(nth, Some(identity(tx)?.status.into()))
    }),
    field("enip.serial", 32, |tx, _, nth| {
        single(nth, Some(identity(tx)?.serial.into()))
    }),
    field("enip.state", 8, |tx, _, nth| {
        single(nth, Some(identity(tx)?.state.into()))
    }),
    field("enip.cip_class", 32, |tx, _, nth| {
        segment(tx, Segment::CLASS, nth)
    }),
    field("enip.cip_instance", 32, |tx, _, nth| {
        segment(tx, Segment::INSTANCE, nth)
    }),
    field("enip.cip_attribute", 32, |tx, _, nth| attribute(tx, nth)),
    field("enip.cip_status", 8, |tx, _, nth| {
        data(tx, Direction::ToClient)
            .filter_map(|data| match data.kind {
                Kind::Response { status, .. } => Some(u64::from(status)),
                Kind::Request { .. } => None,
            })
            .nth(nth)
    }),
    field("enip.cip_extendedstatus", 16, |tx, _, nth| {
        data(tx, Direction::ToClient)
            .filter_map(|data| match &data.kind {
                Kind::Response { extended, .. } => <[u8; 2]>::try_from(extended.as_slice()).ok(),
                Kind::Request { .. } => None,
            })
            .nth(nth)
            .map(|extended| u16::from_le_bytes(extended).into())
    }),
];
