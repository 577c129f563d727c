//! `flowbits` (rule manual, “Flow keywords”).

use super::{Keyword, needed, nothing};
use crate::signature::{BitOperation, Builder, FlowBits};

pub(super) const KEYWORDS: &[Keyword] = &[Keyword {
    name: "flowbits",
    aliases: &[],
    doc: "A bit that the flow carries from rule to rule: set|unset|toggle|isset|isnotset,name; or noalert.",
    parse: flowbits,
    accepts: &[
        "flowbits:set,a;",
        "flowbits:isset,a|b;",
        "flowbits:set,a|b;",
        "flowbits:noalert;",
        "flowbits: isnotset , a ;",
    ],
    rejects: &[
        "flowbits;",
        "flowbits:set;",
        "flowbits:find,a;",
        "flowbits:set,a b;",
        "flowbits:noalert,a;",
    ],
}];

fn flowbits(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let value = needed(value)?;
    let (word, names) = match value.split_once(',') {
        Some((word, names)) => (word.trim(), Some(names.trim())),
        None => (value, None),
    };
    if word == "noalert" {
        nothing(names)?;
        builder.signature.alerts = false;
        return Ok(());
    }
    let operation = operation(word)?;
    let names: Vec<String> = names
        .unwrap_or_default()
        .split('|')
        .map(|name| name.trim().to_owned())
        .collect();
    if names.iter().any(String::is_empty) {
        return Err("a name is missing".to_owned());
    }
    if let Some(name) = names.iter().find(|name| name.contains(char::is_whitespace)) {
        return Err(format!("{name:?}: names have no spaces"));
    }
    let names = if matches!(operation, BitOperation::IsSet | BitOperation::IsNotSet) {
        names
    } else {
        let whole = names.join("|");
        if names.len() > 1 {
            // The reference engine accepts it, and sets none of them.
            builder.warnings.push(format!(
                "flowbits: several names go with isset and isnotset only: no rule can test {whole:?}"
            ));
        }
        vec![whole]
    };
    builder
        .signature
        .flowbits
        .push(FlowBits { operation, names });
    Ok(())
}

pub(super) fn operation(word: &str) -> Result<BitOperation, String> {
    Ok(match word {
        "set" => BitOperation::Set,
        "unset" => BitOperation::Unset,
        "toggle" => BitOperation::Toggle,
        "isset" => BitOperation::IsSet,
        "isnotset" => BitOperation::IsNotSet,
        other => {
            return Err(format!(
                "{other:?}: write set, unset, toggle, isset or isnotset"
            ));
        }
    })
}
