//! The IKE keyword that names an attribute; everything else of IKE is a number field or a sticky buffer.

use super::{Keyword, integer, needed};
use crate::signature::{Builder, IntMatch};

/// Attributes of transforms (IANA registry of IPsec, “IKE Attributes”).
const ATTRIBUTES: &[(&str, u64)] = &[
    ("alg_enc", 1),
    ("alg_hash", 2),
    ("alg_auth", 3),
    ("alg_dh", 4),
    ("sa_group_type", 5),
    ("sa_life_type", 11),
    ("sa_life_duration", 12),
    ("alg_prf", 13),
    ("sa_key_length", 14),
    ("sa_field_size", 15),
];

pub(super) const KEYWORDS: &[Keyword] = &[Keyword {
    name: "ike.chosen_sa_attribute",
    aliases: &[],
    doc: "An attribute of the transform that the server has chosen: name=number.",
    parse: |builder: &mut Builder<'_>, value| {
        let attribute = attribute(needed(value)?)?;
        integer::condition(builder, "ike.chosen_sa_attribute", attribute)
    },
    accepts: &[
        "ike.chosen_sa_attribute:alg_hash=2;",
        "ike.chosen_sa_attribute: sa_key_length = 128;",
    ],
    rejects: &[
        "ike.chosen_sa_attribute;",
        "ike.chosen_sa_attribute:alg_hash;",
        "ike.chosen_sa_attribute:color=2;",
        "ike.chosen_sa_attribute:alg_hash=x;",
    ],
}];

/// The field holds the attribute's number above its value's 32 bits.
fn attribute(value: &str) -> Result<IntMatch, String> {
    let (name, number) = value
        .split_once('=')
        .ok_or_else(|| format!("{value:?}: expected name=number"))?;
    let &(_, attribute) = ATTRIBUTES
        .iter()
        .find(|(known, _)| *known == name.trim())
        .ok_or_else(|| format!("{:?} is no attribute", name.trim()))?;
    let number: u32 = number
        .trim()
        .parse()
        .map_err(|_| format!("{:?} is no number", number.trim()))?;
    Ok(IntMatch::Equal(attribute << 32 | u64::from(number)))
}
