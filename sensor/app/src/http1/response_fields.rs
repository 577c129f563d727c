//! What the line and the fields of a response say.

use super::headers::Added;
use super::request_fields::contains_without_nuls;
use super::state::{added_event, same_length};
use super::wire::{self, Field, Version};
use super::{HttpTransaction, events, framing, http_mut};
use crate::{Protocol, Transaction};

/// What follows the fields of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Another protocol, at the port that CONNECT named.
    Tunnel(Option<u16>),
    /// The protocol that the client asked for (101 Switching Protocols).
    Upgrade(Protocol),
    /// Something unknown (101 Switching Protocols).
    Opaque,
    /// Another response to the same request (100 Continue).
    Continue,
    None,
    Length(u64),
    Chunked,
    UntilClose,
    /// Where the body ends cannot be told: nothing further is read.
    Invalid,
}

/// Decides what follows the header fields (RFC 9112 §6.3), as browsers do, and what is odd about it.
pub fn framing(http: &HttpTransaction) -> (Framing, Vec<u16>) {
    let mut raised = Vec::new();
    let response = &http.response;
    let status = response.status_number.unwrap_or(0);
    let headers = &response.message.headers;
    let coding = headers.find_without_nuls(b"transfer-encoding");
    let length = headers.find_without_nuls(b"content-length");
    let unframed = coding.is_none() && length.is_none();
    match status {
        200..=299 if http.is_method(b"CONNECT") => {
            return (Framing::Tunnel(http.request.port), raised);
        }
        101 if unframed => {
            let upgrade = match headers.value(b"upgrade") {
                Some(b"h2c") => Framing::Upgrade(Protocol::Http2),
                Some(name) if name.eq_ignore_ascii_case(b"websocket") => {
                    Framing::Upgrade(Protocol::Websocket)
                }
                _ => Framing::Opaque,
            };
            return (upgrade, raised);
        }
        101 => raised.push(events::SWITCHING_PROTO_WITH_CONTENT_LENGTH),
        100 if coding.is_none() => {
            let bytes = length.and_then(|length| framing::content_length(&length.value).0);
            if bytes.unwrap_or(0) == 0 {
                return (Framing::Continue, raised);
            }
        }
        _ => {}
    }
    let bodyless = matches!(status, 100..=199 | 204 | 304);
    if bodyless && !unframed {
        // Browsers show what servers send here.
        raised.push(events::RESPONSE_BODY_UNEXPECTED);
    }
    if http.is_method(b"HEAD") || (bodyless && unframed) {
        return (Framing::None, raised);
    }
    let chunked = coding.filter(|coding| contains_without_nuls(&coding.value, b"chunked"));
    if let Some(coding) = chunked {
        if !coding.value.eq_ignore_ascii_case(b"chunked") {
            raised.push(events::RESPONSE_ABNORMAL_TRANSFER_ENCODING);
        }
        let protocol = response.message.protocol.as_deref().unwrap_or_default();
        if wire::version(protocol).0 < Version::Http11 {
            raised.push(events::RESPONSE_CHUNKED_OLD_PROTO);
        }
        return (Framing::Chunked, raised);
    }
    let Some(length) = length else {
        let kind = headers.value(b"content-type").unwrap_or_default();
        if contains_without_nuls(kind, b"multipart/byteranges") {
            raised.push(events::RESPONSE_MULTIPART_BYTERANGES);
            return (Framing::Invalid, raised);
        }
        return (Framing::UntilClose, raised);
    };
    let (bytes, before, behind) = framing::content_length(&length.value);
    if before {
        raised.push(events::CONTENT_LENGTH_EXTRA_DATA_START);
    }
    if behind {
        raised.push(events::CONTENT_LENGTH_EXTRA_DATA_END);
    }
    match bytes {
        Some(0) => (Framing::None, raised),
        Some(bytes) => (Framing::Length(bytes), raised),
        None => {
            raised.push(events::INVALID_CONTENT_LENGTH_FIELD_IN_RESPONSE);
            (Framing::Invalid, raised)
        }
    }
}

/// Whether the server refuses a body that the client has asked leave to send (RFC 9110 §10.1.1).
pub fn refuses_body(http: &HttpTransaction) -> bool {
    let asked = http
        .request
        .message
        .headers
        .find(b"expect")
        .is_some_and(|expect| expect.value.eq_ignore_ascii_case(b"100-continue"));
    let status = http.response.status_number.unwrap_or(0);
    asked && (400..500).contains(&status) && http.request.message.body.wire_bytes == 0
}

/// Status line → transaction.
pub fn read_line(tx: &mut Transaction, raw: &[u8]) {
    let line = wire::strip_line_end(raw);
    let parts = wire::status_line(line);
    let (version, odd) = parts
        .protocol
        .map_or((Version::Invalid, false), wire::version);
    if odd {
        tx.raise(events::PROTOCOL_CONTAINS_EXTRA_DATA);
    }
    let number = parts.status.and_then(wire::status_number);
    if version == Version::Invalid {
        tx.raise(events::RESPONSE_LINE_INVALID_PROTOCOL);
    }
    if number.is_none() {
        tx.raise(events::RESPONSE_LINE_INVALID_RESPONSE_STATUS);
    }
    if let Some(http) = http_mut(tx) {
        let response = &mut http.response;
        response.message.line = Some(line.to_vec());
        response.raw_line = Some(raw.to_vec());
        response.message.protocol = parts.protocol.map(<[u8]>::to_vec);
        response.status = parts.status.map(<[u8]>::to_vec);
        response.status_number = number;
        response.reason = parts.message.map(<[u8]>::to_vec);
    }
}

pub fn add_field(tx: &mut Transaction, field: Field, raw: &[u8]) -> Added {
    let odd = field.oddities;
    if odd.deformed_end {
        tx.raise(events::DEFORMED_EOL);
    }
    let names = [
        events::RESPONSE_INVALID_LWS_AFTER_NAME,
        events::INVALID_RESPONSE_FIELD_FOLDING,
        events::RESPONSE_HEADER_NAME_NOT_TOKEN,
        events::RESPONSE_FIELD_MISSING_COLON,
    ];
    let told = http_mut(tx).map(|http| http.told.field(odd, names));
    for event in told.into_iter().flatten() {
        tx.raise(event);
    }
    let Some(http) = http_mut(tx) else {
        return Added::TooMany;
    };
    let message = &mut http.response.message;
    message.raw_headers.extend_from_slice(raw);
    message.forget_texts();
    let added = message.headers.add(field, same_length);
    let names = [
        events::RESPONSE_HEADER_REPETITION,
        events::DUPLICATE_CONTENT_LENGTH_FIELD_IN_RESPONSE,
        events::RESPONSE_TOO_MANY_HEADERS,
    ];
    for event in added_event(added, names) {
        tx.raise(event);
    }
    added
}
