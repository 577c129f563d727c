//! Sticky buffers of HTTP/1.

use super::{HttpTransaction, http, stage};
use crate::buffer::{
    FILE_MAGIC, FILE_MD5, FILE_NAME, FILE_SEEN, FILE_SHA1, FILE_SHA256, FILE_SIZE,
};
use crate::{BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};
use sensor_flow::Direction::{self, ToClient, ToServer};

/// A buffer that is whole once its stage is reached.
const fn row(
    name: &'static str,
    synonyms: &'static [&'static str],
    modifiers: &'static [&'static str],
    side: BufferSide,
    ready_at: u8,
    getter: BufferGetter,
) -> BufferRow {
    BufferRow {
        name,
        synonyms,
        modifiers,
        side,
        ready_at: [ready_at; 2],
        lowercase: false,
        streaming: false,
        getter,
    }
}

/// There once the line is known, and as long as the one of a `100 Continue` has no successor.
const LINE: u8 = stage::LINE;
const FIELDS: u8 = stage::BODY;

/// A buffer of one side, with a closure from the transaction to bytes.
macro_rules! one {
    ($tx:ident => $bytes:expr) => {
        BufferGetter::One(|tx, _| {
            let $tx = http(tx)?;
            whole($bytes)
        })
    };
    ($tx:ident, $direction:ident => $bytes:expr) => {
        BufferGetter::One(|tx, $direction| {
            let $tx = http(tx)?;
            whole($bytes)
        })
    };
}

/// The value of a field, on the side under inspection.
macro_rules! field {
    ($name:literal) => {
        BufferGetter::One(|tx, direction| {
            let value = http(tx)?.message(direction).headers.value($name)?;
            Some(Bytes::whole(value))
        })
    };
}

pub const BUFFERS: &[BufferRow] = &[
    row(
        "http.method",
        &[],
        &["http_method"],
        BufferSide::ToServer,
        LINE,
        one!(tx => tx.request.method.as_deref()),
    ),
    row(
        "http.uri",
        &["http.uri.normalized"],
        &["http_uri"],
        BufferSide::ToServer,
        LINE,
        one!(tx => tx.request.normal_uri.as_deref()),
    ),
    row(
        "http.uri.raw",
        &[],
        &["http_raw_uri"],
        BufferSide::ToServer,
        LINE,
        one!(tx => tx.request.uri.as_deref()),
    ),
    row(
        "http.protocol",
        &["http_protocol"],
        &[],
        BufferSide::Both,
        LINE,
        one!(tx, direction => tx.message(direction).protocol.as_deref()),
    ),
    row(
        "http.request_line",
        &["http_request_line"],
        &[],
        BufferSide::ToServer,
        LINE,
        one!(tx => tx.request.message.line.as_deref()),
    ),
    row(
        "http.response_line",
        &["http_response_line"],
        &[],
        BufferSide::ToClient,
        LINE,
        one!(tx => tx.response.raw_line.as_deref()),
    ),
    row(
        "http.stat_code",
        &[],
        &["http_stat_code"],
        BufferSide::ToClient,
        LINE,
        one!(tx => tx.response.status.as_deref()),
    ),
    row(
        "http.stat_msg",
        &[],
        &["http_stat_msg"],
        BufferSide::ToClient,
        LINE,
        one!(tx => tx.response.reason.as_deref()),
    ),
    row(
        "http.header",
        &[],
        &["http_header"],
        BufferSide::Both,
        FIELDS,
        one!(tx, direction => Some(tx.message(direction).header_text(direction))),
    ),
    row(
        "http.header.raw",
        &[],
        &["http_raw_header"],
        BufferSide::Both,
        FIELDS,
        one!(tx, direction => Some(&tx.message(direction).raw_headers)),
    ),
    row(
        "http.header_names",
        &["http_header_names"],
        &[],
        BufferSide::Both,
        FIELDS,
        one!(tx, direction => Some(tx.message(direction).names_text())),
    ),
    row(
        "http.start",
        &["http_start"],
        &[],
        BufferSide::Both,
        FIELDS,
        one!(tx, direction => Some(tx.message(direction).start_text())),
    ),
    row(
        "http.request_header",
        &[],
        &[],
        BufferSide::ToServer,
        FIELDS,
        BufferGetter::Many(|tx, _, at| nth_field(tx, ToServer, at)),
    ),
    row(
        "http.response_header",
        &[],
        &[],
        BufferSide::ToClient,
        FIELDS,
        BufferGetter::Many(|tx, _, at| nth_field(tx, ToClient, at)),
    ),
    row(
        "http.cookie",
        &[],
        &["http_cookie"],
        BufferSide::Both,
        FIELDS,
        one!(tx, direction => tx.message(direction).headers.value(match direction {
            ToServer => b"cookie",
            ToClient => b"set-cookie",
        })),
    ),
    row(
        "http.user_agent",
        &[],
        &["http_user_agent"],
        BufferSide::ToServer,
        FIELDS,
        field!(b"user-agent"),
    ),
    BufferRow {
        lowercase: true,
        ..row(
            "http.host",
            &[],
            &["http_host"],
            BufferSide::ToServer,
            FIELDS,
            one!(tx => tx.request.hostname.as_deref()),
        )
    },
    row(
        "http.host.raw",
        &[],
        &["http_raw_host"],
        BufferSide::ToServer,
        FIELDS,
        one!(tx => raw_host(tx)),
    ),
    row(
        "http.accept",
        &["http_accept"],
        &[],
        BufferSide::ToServer,
        FIELDS,
        field!(b"accept"),
    ),
    row(
        "http.accept_enc",
        &["http_accept_enc"],
        &[],
        BufferSide::ToServer,
        FIELDS,
        field!(b"accept-encoding"),
    ),
    row(
        "http.accept_lang",
        &["http_accept_lang"],
        &[],
        BufferSide::ToServer,
        FIELDS,
        field!(b"accept-language"),
    ),
    row(
        "http.connection",
        &["http_connection"],
        &[],
        BufferSide::Both,
        FIELDS,
        field!(b"connection"),
    ),
    row(
        "http.content_type",
        &["http_content_type"],
        &[],
        BufferSide::Both,
        FIELDS,
        field!(b"content-type"),
    ),
    row(
        "http.content_len",
        &["http_content_len"],
        &[],
        BufferSide::Both,
        FIELDS,
        field!(b"content-length"),
    ),
    row(
        "http.referer",
        &["http_referer"],
        &[],
        BufferSide::ToServer,
        FIELDS,
        field!(b"referer"),
    ),
    row(
        "http.server",
        &["http_server"],
        &[],
        BufferSide::ToClient,
        FIELDS,
        field!(b"server"),
    ),
    row(
        "http.location",
        &["http_location"],
        &[],
        BufferSide::ToClient,
        FIELDS,
        field!(b"location"),
    ),
    BufferRow {
        streaming: true,
        ..row(
            "http.request_body",
            &[],
            &["http_client_body"],
            BufferSide::ToServer,
            FIELDS,
            BufferGetter::One(|tx, _| body(tx, ToServer)),
        )
    },
    // Junk in front of a status line is body already: hence the line's stage.
    BufferRow {
        streaming: true,
        ..row(
            "http.response_body",
            &[],
            &["http_server_body"],
            BufferSide::ToClient,
            stage::LINE,
            BufferGetter::One(|tx, _| body(tx, ToClient)),
        )
    },
    BufferRow {
        streaming: true,
        ..row(
            "file.data",
            &["file_data"],
            &[],
            BufferSide::Both,
            stage::LINE,
            BufferGetter::Many(file_data),
        )
    },
    FILE_NAME,
    FILE_MAGIC,
    FILE_MD5,
    FILE_SHA1,
    FILE_SHA256,
];

