//! `imap`: a command with its reply (RFC 9051 §2.2, RFC 3501). A record of our own.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Imap<'a> {
    /// Absent with what the server says unasked (its greeting).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<ImapRequest<'a>>,
    /// Who logs in, of LOGIN and AUTHENTICATE (RFC 9051 §6.2.2, §6.2.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<ImapAuth<'a>>,
    /// The reply with the tag of the command (RFC 9051 §7.1); absent if none came before the end or a gap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<ImapResponse<'a>>,
    /// Untagged lines before the reply (RFC 9051 §7.2 to §7.5), without mails: the first 64, of each the first 512 bytes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Text<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct ImapRequest<'a> {
    /// What the client calls its command by (RFC 9051 §2.2.1).
    pub tag: Text<'a>,
    /// In upper case (RFC 9051 §6).
    pub command: &'a str,
    /// Words and literals behind the command, without passwords; at most 32, of each the first 512 bytes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Text<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct ImapAuth<'a> {
    /// `LOGIN` for the command of that name, else the SASL mechanism.
    pub mechanism: &'a str,
    /// The name in LOGIN, or in the answers of the mechanisms PLAIN (RFC 4616) and LOGIN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// The password went over the wire for everyone to read.
    pub password_in_clear: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct ImapResponse<'a> {
    /// `OK`, `NO`, `BAD`, `PREAUTH` or `BYE` (RFC 9051 §7.1).
    pub status: &'static str,
    /// What stands in brackets (RFC 9051 §7.1), without them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Text<'a>>,
    /// What the server says to people, up to the end of the line.
    pub text: Text<'a>,
}
