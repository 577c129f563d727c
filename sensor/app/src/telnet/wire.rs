//! Bytes → text, commands and subnegotiations (RFC 854, RFC 855).

/// Bytes kept of one subnegotiation.
pub const MAX_SUB_BYTES: usize = 512;

pub(super) const IAC: u8 = 255;
pub(super) const SUB_BEGIN: u8 = 250;
pub(super) const SUB_END: u8 = 240;

/// WILL, WONT, DO or DONT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verb(pub u8);

impl Verb {
    pub fn name(self) -> &'static str {
        match self.0 {
            251 => "will",
            252 => "wont",
            253 => "do",
            _ => "dont",
        }
    }
}

/// What is negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TelnetOption(pub u8);

impl TelnetOption {
    pub const TERMINAL_TYPE: TelnetOption = TelnetOption(24);
    pub const NEW_ENVIRON: TelnetOption = TelnetOption(39);

    /// As IANA registers them, in lower case.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "binary",
            1 => "echo",
            3 => "suppress_go_ahead",
            5 => "status",
            6 => "timing_mark",
            24 => "terminal_type",
            31 => "window_size",
            32 => "terminal_speed",
            33 => "remote_flow_control",
            34 => "linemode",
            35 => "x_display_location",
            36 => "environ",
            37 => "authentication",
            38 => "encryption",
            39 => "new_environ",
            _ => return None,
        })
    }
}

/// One piece of a side.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    Text(u8),
    Negotiate(Verb, TelnetOption),
    Sub(TelnetOption, Vec<u8>),
}

/// Takes one side apart, byte by byte.
#[derive(Debug, Default)]
pub struct Reader {
    at: Place,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Text,
    Iac,
    Verb(Verb),
    Sub(Vec<u8>),
    SubIac(Vec<u8>),
}

impl Reader {
    pub fn push(&mut self, byte: u8) -> Option<Piece> {
        let (next, piece) = match (std::mem::take(&mut self.at), byte) {
            (Place::Text, IAC) => (Place::Iac, None),
            (Place::Text, byte) => (Place::Text, Some(Piece::Text(byte))),
            (Place::Iac, IAC) => (Place::Text, Some(Piece::Text(IAC))),
            (Place::Iac, SUB_BEGIN) => (Place::Sub(Vec::new()), None),
            (Place::Iac, 251..=254) => (Place::Verb(Verb(byte)), None),
            (Place::Iac, _) => (Place::Text, None),
            (Place::Verb(verb), byte) => (
                Place::Text,
                Some(Piece::Negotiate(verb, TelnetOption(byte))),
            ),
            (Place::Sub(bytes), IAC) => (Place::SubIac(bytes), None),
            (Place::Sub(bytes), byte) => (Place::Sub(kept(bytes, byte)), None),
            (Place::SubIac(bytes), IAC) => (Place::Sub(kept(bytes, IAC)), None),
            (Place::SubIac(bytes), SUB_END) => {
                let piece = bytes
                    .split_first()
                    .map(|(option, rest)| Piece::Sub(TelnetOption(*option), rest.to_vec()));
                (Place::Text, piece)
            }
            (Place::SubIac(_), _) => (Place::Text, None),
        };
        self.at = next;
        piece
    }
}

fn kept(mut bytes: Vec<u8>, byte: u8) -> Vec<u8> {
    if bytes.len() < MAX_SUB_BYTES {
        bytes.push(byte);
    }
    bytes
}

/// The terminal that a subnegotiation names (RFC 1091).
pub fn terminal(sub: &[u8]) -> Option<&[u8]> {
    sub.strip_prefix(&[0])
}

/// The variables of a subnegotiation (RFC 1572): names with their values.
pub fn environ(sub: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    const VAR: u8 = 0;
    const VALUE: u8 = 1;
    const ESCAPE: u8 = 2;
    const USER_VAR: u8 = 3;
    // IS or INFO; SEND asks.
    let Some((0 | 2, rest)) = sub.split_first() else {
        return Vec::new();
    };
    let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut in_value = false;
    let mut bytes = rest.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            VAR | USER_VAR => {
                found.push(Default::default());
                in_value = false;
            }
            VALUE => in_value = true,
            byte => {
                let byte = match byte {
                    ESCAPE => bytes.next().copied().unwrap_or(ESCAPE),
                    byte => byte,
                };
                if let Some((name, value)) = found.last_mut() {
                    if in_value { value } else { name }.push(byte);
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_are_taken_out_of_text() {
        let mut reader = Reader::default();
        let bytes = b"a\xff\xfd\x18\xff\xffb\xff\xfa\x18\x00xterm\xff\xf0\xff\xf1c";
        let pieces: Vec<Piece> = bytes.iter().filter_map(|byte| reader.push(*byte)).collect();
        assert_eq!(
            pieces,
            [
                Piece::Text(b'a'),
                Piece::Negotiate(Verb(253), TelnetOption(24)),
                Piece::Text(255),
                Piece::Text(b'b'),
                Piece::Sub(TelnetOption(24), b"\0xterm".to_vec()),
                Piece::Text(b'c'),
            ]
        );
        assert_eq!(
            environ(b"\0\0USER\x01-f root\x03X\x01"),
            [
                (b"USER".to_vec(), b"-f root".to_vec()),
                (b"X".to_vec(), Vec::new())
            ]
        );
        assert_eq!(environ(b"\x01\0USER"), []);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut reader = Reader::default();
            for byte in &bytes {
                reader.push(*byte);
            }
            environ(&bytes);
        }
    }
}
