//! What a rule says of itself.

use std::sync::Arc;

use super::{Keyword, needed, nothing, parts, unquote};
use crate::signature::{Builder, CaptureKind, Target, VariableTest};

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "msg",
        aliases: &[],
        doc: "What the alert says.",
        parse: |builder, value| {
            let text = needed(value)?;
            if !text.starts_with('"') || text == "\"\"" {
                return Err("a text stands in double quotes".to_owned());
            }
            let before = std::mem::replace(&mut builder.signature.msg, unquote(text)?);
            if before.is_empty() {
                Ok(())
            } else {
                Err("stands twice".to_owned())
            }
        },
        accepts: &[r#"msg:"text";"#, r#"msg:"a \"b\"\; c";"#],
        rejects: &[
            "msg;",
            r#"msg:"open;"#,
            "msg:a;",
            r#"msg:"";"#,
            r#"msg:"a"; msg:"b";"#,
        ],
    },
    Keyword {
        name: "sid",
        aliases: &[],
        doc: "Number of the rule.",
        parse: |builder, value| {
            builder.signature.sid = number(value)?;
            if builder.signature.sid == 0 {
                Err("a sid is above 0".to_owned())
            } else {
                Ok(())
            }
        },
        accepts: &["sid:5;"],
        rejects: &["sid:0;", "sid:x;", "sid:-1;"],
    },
    Keyword {
        name: "gid",
        aliases: &[],
        doc: "Group of the rule.",
        parse: |builder, value| {
            builder.signature.gid = number(value)?;
            Ok(())
        },
        accepts: &["gid:3;"],
        rejects: &["gid:x;"],
    },
    Keyword {
        name: "rev",
        aliases: &[],
        doc: "Revision of the rule.",
        parse: |builder, value| {
            let rev = number(value)?;
            if rev == 0 {
                return Err("revisions count from 1".to_owned());
            }
            if std::mem::replace(&mut builder.signature.rev, rev) != 0 {
                return Err("stands twice".to_owned());
            }
            Ok(())
        },
        accepts: &["rev:2;"],
        rejects: &["rev:x;", "rev:0;", "rev:1; rev:2;"],
    },
    Keyword {
        name: "classtype",
        aliases: &[],
        doc: "Class of the rule, from classification.config; gives its priority.",
        parse: |builder, value| {
            let name = needed(value)?.to_owned();
            if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                return Err(format!("{name:?} is no class"));
            }
            match builder.environment.classes.get(&name.to_ascii_lowercase()) {
                Some(class) => {
                    builder.signature.category = class.text.clone();
                    builder.signature.priority = class.priority;
                }
                None => builder.warnings.push(format!(
                    "classtype {name:?} is not in classification.config"
                )),
            }
            builder.signature.classtype = Some(name);
            Ok(())
        },
        accepts: &["classtype:trojan-activity;", "classtype:of-our-own;"],
        rejects: &["classtype;", "classtype:1foo;"],
    },
    Keyword {
        name: "priority",
        aliases: &[],
        doc: "Priority of the alert, 1 the worst; wins over the class.",
        parse: |builder, value| {
            let priority = super::integer::digits(needed(value)?, i32::MAX as u64)?;
            let priority = u32::try_from(priority).map_err(|error| error.to_string())?;
            if builder.priority.is_some_and(|before| before < priority) {
                return Ok(());
            }
            builder.priority = Some(priority);
            Ok(())
        },
        accepts: &["priority:1;"],
        rejects: &["priority:-1;", "priority:x;"],
    },
    Keyword {
        name: "reference",
        aliases: &[],
        doc: "Where to read more: system,id.",
        parse: |builder, value| {
            let value = unquote(needed(value)?)?;
            let (system, id) = value
                .split_once(',')
                .filter(|(_, id)| !id.trim().is_empty())
                .ok_or("write system,id")?;
            builder.signature.references.push(Arc::new((
                system.trim().to_ascii_lowercase(),
                id.trim().to_owned(),
            )));
            Ok(())
        },
        accepts: &["reference:cve,2021-44228;", "reference:url,example.org/a;"],
        rejects: &["reference:cve;", "reference:cve,;"],
    },
    Keyword {
        name: "metadata",
        aliases: &[],
        doc: "Pairs of key and value, with commas between.",
        parse: |builder, value| {
            for pair in parts(value.ok_or("a value is missing: write metadata:key value;")?)
                .into_iter()
                .filter(|pair| !pair.is_empty())
            {
                let (key, value) = pair.split_once(char::is_whitespace).unwrap_or((pair, ""));
                if !value.is_empty() {
                    builder
                        .signature
                        .metadata
                        .push(Arc::new((key.to_owned(), value.trim().to_owned())));
                }
            }
            Ok(())
        },
        accepts: &[
            "metadata:attack_target Client, created_at 2020_01_01;",
            "metadata: ;",
        ],
        rejects: &["metadata;"],
    },
    Keyword {
        name: "target",
        aliases: &[],
        doc: "Which end is the victim: src_ip or dest_ip.",
        parse: |builder, value| {
            let target = match needed(value)? {
                "src_ip" => Target::Source,
                "dest_ip" | "dst_ip" => Target::Destination,
                other => return Err(format!("{other:?}: write src_ip or dest_ip")),
            };
            match builder.signature.target.replace(target) {
                Some(before) if before != target => {
                    Err("a rule has one target: src_ip or dest_ip".to_owned())
                }
                _ => Ok(()),
            }
        },
        accepts: &["target:src_ip;", "target:dest_ip;"],
        rejects: &["target:me;", "target:src_ip; target:dest_ip;"],
    },
    Keyword {
        name: "noalert",
        aliases: &[],
        doc: "Matches and sets bits, but does not alert.",
        parse: |builder, value| {
            nothing(value)?;
            builder.signature.alerts = false;
            Ok(())
        },
        accepts: &["noalert;"],
        rejects: &["noalert:1;"],
    },
    Keyword {
        name: "alert",
        aliases: &[],
        doc: "Alerts even where the action would not.",
        parse: |builder, value| {
            nothing(value)?;
            builder.signature.alerts = true;
            Ok(())
        },
        accepts: &["alert;"],
        rejects: &["alert:1;"],
    },
    Keyword {
        name: "prefilter",
        aliases: &[],
        doc: "The condition before it serves as prefilter. It changes what matches behind app-layer-protocol alone: such a rule is asked when a protocol is found.",
        parse: |builder, value| {
            nothing(value)?;
            let signature = &builder.signature;
            if signature.conditions.is_empty() && signature.buffers.is_empty() {
                return Err(
                    "prefilter speaks of the condition before it: ttl:5; prefilter;".to_owned(),
                );
            }
            builder.signature.prefilter = builder.signature.conditions.len().checked_sub(1);
            Ok(())
        },
        accepts: &["ttl:5; prefilter;"],
        rejects: &["prefilter:1;", "prefilter;"],
    },
    Keyword {
        name: "pkt_data",
        aliases: &[],
        doc: "What follows looks at the payload again.",
        parse: |builder, value| {
            nothing(value)?;
            builder.payload()
        },
        accepts: &[r#"http.uri; content:"a"; pkt_data; content:"b";"#],
        rejects: &["pkt_data:1;"],
    },
    Keyword {
        name: "requires",
        aliases: &[],
        doc: "Engine version, features and keywords that the rule needs; a rule whose needs are not met is skipped.",
        parse: requires,
        accepts: &[
            "requires:version >= 7.0;",
            "requires:feature geoip;",
            "requires:version >= 9;",
            "requires:version >= 7.0.3 < 8 | >= 8.0.1;",
            "requires:keyword content;",
        ],
        rejects: &["requires;", "requires:version x;"],
    },
    Keyword {
        name: "bypass",
        aliases: &[],
        doc: "Takes the flow out of inspection once the rule has matched.",
        parse: |builder, value| {
            nothing(value)?;
            builder.signature.bypass = true;
            Ok(())
        },
        accepts: &["bypass;"],
        rejects: &["bypass:1;"],
    },
    Keyword {
        name: "lua",
        aliases: &["luajit", "luaxform"],
        doc: "Scripts are not run.",
        parse: |_, _| {
            Err("scripts are not run here: say it with content, pcre or transformations".to_owned())
        },
        accepts: &[r#"msg:"x";"#],
        rejects: &["lua:script.lua;"],
    },
    Keyword {
        name: "nfq_set_mark",
        aliases: &[],
        doc: "Marks packets of a queue of netfilter; a sensor that only listens has none.",
        parse: |builder, value| {
            needed(value)?;
            builder.warnings.push(
                "nfq_set_mark does nothing here: a sensor that only listens marks no packets"
                    .to_owned(),
            );
            Ok(())
        },
        accepts: &["nfq_set_mark:0x1/0xff;"],
        rejects: &["nfq_set_mark;"],
    },
    Keyword {
        name: "flowvar",
        aliases: &[],
        doc: "A variable of the flow, captured by a pcre, holds these bytes: name, \"text\".",
        parse: |builder, value| variable_test(builder, value, CaptureKind::Flow),
        accepts: &[r#"flowvar:name,"text";"#, r#"flowvar:name,"|41|b";"#],
        rejects: &["flowvar:name;", "flowvar:name,;"],
    },
    Keyword {
        name: "pktvar",
        aliases: &[],
        doc: "A variable of the packet, captured by a pcre, holds these bytes: name, \"text\".",
        parse: |builder, value| variable_test(builder, value, CaptureKind::Packet),
        accepts: &[r#"pktvar:name,"text";"#],
        rejects: &["pktvar:name;"],
    },
    Keyword {
        name: "config",
        aliases: &[],
        doc: "Switches off the record of the matching transaction.",
        parse: config,
        accepts: &[
            "config: logging disable, type tx, scope tx;",
            "config: tracking disable, type flow, scope packet;",
        ],
        rejects: &["config;", "config: logging enable, type tx, scope tx;"],
    },
];

fn variable_test(
    builder: &mut Builder<'_>,
    value: Option<&str>,
    kind: CaptureKind,
) -> Result<(), String> {
    let (name, text) = needed(value)?
        .rsplit_once(',')
        .filter(|(name, _)| !name.trim().is_empty())
        .ok_or("write name, \"text\"")?;
    let text = text.trim();
    let inner = text
        .strip_prefix('"')
        .map_or(Some(text), |rest| rest.strip_suffix('"'))
        .ok_or("the quotes are not closed")?;
    let content = super::content::unescape(inner)?;
    if content.is_empty() {
        return Err("an empty content matches everything and nothing".to_owned());
    }
    builder.signature.variable_tests.push(VariableTest {
        kind,
        name: name.trim().to_owned(),
        content,
    });
    Ok(())
}

fn number(value: Option<&str>) -> Result<u32, String> {
    let text = needed(value)?.trim_matches('"');
    text.parse().map_err(|_| format!("{text:?} is no number"))
}

/// What a match switches off: a subsystem, and where. Only the record of the matching transaction can be;
/// the language knows the other combinations, and they do nothing.
fn config(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let words: Vec<&str> = parts(needed(value)?)
        .into_iter()
        .flat_map(str::split_whitespace)
        .collect();
    match words.as_slice() {
        ["tracking", "disable", "type", "flow", "scope", "packet"] => {
            builder.wait_for("packets without flow");
            Ok(())
        }
        [
            subsystem @ ("logging" | "tracking"),
            "disable",
            "type",
            of @ ("tx" | "flow"),
            "scope",
            scope @ ("tx" | "flow" | "packet"),
        ] => {
            builder.signature.silences_transaction =
                (*subsystem, *of, *scope) == ("logging", "tx", "tx");
            Ok(())
        }
        _ => Err("expected \"logging disable, type tx, scope tx\"".to_owned()),
    }
}

/// The engine version whose language this sensor speaks.
const VERSION: (u32, u32, u32) = (8, 0, 6);

fn requires(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    if let Some(reason) = unmet(builder.vocabulary, needed(value)?)? {
        builder.requires_unmet = Some(reason);
    }
    Ok(())
}

/// The first need of `requires` that is not met.
pub(crate) fn unmet(vocabulary: &crate::Vocabulary, value: &str) -> Result<Option<String>, String> {
    let mut unmet = None;
    for part in parts(value) {
        let (word, rest) = part
            .split_once(char::is_whitespace)
            .ok_or_else(|| format!("{part:?} needs a value"))?;
        let rest = rest.trim();
        let met = match word {
            "version" => version(rest)?,
            "feature" => matches!(rest, "http2" | "ja3" | "ja4" | "pcre2" | "jansson" | "rust"),
            "keyword" => super::find(rest).is_some() || vocabulary.buffer(rest).is_some(),
            _ => false,
        };
        if !met {
            unmet.get_or_insert_with(|| format!("requires {part}"));
        }
    }
    Ok(unmet)
}

/// Alternatives between bars, each a list of comparisons that must all hold.
fn version(text: &str) -> Result<bool, String> {
    let mut any = false;
    for alternative in text.split('|') {
        let words: Vec<&str> = alternative.split_whitespace().collect();
        let mut rest = words.as_slice();
        let mut all = !rest.is_empty();
        while let [first, more @ ..] = rest {
            let (operator, number) = match first.find(|c: char| c.is_ascii_digit()) {
                Some(at) => {
                    rest = more;
                    first.split_at(at)
                }
                None => {
                    let (number, after) = more
                        .split_first()
                        .ok_or_else(|| format!("{text:?}: a version is missing"))?;
                    rest = after;
                    (*first, *number)
                }
            };
            let mut numbers = number.split('.').map(|part| {
                part.parse::<u32>()
                    .map_err(|_| format!("{number:?} is no version"))
            });
            let mut next = || numbers.next().unwrap_or(Ok(0));
            let wanted = (next()?, next()?, next()?);
            all &= match operator.trim() {
                ">=" => VERSION >= wanted,
                "<=" => VERSION <= wanted,
                ">" => VERSION > wanted,
                "<" => VERSION < wanted,
                "" | "=" | "==" => VERSION == wanted,
                other => return Err(format!("{other:?} is no comparison")),
            };
        }
        any |= all;
    }
    Ok(any)
}
