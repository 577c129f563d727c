//! POP3 (RFC 1939), up to the change to TLS (RFC 2595). Left out: the mails that are fetched.

mod events;
mod state;
mod wire;

use sensor_flow::Direction;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};

pub use state::Pop3Transaction;

/// Where servers listen.
const PORT: u16 = 110;
/// How servers greet.
const GREETINGS: [&[u8]; 2] = [b"+OK", b"-ERR"];
const MAX_COMMAND_BYTES: usize = 5;

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Pop3,
    name: "pop3",
    synonyms: &[],
    buffers: &[],
    int_fields: &[],
    events: events::EVENTS,
    transports: &[Transport::Tcp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

fn probe(prefix: &Prefix<'_>) -> Verdict {
    if !prefix.expects(Protocol::Pop3, &[PORT]) && !is_greeted(prefix) {
        return Verdict::No;
    }
    let data = prefix.data;
    match prefix.direction {
        Direction::ToServer if data.len() < MAX_COMMAND_BYTES && !data.contains(&b'\n') => {
            Verdict::More
        }
        Direction::ToServer if wire::Command::begins(data) => Verdict::Yes,
        Direction::ToServer => Verdict::No,
        Direction::ToClient => {
            let begins = |greeting: &&[u8]| {
                let length = data.len().min(greeting.len());
                data[..length] == greeting[..length]
            };
            match GREETINGS.iter().copied().find(begins) {
                Some(greeting) if data.len() >= greeting.len() => Verdict::Yes,
                Some(_) => Verdict::More,
                None => Verdict::No,
            }
        }
    }
}

/// A client that has been greeted as this protocol does: its commands alone are those of others, too.
fn is_greeted(prefix: &Prefix<'_>) -> bool {
    prefix.opens() && prefix.other_data.starts_with(b"+OK ") && prefix.other_data.ends_with(b"\r\n")
}
