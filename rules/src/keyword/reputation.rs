//! `geoip`, `iprep`: what is known of addresses from elsewhere.

use super::{Keyword, integer, needed, parts};
use crate::signature::{AddressSide, Builder, Condition};

/// The highest score of a reputation.
const MAX_SCORE: u64 = 127;
/// Countries that one rule may name.
const MAX_COUNTRIES: usize = 64;

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "geoip",
        aliases: &[],
        doc: "Country of an address: [any|src|dst|both,] codes, with ! none of them. Needs geoip-database.",
        parse: |builder, value| geoip(builder, needed(value)?),
        accepts: &["geoip:src,CN;", "geoip:US,CA;", "geoip:both,!VN,LA;"],
        rejects: &["geoip;", "geoip:src;", "geoip:src,;"],
    },
    Keyword {
        name: "iprep",
        aliases: &[],
        doc: "Reputation of an address: any|src|dst|both, category, isset|isnotset or a score. Needs reputation-files.",
        parse: |builder, value| iprep(builder, needed(value)?),
        accepts: &[
            "iprep:src,Bad,>,10;",
            "iprep:any,Bad,>=10;",
            "iprep:both,Bad,isnotset;",
        ],
        rejects: &[
            "iprep;",
            "iprep:src,Bad;",
            "iprep:up,Bad,>,10;",
            "iprep:src,Bad,>,128;",
        ],
    },
];

fn side(word: &str) -> Option<AddressSide> {
    Some(match word {
        "any" => AddressSide::Any,
        "src" => AddressSide::Source,
        "dst" => AddressSide::Destination,
        "both" => AddressSide::Both,
        _ => return None,
    })
}

fn geoip(builder: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let words = parts(value);
    let (on, rest) = match words.split_first() {
        Some((first, rest)) if side(first).is_some() => (side(first), rest),
        _ => (None, words.as_slice()),
    };
    let mut negated = false;
    let mut countries = Vec::new();
    for word in rest {
        let code = word.strip_prefix('!').unwrap_or(word);
        negated |= code.len() < word.len();
        if code.is_empty() || !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(format!("{word:?} is no country: write VN, for example"));
        }
        countries.push(code.to_owned());
    }
    if countries.is_empty() || countries.len() > MAX_COUNTRIES {
        return Err(format!("1 to {MAX_COUNTRIES} countries are named"));
    }
    if !builder.environment.has_countries {
        builder.wait_for("a country database (geoip-database)");
    }
    builder.signature.conditions.push(Condition::GeoIp {
        side: on.unwrap_or(AddressSide::Any),
        countries,
        negated,
    });
    Ok(())
}

fn iprep(builder: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let words = parts(value);
    let [on, name, rest @ ..] = words.as_slice() else {
        return Err("write any|src|dst|both, a category, and what its score is".to_owned());
    };
    let on = side(on).ok_or_else(|| format!("{on:?}: write any, src, dst or both"))?;
    let score = match rest {
        ["isset"] => Some(integer::parse(">=0", MAX_SCORE)?),
        ["isnotset"] => None,
        [_, ..] => Some(integer::parse(&rest.concat(), MAX_SCORE)?),
        [] => return Err("isset, isnotset or a score (>,10) is missing".to_owned()),
    };
    let category = match &builder.environment.reputation_categories {
        Some(categories) => *categories
            .get(*name)
            .ok_or_else(|| format!("unknown category {name:?}"))?,
        None => {
            builder.wait_for("reputation lists (reputation-categories-file)");
            0
        }
    };
    builder.signature.conditions.push(Condition::IpRep {
        side: on,
        category,
        score,
    });
    Ok(())
}
