//! Lines → commands, replies and the ports that they agree on (RFC 959 §4 and §5, RFC 2428, RFC 4217).

use std::net::{IpAddr, Ipv4Addr};

/// A command by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command(&'static str);

impl Command {
    pub const APPE: Command = Command("APPE");
    pub const AUTH_TLS: Command = Command("AUTH TLS");
    /// What clients ask for that are older than RFC 4217, and those that try everything.
    pub const AUTH_SSL: Command = Command("AUTH SSL");
    pub const EPRT: Command = Command("EPRT");
    pub const EPSV: Command = Command("EPSV");
    pub const LIST: Command = Command("LIST");
    pub const MLSD: Command = Command("MLSD");
    pub const NLST: Command = Command("NLST");
    pub const PASV: Command = Command("PASV");
    pub const PORT: Command = Command("PORT");
    pub const RETR: Command = Command("RETR");
    pub const STOR: Command = Command("STOR");
    pub const STOU: Command = Command("STOU");

    pub fn name(self) -> &'static str {
        self.0
    }

    /// The command of a line; old and new ones hide behind other letters (`XPWD`).
    pub fn read(line: &[u8]) -> Option<Command> {
        let begins = |from: &[u8], name: &str| {
            from.get(..name.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(name.as_bytes()))
        };
        let first = NAMES.iter().find(|name| begins(line, name));
        let found = first.or_else(|| {
            let near = &line[..line.len().min(SEARCH_BYTES)];
            (1..near.len()).find_map(|at| NAMES.iter().find(|name| begins(&near[at..], name)))
        });
        found.map(|name| Command(name))
    }

    /// What the data connection that it asks for carries, and which way.
    pub fn transfers(self) -> Option<Carries> {
        Some(match self {
            Command::RETR => Carries::FileToClient,
            Command::STOR | Command::APPE | Command::STOU => Carries::FileToServer,
            Command::LIST | Command::NLST | Command::MLSD => Carries::Names,
            _ => return None,
        })
    }
}

/// What goes over a data connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    FileToClient,
    FileToServer,
    /// Names of files, to the client.
    Names,
}

/// Bytes at the beginning of a line in which a command is looked for.
const SEARCH_BYTES: usize = 64;

const NAMES: &[&str] = &[
    "PORT", "EPRT", "AUTH TLS", "AUTH SSL", "PASV", "EPSV", "RETR", "STOR", "ABOR", "ACCT", "ALLO",
    "APPE", "CDUP", "CHMOD", "CWD", "DELE", "HELP", "IDLE", "LIST", "MAIL", "MDTM", "MKD", "MLFL",
    "MLSD", "MODE", "MRCP", "MRSQ", "MSAM", "MSND", "MSOM", "NLST", "NOOP", "PASS", "PWD", "QUIT",
    "REIN", "REST", "RMD", "RNFR", "RNTO", "SITE", "SIZE", "SMNT", "STAT", "STOU", "STRU", "SYST",
    "TYPE", "UMASK", "USER",
];

/// A reply line in code and text; a line without a code is text.
pub fn reply(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.trim_ascii_end();
    match line.split_at_checked(4) {
        Some((code, text)) if code[..3].iter().all(u8::is_ascii_digit) && code[3] == b' ' => {
            (&code[..3], text)
        }
        _ => (b"", line),
    }
}

/// A reply that another one follows before the command is done (RFC 959 §4.2).
pub fn is_preliminary(line: &[u8]) -> bool {
    line.len() >= 4
        && line[0] == b'1'
        && line[1..3].iter().all(u8::is_ascii_digit)
        && line[3].is_ascii_whitespace()
}

/// Address and port of `PORT 192,0,2,1,234,10`.
pub fn port(line: &[u8]) -> Option<(IpAddr, u16)> {
    six_numbers(line.get(4..)?.trim_ascii_start())
}

/// Address and port of `227 Entering Passive Mode (192,0,2,1,234,10).`
pub fn pasv(line: &[u8]) -> Option<(IpAddr, u16)> {
    let open = line.iter().position(|&byte| byte == b'(')?;
    let close = line.iter().rposition(|&byte| byte == b')')?;
    six_numbers(line.get(open + 1..close)?)
}

/// Port of `EPRT |2|2001:db8::1|41813|`.
pub fn eprt(line: &[u8]) -> Option<u16> {
    number(line.split(|&byte| byte == b'|').nth(3)?)
}

/// Port of `229 Entering Extended Passive Mode (|||48758|)`.
pub fn epsv(line: &[u8]) -> Option<u16> {
    let at = line.windows(3).position(|bytes| bytes == b"|||")?;
    number(line[at + 3..].split(|&byte| byte == b'|').next()?)
}

fn six_numbers(text: &[u8]) -> Option<(IpAddr, u16)> {
    let mut bytes = [0u8; 6];
    let mut numbers = text.split(|&byte| byte == b',');
    for byte in &mut bytes {
        *byte = u8::try_from(number(numbers.next()?)?).ok()?;
    }
    let [a, b, c, d, high, low] = bytes;
    let port = u16::from_be_bytes([high, low]);
    (port != 0).then_some((Ipv4Addr::new(a, b, c, d).into(), port))
}

fn number(text: &[u8]) -> Option<u16> {
    let text = text.trim_ascii();
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_by_their_lines() {
        for (line, name) in [
            ("USER a", Some("USER")),
            ("retr x", Some("RETR")),
            ("XPWD", Some("PWD")),
            ("AUTH TLS", Some("AUTH TLS")),
            ("auth ssl", Some("AUTH SSL")),
            ("AUTH GSSAPI", None),
            ("SITE CHMOD 644 x", Some("SITE")),
            ("FEAT", None),
            ("", None),
        ] {
            let found = Command::read(line.as_bytes());
            assert_eq!(found.map(Command::name), name, "{line}");
        }
    }

    #[test]
    fn replies_have_code_and_text() {
        for (line, code, text) in [
            ("331 Password please. ", "331", "Password please."),
            ("220-Hello", "", "220-Hello"),
            ("150", "", "150"),
            ("x", "", "x"),
        ] {
            assert_eq!(
                reply(line.as_bytes()),
                (code.as_bytes(), text.as_bytes()),
                "{line}"
            );
        }
        assert!(is_preliminary(b"150 here"));
        assert!(!is_preliminary(b"226 done"));
    }

    #[test]
    fn ports_are_read() {
        let address: IpAddr = Ipv4Addr::new(192, 0, 2, 1).into();
        assert_eq!(port(b"PORT 192,0,2,1,234,10"), Some((address, 59914)));
        assert_eq!(port(b"PORT 192,0,2,1,256,10"), None);
        assert_eq!(port(b"PORT 192,0,2,1,0,0"), None);
        assert_eq!(
            pasv(b"227 Passive (192,0,2,1,221,243)."),
            Some((address, 56819))
        );
        assert_eq!(pasv(b"227 Passive"), None);
        assert_eq!(eprt(b"EPRT |2|2001:db8::1|41813|"), Some(41813));
        assert_eq!(eprt(b"EPRT |2|2001:db8::1|81813|"), None);
        assert_eq!(epsv(b"229 Extended (|||48758|)"), Some(48758));
        assert_eq!(epsv(b"229 Extended"), None);
    }

    proptest! {
        #[test]
        fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = (Command::read(&line), reply(&line), is_preliminary(&line));
            let _ = (port(&line), pasv(&line), eprt(&line), epsv(&line));
        }
    }
}
