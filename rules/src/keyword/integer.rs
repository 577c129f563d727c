//! Numbers with a comparison, as integer keywords write them (rule manual, “Integer keywords”).

use super::needed;
use crate::IntFieldId;
use crate::signature::{Builder, Condition, Index, IntMatch};

/// Parses `5`, `>5`, `!5`, `1-9`, `1<>9`, `&0x0f=1`, with units (`kb`, `mb`, `gb`); numbers are at most `highest`.
pub(super) fn parse(text: &str, highest: u64) -> Result<IntMatch, String> {
    let text = text.trim();
    let number = |text: &str| -> Result<u64, String> {
        let value =
            parse_unsigned(text.trim()).ok_or_else(|| format!("{:?} is no number", text.trim()))?;
        if value > highest {
            Err(format!("{value} is more than {highest}"))
        } else {
            Ok(value)
        }
    };
    if let Some(rest) = text.strip_prefix('&') {
        let (mask, value, negated) = match rest.split_once("!=") {
            Some((mask, value)) => (number(mask)?, number(value)?, true),
            None => match rest.split_once('=') {
                Some((mask, value)) => (number(mask)?, number(value)?, false),
                None => return Err(format!("{text:?}: write mask and value, &0x0f=1")),
            },
        };
        return Ok(IntMatch::Mask {
            mask,
            value,
            negated,
        });
    }
    for (prefix, make) in [
        (">=", IntMatch::GreaterEqual as fn(u64) -> IntMatch),
        ("<=", IntMatch::LessEqual),
        ("!=", IntMatch::NotEqual),
        (">", IntMatch::Greater),
        ("<", IntMatch::Less),
        ("=", IntMatch::Equal),
    ] {
        if let Some(rest) = text.strip_prefix(prefix) {
            let value = number(rest)?;
            if prefix == ">" && value == highest || prefix == "<" && value == 0 {
                return Err(format!("{text} never holds"));
            }
            return Ok(make(value));
        }
    }
    let (negated, text) = match text.strip_prefix('!') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    let range = text.split_once("<>").or_else(|| text.split_once('-'));
    if let Some((low, high)) = range {
        let (low, high) = (number(low)?, number(high)?);
        // A range without a number in it (`33<>34`) is accepted, as the reference engine does.
        if low >= high {
            return Err(format!("{text:?}: the range ends before it begins"));
        }
        return Ok(if negated {
            IntMatch::NotInclusive(low + 1, high - 1)
        } else {
            IntMatch::Between(low, high)
        });
    }
    let value = number(text)?;
    Ok(if negated {
        IntMatch::NotEqual(value)
    } else {
        IntMatch::Equal(value)
    })
}

/// A number alone, for the fields that the rule manual does not compare.
pub(super) fn plain(text: &str, highest: u64) -> Result<IntMatch, String> {
    match parse(text, highest)? {
        equal @ IntMatch::Equal(_) if !text.trim_start().starts_with('=') => Ok(equal),
        _ => Err(format!("{text:?}: write a number, without a comparison")),
    }
}

/// A number alone, or with `!` before it.
pub(super) fn equal_or_not(text: &str, highest: u64) -> Result<IntMatch, String> {
    match text.strip_prefix('!') {
        Some(rest) => plain(rest.trim_start(), highest).map(|wanted| match wanted {
            IntMatch::Equal(value) => IntMatch::NotEqual(value),
            other => other,
        }),
        None => plain(text, highest),
    }
}

fn parse_unsigned(text: &str) -> Option<u64> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16)
            .ok()
            .filter(|_| !hex.starts_with('+'));
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" => 1,
        "kb" | "kib" => 1 << 10,
        "mb" | "mib" => 1 << 20,
        "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Flags by name, `!` for those that must not be set (`dup,!retain`), or a comparison of the number.
