//! Names of the rule language whether or not a parser fills them.

use crate::{BufferSpec, IntFieldSpec, ProtocolId, ProtocolSpec, Side, Vocabulary};

/// Protocols by name, with other names.
const PROTOCOLS: &[(&str, &[&str])] = &[
    ("http", &[]),
    ("http1", &[]),
    ("http2", &[]),
    ("tls", &["ssl"]),
    ("dns", &[]),
    ("smb", &[]),
    ("dcerpc", &["dce"]),
    ("krb5", &[]),
    ("snmp", &[]),
    ("rdp", &[]),
    ("modbus", &[]),
    ("dnp3", &[]),
    ("enip", &[]),
    ("nfs", &[]),
    ("ike", &["ikev2"]),
    ("quic", &[]),
    ("pgsql", &[]),
    ("ldap", &[]),
    ("websocket", &[]),
    ("doh2", &[]),
    ("mdns", &[]),
    ("jabber", &[]),
    ("template", &[]),
];

/// Buffers: name, other names, protocols, side, several in a transaction.
type Row = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    Side,
    bool,
);

const HTTP: &[&str] = &["http", "http2", "doh2"];
const FILES: &[&str] = &["http", "http2", "smtp", "ftp-data", "smb", "nfs"];

/// Old content modifiers and their buffers.
const MODIFIERS: &[(&str, &[&str])] = &[
    ("http.uri", &["http_uri"]),
    ("http.uri.raw", &["http_raw_uri"]),
    ("http.method", &["http_method"]),
    ("http.header", &["http_header"]),
    ("http.header.raw", &["http_raw_header"]),
    ("http.cookie", &["http_cookie"]),
    ("http.user_agent", &["http_user_agent"]),
    ("http.host", &["http_host"]),
    ("http.host.raw", &["http_raw_host"]),
    ("http.request_body", &["http_client_body"]),
    ("http.response_body", &["http_server_body"]),
    ("http.stat_code", &["http_stat_code"]),
    ("http.stat_msg", &["http_stat_msg"]),
];

