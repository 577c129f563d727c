//! Files of a source → its rules, and the lists that they load.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::archive::{ArchiveError, File};
use crate::compose::{Carried, newest};
use crate::list::{IndicatorKind, Indicators, read_csv, read_misp, read_plain, read_stix};
use crate::rule::{Rule, rules_of};
use crate::template::{Naming, rules_for};

/// Rules of one source.
const MAX_RULES: usize = 200_000;
/// Files that public rule sets bring along and that nobody runs.
const IGNORED: &str = "deleted.rules";

/// What a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedKind {
    /// Rules: a file, or an archive of files.
    Rules,
    /// Values of one kind, one a line.
    List,
    /// CSV with titles, as abuse.ch publishes it.
    Csv,
    /// A MISP feed: `manifest.json` and an event a file.
    Misp,
    /// A TAXII 2.1 collection of STIX indicators.
    Taxii,
    /// A folder on the collector with files of rules.
    Folder,
}

impl FeedKind {
    pub const ALL: [FeedKind; 6] = [
        FeedKind::Rules,
        FeedKind::List,
        FeedKind::Csv,
        FeedKind::Misp,
        FeedKind::Taxii,
        FeedKind::Folder,
    ];

    pub fn name(self) -> &'static str {
        match self {
            FeedKind::Rules => "rules",
            FeedKind::List => "list",
            FeedKind::Csv => "csv",
            FeedKind::Misp => "misp",
            FeedKind::Taxii => "taxii",
            FeedKind::Folder => "folder",
        }
    }

    pub fn from_name(name: &str) -> Option<FeedKind> {
        FeedKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What a source has.
#[derive(Debug, Clone, Default)]
pub struct Content {
    pub rules: Vec<Rule>,
    pub lists: Vec<Carried>,
    pub indicators: u64,
    /// What was left out, by reason: values, lines that are no rules, older versions of rules.
    pub left_out: BTreeMap<String, u64>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(
        "a web page came in the place of the content: is the address right, does it ask to sign in?"
    )]
    WebPage,
    #[error("there are no rules in it")]
    NoRules,
    #[error("it holds more than {MAX_RULES} rules")]
    TooManyRules,
    #[error("no line has titles of columns that are known: is it a plain list?")]
    NoTitles,
    #[error("there are no values in it that can be compared")]
    NoValues,
    #[error("{file}: {reason}")]
    Malformed { file: String, reason: String },
}

/// How the content of a source is read.
#[derive(Debug, Clone)]
pub struct Reading {
    pub kind: FeedKind,
    /// Of the values of a [`FeedKind::List`].
    pub indicator: IndicatorKind,
    pub naming: Naming,
    /// RFC 3339, UTC.
    pub now: String,
}

/// Reads what came.
///
/// # Errors
/// When it is not what the source is said to be.
pub fn read(files: &[File], how: &Reading) -> Result<Content, ReadError> {
    if let [only] = files
        && is_web_page(&only.bytes)
    {
        return Err(ReadError::WebPage);
    }
    match how.kind {
        FeedKind::Rules | FeedKind::Folder => rules(files),
        _ => lists(files, how),
    }
}

fn is_web_page(bytes: &[u8]) -> bool {
    let begin = bytes.get(..256).unwrap_or(bytes).trim_ascii_start();
    let begin = begin.to_ascii_lowercase();
    begin.starts_with(b"<!doctype html") || begin.starts_with(b"<html")
}

fn rules(files: &[File]) -> Result<Content, ReadError> {
    let mut content = Content::default();
    let mut odd = 0;
    let is_rules = |file: &&File| {
        file.name.ends_with(".rules") && !file.name.ends_with(IGNORED) || files.len() == 1
    };
    for file in files.iter().filter(is_rules) {
        let (rules, odd_lines) = rules_of(&file.text(), &file.name);
        odd += odd_lines.len() as u64;
        content.rules.extend(rules);
        if content.rules.len() > MAX_RULES {
            return Err(ReadError::TooManyRules);
        }
    }
    if content.rules.is_empty() {
        return Err(ReadError::NoRules);
    }
    let (rules, older) = newest(std::mem::take(&mut content.rules));
    content.rules = rules;
    content.lists = loaded(&content.rules, files);
    for (reason, count) in [("no_rule", odd), ("older_version", older)] {
        if count > 0 {
            content.left_out.insert(reason.to_owned(), count);
        }
    }
    Ok(content)
}

