//! What a peer can lengthen in one record ends: each row sends far more of it than is kept. The limits have their names
//! and reasons beside the parsers; here it is seen that they hold, whatever they are.

use serde_json::Value;

use crate::dcerpc::{MAX_STUB_BYTES, append_stub};
use crate::expected::MAX_EXPECTED;
use crate::layer::{MAX_CHANGE_BYTES, MAX_CHANGES, MAX_HELD_BYTES};
use crate::parser::Transport;
use crate::{AppLayer, Context, Limits, Protocol, testing};
use sensor_flow::Direction::{self, ToClient, ToServer};

/// Repetitions that are sent.
const SENT: usize = 3_000;

fn record(protocol: Protocol, transport: Transport, pieces: &[(Direction, Vec<u8>)]) -> Vec<Value> {
    let pieces: Vec<testing::Piece<'_>> = pieces
        .iter()
        .map(|(direction, bytes)| (*direction, bytes.as_slice()))
        .collect();
    let chunk_bytes = match transport {
        Transport::Tcp => 1_400,
        Transport::Udp => usize::MAX,
    };
    let (records, _) = testing::run(protocol, transport, &pieces, chunk_bytes);
    records
        .iter()
        .map(|record| {
            // Events stand behind the object.
            let mut values = serde_json::Deserializer::from_str(record).into_iter();
            let first = values.next().expect("there is an object");
            first.expect("a record is JSON")
        })
        .collect()
}

/// Entries of a list, or bytes of a text, at a place of any record: the most there are.
fn most(records: &[Value], place: &str) -> Option<usize> {
    let sizes = records.iter().filter_map(|record| {
        Some(match record.pointer(place)? {
            Value::Array(list) => list.len(),
            Value::String(text) => text.len(),
            _ => return None,
        })
    });
    sizes.max()
}

/// A message of SMB 1 or the like in its record of a stream.
fn in_session(message: &[u8]) -> Vec<u8> {
    let bytes = u32::try_from(message.len()).expect("it is short");
    [&bytes.to_be_bytes()[..], message].concat()
}

fn repeated(begin: &[u8], part: &[u8], end: &[u8]) -> Vec<u8> {
    [begin, &part.repeat(SENT), end].concat()
}

#[test]
fn lists_of_text_protocols_end() {
    use Protocol::{Ftp, Imap, Irc, Redis, Smtp, Telnet};
    let rows: &[(Protocol, &[u8], &[u8], &str)] = &[
        (
            Ftp,
            b"STAT\r\n",
            &repeated(b"", b"211-x\r\n", b""),
            "/ftp/reply",
        ),
        (
            Imap,
            b"a LIST \"\" *\r\n",
            &repeated(b"", b"* LIST () \".\" a\r\n", b""),
            "/imap/data",
        ),
        (
            Imap,
            &repeated(b"a SEARCH", b" x", b"\r\n"),
            b"",
            "/imap/request/args",
        ),
        (
            Irc,
            &repeated(b"PRIVMSG", b" a", b"\r\n"),
            b"",
            "/irc/params",
        ),
        (
            Redis,
            &repeated(b"*3000\r\n", b"$1\r\na\r\n", b""),
            b"",
            "/redis/args",
        ),
        (
            Telnet,
            &repeated(b"", b"\xff\xfd\x18", b""),
            b"",
            "/telnet/client",
        ),
        (
            Smtp,
            &repeated(
                b"EHLO a\r\nMAIL FROM:<a@b>\r\n",
                b"RCPT TO:<a@b>\r\n",
                b"DATA\r\n",
            ),
            b"",
            "/smtp/rcpt_to",
        ),
    ];
    for (protocol, client, server, place) in rows {
        let pieces = [(ToServer, client.to_vec()), (ToClient, server.to_vec())];
        ends(*protocol, Transport::Tcp, &pieces, place, SENT);
    }
}

