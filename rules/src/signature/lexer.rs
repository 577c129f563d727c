//! A rule's text, cut into header and options.

use super::Fault;

/// `name:value;` or `name;` with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawOption<'a> {
    pub offset: usize,
    pub name: &'a str,
    /// Trimmed; none without a colon.
    pub value: Option<&'a str>,
}

#[derive(Debug)]
pub(crate) struct RawRule<'a> {
    /// Words of the header with their offsets; groups in brackets are one word.
    pub header: Vec<(usize, &'a str)>,
    pub options: Vec<RawOption<'a>>,
}

pub(crate) fn split(text: &str) -> Result<RawRule<'_>, Fault> {
    let fault = |offset: usize, reason: &str| Fault {
        offset,
        keyword: None,
        reason: reason.to_owned(),
    };
    let open = text
        .find('(')
        .ok_or_else(|| fault(text.len(), "the options are missing: a rule ends with (…)"))?;
    let trimmed = text.trim_end();
    if !trimmed.ends_with(')') {
        return Err(fault(trimmed.len(), "the rule does not end with ')'"));
    }
    let body_end = trimmed.len() - 1;
    if body_end <= open {
        return Err(fault(open, "the options are not closed"));
    }
    Ok(RawRule {
        header: words(&text[..open]),
        options: options(text, open + 1, body_end)?,
    })
}

/// Words apart from spaces outside brackets.
pub(super) fn words(header: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut depth = 0usize;
    let mut start = None;
    for (at, c) in header.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if c.is_whitespace() && depth == 0 {
            if let Some(from) = start.take() {
                words.push((from, &header[from..at]));
            }
        } else if start.is_none() {
            start = Some(at);
        }
    }
    if let Some(from) = start {
        words.push((from, &header[from..]));
    }
    words
}

fn options(text: &str, from: usize, to: usize) -> Result<Vec<RawOption<'_>>, Fault> {
    let bytes = text.as_bytes();
    let mut options = Vec::new();
    let mut start = from;
    let mut at = from;
    while at < to {
        match bytes[at] {
            // A semicolon, quote or backslash within a value is written with a backslash.
            b'\\' => at += 1,
            b';' => {
                push(&mut options, text, start, at)?;
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    let rest = text.get(start..to).unwrap_or_default();
    if !rest.trim().is_empty() {
        return Err(Fault {
            offset: start + rest.len() - rest.trim_start().len(),
            keyword: Some(rest.trim().split(':').next().unwrap_or_default().to_owned()),
            reason: "the option does not end with ';'".to_owned(),
        });
    }
    Ok(options)
}

/// Where the option that begins at `offset` ends: its semicolon, or the end of the text.
pub(super) fn option_end(text: &str, offset: usize) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(offset) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b';' => return at,
            _ => {}
        }
    }
    text.len()
}

fn push<'a>(
    options: &mut Vec<RawOption<'a>>,
    text: &'a str,
    start: usize,
    end: usize,
) -> Result<(), Fault> {
    let raw = text.get(start..end).unwrap_or_default();
    let offset = start + raw.len() - raw.trim_start().len();
    let raw = raw.trim();
    if raw.is_empty() {
        return Err(Fault {
            offset,
            keyword: None,
            reason: "an option is missing between two semicolons".to_owned(),
        });
    }
    let (name, value) = match raw.split_once(':') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (raw, None),
    };
    options.push(RawOption {
        offset,
        name,
        value,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_options() {
        let rule = split(r#"alert tcp [10.0.0.0/8, !10.1.1.1] any -> any 80 (msg:"a\;b"; nocase; pcre:"/x(y)/i";)"#).expect("well formed");
        let words: Vec<_> = rule.header.iter().map(|word| word.1).collect();
        assert_eq!(
            words,
            [
                "alert",
                "tcp",
                "[10.0.0.0/8, !10.1.1.1]",
                "any",
                "->",
                "any",
                "80"
            ]
        );
        let options: Vec<_> = rule
            .options
            .iter()
            .map(|option| (option.name, option.value))
            .collect();
        assert_eq!(
            options,
            [
                ("msg", Some(r#""a\;b""#)),
                ("nocase", None),
                ("pcre", Some(r#""/x(y)/i""#))
            ]
        );
    }

    #[test]
    fn broken_rules_say_where() {
        for (text, offset) in [
            ("alert tcp any any -> any any", 28),
            ("alert (msg:\"x\")", 7),
            ("alert (sid:1; ", 13),
        ] {
            assert_eq!(split(text).expect_err(text).offset, offset, "{text}");
        }
    }
}