/// The files that rules load, from beside them or from anywhere in what came.
fn loaded(rules: &[Rule], files: &[File]) -> Vec<Carried> {
    let by_name: HashMap<&str, &File> = files.iter().map(|file| (&*file.name, file)).collect();
    let mut lists: BTreeMap<String, Carried> = BTreeMap::new();
    for rule in rules {
        for name in rule.lists() {
            if lists.contains_key(&name) {
                continue;
            }
            let folder = rule.file.rsplit_once('/').map_or("", |(folder, _)| folder);
            let beside = format!("{folder}/{name}");
            let found = by_name
                .get(beside.trim_start_matches('/'))
                .or_else(|| by_name.get(name.as_str()))
                .copied()
                .or_else(|| {
                    files
                        .iter()
                        .find(|file| file.name.ends_with(&format!("/{name}")))
                });
            if let Some(file) = found {
                let content = file.text();
                lists.insert(name.clone(), Carried { name, content });
            }
        }
    }
    lists.into_values().collect()
}

fn lists(files: &[File], how: &Reading) -> Result<Content, ReadError> {
    let mut found = Indicators::default();
    let mut has_titles = false;
    for file in files {
        let text = file.text();
        let malformed = |reason: String| ReadError::Malformed {
            file: file.name.clone(),
            reason,
        };
        match how.kind {
            FeedKind::List => read_plain(&text, how.indicator, &mut found),
            FeedKind::Csv => has_titles |= read_csv(&text, &mut found),
            FeedKind::Misp if file.name.ends_with("manifest.json") => {}
            FeedKind::Misp => {
                read_misp(&text, &mut found).map_err(|error| malformed(error.to_string()))?;
            }
            FeedKind::Taxii => read_stix(&text, &how.now, &mut found).map_err(malformed)?,
            FeedKind::Rules | FeedKind::Folder => {}
        }
    }
    if how.kind == FeedKind::Csv && !has_titles {
        return Err(ReadError::NoTitles);
    }
    if found.is_empty() {
        return Err(ReadError::NoValues);
    }
    let (rules, lists) = rules_for(&found, &how.naming);
    Ok(Content {
        rules,
        lists,
        indicators: found.len() as u64,
        left_out: found
            .left_out
            .into_iter()
            .map(|(reason, count)| (reason.to_owned(), count))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn how(kind: FeedKind) -> Reading {
        Reading {
            kind,
            indicator: IndicatorKind::Domain,
            naming: Naming {
                name: "x".to_owned(),
                key: "feed1".to_owned(),
                first_sid: 8_001_000,
            },
            now: "2026-01-01T00:00:00Z".to_owned(),
        }
    }

    fn file(name: &str, text: &str) -> File {
        File {
            name: name.to_owned(),
            bytes: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn rules_come_with_the_lists_that_they_load() {
        let one = "alert dns any any -> any any (msg:\"a\"; dns.query; dataset:isset,a,type string,load a.lst; sid:1;)\n";
        let files = [
            file("rules/a.rules", one),
            file("rules/a.lst", "beside"),
            file("a.lst", "elsewhere"),
            file(
                "rules/deleted.rules",
                "alert ip any any -> any any (sid:2;)",
            ),
            file("rules/readme.txt", "alert everybody"),
        ];
        let content = read(&files, &how(FeedKind::Rules)).expect("rules");
        assert_eq!(content.rules.len(), 1);
        assert_eq!(content.lists[0].content, "beside");
        let alone = read(&[file("emerging", one)], &how(FeedKind::Rules));
        assert_eq!(alone.expect("a file whatever its name").rules.len(), 1);
    }

    #[test]
    fn what_is_not_what_it_is_said_to_be_is_refused() {
        let page = "\n<!DOCTYPE html><p>alert";
        let rows = [
            (FeedKind::Rules, page, "web page"),
            (FeedKind::Rules, "nothing", "no rules"),
            (FeedKind::List, "# nothing", "no values"),
            (FeedKind::Csv, "evil.example\n", "no line has titles"),
            (FeedKind::Misp, "[]", "a.txt:"),
            (FeedKind::Taxii, "[]", "a.txt:"),
            (FeedKind::Taxii, r#"{"a":1}"#, "neither"),
            (FeedKind::Taxii, "{}", "no values"),
        ];
        for (kind, text, told) in rows {
            let error = read(&[file("a.txt", text)], &how(kind)).expect_err(text);
            assert!(error.to_string().contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn values_become_rules() {
        let content =
            read(&[file("l", "evil.example\n:)\n")], &how(FeedKind::List)).expect("a list");
        assert_eq!((content.rules.len(), content.indicators), (3, 1));
        assert_eq!(content.left_out["malformed"], 1);
    }
}
