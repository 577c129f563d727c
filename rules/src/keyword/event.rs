//! What decoder, stream and parsers found odd; which protocol the flow has.

use super::{Keyword, event_names, needed, parts};
use crate::signature::{
    AppSide, Builder, Condition, HeaderProtocol, Hook, StageSide, nearest, transaction_hook,
};

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "decode-event",
        aliases: &[],
        doc: "An event of the decoder: ipv4.trunc_pkt, ….",
        parse: |builder, value| decode_event(builder, needed(value)?),
        accepts: &[
            "decode-event:ipv4.trunc_pkt;",
            "decode-event:ppp.wrong_type;",
        ],
        rejects: &["decode-event:ipv4.zzz;", "decode-event;"],
    },
    Keyword {
        name: "stream-event",
        aliases: &[],
        doc: "An event of stream tracking: pkt_invalid_ack, ….",
        parse: |builder, value| stream_event(builder, needed(value)?),
        accepts: &["stream-event:pkt_invalid_ack;"],
        rejects: &["stream-event:zzz;"],
    },
    Keyword {
        name: "engine-event",
        aliases: &[],
        doc: "An event of decoder or stream.",
        parse: |builder, value| {
            let name = needed(value)?;
            match name.strip_prefix("stream.") {
                Some(name) => stream_event(builder, name),
                None => decode_event(builder, name.strip_prefix("decoder.").unwrap_or(name)),
            }
        },
        accepts: &[
            "engine-event:stream.pkt_invalid_ack;",
            "engine-event:ipv4.trunc_pkt;",
        ],
        rejects: &["engine-event:zzz;"],
    },
    Keyword {
        name: "app-layer-event",
        aliases: &[],
        doc: "An event of a parser: http.request_header_invalid, ….",
        parse: app_layer_event,
        accepts: &["app-layer-event:applayer_mismatch_protocol_both_directions;"],
        rejects: &["app-layer-event:zzz.zzz;", "app-layer-event;"],
    },
    Keyword {
        name: "app-layer-protocol",
        aliases: &[],
        doc: "Protocol of the flow, with ! another one [, either|to_server|to_client|final|original].",
        parse: app_layer_protocol,
        accepts: &[
            "app-layer-protocol:http;",
            "app-layer-protocol:!tls,to_server;",
            "app-layer-protocol:failed;",
            "app-layer-protocol:unknown;",
            "app-layer-protocol:!tls; app-layer-protocol:!http;",
            "app-layer-protocol:http1,original; app-layer-protocol:http2,final;",
        ],
        rejects: &[
            "app-layer-protocol:zzz;",
            "app-layer-protocol:http,sideways;",
            "app-layer-protocol:!unknown;",
            "app-layer-protocol:http; app-layer-protocol:!tls;",
            "app-layer-protocol:!tls; app-layer-protocol:!tls;",
        ],
    },
    Keyword {
        name: "app-layer-state",
        aliases: &[],
        doc: "A stage of the header's protocol: looked at when a transaction comes to it; < before it, > behind it.",
        parse: app_layer_state,
        accepts: &[
            "ssl_version:tls1.2; app-layer-state:>client_hello_done;",
            "ssl_version:tls1.2; app-layer-state:server_hello_done;",
        ],
        rejects: &[
            "app-layer-state:request_line;",
            "app-layer-state:>request_line;",
            "app-layer-state;",
        ],
    },
];

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let hint = nearest(name, known).map_or_else(String::new, |near| format!(": is it {near:?}?"));
    format!("unknown event {name:?}{hint}")
}

fn decode_event(builder: &mut Builder<'_>, name: &str) -> Result<(), String> {
    let events = &builder.vocabulary.decode_events;
    match events.get(name) {
        Some(&number) => builder
            .signature
            .conditions
            .push(Condition::DecodeEvent(number)),
        None if event_names::DECODE.contains(&name) => {
            builder.wait_for(&format!("the decoder event {name}"));
        }
        None => {
            return Err(unknown(
                name,
                events.keys().chain(event_names::DECODE).copied(),
            ));
        }
    }
    Ok(())
}

fn stream_event(builder: &mut Builder<'_>, name: &str) -> Result<(), String> {
    let events = &builder.vocabulary.stream_events;
    match events.get(name) {
        Some(&number) => builder
            .signature
            .conditions
            .push(Condition::StreamEvent(number)),
        None if event_names::STREAM.contains(&name) => {
            builder.wait_for(&format!("the stream event {name}"));
        }
        None => {
            return Err(unknown(
                name,
                events.keys().chain(event_names::STREAM).copied(),
            ));
        }
    }
    Ok(())
}

fn app_layer_event(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let name = needed(value)?;
    let Some((protocol, _)) = name.split_once('.') else {
        // Events of protocol detection itself.
        let known = event_names::DETECTION
            .iter()
            .find(|known| **known == name)
            .ok_or_else(|| unknown(name, event_names::DETECTION.iter().copied()))?;
        builder
            .signature
            .conditions
            .push(Condition::DetectionEvent(known));
        return Ok(());
    };
    let vocabulary = builder.vocabulary;
    let id = vocabulary
        .protocol(protocol)
        .ok_or_else(|| format!("unknown protocol {protocol:?}"))?;
    let spec = vocabulary.protocol_spec(id);
    builder.note_protocols(&vocabulary.family(id), name)?;
    if !spec.parsed {
        builder.wait_for(&format!("the parser of {}", spec.name));
        return Ok(());
    }
    let full = format!("{}.{}", spec.name, &name[protocol.len() + 1..]);
    let Some(&event) = vocabulary.app_events.get(&full) else {
        if event_names::APP.contains(&full.as_str()) {
            builder.wait_for(&format!("the event {full}"));
            return Ok(());
        }
        let known = vocabulary.app_events.keys().map(String::as_str);
        return Err(unknown(
            &full,
            known.chain(event_names::APP.iter().copied()),
        ));
    };
    builder.signature.conditions.push(Condition::AppEvent {
        protocol: id,
        event,
    });
    Ok(())
}

