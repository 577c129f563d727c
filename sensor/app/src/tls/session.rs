//! Records and messages → the transaction: what is kept, how far each side has come, what is odd.

use sensor_flow::Direction;

use super::certificate::Certificate;
use super::record::{Header, Payload, SSL2_BITS, SSL2_SHORT_BIT, Taker};
use super::wire::{
    ContentType, Hello, MAX_RECORD_BYTES, MESSAGE_HEADER_BYTES, MessageType, Oddity,
    RECORD_HEADER_BYTES, RecordHeader, Speaker, Version, certificates,
};
use super::{TlsTransaction, events, ja3, ja3s, message, stage};
use crate::frame::Frames;
use crate::{Body, Transaction};

/// Handshake messages longer than this are passed over: long chains fit many times.
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// Certificates kept of one chain.
pub const MAX_CHAIN: usize = 64;

/// Padding of a heartbeat (RFC 6520 §4).
const MIN_PADDING_BYTES: usize = 16;

/// A handshake message of which more is awaited, with its header.
#[derive(Debug, Default)]
pub struct Message {
    held: Vec<u8>,
    /// Bytes of a message that is too long, still to be passed over.
    skip: usize,
}

/// A heartbeat request that has no answer yet.
#[derive(Debug, Clone, Copy)]
struct Heartbeat {
    from: Direction,
    /// Length of its record when it came in cipher, else 0.
    record_bytes: usize,
}

/// What both sides know of the session besides what is kept.
#[derive(Debug, Default)]
pub struct Shared {
    /// Somebody has changed to cipher, by direction.
    ciphered: [bool; 2],
    /// Data in cipher have come, by direction.
    pub data: [bool; 2],
    heartbeat: Option<Heartbeat>,
    /// SSL 2: the client named no session; it sent its key; who speaks in cipher.
    no_session: bool,
    master_key: bool,
    ssl2_ciphered: [bool; 2],
}

impl Shared {
    /// Nothing more will come in the clear.
    pub fn is_over(&self) -> bool {
        self.data == [true; 2] || self.ssl2_ciphered == [true; 2]
    }

    /// Payload is in cipher by now: nothing for rules on content.
    pub fn is_encrypted(&self) -> bool {
        self.data.contains(&true) || self.ssl2_ciphered == [true; 2]
    }

    fn has_changed(&self) -> bool {
        self.ciphered.contains(&true)
    }
}

/// One side at work.
pub struct Session<'a> {
    pub tx: &'a mut Transaction,
    pub direction: Direction,
    pub shared: &'a mut Shared,
    pub message: &'a mut Message,
    pub frames: &'a mut Frames,
}

