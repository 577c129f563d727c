//! The tree as a tantivy query over one partition.

use std::net::Ipv6Addr;
use std::ops::Bound;

use collector_index::{Fields, Kind, Resolved, fold};
use sensor_query::{FOUND_BY_PART, MAX_KEYWORD_BYTES, MAX_WORD_BYTES, Network, cut, sides};
use tantivy::query::{
    AllQuery, BooleanQuery, EmptyQuery, ExistsQuery, Occur, PhraseQuery, Query, RangeQuery,
    TermQuery,
};
use tantivy::schema::IndexRecordOption;
use tantivy::{DateTime, Searcher, Term};

use crate::error::{QueryError, QueryFault, SearchError};
use crate::expand::expand;
use crate::query::{Limit, Node, Position, Test};

type Compiled = Box<dyn Query>;

/// Compiles for one partition; notes whether a wildcard was cut short.
pub(crate) struct Compiler<'a> {
    pub fields: &'a Fields,
    pub searcher: &'a Searcher,
    pub cut_short: bool,
}

impl Compiler<'_> {
    pub fn compile(&mut self, node: &Node) -> Result<Compiled, SearchError> {
        Ok(match node {
            Node::All => Box::new(AllQuery),
            Node::And(nodes) => {
                let clauses = nodes
                    .iter()
                    .map(|node| match node {
                        Node::Not(node) => Ok((Occur::MustNot, self.compile(node)?)),
                        node => Ok((Occur::Must, self.compile(node)?)),
                    })
                    .collect::<Result<Vec<_>, SearchError>>()?;
                with_something(clauses)
            }
            Node::Or(nodes) => {
                let clauses = nodes
                    .iter()
                    .map(|node| self.compile(node))
                    .collect::<Result<Vec<_>, SearchError>>()?;
                Box::new(BooleanQuery::union(clauses))
            }
            Node::Not(node) => with_something(vec![(Occur::MustNot, self.compile(node)?)]),
            Node::Words(text) => words(self.fields, text),
            Node::WordPrefix(prefix) => {
                let base = Term::from_field_text(self.fields.all, "");
                self.wildcard(&base, &format!("{}*", fold(prefix)))?
            }
            Node::Field {
                path,
                test,
                position,
            } => {
                let own = [path.as_str()];
                let paths = match sides(path) {
                    [] => &own,
                    paths => paths,
                };
                let mut either = Vec::with_capacity(paths.len());
                for path in paths {
                    either.push(self.field(path, test, *position)?);
                }
                one_of(either)
            }
        })
    }

    fn field(
        &mut self,
        path: &str,
        test: &Test,
        position: Position,
    ) -> Result<Compiled, SearchError> {
        let resolved = self.fields.resolve(path);
        match test {
            Test::Exists => self.exists(path, &resolved),
            Test::Is(value) if FOUND_BY_PART.contains(&path) => {
                let base = Term::from_field_text(resolved.field, "");
                let part = fold(value).replace('*', "");
                self.wildcard(&base, &format!("*{part}*"))
            }
            Test::Is(value) => Ok(is(&resolved, value, position)?),
            Test::Like(pattern) => {
                let folded = fold(pattern);
                match resolved.kind {
                    Kind::Keyword => {
                        let base = Term::from_field_text(resolved.field, "");
                        self.wildcard(&base, &folded)
                    }
                    Kind::Json => {
                        let mut base =
                            Term::from_field_json_path(resolved.field, &resolved.json_path, false);
                        base.append_type_and_str("");
                        self.wildcard(&base, &folded)
                    }
                    _ => Err(QueryError::new(QueryFault::WildcardNotHere, position, path).into()),
                }
            }
            Test::Range { lower, upper } => Ok(range(&resolved, lower, upper, position)?),
        }
    }

    /// A value is there. What has no column is looked up by a range over its terms.
    fn exists(&mut self, path: &str, resolved: &Resolved) -> Result<Compiled, SearchError> {
        match &resolved.column {
            Some(column) => Ok(Box::new(ExistsQuery::new(
                column.clone(),
                resolved.kind == Kind::Json,
            ))),
            None if resolved.kind == Kind::Number => {
                let first = Term::from_field_u64(resolved.field, 0);
                Ok(Box::new(RangeQuery::new(
                    Bound::Included(first),
                    Bound::Unbounded,
                )))
            }
            None if path == "matluoi.id" => Ok(Box::new(AllQuery)),
            None => {
                let base = Term::from_field_text(resolved.field, "");
                self.wildcard(&base, "*")
            }
        }
    }

    fn wildcard(&mut self, base: &Term, pattern: &str) -> Result<Compiled, SearchError> {
        let expansion = expand(self.searcher, base.field(), base, pattern)?;
        self.cut_short |= !expansion.complete;
        if expansion.terms.is_empty() {
            return Ok(Box::new(EmptyQuery));
        }
        Ok(Box::new(BooleanQuery::union(
            expansion.terms.into_iter().map(term_query).collect(),
        )))
    }
}

