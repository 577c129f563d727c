//! Message → the `llmnr` object.

use sensor_event::{AppRecord, Llmnr, LlmnrFlags};

use crate::dns::state::{DnsTransaction, Kind};
use crate::mdns::{additionals, questions, resources};

pub(crate) fn record(tx: &DnsTransaction) -> AppRecord<'_> {
    let message = &tx.message;
    AppRecord::Llmnr(Box::new(Llmnr {
        kind: match tx.kind {
            Kind::Request => "request",
            Kind::Response => "response",
        },
        id: message.header.id,
        flags: LlmnrFlags(message.header.flags),
        opcode: message.header.opcode(),
        queries: questions(message),
        answers: resources(message, &message.answers).collect(),
        authorities: resources(message, &message.authorities).collect(),
        additionals: additionals(message),
    }))
}
