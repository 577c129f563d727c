//! `imap`: a command with its reply. A record of our own.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Imap<'a> {
    /// Absent with what the server says unasked (its greeting).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<ImapRequest<'a>>,
    /// Of LOGIN and AUTHENTICATE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<ImapAuth<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<ImapResponse<'a>>,
    /// Untagged lines before the reply, without mails.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Text<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct ImapRequest<'a> {
    pub tag: Text<'a>,
    /// In upper case.
    pub command: &'a str,
    /// Without passwords.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Text<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct ImapAuth<'a> {
    /// `LOGIN` for the command of that name, else the SASL mechanism.
    pub mechanism: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// The password went over the wire for everyone to read.
    pub password_in_clear: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct ImapResponse<'a> {
    /// `OK`, `NO`, `BAD`, `PREAUTH` or `BYE`.
    pub status: &'static str,
    /// What stands in brackets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Text<'a>>,
    pub text: Text<'a>,
}
