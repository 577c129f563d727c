//! Query text → tree. One pass over the characters, recursion limited by [`MAX_DEPTH`].

use crate::catalogue::path_of;
use crate::error::{QueryError, QueryFault};
use crate::query::{Limit, Node, Position, Test};

pub const MAX_QUERY_BYTES: usize = 8 * 1_024;
pub const MAX_CLAUSES: usize = 256;
pub const MAX_WILDCARDS: usize = 8;
pub const MAX_DEPTH: usize = 24;

type Result<T> = std::result::Result<T, QueryError>;

/// Reads a query. An empty one means everything.
pub fn parse(text: &str) -> Result<Node> {
    if text.len() > MAX_QUERY_BYTES {
        return Err(QueryError::new(
            QueryFault::TooLong,
            MAX_QUERY_BYTES,
            MAX_QUERY_BYTES,
        ));
    }
    let characters: Vec<char> = text.chars().collect();
    parse_part(&characters, characters.len())
}

/// Reads the query that ends where the first command begins.
pub(crate) fn parse_part(characters: &[char], end: Position) -> Result<Node> {
    let text = characters.get(..end).unwrap_or(characters).to_vec();
    tree(text).map_err(|fault| fault.repaired_before(characters, end))
}

fn tree(text: Vec<char>) -> Result<Node> {
    let mut parser = Parser {
        text,
        at: 0,
        clauses: 0,
        wildcards: 0,
    };
    parser.skip_space();
    if parser.at == parser.text.len() {
        return Ok(Node::All);
    }
    let node = parser.alternatives(0)?;
    match parser.peek() {
        None => Ok(node),
        Some(_) => Err(QueryError::new(
            QueryFault::UnexpectedParenthesis,
            parser.at,
            ")",
        )),
    }
}

struct Parser {
    text: Vec<char>,
    at: Position,
    clauses: usize,
    wildcards: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// Whether a word such as `AND` stands here, whole.
    fn is_word(&self, word: &str) -> bool {
        let end = self.at + word.len();
        let here = self.text.get(self.at..end);
        here.is_some_and(|here| here.iter().copied().eq(word.chars()))
            && self
                .text
                .get(end)
                .is_none_or(|c| c.is_whitespace() || *c == '(' || *c == ')')
    }

    fn take_word(&mut self, word: &str) -> bool {
        let there = self.is_word(word);
        if there {
            self.at += word.len();
            self.skip_space();
        }
        there
    }

    fn alternatives(&mut self, depth: usize) -> Result<Node> {
        if depth > MAX_DEPTH {
            return Err(QueryError::new(QueryFault::TooDeep, self.at, MAX_DEPTH));
        }
        let mut nodes = vec![self.conjunction(depth)?];
        while self.take_word("OR") {
            nodes.push(self.conjunction(depth)?);
        }
        Ok(one_or(nodes, Node::Or))
    }

