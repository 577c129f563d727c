//! `frame`: a part of the stream or datagram that a parser has delimited.

use super::{Keyword, needed};
use crate::signature::{Builder, HeaderProtocol, nearest};
use crate::vocabulary::FrameSpec;

pub(super) const KEYWORDS: &[Keyword] = &[Keyword {
    name: "frame",
    aliases: &[],
    doc: "Looks into frames of this name: tls.pdu, or pdu where the header names the protocol.",
    parse: |builder, value| frame(builder, needed(value)?),
    accepts: &[
        "frame:tls.pdu; content:\"a\";",
        "frame:tls.data; base64_decode; base64_data; content:\"a\";",
    ],
    rejects: &[
        "frame;",
        "frame:http.request; content:\"a\";",
        "frame:pdu; content:\"a\";",
        "frame:zzz.pdu;",
    ],
}];

fn frame(builder: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let (tcp, udp) = match builder.signature.protocol {
        HeaderProtocol::Tcp | HeaderProtocol::TcpPacket | HeaderProtocol::TcpStream => {
            (true, false)
        }
        HeaderProtocol::Udp => (false, true),
        HeaderProtocol::Ip
        | HeaderProtocol::Ipv4
        | HeaderProtocol::Ipv6
        | HeaderProtocol::Application(_) => (true, true),
        _ => return Err("frames lie in TCP and UDP".to_owned()),
    };
    let vocabulary = builder.vocabulary;
    let name = value.to_ascii_lowercase();
    let named = name
        .split_once('.')
        .and_then(|(protocol, rest)| Some((vocabulary.protocol(protocol)?, rest)));
    // Frames are of HTTP/1 or of HTTP/2.
    let header = match builder.signature.protocol {
        HeaderProtocol::Application(id) => Some(id),
        _ => None,
    };
    let of = named.map(|(protocol, _)| protocol).or(header);
    if of.is_some_and(|id| vocabulary.protocol_spec(id).name == "http") {
        return Err("write http1 for frames of HTTP/1, http2 for those of HTTP/2".to_owned());
    }
    let (protocols, rest) = match named {
        Some((protocol, rest)) => (vocabulary.family(protocol), rest),
        None if matches!(builder.signature.protocol, HeaderProtocol::Application(_)) => {
            (builder.protocols.clone(), name.as_str())
        }
        None => {
            return Err(format!(
                "{value:?} names no protocol, and neither does the header: write tls.pdu, for example"
            ));
        }
    };
    let found = protocols.iter().find_map(|id| {
        let protocol = vocabulary.protocol_spec(*id).name;
        let serves = |spec: &&FrameSpec| {
            spec.protocol == protocol && spec.name == rest && (tcp && spec.tcp || udp && spec.udp)
        };
        vocabulary.frames.iter().find(serves)
    });
    if let Some(spec) = found {
        return builder.sticky(spec.buffer, None);
    }
    let waits = protocols
        .iter()
        .map(|id| vocabulary.protocol_spec(*id))
        .find(|spec| !spec.parsed);
    if let Some(spec) = waits {
        builder.payload()?;
        builder.wait_for(&format!("the parser of {}", spec.name));
        return Ok(());
    }
    let known = vocabulary.frames.iter().filter(|spec| {
        protocols
            .iter()
            .any(|id| vocabulary.protocol_spec(*id).name == spec.protocol)
    });
    let hint = nearest(rest, known.map(|spec| spec.name))
        .map_or_else(String::new, |near| format!(": is it {near:?}?"));
    Err(format!("unknown frame {value:?}{hint}"))
}
