//! `enip`: the object of an EtherNet/IP transaction.

use std::borrow::Cow;

use serde::Serialize;

use crate::{Hex, Text};

#[derive(Debug, Clone, Serialize)]
pub struct Enip<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<EnipMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<EnipMessage<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct EnipMessage<'a> {
    pub command: Cow<'static, str>,
    pub status: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub register_session: Option<EnipSession>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cip: Option<EnipCip<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_services: Option<EnipServices<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<EnipIdentity<'a>>,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct EnipSession {
    pub protocol_version: u16,
    pub options: u16,
}

#[derive(Debug, Clone, Serialize)]
pub struct EnipServices<'a> {
    pub protocol_version: u16,
    pub capabilities: u16,
    pub service_name: Text<'a>,
}

#[derive(Debug, Clone, Serialize)]
pub struct EnipIdentity<'a> {
    pub protocol_version: u16,
    pub revision: String,
    pub vendor_id: Cow<'static, str>,
    pub device_type: Cow<'static, str>,
    pub product_code: u16,
    pub status: u16,
    pub serial: u32,
    pub product_name: Text<'a>,
    pub state: u8,
}

/// A message of the Common Industrial Protocol; a packet of several services holds one for each.
#[derive(Debug, Clone, Serialize)]
pub struct EnipCip<'a> {
    pub service: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_extended: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_extended_meaning: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<EnipSegment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_name: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub multiple: Vec<EnipCip<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct EnipSegment {
    pub segment_type: Cow<'static, str>,
    pub value: u32,
}
