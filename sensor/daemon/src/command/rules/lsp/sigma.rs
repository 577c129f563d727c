//! Sigma rules in an editor.

use ::rules::sigma::editor;
use ::rules::sigma::{Pipeline, Severity, advice, is_list, load};
use ::rules::signature::editor::Item;
use ::rules::signature::{Language, SourceFile};
use lsp_types::{
    Diagnostic, DiagnosticSeverity, Hover, HoverContents, MarkupContent, MarkupKind, Position,
    Range,
};

use super::signatures::byte_of;

/// All that is wrong with a document. What it names in other files is looked for in none: correlations over rules of
/// other files are told here, and not by `rules check` on all files together.
pub fn diagnose(text: &str, pipeline: &Pipeline) -> Vec<Diagnostic> {
    if is_list(text) {
        return Vec::new();
    }
    let source = SourceFile {
        name: String::new(),
        text: text.to_owned(),
    };
    let lines: Vec<&str> = text.lines().collect();
    let ruleset = load(&[source], pipeline);
    let advice = advice(&ruleset, pipeline);
    let told = ruleset.diagnostics.iter().chain(&advice).map(|own| {
        let fault = &own.diagnostic;
        let line = fault.place.line.saturating_sub(1);
        let content = lines.get(line).copied().unwrap_or_default();
        let start = fault.place.column.saturating_sub(1);
        // Columns of editors count in UTF-16; the fault goes as far as its line.
        let units = |part: &str| u32::try_from(part.encode_utf16().count()).unwrap_or(u32::MAX);
        let before: String = content.chars().take(start).collect();
        let at = |character| Position {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            character,
        };
        Diagnostic {
            range: Range {
                start: at(units(&before)),
                end: at(units(content.trim_end())),
            },
            severity: Some(match fault.severity {
                Severity::Error => DiagnosticSeverity::ERROR,
                Severity::Warning => DiagnosticSeverity::WARNING,
            }),
            source: Some("matluoi".to_owned()),
            message: fault.reason.clone(),
            ..Diagnostic::default()
        }
    });
    told.collect()
}

pub fn hover(
    text: &str,
    position: Position,
    pipeline: &Pipeline,
    language: Language,
) -> Option<Hover> {
    let (line_start, line, offset) = place(text, position)?;
    let (range, told) = editor::hover(text, offset, pipeline, language)?;
    // A word stands in one line.
    let at = |byte: usize| {
        let before = line.get(..byte.saturating_sub(line_start)).unwrap_or(line);
        Position {
            line: position.line,
            character: u32::try_from(before.encode_utf16().count()).unwrap_or(u32::MAX),
        }
    };
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent {
            kind: MarkupKind::Markdown,
            value: told,
        }),
        range: Some(Range {
            start: at(range.start),
            end: at(range.end),
        }),
    })
}

pub fn complete(
    text: &str,
    position: Position,
    pipeline: &Pipeline,
    language: Language,
) -> Vec<Item> {
    place(text, position).map_or_else(Vec::new, |(_, _, offset)| {
        editor::complete(text, offset, pipeline, language)
    })
}

/// The byte at which a line begins, the line, and the byte of a position in it.
fn place(text: &str, position: Position) -> Option<(usize, &str, usize)> {
    let number = usize::try_from(position.line).ok()?;
    let mut start = 0;
    for (index, line) in text.split('\n').enumerate() {
        if index == number {
            let offset = start + byte_of(line, position.character);
            return Some((start, line, offset));
        }
        start += line.len() + 1;
    }
    None
}
