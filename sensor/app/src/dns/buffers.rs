//! Sticky buffers and number fields of DNS.

use super::number::{RCODES, RR_TYPES};
use super::state::{DnsTransaction, Kind};
use super::wire::{Message, Resource};
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};
use sensor_flow::Direction;

/// The message; of DNS over HTTP that of the side under inspection.
fn dns(transaction: &Transaction, direction: Direction) -> Option<&DnsTransaction> {
    match &transaction.body {
        Body::Dns(dns) => Some(dns),
        Body::Http2(http2) => http2.side(direction).dns.as_deref(),
        _ => None,
    }
}

fn response(transaction: &Transaction, direction: Direction) -> Option<&Message> {
    dns(transaction, direction)
        .filter(|dns| dns.kind == Kind::Response)
        .map(|dns| &dns.message)
}

type Get = for<'a> fn(&'a Transaction, Direction, usize) -> Option<Bytes<'a>>;

pub(crate) const fn row(
    name: &'static str,
    synonyms: &'static [&'static str],
    side: BufferSide,
    get: Get,
) -> BufferRow {
    BufferRow {
        name,
        synonyms,
        modifiers: &[],
        side,
        ready_at: [Transaction::COMPLETE; 2],
        lowercase: false,
        streaming: false,
        getter: BufferGetter::Many(get),
    }
}

/// The name of the nth question. The name of the root is empty, and ends the list.
pub(crate) fn question(message: &Message, nth: usize) -> Option<Bytes<'_>> {
    let asked = message.questions.get(nth)?;
    Some(message.name(&asked.name))
        .filter(|name| !name.is_empty())
        .map(Bytes::whole)
}

/// The name of the nth record; the name of the root ends the list.
pub(crate) fn name<'a>(
    message: &'a Message,
    records: &'a [Resource],
    nth: usize,
) -> Option<Bytes<'a>> {
    let record = records.get(nth)?;
    Some(message.name(&record.name))
        .filter(|name| !name.is_empty())
        .map(Bytes::whole)
}

/// Every name of a response: questions, then names and targets of all records. A section ends at the name of
/// the root.
pub(crate) fn response_name(message: &Message, nth: usize) -> Option<Bytes<'_>> {
    let questions = message
        .questions
        .iter()
        .map(|asked| message.name(&asked.name))
        .take_while(|name| !name.is_empty());
    let sections = [&message.answers, &message.authorities, &message.additionals];
    let names = sections.into_iter().flat_map(|section| {
        section
            .iter()
            .take_while(|record| !message.name(&record.name).is_empty())
            .flat_map(|record| {
                let target = message.target(record).filter(|name| !name.is_empty());
                std::iter::once(message.name(&record.name)).chain(target)
            })
    });
    questions.chain(names).nth(nth).map(Bytes::whole)
}

pub const BUFFERS: &[BufferRow] = &[
    row(
        "dns.query",
        &["dns_query"],
        BufferSide::ToServer,
        |tx, side, nth| question(&dns(tx, side)?.message, nth),
    ),
    row(
        "dns.queries.rrname",
        &["dns.query.name"],
        BufferSide::Both,
        |tx, side, nth| question(&dns(tx, side)?.message, nth),
    ),
    row(
        "dns.answers.rrname",
        &["dns.answer.name"],
        BufferSide::Both,
        |tx, side, nth| {
            let message = &dns(tx, side)?.message;
            name(message, &message.answers, nth)
        },
    ),
    row(
        "dns.authorities.rrname",
        &[],
        BufferSide::Both,
        |tx, side, nth| {
            let message = response(tx, side)?;
            name(message, &message.authorities, nth)
        },
    ),
    row(
        "dns.additionals.rrname",
        &[],
        BufferSide::Both,
        |tx, side, nth| {
            let message = response(tx, side)?;
            name(message, &message.additionals, nth)
        },
    ),
    row(
        "dns.response.rrname",
        &[],
        BufferSide::ToClient,
        |tx, side, nth| response_name(response(tx, side)?, nth),
    ),
];

pub const INT_FIELDS: &[IntFieldRow] = &[
    IntFieldRow {
        name: "dns.opcode",
        synonyms: &[],
        side: BufferSide::Both,
        ready_at: Transaction::COMPLETE,
        bits: 8,
        names: &[],
        getter: |tx, side, nth| {
            (nth == 0)
                .then(|| dns(tx, side).map(|dns| u64::from(dns.message.header.opcode())))
                .flatten()
        },
    },
    IntFieldRow {
        name: "dns.rcode",
        synonyms: &[],
        side: BufferSide::Both,
        ready_at: Transaction::COMPLETE,
        bits: 16,
        names: RCODES,
        getter: |tx, side, nth| {
            let dns = dns(tx, side).filter(|_| nth == 0)?;
            Some(u64::from(dns.message.header.rcode().0))
        },
    },
    IntFieldRow {
        name: "dns.rrtype",
        synonyms: &[],
        side: BufferSide::Both,
        ready_at: Transaction::COMPLETE,
        bits: 16,
        names: RR_TYPES,
        getter: |tx, side, nth| {
            let dns = dns(tx, side)?;
            let rrtype = match dns.kind {
                Kind::Request => dns.message.questions.get(nth)?.rrtype,
                Kind::Response => dns.message.answers.get(nth)?.rrtype,
            };
            Some(u64::from(rrtype.0))
        },
    },
];
