//! Sigma 2.1: rules over events, correlations and filters, at line rate.
//!
//! The way of a rule: text → nodes with places ([`parse`]; YAML by `saphyr-parser`, metadata by `sigma-rust`) →
//! [`ast`] → with filters joined and fields mapped by a [`Pipeline`], a [`Query`] → compiled with all others into an
//! [`Engine`]. [`load`] goes the whole way and gives a [`Ruleset`]; a [`Detector`] runs it over events in JSON.
//!
//! ```
//! use std::sync::Arc;
//! use rules::sigma::{Detector, Finding, Pipeline, SharedState, load};
//! use rules::signature::SourceFile;
//!
//! let text = "
//! title: Tunnel service
//! logsource: {category: dns}
//! detection:
//!   selection: {query|endswith: .tunnel.example}
//!   condition: selection
//! ";
//! let source = SourceFile { name: "rule.yml".into(), text: text.into() };
//! let ruleset = Arc::new(load(&[source], &Pipeline::eve()));
//! assert!(ruleset.diagnostics.is_empty());
//! let mut detector = Detector::new(ruleset, SharedState::default());
//! let event = r#"{"event_type":"dns","dns":{"queries":[{"rrname":"x.TUNNEL.example"}]}}"#;
//! assert_eq!(detector.run(event, None), Ok(&[Finding::Rule(0)][..]));
//! assert_eq!(detector.matched(0)[0].value, "x.TUNNEL.example");
//! ```
//!
//! # For those who build on it
//!
//! - **Running**: one [`Detector`] a thread; the [`Ruleset`] is shared, and so is [`SharedState`], to which only events
//!   come that match a rule which a correlation names. [`Detector::run`] takes the JSON text as it stands (one pass, no
//!   tree, no allocation for an event that does not match), and the event's time; without one it reads `timestamp`.
//!   [`Detector::advance`] and [`Detector::finish`] judge windows that wait for their end. [`Engine::wants`] tells
//!   whether any rule reads a kind of event, so that the others need not be looked at.
//! - **Loading anew**: make another [`Ruleset`] and new detectors; state of correlations begins anew with them.
//! - **Searching**: [`LoadedRule::query`] is the rule as a boolean tree over paths of events ([`Query`]), with the
//!   kinds of events in [`LoadedRule::mapping`]. [`convert()`] makes a query of the collector's search language of it,
//!   whose answers are to be run through a detector.
//! - **Editors**: [`diagnostics`] of a text, with places; [`LoadedRule`]s and [`Ruleset::diagnostics`] of files, and
//!   what else may be said of them ([`advice()`]); [`editor`] tells what words mean and what may be written.
//!
//! # Where the specification is silent
//!
//! | question | answer |
//! |---|---|
//! | `field: null` | holds when the field is absent, null, or a list of nothing but null |
//! | `exists` | the field is there, whatever its value: null and an empty object too |
//! | lists in events | any element; objects in lists are looked through, `a.b` is the `b` of every element of `a`. `not` denies the whole test: no element passes |
//! | dotted names | `{"a.b": 1}` and `{"a": {"b": 1}}` both; the one with fewer levels counts where an event has both |
//! | a thing in two records | a DNS request and its response are one query: a rule that matched the request does not match the response too (`once` of a pipeline); without the request the response counts |
//! | several sources of a field | as a list: any of them |
//! | numbers and texts | `443`, `'443'` and `"443"` are equal; `5` and `5.0` too, as numbers. `gt` and its like read texts that are numbers |
//! | true and false | equal to the texts |
//! | case | without, character by character, in every script; `cased` and `re` with it. `ß` is no `ss`, `ı` no `i` |
//! | Unicode | rules and events are compared in NFC: text that is written decomposed cannot evade |
//! | `?` | one character, not one byte; `*` and `?` pass line ends |
//! | `base64` and its like | encode the text as it stands, wildcards are refused; what comes of them is compared as all text is |
//! | `utf16` | little-endian behind its byte order mark |
//! | `windash` | every flag: a dash, slash or long dash between what is no word and a word |
//! | `re` | in linear time (the crate `regex`): no look-around, no back references; looked for anywhere |
//! | `cidr` | an IPv4 address that is written as IPv6 is taken for IPv4 |
//! | `neq` | denies the whole item: none of the values, and an absent field too |
//! | `fieldref` | any value of one with any of the other; absent ones never agree |
//! | times | as they are written, in their own zone; a pipeline may name another (`time-zone`) |
//! | weeks | those of ISO 8601 |
//! | keywords | anywhere in any value below the log source's objects, never in names of fields; `'|all'`: each in some value |
//! | null in a list of values, `all` with one value | refused, as the specification says |
//! | selectors that meet no search identifier | refused |
//! | `any of` | as `1 of`; other numbers are refused. Operators in capitals are read |
//! | filters | a condition that denies something is joined with "and" as it stands; one that denies nothing says what to leave out |
//! | `action: global`, `repeat`, `reset` | as the older specification has them |
//! | entropy of names | `query_entropy` of DNS: bits a character of the longest label, a field that the pipeline derives |
//! | thresholds | alerts go by `threshold.config` as those of signatures do, under group 9100 and the rule's number: by the ends that they are about, a window's by the address that it is grouped by |
//! | correlations | `rules/src/sigma/correlate/mod.rs` |
//! | YAML | 1.2: `yes` and `no` are texts. A key that stands twice is refused |
//! | limits | `rules/src/sigma/limits.rs`; a file is refused before a parser has seen what is beyond them |

mod advice;
pub mod ast;
mod condition;
mod convert;
mod correlate;
mod correlation;
mod diagnostic;
mod document;
pub mod editor;
mod engine;
mod explain;
mod fold;
mod limits;
mod matcher;
mod meta;
mod modifier;
mod near;
mod number;
mod once;
mod pattern;
mod pipeline;
mod query;
mod record;
mod regex;
mod rpc;
mod ruleset;
mod test;
mod time;
mod told;

mod yaml;

pub use advice::advice;
pub use ast::GENERATOR;
pub use convert::{Converted, Search, SearchTest, convert};
pub use correlate::{
    Correlated, CorrelationNearness, CorrelationState, Lacking, NearestGroup, ORIGINS, Origin,
};
pub use diagnostic::{Diagnostic, Place, Severity, remedy};
pub use document::{Parsed, diagnostics, parse};
pub use engine::{Engine, EngineRule, MatchedField, RuleIndex, Scratch, Summary};
pub use explain::{explain, explain_correlation};
pub use modifier::Placeholders;
pub use near::{Nearness, Part};
pub use number::{Comparison, Number};
pub use pattern::{Anchor, Pattern, Token};
pub use pipeline::{Mapping, Once, Pipeline, Source, Take};
pub use query::{FieldQuery, FieldsQuery, KeywordQuery, Query, of_rule};
pub use record::{Record, RecordError};
pub use ruleset::{
    Detector, FileDiagnostic, Finding, LoadedCorrelation, LoadedRule, Ruleset, SharedState,
    is_list, load, read_paths,
};
pub use told::{Details, Told, concerns, is_judged, whom};
