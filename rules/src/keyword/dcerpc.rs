//! Calls of DCE/RPC: their interface and operation (rule manual, “DCERPC keywords”). SMB carries such calls
//! too, in its pipes.

use super::{Keyword, integer, needed, parts};
use crate::signature::{Builder, Condition};

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "dcerpc.iface",
        aliases: &["dce_iface"],
        doc: "Interface of the call: UUID [, version compared] [, any_frag].",
        parse: |builder, value| interface(builder, needed(value)?),
        accepts: &[
            "dcerpc.iface:367abb81-9844-35f1-ad32-98f038001003;",
            "dce_iface:367abb81-9844-35f1-ad32-98f038001003,<2,any_frag;",
            "dcerpc.iface:367ABB81-9844-35F1-AD32-98F038001003,any_frag;",
        ],
        rejects: &[
            "dcerpc.iface:367abb81;",
            "dcerpc.iface:367abb81-9844-35f1-ad32-98f038001003,x;",
            "dcerpc.iface:367abb81-9844-35f1-ad32-98f038001003,any_frag,<2;",
            "dcerpc.iface;",
        ],
    },
    Keyword {
        name: "dcerpc.opnum",
        aliases: &["dce_opnum"],
        doc: "Number of the called operation: numbers and ranges between commas.",
        parse: |builder, value| operation(builder, needed(value)?),
        accepts: &["dcerpc.opnum:15;", "dce_opnum:1,3-7,12;"],
        rejects: &[
            "dcerpc.opnum:x;",
            "dcerpc.opnum:7-3;",
            "dcerpc.opnum:1-2-3;",
            "dcerpc.opnum;",
        ],
    },
];

fn note(builder: &mut Builder<'_>, name: &str, condition: Condition) -> Result<(), String> {
    let vocabulary = builder.vocabulary;
    let protocols: Vec<_> = ["dcerpc", "smb"]
        .iter()
        .filter_map(|name| vocabulary.protocol(name))
        .collect();
    builder.note_protocols(&protocols, name)?;
    builder.signature.conditions.push(condition);
    Ok(())
}

fn interface(builder: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let words = parts(value);
    let (uuid, version, any_fragment) = match words.as_slice() {
        [uuid] => (*uuid, None, false),
        [uuid, "any_frag"] => (*uuid, None, true),
        [uuid, version] => (*uuid, Some(*version), false),
        [uuid, version, "any_frag"] => (*uuid, Some(*version), true),
        _ => return Err("write UUID [, version] [, any_frag]".to_owned()),
    };
    let condition = Condition::RpcInterface {
        uuid: parse_uuid(uuid).ok_or_else(|| format!("{uuid:?} is no UUID"))?,
        version: match version {
            Some(text) => Some(integer::parse(text, u64::from(u16::MAX))?),
            None => None,
        },
        any_fragment,
    };
    note(builder, "dcerpc.iface", condition)
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    if groups != [8, 4, 4, 4, 12] {
        return None;
    }
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| *c != '-')
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let mut uuid = [0; 16];
    for (byte, pair) in uuid.iter_mut().zip(digits?.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Some(uuid)
}

fn operation(builder: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let number = |text: &str| {
        text.trim()
            .parse::<u32>()
            .map_err(|_| format!("{:?} is no number", text.trim()))
    };
    let mut ranges = Vec::new();
    for part in parts(value) {
        let (low, high) = match part.split_once('-') {
            Some((low, high)) => (number(low)?, number(high)?),
            None => (number(part)?, number(part)?),
        };
        if low > high {
            return Err(format!("{part:?}: the first number is the greater one"));
        }
        ranges.push((low, high));
    }
    note(builder, "dcerpc.opnum", Condition::RpcOperation(ranges))
}
