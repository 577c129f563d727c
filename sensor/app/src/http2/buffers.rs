//! Sticky buffers and number fields of HTTP/2: those of HTTP/1 as far as they have a meaning, and its own.

use super::hpack::Item;
use super::wire::{ERROR_CODES, FRAME_TYPES};
use super::{Side, http2, stage};
use crate::buffer::{
    FILE_MAGIC, FILE_MD5, FILE_NAME, FILE_SEEN, FILE_SHA1, FILE_SHA256, FILE_SIZE,
};
use crate::{BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, Transaction};
use sensor_flow::Direction::{self, ToClient, ToServer};

type One = for<'a> fn(&'a Transaction, Direction) -> Option<Bytes<'a>>;
type Many = for<'a> fn(&'a Transaction, Direction, usize) -> Option<Bytes<'a>>;

const fn row(
    name: &'static str,
    synonyms: &'static [&'static str],
    modifiers: &'static [&'static str],
    side: BufferSide,
    getter: BufferGetter,
) -> BufferRow {
    BufferRow {
        name,
        synonyms,
        modifiers,
        side,
        // Fields of the server come with its data or its end.
        ready_at: [stage::OPEN, stage::DATA_SERVER],
        lowercase: false,
        streaming: false,
        getter,
    }
}

const fn one(
    name: &'static str,
    synonyms: &'static [&'static str],
    modifiers: &'static [&'static str],
    side: BufferSide,
    getter: One,
) -> BufferRow {
    row(name, synonyms, modifiers, side, BufferGetter::One(getter))
}

/// Single fields, which are there as they come.
const fn many(name: &'static str, side: BufferSide, getter: Many) -> BufferRow {
    BufferRow {
        ready_at: [stage::OPEN; 2],
        ..row(name, &[], &[], side, BufferGetter::Many(getter))
    }
}

fn side(tx: &Transaction, direction: Direction) -> Option<&Side> {
    http2(tx).map(|http2| http2.side(direction))
}

/// A side whose fields may be looked at: those of the server not before it sends data or ends.
fn ready(tx: &Transaction, direction: Direction) -> Option<&Side> {
    if direction == ToClient && tx.progress[direction.index()] < stage::DATA_SERVER {
        return None;
    }
    side(tx, direction)
}

fn whole(bytes: &[u8]) -> Option<Bytes<'_>> {
    (!bytes.is_empty()).then(|| Bytes::whole(bytes))
}

fn value<'a>(tx: &'a Transaction, direction: Direction, name: &[u8]) -> Option<Bytes<'a>> {
    ready(tx, direction)?.value(name).map(Bytes::whole)
}

fn first<'a>(tx: &'a Transaction, direction: Direction, name: &[u8]) -> Option<Bytes<'a>> {
    side(tx, direction)?.first(name).map(Bytes::whole)
}

/// The body of a side.
fn body(tx: &Transaction, direction: Direction) -> Option<Bytes<'_>> {
    let file = side(tx, direction)?.file?;
    tx.files.get(file).map(crate::File::bytes)
}

const fn streaming(row: BufferRow) -> BufferRow {
    BufferRow {
        streaming: true,
        ready_at: [stage::DATA_CLIENT, stage::DATA_SERVER],
        ..row
    }
}

