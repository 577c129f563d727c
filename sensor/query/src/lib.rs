//! What a query means, apart from any engine: the tree that the collector reads out of a query's text, as it travels
//! to sensors, and whether one record matches it.
//!
//! The collector's index answers the same tree for what it holds. Both must find the same: a test of the
//! collector's search asks both for the same records.

mod address;
mod fold;
mod matcher;
mod pattern;
mod timestamp;
mod tree;

pub use address::Network;
pub use fold::{MAX_KEYWORD_BYTES, MAX_WORD_BYTES, cut, fold};
pub use matcher::{Fault, MAX_NODES, MAX_TREE_BYTES, Matcher, Place};
pub use pattern::matches;
pub use timestamp::{Day, parse_timestamp};
pub use tree::{Limit, Node, Position, Test};

/// What a path's values are, which decides how they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Date,
    Ip,
    Number,
    /// One term per value, folded.
    Keyword,
    /// Words with positions.
    Text,
    /// Keyword, number or boolean, as the value was written.
    Json,
}

/// The path that stands for every text of a record, as words.
pub const ALL: &str = "_all";

/// The kind of an EVE path's values. Every path has one: an unknown path is JSON.
pub fn kind_of(path: &str) -> Kind {
    match path {
        "timestamp" => Kind::Date,
        "src_ip" | "dest_ip" => Kind::Ip,
        "src_port" | "dest_port" | "flow_id" | "alert.signature_id" | "alert.severity" => {
            Kind::Number
        }
        "matluoi.id" | "matluoi.class" | "matluoi.sensor" | "event_type" | "proto"
        | "app_proto" | "community_id" | "alert.signature" | "alert.category" => Kind::Keyword,
        ALL => Kind::Text,
        _ => Kind::Json,
    }
}

/// Paths of which a value without `*` may be any part: people remember words of a rule's name, not all of it.
pub const FOUND_BY_PART: [&str; 2] = ["alert.signature", "alert.category"];

/// The paths that a name stands for: `ip` and `port` are those of either side.
pub fn sides(path: &str) -> &[&str] {
    match path {
        "ip" => &["src_ip", "dest_ip"],
        "port" => &["src_port", "dest_port"],
        _ => &[],
    }
}

/// Top-level names under which nothing is found as JSON: they have kinds of their own, or are bytes in disguise.
pub const NOT_JSON: [&str; 13] = [
    "timestamp",
    "event_type",
    "src_ip",
    "dest_ip",
    "src_port",
    "dest_port",
    "proto",
    "app_proto",
    "community_id",
    "flow_id",
    "payload",
    "payload_printable",
    "packet",
];

/// Names of encoded bytes: there are no words in them.
pub const NOT_WORDS: [&str; 6] = [
    "timestamp",
    "payload",
    "packet",
    "community_id",
    "http_request_body",
    "http_response_body",
];
