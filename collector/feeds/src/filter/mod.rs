//! Which rules of a source run, and how they are changed: `enable.conf`, `disable.conf`, `modify.conf` and `drop.conf`
//! as suricata-update has them, and in its order: disable, enable, drop, modify; then the rules that set flow bits
//! which others ask for.
//!
//! Sensors listen and cannot drop: a rule that `drop.conf` names becomes a `drop` rule, whose alerts tell what would
//! have been dropped. That is worth having where the same rules go to a gateway that can.

mod flowbits;
mod matcher;
mod modify;

use serde::{Deserialize, Serialize};

use crate::rule::Rule;
use matcher::Matcher;
use modify::Modify;

/// Lines of one filter.
const MAX_LINES: usize = 5_000;

/// The four texts, as people write them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FilterTexts {
    pub enable: String,
    pub disable: String,
    pub modify: String,
    pub drop: String,
}

/// A line that does nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterFault {
    /// enable, disable, modify, drop
    pub filter: String,
    /// From 1.
    pub line: u64,
    pub reason: String,
}

/// What the filters did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filtered {
    pub enabled: u64,
    pub disabled: u64,
    pub modified: u64,
    pub dropped: u64,
    /// Rules that were switched on for the flow bits that they set; those of them that the filters had switched off
    /// set their bits without alerts.
    pub for_flowbits: u64,
    /// Lines of filters that name no rule of the source.
    pub idle: Vec<FilterFault>,
}

#[derive(Debug, Default)]
pub struct Filters {
    enable: Vec<(u64, Matcher)>,
    disable: Vec<(u64, Matcher)>,
    drop: Vec<(u64, Matcher)>,
    modify: Vec<(u64, Modify)>,
}

impl Filters {
    /// # Errors
    /// All lines that do nothing.
    pub fn parse(texts: &FilterTexts) -> Result<Filters, Vec<FilterFault>> {
        let mut faults = Vec::new();
        let filters = Filters {
            enable: lines("enable", &texts.enable, Matcher::parse, &mut faults),
            disable: lines("disable", &texts.disable, Matcher::parse, &mut faults),
            drop: lines("drop", &texts.drop, Matcher::parse, &mut faults),
            modify: lines("modify", &texts.modify, Modify::parse, &mut faults),
        };
        if faults.is_empty() {
            Ok(filters)
        } else {
            Err(faults)
        }
    }

    /// Changes the rules of a source.
    pub fn apply(&self, rules: &mut [Rule]) -> Filtered {
        let mut done = Filtered::default();
        let mut used = Used::default();
        let mut switched_off = std::collections::HashSet::new();
        for (index, rule) in rules.iter_mut().enumerate() {
            if used.of("disable", &self.disable, rule) && rule.enabled {
                rule.enabled = false;
                switched_off.insert(index);
                done.disabled += 1;
            }
            if used.of("enable", &self.enable, rule) && !rule.enabled {
                rule.enabled = true;
                switched_off.remove(&index);
                done.enabled += 1;
            }
            if used.of("drop", &self.drop, rule) && !flowbits::is_silent(rule) {
                let end = rule.text.find(char::is_whitespace).unwrap_or(0);
                rule.text.replace_range(..end, "drop");
                done.dropped += 1;
            }
        }
        for (line, modify) in &self.modify {
            for rule in rules.iter_mut().filter(|rule| modify.matcher.matches(rule)) {
                used.note("modify", *line);
                if let Some(changed) = modify.apply(rule)
                    && changed != *rule
                {
                    *rule = changed;
                    done.modified += 1;
                }
            }
        }
        done.for_flowbits = flowbits::follow(rules, &switched_off);
        done.idle = self.idle(&used);
        done
    }

    fn idle(&self, used: &Used) -> Vec<FilterFault> {
        let of = |filter: &'static str, lines: Vec<u64>| {
            lines
                .into_iter()
                .filter(move |line| !used.0.contains(&(filter, *line)))
                .map(move |line| FilterFault {
                    filter: filter.to_owned(),
                    line,
                    reason: "it names no rule of this source".to_owned(),
                })
        };
        let numbers = |lines: &[(u64, Matcher)]| lines.iter().map(|(line, _)| *line).collect();
        of("enable", numbers(&self.enable))
            .chain(of("disable", numbers(&self.disable)))
            .chain(of("drop", numbers(&self.drop)))
            .chain(of(
                "modify",
                self.modify.iter().map(|(line, _)| *line).collect(),
            ))
            .collect()
    }
}

