//! `frame`: a part of a stream or datagram that a parser has delimited.

use serde::Serialize;

use crate::{Base64, Printable};

#[derive(Debug, Clone, Serialize)]
pub struct FrameRecord<'a> {
    pub app_proto: &'static str,
    pub frame: FrameInfo<'a>,
}

/// The frame itself, also beside an alert on it.
#[derive(Debug, Clone, Serialize)]
pub struct FrameInfo<'a> {
    #[serde(rename = "type")]
    pub name: &'static str,
    pub id: u64,
    /// `toserver` or `toclient`.
    pub direction: &'static str,
    /// Of a stream's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_offset: Option<u64>,
    /// As far as it is known.
    pub length: u64,
    /// Of a datagram's, which has this before the payload.
    #[serde(rename = "complete", skip_serializing_if = "Option::is_none")]
    pub complete_datagram: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Base64<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_printable: Option<Printable<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_id: Option<u64>,
}
