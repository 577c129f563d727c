//! MQTT keywords whose flags have names; everything else of MQTT is a sticky buffer or a plain number field.

use super::{Keyword, integer, needed};
use crate::signature::Builder;

/// Bits of the fixed header (MQTT 5.0 §2.1.3).
const FLAGS: &[(&str, u64)] = &[("dup", 0x08), ("retain", 0x01)];
/// Bits of a CONNECT (MQTT 5.0 §3.1.2.3).
const CONNECT_FLAGS: &[(&str, u64)] = &[
    ("username", 0x80),
    ("password", 0x40),
    ("will_retain", 0x20),
    ("will", 0x04),
    ("clean_session", 0x02),
];

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "mqtt.flags",
        aliases: &[],
        doc: "Flags of a message: dup, retain, with ! those that must not be set; or a number.",
        parse: |builder, value| flags(builder, value, "mqtt.flags", FLAGS),
        accepts: &[
            "mqtt.flags:dup;",
            "mqtt.flags:dup,!retain;",
            "mqtt.flags: !retain,!dup;",
            "mqtt.flags:8;",
        ],
        rejects: &[
            "mqtt.flags;",
            "mqtt.flags:qos;",
            "mqtt.flags:dup,!dup;",
            "mqtt.flags:256;",
        ],
    },
    Keyword {
        name: "mqtt.connect.flags",
        aliases: &[],
        doc: "Flags of a CONNECT: username, password, will, will_retain, clean_session, with ! those not set.",
        parse: |builder, value| flags(builder, value, "mqtt.connect.flags", CONNECT_FLAGS),
        accepts: &[
            "mqtt.connect.flags:username,password,clean_session;",
            "mqtt.connect.flags:!will;",
        ],
        rejects: &["mqtt.connect.flags:dup;", "mqtt.connect.flags;"],
    },
];

fn flags(
    builder: &mut Builder<'_>,
    value: Option<&str>,
    name: &str,
    names: &[(&str, u64)],
) -> Result<(), String> {
    let value = integer::flags(needed(value)?, names, u8::MAX.into())?;
    integer::condition(builder, name, value)
}
