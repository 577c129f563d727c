//! `irc`: a message (RFC 2812 §2.3.1). A record of our own.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Default, Serialize)]
pub struct Irc<'a> {
    /// Who speaks; a client's own messages have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<Text<'a>>,
    /// The name in the prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nick: Option<Text<'a>>,
    /// In upper case, or the three digits of a reply (RFC 2812 §5).
    pub command: String,
    /// Words behind the command, the last one with its spaces. None for PASS.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Text<'a>>,
    /// A password went over the wire for everyone to read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub password_in_clear: bool,
}
