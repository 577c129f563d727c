//! Protocols that are recognised and not read: IMAP (RFC 9051), Telnet (RFC 854).
//!
//! Rules may name them, flows are told by them; their bytes are left to rules on streams.

use sensor_flow::Direction;

use crate::parser::{Parser, Prefix, Step, Transport, Verdict};
use crate::transactions::Transactions;
use crate::{Context, Limits, Protocol, ProtocolRow};

const TELNET_PORT: u16 = 23;
/// How IMAP servers begin their lines.
const IMAP_LINES: [&[u8]; 7] = [
    b"* OK ",
    b"* NO ",
    b"* BAD ",
    b"* LIST ",
    b"* ESEARCH ",
    b"* STATUS ",
    b"* FLAGS ",
];
const IMAP_COMMAND: &[u8] = b" CAPABILITY";
const MAX_TAG_BYTES: usize = 6;

pub const IMAP: ProtocolRow = ProtocolRow {
    protocol: Protocol::Imap,
    name: "imap",
    synonyms: &[],
    buffers: &[],
    int_fields: &[],
    events: &[],
    transports: &[Transport::Tcp],
    first: None,
    probe: imap,
    parser: |_| Box::new(State),
};

/// Stands last: whatever nothing else knows on its port is Telnet.
pub const TELNET: ProtocolRow = ProtocolRow {
    protocol: Protocol::Telnet,
    name: "telnet",
    synonyms: &[],
    buffers: &[],
    int_fields: &[],
    events: &[],
    transports: &[Transport::Tcp],
    first: None,
    probe: |prefix: &Prefix<'_>| {
        if ![prefix.server_port, prefix.client_port].contains(&TELNET_PORT) {
            Verdict::No
        } else if prefix.data.len() < 2 {
            Verdict::More
        } else {
            Verdict::Yes
        }
    },
    parser: |_| Box::new(State),
};

fn imap(prefix: &Prefix<'_>) -> Verdict {
    let data = prefix.data;
    match prefix.direction {
        Direction::ToClient => {
            let begins = |line: &&&[u8]| {
                let length = data.len().min(line.len());
                data[..length].eq_ignore_ascii_case(&line[..length])
            };
            match IMAP_LINES.iter().find(begins) {
                Some(line) if data.len() >= line.len() => Verdict::Yes,
                Some(_) => Verdict::More,
                None => Verdict::No,
            }
        }
        Direction::ToServer => {
            let tag = data.iter().take_while(|byte| byte.is_ascii_alphanumeric());
            let tag = tag.take(MAX_TAG_BYTES + 1).count();
            let rest = &data[tag..];
            let length = rest.len().min(IMAP_COMMAND.len());
            if tag > MAX_TAG_BYTES || !rest[..length].eq_ignore_ascii_case(&IMAP_COMMAND[..length])
            {
                Verdict::No
            } else if length < IMAP_COMMAND.len() {
                Verdict::More
            } else {
                Verdict::Yes
            }
        }
    }
}

#[derive(Debug)]
struct State;

impl Parser for State {
    fn chunk(
        &mut self,
        _: Direction,
        _: &[u8],
        _: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        Step::More
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Transactions, _: &Context, _: &Limits) -> Step {
        Step::More
    }

    fn close(&mut self, _: Direction, _: &mut Transactions, _: &Context, _: &Limits) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imap_is_known_by_either_side() {
        use Direction::{ToClient, ToServer};
        for (direction, data, verdict) in [
            (ToClient, "* OK ready", Verdict::Yes),
            (ToClient, "* O", Verdict::More),
            (ToClient, "+OK", Verdict::No),
            (ToServer, "a1 CAPABILITY\r\n", Verdict::Yes),
            (ToServer, "a1 LOGIN x\r\n", Verdict::No),
            (ToServer, "a1 CAP", Verdict::More),
        ] {
            let prefix = Prefix {
                transport: Transport::Tcp,
                direction,
                data: data.as_bytes(),
                server_port: 143,
                client_port: 1024,
                other: Protocol::Unknown,
            };
            assert_eq!(imap(&prefix), verdict, "{data}");
        }
    }
}
