//! Packet → the `quic` object.

use sensor_event::{AppRecord, Quic, QuicCyu, QuicExtension, Text, TlsJa3};
use sensor_flow::Direction;

use super::hello::extension_name;
use super::{PacketType, QuicTransaction};

impl QuicTransaction {
    /// The EVE object.
    pub fn record(&self) -> AppRecord<'_> {
        let ja3 = || {
            self.ja3.as_ref().map(|ja3| TlsJa3 {
                hash: Text(ja3.hash.as_bytes()),
                string: Text(ja3.text.as_bytes()),
            })
        };
        let (from_client, from_server) = match self.direction {
            Direction::ToServer => (ja3(), None),
            Direction::ToClient => (None, ja3()),
        };
        AppRecord::Quic(Box::new(Quic {
            version: (self.header.kind != PacketType::Short).then(|| self.header.version.name()),
            sni: self.server_name.as_deref().map(Text),
            ua: self.user_agent.as_deref().map(Text),
            cyu: self
                .cyu
                .iter()
                .map(|cyu| QuicCyu {
                    hash: Text(cyu.hash.as_bytes()),
                    string: Text(cyu.text.as_bytes()),
                })
                .collect(),
            ja3: from_client,
            ja3s: from_server,
            ja4: self.ja4.as_ref().map(|ja4| Text(ja4.as_bytes())),
            extensions: self
                .extensions
                .iter()
                .map(|extension| QuicExtension {
                    name: extension_name(extension.kind),
                    kind: extension.kind,
                    values: extension.values.iter().map(|value| Text(value)).collect(),
                })
                .collect(),
        }))
    }
}
