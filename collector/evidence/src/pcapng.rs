//! pcapng (draft-ietf-opsawg-pcapng): little-endian, one section, an interface for each link type, nanoseconds.

use std::io::{self, Write};
use std::path::Path;

use pcap_parser::pcapng::{Block, parse_block_le};

use crate::{Error, Frame, MAX_BYTES, MAX_FRAMES};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const SNAP_BYTES: u32 = 262_144;
/// More are not read back: headers of blocks included.
const MAX_FILE_BYTES: u64 = 2 * MAX_BYTES + 64 * MAX_FRAMES;

pub fn write(frames: &[Frame], out: &mut impl Write) -> io::Result<()> {
    let mut section = Vec::new();
    section.extend_from_slice(&0x1a2b_3c4d_u32.to_le_bytes());
    section.extend_from_slice(&1_u16.to_le_bytes());
    section.extend_from_slice(&0_u16.to_le_bytes());
    section.extend_from_slice(&u64::MAX.to_le_bytes());
    block(out, SECTION, &section)?;
    let mut links: Vec<u16> = Vec::new();
    for frame in frames {
        let interface = match links.iter().position(|&link| link == frame.link) {
            Some(interface) => interface,
            None => {
                links.push(frame.link);
                block(out, INTERFACE, &description(frame.link))?;
                links.len() - 1
            }
        };
        let ticks = frame.timestamp_ns.cast_unsigned();
        let mut body = Vec::with_capacity(20 + frame.data.len() + 3);
        body.extend_from_slice(&(interface as u32).to_le_bytes());
        body.extend_from_slice(&((ticks >> 32) as u32).to_le_bytes());
        body.extend_from_slice(&(ticks as u32).to_le_bytes());
        body.extend_from_slice(&(frame.data.len() as u32).to_le_bytes());
        body.extend_from_slice(&frame.wire_length.to_le_bytes());
        body.extend_from_slice(&frame.data);
        body.resize(body.len().next_multiple_of(4), 0);
        block(out, ENHANCED_PACKET, &body)?;
    }
    Ok(())
}

/// An interface with `if_tsresol` 10^-9.
fn description(link: u16) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend_from_slice(&link.to_le_bytes());
    body.extend_from_slice(&0_u16.to_le_bytes());
    body.extend_from_slice(&SNAP_BYTES.to_le_bytes());
    body.extend_from_slice(&[9, 0, 1, 0, 9, 0, 0, 0]);
    body.extend_from_slice(&[0; 4]);
    body
}

/// The body is a multiple of four bytes long.
fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let length = (body.len() as u32 + 12).to_le_bytes();
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&length)?;
    out.write_all(body)?;
    out.write_all(&length)
}

/// Reads a file that [`write`] has written.
pub fn read(path: &Path) -> Result<Vec<Frame>, Error> {
    let length = std::fs::metadata(path).map_err(Error::at(path))?.len();
    if length > MAX_FILE_BYTES {
        return Err(Error::Broken {
            path: path.to_owned(),
            offset: 0,
        });
    }
    let bytes = std::fs::read(path).map_err(Error::at(path))?;
    let mut links = Vec::new();
    let mut frames = Vec::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let offset = bytes.len() - rest.len();
        let broken = || Error::Broken {
            path: path.to_owned(),
            offset,
        };
        let (behind, block) = parse_block_le(rest).map_err(|_| broken())?;
        rest = behind;
        match block {
            Block::InterfaceDescription(interface) => {
                links.push(u16::try_from(interface.linktype.0).map_err(|_| broken())?);
            }
            Block::EnhancedPacket(packet) => {
                let data = packet.data.get(..packet.caplen as usize);
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                frames.push(Frame {
                    timestamp_ns: ticks.cast_signed(),
                    link: *links.get(packet.if_id as usize).ok_or_else(broken)?,
                    wire_length: packet.origlen,
                    data: data.ok_or_else(broken)?.to_vec(),
                });
            }
            _ => {}
        }
    }
    Ok(frames)
}
