//! What may be odd about sessions.

use crate::EventRow;

macro_rules! events {
    ($($constant:ident = $number:literal, $name:literal;)*) => {
        $(pub const $constant: u16 = $number;)*
        pub const EVENTS: &[EventRow] = &[
            $(EventRow { name: $name, number: $constant },)*
        ];
    };
}

events! {
    INTERNAL_ERROR = 0, "internal_error";
    MALFORMED_DATA = 1, "malformed_data";
    RECORD_OVERFLOW = 2, "record_overflow";
    MALFORMED_NTLMSSP_REQUEST = 3, "malformed_ntlmssp_request";
    MALFORMED_NTLMSSP_RESPONSE = 4, "malformed_ntlmssp_response";
    DUPLICATE_NEGOTIATE = 5, "duplicate_negotiate";
    NEGOTIATE_MALFORMED_DIALECTS = 6, "negotiate_malformed_dialects";
    FILE_OVERLAP = 7, "file_overlap";
    REQUEST_TO_CLIENT = 8, "request_to_client";
    RESPONSE_TO_SERVER = 9, "response_to_server";
    NEGOTIATE_MAX_READ_SIZE_TOO_LARGE = 10, "negotiate_max_read_size_too_large";
    NEGOTIATE_MAX_WRITE_SIZE_TOO_LARGE = 11, "negotiate_max_write_size_too_large";
    READ_REQUEST_TOO_LARGE = 12, "read_request_too_large";
    READ_RESPONSE_TOO_LARGE = 13, "read_response_too_large";
    READ_QUEUE_SIZE_EXCEEDED = 14, "read_queue_size_exceeded";
    READ_QUEUE_CNT_EXCEEDED = 15, "read_queue_cnt_exceeded";
    WRITE_REQUEST_TOO_LARGE = 16, "write_request_too_large";
    WRITE_QUEUE_SIZE_EXCEEDED = 17, "write_queue_size_exceeded";
    WRITE_QUEUE_CNT_EXCEEDED = 18, "write_queue_cnt_exceeded";
    UNUSUAL_NTLMSSP_ORDER = 19, "unusual_ntlmssp_order";
    TOO_MANY_TRANSACTIONS = 20, "too_many_transactions";
}
