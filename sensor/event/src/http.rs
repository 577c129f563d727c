//! `http`: the object of a http transaction.

use serde::Serialize;

use crate::Text;

/// Request and response of HTTP/1. Headers that were not seen are absent.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Http<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Text<'a>>,
    /// Port in the URL or the `Host` header; not the flow's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_user_agent: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xff: Option<Text<'a>>,
    /// Media type of the response, without parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_content_type: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_range: Option<HttpContentRange<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_refer: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_method: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u32>,
    /// The status as it stood, when it is not a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_string: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Text<'a>>,
    /// Bytes of the response's body on the wire.
    pub length: u64,
}

/// `Content-Range` (RFC 9110 §14.4); bytes, both ends included.
#[derive(Debug, Clone, Serialize)]
pub struct HttpContentRange<'a> {
    pub raw: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}
