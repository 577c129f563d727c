//! Folded text as terms.

use sensor_query::{MAX_KEYWORD_BYTES, MAX_WORD_BYTES, cut, fold};
use tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer, TokenizerManager};

/// Analyzer of full text: words.
pub const FOLDED_WORDS: &str = "folded_words";
/// Analyzer of keywords: the whole value is one term.
pub const FOLDED_WHOLE: &str = "folded_whole";

/// The analyzers by name, as every partition registers them.
pub(crate) fn analyzers() -> TokenizerManager {
    let manager = TokenizerManager::default();
    manager.register(
        FOLDED_WORDS,
        TextAnalyzer::from(FoldedTokenizer::new(Unit::Word)),
    );
    manager.register(
        FOLDED_WHOLE,
        TextAnalyzer::from(FoldedTokenizer::new(Unit::Whole)),
    );
    manager
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Word,
    Whole,
}

/// Folds the text first and cuts it afterwards: a combining mark is no letter, and would cut a word.
#[derive(Debug, Clone)]
struct FoldedTokenizer {
    unit: Unit,
    folded: String,
    token: Token,
}

impl FoldedTokenizer {
    fn new(unit: Unit) -> Self {
        FoldedTokenizer {
            unit,
            folded: String::new(),
            token: Token::default(),
        }
    }
}

impl Tokenizer for FoldedTokenizer {
    type TokenStream<'a> = FoldedStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> FoldedStream<'a> {
        self.folded.clear();
        self.folded.push_str(&fold(text));
        self.token.reset();
        FoldedStream {
            unit: self.unit,
            folded: &self.folded,
            at: 0,
            token: &mut self.token,
        }
    }
}

struct FoldedStream<'a> {
    unit: Unit,
    folded: &'a str,
    at: usize,
    token: &'a mut Token,
}

impl FoldedStream<'_> {
    fn emit(&mut self, start: usize, end: usize, limit: usize) -> bool {
        let text = cut(&self.folded[start..end], limit);
        self.token.text.clear();
        self.token.text.push_str(text);
        self.token.offset_from = start;
        self.token.offset_to = end;
        self.token.position = self.token.position.wrapping_add(1);
        self.at = end;
        true
    }
}

impl TokenStream for FoldedStream<'_> {
    fn advance(&mut self) -> bool {
        let rest = &self.folded[self.at..];
        match self.unit {
            Unit::Whole if self.at == 0 && !rest.is_empty() => {
                self.emit(0, self.folded.len(), MAX_KEYWORD_BYTES)
            }
            Unit::Whole => false,
            Unit::Word => {
                let Some(offset) = rest.find(char::is_alphanumeric) else {
                    return false;
                };
                let start = self.at + offset;
                let length = self.folded[start..]
                    .find(|c: char| !c.is_alphanumeric())
                    .unwrap_or(self.folded.len() - start);
                self.emit(start, start + length, MAX_WORD_BYTES)
            }
        }
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(analyzer: &str, text: &str) -> Vec<String> {
        let mut analyzer = analyzers()
            .get(analyzer)
            .expect("the analyzer is registered");
        let mut stream = analyzer.token_stream(text);
        let mut terms = Vec::new();
        while stream.advance() {
            terms.push(stream.token().text.clone());
        }
        terms
    }

    #[test]
    fn words_are_folded() {
        let rows: &[(&str, &[&str])] = &[
            ("", &[]),
            ("Quét cổng TCP", &["quet", "cong", "tcp"]),
            // Decomposed: o + horn + grave.
            ("Đu\u{31b}o\u{31b}\u{300}ng", &["duong"]),
            ("đường", &["duong"]),
            (
                "evil.example.com/a?b=c",
                &["evil", "example", "com", "a", "b", "c"],
            ),
            ("10.0.0.1", &["10", "0", "0", "1"]),
        ];
        for (text, expected) in rows {
            assert_eq!(terms(FOLDED_WORDS, text), *expected, "{text}");
        }
    }

    #[test]
    fn a_keyword_is_one_term() {
        assert_eq!(terms(FOLDED_WHOLE, "ET POLICY Thử"), ["et policy thu"]);
        assert_eq!(terms(FOLDED_WHOLE, ""), Vec::<String>::new());
        let long = "ế".repeat(MAX_KEYWORD_BYTES);
        assert_eq!(terms(FOLDED_WHOLE, &long)[0].len(), MAX_KEYWORD_BYTES);
    }

    #[test]
    fn positions_rise_by_one() {
        let mut analyzer = analyzers().get(FOLDED_WORDS).expect("registered");
        let mut stream = analyzer.token_stream("a b");
        assert!(stream.advance());
        assert_eq!(stream.token().position, 0);
        assert!(stream.advance());
        assert_eq!(stream.token().position, 1);
    }
}
