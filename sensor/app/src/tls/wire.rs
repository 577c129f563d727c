//! Bytes of TLS as they pass: versions, record headers, the hello messages, lists of certificates.
//!
//! Readers take what is sound and say where they stopped: a hello with a broken extension is still evidence.

use std::borrow::Cow;

use sensor_bytes::{Reader, Short};

/// Type, version and length before each record (RFC 8446 §5.1).
pub const RECORD_HEADER_BYTES: usize = 5;
/// Payload of a record: RFC 5246 §6.2.3 allows 2^14 + 2048, common stacks stop earlier.
pub const MAX_RECORD_BYTES: usize = (1 << 14) + 1024;
/// Type and length before each handshake message (RFC 8446 §4).
pub const MESSAGE_HEADER_BYTES: usize = 4;
/// Longest host name (RFC 1035 §2.3.4).
const MAX_NAME_BYTES: usize = 255;

/// Protocol version, also of the drafts of TLS 1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Version(pub u16);

impl Version {
    pub const UNKNOWN: Version = Version(0);
    pub const SSL2: Version = Version(0x0200);
    pub const SSL3: Version = Version(0x0300);
    pub const TLS10: Version = Version(0x0301);
    pub const TLS11: Version = Version(0x0302);
    pub const TLS12: Version = Version(0x0303);
    pub const TLS13: Version = Version(0x0304);
    /// Drafts before the sixteenth, which shared one number.
    pub const TLS13_EARLY: Version = Version(0x7f01);

    /// A version that somebody speaks.
    pub fn is_valid(self) -> bool {
        self != Version::UNKNOWN && self.name().is_some()
    }

    /// TLS 1.3 or one of its drafts, as far as the number tells.
    pub fn is_13(self) -> bool {
        self == Version::TLS13 || self.0 >> 8 == 0x7f
    }

    /// The number that the first byte of the version field of a hello meant in the drafts of TLS 1.3.
    fn of_hello(self) -> Version {
        if self == Version::TLS13 || (0x7f01..0x7f10).contains(&self.0) {
            Version::TLS13_EARLY
        } else {
            self
        }
    }

    /// Name in EVE.
    pub fn name(self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self.0 {
            0 => "UNDETERMINED",
            0x0200 => "SSLv2",
            0x0300 => "SSLv3",
            0x0301 => "TLSv1",
            0x0302 => "TLS 1.1",
            0x0303 => "TLS 1.2",
            0x0304 => "TLS 1.3",
            0x7f01 => "TLS 1.3 draft-<16",
            0x7f10..=0x7f1c => return Some(format!("TLS 1.3 draft-{}", self.0 & 0xff).into()),
            // Drafts as one large site ran them.
            0xfb14..=0xfb17 | 0xfb1a => {
                return Some(format!("TLS 1.3 draft-{}-fb", self.0 & 0xff).into());
            }
            _ => return None,
        }))
    }
}

/// Kind of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentType(pub u8);

impl ContentType {
    pub const CHANGE_CIPHER_SPEC: ContentType = ContentType(20);
    pub const ALERT: ContentType = ContentType(21);
    pub const HANDSHAKE: ContentType = ContentType(22);
    pub const APPLICATION_DATA: ContentType = ContentType(23);
    /// RFC 6520.
    pub const HEARTBEAT: ContentType = ContentType(24);

    pub fn is_known(self) -> bool {
        (20..=24).contains(&self.0)
    }
}

/// Kind of a handshake message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageType(pub u8);

impl MessageType {
    pub const CLIENT_HELLO: MessageType = MessageType(1);
    pub const SERVER_HELLO: MessageType = MessageType(2);
    pub const CERTIFICATE: MessageType = MessageType(11);
    pub const SERVER_KEY_EXCHANGE: MessageType = MessageType(12);
    pub const CERTIFICATE_REQUEST: MessageType = MessageType(13);
    pub const SERVER_HELLO_DONE: MessageType = MessageType(14);
    pub const CLIENT_KEY_EXCHANGE: MessageType = MessageType(16);