const BUFFERS: &[Row] = &[
    ("http.uri", &[], HTTP, Side::ToServer, false),
    ("http.uri.raw", &[], HTTP, Side::ToServer, false),
    ("http.method", &[], HTTP, Side::ToServer, false),
    ("http.protocol", &["http_protocol"], HTTP, Side::Both, false),
    (
        "http.request_line",
        &["http_request_line"],
        HTTP,
        Side::ToServer,
        false,
    ),
    (
        "http.response_line",
        &["http_response_line"],
        HTTP,
        Side::ToClient,
        false,
    ),
    ("http.request_header", &[], HTTP, Side::ToServer, true),
    ("http.response_header", &[], HTTP, Side::ToClient, true),
    ("http.header", &[], HTTP, Side::Both, false),
    ("http.header.raw", &[], HTTP, Side::Both, false),
    (
        "http.header_names",
        &["http_header_names"],
        HTTP,
        Side::Both,
        false,
    ),
    ("http.cookie", &[], HTTP, Side::Both, false),
    ("http.user_agent", &[], HTTP, Side::ToServer, false),
    ("http.host", &[], HTTP, Side::ToServer, false),
    ("http.host.raw", &[], HTTP, Side::ToServer, false),
    ("http.accept", &["http_accept"], HTTP, Side::ToServer, false),
    (
        "http.accept_enc",
        &["http_accept_enc"],
        HTTP,
        Side::ToServer,
        false,
    ),
    (
        "http.accept_lang",
        &["http_accept_lang"],
        HTTP,
        Side::ToServer,
        false,
    ),
    (
        "http.connection",
        &["http_connection"],
        HTTP,
        Side::Both,
        false,
    ),
    (
        "http.content_type",
        &["http_content_type"],
        HTTP,
        Side::Both,
        false,
    ),
    (
        "http.content_len",
        &["http_content_len"],
        HTTP,
        Side::Both,
        false,
    ),
    (
        "http.referer",
        &["http_referer"],
        HTTP,
        Side::ToServer,
        false,
    ),
    ("http.server", &["http_server"], HTTP, Side::ToClient, false),
    (
        "http.location",
        &["http_location"],
        HTTP,
        Side::ToClient,
        false,
    ),
    ("http.start", &["http_start"], HTTP, Side::Both, false),
    ("http.stat_code", &[], HTTP, Side::ToClient, false),
    ("http.stat_msg", &[], HTTP, Side::ToClient, false),
    ("http.request_body", &[], HTTP, Side::ToServer, false),
    ("http.response_body", &[], HTTP, Side::ToClient, false),
    ("file.data", &["file_data"], FILES, Side::Both, false),
    ("file.name", &["file_name"], FILES, Side::Both, false),
    ("file.magic", &["file_magic"], FILES, Side::Both, false),
    (
        "tls.cert_subject",
        &["tls_cert_subject"],
        &["tls"],
        Side::ToClient,
        false,
    ),
    (
        "tls.cert_issuer",
        &["tls_cert_issuer"],
        &["tls"],
        Side::ToClient,
        false,
    ),
    (
        "tls.cert_fingerprint",
        &["tls_cert_fingerprint"],
        &["tls"],
        Side::ToClient,
        false,
    ),
    ("dns.query", &["dns_query"], DNS, Side::Both, true),
    (
        "dns.queries.rrname",
        &["dns.query.name"],
        DNS,
        Side::Both,
        true,
    ),
    (
        "dns.answers.rrname",
        &["dns.answer.name"],
        DNS,
        Side::Both,
        true,
    ),
    ("dns.authorities.rrname", &[], DNS, Side::Both, true),
    ("dns.additionals.rrname", &[], DNS, Side::Both, true),
    ("dns.response.rrname", &[], DNS, Side::ToClient, true),
    ("ipv4.hdr", &[], &[], Side::Packet, false),
    ("ipv6.hdr", &[], &[], Side::Packet, false),
    ("tcp.hdr", &[], &[], Side::Packet, false),
    ("udp.hdr", &[], &[], Side::Packet, false),
    ("icmpv4.hdr", &[], &[], Side::Packet, false),
    ("icmpv6.hdr", &[], &[], Side::Packet, false),
    ("ip.src", &[], &[], Side::Packet, false),
    ("ip.dst", &[], &[], Side::Packet, false),
];

/// Number fields: name, other names, protocols, side, bits.
type IntRow = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    Side,
    u8,
);

const DNS: &[&str] = &["dns", "doh2"];

const INT_FIELDS: &[IntRow] = &[
    ("dns.opcode", &[], DNS, Side::Both, 8),
    ("dns.rcode", &[], DNS, Side::Both, 16),
    ("dns.rrtype", &[], DNS, Side::Both, 16),
];

/// Every name of the language, none of them with a parser. Who has parsers puts their names in front.
pub fn known_names() -> Vocabulary {
    let protocols: Vec<ProtocolSpec> = PROTOCOLS
        .iter()
        .map(|&(name, synonyms)| ProtocolSpec {
            name,
            synonyms,
            parsed: false,
        })
        .collect();
    let ids = |names: &[&str]| {
        names
            .iter()
            .filter_map(|name| protocols.iter().position(|spec| spec.name == *name))
            .filter_map(|index| u16::try_from(index).ok().map(ProtocolId))
            .collect()
    };
    let buffers = BUFFERS
        .iter()
        .map(|&(name, synonyms, of, side, multi)| BufferSpec {
            name,
            synonyms,
            modifiers: MODIFIERS
                .iter()
                .find(|row| row.0 == name)
                .map_or(&[], |row| row.1),
            protocols: ids(of),
            side,
            multi,
            lowercase: name == "http.host",
            parsed: false,
        })
        .collect();
    let int_fields = INT_FIELDS
        .iter()
        .map(|&(name, synonyms, of, side, bits)| IntFieldSpec {
            name,
            synonyms,
            protocols: ids(of),
            side,
            bits,
            names: &[],
            parsed: false,
        })
        .collect();
    Vocabulary {
        protocols,
        buffers,
        frames: Vec::new(),
        int_fields,
        app_events: Default::default(),
        decode_events: [("ipv4.trunc_pkt", 0)].into_iter().collect(),
        stream_events: [("pkt_invalid_ack", 0)].into_iter().collect(),
    }
}
