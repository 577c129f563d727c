//! Sticky buffers of SIP and of session descriptions.

use super::sdp::{Description, Media};
use super::wire::{HeaderName, Message, Span, Start};
use crate::{Body, BufferGetter, BufferRow, BufferSide, Bytes, Transaction};

fn message(transaction: &Transaction) -> Option<&Message> {
    match &transaction.body {
        Body::Sip(sip) => Some(&sip.message),
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
        streaming: false,
        getter,
    }
}

/// A part of the first line, unless it is empty.
fn part(transaction: &Transaction, of: fn(&Message) -> Option<&Span>) -> Option<Bytes<'_>> {
    let message = message(transaction)?;
    let bytes = message.bytes(of(message)?);
    (!bytes.is_empty()).then_some(Bytes::whole(bytes))
}

fn header<'a>(transaction: &'a Transaction, name: &HeaderName, nth: usize) -> Option<Bytes<'a>> {
    message(transaction)?.header(name, nth).map(Bytes::whole)
}

fn description(transaction: &Transaction) -> Option<&Description> {
    message(transaction)?.description.as_deref()
}

fn text(value: Option<&String>) -> Option<Bytes<'_>> {
    value.map(|text| Bytes::whole(text.as_bytes()))
}

fn medium<'a>(
    transaction: &'a Transaction,
    nth: usize,
    of: fn(&'a Media) -> Option<&'a String>,
) -> Option<Bytes<'a>> {
    text(
        description(transaction)?
            .media
            .iter()
            .filter_map(of)
            .nth(nth),
    )
}

/// `sip.method` and its like: one part of one kind of first line.
macro_rules! part {
    ($name:literal, $side:ident, $pattern:pat => $part:expr) => {
        row(
            $name,
            BufferSide::$side,
            BufferGetter::One(|tx, _| {
                part(tx, |message| match &message.start {
                    $pattern => Some($part),
                    #[allow(unreachable_patterns)]
                    _ => None,
                })
            }),
        )
    };
}

macro_rules! header {
    ($name:literal, $header:ident) => {
        row(
            $name,
            BufferSide::Both,
            BufferGetter::Many(|tx, _, nth| header(tx, &HeaderName::$header, nth)),
        )
    };
}

/// One text of a description.
macro_rules! single {
    ($name:literal, $sdp:ident => $text:expr) => {
        row(
            $name,
            BufferSide::Both,
            BufferGetter::One(|tx, _| {
                let $sdp = description(tx)?;
                text($text)
            }),
        )
    };
}

/// Several texts of a description.
macro_rules! several {
    ($name:literal, $sdp:ident, $nth:ident => $text:expr) => {
        row(
            $name,
            BufferSide::Both,
            BufferGetter::Many(|tx, _, $nth| {
                let $sdp = description(tx)?;
                text($text)
            }),
        )
    };
}

macro_rules! medium {
    ($name:literal, $media:ident => $text:expr) => {
        row(
            $name,
            BufferSide::Both,
            BufferGetter::Many(|tx, _, nth| medium(tx, nth, |$media| $text)),
        )
    };
}

pub const BUFFERS: &[BufferRow] = &[
    part!("sip.method", ToServer, Start::Request { method, .. } => method),
    part!("sip.uri", ToServer, Start::Request { uri, .. } => uri),
    part!("sip.protocol", Both,
        Start::Request { version, .. } | Start::Response { version, .. } => version),
    part!("sip.stat_code", ToClient, Start::Response { code, .. } => code),
    part!("sip.stat_msg", ToClient, Start::Response { reason, .. } => reason),
    row(
        "sip.request_line",
        BufferSide::ToServer,
        BufferGetter::One(|tx, _| {
            part(tx, |message| {
                matches!(message.start, Start::Request { .. }).then_some(&message.line)
            })
        }),
    ),
    row(
        "sip.response_line",
        BufferSide::ToClient,
        BufferGetter::One(|tx, _| {
            part(tx, |message| {
                matches!(message.start, Start::Response { .. }).then_some(&message.line)
            })
        }),
    ),
    header!("sip.from", FROM),
    header!("sip.to", TO),
    header!("sip.via", VIA),
    header!("sip.user_agent", USER_AGENT),
    header!("sip.content_type", CONTENT_TYPE),
    header!("sip.content_length", CONTENT_LENGTH),
    single!("sdp.origin", sdp => Some(&sdp.origin)),
    single!("sdp.session_name", sdp => Some(&sdp.session_name)),
    single!("sdp.session_info", sdp => sdp.session_info.as_ref()),
    single!("sdp.uri", sdp => sdp.uri.as_ref()),
    single!("sdp.email", sdp => sdp.email.as_ref()),
    single!("sdp.phone_number", sdp => sdp.phone_number.as_ref()),
    single!("sdp.connection_data", sdp => sdp.connection_data.as_ref()),
    several!("sdp.bandwidth", sdp, nth => sdp.bandwidths.get(nth)),
    several!("sdp.time", sdp, nth => sdp.times.get(nth).map(|time| &time.time)),
    several!("sdp.repeat_time", sdp, nth => sdp
        .times
        .iter()
        .filter_map(|time| time.repeat_time.as_ref())
        .nth(nth)),
    single!("sdp.timezone", sdp => sdp.time_zone.as_ref()),
    single!("sdp.encryption_key", sdp => sdp.encryption_key.as_ref()),
    several!("sdp.attribute", sdp, nth => sdp.attributes.get(nth)),
    medium!("sdp.media.media", media => Some(&media.media)),
    medium!("sdp.media.media_info", media => media.media_info.as_ref()),
    medium!("sdp.media.connection_data", media => media.connection_data.as_ref()),
    medium!("sdp.media.encryption_key", media => media.encryption_key.as_ref()),
];