    /// A message of the handshakes up to TLS 1.2; what else comes is passed over.
    pub fn is_known(self) -> bool {
        matches!(self.0, 0..=2 | 4 | 11..=16 | 20..=22)
    }
}

/// Extensions that are looked into.
mod extension {
    pub const SERVER_NAME: u16 = 0;
    pub const SUPPORTED_GROUPS: u16 = 10;
    pub const POINT_FORMATS: u16 = 11;
    pub const SIGNATURE_ALGORITHMS: u16 = 13;
    pub const HEARTBEAT: u16 = 15;
    pub const ALPN: u16 = 16;
    pub const SESSION_TICKET: u16 = 35;
    pub const EARLY_DATA: u16 = 42;
    pub const SUPPORTED_VERSIONS: u16 = 43;
}

pub use extension::{ALPN, SERVER_NAME};

/// Values that clients sprinkle in to keep servers tolerant (RFC 8701).
pub fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

/// The beginning of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeader {
    pub content: ContentType,
    pub version: Version,
    pub length: u16,
}

impl RecordHeader {
    pub fn read(bytes: [u8; RECORD_HEADER_BYTES]) -> Self {
        let [content, major, minor, high, low] = bytes;
        RecordHeader {
            content: ContentType(content),
            version: Version(u16::from_be_bytes([major, minor])),
            length: u16::from_be_bytes([high, low]),
        }
    }
}

/// Whose hello it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    Client,
    Server,
}

/// What may be odd about a hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// A length that does not fit; what lies behind was not read.
    Length,
    MultipleNames,
    NameType,
    NameLength,
}

/// A client or server hello. Lists have no GREASE.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hello {
    /// As it stands in the version field.
    pub legacy_version: Version,
    /// After `supported_versions` and the drafts' ways to tell.
    pub version: Version,
    /// Highest of the versions that a client tells.
    pub highest_version: Version,
    /// The highest number that the client's extension names, drafts among them; 0 without one.
    pub offered_version: Version,
    pub random: [u8; 32],
    pub session_id: Vec<u8>,
    pub ciphers: Vec<u16>,
    pub extensions: Vec<u16>,
    pub groups: Vec<u16>,
    pub point_formats: Vec<u8>,
    pub signature_algorithms: Vec<u16>,
    pub alpns: Vec<Vec<u8>>,
    pub server_name: Option<Vec<u8>>,
    /// The peer spoke of versions in an extension.
    pub has_versions: bool,
    pub has_session_ticket: bool,
    pub has_early_data: bool,
    pub has_heartbeat: bool,
    pub oddities: Vec<Oddity>,
    /// Read to its end, but for broken extensions.
    pub complete: bool,
}

impl Hello {
    /// Reads the body of a hello message.
    pub fn read(bytes: &[u8], speaker: Speaker) -> Hello {
        let mut hello = Hello::default();
        match hello.fill(&mut Reader::new(bytes), speaker) {
            Ok(()) => hello.complete = true,
            Err(Short { .. }) => hello.odd(Oddity::Length),
        }
        hello
    }

    fn odd(&mut self, oddity: Oddity) {
        if !self.oddities.contains(&oddity) {
            self.oddities.push(oddity);
        }
    }

