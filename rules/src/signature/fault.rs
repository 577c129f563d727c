//! What is wrong with a rule, and where.

use std::fmt;

/// A fault within one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Byte offset within the rule's text.
    pub offset: usize,
    /// The keyword that is at fault; none for the rule's header.
    pub keyword: Option<String>,
    /// What is wrong and what to write instead.
    pub reason: String,
}

/// A fault with its place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub file: String,
    /// From 1; of the rule's first line.
    pub line: usize,
    /// From 1, in bytes; counts on over continued lines.
    pub column: usize,
    pub sid: Option<u32>,
    pub keyword: Option<String>,
    pub reason: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if let Some(sid) = self.sid {
            write!(f, "sid {sid}: ")?;
        }
        if let Some(keyword) = &self.keyword {
            write!(f, "{keyword}: ")?;
        }
        f.write_str(&self.reason)
    }
}

/// The known name that is nearest to a misspelt one, if any is near.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = |candidate: &str| 1 + candidate.len() / 4;
    known
        // The difference in length is the least distance there is.
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= limit(candidate))
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= limit(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace) between two names; long names are not compared.
fn distance(a: &str, b: &str) -> usize {
    const LONGEST: usize = 64;
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() > LONGEST || b.len() > LONGEST {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found() {
        let known = ["content", "nocase", "http.uri"];
        assert_eq!(nearest("contnet", known.into_iter()), Some("content"));
        assert_eq!(nearest("http_uri", known.into_iter()), Some("http.uri"));
        assert_eq!(nearest("zzzzzz", known.into_iter()), None);
    }
}
