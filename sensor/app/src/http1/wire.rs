//! Bytes → lines, header fields and numbers (RFC 9112), as forgiving as browsers and servers are: what
//! one of them accepts is read, and what is odd about it is flagged. Pure: no state, no transactions.
//!
//! Lines of requests end in CRLF or LF; those of responses in any mix of CR and LF, as browsers take
//! them. `closed` says that nothing follows, so that an unfinished line is taken as it is.

use sensor_flow::Direction;

/// A longer line or field ends parsing.
pub const MAX_FIELD_BYTES: usize = 18_000;
/// Continuation lines of one field; later ones are fields of their own.
pub const MAX_FOLDS: usize = 128;

/// Version in a request or status line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// None was given.
    Unknown,
    Invalid,
    Http09,
    Http10,
    Http11,
}

/// What is odd about a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Oddities {
    pub missing_colon: bool,
    pub empty_name: bool,
    pub space_before_name: bool,
    pub space_after_name: bool,
    pub name_not_token: bool,
    pub deformed_end: bool,
}

/// A header or trailer field: both parts without the space around them, folds joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: Vec<u8>,
    pub value: Vec<u8>,
    pub oddities: Oddities,
}

/// Line ends behind the last one that belong to it still, when they follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    None,
    /// A carriage return (`LF CR`).
    Cr,
}

/// Whether a field was read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Begun {
    #[default]
    No,
    Yes,
}

/// What stands at the beginning of some header bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A field, and the bytes it took.
    Field(Field, usize),
    /// The end of the fields, and the bytes it took.
    End(usize, Extra),
    /// Not to be told yet.
    More,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    More,
    Bytes { count: usize, deformed: bool },
}

/// The position behind the first LF.
pub fn line_feed(input: &[u8]) -> Option<usize> {
    input
        .iter()
        .position(|&byte| byte == b'\n')
        .map(|at| at + 1)
}

/// The position behind the first line end of a status line: CR, LF or CRLF.
pub fn any_line_end(input: &[u8], closed: bool) -> Option<usize> {
    let at = input
        .iter()
        .position(|&byte| matches!(byte, b'\r' | b'\n'))?;
    match (input[at], input.get(at + 1)) {
        (b'\r', Some(b'\n')) => Some(at + 2),
        (b'\r', None) if !closed => None,
        _ => Some(at + 1),
    }
}

/// The next field, or the end of the fields. In front of the first field only a full line end, or a line feed that
/// nothing follows, is the end.
pub fn next_field(direction: Direction, input: &[u8], closed: bool, begun: Begun) -> Next {
    let response = direction == Direction::ToClient;
    match (input.first(), input.get(1)) {
        (Some(b'\n'), Some(_)) if begun == Begun::No => {}
        (Some(b'\r'), Some(&next)) if begun == Begun::No && next != b'\n' => {}
        (None, _) => return Next::More,
        (Some(b'\n'), Some(b'\r')) if response => return Next::End(2, Extra::None),
        (Some(b'\n'), None) if response => return Next::End(1, Extra::Cr),
        (Some(b'\n'), _) => return Next::End(1, Extra::None),
        (Some(b'\r'), Some(b'\n')) => return Next::End(2, Extra::None),
        (Some(b'\r'), None) if !closed => return Next::More,
        (Some(b'\r'), _) if response => return Next::End(1, Extra::None),
        _ => {}
    }
    let Some((name, value_at)) = name(response, input, closed) else {
        return Next::More;
    };
    let mut oddities = Oddities::default();
    match name {
        None => {
            oddities.missing_colon = true;
            oddities.empty_name = true;
        }
        Some(name) => {
            oddities.empty_name = name.is_empty();
            oddities.space_before_name = name.first().is_some_and(is_blank);
            oddities.space_after_name = name.last().is_some_and(is_blank);
            oddities.name_not_token = !trim_blanks(name).iter().copied().all(is_token);
        }
    }
    match value(response, input, value_at, closed, &mut oddities) {
        None => Next::More,
        Some((value, used)) => {
            let field = Field {
                name: trim(name.unwrap_or_default()).to_vec(),
                value,
                oddities,
            };
            Next::Field(field, used)
        }
    }
}

