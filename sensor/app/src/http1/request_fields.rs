//! What the line and the fields of a request say.

use super::headers::Added;
use super::state::{added_event, same_length};
use super::uri::{self, Twice};
use super::wire::{self, Field, Version};
use super::{events, framing, http_mut, is_method};
use crate::Transaction;

/// Whether a line begins another request.
pub fn looks_like_request(line: &[u8]) -> bool {
    let parts = wire::request_line(line);
    is_method(parts.method) || wire::version(parts.protocol).0 > Version::Invalid
}

/// Request line → transaction.
pub fn read_line(tx: &mut Transaction, line: &[u8], twice: Twice) -> Version {
    let parts = wire::request_line(line);
    if parts.space_before_method {
        tx.raise(events::REQUEST_LINE_LEADING_WHITESPACE);
    }
    if parts.odd_method_delimiter {
        tx.raise(events::METHOD_DELIM_NON_COMPLIANT);
    }
    if parts.odd_uri_delimiter {
        tx.raise(events::URI_DELIM_NON_COMPLIANT);
    }
    let known = is_method(parts.method);
    let version = if parts.protocol.is_empty() {
        if !known {
            tx.raise(match parts.uri {
                None => events::REQUEST_LINE_UNKNOWN_METHOD,
                Some(_) => events::REQUEST_LINE_UNKNOWN_METHOD_NO_PROTOCOL,
            });
        }
        Version::Unknown
    } else {
        let (version, odd) = wire::version(parts.protocol);
        if odd {
            tx.raise(events::PROTOCOL_CONTAINS_EXTRA_DATA);
        }
        if !known && version == Version::Invalid {
            tx.raise(events::REQUEST_LINE_UNKNOWN_METHOD_INVALID_PROTOCOL);
        }
        version
    };
    let mut invalid_host = false;
    let mut double_encoded = false;
    if let Some(http) = http_mut(tx) {
        let request = &mut http.request;
        request.message.line = Some(line.to_vec());
        request.method = Some(parts.method.to_vec());
        request.uri = parts.uri.map(<[u8]>::to_vec);
        if !parts.protocol.is_empty() {
            request.message.protocol = Some(parts.protocol.to_vec());
        }
        let target = parts.uri.unwrap_or_default();
        if parts.method == b"CONNECT" {
            if let Some(authority) = uri::host_port(target) {
                request.hostname = Some(authority.host.to_ascii_lowercase());
                request.port = authority.port;
                invalid_host = !authority.valid;
            }
        } else {
            let split = uri::parts(target);
            if let Some(host) = split.hostname {
                let host = uri::normal_hostname(host);
                invalid_host = !uri::is_hostname(&host);
                request.hostname = Some(host);
            }
            request.port = split.port.and_then(uri::port_number);
            invalid_host |= split.port.is_some() && request.port.is_none();
            let normal = uri::normalise(&split, twice);
            double_encoded = normal.double_encoded;
            request.path = normal.path;
            request.normal_uri = (!normal.uri.is_empty()).then_some(normal.uri);
        }
    }
    if invalid_host && parts.method != b"CONNECT" {
        tx.raise(events::REQUEST_URI_HOST_INVALID);
    }
    if double_encoded {
        tx.raise(events::DOUBLE_ENCODED_URI);
    }
    version
}

pub fn add_field(tx: &mut Transaction, field: Field, raw: &[u8]) -> Added {
    let odd = field.oddities;
    let names = [
        events::REQUEST_INVALID_LWS_AFTER_NAME,
        events::INVALID_REQUEST_FIELD_FOLDING,
        events::REQUEST_HEADER_INVALID,
        events::REQUEST_FIELD_MISSING_COLON,
    ];
    let told = http_mut(tx).map(|http| http.told.field(odd, names));
    for event in told.into_iter().flatten() {
        tx.raise(event);
    }
    let Some(http) = http_mut(tx) else {
        return Added::TooMany;
    };
    let message = &mut http.request.message;
    message.raw_headers.extend_from_slice(raw);
    message.forget_texts();
    let added = message.headers.add(field, same_length);
    let names = [
        events::REQUEST_HEADER_REPETITION,
        events::DUPLICATE_CONTENT_LENGTH_FIELD_IN_REQUEST,
        events::REQUEST_TOO_MANY_HEADERS,
    ];
    for event in added_event(added, names) {
        tx.raise(event);
    }
    added
}

