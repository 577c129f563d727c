//! Keywords of rule options, a file for each family that shares one idea.
//!
//! A keyword is a row of [`KEYWORDS`]: its name, what it means, how it is read, and options that it accepts
//! and refuses (a test runs them). Names of sticky buffers, of old content modifiers and of number fields are
//! no rows: they come from the [`crate::Vocabulary`].

mod base64;
mod byte;
mod content;
mod dataset;
mod dcerpc;
mod dnp3;
mod enip;
mod event;
mod event_names;
mod file;
mod flow;
mod flowbits;
mod flowint;
mod frame;
mod ftp;
mod icmp;
mod ike;
mod integer;
mod ip;
mod isdataat;
mod krb5;
mod meta;
mod modbus;
mod mqtt;
mod pcre;
mod reputation;
mod size;
mod tcp;
mod threshold;
mod tls;
mod transform;
mod web;
mod xbits;

pub(crate) use meta::unmet;
pub(crate) use tls::spell;

use crate::signature::{Builder, RawOption, nearest};

/// A keyword of the rule language.
pub struct Keyword {
    pub name: &'static str,
    /// Other names for the same.
    pub aliases: &'static [&'static str],
    /// What it means, in a sentence.
    pub doc: &'static str,
    pub(crate) parse: fn(&mut Builder<'_>, Option<&str>) -> Result<(), String>,
    /// Options that are accepted; the whole of a rule's options but `sid`.
    pub accepts: &'static [&'static str],
    /// Options that are refused.
    pub rejects: &'static [&'static str],
}

/// All keywords, by family.
pub const KEYWORDS: &[&[Keyword]] = &[
    content::KEYWORDS,
    pcre::KEYWORDS,
    byte::KEYWORDS,
    isdataat::KEYWORDS,
    size::KEYWORDS,
    base64::KEYWORDS,
    transform::KEYWORDS,
    dataset::KEYWORDS,
    flow::KEYWORDS,
    flowbits::KEYWORDS,
    flowint::KEYWORDS,
    frame::KEYWORDS,
    xbits::KEYWORDS,
    ip::KEYWORDS,
    tcp::KEYWORDS,
    icmp::KEYWORDS,
    event::KEYWORDS,
    file::KEYWORDS,
    ftp::KEYWORDS,
    tls::KEYWORDS,
    web::KEYWORDS,
    dcerpc::KEYWORDS,
    dnp3::KEYWORDS,
    enip::KEYWORDS,
    ike::KEYWORDS,
    krb5::KEYWORDS,
    modbus::KEYWORDS,
    mqtt::KEYWORDS,
    threshold::KEYWORDS,
    reputation::KEYWORDS,
    meta::KEYWORDS,
];

/// Keywords whose value stands in quotes, or may.
const QUOTED: &[&str] = &[
    "app-layer-protocol",
    "content",
    "fileext",
    "filemagic",
    "filename",
    "ip_proto",
    "lua",
    "msg",
    "pcre",
    "pcrexform",
    "replace",
    "tls.fingerprint",
    "tls.issuerdn",
    "tls.subject",
    "tos",
    "uricontent",
    "xor",
];

/// Keywords that the reference engine knows and refuses, with those that took their place.
const OBSOLETE: &[(&str, &str)] = &[
    ("ssh.protoversion", "ssh.proto and a content"),
    ("ssh.softwareversion", "ssh.software and a content"),
];

/// Buffers of both sides that may be narrowed to one, `:to_server` or `:to_client`.
const DIRECTED: &[&str] = &[
    "file.data",
    "file.magic",
    "file.name",
    "http.connection",
    "http.content_len",
    "http.content_type",
];

