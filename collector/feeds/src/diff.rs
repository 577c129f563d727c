//! What a version would change, by rule and by list.

use serde::{Deserialize, Serialize};

use crate::compose::Composed;

/// What becomes of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Added,
    Removed,
    Changed,
    /// The one before knew it, switched off.
    Enabled,
    /// The next one knows it, switched off.
    Disabled,
}

impl ChangeKind {
    pub fn name(self) -> &'static str {
        match self {
            ChangeKind::Added => "added",
            ChangeKind::Removed => "removed",
            ChangeKind::Changed => "changed",
            ChangeKind::Enabled => "enabled",
            ChangeKind::Disabled => "disabled",
        }
    }
}

/// A rule that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleChange {
    pub kind: ChangeKind,
    pub gid: u32,
    pub sid: u32,
    pub msg: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// A list that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListChange {
    pub name: String,
    pub values: u64,
    pub added: u64,
    pub removed: u64,
}

/// How much changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ChangeCounts {
    pub added: u64,
    pub removed: u64,
    pub changed: u64,
    pub enabled: u64,
    pub disabled: u64,
    pub values_added: u64,
    pub values_removed: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff {
    /// By number.
    pub rules: Vec<RuleChange>,
    pub lists: Vec<ListChange>,
    pub counts: ChangeCounts,
}

/// From one text to another.
pub fn diff(before: &str, after: &str) -> Diff {
    let (before, after) = (Composed::read(before), Composed::read(after));
    let mut diff = Diff::default();
    let ids = before.rules.keys().chain(after.rules.keys());
    let ids: std::collections::BTreeSet<_> = ids.copied().collect();
    for id in ids {
        let kind = match (before.rules.get(&id), after.rules.get(&id)) {
            (Some(old), Some(new)) if old.text == new.text => continue,
            (Some(_), Some(_)) => ChangeKind::Changed,
            (None, _) if before.off.contains(&id) => ChangeKind::Enabled,
            (None, _) => ChangeKind::Added,
            (_, None) if after.off.contains(&id) => ChangeKind::Disabled,
            (_, None) => ChangeKind::Removed,
        };
        let (old, new) = (before.rules.get(&id), after.rules.get(&id));
        *diff.counts.of(kind) += 1;
        diff.rules.push(RuleChange {
            kind,
            gid: id.0,
            sid: id.1,
            msg: new.or(old).map(|rule| rule.msg.clone()).unwrap_or_default(),
            before: old.map(|rule| rule.text.clone()),
            after: new.map(|rule| rule.text.clone()),
        });
    }
    let none = std::collections::BTreeSet::new();
    let names = before.lists.keys().chain(after.lists.keys());
    let names: std::collections::BTreeSet<&String> = names.collect();
    for name in names {
        let old = before.lists.get(name).unwrap_or(&none);
        let new = after.lists.get(name).unwrap_or(&none);
        let change = ListChange {
            name: name.clone(),
            values: new.len() as u64,
            added: new.difference(old).count() as u64,
            removed: old.difference(new).count() as u64,
        };
        diff.counts.values_added += change.added;
        diff.counts.values_removed += change.removed;
        if change.added + change.removed > 0 {
            diff.lists.push(change);
        }
    }
    diff
}

impl ChangeCounts {
    fn of(&mut self, kind: ChangeKind) -> &mut u64 {
        match kind {
            ChangeKind::Added => &mut self.added,
            ChangeKind::Removed => &mut self.removed,
            ChangeKind::Changed => &mut self.changed,
            ChangeKind::Enabled => &mut self.enabled,
            ChangeKind::Disabled => &mut self.disabled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::{Carried, compose};
    use crate::rule::Rule;
    use crate::rule::tests::rule;

    #[test]
    fn each_change_is_told_for_what_it_is() {
        let off = |one: Rule| Rule {
            enabled: false,
            ..one
        };
        let list = |content: &str| {
            [Carried {
                name: "a.lst".to_owned(),
                content: content.to_owned(),
            }]
        };
        let load = "dns.query; dataset:isset,a,type string,load a.lst; ";
        let before = [
            rule(1, load),
            rule(2, ""),
            rule(3, ""),
            rule(4, ""),
            off(rule(5, "")),
        ];
        let after = [
            rule(1, load),
            rule(2, "content:\"x\"; "),
            off(rule(3, "")),
            rule(5, ""),
            rule(6, ""),
        ];
        let found = diff(
            &compose(&before, &list("a\nb\n")),
            &compose(&after, &list("b\nc\nd\n")),
        );
        let told: Vec<_> = found.rules.iter().map(|one| (one.sid, one.kind)).collect();
        use ChangeKind::*;
        assert_eq!(
            told,
            [
                (2, Changed),
                (3, Disabled),
                (4, Removed),
                (5, Enabled),
                (6, Added)
            ]
        );
        assert!(
            found.rules[0]
                .after
                .as_ref()
                .is_some_and(|text| text.contains("\"x\""))
        );
        let of_list = &found.lists[0];
        assert_eq!((of_list.values, of_list.added, of_list.removed), (3, 2, 1));
        let text = compose(&after, &[]);
        assert_eq!(diff(&text, &text), Diff::default());
    }
}
