//! Flow bits: a rule that asks for a bit is deaf while the rules that set it are switched off.

use std::collections::{HashMap, HashSet};

use rules::signature::option_values;

use crate::rule::Rule;

/// Whether a rule makes no alerts: `noalert`, or `flowbits:noalert`.
pub fn is_silent(rule: &Rule) -> bool {
    option_values(&rule.text).iter().any(|(name, value)| {
        *name == "noalert" || *name == "flowbits" && value.map(str::trim) == Some("noalert")
    })
}

/// Switches on the rules that set what enabled rules ask for, and what those ask for in turn; tells how many. Of those
/// that somebody had switched off no alerts are wanted.
pub fn follow(rules: &mut [Rule], switched_off: &HashSet<usize>) -> u64 {
    let mut setters: HashMap<String, Vec<usize>> = HashMap::new();
    let mut asked: Vec<Vec<String>> = Vec::with_capacity(rules.len());
    for (index, rule) in rules.iter().enumerate() {
        let mut asks = Vec::new();
        for (operation, bit) in bits(rule) {
            match operation.as_str() {
                "set" | "setx" | "unset" | "toggle" => setters.entry(bit).or_default().push(index),
                "isset" | "isnotset" => asks.push(bit),
                _ => {}
            }
        }
        asked.push(asks);
    }
    let mut waiting: Vec<usize> = (0..rules.len()).filter(|&at| rules[at].enabled).collect();
    let mut seen: HashSet<&str> = HashSet::new();
    let mut woken = 0;
    while let Some(at) = waiting.pop() {
        for bit in &asked[at] {
            if !seen.insert(bit) {
                continue;
            }
            for &setter in setters.get(bit).map_or(&[][..], Vec::as_slice) {
                let Some(rule) = rules.get_mut(setter).filter(|rule| !rule.enabled) else {
                    continue;
                };
                rule.enabled = true;
                if switched_off.contains(&setter) && !is_silent(rule) {
                    silence(rule);
                }
                woken += 1;
                waiting.push(setter);
            }
        }
    }
    woken
}

/// What a rule does to bits; several stand apart by `|`.
fn bits(rule: &Rule) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, value) in option_values(&rule.text) {
        if name != "flowbits" {
            continue;
        }
        let Some((operation, bits)) = value.unwrap_or_default().split_once(',') else {
            continue;
        };
        let bits = bits.split('|').map(str::trim).filter(|bit| !bit.is_empty());
        found.extend(bits.map(|bit| (operation.trim().to_owned(), bit.to_owned())));
    }
    found
}

fn silence(rule: &mut Rule) {
    if let Some(body) = rule.text.trim_end().strip_suffix(')') {
        rule.text = format!("{} noalert;)", body.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::tests::rule;

    #[test]
    fn what_enabled_rules_ask_for_is_set_by_rules_that_run() {
        let off = |one: Rule| Rule {
            enabled: false,
            ..one
        };
        let mut rules = vec![
            rule(1, "flowbits:isset,a|b; "),
            off(rule(2, "flowbits:set,a; flowbits:isset,c; ")),
            off(rule(3, "flowbits:set,b; flowbits:noalert; ")),
            off(rule(4, "flowbits:toggle,c; ")),
            off(rule(5, "flowbits:set,d; ")),
            off(rule(6, "flowbits:isset,d; ")),
        ];
        let woken = follow(&mut rules, &[1, 2].into());
        assert_eq!(woken, 3);
        let enabled: Vec<bool> = rules.iter().map(|one| one.enabled).collect();
        assert_eq!(enabled, [true, true, true, true, false, false]);
        // Switched off by somebody, by the source, by nobody.
        assert!(rules[1].text.ends_with("noalert;)"), "{}", rules[1].text);
        assert_eq!(rules[2].text.matches("noalert").count(), 1);
        assert!(!is_silent(&rules[3]));
    }
}
