//! On a port that is not its own, a protocol is told by a strict first message alone: what only resembles one is not
//! taken for it. That real conversations are told there is seen in `tests/parsers.rs`.

use crate::Protocol;
use crate::parser::{Prefix, Transport, Verdict};
use sensor_flow::Direction::{self, ToClient, ToServer};

/// A port that no protocol has.
const PORT: u16 = 23_456;

fn probe(
    protocol: Protocol,
    transport: Transport,
    direction: Direction,
    data: &[u8],
    other_data: &[u8],
) -> Verdict {
    let row = protocol.row().expect("the protocol has a row");
    (row.probe)(&Prefix {
        transport,
        direction,
        data,
        server_port: PORT,
        client_port: 40_000,
        midway: false,
        midstream: false,
        other: Protocol::Unknown,
        other_data,
    })
}

#[test]
fn a_client_has_to_be_strict() {
    use Protocol::{Ike, Krb5, Ldap, Nfs, Ntp, Pop3, Quic, Rdp, Snmp, Telnet, Tftp};
    use Transport::{Tcp, Udp};
    use Verdict::{More, No, Yes};
    const BIND: &[u8] = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0";
    const BIND_9: &[u8] = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x09\x04\0\x80\0";
    const GET: &[u8] =
        b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x01\x01\x02\x01\0\x02\x01\0\
        \x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01\x01\0\x05\0";
    const AS_REQUEST: &[u8] = b"\x6a\x0f\x30\x0d\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\xa3\x01\0";
    const INIT: &[u8] = b"\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\0\0\0\0\0\
        \x21\x20\x22\x08\0\0\0\0\0\0\0\x24\0\0\0\x08\x01\x02\x03\x04";
    const RDP_REQUEST: &[u8] = b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0";
    // A programmable controller is asked for a connection by the same layers.
    const S7: &[u8] = b"\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc1\x02\x01\0\xc2\x02\x01\x02\xc0\x01\x0a";
    const NFS_CALL: &[u8] = b"\x80\0\0\x28\0\0\0\x01\0\0\0\0\0\0\0\x02\0\x01\x86\xa3\0\0\0\x03\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let mut reply = GET.to_vec();
    reply[13] = 0xa2;
    let mut port_mapper = NFS_CALL.to_vec();
    port_mapper[19] = 0xa0;
    let mut time = [0; 48];
    (time[0], time[47]) = (0x23, 1);
    let mut served = time;
    served[0] = 0x24;
    let mut responder = INIT.to_vec();
    responder[15] = 1;
    let mut ticket = AS_REQUEST.to_vec();
    ticket[13] = 0x0c;
    let followed = |data: &[u8]| [data, b"x"].concat();
    let rows: &[(Protocol, Transport, &[u8], Verdict)] = &[
        (Ldap, Tcp, BIND, Yes),
        (Ldap, Tcp, &BIND[..9], More),
        (Ldap, Tcp, BIND_9, No),
        (Ldap, Udp, &BIND[..9], No),
        (Snmp, Udp, GET, Yes),
        (Snmp, Udp, &reply, No),
        (Snmp, Udp, &followed(GET), No),
        (Krb5, Udp, AS_REQUEST, Yes),
        (Krb5, Udp, &ticket, No),
        (Krb5, Udp, &followed(AS_REQUEST), No),
        (Krb5, Tcp, &[&b"\0\0\0\x11"[..], AS_REQUEST].concat(), Yes),
        (Krb5, Tcp, b"\0\0\0\x11\x6a", More),
        (Krb5, Tcp, b"\0\0\0\x11GET", No),
        (Ike, Udp, INIT, Yes),
        (Ike, Udp, &responder, No),
        (Ike, Udp, &followed(INIT), No),
        (Rdp, Tcp, RDP_REQUEST, Yes),
        (Rdp, Tcp, &RDP_REQUEST[..7], More),
        (Rdp, Tcp, S7, No),
        (Nfs, Tcp, NFS_CALL, Yes),
        (Nfs, Tcp, &port_mapper, No),
        (Nfs, Tcp, b"GET /", No),
        (Ntp, Udp, &time, Yes),
        (Ntp, Udp, &served, No),
        (Ntp, Udp, &time[..47], No),
        (Ntp, Udp, &followed(&time), No),
        (Tftp, Udp, b"\0\x01a.txt\0octet\0", Yes),
        (Tftp, Udp, b"\0\x01a.txt\0other\0", No),
        (Tftp, Udp, b"\0\x03a.txt\0octet\0", No),
        (Telnet, Tcp, b"\xff\xfd\x18\xff\xfb\x1f", Yes),
        (Telnet, Tcp, b"\xff\xfd\x18", More),
        (Telnet, Tcp, b"\xffSMB", No),
        (Pop3, Tcp, b"USER a\r\n", No),
        (
            Quic,
            Udp,
            b"\xc3\0\0\0\x01\x02\x08\x09\x01\x07\0\x03\x01\x02\x03\xff",
            No,
        ),
    ];
    for (protocol, transport, data, verdict) in rows {
        let found = probe(*protocol, *transport, ToServer, data, b"");
        assert_eq!(found, *verdict, "{protocol:?} {data:?}");
    }
}

#[test]
fn both_sides_together_tell_what_one_does_not() {
    use Protocol::{Modbus, Pop3, Redis};
    const READ: &[u8] = b"\0\x01\0\0\0\x06\x01\x03\0\0\0\x01";
    const VALUE: &[u8] = b"\0\x01\0\0\0\x05\x01\x03\x02\0\x07";
    const OTHER: &[u8] = b"\0\x02\0\0\0\x05\x01\x03\x02\0\x07";
    let rows: &[(Protocol, Direction, &[u8], &[u8], Verdict)] = &[
        (Modbus, ToServer, READ, b"", Verdict::No),
        (Modbus, ToClient, VALUE, READ, Verdict::Yes),
        (Modbus, ToClient, OTHER, READ, Verdict::No),
        (
            Pop3,
            ToServer,
            b"USER a\r\n",
            b"+OK ready\r\n",
            Verdict::Yes,
        ),
        (Pop3, ToServer, b"USER a\r\n", b"220 ready\r\n", Verdict::No),
        (Redis, ToClient, b"+PONG\r\n", b"PING\r\n", Verdict::Yes),
        (Redis, ToClient, b"+PONG\r\n", b"EHLO a\r\n", Verdict::No),
        (
            Redis,
            ToClient,
            b"+OK ready\r\n",
            b"AUTH a\r\n",
            Verdict::No,
        ),
    ];
    for (protocol, direction, data, other_data, verdict) in rows {
        let found = probe(*protocol, Transport::Tcp, *direction, data, other_data);
        assert_eq!(found, *verdict, "{protocol:?} {data:?} {other_data:?}");
    }
}
