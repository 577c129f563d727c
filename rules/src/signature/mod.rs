//! The signature language of Suricata: text → [`Signature`].
//!
//! [`load`] reads files, [`parse_rule`] one rule. Options are handed to the keyword that has their name
//! ([`crate::keyword`]), which adds to the signature in the making.

mod ast;
mod builder;
mod carried;
mod check;
mod condition;
pub mod editor;
mod environment;
mod explain;
mod fault;
mod header;
mod hook;
mod lexer;
mod load;
mod ranges;
mod threshold_file;

pub use ast::*;
pub(crate) use builder::{Builder, parse_integer};
pub use carried::{carried_files, carry};
pub use environment::Environment;
pub use explain::{
    Language, explain, explain_bytes, explain_condition, list_place, literal, place,
};
pub use fault::{Failure, Fault};
pub(crate) use hook::transaction_hook;
pub(crate) use lexer::RawOption;
pub use load::{
    FILE_LIMIT_BYTES, OPTION_LIMIT, Parsed, RULE_LIMIT_BYTES, ReadError, Report, RuleText,
    SourceFile, TextHash, load, load_each, option_offset, option_span, option_values, parse_rule,
    read_paths, rule_texts,
};
pub(crate) use load::{nearest, read_paths_ending};
pub use threshold_file::ThresholdFile;
