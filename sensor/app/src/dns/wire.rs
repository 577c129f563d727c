//! Bytes → messages (RFC 1035 §4.1, RFC 2782, RFC 4255, RFC 6891). Pure: no state, no transport.
//!
//! A [`Message`] keeps the bytes it was read from; names are expanded behind them in the same
//! allocation, and every record is a few ranges into it.

use std::ops::Range;

use sensor_bytes::{Reader, Short};

use super::number::{Rcode, RrType};

/// Bytes of a header (RFC 1035 §4.1.1).
pub const HEADER_BYTES: usize = 12;
/// A longer name is cut here; the wire allows 255 (RFC 1035 §2.3.4), resolvers print up to this.
pub const MAX_NAME_BYTES: usize = 1025;
/// Labels and pointers that one name may have.
pub const MAX_NAME_STEPS: usize = 255;
/// Expanded names of one message; later ones are cut.
pub const MAX_MESSAGE_NAME_BYTES: usize = 256 * 1024;
/// Labels and pointers that all names of one message may have.
pub const MAX_MESSAGE_NAME_STEPS: usize = 64 * 1024;

/// RFC 1035 §4.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub id: u16,
    pub flags: u16,
    pub questions: u16,
    pub answers: u16,
    pub authorities: u16,
    pub additionals: u16,
}

impl Header {
    pub fn read(reader: &mut Reader<'_>) -> Result<Header, Short> {
        Ok(Header {
            id: reader.u16()?,
            flags: reader.u16()?,
            questions: reader.u16()?,
            answers: reader.u16()?,
            authorities: reader.u16()?,
            additionals: reader.u16()?,
        })
    }

    pub fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// The reserved bit, which must be zero.
    pub fn z(&self) -> bool {
        self.flags & 0x0040 != 0
    }

    pub fn opcode(&self) -> u8 {
        (self.flags.to_be_bytes()[0] >> 3) & 0x0f
    }

    pub fn rcode(&self) -> Rcode {
        Rcode(self.flags & 0x000f)
    }

    /// Whether the counts can be true for a message of this length. A bare header is a format error's reply.
    pub fn fits(&self, message_bytes: usize) -> bool {
        let records = usize::from(self.questions)
            + usize::from(self.answers)
            + usize::from(self.authorities)
            + usize::from(self.additionals);
        records * 2 <= message_bytes
            && (records > 0 || message_bytes <= HEADER_BYTES)
            && (self.is_response() || self.questions > 0)
    }
}

/// A range of the message's bytes.
pub type Span = Range<u32>;

/// An expanded name, labels joined by dots, without the last dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    span: Span,
    /// Cut at a limit.
    pub truncated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub name: Name,
    pub rrtype: RrType,
    pub class: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    pub name: Name,
    pub rrtype: RrType,
    pub class: u16,
    /// Seconds.
    pub ttl: u32,
    pub rdata: Rdata,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rdata {
    /// A and AAAA, of whatever length was sent.
    Address(Span),
    /// CNAME, NS, PTR, and MX without its preference.
    Name(Name),
    /// Strings, each behind its length; [`Message::strings`] walks them.
    Text(Span),
    Null(Span),
    Soa(Box<Soa>),
    Srv {
        priority: u16,
        weight: u16,
        port: u16,
        target: Name,
    },
    Sshfp {
        algorithm: u8,
        kind: u8,
        fingerprint: Span,
    },
    /// Options; [`Message::options`] walks them.
    Opt(Span),
    Other(Span),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Soa {
    pub mname: Name,
    pub rname: Name,
    pub serial: u32,
    pub refresh: u32,
    pub retry: u32,
    pub expire: u32,
    pub minimum: u32,
}

/// What was odd about names, or which optional sections could not be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Oddities {
    pub name_too_long: bool,
    pub infinite_loop: bool,
    pub too_many_labels: bool,
    pub invalid_authorities: bool,
    pub invalid_additionals: bool,
}

/// Why a message could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    Short(Short),
    /// A pointer past the message, a pointer to itself, or a reserved label type, at this offset.
    Name {
        offset: usize,
    },
}

impl From<Short> for Malformed {
    fn from(short: Short) -> Self {
        Malformed::Short(short)
    }
}

/// A message with its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The message, then the expanded names.
    store: Vec<u8>,
    pub header: Header,
    pub questions: Vec<Question>,
    pub answers: Vec<Resource>,
    pub authorities: Vec<Resource>,
    pub additionals: Vec<Resource>,
    pub oddities: Oddities,
}

