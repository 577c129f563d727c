//! `syslog`: a message. A record of our own.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Syslog<'a> {
    /// By name: `auth`, `local0`.
    pub facility: &'static str,
    /// By name: `error`, `info`.
    pub severity: &'static str,
    /// Of the newer format (RFC 5424).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u8>,
    /// As the sender wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_name: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proc_id: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg_id: Option<Text<'a>>,
    /// With its brackets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured_data: Option<Text<'a>>,
    pub message: Text<'a>,
}
