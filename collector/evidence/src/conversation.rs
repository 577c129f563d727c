//! What two ends said to one another, in order.

use std::collections::BTreeMap;

use crate::packet::{End, Packet};
use crate::{Frame, packets};

/// Who sent a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

/// Bytes that one side sent, of one packet, without what had been sent before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub side: Side,
    /// Number of the packet.
    pub packet: usize,
    /// Place of the first byte among all that this side sent; gaps count.
    pub offset: u64,
    /// Bytes before it that are not there.
    pub missing: u64,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    pub client: End,
    pub server: End,
    pub protocol: String,
    pub pieces: Vec<Piece>,
    /// Bytes behind the limit, which are not here.
    pub left_out: u64,
}

/// The conversation that a packet belongs to, up to so many bytes; the first one without a number. `None` when it has
/// none: it is no IP.
pub fn conversation(frames: &[Frame], number: Option<usize>, limit: usize) -> Option<Conversation> {
    let all = packets(frames);
    let chosen = match number {
        Some(number) => all.get(number)?,
        None => all.iter().find(|packet| packet.ends.is_some())?,
    };
    let (one, other) = chosen.ends?;
    let of: Vec<&Packet> = all
        .iter()
        .filter(|packet| {
            packet.protocol == chosen.protocol
                && (packet.ends == Some((one, other)) || packet.ends == Some((other, one)))
        })
        .collect();
    // Who opens the session, else who speaks first.
    let opening = of.iter().find(|packet| packet.flags == "S");
    let opening = opening.or(of.first())?;
    let (client, server) = opening.ends?;
    let mut pieces = Vec::new();
    for side in [Side::Client, Side::Server] {
        let from = match side {
            Side::Client => client,
            Side::Server => server,
        };
        let sent = of
            .iter()
            .filter(|packet| packet.ends.is_some_and(|(source, _)| source == from));
        // A flow of one host with itself on the same port has one side.
        if side == Side::Server && client == server {
            break;
        }
        pieces.extend(pieces_of(side, sent.copied(), frames));
    }
    // Both sides are in their own order; between them the packet's place decides.
    pieces.sort_by_key(|(order, _)| *order);
    let mut left = limit;
    let mut left_out = 0;
    let pieces = pieces
        .into_iter()
        .map(|(_, piece)| piece)
        .filter_map(|mut piece| {
            let kept = piece.bytes.len().min(left);
            left_out += (piece.bytes.len() - kept) as u64;
            left -= kept;
            piece.bytes.truncate(kept);
            (kept > 0).then_some(piece)
        })
        .collect();
    Some(Conversation {
        client,
        server,
        protocol: chosen.protocol.clone(),
        pieces,
        left_out,
    })
}

