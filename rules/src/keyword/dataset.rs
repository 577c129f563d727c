//! `dataset`, `datarep`, `entropy`, `absent`, `asn1`: conditions on a whole buffer.

use super::{Keyword, needed, parts};
use crate::signature::{
    Asn1, BufferCondition, Builder, Comparison, Dataset, DatasetOperation, EntropyMatch,
    parse_integer,
};

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "dataset",
        aliases: &[],
        doc: "Looks the buffer up in a named set, or puts it in: isset|isnotset|set|unset, name [, type t, load file, save file, state file, …].",
        parse: dataset,
        accepts: &[
            "dns.query; dataset:isset,bad,type string;",
            "dns.query; dataset:set,seen,type string;",
            "dns.query; dataset:isset,bad,type string,load bad.lst;",
        ],
        rejects: &[
            "dns.query; dataset:isset;",
            "dns.query; dataset:find,bad,type string;",
            "dns.query; dataset:isset,bad,type rope;",
            "dns.query; dataset:isset,bad,type string,save /etc/passwd;",
            "dns.query; dataset:isset,bad,type string,state a/../b;",
        ],
    },
    Keyword {
        name: "datarep",
        aliases: &[],
        doc: "Compares the reputation that a set gives the buffer: name, operator, value [, load file, type t].",
        parse: datarep,
        accepts: &["dns.query; datarep:rep,>,100,load rep.lst,type string;"],
        rejects: &["dns.query; datarep:rep,>;", "dns.query; datarep:rep,?,100;"],
    },
    Keyword {
        name: "absent",
        aliases: &[],
        doc: "The buffer is not there; `or_else` lets the other conditions decide when it is.",
        parse: |builder, value| {
            if !builder.is_sticky() && builder.signature.waits_for.is_none() {
                return Err("absent speaks of a sticky buffer: http.referer; absent;".to_owned());
            }
            if !builder.is_first_of_buffer() {
                return Err("absent stands right behind its buffer".to_owned());
            }
            let or_else = match value {
                None => false,
                Some("or_else") => true,
                Some(other) => return Err(format!("{other:?}: write absent; or absent: or_else;")),
            };
            builder.add(BufferCondition::Absent { or_else })
        },
        accepts: &[
            "http.referer; absent;",
            r#"http.referer; absent:or_else; content:"a";"#,
        ],
        rejects: &[
            "http.referer; absent:maybe;",
            "absent;",
            r#"http.referer; content:"a"; absent;"#,
        ],
    },
    Keyword {
        name: "entropy",
        aliases: &[],
        doc: "Compares the Shannon entropy of the buffer: [bytes n, offset n,] value comparison.",
        parse: entropy,
        accepts: &[
            "http.uri; entropy:value > 4.0;",
            "http.uri; entropy:bytes 10, offset 2, value >= 3;",
            "http.uri; entropy:value 4-5;",
        ],
        rejects: &[
            "http.uri; entropy:bytes 10;",
            "http.uri; entropy:value > x;",
            "http.uri; entropy:value 5-4;",
        ],
    },
    Keyword {
        name: "asn1",
        aliases: &[],
        doc: "Odd ASN.1: oversize_length n, bitstring_overflow, double_overflow, absolute_offset n, relative_offset n.",
        parse: asn1,
        accepts: &[
            "asn1:oversize_length 1000, absolute_offset 0;",
            "asn1:bitstring_overflow;",
        ],
        rejects: &["asn1;", "asn1:oversize_length;"],
    },
];

fn comparison(text: &str) -> Result<Comparison, String> {
    Ok(match text {
        "=" | "==" => Comparison::Equal,
        "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterEqual,
        other => return Err(format!("{other:?} is no comparison")),
    })
}

/// What a rule writes lies below the data folder: no absolute paths, no way up.
pub(super) fn file(text: &str) -> Result<String, String> {
    if text.starts_with('/') || text.split('/').any(|part| part == "..") {
        return Err(format!(
            "{text:?}: sets are saved below the data folder: neither absolute paths nor .."
        ));
    }
    Ok(text.to_owned())
}

fn set_options(dataset: &mut Dataset, options: &[&str]) -> Result<(), String> {
    for option in options {
        let (word, value) = option
            .split_once(char::is_whitespace)
            .unwrap_or((option, ""));
        let value = value.trim();
        match word {
            "type" => {
                if !matches!(value, "string" | "md5" | "sha256" | "ipv4" | "ip") {
                    return Err(format!(
                        "{value:?} is no type: string, md5, sha256, ipv4, ip"
                    ));
                }
                dataset.kind = value.to_owned();
            }
            "load" => dataset.load = Some(value.to_owned()),
            "save" => dataset.save = Some(file(value)?),
            "state" => {
                let file = file(value)?;
                dataset.load = Some(file.clone());
                dataset.save = Some(file);
            }
            "memcap" | "hashsize" | "format" | "value_key" | "array_key" | "context_key"
            | "remove_key" | "enrichment_key" => {
                dataset.options.push((word.to_owned(), value.to_owned()));
            }
            other => return Err(format!("unknown option {other:?}")),
        }
    }
    if let Some((_, memcap)) = dataset.options.iter().find(|(word, _)| word == "memcap") {
        let digits = memcap.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        if digits.parse::<u64>().is_err() {
            return Err(format!("memcap {memcap:?} is no size"));
        }
    }
    Ok(())
}