/// The name up to its colon and where the value begins; no name when the line has no colon.
/// A line end followed by a space continues the name.
fn name(response: bool, input: &[u8], closed: bool) -> Option<(Option<&[u8]>, usize)> {
    let mut ended = None;
    for (at, &byte) in input.iter().enumerate() {
        if at > MAX_FIELD_BYTES {
            return Some((None, 0));
        }
        match (ended, byte) {
            (None, b':') => {
                let blanks = input[at + 1..]
                    .iter()
                    .take_while(|byte| is_blank(byte))
                    .count();
                return Some((Some(&input[..at]), at + 1 + blanks));
            }
            (None, b'\n') => ended = Some(b'\n'),
            (None, b'\r') if response => ended = Some(b'\r'),
            (None, _) => {}
            (Some(_), b' ') => ended = None,
            (Some(b'\r'), b'\n') => ended = Some(b'\n'),
            (Some(_), _) => return Some((None, 0)),
        }
    }
    closed.then_some((None, 0))
}

/// The value from `at` on, with its continuation lines, and the position behind its line end.
fn value(
    response: bool,
    input: &[u8],
    at: usize,
    closed: bool,
    oddities: &mut Oddities,
) -> Option<(Vec<u8>, usize)> {
    let (first, mut end) = line_rest(response, input, at, closed)?;
    let mut value = first.to_vec();
    let mut line_is_empty = false;
    // Empty continuation lines may turn out to be the end of the fields: where the first one begins.
    let mut rest = None;
    for fold in 0..=MAX_FOLDS {
        let LineEnd::Bytes { count, deformed } = line_end(response, input, end, closed) else {
            return None;
        };
        oddities.deformed_end |= deformed;
        let next = end + count;
        if !line_is_empty || count > 1 || input.get(next) == Some(&b'\n') {
            rest = None;
        }
        match input.get(next) {
            Some(b' ' | b'\t' | 0) if count > 0 && fold < MAX_FOLDS => {}
            None if count > 0 && !closed => return None,
            _ => return Some((trim(&value).to_vec(), rest.unwrap_or(next))),
        }
        let begin = next + 1;
        rest.get_or_insert(begin);
        if response {
            match looks_like_field(&input[begin..]) {
                Some(true) => return Some((trim(&value).to_vec(), begin)),
                None if !closed => return None,
                _ => {}
            }
        }
        let (line, line_ends) = line_rest(response, input, begin, closed)?;
        if !value.is_empty() {
            value.push(input[next]);
        }
        value.extend_from_slice(line);
        line_is_empty = line.is_empty();
        end = line_ends;
    }
    None
}

/// The bytes from `at` up to a line end, and where that stands.
fn line_rest(response: bool, input: &[u8], at: usize, closed: bool) -> Option<(&[u8], usize)> {
    let rest = &input[at..];
    let found = rest
        .iter()
        .position(|&byte| byte == b'\n' || (response && byte == b'\r'));
    let mut length = match found {
        Some(length) => length,
        None if closed => rest.len(),
        None => return None,
    };
    if !response && found.is_some() && rest[..length].last() == Some(&b'\r') {
        length -= 1;
    }
    Some((&rest[..length], at + length))
}

/// The line end that stands at `at`; none at all is one of no bytes, at the very end.
fn line_end(response: bool, input: &[u8], at: usize, closed: bool) -> LineEnd {
    let rest = &input[at..];
    let plain = |count| LineEnd::Bytes {
        count,
        deformed: false,
    };
    let deformed = |count| LineEnd::Bytes {
        count,
        deformed: true,
    };
    let open = !closed;
    match rest {
        [] => plain(0),
        [b'\r'] if open => LineEnd::More,
        [b'\r', b'\n', tail @ ..] if response => match tail {
            [b'\r'] if open => LineEnd::More,
            [b'\r', b'\r' | b' ' | b'\t', ..] => {
                // CRLF, then carriage returns and blanks: one line end, unless an empty line follows.
                let blanks = tail
                    .iter()
                    .take_while(|byte| matches!(byte, b'\r' | b' ' | b'\t'))
                    .count();
                let feed = usize::from(tail.get(blanks) == Some(&b'\n'));
                match &tail[blanks + feed..] {
                    [] | [b'\r'] if open => LineEnd::More,
                    [b'\n', ..] | [b'\r', b'\n', ..] => plain(2),
                    _ => deformed(2 + blanks + feed),
                }
            }
            _ => plain(2),
        },
        [b'\r', b'\n', ..] => plain(2),
        [b'\n'] if open => LineEnd::More,
        [b'\n', b'\r'] if response && open => LineEnd::More,
        [b'\n', b'\r', tail @ ..] if response => match tail {
            [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] if open => LineEnd::More,
            [b'\r', b'\n', b'\n', ..] | [b'\r', b'\n', b'\r', b'\n', ..] => deformed(4),
            _ => plain(2),
        },
        [b'\n', b'\r'] | [b'\n', b'\r', b'\r'] if open => LineEnd::More,
        [b'\n', b'\r', b'\r', b'\n', ..] => deformed(2),
        _ => plain(1),
    }
}

