//! Numbers with a comparison, as integer keywords write them (rule manual, “Integer keywords”).

use super::needed;
use crate::IntFieldId;
use crate::signature::{Builder, Condition, Index, IntMatch};

/// As [`parse`], but a range may have no number in it (`33<>34`): old rules are written so, and never match.
pub(super) fn open(text: &str, highest: u64) -> Result<IntMatch, String> {
    match range(text.trim(), highest)? {
        Some((false, low, high)) => Ok(IntMatch::Between(low, high)),
        _ => parse(text, highest),
    }
}

/// Parses `5`, `=5`, `>5`, `!5`, `1-9`, `1<>9`, `&0x0f=1`, with units (`kb`, `mb`, `gb`); numbers are at most `highest`.
///
/// Ranges leave their ends out. What always or never holds is a fault.
pub(super) fn parse(text: &str, highest: u64) -> Result<IntMatch, String> {
    let text = text.trim();
    if let Some(range) = range(text, highest)? {
        let (negated, low, high) = range;
        if high - low < 2 {
            return Err(format!(
                "{text:?}: no number lies between the ends, which are left out"
            ));
        }
        return Ok(if negated {
            IntMatch::NotInclusive(low + 1, high - 1)
        } else {
            IntMatch::Between(low, high)
        });
    }
    if let Some(rest) = text.strip_prefix('&') {
        let (mask, value) = rest
            .split_once('=')
            .ok_or_else(|| format!("{text:?}: write mask and value, &0x0f=1"))?;
        let (mask, negated) = match mask.strip_suffix('!') {
            Some(mask) => (mask, true),
            None => (mask, false),
        };
        let (mask, value) = (size(mask, highest)?, size(value, highest)?);
        if value & !mask != 0 {
            return Err(format!(
                "{text:?}: the value has bits that the mask leaves out"
            ));
        }
        return Ok(IntMatch::Mask {
            mask,
            value,
            negated,
        });
    }
    compared(text, highest)
}

/// As [`parse`], without masks; the ends of a range belong to it.
pub(super) fn inclusive(text: &str, highest: u64) -> Result<IntMatch, String> {
    let text = text.trim();
    match range(text, highest)? {
        Some((_, low, high)) if low == 0 || high == highest => {
            Err(format!("{text:?}: write a comparison, < or >"))
        }
        Some((true, low, high)) => Ok(IntMatch::NotInclusive(low, high)),
        Some((false, low, high)) => Ok(IntMatch::Between(low - 1, high + 1)),
        None => compared(text, highest),
    }
}

/// Whether the range is negated, and its ends, the first below the second.
fn range(text: &str, highest: u64) -> Result<Option<(bool, u64, u64)>, String> {
    let (negated, inner) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let Some((low, high)) = inner.split_once("<>").or_else(|| inner.split_once('-')) else {
        return Ok(None);
    };
    let (low, high) = (size(low, highest)?, size(high, highest)?);
    if low >= high {
        return Err(format!("{text:?}: the range ends before it begins"));
    }
    Ok(Some((negated, low, high)))
}

fn compared(text: &str, highest: u64) -> Result<IntMatch, String> {
    for (prefix, make, senseless) in [
        (">=", IntMatch::GreaterEqual as fn(u64) -> IntMatch, Some(0)),
        ("<=", IntMatch::LessEqual, Some(highest)),
        ("!=", IntMatch::NotEqual, None),
        (">", IntMatch::Greater, Some(highest)),
        ("<", IntMatch::Less, Some(0)),
        ("!", IntMatch::NotEqual, None),
        ("=", IntMatch::Equal, None),
    ] {
        if let Some(rest) = text.strip_prefix(prefix) {
            let value = size(rest, highest)?;
            if senseless == Some(value) {
                return Err(format!("{text} holds always or never"));
            }
            return Ok(make(value));
        }
    }
    size(text, highest).map(IntMatch::Equal)
}

/// A number, with a unit (`kb`, `mb`, `gb`) or in hexadecimal.
pub(super) fn size(text: &str, highest: u64) -> Result<u64, String> {
    let text = text.trim();
    let value = parse_unsigned(text).ok_or_else(|| format!("{text:?} is no number"))?;
    if value > highest {
        Err(format!("{value} is more than {highest}"))
    } else {
        Ok(value)
    }
}

/// Decimal digits alone: no sign, no unit, no `0x`.
pub(super) fn digits(text: &str, highest: u64) -> Result<u64, String> {
    let text = text.trim();
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{text:?}: write a number, without a comparison"));
    }
    size(text, highest)
}

