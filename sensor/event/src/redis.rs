//! `redis`: a command with its reply, as the protocol specification of Redis (RESP 2 and 3) has them. A record of our own.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Redis<'a> {
    /// The first word, in upper case.
    pub command: &'a str,
    /// The first few words behind the command: at most 15, of each the first 256 bytes; without passwords.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Text<'a>>,
    /// Words behind the command, kept or not.
    pub argument_count: u64,
    /// The name in AUTH or HELLO, where it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// A password went over the wire for everyone to read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub password_in_clear: bool,
    /// Absent if none came before the end of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<RedisReply<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RedisReply<'a> {
    /// `string`, `error`, `integer`, `bulk`, `array`, `map`, `null`, … by the first octet.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Bytes of a bulk string, values of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// The first 256 bytes of what has no values below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Text<'a>>,
}
