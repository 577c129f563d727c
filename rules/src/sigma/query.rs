//! A rule over the fields of events: the one tree from which both the matcher and search queries are made.
//!
//! [`Query`] is what a rule asks, after filters and field mapping, with nothing left to look up: conversion to the
//! language of a search engine is one recursion over it. A query that an engine cannot express (a regular
//! expression, say) can be widened by leaving that part out, and its answers run through the matcher.

use super::ast::{Expr, Rule, Test};
use super::pattern::{Anchor, Pattern};
use super::pipeline::{Mapping, Source, Take};

/// What a rule asks of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    And(Vec<Query>),
    /// Nothing in it: matches never.
    Or(Vec<Query>),
    Not(Box<Query>),
    Field(FieldQuery),
    Keyword(KeywordQuery),
    Fields(FieldsQuery),
}

/// Any value of any source passes the test. For [`Test::Null`]: no source has a value.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldQuery {
    /// The field as the rule calls it.
    pub field: String,
    pub sources: Vec<Source>,
    pub test: Test,
}

/// Any value below the named objects passes the test.
#[derive(Debug, Clone, PartialEq)]
pub struct KeywordQuery {
    /// Empty: the whole event.
    pub objects: Vec<String>,
    pub test: Test,
}

/// Any value of one field agrees with any of another.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldsQuery {
    pub field: String,
    pub left: Vec<Source>,
    pub right: Vec<Source>,
    pub anchor: Anchor,
    pub cased: bool,
}

/// A rule in terms of events.
pub fn of_rule(rule: &Rule, mapping: &Mapping) -> Query {
    let mut parts: Vec<Query> = mapping
        .when
        .iter()
        .map(|(path, values)| {
            let any = values.iter().map(|value| {
                Query::Field(FieldQuery {
                    field: path.clone(),
                    sources: vec![Source {
                        path: path.clone(),
                        take: Take::Whole,
                    }],
                    test: Test::Text(Pattern::parse(value).settled(false)),
                })
            });
            Query::Or(any.collect())
        })
        .collect();
    parts.push(of_expr(&rule.expression, mapping));
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        Query::And(parts)
    }
}

fn of_expr(expr: &Expr, mapping: &Mapping) -> Query {
    let all = |parts: &[Expr]| parts.iter().map(|part| of_expr(part, mapping)).collect();
    match expr {
        Expr::And(parts) => Query::And(all(parts)),
        Expr::Or(parts) => Query::Or(all(parts)),
        Expr::Not(inner) => Query::Not(Box::new(of_expr(inner, mapping))),
        Expr::Keyword(test) => Query::Keyword(KeywordQuery {
            objects: mapping.keywords.clone(),
            test: test.clone(),
        }),
        Expr::Field(field) => match &field.test {
            Test::Field(reference) => Query::Fields(FieldsQuery {
                field: field.field.clone(),
                left: mapping.sources(&field.field),
                right: mapping.sources(&reference.field),
                anchor: reference.anchor,
                cased: reference.cased,
            }),
            test => Query::Field(FieldQuery {
                field: field.field.clone(),
                sources: mapping.sources(&field.field),
                test: test.clone(),
            }),
        },
    }
}

impl Query {
    /// Tests in it.
    pub fn size(&self) -> usize {
        match self {
            Query::And(parts) | Query::Or(parts) => parts.iter().map(Query::size).sum(),
            Query::Not(inner) => inner.size(),
            Query::Field(_) | Query::Keyword(_) | Query::Fields(_) => 1,
        }
    }
}
