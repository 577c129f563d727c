//! How often a rule may alert: `threshold`, `detection_filter`, `tag`.

use super::{Keyword, needed, parts};
use crate::signature::{Builder, DetectionFilter, Tag, TagMetric, TagScope, Threshold, Track};

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "threshold",
        aliases: &[],
        doc: "type limit|threshold|both|backoff, track by_src|by_dst|by_both|by_rule|by_flow, count n, seconds s (multiplier m for backoff).",
        parse: threshold,
        accepts: &[
            "threshold:type limit, track by_src, count 1, seconds 60;",
            "threshold: type both, count 5, seconds 10, track by_dst;",
            "threshold:type backoff, track by_flow, count 1, multiplier 10;",
        ],
        rejects: &[
            "threshold:type limit, track by_src, count 1;",
            "threshold:type never, track by_src, count 1, seconds 60;",
            "threshold:type limit, track by_src, count x, seconds 60;",
            "threshold:type backoff, track by_flow, count 1, multiplier 1;",
            "threshold:type backoff, track by_flow, count 0, multiplier 10;",
            "threshold:type backoff, track by_src, count 1, multiplier 10;",
            "threshold:type backoff, track by_flow, count 1, seconds 1, multiplier 10;",
            "threshold:type limit, track by_src, count 1, seconds 60; detection_filter:track by_src, count 1, seconds 60;",
        ],
    },
    Keyword {
        name: "detection_filter",
        aliases: &[],
        doc: "Alerts only beyond a rate: track by_src|by_dst|by_flow, count n, seconds s.",
        parse: detection_filter,
        accepts: &["detection_filter:track by_src, count 5, seconds 10;"],
        rejects: &[
            "detection_filter:count 5, seconds 10;",
            "detection_filter:track by_rule, count 5, seconds 10;",
            "detection_filter:track by_src, count 5;",
            "detection_filter:type limit, track by_src, count 5, seconds 10;",
        ],
    },
    Keyword {
        name: "tag",
        aliases: &[],
        doc: "Logs the packets that follow: session|host [, n, packets|seconds|bytes [, src|dst]].",
        parse: tag,
        accepts: &[
            "tag:session;",
            "tag:session,5,packets;",
            "tag:host,60,seconds,src;",
            "tag:host;",
        ],
        rejects: &[
            "tag:zzz;",
            "tag:session,x,packets;",
            "tag:host,60,seconds,up;",
        ],
    },
];

#[derive(Default)]
struct Words<'a> {
    kind: Option<&'a str>,
    track: Option<Track>,
    count: Option<u32>,
    seconds: Option<u32>,
    multiplier: Option<u32>,
}

fn words(value: &str) -> Result<Words<'_>, String> {
    let mut words = Words::default();
    for part in parts(value) {
        let (word, value) = part
            .split_once(char::is_whitespace)
            .ok_or_else(|| format!("{part:?} needs a value"))?;
        let value = value.trim();
        let number = || {
            value
                .parse::<u32>()
                .map_err(|_| format!("{word} is a number, not {value:?}"))
        };
        let twice = match word {
            "type" => words.kind.replace(value).is_some(),
            "track" => words
                .track
                .replace(match value {
                    "by_src" => Track::Source,
                    "by_dst" => Track::Destination,
                    "by_both" => Track::Both,
                    "by_rule" => Track::Rule,
                    "by_flow" => Track::Flow,
                    other => {
                        return Err(format!(
                            "{other:?}: track by_src, by_dst, by_both, by_rule or by_flow"
                        ));
                    }
                })
                .is_some(),
            "count" => words.count.replace(number()?).is_some(),
            "seconds" => words.seconds.replace(number()?).is_some(),
            "multiplier" => words.multiplier.replace(number()?).is_some(),
            other => return Err(format!("unknown word {other:?}")),
        };
        if twice {
            return Err(format!("{word} stands twice"));
        }
    }
    Ok(words)
}