impl Message {
    /// Reads a whole message (at most 65,535 bytes; more are not looked at). Questions and answers
    /// must be sound; unsound authorities and additionals are left out and noted.
    pub fn read(bytes: &[u8]) -> Result<Message, Malformed> {
        let bytes = &bytes[..bytes.len().min(usize::from(u16::MAX))];
        let mut reader = Reader::new(bytes);
        let header = Header::read(&mut reader)?;
        let mut parser = Parser {
            wire: bytes,
            store: Vec::with_capacity(bytes.len() + bytes.len() / 2),
            at: reader.position(),
            steps_left: MAX_MESSAGE_NAME_STEPS,
            oddities: Oddities::default(),
        };
        parser.store.extend_from_slice(bytes);
        let mut questions = Vec::with_capacity(usize::from(header.questions).min(4));
        for _ in 0..header.questions {
            questions.push(parser.question()?);
        }
        let answers = parser.section(header.answers)?;
        let authorities = parser.section(header.authorities);
        let additionals = match &authorities {
            Ok(_) => parser.section(header.additionals),
            Err(_) => Ok(Vec::new()),
        };
        parser.oddities.invalid_authorities = authorities.is_err();
        parser.oddities.invalid_additionals = additionals.is_err();
        parser.store.shrink_to_fit();
        Ok(Message {
            store: parser.store,
            header,
            questions,
            answers,
            authorities: authorities.unwrap_or_default(),
            additionals: additionals.unwrap_or_default(),
            oddities: parser.oddities,
        })
    }

    pub fn name(&self, name: &Name) -> &[u8] {
        self.bytes(&name.span)
    }

    pub fn bytes(&self, span: &Span) -> &[u8] {
        self.store
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }

    /// The strings of a TXT record (RFC 1035 §3.3.14).
    pub fn strings(&self, span: &Span) -> impl Iterator<Item = &[u8]> {
        let mut reader = Reader::new(self.bytes(span));
        std::iter::from_fn(move || {
            let length = reader.u8().ok()?;
            reader.take(usize::from(length)).ok()
        })
    }

    /// Code and data of the options of an OPT record (RFC 6891 §6.1.2).
    pub fn options(&self, span: &Span) -> impl Iterator<Item = (u16, &[u8])> {
        let mut reader = Reader::new(self.bytes(span));
        std::iter::from_fn(move || {
            let code = reader.u16().ok()?;
            let length = reader.u16().ok()?;
            Some((code, reader.take(usize::from(length)).ok()?))
        })
    }

    /// The name a record points to: of CNAME, NS, PTR and MX, and the primary server of a SOA.
    pub fn target(&self, resource: &Resource) -> Option<&[u8]> {
        match &resource.rdata {
            Rdata::Name(name) => Some(self.name(name)),
            Rdata::Soa(soa) => Some(self.name(&soa.mname)),
            _ => None,
        }
    }
}

struct Parser<'a> {
    wire: &'a [u8],
    store: Vec<u8>,
    at: usize,
    steps_left: usize,
    oddities: Oddities,
}

/// A position as it is kept; messages are shorter than 64 KiB and names are capped.
fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

impl<'a> Parser<'a> {
    /// Reads with a cursor from the current position to `end`.
    fn read<T>(
        &mut self,
        end: usize,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, Short>,
    ) -> Result<T, Malformed> {
        let mut reader = Reader::new(self.wire.get(self.at..end).unwrap_or_default());
        let value = read(&mut reader)?;
        self.at += reader.position();
        Ok(value)
    }

    fn question(&mut self) -> Result<Question, Malformed> {
        let end = self.wire.len();
        let name = self.name(end)?;
        let (rrtype, class) = self.read(end, |reader| Ok((reader.u16()?, reader.u16()?)))?;
        Ok(Question {
            name,
            rrtype: RrType(rrtype),
            class,
        })
    }

    fn section(&mut self, count: u16) -> Result<Vec<Resource>, Malformed> {
        let mut records = Vec::with_capacity(usize::from(count).min(16));
        for _ in 0..count {
            records.push(self.resource()?);
        }
        Ok(records)
    }

