//! The two file formats over a window of bytes: pcap (draft-ietf-opsawg-pcap) and pcapng
//! (draft-ietf-opsawg-pcapng), as `pcap-parser` reads their parts.

use pcap_parser::pcapng::{Block, parse_block_be, parse_block_le};
use pcap_parser::{PcapError, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_header};

use crate::{FRAME_LIMIT, Frame};

/// Interfaces that one pcapng section may describe.
const INTERFACE_LIMIT: usize = 4096;

const NANOSECONDS: i64 = 1_000_000_000;

/// What a window holds at its start.
pub(crate) enum Step {
    /// A frame.
    Frame(Place),
    /// Bytes that are no frame.
    Skip(usize),
    /// The window is too short; at least this many bytes are wanted.
    More(usize),
    Broken(String),
}

/// Where a frame lies in the window, so that a window that moves can lend it.
pub(crate) struct Place {
    timestamp_ns: i64,
    link: u16,
    wire_length: u32,
    data: std::ops::Range<usize>,
    /// Bytes of the window that it takes.
    pub taken: usize,
}

impl Place {
    /// The frame at this place of its window.
    pub fn frame<'a>(&self, window: &'a [u8]) -> Option<Frame<'a>> {
        Some(Frame {
            timestamp_ns: self.timestamp_ns,
            link: self.link,
            data: window.get(self.data.clone())?,
            wire_length: self.wire_length,
        })
    }
}

struct Interface {
    link: u16,
    /// Ticks a second.
    resolution: u64,
    offset_seconds: i64,
}

enum Kind {
    Pcap {
        big_endian: bool,
        nanoseconds: bool,
        link: u16,
    },
    Pcapng {
        big_endian: bool,
        interfaces: Vec<Interface>,
    },
}

/// State of a file between frames.
pub(crate) struct Format {
    kind: Kind,
}

const PCAP_HEADER: usize = 24;
/// Bytes before the frame, in each format.
const PCAP_RECORD: usize = 16;
const ENHANCED_HEAD: usize = 28;
const SIMPLE_HEAD: usize = 12;
const SECTION_HEADER: u32 = 0x0a0d_0d0a;

impl Format {
    /// Recognises a file by its first bytes; `Ok(None)` asks for at least 24 of them.
    pub(crate) fn detect(window: &[u8]) -> Option<(Format, usize)> {
        let magic: [u8; 4] = window.get(..4)?.try_into().ok()?;
        if u32::from_le_bytes(magic) == SECTION_HEADER {
            let big_endian = window.get(8..12)? == [0x1a, 0x2b, 0x3c, 0x4d];
            return Some((
                Format {
                    kind: Kind::Pcapng {
                        big_endian,
                        interfaces: Vec::new(),
                    },
                },
                0,
            ));
        }
        let (_, header) = parse_pcap_header(window.get(..PCAP_HEADER)?).ok()?;
        if header.is_modified_format() {
            return None;
        }
        let kind = Kind::Pcap {
            big_endian: header.is_bigendian(),
            nanoseconds: header.is_nanosecond_precision(),
            // The upper half tells of frame check sequences (draft-ietf-opsawg-pcap §4).
            link: (header.network.0 & 0xffff) as u16,
        };
        Some((Format { kind }, PCAP_HEADER))
    }

    pub(crate) fn step(&mut self, window: &[u8]) -> Step {
        match &mut self.kind {
            Kind::Pcap {
                big_endian,
                nanoseconds,
                link,
            } => pcap_step(window, *big_endian, *nanoseconds, *link),
            Kind::Pcapng {
                big_endian,
                interfaces,
            } => pcapng_step(window, big_endian, interfaces),
        }
    }
}

fn pcap_step(window: &[u8], big_endian: bool, nanoseconds: bool, link: u16) -> Step {
    let Some(length) = window.get(8..12).and_then(|bytes| bytes.try_into().ok()) else {
        return Step::More(16);
    };
    let length = if big_endian {
        u32::from_be_bytes(length)
    } else {
        u32::from_le_bytes(length)
    };
    if length as usize > FRAME_LIMIT {
        return Step::Broken(format!(
            "a frame of {length} bytes, more than {FRAME_LIMIT}"
        ));
    }
    let parsed = if big_endian {
        parse_pcap_frame_be(window)
    } else {
        parse_pcap_frame(window)
    };
    match parsed {
        Ok((rest, block)) => {
            let fraction = i64::from(block.ts_usec) * if nanoseconds { 1 } else { 1000 };
            Step::Frame(Place {
                timestamp_ns: i64::from(block.ts_sec) * NANOSECONDS + fraction,
                link,
                wire_length: block.origlen,
                data: PCAP_RECORD..PCAP_RECORD + block.data.len(),
                taken: window.len() - rest.len(),
            })
        }
        Err(pcap_parser::nom::Err::Incomplete(_)) => Step::More(16 + length as usize),
        Err(error) => Step::Broken(reason(&error)),
    }
}

