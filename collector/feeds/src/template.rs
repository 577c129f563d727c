//! Indicators → rules: one rule for each place where a kind is seen, with the list as a data set that the text carries.
//!
//! A URL is looked for as host and path, as they are sent, each in a set of its own; both together are as good as the pair. What is in
//! cipher shows its host alone, which would be blamed for all its pages: URLs are looked for in plain HTTP.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::compose::Carried;
use crate::list::{IndicatorKind, Indicators};
use crate::rule::Rule;

/// Networks in one rule: a rule has at most 64 KiB.
const NETWORKS_PER_RULE: usize = 500;
/// Rules for networks; more networks are left out.
const MAX_NETWORK_RULES: usize = 400;
/// Numbers that one source has for its rules.
pub const SIDS: u32 = 1_000;

/// What rules of one source are called.
#[derive(Debug, Clone)]
pub struct Naming {
    /// In messages.
    pub name: String,
    /// In the names of its sets: letters and digits.
    pub key: String,
    /// The first of [`SIDS`] numbers.
    pub first_sid: u32,
}

/// A rule for a kind; `{}` stands for its sets.
struct Template {
    kind: IndicatorKind,
    /// Distance from the source's first number: it stays when templates come or go.
    offset: u32,
    header: &'static str,
    what: &'static str,
    options: &'static str,
    severity: &'static str,
}

const TEMPLATES: [Template; 10] = [
    Template {
        kind: IndicatorKind::Domain,
        offset: 0,
        header: "alert dns $HOME_NET any -> any any",
        what: "DNS question for a name on the list",
        options: "dns.query; to_lowercase; dataset:isset,{domain};",
        severity: "Major",
    },
    Template {
        kind: IndicatorKind::Domain,
        offset: 1,
        header: "alert tls $HOME_NET any -> any any",
        what: "TLS connection to a name on the list",
        options: "tls.sni; to_lowercase; dataset:isset,{domain};",
        severity: "Major",
    },
    Template {
        kind: IndicatorKind::Domain,
        offset: 2,
        header: "alert http $HOME_NET any -> any any",
        what: "HTTP request to a host on the list",
        options: "http.host; dataset:isset,{domain};",
        severity: "Major",
    },
    Template {
        kind: IndicatorKind::Ip,
        offset: 3,
        header: "alert ip $HOME_NET any -> any any",
        what: "traffic to an address on the list",
        options: "ip.dst; dataset:isset,{ip};",
        severity: "Major",
    },
    Template {
        kind: IndicatorKind::Url,
        offset: 4,
        header: "alert http $HOME_NET any -> any any",
        what: "HTTP request for a URL on the list",
        options: "http.host; dataset:isset,{url-host}; http.uri.raw; dataset:isset,{url-path};",
        severity: "Critical",
    },
    Template {
        kind: IndicatorKind::Ja3,
        offset: 5,
        header: "alert tls $HOME_NET any -> any any",
        what: "TLS client with a JA3 on the list",
        options: "ja3.hash; dataset:isset,{ja3};",
        severity: "Minor",
    },
    Template {
        kind: IndicatorKind::CertSha1,
        offset: 6,
        header: "alert tls any any -> $HOME_NET any",
        what: "TLS certificate on the list",
        options: "tls.cert_fingerprint; dataset:isset,{cert};",
        severity: "Critical",
    },
    Template {
        kind: IndicatorKind::Md5,
        offset: 7,
        header: "alert tcp any any -> any any",
        what: "file with an MD5 on the list",
        options: "filemd5:{md5};",
        severity: "Critical",
    },
    Template {
        kind: IndicatorKind::Sha1,
        offset: 8,
        header: "alert tcp any any -> any any",
        what: "file with a SHA-1 on the list",
        options: "filesha1:{sha1};",
        severity: "Critical",
    },
    Template {
        kind: IndicatorKind::Sha256,
        offset: 9,
        header: "alert tcp any any -> any any",
        what: "file with a SHA-256 on the list",
        options: "filesha256:{sha256};",
        severity: "Critical",
    },
];
/// Where numbers of rules for networks begin.
const NETWORKS_OFFSET: u32 = 100;

/// Rules for what is there, and the lists that they load.
pub fn rules_for(indicators: &Indicators, naming: &Naming) -> (Vec<Rule>, Vec<Carried>) {
    let mut texts = Vec::new();
    let mut carried = Vec::new();
    for (kind, values) in &indicators.values {
        if *kind == IndicatorKind::Network {
            texts.extend(networks(values, naming));
            continue;
        }
        let lists = lists_of(*kind, values);
        for template in TEMPLATES.iter().filter(|template| template.kind == *kind) {
            let mut options = template.options.to_owned();
            for (list, kind, _) in &lists {
                let file = naming.file(list);
                let set = match kind {
                    Some(kind) => format!("{}-{list},type {kind},load {file}", naming.key),
                    None => file,
                };
                options = options.replace(&format!("{{{list}}}"), &set);
            }
            let sid = naming.first_sid + template.offset;
            let names = (template.what, template.severity);
            texts.push(rule(naming, template.header, names, &options, sid));
        }
        carried.extend(lists.into_iter().map(|(list, _, content)| Carried {
            name: naming.file(list),
            content,
        }));
    }
    let rules = texts
        .iter()
        .filter_map(|text| Rule::parse(text, &naming.key));
    (rules.collect(), carried)
}

