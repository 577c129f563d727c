//! Files of rules → signatures, and what is wrong with the others.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::builder::Builder;
use super::environment::Environment;
use super::header::Header;
use super::{Failure, Fault, Pair, Signature, fault, header, lexer};
use crate::Vocabulary;
use crate::keyword;

/// Longest rule, in bytes.
pub const RULE_LIMIT_BYTES: usize = 64 << 10;
/// Options of one rule.
pub const OPTION_LIMIT: usize = 1_024;
/// Bytes of one file.
pub const FILE_LIMIT_BYTES: u64 = 256 << 20;
/// Faults that are told of one rule, and of all.
const RULE_FAULT_LIMIT: usize = 32;
const FAULT_LIMIT: usize = 100_000;
/// Depth of folders below a given one.
const FOLDER_DEPTH: usize = 8;

/// A file of rules.
#[derive(Debug, Clone)]
pub struct SourceFile {
    pub name: String,
    pub text: String,
}

/// What loading gave.
#[derive(Debug, Default)]
pub struct Report {
    pub signatures: Vec<Signature>,
    pub failures: Vec<Failure>,
    /// Rules that load, with something worth telling.
    pub warnings: Vec<Failure>,
    /// Rules that ask for another engine or version (`requires`).
    pub skipped: usize,
}

/// A file or folder that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub struct ReadError {
    pub path: PathBuf,
    pub source: std::io::Error,
}

/// A parsed rule, or the reason why it is none.
#[derive(Debug)]
pub enum Parsed {
    Signature {
        signature: Box<Signature>,
        warnings: Vec<String>,
    },
    /// `requires` is not met.
    Skipped { reason: String },
}

/// Reads files, and folders with all `*.rules` below them, in the order of their names.
///
/// # Errors
/// When one of them cannot be read.
pub fn read_paths(paths: &[PathBuf]) -> Result<Vec<SourceFile>, ReadError> {
    read_paths_ending(paths, &["rules"])
}

/// Reads files, and folders with all files below them that end so.
pub(crate) fn read_paths_ending(
    paths: &[PathBuf],
    endings: &[&str],
) -> Result<Vec<SourceFile>, ReadError> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, 0, endings, &mut files)?;
    }
    files
        .into_iter()
        .map(|path| {
            let bytes = read(&path).map_err(|source| ReadError {
                path: path.clone(),
                source,
            })?;
            Ok(SourceFile {
                name: path.display().to_string(),
                text: text(bytes),
            })
        })
        .collect()
}

/// A file that may be longer than it says, or never end.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    let said = file.metadata()?.len().min(FILE_LIMIT_BYTES);
    let mut bytes = Vec::with_capacity(said as usize + 1);
    file.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_LIMIT_BYTES {
        let reason = format!(
            "is larger than {} MB: rules come in smaller files",
            FILE_LIMIT_BYTES >> 20
        );
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            reason,
        ));
    }
    Ok(bytes)
}

/// Which rules a sensor runs: SHA-256 of the text of all files in the order in which they are loaded, each with a zero
/// byte behind it. Their names do not count, and neither does what is wrong with them.
#[derive(Clone, Default)]
pub struct TextHash(Sha256);

impl TextHash {
    /// Takes in further files.
    pub fn add(&mut self, sources: &[SourceFile]) {
        for file in sources {
            self.0.update(file.text.as_bytes());
            self.0.update([0]);
        }
    }

    /// The hash of the files so far, in hexadecimal.
    pub fn hex(&self) -> String {
        let digest = self.0.clone().finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn collect(
    path: &Path,
    depth: usize,
    endings: &[&str],
    files: &mut Vec<PathBuf>,
) -> Result<(), ReadError> {
    let read = |source| ReadError {
        path: path.to_owned(),
        source,
    };
    if !path.metadata().map_err(read)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
        .map_err(read)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(read)?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            if depth < FOLDER_DEPTH {
                collect(&entry, depth + 1, endings, files)?;
            }
        } else if entry
            .extension()
            .is_some_and(|extension| endings.iter().any(|ending| extension == *ending))
        {
            files.push(entry);
        }
    }
    Ok(())
}

/// UTF-8, else Latin-1.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        error
            .as_bytes()
            .iter()
            .map(|&byte| char::from(byte))
            .collect()
    })
}

