//! Request targets: their parts, and the form in which rules see them (RFC 3986 §3, §5.2.4, §6).
//!
//! Normalised is what most servers would open: percent signs decoded, backslashes taken for slashes,
//! runs of slashes for one, dot segments resolved. The query is only decoded.

/// Parts of a target as they stood.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts<'a> {
    pub hostname: Option<&'a [u8]>,
    pub port: Option<&'a [u8]>,
    pub path: Option<&'a [u8]>,
    pub query: Option<&'a [u8]>,
    pub fragment: Option<&'a [u8]>,
}

/// A host and port, as in `Host` and in CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostPort<'a> {
    pub host: &'a [u8],
    pub port: Option<u16>,
    pub valid: bool,
}

/// Decode what was already decoded once more (`double-decode-path`, `double-decode-query`).
#[derive(Debug, Clone, Copy, Default)]
pub struct Twice {
    pub path: bool,
    pub query: bool,
}

/// A normalised target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Normal {
    /// Path, query and fragment.
    pub uri: Vec<u8>,
    pub path: Option<Vec<u8>>,
    /// Decoding twice changed something.
    pub double_encoded: bool,
}

/// Splits a target into its parts.
pub fn parts(uri: &[u8]) -> Parts<'_> {
    let mut parts = Parts::default();
    let mut rest = uri;
    if !uri.starts_with(b"/")
        && let Some(colon) = uri.iter().position(|&byte| byte == b':')
    {
        rest = &uri[colon + 1..];
        let authority_ends = |bytes: &[u8]| {
            bytes
                .iter()
                .position(|byte| matches!(byte, b'/' | b'?' | b'#'))
                .unwrap_or(bytes.len())
        };
        let mut authority = rest.strip_prefix(b"//").unwrap_or(rest);
        if !authority.starts_with(b"/") {
            let end = authority_ends(authority);
            if let Some(at) = authority[..end].iter().position(|&byte| byte == b'@') {
                authority = &authority[at + 1..];
            }
            let end = authority_ends(authority);
            let (host, port) = split_port(&authority[..end]);
            if !host.is_empty() {
                parts.hostname = Some(host);
                parts.port = port;
                rest = &authority[end..];
            }
        }
    }
    let fragment = rest.iter().position(|&byte| byte == b'#');
    if let Some(at) = fragment {
        parts.fragment = Some(&rest[at + 1..]);
        rest = &rest[..at];
    }
    if let Some(at) = rest.iter().position(|&byte| byte == b'?') {
        parts.query = Some(&rest[at + 1..]);
        rest = &rest[..at];
    }
    parts.path = (!rest.is_empty()).then_some(rest);
    parts
}

/// Splits `host:port`, with IPv6 addresses in brackets. `None` when no host stands there. What follows a port does not
/// make it invalid, what follows a host does (as Suricata has it).
pub fn host_port(bytes: &[u8]) -> Option<HostPort<'_>> {
    let bytes = bytes.strip_prefix(b"//").unwrap_or(bytes);
    let start = bytes.iter().position(|&byte| byte != b' ')?;
    if bytes.starts_with(b"/") {
        return None;
    }
    let bytes = &bytes[start..];
    let end = bytes
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#'))
        .unwrap_or(bytes.len());
    let (host, port) = split_port(&bytes[..end]);
    if host.is_empty() {
        return None;
    }
    let port = port.map(|port| match port.iter().position(|&byte| byte == b' ') {
        Some(space) => &port[..space],
        None => port,
    });
    let number = port.and_then(port_number);
    Some(HostPort {
        host,
        port: number,
        valid: is_hostname(host)
            && match port {
                Some(_) => number.is_some(),
                None => end == bytes.len(),
            },
    })
}

fn split_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    let authority = authority.trim_ascii();
    let host_end = if authority.starts_with(b"[") {
        authority
            .iter()
            .position(|&byte| byte == b']')
            .map_or(authority.len(), |at| at + 1)
    } else {
        authority
            .iter()
            .position(|&byte| byte == b':')
            .unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at(host_end);
    (
        host.trim_ascii_end(),
        rest.strip_prefix(b":").map(<[u8]>::trim_ascii),
    )
}

/// A port from 1 to 65535.
pub fn port_number(port: &[u8]) -> Option<u16> {
    if port.is_empty() || port.len() > 5 || !port.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = port
        .iter()
        .fold(0u32, |number, digit| number * 10 + u32::from(digit - b'0'));
    u16::try_from(number).ok().filter(|&number| number != 0)
}

