//! `base64_decode`, `base64_data` (rule manual, “Base64 keywords”).

use super::{Keyword, nothing, parts};
use crate::signature::{Base64Decode, BufferCondition, parse_integer};

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "base64_decode",
        aliases: &[],
        doc: "Decodes base64 of the buffer, for base64_data: [bytes n] [, offset n] [, relative].",
        parse: |builder, value| {
            let mut decode = Base64Decode {
                bytes: None,
                offset: 0,
                relative: false,
            };
            for part in value
                .filter(|value| !value.is_empty())
                .map(parts)
                .unwrap_or_default()
            {
                let number = |value: &str| {
                    parse_integer(value)
                        .and_then(|n| u32::try_from(n).ok())
                        .filter(|n| *n <= 65_535)
                        .ok_or_else(|| format!("{value:?} is no number up to 65535"))
                };
                match part.split_once(char::is_whitespace) {
                    Some(("bytes", value)) => {
                        if decode.offset > 0 || decode.relative {
                            return Err("bytes stands first".to_owned());
                        }
                        // No bytes: as many as there are.
                        decode.bytes = Some(number(value)?).filter(|bytes| *bytes > 0);
                    }
                    Some(("offset", value)) => decode.offset = number(value)?,
                    None if part == "relative" => decode.relative = true,
                    _ => return Err(format!("unknown option {part:?}")),
                }
            }
            builder.add(BufferCondition::Base64Decode(decode))
        },
        accepts: &[
            "base64_decode;",
            "base64_decode:bytes 0, offset 0;",
            r#"content:"a"; base64_decode:bytes 10, offset 2, relative; base64_data; content:"b";"#,
        ],
        rejects: &[
            "base64_decode:bytes;",
            "base64_decode:bytes 65536;",
            "base64_decode:offset 4, bytes 4;",
            "base64_decode:sideways;",
        ],
    },
    Keyword {
        name: "base64_data",
        aliases: &[],
        doc: "What follows looks at the decoded bytes.",
        parse: |builder, value| {
            nothing(value)?;
            builder.base64_data()
        },
        accepts: &[r#"base64_decode; base64_data; content:"x";"#],
        rejects: &[r#"base64_data; content:"x";"#],
    },
];
