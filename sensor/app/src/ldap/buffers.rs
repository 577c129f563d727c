//! Sticky buffers and number fields of LDAP. Most of them can be looked into before the last response.

use ldap_parser::ldap::{LdapMessage, ProtocolOp};

use super::LdapTransaction;
use super::number::{OPERATIONS, RESULTS};
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};
use sensor_flow::Direction;

fn ldap(tx: &Transaction) -> Option<&LdapTransaction> {
    match &tx.body {
        Body::Ldap(ldap) => Some(ldap),
        _ => None,
    }
}

const fn row(name: &'static str, side: BufferSide, getter: BufferGetter) -> BufferRow {
    BufferRow {
        name,
        synonyms: &[],
        modifiers: &[],
        side,
        ready_at: [0; 2],
        lowercase: false,
        // Responses come one after another.
        streaming: matches!(side, BufferSide::ToClient),
        getter,
    }
}

fn request_name(tx: &Transaction, _: Direction) -> Option<Bytes<'_>> {
    let name: &str = match &ldap(tx)?.request.as_ref()?.protocol_op {
        ProtocolOp::BindRequest(bind) => &bind.name.0,
        ProtocolOp::AddRequest(add) => &add.entry.0,
        ProtocolOp::SearchRequest(search) => &search.base_object.0,
        ProtocolOp::ModifyRequest(modify) => &modify.object.0,
        ProtocolOp::DelRequest(name) => &name.0,
        ProtocolOp::ModDnRequest(rename) => &rename.entry.0,
        ProtocolOp::CompareRequest(compare) => &compare.entry.0,
        _ => return None,
    };
    Some(Bytes::whole(name.as_bytes()))
}

fn request_attribute(tx: &Transaction, _: Direction, nth: usize) -> Option<Bytes<'_>> {
    let name: &str = match &ldap(tx)?.request.as_ref()?.protocol_op {
        ProtocolOp::SearchRequest(search) => &search.attributes.get(nth)?.0,
        ProtocolOp::ModifyRequest(modify) => &modify.changes.get(nth)?.modification.attr_type.0,
        ProtocolOp::AddRequest(add) => &add.attributes.get(nth)?.attr_type.0,
        ProtocolOp::CompareRequest(compare) if nth == 0 => &compare.ava.attribute_desc.0,
        _ => return None,
    };
    Some(Bytes::whole(name.as_bytes()))
}

fn response(tx: &Transaction, nth: usize) -> Option<&LdapMessage<'static>> {
    ldap(tx)?.responses.get(nth)
}

fn response_name(tx: &Transaction, _: Direction, nth: usize) -> Option<Bytes<'_>> {
    let operation = &response(tx, nth)?.protocol_op;
    let name = match operation {
        ProtocolOp::SearchResultEntry(entry) => entry.object_name.0.as_bytes(),
        // One without a name stands for itself, so that the ones behind it keep their place.
        _ => operation
            .result()
            .map_or(&b""[..], |result| result.matched_dn.0.as_bytes()),
    };
    Some(Bytes::whole(name))
}

fn response_message(tx: &Transaction, _: Direction, nth: usize) -> Option<Bytes<'_>> {
    let result = response(tx, nth)?.protocol_op.result();
    let text = result.map_or(&b""[..], |result| result.diagnostic_message.0.as_bytes());
    Some(Bytes::whole(text))
}

fn response_attribute(tx: &Transaction, _: Direction, nth: usize) -> Option<Bytes<'_>> {
    ldap(tx)?
        .responses
        .iter()
        .filter_map(|response| match &response.protocol_op {
            ProtocolOp::SearchResultEntry(entry) => Some(&entry.attributes),
            _ => None,
        })
        .flatten()
        .nth(nth)
        .map(|attribute| Bytes::whole(attribute.attr_type.0.as_bytes()))
}

pub const BUFFERS: &[BufferRow] = &[
    row(
        "ldap.request.dn",
        BufferSide::ToServer,
        BufferGetter::One(request_name),
    ),
    row(
        "ldap.request.attribute_type",
        BufferSide::ToServer,
        BufferGetter::Many(request_attribute),
    ),
    row(
        "ldap.responses.dn",
        BufferSide::ToClient,
        BufferGetter::Many(response_name),
    ),
    row(
        "ldap.responses.message",
        BufferSide::ToClient,
        BufferGetter::Many(response_message),
    ),
    row(
        "ldap.responses.attribute_type",
        BufferSide::ToClient,
        BufferGetter::Many(response_attribute),
    ),
];

const fn field(
    name: &'static str,
    side: BufferSide,
    bits: u8,
    names: &'static [(&'static str, u64)],
    getter: fn(&Transaction, Direction, usize) -> Option<u64>,
) -> IntFieldRow {
    IntFieldRow {
        name,
        synonyms: &[],
        side,
        ready_at: 0,
        bits,
        names,
        getter,
    }
}

pub const INT_FIELDS: &[IntFieldRow] = &[
    field(
        "ldap.request.operation",
        BufferSide::ToServer,
        8,
        OPERATIONS,
        |tx, _, nth| {
            let request = ldap(tx)?.request.as_ref().filter(|_| nth == 0)?;
            Some(u64::from(request.protocol_op.tag().0))
        },
    ),
    field(
        "ldap.responses.operation",
        BufferSide::ToClient,
        8,
        OPERATIONS,
        |tx, _, nth| Some(u64::from(response(tx, nth)?.protocol_op.tag().0)),
    ),
    field(
        "ldap.responses.count",
        BufferSide::ToClient,
        32,
        &[],
        |tx, _, nth| {
            let ldap = ldap(tx).filter(|_| nth == 0)?;
            Some(ldap.responses.len() as u64)
        },
    ),
    field(
        "ldap.responses.result_code",
        BufferSide::ToClient,
        32,
        RESULTS,
        |tx, _, nth| {
            let result = response(tx, nth)?.protocol_op.result();
            Some(result.map_or(IntFieldRow::HOLE, |result| u64::from(result.result_code.0)))
        },
    ),
];