#[test]
fn texts_end() {
    let message = repeated(b"<14>", b"long ", b"\n");
    let pieces = [(ToServer, message)];
    ends(
        Protocol::Syslog,
        Transport::Tcp,
        &pieces,
        "/syslog/message",
        5 * SENT,
    );
}

#[test]
fn lists_of_binary_protocols_end() {
    // SMB 1: dialects of a negotiation.
    let dialects = repeated(b"", b"\x02NT LM 0.12\0", b"");
    let bytes = u16::try_from(dialects.len()).expect("it fits");
    let mut message = b"\xffSMB\x72\0\0\0\0\x18\x01\x28".to_vec();
    message.extend([0; 20]);
    message.push(0);
    message.extend(bytes.to_le_bytes());
    message.extend(&dialects);
    let smb = [(ToServer, in_session(&message))];
    ends(
        Protocol::Smb,
        Transport::Tcp,
        &smb,
        "/smb/client_dialects",
        SENT,
    );

    // DCE/RPC: as many interfaces as one bind can name, without transfer syntaxes.
    let named = 255;
    let mut bind = b"\xd0\x16\xd0\x16\0\0\0\0\xff\0\0\0".to_vec();
    for context in 0..named {
        bind.extend([context, 0, 0, 0]);
        bind.extend([context; 16]);
        bind.extend([1, 0, 0, 0]);
    }
    let fragment = u16::try_from(bind.len() + 16).expect("it is short");
    let mut message = b"\x05\0\x0b\x03\x10\0\0\0".to_vec();
    message.extend(fragment.to_le_bytes());
    message.extend(b"\0\0\x01\0\0\0");
    message.extend(bind);
    let dcerpc = [(ToServer, message)];
    ends(
        Protocol::Dcerpc,
        Transport::Tcp,
        &dcerpc,
        "/dcerpc/interfaces",
        named.into(),
    );

    // PostgreSQL: parameters that the server reports.
    let startup = b"\0\0\0\x10\0\x03\0\0user\0a\0\0".to_vec();
    let parameters = repeated(
        b"R\0\0\0\x08\0\0\0\0",
        b"S\0\0\0\x08a\0b\0",
        b"Z\0\0\0\x05I",
    );
    let pgsql = [(ToServer, startup), (ToClient, parameters)];
    let place = "/pgsql/response/parameter_status";
    ends(Protocol::Pgsql, Transport::Tcp, &pgsql, place, SENT);

    // HTTP/2: settings in one frame.
    let settings = repeated(b"", b"\0\x03\0\0\0\x64", b"");
    let mut frame = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let bytes = u32::try_from(settings.len()).expect("it fits");
    frame.extend(&bytes.to_be_bytes()[1..]);
    frame.extend(b"\x04\0\0\0\0\0");
    frame.extend(settings);
    let http2 = [(ToServer, frame)];
    ends(
        Protocol::Http2,
        Transport::Tcp,
        &http2,
        "/http/http2/request/settings",
        SENT,
    );
}

#[test]
fn lists_of_datagrams_end() {
    // BitTorrent: nodes of an answer, 26 bytes each.
    let nodes = repeated(
        b"d1:rd2:id20:aaaaaaaaaaaaaaaaaaaa5:nodes78000:",
        &[1; 26],
        b"e1:t1:a1:y1:re",
    );
    let dht = [(ToClient, nodes)];
    let place = "/bittorrent_dht/response/nodes";
    ends(Protocol::Bittorrent, Transport::Udp, &dht, place, SENT);

    // IKE: notifications of one message.
    let mut message = vec![1; 16];
    message.extend(b"\x29\x20\x22\x08\0\0\0\0");
    let notifications = repeated(b"", b"\x29\0\0\x08\0\0\x40\x04", b"\0\0\0\x08\0\0\x40\x04");
    message.extend(
        u32::try_from(28 + notifications.len())
            .expect("it is short")
            .to_be_bytes(),
    );
    message.extend(notifications);
    let ike = [(ToServer, message)];
    ends(
        Protocol::Ike,
        Transport::Udp,
        &ike,
        "/ike/ikev2/notify",
        SENT,
    );
}

