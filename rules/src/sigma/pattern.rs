//! Text patterns: literals with `*` and `?`.

use super::fold;

/// The characters that introduce a flag on a Windows command line.
pub(super) const DASHES: [char; 5] = ['-', '/', '–', '—', '―'];

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Token {
    Literal(String),
    /// `?`: one character.
    One,
    /// `*`: any number of characters.
    Many,
    /// Any of the characters that introduce a flag (`windash`).
    Dash,
}

/// A pattern that the whole of a value must match.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// No two literals and no two `*` stand side by side.
    tokens: Vec<Token>,
    /// Without case unless this holds; literals are then folded already.
    cased: bool,
}

/// What a pattern is when nothing within it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Anchor {
    Whole,
    Start,
    End,
    Anywhere,
}

impl Pattern {
    /// A value of a rule: `*` and `?` are wildcards, `\` takes their meaning away.
    pub fn parse(text: &str) -> Pattern {
        Pattern::of_tokens(tokens(text, "*?\\"))
    }

    /// A text that means itself.
    pub fn literal(text: &str) -> Pattern {
        Pattern::of_tokens(vec![Token::Literal(text.to_owned())])
    }

    pub(super) fn of_tokens(tokens: Vec<Token>) -> Pattern {
        let mut merged: Vec<Token> = Vec::with_capacity(tokens.len());
        for token in tokens {
            match (merged.last_mut(), token) {
                (_, Token::Literal(text)) if text.is_empty() => {}
                (Some(Token::Literal(before)), Token::Literal(text)) => before.push_str(&text),
                (Some(Token::Many), Token::Many) => {}
                (_, token) => merged.push(token),
            }
        }
        Pattern {
            tokens: merged,
            cased: true,
        }
    }

    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    pub fn is_cased(&self) -> bool {
        self.cased
    }

    pub(super) fn bytes(&self) -> usize {
        let length = |token: &Token| match token {
            Token::Literal(text) => text.len(),
            _ => 1,
        };
        self.tokens.iter().map(length).sum()
    }

    /// The text, when nothing in it is open.
    pub fn as_literal(&self) -> Option<&str> {
        match self.tokens.as_slice() {
            [] => Some(""),
            [Token::Literal(text)] => Some(text),
            _ => None,
        }
    }

    pub(super) fn open_start(mut self) -> Pattern {
        if self.tokens.first() != Some(&Token::Many) {
            self.tokens.insert(0, Token::Many);
        }
        self
    }

    pub(super) fn open_end(mut self) -> Pattern {
        if self.tokens.last() != Some(&Token::Many) {
            self.tokens.push(Token::Many);
        }
        self
    }

    /// As it is compared: composed, and without case unless that counts.
    pub(super) fn settled(self, cased: bool) -> Pattern {
        let settle = |token| match token {
            Token::Literal(text) => {
                let text = fold::composed(&text);
                Token::Literal(if cased { text } else { fold::folded(&text) })
            }
            other => other,
        };
        Pattern {
            tokens: self.tokens.into_iter().map(settle).collect(),
            cased,
        }
    }

    /// A single literal with its place, where the pattern is no more than that.
    pub fn simple(&self) -> Option<(Anchor, &str)> {
        match self.tokens.as_slice() {
            [] => Some((Anchor::Whole, "")),
            [Token::Literal(text)] => Some((Anchor::Whole, text)),
            [Token::Literal(text), Token::Many] => Some((Anchor::Start, text)),
            [Token::Many, Token::Literal(text)] => Some((Anchor::End, text)),
            [Token::Many, Token::Literal(text), Token::Many] => Some((Anchor::Anywhere, text)),
            _ => None,
        }
    }

    /// The longest literal: a value without it cannot match.
    pub(super) fn longest_literal(&self) -> Option<&str> {
        self.tokens
            .iter()
            .filter_map(|token| match token {
                Token::Literal(text) => Some(text.as_str()),
                _ => None,
            })
            .max_by_key(|text| text.len())
    }

    /// Whether a value matches; `text` is composed, and folded unless case counts.
    pub(super) fn matches(&self, text: &str) -> bool {
        let mut segments = self.tokens.split(|token| *token == Token::Many);
        let first = segments.next().unwrap_or_default();
        let Some(mut rest) = strip_front(first, text) else {
            return false;
        };
        let mut pending: Option<&[Token]> = None;
        let mut open = false;
        for segment in segments {
            open = true;
            if let Some(middle) = pending.replace(segment) {
                match find(middle, rest) {
                    Some(after) => rest = after,
                    None => return false,
                }
            }
        }
        match pending {
            Some(last) => ends_with(last, rest),
            None => !open && rest.is_empty(),
        }
    }
}

