//! Redis (RESP 2 and 3): commands with what is answered to them. Left out: what is pushed to subscribers, the
//! streams of replicas and of MONITOR.

mod buffers;
mod event;
mod state;
mod wire;

use sensor_flow::Direction;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};

pub use state::RedisTransaction;

const PORT: u16 = 6379;
/// Bytes in which a command has told its name.
const PROBE_BYTES: usize = 32;
/// What people type by hand.
const INLINE: [&[u8]; 12] = [
    b"AUTH", b"CLIENT", b"COMMAND", b"CONFIG", b"GET", b"HELLO", b"INFO", b"KEYS", b"PING",
    b"QUIT", b"SELECT", b"SET",
];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Redis,
    name: "redis",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: &[],
    events: &[],
    transports: &[Transport::Tcp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

fn probe(prefix: &Prefix<'_>) -> Verdict {
    let data = prefix.data;
    match prefix.direction {
        Direction::ToServer => match wire::begins_command(data) {
            Some(true) => Verdict::Yes,
            None if data.len() < PROBE_BYTES => Verdict::More,
            _ if (prefix.server_port == PORT || prefix.other == Protocol::Redis)
                && is_inline(data) =>
            {
                Verdict::Yes
            }
            _ => Verdict::No,
        },
        Direction::ToClient if prefix.other == Protocol::Redis => match data.first() {
            Some(first) if wire::is_type(*first) => Verdict::Yes,
            _ => Verdict::No,
        },
        Direction::ToClient if answers_inline(prefix) => Verdict::Yes,
        Direction::ToClient => Verdict::No,
    }
}

/// What people have typed is answered in RESP.
fn answers_inline(prefix: &Prefix<'_>) -> bool {
    const REPLIES: [&[u8]; 5] = [
        b"+OK\r\n",
        b"+PONG\r\n",
        b"-NOAUTH ",
        b"-WRONGPASS ",
        b"-ERR ",
    ];
    let replies = |data: &[u8]| {
        REPLIES.iter().any(|reply| data.starts_with(reply))
            || matches!(data, [b'$', b'1'..=b'9', ..])
                && data
                    .split(|byte| *byte == b'\n')
                    .next()
                    .is_some_and(|line| {
                        matches!(
                            wire::Header::read(line.trim_ascii_end()),
                            Some(wire::Header::Bulk { .. })
                        )
                    })
    };
    !prefix.other.is_known() && is_inline(prefix.other_data) && replies(prefix.data)
}

fn is_inline(data: &[u8]) -> bool {
    INLINE.iter().any(|word| {
        data.get(..word.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(word))
            && matches!(data.get(word.len()), Some(b' ' | b'\r' | b'\n'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn commands_are_recognised() {
        for (port, data, verdict) in [
            (9000, "*1\r\n$4\r\nPING\r\n", Verdict::Yes),
            (9000, "*1\r\n$4", Verdict::More),
            (9000, "*x", Verdict::No),
            (PORT, "info\r\n", Verdict::Yes),
            (9000, "info\r\n", Verdict::No),
            (PORT, "GET / HTTP/1.1\r\n", Verdict::Yes),
        ] {
            let found = testing::probe(
                Protocol::Redis,
                Transport::Tcp,
                Direction::ToServer,
                port,
                data.as_bytes(),
            );
            assert_eq!(found, verdict, "{data}");
        }
    }
}
