//! `content` and its modifiers (rule manual, “Payload keywords”).

use super::{Keyword, needed, nothing};
use crate::signature::{BufferCondition, Builder, Content, FastPattern, Number};

/// Bytes of one content.
const CONTENT_LIMIT: usize = 8_192;

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "content",
        aliases: &[],
        doc: "Bytes that the buffer holds, or with ! does not hold; |41 42| is hexadecimal.",
        parse: |builder, value| builder.add(BufferCondition::Content(parse(needed(value)?)?)),
        accepts: &[
            r#"content:"abc";"#,
            r#"content:!"a|20 0D|b";"#,
            r#"content:"a\;b\"c\\d\:e";"#,
        ],
        rejects: &[
            r#"content:abc;"#,
            r#"content:"";"#,
            r#"content:"|4|";"#,
            r#"content:"|41";"#,
            "content;",
            r#"content:"a";x:"#,
        ],
    },
    Keyword {
        name: "uricontent",
        aliases: &[],
        doc: "Old way to write a content of http.uri.",
        parse: |builder, value| {
            let content = parse(needed(value)?)?;
            let id = builder
                .vocabulary
                .buffer("http.uri")
                .ok_or("there is no buffer http.uri")?;
            builder.payload()?;
            builder.add(BufferCondition::Content(content))?;
            builder.move_last(id, "uricontent")
        },
        accepts: &[r#"uricontent:"/a";"#],
        rejects: &["uricontent;"],
    },
    Keyword {
        name: "nocase",
        aliases: &[],
        doc: "The content without regard to case.",
        parse: |builder, value| {
            nothing(value)?;
            let content = builder.content("nocase")?;
            if std::mem::replace(&mut content.nocase, true) {
                return Err("stands twice".to_owned());
            }
            Ok(())
        },
        accepts: &[
            r#"content:"a"; nocase;"#,
            r#"http.uri; content:"a"; bsize:1; nocase;"#,
            r#"content:"a"; isdataat:!1,relative; nocase;"#,
        ],
        rejects: &[
            "nocase;",
            r#"content:"a"; nocase:1;"#,
            r#"content:"a"; nocase; nocase;"#,
        ],
    },
    Keyword {
        name: "offset",
        aliases: &[],
        doc: "First byte of the buffer at which the content may begin.",
        parse: |builder, value| {
            position(builder, value, "offset", 0, |content, number| {
                content.offset.replace(number)
            })
        },
        accepts: &[r#"content:"a"; offset:4;"#],
        rejects: &[
            "offset:4;",
            r#"content:"a"; offset:x;"#,
            r#"content:"a"; offset:1; distance:1;"#,
            r#"content:"a"; offset:70000;"#,
        ],
    },
    Keyword {
        name: "depth",
        aliases: &[],
        doc: "Bytes from the offset within which the content lies.",
        parse: |builder, value| {
            position(builder, value, "depth", 0, |content, number| {
                content.depth.replace(number)
            })
        },
        accepts: &[r#"content:"a"; depth:4;"#],
        rejects: &[r#"content:"abc"; depth:2;"#],
    },
    Keyword {
        name: "distance",
        aliases: &[],
        doc: "Bytes between the end of the last match and the content.",
        parse: |builder, value| {
            position(builder, value, "distance", -1_048_576, |content, number| {
                content.distance.replace(number)
            })
        },
        accepts: &[
            r#"content:"a"; content:"b"; distance:0;"#,
            r#"content:"a"; content:"b"; distance:-4;"#,
        ],
        rejects: &[r#"content:"a"; content:"b"; distance:-2000000;"#],
    },
    Keyword {
        name: "within",
        aliases: &[],
        doc: "Bytes behind the last match within which the content lies.",
        parse: |builder, value| {
            position(builder, value, "within", -1_048_576, |content, number| {
                content.within.replace(number)
            })
        },
        accepts: &[r#"content:"a"; content:"b"; within:10;"#],
        rejects: &[r#"content:"a"; content:"bcd"; within:2;"#],
    },
    Keyword {
        name: "startswith",
        aliases: &[],
        doc: "The content stands at the start of the buffer.",
        parse: |builder, value| {
            nothing(value)?;
            let content = builder.content("startswith")?;
            if std::mem::replace(&mut content.startswith, true) {
                return Err("stands twice".to_owned());
            }
            Ok(())
        },
        accepts: &[r#"content:"a"; startswith;"#],
        rejects: &[r#"content:"a"; offset:1; startswith;"#],
    },
    Keyword {
        name: "endswith",
        aliases: &[],
        doc: "The content stands at the end of the buffer.",
        parse: |builder, value| {
            nothing(value)?;
            builder.content("endswith")?.endswith = true;
            Ok(())
        },
        accepts: &[
            r#"content:"a"; endswith;"#,
            r#"content:"a"; content:"bc"; endswith; distance:1; within:2;"#,
        ],
        rejects: &["endswith;"],
    },
    Keyword {
        name: "rawbytes",
        aliases: &[],
        doc: "Kept for old rules; changes nothing.",
        parse: |builder, value| {
            nothing(value)?;
            if builder.is_sticky() {
                return Err(
                    "rawbytes is of the payload: leave it out of a sticky buffer".to_owned(),
                );
            }
            builder.content("rawbytes")?.rawbytes = true;
            Ok(())
        },
        accepts: &[r#"content:"a"; rawbytes;"#],
        rejects: &["rawbytes;", r#"http.uri; content:"a"; rawbytes;"#],
    },
    Keyword {
        name: "replace",
        aliases: &[],
        doc: "Changes traffic: not for a sensor that only listens.",
        parse: |_, _| {
            Err(
                "changes traffic, which a sensor that only listens cannot do: leave it out"
                    .to_owned(),
            )
        },
        accepts: &[r#"content:"a";"#],
        rejects: &[r#"content:"a"; replace:"b";"#],
    },
    Keyword {
        name: "fast_pattern",
        aliases: &[],
        doc: "This content is searched for first; `only` spares the second look, `offset,length` takes a part.",
        parse: fast_pattern,
        accepts: &[
            r#"content:"abc"; fast_pattern;"#,
            r#"content:"abc"; fast_pattern:only;"#,
            r#"content:"abcdef"; fast_pattern:1,3;"#,
            r#"content:"a"; fast_pattern; content:"b"; fast_pattern:only;"#,
            r#"http.uri; content:"a"; fast_pattern; http.method; content:"b"; fast_pattern;"#,
        ],
        rejects: &[
            "fast_pattern;",
            r#"content:"abc"; fast_pattern:2,3;"#,
            r#"content:"a"; fast_pattern; content:"b"; fast_pattern;"#,
        ],
    },
];

fn parse(value: &str) -> Result<Content, String> {
    let (negated, value) = match value.strip_prefix('!') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, value),
    };
    let inner = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or("a content stands in double quotes")?;
    let bytes = unescape(inner)?;
    if bytes.is_empty() {
        return Err("an empty content matches everything and nothing".to_owned());
    }
    if bytes.len() > CONTENT_LIMIT {
        return Err(format!(
            "a content has {CONTENT_LIMIT} bytes at most, this one {}",
            bytes.len()
        ));
    }
    Ok(Content {
        bytes,
        negated,
        nocase: false,
        offset: None,
        depth: None,
        distance: None,
        within: None,
        startswith: false,
        endswith: false,
        rawbytes: false,
        fast_pattern: None,
    })
}

/// Undoes `\` escapes and `|hex|`.
pub(super) fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut in_hex = false;
    let mut high: Option<u8> = None;
    let mut escaped = false;
    let mut buffer = [0; 4];
    for c in text.chars() {
        if in_hex {
            match c {
                '|' if high.is_some() => return Err("a hexadecimal byte has two digits".to_owned()),
                '|' => in_hex = false,
                // Spaces may stand anywhere: |3 a20| is |3a 20|.
                ' ' => {}
                c => {
                    let digit = c
                        .to_digit(16)
                        .ok_or_else(|| format!("{c:?} is no hexadecimal digit"))?
                        as u8;
                    match high.take() {
                        Some(first) => bytes.push(first << 4 | digit),
                        None => high = Some(digit),
                    }
                }
            }
            continue;
        }
        match c {
            _ if escaped => {
                if !matches!(c, '"' | ';' | '\\' | ':') {
                    return Err(format!("\\{c} is no escape: those are \\\" \\; \\\\ \\:"));
                }
                bytes.push(c as u8);
                escaped = false;
            }
            '\\' => escaped = true,
            '|' => in_hex = true,
            '"' => return Err("a quote within a content is written \\\"".to_owned()),
            c => bytes.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()),
        }
    }
    if in_hex {
        return Err("hexadecimal bytes are not closed with |".to_owned());
    }
    if escaped {
        return Err("a backslash at the end is written \\\\".to_owned());
    }
    Ok(bytes)
}

fn position(
    builder: &mut Builder<'_>,
    value: Option<&str>,
    name: &str,
    lowest: i64,
    set: fn(&mut Content, Number) -> Option<Number>,
) -> Result<(), String> {
    const HIGHEST: i64 = 65_535;
    let number = builder.number(needed(value)?)?;
    if let Number::Literal(value) = number {
        let highest = if lowest < 0 { -lowest } else { HIGHEST };
        if !(lowest..=highest).contains(&value) {
            return Err(format!("{value} lies outside {lowest} to {highest}"));
        }
    }
    if set(builder.content(name)?, number).is_some() {
        return Err(format!("{name} stands twice for one content"));
    }
    Ok(())
}

fn fast_pattern(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let pattern = match value {
        None => FastPattern::Whole,
        Some("only") => FastPattern::Only,
        Some(part) => {
            let (offset, length) = part.split_once(',').ok_or(
                "write fast_pattern; or fast_pattern:only; or fast_pattern:offset,length;",
            )?;
            let number = |text: &str| {
                text.trim()
                    .parse::<u16>()
                    .map_err(|_| format!("{text:?} is no number up to 65535"))
            };
            FastPattern::Chop {
                offset: number(offset)?,
                length: number(length)?,
            }
        }
    };
    if builder.is_base64() {
        return Err("what base64 hides cannot be searched for first".to_owned());
    }
    let content = builder.content("fast_pattern")?;
    if content.fast_pattern.is_some() {
        return Err("stands twice for one content".to_owned());
    }
    // As in Suricata, which looks for another one in the payload alone.
    if pattern == FastPattern::Whole && builder.payload_has_fast_pattern() {
        return Err("only one content of a rule is its fast pattern".to_owned());
    }
    builder.content("fast_pattern")?.fast_pattern = Some(pattern);
    Ok(())
}