fn above_0(number: Option<u32>, name: &str) -> Result<u32, String> {
    match number {
        Some(0) => Err(format!("{name} is above 0")),
        number => number.ok_or_else(|| missing(name)),
    }
}

fn missing(name: &str) -> String {
    format!("{name} is missing")
}

fn threshold(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    if builder.signature.threshold.is_some() || builder.signature.detection_filter.is_some() {
        return Err("a rule has one threshold or detection_filter".to_owned());
    }
    let words = words(needed(value)?)?;
    let track = words.track.ok_or_else(|| missing("track"))?;
    let count = words.count.ok_or_else(|| missing("count"))?;
    let seconds = || words.seconds.ok_or_else(|| missing("seconds"));
    builder.signature.threshold = Some(match words.kind.ok_or_else(|| missing("type"))? {
        "limit" => Threshold::Limit {
            track,
            count,
            seconds: seconds()?,
        },
        "threshold" => Threshold::Threshold {
            track,
            count,
            seconds: seconds()?,
        },
        "both" => Threshold::Both {
            track,
            count,
            seconds: seconds()?,
        },
        "backoff" if track != Track::Flow => {
            return Err("type backoff is for track by_flow".to_owned());
        }
        "backoff" if words.seconds.is_some() => {
            return Err("type backoff has a multiplier, no seconds".to_owned());
        }
        "backoff" => Threshold::Backoff {
            track,
            count: Some(count)
                .filter(|count| (1..=65_535).contains(count))
                .ok_or("type backoff counts from 1 to 65535")?,
            multiplier: words
                .multiplier
                .filter(|multiplier| (2..=65_535).contains(multiplier))
                .ok_or("type backoff has a multiplier from 2 to 65535")?,
        },
        other => return Err(format!("{other:?}: type limit, threshold, both or backoff")),
    });
    Ok(())
}

fn detection_filter(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    if builder.signature.threshold.is_some() || builder.signature.detection_filter.is_some() {
        return Err("a rule has one threshold or detection_filter".to_owned());
    }
    let words = words(needed(value)?)?;
    let track = words.track.ok_or_else(|| missing("track"))?;
    if matches!(track, Track::Both | Track::Rule) {
        return Err("track by_src, by_dst or by_flow".to_owned());
    }
    if words.kind.is_some() || words.multiplier.is_some() {
        return Err("detection_filter has neither a type nor a multiplier".to_owned());
    }
    builder.signature.detection_filter = Some(DetectionFilter {
        track,
        count: above_0(words.count, "count")?,
        seconds: above_0(words.seconds, "seconds")?,
    });
    Ok(())
}

fn tag(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    const PACKETS: u32 = 256;
    let words = parts(needed(value)?);
    let (scope, rest) = words.split_first().ok_or_else(|| missing("scope"))?;
    let (count, metric, side) = match rest {
        [] => (PACKETS, TagMetric::Packets, None),
        [count, metric, side @ ..] => {
            let count = count
                .parse()
                .map_err(|_| format!("{count:?} is no number"))?;
            let metric = match *metric {
                "packets" => TagMetric::Packets,
                "seconds" => TagMetric::Seconds,
                "bytes" => TagMetric::Bytes,
                other => return Err(format!("{other:?}: packets, seconds or bytes")),
            };
            (count, metric, side.first().copied())
        }
        _ => return Err("write session, count, packets".to_owned()),
    };
    let scope = match (*scope, side) {
        ("session", None | Some("src" | "dst")) => TagScope::Session,
        ("host", Some("src")) => TagScope::HostSource,
        ("host", None | Some("dst")) => TagScope::HostDestination,
        ("host", Some(other)) => return Err(format!("{other:?}: src or dst")),
        (other, _) => return Err(format!("{other:?}: session or host")),
    };
    builder.signature.tag = Some(Tag {
        scope,
        count,
        metric,
    });
    Ok(())
}
