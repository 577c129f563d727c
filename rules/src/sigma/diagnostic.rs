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

impl Diagnostic {
    /// What to write instead, where the reason tells: it stands behind the fault and a colon, or a semicolon.
    pub fn remedy(&self) -> Option<&str> {
        remedy(&self.reason)
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

/// [`Diagnostic::remedy`] of a reason.
pub fn remedy(reason: &str) -> Option<&str> {
    let mut open = 0_usize;
    let (mut quoted, mut escaped) = (false, false);
    let mut found = None;
    for (at, character) in reason.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            ':' | ';' if open == 0 && found.is_none() => {
                let rest = reason.get(at + 1..).unwrap_or_default();
                found = rest.strip_prefix(' ');
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_the_fault_is_the_remedy() {
        let rows = [
            ("there is no id", None),
            ("no number: write 5", Some("write 5")),
            (
                "\"a: \\\"b; c\" (d: e) is no level; did you mean \"high\"?",
                Some("did you mean \"high\"?"),
            ),
            ("a:b is one word", None),
        ];
        for (reason, remedy) in rows {
            let own = Diagnostic::error(Place::default(), reason);
            assert_eq!(own.remedy(), remedy, "{reason}");
        }
    }
}