pub const BUFFERS: &[BufferRow] = &[
    one(
        "http.method",
        &[],
        &["http_method"],
        BufferSide::ToServer,
        |tx, _| first(tx, ToServer, b":method"),
    ),
    one(
        "http.uri",
        &["http.uri.normalized"],
        &["http_uri"],
        BufferSide::ToServer,
        |tx, _| first(tx, ToServer, b":path"),
    ),
    one(
        "http.uri.raw",
        &[],
        &["http_raw_uri"],
        BufferSide::ToServer,
        |tx, _| first(tx, ToServer, b":path"),
    ),
    one(
        "http.protocol",
        &["http_protocol"],
        &[],
        BufferSide::Both,
        |tx, direction| ready(tx, direction).map(|_| Bytes::whole(b"HTTP/2")),
    ),
    one(
        "http.request_line",
        &["http_request_line"],
        &[],
        BufferSide::ToServer,
        |tx, _| Some(Bytes::whole(side(tx, ToServer)?.line_text(ToServer))),
    ),
    one(
        "http.response_line",
        &["http_response_line"],
        &[],
        BufferSide::ToClient,
        |tx, _| Some(Bytes::whole(side(tx, ToClient)?.line_text(ToClient))),
    ),
    one(
        "http.stat_code",
        &[],
        &["http_stat_code"],
        BufferSide::ToClient,
        |tx, _| first(tx, ToClient, b":status"),
    ),
    // There is none, and rules may ask for that.
    one(
        "http.stat_msg",
        &[],
        &["http_stat_msg"],
        BufferSide::ToClient,
        |tx, _| side(tx, ToClient).map(|_| Bytes::whole(b"")),
    ),
    one(
        "http.header",
        &[],
        &["http_header"],
        BufferSide::Both,
        |tx, direction| whole(ready(tx, direction)?.header_text(direction)),
    ),
    one(
        "http.header.raw",
        &[],
        &["http_raw_header"],
        BufferSide::Both,
        |tx, direction| whole(ready(tx, direction)?.raw_text()),
    ),
    one(
        "http.header_names",
        &["http_header_names"],
        &[],
        BufferSide::Both,
        |tx, direction| whole(ready(tx, direction)?.names_text()),
    ),
    many("http.request_header", BufferSide::ToServer, |tx, _, at| {
        side(tx, ToServer)?
            .each_text()
            .get(at)
            .map(|text| Bytes::whole(text))
    }),
    many("http.response_header", BufferSide::ToClient, |tx, _, at| {
        side(tx, ToClient)?
            .each_text()
            .get(at)
            .map(|text| Bytes::whole(text))
    }),
    one(
        "http.cookie",
        &[],
        &["http_cookie"],
        BufferSide::Both,
        |tx, direction| {
            value(
                tx,
                direction,
                match direction {
                    ToServer => b"cookie",
                    ToClient => b"set-cookie",
                },
            )
        },
    ),
    one(
        "http.user_agent",
        &[],
        &["http_user_agent"],
        BufferSide::ToServer,
        |tx, _| value(tx, ToServer, b"user-agent"),
    ),
    BufferRow {
        lowercase: true,
        ..one(
            "http.host",
            &[],
            &["http_host"],
            BufferSide::ToServer,
            |tx, _| side(tx, ToServer)?.host_text().map(Bytes::whole),
        )
    },
    one(
        "http.host.raw",
        &[],
        &["http_raw_host"],
        BufferSide::ToServer,
        |tx, _| value(tx, ToServer, b":authority"),
    ),
    one(
        "http.accept",
        &["http_accept"],
        &[],
        BufferSide::ToServer,
        |tx, _| value(tx, ToServer, b"accept"),
    ),
    one(
        "http.accept_enc",
        &["http_accept_enc"],
        &[],
        BufferSide::ToServer,
        |tx, _| value(tx, ToServer, b"accept-encoding"),
    ),
    one(
        "http.accept_lang",
        &["http_accept_lang"],
        &[],
        BufferSide::ToServer,
        |tx, _| value(tx, ToServer, b"accept-language"),
    ),
    one(
        "http.connection",
        &["http_connection"],
        &[],
        BufferSide::Both,
        |tx, direction| value(tx, direction, b"connection"),
    ),
    one(
        "http.content_type",
        &["http_content_type"],
        &[],
        BufferSide::Both,
        |tx, direction| value(tx, direction, b"content-type"),
    ),
    one(
        "http.content_len",
        &["http_content_len"],
        &[],
        BufferSide::Both,
        |tx, direction| value(tx, direction, b"content-length"),
    ),
    one(
        "http.referer",
        &["http_referer"],
        &[],
        BufferSide::ToServer,
        |tx, _| value(tx, ToServer, b"referer"),
    ),
    one(
        "http.server",
        &["http_server"],
        &[],
        BufferSide::ToClient,
        |tx, _| value(tx, ToClient, b"server"),
    ),
    one(
        "http.location",
        &["http_location"],
        &[],
        BufferSide::ToClient,
        |tx, _| value(tx, ToClient, b"location"),
    ),
    streaming(one(
        "http.request_body",
        &[],
        &["http_client_body"],
        BufferSide::ToServer,
        |tx, _| body(tx, ToServer),
    )),
    streaming(one(
        "http.response_body",
        &[],
        &["http_server_body"],
        BufferSide::ToClient,
        |tx, _| body(tx, ToClient),
    )),
    streaming(row(
        "file.data",
        &["file_data"],
        &[],
        BufferSide::Both,
        BufferGetter::Many(|tx, direction, at| body(tx, direction).filter(|_| at == 0)),
    )),
    FILE_NAME,
    FILE_MAGIC,
    FILE_MD5,
    FILE_SHA1,
    FILE_SHA256,
    many(
        "http2.header_name",
        BufferSide::Both,
        |tx, direction, at| {
            let field = side(tx, direction)?.fields().nth(at)?;
            Some(Bytes::whole(&field.name))
        },
    ),
];

