//! `anomaly`: odd traffic.

use serde::Serialize;

use crate::{Base64, Metadata, PacketInfo};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AnomalyKind {
    Decode,
    Stream,
    #[serde(rename = "applayer")]
    AppLayer,
}

#[derive(Debug, Clone, Serialize)]
pub struct Anomaly<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_proto: Option<&'a str>,
    #[serde(rename = "type")]
    pub kind: AnomalyKind,
    /// `decoder.ipv4.trunc_pkt`, `stream.…`, or the event's name for the application layer.
    pub event: &'a str,
    /// Where the application layer noticed: `proto_parser`, `proto_detect`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
pub struct AnomalyRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_id: Option<u64>,
    #[serde(flatten)]
    pub metadata: Option<Metadata<'a>>,
    pub anomaly: Anomaly<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<Base64<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet_info: Option<PacketInfo>,
}