/// Whether a line that begins with a blank is a field all the same: a token and a colon.
fn looks_like_field(line: &[u8]) -> Option<bool> {
    let blanks = line.iter().take_while(|byte| is_blank(byte)).count();
    let token = line[blanks..]
        .iter()
        .take_while(|&&byte| is_token(byte))
        .count();
    let after = &line[blanks + token..];
    let more = after.iter().take_while(|byte| is_blank(byte)).count();
    after.get(more).map(|&byte| token > 0 && byte == b':')
}

/// Version of a protocol token: `HTTP/1.1`, with spaces and zeros where servers bear them.
/// The flag tells of such.
pub fn version(token: &[u8]) -> (Version, bool) {
    let parse = || {
        let rest = trim_start_whitespace(token);
        let (http, rest) = rest.split_at_checked(4)?;
        if !http.eq_ignore_ascii_case(b"HTTP") {
            return None;
        }
        let slash = trim_start_whitespace(rest);
        let mut odd = slash.len() != rest.len();
        let rest = slash.strip_prefix(b"/")?;
        let zeros = rest
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace() || **byte == b'0')
            .count();
        odd |= zeros > 0;
        let (version, rest) = match &rest[zeros..] {
            [b'.', b'9', rest @ ..] => (Version::Http09, rest),
            [b'1', b'.', b'0', rest @ ..] => (Version::Http10, rest),
            [b'1', b'.', b'1', rest @ ..] => (Version::Http11, rest),
            _ => return None,
        };
        trim_start_whitespace(rest)
            .is_empty()
            .then_some((version, odd))
    };
    parse().unwrap_or((Version::Invalid, false))
}

/// Parts of a status line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusLine<'a> {
    pub protocol: Option<&'a [u8]>,
    pub status: Option<&'a [u8]>,
    pub message: Option<&'a [u8]>,
}

/// Splits a status line; whatever is missing is missing.
pub fn status_line(line: &[u8]) -> StatusLine<'_> {
    let mut parts = StatusLine::default();
    let lead = line
        .iter()
        .take_while(|&&byte| is_space(byte) || byte == 0)
        .count();
    let (protocol, rest) = split_at_space(&line[lead..]);
    if protocol.is_empty() {
        return parts;
    }
    parts.protocol = Some(protocol);
    let (status, rest) = split_at_space(trim_start(rest));
    if status.is_empty() {
        return parts;
    }
    parts.status = Some(status);
    let message = trim_start_whitespace(rest);
    if message.len() < rest.len() {
        parts.message = Some(strip_line_end(message));
    }
    parts
}

/// Whether a line is no status line but the beginning of a body.
pub fn is_body_line(line: &[u8]) -> bool {
    let lead = line
        .iter()
        .take_while(|&&byte| is_space(byte) || byte == 0)
        .count();
    !line[lead..]
        .get(..4)
        .is_some_and(|http| http.eq_ignore_ascii_case(b"HTTP"))
}

/// A status code from 100 to 999.
pub fn status_number(status: &[u8]) -> Option<u16> {
    let digits = trim_blanks(status);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0u32, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u32::from(digit - b'0'))
    });
    u16::try_from(number)
        .ok()
        .filter(|number| (100..=999).contains(number))
}

/// Parts of a request line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestLine<'a> {
    pub method: &'a [u8],
    pub uri: Option<&'a [u8]>,
    /// Empty when there is none.
    pub protocol: &'a [u8],
    pub space_before_method: bool,
    pub odd_method_delimiter: bool,
    pub odd_uri_delimiter: bool,
}

/// Splits a request line. What stands behind the last space is the protocol: a URI may have spaces.
pub fn request_line(line: &[u8]) -> RequestLine<'_> {
    let start = trim_start(line);
    let (method, rest) = split_at_space(start);
    let target = trim_start(rest);
    let delimiter = &rest[..rest.len() - target.len()];
    let mut parts = RequestLine {
        method,
        space_before_method: start.len() < line.len(),
        odd_method_delimiter: delimiter.iter().any(|&byte| byte != b' '),
        ..RequestLine::default()
    };
    if target.is_empty() {
        return parts;
    }
    let target = trim(target);
    let split =
        |is_delimiter: fn(u8) -> bool| match target.iter().rposition(|&byte| is_delimiter(byte)) {
            Some(at) => (trim(&target[..at]), trim(&target[at + 1..])),
            None => (target, &[][..]),
        };
    let (mut uri, mut protocol) = split(|byte| byte == b' ');
    if uri.iter().any(|&byte| is_space(byte) && byte != b' ') {
        parts.odd_uri_delimiter = true;
        if uri.len() == target.len() {
            (uri, protocol) = split(is_space);
        }
    }
    parts.uri = Some(uri);
    parts.protocol = protocol;
    parts
}

