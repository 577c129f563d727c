//! Wildcards → the terms of a partition that they stand for, up to a limit.

use std::collections::BTreeSet;

use sensor_query::matches;
use tantivy::schema::Field;
use tantivy::{Searcher, Term};

use crate::engine::limits::{MAX_EXPANSIONS, MAX_TERMS_SCANNED};

/// Terms, and whether they are all.
pub(crate) struct Expansion {
    pub terms: Vec<Term>,
    pub complete: bool,
}

/// The terms of a field that begin with `base` (a JSON path, or nothing) and then match the pattern.
pub(crate) fn expand(
    searcher: &Searcher,
    field: Field,
    base: &Term,
    pattern: &str,
) -> tantivy::Result<Expansion> {
    let path = base.serialized_value_bytes();
    let literal = pattern.split('*').next().unwrap_or_default();
    let mut prefix = path.to_vec();
    prefix.extend(literal.as_bytes());
    let mut found: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut complete = true;
    for segment in searcher.segment_readers() {
        let inverted = segment.inverted_index(field)?;
        let mut stream = inverted.terms().range().ge(&prefix).into_stream()?;
        let mut scanned = 0;
        while stream.advance() {
            let key = stream.key();
            if !key.starts_with(&prefix) {
                break;
            }
            scanned += 1;
            if scanned > MAX_TERMS_SCANNED || found.len() >= MAX_EXPANSIONS {
                complete = false;
                break;
            }
            if matches(pattern.as_bytes(), &key[path.len()..]) {
                found.insert(key[path.len()..].to_vec());
            }
        }
    }
    let terms = found
        .into_iter()
        .map(|value| {
            let mut term = base.clone();
            term.append_bytes(&value);
            term
        })
        .collect();
    Ok(Expansion { terms, complete })
}