/// Finds faults that depend on a field's kind, before anything is searched.
pub(crate) fn check(node: &Node) -> Result<(), QueryError> {
    fn walk(fields: &Fields, node: &Node) -> Result<(), QueryError> {
        match node {
            Node::All | Node::Words(_) | Node::WordPrefix(_) => Ok(()),
            Node::And(nodes) | Node::Or(nodes) => {
                nodes.iter().try_for_each(|node| walk(fields, node))
            }
            Node::Not(node) => walk(fields, node),
            Node::Field {
                path,
                test,
                position,
            } => {
                let resolved = fields.resolve(sides(path).first().unwrap_or(&path.as_str()));
                match test {
                    Test::Exists => Ok(()),
                    Test::Is(value) => is(&resolved, value, *position).map(|_| ()),
                    Test::Like(_) => match resolved.kind {
                        Kind::Keyword | Kind::Json => Ok(()),
                        _ => Err(QueryError::new(
                            QueryFault::WildcardNotHere,
                            *position,
                            path,
                        )),
                    },
                    Test::Range { lower, upper } => {
                        range(&resolved, lower, upper, *position).map(|_| ())
                    }
                }
            }
        }
    }
    walk(&Fields::new(), node)
}

/// Negation alone would find nothing: it takes away from everything.
pub(crate) fn with_something(mut clauses: Vec<(Occur, Compiled)>) -> Compiled {
    if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        clauses.push((Occur::Must, Box::new(AllQuery)));
    }
    Box::new(BooleanQuery::new(clauses))
}

pub(crate) fn one_of(mut queries: Vec<Compiled>) -> Compiled {
    match queries.pop() {
        Some(query) if queries.is_empty() => query,
        Some(query) => {
            queries.push(query);
            Box::new(BooleanQuery::union(queries))
        }
        None => Box::new(EmptyQuery),
    }
}

pub(crate) fn term_query(term: Term) -> Compiled {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn words(fields: &Fields, text: &str) -> Compiled {
    let folded = fold(text);
    let mut terms: Vec<Term> = folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| Term::from_field_text(fields.all, cut(word, MAX_WORD_BYTES)))
        .collect();
    match terms.len() {
        0 => Box::new(AllQuery),
        1 => term_query(terms.remove(0)),
        _ => Box::new(PhraseQuery::new(terms)),
    }
}

fn is(resolved: &Resolved, value: &str, position: Position) -> Result<Compiled, QueryError> {
    let field = resolved.field;
    Ok(match resolved.kind {
        Kind::Ip => {
            let network = Network::parse(value)
                .ok_or_else(|| QueryError::new(QueryFault::BadAddress, position, value))?;
            if network.is_single() {
                term_query(Term::from_field_ip_addr(field, network.first))
            } else {
                Box::new(RangeQuery::new(
                    Bound::Included(Term::from_field_ip_addr(field, network.first)),
                    Bound::Included(Term::from_field_ip_addr(field, network.last)),
                ))
            }
        }
        Kind::Number => term_query(Term::from_field_u64(field, number(value, position)?)),
        Kind::Date => {
            let term = time(resolved, value, position)?;
            Box::new(RangeQuery::new(
                Bound::Included(term.clone()),
                Bound::Included(term),
            ))
        }
        Kind::Keyword => term_query(Term::from_field_text(
            field,
            cut(&fold(value), MAX_KEYWORD_BYTES),
        )),
        Kind::Text => term_query(Term::from_field_text(
            field,
            cut(&fold(value), MAX_WORD_BYTES),
        )),
        Kind::Json => {
            let path = || Term::from_field_json_path(field, &resolved.json_path, false);
            let mut text = path();
            text.append_type_and_str(cut(&fold(value), MAX_KEYWORD_BYTES));
            let mut queries = vec![term_query(text)];
            if let Some(term) = json_number(&path, value) {
                queries.push(term_query(term));
            }
            if let Ok(value) = value.parse::<bool>() {
                let mut term = path();
                term.append_type_and_fast_value(value);
                queries.push(term_query(term));
            }
            one_of(queries)
        }
    })
}