pub(super) fn flags(text: &str, names: &[(&str, u64)], highest: u64) -> Result<IntMatch, String> {
    if let Ok(number) = parse(text, highest) {
        return Ok(number);
    }
    let (mut mask, mut set) = (0, 0);
    for word in text.split([',', ' ']).filter(|word| !word.is_empty()) {
        let (negated, name) = match word.strip_prefix('!') {
            Some(name) => (true, name),
            None => (false, word),
        };
        let &(_, bit) = names
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| format!("{name:?} is no flag"))?;
        if mask & bit != 0 {
            return Err(format!("{name:?} stands twice"));
        }
        mask |= bit;
        set |= if negated { 0 } else { bit };
    }
    Ok(IntMatch::Mask {
        mask,
        value: set,
        negated: false,
    })
}

/// A condition on a number field that a keyword of its own reads.
pub(super) fn condition(
    builder: &mut Builder<'_>,
    name: &str,
    value: IntMatch,
) -> Result<(), String> {
    let Some(field) = builder.vocabulary.int_field(name) else {
        builder.wait_for(&format!("the parser that fills {name}"));
        return Ok(());
    };
    let spec = builder.vocabulary.int_field_spec(field);
    builder.note_protocols(&spec.protocols.clone(), name)?;
    builder.signature.conditions.push(Condition::IntField {
        field,
        value,
        index: Index::Any,
    });
    Ok(())
}

/// A number field of a protocol: `dns.opcode:4;`, `dns.rrtype:A;`, with an index behind a comma.
pub(super) fn field(
    builder: &mut Builder<'_>,
    id: IntFieldId,
    name: &str,
    value: Option<&str>,
) -> Result<(), String> {
    let spec = builder.vocabulary.int_field_spec(id);
    let value = needed(value)?;
    let (text, index) = match value.rsplit_once(',') {
        Some((text, index)) => (text.trim(), parse_index(index.trim())?),
        None => (value, Index::Any),
    };
    let highest = if spec.bits >= 64 {
        u64::MAX
    } else {
        (1u64 << spec.bits) - 1
    };
    let matcher = if text == "absent" {
        let condition = Condition::IntField {
            field: id,
            value: IntMatch::Equal(0),
            index: Index::Absent,
        };
        builder.note_protocols(&spec.protocols.clone(), name)?;
        builder.signature.conditions.push(condition);
        return Ok(());
    } else {
        let (negated, word) = match text.strip_prefix('!') {
            Some(word) => (true, word.trim()),
            None => (false, text),
        };
        let lower = word.to_ascii_lowercase();
        match spec.names.iter().find(|(known, _)| *known == lower) {
            Some(&(_, value)) if negated => IntMatch::NotEqual(value),
            Some(&(_, value)) => IntMatch::Equal(value),
            None => parse(text, highest).map_err(|reason| {
                if spec.names.is_empty() {
                    reason
                } else {
                    format!("{reason}; it is also no known name")
                }
            })?,
        }
    };
    if !spec.parsed {
        builder.wait_for(&format!("the parser that fills {name}"));
    }
    builder.note_protocols(&spec.protocols.clone(), name)?;
    builder.signature.conditions.push(Condition::IntField {
        field: id,
        value: matcher,
        index,
    });
    Ok(())
}

fn parse_index(text: &str) -> Result<Index, String> {
    match text {
        "any" => Ok(Index::Any),
        "all" => Ok(Index::All),
        other => other
            .parse()
            .map(Index::Nth)
            .map_err(|_| format!("{other:?} is no index: any, all or a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons() {
        let rows = [
            ("5", IntMatch::Equal(5)),
            ("!5", IntMatch::NotEqual(5)),
            (">=5", IntMatch::GreaterEqual(5)),
            ("1-9", IntMatch::Between(1, 9)),
            ("1<>9", IntMatch::Between(1, 9)),
            ("0x10", IntMatch::Equal(16)),
            ("> 1kb", IntMatch::Greater(1024)),
            (
                "&0x0f=1",
                IntMatch::Mask {
                    mask: 15,
                    value: 1,
                    negated: false,
                },
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text, u64::MAX), Ok(expected), "{text}");
        }
        for text in ["", "x", "300", "9-1", "2<>2", "<0", ">255"] {
            assert!(parse(text, 255).is_err(), "{text}");
        }
    }
}
