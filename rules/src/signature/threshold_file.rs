//! `threshold.config`: thresholds, rate filters and suppressions apart from the rules (manual, “Global thresholds”).

use super::environment::Environment;
use super::header::parse_addresses;
use super::{Action, RateFilter, Signature, Suppress, SuppressSide, Threshold, Track};

/// A row of the file.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    /// 0: every group.
    gid: u32,
    /// 0: every rule of the group.
    sid: u32,
    what: What,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Threshold(Threshold),
    Rate(RateFilter),
    Suppress(Suppress),
    /// `suppress` without addresses.
    Silence,
}

/// A threshold file, to be carried out on checked rules.
///
/// A threshold of the file replaces that of a rule which it names; a row for many rules spares those that
/// have one of their own.
#[derive(Debug, Default)]
pub struct ThresholdFile {
    /// With the line (from 1), and whether a rule was seen that the row names.
    rows: Vec<(usize, Row, bool)>,
    wrong: Vec<(usize, String)>,
}

impl ThresholdFile {
    /// Reads the text of a file.
    pub fn read(text: &str, environment: &Environment) -> Self {
        let mut file = ThresholdFile::default();
        for (number, line) in lines(text) {
            match parse(&line, environment) {
                Ok(row) => file.rows.push((number, row, false)),
                Err(reason) => file.wrong.push((number, reason)),
            }
        }
        file
    }

    /// Changes a rule as the rows say that name it.
    pub fn apply(&mut self, signature: &mut Signature) {
        for (_, row, named) in &mut self.rows {
            if (row.gid == 0 || signature.gid == row.gid)
                && (row.sid == 0 || signature.sid == row.sid)
            {
                *named = true;
                carry_out(row, signature);
            }
        }
    }

    /// When all rules have been seen: the lines (from 1) that are wrong or name none, with the reason.
    pub fn wrong(self) -> Vec<(usize, String)> {
        // Those that are meant for Sigma rules are told where they are loaded.
        let is_meant = |gid| gid != crate::sigma::GENERATOR;
        let nameless: Vec<(usize, String)> = self.nameless(is_meant).collect();
        let mut wrong = self.wrong;
        wrong.extend(nameless);
        wrong.sort_by_key(|(number, _)| *number);
        wrong
    }

    /// Lines that name none of the rules seen, among those that are meant for certain groups (`gid`).
    pub fn nameless(
        &self,
        is_meant: impl Fn(u32) -> bool,
    ) -> impl Iterator<Item = (usize, String)> {
        self.rows.iter().filter_map(move |(number, row, named)| {
            let reason = format!("there is no rule with gid {} and sid {}", row.gid, row.sid);
            (!named && row.sid != 0 && is_meant(row.gid)).then_some((*number, reason))
        })
    }
}

/// Lines that say something, those ending with a backslash joined.
fn lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let (number, mut joined) = open.take().unwrap_or((index + 1, String::new()));
        if joined.is_empty() && (line.is_empty() || line.starts_with('#')) {
            continue;
        }
        match line.strip_suffix('\\') {
            Some(part) => {
                joined.push_str(part);
                open = Some((number, joined));
            }
            None => {
                joined.push_str(line);
                lines.push((number, joined));
            }
        }
    }
    lines.extend(open);
    lines
}

