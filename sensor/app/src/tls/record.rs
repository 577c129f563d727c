//! The bytes of one side → records, whatever the chunks.

use super::wire::{ContentType, RECORD_HEADER_BYTES, RecordHeader};

/// First byte with either of these bits: a record of SSL 2 (RFC 6101 appendix E).
pub(super) const SSL2_BITS: u8 = 0xc0;
pub(super) const SSL2_SHORT_BIT: u8 = 0x80;

/// The beginning of a record of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    Tls(RecordHeader),
    /// Length of what follows, the type of its message included.
    Ssl2 {
        length: u16,
    },
}

impl Header {
    /// The header at the start of these bytes, and its length; `None` when more are needed.
    fn read(bytes: &[u8]) -> Option<(Header, usize)> {
        let &[first, ..] = bytes else { return None };
        if first & SSL2_BITS == 0 {
            let header = bytes.first_chunk::<RECORD_HEADER_BYTES>()?;
            return Some((
                Header::Tls(RecordHeader::read(*header)),
                RECORD_HEADER_BYTES,
            ));
        }
        let (mask, bytes_of_header) = if first & SSL2_SHORT_BIT != 0 {
            (0x7f, 2)
        } else {
            // A third byte counts the padding.
            (0x3f, 3)
        };
        let header = bytes.get(..bytes_of_header)?;
        let length = u16::from_be_bytes([first & mask, header[1]]);
        Some((Header::Ssl2 { length }, bytes_of_header))
    }

    pub fn length(self) -> usize {
        usize::from(match self {
            Header::Tls(header) => header.length,
            Header::Ssl2 { length } => length,
        })
    }
}

/// What to do with the payload of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    Collect,
    Skip,
    /// The bytes make no sense.
    Refuse,
}

/// Who takes the records.
pub trait Taker {
    /// The first of the last `rest` bytes begins a record.
    fn first(&mut self, _byte: u8, _rest: usize) {}
    /// The header of a record is whole; its last `header_bytes` begin `rest` bytes before the end.
    fn announce(&mut self, _header: Header, _rest: usize, _header_bytes: usize) {}
    /// The payload of a collected record begins `rest` bytes before the end, or what the newest chunk has of one that is
    /// passed over.
    fn payload(&mut self, _header: Header, _rest: usize) {}
    /// A record begins.
    fn begin(&mut self, header: Header) -> Payload;
    /// A collected record is there. False ends reading.
    fn end(&mut self, header: Header, payload: &[u8]) -> bool;
}

#[derive(Debug)]
enum Phase {
    /// Bytes of a header that is not whole.
    Header(Vec<u8>),
    Body {
        header: Header,
        held: Vec<u8>,
    },
    Skip {
        header: Header,
        left: usize,
    },
    Over,
}

impl Default for Phase {
    fn default() -> Self {
        Phase::Header(Vec::new())
    }
}

/// Records of one side. At most one of them is held.
#[derive(Debug, Default)]
pub struct Records(Phase);

impl Records {
    /// No record has begun that is not over.
    pub fn is_between(&self) -> bool {
        matches!(&self.0, Phase::Header(held) if held.is_empty())
    }

    /// The payload of a record is awaited.
    pub fn is_waiting(&self) -> bool {
        matches!(self.0, Phase::Body { .. })
    }

    /// Takes bytes; false when they made no sense.
    pub fn push(&mut self, mut data: &[u8], taker: &mut impl Taker) -> bool {
        while !data.is_empty() {
            let phase = std::mem::replace(&mut self.0, Phase::Over);
            let next = match phase {
                Phase::Header(held) => header(held, &mut data, taker),
                Phase::Body { header, held } => body(header, held, &mut data, taker),
                Phase::Skip { header, left } => {
                    taker.payload(header, data.len());
                    let taken = left.min(data.len());
                    data = &data[taken..];
                    Some(skip(header, left - taken))
                }
                Phase::Over => None,
            };
            match next {
                Some(phase) => self.0 = phase,
                None => return false,
            }
        }
        true
    }

