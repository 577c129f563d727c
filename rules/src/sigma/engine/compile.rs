//! Rules → buckets: tests made once, witnesses chosen.

use std::collections::HashMap;

use super::{Bucket, Compiled, CompiledKind, Node, RuleIndex, Shown, ShownIf};
use crate::sigma::ast::Test;
use crate::sigma::matcher::{Builder, TestId};
use crate::sigma::pattern::{Anchor, Pattern};
use crate::sigma::pipeline::{Source, Take};
use crate::sigma::query::{FieldQuery, FieldsQuery, KeywordQuery, Query};
use crate::sigma::record::{Plan, Slot};
use crate::sigma::test::Check;

/// Compiles the rules of a bucket.
pub(super) struct Maker<'a> {
    plan: &'a mut Plan,
    zone_s: Option<i32>,
    bucket: Bucket,
    /// Tests by what they ask.
    known: HashMap<String, TestId>,
    literals: HashMap<Slot, Builder>,
}

/// What wakes a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Witness {
    Test(TestId),
    Present(Slot),
}

/// Witnesses with their cost: how often they are likely to be met.
type Witnesses = Option<(u64, Vec<Witness>)>;

/// The cost of a witness that is met whenever a field is there.
const PRESENT_COST: u64 = 2_000;

impl<'a> Maker<'a> {
    pub(super) fn new(plan: &'a mut Plan, zone_s: Option<i32>) -> Self {
        Maker {
            plan,
            zone_s,
            bucket: Bucket::default(),
            known: HashMap::new(),
            literals: HashMap::new(),
        }
    }

    pub(super) fn rule(&mut self, index: RuleIndex, query: &Query) {
        let (node, witnesses) = self.query(query);
        let own = u32::try_from(self.bucket.rules.len()).unwrap_or(u32::MAX);
        self.bucket.rules.push((index, node));
        let Some((_, mut witnesses)) = witnesses else {
            self.bucket.always.push(own);
            return;
        };
        witnesses.sort_unstable();
        witnesses.dedup();
        for witness in witnesses {
            match witness {
                Witness::Test(test) => {
                    if let Some(test) = self.bucket.tests.get_mut(test as usize) {
                        test.wakes.push(own);
                    }
                }
                Witness::Present(slot) => {
                    let present = &mut self.bucket.present;
                    match present.iter_mut().find(|(known, _)| *known == slot) {
                        Some((_, rules)) => rules.push(own),
                        None => present.push((slot, vec![own])),
                    }
                }
            }
        }
    }

    pub(super) fn finish(self) -> Bucket {
        let Maker {
            mut bucket,
            literals,
            ..
        } = self;
        let mut literals: Vec<(Slot, Builder)> = literals.into_iter().collect();
        literals.sort_by_key(|(slot, _)| *slot);
        bucket.matchers = literals
            .into_iter()
            .filter(|(_, builder)| !builder.is_empty())
            .map(|(slot, builder)| builder.build(slot))
            .collect();
        bucket
    }

    fn query(&mut self, query: &Query) -> (Node, Witnesses) {
        match query {
            Query::And(parts) => {
                let mut best: Witnesses = None;
                let mut nodes = Vec::with_capacity(parts.len());
                for part in parts {
                    let (node, witnesses) = self.query(part);
                    nodes.push(node);
                    best = match (best, witnesses) {
                        (Some(best), Some(own)) if own.0 < best.0 => Some(own),
                        (None, own) => own,
                        (best, _) => best,
                    };
                }
                (Node::And(nodes), best)
            }
            Query::Or(parts) => {
                let parts: Vec<(Node, Witnesses)> =
                    parts.iter().map(|part| self.query(part)).collect();
                any(parts)
            }
            Query::Not(inner) => {
                // What is not absent is present.
                let witnesses = match inner.as_ref() {
                    Query::Field(FieldQuery {
                        sources,
                        test: Test::Null,
                        ..
                    }) => Some((
                        PRESENT_COST,
                        sources
                            .iter()
                            .map(|source| Witness::Present(self.source(source)))
                            .collect(),
                    )),
                    _ => None,
                };
                let (node, _) = self.query(inner);
                (Node::Not(Box::new(node)), witnesses)
            }
            Query::Field(field) => self.field(field),
            Query::Keyword(KeywordQuery { objects, test }) => {
                let slot = self.plan.under(objects);
                self.test(slot, test)
            }
            Query::Fields(fields) => self.fields(fields),
        }
    }

    fn field(&mut self, query: &FieldQuery) -> (Node, Witnesses) {
        let FieldQuery { sources, test, .. } = query;
        let parts: Vec<(Node, Witnesses)> = sources
            .iter()
            .filter(|source| !is_implied(source, sources, test))
            .map(|source| {
                let slot = self.source(source);
                self.test(slot, test)
            })
            .collect();
        if matches!(test, Test::Null) {
            let nodes = parts.into_iter().map(|(node, _)| node).collect();
            return (Node::And(nodes), None);
        }
        any(parts)
    }

