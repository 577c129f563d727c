//! Message → the `dns` object.

use std::borrow::Cow;

use sensor_event::{
    ColonHex, Dns, DnsAddress, DnsAnswerV2, DnsFlags, DnsGrouped, DnsMessage, DnsName, DnsOption,
    DnsQueryV2, DnsQuestion, DnsRdata, DnsResource, DnsSoa, DnsSrv, DnsSshfp, Hex, Text,
};

use super::state::{DnsTransaction, Kind};
use super::wire::{Message, Name, Question, Rdata, Resource};

/// Whether the answers stand by type as well (records do, alerts do not).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    Grouped,
    Plain,
}

/// The object of version 3.
pub fn record(tx: &DnsTransaction, tx_id: u64, grouping: Grouping) -> Dns<'_> {
    let message = &tx.message;
    Dns::Message(Box::new(DnsMessage {
        version: 3,
        kind: match tx.kind {
            Kind::Request => "request",
            Kind::Response => "response",
        },
        tx_id,
        id: message.header.id,
        flags: DnsFlags(message.header.flags),
        opcode: message.header.opcode(),
        rcode: message.header.rcode().label(),
        queries: questions(message),
        answers: resources(message, &message.answers),
        grouped: grouped(message, grouping),
        authorities: resources(message, &message.authorities),
        additionals: additionals(message),
    }))
}

/// The objects of version 2: one a question for a request, one for a response with questions.
pub fn records_v2(tx: &DnsTransaction, tx_id: u64) -> Vec<Dns<'_>> {
    let message = &tx.message;
    match tx.kind {
        Kind::Request => message
            .questions
            .iter()
            .map(|asked| {
                Dns::Query(DnsQueryV2 {
                    version: 2,
                    kind: "query",
                    id: message.header.id,
                    question: question(message, asked),
                    tx_id,
                    z: message.header.z(),
                    opcode: message.header.opcode(),
                })
            })
            .collect(),
        Kind::Response => message
            .questions
            .first()
            .map(|asked| {
                Dns::Answer(Box::new(DnsAnswerV2 {
                    version: 2,
                    kind: "answer",
                    id: message.header.id,
                    flags: DnsFlags(message.header.flags),
                    opcode: message.header.opcode(),
                    question: Some(question(message, asked)),
                    rcode: message.header.rcode().label(),
                    answers: resources(message, &message.answers),
                    grouped: grouped(message, Grouping::Grouped),
                    authorities: resources(message, &message.authorities),
                    additionals: additionals(message),
                }))
            })
            .into_iter()
            .collect(),
    }
}

fn question<'a>(message: &'a Message, asked: &'a Question) -> DnsQuestion<'a> {
    DnsQuestion {
        rrname: Text(message.name(&asked.name)),
        rrtype: asked.rrtype.label(),
        rrname_truncated: asked.name.truncated,
    }
}

fn questions(message: &Message) -> Vec<DnsQuestion<'_>> {
    message
        .questions
        .iter()
        .map(|asked| question(message, asked))
        .collect()
}

fn resources<'a>(message: &'a Message, records: &'a [Resource]) -> Vec<DnsResource<'a>> {
    let mut out = Vec::with_capacity(records.len());
    for resource in records {
        for rdata in values(message, &resource.rdata) {
            out.push(DnsResource {
                rrname: Text(message.name(&resource.name)),
                rrname_truncated: resource.name.truncated,
                rrtype: resource.rrtype.label(),
                ttl: resource.ttl,
                rdata,
            });
        }
    }
    out
}

/// The additional records that say something.
fn additionals(message: &Message) -> Vec<DnsResource<'_>> {
    let mut records = resources(message, &message.additionals);
    records.retain(|record| additional_is_worth_telling(&record.rdata));
    records
}

/// False for the bare OPT that nearly every message carries.
pub(crate) fn additional_is_worth_telling(rdata: &DnsRdata<'_>) -> bool {
    !matches!(rdata, DnsRdata::Opt(options) if options.is_empty())
}

fn grouped(message: &Message, grouping: Grouping) -> Option<DnsGrouped<'_>> {
    if message.answers.is_empty() || grouping == Grouping::Plain {
        return None;
    }
    let mut groups: Vec<(Cow<'static, str>, Vec<DnsRdata<'_>>)> = Vec::new();
    for answer in &message.answers {
        if matches!(answer.rdata, Rdata::Opt(_) | Rdata::Other(_)) {
            continue;
        }
        // Only the eleven types above come here, so the search is short.
        let label = answer.rrtype.label();
        let group = match groups.iter().position(|(name, _)| *name == label) {
            Some(index) => index,
            None => {
                groups.push((label, Vec::new()));
                groups.len() - 1
            }
        };
        groups[group].1.extend(values(message, &answer.rdata));
    }
    Some(DnsGrouped(groups))
}

fn name<'a>(message: &'a Message, name: &'a Name) -> DnsName<'a> {
    DnsName {
        name: Text(message.name(name)),
        truncated: name.truncated,
    }
}

/// Data of a record: a TXT record has as many values as strings, every other one.
fn values<'a>(message: &'a Message, rdata: &'a Rdata) -> Vec<DnsRdata<'a>> {
    match rdata {
        Rdata::Text(span) => message
            .strings(span)
            .map(|string| DnsRdata::Text(Text(string)))
            .collect(),
        Rdata::Other(_) => vec![DnsRdata::Other],
        other => vec![value(message, other)],
    }
}

/// Data of a record as one value.
pub(crate) fn value<'a>(message: &'a Message, rdata: &'a Rdata) -> DnsRdata<'a> {
    match rdata {
        Rdata::Address(span) => DnsRdata::Address(DnsAddress(message.bytes(span))),
        Rdata::Name(target) => DnsRdata::Name(name(message, target)),
        Rdata::Text(span) | Rdata::Null(span) | Rdata::Other(span) => {
            DnsRdata::Text(Text(message.bytes(span)))
        }
        Rdata::Soa(soa) => DnsRdata::Soa(DnsSoa {
            mname: Text(message.name(&soa.mname)),
            mname_truncated: soa.mname.truncated,
            rname: Text(message.name(&soa.rname)),
            rname_truncated: soa.rname.truncated,
            serial: soa.serial,
            refresh: soa.refresh,
            retry: soa.retry,
            expire: soa.expire,
            minimum: soa.minimum,
        }),
        Rdata::Srv {
            priority,
            weight,
            port,
            target,
        } => DnsRdata::Srv(DnsSrv {
            priority: *priority,
            weight: *weight,
            port: *port,
            name: Text(message.name(target)),
        }),
        Rdata::Sshfp {
            algorithm,
            kind,
            fingerprint,
        } => DnsRdata::Sshfp(DnsSshfp {
            fingerprint: ColonHex(message.bytes(fingerprint)),
            algo: *algorithm,
            kind: *kind,
        }),
        Rdata::Opt(span) => DnsRdata::Opt(
            message
                .options(span)
                .map(|(code, data)| DnsOption {
                    code,
                    data: Hex(data),
                })
                .collect(),
        ),
    }
}