/// Parses the rules of all files. A rule that has faults is left out; the others load.
pub fn load(sources: &[SourceFile], vocabulary: &Vocabulary, environment: &Environment) -> Report {
    let mut signatures: Vec<Signature> = Vec::new();
    let mut report =
        load_each(
            sources,
            vocabulary,
            environment,
            |signature, replaced| match replaced.and_then(|at| signatures.get_mut(at)) {
                Some(older) => *older = signature,
                None => signatures.push(signature),
            },
        );
    report.signatures = signatures;
    report
}

/// As [`load`], but hands each signature over as soon as it is parsed, so that not all are in memory as written. One of
/// a higher revision comes with the number (from 0, of those handed over that replace none) of that which it replaces.
pub fn load_each(
    sources: &[SourceFile],
    vocabulary: &Vocabulary,
    environment: &Environment,
    mut take: impl FnMut(Signature, Option<usize>),
) -> Report {
    let mut report = Report::default();
    // By gid and sid: number, revision and place of the signature.
    let mut seen: HashMap<(u32, u32), Seen> = HashMap::new();
    let mut pairs = HashSet::new();
    for file in sources {
        for RuleText {
            line, text: rule, ..
        } in RuleTexts::of(&file.text)
        {
            let place = |column: usize, sid, keyword, reason| Failure {
                file: file.name.clone(),
                line,
                column,
                sid,
                keyword,
                reason,
            };
            match parse_rule(&rule, vocabulary, environment) {
                Ok(Parsed::Skipped { .. }) => report.skipped += 1,
                Ok(Parsed::Signature {
                    mut signature,
                    warnings,
                }) => {
                    share(&mut signature.metadata, &mut pairs);
                    share(&mut signature.references, &mut pairs);
                    let key = (signature.gid, signature.sid);
                    if let Some(first) = seen.get_mut(&key) {
                        if signature.rev <= first.rev {
                            let reason = format!(
                                "sid {} is already used by {}:{}: give it a number of its own, or a higher rev",
                                signature.sid, first.file, first.line
                            );
                            report.failures.push(place(
                                1,
                                Some(signature.sid),
                                Some("sid".to_owned()),
                                reason,
                            ));
                        } else {
                            first.rev = signature.rev;
                            take(*signature, Some(first.number));
                        }
                        continue;
                    }
                    for warning in warnings {
                        report
                            .warnings
                            .push(place(1, Some(signature.sid), None, warning));
                    }
                    if let Some(what) = &signature.waits_for {
                        report.warnings.push(place(
                            1,
                            Some(signature.sid),
                            None,
                            format!("loads, but cannot match yet: it waits for {what}"),
                        ));
                    }
                    let first = Seen {
                        number: seen.len(),
                        rev: signature.rev,
                        file: &file.name,
                        line,
                    };
                    seen.insert(key, first);
                    take(*signature, None);
                }
                Err(faults) => {
                    let sid = sid_of(&rule);
                    let room = FAULT_LIMIT.saturating_sub(report.failures.len());
                    for fault in faults.into_iter().take(room) {
                        report.failures.push(place(
                            fault.offset + 1,
                            sid,
                            fault.keyword,
                            fault.reason,
                        ));
                    }
                }
            }
        }
    }
    report
}

/// The first signature of a number.
struct Seen<'a> {
    number: usize,
    rev: u32,
    file: &'a str,
    line: usize,
}

/// Puts those that other rules have in the place of equal ones.
fn share(own: &mut Vec<Pair>, pairs: &mut HashSet<Pair>) {
    own.shrink_to_fit();
    for pair in own {
        match pairs.get(pair) {
            Some(known) => *pair = Pair::clone(known),
            None => {
                pairs.insert(Pair::clone(pair));
            }
        }
    }
}

/// A rule of a file, its lines joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText {
    /// Of the rule's first line, from 1.
    pub line: usize,
    pub text: String,
    /// Where in `text` each of its lines begins.
    pub starts: Vec<usize>,
}

impl RuleText {
    /// Line of the file (from 1) and byte within it (from 0) of a place in the rule.
    pub fn place(&self, offset: usize) -> (usize, usize) {
        let after = self.starts.partition_point(|&start| start <= offset).max(1);
        let start = self.starts.get(after - 1).copied().unwrap_or(0);
        (self.line + after - 1, offset - start.min(offset))
    }
}

