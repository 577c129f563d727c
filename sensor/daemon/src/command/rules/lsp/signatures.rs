//! Signatures in an editor.

use std::collections::HashMap;
use std::path::Path;

use ::rules::signature::{
    Language, Parsed, RuleText, editor, option_offset, option_span, parse_rule, read_paths,
    rule_texts,
};
use lsp_types::{
    Diagnostic, DiagnosticSeverity, Hover, HoverContents, Location, MarkupContent, MarkupKind,
    NumberOrString, Position, Range, Uri,
};
use sensor_detect::{Engine, Names, Options};

use super::is_vietnamese;
use crate::settings::Settings;

/// Files of the open folder that are searched for a flow bit, by their bytes.
const SEARCH_LIMIT_BYTES: usize = 256 << 20;

/// Something about a rule, by bytes of its text.
#[derive(Clone)]
struct Finding {
    start: usize,
    end: usize,
    severity: DiagnosticSeverity,
    code: Option<&'static str>,
    message: String,
}

/// What is known of a rule's text.
#[derive(Clone, Default)]
struct Known {
    id: Option<(u32, u32)>,
    findings: Vec<Finding>,
}

/// Answers on documents of signatures.
pub struct Signatures {
    settings: Settings,
    names: Names,
    language: Language,
    /// By text: a rule that has not changed is not compiled again.
    known: HashMap<String, Known>,
}

impl Signatures {
    pub fn new(settings: Settings, language: Language) -> Self {
        Signatures {
            settings,
            names: Names::compiled_in(),
            language,
            known: HashMap::new(),
        }
    }

    /// All that is to be said about a document.
    pub fn diagnose(&mut self, text: &str) -> Vec<Diagnostic> {
        let rules = rule_texts(text);
        let mut known = std::mem::take(&mut self.known);
        let fresh: Vec<&RuleText> = rules
            .iter()
            .filter(|rule| !known.contains_key(&rule.text))
            .collect();
        self.compile(&fresh, &mut known);
        let wanted: std::collections::HashSet<&str> =
            rules.iter().map(|rule| rule.text.as_str()).collect();
        known.retain(|text, _| wanted.contains(text.as_str()));
        self.known = known;
        let lines: Vec<&str> = text.lines().collect();
        let mut first: HashMap<(u32, u32), usize> = HashMap::new();
        let mut diagnostics = Vec::new();
        for rule in &rules {
            let Some(known) = self.known.get(&rule.text) else {
                continue;
            };
            let mut add = |finding: &Finding| diagnostics.push(diagnostic(rule, &lines, finding));
            known.findings.iter().for_each(&mut add);
            if let Some(id) = known.id {
                let before = *first.entry(id).or_insert(rule.line);
                if before != rule.line {
                    let start = option_offset(&rule.text, "sid").unwrap_or(0);
                    add(&Finding {
                        start,
                        end: option_span(&rule.text, start).1,
                        severity: DiagnosticSeverity::ERROR,
                        code: Some("sid-twice"),
                        message: if is_vietnamese(self.language) {
                            format!(
                                "sid {} đã dùng ở dòng {before}: hãy cho luật một số riêng",
                                id.1
                            )
                        } else {
                            format!(
                                "sid {} is already used in line {before}: give the rule a number of its own",
                                id.1
                            )
                        },
                    });
                }
            }
        }
        diagnostics
    }

    /// Parses and compiles rules that are not known.
    fn compile(&self, rules: &[&RuleText], known: &mut HashMap<String, Known>) {
        let mut signatures = Vec::new();
        let mut texts: HashMap<&str, &str> = HashMap::new();
        for rule in rules {
            let of = |start: usize, severity, code, message| Finding {
                start,
                end: option_span(&rule.text, start).1,
                severity,
                code,
                message,
            };
            let entry = known.entry(rule.text.clone()).or_default();
            match parse_rule(
                &rule.text,
                &self.names.vocabulary,
                &self.settings.environment,
            ) {
                Ok(Parsed::Signature {
                    signature,
                    warnings,
                }) => {
                    entry.id = Some((signature.gid, signature.sid));
                    let warnings =
                        warnings
                            .into_iter()
                            .chain(signature.waits_for.as_ref().map(|what| {
                                format!("loads, but cannot match yet: it waits for {what}")
                            }));
                    entry.findings = warnings
                        .map(|message| of(0, DiagnosticSeverity::WARNING, None, message))
                        .collect();
                    texts.insert(rule.text.trim(), &rule.text);
                    signatures.push(*signature);
                }
                Ok(Parsed::Skipped { reason }) => {
                    entry.findings = vec![of(0, DiagnosticSeverity::INFORMATION, None, reason)];
                }
                Err(faults) => {
                    entry.findings = faults
                        .into_iter()
                        .map(|fault| {
                            of(fault.offset, DiagnosticSeverity::ERROR, None, fault.reason)
                        })
                        .collect();
                }
            }
        }
        if signatures.is_empty() {
            return;
        }
        let (engine, faults) = Engine::new(Names::compiled_in(), signatures, Options::default());
        let mut add = |text: &str, keyword: Option<&str>, severity, code, message| {
            let Some(entry) = texts.get(text).and_then(|text| known.get_mut(*text)) else {
                return;
            };
            let whole = texts.get(text).copied().unwrap_or_default();
            let start = keyword
                .and_then(|keyword| option_offset(whole, keyword))
                .unwrap_or(0);
            let end = option_span(whole, start).1;
            entry.findings.push(Finding {
                start,
                end,
                severity,
                code,
                message,
            });
        };
        for fault in faults {
            add(
                &fault.text,
                None,
                DiagnosticSeverity::ERROR,
                None,
                fault.reason.clone(),
            );
        }
        for (index, advice) in engine.all_advice() {
            // Who sets a flow bit may stand in another file.
            if advice.code != "flowbit-never-set" {
                let text = &engine.signature(index).text;
                add(
                    text,
                    advice.keyword,
                    DiagnosticSeverity::WARNING,
                    Some(advice.code),
                    advice.told(self.language),
                );
            }
        }
    }

