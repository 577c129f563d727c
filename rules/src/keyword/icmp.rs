//! Fields of ICMP and ICMPv6 messages.

use super::{Keyword, integer, needed};
use crate::signature::{Condition, IntMatch};

macro_rules! number {
    ($name:literal, $aliases:expr, $doc:literal, $highest:expr, $make:expr, $parse:path) => {
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
            rejects: &[concat!($name, ":x;"), concat!($name, ";")],
        }
    };
}

pub(super) const KEYWORDS: &[Keyword] = &[
    number!(
        "itype",
        &[],
        "Type of the message.",
        255,
        Condition::IcmpType,
        integer::parse
    ),
    number!(
        "icode",
        &[],
        "Code of the message.",
        255,
        Condition::IcmpCode,
        integer::parse
    ),
    number!(
        "icmp_id",
        &[],
        "Identifier of the message.",
        65_535,
        Condition::IcmpId,
        integer::plain
    ),
    number!(
        "icmp_seq",
        &[],
        "Sequence number of the message.",
        65_535,
        Condition::IcmpSeq,
        integer::plain
    ),
    number!(
        "icmpv6.mtu",
        &[],
        "MTU of “packet too big”.",
        u64::from(u32::MAX),
        Condition::Icmpv6Mtu,
        integer::parse
    ),
];
