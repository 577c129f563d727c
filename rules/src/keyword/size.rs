//! Sizes: `bsize`, `dsize`, `urilen`.

use super::{Keyword, integer, needed};
use crate::signature::{BufferCondition, Condition};

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "bsize",
        aliases: &[],
        doc: "Length of the buffer in bytes.",
        parse: |builder, value| {
            let size = integer::parse(needed(value)?, u64::MAX)?;
            if !builder.is_sticky() && !builder.is_base64() {
                return Err(
                    "bsize speaks of a sticky buffer (http.uri; bsize:5); dsize is for packets"
                        .to_owned(),
                );
            }
            builder.add(BufferCondition::Size(size))
        },
        accepts: &[
            "http.uri; bsize:10;",
            "http.uri; bsize:10<>20;",
            r#"http.uri; content:"a"; bsize:>5;"#,
        ],
        rejects: &[
            "http.uri; bsize;",
            "bsize:5;",
            "http.uri; bsize:x;",
            "http.uri; bsize:5-6;",
            "http.uri; bsize:2<>3;",
            r#"http.uri; content:"abcdef"; bsize:4;"#,
        ],
    },
    Keyword {
        name: "dsize",
        aliases: &[],
        doc: "Length of the packet's payload in bytes.",
        parse: |builder, value| {
            let size = integer::parse(needed(value)?, 65_535)?;
            if builder
                .signature
                .conditions
                .iter()
                .any(|condition| matches!(condition, Condition::PayloadSize(_)))
            {
                return Err("stands twice".to_owned());
            }
            builder
                .signature
                .conditions
                .push(Condition::PayloadSize(size));
            Ok(())
        },
        accepts: &["dsize:100;", "dsize:!100;", "dsize:>10;", "dsize:1<>10;"],
        rejects: &[
            "dsize;",
            "dsize:70000;",
            "dsize:10<>1;",
            r#"dsize:2; content:"abc";"#,
        ],
    },
    Keyword {
        name: "urilen",
        aliases: &[],
        doc: "Length of the request's URI in bytes; `,norm` normalised (the default), `,raw` as sent.",
        parse: |builder, value| {
            let value = needed(value)?;
            let (size, form) = match value.split_once(',') {
                Some((size, form)) => (size, Some(form.trim())),
                None => (value, None),
            };
            let buffer = match form {
                Some("norm") | None => "http.uri",
                Some("raw") => "http.uri.raw",
                Some(other) => return Err(format!("{other:?}: write norm or raw")),
            };
            let size = integer::open(size, 65_535)?;
            let id = builder
                .vocabulary
                .buffer(buffer)
                .ok_or_else(|| format!("there is no buffer {buffer}"))?;
            builder.apart(id, BufferCondition::UriSize(size))
        },
        accepts: &["urilen:5;", "urilen:>5,norm;", "urilen:5<>10, raw;"],
        rejects: &[
            r#"http.uri; content:"/top2.html"; urilen:9;"#,
            "urilen;",
            "urilen:x;",
            "urilen:5,sideways;",
        ],
    },
];
