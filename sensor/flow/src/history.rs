//! What a connection has seen, one letter each in the order of its first appearance, as analysts of Zeek read it:
//! `S` SYN, `H` SYN with ACK, `A` ACK alone, `D` data, `F` FIN, `R` RST, `W` a window of zero, `Q` SYN with FIN or
//! RST, `I` FIN with RST; and what who follows the stream tells: `C` a wrong checksum, `G` a gap, `T` data sent
//! again. Capitals are the client's, small letters the server's; `^` tells that the sides were taken the wrong way
//! round at first.

use arrayvec::ArrayVec;
use sensor_decode::{Packet, Tcp, Transport};

use crate::Direction;

/// Twelve letters of both sides, and the mark.
const LIMIT: usize = 25;

#[derive(Debug, Clone, Default)]
pub struct History {
    letters: ArrayVec<u8, LIMIT>,
}

/// What only who follows the stream knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A segment with a wrong checksum.
    WrongChecksum,
    /// Data that was never seen.
    Gap,
    /// Data that was sent before.
    Retransmission,
}

impl History {
    /// Takes note of what the stream of a side tells.
    pub fn mark(&mut self, mark: Mark, direction: Direction) {
        let letter = match mark {
            Mark::WrongChecksum => b'C',
            Mark::Gap => b'G',
            Mark::Retransmission => b'T',
        };
        self.add(letter, direction);
    }

    /// The server has accepted, and something came of it.
    pub fn is_accepted(&self) -> bool {
        let accepted = self.letters.iter().position(|letter| *letter == b'h');
        accepted.is_some_and(|at| {
            let after = self.letters.iter().skip(at + 1);
            after.into_iter().any(|letter| !b"CGTcgt".contains(letter))
        })
    }

    pub(crate) fn note(&mut self, packet: &Packet<'_>, direction: Direction) {
        let data = !packet.payload.is_empty();
        match &packet.transport {
            Transport::Tcp(tcp) => {
                let is = |flags| tcp.has(flags);
                let (syn, ack, fin, rst) = (is(Tcp::SYN), is(Tcp::ACK), is(Tcp::FIN), is(Tcp::RST));
                if syn && (fin || rst) {
                    self.add(b'Q', direction);
                } else if syn {
                    self.add(if ack { b'H' } else { b'S' }, direction);
                }
                if data {
                    self.add(b'D', direction);
                } else if ack && !syn && !fin && !rst {
                    self.add(b'A', direction);
                }
                if fin && rst && !syn {
                    self.add(b'I', direction);
                } else if fin && !syn {
                    self.add(b'F', direction);
                }
                if rst && !fin && !syn {
                    self.add(b'R', direction);
                } else if tcp.window == 0 {
                    self.add(b'W', direction);
                }
            }
            Transport::Udp(_) if data => self.add(b'D', direction),
            _ => {}
        }
    }

    fn add(&mut self, letter: u8, direction: Direction) {
        let letter = match direction {
            Direction::ToServer => letter,
            Direction::ToClient => letter.to_ascii_lowercase(),
        };
        if !self.letters.contains(&letter) {
            // All of them have room.
            let _ = self.letters.try_push(letter);
        }
    }

    /// The sides are the other way round.
    pub(crate) fn swap(&mut self) {
        for letter in &mut self.letters {
            *letter ^= u8::from(letter.is_ascii_alphabetic()) << 5;
        }
        if !self.letters.contains(&b'^') {
            let _ = self.letters.try_insert(0, b'^');
        }
    }

    /// The letters; none for protocols without a connection.
    pub fn text(&self) -> &str {
        // All of them are ASCII.
        std::str::from_utf8(&self.letters).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};

    #[test]
    fn each_letter_stands_once() {
        let mut history = History::default();
        for (letter, direction) in [
            (b'S', ToServer),
            (b'H', ToClient),
            (b'A', ToServer),
            (b'D', ToServer),
            (b'D', ToServer),
            (b'D', ToClient),
        ] {
            history.add(letter, direction);
        }
        assert_eq!(history.text(), "ShADd");
        history.swap();
        assert_eq!(history.text(), "^sHadD");
        for letter in b"SHADFRWQICGT" {
            history.add(*letter, ToServer);
            history.add(*letter, ToClient);
        }
        assert_eq!(history.text().len(), LIMIT);
    }

    #[test]
    fn a_server_accepts_before_anything_comes_of_it() {
        for (letters, accepted) in [
            ("S", false),
            ("Sh", false),
            ("Shc", false),
            ("ShA", true),
            ("ShcA", true),
            ("DdA", false),
        ] {
            let mut history = History::default();
            history.letters.extend(letters.bytes());
            assert_eq!(history.is_accepted(), accepted, "{letters}");
        }
    }
}
