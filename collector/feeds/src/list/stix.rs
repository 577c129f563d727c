//! STIX 2.1 indicators with simple patterns: comparisons for equality, alone or joined by `OR`
//! (STIX 2.1 §9, Patterning). What joins by `AND`, follows in time or negates is left out and counted: a set cannot
//! say it.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::{IndicatorKind, Indicators};

/// Object paths, as patterns write them, in lower case and without quotes.
const PATHS: [(&str, IndicatorKind); 9] = [
    ("domain-name:value", IndicatorKind::Domain),
    ("ipv4-addr:value", IndicatorKind::Ip),
    ("ipv6-addr:value", IndicatorKind::Ip),
    ("url:value", IndicatorKind::Url),
    ("file:hashes.md5", IndicatorKind::Md5),
    ("file:hashes.sha-1", IndicatorKind::Sha1),
    ("file:hashes.sha-256", IndicatorKind::Sha256),
    ("x509-certificate:hashes.sha-1", IndicatorKind::CertSha1),
    (
        "network-traffic:extensions.tls-ext.ja3_hash",
        IndicatorKind::Ja3,
    ),
];

/// `path = 'value'`.
static COMPARISON: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*([A-Za-z0-9-]+:[A-Za-z0-9_.'-]+)\s*=\s*'((?:[^'\\]|\\.)*)'\s*")
        .expect("the expression is sound")
});

/// A bundle, or a page of a TAXII collection (TAXII 2.1 §3.7, envelope).
#[derive(Deserialize)]
struct Objects {
    #[serde(default)]
    objects: Vec<Object>,
    #[serde(rename = "type")]
    kind: Option<String>,
    more: Option<bool>,
}

#[derive(Deserialize)]
struct Object {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    pattern: String,
    #[serde(default)]
    pattern_type: Option<String>,
    #[serde(default)]
    revoked: bool,
    #[serde(default)]
    valid_until: Option<String>,
}

/// Reads a bundle or an envelope. `now` is RFC 3339 in UTC: indicators whose time is over are left out.
///
/// # Errors
/// Why the text is neither.
pub fn read(text: &str, now: &str, into: &mut Indicators) -> Result<(), String> {
    let read: Objects = serde_json::from_str(text).map_err(|error| error.to_string())?;
    // An envelope that has no objects may have nothing at all (TAXII 2.1 §3.7).
    let bare = text.chars().filter(|c| !c.is_whitespace()).eq("{}".chars());
    let bundle = read.kind.as_deref() == Some("bundle");
    if !(bundle || bare || read.more.is_some() || !read.objects.is_empty()) {
        return Err("neither a STIX bundle nor a TAXII envelope".to_owned());
    }
    for object in read
        .objects
        .iter()
        .filter(|object| object.kind == "indicator")
    {
        if object.revoked {
            into.leave("revoked");
        } else if object.valid_until.as_deref().is_some_and(|end| end < now) {
            into.leave("expired");
        } else if object.pattern_type.as_deref().unwrap_or("stix") != "stix" {
            into.leave("other_type");
        } else {
            match comparisons(&object.pattern) {
                Some(found) => {
                    for (path, value) in found {
                        match PATHS.iter().find(|(known, _)| *known == path) {
                            Some((_, kind)) => into.add(*kind, &value),
                            None => into.leave("other_type"),
                        }
                    }
                }
                None => into.leave("not_simple"),
            }
        }
    }
    Ok(())
}

/// Paths and values of a pattern in which each comparison alone is enough.
fn comparisons(pattern: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut rest = pattern.trim();
    let mut depth = 0_usize;
    loop {
        while let Some(inner) = rest.strip_prefix(['[', '(']) {
            depth += 1;
            rest = inner.trim_start();
        }
        let read = COMPARISON.captures(rest)?;
        let path = read[1].replace('\'', "").to_lowercase();
        let value = read[2].replace("\\'", "'").replace("\\\\", "\\");
        found.push((path, value));
        rest = &rest[read[0].len()..];
        while let Some(outer) = rest.strip_prefix([']', ')']) {
            depth = depth.checked_sub(1)?;
            rest = outer.trim_start();
        }
        if rest.is_empty() {
            return (depth == 0).then_some(found);
        }
        rest = rest.strip_prefix("OR")?.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_patterns_are_read_and_others_are_not() {
        let rows: [(&str, Option<&[(&str, &str)]>); 8] = [
            (
                "[domain-name:value = 'evil.example']",
                Some(&[("domain-name:value", "evil.example")]),
            ),
            (
                "[file:hashes.'SHA-256' = 'aa' OR file:hashes.MD5 = 'bb']",
                Some(&[("file:hashes.sha-256", "aa"), ("file:hashes.md5", "bb")]),
            ),
            (
                "[url:value='http://a/\\'b'] OR [(ipv4-addr:value = '203.0.113.5')]",
                Some(&[
                    ("url:value", "http://a/'b"),
                    ("ipv4-addr:value", "203.0.113.5"),
                ]),
            ),
            ("[a:b = 'x' AND c:d = 'y']", None),
            ("[a:b != 'x']", None),
            ("[a:b = 'x'] FOLLOWEDBY [c:d = 'y']", None),
            ("[a:b = 'x'", None),
            ("", None),
        ];
        for (pattern, expected) in rows {
            let found = comparisons(pattern);
            let found: Option<Vec<(&str, &str)>> = found.as_ref().map(|all| {
                all.iter()
                    .map(|(path, value)| (path.as_str(), value.as_str()))
                    .collect()
            });
            assert_eq!(found.as_deref(), expected, "{pattern}");
        }
    }

    #[test]
    fn indicators_that_count_are_taken() {
        let text = r#"{"more":false,"objects":[
            {"type":"malware","name":"x"},
            {"type":"indicator","pattern_type":"stix","pattern":"[domain-name:value = 'evil.example']"},
            {"type":"indicator","pattern":"[domain-name:value = 'old.example']","valid_until":"2025-01-01T00:00:00Z"},
            {"type":"indicator","pattern":"[domain-name:value = 'no.example']","revoked":true},
            {"type":"indicator","pattern_type":"yara","pattern":"rule x {}"},
            {"type":"indicator","pattern":"[mutex:name = 'm']"}]}"#;
        let mut found = Indicators::default();
        read(text, "2026-01-01T00:00:00Z", &mut found).expect("an envelope");
        assert_eq!(found.len(), 1);
        let left: Vec<_> = found.left_out.iter().map(|(why, n)| (*why, *n)).collect();
        assert_eq!(left, [("expired", 1), ("other_type", 2), ("revoked", 1)]);
        assert!(read(r#"{"a":1}"#, "", &mut found).is_err());
        for empty in [r#"{"more":false}"#, "{}", "{ }\n"] {
            assert!(read(empty, "", &mut found).is_ok(), "{empty}");
        }
    }
}
