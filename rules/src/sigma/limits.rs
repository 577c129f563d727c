//! What rule text may be: bounds that hold before and while a parser sees it.
//!
//! Rules come from people, and through the collector's console from anybody who may write rules; nothing here is
//! near to what a sensible rule needs.

/// Bytes of one file.
pub const FILE_BYTES: usize = 4 << 20;
/// Columns of indentation, and dashes that open nested lists in one line.
pub const INDENTATION: usize = 256;
pub const DASHES: usize = 32;
/// Levels of lists and maps in one document.
pub const YAML_DEPTH: usize = 32;
/// Nodes of one file, with what aliases repeat.
pub const YAML_NODES: usize = 400_000;
/// Documents of one file.
pub const DOCUMENTS: usize = 20_000;
/// Faults of one file that are told; of the others, only that there are more.
pub const FILE_FAULTS: usize = 1_000;
/// Bytes of a condition.
pub const CONDITION_BYTES: usize = 16 << 10;
/// Brackets and `not`s within each other.
pub const CONDITION_DEPTH: usize = 64;
/// Tests of one rule, counted where a condition names them.
pub const RULE_TESTS: usize = 50_000;
/// Bytes of one value that is looked for.
pub const VALUE_BYTES: usize = 16 << 10;
/// Bytes of the name of a field.
pub const FIELD_BYTES: usize = 1 << 10;
/// Values that placeholders may make of one.
pub const EXPANSIONS: usize = 10_000;
/// Compiled size of a regular expression, and groups within each other.
pub const REGEX_BYTES: usize = 2 << 20;
pub const REGEX_DEPTH: u32 = 64;
/// Correlations of correlations.
pub const CHAIN_DEPTH: usize = 8;
/// Levels of an event that are looked into.
pub const EVENT_DEPTH: usize = 64;
