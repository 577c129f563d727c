//! The names that rules may use, from the protocols compiled in, and where each of them leads.

use std::collections::HashMap;
use std::sync::LazyLock;

use rules::{
    BufferId, BufferSpec, FrameSpec, IntFieldId, IntFieldSpec, ProtocolId, ProtocolSpec, Side,
    Vocabulary,
};
use sensor_app::{
    BufferGetter, BufferRow, BufferSide, IntFieldRow, PROTOCOLS, Protocol, STREAM, Transport,
};

/// A part of the packet that rules can look into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PacketBuffer {
    Ipv4Header,
    Ipv6Header,
    TcpHeader,
    UdpHeader,
    Icmpv4Header,
    Icmpv6Header,
    SourceAddress,
    DestinationAddress,
}

const PACKET_BUFFERS: &[(&str, PacketBuffer)] = &[
    ("ipv4.hdr", PacketBuffer::Ipv4Header),
    ("ipv6.hdr", PacketBuffer::Ipv6Header),
    ("tcp.hdr", PacketBuffer::TcpHeader),
    ("udp.hdr", PacketBuffer::UdpHeader),
    ("icmpv4.hdr", PacketBuffer::Icmpv4Header),
    ("icmpv6.hdr", PacketBuffer::Icmpv6Header),
    ("ip.src", PacketBuffer::SourceAddress),
    ("ip.dst", PacketBuffer::DestinationAddress),
];

/// Every frame: its name with that of its protocol, and both.
static FRAME_NAMES: LazyLock<Vec<(String, Protocol, &'static str)>> = LazyLock::new(|| {
    let of = |protocol: Protocol| {
        let names = protocol.frames().iter().copied();
        let own = protocol.row().into_iter().flat_map(move |row| {
            let stream = row.transports.contains(&Transport::Tcp).then_some(STREAM);
            names.clone().chain(stream).map(move |frame| (row, frame))
        });
        own.map(|(row, frame)| (format!("{}.{frame}", row.name), row.protocol, frame))
    };
    PROTOCOLS.iter().flat_map(|row| of(row.protocol)).collect()
});