/// Space as C's `isspace` has it.
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A character of a token (RFC 9110 §5.6.2).
fn is_token(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte) && !b"()<>@,;:\\\"/[]?={} \t".contains(&byte)
}

pub fn trim(bytes: &[u8]) -> &[u8] {
    let bytes = trim_start(bytes);
    let end = bytes
        .iter()
        .rposition(|&byte| !is_space(byte))
        .map_or(0, |at| at + 1);
    &bytes[..end]
}

pub fn trim_start(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|&&byte| is_space(byte)).count()..]
}

fn trim_start_whitespace(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii_start()
}

pub fn trim_blanks(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().take_while(|byte| is_blank(byte)).count();
    let end = bytes
        .iter()
        .rposition(|byte| !is_blank(byte))
        .map_or(0, |at| at + 1);
    bytes.get(start..end).unwrap_or_default()
}

/// Without the line ends at its end.
pub fn strip_line_end(line: &[u8]) -> &[u8] {
    let end = line
        .iter()
        .rposition(|byte| !matches!(byte, b'\r' | b'\n'))
        .map_or(0, |at| at + 1);
    &line[..end]
}

fn split_at_space(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().take_while(|&&byte| !is_space(byte)).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};

    /// Bytes, the fields in them, and what is left behind the end.
    type FieldRow = (
        &'static [u8],
        &'static [&'static str],
        Option<&'static [u8]>,
    );

    /// All fields up to the end, as `name=value` each, and what is left behind the end.
    fn fields(direction: Direction, input: &[u8]) -> (Vec<String>, Option<&[u8]>) {
        let mut out = Vec::new();
        let mut at = 0;
        let mut begun = Begun::No;
        loop {
            match next_field(direction, &input[at..], false, begun) {
                Next::Field(field, used) => {
                    at += used;
                    begun = Begun::Yes;
                    out.push(format!(
                        "{}={}",
                        field.name.escape_ascii(),
                        field.value.escape_ascii()
                    ));
                }
                Next::End(used, _) => return (out, Some(&input[at + used..])),
                Next::More => return (out, None),
            }
        }
    }

    fn check(direction: Direction, input: &[u8], expected: &[&str], rest: Option<&[u8]>) {
        let (got, got_rest) = fields(direction, input);
        assert_eq!(got, expected, "{}", input.escape_ascii());
        assert_eq!(got_rest, rest, "{}", input.escape_ascii());
    }

    #[test]
    fn fields_of_requests() {
        let rows: &[FieldRow] = &[
            (b"A: 1\r\nB:2\r\n\r\nbody", &["A=1", "B=2"], Some(b"body")),
            (b"A: 1\nB: 2 \n\nbody", &["A=1", "B=2"], Some(b"body")),
            (b"A: 1\r\n 2\r\n\t3\r\n\r\n", &["A=1 2\\t3"], Some(b"")),
            (b"A : 1\r\n\r\n", &["A=1"], Some(b"")),
            (
                b"no colon\r\nB: 2\r\n\r\n",
                &["=no colon", "B=2"],
                Some(b""),
            ),
            (b": 1\r\n\r\n", &["=1"], Some(b"")),
            (b"A: a\rb\r\n\r\n", &["A=a\\rb"], Some(b"")),
            (b"A:\r\nB: 2\r\n\r\n", &["A=", "B=2"], Some(b"")),
            (b"A\r\n : 1\r\n\r\n", &["A=1"], Some(b"")),
            (b"\r\nbody", &[], Some(b"body")),
            (b"A: 1\r\nB: 2", &["A=1"], None),
            (b"A: 1\r\n", &[], None),
        ];
        for (input, expected, rest) in rows {
            check(ToServer, input, expected, *rest);
        }
    }

    #[test]
    fn fields_of_responses() {
        let rows: &[FieldRow] = &[
            (b"A: 1\r\nB: 2\r\n\r\nbody", &["A=1", "B=2"], Some(b"body")),
            (b"A: 1\rB: 2\r\rbody", &["A=1", "B=2"], Some(b"body")),
            (b"A: 1\n\rB: 2\n\r\n\rbody", &["A=1", "B=2"], Some(b"body")),
            (b"A: 1\r\n B: 2\r\n\r\n", &["A=1", "B=2"], Some(b"")),
            (b"A: 1\r\n 2\r\n\r\n", &["A=1 2"], Some(b"")),
            (b"A: 1\r\n\r \nB: 2\r\n\r\n", &["A=1", "B=2"], Some(b"")),
            (b"A: 1\n\r\r\n\r\nbody", &["A=1"], Some(b"body")),
            (b"\nA: 1\r\n\r\n", &["=", "A=1"], Some(b"")),
            (b"\rA: 1\r\n\r\n", &["=", "A=1"], Some(b"")),
            (b"\n", &[], Some(b"")),
            (b"A: 1\n \n\nbody", &["A=1"], Some(b"body")),
            (b"A: 1\n \nbody", &["A=1"], Some(b"body")),
            (b"A: 1\r\n \r\nB: 2\r\n\r\n", &["A=1", "B=2"], Some(b"")),
        ];
        for (input, expected, rest) in rows {
            check(ToClient, input, expected, *rest);
        }
    }

    #[test]
    fn versions() {
        let rows: &[(&str, Version, bool)] = &[
            ("HTTP/1.1", Version::Http11, false),
            ("HTTP/1.0", Version::Http10, false),
            ("HTTP/0.9", Version::Http09, true),
            ("http / 01.1", Version::Http11, true),
            ("HTTP/1.2", Version::Invalid, false),
            ("HTTP/1.1x", Version::Invalid, false),
            ("JUNK", Version::Invalid, false),
        ];
        for &(token, expected, odd) in rows {
            assert_eq!(version(token.as_bytes()), (expected, odd), "{token}");
        }
    }

    #[test]
    fn request_lines() {
        let rows: &[(&str, &str, Option<&str>, &str)] = &[
            ("GET / HTTP/1.1", "GET", Some("/"), "HTTP/1.1"),
            ("GET /a b HTTP/1.0", "GET", Some("/a b"), "HTTP/1.0"),
            ("  GET   /\tHTTP/1.1", "GET", Some("/"), "HTTP/1.1"),
            ("GET /", "GET", Some("/"), ""),
            ("GET", "GET", None, ""),
        ];
        for &(line, method, uri, protocol) in rows {
            let got = request_line(line.as_bytes());
            assert_eq!(got.method, method.as_bytes(), "{line}");
            assert_eq!(got.uri, uri.map(str::as_bytes), "{line}");
            assert_eq!(got.protocol, protocol.as_bytes(), "{line}");
        }
    }

    #[test]
    fn status_lines() {
        type Row = (
            &'static str,
            Option<&'static str>,
            Option<u16>,
            Option<&'static str>,
        );
        let rows: &[Row] = &[
            ("HTTP/1.1 200 OK", Some("HTTP/1.1"), Some(200), Some("OK")),
            ("HTTP/1.1 200", Some("HTTP/1.1"), Some(200), None),
            (
                "HTTP/1.1  404  Not Found\r\n",
                Some("HTTP/1.1"),
                Some(404),
                Some("Not Found"),
            ),
            ("HTTP/1.1 2XX", Some("HTTP/1.1"), None, None),
            ("\0 HTTP/1.1 99 x", Some("HTTP/1.1"), None, Some("x")),
            ("", None, None, None),
        ];
        for &(line, protocol, status, message) in rows {
            let got = status_line(line.as_bytes());
            assert_eq!(got.protocol, protocol.map(str::as_bytes), "{line}");
            assert_eq!(got.status.and_then(status_number), status, "{line}");
            assert_eq!(got.message, message.map(str::as_bytes), "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_cut_field_asks_for_more(
            name in "[a-zA-Z-]{1,10}",
            value in "[ -~]{0,20}",
            cut in 0usize..20,
        ) {
            let line = format!("{name}: {value}\r\nX");
            for direction in Direction::BOTH {
                let whole = next_field(direction, line.as_bytes(), false, Begun::No);
                proptest::prop_assert!(matches!(whole, Next::Field(..)));
                let cut = cut.min(line.len() - 2);
                let part = next_field(direction, &line.as_bytes()[..cut], false, Begun::No);
                proptest::prop_assert_eq!(part, Next::More);
            }
        }

        #[test]
        fn no_field_panics_or_stands_still(
            input in proptest::collection::vec(
                proptest::sample::select(b"\r\n\t :ab\0".to_vec()), 0..40),
            closed in proptest::bool::ANY,
        ) {
            for direction in Direction::BOTH {
                match next_field(direction, &input, closed, Begun::Yes) {
                    Next::Field(_, used) | Next::End(used, _) => {
                        proptest::prop_assert!(used > 0 && used <= input.len());
                    }
                    Next::More => {}
                }
            }
        }
    }
}
