//! Syslog over UDP (RFC 5426) and TCP (RFC 6587), in the older format (RFC 3164) and the newer (RFC 5424). A
//! message is a transaction. Left out: syslog over TLS, which is TLS; the elements of structured data.

mod buffers;
mod event;
mod state;
mod wire;

use sensor_flow::Direction;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};

pub use state::SyslogTransaction;

/// Where collectors listen.
const PORTS: [u16; 4] = [514, 601, 1514, 5514];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Syslog,
    name: "syslog",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: &[],
    transports: &[Transport::Udp, Transport::Tcp],
    first: None,
    probe,
    parser: |transport| Box::new(state::State::new(transport)),
};

/// On the usual ports a priority is enough, elsewhere a time must follow it.
fn probe(prefix: &Prefix<'_>) -> Verdict {
    if prefix.direction == Direction::ToClient {
        return Verdict::No;
    }
    let data = match prefix.transport {
        Transport::Udp => prefix.data,
        Transport::Tcp => wire::without_count(prefix.data),
    };
    let Some((_, rest)) = wire::priority(data) else {
        return match prefix.transport {
            Transport::Tcp if data.len() < 5 && wire::may_begin(data) => Verdict::More,
            _ => Verdict::No,
        };
    };
    let expected = PORTS.contains(&prefix.server_port);
    if expected && !rest.is_empty() || wire::begins_with_time(rest) {
        Verdict::Yes
    } else if prefix.transport == Transport::Tcp && rest.len() < 20 {
        Verdict::More
    } else {
        Verdict::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn priority_and_time_tell() {
        use Transport::{Tcp, Udp};
        for (transport, port, data, verdict) in [
            (Udp, 514, "<34>su: failed", Verdict::Yes),
            (Udp, 9000, "<34>su: failed", Verdict::No),
            (Udp, 9000, "<34>Oct 11 22:14:15 host su: x", Verdict::Yes),
            (
                Udp,
                9000,
                "<165>1 2003-10-11T22:14:15Z h a - - - x",
                Verdict::Yes,
            ),
            (Udp, 514, "<999>x", Verdict::No),
            (Tcp, 601, "29 <34>1 - h a - - - x", Verdict::Yes),
            (Tcp, 601, "<3", Verdict::More),
            (Tcp, 80, "GET /", Verdict::No),
        ] {
            let found = testing::probe(
                Protocol::Syslog,
                transport,
                Direction::ToServer,
                port,
                data.as_bytes(),
            );
            assert_eq!(found, verdict, "{data}");
        }
    }
}
