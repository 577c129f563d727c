//! What may be odd about a connection.

use crate::EventRow;

pub const INVALID_FRAME_HEADER: u16 = 1;
pub const INVALID_CLIENT_MAGIC: u16 = 2;
pub const INVALID_FRAME_DATA: u16 = 3;
pub const INVALID_HEADER: u16 = 4;
pub const INVALID_FRAME_LENGTH: u16 = 5;
pub const EXTRA_HEADER_DATA: u16 = 6;
pub const LONG_FRAME_DATA: u16 = 7;
pub const STREAM_ID_REUSE: u16 = 8;
pub const INVALID_HTTP1_SETTINGS: u16 = 9;
pub const FAILED_DECOMPRESSION: u16 = 10;
pub const INVALID_RANGE: u16 = 11;
pub const HEADER_INTEGER_OVERFLOW: u16 = 12;
pub const TOO_MANY_STREAMS: u16 = 13;
pub const AUTHORITY_HOST_MISMATCH: u16 = 14;
pub const USERINFO_IN_URI: u16 = 15;
pub const REASSEMBLY_LIMIT_REACHED: u16 = 16;
pub const DNS_REQUEST_TOO_LONG: u16 = 17;
pub const DNS_RESPONSE_TOO_LONG: u16 = 18;
pub const DATA_STREAM_ZERO: u16 = 19;
pub const TOO_MANY_FRAMES: u16 = 20;
pub const COMPRESSION_BOMB: u16 = 21;

const fn row(name: &'static str, number: u16) -> EventRow {
    EventRow { name, number }
}

/// Some are never raised: rules of the reference name them all the same.
pub const EVENTS: &[EventRow] = &[
    row("invalid_frame_header", INVALID_FRAME_HEADER),
    row("invalid_client_magic", INVALID_CLIENT_MAGIC),
    row("invalid_frame_data", INVALID_FRAME_DATA),
    row("invalid_header", INVALID_HEADER),
    row("invalid_frame_length", INVALID_FRAME_LENGTH),
    row("extra_header_data", EXTRA_HEADER_DATA),
    row("long_frame_data", LONG_FRAME_DATA),
    row("stream_id_reuse", STREAM_ID_REUSE),
    row("invalid_http1_settings", INVALID_HTTP1_SETTINGS),
    row("failed_decompression", FAILED_DECOMPRESSION),
    row("invalid_range", INVALID_RANGE),
    row("header_integer_overflow", HEADER_INTEGER_OVERFLOW),
    row("too_many_streams", TOO_MANY_STREAMS),
    row("authority_host_mismatch", AUTHORITY_HOST_MISMATCH),
    row("userinfo_in_uri", USERINFO_IN_URI),
    row("reassembly_limit_reached", REASSEMBLY_LIMIT_REACHED),
    row("dns_request_too_long", DNS_REQUEST_TOO_LONG),
    row("dns_response_too_long", DNS_RESPONSE_TOO_LONG),
    row("data_stream_zero", DATA_STREAM_ZERO),
    row("too_many_frames", TOO_MANY_FRAMES),
    row("compression_bomb", COMPRESSION_BOMB),
];
