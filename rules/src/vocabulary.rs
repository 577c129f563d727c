//! The names that protocols lend to the rule language: header protocols, sticky buffers, number fields.
//!
//! `sensor-detect` builds the value from `sensor_app::PROTOCOLS` and its own packet buffers; this crate
//! resolves names against it and never knows a protocol itself.

use std::collections::HashMap;

/// Index of a row of [`Vocabulary::protocols`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProtocolId(pub u16);

/// Index of a row of [`Vocabulary::buffers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub u16);

/// Index of a row of [`Vocabulary::int_fields`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IntFieldId(pub u16);

/// The side of a transaction on which a buffer or field lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    ToServer,
    ToClient,
    /// The same name on either side (`file.data`, `http.header`, `dns.query` over mDNS …).
    Both,
    /// Not a transaction: the packet, its headers, or the raw stream.
    Packet,
    /// Not a transaction: a part of the stream or datagram that a parser has delimited.
    Frame,
}

/// A protocol that may stand in a rule header or in `app-layer-protocol`.
#[derive(Debug, Clone)]
pub struct ProtocolSpec {
    pub name: &'static str,
    /// Names accepted instead (`dcerpc` for `dce`, …).
    pub synonyms: &'static [&'static str],
    /// False for a protocol whose name is known but whose parser is not compiled in: rules on it load
    /// with the warning that they wait for the parser.
    pub parsed: bool,
}

/// A sticky buffer.
#[derive(Debug, Clone)]
pub struct BufferSpec {
    /// Canonical name: `http.uri`.
    pub name: &'static str,
    /// Sticky names accepted instead (`dns_query`, `file_data`, `ja3_hash`).
    pub synonyms: &'static [&'static str],
    /// Old content modifiers that move the previous content here (`http_uri`, `uricontent` aside).
    pub modifiers: &'static [&'static str],
    /// Protocols whose transactions have it; empty for packet buffers.
    pub protocols: Vec<ProtocolId>,
    pub side: Side,
    /// The buffer occurs several times in a transaction (`dns.query`, `tls.subjectaltname`).
    pub multi: bool,
    /// The value has no upper-case letters (`http.host`): `nocase` is pointless, upper-case content a fault.
    pub lowercase: bool,
    /// Known by name only: the parser that fills it is not compiled in.
    pub parsed: bool,
}

/// A frame: the part of a stream or datagram to which `frame` leads.
#[derive(Debug, Clone)]
pub struct FrameSpec {
    pub protocol: &'static str,
    /// Within the protocol: `pdu`.
    pub name: &'static str,
    pub buffer: BufferId,
    pub tcp: bool,
    pub udp: bool,
}

/// A number that a protocol offers to integer keywords (`dns.opcode`, `mqtt.qos`).
#[derive(Debug, Clone)]
pub struct IntFieldSpec {
    pub name: &'static str,
    pub synonyms: &'static [&'static str],
    pub protocols: Vec<ProtocolId>,
    pub side: Side,
    /// Width of the number in bits (8, 16, 32, 64): bounds what a rule may name.
    pub bits: u8,
    /// Names for values (`dns.rrtype:A`), lower case.
    pub names: &'static [(&'static str, u64)],
    pub parsed: bool,
}

/// Everything that rule text may name.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    pub protocols: Vec<ProtocolSpec>,
    pub buffers: Vec<BufferSpec>,
    pub frames: Vec<FrameSpec>,
    pub int_fields: Vec<IntFieldSpec>,
    /// Application-layer events by `protocol.event`, with the number that the parser raises.
    pub app_events: HashMap<String, u16>,
    /// Decoder events by name without the `decoder.` prefix, as `decode-event` takes them.
    pub decode_events: HashMap<&'static str, u16>,
    /// Stream events by name without the `stream.` prefix, as `stream-event` takes them.
    pub stream_events: HashMap<&'static str, u16>,
}

impl Vocabulary {
    /// The protocol with this name or synonym.
    pub fn protocol(&self, name: &str) -> Option<ProtocolId> {
        position(&self.protocols, |p| {
            p.name == name || p.synonyms.contains(&name)
        })
        .map(ProtocolId)
    }

    /// The protocols that a rule on this one is about: SMB carries DCE/RPC in its pipes; `http` is HTTP of
    /// either version, `http1` the one that bears the name in records.
    pub fn family(&self, id: ProtocolId) -> Vec<ProtocolId> {
        let mut family = vec![id];
        match self.protocol_spec(id).name {
            "dcerpc" => family.extend(self.protocol("smb")),
            "http" => family.extend(self.protocol("http2")),
            // What HTTP/2 carries DNS in is still either.
            "http2" | "dns" => family.extend(self.protocol("doh2")),
            "http1" => family = self.protocol("http").into_iter().collect(),
            _ => {}
        }
        family
    }

    /// The sticky buffer with this name or synonym.
    pub fn buffer(&self, name: &str) -> Option<BufferId> {
        position(&self.buffers, |b| {
            b.side != Side::Frame && (b.name == name || b.synonyms.contains(&name))
        })
        .map(BufferId)
    }

    /// The buffer to which this old content modifier refers.
    pub fn modifier(&self, name: &str) -> Option<BufferId> {
        position(&self.buffers, |b| b.modifiers.contains(&name)).map(BufferId)
    }

    /// The number field with this name or synonym.
    pub fn int_field(&self, name: &str) -> Option<IntFieldId> {
        position(&self.int_fields, |f| {
            f.name == name || f.synonyms.contains(&name)
        })
        .map(IntFieldId)
    }

    pub fn protocol_spec(&self, id: ProtocolId) -> &ProtocolSpec {
        &self.protocols[usize::from(id.0)]
    }

    pub fn buffer_spec(&self, id: BufferId) -> &BufferSpec {
        &self.buffers[usize::from(id.0)]
    }

    pub fn int_field_spec(&self, id: IntFieldId) -> &IntFieldSpec {
        &self.int_fields[usize::from(id.0)]
    }
}

fn position<T>(rows: &[T], is: impl Fn(&T) -> bool) -> Option<u16> {
    rows.iter().position(is).and_then(|i| u16::try_from(i).ok())
}