impl Session<'_> {
    fn with<T>(&mut self, work: impl FnOnce(&mut TlsTransaction) -> T) -> Option<T> {
        match &mut self.tx.body {
            Body::Tls(tls) => Some(work(tls)),
            _ => None,
        }
    }

    fn tls(&self) -> Option<&TlsTransaction> {
        super::tls(self.tx)
    }

    /// Nothing that is told can come any more. Heartbeats go on in cipher, and their lengths tell.
    pub fn is_over(&self) -> bool {
        let hello = self.tls().and_then(|tls| tls.server.hello.as_ref());
        let heartbeats = hello.is_some_and(|hello| hello.has_heartbeat);
        self.shared.is_over() && !heartbeats && !self.frames.is_wanted()
    }

    fn advance(&mut self, stage: u8) {
        self.tx.advance(self.direction, stage);
    }

    fn advance_both(&mut self, stage: u8) {
        for direction in Direction::BOTH {
            self.tx.advance(direction, stage);
        }
    }

    /// Raises an event; `false`, to end with.
    fn refuse(&mut self, event: u16) -> bool {
        self.tx.raise(event);
        false
    }

    fn saw(&mut self, bit: u8) {
        self.with(|tls| {
            tls.messages = bit;
            tls.seen |= bit;
        });
    }

    /// The newest chunk is read. With the certificates that were asked for, all is known that will be.
    pub fn settle(&mut self) {
        let known = self.tls().is_some_and(|tls| {
            let side = if tls.client_certificate_wanted {
                &tls.client
            } else {
                &tls.server
            };
            side.certificate.is_some()
        });
        if known {
            self.advance_both(stage::HANDSHAKE_DONE);
        }
    }

    fn begin_tls(&mut self, header: RecordHeader) -> Payload {
        let direction = self.direction;
        let hello = match direction {
            Direction::ToServer => message::CLIENT_HELLO,
            Direction::ToClient => message::SERVER_HELLO,
        };
        let versions = self.with(|tls| {
            let known = tls.has_seen(hello);
            let peer = tls.peer_mut(direction);
            let before = peer.version;
            if !known || peer.version == Version::UNKNOWN {
                peer.version = header.version;
            }
            (before, peer.version)
        });
        let Some((before, version)) = versions else {
            return Payload::Refuse;
        };
        if !header.content.is_known() {
            self.tx.raise(events::INVALID_RECORD_TYPE);
            // These versions let new types of records pass.
            if !matches!(before, Version::TLS10 | Version::TLS11) {
                return Payload::Refuse;
            }
            self.with(|tls| tls.peer_mut(direction).version = before);
            return Payload::Skip;
        }
        let length = usize::from(header.length);
        if length == 0 || length > MAX_RECORD_BYTES {
            self.tx.raise(events::INVALID_RECORD_LENGTH);
            return Payload::Refuse;
        }
        if !version.is_valid() {
            self.tx.raise(events::INVALID_RECORD_VERSION);
            return Payload::Refuse;
        }
        if header.content == ContentType::APPLICATION_DATA {
            self.application_data();
            return Payload::Skip;
        }
        Payload::Collect
    }

    fn application_data(&mut self) {
        // Early data of TLS 1.3 come before the handshake is over (RFC 8446 §2.3).
        let early = self.tls().is_some_and(|tls| {
            !tls.has_seen(message::SERVER_HELLO)
                && tls
                    .client
                    .hello
                    .as_ref()
                    .is_some_and(|hello| hello.has_early_data)
        });
        if early {
            return;
        }
        self.shared.data[self.direction.index()] = true;
        self.advance(stage::HANDSHAKE_DONE);
    }

    fn change_cipher_spec(&mut self) {
        self.shared.ciphered[self.direction.index()] = true;
        if self.direction == Direction::ToServer {
            self.advance(stage::HANDSHAKE_DONE);
        }
    }

    fn alert(&mut self, payload: &[u8]) -> bool {
        const FATAL: u8 = 2;
        match payload {
            [] | [_] => self.refuse(events::INVALID_ALERT_MESSAGE),
            [FATAL, _] => {
                self.advance_both(Transaction::COMPLETE);
                true
            }
            // Longer ones are in cipher.
            _ => true,
        }
    }

    /// Messages in the clear, across records.
    fn handshake(&mut self, payload: &[u8]) -> bool {
        // In TLS 1.3 a change of cipher is a show for boxes in between (RFC 8446 appendix D.4).
        let show = self.tls().is_some_and(|tls| {
            tls.has_seen(message::CLIENT_HELLO)
                && !tls.has_seen(message::SERVER_HELLO)
                && tls.client.version > Version::TLS12
        });
        if self.shared.has_changed() && !show {
            return true;
        }
        let mut rest = payload;
        while !rest.is_empty() {
            if self.message.skip > 0 {
                let taken = self.message.skip.min(rest.len());
                self.message.skip -= taken;
                rest = &rest[taken..];
                continue;
            }
            if self.message.held.is_empty() && rest.len() < MESSAGE_HEADER_BYTES {
                // Nobody cuts a header, but receivers take it.
                self.tx.raise(events::INVALID_SSL_RECORD);
            }
            rest = self.message_part(rest);
        }
        true
    }

    /// The next part of the message under way; what is left.
    fn message_part<'p>(&mut self, mut rest: &'p [u8]) -> &'p [u8] {
        let mut held = std::mem::take(&mut self.message.held);
        if held.len() < MESSAGE_HEADER_BYTES {
            let taken = (MESSAGE_HEADER_BYTES - held.len()).min(rest.len());
            held.extend_from_slice(&rest[..taken]);
            rest = &rest[taken..];
        }
        let Some(&[kind, high, middle, low]) = held.first_chunk::<MESSAGE_HEADER_BYTES>() else {
            self.message.held = held;
            return rest;
        };
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        let kind = MessageType(kind);
        if !kind.is_known() {
            if !self.shared.ciphered[self.direction.index()] {
                self.tx.raise(events::INVALID_HANDSHAKE_MESSAGE);
            }
            return &rest[length.min(rest.len())..];
        }
        if length > MAX_MESSAGE_BYTES {
            self.tx.raise(events::HANDSHAKE_INVALID_LENGTH);
            self.message.skip = length;
            return rest;
        }
        let whole = MESSAGE_HEADER_BYTES + length;
        if held.len() == MESSAGE_HEADER_BYTES
            && let Some((body, after)) = rest.split_at_checked(length)
        {
            self.message(kind, body);
            return after;
        }
        let taken = (whole - held.len()).min(rest.len());
        held.extend_from_slice(&rest[..taken]);
        rest = &rest[taken..];
        if held.len() == whole {
            self.message(kind, &held[MESSAGE_HEADER_BYTES..]);
        } else {
            self.message.held = held;
        }
        rest
    }

    fn message(&mut self, kind: MessageType, body: &[u8]) {
        let from_server = self.direction == Direction::ToClient;
        match kind {
            MessageType::CLIENT_HELLO => self.hello(body, Speaker::Client),
            MessageType::SERVER_HELLO => self.hello(body, Speaker::Server),
            MessageType::CERTIFICATE => self.certificates(body),
            MessageType::SERVER_KEY_EXCHANGE => self.saw(message::SERVER_KEY_EXCHANGE),
            MessageType::CLIENT_KEY_EXCHANGE => self.saw(message::CLIENT_KEY_EXCHANGE),
            MessageType::CERTIFICATE_REQUEST if from_server => {
                self.with(|tls| {
                    tls.client_certificate_wanted = true;
                    tls.messages = 0;
                });
            }
            MessageType::SERVER_HELLO_DONE if from_server => self.advance(stage::HELLO_DONE),
            _ => {}
        }
    }

    fn hello(&mut self, body: &[u8], speaker: Speaker) {
        let hello = Hello::read(body, speaker);
        for oddity in &hello.oddities {
            self.tx.raise(match oddity {
                Oddity::Length => events::HANDSHAKE_INVALID_LENGTH,
                Oddity::MultipleNames => events::MULTIPLE_SNI_EXTENSIONS,
                Oddity::NameType => events::INVALID_SNI_TYPE,
                Oddity::NameLength => events::INVALID_SNI_LENGTH,
            });
        }
        self.saw(match speaker {
            Speaker::Client => message::CLIENT_HELLO,
            Speaker::Server => message::SERVER_HELLO,
        });
        let (direction, complete) = (self.direction, hello.complete);
        self.with(|tls| {
            match speaker {
                Speaker::Client => tls.resumed |= hello.has_session_ticket,
                Speaker::Server => {
                    let client = tls.client.hello.as_ref();
                    let told = client.is_some_and(|client| client.has_versions);
                    let named = client.is_some_and(|client| client.session_id == hello.session_id);
                    tls.without_certificate |= hello.legacy_version.is_13()
                        || told && hello.has_versions && hello.version > Version::TLS12;
                    tls.resumed |= named && !hello.session_id.is_empty();
                }
            }
            let peer = tls.peer_mut(direction);
            peer.version = hello.version;
            if peer.hello.is_some() {
                return;
            }
            if complete {
                peer.ja3 = Some(match speaker {
                    Speaker::Client => ja3(&hello),
                    Speaker::Server => ja3s(&hello),
                });
            }
            peer.hello = Some(Box::new(hello));
        });
        if complete {
            self.advance(stage::HELLO);
        }
    }

    fn certificates(&mut self, body: &[u8]) {
        let direction = self.direction;
        let again = self
            .with(|tls| std::mem::replace(&mut tls.peer_mut(direction).certified, true))
            .unwrap_or(true);
        if let Ok(list) = certificates(body)
            && !again
        {
            for (at, der) in list.take(MAX_CHAIN).enumerate() {
                let Ok(der) = der else {
                    self.tx.raise(events::INVALID_CERTIFICATE);
                    break;
                };
                if at == 0 {
                    match Certificate::read(der) {
                        Ok(read) => {
                            let read = Some(Box::new(read));
                            self.with(|tls| tls.peer_mut(direction).certificate = read);
                        }
                        Err(event) => {
                            self.tx.raise(event);
                            continue;
                        }
                    }
                }
                self.with(|tls| tls.peer_mut(direction).chain.push(der.to_vec()));
            }
        }
        self.advance(stage::CERTIFICATE);
    }

    /// RFC 6520, and the leak that made it famous: an answer longer than what was asked for.
    fn heartbeat(&mut self, payload: &[u8]) -> bool {
        let &[kind, high, low, ..] = payload else {
            return true;
        };
        let ciphered = self.shared.has_changed();
        if !ciphered && !matches!(kind, 1 | 2) {
            return self.refuse(events::INVALID_HEARTBEAT_MESSAGE);
        }
        match self.shared.heartbeat {
            None => {
                self.shared.heartbeat = Some(Heartbeat {
                    from: self.direction,
                    record_bytes: if ciphered { payload.len() } else { 0 },
                });
                if ciphered {
                    return true;
                }
                let wanted = 3 + usize::from(u16::from_be_bytes([high, low]));
                if wanted > payload.len() {
                    return self.refuse(events::OVERFLOW_HEARTBEAT_MESSAGE);
                }
                if payload.len() - wanted < MIN_PADDING_BYTES {
                    return self.refuse(events::INVALID_HEARTBEAT_MESSAGE);
                }
                true
            }
            Some(request) if request.from == self.direction => {
                self.refuse(events::INVALID_HEARTBEAT_MESSAGE)
            }
            Some(request) => {
                self.shared.heartbeat = None;
                if ciphered && request.record_bytes > 0 && request.record_bytes < payload.len() {
                    return self.refuse(events::DATALEAK_HEARTBEAT_MISMATCH);
                }
                true
            }
        }
    }

    /// A message of SSL 2, its type first.
    fn ssl2(&mut self, payload: &[u8]) -> bool {
        let Some((&kind, body)) = payload.split_first() else {
            return self.refuse(events::INVALID_SSLV2_HEADER);
        };
        let side = self.direction.index();
        match kind {
            0 => self.tx.raise(events::ERROR_MESSAGE_ENCOUNTERED),
            1 => {
                let &[major, minor, _, _, high, low, ..] = body else {
                    return self.refuse(events::INVALID_SSL_RECORD);
                };
                self.saw(message::CLIENT_HELLO);
                self.shared.no_session = (high, low) == (0, 0);
                let direction = self.direction;
                self.with(|tls| {
                    let peer = tls.peer_mut(direction);
                    if peer.hello.is_none() {
                        peer.version = Version(u16::from_be_bytes([major, minor]));
                    }
                });
                self.tx.advance(Direction::ToServer, stage::HELLO);
            }
            2 => self.shared.master_key = true,
            4 => {
                self.saw(message::SERVER_HELLO);
                self.tx.advance(Direction::ToClient, stage::HELLO);
            }
            3 | 5..=8 => {
                if kind == 8 {
                    self.tx.advance(Direction::ToClient, stage::CERTIFICATE);
                }
                let both = self.tls().is_some_and(|tls| {
                    tls.has_seen(message::CLIENT_HELLO) && tls.has_seen(message::SERVER_HELLO)
                });
                let keyed = self.direction == Direction::ToClient
                    || self.shared.no_session
                    || self.shared.master_key;
                self.shared.ssl2_ciphered[side] |= both && keyed;
            }
            _ => {}
        }
        true
    }
}

