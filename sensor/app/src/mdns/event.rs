//! Message → the `mdns` object.

use sensor_event::{AppRecord, Mdns, MdnsFlags, MdnsQuestion, MdnsRdata, MdnsResource, Text};

use crate::dns::event::{additional_is_worth_telling, value};
use crate::dns::state::{DnsTransaction, Kind};
use crate::dns::wire::{Message, Rdata, Resource};

pub(crate) fn record(tx: &DnsTransaction) -> AppRecord<'_> {
    let message = &tx.message;
    AppRecord::Mdns(Box::new(Mdns {
        kind: match tx.kind {
            Kind::Request => "request",
            Kind::Response => "response",
        },
        id: message.header.id,
        flags: MdnsFlags(message.header.flags),
        opcode: message.header.opcode(),
        rcode: message.header.rcode().0,
        queries: questions(message),
        answers: resources(message, &message.answers).collect(),
        authorities: resources(message, &message.authorities).collect(),
        additionals: additionals(message),
    }))
}

pub(crate) fn questions(message: &Message) -> Vec<MdnsQuestion<'_>> {
    message
        .questions
        .iter()
        .map(|asked| MdnsQuestion {
            rrname: Text(message.name(&asked.name)),
            rrtype: asked.rrtype.label().to_lowercase(),
            rrname_truncated: asked.name.truncated,
        })
        .collect()
}

/// Those that tell something.
pub(crate) fn additionals(message: &Message) -> Vec<MdnsResource<'_>> {
    resources(message, &message.additionals)
        .filter(|resource| match &resource.rdata {
            MdnsRdata::Value(value) => additional_is_worth_telling(value),
            MdnsRdata::Strings(_) => true,
        })
        .collect()
}

pub(crate) fn resources<'a>(
    message: &'a Message,
    records: &'a [Resource],
) -> impl Iterator<Item = MdnsResource<'a>> {
    records.iter().map(|resource| MdnsResource {
        rrname: Text(message.name(&resource.name)),
        rrname_truncated: resource.name.truncated,
        rrtype: resource.rrtype.label().to_lowercase(),
        rdata: match &resource.rdata {
            Rdata::Text(span) => MdnsRdata::Strings(message.strings(span).map(Text).collect()),
            other => MdnsRdata::Value(value(message, other)),
        },
    })
}
