//! Datagrams → transactions, one a packet with a long header.

use md5::{Digest, Md5};
use sensor_event::Hex;
use sensor_flow::Direction;

use super::crypto::InitialKeys;
use super::frame::{self, Frame, Tag};
use super::hello::{Crypto, Found, Outcome};
use super::wire::{Header, PacketType, Version};
use super::{Cyu, QuicTransaction, events};
use crate::parser::{Parser, Step};
use crate::tls::{Carrier, Speaker, ja3, ja3s, ja4};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// Packets that one flow may have as transactions.
const MAX_PACKETS: u64 = 256;

/// The parser of one flow.
#[derive(Debug, Default)]
pub struct State {
    keys: Option<InitialKeys>,
    crypto: [Crypto; 2],
    /// The hello of a side was seen: what follows there is in cipher.
    done: [bool; 2],
    retried: bool,
}

/// What a packet came to.
enum Packet {
    Read,
    /// Nothing further is to be had of this side.
    Enough,
    Bad,
}

impl State {
    fn packet(
        &mut self,
        direction: Direction,
        header: &Header,
        bytes: &[u8],
        transactions: &mut Transactions,
    ) -> Packet {
        if self.done[direction.index()] || header.kind == PacketType::Short {
            return Packet::Enough;
        }
        match header.kind {
            PacketType::Initial if self.keys.is_none() => {
                self.keys = InitialKeys::new(header.version, &header.destination);
            }
            // The client begins anew with another id; a second retry does not count (RFC 9000 §17.2.5.2).
            PacketType::Retry if direction == Direction::ToClient && !self.retried => {
                self.retried = true;
                self.keys = None;
                self.crypto = Default::default();
                self.done[Direction::ToServer.index()] = false;
            }
            _ => {}
        }
        let Some(tx) = begin(direction, header, transactions) else {
            return Packet::Bad;
        };
        if header.kind != PacketType::Initial {
            return Packet::Read;
        }
        let payload = bytes
            .get(header.length..header.length + header.payload)
            .unwrap_or_default();
        let opened;
        let frames = match &self.keys {
            Some(keys) if !payload.is_empty() => match keys.open(direction, header, bytes) {
                Some(frames) => {
                    opened = frames;
                    opened.as_slice()
                }
                None => {
                    tx.raise(events::FAILED_DECRYPT);
                    return Packet::Bad;
                }
            },
            _ => payload,
        };
        let Some(frames) = frame::read(frames) else {
            tx.raise(events::ERROR_ON_DATA);
            return Packet::Bad;
        };
        self.frames(direction, &frames, tx)
    }

    fn frames(
        &mut self,
        direction: Direction,
        frames: &[Frame<'_>],
        tx: &mut Transaction,
    ) -> Packet {
        let crypto = &mut self.crypto[direction.index()];
        let mut grown = false;
        let mut far = false;
        for frame in frames {
            match frame {
                Frame::Crypto { offset, data } => {
                    if crypto.push(*offset, data) {
                        grown = true;
                    } else {
                        far = true;
                    }
                }
                Frame::Tags(tags) => note_tags(tags, tx),
                Frame::Other => {}
            }
        }
        if far {
            tx.raise(events::CRYPTO_FRAG_TOO_LONG);
        }
        if !grown {
            return Packet::Read;
        }
        match crypto.outcome() {
            Outcome::More => Packet::Read,
            Outcome::Wrong => {
                tx.raise(events::ERROR_ON_DATA);
                Packet::Bad
            }
            Outcome::Hello(found) => {
                *crypto = Crypto::default();
                self.done[direction.index()] = true;
                note_hello(*found, tx);
                Packet::Read
            }
        }
    }
}

fn begin<'t>(
    direction: Direction,
    header: &Header,
    transactions: &'t mut Transactions,
) -> Option<&'t mut Transaction> {
    if transactions.begun() >= MAX_PACKETS {
        return None;
    }
    let tx = transactions.begin(Body::Quic(Box::new(QuicTransaction {
        direction,
        header: header.clone(),
        server_name: None,
        user_agent: None,
        cyu: Vec::new(),
        ja3: None,
        ja4: None,
        extensions: Vec::new(),
    })))?;
    tx.only = Some(direction);
    for side in Direction::BOTH {
        tx.advance(side, Transaction::COMPLETE);
    }
    Some(tx)
}