/// What stands at a place of the record is there, and is less than what was sent.
fn ends(
    protocol: Protocol,
    transport: Transport,
    pieces: &[(Direction, Vec<u8>)],
    place: &str,
    sent: usize,
) {
    let records = record(protocol, transport, pieces);
    let kept = most(&records, place);
    let kept = kept.unwrap_or_else(|| panic!("{protocol:?}: nothing at {place}: {records:?}"));
    assert!(
        (1..sent).contains(&kept),
        "{protocol:?} {place}: {kept} of {sent}"
    );
}

fn feed(layer: &mut AppLayer, pieces: &[(Direction, &[u8])]) {
    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 8080,
        client_port: 40_000,
    };
    let limits = Limits::default();
    for (direction, bytes) in pieces {
        layer.chunk(*direction, bytes, &CONTEXT, &limits);
        layer.resume(*direction, &CONTEXT, &limits);
    }
}

#[test]
fn arguments_of_a_call_end() {
    let mut stub = Vec::new();
    for _ in 0..3 {
        append_stub(&mut stub, &vec![1; MAX_STUB_BYTES / 2 + 1]);
    }
    assert_eq!(stub.len(), MAX_STUB_BYTES);
}

#[test]
fn flows_that_are_expected_end() {
    let mut layer = AppLayer::default();
    feed(
        &mut layer,
        &[(ToClient, b"220 (ready)\r\n"), (ToServer, b"USER a\r\n")],
    );
    for _ in 0..2 * MAX_EXPECTED {
        feed(
            &mut layer,
            &[
                (ToServer, b"PASV\r\n"),
                (ToClient, b"227 Entering (10,0,0,1,100,1)\r\n"),
                (ToServer, b"RETR a\r\n"),
                (ToClient, b"226 Done\r\n"),
            ],
        );
    }
    assert_eq!(layer.protocol(), Protocol::Ftp);
    assert_eq!(layer.take_expected().len(), MAX_EXPECTED);
}

#[test]
fn changes_of_protocol_end() {
    const CONNECT: &[u8] = b"CONNECT a:8080 HTTP/1.1\r\nHost: a\r\n\r\n";
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
    let mut layer = AppLayer::default();
    for _ in 0..MAX_CHANGES {
        feed(&mut layer, &[(ToServer, CONNECT), (ToClient, OK)]);
        assert_eq!(layer.protocol(), Protocol::Http1);
    }
    feed(&mut layer, &[(ToServer, CONNECT), (ToClient, OK)]);
    assert_eq!(layer.protocol(), Protocol::Failed);
}

#[test]
fn what_waits_for_its_protocol_ends() {
    // After CONNECT, what is none of the protocols.
    let mut layer = AppLayer::default();
    feed(
        &mut layer,
        &[
            (ToServer, b"CONNECT a:8080 HTTP/1.1\r\nHost: a\r\n\r\n"),
            (ToClient, b"HTTP/1.1 200 OK\r\n\r\n"),
            (ToServer, &[0xfe; MAX_CHANGE_BYTES - 1]),
        ],
    );
    assert_eq!(layer.protocol(), Protocol::Http1);
    feed(&mut layer, &[(ToServer, &[0xfe])]);
    assert_eq!(layer.protocol(), Protocol::Failed);

    // One side talks on, the other says nothing.
    let mut layer = AppLayer::default();
    feed(&mut layer, &[(ToServer, &vec![0xfe; MAX_HELD_BYTES])]);
    assert_eq!(layer.protocol(), Protocol::Unknown);
    feed(&mut layer, &[(ToServer, &[0xfe])]);
    assert_eq!(layer.protocol(), Protocol::Failed);
    assert_eq!(layer.events(), ["applayer_proto_detection_skipped"]);
}