/// The rules of a text, lines that end with a backslash joined; comments and empty lines are passed over. What is
/// longer than a rule may be is cut behind the limit, which makes it a fault.
pub fn rule_texts(text: &str) -> Vec<RuleText> {
    RuleTexts::of(text).collect()
}

/// The rules of a text, one after the other.
struct RuleTexts<'a> {
    lines: std::iter::Enumerate<std::str::Lines<'a>>,
}

impl<'a> RuleTexts<'a> {
    fn of(text: &'a str) -> Self {
        RuleTexts {
            lines: text.lines().enumerate(),
        }
    }
}

impl Iterator for RuleTexts<'_> {
    type Item = RuleText;

    fn next(&mut self) -> Option<RuleText> {
        let mut open: Option<RuleText> = None;
        for (index, line) in self.lines.by_ref() {
            let line = line.trim_end_matches('\r');
            if open.is_none() && (line.trim().is_empty() || line.trim_start().starts_with('#')) {
                continue;
            }
            let rule = open.get_or_insert_with(|| RuleText {
                line: index + 1,
                text: String::new(),
                starts: Vec::new(),
            });
            let (part, goes_on) = match line.trim_end().strip_suffix('\\') {
                Some(part) => (part, true),
                None => (line, false),
            };
            if rule.text.len() <= RULE_LIMIT_BYTES {
                rule.starts.push(rule.text.len());
                rule.text.push_str(part);
            }
            if !goes_on {
                break;
            }
        }
        open
    }
}

/// The option of a rule at a place: where it begins and where its semicolon stands; in the header, the word.
pub fn option_span(text: &str, offset: usize) -> (usize, usize) {
    if let Ok(raw) = lexer::split(text) {
        let option = raw
            .options
            .iter()
            .rev()
            .find(|option| option.offset <= offset);
        if let Some(option) = option {
            let end = lexer::option_end(text, option.offset);
            if offset <= end {
                return (option.offset, end);
            }
        }
        if let Some((at, word)) = raw.header.iter().rev().find(|(at, _)| *at <= offset)
            && offset < at + word.len()
        {
            return (*at, at + word.len());
        }
    }
    let start = offset.min(text.len());
    let end = lexer::option_end(text, start).min(text.len());
    (start, end)
}

/// Names and values of a rule's options, in their order; none of a text that cannot be cut into options.
pub fn option_values(text: &str) -> Vec<(&str, Option<&str>)> {
    let options = lexer::split(text).map(|raw| raw.options);
    options
        .unwrap_or_default()
        .into_iter()
        .map(|option| (option.name, option.value))
        .collect()
}

/// Where the first option of this name begins.
pub fn option_offset(text: &str, name: &str) -> Option<usize> {
    let raw = lexer::split(text).ok()?;
    let option = raw.options.iter().find(|option| option.name == name)?;
    Some(option.offset)
}

/// The sid of a rule that does not parse, for its report.
fn sid_of(rule: &str) -> Option<u32> {
    let after = rule
        .rsplit("sid:")
        .next()
        .filter(|after| after.len() < rule.len())?;
    after.split(';').next()?.trim().parse().ok()
}

