//! Keywords of HTTP/2 and WebSocket that name a number field besides its number.

use super::{Keyword, integer, needed};
use crate::signature::{Builder, Condition, Index, IntMatch};

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "http2.settings",
        aliases: &[],
        doc: "A setting of HTTP/2 by name, with a comparison: SETTINGS_ENABLE_PUSH=0.",
        parse: |builder, value| settings(builder, needed(value)?),
        accepts: &[
            "http2.settings:SETTINGS_HEADER_TABLE_SIZE>1000;",
            "http2.settings:SETTINGS_ENABLE_PUSH;",
        ],
        rejects: &["http2.settings:SETTINGS_ZZZ;", "http2.settings;"],
    },
    Keyword {
        name: "websocket.flags",
        aliases: &[],
        doc: "Flags of a WebSocket frame: a number, or fin and comp with ! for those that must not be set.",
        parse: |builder, value| flags(builder, needed(value)?),
        accepts: &["websocket.flags:fin,!comp;", "websocket.flags:&0x40=0x40;"],
        rejects: &["websocket.flags:zzz;", "websocket.flags:fin,!fin;"],
    },
];

const SETTINGS: &[&str] = &[
    "SETTINGS_HEADER_TABLE_SIZE",
    "SETTINGS_ENABLE_PUSH",
    "SETTINGS_MAX_CONCURRENT_STREAMS",
    "SETTINGS_INITIAL_WINDOW_SIZE",
    "SETTINGS_MAX_FRAME_SIZE",
    "SETTINGS_MAX_HEADER_LIST_SIZE",
    "SETTINGS_ENABLE_CONNECT_PROTOCOL",
    "SETTINGS_NO_RFC7540_PRIORITIES",
];

fn settings(builder: &mut Builder<'_>, text: &str) -> Result<(), String> {
    let text = text.trim();
    let end = text.find([' ', '<', '>', '=']).unwrap_or(text.len());
    let (name, comparison) = text.split_at(end);
    let upper = name.to_ascii_uppercase();
    if !SETTINGS.contains(&upper.as_str()) {
        return Err(format!("{name:?} is no setting of HTTP/2"));
    }
    let value = match comparison.trim() {
        "" => IntMatch::GreaterEqual(0),
        comparison => integer::parse(comparison, u64::from(u32::MAX))?,
    };
    push(builder, &format!("http2.settings {upper}"), "http2", value)
}

fn flags(builder: &mut Builder<'_>, text: &str) -> Result<(), String> {
    if let Ok(value) = integer::parse(text, u64::from(u8::MAX)) {
        return push(builder, "websocket.flags bits", "websocket", value);
    }
    let (mut mask, mut value) = (0, 0);
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        let (negated, name) = match word.strip_prefix('!') {
            Some(name) => (true, name),
            None => (false, word),
        };
        let bit = match name {
            "fin" => 0x80,
            "comp" => 0x40,
            _ => return Err(format!("{name:?} is no flag: fin, comp")),
        };
        if mask & bit != 0 {
            return Err(format!("{name} stands twice"));
        }
        mask |= bit;
        if !negated {
            value |= bit;
        }
    }
    let value = IntMatch::Mask {
        mask,
        value,
        negated: false,
    };
    push(builder, "websocket.flags bits", "websocket", value)
}

/// The condition on a field; without a parser the rule waits.
fn push(
    builder: &mut Builder<'_>,
    field: &str,
    protocol: &str,
    value: IntMatch,
) -> Result<(), String> {
    if let Some(id) = builder.vocabulary.protocol(protocol) {
        let family = builder.vocabulary.family(id);
        builder.note_protocols(&family, field)?;
    }
    let Some(field) = builder.vocabulary.int_field(field) else {
        builder.wait_for(&format!("the parser of {protocol}"));
        return Ok(());
    };
    builder.signature.conditions.push(Condition::IntField {
        field,
        value,
        index: Index::Any,
    });
    Ok(())
}
