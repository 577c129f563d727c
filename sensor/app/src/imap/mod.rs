//! IMAP (RFC 3501, RFC 9051), up to the change to TLS or compression (RFC 4978): commands with their replies,
//! who logs in and how. Left out: the mails that are fetched or appended.

mod buffers;
mod event;
mod midway;
mod state;
mod wire;

use sensor_flow::Direction;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};

pub use state::ImapTransaction;

/// How servers begin their lines.
const LINES: [&[u8]; 7] = [
    b"* OK ",
    b"* NO ",
    b"* BAD ",
    b"* LIST ",
    b"* ESEARCH ",
    b"* STATUS ",
    b"* FLAGS ",
];
const FIRST_COMMAND: &[u8] = b" CAPABILITY";
const MAX_TAG_BYTES: usize = 6;

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Imap,
    name: "imap",
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
    match begin(prefix) {
        Verdict::No if prefix.midstream => midway::probe(prefix),
        verdict => verdict,
    }
}

/// The first words of a side.
fn begin(prefix: &Prefix<'_>) -> Verdict {
    let data = prefix.data;
    match prefix.direction {
        Direction::ToClient => {
            let begins = |line: &&&[u8]| {
                let length = data.len().min(line.len());
                data[..length].eq_ignore_ascii_case(&line[..length])
            };
            match LINES.iter().find(begins) {
                Some(line) if data.len() >= line.len() => Verdict::Yes,
                Some(_) => Verdict::More,
                None => Verdict::No,
            }
        }
        Direction::ToServer => {
            let tag = data.iter().take_while(|byte| byte.is_ascii_alphanumeric());
            let tag = tag.take(MAX_TAG_BYTES + 1).count();
            let rest = &data[tag..];
            let length = rest.len().min(FIRST_COMMAND.len());
            if tag > MAX_TAG_BYTES || !rest[..length].eq_ignore_ascii_case(&FIRST_COMMAND[..length])
            {
                Verdict::No
            } else if length < FIRST_COMMAND.len() {
                Verdict::More
            } else {
                Verdict::Yes
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn either_side_tells() {
        use Direction::{ToClient, ToServer};
        for (direction, data, verdict) in [
            (ToClient, "* OK ready", Verdict::Yes),
            (ToClient, "* O", Verdict::More),
            (ToClient, "+OK", Verdict::No),
            (ToServer, "a1 CAPABILITY\r\n", Verdict::Yes),
            (ToServer, "a1 LOGIN x\r\n", Verdict::No),
            (ToServer, "a1 CAP", Verdict::More),
        ] {
            let found = testing::probe(
                Protocol::Imap,
                Transport::Tcp,
                direction,
                143,
                data.as_bytes(),
            );
            assert_eq!(found, verdict, "{data}");
        }
    }
}
