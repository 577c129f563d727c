//! `http` of version 2: the object of a stream, or of a frame that speaks of the connection.

use serde::Serialize;

use crate::{Dns, Text};

/// A stream with the header fields of both sides.
#[derive(Debug, Clone, Serialize)]
pub struct Http2<'a> {
    pub version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_headers: Option<Vec<Http2Header<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_headers: Option<Vec<Http2Header<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_method: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_user_agent: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    pub http2: Http2Object,
}

/// What stands in a block of header fields.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Http2Header<'a> {
    Field { name: Text<'a>, value: Text<'a> },
    SizeUpdate { table_size_update: u64 },
    Error { error: &'static str },
}

/// What only this version has.
#[derive(Debug, Clone, Serialize)]
pub struct Http2Object {
    pub stream_id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Http2Side>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Http2Side>,
}

/// Frames of one side besides fields and data.
#[derive(Debug, Clone, Serialize)]
pub struct Http2Side {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<Http2Setting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// What of the above was there more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_multiple: Option<&'static str>,
}

/// One setting.
#[derive(Debug, Clone, Serialize)]
pub struct Http2Setting {
    pub settings_id: &'static str,
    pub settings_value: u32,
}

/// A stream and the message of DNS that it carries, an object each.
#[derive(Debug, Clone, Serialize)]
pub struct Doh2<'a> {
    pub http: Http2<'a>,
    pub dns: Dns<'a>,
}
