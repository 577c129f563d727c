//! Transformations of a sticky buffer (rule manual, “Transformations”).

use super::{Keyword, integer, needed, nothing, parts};
use crate::signature::{Base64Mode, Builder, Transform, parse_integer};

macro_rules! plain {
    ($name:literal, $doc:literal, $transform:expr) => {
        Keyword {
            name: $name,
            aliases: &[],
            doc: $doc,
            parse: |builder, value| {
                nothing(value)?;
                builder.transform($transform)
            },
            accepts: &[concat!("http.uri; ", $name, r#"; content:"1";"#)],
            rejects: &[
                concat!($name, r#"; content:"a";"#),
                concat!("http.uri; ", $name, r#":1; content:"a";"#),
            ],
        }
    };
}

pub(super) const KEYWORDS: &[Keyword] = &[
    plain!(
        "to_lowercase",
        "Letters in lower case.",
        Transform::ToLowercase
    ),
    plain!(
        "to_uppercase",
        "Letters in upper case.",
        Transform::ToUppercase
    ),
    plain!(
        "strip_whitespace",
        "Without white space.",
        Transform::StripWhitespace
    ),
    plain!(
        "compress_whitespace",
        "Runs of white space as one space.",
        Transform::CompressWhitespace
    ),
    plain!(
        "url_decode",
        "Percent escapes undone.",
        Transform::UrlDecode
    ),
    plain!(
        "dotprefix",
        "With a dot before the first byte, so that whole labels match.",
        Transform::DotPrefix
    ),
    plain!(
        "to_md5",
        "MD5 of the buffer, as 16 bytes.",
        Transform::ToMd5
    ),
    plain!(
        "to_sha1",
        "SHA-1 of the buffer, as 20 bytes.",
        Transform::ToSha1
    ),
    plain!(
        "to_sha256",
        "SHA-256 of the buffer, as 32 bytes.",
        Transform::ToSha256
    ),
    plain!(
        "header_lowercase",
        "Names of headers in lower case.",
        Transform::HeaderLowercase
    ),
    plain!(
        "strip_pseudo_headers",
        "Without the pseudo-headers of HTTP/2.",
        Transform::StripPseudoHeaders
    ),
    plain!(
        "domain",
        "The registrable domain of a name.",
        Transform::Domain
    ),
    plain!("tld", "The public suffix of a name.", Transform::Tld),
    Keyword {
        name: "xor",
        aliases: &[],
        doc: "Exclusive or with a key in hexadecimal, repeated.",
        parse: |builder, value| {
            let text = needed(value)?
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'))
                .ok_or("the key stands in double quotes")?;
            if text.is_empty() || text.len() % 2 != 0 || text.len() > 512 || !text.is_ascii() {
                return Err("the key is 1 to 256 bytes in hexadecimal".to_owned());
            }
            let key = (0..text.len())
                .step_by(2)
                .map(|at| {
                    u8::from_str_radix(&text[at..at + 2], 16)
                        .map_err(|_| format!("{:?} is no hexadecimal byte", &text[at..at + 2]))
                })
                .collect::<Result<Vec<u8>, String>>()?;
            builder.transform(Transform::Xor(key))
        },
        accepts: &[r#"http.uri; xor:"0d0ac8ff"; content:"a";"#],
        rejects: &[
            r#"http.uri; xor:"0"; content:"a";"#,
            r#"http.uri; xor:"zz"; content:"a";"#,
            r#"http.uri; xor:0d0ac8ff; content:"a";"#,
        ],
    },
    Keyword {
        name: "pcrexform",
        aliases: &[],
        doc: "What the first group of a pattern captures.",
        parse: pcrexform,
        accepts: &[r#"http.request_line; pcrexform:"[a-zA-Z]+\s+(.*)\s+HTTP"; content:"a";"#],
        rejects: &[
            r#"http.request_line; pcrexform:"("; content:"a";"#,
            r#"http.request_line; pcrexform:"abc"; content:"a";"#,
            r#"http.request_line; pcrexform:(a); content:"a";"#,
        ],
    },
    Keyword {
        name: "from_base64",
        aliases: &[],
        doc: "Base64 undone: [bytes n] [, offset n] [, mode rfc4648|rfc2045|strict].",
        parse: from_base64,
        accepts: &[
            r#"http.uri; from_base64; content:"a";"#,
            r#"http.uri; from_base64: bytes 4, offset 1, mode strict; content:"a";"#,
        ],
        rejects: &[
            r#"http.uri; from_base64:mode odd; content:"a";"#,
            r#"http.uri; from_base64:bytes 4, bytes 5; content:"a";"#,
            r#"http.uri; from_base64:mode RFC4648; content:"a";"#,
        ],
    },
    Keyword {
        name: "gunzip",
        aliases: &[],
        doc: "Gzip undone, at most max-size bytes.",
        parse: |builder, value| {
            let max = max_size(value)?;
            builder.transform(Transform::Gunzip { max })
        },
        accepts: &[
            r#"http.uri; gunzip; content:"a";"#,
            r#"http.uri; gunzip:max-size 2000; content:"a";"#,
        ],
        rejects: &[r#"http.uri; gunzip:x; content:"a";"#],
    },
    Keyword {
        name: "zlib_deflate",
        aliases: &[],
        doc: "Zlib undone, at most max-size bytes.",
        parse: |builder, value| {
            let max = max_size(value)?;
            builder.transform(Transform::ZlibDeflate { max })
        },
        accepts: &[r#"http.uri; zlib_deflate; content:"a";"#],
        rejects: &[r#"http.uri; zlib_deflate:max-size; content:"a";"#],
    },
];

fn pcrexform(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let pattern = needed(value)?
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or("the pattern stands in double quotes")?;
    let regex = pcre2::bytes::RegexBuilder::new()
        .build(pattern)
        .map_err(|error| format!("the pattern does not compile: {error}"))?;
    if regex.captures_len() != 2 {
        return Err(format!(
            "the pattern has one group, this one has {}",
            regex.captures_len() - 1
        ));
    }
    builder.transform(Transform::PcreXform(pattern.to_owned()))
}

fn max_size(value: Option<&str>) -> Result<u32, String> {
    const HIGHEST: u32 = 1 << 20;
    match value {
        None => Ok(1024),
        Some(text) => text
            .strip_prefix("max-size")
            .and_then(|text| integer::size(text, HIGHEST.into()).ok())
            .and_then(|n| u32::try_from(n).ok())
            .filter(|n| (1..=HIGHEST).contains(n))
            .ok_or_else(|| format!("write max-size and a number up to {HIGHEST}")),
    }
}

fn from_base64(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let (mut bytes, mut offset, mut mode) = (None, 0, Base64Mode::Rfc4648);
    let mut seen = Vec::new();
    for part in value
        .filter(|value| !value.is_empty())
        .map(parts)
        .unwrap_or_default()
    {
        let (word, value) = part
            .split_once(char::is_whitespace)
            .ok_or_else(|| format!("{part:?} needs a value"))?;
        let number = || {
            parse_integer(value)
                .and_then(|n| u32::try_from(n).ok())
                .filter(|n| *n <= 65_535)
                .ok_or_else(|| format!("{value:?} is no number up to 65535"))
        };
        if seen.contains(&word) {
            return Err(format!("{word} stands twice"));
        }
        seen.push(word);
        match word {
            // No bytes: as many as there are.
            "bytes" => bytes = Some(number()?).filter(|bytes| *bytes > 0),
            "offset" => offset = number()?,
            "mode" => {
                mode = match value.trim() {
                    "rfc4648" => Base64Mode::Rfc4648,
                    "rfc2045" => Base64Mode::Rfc2045,
                    "strict" => Base64Mode::Strict,
                    other => {
                        return Err(format!("mode is rfc4648, rfc2045 or strict, not {other:?}"));
                    }
                };
            }
            other => return Err(format!("unknown option {other:?}")),
        }
    }
    builder.transform(Transform::FromBase64 {
        bytes,
        offset,
        mode,
    })
}
