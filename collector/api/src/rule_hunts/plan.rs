//! Rules → what is asked of the search engine, and what is left to the rules' own engine.

use std::sync::Arc;

use collector_search::{Node, Test, check};
use rules::sigma::{Converted, Pipeline, Ruleset, Search, SearchTest, Severity, convert};
use rules::signature::SourceFile;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Rules and correlations of one hunt.
const MAX_RULES: usize = 200;

/// What is to be hunted with.
pub struct Plan {
    pub ruleset: Arc<Ruleset>,
    /// Finds at least what the rules match, as far as the index holds values whole.
    pub query: Node,
    /// All records of the kinds that the rules look at.
    pub kinds: Node,
    pub rules: Vec<PlannedRule>,
    pub faults: Vec<RuleFault>,
}

/// How one rule is looked for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PlannedRule {
    pub title: String,
    pub id: Option<String>,
    /// informational, low, medium, high, critical
    pub level: Option<String>,
    /// rule, correlation
    pub kind: String,
    /// query: the search engine finds what is worth looking at; scan: all records of its kinds are looked at;
    /// rules: a correlation, of what its rules find; none: no records are known for its log source.
    pub method: String,
    /// In the search language.
    pub query: Option<String>,
    /// What the query does not ask, and the rule's own engine decides.
    pub left_out: Vec<String>,
}

/// What is wrong with a text of rules.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RuleFault {
    /// From 1, the column in characters.
    pub line: u64,
    pub column: u64,
    /// error: the document is refused; warning: it runs, but hardly as its author thinks.
    pub severity: String,
    pub reason: String,
}

impl Plan {
    /// Loads rules, and plans how to look for them.
    pub fn of(text: &str, pipeline: &Pipeline) -> Plan {
        let source = SourceFile {
            name: String::new(),
            text: text.to_owned(),
        };
        let ruleset = Arc::new(rules::sigma::load(&[source], pipeline));
        let mut queries = Vec::new();
        let mut kinds = Vec::new();
        let mut planned = Vec::new();
        for own in &ruleset.rules {
            let meta = &own.rule.meta;
            let converted = convert(own);
            let method = match &converted {
                None => "none",
                Some(converted) if converted.is_scan() => "scan",
                Some(_) => "query",
            };
            if let (Some(converted), Some(mapping)) = (&converted, &own.mapping) {
                queries.push(node(&converted.search));
                kinds.push(of_kinds(&mapping.events));
            }
            let Converted { search, left_out } = converted.unwrap_or(Converted {
                search: Search::All,
                left_out: Vec::new(),
            });
            planned.push(PlannedRule {
                title: meta.title.clone(),
                id: meta.id.clone(),
                level: meta.level.map(|level| level.name().to_owned()),
                kind: "rule".to_owned(),
                method: method.to_owned(),
                query: (method != "none").then(|| search.to_string()),
                left_out,
            });
        }
        for own in &ruleset.correlations {
            let meta = &own.correlation.meta;
            planned.push(PlannedRule {
                title: meta.title.clone(),
                id: meta.id.clone(),
                level: meta.level.map(|level| level.name().to_owned()),
                kind: "correlation".to_owned(),
                method: "rules".to_owned(),
                query: None,
                left_out: Vec::new(),
            });
        }
        let mut faults: Vec<RuleFault> = ruleset
            .diagnostics
            .iter()
            .map(|own| RuleFault {
                line: own.diagnostic.place.line as u64,
                column: own.diagnostic.place.column as u64,
                severity: match own.diagnostic.severity {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                }
                .to_owned(),
                reason: own.diagnostic.reason.clone(),
            })
            .collect();
        if planned.len() > MAX_RULES {
            faults.push(RuleFault {
                line: 1,
                column: 1,
                severity: "error".to_owned(),
                reason: format!("at most {MAX_RULES} rules can be hunted with at once"),
            });
        }
        Plan {
            query: any(queries),
            kinds: any(kinds),
            ruleset,
            rules: planned,
            faults,
        }
    }

    pub fn errors(&self) -> usize {
        let errors = self.faults.iter().filter(|fault| fault.severity == "error");
        errors.count().max(self.ruleset.refused)
    }

    /// Whether any rule looks at any records.
    pub fn runs(&self) -> bool {
        self.ruleset.running() > 0
    }
}

fn of_kinds(events: &[String]) -> Node {
    if events.is_empty() {
        return Node::All;
    }
    let kinds = events.iter().map(|kind| Node::Field {
        path: "event_type".to_owned(),
        test: Test::Is(kind.clone()),
        position: 0,
    });
    any(kinds.collect())
}

fn any(nodes: Vec<Node>) -> Node {
    let mut kept: Vec<Node> = Vec::new();
    for node in nodes {
        match node {
            Node::All => return Node::All,
            Node::Or(inner) => kept.extend(inner),
            other if !kept.contains(&other) => kept.push(other),
            _ => {}
        }
    }
    if kept.len() == 1 {
        kept.remove(0)
    } else {
        Node::Or(kept)
    }
}

/// The tree of the search engine. What the field's kind does not take finds more: everything.
fn node(search: &Search) -> Node {
    match search {
        Search::All => Node::All,
        Search::And(parts) => {
            let mut parts: Vec<Node> = parts.iter().map(node).collect();
            parts.retain(|part| *part != Node::All);
            match parts.len() {
                0 => Node::All,
                1 => parts.remove(0),
                _ => Node::And(parts),
            }
        }
        Search::Or(parts) => any(parts.iter().map(node).collect()),
        Search::Field { path, test } => {
            let test = match test {
                SearchTest::Exists => Test::Exists,
                SearchTest::Is(text) => Test::Is(text.clone()),
                SearchTest::Like(text) => Test::Like(text.clone()),
            };
            let leaf = Node::Field {
                path: path.clone(),
                test,
                position: 0,
            };
            if check(&leaf).is_ok() {
                leaf
            } else {
                Node::All
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Plan {
        Plan::of(text, &Pipeline::eve())
    }

    #[test]
    fn rules_become_one_query() {
        let one = "title: a\nlogsource: {category: dns}\ndetection: {s: {query|endswith: .vn}, condition: s}\n";
        let two = "title: b\nlogsource: {product: zeek, service: http}\ndetection: {s: {uri: /x}, condition: s}\n";
        let plan = plan(&format!("{one}---\n{two}"));
        assert!(plan.faults.is_empty(), "{:?}", plan.faults);
        assert_eq!(
            plan.query.to_string(),
            r#"((event_type:"dns" AND (dns.queries.rrname:*.vn OR dns.rrname:*.vn)) OR (event_type:"http" AND http.url:"/x"))"#
        );
        assert_eq!(
            plan.kinds.to_string(),
            r#"(event_type:"dns" OR event_type:"http")"#
        );
        assert_eq!(plan.rules[0].method, "query");
    }

    #[test]
    fn what_a_field_does_not_take_is_left_to_the_rule() {
        let text = "title: a\nlogsource: {product: matluoi, service: flow}\ndetection: {s: {timestamp: yesterday}, condition: s}\n";
        let plan = plan(text);
        assert!(plan.faults.is_empty(), "{:?}", plan.faults);
        assert_eq!(plan.query.to_string(), r#"event_type:"flow""#);
    }

    #[test]
    fn faults_have_places() {
        let plan =
            plan("title: a\nlogsource: {category: dns}\ndetection: {s: {q: x}, condition: t}\n");
        assert_eq!(plan.errors(), 1);
        assert_eq!(plan.faults[0].line, 3);
    }
}
