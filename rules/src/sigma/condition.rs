//! `condition: selection and not 1 of filter_*` → an expression over search identifiers.

use super::diagnostic::{Faults, Place};
use super::limits;
use crate::signature::nearest;

/// What a condition says of search identifiers, by their numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Is(usize),
}

/// Reads a condition over identifiers; `used` learns which are named.
pub(super) fn parse(
    text: &str,
    place: Place,
    identifiers: &[&str],
    used: &mut [bool],
    faults: &mut Faults,
) -> Option<Condition> {
    let mut fail = |reason: String| {
        faults.error(place, reason);
        None
    };
    if text.len() > limits::CONDITION_BYTES {
        return fail(format!(
            "the condition is longer than {} bytes: split the rule",
            limits::CONDITION_BYTES
        ));
    }
    if let Some((_, rest)) = text.split_once('|') {
        return fail(format!(
            "{:?}: conditions that count are no longer part of Sigma; write a correlation (correlation: {{type: event_count, ...}}) in a document of its own",
            format!("|{rest}")
        ));
    }
    let tokens = match tokens(text) {
        Ok(tokens) => tokens,
        Err(reason) => return fail(reason),
    };
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        depth: 0,
        identifiers,
        used,
    };
    let parsed = parser.or();
    match parsed {
        Err(reason) => fail(reason),
        Ok(condition) => match parser.peek() {
            None => Some(condition),
            Some(token) => fail(format!(
                "{:?} is left over behind the condition's end: is there an operator or a bracket missing?",
                token
            )),
        },
    }
}

/// Words and brackets.
fn tokens(text: &str) -> Result<Vec<&str>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = if matches!(first, '(' | ')') {
            1
        } else if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else {
            return Err(format!(
                "{first:?} has no meaning in a condition: names have letters, digits, _, - and ."
            ));
        };
        let (token, tail) = rest.split_at(end);
        tokens.push(token);
        rest = tail.trim_start();
    }
    Ok(tokens)
}

fn is_word(character: char) -> bool {
    // Combining marks and the like belong to the names that people write.
    character.is_alphanumeric()
        || matches!(character, '_' | '-' | '*' | '.')
        || !character.is_ascii() && !character.is_whitespace()
}

struct Parser<'a> {
    tokens: &'a [&'a str],
    at: usize,
    depth: usize,
    identifiers: &'a [&'a str],
    used: &'a mut [bool],
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.at).copied()
    }

    /// Takes an operator; one in capitals too, unless an identifier is called so.
    fn take(&mut self, operator: &str) -> bool {
        let found = self.peek().is_some_and(|token| {
            token == operator
                || token.eq_ignore_ascii_case(operator) && !self.identifiers.contains(&token)
        });
        self.at += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<Condition, String> {
        let mut parts = vec![self.and()?];
        while self.take("or") {
            parts.push(self.and()?);
        }
        Ok(single(parts, Condition::Or))
    }

    fn and(&mut self) -> Result<Condition, String> {
        let mut parts = vec![self.operand()?];
        while self.take("and") {
            parts.push(self.operand()?);
        }
        Ok(single(parts, Condition::And))
    }

    fn operand(&mut self) -> Result<Condition, String> {
        self.depth += 1;
        if self.depth > limits::CONDITION_DEPTH {
            return Err(format!(
                "brackets and \"not\" stand more than {} deep within each other: split the condition",
                limits::CONDITION_DEPTH
            ));
        }
        let result = if self.take("not") {
            self.operand().map(|inner| Condition::Not(Box::new(inner)))
        } else if self.take("(") {
            let inner = self.or()?;
            if self.take(")") {
                Ok(inner)
            } else {
                Err("a bracket is not closed: write the ) that is missing".to_owned())
            }
        } else {
            self.selection()
        };
        self.depth -= 1;
        result
    }

    fn selection(&mut self) -> Result<Condition, String> {
        let Some(token) = self.peek() else {
            return Err(
                "the condition ends where a search identifier is expected: name one".to_owned(),
            );
        };
        self.at += 1;
        if matches!(token, "(" | ")") {
            return Err(format!(
                "{token:?} stands where a search identifier is expected: name one before it"
            ));
        }
        if self
            .peek()
            .is_some_and(|next| next.eq_ignore_ascii_case("of"))
        {
            self.at += 1;
            let all = match token.to_ascii_lowercase().as_str() {
                "all" => true,
                "1" | "any" => false,
                _ => {
                    return Err(format!(
                        "{token:?} of: only \"1 of\" and \"all of\" are known"
                    ));
                }
            };
            let Some(pattern) = self.peek().filter(|token| !matches!(*token, "(" | ")")) else {
                return Err(
                    "\"of\" is followed by \"them\" or a pattern such as selection_*".to_owned(),
                );
            };
            self.at += 1;
            return self.selector(pattern, all);
        }
        match self.identifiers.iter().position(|name| *name == token) {
            Some(index) => {
                self.used[index] = true;
                Ok(Condition::Is(index))
            }
            None => {
                let hint = match nearest(token, self.identifiers.iter().copied()) {
                    Some(near) => format!("; did you mean {near:?}?"),
                    None if token.contains('*') => format!("; write \"1 of {token}\""),
                    None => format!(": detection has {}", self.identifiers.join(", ")),
                };
                Err(format!("there is no search identifier {token:?}{hint}"))
            }
        }
    }

    fn selector(&mut self, pattern: &str, all: bool) -> Result<Condition, String> {
        let them = pattern.eq_ignore_ascii_case("them");
        let mut parts = Vec::new();
        for (index, name) in self.identifiers.iter().enumerate() {
            let named = if them {
                !name.starts_with('_')
            } else {
                glob(pattern, name)
            };
            if named {
                self.used[index] = true;
                parts.push(Condition::Is(index));
            }
        }
        if parts.is_empty() {
            return Err(format!(
                "no search identifier is called {pattern:?}: write one of that name, or mend the name"
            ));
        }
        Ok(single(
            parts,
            if all { Condition::And } else { Condition::Or },
        ))
    }
}

fn single(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        join(parts)
    }
}

/// Whether a name is one of `pattern`, in which `*` is any text.
pub(super) fn glob(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Condition, String> {
        let names = [
            "sel",
            "sel_a",
            "sel_b",
            "notepad",
            "order",
            "_hid",
            "điều_kiện",
        ];
        let mut faults = Faults::default();
        let mut used = [false; 7];
        parse(text, Place::default(), &names, &mut used, &mut faults)
            .ok_or_else(|| faults.list[0].reason.clone())
    }

    #[test]
    fn conditions_are_read_by_precedence() {
        use Condition::{And, Is, Not, Or};
        let rows = [
            ("sel", Is(0)),
            ("notepad or order", Or(vec![Is(3), Is(4)])),
            (
                "not sel and order or notepad",
                Or(vec![And(vec![Not(Box::new(Is(0))), Is(4)]), Is(3)]),
            ),
            ("1 of sel_*", Or(vec![Is(1), Is(2)])),
            ("all of _*", Is(5)),
            ("điều_kiện AND (sel)", And(vec![Is(6), Is(0)])),
            (
                "1 of them",
                Or(vec![Is(0), Is(1), Is(2), Is(3), Is(4), Is(6)]),
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        let rows = [
            "",
            "sel)",
            "(sel",
            "sel sel_a",
            "sel and",
            "nosuch",
            "sel | count() > 5",
            "1 of filter_*",
            "2 of sel_*",
            "1 of",
            "sel & order",
            "not",
            "()",
            &"(".repeat(10_000),
            &"not ".repeat(4_000),
            &"(".repeat(100_000),
        ];
        for text in rows {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