/// Lines that named at least one rule.
#[derive(Default)]
struct Used(std::collections::HashSet<(&'static str, u64)>);

impl Used {
    fn note(&mut self, filter: &'static str, line: u64) {
        self.0.insert((filter, line));
    }

    /// Whether a line names the rule; all that do are noted.
    fn of(&mut self, filter: &'static str, lines: &[(u64, Matcher)], rule: &Rule) -> bool {
        let mut found = false;
        for (line, _) in lines.iter().filter(|(_, matcher)| matcher.matches(rule)) {
            self.note(filter, *line);
            found = true;
        }
        found
    }
}

fn lines<T>(
    filter: &str,
    text: &str,
    parse: fn(&str) -> Result<T, String>,
    faults: &mut Vec<FilterFault>,
) -> Vec<(u64, T)> {
    let mut parsed = Vec::new();
    let mut fault = |line: usize, reason: String| {
        faults.push(FilterFault {
            filter: filter.to_owned(),
            line: line as u64,
            reason,
        });
    };
    for (index, line) in text.lines().enumerate() {
        // A comment behind a line begins with a space and a number sign; `\#` is the sign itself.
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.rfind(" #").map_or(line, |at| &line[..at]);
        let line = line.replace("\\#", "#");
        if parsed.len() >= MAX_LINES {
            fault(index + 1, format!("a filter has at most {MAX_LINES} lines"));
            break;
        }
        match parse(&line) {
            Ok(one) => parsed.push((index as u64 + 1, one)),
            Err(reason) => fault(index + 1, reason),
        }
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::tests::rule;

    fn texts(enable: &str, disable: &str, modify: &str, drop: &str) -> FilterTexts {
        FilterTexts {
            enable: enable.to_owned(),
            disable: disable.to_owned(),
            modify: modify.to_owned(),
            drop: drop.to_owned(),
        }
    }

    #[test]
    fn the_filters_work_in_their_order() {
        let off = Rule {
            enabled: false,
            ..rule(4, "")
        };
        let mut rules = vec![rule(1, ""), rule(2, ""), rule(3, "noalert; "), off];
        let texts = texts(
            "2 # but this one runs\n4",
            "re:rule\n777",
            "# rewritten after it became a drop rule\n2 \"^drop\" \"reject\"",
            "*",
        );
        let filters = Filters::parse(&texts).expect("sound filters");
        let done = filters.apply(&mut rules);
        let told: Vec<_> = rules
            .iter()
            .map(|one| (one.enabled, one.text.split(' ').next().unwrap_or("")))
            .collect();
        let expected = [
            (false, "drop"),
            (true, "reject"),
            (false, "alert"),
            (true, "drop"),
        ];
        assert_eq!(told, expected);
        assert_eq!(
            (done.disabled, done.enabled, done.dropped, done.modified),
            (3, 2, 3, 1)
        );
        let idle: Vec<_> = done
            .idle
            .iter()
            .map(|one| (&*one.filter, one.line))
            .collect();
        assert_eq!(idle, [("disable", 2)]);
    }

    #[test]
    fn all_faults_are_told_with_their_lines() {
        let texts = texts("1\nnonsense", "", "\n\n5 x", "re:(");
        let faults = Filters::parse(&texts).expect_err("faults");
        let places: Vec<_> = faults
            .iter()
            .map(|fault| (fault.filter.as_str(), fault.line))
            .collect();
        assert_eq!(places, [("enable", 2), ("drop", 1), ("modify", 3)]);
        let many = "1\n".repeat(MAX_LINES + 1);
        let texts = FilterTexts {
            disable: many,
            ..FilterTexts::default()
        };
        assert!(Filters::parse(&texts).is_err());
    }
}
