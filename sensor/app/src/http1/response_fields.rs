//! What the line and the fields of a response say.

use super::headers::Added;
use super::state::{added_event, same_length};
use super::wire::{self, Field, Version};
use super::{events, http_mut};
use crate::Transaction;

/// Status line → transaction.
pub fn read_line(tx: &mut Transaction, line: &[u8]) {
    let parts = wire::status_line(line);
    let version = parts
        .protocol
        .map_or(Version::Invalid, |token| wire::version(token).0);
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
        response.message.protocol = parts.protocol.map(<[u8]>::to_vec);
        response.status = parts.status.map(<[u8]>::to_vec);
        response.status_number = number;
        response.reason = parts.message.map(<[u8]>::to_vec);
    }
}

pub fn add_field(tx: &mut Transaction, field: Field, raw: &[u8]) -> Added {
    let odd = field.oddities;
    let rows = [
        (odd.deformed_end, events::DEFORMED_EOL),
        (
            odd.space_after_name,
            events::RESPONSE_INVALID_LWS_AFTER_NAME,
        ),
        (
            odd.space_before_name,
            events::INVALID_RESPONSE_FIELD_FOLDING,
        ),
        (odd.name_not_token, events::RESPONSE_HEADER_NAME_NOT_TOKEN),
        (odd.missing_colon, events::RESPONSE_FIELD_MISSING_COLON),
        (
            odd.empty_name && !odd.missing_colon,
            events::RESPONSE_INVALID_EMPTY_NAME,
        ),
    ];
    for (raised, event) in rows {
        if raised {
            tx.raise(event);
        }
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
