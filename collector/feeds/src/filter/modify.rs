//! Lines of a `modify.conf`: rules rewritten by an expression, or given metadata.

use regex::Regex;

use super::matcher::{Case, Matcher, expression_of};
use crate::rule::Rule;

/// What is done to the rules that a line names.
#[derive(Debug, Clone)]
pub struct Modify {
    pub matcher: Matcher,
    change: Change,
}

#[derive(Debug, Clone)]
enum Change {
    /// All places; `$1` stands for the first group.
    Replace(Regex, String),
    AddMetadata(String, String),
}

impl Modify {
    /// `MATCH "from" "to"`, `modifysid MATCH "from" | "to"`, `metadata-add MATCH key value`.
    ///
    /// # Errors
    /// Why the line does nothing, and what to write.
    pub fn parse(line: &str) -> Result<Modify, String> {
        let words = shlex::split(line).ok_or("a quote is not closed")?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (matcher, from, to) = match words.as_slice() {
            ["metadata-add", matcher, key, value] => {
                return Ok(Modify {
                    matcher: Matcher::parse(matcher)?,
                    change: Change::AddMetadata((*key).to_owned(), (*value).to_owned()),
                });
            }
            ["modifysid", matcher, from, "|", to] => (*matcher, *from, *to),
            [matcher, from, to] if *matcher != "modifysid" => (*matcher, *from, *to),
            _ => {
                return Err(
                    "write which rules, what is replaced and by what: 2019401 \"seconds \\d+\" \"seconds 3600\""
                        .to_owned(),
                );
            }
        };
        Ok(Modify {
            matcher: Matcher::parse(matcher)?,
            change: Change::Replace(expression_of(from, Case::Minded)?, replacement(to)),
        })
    }

    /// The rule as it is afterwards; none: it would be no rule any more.
    pub fn apply(&self, rule: &Rule) -> Option<Rule> {
        let text = match &self.change {
            Change::Replace(from, to) => from.replace_all(&rule.line(), to.as_str()).into_owned(),
            Change::AddMetadata(key, value) => {
                let line = rule.line();
                let body = line.trim_end().strip_suffix(')')?.trim_end();
                format!("{body} metadata:{key} {value};)")
            }
        };
        Rule::parse(&text, &rule.file)
    }
}

/// `\1` and Oinkmaster's `${1}` stand for groups; a dollar sign is one otherwise.
fn replacement(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let group = match c {
            '\\' => after.chars().next().filter(char::is_ascii_digit),
            '$' if after.starts_with('{') => after[1..]
                .chars()
                .next()
                .filter(|digit| digit.is_ascii_digit() && after[2..].starts_with('}')),
            _ => None,
        };
        match (c, group) {
            ('\\', Some(digit)) => {
                out.push_str(&format!("${{{digit}}}"));
                rest = &after[1..];
            }
            ('$', Some(digit)) => {
                out.push_str(&format!("${{{digit}}}"));
                rest = &after[3..];
            }
            ('$', None) => {
                out.push_str("$$");
                rest = after;
            }
            _ => {
                out.push(c);
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::tests::rule;

    #[test]
    fn rules_are_rewritten() {
        let one = rule(
            5,
            "threshold:type limit, track by_src, seconds 60, count 1; ",
        );
        for (line, expected) in [
            (r#"5 "seconds \d+" "seconds 3600""#, "seconds 3600, count"),
            (r#"5 "(type) limit" "\1 both""#, "threshold:type both"),
            (r#"modifysid 5 "^alert" | "drop""#, "drop http"),
            (r#"modifysid * "^(\w+)" | "${1}""#, "alert http"),
            (
                r#"re:rule "any -> any" "$HOME_NET -> any""#,
                "any $HOME_NET -> any",
            ),
            ("metadata-add 5 seen yes", "rev:1; metadata:seen yes;)"),
        ] {
            let modify = Modify::parse(line).expect(line);
            assert!(modify.matcher.matches(&one), "{line}");
            let text = modify.apply(&one).expect(line).text;
            assert!(text.contains(expected), "{line}: {text}");
        }
    }

    #[test]
    fn a_change_that_leaves_no_rule_is_none() {
        let modify = Modify::parse(r#"5 "sid:5;" """#).expect("it is a change");
        assert_eq!(modify.apply(&rule(5, "")), None);
        for line in ["5 a", "5 \"a", "modifysid 5 a b", "5 ( b", "x a b"] {
            assert!(Modify::parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_replacement_of_odd_letters_is_kept() {
        for (text, expected) in [
            ("$", "$$"),
            ("${", "$${"),
            ("\\", "\\"),
            ("${x}é", "$${x}é"),
        ] {
            assert_eq!(replacement(text), expected);
        }
    }
}
