//! Application data → objects and their points (IEEE 1815 §4.2.2.7, §11). Pure: what is read goes to a
//! [`Sink`], so that nothing need be kept to know whether a message can be read.

use sensor_bytes::{Reader, Short};

use super::shapes::{Field, Form, Length, Prefix, Shape, shape};

/// Objects of one message.
pub const MAX_OBJECTS: usize = 2048;
/// Points of one message.
pub const MAX_POINTS: u64 = 16_384;

/// Group, variation and range of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub group: u8,
    pub variation: u8,
    pub qualifier: u8,
    pub start: u32,
    pub stop: u32,
    pub count: u32,
}

impl Header {
    pub fn prefix_code(&self) -> u8 {
        (self.qualifier >> 4) & 0x07
    }

    pub fn range_code(&self) -> u8 {
        self.qualifier & 0x0f
    }

    /// The points' prefixes are sizes.
    pub fn prefix_is_size(&self) -> bool {
        matches!(self.prefix_code(), 4..=6)
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a [u8]),
    Bytes(&'a [u8]),
}

/// One point; its fields in the order of the wire.
#[derive(Debug)]
pub struct Point<'a, 's> {
    pub prefix: u32,
    pub index: u32,
    pub values: &'s [(&'static str, Value<'a>)],
}

/// Takes what is read, object by object.
pub trait Sink<'a> {
    fn object(&mut self, header: Header);
    /// A point of the last object.
    fn point(&mut self, point: Point<'a, '_>);
}

/// How far a message could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Complete,
    /// It ends within a header, or a range is of a reserved kind.
    Incomplete,
    /// A group and variation that is not known, or whose points do not fit.
    UnknownObject,
    TooManyObjects,
    TooManyPoints,
}

/// Reads the objects behind an application header.
pub fn read<'a>(bytes: &'a [u8], sink: &mut dyn Sink<'a>) -> Outcome {
    let mut reader = Reader::new(bytes);
    let mut objects = 0;
    let mut points = 0;
    while !reader.is_empty() {
        let Ok([group, variation, qualifier]) = reader.array() else {
            return Outcome::Incomplete;
        };
        objects += 1;
        if objects > MAX_OBJECTS {
            return Outcome::TooManyObjects;
        }
        let mut header = Header {
            group,
            variation,
            qualifier,
            start: 0,
            stop: 0,
            count: 0,
        };
        let ranged = range(&mut header, &mut reader);
        sink.object(header);
        if ranged.is_none() {
            return Outcome::Incomplete;
        }
        if variation == 0 || header.count == 0 {
            continue;
        }
        points += u64::from(header.count);
        if points > MAX_POINTS {
            return Outcome::TooManyPoints;
        }
        let Some(shape) = shape(group, variation) else {
            return Outcome::UnknownObject;
        };
        if read_points(&header, &shape, &mut reader, sink).is_err() {
            return Outcome::UnknownObject;
        }
    }
    Outcome::Complete
}

/// The range behind an object's header, in the width that its qualifier tells (IEEE 1815 table 4-5).
fn range(header: &mut Header, reader: &mut Reader<'_>) -> Option<()> {
    let number = |reader: &mut Reader<'_>, width: u8| match width {
        1 => reader.u8().map(u32::from),
        2 => reader.u16_le().map(u32::from),
        _ => reader.u32_le(),
    };
    let width = match header.range_code() {
        0 | 3 | 7 | 0x0b => 1,
        1 | 4 | 8 => 2,
        2 | 5 | 9 => 4,
        6 => return Some(()),
        _ => return None,
    };
    if header.range_code() <= 5 {
        let mut both = *reader;
        header.start = number(&mut both, width).ok()?;
        match number(&mut both, width) {
            Ok(stop) => header.stop = stop,
            Err(_) => {
                header.start = 0;
                return None;
            }
        }
        *reader = both;
        header.count = header.stop.wrapping_sub(header.start).wrapping_add(1);
    } else {
        header.count = number(reader, width).ok()?;
    }
    Some(())
}