/// Whether a name can be a host's: labels of letters, digits, `-` and `_`, or an IPv6 address in brackets.
pub fn is_hostname(host: &[u8]) -> bool {
    if let Some(inner) = host
        .strip_prefix(b"[")
        .and_then(|rest| rest.strip_suffix(b"]"))
    {
        return std::str::from_utf8(inner)
            .is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok());
    }
    !host.is_empty()
        && host.len() <= 255
        && !host.starts_with(b".")
        && !host.windows(2).any(|pair| pair == b"..")
        && host.split(|&byte| byte == b'.').all(|label| {
            label.len() <= 63
                && label.iter().all(|&byte| {
                    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' || byte >= 0x80
                })
        })
}

/// A hostname decoded, in lower case and without dots at its end.
pub fn normal_hostname(host: &[u8]) -> Vec<u8> {
    let mut host = decode(host);
    host.make_ascii_lowercase();
    while host.last() == Some(&b'.') {
        host.pop();
    }
    host
}

/// The target in the form that rules see.
pub fn normalise(parts: &Parts<'_>, twice: Twice) -> Normal {
    let mut normal = Normal::default();
    if let Some(path) = parts.path {
        let path = remove_dots(&decode_path(path));
        if twice.path {
            let again = decode(&path);
            normal.double_encoded |= again.len() < path.len();
            normal.uri.extend_from_slice(&again);
        } else {
            normal.uri.extend_from_slice(&path);
        }
        normal.path = Some(path);
    }
    if let Some(query) = parts.query {
        normal.uri.push(b'?');
        let query = decode(query);
        if twice.query {
            let again = decode(&query);
            normal.double_encoded |= again.len() < query.len();
            normal.uri.extend_from_slice(&again);
        } else {
            normal.uri.extend_from_slice(&query);
        }
    }
    if let Some(fragment) = parts.fragment {
        normal.uri.push(b'#');
        normal.uri.extend_from_slice(&decode(fragment));
    }
    normal
}

/// Percent signs decoded: `%41` and `%u0041`. Wrong ones stay as they are.
pub fn decode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        let decoded = if byte == b'%' { escape(tail) } else { None };
        let (byte, used) = decoded.unwrap_or((byte, 0));
        out.push(byte);
        rest = &tail[used..];
    }
    out
}

/// The same, with ASCII in disguise as ASCII, backslashes as slashes and each run of slashes as one.
fn decode_path(path: &[u8]) -> Vec<u8> {
    let mut out = undisguise(&decode(path));
    for byte in &mut out {
        if *byte == b'\\' {
            *byte = b'/';
        }
    }
    out.dedup_by(|byte, before| *byte == b'/' && *before == b'/');
    out
}

/// UTF-8 that some servers take for ASCII: overlong sequences (RFC 3629 §3) and fullwidth forms.
fn undisguise(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        let (byte, used) = match *rest {
            [0xc0 | 0xc1, low @ 0x80..=0xbf, ..] => (((byte & 1) << 6) | (low & 0x3f), 2),
            [0xe0, high @ (0x80 | 0x81), low @ 0x80..=0xbf, ..] => {
                (((high & 1) << 6) | (low & 0x3f), 3)
            }
            [0xf0, 0x80, high @ (0x80 | 0x81), low @ 0x80..=0xbf, ..] => {
                (((high & 1) << 6) | (low & 0x3f), 4)
            }
            [0xef, 0xbc, low @ 0x81..=0xbf, ..] => (low - 0x60, 3),
            [0xef, 0xbd, low @ 0x80..=0x9e, ..] => (low - 0x20, 3),
            _ => (byte, 1),
        };
        out.push(byte);
        rest = &tail[used - 1..];
    }
    out
}

/// What stands behind a percent sign, and the bytes it takes.
fn escape(bytes: &[u8]) -> Option<(u8, usize)> {
    match bytes {
        [b'u' | b'U', a, b, c, d, ..] => {
            let high = pair(*a, *b)?;
            let low = pair(*c, *d)?;
            Some((best_fit(high, low), 5))
        }
        [b'u' | b'U', ..] => None,
        [a, b, ..] => pair(*a, *b).map(|byte| (byte, 2)),
        _ => None,
    }
}

fn pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    Some((digit(high)? << 4) | digit(low)?)
}

