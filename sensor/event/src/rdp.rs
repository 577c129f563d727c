//! `rdp`: a message of a remote desktop's connection setup.

use serde::Serialize;

#[derive(Debug, Clone, Default, Serialize)]
pub struct Rdp<'a> {
    /// Number within the flow, from 1.
    pub tx_id: u64,
    pub event_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server_supports: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<RdpClient<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub channels: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x509_serials: Option<&'a [String]>,
}

/// What a client says of itself.
#[derive(Debug, Clone, Serialize)]
pub struct RdpClient<'a> {
    pub version: &'static str,
    pub desktop_width: u16,
    pub desktop_height: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color_depth: Option<u16>,
    pub keyboard_layout: &'static str,
    pub build: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyboard_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyboard_subtype: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_keys: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ime: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_hint: Option<&'static str>,
    /// Millimetres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical_width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical_height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desktop_orientation: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_factor: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_scale_factor: Option<u32>,
}