    fn fill(&mut self, reader: &mut Reader<'_>, speaker: Speaker) -> Result<(), Short> {
        self.legacy_version = Version(reader.u16()?);
        self.version = self.legacy_version.of_hello();
        self.highest_version = self.legacy_version;
        self.random = reader.array()?;
        // Drafts 1 to 21 of TLS 1.3 had neither session nor compression in the server's hello.
        let short = speaker == Speaker::Server && self.legacy_version.is_13();
        if !short {
            let length = reader.u8()?;
            self.session_id = reader.take(usize::from(length))?.to_vec();
        }
        match speaker {
            Speaker::Client => {
                let length = reader.u16()?;
                let bytes = reader.take(usize::from(length))?;
                if length % 2 != 0 {
                    return Err(misfit(reader));
                }
                self.ciphers
                    .extend(words(bytes).filter(|cipher| !is_grease(*cipher)));
                let length = reader.u8()?;
                reader.skip(usize::from(length))?;
            }
            Speaker::Server => {
                self.ciphers
                    .extend(Some(reader.u16()?).filter(|cipher| !is_grease(*cipher)));
                if !short {
                    reader.skip(1)?;
                }
            }
        }
        if reader.remaining() < 2 {
            return Ok(());
        }
        let length = reader.u16()?;
        let mut extensions = reader.sub(usize::from(length))?;
        while !extensions.is_empty() {
            let kind = extensions.u16()?;
            let length = extensions.u16()?;
            let body = extensions.take(usize::from(length))?;
            // The rest of the list is not to be trusted once one of them is broken.
            if !body.is_empty()
                && let Err(oddity) = self.extension(kind, &mut Reader::new(body), speaker)
            {
                self.odd(oddity);
                break;
            }
            self.note(kind, speaker);
            if !is_grease(kind) {
                self.extensions.push(kind);
            }
        }
        Ok(())
    }

    /// Extensions that tell something by being there.
    fn note(&mut self, kind: u16, speaker: Speaker) {
        match (kind, speaker) {
            (extension::SESSION_TICKET, Speaker::Client) => self.has_session_ticket = true,
            (extension::EARLY_DATA, Speaker::Client) => self.has_early_data = true,
            (extension::HEARTBEAT, _) => self.has_heartbeat = true,
            _ => {}
        }
    }

    fn extension(
        &mut self,
        kind: u16,
        body: &mut Reader<'_>,
        speaker: Speaker,
    ) -> Result<(), Oddity> {
        let length = |_: Short| Oddity::Length;
        match (kind, speaker) {
            (extension::SERVER_NAME, _) => self.name(body)?,
            (extension::SUPPORTED_GROUPS, _) => {
                let list = list16(body).map_err(length)?;
                if speaker == Speaker::Client {
                    if list.len() % 2 != 0 {
                        return Err(Oddity::Length);
                    }
                    self.groups
                        .extend(words(list).filter(|group| !is_grease(*group)));
                }
            }
            (extension::POINT_FORMATS, _) => {
                let count = body.u8().map_err(length)?;
                let list = body.take(usize::from(count)).map_err(length)?;
                if speaker == Speaker::Client {
                    self.point_formats.extend_from_slice(list);
                }
            }
            (extension::SIGNATURE_ALGORITHMS, _) => {
                let list = list16(body).map_err(length)?;
                if list.len() % 2 != 0 {
                    return Err(Oddity::Length);
                }
                if speaker == Speaker::Client {
                    let algorithms = words(list).filter(|algorithm| !is_grease(*algorithm));
                    self.signature_algorithms.extend(algorithms);
                }
            }
            (extension::ALPN, _) => {
                let mut list = Reader::new(list16(body).map_err(length)?);
                while let Ok(length) = list.u8() {
                    let Ok(name) = list.take(usize::from(length)) else {
                        break;
                    };
                    if !name.is_empty() {
                        self.alpns.push(name.to_vec());
                    }
                }
            }
            (extension::SUPPORTED_VERSIONS, Speaker::Client) => {
                let count = body.u8().map_err(length)?;
                let list = body.take(usize::from(count)).map_err(length)?;
                if list.len() < 2 {
                    return Err(Oddity::Length);
                }
                // The first valid one is what the client likes best.
                if let Some(version) = words(list).map(Version).find(|version| version.is_valid()) {
                    self.version = version;
                    self.highest_version = self.highest_version.max(version);
                }
                self.offered_version = words(list)
                    .filter(|&version| !is_grease(version))
                    .map(Version)
                    .max()
                    .unwrap_or_default();
                self.has_versions = true;
            }
            (extension::SUPPORTED_VERSIONS, Speaker::Server) => {
                self.version = Version(body.u16().map_err(length)?);
                self.has_versions = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// RFC 6066 §3: a list of names of which only the first is looked at, as servers do.
    fn name(&mut self, body: &mut Reader<'_>) -> Result<(), Oddity> {
        let length = |_: Short| Oddity::Length;
        body.skip(2).map_err(length)?;
        if body.u8().map_err(length)? != 0 {
            return Err(Oddity::NameType);
        }
        let count = usize::from(body.u16().map_err(length)?);
        let name = body.take(count).map_err(|_| Oddity::NameLength)?;
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return Err(Oddity::NameLength);
        }
        if self.server_name.is_some() {
            self.odd(Oddity::MultipleNames);
        } else {
            self.server_name = Some(name.to_vec());
        }
        Ok(())
    }
}

/// The extensions of a hello in their order, GREASE too; as many as are whole.
pub fn extension_list(bytes: &[u8], speaker: Speaker) -> Vec<(u16, &[u8])> {
    let mut reader = Reader::new(bytes);
    let mut list = Vec::new();
    let mut walk = || -> Result<(), Short> {
        reader.skip(2 + 32)?;
        let length = reader.u8()?;
        reader.skip(usize::from(length))?;
        match speaker {
            Speaker::Client => {
                let length = reader.u16()?;
                reader.skip(usize::from(length))?;
                let length = reader.u8()?;
                reader.skip(usize::from(length))?;
            }
            Speaker::Server => reader.skip(3)?,
        }
        let length = reader.u16()?;
        let mut extensions = reader.sub(usize::from(length))?;
        while !extensions.is_empty() {
            let kind = extensions.u16()?;
            let length = extensions.u16()?;
            list.push((kind, extensions.take(usize::from(length))?));
        }
        Ok(())
    };
    // What is cut ends the list.
    let _ = walk();
    list
}

/// A length that is there but cannot be right.
fn misfit(reader: &Reader<'_>) -> Short {
    Short {
        offset: reader.position(),
        needed: 1,
        left: 0,
    }
}

fn list16<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Short> {
    let length = reader.u16()?;
    reader.take(usize::from(length))
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    bytes
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}

/// The list in a certificate message up to TLS 1.2 (RFC 5246 §7.4.2): each with its length before it.
pub fn certificates(bytes: &[u8]) -> Result<CertificateList<'_>, Short> {
    let mut reader = Reader::new(bytes);
    let length = reader.u24()?;
    Ok(CertificateList {
        rest: reader.sub(usize::try_from(length).unwrap_or(usize::MAX))?,
    })
}

/// The certificates of a list; the last item is an error when the list is cut.
#[derive(Debug)]
pub struct CertificateList<'a> {
    rest: Reader<'a>,
}

