//! `mysql`: a log-in or a command, with what came of it. Packets have the names of MySQL's documentation of its client/server
//! protocol. A record of our own.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Mysql<'a> {
    /// The server's, as its greeting says it (`HandshakeV10`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Text<'a>>,
    /// The client asked for TLS (`SSLRequest`), which follows.
    pub tls: bool,
    /// Who logged in (`HandshakeResponse41`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// The one that is used by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<Text<'a>>,
    /// Of a log-in; absent with commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<MysqlLogin<'a>>,
    /// By name: `query`, `stmt_prepare` (`COM_QUERY`, `COM_STMT_PREPARE`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<&'static str>,
    /// The statement, or the name of a database or table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Text<'a>>,
    /// Absent if none came before the end of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<MysqlResponse<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct MysqlLogin<'a> {
    /// Method of authentication, as `caching_sha2_password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<Text<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct MysqlResponse<'a> {
    /// `ok`, `error`, or `file_request` when the server asks for a file of the client.
    pub status: &'static str,
    /// Rows that a statement changed (`OK_Packet`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affected_rows: Option<u64>,
    /// Columns of the last result that has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<u64>,
    /// Rows of all results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Number of the error (`ERR_Packet`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// Five letters that say the kind of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<Text<'a>>,
    /// The error in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Text<'a>>,
    /// Name of the file that the server asks for (`LOCAL INFILE Request`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Text<'a>>,
}
