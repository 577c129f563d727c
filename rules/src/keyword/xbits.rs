//! `xbits`, `hostbits` (rule manual, “Xbits keyword”).

use std::time::Duration;

use super::{Keyword, flowbits, needed, nothing, parts};
use crate::signature::{BitKeyword, BitOperation, Builder, Hook, Track, XBits};

/// Seconds for which a bit holds unless the rule says otherwise.
const EXPIRE_SECONDS: u64 = 30;
const HOSTBITS_SECONDS: u64 = 300;

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "xbits",
        aliases: &[],
        doc: "A bit on an address, a pair or a transaction: set|unset|toggle|isset|isnotset,name,track ip_src|ip_dst|ip_pair|tx [,expire seconds].",
        parse: xbits,
        accepts: &[
            "xbits:set,a,track ip_src,expire 60;",
            "xbits:isset,a,track ip_pair;",
            "xbits:noalert;",
            "xbits:set,a,track tx;",
            "xbits:set,a,expire 60,track ip_src;",
        ],
        rejects: &[
            "xbits:isset,a,track tx;",
            "xbits:toggle,a,track tx;",
            "xbits:set,a;",
            "xbits:set,a,track up;",
            "xbits:set,a,track ip_src,expire 0;",
            "xbits:set,a,track ip_src,expire 4294967296;",
        ],
    },
    Keyword {
        name: "hostbits",
        aliases: &[],
        doc: "A bit on a host: set|unset|toggle|isset|isnotset,name [,src|dst].",
        parse: hostbits,
        accepts: &[
            "hostbits:set,a;",
            "hostbits:isset,a,dst;",
            "hostbits:noalert;",
        ],
        rejects: &[
            "hostbits:set;",
            "hostbits:set,a,up;",
            "hostbits:set,a,both;",
        ],
    },
];

fn xbits(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let words = parts(needed(value)?);
    if let ["noalert"] = words.as_slice() {
        builder.signature.alerts = false;
        return Ok(());
    }
    let [operation, name, options @ ..] = words.as_slice() else {
        return Err("write operation, name, track ip_src".to_owned());
    };
    let is_track = |option: &&&str| option.starts_with("track");
    let track = options.iter().find(is_track).copied().unwrap_or_default();
    let rest: Vec<&str> = options
        .iter()
        .filter(|option| !is_track(option))
        .copied()
        .collect();
    let operation = flowbits::operation(operation)?;
    let track = match track.strip_prefix("track").map(str::trim) {
        Some("ip_src") => Track::Source,
        Some("ip_dst") => Track::Destination,
        Some("ip_pair") => Track::Both,
        Some("tx") => {
            if !matches!(operation, BitOperation::Set | BitOperation::IsSet) {
                return Err("a bit of a transaction is only set and tested: set, isset".to_owned());
            }
            if operation == BitOperation::IsSet
                && !matches!(builder.signature.hook, Some(Hook::Transaction { .. }))
            {
                return Err(
                    "a bit of a transaction is tested at a hook: alert http1:request_body …"
                        .to_owned(),
                );
            }
            Track::Transaction
        }
        _ => {
            return Err(format!(
                "{track:?}: write track ip_src, ip_dst, ip_pair or tx"
            ));
        }
    };
    let seconds = match rest.as_slice() {
        [] => EXPIRE_SECONDS,
        [expire] => expire
            .strip_prefix("expire")
            .and_then(|seconds| seconds.trim().parse::<u32>().ok())
            .map(u64::from)
            .filter(|seconds| *seconds > 0)
            .ok_or_else(|| format!("{expire:?}: write expire and seconds"))?,
        _ => return Err("too many parts".to_owned()),
    };
    builder.signature.xbits.push(XBits {
        keyword: BitKeyword::Xbits,
        operation,
        name: (*name).to_owned(),
        track,
        expire: Duration::from_secs(seconds),
    });
    Ok(())
}

fn hostbits(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let words = parts(needed(value)?);
    let (operation, name, side) = match words.as_slice() {
        ["noalert"] => {
            nothing(None)?;
            builder.signature.alerts = false;
            return Ok(());
        }
        [operation, name] => (*operation, *name, "src"),
        [operation, name, side] => (*operation, *name, *side),
        _ => return Err("write operation, name [, src|dst]".to_owned()),
    };
    let operation = flowbits::operation(operation)?;
    let track = match side {
        "src" => Track::Source,
        "dst" => Track::Destination,
        other => return Err(format!("{other:?}: write src or dst")),
    };
    builder.signature.xbits.push(XBits {
        keyword: BitKeyword::Hostbits,
        operation,
        name: name.to_owned(),
        track,
        expire: Duration::from_secs(HOSTBITS_SECONDS),
    });
    Ok(())
}