fn note_tags(tags: &[Tag<'_>], tx: &mut Transaction) {
    let Body::Quic(quic) = &mut tx.body else {
        return;
    };
    for tag in tags {
        match tag.name {
            Tag::SERVER_NAME => quic.server_name = Some(tag.value.to_vec()),
            Tag::USER_AGENT => quic.user_agent = Some(tag.value.to_vec()),
            _ => {}
        }
    }
    let version = match quic.header.version {
        Version::Q043 => "43",
        Version::Q044 | Version::Q045 => "44",
        Version::Q046 => "46",
        _ => return,
    };
    let names: Vec<_> = tags
        .iter()
        .map(|tag| String::from_utf8_lossy(tag.text()))
        .collect();
    let text = format!("{version},{}", names.join("-"));
    let hash = Hex(&Md5::digest(&text)).to_string();
    quic.cyu.push(Cyu { text, hash });
}

fn note_hello(found: Found, tx: &mut Transaction) {
    let Body::Quic(quic) = &mut tx.body else {
        return;
    };
    let Found {
        hello,
        speaker,
        extensions,
    } = found;
    quic.ja3 = Some(match speaker {
        Speaker::Client => ja3(&hello),
        Speaker::Server => ja3s(&hello),
    });
    if quic.direction == Direction::ToServer && speaker == Speaker::Client {
        quic.ja4 = Some(ja4(&hello, Carrier::Quic));
    }
    quic.extensions = extensions;
    if let Some(name) = hello.server_name {
        quic.server_name = Some(name);
    }
}

impl Parser for State {
    fn chunk(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        let mut rest = data;
        // Several packets may share a datagram (RFC 9000 §12.2).
        while !rest.is_empty() {
            let Some(header) = Header::read(rest) else {
                return Step::Failed;
            };
            match self.packet(direction, &header, rest, transactions) {
                Packet::Read => {}
                Packet::Enough => break,
                Packet::Bad => return Step::Failed,
            }
            rest = rest
                .get(header.length + header.payload..)
                .unwrap_or_default();
        }
        if self.done == [true; 2] {
            return Step::Finished;
        }
        Step::More
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Transactions, _: &Context, _: &Limits) -> Step {
        Step::More
    }

    fn close(&mut self, _: Direction, _: &mut Transactions, _: &Context, _: &Limits) {}
}

#[cfg(test)]
mod tests {
    use super::super::crypto::tests::seal;
    use super::super::frame::tests::google_hello;
    use super::super::quic;
    use super::*;
    use crate::tls::tests::hello_for;
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 443,
        client_port: 40_000,
    };

    fn run(packets: &[(Direction, Vec<u8>)]) -> (Transactions, Step) {
        let mut transactions = Transactions::default();
        let mut state = State::default();
        let mut step = Step::More;
        for (direction, bytes) in packets {
            step = state.chunk(
                *direction,
                bytes,
                &mut transactions,
                &CONTEXT,
                &Limits::default(),
            );
        }
        (transactions, step)
    }

    fn crypto(offset: usize, data: &[u8]) -> Vec<u8> {
        let number = |value: usize| ((value as u16) | 0x4000).to_be_bytes();
        [&[6][..], &number(offset), &number(data.len()), data].concat()
    }

    fn message() -> Vec<u8> {
        let body = hello_for(b"a.test");
        let length = (body.len() as u32).to_be_bytes();
        [&[1][..], &length[1..], &body].concat()
    }

    #[test]
    fn a_hello_in_two_packets_is_put_together() {
        let hello = message();
        let (first, second) = hello.split_at(50);
        let version = Version(1);
        let frames = [crypto(50, second), crypto(0, first)];
        let packets: Vec<_> = frames
            .iter()
            .map(|frames| (ToServer, seal(ToServer, version, b"id", frames)))
            .collect();
        let (transactions, _) = run(&packets);
        assert_eq!(transactions.begun(), 2);
        let quic = quic(&transactions.live()[1]).expect("quic");
        assert_eq!(quic.server_name.as_deref(), Some(&b"a.test"[..]));
        assert!(
            quic.ja4
                .as_ref()
                .is_some_and(|ja4| ja4.starts_with("q13d0206h2_"))
        );
        assert_eq!(quic.extensions.len(), 7);
    }

    #[test]
    fn a_retry_brings_other_keys() {
        let version = Version(1);
        let part = crypto(0, &message()[..40]);
        let retry = vec![0xf0, 0, 0, 0, 1, 0, 2, b'n', b'w', 9, 9];
        let (transactions, _) = run(&[
            (ToServer, seal(ToServer, version, b"id", &part)),
            (ToClient, retry.clone()),
            (
                ToServer,
                seal(ToServer, version, b"nw", &crypto(0, &message())),
            ),
            (ToClient, retry),
        ]);
        assert!(transactions.live().iter().all(|tx| tx.events.is_empty()));
        assert!(quic(&transactions.live()[2]).is_some_and(|quic| quic.ja3.is_some()));
    }

    #[test]
    fn packets_of_google_are_in_the_clear() {
        let head = [&[0x0d, 1, 2, 3, 4, 5, 6, 7, 8][..], b"Q043", &[1], &[0; 12]].concat();
        let packet = [head, google_hello(b"a.test", b"agent")].concat();
        let (transactions, _) = run(&[(ToServer, packet)]);
        let quic = quic(&transactions.live()[0]).expect("quic");
        assert_eq!(quic.server_name.as_deref(), Some(&b"a.test"[..]));
        assert_eq!(quic.user_agent.as_deref(), Some(&b"agent"[..]));
        assert_eq!(quic.cyu[0].text, "43,SNI-UAID");
    }

    #[test]
    fn damaged_packets_raise_events() {
        let mut packet = seal(ToServer, Version(1), b"id", &[1; 30]);
        if let Some(last) = packet.last_mut() {
            *last ^= 1;
        }
        let (transactions, step) = run(&[(ToServer, packet)]);
        assert_eq!(step, Step::Failed);
        assert_eq!(transactions.live()[0].events, [events::FAILED_DECRYPT]);
        let wrong = seal(ToServer, Version(1), b"id", &crypto(0, &[9; 20]));
        let (transactions, _) = run(&[(ToServer, wrong)]);
        assert_eq!(transactions.live()[0].events, [events::ERROR_ON_DATA]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(packets in proptest::collection::vec((any::<bool>(), any::<bool>(), proptest::collection::vec(any::<u8>(), 1..120)), 0..8)) {
            let packets: Vec<_> = packets
                .into_iter()
                .map(|(client, sealed, bytes)| {
                    let direction = if client { ToServer } else { ToClient };
                    let bytes = if sealed { seal(direction, Version(1), b"id", &bytes) } else { bytes };
                    (direction, bytes)
                })
                .collect();
            let (transactions, _) = run(&packets);
            for tx in transactions.live() {
                serde_json::to_string(&tx.record()).expect("a record serialises");
            }
        }
    }
}