/// Splits a text at wildcards; `special` are the characters that a backslash makes plain.
pub(super) fn tokens(text: &str, special: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut literal = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let wildcard = match character {
            '*' => Token::Many,
            '?' => Token::One,
            '\\' => {
                match characters.next_if(|next| special.contains(*next)) {
                    Some(plain) => literal.push(plain),
                    None => literal.push('\\'),
                }
                continue;
            }
            other => {
                literal.push(other);
                continue;
            }
        };
        tokens.push(Token::Literal(std::mem::take(&mut literal)));
        tokens.push(wildcard);
    }
    tokens.push(Token::Literal(literal));
    tokens
}

/// Makes flags of a command line open to any of the characters that introduce one: a dash between what is no word
/// and a word.
pub(super) fn open_dashes(pattern: &Pattern) -> Pattern {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let mut tokens = Vec::new();
    let mut before: Option<char> = None;
    for token in &pattern.tokens {
        let Token::Literal(text) = token else {
            tokens.push(token.clone());
            before = None;
            continue;
        };
        let mut literal = String::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let opens = DASHES.contains(&character)
                && !before.is_some_and(is_word)
                && characters.peek().copied().is_some_and(is_word);
            if opens {
                tokens.push(Token::Literal(std::mem::take(&mut literal)));
                tokens.push(Token::Dash);
            } else {
                literal.push(character);
            }
            before = Some(character);
        }
        tokens.push(Token::Literal(literal));
    }
    Pattern::of_tokens(tokens)
}

fn strip_front<'t>(segment: &[Token], text: &'t str) -> Option<&'t str> {
    segment.iter().try_fold(text, |text, token| match token {
        Token::Literal(literal) => text.strip_prefix(literal.as_str()),
        Token::Dash => text.strip_prefix(DASHES),
        Token::One | Token::Many => {
            let mut characters = text.chars();
            characters.next()?;
            Some(characters.as_str())
        }
    })
}

fn ends_with(segment: &[Token], text: &str) -> bool {
    segment
        .iter()
        .rev()
        .try_fold(text, |text, token| match token {
            Token::Literal(literal) => text.strip_suffix(literal.as_str()),
            Token::Dash => text.strip_suffix(DASHES),
            Token::One | Token::Many => {
                let mut characters = text.chars();
                characters.next_back()?;
                Some(characters.as_str())
            }
        })
        .is_some()
}

/// What follows the first place at which a segment matches.
fn find<'t>(segment: &[Token], text: &'t str) -> Option<&'t str> {
    let mut from = text;
    if let [Token::Literal(literal)] = segment {
        let at = memchr::memmem::find(text.as_bytes(), literal.as_bytes())?;
        return text.get(at + literal.len()..);
    }
    loop {
        if let Some(Token::Literal(literal)) = segment.first() {
            let at = memchr::memmem::find(from.as_bytes(), literal.as_bytes())?;
            from = from.get(at..)?;
        }
        if let Some(after) = strip_front(segment, from) {
            return Some(after);
        }
        let mut characters = from.chars();
        characters.next()?;
        from = characters.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_values() {
        let rows = [
            ("prog*.exe", "prog_V21.2.1.exe", true),
            ("prog?.exe", "prog.exe", false),
            ("*a?b", "aaxb", true),
            ("*id=?&x*", "/p?id=id=1&x=2", true),
            ("a*b", "a\r\nb", true),
            ("ab?d*", "abcdefg", true),
            ("n?m", "năm", true),
            (r"a\*c", "a*c", true),
            (r"a\*c", "abc", false),
            (r"C:\\*", r"C:\foo", true),
            (r"C:\\*", "C:foo", false),
            (r"a\\\*b", r"a\*b", true),
            (r"a\b", r"a\b", true),
            (r"a\\\\b", r"a\\b", true),
            (r"a\\\b", r"a\\b", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("?", "", false),
            ("a*a", "a", false),
            ("*ab*ab*", "xabyabz", true),
            ("*ab*ab", "abxab", true),
            ("*ab*ab", "xab", false),
        ];
        for (pattern, text, expected) in rows {
            let pattern = Pattern::parse(pattern).settled(false);
            assert_eq!(
                pattern.matches(&fold::folded(text)),
                expected,
                "{pattern:?} {text}"
            );
        }
    }

    #[test]
    fn flags_are_open() {
        let rows = [
            (" -f ", " /f ", true),
            (" /f ", " –f ", true),
            (" -a -b", " —a /b", true),
            ("foo-bar", "foo/bar", false),
            ("-", "/", false),
            ("–x", "-x", true),
        ];
        for (pattern, text, expected) in rows {
            let pattern = open_dashes(&Pattern::parse(pattern)).settled(false);
            assert_eq!(pattern.matches(text), expected, "{pattern:?} {text}");
        }
    }
}