fn read_prefix(code: u8, reader: &mut Reader<'_>) -> Result<u32, Short> {
    match code {
        1 | 4 => reader.u8().map(u32::from),
        2 | 5 => reader.u16_le().map(u32::from),
        3 | 6 => reader.u32_le(),
        _ => Ok(0),
    }
}

/// A point does not fit.
struct Misfit;

impl From<Short> for Misfit {
    fn from(_: Short) -> Self {
        Misfit
    }
}

fn read_points<'a>(
    header: &Header,
    shape: &Shape,
    reader: &mut Reader<'a>,
    sink: &mut dyn Sink<'a>,
) -> Result<(), Misfit> {
    let code = header.prefix_code();
    let allowed = match shape.prefix {
        Prefix::Any => true,
        Prefix::Size => header.prefix_is_size(),
        Prefix::Size16 => code == 5,
    };
    if !allowed {
        return Err(Misfit);
    }
    let index_of = |nth: u32, prefix: u32| match code {
        1..=3 => prefix,
        _ => header.start.wrapping_add(nth),
    };
    match shape.form {
        Form::Packed(name, width) => {
            let prefix = read_prefix(code, reader)?;
            let mut octet = 0;
            for nth in 0..header.count {
                let shift = (nth * u32::from(width)) % 8;
                if shift == 0 {
                    octet = reader.u8()?;
                }
                let value = u64::from(octet >> shift) & ((1 << width) - 1);
                sink.point(Point {
                    prefix,
                    index: index_of(nth, prefix),
                    values: &[(name, Value::Unsigned(value))],
                });
            }
        }
        Form::Fields(fields) => {
            let mut values = Vec::with_capacity(16);
            for nth in 0..header.count {
                let prefix = read_prefix(code, reader)?;
                values.clear();
                read_fields(fields, prefix, reader, &mut values)?;
                sink.point(Point {
                    prefix,
                    index: index_of(nth, prefix),
                    values: &values,
                });
            }
        }
    }
    Ok(())
}

fn read_fields<'a>(
    fields: &[Field],
    prefix: u32,
    reader: &mut Reader<'a>,
    values: &mut Vec<(&'static str, Value<'a>)>,
) -> Result<(), Misfit> {
    let from = reader.position();
    for field in fields {
        let (name, value) = match *field {
            Field::U8(name) => (name, Value::Unsigned(reader.u8()?.into())),
            Field::U16(name) => (name, Value::Unsigned(reader.u16_le()?.into())),
            Field::U24(name) => {
                let [a, b, c] = reader.array()?;
                (
                    name,
                    Value::Unsigned(u32::from_le_bytes([a, b, c, 0]).into()),
                )
            }
            Field::U32(name) => (name, Value::Unsigned(reader.u32_le()?.into())),
            Field::I16(name) => (
                name,
                Value::Signed(i16::from_le_bytes(reader.array()?).into()),
            ),
            Field::I32(name) => (
                name,
                Value::Signed(i32::from_le_bytes(reader.array()?).into()),
            ),
            Field::F32(name) => (
                name,
                Value::Float(f32::from_le_bytes(reader.array()?).into()),
            ),
            Field::F64(name) => (name, Value::Float(f64::from_le_bytes(reader.array()?))),
            Field::Time(name) => {
                let [a, b, c, d, e, f] = reader.array()?;
                let time = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
                (name, Value::Unsigned(time))
            }
            Field::Bits(parts) => {
                let octet = reader.u8()?;
                let mut shift = 0;
                for &(name, width) in parts {
                    let value = (u16::from(octet) >> shift) & ((1 << width) - 1);
                    values.push((name, Value::Unsigned(value.into())));
                    shift += width;
                }
                continue;
            }
            Field::Text(name, length) => {
                let length = length_of(length, prefix, reader.position() - from, values)?;
                (name, Value::Text(reader.take(length)?))
            }
            Field::Bytes(name, length) => {
                let length = length_of(length, prefix, reader.position() - from, values)?;
                (name, Value::Bytes(reader.take(length)?))
            }
        };
        values.push((name, value));
    }
    Ok(())
}

