//! DNP3 keywords with a list for a value; the function code is a plain number field, the data a sticky buffer.

use super::{Keyword, integer, needed, parts};
use crate::signature::{Builder, IntMatch};

/// Internal indications by name (IEEE 1815 §4.2.2.6), the first octet above.
const INDICATIONS: &[(&str, u64)] = &[
    ("device_restart", 0x8000),
    ("device_trouble", 0x4000),
    ("local_control", 0x2000),
    ("need_time", 0x1000),
    ("class_3_events", 0x0800),
    ("class_2_events", 0x0400),
    ("class_1_events", 0x0200),
    ("all_stations", 0x0100),
    ("reserved_1", 0x0080),
    ("reserved_2", 0x0040),
    ("config_corrupt", 0x0020),
    ("already_executing", 0x0010),
    ("event_buffer_overflow", 0x0008),
    ("parameter_error", 0x0004),
    ("object_unknown", 0x0002),
    ("no_func_code_support", 0x0001),
];

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "dnp3_ind",
        aliases: &["dnp3.ind"],
        doc: "Internal indications of a response, any of those named; or a number with their bits.",
        parse: |builder, value| {
            let mask = indications(needed(value)?)?;
            integer::condition(
                builder,
                "dnp3_ind",
                IntMatch::Mask {
                    mask,
                    value: 0,
                    negated: true,
                },
            )
        },
        accepts: &[
            "dnp3_ind:all_stations;",
            "dnp3.ind:class_1_events,class_2_events;",
            "dnp3_ind:0x8000;",
        ],
        rejects: &["dnp3_ind;", "dnp3_ind:unknown;", "dnp3_ind:65536;"],
    },
    Keyword {
        name: "dnp3_obj",
        aliases: &["dnp3.obj"],
        doc: "An object of a message: group,variation.",
        parse: object,
        accepts: &["dnp3_obj:99,99;", "dnp3.obj:0x0c, 1;"],
        rejects: &["dnp3_obj:99;", "dnp3_obj:256,1;", "dnp3_obj:a,b;"],
    },
];

fn indications(value: &str) -> Result<u64, String> {
    if let Ok(IntMatch::Equal(bits)) = integer::parse(value, u16::MAX.into()) {
        return Ok(bits);
    }
    parts(value).into_iter().try_fold(0, |mask, name| {
        INDICATIONS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, bit)| mask | bit)
            .ok_or_else(|| format!("{name:?} is no internal indication"))
    })
}

fn object(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let value = needed(value)?;
    let (group, variation) = value
        .split_once(',')
        .ok_or_else(|| format!("{value:?}: expected group,variation"))?;
    let octet = |text: &str| match integer::parse(text, u8::MAX.into()) {
        Ok(IntMatch::Equal(octet)) => Ok(octet),
        _ => Err(format!("{:?} is no number up to 255", text.trim())),
    };
    let object = octet(group)? << 8 | octet(variation)?;
    integer::condition(builder, "dnp3_obj", IntMatch::Equal(object))
}
