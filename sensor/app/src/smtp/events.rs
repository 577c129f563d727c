//! What may be odd about mail: the names that rules use, with numbers of our own.
//!
//! Names that nothing raises here are kept, so that rules which speak of them load.

use crate::EventRow;

macro_rules! events {
    ($($number:literal $constant:ident $name:literal)*) => {
        $(
            #[allow(dead_code)]
            pub const $constant: u16 = $number;
        )*
        /// Every event.
        pub const EVENTS: &[EventRow] = &[
            $(EventRow { name: $name, number: $number },)*
        ];
    };
}

events! {
    1 INVALID_REPLY "invalid_reply"
    2 UNABLE_TO_MATCH_REPLY_WITH_REQUEST "unable_to_match_reply_with_request"
    3 MAX_COMMAND_LINE_LEN_EXCEEDED "max_command_line_len_exceeded"
    4 MAX_REPLY_LINE_LEN_EXCEEDED "max_reply_line_len_exceeded"
    5 INVALID_PIPELINED_SEQUENCE "invalid_pipelined_sequence"
    6 BDAT_CHUNK_LEN_EXCEEDED "bdat_chunk_len_exceeded"
    7 NO_SERVER_WELCOME_MESSAGE "no_server_welcome_message"
    8 TLS_REJECTED "tls_rejected"
    9 DATA_COMMAND_REJECTED "data_command_rejected"
    10 FAILED_PROTOCOL_CHANGE "failed_protocol_change"
    11 MIME_PARSE_FAILED "mime_parse_failed"
    12 MIME_INVALID_BASE64 "mime_invalid_base64"
    13 MIME_INVALID_QP "mime_invalid_qp"
    14 MIME_LONG_LINE "mime_long_line"
    15 MIME_LONG_ENC_LINE "mime_long_enc_line"
    16 MIME_LONG_HEADER_NAME "mime_long_header_name"
    17 MIME_LONG_HEADER_VALUE "mime_long_header_value"
    18 MIME_LONG_BOUNDARY "mime_long_boundary"
    19 MIME_LONG_FILENAME "mime_long_filename"
    20 DUPLICATE_FIELDS "duplicate_fields"
    21 UNPARSABLE_CONTENT "unparsable_content"
    22 TRUNCATED_LINE "truncated_line"
}