/// A number alone, for the fields that the rule manual does not compare.
pub(super) fn plain(text: &str, highest: u64) -> Result<IntMatch, String> {
    digits(text, highest).map(IntMatch::Equal)
}

/// A number alone, or with `!` before it.
pub(super) fn equal_or_not(text: &str, highest: u64) -> Result<IntMatch, String> {
    match text.trim_start().strip_prefix('!') {
        Some(rest) => digits(rest, highest).map(IntMatch::NotEqual),
        None => plain(text, highest),
    }
}

fn parse_unsigned(text: &str) -> Option<u64> {
    if let Some(hex) = text.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16)
            .ok()
            .filter(|_| !hex.starts_with('+'));
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
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

/// How a field is written that is no plain comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A comparison, with an index behind a comma.
    Indexed,
    /// A number from one to another, or a name, neither of them compared.
    Alone(u64, u64),
    /// One of the names.
    Name,
    /// A comparison without masks, whose ranges hold their ends.
    Inclusive,
}

/// The forms that the rule manual gives to single fields.
const FORMS: &[(&str, Form)] = &[
    ("ldap.responses.operation", Form::Indexed),
    ("ldap.responses.result_code", Form::Indexed),
    ("smb.version", Form::Alone(1, 2)),
    ("dnp3_func", Form::Alone(0, 0xff)),
    ("krb5_msg_type", Form::Alone(0, 0xff)),
    ("krb5_err_code", Form::Alone(0, 999)),
    ("mqtt.qos", Form::Alone(0, 2)),
    ("mqtt.connack.session_present", Form::Alone(0, 2)),
    ("http2.frametype", Form::Alone(0, 0xff)),
    ("http2.errorcode", Form::Alone(0, 0xffff_ffff)),
    ("ftp.mode", Form::Name),
    ("ftp.reply_received", Form::Name),
    ("nfs_procedure", Form::Inclusive),
    ("nfs.version", Form::Inclusive),
];

/// A number field of a protocol: `dns.opcode:4;`, `dns.rrtype:A;`, some with an index behind a comma.
pub(super) fn field(
    builder: &mut Builder<'_>,
    id: IntFieldId,
    name: &str,
    value: Option<&str>,
) -> Result<(), String> {
    let spec = builder.vocabulary.int_field_spec(id);
    let value = needed(value)?;
    let form = FORMS.iter().find(|(known, _)| *known == spec.name);
    let form = form.map(|(_, form)| *form);
    let (text, index) = match value.rsplit_once(',') {
        Some((text, index)) if form == Some(Form::Indexed) => (text, parse_index(index)?),
        _ => (value, Index::Any),
    };
    let highest = if spec.bits >= 64 {
        u64::MAX
    } else {
        (1u64 << spec.bits) - 1
    };
    let compared = !matches!(form, Some(Form::Alone(..) | Form::Name));
    let (negated, word) = match text.strip_prefix('!') {
        Some(word) if compared => (true, word.trim()),
        _ => (false, text.trim()),
    };
    let lower = word.to_ascii_lowercase();
    let matcher = match spec.names.iter().find(|(known, _)| *known == lower) {
        Some(&(_, value)) if negated => IntMatch::NotEqual(value),
        Some(&(_, value)) => IntMatch::Equal(value),
        None => match form {
            None | Some(Form::Indexed) => parse(text, highest),
            Some(Form::Inclusive) => inclusive(text, highest),
            Some(Form::Alone(low, high)) => match digits(text, high) {
                Ok(value) if value < low => Err(format!("{value} is less than {low}")),
                read => read.map(IntMatch::Equal),
            },
            Some(Form::Name) => Err(format!("{text:?} is none of the names")),
        }
        .map_err(|reason| {
            if spec.names.is_empty() || form == Some(Form::Name) {
                reason
            } else {
                format!("{reason}; it is also no known name")
            }
        })?,
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
        for text in [
            "", "x", "300", "9-1", "2<>2", "2<>3", "<0", ">=0", ">255", "<=255", "&1=2", "0X1",
            "1 kb", "+5",
        ] {
            assert!(parse(text, 255).is_err(), "{text}");
        }
        for (text, expected) in [
            ("1-9", Ok(IntMatch::Between(0, 10))),
            ("!1<>2", Ok(IntMatch::NotInclusive(1, 2))),
            ("<5", Ok(IntMatch::Less(5))),
        ] {
            assert_eq!(inclusive(text, 255), expected, "{text}");
        }
        for text in ["0-9", "9-255", "&1=1"] {
            assert!(inclusive(text, 255).is_err(), "{text}");
        }
    }
}