/// The one-byte character that servers take a UTF-16 unit for.
fn best_fit(high: u8, low: u8) -> u8 {
    match (high, low) {
        (0, low) => low,
        // Fullwidth forms of ASCII.
        (0xff, 0x01..=0x5e) => low + 0x20,
        _ => b'?',
    }
}

/// Dot segments resolved (RFC 3986 §5.2.4), except that a path which ends in one keeps no slash.
fn remove_dots(path: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    let mut begun = false;
    let mut after_dots = false;
    let last = path.iter().filter(|&&byte| byte == b'/').count();
    for (at, segment) in path.split(|&byte| byte == b'/').enumerate() {
        if !begun {
            match segment {
                b"" if at == 0 && last > 0 => begun = true,
                b"" if at == 0 => {}
                // A leading `./` or `../` is left out.
                b"." | b".." => {}
                _ => {
                    if segment.is_empty() {
                        // What follows a leading dot segment begins with a slash.
                        out.push(b'/');
                    }
                    out.extend_from_slice(segment);
                    begun = true;
                }
            }
            continue;
        }
        match segment {
            b"." => after_dots = true,
            b".." => {
                let keep = out.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                out.truncate(keep);
                after_dots = true;
            }
            b"" if at == last && after_dots => {}
            _ => {
                out.push(b'/');
                out.extend_from_slice(segment);
                after_dots = false;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, normal: &str) {
        let got = normalise(&parts(uri.as_bytes()), Twice::default());
        assert_eq!(String::from_utf8_lossy(&got.uri), normal, "{uri}");
    }

    #[test]
    fn targets_are_normalised() {
        let rows = [
            ("/", "/"),
            ("/a/b?c=d#e", "/a/b?c=d#e"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/b/../../c", "/c"),
            ("/../c", "/c"),
            ("/a/b/..", "/a"),
            ("/a/b/.", "/a/b"),
            ("/a/", "/a/"),
            ("./a", "a"),
            ("../a", "a"),
            ("/a//b", "/a/b"),
            ("/a\\b", "/a/b"),
            ("/%61%62?%63+d", "/ab?c+d"),
            ("/%2e%2e/x", "/x"),
            ("/%u0041%uff21%zz", "/AA%zz"),
            ("/%", "/%"),
            ("http://Host.Example:80/a?b", "/a?b"),
            ("http://host", ""),
            ("/hello%2fthere", "/hello/there"),
            ("/a/%c0%ae%c0%ae/b", "/b"),
            ("/%e0%81%81%f0%80%81%82", "/AB"),
            ("/\u{ff21}\u{ff5a}", "/Az"),
            ("/t%C3%A0i li\u{1ec7}u.pdf", "/tài liệu.pdf"),
            ("/a%00b", "/a\0b"),
        ];
        for (uri, normal) in rows {
            check(uri, normal);
        }
    }

    #[test]
    fn authorities_are_split() {
        let got = parts(b"http://user:pass@Example.com:8080/x@y");
        assert_eq!(got.hostname, Some(&b"Example.com"[..]));
        assert_eq!(got.port, Some(&b"8080"[..]));
        assert_eq!(got.path, Some(&b"/x@y"[..]));
        let rows: &[(&str, &str, Option<u16>, bool)] = &[
            ("example.com", "example.com", None, true),
            ("example.com:443", "example.com", Some(443), true),
            ("[::1]:80", "[::1]", Some(80), true),
            ("example.com:0", "example.com", None, false),
            ("exa mple", "exa mple", None, false),
            ("example.com:25 /", "example.com", Some(25), true),
            ("example.com/", "example.com", None, false),
        ];
        for text in ["", " ", "/", ":80"] {
            assert!(host_port(text.as_bytes()).is_none(), "{text}");
        }
        for &(text, host, port, valid) in rows {
            let got = host_port(text.as_bytes()).expect("a host");
            assert_eq!(
                (got.host, got.port, got.valid),
                (host.as_bytes(), port, valid),
                "{text}"
            );
        }
    }

    #[test]
    fn decoding_twice_is_an_option() {
        let parts = parts(b"/%2541?%2542");
        let once = normalise(&parts, Twice::default());
        assert_eq!(once.uri, b"/%41?%42");
        let twice = normalise(
            &parts,
            Twice {
                path: true,
                query: true,
            },
        );
        assert_eq!((&twice.uri[..], twice.double_encoded), (&b"/A?B"[..], true));
    }
}