/// Pieces of one side, each with the number of a packet by which it stands among those of the other side.
fn pieces_of<'a>(
    side: Side,
    sent: impl Iterator<Item = &'a Packet>,
    frames: &[Frame],
) -> Vec<(usize, Piece)> {
    let mut pieces = Vec::new();
    let mut begins = None;
    // Segments by their place in the stream; of those with the same place the longest, the first of equals.
    let mut segments: BTreeMap<i64, (usize, &[u8])> = BTreeMap::new();
    for packet in sent {
        let Some(data) = frames.get(packet.number).map(|frame| packet.data(frame)) else {
            continue;
        };
        let Some(sequence) = packet.sequence else {
            let offset = pieces.last().map_or(0, |(_, piece): &(usize, Piece)| {
                piece.offset + piece.bytes.len() as u64
            });
            pieces.push((
                packet.number,
                Piece {
                    side,
                    packet: packet.number,
                    offset,
                    missing: 0,
                    bytes: data.to_vec(),
                },
            ));
            continue;
        };
        // A SYN takes one number.
        let syn = u32::from(packet.flags.contains('S'));
        let first = sequence.wrapping_add(syn);
        let origin = *begins.get_or_insert(first);
        let place = i64::from(first.wrapping_sub(origin).cast_signed());
        let longest = segments.entry(place).or_insert((packet.number, data));
        if data.len() > longest.1.len() {
            *longest = (packet.number, data);
        }
    }
    let first = segments
        .iter()
        .find(|(_, (_, data))| !data.is_empty())
        .map_or(0, |(&place, _)| place.min(0));
    let mut next = first;
    let mut order = 0;
    for (place, (number, data)) in segments {
        let end = place + data.len() as i64;
        if data.is_empty() || end <= next {
            continue;
        }
        let seen = usize::try_from(next - place).unwrap_or(0);
        order = order.max(number);
        pieces.push((
            order,
            Piece {
                side,
                packet: number,
                offset: (place.max(next) - first).cast_unsigned(),
                missing: (place - next).max(0).cast_unsigned(),
                bytes: data[seen..].to_vec(),
            },
        ));
        next = end;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;
    use proptest::prelude::*;

    const CLIENT: ([u8; 4], u16) = ([10, 0, 0, 1], 40_000);
    const SERVER: ([u8; 4], u16) = ([10, 0, 0, 2], 80);

    fn tcp(from: Side, sequence: u32, syn: bool, data: &[u8]) -> Frame {
        let (source, destination) = match from {
            Side::Client => (CLIENT, SERVER),
            Side::Server => (SERVER, CLIENT),
        };
        let mut builder = PacketBuilder::ethernet2([0; 6], [1; 6])
            .ipv4(source.0, destination.0, 64)
            .tcp(source.1, destination.1, sequence, 1_000);
        if syn {
            builder = builder.syn();
        }
        if !syn || from == Side::Server {
            builder = builder.ack(1);
        }
        let mut bytes = Vec::new();
        builder.write(&mut bytes, data).expect("in memory");
        Frame {
            timestamp_ns: 0,
            link: 1,
            wire_length: bytes.len() as u32,
            data: bytes,
        }
    }

    fn said(frames: &[Frame]) -> Vec<(Side, String, u64)> {
        let told = conversation(frames, None, 1_000).expect("a conversation");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        told.pieces
            .iter()
            .map(|piece| (piece.side, text(&piece.bytes), piece.missing))
            .collect()
    }

    #[test]
    fn both_sides_speak_in_turns_and_nothing_is_told_twice() {
        use Side::{Client, Server};
        let frames = [
            tcp(Client, u32::MAX - 1, true, b""),
            tcp(Server, 500, true, b""),
            tcp(Client, u32::MAX, false, b"GET "),
            // Sent again with more, over the end of the numbers.
            tcp(Client, u32::MAX, false, b"GET /a"),
            // The second half overtook the first.
            tcp(Server, 504, false, b"body"),
            tcp(Server, 501, false, b"200"),
            tcp(Client, 8, false, b"bye"),
        ];
        assert_eq!(
            said(&frames),
            [
                (Client, "GET /a".to_owned(), 0),
                (Server, "200".to_owned(), 0),
                (Server, "body".to_owned(), 0),
                (Client, "bye".to_owned(), 3),
            ]
        );
        // Without the opening, whoever speaks first is the client.
        let told = conversation(&frames[4..], None, 5).expect("a conversation");
        assert_eq!(told.client.to_string(), "10.0.0.2:80");
        assert_eq!(told.left_out, 5);
        assert!(conversation(&frames, Some(99), 5).is_none());
    }

    #[test]
    fn datagrams_are_pieces() {
        let mut bytes = Vec::new();
        PacketBuilder::ethernet2([0; 6], [1; 6])
            .ipv4(CLIENT.0, SERVER.0, 64)
            .udp(5_000, 53)
            .write(&mut bytes, b"who")
            .expect("in memory");
        let frame = Frame {
            timestamp_ns: 0,
            link: 1,
            wire_length: 0,
            data: bytes,
        };
        let frames = [frame.clone(), frame];
        assert_eq!(said(&frames).len(), 2);
        let list = packets(&frames);
        assert_eq!(list[0].protocol, "UDP");
        assert_eq!(list[1].data(&frames[1]), b"who");
    }

    proptest! {
        #[test]
        fn no_frame_makes_it_fail(
            link in prop_oneof![Just(0u16), Just(1), Just(101), Just(113), Just(276), any::<u16>()],
            data in proptest::collection::vec(any::<u8>(), 0..120),
        ) {
            let frame = Frame { timestamp_ns: 0, link, wire_length: 0, data };
            let frames = [frame.clone(), frame];
            prop_assert_eq!(packets(&frames).len(), 2);
            let _ = conversation(&frames, Some(0), 64);
        }
    }
}