fn app_layer_protocol(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let words = parts(needed(value)?);
    let (name, side) = match words.as_slice() {
        [name] => (*name, AppSide::Direction),
        [name, side] => {
            let side = match *side {
                "direction" => AppSide::Direction,
                "either" => AppSide::Either,
                "to_server" => AppSide::ToServer,
                "to_client" => AppSide::ToClient,
                "final" => AppSide::Final,
                "original" => AppSide::Original,
                other => {
                    return Err(format!(
                        "{other:?}: write direction, either, to_server, to_client, final or original"
                    ));
                }
            };
            (*name, side)
        }
        _ => return Err("write protocol [, side]".to_owned()),
    };
    let (negated, name) = match name.strip_prefix('!') {
        Some(name) => (true, name.trim()),
        None => (false, name),
    };
    let name = match name {
        "unknown" if negated => return Err("what is unknown cannot be denied".to_owned()),
        "failed" | "unknown" => name.to_owned(),
        name => {
            let id = builder
                .vocabulary
                .protocol(name)
                .ok_or_else(|| format!("unknown protocol {name:?}"))?;
            builder.vocabulary.protocol_spec(id).name.to_owned()
        }
    };
    if matches!(
        builder.signature.protocol,
        crate::signature::HeaderProtocol::Application(_)
    ) {
        return Err(
            "the header names the protocol already: write alert tcp or alert ip".to_owned(),
        );
    }
    let contradicts = |other: &Condition| {
        matches!(other, Condition::AppProtocol { name: theirs, negated: denied, side: at }
            if *at == side && (!negated || !denied || *theirs == name))
    };
    if builder.signature.conditions.iter().any(contradicts) {
        return Err("the same protocol is asked for twice, or another one".to_owned());
    }
    builder.signature.conditions.push(Condition::AppProtocol {
        name,
        negated,
        side,
    });
    Ok(())
}

fn app_layer_state(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let value = needed(value)?;
    let id = match (builder.signature.protocol, builder.protocols()) {
        (HeaderProtocol::Application(id), _) | (_, &[id]) => id,
        _ => {
            return Err(
                "the stages are those of one protocol: write alert http1, tls or ssh".to_owned(),
            );
        }
    };
    let protocol = builder.vocabulary.protocol_spec(id).name;
    let (side, name) = match value.as_bytes().first() {
        Some(b'<') => (Some(StageSide::Before), &value[1..]),
        Some(b'>') => (Some(StageSide::Behind), &value[1..]),
        _ => (None, value),
    };
    let hook = transaction_hook(protocol, name)?;
    match (side, hook) {
        (Some(side), Hook::Transaction { to_server, state }) => {
            builder.signature.conditions.push(Condition::Stage {
                to_server,
                state,
                side,
            });
        }
        (_, hook) => builder.signature.hook = Some(hook),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::signature::{Environment, Parsed, parse_rule};

    #[test]
    fn stages_are_moments_or_conditions() {
        let vocabulary = crate::known_names();
        for (header, state, found) in [
            ("http1", "request_headers", Some((true, 0))),
            ("http1", ">request_body", Some((false, 1))),
            ("tls", "<server_hello", Some((false, 1))),
            ("tls", "server_hello_done", Some((true, 0))),
            // Stages of other protocols, and of none.
            ("tls", "request_body", None),
            ("http", ">request_body", None),
            ("tcp", ">request_body", None),
            ("http1", "<<request_body", None),
        ] {
            let rule =
                format!("alert {header} any any -> any any (app-layer-state:{state}; sid:1;)");
            let parsed = parse_rule(&rule, &vocabulary, &Environment::default());
            let got = match &parsed {
                Ok(Parsed::Signature { signature, .. }) => {
                    Some((signature.hook.is_some(), signature.conditions.len()))
                }
                _ => None,
            };
            assert_eq!(got, found, "{header} {state}");
        }
    }

    #[test]
    fn events_of_a_parser_are_raised_wait_or_are_unknown() {
        let mut vocabulary = crate::known_names();
        for spec in &mut vocabulary.protocols {
            spec.parsed = true;
        }
        vocabulary
            .app_events
            .insert("tls.invalid_tls_header".to_owned(), 7);
        for (event, waits) in [
            ("tls.invalid_tls_header", Some(None)),
            (
                "http.range_invalid",
                Some(Some("the event http.range_invalid")),
            ),
            ("http.zzz", None),
        ] {
            let rule = format!("alert tcp any any -> any any (app-layer-event:{event}; sid:1;)");
            let parsed = parse_rule(&rule, &vocabulary, &Environment::default());
            let found = match &parsed {
                Ok(Parsed::Signature { signature, .. }) => Some(signature.waits_for.as_deref()),
                _ => None,
            };
            assert_eq!(found, waits, "{event}");
        }
    }
}