/// Parses one rule.
///
/// # Errors
/// All faults of the rule, in the order of its text.
pub fn parse_rule(
    text: &str,
    vocabulary: &Vocabulary,
    environment: &Environment,
) -> Result<Parsed, Vec<Fault>> {
    let of_header = |offset, reason: String| Fault {
        offset,
        keyword: None,
        reason,
    };
    if text.len() > RULE_LIMIT_BYTES {
        return Err(vec![of_header(
            RULE_LIMIT_BYTES,
            format!("the rule is longer than {RULE_LIMIT_BYTES} bytes"),
        )]);
    }
    let raw = lexer::split(text).map_err(|fault| vec![fault])?;
    if raw.options.len() > OPTION_LIMIT {
        return Err(vec![of_header(
            0,
            format!("the rule has more than {OPTION_LIMIT} options"),
        )]);
    }
    let mut faults = Vec::new();
    let header = match header::parse(&raw.header, vocabulary, environment) {
        Ok(header) => header,
        Err(header_faults) => {
            // A rule for another engine may name what only that engine knows.
            if let Some(value) = raw
                .options
                .iter()
                .find(|option| option.name == "requires")
                .and_then(|option| option.value)
                && let Ok(Some(reason)) = keyword::unmet(vocabulary, value)
            {
                return Ok(Parsed::Skipped { reason });
            }
            // With any header the options tell what else is wrong with them.
            faults.extend(
                header_faults
                    .into_iter()
                    .map(|(offset, reason)| of_header(offset, reason)),
            );
            Header::any()
        }
    };
    let broken = !faults.is_empty();
    let mut builder = Builder::new(header, text.trim(), vocabulary, environment);
    for option in &raw.options {
        // What a later engine may understand need not be understood here.
        if builder.requires_unmet.is_some() {
            break;
        }
        if faults.len() >= RULE_FAULT_LIMIT {
            break;
        }
        if let Err(reason) = keyword::apply(&mut builder, option) {
            faults.push(Fault {
                offset: option.offset,
                keyword: Some(option.name.to_owned()),
                reason,
            });
        }
    }
    if builder.requires_unmet.is_none()
        && let Some(requires) = raw.options.iter().find(|option| option.name == "requires")
    {
        let _ = keyword::apply(&mut builder, requires);
    }
    if let Some(reason) = builder.requires_unmet.take().filter(|_| !broken) {
        return Ok(Parsed::Skipped { reason });
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    match builder.finish() {
        Ok((signature, warnings)) => Ok(Parsed::Signature {
            signature: Box::new(signature),
            warnings,
        }),
        Err(reasons) => Err(reasons
            .into_iter()
            .map(|(keyword, reason)| {
                let place = keyword
                    .and_then(|keyword| raw.options.iter().find(|option| option.name == keyword));
                Fault {
                    offset: place.map_or(0, |option| option.offset),
                    keyword: keyword.map(str::to_owned),
                    reason,
                }
            })
            .collect()),
    }
}

pub(crate) use fault::nearest;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::BufferCondition;
    use proptest::prelude::*;

    fn report(text: &str) -> Report {
        let files = [SourceFile {
            name: "x.rules".to_owned(),
            text: text.to_owned(),
        }];
        load(&files, &crate::known_names(), &Environment::default())
    }

    #[test]
    fn equal_metadata_of_two_rules_is_one() {
        let report = report(
            "alert ip any any -> any any (metadata:policy a, by me; reference:url,b; sid:1;)\n\
             alert ip any any -> any any (metadata:by me; reference:url,b; sid:2;)\n",
        );
        let [one, two] = &report.signatures[..] else {
            panic!("{:?}", report.failures)
        };
        assert!(Pair::ptr_eq(&one.metadata[1], &two.metadata[0]));
        assert!(Pair::ptr_eq(&one.references[0], &two.references[0]));
        assert_eq!(*one.metadata[0], ("policy".to_owned(), "a".to_owned()));
    }

    #[test]
    fn files_are_read_rule_by_rule() {
        let text = "# comment\n\nalert tcp any any -> any 80 (msg:\"one\"; \\\n content:\"a\"; sid:1; rev:1;)\r\n\
                    alert tcp any any -> any 80 (contnet:\"a\"; depth:1; sid:2;)\n\
                    alert tcp any any -> any 80 (content:\"a\"; sid:1; rev:1;)\n\
                    alert tcp any any -> any 80 (msg:\"newer\"; content:\"a\"; sid:1; rev:2;)\n\
                    alert tcp any any -> any 80 (requires:version >= 99; nonsense; sid:3;)\n";
        let report = report(text);
        assert_eq!(report.signatures.len(), 1);
        assert_eq!(
            (report.signatures[0].msg.as_str(), report.signatures[0].rev),
            ("newer", 2)
        );
        assert_eq!(report.skipped, 1);
        let places: Vec<_> = report
            .failures
            .iter()
            .map(|failure| (failure.line, failure.sid, failure.keyword.as_deref()))
            .collect();
        assert_eq!(
            places,
            [
                (5, Some(2), Some("contnet")),
                (5, Some(2), Some("depth")),
                (6, Some(1), Some("sid"))
            ]
        );
        assert!(
            report.failures[0].reason.contains("content"),
            "{}",
            report.failures[0]
        );
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let report =
            report("alert tpc any any - any any (msg:\"m\"; contnet:\"a\"; flow:sideways; sid:x;)");
        let keywords: Vec<_> = report
            .failures
            .iter()
            .map(|failure| (failure.column, failure.keyword.as_deref()))
            .collect();
        assert_eq!(
            keywords,
            [
                (7, None),
                (19, None),
                (39, Some("contnet")),
                (52, Some("flow")),
                (67, Some("sid"))
            ]
        );
    }

    #[test]
    fn places_in_continued_rules() {
        let rules =
            rule_texts("#\nalert tcp any any \\\n -> any any (content:\"a\"; \\\n  sid:1;)\nx\n");
        assert_eq!(rules.len(), 2);
        let at = |part: &str| rules[0].place(rules[0].text.find(part).expect("it is there"));
        assert_eq!([at("alert"), at("->"), at("sid")], [(2, 0), (3, 1), (4, 2)]);
        assert_eq!((rules[1].line, rules[1].place(0)), (5, (5, 0)));
        let text = &rules[0].text;
        let (start, end) = option_span(text, text.find("content").expect("it is there"));
        assert_eq!(&text[start..end], "content:\"a\"");
        let (start, end) = option_span(text, 6);
        assert_eq!(&text[start..end], "tcp");
    }

    #[test]
    fn endless_rules_and_files_are_faults() {
        let long = "a\\\n".repeat(RULE_LIMIT_BYTES * 2);
        assert!(report(&long).failures[0].reason.contains("longer than"));
        let path = Path::new("/dev/zero").to_owned();
        if path.exists() {
            assert!(read_paths(&[path]).is_err());
        }
        let unknown = format!(
            "alert ip any any -> any any ({} sid:1;)",
            "contnet; ".repeat(1_000)
        );
        assert_eq!(report(&unknown).failures.len(), RULE_FAULT_LIMIT);
    }

    #[test]
    fn lists_keep_the_order_of_the_rule() {
        let rule = r#"alert http any any -> any any (content:"a"; http_uri; content:"b"; distance:1; http_uri; http.host; content:"c"; http.uri; content:"d"; sid:1;)"#;
        let report = report(rule);
        assert!(report.failures.is_empty(), "{:?}", report.failures);
        let lists: Vec<usize> = report.signatures[0]
            .buffers
            .iter()
            .map(|list| list.conditions.len())
            .collect();
        assert_eq!(lists, [3, 1]);
    }

    #[test]
    fn modifiers_find_their_content_past_a_pattern() {
        let rule = r#"alert http any any -> any any (content:"a"; pcre:"/b/"; http_uri; nocase; content:"c"; sid:1;)"#;
        let report = report(rule);
        assert!(report.failures.is_empty(), "{:?}", report.failures);
        let lists = &report.signatures[0].buffers;
        assert_eq!(lists.len(), 2);
        assert!(matches!(
            lists[0].conditions.as_slice(),
            [BufferCondition::Pcre(_), BufferCondition::Content(_)]
        ));
        assert!(matches!(
            lists[1].conditions.as_slice(),
            [BufferCondition::Content(content)] if content.nocase
        ));
    }

    #[test]
    fn a_transformation_behind_a_content_begins_a_list() {
        let rule = r#"alert http any any -> any any (http.uri; content:"a"; url_decode; content:"b"; nocase; sid:1;)"#;
        let report = report(rule);
        assert!(report.failures.is_empty(), "{:?}", report.failures);
        let transforms: Vec<usize> = report.signatures[0]
            .buffers
            .iter()
            .map(|list| list.transforms.len())
            .collect();
        assert_eq!(transforms, [0, 1]);
    }

    #[test]
    fn a_rule_for_another_engine_may_have_any_header() {
        let report = report(
            "alert vxlan any any -> any any (requires: version >= 10; sid:1;)\nalert vxlan any any -> any any (sid:2;)",
        );
        assert_eq!((report.skipped, report.failures.len()), (1, 1));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            report(&text(bytes));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,200}") {
            report(&text);
        }

        #[test]
        fn no_broken_rule_panics(at in 0usize..260, with in "[\\PC]{0,3}", cut in 0usize..6) {
            let rule = r#"alert http $HOME_NET any -> [10.0.0.0/8,!10.1.1.1] 80:90 (msg:"m"; flow:established,to_server; content:"a|20|b"; offset:1; depth:4; byte_test:4,>,10,0,relative; pcre:"/x(y)/Ri, flow:n"; threshold:type limit, track by_src, count 1, seconds 60; http.uri; xor:"0a"; content:"z"; sid:7; rev:1;)"#;
            let mut text: Vec<char> = rule.chars().collect();
            let at = at.min(text.len());
            let to = (at + cut).min(text.len());
            text.splice(at..to, with.chars());
            report(&text.into_iter().collect::<String>());
        }
    }
}