impl<'a> Iterator for CertificateList<'a> {
    type Item = Result<&'a [u8], Short>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let certificate = self.rest.u24().and_then(|length| {
            self.rest
                .take(usize::try_from(length).unwrap_or(usize::MAX))
        });
        if certificate.is_err() {
            self.rest = Reader::new(&[]);
        }
        Some(certificate)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(prefix_bytes: usize, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u64).to_be_bytes();
        [&length[8 - prefix_bytes..], body].concat()
    }

    fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &list(2, body)].concat()
    }

    fn name(host: &[u8]) -> Vec<u8> {
        extension(0, &list(2, &[&[0][..], &list(2, host)].concat()))
    }

    /// The body of a client hello with these extensions behind a GREASE one.
    pub fn client_hello(version: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
        let mut all = extension(0x1a1a, &[0]);
        all.extend(extensions.concat());
        let mut bytes = version.to_be_bytes().to_vec();
        bytes.extend([7; 32]);
        bytes.extend(list(1, b"id"));
        bytes.extend(list(2, &[0x0a, 0x0a, 0x13, 0x01, 0xc0, 0x2f]));
        bytes.extend(list(1, &[0]));
        bytes.extend(list(2, &all));
        bytes
    }

    /// A client hello that names a host.
    pub fn hello_for(host: &[u8]) -> Vec<u8> {
        client_hello(
            0x0303,
            &[
                name(host),
                extension(10, &list(2, &[0, 29, 0, 23])),
                extension(11, &list(1, &[0])),
                extension(
                    16,
                    &list(2, &[&list(1, b"h2")[..], &list(1, b"http/1.1")].concat()),
                ),
                extension(13, &list(2, &[4, 3, 8, 4])),
                extension(43, &list(1, &[0x2a, 0x2a, 3, 4, 3, 3])),
            ],
        )
    }

    #[test]
    fn a_client_hello_is_read_whole() {
        let hello = Hello::read(&hello_for(b"a.test"), Speaker::Client);
        assert_eq!(hello.server_name.as_deref(), Some(&b"a.test"[..]));
        assert_eq!(hello.version, Version::TLS13);
        assert_eq!(hello.ciphers, [0x1301, 0xc02f]);
        assert_eq!(hello.extensions, [0, 10, 11, 16, 13, 43]);
        assert_eq!(hello.groups, [29, 23]);
        assert_eq!(hello.alpns, [b"h2".to_vec(), b"http/1.1".to_vec()]);
        assert_eq!(hello.signature_algorithms, [0x0403, 0x0804]);
        assert_eq!(hello.oddities, []);
        assert!(hello.complete);
    }

    #[test]
    fn odd_hellos() {
        let rows: &[(Vec<u8>, &[Oddity], bool)] = &[
            (
                client_hello(0x0303, &[name(b"a"), name(b"b")]),
                &[Oddity::MultipleNames],
                true,
            ),
            (
                client_hello(0x0303, &[name(b"")]),
                &[Oddity::NameLength],
                true,
            ),
            (
                client_hello(0x0303, &[name(&[b'a'; 256])]),
                &[Oddity::NameLength],
                true,
            ),
            (
                client_hello(0x0303, &[extension(0, &list(2, &[1, 0, 1, b'x']))]),
                &[Oddity::NameType],
                true,
            ),
            (
                client_hello(0x0303, &[extension(13, &list(2, &[1, 0, 1]))]),
                &[Oddity::Length],
                true,
            ),
            (vec![3, 3, 0, 0], &[Oddity::Length], false),
        ];
        for (bytes, oddities, complete) in rows {
            let hello = Hello::read(bytes, Speaker::Client);
            assert_eq!(
                (&hello.oddities[..], hello.complete),
                (*oddities, *complete)
            );
        }
    }

    #[test]
    fn drafts_told_their_version_in_their_own_ways() {
        let random = [1; 32];
        let old = [&[0x7f, 14][..], &random, &[0x13, 0x01], &list(2, &[])].concat();
        let new = [
            &[3, 3][..],
            &random,
            &list(1, &[]),
            &[0x13, 0x01, 0],
            &list(2, &extension(43, &[0x7f, 28])),
        ]
        .concat();
        let rows = [(old, "TLS 1.3 draft-<16"), (new, "TLS 1.3 draft-28")];
        for (bytes, version) in rows {
            let hello = Hello::read(&bytes, Speaker::Server);
            assert_eq!(hello.version.name().as_deref(), Some(version));
            assert_eq!(hello.ciphers, [0x1301]);
        }
    }

    #[test]
    fn lists_of_certificates() {
        let two = list(3, &[list(3, b"one"), list(3, b"two")].concat());
        let found: Vec<_> = certificates(&two).expect("a list").flatten().collect();
        assert_eq!(found, [b"one", b"two"]);
        let cut = list(3, &[list(3, b"one"), vec![0, 0, 9, b'x']].concat());
        let found: Vec<_> = certificates(&cut).expect("a list").collect();
        assert_eq!(found.len(), 2);
        assert!(found[1].is_err());
        assert!(certificates(&[0, 0, 9]).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), client in any::<bool>()) {
            let speaker = if client { Speaker::Client } else { Speaker::Server };
            Hello::read(&bytes, speaker);
            if let Ok(list) = certificates(&bytes) {
                list.count();
            }
        }

        #[test]
        fn a_damaged_hello_is_read_as_far_as_it_goes(cut in 0usize..120, at in 0usize..120, byte in any::<u8>()) {
            let mut bytes = hello_for(b"a.test");
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            bytes.truncate(cut);
            Hello::read(&bytes, Speaker::Client);
        }
    }
}
