//! `ftp` and `ftp_data`: a command with its replies, and a transfer.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Ftp<'a> {
    /// Absent for a reply to nothing known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_data: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_truncated: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub completion_code: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reply: Vec<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_port: Option<u16>,
    /// `active` or `passive`, of commands that name a port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<&'static str>,
    /// `yes` or `no`.
    pub reply_received: &'static str,
    pub reply_truncated: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct FtpData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<Text<'a>>,
    pub command: &'static str,
}
