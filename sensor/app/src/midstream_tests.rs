//! Flows whose beginning was not seen: a message from amid a conversation tells its protocol if it is one beyond doubt,
//! and which side is the server. That other protocols are not taken for these is seen in `tests/parsers.rs`, on whole
//! conversations.

use crate::parser::{Prefix, Transport, Verdict};
use crate::{AppLayer, Body, Context, Limits, Protocol};
use sensor_flow::Direction::{self, ToClient, ToServer};

/// A port that no protocol has.
const PORT: u16 = 23_456;

fn probe(
    protocol: Protocol,
    direction: Direction,
    (client_port, server_port): (u16, u16),
    data: &[u8],
    other_data: &[u8],
) -> Verdict {
    let row = protocol.row().expect("the protocol has a row");
    (row.probe)(&Prefix {
        transport: Transport::Tcp,
        direction,
        data,
        server_port,
        client_port,
        midway: true,
        midstream: true,
        other: Protocol::Unknown,
        other_data,
    })
}

/// A record of SSH with what a message holds behind its number.
fn ssh_record(code: u8, content: &[u8]) -> Vec<u8> {
    let padding = 16 - (content.len() + 6) % 8;
    let length = u32::try_from(content.len() + padding + 2).expect("it is short");
    let mut record = length.to_be_bytes().to_vec();
    record.extend([u8::try_from(padding).expect("it is short"), code]);
    record.extend(content);
    record.extend(vec![0; padding]);
    record
}

fn kexinit() -> Vec<u8> {
    let mut content = vec![7; 16];
    for names in [
        "curve25519-sha256,ext-info-c",
        "ssh-ed25519",
        "aes128-ctr",
        "aes128-ctr",
    ] {
        content.extend(u32::try_from(names.len()).expect("short").to_be_bytes());
        content.extend(names.as_bytes());
    }
    content.extend([0; 29]);
    ssh_record(20, &content)
}

const NEWKEYS: &[u8] = b"\0\0\0\x0c\x0a\x15\0\0\0\0\0\0\0\0\0\0";
/// 1024 by 768, 32 bits, called `x`.
const SCREEN: &[u8] = b"\x04\0\x03\0\x20\x18\0\x01\0\xff\0\xff\0\xff\x10\x08\0\0\0\0\0\0\0\x01x";

