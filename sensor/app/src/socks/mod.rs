//! SOCKS 4, 4a and 5 (RFC 1928, RFC 1929): who asks to be connected where, and what the proxy says to it. What is
//! said through the proxy is another protocol's. Left out: GSSAPI, datagrams (UDP ASSOCIATE).

mod buffers;
mod event;
mod state;
mod wire;

use sensor_flow::Direction;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};

pub use state::SocksTransaction;

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Socks,
    name: "socks",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: &[],
    transports: &[Transport::Tcp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

/// A client's first message must be whole and nothing more; a proxy is known by its client.
fn probe(prefix: &Prefix<'_>) -> Verdict {
    match prefix.direction {
        Direction::ToServer => wire::begins(prefix.data),
        Direction::ToClient if prefix.other == Protocol::Socks => Verdict::Yes,
        Direction::ToClient => Verdict::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_client_tells_by_its_first_message() {
        for (data, verdict) in [
            (&b"\x05\x01\x00"[..], Verdict::Yes),
            (b"\x05\x02\x00\x02", Verdict::Yes),
            (b"\x05\x02\x00", Verdict::More),
            (b"\x05\x00\x0b\x03", Verdict::No),
            (b"\x05\x01\x00\x00", Verdict::No),
            (b"\x05\x01\x47", Verdict::No),
            (b"\x04\x01\x00\x50\xc0\xa8\x00\x01an\0", Verdict::Yes),
            (b"\x04\x01\x00\x50\x00\x00\x00\x01\0a.test\0", Verdict::Yes),
            (b"\x04\x01\x00\x50\xc0\xa8\x00\x01an\0x", Verdict::No),
            (b"\x04\x01\x00", Verdict::More),
            (b"GET / HTTP/1.1", Verdict::No),
        ] {
            let found = testing::probe(
                Protocol::Socks,
                Transport::Tcp,
                Direction::ToServer,
                1080,
                data,
            );
            assert_eq!(found, verdict, "{data:?}");
        }
    }
}
