//! Sticky buffers of multicast DNS. All messages are the client's.

use crate::dns::buffers::{name, question, response_name, row};
use crate::dns::state::{DnsTransaction, Kind};
use crate::{Body, BufferRow, BufferSide, Transaction};

fn mdns(transaction: &Transaction) -> Option<&DnsTransaction> {
    match &transaction.body {
        Body::Mdns(dns) => Some(dns),
        _ => None,
    }
}

fn of_kind(transaction: &Transaction, kind: Kind) -> Option<&DnsTransaction> {
    mdns(transaction).filter(|dns| dns.kind == kind)
}

pub const BUFFERS: &[BufferRow] = &[
    row(
        "mdns.queries.rrname",
        &[],
        BufferSide::Both,
        |tx, _, nth| question(&of_kind(tx, Kind::Request)?.message, nth),
    ),
    row(
        "mdns.answers.rrname",
        &[],
        BufferSide::Both,
        |tx, _, nth| {
            let message = &mdns(tx)?.message;
            name(message, &message.answers, nth)
        },
    ),
    row(
        "mdns.authorities.rrname",
        &[],
        BufferSide::Both,
        |tx, _, nth| {
            let message = &of_kind(tx, Kind::Response)?.message;
            name(message, &message.authorities, nth)
        },
    ),
    row(
        "mdns.additionals.rrname",
        &[],
        BufferSide::Both,
        |tx, _, nth| {
            let message = &of_kind(tx, Kind::Response)?.message;
            name(message, &message.additionals, nth)
        },
    ),
    row(
        "mdns.response.rrname",
        &[],
        BufferSide::ToServer,
        |tx, _, nth| response_name(&of_kind(tx, Kind::Response)?.message, nth),
    ),
];
