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
            for part in value.map(parts).unwrap_or_default() {
                let number = |value: &str| {
                    parse_integer(value)
                        .and_then(|n| u32::try_from(n).ok())
                        .ok_or_else(|| format!("{value:?} is no number"))
                };
                match part.split_once(char::is_whitespace) {
                    Some(("bytes", value)) => {
                        let bytes = number(value)?;
                        if bytes == 0 {
                            return Err("zero bytes decode to nothing".to_owned());
                        }
                        decode.bytes = Some(bytes);
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
            r#"content:"a"; base64_decode:bytes 10, offset 2, relative; base64_data; content:"b";"#,
        ],
        rejects: &[
            "base64_decode:bytes;",
            "base64_decode:bytes 0;",
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
