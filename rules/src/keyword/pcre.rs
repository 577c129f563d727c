//! `pcre` (rule manual, “pcre”).

use super::{Keyword, needed};
use crate::signature::{BufferCondition, Builder, Capture, CaptureKind, Pcre};

pub(super) const KEYWORDS: &[Keyword] = &[Keyword {
    name: "pcre",
    aliases: &[],
    doc: "A regular expression (PCRE2) between slashes; flags behind: i m s x A E G, R from the last match, and letters for old HTTP buffers.",
    parse,
    accepts: &[
        r#"pcre:"/abc/";"#,
        r#"pcre:!"/a\/b/smi";"#,
        r#"content:"a"; pcre:"/^\d+/R";"#,
        r#"pcre:"/x(?P<flow_name>y)/";"#,
        r#"pcre:"/(a)/, flow:first";"#,
        r#"pcre:"/index\.php/U";"#,
        r#"http.uri; pcre:"/index\.php/U";"#,
        r#"file.data; content:"a"; pcre:"/^b/QR";"#,
        "pcre:/abc/i;",
    ],
    rejects: &[
        r#"pcre:"abc";"#,
        r#"http.host; pcre:"/index\.php/U";"#,
        r#"pcre:"/(/";"#,
        r#"pcre:"/a/q";"#,
        "pcre;",
        r#"pcre:"/a"#,
        r#"pcre:"/abc/R";"#,
        r#"isdataat:1; pcre:"/abc/R";"#,
        r#"content:"a"; pcre:"/abc/RU";"#,
    ],
}];

fn parse(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let value = needed(value)?;
    let (negated, value) = match value.strip_prefix('!') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, value),
    };
    // Old rules leave the quotes out, or one of them.
    let inner = match value.strip_prefix('"') {
        Some(rest) => rest
            .strip_suffix('"')
            .ok_or("the quotes of the pattern are not closed")?,
        None => value.strip_suffix('"').unwrap_or(value),
    };
    let body = inner
        .strip_prefix('/')
        .ok_or("a pattern stands between slashes: \"/…/flags\"")?;
    let end = body
        .rfind('/')
        .ok_or("the pattern's closing slash is missing")?;
    let (pattern, rest) = (&body[..end], &body[end + 1..]);
    let (flags, captures) = match rest.split_once(',') {
        Some((flags, captures)) => (flags.trim(), Some(captures)),
        None => (rest.trim(), None),
    };
    let mut inline = String::new();
    let mut anchored = false;
    let mut relative = false;
    let mut buffer = None;
    for flag in flags.chars() {
        let mut of = |name: &'static str| -> Result<(), String> {
            match buffer.replace(name) {
                None => Ok(()),
                Some(before) if before == name => Ok(()),
                Some(before) => Err(format!(
                    "one pattern looks at one buffer: {before} or {name}"
                )),
            }
        };
        match flag {
            'i' | 'm' | 's' | 'x' => inline.push(flag),
            'G' => inline.push('U'),
            'A' => anchored = true,
            // Dollar at the very end only; O and B changed limits and buffers of old engines.
            'E' | 'O' | 'B' => {}
            'R' => relative = true,
            'U' => of("http.uri")?,
            'I' => of("http.uri.raw")?,
            'P' => of("http.request_body")?,
            // The body of a reply is a file as well.
            'Q' if builder.is_at("file.data") => of("file.data")?,
            'Q' => of("http.response_body")?,
            'H' => of("http.header")?,
            'D' => of("http.header.raw")?,
            'M' => of("http.method")?,
            'C' => of("http.cookie")?,
            'S' => of("http.stat_code")?,
            'Y' => of("http.stat_msg")?,
            'V' => of("http.user_agent")?,
            'W' => of("http.host")?,
            'Z' => of("http.host.raw")?,
            other => return Err(format!("unknown flag {other:?}")),
        }
    }
    // A semicolon is escaped for the rule's sake; for the pattern the backslash changes nothing.
    let mut text = String::new();
    if !inline.is_empty() {
        text = format!("(?{inline})");
    }
    if anchored {
        text.push_str("\\A(?:");
        text.push_str(pattern);
        text.push(')');
    } else {
        text.push_str(pattern);
    }
    let regex = pcre2::bytes::RegexBuilder::new()
        .build(&text)
        .map_err(|error| format!("the pattern does not compile: {error}"))?;
    let captures = match captures {
        Some(list) => list
            .split(',')
            .map(capture)
            .collect::<Result<Vec<_>, _>>()?,
        None => named(&regex),
    };
    if captures.len() >= regex.captures_len() && !captures.is_empty() {
        return Err(format!(
            "the pattern has {} groups, {} are named",
            regex.captures_len() - 1,
            captures.len()
        ));
    }
    let preceded = match buffer.and_then(|name| builder.vocabulary.buffer(name)) {
        Some(id) => builder.has_pattern_in(crate::signature::Source::Buffer(id), &[]),
        None => builder.is_sticky() || builder.has_pattern(),
    };
    if relative && !preceded {
        return Err(
            "R counts from a pattern before it in the same buffer: write a content, or leave R out"
                .to_owned(),
        );
    }
    builder.add(BufferCondition::Pcre(Pcre {
        pattern: text,
        negated,
        relative,
        captures,
    }))?;
    match buffer {
        Some(name) => {
            let id = builder
                .vocabulary
                .buffer(name)
                .ok_or_else(|| format!("there is no buffer {name}"))?;
            builder.move_last(id, name)
        }
        None => Ok(()),
    }
}

fn capture(text: &str) -> Result<Capture, String> {
    let (kind, name) = text
        .trim()
        .split_once(':')
        .ok_or_else(|| format!("{text:?}: write flow:name or pkt:name"))?;
    Ok(Capture {
        kind: capture_kind(kind).ok_or_else(|| format!("{kind:?}: write flow, pkt or alert"))?,
        name: name.trim().to_owned(),
    })
}

fn capture_kind(kind: &str) -> Option<CaptureKind> {
    match kind.trim() {
        "flow" => Some(CaptureKind::Flow),
        "pkt" => Some(CaptureKind::Packet),
        "alert" => Some(CaptureKind::Alert),
        _ => None,
    }
}

/// Groups named `flow_…`, `pkt_…`, `alert_…`, as long as all groups before them are named so.
fn named(regex: &pcre2::bytes::Regex) -> Vec<Capture> {
    regex
        .capture_names()
        .iter()
        .skip(1)
        .map_while(|name| {
            let (kind, name) = name.as_deref()?.split_once('_')?;
            Some(Capture {
                kind: capture_kind(kind)?,
                name: name.to_owned(),
            })
        })
        .collect()
}
