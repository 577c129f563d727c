//! `telnet`: an attempt to log in, as the words of a terminal tell it (RFC 854). A record of our own.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Telnet<'a> {
    /// What the client negotiated before (RFC 855), as `will terminal_type`; with the first attempt of a connection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub client: Vec<String>,
    /// The same of the server, as `do terminal_type`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server: Vec<String>,
    /// Type of the terminal (RFC 1091).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<Text<'a>>,
    /// Variables that the client hands over (RFC 1572 §2).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environ: Vec<TelnetVariable<'a>>,
    /// What was typed behind the prompt for a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// A password went over the wire for everyone to read.
    pub password_in_clear: bool,
    /// `success` or `failure`, as the server's next words tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
pub struct TelnetVariable<'a> {
    /// Of the variable, a well-known or a user's one.
    pub name: Text<'a>,
    /// Empty if it has none.
    pub value: Text<'a>,
}