/// The number as the index keeps numbers of JSON: signed if it fits, else unsigned, else a fraction.
fn json_number(path: &dyn Fn() -> Term, value: &str) -> Option<Term> {
    let mut term = path();
    if let Ok(value) = value.parse::<i64>() {
        term.append_type_and_fast_value(value);
    } else if let Ok(value) = value.parse::<u64>() {
        term.append_type_and_fast_value(value);
    } else if let Some(value) = value.parse::<f64>().ok().filter(|value| value.is_finite()) {
        term.append_type_and_fast_value(value);
    } else {
        return None;
    }
    Some(term)
}

fn range(
    resolved: &Resolved,
    lower: &Limit,
    upper: &Limit,
    position: Position,
) -> Result<Compiled, QueryError> {
    // One kind for both ends: "10" and "9z" are texts.
    let numeric = [lower, upper].into_iter().all(|limit| match limit {
        Limit::Open => true,
        Limit::Including(value) | Limit::Excluding(value) => value.parse::<f64>().is_ok(),
    });
    let term = |value: &str, last: bool| -> Result<Term, QueryError> {
        let field = resolved.field;
        Ok(match resolved.kind {
            Kind::Ip => {
                let network = Network::parse(value)
                    .ok_or_else(|| QueryError::new(QueryFault::BadAddress, position, value))?;
                let address: Ipv6Addr = if last { network.last } else { network.first };
                Term::from_field_ip_addr(field, address)
            }
            Kind::Number => Term::from_field_u64(field, number(value, position)?),
            Kind::Date => time(resolved, value, position)?,
            Kind::Keyword | Kind::Text => Term::from_field_text(field, &fold(value)),
            Kind::Json => {
                let path = || Term::from_field_json_path(field, &resolved.json_path, false);
                match json_number(&path, value).filter(|_| numeric) {
                    Some(term) => term,
                    None => {
                        let mut term = path();
                        term.append_type_and_str(&fold(value));
                        term
                    }
                }
            }
        })
    };
    let bound = |limit: &Limit, last: bool| -> Result<Bound<Term>, QueryError> {
        Ok(match limit {
            Limit::Open => Bound::Unbounded,
            // An excluded network is excluded whole.
            Limit::Including(value) => Bound::Included(term(value, last)?),
            Limit::Excluding(value) => Bound::Excluded(term(value, !last)?),
        })
    };
    let (lower, upper) = (bound(lower, false)?, bound(upper, true)?);
    if matches!((&lower, &upper), (Bound::Unbounded, Bound::Unbounded)) {
        return Err(QueryError::new(
            QueryFault::MissingValue,
            position,
            "[ TO ]",
        ));
    }
    Ok(Box::new(RangeQuery::new(lower, upper)))
}

fn number(value: &str, position: Position) -> Result<u64, QueryError> {
    value
        .parse()
        .map_err(|_| QueryError::new(QueryFault::BadNumber, position, value))
}

fn time(resolved: &Resolved, value: &str, position: Position) -> Result<Term, QueryError> {
    let micros = collector_index::parse_timestamp(value)
        .ok_or_else(|| QueryError::new(QueryFault::BadTime, position, value))?;
    Ok(Term::from_field_date(
        resolved.field,
        DateTime::from_timestamp_micros(micros),
    ))
}