fn pcapng_step(window: &[u8], big_endian: &mut bool, interfaces: &mut Vec<Interface>) -> Step {
    let Some(head) = window.get(..12) else {
        return Step::More(12);
    };
    if head[..4] == SECTION_HEADER.to_le_bytes() {
        *big_endian = head[8..12] == [0x1a, 0x2b, 0x3c, 0x4d];
    }
    let word = [head[4], head[5], head[6], head[7]];
    let length = if *big_endian {
        u32::from_be_bytes(word)
    } else {
        u32::from_le_bytes(word)
    } as usize;
    // A block holds one frame and its options.
    if !(12..=4 * FRAME_LIMIT).contains(&length) {
        return Step::Broken(format!("a block of {length} bytes"));
    }
    if window.len() < length {
        return Step::More(length);
    }
    let parsed = if *big_endian {
        parse_block_be(window)
    } else {
        parse_block_le(window)
    };
    let (rest, block) = match parsed {
        Ok(parsed) => parsed,
        Err(pcap_parser::nom::Err::Incomplete(_)) => {
            return Step::Broken("a block whose parts exceed its length".to_owned());
        }
        Err(error) => return Step::Broken(reason(&error)),
    };
    let taken = window.len() - rest.len();
    match block {
        Block::SectionHeader(_) => interfaces.clear(),
        Block::InterfaceDescription(description) => {
            if interfaces.len() >= INTERFACE_LIMIT {
                return Step::Broken(format!(
                    "more than {INTERFACE_LIMIT} interfaces in a section"
                ));
            }
            interfaces.push(Interface {
                link: (description.linktype.0 & 0xffff) as u16,
                resolution: description.ts_resolution().unwrap_or(1_000_000),
                offset_seconds: description.ts_offset(),
            });
        }
        Block::EnhancedPacket(packet) => {
            let Some(interface) = interfaces.get(packet.if_id as usize) else {
                return Step::Broken(format!(
                    "a packet of interface {}, which no block describes",
                    packet.if_id
                ));
            };
            let ticks = (u64::from(packet.ts_high) << 32) | u64::from(packet.ts_low);
            let captured = (packet.caplen as usize).min(packet.data.len());
            return Step::Frame(Place {
                timestamp_ns: nanoseconds(ticks, interface),
                link: interface.link,
                wire_length: packet.origlen,
                data: ENHANCED_HEAD..ENHANCED_HEAD + captured,
                taken,
            });
        }
        Block::SimplePacket(packet) => {
            let Some(interface) = interfaces.first() else {
                return Step::Broken("a simple packet before any interface".to_owned());
            };
            let captured = (packet.origlen as usize).min(packet.data.len());
            return Step::Frame(Place {
                timestamp_ns: 0,
                link: interface.link,
                wire_length: packet.origlen,
                data: SIMPLE_HEAD..SIMPLE_HEAD + captured,
                taken,
            });
        }
        _ => {}
    }
    Step::Skip(taken)
}

fn nanoseconds(ticks: u64, interface: &Interface) -> i64 {
    let resolution = interface.resolution.max(1);
    let seconds = (ticks / resolution) as i64;
    let fraction = u128::from(ticks % resolution) * NANOSECONDS as u128 / u128::from(resolution);
    seconds
        .saturating_add(interface.offset_seconds)
        .saturating_mul(NANOSECONDS)
        .saturating_add(fraction as i64)
}

fn reason(error: &pcap_parser::nom::Err<PcapError<&[u8]>>) -> String {
    match error {
        pcap_parser::nom::Err::Error(error) | pcap_parser::nom::Err::Failure(error) => {
            match error {
                PcapError::NomError(_, kind) | PcapError::OwnedNomError(_, kind) => {
                    format!("not a frame ({})", kind.description())
                }
                other => format!("{other:?}").chars().take(80).collect(),
            }
        }
        pcap_parser::nom::Err::Incomplete(_) => "incomplete".to_owned(),
    }
}