/// Carries out one option.
pub(crate) fn apply(builder: &mut Builder<'_>, option: &RawOption<'_>) -> Result<(), String> {
    let name = option.name;
    if let Some(keyword) = find(name) {
        let quoted = option.value.is_some_and(|value| value.starts_with('"'));
        if quoted && !QUOTED.contains(&keyword.name) {
            return Err("the value stands without quotes".to_owned());
        }
        return (keyword.parse)(builder, option.value);
    }
    let vocabulary = builder.vocabulary;
    if let Some(id) = vocabulary.modifier(name) {
        nothing(option.value)?;
        return builder.move_content(id, name);
    }
    if let Some(id) = vocabulary.buffer(name) {
        let directed = DIRECTED.contains(&vocabulary.buffer_spec(id).name);
        let only_to_server = match option.value {
            Some("to_server") if directed => Some(true),
            Some("to_client") if directed => Some(false),
            value => {
                nothing(value)?;
                None
            }
        };
        return builder.sticky(id, only_to_server);
    }
    if let Some(id) = vocabulary.int_field(name) {
        return integer::field(builder, id, name, option.value);
    }
    if let Some((_, new)) = OBSOLETE.iter().find(|(old, _)| *old == name) {
        return Err(format!("{name} is obsolete: write {new}"));
    }
    let known = KEYWORDS
        .iter()
        .flat_map(|family| family.iter())
        .flat_map(|keyword| std::iter::once(keyword.name).chain(keyword.aliases.iter().copied()))
        .chain(vocabulary.buffers.iter().map(|spec| spec.name))
        .chain(vocabulary.int_fields.iter().map(|spec| spec.name));
    let hint = nearest(name, known).map_or_else(String::new, |near| format!(": is it {near:?}?"));
    Err(format!("unknown keyword {name:?}{hint}"))
}

fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS
        .iter()
        .flat_map(|family| family.iter())
        .find(|keyword| keyword.name == name || keyword.aliases.contains(&name))
}

/// The value of a keyword that needs one.
pub(crate) fn needed(value: Option<&str>) -> Result<&str, String> {
    match value {
        Some(value) if !value.is_empty() => Ok(value),
        _ => Err("a value is missing: write keyword:value;".to_owned()),
    }
}

/// A keyword that takes no value.
pub(crate) fn nothing(value: Option<&str>) -> Result<(), String> {
    match value {
        None => Ok(()),
        Some(value) => Err(format!("takes no value, found {value:?}")),
    }
}

/// Text without its quotes, escapes (`\"`, `\;`, `\\`) undone; a leading `!` is told.
pub(crate) fn unquote(value: &str) -> Result<String, String> {
    let inner = match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').ok_or("the quotes are not closed")?,
        None => value,
    };
    let mut text = String::with_capacity(inner.len());
    let mut escaped = false;
    for c in inner.chars() {
        if !escaped && c == '\\' {
            escaped = true;
            continue;
        }
        if escaped && !matches!(c, '"' | ';' | '\\' | ':') {
            text.push('\\');
        }
        escaped = false;
        text.push(c);
    }
    if escaped {
        text.push('\\');
    }
    Ok(text)
}

/// Parts between commas, trimmed.
pub(crate) fn parts(value: &str) -> Vec<&str> {
    value.split(',').map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{Environment, parse_rule};

    #[test]
    fn every_example_is_read_as_it_says() {
        let vocabulary = crate::known_names();
        let environment = Environment::default();
        let mut names = std::collections::HashSet::new();
        let mut wrong = Vec::new();
        for keyword in KEYWORDS.iter().flat_map(|family| family.iter()) {
            for name in std::iter::once(&keyword.name).chain(keyword.aliases) {
                assert!(names.insert(*name), "{name} stands twice");
            }
            assert!(
                !keyword.doc.is_empty() && !keyword.accepts.is_empty(),
                "{} lacks words or examples",
                keyword.name
            );
            for (examples, accepted) in [(keyword.accepts, true), (keyword.rejects, false)] {
                for example in examples {
                    let rule = format!("alert ip any any -> any any ({example} sid:1;)");
                    let parsed = parse_rule(&rule, &vocabulary, &environment);
                    if parsed.is_ok() != accepted {
                        wrong.push(format!("{}: {example}: {:?}", keyword.name, parsed.err()));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
