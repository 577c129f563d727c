//! Internet Relay Chat (RFC 2812, with the tags of IRCv3), up to its encryption by STARTTLS: messages, each a
//! transaction of its own. Left out of the records, but not of rules: numeric replies that only inform, PING
//! and PONG.

mod buffers;
mod event;
mod state;
mod wire;

use sensor_flow::Direction;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};

pub use state::IrcTransaction;

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Irc,
    name: "irc",
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
    match prefix.direction {
        Direction::ToServer => registers(prefix.data),
        Direction::ToClient => {
            let known = prefix.other == Protocol::Irc;
            let Some(end) = prefix.data.iter().position(|&byte| byte == b'\n') else {
                return match prefix.data.first() {
                    Some(b':') => Verdict::More,
                    _ if known => Verdict::Yes,
                    _ => Verdict::No,
                };
            };
            match wire::Message::read(prefix.data[..end].trim_ascii_end()) {
                Some(message) if known || greets(&message) => Verdict::Yes,
                _ => Verdict::No,
            }
        }
    }
}

/// A client begins with its name, perhaps behind a password.
fn registers(data: &[u8]) -> Verdict {
    const FIRST: [&[u8]; 3] = [b"NICK ", b"CAP LS", b"CAP REQ"];
    const PASSWORD: &[u8] = b"PASS ";
    const USER: &[u8] = b"USER ";
    let begins = |data: &[u8], word: &[u8]| {
        let length = data.len().min(word.len());
        data[..length].eq_ignore_ascii_case(&word[..length])
    };
    if data.is_empty() {
        return Verdict::More;
    }
    if begins(data, PASSWORD) {
        return match data.iter().position(|&byte| byte == b'\n') {
            Some(end) => match &data[end + 1..] {
                [] => Verdict::More,
                rest if begins(rest, PASSWORD) => Verdict::No,
                rest => registers(rest),
            },
            None => Verdict::More,
        };
    }
    if begins(data, USER) {
        let Some(end) = data.iter().position(|&byte| byte == b'\n') else {
            return Verdict::More;
        };
        // FTP and POP3 have a name alone.
        let words = data[..end].split(|&byte| byte == b' ').count();
        return if words >= 5 {
            Verdict::Yes
        } else {
            Verdict::No
        };
    }
    match FIRST.into_iter().find(|word| begins(data, word)) {
        Some(word) if data.len() >= word.len() => Verdict::Yes,
        Some(_) => Verdict::More,
        None => Verdict::No,
    }
}

/// What only a server of this protocol says first.
fn greets(message: &wire::Message<'_>) -> bool {
    match (message.prefix, message.parameters.first()) {
        (Some(_), Some(_)) => message.is_numeric() || message.command == b"NOTICE",
        (None, Some(target)) => message.command == b"NOTICE" && *target == b"AUTH",
        _ => false,
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
            (ToServer, "NICK an\r\n", Verdict::Yes),
            (ToServer, "NI", Verdict::More),
            (ToServer, "PASS x\r\nNICK an\r\n", Verdict::Yes),
            (ToServer, "PASS x\r\n", Verdict::More),
            (ToServer, "USER an\r\n", Verdict::No),
            (ToServer, "USER an 0 * :An\r\n", Verdict::Yes),
            (ToClient, ":irc.test 001 an :Welcome\r\n", Verdict::Yes),
            (ToClient, "NOTICE AUTH :*** looking\r\n", Verdict::Yes),
            (ToClient, "220 ready\r\n", Verdict::No),
        ] {
            let found = testing::probe(
                Protocol::Irc,
                Transport::Tcp,
                direction,
                6667,
                data.as_bytes(),
            );
            assert_eq!(found, verdict, "{data}");
        }
    }
}
