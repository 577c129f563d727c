//! What may be odd about a session.

use crate::EventRow;

pub const INVALID_SSLV2_HEADER: u16 = 1;
pub const INVALID_TLS_HEADER: u16 = 2;
pub const INVALID_RECORD_VERSION: u16 = 3;
pub const INVALID_RECORD_TYPE: u16 = 4;
pub const INVALID_RECORD_LENGTH: u16 = 5;
pub const INVALID_HANDSHAKE_MESSAGE: u16 = 6;
pub const HEARTBEAT_MESSAGE: u16 = 7;
pub const INVALID_HEARTBEAT_MESSAGE: u16 = 8;
pub const OVERFLOW_HEARTBEAT_MESSAGE: u16 = 9;
pub const DATALEAK_HEARTBEAT_MISMATCH: u16 = 10;
pub const HANDSHAKE_INVALID_LENGTH: u16 = 11;
pub const MULTIPLE_SNI_EXTENSIONS: u16 = 12;
pub const INVALID_SNI_TYPE: u16 = 13;
pub const INVALID_SNI_LENGTH: u16 = 14;
pub const TOO_MANY_RECORDS_IN_PACKET: u16 = 15;
pub const INVALID_ALERT_MESSAGE: u16 = 16;
pub const INVALID_CERTIFICATE: u16 = 17;
pub const CERTIFICATE_INVALID_LENGTH: u16 = 18;
pub const CERTIFICATE_INVALID_VERSION: u16 = 19;
pub const CERTIFICATE_INVALID_SERIAL: u16 = 20;
pub const CERTIFICATE_INVALID_ALGORITHMIDENTIFIER: u16 = 21;
pub const CERTIFICATE_INVALID_X509NAME: u16 = 22;
pub const CERTIFICATE_INVALID_DATE: u16 = 23;
pub const CERTIFICATE_INVALID_EXTENSIONS: u16 = 24;
pub const CERTIFICATE_INVALID_DER: u16 = 25;
pub const CERTIFICATE_INVALID_SUBJECT: u16 = 26;
pub const CERTIFICATE_INVALID_ISSUER: u16 = 27;
pub const CERTIFICATE_INVALID_VALIDITY: u16 = 28;
pub const ERROR_MESSAGE_ENCOUNTERED: u16 = 29;
pub const INVALID_SSL_RECORD: u16 = 30;

const fn row(name: &'static str, number: u16) -> EventRow {
    EventRow { name, number }
}

/// Some are never raised: rules of the reference name them all the same.
pub const EVENTS: &[EventRow] = &[
    row("invalid_sslv2_header", INVALID_SSLV2_HEADER),
    row("invalid_tls_header", INVALID_TLS_HEADER),
    row("invalid_record_version", INVALID_RECORD_VERSION),
    row("invalid_record_type", INVALID_RECORD_TYPE),
    row("invalid_record_length", INVALID_RECORD_LENGTH),
    row("invalid_handshake_message", INVALID_HANDSHAKE_MESSAGE),
    row("heartbeat_message", HEARTBEAT_MESSAGE),
    row("invalid_heartbeat_message", INVALID_HEARTBEAT_MESSAGE),
    row("overflow_heartbeat_message", OVERFLOW_HEARTBEAT_MESSAGE),
    row("dataleak_heartbeat_mismatch", DATALEAK_HEARTBEAT_MISMATCH),
    row("handshake_invalid_length", HANDSHAKE_INVALID_LENGTH),
    row("multiple_sni_extensions", MULTIPLE_SNI_EXTENSIONS),
    row("invalid_sni_type", INVALID_SNI_TYPE),
    row("invalid_sni_length", INVALID_SNI_LENGTH),
    row("too_many_records_in_packet", TOO_MANY_RECORDS_IN_PACKET),
    row("invalid_alert_message", INVALID_ALERT_MESSAGE),
    row("invalid_certificate", INVALID_CERTIFICATE),
    row("certificate_invalid_length", CERTIFICATE_INVALID_LENGTH),
    row("certificate_invalid_version", CERTIFICATE_INVALID_VERSION),
    row("certificate_invalid_serial", CERTIFICATE_INVALID_SERIAL),
    row(
        "certificate_invalid_algorithmidentifier",
        CERTIFICATE_INVALID_ALGORITHMIDENTIFIER,
    ),
    row("certificate_invalid_x509name", CERTIFICATE_INVALID_X509NAME),
    row("certificate_invalid_date", CERTIFICATE_INVALID_DATE),
    row(
        "certificate_invalid_extensions",
        CERTIFICATE_INVALID_EXTENSIONS,
    ),
    row("certificate_invalid_der", CERTIFICATE_INVALID_DER),
    row("certificate_invalid_subject", CERTIFICATE_INVALID_SUBJECT),
    row("certificate_invalid_issuer", CERTIFICATE_INVALID_ISSUER),
    row("certificate_invalid_validity", CERTIFICATE_INVALID_VALIDITY),
    row("error_message_encountered", ERROR_MESSAGE_ENCOUNTERED),
    row("invalid_ssl_record", INVALID_SSL_RECORD),
];
