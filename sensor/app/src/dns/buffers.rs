//! Sticky buffers and number fields of DNS.

use super::number::{RCODES, RR_TYPES};
use super::state::{DnsTransaction, Kind};
use super::wire::{Message, Resource};
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};
use sensor_flow::Direction;

fn dns(transaction: &Transaction) -> Option<&DnsTransaction> {
    match &transaction.body {
        Body::Dns(dns) => Some(dns),
        _ => None,
    }
}

type Get = for<'a> fn(&'a Transaction, Direction, usize) -> Option<Bytes<'a>>;

const fn row(
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
        ready_at: Transaction::COMPLETE,
        lowercase: false,
        streaming: false,
        getter: BufferGetter::Many(get),
    }
}

fn question(message: &Message, nth: usize) -> Option<Bytes<'_>> {
    message
        .questions
        .get(nth)
        .map(|asked| Bytes::whole(message.name(&asked.name)))
}

fn name<'a>(message: &'a Message, records: &'a [Resource], nth: usize) -> Option<Bytes<'a>> {
    records
        .get(nth)
        .map(|record| Bytes::whole(message.name(&record.name)))
}

/// Every name of a response: questions, then names and targets of all records.
fn response_name(message: &Message, nth: usize) -> Option<Bytes<'_>> {
    let records = || {
        message
            .answers
            .iter()
            .chain(&message.authorities)
            .chain(&message.additionals)
    };
    let questions = message
        .questions
        .iter()
        .map(|asked| message.name(&asked.name));
    let names = records().flat_map(|record| {
        std::iter::once(message.name(&record.name)).chain(message.target(record))
    });
    questions.chain(names).nth(nth).map(Bytes::whole)
}

pub const BUFFERS: &[BufferRow] = &[
    row(
        "dns.query",
        &["dns_query"],
        BufferSide::ToServer,
        |tx, _, nth| question(&dns(tx)?.message, nth),
    ),
    row("dns.queries.rrname", &[], BufferSide::Both, |tx, _, nth| {
        question(&dns(tx)?.message, nth)
    }),
    row(
        "dns.answers.rrname",
        &["dns.answer.name"],
        BufferSide::Both,
        |tx, _, nth| {
            let message = &dns(tx)?.message;
            name(message, &message.answers, nth)
        },
    ),
    row(
        "dns.authorities.rrname",
        &[],
        BufferSide::Both,
        |tx, _, nth| {
            let message = &dns(tx)?.message;
            name(message, &message.authorities, nth)
        },
    ),
    row(
        "dns.additionals.rrname",
        &[],
        BufferSide::Both,
        |tx, _, nth| {
            let message = &dns(tx)?.message;
            name(message, &message.additionals, nth)
        },
    ),
    row(
        "dns.response.rrname",
        &[],
        BufferSide::ToClient,
        |tx, _, nth| {
            let dns = dns(tx)?;
            (dns.kind == Kind::Response)
                .then(|| response_name(&dns.message, nth))
                .flatten()
        },
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
        getter: |tx, _, nth| {
            (nth == 0)
                .then(|| dns(tx).map(|dns| u64::from(dns.message.header.opcode())))
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
        getter: |tx, _, nth| {
            let dns = dns(tx).filter(|dns| dns.kind == Kind::Response && nth == 0)?;
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
        getter: |tx, _, nth| {
            let message = &dns(tx)?.message;
            let asked = message.questions.iter().map(|asked| asked.rrtype);
            let answered = message.answers.iter().map(|record| record.rrtype);
            asked
                .chain(answered)
                .nth(nth)
                .map(|rrtype| u64::from(rrtype.0))
        },
    },
];