fn length_of(
    length: Length,
    prefix: u32,
    read: usize,
    values: &[(&'static str, Value<'_>)],
) -> Result<usize, Misfit> {
    match length {
        Length::Fixed(length) => Ok(length),
        Length::Rest => usize::try_from(prefix)
            .ok()
            .and_then(|size| size.checked_sub(read))
            .ok_or(Misfit),
        Length::In(name) => values
            .iter()
            .find_map(|(other, value)| match value {
                Value::Unsigned(length) if *other == name => usize::try_from(*length).ok(),
                _ => None,
            })
            .ok_or(Misfit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Lines(Vec<String>);

    impl<'a> Sink<'a> for Lines {
        fn object(&mut self, header: Header) {
            self.0.push(format!(
                "{}/{} {}-{} ×{}",
                header.group, header.variation, header.start, header.stop, header.count
            ));
        }

        fn point(&mut self, point: Point<'a, '_>) {
            let values: Vec<String> = point
                .values
                .iter()
                .map(|(name, value)| match value {
                    Value::Unsigned(value) => format!("{name}={value}"),
                    Value::Signed(value) => format!("{name}={value}"),
                    Value::Float(value) => format!("{name}={value}"),
                    Value::Text(text) | Value::Bytes(text) => {
                        format!("{name}={}", String::from_utf8_lossy(text))
                    }
                })
                .collect();
            self.0
                .push(format!("  {}: {}", point.index, values.join(" ")));
        }
    }

    fn check(bytes: &[u8], outcome: Outcome, lines: &[&str]) {
        let mut sink = Lines::default();
        assert_eq!(read(bytes, &mut sink), outcome, "{bytes:?}");
        assert_eq!(sink.0, lines, "{bytes:?}");
    }

    #[test]
    fn objects_and_points() {
        // Class data: no range, no points.
        check(
            &[60, 2, 6, 60, 3, 6],
            Outcome::Complete,
            &["60/2 0-0 ×0", "60/3 0-0 ×0"],
        );
        // A packed bit behind a range of one.
        check(
            &[80, 1, 0, 7, 7, 0],
            Outcome::Complete,
            &["80/1 7-7 ×1", "  7: state=0"],
        );
        // Eight packed bits are one octet, two-bit ones are two.
        check(
            &[3, 1, 0, 0, 4, 0b1110_0100, 0b01],
            Outcome::Complete,
            &[
                "3/1 0-4 ×5",
                "  0: state=0",
                "  1: state=1",
                "  2: state=2",
                "  3: state=3",
                "  4: state=1",
            ],
        );
        // The index as prefix; a negative number.
        check(
            &[30, 4, 0x17, 1, 9, 0xfe, 0xff],
            Outcome::Complete,
            &["30/4 0-0 ×1", "  9: value=-2"],
        );
        // The size as prefix: text takes what the other fields leave.
        check(
            &[70, 5, 0x5b, 1, 10, 0, 1, 0, 0, 0, 2, 0, 0, 0, b'h', b'i'],
            Outcome::Complete,
            &[
                "70/5 0-0 ×1",
                "  0: file_handle=1 block_number=2 file_data=hi",
            ],
        );
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        check(&[60, 2], Outcome::Incomplete, &[]);
        check(&[1, 2, 0, 1], Outcome::Incomplete, &["1/2 0-0 ×0"]);
        check(&[1, 2, 0x0f], Outcome::Incomplete, &["1/2 0-0 ×0"]);
        check(&[99, 9, 7, 1], Outcome::UnknownObject, &["99/9 0-0 ×1"]);
        check(&[1, 2, 7, 1], Outcome::UnknownObject, &["1/2 0-0 ×1"]);
        check(
            &[1, 2, 1, 0, 0, 0xff, 0xff],
            Outcome::TooManyPoints,
            &["1/2 0-65535 ×65536"],
        );
        let mut sink = Lines::default();
        let many = [60, 2, 6].repeat(MAX_OBJECTS + 1);
        assert_eq!(read(&many, &mut sink), Outcome::TooManyObjects);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            read(&bytes, &mut Lines::default());
        }

        #[test]
        fn no_shape_panics(group in any::<u8>(), variation in any::<u8>(), qualifier in any::<u8>(), bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut all = vec![group, variation, qualifier];
            all.extend(bytes);
            read(&all, &mut Lines::default());
        }
    }
}