/// The nth of some numbers.
type Numbers = fn(&Transaction, Direction, usize) -> Option<u64>;

const fn numbers(
    name: &'static str,
    bits: u8,
    names: &'static [(&'static str, u64)],
    getter: Numbers,
) -> IntFieldRow {
    IntFieldRow {
        name,
        synonyms: &[],
        side: BufferSide::Both,
        ready_at: stage::OPEN,
        bits,
        names,
        getter,
    }
}

/// The nth value of one setting.
fn setting(tx: &Transaction, direction: Direction, id: u16, at: usize) -> Option<u64> {
    let settings = side(tx, direction)?.settings.iter();
    let mut values = settings.filter(|(known, _)| *known == id);
    values.nth(at).map(|(_, value)| u64::from(*value))
}

pub const INT_FIELDS: &[IntFieldRow] = &[
    FILE_SIZE,
    FILE_SEEN,
    numbers("http2.frametype", 8, FRAME_TYPES, |tx, direction, at| {
        side(tx, direction)?.frames.get(at).copied().map(u64::from)
    }),
    numbers("http2.errorcode", 32, ERROR_CODES, |tx, direction, at| {
        let error = side(tx, direction)?.errors.get(at)?;
        Some(u64::from(error.code.0))
    }),
    numbers("http2.priority", 8, &[], |tx, direction, at| {
        side(tx, direction)?
            .priorities
            .get(at)
            .copied()
            .map(u64::from)
    }),
    numbers("http2.window", 32, &[], |tx, direction, at| {
        side(tx, direction)?.windows.get(at).copied().map(u64::from)
    }),
    numbers("http2.size_update", 64, &[], |tx, direction, at| {
        let items = side(tx, direction)?.items.iter();
        let mut sizes = items.filter_map(|item| match item {
            Item::SizeUpdate(size) => Some(*size),
            Item::Field(_) | Item::Fault(_) => None,
        });
        sizes.nth(at)
    }),
    // The keyword http2.settings leads to these: a rule cannot write a name with a blank.
    numbers(
        "http2.settings SETTINGS_HEADER_TABLE_SIZE",
        32,
        &[],
        |tx, direction, at| setting(tx, direction, 1, at),
    ),
    numbers(
        "http2.settings SETTINGS_ENABLE_PUSH",
        32,
        &[],
        |tx, direction, at| setting(tx, direction, 2, at),
    ),
    numbers(
        "http2.settings SETTINGS_MAX_CONCURRENT_STREAMS",
        32,
        &[],
        |tx, direction, at| setting(tx, direction, 3, at),
    ),
    numbers(
        "http2.settings SETTINGS_INITIAL_WINDOW_SIZE",
        32,
        &[],
        |tx, direction, at| setting(tx, direction, 4, at),
    ),
    numbers(
        "http2.settings SETTINGS_MAX_FRAME_SIZE",
        32,
        &[],
        |tx, direction, at| setting(tx, direction, 5, at),
    ),
    numbers(
        "http2.settings SETTINGS_MAX_HEADER_LIST_SIZE",
        32,
        &[],
        |tx, direction, at| setting(tx, direction, 6, at),
    ),
    numbers(
        "http2.settings SETTINGS_ENABLE_CONNECT_PROTOCOL",
        32,
        &[],
        |tx, direction, at| setting(tx, direction, 8, at),
    ),
    numbers(
        "http2.settings SETTINGS_NO_RFC7540_PRIORITIES",
        32,
        &[],
        |tx, direction, at| setting(tx, direction, 9, at),
    ),
];