pub const INT_FIELDS: &[IntFieldRow] = &[FILE_SIZE, FILE_SEEN];

fn whole(bytes: Option<&[u8]>) -> Option<Bytes<'_>> {
    bytes.filter(|bytes| !bytes.is_empty()).map(Bytes::whole)
}

fn nth_field(tx: &Transaction, direction: Direction, at: usize) -> Option<Bytes<'_>> {
    let each = http(tx)?.message(direction).each_text();
    each.get(at).map(|text| Bytes::whole(text))
}

/// The host as it stood: in the target, else in `Host` with its port.
fn raw_host(tx: &HttpTransaction) -> Option<&[u8]> {
    let request = &tx.request;
    let in_target = request
        .uri
        .as_deref()
        .is_some_and(|uri| tx.is_method(b"CONNECT") || super::uri::parts(uri).hostname.is_some());
    if in_target {
        return request.hostname.as_deref();
    }
    request.message.headers.value(b"host")
}

fn body(tx: &Transaction, direction: Direction) -> Option<Bytes<'_>> {
    let body = &http(tx)?.message(direction).body;
    if body.seen == 0 {
        return None;
    }
    let over = tx.progress[direction.index()] >= stage::TRAILER;
    let complete = over || body.cut;
    (complete || body.is_long).then(|| body.window.bytes(complete))
}

/// The response's body, or the files of the request.
fn file_data(tx: &Transaction, direction: Direction, at: usize) -> Option<Bytes<'_>> {
    match direction {
        ToClient => body(tx, ToClient).filter(|_| at == 0),
        ToServer => {
            let file = tx
                .files
                .iter()
                .filter(|file| file.direction == ToServer && file.size > 0)
                .nth(at)?;
            if file.is_whole_body {
                body(tx, ToServer)
            } else {
                Some(file.bytes())
            }
        }
    }
}
