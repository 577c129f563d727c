//! `flow`, `flow.age`, counters of the flow, `stream_size`.

use super::{Keyword, integer, needed, parts};
use crate::signature::{Builder, Condition, FlowOption, FlowSide, IntMatch, StreamSide};

macro_rules! count {
    ($name:literal, $doc:literal, $make:expr) => {
        Keyword {
            name: $name,
            aliases: &[],
            doc: $doc,
            parse: |builder, value| {
                let make: fn(IntMatch) -> Condition = $make;
                let wanted = integer::parse(needed(value)?, u64::MAX)?;
                push(builder, make(wanted))
            },
            accepts: &[concat!($name, ":>3;")],
            rejects: &[concat!($name, ":x;")],
        }
    };
}
pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "flow",
        aliases: &[],
        doc: "Direction and state of the flow: to_server|to_client|from_…, established|not_established|stateless, only_stream|no_stream, only_frag|no_frag.",
        parse: flow,
        accepts: &[
            "flow:established,to_server;",
            "flow:from_server;",
            "flow:stateless;",
            "flow:to_client,no_stream;",
            "flow:to_client; flow:established;",
        ],
        rejects: &[
            "flow;",
            "flow:sideways;",
            "flow:to_server,to_client;",
            "flow:established,stateless;",
            "flow:only_stream,no_stream;",
        ],
    },
    Keyword {
        name: "flow.age",
        aliases: &[],
        doc: "Age of the flow in seconds.",
        parse: |builder, value| {
            let wanted = integer::parse(needed(value)?, u64::from(u32::MAX))?;
            push(builder, Condition::FlowAge(wanted))
        },
        accepts: &["flow.age:>3600;"],
        rejects: &["flow.age:x;"],
    },
    Keyword {
        name: "flow.pkts",
        aliases: &[],
        doc: "Packets of the flow: toserver|toclient|either, number.",
        parse: |builder, value| {
            sided(builder, value, |side, value| Condition::FlowPackets {
                side,
                value,
            })
        },
        accepts: &["flow.pkts:toserver,>10;", "flow.pkts:either,5;"],
        rejects: &["flow.pkts:5;", "flow.pkts:up,5;"],
    },
    Keyword {
        name: "flow.bytes",
        aliases: &[],
        doc: "Bytes of the flow: toserver|toclient|either, number.",
        parse: |builder, value| {
            sided(builder, value, |side, value| Condition::FlowBytes {
                side,
                value,
            })
        },
        accepts: &["flow.bytes:toclient,>1000;"],
        rejects: &["flow.bytes:5;"],
    },
    count!("flow.pkts_toserver", "Packets to the server.", |value| {
        Condition::FlowPackets {
            side: FlowSide::ToServer,
            value,
        }
    }),
    count!("flow.pkts_toclient", "Packets to the client.", |value| {
        Condition::FlowPackets {
            side: FlowSide::ToClient,
            value,
        }
    }),
    count!("flow.bytes_toserver", "Bytes to the server.", |value| {
        Condition::FlowBytes {
            side: FlowSide::ToServer,
            value,
        }
    }),
    count!("flow.bytes_toclient", "Bytes to the client.", |value| {
        Condition::FlowBytes {
            side: FlowSide::ToClient,
            value,
        }
    }),
    Keyword {
        name: "stream_size",
        aliases: &[],
        doc: "Bytes sent by sequence numbers: server|client|both|either, operator, number.",
        parse: stream_size,
        accepts: &["stream_size:both,>,5000;", "stream_size:server,=,0;"],
        rejects: &[
            "stream_size:5000;",
            "stream_size:up,>,1;",
            "stream_size:client,?,1;",
        ],
    },
];

fn push(builder: &mut Builder<'_>, condition: Condition) -> Result<(), String> {
    builder.signature.conditions.push(condition);
    Ok(())
}

fn flow(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let mut flow = FlowOption::default();
    for word in parts(needed(value)?) {
        let slot = match word.to_ascii_lowercase().as_str() {
            "to_server" | "from_client" => &mut flow.to_server,
            "to_client" | "from_server" => &mut flow.to_client,
            "established" => &mut flow.established,
            "not_established" => &mut flow.not_established,
            "stateless" => &mut flow.stateless,
            "only_stream" => &mut flow.only_stream,
            "no_stream" => &mut flow.no_stream,
            "only_frag" => &mut flow.only_frag,
            "no_frag" => &mut flow.no_frag,
            _ => return Err(format!("unknown word {word:?}")),
        };
        if std::mem::replace(slot, true) {
            return Err(format!("{word} stands twice"));
        }
    }
    for (a, b, words) in [
        (flow.to_server, flow.to_client, "to_server and to_client"),
        (
            flow.established,
            flow.not_established,
            "established and not_established",
        ),
        (
            flow.established,
            flow.stateless,
            "established and stateless",
        ),
        (
            flow.not_established,
            flow.stateless,
            "not_established and stateless",
        ),
        (
            flow.only_stream,
            flow.no_stream,
            "only_stream and no_stream",
        ),
        (flow.only_frag, flow.no_frag, "only_frag and no_frag"),
    ] {
        if a && b {
            return Err(format!("{words} exclude each other"));
        }
    }
    // Said twice, both hold.
    let before = builder.signature.flow.unwrap_or_default();
    builder.signature.flow = Some(FlowOption {
        to_server: flow.to_server || before.to_server,
        to_client: flow.to_client || before.to_client,
        established: flow.established || before.established,
        not_established: flow.not_established || before.not_established,
        stateless: flow.stateless || before.stateless,
        only_stream: flow.only_stream || before.only_stream,
        no_stream: flow.no_stream || before.no_stream,
        only_frag: flow.only_frag || before.only_frag,
        no_frag: flow.no_frag || before.no_frag,
    });
    Ok(())
}

fn sided(
    builder: &mut Builder<'_>,
    value: Option<&str>,
    make: fn(FlowSide, IntMatch) -> Condition,
) -> Result<(), String> {
    let (side, number) = needed(value)?
        .split_once(',')
        .ok_or("write a side and a number: toserver,>10")?;
    let side = match side.trim() {
        "toserver" => FlowSide::ToServer,
        "toclient" => FlowSide::ToClient,
        "either" => FlowSide::Either,
        other => {
            return Err(format!("{other:?}: write toserver, toclient or either"));
        }
    };
    let wanted = integer::parse(number, u64::MAX)?;
    push(builder, make(side, wanted))
}

fn stream_size(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let words = parts(needed(value)?);
    let [side, operator, number] = words.as_slice() else {
        return Err("write side, operator, number".to_owned());
    };
    let side = match *side {
        "server" => StreamSide::Server,
        "client" => StreamSide::Client,
        "both" => StreamSide::Both,
        "either" => StreamSide::Either,
        other => return Err(format!("{other:?}: write server, client, both or either")),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| format!("{number:?} is no number"))?;
    let value = match *operator {
        "=" => IntMatch::Equal(number),
        "!=" => IntMatch::NotEqual(number),
        "<" => IntMatch::Less(number),
        "<=" => IntMatch::LessEqual(number),
        ">" => IntMatch::Greater(number),
        ">=" => IntMatch::GreaterEqual(number),
        other => return Err(format!("{other:?} is no operator")),
    };
    push(builder, Condition::StreamSize { side, value })
}
