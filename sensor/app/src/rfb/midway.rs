//! RFB whose versions were not seen (RFC 6143 §7.3.2, §7.5): the server's screen, or messages of the client, up to the
//! end of what is there. Left out: what the screen shows, which may be any bytes.

use sensor_bytes::{Reader, Short};
use sensor_flow::Direction;

use super::wire::{PixelFormat, ServerInit};
use crate::parser::{Prefix, Verdict};

pub(super) fn probe(prefix: &Prefix<'_>) -> Verdict {
    let tells = match prefix.direction {
        Direction::ToServer => messages(prefix.data),
        Direction::ToClient => screen(prefix.data),
    };
    if tells { Verdict::Yes } else { Verdict::No }
}

/// The server's screen, and nothing else.
pub(super) fn screen(data: &[u8]) -> bool {
    let mut reader = Reader::new(data);
    ServerInit::read(&mut reader).is_ok_and(|screen| {
        reader.is_empty()
            && screen.width > 0
            && screen.height > 0
            && !screen.name.is_empty()
            && is_sound(&screen.pixel_format)
    })
}

/// RFC 6143 §7.4.
fn is_sound(format: &PixelFormat) -> bool {
    let bits = format.bits_per_pixel;
    let shift = format.shift.iter().all(|shift| *shift < bits);
    let fits = [8, 16, 32].contains(&bits) && (1..=bits).contains(&format.depth);
    fits && shift && (!format.true_color || format.max.iter().all(|max| *max > 0))
}

/// Messages of a client, of which at least one can hardly be anything else.
pub(super) fn messages(data: &[u8]) -> bool {
    let mut reader = Reader::new(data);
    let mut tells = false;
    while !reader.is_empty() {
        match message(&mut reader) {
            Ok(Some(this)) => tells |= this,
            Ok(None) | Err(Short { .. }) => return false,
        }
    }
    tells
}

/// One message: whether it tells by itself; none if it is no message.
fn message(reader: &mut Reader<'_>) -> Result<Option<bool>, Short> {
    const SET_PIXEL_FORMAT: u8 = 0;
    const SET_ENCODINGS: u8 = 2;
    const UPDATE_REQUEST: u8 = 3;
    const KEY: u8 = 4;
    const POINTER: u8 = 5;
    const MAX_ENCODINGS: u16 = 64;
    const MIN_SCREEN: u16 = 64;
    Ok(match reader.u8()? {
        SET_PIXEL_FORMAT => {
            let padding: [u8; 3] = reader.array()?;
            let format = PixelFormat::read(reader)?;
            (padding == [0; 3] && is_sound(&format)).then_some(true)
        }
        SET_ENCODINGS => {
            reader.skip(1)?;
            let count = reader.u16()?;
            let mut raw = false;
            for _ in 0..count.min(MAX_ENCODINGS) {
                raw |= reader.u32()? == 0;
            }
            // All clients take pixels as they are.
            (1..=MAX_ENCODINGS)
                .contains(&count)
                .then_some(raw && count > 1)
        }
        UPDATE_REQUEST => {
            let incremental = reader.u8()?;
            let [x, y, width, height] =
                [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
            let whole = x == 0 && y == 0 && width >= MIN_SCREEN && height >= MIN_SCREEN;
            (incremental <= 1 && width > 0 && height > 0).then_some(whole)
        }
        KEY => {
            let down = reader.u8()?;
            let padding = reader.u16()?;
            reader.u32()?;
            (down <= 1 && padding == 0).then_some(false)
        }
        POINTER => {
            reader.skip(5)?;
            Some(false)
        }
        _ => None,
    })
}