    fn fields(&mut self, query: &FieldsQuery) -> (Node, Witnesses) {
        let mut slots = |sources: &[Source]| -> Vec<Slot> {
            sources.iter().map(|source| self.source(source)).collect()
        };
        let left = slots(&query.left);
        let right = slots(&query.right);
        let witnesses = left.iter().map(|slot| Witness::Present(*slot)).collect();
        let id = self.add(CompiledKind::Agree {
            left,
            right,
            anchor: query.anchor,
            cased: query.cased,
        });
        (Node::Test(id), Some((PRESENT_COST, witnesses)))
    }

    fn source(&mut self, source: &Source) -> Slot {
        let slot = self.plan.source(source);
        if let Some(derivation) = self.plan.derivation(slot) {
            self.bucket.derive(derivation);
        }
        slot
    }

    fn add(&mut self, kind: CompiledKind) -> TestId {
        let id = u32::try_from(self.bucket.tests.len()).unwrap_or(u32::MAX);
        self.bucket.tests.push(Compiled {
            kind,
            wakes: Vec::new(),
        });
        id
    }

    /// A test of a slot, made once.
    fn test(&mut self, slot: Slot, test: &Test) -> (Node, Witnesses) {
        let name = format!("{slot:?}{test:?}");
        let id = match self.known.get(&name) {
            Some(id) => *id,
            None => {
                let id = self.make(slot, test);
                self.known.insert(name, id);
                id
            }
        };
        let found = self
            .bucket
            .tests
            .get(id as usize)
            .is_some_and(|test| matches!(test.kind, CompiledKind::Found));
        let witnesses = match test {
            Test::Null => None,
            _ if found => Some((cost(test), vec![Witness::Test(id)])),
            _ => Some((PRESENT_COST, vec![Witness::Present(slot)])),
        };
        (Node::Test(id), witnesses)
    }

    fn make(&mut self, slot: Slot, test: &Test) -> TestId {
        let id = self.add(CompiledKind::Found);
        let builder = self.literals.entry(slot).or_default();
        let found = match test {
            Test::Text(pattern) => builder.add(pattern, id),
            Test::Number(number) => {
                builder.number(number.text(), id);
                true
            }
            _ => false,
        };
        if !found && let Some(own) = self.bucket.tests.get_mut(id as usize) {
            own.kind = CompiledKind::Check(slot, Check::of(test, self.zone_s));
        }
        id
    }
}

fn any(mut parts: Vec<(Node, Witnesses)>) -> (Node, Witnesses) {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let mut all: Witnesses = Some((0, Vec::new()));
    let mut nodes = Vec::with_capacity(parts.len());
    for (node, witnesses) in parts {
        nodes.push(node);
        all = match (all, witnesses) {
            (Some((cost, mut list)), Some((own, more))) => {
                list.extend(more);
                Some((cost + own, list))
            }
            _ => None,
        };
    }
    (Node::Or(nodes), all)
}

/// How often a literal is likely to be met: the longer the rarer; short whole values (a method, a status) are
/// common.
fn cost(test: &Test) -> u64 {
    let longest = match test {
        Test::Text(pattern) => pattern.longest_literal().map_or(0, str::len),
        Test::Number(number) => number.text().len(),
        _ => 0,
    };
    match longest {
        0..=2 => 500,
        3..=4 => 100,
        5..=7 => 20,
        8..=11 => 5,
        _ => 1,
    }
}

/// Whether another source of the same field holds this one's whole text, so that what stands anywhere in this one
/// stands in that too.
fn is_implied(source: &Source, sources: &[Source], test: &Test) -> bool {
    let anywhere = |pattern: &Pattern| matches!(pattern.simple(), Some((Anchor::Anywhere, _)));
    if !matches!(test, Test::Text(pattern) if anywhere(pattern)) {
        return false;
    }
    let has = |wanted: fn(&Take) -> bool| {
        sources
            .iter()
            .any(|other| other.path == source.path && wanted(&other.take))
    };
    match source.take {
        Take::UrlQuery | Take::UrlPath | Take::UrlExtension => {
            has(|take| matches!(take, Take::Whole))
        }
        Take::Whole => has(|take| matches!(take, Take::Absolute { .. })),
        _ => false,
    }
}

/// The tests of a rule that may hold, for showing what matched.
pub(super) fn show(query: &Query, plan: &mut Plan, zone_s: Option<i32>, out: &mut Vec<Shown>) {
    match query {
        Query::And(parts) | Query::Or(parts) => {
            for part in parts {
                show(part, plan, zone_s, out);
            }
        }
        // That something is absent has nothing to show.
        Query::Not(_) => {}
        Query::Fields(fields) => {
            let mut slots = |sources: &[Source]| -> Vec<Slot> {
                sources.iter().map(|own| plan.source(own)).collect()
            };
            out.push(Shown {
                field: fields.field.clone(),
                slots: slots(&fields.left),
                check: ShownIf::Agrees {
                    right: slots(&fields.right),
                    anchor: fields.anchor,
                    cased: fields.cased,
                },
            });
        }
        Query::Field(field) => {
            let slots = field.sources.iter().map(|own| plan.source(own)).collect();
            out.push(Shown {
                field: field.field.clone(),
                slots,
                check: ShownIf::Passes(Check::of(&field.test, zone_s)),
            });
        }
        Query::Keyword(keyword) => out.push(Shown {
            field: String::new(),
            slots: vec![plan.under(&keyword.objects)],
            check: ShownIf::Passes(Check::of(&keyword.test, zone_s)),
        }),
    }
}
