//! `rfb`: the object of a rfb transaction.

use std::borrow::Cow;

use serde::Serialize;

use crate::{Hex, Text};

/// The handshake of a VNC connection.
#[derive(Debug, Clone, Serialize)]
pub struct Rfb<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_protocol_version: Option<RfbVersion<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_protocol_version: Option<RfbVersion<'a>>,
    pub authentication: RfbAuthentication<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_security_failure_reason: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screen_shared: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framebuffer: Option<RfbFramebuffer<'a>>,
}

/// Three digits each.
#[derive(Debug, Clone, Serialize)]
pub struct RfbVersion<'a> {
    pub major: Text<'a>,
    pub minor: Text<'a>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RfbAuthentication<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_type: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vnc: Option<RfbVnc<'a>>,
    /// `OK`, `FAIL`, …, or `UNKNOWN (9)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_result: Option<Cow<'static, str>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RfbVnc<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Hex<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RfbFramebuffer<'a> {
    pub width: u16,
    pub height: u16,
    pub name: Text<'a>,
    pub pixel_format: RfbPixelFormat,
}

#[derive(Debug, Clone, Serialize)]
pub struct RfbPixelFormat {
    pub bits_per_pixel: u8,
    pub depth: u8,
    pub big_endian: bool,
    pub true_color: bool,
    pub red_max: u16,
    pub green_max: u16,
    pub blue_max: u16,
    pub red_shift: u8,
    pub green_shift: u8,
    pub blue_shift: u8,
}