#[test]
fn a_message_from_amid_a_conversation_tells() {
    use Protocol::{Dcerpc, Http2, Imap, Rfb, Smtp, Ssh, Tls, Websocket};
    use Verdict::{More, No, Yes};
    let offer = kexinit();
    let key = ssh_record(30, &[&b"\0\0\0\x20"[..], &[9; 32]].concat());
    let masked = b"\x81\x8b\x01\x02\x03\x04igohn\"wldpf".to_vec();
    let rows: &[(Protocol, Direction, &[u8], Verdict)] = &[
        (Imap, ToServer, b"a3 UID FETCH 1 (FLAGS)\r\n", Yes),
        (Imap, ToServer, b"a3 UID FET", More),
        (Imap, ToServer, b"please LIST them\r\n", No),
        (Imap, ToClient, b"* 23 EXISTS\r\n", Yes),
        (Imap, ToClient, b"a3 OK done\r\n", Yes),
        (Imap, ToClient, b"230 OK done\r\n", No),
        (Imap, ToServer, b"230 LOGIN successful\r\n", No),
        (Imap, ToClient, b"* item 3\r\n", No),
        (Smtp, ToServer, b"MAIL FROM:<a@b>\r\n", Yes),
        (Smtp, ToServer, b"mail fr", More),
        (Smtp, ToServer, b"QUIT\r\n", No),
        (Smtp, ToClient, b"250 2.1.0 Ok\r\n", Yes),
        (Smtp, ToClient, b"550-5.7.1 No\r\n", Yes),
        (Smtp, ToClient, b"250 5.1.0 Ok\r\n", No),
        (Smtp, ToClient, b"250 Directory changed\r\n", No),
        (Ssh, ToServer, &offer, Yes),
        (Ssh, ToClient, &offer, Yes),
        (Ssh, ToServer, &offer[..30], More),
        (Ssh, ToServer, NEWKEYS, Yes),
        (Ssh, ToServer, &NEWKEYS[..15], No),
        (Ssh, ToServer, &key, Yes),
        (Ssh, ToClient, &key, No),
        (
            Tls,
            ToServer,
            b"\x17\x03\x03\0\x02ab\x17\x03\x03\x01\0a",
            Yes,
        ),
        (Tls, ToServer, b"\x14\x03\x03\0\x01\x01", Yes),
        (Tls, ToServer, b"\x17\x03\x03", More),
        (Tls, ToServer, b"\x17\x03\x03\0\x02abGET /", No),
        (Tls, ToServer, b"\x17\x03\x03\xff\xff", No),
        // An answer: who sends it is the server.
        (
            Tls,
            ToServer,
            b"\x16\x03\x03\0\x50\x02\0\0\x4c",
            Verdict::Reversed,
        ),
        (Tls, ToClient, b"\x16\x03\x03\0\x50\x02\0\0\x4c", Yes),
        (Http2, ToServer, b"\0\0\x08\x06\0\0\0\0\0pingpong", Yes),
        (Http2, ToServer, b"\0\0\x04\x08\0\0\0\0\x01\0\0\xff\0", Yes),
        (Http2, ToServer, b"\0\0\x04\x08\0\0\0\0\x01\0\0\0\0", No),
        (Http2, ToServer, b"\0\0\x02\x01\x05\0\0\0\x05\x82\x84", Yes),
        (Http2, ToClient, b"\0\0\x01\x01\x05\0\0\0\x05\x88", Yes),
        (
            Http2,
            ToServer,
            b"\0\0\x01\x01\x05\0\0\0\x05\x88",
            Verdict::Reversed,
        ),
        (Http2, ToServer, b"\0\0\x02\0\0\0\0\0\x05ab", No),
        (Http2, ToServer, b"\0\0\x08\x06\0\0\0\0\0ping", More),
        (Http2, ToServer, b"GET / HTTP/1.1\r\n\r\n", No),
        (Websocket, ToServer, &masked, Yes),
        (Websocket, ToClient, &masked, No),
        (Websocket, ToServer, &masked[..14], No),
        (Websocket, ToClient, b"\x81\x0ahello there", No),
        (Websocket, ToClient, b"\x81\x0bhello there", Yes),
        (
            Websocket,
            ToClient,
            b"\x81\x0b\x01\x02\0\x03\x04\x05\x06\x07\x01\x02\x03",
            No,
        ),
        (Websocket, ToClient, b"\x82\x02ab", No),
        (Rfb, ToClient, SCREEN, Yes),
        (Rfb, ToServer, SCREEN, No),
        (Rfb, ToServer, b"\x03\x01\0\0\0\0\x04\0\x03\0", Yes),
        (Rfb, ToServer, b"\x05\0\0\x01\0\x01", No),
        (
            Dcerpc,
            ToServer,
            b"\x05\0\0\x03\x10\0\0\0\x18\0\0\0\x01\0\0\0",
            Yes,
        ),
        // A request of Cassandra, replies of SOCKS.
        (
            Dcerpc,
            ToServer,
            b"\x05\0\0\x01\x01\0\0\0\x53\0\x03\0\x0bDRI",
            No,
        ),
        (
            Dcerpc,
            ToServer,
            b"\x05\0\x05\0\0\x01\x0a\xb4\x9c\xf9\xdf\xb4HTTP",
            No,
        ),
        // A layer below RDP begins with the same number.
        (Rfb, ToServer, b"\x03\0\0\x0a\x05\xe0\0\0\0\0", No),
    ];
    for (protocol, direction, data, verdict) in rows {
        let found = probe(*protocol, *direction, (40_000, PORT), data, b"");
        assert_eq!(found, *verdict, "{protocol:?} {direction:?} {data:?}");
    }
}

#[test]
fn both_sides_together_tell_who_asks() {
    use Protocol::{Modbus, Websocket};
    const READ: &[u8] = b"\0\x02\0\0\0\x06\x01\x03\0\0\0\x01";
    const BEFORE: &[u8] = b"\0\x01\0\0\0\x05\x01\x03\x02\0\x07";
    const VALUE: &[u8] = b"\0\x02\0\0\0\x05\x01\x03\x02\0\x07";
    let values = [BEFORE, VALUE].concat();
    let rows: &[(Protocol, Direction, &[u8], &[u8], Verdict)] = &[
        (Modbus, ToClient, VALUE, READ, Verdict::Yes),
        (Modbus, ToServer, &values, READ, Verdict::Reversed),
        (Modbus, ToClient, READ, BEFORE, Verdict::No),
        (Modbus, ToServer, &values[..20], READ, Verdict::No),
        (
            Websocket,
            ToClient,
            b"\x82\x02ab",
            b"\x82\x82\0\0\0\0ab",
            Verdict::Yes,
        ),
        (
            Websocket,
            ToClient,
            b"\x82\x02ab",
            b"\x82\x02ab",
            Verdict::No,
        ),
    ];
    for (protocol, direction, data, other_data, verdict) in rows {
        let found = probe(*protocol, *direction, (40_000, PORT), data, other_data);
        assert_eq!(found, *verdict, "{protocol:?} {direction:?} {data:?}");
    }
}

