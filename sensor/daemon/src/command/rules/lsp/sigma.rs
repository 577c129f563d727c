//! Sigma rules in an editor.

use ::rules::sigma::{Pipeline, Severity, is_list, load};
use ::rules::signature::SourceFile;
use lsp_types::{Diagnostic, DiagnosticSeverity, Position, Range};

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
    let faults = load(&[source], pipeline).diagnostics;
    let told = faults.iter().map(|own| {
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
