//! `telnet`: an attempt to log in. A record of our own.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Telnet<'a> {
    /// What the client negotiated before, as `will terminal_type`; with the first attempt of a connection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub client: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<Text<'a>>,
    /// Variables that the client hands over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environ: Vec<TelnetVariable<'a>>,
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
    pub name: Text<'a>,
    pub value: Text<'a>,
}