    fn resource(&mut self) -> Result<Resource, Malformed> {
        let name = self.name(self.wire.len())?;
        let (rrtype, class, ttl, data) = self.read(self.wire.len(), |reader| {
            let fixed = (reader.u16()?, reader.u16()?, reader.u32()?);
            let length = usize::from(reader.u16()?);
            reader.skip(length)?;
            Ok((fixed.0, fixed.1, fixed.2, length))
        })?;
        let end = self.at;
        self.at = end - data;
        let rrtype = RrType(rrtype);
        let rdata = self.rdata(rrtype, end)?;
        self.at = end;
        Ok(Resource {
            name,
            rrtype,
            class,
            ttl,
            rdata,
        })
    }

    fn rdata(&mut self, rrtype: RrType, end: usize) -> Result<Rdata, Malformed> {
        let span = narrow(self.at)..narrow(end);
        Ok(match rrtype {
            RrType::A | RrType::AAAA => Rdata::Address(span),
            RrType::CNAME | RrType::NS | RrType::PTR => Rdata::Name(self.name(end)?),
            RrType::MX => {
                self.read(end, Reader::u16)?;
                Rdata::Name(self.name(end)?)
            }
            RrType::TXT => {
                self.walk(end, |reader| reader.u8().map(usize::from))?;
                Rdata::Text(span)
            }
            RrType::NULL => Rdata::Null(span),
            RrType::SOA => {
                let mname = self.name(end)?;
                let rname = self.name(end)?;
                let [serial, refresh, retry, expire, minimum] = self.read(end, |reader| {
                    Ok([
                        reader.u32()?,
                        reader.u32()?,
                        reader.u32()?,
                        reader.u32()?,
                        reader.u32()?,
                    ])
                })?;
                Rdata::Soa(Box::new(Soa {
                    mname,
                    rname,
                    serial,
                    refresh,
                    retry,
                    expire,
                    minimum,
                }))
            }
            RrType::SRV => {
                let [priority, weight, port] = self.read(end, |reader| {
                    Ok([reader.u16()?, reader.u16()?, reader.u16()?])
                })?;
                Rdata::Srv {
                    priority,
                    weight,
                    port,
                    target: self.name(end)?,
                }
            }
            RrType::SSHFP => {
                let [algorithm, kind] = self.read(end, Reader::array)?;
                Rdata::Sshfp {
                    algorithm,
                    kind,
                    fingerprint: narrow(self.at)..narrow(end),
                }
            }
            RrType::OPT => {
                self.walk(end, |reader| {
                    reader.u16()?;
                    reader.u16().map(usize::from)
                })?;
                Rdata::Opt(span)
            }
            _ => Rdata::Other(span),
        })
    }