/// How the body of a request is framed.
pub enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// What the header fields say: framing, host, user (RFC 9112 §6, RFC 9110 §7.2, RFC 7617).
pub fn read_headers(tx: &mut Transaction) -> Framing {
    let mut raised = Vec::new();
    let Some(http) = http_mut(tx) else {
        return Framing::None;
    };
    let request = &mut http.request;
    let headers = &request.message.headers;
    let version = request
        .message
        .protocol
        .as_deref()
        .map_or(Version::Unknown, |protocol| wire::version(protocol).0);
    let length = headers.find_without_nuls(b"content-length");
    let framing = if let Some(coding) = headers.find_without_nuls(b"transfer-encoding") {
        if contains_without_nuls(&coding.value, b"chunked") {
            if version < Version::Http11 {
                raised.push(events::INVALID_TRANSFER_ENCODING_VALUE_IN_REQUEST);
            }
            Framing::Chunked
        } else {
            raised.push(events::INVALID_TRANSFER_ENCODING_VALUE_IN_REQUEST);
            Framing::None
        }
    } else if let Some(length) = length {
        let (bytes, before, behind) = framing::content_length(&length.value);
        if before {
            raised.push(events::CONTENT_LENGTH_EXTRA_DATA_START);
        }
        if behind {
            raised.push(events::CONTENT_LENGTH_EXTRA_DATA_END);
        }
        match bytes {
            Some(bytes) => Framing::Length(bytes),
            None => {
                raised.push(events::INVALID_CONTENT_LENGTH_FIELD_IN_REQUEST);
                Framing::None
            }
        }
    } else {
        Framing::None
    };
    match headers.find_without_nuls(b"host") {
        Some(host) => {
            let authority = uri::host_port(&host.value);
            if authority.as_ref().is_some_and(|authority| !authority.valid) {
                raised.push(events::REQUEST_HEADER_HOST_INVALID);
            }
            match (&request.hostname, authority) {
                (None, Some(authority)) => {
                    request.hostname = Some(authority.host.to_ascii_lowercase());
                    request.port = authority.port;
                }
                (None, None) => {}
                (Some(hostname), Some(authority)) => {
                    let other_port = authority.port.is_some()
                        && request.port.is_some()
                        && authority.port != request.port;
                    if !hostname.eq_ignore_ascii_case(authority.host) || other_port {
                        raised.push(events::HOST_HEADER_AMBIGUOUS);
                    }
                }
                (Some(_), None) => raised.push(events::HOST_HEADER_AMBIGUOUS),
            }
        }
        None if version >= Version::Http11 => raised.push(events::MISSING_HOST_HEADER),
        None => {}
    }
    if let Some(authorization) = headers.find_without_nuls(b"authorization") {
        match user(&authorization.value) {
            Some(user) => request.username = user,
            None => raised.push(events::REQUEST_AUTH_UNRECOGNIZED),
        }
    }
    // Suricata judges a request when it is over, which one for a tunnel never is.
    if request.method.as_deref() == Some(b"CONNECT") {
        return framing;
    }
    for event in raised {
        tx.raise(event);
    }
    framing
}

/// The user in `Authorization`; `None` when the scheme is unknown.
fn user(value: &[u8]) -> Option<Option<Vec<u8>>> {
    let scheme = |name: &[u8]| {
        value
            .get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name))
    };
    if scheme(b"basic") {
        let decoded = base64(value[5..].trim_ascii());
        let colon = decoded.iter().position(|&byte| byte == b':');
        return Some(colon.map(|at| decoded[..at].to_vec()));
    }
    if scheme(b"digest") {
        let begin = find(value, b"username=").map(|at| &value[at + 9..])?;
        let mut quoted = begin
            .trim_ascii_start()
            .strip_prefix(b"\"")
            .unwrap_or_default();
        let mut name = Vec::new();
        while let Some((&byte, rest)) = quoted.split_first() {
            quoted = rest;
            match (byte, rest.first()) {
                (b'\\', Some(b'"')) => {
                    name.push(b'"');
                    quoted = &rest[1..];
                }
                (b'"', _) => return Some(Some(name)),
                _ => name.push(byte),
            }
        }
        return Some(None);
    }
    scheme(b"bearer").then_some(None)
}

/// Base64 (RFC 4648 §4) up to the first byte that is none.
fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0u32);
    for &byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = ((bits << 6) | u32::from(value)) & 0xff_ffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xff).unwrap_or(0));
        }
    }
    out
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window.eq_ignore_ascii_case(needle))
}

/// Whether a value has a word in it, whatever its case, NULs left out.
pub fn contains_without_nuls(value: &[u8], word: &[u8]) -> bool {
    let bare: Vec<u8> = value.iter().copied().filter(|&byte| byte != 0).collect();
    find(&bare, word).is_some()
}
