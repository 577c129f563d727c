//! A rule → the query of the collector's search language that finds at least what the rule matches.
//!
//! The search engine folds case and accents, cuts long values and knows no regular expressions; what it cannot decide
//! is left out where that finds more, and named ([`Converted::left_out`]). Answers are then run through a detector: the
//! query is what makes that cheap. A rule of which nothing is left is looked for in all records of its kinds.

use std::fmt;

use super::ast::Test;
use super::pattern::{Pattern, Token};
use super::pipeline::{Source, Take};
use super::query::{FieldQuery, Query};
use super::ruleset::LoadedRule;

/// A query of the collector.
#[derive(Debug, Clone, PartialEq)]
pub enum Search {
    /// Everything.
    All,
    And(Vec<Search>),
    Or(Vec<Search>),
    Field {
        path: String,
        test: SearchTest,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum SearchTest {
    Exists,
    Is(String),
    /// With `*` for any characters.
    Like(String),
}

/// A rule as a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    pub search: Search,
    /// What of the rule the query does not ask, in words; a detector does.
    pub left_out: Vec<String>,
}

impl Converted {
    /// Whether the query says no more than which kinds of records are looked at, and what they have.
    pub fn is_scan(&self) -> bool {
        !narrows(&self.search)
    }
}

/// None for a rule that waits: no records are known for its log source.
pub fn convert(own: &LoadedRule) -> Option<Converted> {
    let (mapping, query) = (own.mapping.as_ref()?, own.query.as_ref()?);
    let mut left_out = Vec::new();
    let kinds = mapping
        .events
        .iter()
        .map(|kind| field(EVENT_TYPE, SearchTest::Is(kind.clone())));
    let kinds = if mapping.events.is_empty() {
        Search::All
    } else {
        any(kinds.collect())
    };
    let search = all(vec![kinds, wide(query, &mut left_out)]);
    left_out.dedup();
    Some(Converted { search, left_out })
}

const EVENT_TYPE: &str = "event_type";
/// Paths that the index keeps as addresses, and as numbers.
const ADDRESSES: [&str; 2] = ["src_ip", "dest_ip"];
const NUMBERS: [&str; 2] = ["src_port", "dest_port"];

fn narrows(search: &Search) -> bool {
    match search {
        Search::All => false,
        Search::And(parts) => parts.iter().any(narrows),
        Search::Or(parts) => parts.iter().all(narrows),
        // Nearly every record of its kind has the field.
        Search::Field { path, test } => path != EVENT_TYPE && *test != SearchTest::Exists,
    }
}

fn field(path: &str, test: SearchTest) -> Search {
    Search::Field {
        path: path.to_owned(),
        test,
    }
}

fn all(parts: Vec<Search>) -> Search {
    let mut kept: Vec<Search> = Vec::new();
    for part in parts {
        match part {
            Search::All => {}
            Search::And(inner) => kept.extend(inner),
            other if !kept.contains(&other) => kept.push(other),
            _ => {}
        }
    }
    match kept.len() {
        0 => Search::All,
        1 => kept.remove(0),
        _ => Search::And(kept),
    }
}

fn any(parts: Vec<Search>) -> Search {
    let mut kept: Vec<Search> = Vec::new();
    for part in parts {
        match part {
            Search::All => return Search::All,
            Search::Or(inner) => kept.extend(inner),
            other if !kept.contains(&other) => kept.push(other),
            _ => {}
        }
    }
    if kept.len() == 1 {
        kept.remove(0)
    } else {
        Search::Or(kept)
    }
}

/// Finds whatever the query matches, and maybe more.
fn wide(query: &Query, left_out: &mut Vec<String>) -> Search {
    match query {
        Query::And(parts) => all(parts.iter().map(|part| wide(part, left_out)).collect()),
        Query::Or(parts) => any(parts.iter().map(|part| wide(part, left_out)).collect()),
        Query::Not(_) => {
            left_out.push("not …".to_owned());
            Search::All
        }
        Query::Keyword(_) => {
            left_out.push("keywords".to_owned());
            Search::All
        }
        Query::Fields(fields) => {
            left_out.push(format!("{}|fieldref", fields.field));
            Search::All
        }
        Query::Field(own) => of_field(own, left_out),
    }
}

fn of_field(own: &FieldQuery, left_out: &mut Vec<String>) -> Search {
    let mut leave = |what: &str| left_out.push(format!("{} {what}", own.field));
    if matches!(own.test, Test::Null | Test::Exists) {
        leave("absent or there");
        return Search::All;
    }
    let sources = own.sources.iter().map(|source| {
        let (search, is_whole) = of_source(source, &own.test);
        if !is_whole {
            leave(name_of(&own.test));
        }
        search
    });
    any(sources.collect())
}

fn name_of(test: &Test) -> &'static str {
    match test {
        Test::Text(_) => "in part",
        Test::Number(_) => "as a number",
        Test::Regex(_) => "re",
        Test::Cidr(_) => "cidr",
        Test::Compare(..) => "compared",
        Test::Time(..) => "time",
        Test::Field(_) => "fieldref",
        Test::Null | Test::Exists => "absent or there",
    }
}