    /// Checks that `length` and as many bytes, again and again, reach exactly to `end`.
    fn walk(
        &mut self,
        end: usize,
        length: impl Fn(&mut Reader<'a>) -> Result<usize, Short>,
    ) -> Result<(), Malformed> {
        self.read(end, |reader| {
            while !reader.is_empty() {
                let count = length(reader)?;
                reader.skip(count)?;
            }
            Ok(())
        })
    }

    /// Expands the name at the current position (RFC 1035 §4.1.4). Before the first pointer it may
    /// not pass `end`; a name that simply runs out there is taken as it is.
    fn name(&mut self, end: usize) -> Result<Name, Malformed> {
        let start = self.store.len();
        let limit =
            MAX_NAME_BYTES.min((self.wire.len() + MAX_MESSAGE_NAME_BYTES).saturating_sub(start));
        let mut at = self.at;
        let mut end = end;
        let mut resume = None;
        let mut truncated = false;
        let mut steps = 0;
        while let Some(&length) = self.wire.get(at..end).and_then(<[u8]>::first) {
            match length {
                0 => {
                    at += 1;
                    break;
                }
                1..0x40 => {
                    let mut reader = Reader::new(&self.wire[at + 1..end]);
                    let label = reader.take(usize::from(length))?;
                    if !truncated {
                        if self.store.len() > start {
                            self.store.push(b'.');
                        }
                        self.store.extend_from_slice(label);
                    }
                    at += 1 + label.len();
                }
                0xc0.. => {
                    let pointer = Reader::new(&self.wire[at..end]).u16()?;
                    let target = usize::from(pointer & 0x3fff);
                    if target > self.wire.len() {
                        return Err(Malformed::Name { offset: at });
                    }
                    if target == at {
                        self.oddities.infinite_loop = true;
                        if resume.is_some() {
                            break;
                        }
                        return Err(Malformed::Name { offset: at });
                    }
                    resume.get_or_insert(at + 2);
                    at = target;
                    end = self.wire.len();
                }
                0x40..0xc0 => return Err(Malformed::Name { offset: at }),
            }
            steps += 1;
            if steps > MAX_NAME_STEPS || self.steps_left == 0 {
                self.oddities.too_many_labels = true;
                if resume.is_none() {
                    return Err(Malformed::Name { offset: at });
                }
                truncated = true;
                break;
            }
            self.steps_left -= 1;
            if self.store.len() - start > limit {
                self.store.truncate(start + limit);
                truncated = true;
                if resume.is_some() {
                    break;
                }
            }
        }
        self.oddities.name_too_long |= truncated;
        self.at = resume.unwrap_or(at);
        Ok(Name {
            span: narrow(start)..narrow(self.store.len()),
            truncated,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One question, its answer by a pointer, and an address in the additional section.
    const ANSWER: &[u8] = b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\x01\x01a\x04test\0\0\x01\0\x01\
        \xc0\x0c\0\x05\0\x01\0\0\0\x1e\0\x04\x01b\xc0\x0e\
        \x01b\xc0\x0e\0\x01\0\x01\0\0\0\x1e\0\x04\xc0\0\x02\x01";
    /// Bytes of it without the additional section.
    const WITHOUT_ADDITIONAL: usize = ANSWER.len() - 18;

    #[test]
    fn a_cut_message_asks_for_more() {
        for cut in 0..WITHOUT_ADDITIONAL {
            assert!(Message::read(&ANSWER[..cut]).is_err(), "{cut}");
        }
        // Of the later sections what is unsound is left out and noted.
        for cut in WITHOUT_ADDITIONAL..ANSWER.len() {
            let message = Message::read(&ANSWER[..cut]).expect("question and answer are whole");
            assert!(message.oddities.invalid_additionals, "{cut}");
            assert!(message.additionals.is_empty());
        }
        let whole = Message::read(ANSWER).expect("whole");
        assert!(!whole.oddities.invalid_additionals);
        assert_eq!(whole.target(&whole.answers[0]), Some(&b"b.test"[..]));
        assert_eq!(whole.name(&whole.additionals[0].name), b"b.test");
    }

    /// So many questions whose names are all a pointer to what stands behind them.
    fn questions(count: u16, name: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0, 0];
        bytes.extend(count.to_be_bytes());
        bytes.extend([0; 6]);
        let far = bytes.len() + 6 * usize::from(count);
        let pointer = 0xc000 | u16::try_from(far).expect("it can be pointed to");
        for _ in 0..count {
            bytes.extend(pointer.to_be_bytes());
            bytes.extend(b"\0\x01\0\x01");
        }
        bytes.extend(name);
        bytes
    }

    #[test]
    fn steps_of_all_names_have_a_limit() {
        const HOPS: usize = 200;
        let chain = |count: u16| {
            let begin = 12 + 6 * usize::from(count);
            let mut name = Vec::new();
            for hop in 1..=HOPS {
                let next = u16::try_from(begin + 2 * hop).expect("it can be pointed to");
                name.extend((0xc000 | next).to_be_bytes());
            }
            name.extend(b"\x01a\0");
            questions(count, &name)
        };
        let few = MAX_MESSAGE_NAME_STEPS / (HOPS + 2);
        for (count, too_many) in [(few - 1, false), (few + 2, true)] {
            let count = u16::try_from(count).expect("it is a number of questions");
            let message = Message::read(&chain(count)).expect("it is whole");
            assert_eq!(message.oddities.too_many_labels, too_many, "{count}");
        }
    }

    #[test]
    fn bytes_of_all_names_have_a_limit() {
        let mut name = Vec::new();
        for _ in 0..15 {
            name.push(63);
            name.extend([b'x'; 63]);
        }
        name.push(0);
        let bytes = questions(2_000, &name);
        let message = Message::read(&bytes).expect("it is whole");
        assert!(message.oddities.name_too_long);
        assert!(message.store.len() <= bytes.len() + MAX_MESSAGE_NAME_BYTES);
        let bytes = questions(100, &name);
        let message = Message::read(&bytes).expect("it is whole");
        assert!(!message.oddities.name_too_long);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            noise in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut bytes = ANSWER.to_vec();
            for (at, to) in changes {
                let at = at.index(bytes.len());
                bytes[at] = to;
            }
            bytes.extend(noise);
            if let Ok(message) = Message::read(&bytes) {
                let resources = message.answers.iter().chain(&message.authorities);
                for resource in resources.chain(&message.additionals) {
                    prop_assert!(message.name(&resource.name).len() <= message.store.len());
                    message.target(resource);
                }
            }
        }
    }
}
