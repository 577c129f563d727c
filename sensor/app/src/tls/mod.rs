//! TLS 1.0 to 1.3 with the drafts of the latter, SSL 3 and the hello of SSL 2 (RFC 8446, RFC 5246, RFC 6066,
//! RFC 6520, RFC 6101).
//!
//! A session is one transaction. What both sides say in the clear is kept; once both speak in cipher, nothing
//! more is read, unless they agreed on heartbeats or frames are wanted. Left out: decryption, DTLS, encrypted client hello.

mod buffers;
mod certificate;
mod event;
mod events;
mod fingerprint;
mod midway;
mod record;
mod session;
mod state;
mod wire;

use std::cell::OnceCell;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Body, Protocol, ProtocolRow, Transaction};
use sensor_flow::Direction;

pub use certificate::Certificate;
pub use fingerprint::{Carrier, Ja3};
pub use wire::{Hello, Speaker, Version};

pub(crate) use fingerprint::{ja3, ja3s, ja4};
pub(crate) use wire::extension_list;

/// Stages of a side (`Transaction::progress`).
pub mod stage {
    /// The hello is known.
    pub const HELLO: u8 = 1;
    /// The certificates are known.
    pub const CERTIFICATE: u8 = 2;
    /// The server has said that its hello is over.
    pub const HELLO_DONE: u8 = 3;
    /// All that this side says in the clear is known.
    pub const HANDSHAKE_DONE: u8 = 4;
}

/// Messages of a handshake, as bits.
pub mod message {
    pub const CLIENT_HELLO: u8 = 1;
    pub const SERVER_HELLO: u8 = 1 << 1;
    pub const CLIENT_KEY_EXCHANGE: u8 = 1 << 2;
    pub const SERVER_KEY_EXCHANGE: u8 = 1 << 3;
}

/// Names of frames.
pub(crate) const FRAMES: &[&str] = &[
    "pdu",
    "hdr",
    "data",
    "alert",
    "heartbeat",
    "ssl2.hdr",
    "ssl2.pdu",
];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Tls,
    name: "tls",
    synonyms: &["ssl"],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: events::EVENTS,
    transports: &[Transport::Tcp],
    first: Some(Direction::ToServer),
    probe,
    parser: |_| Box::new(state::State::default()),
};

/// Where servers speak TLS from the first byte.
const PORT: u16 = 443;

fn probe(prefix: &Prefix<'_>) -> Verdict {
    if prefix.midstream {
        match midway::probe(prefix) {
            Verdict::No => {}
            verdict => return verdict,
        }
    }
    begin(prefix)
}

/// The first bytes of a side.
fn begin(prefix: &Prefix<'_>) -> Verdict {
    let data = prefix.data;
    let Some((&kind, rest)) = data.split_first() else {
        return Verdict::More;
    };
    let to_server = prefix.direction == Direction::ToServer;
    // SSL 2 with a header of two bytes: length, then the type of a client hello.
    if to_server && kind & 0x80 != 0 {
        return match data {
            [_, _, 1, 0, 2, ..] => Verdict::Yes,
            [_, _, 1, ..] if prefix.server_port == PORT || prefix.other == Protocol::Tls => {
                Verdict::Yes
            }
            [_, _, 1, 0] | [_, _, 1] | [_, _] | [_] => Verdict::More,
            _ => Verdict::No,
        };
    }
    let kinds: &[u8] = if to_server {
        &[0x16, 0x01]
    } else {
        &[0x15, 0x16, 0x17]
    };
    if !kinds.contains(&kind) {
        return Verdict::No;
    }
    match rest {
        [3, 0..=3, ..] => Verdict::Yes,
        [] | [3] => Verdict::More,
        _ => Verdict::No,
    }
}

