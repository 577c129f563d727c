//! `redis`: a command with its reply. A record of our own.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Redis<'a> {
    /// In upper case.
    pub command: &'a str,
    /// The beginnings of the first few, without passwords.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Text<'a>>,
    /// How many the command has.
    pub argument_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// A password went over the wire for everyone to read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub password_in_clear: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<RedisReply<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RedisReply<'a> {
    /// `string`, `error`, `integer`, `bulk`, `array`, `map`, `null`, …
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Bytes of a string, values of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// The beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Text<'a>>,
}