#[test]
fn ports_tell_who_sends_what_both_may_send() {
    let rows: &[((u16, u16), Verdict)] = &[
        ((40_000, 22), Verdict::Yes),
        ((22, 40_000), Verdict::Reversed),
        ((40_000, PORT), Verdict::Yes),
        ((22, 22), Verdict::Yes),
    ];
    for (ports, verdict) in rows {
        let found = probe(Protocol::Ssh, ToServer, *ports, NEWKEYS, b"");
        assert_eq!(found, *verdict, "{ports:?}");
    }
}

/// The layer of a flow whose beginning was not seen.
fn flow((client_port, server_port): (u16, u16), pieces: &[(Direction, &[u8])]) -> AppLayer {
    let mut layer = AppLayer::default();
    layer.set_midstream();
    let limits = Limits {
        midstream: true,
        ..Limits::default()
    };
    let context = Context {
        now_ns: 0,
        server_port,
        client_port,
    };
    for (direction, bytes) in pieces {
        layer.chunk(*direction, bytes, &context, &limits);
    }
    layer
}

#[test]
fn algorithms_are_read_without_banners() {
    let offer = kexinit();
    let layer = flow(
        (40_000, PORT),
        &[(ToServer, &offer), (ToClient, &offer), (ToServer, NEWKEYS)],
    );
    assert_eq!((layer.protocol(), layer.failures()), (Protocol::Ssh, 0));
    let Some(Body::Ssh(ssh)) = layer.transactions().front().map(|tx| &tx.body) else {
        panic!("there is a transaction");
    };
    assert!(ssh.sides.iter().all(|side| side.hassh.is_some()));
}

#[test]
fn a_screen_is_read_without_versions() {
    let layer = flow((40_000, PORT), &[(ToClient, SCREEN)]);
    assert_eq!((layer.protocol(), layer.failures()), (Protocol::Rfb, 0));
    let Some(Body::Rfb(rfb)) = layer.transactions().front().map(|tx| &tx.body) else {
        panic!("there is a transaction");
    };
    assert_eq!(rfb.screen.as_ref().map(|screen| screen.width), Some(1024));
}

#[test]
fn the_end_of_something_is_passed_over() {
    // The end of a mail comes first; the server's reply tells, and the next mail is read.
    let mut layer = flow(
        (40_000, PORT),
        &[
            (ToServer, b"and so it ended, long ago.\r\n.\r\n"),
            (ToClient, b"250 2.0.0 Ok: queued\r\n"),
            (ToServer, b"MAIL FROM:<a@b>\r\n"),
        ],
    );
    assert_eq!((layer.protocol(), layer.failures()), (Protocol::Smtp, 0));
    assert!(!layer.take_reversed());
    let records: Vec<_> = layer
        .transactions()
        .iter()
        .map(|tx| serde_json::to_string(&tx.record()).expect("a record serialises"))
        .collect();
    assert!(
        records.iter().any(|record| record.contains("a@b")),
        "{records:?}"
    );
    assert!(
        !records.iter().any(|record| record.contains("ended")),
        "{records:?}"
    );
}

#[test]
fn a_server_that_comes_first_is_turned_round() {
    let mut layer = flow(
        (PORT, 40_000),
        &[
            (ToServer, b"331 Please specify the password.\r\n"),
            (ToClient, b"PASS x\r\n"),
        ],
    );
    assert_eq!(layer.protocol(), Protocol::Ftp);
    assert!(layer.take_reversed());
}

#[test]
fn transactions_of_modbus_find_their_numbers() {
    // The response to a request that was not seen, then two requests whose responses come in the other order.
    const UNASKED: &[u8] = b"\0\x01\0\0\0\x05\x01\x03\x02\0\x07";
    const READ_2: &[u8] = b"\0\x02\0\0\0\x06\x01\x03\0\0\0\x01";
    const READ_3: &[u8] = b"\0\x03\0\0\0\x06\x01\x03\0\0\0\x01";
    const VALUE_2: &[u8] = b"\0\x02\0\0\0\x05\x01\x03\x02\0\x08";
    const VALUE_3: &[u8] = b"\0\x03\0\0\0\x05\x01\x03\x02\0\x09";
    let layer = flow(
        (502, 40_000),
        &[
            (ToServer, UNASKED),
            (ToClient, READ_2),
            (ToClient, READ_3),
            (ToServer, VALUE_3),
            (ToServer, VALUE_2),
        ],
    );
    assert_eq!((layer.protocol(), layer.failures()), (Protocol::Modbus, 0));
    let numbers: Vec<_> = layer
        .transactions()
        .iter()
        .map(|tx| {
            let Body::Modbus(modbus) = &tx.body else {
                panic!("it is Modbus");
            };
            let number = |message: &Option<sawp_modbus::Message>| {
                message.as_ref().map(|message| message.transaction_id)
            };
            (number(&modbus.request), number(&modbus.response))
        })
        .collect();
    assert_eq!(
        numbers,
        [(None, Some(1)), (Some(2), Some(2)), (Some(3), Some(3))]
    );
}