/// Where a buffer name leads.
#[derive(Clone)]
pub(crate) enum BufferHome {
    Packet(PacketBuffer),
    /// A row per protocol that has the buffer.
    App(Vec<(Protocol, &'static BufferRow)>),
    /// A part of the bytes themselves.
    Frame(Protocol, &'static str),
    /// Known to the language, but no parser fills it.
    Nowhere,
}

/// [`Vocabulary`] for the rule parser, with the homes of its buffers and fields.
pub struct Names {
    pub vocabulary: Vocabulary,
    pub(crate) buffers: Vec<BufferHome>,
    pub(crate) int_fields: Vec<Vec<(Protocol, &'static IntFieldRow)>>,
    /// By [`ProtocolId`]: the parser's protocol.
    pub(crate) protocols: Vec<Option<Protocol>>,
}

impl Names {
    /// Everything that is compiled in, and the names that only wait for a parser.
    pub fn compiled_in() -> Self {
        let mut names = Names {
            vocabulary: Vocabulary::default(),
            buffers: Vec::new(),
            int_fields: Vec::new(),
            protocols: Vec::new(),
        };
        for row in PROTOCOLS {
            names.vocabulary.protocols.push(ProtocolSpec {
                name: row.name,
                synonyms: row.synonyms,
                parsed: true,
            });
            names.protocols.push(Some(row.protocol));
        }
        // Rules say `http` for either version, and this for the first.
        names.vocabulary.protocols.push(ProtocolSpec {
            name: "http1",
            synonyms: &[],
            parsed: true,
        });
        names.protocols.push(Some(Protocol::Http1));
        for (index, row) in PROTOCOLS.iter().enumerate() {
            let protocol = ProtocolId(index as u16);
            let parts = row.protocol.parts().iter().filter_map(|part| part.row());
            for part in std::iter::once(row).chain(parts) {
                for buffer in part.buffers {
                    names.add_buffer(protocol, row.protocol, buffer);
                }
                for field in part.int_fields {
                    names.add_int_field(protocol, row.protocol, field);
                }
            }
            for event in row.events {
                names
                    .vocabulary
                    .app_events
                    .insert(format!("{}.{}", row.name, event.name), event.number);
            }
        }
        for &(name, buffer) in PACKET_BUFFERS {
            names.vocabulary.buffers.push(BufferSpec {
                name,
                synonyms: &[],
                modifiers: &[],
                protocols: Vec::new(),
                side: Side::Packet,
                multi: false,
                lowercase: false,
                parsed: true,
            });
            names.buffers.push(BufferHome::Packet(buffer));
        }
        names.add_frames();
        names.vocabulary.decode_events = sensor_decode::DecodeEvent::ALL
            .iter()
            .map(|event| (event.name(), event.number()))
            .collect();
        names.vocabulary.stream_events = sensor_stream::StreamEvent::ALL
            .iter()
            .map(|event| (event.name(), event.number()))
            .collect();
        names.add_waiting(rules::known_names());
        names
    }

    fn add_buffer(&mut self, id: ProtocolId, protocol: Protocol, row: &'static BufferRow) {
        let side = side(row.side);
        match self
            .vocabulary
            .buffers
            .iter()
            .position(|spec| spec.name == row.name)
        {
            Some(at) => {
                let spec = &mut self.vocabulary.buffers[at];
                spec.protocols.push(id);
                if spec.side != side {
                    spec.side = Side::Both;
                }
                if let BufferHome::App(rows) = &mut self.buffers[at] {
                    rows.push((protocol, row));
                }
            }
            None => {
                self.vocabulary.buffers.push(BufferSpec {
                    name: row.name,
                    synonyms: row.synonyms,
                    modifiers: row.modifiers,
                    protocols: vec![id],
                    side,
                    multi: matches!(row.getter, BufferGetter::Many(_)),
                    lowercase: row.lowercase,
                    parsed: true,
                });
                self.buffers.push(BufferHome::App(vec![(protocol, row)]));
            }
        }
    }

    fn add_frames(&mut self) {
        for (full, protocol, frame) in FRAME_NAMES.iter() {
            let Some(row) = protocol.row() else { continue };
            let Some(id) = self.vocabulary.protocol(row.name) else {
                continue;
            };
            let buffer = BufferId(self.vocabulary.buffers.len() as u16);
            let is_stream = *frame == STREAM;
            self.vocabulary.frames.push(FrameSpec {
                protocol: row.name,
                name: frame,
                buffer,
                tcp: row.transports.contains(&Transport::Tcp),
                udp: row.transports.contains(&Transport::Udp) && !is_stream,
            });
            self.vocabulary.buffers.push(BufferSpec {
                name: full,
                synonyms: &[],
                modifiers: &[],
                protocols: vec![id],
                side: Side::Frame,
                multi: false,
                lowercase: false,
                parsed: true,
            });
            self.buffers.push(BufferHome::Frame(*protocol, frame));
        }
    }

    fn add_int_field(&mut self, id: ProtocolId, protocol: Protocol, row: &'static IntFieldRow) {
        match self
            .vocabulary
            .int_fields
            .iter()
            .position(|spec| spec.name == row.name)
        {
            Some(at) => {
                self.vocabulary.int_fields[at].protocols.push(id);
                self.int_fields[at].push((protocol, row));
            }
            None => {
                self.vocabulary.int_fields.push(IntFieldSpec {
                    name: row.name,
                    synonyms: row.synonyms,
                    protocols: vec![id],
                    side: side(row.side),
                    bits: row.bits,
                    names: row.names,
                    parsed: true,
                });
                self.int_fields.push(vec![(protocol, row)]);
            }
        }
    }

    /// Adds names that are known to the language but have no parser here; present names win.
    fn add_waiting(&mut self, known: Vocabulary) {
        let mut ids: HashMap<ProtocolId, ProtocolId> = HashMap::new();
        for (index, spec) in known.protocols.into_iter().enumerate() {
            let id = self.vocabulary.protocol(spec.name).unwrap_or_else(|| {
                self.vocabulary.protocols.push(ProtocolSpec {
                    parsed: false,
                    ..spec
                });
                self.protocols.push(None);
                ProtocolId((self.vocabulary.protocols.len() - 1) as u16)
            });
            ids.insert(ProtocolId(index as u16), id);
        }
        let renumber = |old: Vec<ProtocolId>| -> Vec<ProtocolId> {
            old.into_iter()
                .filter_map(|id| ids.get(&id).copied())
                .collect()
        };
        for spec in known.buffers {
            let waiting_protocols = renumber(spec.protocols);
            match self.vocabulary.buffer(spec.name) {
                // A rule on a protocol without parser may name a buffer that other protocols have (`file.data`).
                Some(BufferId(at)) => {
                    let present = &mut self.vocabulary.buffers[usize::from(at)].protocols;
                    for id in waiting_protocols {
                        if !present.contains(&id) && !present.is_empty() {
                            present.push(id);
                        }
                    }
                }
                None => {
                    self.vocabulary.buffers.push(BufferSpec {
                        protocols: waiting_protocols,
                        parsed: false,
                        ..spec
                    });
                    self.buffers.push(BufferHome::Nowhere);
                }
            }
        }
        for spec in known.int_fields {
            if self.vocabulary.int_field(spec.name).is_none() {
                let protocols = renumber(spec.protocols);
                self.vocabulary.int_fields.push(IntFieldSpec {
                    protocols,
                    parsed: false,
                    ..spec
                });
                self.int_fields.push(Vec::new());
            }
        }
        for (name, number) in known.app_events {
            self.vocabulary.app_events.entry(name).or_insert(number);
        }
    }

    pub(crate) fn buffer(&self, id: BufferId) -> &BufferHome {
        &self.buffers[usize::from(id.0)]
    }

    pub(crate) fn int_field(
        &self,
        id: IntFieldId,
        protocol: Protocol,
    ) -> Option<&'static IntFieldRow> {
        self.int_fields
            .get(usize::from(id.0))?
            .iter()
            .find(|(other, _)| *other == protocol)
            .map(|(_, row)| *row)
    }
}

fn side(side: BufferSide) -> Side {
    match side {
        BufferSide::ToServer => Side::ToServer,
        BufferSide::ToClient => Side::ToClient,
        BufferSide::Both => Side::Both,
    }
}
