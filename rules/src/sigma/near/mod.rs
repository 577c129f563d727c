//! How near events come to a rule that does not match them: which parts of its condition hold, and how often; and to a
//! correlation that does not come about.

mod correlation;

use super::ast::{Expr, Rule};
use super::engine::{Engine, EngineRule, Scratch};
use super::explain;
use super::query;
use super::ruleset::LoadedRule;
use crate::signature::Language;

/// Parts of a rule's condition, all of which must hold, over events.
pub struct Nearness {
    engine: Engine,
    scratch: Scratch,
    parts: Vec<Part>,
    /// Events of the kinds that the rule reads.
    pub events: u64,
    /// Those that match it.
    pub matches: u64,
}

/// One part of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub words: String,
    /// Events in which it holds.
    pub events: u64,
}

impl Nearness {
    /// None where no events are known for the rule's log source. `zone_s`: as the pipeline has it.
    pub fn new(own: &LoadedRule, zone_s: Option<i32>, language: Language) -> Option<Nearness> {
        let mapping = own.mapping.as_ref()?;
        let expressions: Vec<&Expr> = match &own.rule.expression {
            Expr::And(parts) => parts.iter().collect(),
            other => vec![other],
        };
        // Behind the parts stands the whole.
        let rules: Vec<EngineRule> = expressions
            .iter()
            .chain([&&own.rule.expression])
            .map(|part| {
                let rule = Rule {
                    expression: (*part).clone(),
                    ..own.rule.clone()
                };
                EngineRule {
                    events: mapping.events.clone(),
                    query: query::of_rule(&rule, mapping),
                }
            })
            .collect();
        let words = |part: &&Expr| Part {
            words: explain::in_words(part, language),
            events: 0,
        };
        Some(Nearness {
            engine: Engine::new(&rules, zone_s),
            scratch: Scratch::default(),
            parts: expressions.iter().map(words).collect(),
            events: 0,
            matches: 0,
        })
    }

    /// Looks at an event; what is none is passed over.
    pub fn look(&mut self, event_type: &str, json: &str) {
        if !self.engine.wants(event_type) || self.engine.run(json, &mut self.scratch).is_err() {
            return;
        }
        self.events += 1;
        for hit in self.scratch.hits() {
            match self.parts.get_mut(*hit as usize) {
                Some(part) => part.events += 1,
                None => self.matches += 1,
            }
        }
    }

    pub fn parts(&self) -> &[Part] {
        &self.parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigma::{Pipeline, load};
    use crate::signature::SourceFile;

    #[test]
    fn parts_are_counted_apart() {
        let text = "title: t\nlogsource: {category: dns}\ndetection:\n  s: {query|endswith: .vn, record_type: TXT}\n  condition: s\n";
        let source = SourceFile {
            name: String::new(),
            text: text.to_owned(),
        };
        let ruleset = load(&[source], &Pipeline::eve());
        let near = Nearness::new(&ruleset.rules[0], None, Language::English);
        let mut near = near.expect("DNS is known");
        for (name, kind) in [("a.vn", "A"), ("b.vn", "A"), ("c.example", "TXT")] {
            let event = format!(
                r#"{{"event_type":"dns","dns":{{"queries":[{{"rrname":"{name}","rrtype":"{kind}"}}]}}}}"#
            );
            near.look("dns", &event);
        }
        near.look("tls", "{}");
        near.look("dns", "{");
        let counts: Vec<u64> = near.parts().iter().map(|part| part.events).collect();
        assert_eq!((near.events, counts, near.matches), (3, vec![2, 1], 0));
        let both = r#"{"event_type":"dns","dns":{"queries":[{"rrname":"d.vn","rrtype":"TXT"}]}}"#;
        near.look("dns", both);
        assert_eq!(near.matches, 1);
        assert_eq!(near.parts()[0].words, "query ends with \".vn\"");
    }
}
