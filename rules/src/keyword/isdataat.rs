//! `isdataat` (rule manual, “isdataat”).

use super::{Keyword, needed, parts};
use crate::signature::{BufferCondition, IsDataAt, Number};

pub(super) const KEYWORDS: &[Keyword] = &[Keyword {
    name: "isdataat",
    aliases: &[],
    doc: "There are bytes at a place, or with ! there are none; relative counts from the last match.",
    parse: |builder, value| {
        let value = needed(value)?;
        let (negated, value) = match value.strip_prefix('!') {
            Some(rest) if rest.starts_with(' ') => {
                return Err("write ! and the number without a space".to_owned());
            }
            Some(rest) => (true, rest),
            None => (false, value),
        };
        let words = parts(value);
        let [count, options @ ..] = words.as_slice() else {
            return Err("write isdataat:count;".to_owned());
        };
        let mut relative = false;
        if options.first() == Some(&"rawbytes") {
            return Err("rawbytes stands behind relative".to_owned());
        }
        for option in options {
            match *option {
                "relative" => relative = true,
                "rawbytes" => {}
                other => return Err(format!("unknown option {other:?}")),
            }
        }
        let count = builder.number(count)?;
        if let Number::Literal(n) = count
            && !(0..=65_535).contains(&n)
        {
            return Err(format!("{n} lies outside 0 to 65535"));
        }
        builder.add(BufferCondition::IsDataAt(IsDataAt {
            count,
            negated,
            relative,
        }))
    },
    accepts: &[
        "isdataat:10;",
        r#"content:"a"; isdataat:1,relative,rawbytes;"#,
        r#"content:"a"; isdataat:!1,relative;"#,
    ],
    rejects: &["isdataat;", "isdataat:x;", "isdataat:10,sideways;"],
}];
