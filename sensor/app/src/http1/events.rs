//! Events of HTTP/1: the names that rules use, with numbers of our own.
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
    1 REQUEST_FIELD_MISSING_COLON "request_field_missing_colon"
    2 RESPONSE_FIELD_MISSING_COLON "response_field_missing_colon"
    3 INVALID_REQUEST_CHUNK_LEN "invalid_request_chunk_len"
    4 INVALID_RESPONSE_CHUNK_LEN "invalid_response_chunk_len"
    5 INVALID_TRANSFER_ENCODING_VALUE_IN_REQUEST "invalid_transfer_encoding_value_in_request"
    6 INVALID_TRANSFER_ENCODING_VALUE_IN_RESPONSE "invalid_transfer_encoding_value_in_response"
    7 INVALID_CONTENT_LENGTH_FIELD_IN_REQUEST "invalid_content_length_field_in_request"
    8 INVALID_CONTENT_LENGTH_FIELD_IN_RESPONSE "invalid_content_length_field_in_response"
    9 DUPLICATE_CONTENT_LENGTH_FIELD_IN_REQUEST "duplicate_content_length_field_in_request"
    10 DUPLICATE_CONTENT_LENGTH_FIELD_IN_RESPONSE "duplicate_content_length_field_in_response"
    11 CONTINUE_ALREADY_SEEN "100_continue_already_seen"
    12 UNABLE_TO_MATCH_RESPONSE_TO_REQUEST "unable_to_match_response_to_request"
    13 INVALID_SERVER_PORT_IN_REQUEST "invalid_server_port_in_request"
    14 INVALID_AUTHORITY_PORT "invalid_authority_port"
    15 REQUEST_HEADER_INVALID "request_header_invalid"
    16 RESPONSE_HEADER_INVALID "response_header_invalid"
    17 MISSING_HOST_HEADER "missing_host_header"
    18 HOST_HEADER_AMBIGUOUS "host_header_ambiguous"
    19 INVALID_REQUEST_FIELD_FOLDING "invalid_request_field_folding"
    20 INVALID_RESPONSE_FIELD_FOLDING "invalid_response_field_folding"
    21 REQUEST_FIELD_TOO_LONG "request_field_too_long"
    22 RESPONSE_FIELD_TOO_LONG "response_field_too_long"
    23 REQUEST_LINE_INVALID "request_line_invalid"
    24 REQUEST_BODY_UNEXPECTED "request_body_unexpected"
    25 RESPONSE_BODY_UNEXPECTED "response_body_unexpected"
    26 REQUEST_SERVER_PORT_TCP_PORT_MISMATCH "request_server_port_tcp_port_mismatch"
    27 REQUEST_URI_HOST_INVALID "request_uri_host_invalid"
    28 REQUEST_HEADER_HOST_INVALID "request_header_host_invalid"
    29 REQUEST_AUTH_UNRECOGNIZED "request_auth_unrecognized"
    30 REQUEST_HEADER_REPETITION "request_header_repetition"
    31 RESPONSE_HEADER_REPETITION "response_header_repetition"
    32 DOUBLE_ENCODED_URI "double_encoded_uri"
    33 URI_DELIM_NON_COMPLIANT "uri_delim_non_compliant"
    34 METHOD_DELIM_NON_COMPLIANT "method_delim_non_compliant"
    35 REQUEST_LINE_LEADING_WHITESPACE "request_line_leading_whitespace"
    36 TOO_MANY_ENCODING_LAYERS "too_many_encoding_layers"
    37 REQUEST_TOO_MANY_LZMA_LAYERS "request_too_many_lzma_layers"
    38 RESPONSE_TOO_MANY_LZMA_LAYERS "response_too_many_lzma_layers"
    39 ABNORMAL_CE_HEADER "abnormal_ce_header"
    40 RESPONSE_MULTIPART_BYTERANGES "response_multipart_byteranges"
    41 RESPONSE_ABNORMAL_TRANSFER_ENCODING "response_abnormal_transfer_encoding"
    42 RESPONSE_CHUNKED_OLD_PROTO "response_chunked_old_proto"
    43 RESPONSE_INVALID_PROTOCOL "response_invalid_protocol"
    44 RESPONSE_INVALID_STATUS "response_invalid_status"
    45 REQUEST_LINE_INCOMPLETE "request_line_incomplete"
    46 PROTOCOL_CONTAINS_EXTRA_DATA "protocol_contains_extra_data"
    47 CONTENT_LENGTH_EXTRA_DATA_START "content_length_extra_data_start"
    48 CONTENT_LENGTH_EXTRA_DATA_END "content_length_extra_data_end"
    49 SWITCHING_PROTO_WITH_CONTENT_LENGTH "switching_proto_with_content_length"
    50 DEFORMED_EOL "deformed_eol"
    51 PARSER_STATE_ERROR "parser_state_error"
    52 MISSING_OUTBOUND_TRANSACTION_DATA "missing_outbound_transaction_data"
    53 MISSING_INBOUND_TRANSACTION_DATA "missing_inbound_transaction_data"
    54 ZERO_LENGTH_DATA_CHUNKS "zero_length_data_chunks"
    55 REQUEST_LINE_UNKNOWN_METHOD "request_line_unknown_method"
    56 REQUEST_LINE_UNKNOWN_METHOD_NO_PROTOCOL "request_line_unknown_method_no_protocol"
    57 REQUEST_LINE_UNKNOWN_METHOD_INVALID_PROTOCOL "request_line_unknown_method_invalid_protocol"
    58 REQUEST_LINE_MISSING_PROTOCOL "request_line_missing_protocol"
    59 RESPONSE_LINE_INVALID_PROTOCOL "response_line_invalid_protocol"
    60 RESPONSE_LINE_INVALID_RESPONSE_STATUS "response_line_invalid_response_status"
    61 RESPONSE_BODY_INTERNAL_ERROR "response_body_internal_error"
    62 REQUEST_BODY_DATA_CALLBACK_ERROR "request_body_data_callback_error"
    63 RESPONSE_INVALID_EMPTY_NAME "response_invalid_empty_name"
    64 REQUEST_INVALID_EMPTY_NAME "request_invalid_empty_name"
    65 RESPONSE_INVALID_LWS_AFTER_NAME "response_invalid_lws_after_name"
    66 RESPONSE_HEADER_NAME_NOT_TOKEN "response_header_name_not_token"
    67 REQUEST_INVALID_LWS_AFTER_NAME "request_invalid_lws_after_name"
    68 LZMA_DECOMPRESSION_DISABLED "lzma_decompression_disabled"
    69 CONNECTION_ALREADY_OPEN "connection_already_open"
    70 COMPRESSION_BOMB_DOUBLE_LZMA "compression_bomb_double_lzma"
    71 INVALID_CONTENT_ENCODING "invalid_content_encoding"
    72 INVALID_GAP "invalid_gap"
    73 REQUEST_CHUNK_EXTENSION "request_chunk_extension"
    74 RESPONSE_CHUNK_EXTENSION "response_chunk_extension"
    75 LZMA_MEMLIMIT_REACHED "lzma_memlimit_reached"
    76 COMPRESSION_BOMB "compression_bomb"
    77 COMPRESSION_BOMB_LIMIT_REACHED "compression_bomb_limit_reached"
    78 REQUEST_TOO_MANY_HEADERS "request_too_many_headers"
    79 RESPONSE_TOO_MANY_HEADERS "response_too_many_headers"
    80 GZIP_DECOMPRESSION_FAILED "gzip_decompression_failed"
    81 UNKNOWN_ERROR "unknown_error"
    82 MULTIPART_GENERIC_ERROR "multipart_generic_error"
    83 MULTIPART_NO_FILEDATA "multipart_no_filedata"
    84 MULTIPART_INVALID_HEADER "multipart_invalid_header"
    85 TOO_MANY_WARNINGS "too_many_warnings"
    86 RANGE_INVALID "range_invalid"
    87 FILE_NAME_TOO_LONG "file_name_too_long"
    88 FAILED_PROTOCOL_CHANGE "failed_protocol_change"
}
