//! What is wrong with rule text, and where.

use std::fmt;

/// A place in a file: line and column from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The document is refused.
    Error,
    /// The rule runs, but hardly as its author thinks.
    Warning,
}

/// One fault: what is wrong, where, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub place: Place,
    pub severity: Severity,
    pub reason: String,
}

impl Diagnostic {
    pub(super) fn error(place: Place, reason: impl Into<String>) -> Self {
        Diagnostic {
            place,
            severity: Severity::Error,
            reason: reason.into(),
        }
    }

    pub(super) fn warning(place: Place, reason: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Warning,
            ..Diagnostic::error(place, reason)
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}",
            self.place.line, self.place.column, self.reason
        )
    }
}

/// All that is found wrong in one document.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub list: Vec<Diagnostic>,
}

impl Faults {
    pub fn error(&mut self, place: Place, reason: impl Into<String>) {
        self.list.push(Diagnostic::error(place, reason));
    }

    pub fn warning(&mut self, place: Place, reason: impl Into<String>) {
        self.list.push(Diagnostic::warning(place, reason));
    }

    pub fn refused(&self) -> bool {
        self.list
            .iter()
            .any(|fault| fault.severity == Severity::Error)
    }
}
