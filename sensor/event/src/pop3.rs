//! `pop3`: a command with its reply.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Pop3<'a> {
    /// Absent with the server's greeting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Pop3Request<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Pop3Response<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Pop3Request<'a> {
    pub command: &'a str,
    pub args: Vec<Text<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Pop3Response<'a> {
    pub success: bool,
    /// `OK` or `ERR`.
    pub status: &'static str,
    pub header: Text<'a>,
    pub data: Vec<Text<'a>>,
}
