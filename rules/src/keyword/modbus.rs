//! `modbus`: function, category or access of a request, and the unit that it is for.

use super::{Keyword, needed, parts};
use crate::signature::{Builder, Condition, ModbusMatch, ModbusRange, ModbusWanted};

pub(super) const KEYWORDS: &[Keyword] = &[Keyword {
    name: "modbus",
    aliases: &[],
    doc: "[unit n,] function n|category [, subfunction n], or access read|write [kind] [, address n [, value n]].",
    parse: modbus,
    accepts: &[
        "modbus:function 1;",
        "modbus:function 8, subfunction 4;",
        "modbus:function !assigned;",
        "modbus:unit 10;",
        "modbus:unit <11, function 1;",
        "modbus:access read;",
        "modbus:access write coils, address 500, value >200;",
        "modbus:unit 10<>500, access read holding, address 100<>500;",
    ],
    rejects: &[
        "modbus;",
        "modbus:function 0;",
        "modbus:function strange;",
        "modbus:access write discretes;",
        "modbus:access read, address 1, value 2;",
        "modbus:access write, address 1<>9, value 2;",
        "modbus:unit x;",
        "modbus:color red;",
    ],
}];

/// Bits of the categories of function codes.
const CATEGORIES: &[(&str, u8)] = &[
    ("assigned", 1),
    ("unassigned", 2),
    ("public", 3),
    ("user", 4),
    ("reserved", 8),
    ("all", 15),
];

/// Bits of what is accessed.
const KINDS: &[(&str, u8)] = &[
    ("discretes", 4),
    ("coils", 8),
    ("input", 16),
    ("holding", 32),
];

fn modbus(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let value = needed(value)?.trim().trim_matches('"');
    let words = parts(value);
    let mut words = words.as_slice();
    let mut unit = None;
    if let [first, rest @ ..] = words
        && let Some(number) = first.strip_prefix("unit")
    {
        unit = Some(range(number)?);
        words = rest;
    }
    let wanted = match words {
        [] if unit.is_some() => ModbusWanted::Anything,
        [first, rest @ ..] => {
            if let Some(word) = first.strip_prefix("function") {
                function(word.trim(), rest)?
            } else if let Some(word) = first.strip_prefix("access") {
                access(word.trim(), rest)?
            } else {
                return Err(format!("{first:?}: expected unit, function or access"));
            }
        }
        [] => return Err("expected unit, function or access".to_owned()),
    };
    let Some(protocol) = builder.vocabulary.protocol("modbus") else {
        return Err("Modbus is not known".to_owned());
    };
    if !builder.vocabulary.protocol_spec(protocol).parsed {
        builder.wait_for("the parser of modbus");
    }
    builder.note_protocols(&[protocol], "modbus")?;
    builder
        .signature
        .conditions
        .push(Condition::Modbus(ModbusMatch { unit, wanted }));
    Ok(())
}

fn function(word: &str, rest: &[&str]) -> Result<ModbusWanted, String> {
    if let Ok(code) = word.parse::<u8>() {
        if code == 0 {
            return Err("there is no function 0".to_owned());
        }
        let subfunction = match rest {
            [] => None,
            [sub] => match sub.strip_prefix("subfunction").map(|n| n.trim().parse()) {
                Some(Ok(number)) => Some(number),
                _ => return Err(format!("{sub:?}: expected subfunction and a number")),
            },
            _ => return Err("too many parts".to_owned()),
        };
        return Ok(ModbusWanted::Function { code, subfunction });
    }
    let (negated, name) = match word.strip_prefix('!') {
        Some(name) => (true, name),
        None => (false, word),
    };
    let &(_, bits) = CATEGORIES
        .iter()
        .find(|(known, _)| *known == name)
        .filter(|_| rest.is_empty())
        .ok_or_else(|| format!("{word:?} is no function"))?;
    Ok(ModbusWanted::Category(if negated { !bits } else { bits }))
}

fn access(words: &str, rest: &[&str]) -> Result<ModbusWanted, String> {
    let (write, kind) = if let Some(kind) = words.strip_prefix("read") {
        (false, kind.trim())
    } else if let Some(kind) = words.strip_prefix("write") {
        (true, kind.trim())
    } else {
        return Err(format!("{words:?}: expected read or write"));
    };
    let kind = match kind {
        "" => 0,
        "discretes" | "input" if write => return Err(format!("{kind} is only read")),
        name => KINDS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, bits)| *bits)
            .ok_or_else(|| format!("{name:?} is nothing to access"))?,
    };
    let (address, value) = match rest {
        [] => (None, None),
        [address] => (Some(*address), None),
        [address, value] => (Some(*address), Some(*value)),
        _ => return Err("too many parts".to_owned()),
    };
    let behind = |text: &str, word: &str| {
        let number = text
            .strip_prefix(word)
            .ok_or_else(|| format!("{text:?}: expected {word}"))?;
        range(number)
    };
    let address = address.map(|text| behind(text, "address")).transpose()?;
    let value = value.map(|text| behind(text, "value")).transpose()?;
    if value.is_some() {
        if !write {
            return Err("a value stands only with write access".to_owned());
        }
        if !matches!(address, Some(ModbusRange::Is(_))) {
            return Err("a value stands only with one address".to_owned());
        }
    }
    Ok(ModbusWanted::Access {
        write,
        kind,
        address,
        value,
    })
}

/// `5`, `<5`, `>5` or `5<>9`, bounds excluded.
fn range(text: &str) -> Result<ModbusRange, String> {
    let text = text.trim();
    let number = |text: &str| {
        text.trim()
            .parse::<u16>()
            .map_err(|_| format!("{text:?} is no number up to 65535"))
    };
    if let Some((low, high)) = text.split_once("<>") {
        return Ok(ModbusRange::Between(number(low)?, number(high)?));
    }
    Ok(if let Some(bound) = text.strip_prefix('<') {
        ModbusRange::Below(number(bound)?)
    } else if let Some(bound) = text.strip_prefix('>') {
        ModbusRange::Above(number(bound)?)
    } else {
        ModbusRange::Is(number(text)?)
    })
}