/// What is known of one side.
#[derive(Debug, Default)]
pub struct Peer {
    /// Of the records at first, of the hello then.
    pub version: Version,
    /// The first hello: a retry or a renegotiation brings nothing new.
    pub hello: Option<Box<Hello>>,
    /// JA3 of the client, JA3S of the server.
    pub ja3: Option<Ja3>,
    /// The first certificate of the chain.
    pub certificate: Option<Box<Certificate>>,
    /// The certificates as they came.
    pub chain: Vec<Vec<u8>>,
    /// A list of certificates has come; later ones are passed over.
    certified: bool,
}

/// One session.
#[derive(Debug, Default)]
pub struct TlsTransaction {
    pub client: Peer,
    pub server: Peer,
    /// The client asked to go on with an earlier session, or the server took up the one it named.
    pub resumed: bool,
    /// There is no certificate to see (TLS 1.3).
    pub without_certificate: bool,
    /// The server asked for a certificate of the client.
    pub client_certificate_wanted: bool,
    /// Records seen whole.
    pub records: u64,
    /// Handshake messages of the newest chunk, as bits of [`message`].
    pub messages: u8,
    /// The same since the start.
    seen: u8,
    ja4: OnceCell<Option<String>>,
}

impl TlsTransaction {
    pub fn peer(&self, direction: Direction) -> &Peer {
        match direction {
            Direction::ToServer => &self.client,
            Direction::ToClient => &self.server,
        }
    }

    fn peer_mut(&mut self, direction: Direction) -> &mut Peer {
        match direction {
            Direction::ToServer => &mut self.client,
            Direction::ToClient => &mut self.server,
        }
    }

    /// JA4 of the client, made when first asked for.
    pub fn ja4(&self) -> Option<&str> {
        let made = || {
            let hello = self.client.hello.as_deref()?;
            Some(ja4(hello, Carrier::Tcp))
        };
        // Asked for too early, it is not to be remembered.
        self.client.hello.as_ref()?;
        self.ja4.get_or_init(made).as_deref()
    }

    fn has_seen(&self, message: u8) -> bool {
        self.seen & message != 0
    }

    /// Whether there is enough to speak of.
    pub fn is_recorded(&self) -> bool {
        self.server.certificate.is_some() || self.resumed || self.without_certificate
    }
}

/// The tls part of a transaction.
fn tls(tx: &Transaction) -> Option<&TlsTransaction> {
    match &tx.body {
        Body::Tls(tls) => Some(tls),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) use super::wire::tests::hello_for;

    #[test]
    fn sessions_are_known_by_their_first_bytes() {
        let rows: &[(&[u8], Direction, Verdict)] = &[
            (&[0x16, 3, 1, 0], Direction::ToServer, Verdict::Yes),
            (&[0x16, 3], Direction::ToServer, Verdict::More),
            (&[0x16, 3, 4], Direction::ToServer, Verdict::No),
            (&[0x17, 3, 3], Direction::ToServer, Verdict::No),
            (&[0x17, 3, 3], Direction::ToClient, Verdict::Yes),
            (&[0x80, 0x2e, 1, 0, 2], Direction::ToServer, Verdict::Yes),
            (&[0x80, 0x2e, 1, 3, 1], Direction::ToServer, Verdict::Yes),
            (&[0x80, 0x2e, 2], Direction::ToServer, Verdict::No),
            (b"GET", Direction::ToServer, Verdict::No),
        ];
        for (data, direction, verdict) in rows {
            assert_eq!(probe(&prefix(data, *direction)), *verdict, "{data:?}");
        }
        let old = Prefix {
            server_port: 4430,
            ..prefix(&[0x80, 0x2e, 1, 3, 1], Direction::ToServer)
        };
        assert_eq!(probe(&old), Verdict::No);
        let answered = Prefix {
            other: Protocol::Tls,
            other_data: &[],
            ..old
        };
        assert_eq!(probe(&answered), Verdict::Yes);
    }

    fn prefix(data: &[u8], direction: Direction) -> Prefix<'_> {
        Prefix {
            transport: Transport::Tcp,
            direction,
            data,
            other: Protocol::Unknown,
            other_data: &[],
            server_port: PORT,
            client_port: 40_000,
            midway: true,
            midstream: false,
        }
    }
}
