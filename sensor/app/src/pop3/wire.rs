//! Lines → commands and replies (RFC 1939, RFC 2449, RFC 5034).

/// Commands by name, with the numbers of arguments they take.
const COMMANDS: &[(&str, std::ops::RangeInclusive<usize>)] = &[
    ("APOP", 2..=2),
    ("AUTH", 0..=2),
    ("CAPA", 0..=0),
    ("DELE", 1..=1),
    ("LANG", 0..=1),
    ("LIST", 0..=1),
    ("NOOP", 0..=0),
    ("PASS", 1..=usize::MAX),
    ("QUIT", 0..=0),
    ("RETR", 1..=1),
    ("RSET", 0..=0),
    ("STAT", 0..=0),
    ("STLS", 0..=0),
    ("TOP", 2..=2),
    ("UIDL", 0..=1),
    ("USER", 1..=1),
    ("UTF8", 0..=0),
];

/// A client's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// In upper case.
    pub name: String,
    pub arguments: Vec<Vec<u8>>,
    pub known: bool,
    /// The command takes another number of arguments.
    pub miscounted: bool,
}

impl Command {
    pub fn read(line: &[u8]) -> Command {
        let mut words = line.split(|&byte| byte == b' ');
        let name = String::from_utf8_lossy(words.next().unwrap_or_default()).to_ascii_uppercase();
        let arguments: Vec<Vec<u8>> = words
            .filter(|word| !word.is_empty())
            .map(<[u8]>::to_vec)
            .collect();
        let row = COMMANDS.iter().find(|(known, _)| *known == name);
        Command {
            known: row.is_some(),
            miscounted: row.is_some_and(|(_, counts)| !counts.contains(&arguments.len())),
            name,
            arguments,
        }
    }

    /// Data of a mechanism of AUTH, which is no command.
    pub fn secret() -> Command {
        Command {
            name: "<SASL DATA>".to_owned(),
            arguments: Vec::new(),
            known: true,
            miscounted: false,
        }
    }

    /// What a good reply brings behind its first line.
    pub fn brings(&self) -> Brings {
        match self.name.as_str() {
            "LIST" | "UIDL" | "AUTH" if self.arguments.is_empty() => Brings::Lines,
            "CAPA" | "TOP" => Brings::Lines,
            "RETR" => Brings::Mail,
            _ => Brings::Nothing,
        }
    }

    /// Whether a line begins with a known command.
    pub fn begins(line: &[u8]) -> bool {
        COMMANDS.iter().any(|(name, _)| {
            line.get(..name.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(name.as_bytes()))
                && matches!(line.get(name.len()), None | Some(b' ' | b'\r' | b'\n'))
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brings {
    Nothing,
    /// Lines up to a dot.
    Lines,
    /// Lines up to a dot, which are not kept.
    Mail,
}

/// The first line of a reply: whether it is good, and its text.
pub fn reply(line: &[u8]) -> Option<(bool, &[u8])> {
    let (good, text) = match (line.strip_prefix(b"+OK"), line.strip_prefix(b"-ERR")) {
        (Some(text), _) => (true, text),
        (_, Some(text)) => (false, text),
        _ => (true, line.strip_prefix(b"+")?),
    };
    Some((good, text.trim_ascii_start()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_read() {
        let command = Command::read(b"user a@b");
        assert_eq!((command.name.as_str(), command.known), ("USER", true));
        assert_eq!(command.arguments, [b"a@b".to_vec()]);
        assert!(Command::read(b"TOP 1").miscounted);
        assert!(!Command::read(b"XTND").known);
        assert_eq!(Command::read(b"LIST").brings(), Brings::Lines);
        assert_eq!(Command::read(b"LIST 1").brings(), Brings::Nothing);
        assert!(Command::begins(b"quit\r\n") && !Command::begins(b"quitter"));
        assert_eq!(reply(b"+OK ready"), Some((true, &b"ready"[..])));
        assert_eq!(reply(b"-ERR no"), Some((false, &b"no"[..])));
        assert_eq!(reply(b"+ "), Some((true, &b""[..])));
        assert_eq!(reply(b"* OK"), None);
    }

    proptest! {
        #[test]
        fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = (Command::read(&line), Command::begins(&line), reply(&line));
        }
    }
}
