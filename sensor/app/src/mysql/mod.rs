//! MySQL and MariaDB (protocol 10): greeting, log-in, commands with what came of them, up to the change to TLS.
//! Left out: prepared statements' arguments, compression, replication, X protocol.

mod buffers;
mod event;
mod packets;
mod state;
mod wire;

use sensor_flow::Direction;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};

pub use state::MysqlTransaction;

/// A greeting is not longer.
const MAX_GREETING_BYTES: u32 = 1024;

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Mysql,
    name: "mysql",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: &[],
    events: &[],
    transports: &[Transport::Tcp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

/// The server greets with its version. A client tells little: it is known by its server.
fn probe(prefix: &Prefix<'_>) -> Verdict {
    let known = prefix.other == Protocol::Mysql;
    match (prefix.direction, prefix.data) {
        (Direction::ToServer, _) if known => Verdict::Yes,
        (Direction::ToServer, _) => Verdict::No,
        (Direction::ToClient, [low, middle, high, 0, wire::VERSION, version @ ..]) => {
            let length = u32::from_le_bytes([*low, *middle, *high, 0]);
            let digits = version
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            match version.get(digits) {
                Some(b'.') if digits > 0 && length < MAX_GREETING_BYTES => Verdict::Yes,
                None if length < MAX_GREETING_BYTES => Verdict::More,
                _ => Verdict::No,
            }
        }
        (Direction::ToClient, [_, _, 0, 0] | [_, _, 0] | [_, _] | [_] | []) => Verdict::More,
        (Direction::ToClient, _) => Verdict::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn the_greeting_tells() {
        for (data, verdict) in [
            (&b"\x59\0\0\0\x0a10.11.6-MariaDB\0"[..], Verdict::Yes),
            (b"\x59\0\0\0\x0a1", Verdict::More),
            (b"\x59\0\0\0\x0ax.1", Verdict::No),
            (b"\x59\0\0\x01\x0a1.1", Verdict::No),
            (b"SSH-2.0", Verdict::No),
        ] {
            let found = testing::probe(
                Protocol::Mysql,
                Transport::Tcp,
                Direction::ToClient,
                3306,
                data,
            );
            assert_eq!(found, verdict, "{data:?}");
        }
    }
}