impl Taker for Session<'_> {
    fn first(&mut self, byte: u8, rest: usize) {
        let (name, bytes) = match byte & SSL2_BITS {
            0 => ("hdr", RECORD_HEADER_BYTES as u64),
            // The type of the message counts as well.
            bits if bits & SSL2_SHORT_BIT != 0 => ("ssl2.hdr", 3),
            _ => ("ssl2.hdr", 4),
        };
        self.frames.add(self.direction, name, rest, Some(bytes));
    }

    fn announce(&mut self, header: Header, rest: usize, header_bytes: usize) {
        let name = match header {
            Header::Tls(_) => "pdu",
            Header::Ssl2 { .. } => "ssl2.pdu",
        };
        let length = (header_bytes + header.length()) as u64;
        self.frames.add(self.direction, name, rest, Some(length));
    }

    fn payload(&mut self, header: Header, rest: usize) {
        let length = Some(header.length() as u64);
        let name = match header.content() {
            None => return,
            Some(ContentType::ALERT) => Some("alert"),
            Some(ContentType::HEARTBEAT) => Some("heartbeat"),
            Some(kind) if !kind.is_known() => return,
            Some(_) => None,
        };
        for name in std::iter::once("data").chain(name) {
            self.frames.add(self.direction, name, rest, length);
        }
    }

    fn begin(&mut self, header: Header) -> Payload {
        match header {
            // Of records behind the last that tells something it is all the same in which chunk they come.
            _ if self.is_over() => Payload::Skip,
            Header::Tls(header) => self.begin_tls(header),
            Header::Ssl2 { length: 0 } => {
                self.tx.raise(events::INVALID_SSLV2_HEADER);
                self.tx.raise(events::INVALID_SSL_RECORD);
                Payload::Refuse
            }
            Header::Ssl2 { .. } => {
                let direction = self.direction;
                // Behind a hello of TLS it is cipher that happens to look like this.
                self.with(|tls| {
                    let peer = tls.peer_mut(direction);
                    if peer.hello.is_none() {
                        peer.version = Version::SSL2;
                    }
                });
                Payload::Collect
            }
        }
    }

    fn end(&mut self, header: Header, payload: &[u8]) -> bool {
        self.with(|tls| tls.records += 1);
        match header.content() {
            None => self.ssl2(payload),
            Some(ContentType::CHANGE_CIPHER_SPEC) => {
                self.change_cipher_spec();
                true
            }
            Some(ContentType::ALERT) => self.alert(payload),
            Some(ContentType::HANDSHAKE) => self.handshake(payload),
            Some(ContentType::HEARTBEAT) => self.heartbeat(payload),
            Some(_) => true,
        }
    }
}
