//! Sticky buffers of LLMNR.

use crate::dns::buffers::{name, question, response_name, row};
use crate::dns::state::{DnsTransaction, Kind};
use crate::{Body, BufferRow, BufferSide, Transaction};

fn llmnr(transaction: &Transaction) -> Option<&DnsTransaction> {
    match &transaction.body {
        Body::Llmnr(dns) => Some(dns),
        _ => None,
    }
}

pub const BUFFERS: &[BufferRow] = &[
    row(
        "llmnr.queries.rrname",
        &[],
        BufferSide::Both,
        |tx, _, nth| question(&llmnr(tx)?.message, nth),
    ),
    row(
        "llmnr.answers.rrname",
        &[],
        BufferSide::Both,
        |tx, _, nth| {
            let message = &llmnr(tx)?.message;
            name(message, &message.answers, nth)
        },
    ),
    row(
        "llmnr.authorities.rrname",
        &[],
        BufferSide::Both,
        |tx, _, nth| {
            let message = &llmnr(tx)?.message;
            name(message, &message.authorities, nth)
        },
    ),
    row(
        "llmnr.additionals.rrname",
        &[],
        BufferSide::Both,
        |tx, _, nth| {
            let message = &llmnr(tx)?.message;
            name(message, &message.additionals, nth)
        },
    ),
    row(
        "llmnr.response.rrname",
        &[],
        BufferSide::ToClient,
        |tx, _, nth| {
            let dns = llmnr(tx).filter(|dns| dns.kind == Kind::Response)?;
            response_name(&dns.message, nth)
        },
    ),
];