fn parse(line: &str, environment: &Environment) -> Result<Row, String> {
    let (kind, rest) = line
        .split_once(char::is_whitespace)
        .ok_or_else(|| format!("{line:?}: threshold, rate_filter or suppress with their values"))?;
    let words = split(rest)
        .into_iter()
        .map(|part| {
            part.split_once(char::is_whitespace)
                .map(|(word, value)| (word, value.trim()))
                .ok_or_else(|| format!("{part:?} needs a value"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let find = |name: &str| {
        words
            .iter()
            .find(|(word, _)| *word == name)
            .map(|(_, value)| *value)
    };
    let value = |name: &str| find(name).ok_or_else(|| format!("{name} is missing"));
    let number = |name: &str| {
        let text = value(name)?;
        text.parse::<u32>()
            .map_err(|_| format!("{name} is a number, not {text:?}"))
    };
    let track = || match value("track")? {
        "by_src" => Ok(Track::Source),
        "by_dst" => Ok(Track::Destination),
        "by_both" => Ok(Track::Both),
        "by_rule" => Ok(Track::Rule),
        "by_flow" => Ok(Track::Flow),
        other => Err(format!(
            "{other:?}: track by_src, by_dst, by_both, by_rule or by_flow"
        )),
    };
    let (gid, sid) = (number("gen_id")?, number("sig_id")?);
    if gid == 0 && sid > 0 {
        return Err("a sig_id goes with a gen_id above 0".to_owned());
    }
    let what = match kind {
        "threshold" | "event_filter" => {
            let (track, count, seconds) = (track()?, number("count")?, number("seconds")?);
            if count == 0 {
                return Err("count is above 0".to_owned());
            }
            What::Threshold(match value("type")? {
                "limit" => Threshold::Limit {
                    track,
                    count,
                    seconds,
                },
                "threshold" => Threshold::Threshold {
                    track,
                    count,
                    seconds,
                },
                "both" => Threshold::Both {
                    track,
                    count,
                    seconds,
                },
                other => return Err(format!("{other:?}: type limit, threshold or both")),
            })
        }
        "rate_filter" => What::Rate(RateFilter {
            track: track()?,
            count: match number("count")? {
                0 => return Err("count is above 0".to_owned()),
                count => count,
            },
            seconds: number("seconds")?,
            action: match value("new_action")? {
                "alert" | "log" => Action::Alert,
                "drop" | "sdrop" => Action::Drop,
                "reject" => Action::Reject,
                "pass" => Action::Pass,
                other => {
                    return Err(format!("{other:?}: new_action alert, drop, reject or pass"));
                }
            },
            timeout: number("timeout")?,
        }),
        "suppress" => match find("track") {
            None if find("ip").is_some() => {
                return Err("ip goes with track: track by_src, by_dst or by_either".to_owned());
            }
            None => What::Silence,
            Some(track) => What::Suppress(Suppress {
                side: match track {
                    "by_src" => SuppressSide::Source,
                    "by_dst" => SuppressSide::Destination,
                    "by_either" => SuppressSide::Either,
                    other => return Err(format!("{other:?}: track by_src, by_dst or by_either")),
                },
                addresses: addresses(value("ip")?, environment)?,
            }),
        },
        other => {
            return Err(format!(
                "{other:?}: write threshold, rate_filter or suppress"
            ));
        }
    };
    Ok(Row { gid, sid, what })
}

/// One address, a group in brackets, or several with commas between.
fn addresses(text: &str, environment: &Environment) -> Result<super::AddressSet, String> {
    if text.contains(',') && !text.starts_with(['[', '!']) {
        parse_addresses(&format!("[{text}]"), environment)
    } else {
        parse_addresses(text, environment)
    }
}

/// Parts between commas, those within brackets and behind `ip` left whole.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0usize);
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 && !text[start..at].trim_start().starts_with("ip ") => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// Changes a rule that a row names.
fn carry_out(row: &Row, signature: &mut Signature) {
    let own = signature.threshold.is_some()
        || signature.detection_filter.is_some()
        || signature.rate_filter.is_some();
    match &row.what {
        What::Threshold(threshold) => {
            if row.sid != 0 {
                signature.detection_filter = None;
                signature.rate_filter = None;
                signature.threshold = Some(threshold.clone());
            } else if !own {
                signature.threshold = Some(threshold.clone());
            }
        }
        What::Rate(rate) if !own => signature.rate_filter = Some(*rate),
        What::Rate(_) => {}
        What::Suppress(suppress) => signature.suppress.push(suppress.clone()),
        What::Silence => signature.alerts = false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{SourceFile, load};

    #[test]
    fn rows_change_the_rules_they_name() {
        let text = "alert ip any any -> any any (threshold:type limit, track by_src, count 1, seconds 5; sid:1;)\n\
                    alert ip any any -> any any (sid:2;)\n\
                    alert ip any any -> any any (gid:5; sid:3;)\n";
        let files = [SourceFile {
            name: "x.rules".to_owned(),
            text: text.to_owned(),
        }];
        let environment = Environment::default();
        let mut report = load(&files, &crate::known_names(), &environment);
        let file = "# comment\n\
            threshold gen_id 1, sig_id 1, type both, track by_flow, \\\n  count 3, seconds 60\n\
            rate_filter gen_id 1, sig_id 0, track by_both, count 1, seconds 60, new_action pass, timeout 10\n\
            suppress gen_id 1, sig_id 2, track by_either, ip 10.0.0.0/8,!10.1.1.1\n\
            suppress gen_id 5, sig_id 3\n\
            suppress gen_id 1, sig_id 99\n\
            threshold gen_id 0, sig_id 4, type both, track by_flow, count 3, seconds 60\n\
            limit gen_id 1, sig_id 1\n\
            suppress gen_id 1, sig_id 1, ip 10.0.0.1\n\
            rate_filter gen_id 1, sig_id 1, track by_src, count 0, seconds 60, new_action pass, timeout 10\n";
        let mut thresholds = ThresholdFile::read(file, &environment);
        for signature in &mut report.signatures {
            thresholds.apply(signature);
        }
        let wrong: Vec<usize> = thresholds.wrong().iter().map(|(line, _)| *line).collect();
        assert_eq!(wrong, [7, 8, 9, 10, 11]);
        let [first, second, third] = report.signatures.as_slice() else {
            panic!("three rules");
        };
        assert!(matches!(
            first.threshold,
            Some(Threshold::Both { count: 3, .. })
        ));
        assert_eq!(first.rate_filter, None);
        assert_eq!(
            second.rate_filter.map(|rate| (rate.action, rate.timeout)),
            Some((Action::Pass, 10))
        );
        assert_eq!(second.suppress.len(), 1);
        assert!(second.alerts && !third.alerts);
    }
}
