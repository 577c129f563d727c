//! Faults of rules, as the JSON of all tools has them: `{"rules": [...], "faults": [...]}`.

use std::collections::BTreeMap;

use ::rules::sigma::{FileDiagnostic, Severity};
use ::rules::signature::{Failure, SourceFile};
use serde::Serialize;

use super::Format;
use crate::sigma::SigmaRules;

/// What is wrong with a rule, and where.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Fault {
    file: String,
    /// From 1; of a signature, its first line.
    line: usize,
    /// From 1, in bytes.
    column: usize,
    /// `error`: the rule is refused. `warning`: it runs, but hardly as its author thinks.
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keyword: Option<String>,
    reason: String,
    /// The part of the reason that says what to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    /// As people read it.
    #[serde(skip)]
    line_of_text: String,
}

/// What a tool tells of rules, with what is wrong with them.
#[derive(Serialize)]
pub(super) struct WithFaults<'a, T> {
    pub rules: &'a [T],
    pub faults: &'a [Fault],
}

impl Fault {
    pub fn of_sigma(rules: &SigmaRules) -> Vec<Fault> {
        let diagnostics = rules.ruleset.diagnostics.iter();
        if rules.ruleset.diagnostics.is_empty() {
            return Vec::new();
        }
        let texts = Texts::new(&rules.sources);
        diagnostics
            .map(|own| Fault::of_diagnostic(own, &texts))
            .collect()
    }

    fn of_diagnostic(own: &FileDiagnostic, texts: &Texts) -> Fault {
        let place = own.diagnostic.place;
        let line = texts.line(&own.file, place.line, place.column);
        Fault {
            file: own.file.clone(),
            line: place.line,
            column: line.map_or(place.column, |(_, start)| start + 1),
            severity: match own.diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            sid: None,
            keyword: None,
            reason: own.diagnostic.reason.clone(),
            remedy: own.diagnostic.remedy().map(str::to_owned),
            line_of_text: format!("{}:{}", own.file, own.diagnostic),
        }
    }
}

impl From<&Failure> for Fault {
    fn from(own: &Failure) -> Fault {
        Fault {
            file: own.file.clone(),
            line: own.line,
            column: own.column,
            severity: "error",
            sid: own.sid,
            keyword: own.keyword.clone(),
            reason: own.reason.clone(),
            remedy: None,
            line_of_text: own.to_string(),
        }
    }
}

/// Texts of Sigma files, of which lines are asked for.
#[derive(Default)]
pub(super) struct Texts {
    /// By name: the text, and where its lines begin.
    files: BTreeMap<String, (String, Vec<usize>)>,
}

impl Texts {
    pub fn new(sources: &[SourceFile]) -> Texts {
        let files = sources.iter().map(|source| {
            let ends = source.text.match_indices('\n').map(|(at, _)| at + 1);
            let starts = std::iter::once(0).chain(ends).collect();
            (source.name.clone(), (source.text.clone(), starts))
        });
        Texts {
            files: files.collect(),
        }
    }

    /// The line that a place (line and column from 1, the column in characters) is in, and the byte of its column there.
    pub fn line(&self, file: &str, line: usize, column: usize) -> Option<(&str, usize)> {
        let (text, starts) = self.files.get(file)?;
        let start = *starts.get(line.checked_sub(1)?)?;
        let end = starts.get(line).copied().unwrap_or(text.len());
        let text = text.get(start..end)?.trim_end_matches(['\n', '\r']);
        let mut columns = text.char_indices().skip(column.saturating_sub(1));
        Some((text, columns.next().map_or(text.len(), |(at, _)| at)))
    }
}

/// Tells people of faults, beside what the tool prints. In JSON they stand in it.
pub(super) fn tell(format: Format, faults: &[Fault]) {
    if format == Format::Text {
        for own in faults {
            eprintln!("{}", own.line_of_text);
        }
    }
}
