//! Line → message (RFC 2812 §2.3.1).

/// Parameters that a message may have.
const MAX_PARAMETERS: usize = 15;

/// A message, borrowed from its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// Who speaks, without the colon; the client leaves it out.
    pub prefix: Option<&'a [u8]>,
    pub command: &'a [u8],
    /// The last one without its colon.
    pub parameters: Vec<&'a [u8]>,
}

impl<'a> Message<'a> {
    pub fn read(line: &'a [u8]) -> Option<Message<'a>> {
        let mut rest = line.trim_ascii_start();
        if rest.first() == Some(&b'@') {
            rest = word(rest).1;
        }
        let mut prefix = None;
        if let Some(after) = rest.strip_prefix(b":") {
            let (name, after) = word(after);
            prefix = Some(name);
            rest = after;
        }
        let (command, mut rest) = word(rest);
        let is_word = command.iter().all(u8::is_ascii_alphabetic)
            || command.len() == 3 && command.iter().all(u8::is_ascii_digit);
        if command.is_empty() || !is_word {
            return None;
        }
        let mut parameters = Vec::new();
        while !rest.is_empty() && parameters.len() < MAX_PARAMETERS {
            if let Some(last) = rest.strip_prefix(b":") {
                parameters.push(last);
                break;
            }
            let (parameter, after) = word(rest);
            parameters.push(parameter);
            rest = after;
        }
        Some(Message {
            prefix,
            command,
            parameters,
        })
    }

    pub fn is_numeric(&self) -> bool {
        self.command.len() == 3 && self.command[0].is_ascii_digit()
    }
}

/// Up to a space, and what follows the spaces.
fn word(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes
        .iter()
        .position(|&byte| byte == b' ')
        .unwrap_or(bytes.len());
    let (word, rest) = bytes.split_at(end);
    (word, rest.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_are_read() {
        let message = Message::read(b"@t=1 :an!u@h PRIVMSG #x :hello there");
        assert_eq!(
            message,
            Some(Message {
                prefix: Some(b"an!u@h"),
                command: b"PRIVMSG",
                parameters: vec![b"#x", b"hello there"],
            })
        );
        assert_eq!(
            Message::read(b":s 001"),
            Some(Message {
                prefix: Some(b"s"),
                command: b"001",
                parameters: vec![],
            })
        );
        for bad in [&b""[..], b":x", b"12 x", b"GET/ x"] {
            assert_eq!(Message::read(bad), None);
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Some(message) = Message::read(&line) {
                message.is_numeric();
            }
        }
    }
}
