//! Rules as a source has them: a line each, switched on or commented out.

use rules::signature::{option_values, rule_texts};

/// Words that a rule begins with; a comment that begins with one may hold a rule.
const ACTIONS: [&str; 8] = [
    "alert",
    "drop",
    "pass",
    "reject",
    "rejectsrc",
    "rejectdst",
    "rejectboth",
    "config",
];

/// A rule by its numbers: generator and signature.
pub type RuleId = (u32, u32);

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Not commented out.
    pub enabled: bool,
    pub gid: u32,
    pub sid: u32,
    pub rev: u32,
    pub msg: String,
    /// One line, without a comment sign.
    pub text: String,
    /// The file that it came in, with its folders.
    pub file: String,
}

impl Rule {
    /// Reads a rule, or a comment that holds one. None: it has no sid, or is no rule at all.
    pub fn parse(line: &str, file: &str) -> Option<Rule> {
        let line = line.trim();
        let bare = line.trim_start_matches(['#', ' ', '\t']);
        let action = bare.split_whitespace().next()?;
        if !ACTIONS.contains(&action) {
            return None;
        }
        let mut rule = Rule {
            enabled: !line.starts_with('#'),
            gid: 1,
            sid: 0,
            rev: 0,
            msg: String::new(),
            text: bare.to_owned(),
            file: file.to_owned(),
        };
        for (name, value) in option_values(bare) {
            let value = value.unwrap_or_default();
            match name {
                "sid" => rule.sid = value.parse().ok()?,
                "gid" => rule.gid = value.parse().ok()?,
                "rev" => rule.rev = value.parse().ok()?,
                "msg" => {
                    let quoted = value
                        .strip_prefix('"')
                        .and_then(|text| text.strip_suffix('"'));
                    rule.msg = quoted.unwrap_or(value).replace('\\', "");
                }
                _ => {}
            }
        }
        (rule.sid != 0).then_some(rule)
    }

    pub fn id(&self) -> RuleId {
        (self.gid, self.sid)
    }

    /// As a file of rules has it.
    pub fn line(&self) -> String {
        if self.enabled {
            self.text.clone()
        } else {
            format!("# {}", self.text)
        }
    }

    /// Names of the lists that it loads.
    pub fn lists(&self) -> Vec<String> {
        let mut lists = Vec::new();
        for (name, value) in option_values(&self.text) {
            let value = value.unwrap_or_default();
            match name {
                "dataset" | "datarep" => {
                    let parts = value.split(',').map(str::trim);
                    let loads = parts.filter_map(|part| part.strip_prefix("load"));
                    lists.extend(loads.map(|file| file.trim().to_owned()));
                }
                "filemd5" | "filesha1" | "filesha256" => {
                    lists.push(value.trim_start_matches('!').trim().to_owned());
                }
                _ => {}
            }
        }
        lists
    }
}

/// The rules of a file, those that are commented out too, and the lines that begin as rules do and are none.
pub fn rules_of(text: &str, file: &str) -> (Vec<Rule>, Vec<usize>) {
    let (mut rules, mut odd) = (Vec::new(), Vec::new());
    let mut by_line: Vec<(usize, Rule)> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.trim_start().starts_with('#'))
        .filter_map(|(index, line)| Some((index + 1, Rule::parse(line, file)?)))
        .collect();
    for written in rule_texts(text) {
        match Rule::parse(&written.text, file) {
            Some(rule) => by_line.push((written.line, rule)),
            None => odd.push(written.line),
        }
    }
    by_line.sort_by_key(|(line, _)| *line);
    rules.extend(by_line.into_iter().map(|(_, rule)| rule));
    (rules, odd)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A rule with a number and further options.
    pub fn rule(sid: u32, more: &str) -> Rule {
        let line =
            format!("alert http any any -> any any (msg:\"rule {sid}\"; {more}sid:{sid}; rev:1;)");
        Rule::parse(&line, "rules/some-web.rules").expect("a rule")
    }

    #[test]
    fn rules_and_comments_that_hold_one_are_told_apart() {
        let text = "# alert is what it does\n\
            #alert tcp any any -> any any (msg:\"off\"; sid:1;)\n\
            alert tcp any any -> any any ( \\\n  msg:\"a\\; \\\"b\\\"\"; sid:2; rev:7;)\n\
            ##  drop ip any any -> any any (msg:\"x\"; gid:3; sid:3;)\n\
            alert nonsense\n";
        let (rules, odd) = rules_of(text, "f");
        let told: Vec<_> = rules
            .iter()
            .map(|one| (one.enabled, one.id(), one.rev, one.msg.as_str()))
            .collect();
        let expected = [
            (false, (1, 1), 0, "off"),
            (true, (1, 2), 7, "a; \"b\""),
            (false, (3, 3), 0, "x"),
        ];
        assert_eq!(told, expected);
        assert_eq!(odd, [6]);
        assert!(!rules[1].text.contains('\n'));
    }

    #[test]
    fn lists_are_named_by_sets_and_by_hashes() {
        let one = rule(
            1,
            "dns.query; dataset:isset,a,type string, load dir/a.lst; filemd5:!b.txt; ",
        );
        assert_eq!(one.lists(), ["dir/a.lst", "b.txt"]);
    }
}