    fn conjunction(&mut self, depth: usize) -> Result<Node> {
        let mut nodes = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                None | Some(')') => break,
                Some(_) if self.is_word("OR") => break,
                Some(_) => {}
            }
            if self.is_word("AND") {
                let position = self.at;
                self.take_word("AND");
                if nodes.is_empty() || matches!(self.peek(), None | Some(')')) {
                    return Err(QueryError::new(QueryFault::MissingOperand, position, "AND"));
                }
                continue;
            }
            nodes.push(self.negation(depth)?);
        }
        if nodes.is_empty() {
            let position = self.at;
            return Err(QueryError::new(
                QueryFault::MissingOperand,
                position,
                "OR, ()",
            ));
        }
        Ok(one_or(nodes, Node::And))
    }

    fn negation(&mut self, depth: usize) -> Result<Node> {
        let position = self.at;
        let mut negated = false;
        loop {
            let sign = match self.peek() {
                Some('-' | '!') => {
                    self.at += 1;
                    true
                }
                _ => self.take_word("NOT"),
            };
            if !sign {
                break;
            }
            negated = !negated;
        }
        match self.peek() {
            None | Some(')') => Err(QueryError::new(QueryFault::MissingOperand, position, "NOT")),
            Some(c) if c.is_whitespace() => {
                Err(QueryError::new(QueryFault::MissingOperand, position, "-"))
            }
            Some(_) if negated => Ok(Node::Not(Box::new(self.clause(depth)?))),
            Some(_) => self.clause(depth),
        }
    }

    fn clause(&mut self, depth: usize) -> Result<Node> {
        let start = self.at;
        self.clauses += 1;
        if self.clauses > MAX_CLAUSES {
            return Err(QueryError::new(
                QueryFault::TooManyClauses,
                start,
                MAX_CLAUSES,
            ));
        }
        match self.peek() {
            Some('(') => {
                self.at += 1;
                let node = self.alternatives(depth + 1)?;
                if self.peek() != Some(')') {
                    return Err(QueryError::new(QueryFault::UnclosedParenthesis, start, "("));
                }
                self.at += 1;
                return Ok(node);
            }
            Some('"') => return Ok(Node::Words(self.quoted()?)),
            Some('/') if self.looks_like_regex() => {
                return Err(QueryError::new(QueryFault::RegexNotHere, start, "/"));
            }
            _ => {}
        }
        let word = self.bare(Stop::AtColon);
        if self.peek() == Some(':') && !word.is_empty() {
            self.at += 1;
            return self.field(&word, start);
        }
        // An address such as 2001:db8::1 has colons of its own.
        let word = word + &self.bare(Stop::AtSpace);
        self.bare_word(word, start)
    }

    fn bare_word(&mut self, word: String, start: Position) -> Result<Node> {
        if word.is_empty() {
            self.at += 1;
            return Err(QueryError::new(QueryFault::MissingOperand, start, ":"));
        }
        if word == "*" {
            return Ok(Node::All);
        }
        if sensor_query::Network::parse(&word).is_some_and(|network| !network.is_single()) {
            return Ok(Node::Field {
                path: "ip".to_owned(),
                test: Test::Is(word),
                position: start,
            });
        }
        if let Some(prefix) = word.strip_suffix('*') {
            self.count_wildcards(1, start)?;
            if prefix.chars().all(char::is_alphanumeric) {
                return Ok(Node::WordPrefix(prefix.to_owned()));
            }
            return Err(QueryError::new(QueryFault::WildcardNotHere, start, "text"));
        }
        Ok(Node::Words(word))
    }

    fn looks_like_regex(&self) -> bool {
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        let word = rest.split(|c| c.is_whitespace()).next().unwrap_or_default();
        word.last() == Some(&'/')
            && word
                .iter()
                .any(|c| matches!(c, '*' | '+' | '[' | '\\' | '^' | '$' | '|' | '.'))
    }

    fn field(&mut self, name: &str, start: Position) -> Result<Node> {
        let position = self.at;
        let missing = || QueryError::new(QueryFault::MissingValue, position, format!("{name}:"));
        // `field:(a OR b)`, whose terms stand for values of the field.
        if self.peek() == Some('(') {
            return self.value_list(name, start);
        }
        let test = match self.peek() {
            None | Some(')') => return Err(missing()),
            Some(c) if c.is_whitespace() => return Err(missing()),
            Some('"') => Test::Is(self.quoted()?),
            Some('[' | '{') => self.range()?,
            Some(sign @ ('>' | '<')) => {
                self.at += 1;
                let including = self.peek() == Some('=');
                if including {
                    self.at += 1;
                }
                let value = self.bare(Stop::AtSpace);
                if value.is_empty() {
                    return Err(missing());
                }
                let limit = if including {
                    Limit::Including(value)
                } else {
                    Limit::Excluding(value)
                };
                let (lower, upper) = if sign == '>' {
                    (limit, Limit::Open)
                } else {
                    (Limit::Open, limit)
                };
                Test::Range { lower, upper }
            }
            Some(_) => self.value(position)?,
        };
        Ok(Node::Field {
            path: path_of(name).to_owned(),
            test,
            position: start,
        })
    }

    fn value(&mut self, position: Position) -> Result<Test> {
        let value = self.bare(Stop::AtSpace);
        if value == "*" {
            return Ok(Test::Exists);
        }
        let stars = value.matches('*').count();
        if stars == 0 {
            return Ok(Test::Is(value));
        }
        self.count_wildcards(stars, position)?;
        Ok(Test::Like(value))
    }

    fn value_list(&mut self, name: &str, start: Position) -> Result<Node> {
        self.at += 1;
        let mut nodes = Vec::new();
        loop {
            self.skip_space();
            self.take_word("OR");
            match self.peek() {
                None => {
                    return Err(QueryError::new(QueryFault::UnclosedParenthesis, start, "("));
                }
                Some(')') => {
                    self.at += 1;
                    break;
                }
                Some(_) => {}
            }
            self.clauses += 1;
            if self.clauses > MAX_CLAUSES {
                return Err(QueryError::new(
                    QueryFault::TooManyClauses,
                    start,
                    MAX_CLAUSES,
                ));
            }
            let position = self.at;
            let test = match self.peek() {
                Some('"') => Test::Is(self.quoted()?),
                Some('(') => {
                    return Err(QueryError::new(QueryFault::TooDeep, position, 1));
                }
                _ => self.value(position)?,
            };
            nodes.push(Node::Field {
                path: path_of(name).to_owned(),
                test,
                position,
            });
        }
        if nodes.is_empty() {
            return Err(QueryError::new(
                QueryFault::MissingValue,
                start,
                format!("{name}:"),
            ));
        }
        Ok(one_or(nodes, Node::Or))
    }

    fn count_wildcards(&mut self, stars: usize, position: Position) -> Result<()> {
        self.wildcards += stars;
        if self.wildcards > MAX_WILDCARDS {
            return Err(QueryError::new(
                QueryFault::TooManyWildcards,
                position,
                MAX_WILDCARDS,
            ));
        }
        Ok(())
    }

    /// `[a TO b]`, `{a TO b}` and mixtures; `*` is an open end.
    fn range(&mut self) -> Result<Test> {
        let start = self.at;
        let opening = self.peek();
        self.at += 1;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(length) = rest.iter().position(|c| matches!(c, ']' | '}')) else {
            return Err(QueryError::new(QueryFault::UnclosedRange, start, "["));
        };
        let inner: String = rest[..length].iter().collect();
        let closing = rest[length];
        self.at += length + 1;
        let Some((from, to)) = inner.split_once(" TO ") else {
            return Err(QueryError::new(QueryFault::RangeNeedsTo, start, inner));
        };
        let limit = |value: &str, including: bool| match value.trim().trim_matches('"') {
            "*" | "" => Limit::Open,
            value if including => Limit::Including(value.to_owned()),
            value => Limit::Excluding(value.to_owned()),
        };
        Ok(Test::Range {
            lower: limit(from, opening == Some('[')),
            upper: limit(to, closing == ']'),
        })
    }

    fn quoted(&mut self) -> Result<String> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                '"' => return Ok(text),
                '\\' if matches!(self.peek(), Some('"' | '\\')) => {
                    text.extend(self.peek());
                    self.at += 1;
                }
                c => text.push(c),
            }
        }
        Err(QueryError::new(QueryFault::UnclosedQuote, start, "\""))
    }

    /// Characters up to a space, a parenthesis or, for a name, a colon. A backslash takes the meaning
    /// from the next character.
    fn bare(&mut self, stop: Stop) -> String {
        let mut text = String::new();
        while let Some(c) = self.peek() {
            match c {
                c if c.is_whitespace() || matches!(c, '(' | ')') => break,
                ':' if stop == Stop::AtColon => break,
                '\\' => {
                    self.at += 1;
                    text.extend(self.peek());
                }
                c => text.push(c),
            }
            self.at += 1;
        }
        self.at = self.at.min(self.text.len());
        text
    }
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Stop {
    AtSpace,
    AtColon,
}

