//! Rules and lists ↔ the one text of a version. The text says which rules of the source are switched off, so that two
//! versions can be compared; their wording is left out, for sensors would carry it in vain.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;

use rules::signature::{carried_files, carry};

use crate::rule::{Rule, RuleId, rules_of};

const OFF: &str = "#:off ";
/// Numbers in one line.
const NUMBERS_PER_LINE: usize = 50;

/// A list that goes with the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    pub name: String,
    pub content: String,
}

/// Of rules with one number that with the highest revision, in the order in which they came; and how many went.
pub fn newest(rules: Vec<Rule>) -> (Vec<Rule>, u64) {
    let mut places: HashMap<RuleId, usize> = HashMap::new();
    let mut kept: Vec<Rule> = Vec::with_capacity(rules.len());
    let mut gone = 0;
    for rule in rules {
        match places.get(&rule.id()).and_then(|&at| kept.get_mut(at)) {
            Some(other) => {
                gone += 1;
                if rule.rev > other.rev {
                    *other = rule;
                }
            }
            None => {
                places.insert(rule.id(), kept.len());
                kept.push(rule);
            }
        }
    }
    (kept, gone)
}

/// The text of a version. Lists that no rule loads are left out.
pub fn compose(rules: &[Rule], carried: &[Carried]) -> String {
    let mut text = String::new();
    for rule in rules.iter().filter(|rule| rule.enabled) {
        text.push_str(&rule.text);
        text.push('\n');
    }
    let wanted: HashSet<String> = rules
        .iter()
        .filter(|rule| rule.enabled)
        .flat_map(Rule::lists)
        .collect();
    let mut names = HashSet::new();
    for list in carried {
        if wanted.contains(&list.name) && names.insert(&list.name) {
            text.push_str(&carry(&list.name, &list.content));
        }
    }
    let off: Vec<RuleId> = rules
        .iter()
        .filter(|rule| !rule.enabled)
        .map(Rule::id)
        .collect();
    for numbers in off.chunks(NUMBERS_PER_LINE) {
        text.push_str(OFF);
        for (gid, sid) in numbers {
            // A String takes any write.
            let _ = write!(text, "{gid}:{sid} ");
        }
        text.push('\n');
    }
    text
}

/// What a version's text has, for comparison.
pub struct Composed {
    pub rules: BTreeMap<RuleId, Rule>,
    /// Switched off in the source.
    pub off: BTreeSet<RuleId>,
    /// Lists by name: their values.
    pub lists: BTreeMap<String, BTreeSet<String>>,
}

impl Composed {
    pub fn read(text: &str) -> Composed {
        let (rules, _) = rules_of(text, "");
        let mut off = BTreeSet::new();
        for line in text.lines().filter_map(|line| line.strip_prefix(OFF)) {
            let ids = line.split(' ').filter_map(|id| id.split_once(':'));
            off.extend(ids.filter_map(|(gid, sid)| Some((gid.parse().ok()?, sid.parse().ok()?))));
        }
        // Sets of people's own have rules that are commented out.
        off.extend(rules.iter().filter(|rule| !rule.enabled).map(Rule::id));
        let lists = carried_files([text])
            .into_iter()
            .map(|(name, content)| (name, content.lines().map(str::to_owned).collect()))
            .collect();
        Composed {
            rules: rules
                .into_iter()
                .filter(|rule| rule.enabled)
                .map(|rule| (rule.id(), rule))
                .collect(),
            off,
            lists,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::tests::rule;

    #[test]
    fn the_newest_of_a_number_counts() {
        let newer = Rule::parse(
            "alert ip any any -> any any (msg:\"new\"; sid:1; rev:3;)",
            "x",
        );
        let older = rule(1, "");
        let (kept, gone) = newest(vec![
            older,
            rule(2, ""),
            newer.expect("a rule"),
            rule(1, ""),
        ]);
        let told: Vec<_> = kept.iter().map(|one| (one.sid, one.rev)).collect();
        assert_eq!((told, gone), (vec![(1, 3), (2, 1)], 2));
    }

    #[test]
    fn a_text_tells_what_went_into_it() {
        let off = Rule {
            enabled: false,
            ..rule(2, "")
        };
        let with_list = rule(1, "dns.query; dataset:isset,a,type string,load a.lst; ");
        let list = |name: &str| Carried {
            name: name.to_owned(),
            content: "eA==\neQ==\n".to_owned(),
        };
        let text = compose(
            &[with_list.clone(), off],
            &[list("a.lst"), list("unused.lst"), list("a.lst")],
        );
        let read = Composed::read(&text);
        assert_eq!(read.rules[&(1, 1)].text, with_list.text);
        assert_eq!(read.off, [(1, 2)].into());
        assert_eq!(read.lists.len(), 1);
        assert_eq!(read.lists["a.lst"].len(), 2);
    }
}
