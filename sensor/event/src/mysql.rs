//! `mysql`: a log-in or a command, with what came of it. A record of our own.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Mysql<'a> {
    /// Of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Text<'a>>,
    /// The client asked for TLS, which follows.
    pub tls: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<Text<'a>>,
    /// With the log-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<MysqlLogin<'a>>,
    /// By name: `query`, `stmt_prepare`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<&'static str>,
    /// The statement, or the name of a database or table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<MysqlResponse<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct MysqlLogin<'a> {
    /// Method of authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<Text<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct MysqlResponse<'a> {
    /// `ok`, `error`, or `file_request` when the server asks for a file of the client.
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affected_rows: Option<u64>,
    /// Of the last result that has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<u64>,
    /// Of all results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Text<'a>>,
}
