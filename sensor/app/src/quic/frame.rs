//! Frames within a packet (RFC 9000 §19), as far as hellos need them, and the stream frames of Google's QUIC.

use sensor_bytes::{Reader, Short};

use super::wire::variable;

/// Tags of one message of Google's QUIC.
pub const MAX_TAGS: usize = 128;

/// A tag of Google's QUIC and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag<'a> {
    pub name: [u8; 4],
    pub value: &'a [u8],
}

impl Tag<'_> {
    pub const SERVER_NAME: [u8; 4] = *b"SNI\0";
    pub const USER_AGENT: [u8; 4] = *b"UAID";
    /// Tags that are known; a message with others is none.
    const NAMES: &'static [&'static [u8; 4]] = &[
        b"AEAD", b"CCRT", b"CCS\0", b"CETV", b"CFCW", b"CHLO", b"COPT", b"CSCT", b"CTIM", b"ICSL",
        b"IRTT", b"KEXS", b"MIDS", b"MSPC", b"NONC", b"NONP", b"PAD\0", b"PDMD", b"PUBS", b"SCID",
        b"SCLS", b"SFCW", b"SMHL", b"SNI\0", b"SNO\0", b"STK\0", b"TCID", b"UAID", b"VER\0",
        b"XLCT",
    ];

    /// The name without what fills it up.
    pub fn text(&self) -> &[u8] {
        self.name.strip_suffix(&[0]).unwrap_or(&self.name)
    }

    fn is_known(name: &[u8; 4]) -> bool {
        Self::NAMES.contains(&name)
    }
}

/// What matters of a packet's frames.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Bytes of the handshake at a position.
    Crypto { offset: u64, data: &'a [u8] },
    /// A message of Google's QUIC.
    Tags(Vec<Tag<'a>>),
    /// Without interest here.
    Other,
}

/// The frames of a packet; `None` when they are none.
pub fn read(bytes: &[u8]) -> Option<Vec<Frame<'_>>> {
    let mut reader = Reader::new(bytes);
    let mut frames = Vec::new();
    while !reader.is_empty() {
        // Padding comes by the thousand.
        let zeros = reader.rest().iter().take_while(|byte| **byte == 0).count();
        if zeros > 0 {
            reader.skip(zeros).ok()?;
            continue;
        }
        match frame(&mut reader).ok()? {
            Frame::Other => {}
            frame => frames.push(frame),
        }
    }
    Some(frames)
}

fn frame<'a>(reader: &mut Reader<'a>) -> Result<Frame<'a>, Short> {
    let kind = reader.u8()?;
    match kind {
        // Ping.
        0x01 => {}
        0x02 | 0x03 => {
            acknowledgement(reader)?;
            if kind == 0x03 {
                for _ in 0..3 {
                    variable(reader)?;
                }
            }
        }
        0x06 => {
            let offset = variable(reader)?;
            let length = variable(reader)?;
            let data = reader.take(usize::try_from(length).unwrap_or(usize::MAX))?;
            return Ok(Frame::Crypto { offset, data });
        }
        0x08 => {
            variable(reader)?;
            let length = variable(reader)?;
            let data = reader.take(usize::try_from(length).unwrap_or(usize::MAX))?;
            return Ok(tags(data).map_or(Frame::Other, Frame::Tags));
        }
        0x80.. => {
            let data = stream(kind, reader)?;
            return Ok(tags(data).map_or(Frame::Other, Frame::Tags));
        }
        // What else may come needs no looking into.
        _ => reader.skip(reader.remaining())?,
    }
    Ok(Frame::Other)
}

fn acknowledgement(reader: &mut Reader<'_>) -> Result<(), Short> {
    variable(reader)?;
    variable(reader)?;
    let ranges = variable(reader)?;
    variable(reader)?;
    // Ends with the packet, however many there are said to be.
    for _ in 0..ranges {
        variable(reader)?;
        variable(reader)?;
    }
    Ok(())
}

/// Stream frame of Google's QUIC: bits `1fdooossb` tell what follows.
fn stream<'a>(kind: u8, reader: &mut Reader<'a>) -> Result<&'a [u8], Short> {
    let has_length = kind & 0x20 != 0;
    let offset_bytes = match (kind & 0x1c) >> 2 {
        0 => 0,
        bits => usize::from(bits) + 1,
    };
    reader.skip(usize::from(kind & 0x03) + 1 + offset_bytes)?;
    let length = if has_length {
        usize::from(reader.u16()?)
    } else {
        reader.remaining()
    };
    reader.take(length)
}

/// A message: its name, the number of tags, tags with the ends of their values, values.
fn tags(data: &[u8]) -> Option<Vec<Tag<'_>>> {
    let mut reader = Reader::new(data);
    if !Tag::is_known(&reader.array().ok()?) {
        return None;
    }
    let count = usize::from(reader.u16_le().ok()?);
    reader.skip(2).ok()?;
    if count > MAX_TAGS {
        return None;
    }
    let mut ends = Vec::with_capacity(count);
    for _ in 0..count {
        let name: [u8; 4] = reader.array().ok()?;
        if !Tag::is_known(&name) {
            return None;
        }
        ends.push((name, reader.u32_le().ok()?));
    }
    let mut found = Vec::with_capacity(count);
    let mut before = 0;
    for (name, end) in ends {
        let length = usize::try_from(end.checked_sub(before)?).ok()?;
        let value = reader.take(length).ok()?;
        before = end;
        found.push(Tag { name, value });
    }
    reader.is_empty().then_some(found)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A stream frame with a client hello of Google's QUIC.
    pub fn google_hello(server_name: &[u8], user_agent: &[u8]) -> Vec<u8> {
        let ends = [server_name.len(), server_name.len() + user_agent.len()];
        let mut message = b"CHLO\x02\0\0\0".to_vec();
        for (name, end) in [b"SNI\0", b"UAID"].into_iter().zip(ends) {
            message.extend(name);
            message.extend((end as u32).to_le_bytes());
        }
        message.extend(server_name);
        message.extend(user_agent);
        let length = (message.len() as u16).to_be_bytes();
        [&[0xa0, 1][..], &length, &message].concat()
    }

    #[test]
    fn frames_of_a_packet() {
        let acknowledgement = [3, 1, 2, 1, 3, 4, 5, 6, 7, 8];
        let crypto = [6, 5, 2, 8, 9];
        let all = [&[0, 0, 1][..], &acknowledgement, &crypto, &[0, 0]].concat();
        assert_eq!(
            read(&all),
            Some(vec![Frame::Crypto {
                offset: 5,
                data: &[8, 9]
            }])
        );
        let hello = google_hello(b"a.test", b"agent");
        let Some(Frame::Tags(tags)) = read(&hello).and_then(|mut frames| frames.pop()) else {
            panic!("no tags");
        };
        let found: Vec<_> = tags.iter().map(|tag| (tag.text(), tag.value)).collect();
        assert_eq!(found, [(&b"SNI"[..], &b"a.test"[..]), (b"UAID", b"agent")]);
        assert_eq!(read(&[6, 5, 9, 1]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            read(&bytes);
        }
    }
}
