//! Chunks → packets, of which the beginning is kept.

/// Bytes kept of a packet.
pub const MAX_PACKET_BYTES: usize = 4096;
/// Length (3) and number (1).
const HEADER_BYTES: usize = 4;

/// A packet.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// Within its command, from 0.
    pub number: u8,
    pub length: u32,
    /// The beginning of its payload.
    pub payload: Vec<u8>,
}

/// Puts the packets of one side together.
#[derive(Debug, Default)]
pub struct Packets {
    header: Vec<u8>,
    packet: Packet,
    /// Bytes of the payload still to come.
    left: u32,
}

impl Packets {
    /// Takes the next packet off the front of `data`; `None` when the rest of it is no whole packet (it is kept).
    pub fn next(&mut self, data: &mut &[u8]) -> Option<Packet> {
        if self.header.len() < HEADER_BYTES {
            let count = (HEADER_BYTES - self.header.len()).min(data.len());
            let (bytes, rest) = data.split_at(count);
            self.header.extend_from_slice(bytes);
            *data = rest;
            let &[low, middle, high, number] = self.header.as_slice() else {
                return None;
            };
            let length = u32::from_le_bytes([low, middle, high, 0]);
            self.packet = Packet {
                number,
                length,
                payload: Vec::new(),
            };
            self.left = length;
        }
        let count = usize::try_from(self.left).map_or(data.len(), |left| left.min(data.len()));
        let (bytes, rest) = data.split_at(count);
        *data = rest;
        self.left -= u32::try_from(count).unwrap_or(self.left);
        let room = MAX_PACKET_BYTES - self.packet.payload.len();
        self.packet
            .payload
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        if self.left > 0 {
            return None;
        }
        self.header.clear();
        Some(std::mem::take(&mut self.packet))
    }

    /// Whether so many bytes may be missing: all of them within one packet, behind what is kept of it.
    pub fn skip(&mut self, bytes: u64) -> bool {
        match u32::try_from(bytes) {
            Ok(bytes) if bytes < self.left => {
                self.left -= bytes;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_put_together() {
        let mut all = b"\x03\0\0\0abc\0\0\0\x01".to_vec();
        all.extend_from_slice(&[0x88, 0x13, 0, 2]);
        all.extend_from_slice(&[7; 5000]);
        for step in [1, 3, 4, 7, 6000] {
            let mut packets = Packets::default();
            let mut found = Vec::new();
            for chunk in all.chunks(step) {
                let mut rest = chunk;
                while !rest.is_empty() {
                    match packets.next(&mut rest) {
                        Some(packet) => found.push(packet),
                        None => break,
                    }
                }
                // An empty packet ends with its header.
            }
            assert_eq!(found.len(), 3, "{step}");
            assert_eq!(found[0].payload, b"abc");
            assert_eq!((found[1].number, found[1].length), (1, 0));
            assert_eq!(
                (found[2].length, found[2].payload.len()),
                (5000, MAX_PACKET_BYTES)
            );
        }
    }
}