    pub fn hover(&self, text: &str, position: Position) -> Option<Hover> {
        let (rule, offset) = rule_at(text, position)?;
        let environment = &self.settings.environment;
        let ((start, end), told) = editor::hover(
            &rule.text,
            offset,
            &self.names.vocabulary,
            environment,
            self.language,
        )?;
        let lines: Vec<&str> = text.lines().collect();
        Some(Hover {
            contents: HoverContents::Markup(MarkupContent {
                kind: MarkupKind::Markdown,
                value: told,
            }),
            range: Some(range(&rule, &lines, start, end)),
        })
    }

    pub fn complete(&self, text: &str, position: Position) -> Vec<editor::Item> {
        let (rule, offset) = rule_at(text, position).unwrap_or_else(|| {
            let empty = RuleText {
                line: 1,
                text: String::new(),
                starts: vec![0],
            };
            (empty, 0)
        });
        let environment = &self.settings.environment;
        editor::complete(
            &rule.text,
            offset,
            &self.names.vocabulary,
            environment,
            self.language,
        )
    }

    /// Flow bits that are named under the cursor.
    pub fn flow_bits(&self, text: &str, position: Position) -> Vec<String> {
        rule_at(text, position).map_or_else(Vec::new, |(rule, offset)| {
            editor::flow_bits_at(&rule.text, offset)
                .into_iter()
                .map(str::to_owned)
                .collect()
        })
    }
}

/// Where rules of documents set any of the bits.
pub fn setters<'a>(
    bits: &[String],
    documents: impl Iterator<Item = (Uri, &'a str)>,
) -> Vec<Location> {
    let mut found = Vec::new();
    for (uri, text) in documents {
        let lines: Vec<&str> = text.lines().collect();
        for rule in rule_texts(text) {
            if let Some(start) = bits
                .iter()
                .find_map(|bit| editor::sets_flow_bit(&rule.text, bit))
            {
                let end = option_span(&rule.text, start).1;
                found.push(Location {
                    uri: uri.clone(),
                    range: range(&rule, &lines, start, end),
                });
            }
        }
    }
    found
}

/// The same in the files of a folder.
pub fn setters_below(bits: &[String], root: Option<&Path>) -> Vec<Location> {
    let files = root
        .and_then(|root| read_paths(&[root.to_owned()]).ok())
        .unwrap_or_default();
    let mut left = SEARCH_LIMIT_BYTES;
    let documents = files.iter().filter_map(|file| {
        left = left.checked_sub(file.text.len())?;
        let uri: Uri = format!("file://{}", file.name).parse().ok()?;
        Some((uri, file.text.as_str()))
    });
    setters(bits, documents)
}

fn diagnostic(rule: &RuleText, lines: &[&str], finding: &Finding) -> Diagnostic {
    Diagnostic {
        range: range(rule, lines, finding.start, finding.end),
        severity: Some(finding.severity),
        code: finding
            .code
            .map(|code| NumberOrString::String(code.to_owned())),
        source: Some("matluoi".to_owned()),
        message: finding.message.clone(),
        ..Diagnostic::default()
    }
}

fn range(rule: &RuleText, lines: &[&str], start: usize, end: usize) -> Range {
    Range {
        start: position(rule, lines, start),
        end: position(rule, lines, end.max(start)),
    }
}

/// A place in a rule as line and column in UTF-16 (LSP 3.17, “Position”).
fn position(rule: &RuleText, lines: &[&str], offset: usize) -> Position {
    let (line, column) = rule.place(offset);
    let text = lines.get(line - 1).copied().unwrap_or_default();
    let before = text.get(..column).unwrap_or(text);
    Position {
        line: u32::try_from(line - 1).unwrap_or(u32::MAX),
        character: u32::try_from(before.encode_utf16().count()).unwrap_or(u32::MAX),
    }
}

/// The rule under the cursor, and the byte of its text.
fn rule_at(text: &str, position: Position) -> Option<(RuleText, usize)> {
    let line = usize::try_from(position.line).ok()?.checked_add(1)?;
    let rule = rule_texts(text)
        .into_iter()
        .find(|rule| (rule.line..rule.line + rule.starts.len()).contains(&line))?;
    let start = *rule.starts.get(line - rule.line)?;
    let next = rule
        .starts
        .get(line - rule.line + 1)
        .copied()
        .unwrap_or(rule.text.len());
    let column = byte_of(rule.text.get(start..next)?, position.character);
    Some((rule, start + column))
}

/// The byte of a line's column in UTF-16 (LSP 3.17, “Position”); the end where it is shorter.
pub fn byte_of(line: &str, character: u32) -> usize {
    let mut units = 0;
    let found = line.char_indices().find(|(_, c)| {
        let reached = units >= character;
        units += u32::try_from(c.len_utf16()).unwrap_or(2);
        reached
    });
    found.map_or(line.len(), |(at, _)| at)
}