fn empty(operation: DatasetOperation, name: &str) -> Result<Dataset, String> {
    if name.is_empty() || name.len() > 63 {
        return Err("a set's name has 1 to 63 letters".to_owned());
    }
    Ok(Dataset {
        operation,
        name: name.to_owned(),
        kind: String::new(),
        load: None,
        save: None,
        reputation: None,
        options: Vec::new(),
    })
}

fn dataset(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let words = parts(needed(value)?);
    needs_buffer(builder)?;
    let [operation, name, options @ ..] = words.as_slice() else {
        return Err("write isset, name".to_owned());
    };
    let operation = match *operation {
        "isset" => DatasetOperation::IsSet,
        "isnotset" => DatasetOperation::IsNotSet,
        "set" => DatasetOperation::Set,
        "unset" => DatasetOperation::Unset,
        other => return Err(format!("{other:?}: write isset, isnotset, set or unset")),
    };
    let mut set = empty(operation, name)?;
    set_options(&mut set, options)?;
    builder.add(BufferCondition::Dataset(set))
}

/// Sets hold whole values of buffers.
fn needs_buffer(builder: &Builder<'_>) -> Result<(), String> {
    if builder.is_sticky() {
        Ok(())
    } else {
        Err("sets are compared with sticky buffers: dns.query; dataset:isset,…".to_owned())
    }
}

fn datarep(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let words = parts(needed(value)?);
    needs_buffer(builder)?;
    let [name, operator, number, options @ ..] = words.as_slice() else {
        return Err("write name, operator, value".to_owned());
    };
    let mut set = empty(DatasetOperation::Reputation, name)?;
    let number = number
        .parse::<u16>()
        .map_err(|_| format!("{number:?} is no reputation (0 to 65535)"))?;
    if !matches!(*operator, "==" | "<" | ">") {
        return Err(format!(
            "{operator:?}: a reputation is compared with <, > or =="
        ));
    }
    set.reputation = Some((comparison(operator)?, number));
    set_options(&mut set, options)?;
    builder.add(BufferCondition::Dataset(set))
}

fn entropy(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let (mut bytes, mut offset, mut compared) = (None, 0, None);
    for part in parts(needed(value)?) {
        let (word, value) = part
            .split_once(char::is_whitespace)
            .ok_or_else(|| format!("{part:?} needs a value"))?;
        let value = value.trim();
        let number = || {
            parse_integer(value)
                .and_then(|n| u32::try_from(n).ok())
                .ok_or_else(|| format!("{value:?} is no number"))
        };
        match word {
            "bytes" => bytes = Some(number()?),
            "offset" => offset = number()?,
            "value" if value.contains('-') || value.contains("<>") => {
                let range = value.split_once("<>").or_else(|| value.split_once('-'));
                let (low, high) = range.unwrap_or((value, ""));
                let bound = |text: &str| {
                    text.trim()
                        .parse::<f64>()
                        .map_err(|_| format!("{text:?} is no number"))
                };
                let (negated, low) = match low.strip_prefix('!') {
                    Some(low) => (true, bound(low)?),
                    None => (false, bound(low)?),
                };
                let high = bound(high)?;
                if low >= high {
                    return Err(format!("{value:?}: no number lies between"));
                }
                compared = Some(if negated {
                    EntropyMatch::NotBetween(low, high)
                } else {
                    EntropyMatch::Between(low, high)
                });
            }
            "value" => {
                let digits = value
                    .find(|c: char| c.is_ascii_digit() || c == '.')
                    .unwrap_or(value.len());
                let (operator, threshold) = value.split_at(digits);
                let threshold: f64 = threshold
                    .trim()
                    .parse()
                    .map_err(|_| format!("{threshold:?} is no number"))?;
                let operator = if operator.trim().is_empty() {
                    "="
                } else {
                    operator.trim()
                };
                compared = Some(EntropyMatch::Compare(comparison(operator)?, threshold));
            }
            other => return Err(format!("unknown option {other:?}")),
        }
    }
    let wanted = compared.ok_or("value is missing: entropy: value > 4;")?;
    builder.add(BufferCondition::Entropy {
        bytes,
        offset,
        wanted,
    })
}

fn asn1(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let mut condition = Asn1 {
        oversize_length: None,
        bitstring_overflow: false,
        double_overflow: false,
        relative_offset: None,
        absolute_offset: None,
    };
    for part in needed(value)?
        .split([',', ' '])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .chunk_by(|a, _| {
            matches!(
                *a,
                "oversize_length" | "absolute_offset" | "relative_offset"
            )
        })
    {
        let number = part.get(1).and_then(|text| parse_integer(text));
        match (part[0], number) {
            ("bitstring_overflow", _) => condition.bitstring_overflow = true,
            ("double_overflow", _) => condition.double_overflow = true,
            ("oversize_length", Some(n)) => condition.oversize_length = u32::try_from(n).ok(),
            ("absolute_offset", Some(n)) => condition.absolute_offset = u32::try_from(n).ok(),
            ("relative_offset", Some(n)) => condition.relative_offset = i32::try_from(n).ok(),
            (other, _) => return Err(format!("{other:?}: unknown, or its number is missing")),
        }
    }
    builder.add(BufferCondition::Asn1(condition))
}