    /// Bytes that will not come; true when they all belong to a record that is passed over.
    pub fn pass(&mut self, bytes: u64) -> bool {
        match (&self.0, usize::try_from(bytes)) {
            (Phase::Skip { header, left }, Ok(bytes)) if bytes <= *left => {
                self.0 = skip(*header, *left - bytes);
                true
            }
            _ => false,
        }
    }
}

fn skip(header: Header, left: usize) -> Phase {
    if left == 0 {
        Phase::default()
    } else {
        Phase::Skip { header, left }
    }
}

fn header(mut held: Vec<u8>, data: &mut &[u8], taker: &mut impl Taker) -> Option<Phase> {
    let before = held.len();
    if let (0, Some(&first)) = (before, data.first()) {
        taker.first(first, data.len());
    }
    let taken = (RECORD_HEADER_BYTES - before.min(RECORD_HEADER_BYTES)).min(data.len());
    held.extend_from_slice(&data[..taken]);
    let Some((header, length)) = Header::read(&held) else {
        *data = &data[taken..];
        return Some(Phase::Header(held));
    };
    taker.announce(header, data.len(), length.saturating_sub(before));
    *data = &data[length.saturating_sub(before)..];
    match taker.begin(header) {
        Payload::Collect => Some(Phase::Body {
            header,
            held: Vec::new(),
        }),
        Payload::Skip => Some(skip(header, header.length())),
        Payload::Refuse => None,
    }
}

fn body(
    header: Header,
    mut held: Vec<u8>,
    data: &mut &[u8],
    taker: &mut impl Taker,
) -> Option<Phase> {
    let taken = (header.length() - held.len()).min(data.len());
    let (part, rest) = data.split_at(taken);
    *data = rest;
    // A record in one piece is not copied.
    let whole = if held.is_empty() && taken == header.length() {
        part
    } else {
        held.extend_from_slice(part);
        held.as_slice()
    };
    if whole.len() < header.length() {
        return Some(Phase::Body { header, held });
    }
    taker.payload(header, header.length() + data.len());
    taker.end(header, whole).then(Phase::default)
}

impl Header {
    /// Type of a record that is no SSL 2.
    pub fn content(self) -> Option<ContentType> {
        match self {
            Header::Tls(header) => Some(header.content),
            Header::Ssl2 { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Default)]
    struct All(Vec<Vec<u8>>);

    impl Taker for All {
        fn begin(&mut self, header: Header) -> Payload {
            match header.content() {
                Some(ContentType::APPLICATION_DATA) => Payload::Skip,
                Some(content) if !content.is_known() => Payload::Refuse,
                _ if header.length() == 0 => Payload::Refuse,
                _ => Payload::Collect,
            }
        }

        fn end(&mut self, _: Header, payload: &[u8]) -> bool {
            self.0.push(payload.to_vec());
            true
        }
    }

    const STREAM: &[u8] = &[
        0x16, 3, 1, 0, 2, 1, 2, // handshake
        0x17, 3, 1, 0, 3, 9, 9, 9, // data
        0x80, 2, 1, 7, // SSL 2, short header
        0x40, 1, 0, 8, // SSL 2, long header
        0x15, 3, 1, 0, 1, 4,
    ];

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_records(cuts in proptest::collection::vec(1usize..9, 1..20)) {
            let mut records = Records::default();
            let mut all = All::default();
            let mut rest = STREAM;
            let mut cuts = cuts.into_iter().cycle();
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                prop_assert!(records.push(chunk, &mut all));
                rest = after;
            }
            prop_assert_eq!(all.0, [&[1, 2][..], &[1, 7], &[8], &[4]]);
            prop_assert!(records.is_between());
        }

        #[test]
        fn no_bytes_panic(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20)) {
            let mut records = Records::default();
            for chunk in chunks {
                if !records.push(&chunk, &mut All::default()) {
                    break;
                }
            }
        }
    }

    #[test]
    fn gaps_in_data_do_not_matter() {
        let mut records = Records::default();
        assert!(records.push(&[0x17, 3, 3, 0, 9, 1], &mut All::default()));
        assert!(records.pass(7));
        assert!(!records.pass(2));
        assert!(records.pass(1));
        assert!(records.is_between());
    }
}
