//! `stats`: counters as a tree.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

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

    /// Adds the counters of another worker's tree. Of `max_…` and `pressure…` the larger stays, `avg_pkt_size` is reckoned anew, of
    /// lists the first one stays.
    pub fn merge(&mut self, other: StatsTree) {
        match (self, other) {
            (StatsTree::Count(count), StatsTree::Count(more)) => *count += more,
            (StatsTree::Branch(children), StatsTree::Branch(more)) => {
                for (name, tree) in more {
                    let is_maximum = name.starts_with("max_") || name.starts_with("pressure");
                    match (children.entry(name), tree) {
                        (Entry::Vacant(place), tree) => {
                            place.insert(tree);
                        }
                        (Entry::Occupied(mut place), StatsTree::Count(more)) if is_maximum => {
                            if let StatsTree::Count(count) = place.get_mut() {
                                *count = more.max(*count);
                            }
                        }
                        (Entry::Occupied(mut place), tree) => place.get_mut().merge(tree),
                    }
                }
                if let (Some(StatsTree::Count(bytes)), Some(StatsTree::Count(packets))) =
                    (children.get("bytes"), children.get("pkts"))
                    && let Some(average) = bytes.checked_div(*packets)
                    && let Some(place) = children.get_mut("avg_pkt_size")
                {
                    *place = StatsTree::Count(average);
                }
            }
            _ => {}
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
        let mut more = StatsTree::new();
        more.add("decoder.pkts", 10);
        more.add("flow.total", 1);
        let mut merged = tree.clone();
        merged.merge(more);
        assert_eq!(
            serde_json::to_string(&merged).expect("a tree of numbers serialises"),
            r#"{"decoder":{"event":{"ipv4":{"trunc_pkt":1}},"pkts":13},"detect":{"engines":[{"rules_loaded":4}]},"flow":{"total":1},"uptime":3}"#
        );
        let json = serde_json::to_string(&tree).expect("a tree of numbers serialises");
        assert_eq!(
            json,
            r#"{"decoder":{"event":{"ipv4":{"trunc_pkt":1}},"pkts":3},"detect":{"engines":[{"rules_loaded":4}]},"uptime":3}"#
        );
    }
}
