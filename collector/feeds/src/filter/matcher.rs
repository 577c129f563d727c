//! What a line of a filter names: rules by number, text, file or metadata.

use std::collections::HashSet;

use glob_match::glob_match;
use regex::{Regex, RegexBuilder};
use rules::signature::option_values;

use crate::rule::{Rule, RuleId};

/// Bytes that a compiled expression may take.
const MAX_EXPRESSION_BYTES: usize = 1 << 20;

/// The rules that a line names.
#[derive(Debug, Clone)]
pub enum Matcher {
    All,
    /// Single numbers, and ranges with both ends.
    Ids(HashSet<RuleId>, Vec<(u32, u32, u32)>),
    /// By generator, number and revision.
    Revision(u32, u32, u32),
    /// Looked for in the whole rule, whatever its case.
    Text(Regex),
    /// The file's name with its folders.
    File(String),
    /// The file's name alone, with its ending or without.
    Group(String),
    /// Key and value in lower case.
    Metadata(String, String),
}

impl Matcher {
    /// # Errors
    /// Why the text names nothing, and what to write.
    pub fn parse(text: &str) -> Result<Matcher, String> {
        let text = text.trim();
        if text == "*" {
            return Ok(Matcher::All);
        }
        if let Some(expression) = text.strip_prefix("re:") {
            return expression_of(expression.trim(), Case::Ignored).map(Matcher::Text);
        }
        if let Some(pattern) = text.strip_prefix("filename:") {
            return Ok(Matcher::File(named(pattern, "filename:rules/*dns*")?));
        }
        if let Some(pattern) = text.strip_prefix("group:") {
            return Ok(Matcher::Group(named(pattern, "group:emerging-dns.rules")?));
        }
        if let Some(pair) = text.strip_prefix("metadata:") {
            let (key, value) = pair
                .trim()
                .split_once(char::is_whitespace)
                .ok_or("write a key and a value: metadata: signature_severity Major")?;
            return Ok(Matcher::Metadata(
                key.to_lowercase(),
                value.trim().to_lowercase(),
            ));
        }
        if text.ends_with(".rules") {
            return Ok(Matcher::Group(text.to_owned()));
        }
        ids(text)
    }

    pub fn matches(&self, rule: &Rule) -> bool {
        match self {
            Matcher::All => true,
            Matcher::Ids(ids, ranges) => {
                let (gid, sid) = rule.id();
                ids.contains(&(gid, sid))
                    || ranges
                        .iter()
                        .any(|&(of, from, to)| of == gid && (from..=to).contains(&sid))
            }
            Matcher::Revision(gid, sid, rev) => rule.id() == (*gid, *sid) && rule.rev == *rev,
            Matcher::Text(expression) => expression.is_match(&rule.text),
            // `*` of these patterns crosses folders.
            Matcher::File(pattern) => glob(pattern, &rule.file),
            Matcher::Group(pattern) => {
                let name = rule.file.rsplit('/').next().unwrap_or_default();
                let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
                glob(pattern, name) || glob(pattern, stem)
            }
            Matcher::Metadata(key, value) => metadata(rule).any(|(own_key, own_value)| {
                own_key.to_lowercase() == *key && own_value.to_lowercase() == *value
            }),
        }
    }
}

/// Whether an expression minds the case of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    Minded,
    Ignored,
}

/// A regular expression within bounds: it takes time in proportion to what it is looked for in.
pub fn expression_of(text: &str, case: Case) -> Result<Regex, String> {
    if text.is_empty() {
        return Err("the expression is missing: re:heartbleed".to_owned());
    }
    RegexBuilder::new(text)
        .case_insensitive(case == Case::Ignored)
        .size_limit(MAX_EXPRESSION_BYTES)
        .build()
        .map_err(|error| {
            let reason = error.to_string();
            let last = reason.lines().last().unwrap_or_default();
            let last = last.trim_start_matches("error: ").to_owned();
            if text.contains("(?=") || text.contains("(?!") || text.contains("(?<") {
                return format!("{last}: looking ahead and behind is not known here");
            }
            format!("this is no regular expression: {last}")
        })
}

