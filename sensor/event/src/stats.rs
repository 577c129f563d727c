//! `stats`: counters as a tree.

use std::collections::BTreeMap;

use serde::Serialize;

/// Counters by dotted name: `decoder.ipv4` is `{"decoder":{"ipv4":…}}`.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum StatsTree {
    Count(u64),
    Branch(BTreeMap<String, StatsTree>),
    /// Branches of equals (`detect.engines`).
    List(Vec<StatsTree>),
}

impl StatsTree {
    pub fn new() -> Self {
        StatsTree::Branch(BTreeMap::new())
    }

    /// Adds `count` at a dotted name. A name that is both a counter and a branch keeps the branch.
    pub fn add(&mut self, name: &str, count: u64) {
        let mut at = self;
        for part in name.split('.') {
            if matches!(at, StatsTree::Count(_)) {
                *at = StatsTree::new();
            }
            let StatsTree::Branch(children) = at else {
                return;
            };
            at = children
                .entry(part.to_owned())
                .or_insert(StatsTree::Count(0));
        }
        if let StatsTree::Count(value) = at {
            *value += count;
        }
    }

    /// Adds a branch to the list at a dotted name.
    pub fn add_to_list(&mut self, name: &str, branch: StatsTree) {
        let mut at = self;
        for part in name.split('.') {
            let StatsTree::Branch(children) = at else {
                return;
            };
            at = children.entry(part.to_owned()).or_default();
        }
        if matches!(at, StatsTree::Branch(children) if children.is_empty()) {
            *at = StatsTree::List(Vec::new());
        }
        if let StatsTree::List(list) = at {
            list.push(branch);
        }
    }
}

impl Default for StatsTree {
    fn default() -> Self {
        StatsTree::new()
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct StatsRecord {
    pub stats: StatsTree,
}

#[cfg(test)]
mod tests {
    use super::StatsTree;

    #[test]
    fn dotted_names_make_a_tree() {
        let mut tree = StatsTree::new();
        tree.add("uptime", 3);
        tree.add("decoder.pkts", 1);
        tree.add("decoder.pkts", 2);
        tree.add("decoder.event.ipv4.trunc_pkt", 1);
        let mut engine = StatsTree::new();
        engine.add("rules_loaded", 4);
        tree.add_to_list("detect.engines", engine);
        let json = serde_json::to_string(&tree).expect("a tree of numbers serialises");
        assert_eq!(
            json,
            r#"{"decoder":{"event":{"ipv4":{"trunc_pkt":1}},"pkts":3},"detect":{"engines":[{"rules_loaded":4}]},"uptime":3}"#
        );
    }
}
