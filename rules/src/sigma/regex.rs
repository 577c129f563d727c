//! Regular expressions: in linear time, of bounded size.

use super::ast::Regex;
use super::limits;

/// Compiles an expression.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn compile(regex: &Regex) -> Result<::regex::Regex, String> {
    if regex.text.len() > limits::VALUE_BYTES {
        return Err(format!(
            "the expression is longer than {} bytes: split it",
            limits::VALUE_BYTES
        ));
    }
    ::regex::RegexBuilder::new(&regex.text)
        .case_insensitive(regex.insensitive)
        .multi_line(regex.multi_line)
        .dot_matches_new_line(regex.dot_all)
        .size_limit(limits::REGEX_BYTES)
        .dfa_size_limit(limits::REGEX_BYTES)
        .nest_limit(limits::REGEX_DEPTH)
        .build()
        .map_err(|error| match error {
            ::regex::Error::CompiledTooBig(_) => {
                "the expression becomes too large: make its repetitions smaller".to_owned()
            }
            error => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default();
                let reason = last.strip_prefix("error: ").unwrap_or(last);
                format!(
                    "{:?} is no regular expression of Sigma: {reason}",
                    regex.text
                )
            }
        })
}
