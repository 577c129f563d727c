//! Fields of TCP headers.

use super::{Keyword, integer, needed};
use crate::signature::{Builder, Condition, FlagMode, IntMatch};

macro_rules! number {
    ($name:literal, $aliases:expr, $doc:literal, $highest:expr, $make:expr, $parse:path, $rejected:literal) => {
        Keyword {
            name: $name,
            aliases: $aliases,
            doc: $doc,
            parse: |builder, value| {
                let make: fn(IntMatch) -> Condition = $make;
                let wanted = $parse(needed(value)?, $highest)?;
                builder.signature.conditions.push(make(wanted));
                Ok(())
            },
            accepts: &[concat!($name, ":5;")],
            rejects: &[
                concat!($name, ":x;"),
                concat!($name, ";"),
                concat!($name, $rejected),
            ],
        }
    };
}

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "flags",
        aliases: &["tcp.flags"],
        doc: "TCP flags F S R P A U E(ECE) C(CWR) 0(none), with + (and more), * (any of), ! (not), and flags to ignore behind a comma.",
        parse: flags,
        accepts: &[
            "flags:S;",
            "flags:SA,12;",
            "flags:+A;",
            "flags:!A;",
            "flags:0;",
            "flags:FPU;",
            "flags:*SR;",
            "tcp.flags:S,CE;",
        ],
        rejects: &["flags;", "flags:X;", "flags:S+*;", "flags:S,Z;"],
    },
    number!(
        "seq",
        &["tcp.seq"],
        "Sequence number.",
        u64::from(u32::MAX),
        Condition::TcpSeq,
        integer::plain,
        ":>1;"
    ),
    number!(
        "ack",
        &["tcp.ack"],
        "Acknowledgement number.",
        u64::from(u32::MAX),
        Condition::TcpAck,
        integer::plain,
        ":>1;"
    ),
    number!(
        "window",
        &["tcp.window"],
        "Window, not scaled.",
        65_535,
        Condition::TcpWindow,
        integer::equal_or_not,
        ":>1;"
    ),
    number!(
        "tcp.mss",
        &[],
        "Largest segment, as the option says.",
        65_535,
        Condition::TcpMss,
        integer::parse,
        ":9-1;"
    ),
    number!(
        "tcp.wscale",
        &[],
        "Window scale, as the option says.",
        255,
        Condition::TcpWscale,
        integer::parse,
        ":9-1;"
    ),
];

fn bits(text: &str) -> Result<(u8, Option<FlagMode>), String> {
    let mut mask = 0;
    let mut mode = None;
    let mut named = false;
    for c in text.chars() {
        let set = |mode: &mut Option<FlagMode>, value| match mode.replace(value) {
            None => Ok(()),
            Some(_) => Err("one of + * ! only".to_owned()),
        };
        named |= c.is_ascii_alphanumeric();
        mask |= match c {
            'F' => 0x01,
            'S' => 0x02,
            'R' => 0x04,
            'P' => 0x08,
            'A' => 0x10,
            'U' => 0x20,
            'E' | '2' => 0x40,
            'C' | '1' => 0x80,
            '0' => 0,
            '+' => {
                set(&mut mode, FlagMode::All)?;
                0
            }
            '*' => {
                set(&mut mode, FlagMode::Any)?;
                0
            }
            '!' => {
                set(&mut mode, FlagMode::Not)?;
                0
            }
            c if c.is_whitespace() => 0,
            other => return Err(format!("{other:?} is no flag: F S R P A U E C 0")),
        };
    }
    if !named {
        return Err("a flag is missing: F S R P A U E C 0".to_owned());
    }
    Ok((mask, mode))
}

fn flags(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let (wanted, ignored) = match needed(value)?.split_once(',') {
        Some((wanted, ignored)) => (wanted, Some(ignored)),
        None => (needed(value)?, None),
    };
    let (value, mode) = bits(wanted)?;
    let ignore = match ignored {
        Some(ignored) => bits(ignored)?.0,
        None => 0,
    };
    builder.signature.conditions.push(Condition::TcpFlags {
        value,
        mode: mode.unwrap_or(FlagMode::Exact),
        ignore,
    });
    Ok(())
}