/// Lists of a kind: name, type of the set (none: a list of hashes of files), values as a file has them.
fn lists_of(
    kind: IndicatorKind,
    values: &BTreeSet<String>,
) -> Vec<(&'static str, Option<&'static str>, String)> {
    let lines = |write: &dyn Fn(&str) -> String| {
        let lines: BTreeSet<String> = values.iter().map(|value| write(value)).collect();
        lines
            .into_iter()
            .fold(String::new(), |text, line| text + &line + "\n")
    };
    let text = |value: &str| STANDARD.encode(value);
    let host = |value: &str| value.split('/').next().unwrap_or_default().to_owned();
    let path = |value: &str| value.find('/').map_or("/", |at| &value[at..]).to_owned();
    let colons = |value: &str| {
        let pairs: Vec<&str> = (0..value.len() / 2)
            .filter_map(|pair| value.get(2 * pair..2 * pair + 2))
            .collect();
        pairs.join(":")
    };
    let string = Some("string");
    match kind {
        IndicatorKind::Domain => vec![("domain", string, lines(&text))],
        IndicatorKind::Ip => vec![("ip", Some("ip"), lines(&str::to_owned))],
        IndicatorKind::Network => Vec::new(),
        IndicatorKind::Url => vec![
            ("url-host", string, lines(&|value| text(&host(value)))),
            ("url-path", string, lines(&|value| text(&path(value)))),
        ],
        IndicatorKind::Ja3 => vec![("ja3", string, lines(&text))],
        IndicatorKind::CertSha1 => {
            vec![("cert", string, lines(&|value| text(&colons(value))))]
        }
        IndicatorKind::Md5 => vec![("md5", None, lines(&str::to_owned))],
        IndicatorKind::Sha1 => vec![("sha1", None, lines(&str::to_owned))],
        IndicatorKind::Sha256 => vec![("sha256", None, lines(&str::to_owned))],
    }
}

/// A set holds addresses; networks stand in headers, which are looked up by prefix.
fn networks(values: &BTreeSet<String>, naming: &Naming) -> Vec<String> {
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let chunks = values.chunks(NETWORKS_PER_RULE).take(MAX_NETWORK_RULES);
    let numbered = (naming.first_sid + NETWORKS_OFFSET..).zip(chunks);
    numbered
        .map(|(sid, chunk)| {
            let header = format!("alert ip $HOME_NET any -> [{}] any", chunk.join(","));
            let names = ("traffic to a network on the list", "Major");
            rule(naming, &header, names, "", sid)
        })
        .collect()
}

fn rule(
    naming: &Naming,
    header: &str,
    (what, severity): (&str, &str),
    options: &str,
    sid: u32,
) -> String {
    let name: String = naming
        .name
        .chars()
        .filter(|c| !matches!(c, '"' | ';' | '\\') && !c.is_control())
        .collect();
    let mut text = format!("{header} (msg:\"MATLUOI LIST {name}: {what}\"; ");
    if !options.is_empty() {
        // A String takes any write.
        let _ = write!(text, "{options} ");
    }
    let _ = write!(
        text,
        "threshold:type limit, track by_src, count 1, seconds 3600; classtype:trojan-activity; \
         metadata:signature_severity {severity}; sid:{sid}; rev:1;)"
    );
    text
}

impl Naming {
    fn file(&self, list: &str) -> String {
        format!("{}-{list}.lst", self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_rules_and_lists() {
        let mut all = Indicators::default();
        for (kind, value) in [
            (IndicatorKind::Domain, "evil.example"),
            (IndicatorKind::Ip, "203.0.113.5"),
            (IndicatorKind::Network, "198.51.100.0/24"),
            (IndicatorKind::Url, "http://evil.example/a"),
            (IndicatorKind::Ja3, &"1b".repeat(16)),
            (IndicatorKind::CertSha1, &"0a".repeat(20)),
            (IndicatorKind::Md5, &"0a".repeat(16)),
            (IndicatorKind::Sha1, &"0b".repeat(20)),
            (IndicatorKind::Sha256, &"0c".repeat(32)),
        ] {
            all.add(kind, value);
        }
        let naming = Naming {
            name: "Danh sách \"thử\"".to_owned(),
            key: "feed7".to_owned(),
            first_sid: 8_007_000,
        };
        let (rules, carried) = rules_for(&all, &naming);
        let sids: BTreeSet<u32> = rules.iter().map(|rule| rule.sid).collect();
        let expected: BTreeSet<u32> = (0..10).chain([100]).map(|n| 8_007_000 + n).collect();
        assert_eq!(sids, expected);
        let loaded: BTreeSet<String> = rules.iter().flat_map(Rule::lists).collect();
        let there: BTreeSet<String> = carried.iter().map(|one| one.name.clone()).collect();
        assert_eq!(loaded, there);
        assert!(rules.iter().all(|rule| !rule.text.contains(['{', '}'])));
        let content = |name: &str| {
            let list = carried
                .iter()
                .find(|one| one.name == format!("feed7-{name}.lst"));
            list.map(|one| one.content.as_str())
        };
        assert_eq!(content("url-path"), Some("L2E=\n"));
        assert_eq!(
            content("cert").map(|text| STANDARD.decode(text.trim()).expect("base64")),
            Some([b"0a".as_slice(); 20].join(&b':'))
        );
        assert!(rules[0].msg.contains("Danh sách thử"));
    }
}