fn one_or(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(node) if nodes.is_empty() => node,
        Some(node) => {
            nodes.push(node);
            many(nodes)
        }
        None => Node::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn queries_mean_what_they_say() {
        for (text, expected) in [
            ("", "*"),
            (" * ", "*"),
            ("quét", "\"quét\""),
            ("quét cổng", "(\"quét\" AND \"cổng\")"),
            ("\"quét cổng\"", "\"quét cổng\""),
            ("a AND b OR c", "((\"a\" AND \"b\") OR \"c\")"),
            ("a (b OR c)", "(\"a\" AND (\"b\" OR \"c\"))"),
            ("NOT a", "NOT \"a\""),
            ("-a !b", "(NOT \"a\" AND NOT \"b\")"),
            ("sid:2001", "alert.signature_id:\"2001\""),
            ("src_ip:10.0.0.0/8", "src_ip:\"10.0.0.0/8\""),
            ("10.0.0.0/8", "ip:\"10.0.0.0/8\""),
            ("ip:2001:db8::1", "ip:\"2001:db8::1\""),
            ("port:>1024", "port:{1024 TO *]"),
            ("port:<=80", "port:[* TO 80]"),
            ("port:[1 TO 5]", "port:[1 TO 5]"),
            ("port:[1 TO 5}", "port:[1 TO 5}"),
            ("http.url:/admin*", "http.url:/admin*"),
            (
                "dns.queries.rrname:*.example.com",
                "dns.queries.rrname:*.example.com",
            ),
            ("tls.sni:*", "tls.sni:*"),
            (
                "type:(dns OR tls)",
                "(event_type:\"dns\" OR event_type:\"tls\")",
            ),
            ("sig:\"ET \\\"x\\\"\"", "alert.signature:\"ET \\\"x\\\"\""),
            ("scan*", "scan*"),
        ] {
            let node = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(node.to_string(), expected, "{text}");
        }
    }

    #[test]
    fn faults_have_places() {
        let deep = "(".repeat(MAX_DEPTH + 2);
        let many = "a ".repeat(MAX_CLAUSES + 1);
        for (text, code, position) in [
            ("\"abc", QueryFault::UnclosedQuote, 0),
            ("a (b", QueryFault::UnclosedParenthesis, 2),
            ("a ) b", QueryFault::UnexpectedParenthesis, 2),
            ("port:[1 5]", QueryFault::RangeNeedsTo, 5),
            ("port:[1 TO 5", QueryFault::UnclosedRange, 5),
            ("sid:", QueryFault::MissingValue, 4),
            ("sid: 5", QueryFault::MissingValue, 4),
            ("a AND", QueryFault::MissingOperand, 2),
            ("a OR", QueryFault::MissingOperand, 4),
            ("NOT", QueryFault::MissingOperand, 0),
            ("/a.*b/", QueryFault::RegexNotHere, 0),
            ("a:*b*c*d*e*f*g*h*i*", QueryFault::TooManyWildcards, 2),
            (&deep, QueryFault::TooDeep, MAX_DEPTH + 1),
            (&many, QueryFault::TooManyClauses, 2 * MAX_CLAUSES),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!((error.code, error.position), (code, position), "{text}");
            assert!(!error.message_vi().is_empty() && !error.message_en().is_empty());
        }
    }

    proptest! {
        #[test]
        fn a_tree_is_read_back_as_itself(text in "[a-z]{1,4}( (AND|OR) [a-z]{1,4}:[0-9]{1,3}){0,5}") {
            let node = parse(&text).expect("it is well formed");
            let again = parse(&node.to_string()).expect("its own text is well formed");
            prop_assert_eq!(node.to_string(), again.to_string());
        }

        #[test]
        fn a_fault_is_within_the_text(text in "[a:()\"\\[\\]{}*ANDORT !/<>=.\\\\-]{0,40}") {
            if let Err(error) = parse(&text) {
                prop_assert!(error.position <= text.chars().count());
            }
        }
    }
}
