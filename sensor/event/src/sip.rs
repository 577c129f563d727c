//! `sip`: the object of a sip transaction, with the session description of its body.

use serde::Serialize;

use crate::Text;

/// A request or a response.
#[derive(Debug, Clone, Serialize)]
pub struct Sip<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdp: Option<Sdp<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_line: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_line: Option<Text<'a>>,
}

/// A session description (RFC 4566).
#[derive(Debug, Clone, Serialize)]
pub struct Sdp<'a> {
    pub origin: &'a str,
    pub session_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_info: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_data: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub bandwidths: &'a [String],
    pub time_descriptions: Vec<SdpTime<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub attributes: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub media_descriptions: Vec<SdpMedia<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct SdpTime<'a> {
    pub time: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat_time: Option<&'a str>,
}

#[derive(Debug, Clone, Serialize)]
pub struct SdpMedia<'a> {
    pub media: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_info: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub bandwidths: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub attributes: &'a [String],
}