/// A test of one source, and whether the query says all of it.
fn of_source(source: &Source, test: &Test) -> (Search, bool) {
    let path = source.path.as_str();
    let there = || field(path, SearchTest::Exists);
    match &source.take {
        Take::Whole => {}
        // Parts of the value: what is in them is in it.
        Take::UrlQuery | Take::UrlPath | Take::UrlExtension => {
            let inner = match test {
                Test::Text(pattern) => {
                    longest(pattern).map(|text| like(path, &format!("*{text}*")))
                }
                _ => None,
            };
            return (inner.unwrap_or_else(there), false);
        }
        Take::Absolute { .. } | Take::Upper | Take::Serial | Take::Entropy | Take::RpcEndpoint => {
            return (there(), false);
        }
        Take::BasicUser { .. }
        | Take::Header { .. }
        | Take::RpcOperation { .. }
        | Take::Values { .. } => return (Search::All, false),
    }
    let is_address = ADDRESSES.contains(&path);
    let is_number = NUMBERS.contains(&path);
    match test {
        Test::Text(pattern) => {
            let text = shape(pattern);
            let exact = !text.contains('*');
            let fits = (!is_address || exact && text.parse::<std::net::IpAddr>().is_ok())
                && (!is_number || exact && text.parse::<u16>().is_ok());
            // What looks like a part of a number may be one in the index.
            let may_be_number = !exact
                && text
                    .chars()
                    .all(|c| c.is_ascii_digit() || "*.-".contains(c));
            if !fits || text.is_empty() || may_be_number {
                (there(), false)
            } else if exact {
                (field(path, SearchTest::Is(text)), !pattern.is_cased())
            } else {
                (like(path, &text), !pattern.is_cased())
            }
        }
        Test::Number(number) => (field(path, SearchTest::Is(number.text().to_owned())), true),
        Test::Cidr(network) if is_address => {
            (field(path, SearchTest::Is(network.to_string())), true)
        }
        _ => (there(), false),
    }
}

fn like(path: &str, text: &str) -> Search {
    field(path, SearchTest::Like(text.to_owned()))
}

/// The pattern with a star for everything that is no letter of its own.
fn shape(pattern: &Pattern) -> String {
    let mut text = String::new();
    for token in pattern.tokens() {
        match token {
            Token::Literal(literal) => text.push_str(literal),
            Token::One | Token::Many | Token::Dash if !text.ends_with('*') => text.push('*'),
            Token::One | Token::Many | Token::Dash => {}
        }
    }
    text
}

fn longest(pattern: &Pattern) -> Option<String> {
    let literal = pattern.longest_literal()?;
    (!literal.is_empty()).then(|| literal.to_owned())
}

/// As the collector's query language writes it.
impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, parts: &[Search], word: &str| {
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    write!(f, " {word} ")?;
                }
                match part {
                    Search::And(_) | Search::Or(_) => write!(f, "({part})")?,
                    _ => write!(f, "{part}")?,
                }
            }
            Ok(())
        };
        match self {
            Search::All => write!(f, "*"),
            Search::And(parts) => list(f, parts, "AND"),
            Search::Or(parts) => list(f, parts, "OR"),
            Search::Field { path, test } => match test {
                SearchTest::Exists => write!(f, "{path}:*"),
                SearchTest::Is(text) => {
                    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
                    write!(f, "{path}:\"{text}\"")
                }
                SearchTest::Like(text) => {
                    write!(f, "{path}:")?;
                    for c in text.chars() {
                        if c.is_whitespace() || matches!(c, '(' | ')' | '\\') {
                            write!(f, "\\")?;
                        }
                        write!(f, "{c}")?;
                    }
                    Ok(())
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigma::{Pipeline, load};
    use crate::signature::SourceFile;

    fn converted(logsource: &str, detection: &str) -> Converted {
        let text = format!("title: t\nlogsource: {logsource}\ndetection:\n{detection}");
        let source = SourceFile {
            name: "rule.yml".into(),
            text,
        };
        let ruleset = load(&[source], &Pipeline::eve());
        assert!(ruleset.diagnostics.is_empty(), "{:?}", ruleset.diagnostics);
        convert(&ruleset.rules[0]).expect("it runs")
    }

    #[test]
    fn queries_ask_for_at_least_what_rules_match() {
        let dns = "{category: dns}";
        let rows = [
            (
                "  s: {query|endswith: .vn}\n  condition: s\n",
                r#"event_type:"dns" AND (dns.queries.rrname:*.vn OR dns.rrname:*.vn)"#,
                0,
            ),
            (
                "  s: {answer: [a.vn, 'b c*']}\n  condition: s\n",
                r#"event_type:"dns" AND (dns.answers.rdata:"a.vn" OR dns.answers.rdata:b\ c*)"#,
                0,
            ),
            (
                "  s: {answer|contains: x}\n  f: {query: ax}\n  condition: s and not f\n",
                r#"event_type:"dns" AND dns.answers.rdata:*x*"#,
                1,
            ),
            (
                "  s: {answer|re: '^a+$'}\n  condition: s\n",
                r#"event_type:"dns" AND dns.answers.rdata:*"#,
                1,
            ),
            (
                "  s: {src_ip|cidr: 10.0.0.0/8}\n  condition: s\n",
                r#"event_type:"dns" AND src_ip:"10.0.0.0/8""#,
                0,
            ),
            (
                "  s: {src_ip|startswith: '10.'}\n  condition: s\n",
                r#"event_type:"dns" AND src_ip:*"#,
                1,
            ),
            (
                "  s: {src_ip|cidr: 10.0.0.0/8}\n  f: {query: null}\n  condition: s or f\n",
                r#"event_type:"dns""#,
                1,
            ),
        ];
        for (detection, expected, left_out) in rows {
            let found = converted(dns, detection);
            assert_eq!(found.search.to_string(), expected, "{detection}");
            assert_eq!(found.left_out.len(), left_out, "{detection}: {found:?}");
        }
        let scan = converted(dns, "  s: {query: null}\n  condition: s\n");
        assert!(scan.is_scan());
    }
}