fn named(pattern: &str, example: &str) -> Result<String, String> {
    match pattern.trim() {
        "" => Err(format!("the name is missing: {example}")),
        pattern => Ok(pattern.to_owned()),
    }
}

fn ids(text: &str) -> Result<Matcher, String> {
    let odd = || {
        format!(
            "{text:?} names no rules: write 2019401, 1:2019401, 2019401-2019410, re:, group:, filename:, metadata: or *"
        )
    };
    let number = |text: &str| text.trim().parse::<u32>().map_err(|_| odd());
    let (mut ids, mut ranges) = (HashSet::new(), Vec::new());
    let entries: Vec<&str> = text.split(',').map(str::trim).collect();
    for &entry in &entries {
        let parts: Vec<&str> = entry.split(':').collect();
        let (gid, sid) = match parts.as_slice() {
            [sid] => (1, *sid),
            [gid, sid] => (number(gid)?, *sid),
            [gid, sid, rev] if entries.len() == 1 => {
                return Ok(Matcher::Revision(number(gid)?, number(sid)?, number(rev)?));
            }
            _ => return Err(odd()),
        };
        match sid.split_once('-') {
            Some((from, to)) => {
                let (from, to) = (number(from)?, number(to)?);
                if from > to {
                    return Err(format!("the range {sid} ends before it begins"));
                }
                ranges.push((gid, from, to));
            }
            None => {
                ids.insert((gid, number(sid)?));
            }
        }
    }
    Ok(Matcher::Ids(ids, ranges))
}

/// `*` and `?` as in names of files, where `*` crosses folders.
fn glob(pattern: &str, name: &str) -> bool {
    // The matcher keeps `*` within a folder: without folders there is nothing to keep it in.
    let flat = |text: &str| text.replace('/', "\u{1}");
    glob_match(&flat(pattern), &flat(name))
}

/// Pairs of the rule's metadata.
pub fn metadata(rule: &Rule) -> impl Iterator<Item = (&str, &str)> {
    option_values(&rule.text)
        .into_iter()
        .filter(|(name, _)| *name == "metadata")
        .filter_map(|(_, value)| value)
        .flat_map(|value| value.split(','))
        .filter_map(|pair| pair.trim().split_once(char::is_whitespace))
        .map(|(key, value)| (key, value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::tests::rule;

    #[test]
    fn each_form_names_its_rules() {
        let one = rule(
            2_000_007,
            "content:\"Heart\"; metadata:deployment Perimeter, signature_severity Major; ",
        );
        for (text, expected) in [
            ("*", true),
            ("2000007", true),
            ("1:2000007", true),
            ("3:2000007", false),
            ("2000006, 2000007", true),
            ("2000000-2000009", true),
            ("1:2000008-2000009", false),
            ("1:2000007:1", true),
            ("1:2000007:2", false),
            ("re:heart", true),
            ("re:^alert tls", false),
            ("group:some-web", true),
            ("group:some-web.rules", true),
            ("group:*web*", true),
            ("some-web.rules", true),
            ("group:web", false),
            ("filename:rules/some-*", true),
            ("filename:*.rules", true),
            ("filename:other/*", false),
            ("metadata: deployment perimeter", true),
            ("metadata:deployment datacenter", false),
        ] {
            let matcher = Matcher::parse(text).expect(text);
            assert_eq!(matcher.matches(&one), expected, "{text}");
        }
    }

    #[test]
    fn what_names_nothing_is_refused_with_a_remedy() {
        for (text, told) in [
            ("heartbleed", "names no rules"),
            ("1:2:3:4", "names no rules"),
            ("9-3", "ends before it begins"),
            ("re:", "re:heartbleed"),
            ("re:(", "regular expression"),
            ("re:a(?=b)", "looking ahead"),
            ("group:", "group:emerging"),
            ("metadata:deployment", "a key and a value"),
            ("99999999999", "names no rules"),
        ] {
            let fault = Matcher::parse(text).expect_err(text);
            assert!(fault.contains(told), "{text}: {fault}");
        }
    }
}
