//! `pgsql`: the object of a PostgreSQL transaction, a message of the client with what the server answers. Messages have the
//! names of the manual's chapter "Frontend/Backend Protocol", section "Message Formats".

use std::borrow::Cow;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Pgsql<'a> {
    /// Counted from 1.
    pub tx_id: u64,
    /// Absent with what the server says unasked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<PgsqlRequest<'a>>,
    /// All messages of the server up to the client's next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<PgsqlResponse<'a>>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct PgsqlRequest<'a> {
    /// `3.0` (`StartupMessage`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    /// Of `StartupMessage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup_parameters: Option<PgsqlStartup<'a>>,
    /// Kind of a message that has nothing else to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'static str>,
    /// Chosen by the client (`SASLInitialResponse`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_authentication_mechanism: Option<&'static str>,
    /// What came with the choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_param: Option<Text<'a>>,
    /// An answer to a challenge (`SASLResponse`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_response: Option<Text<'a>>,
    /// A password was sent; it is not kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub password_redacted: bool,
    /// Text of a statement (`Query`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simple_query: Option<Text<'a>>,
    /// Data for `COPY … FROM STDIN` (`CopyData`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_data_in: Option<PgsqlCopyIn>,
    /// Why the client gives up copying (`CopyFail`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_fail: Option<Text<'a>>,
    /// Process whose statement is to be cancelled (`CancelRequest`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_id: Option<u32>,
    /// What entitles to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key: Option<u32>,
}

#[derive(Debug, Clone, Serialize)]
pub struct PgsqlStartup<'a> {
    /// Who logs in.
    pub user: Text<'a>,
    /// The others: `database`, `application_name`, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub optional_parameters: Vec<PgsqlParameter<'a>>,
}

/// An object with the parameter's name as its one key.
#[derive(Debug, Clone)]
pub struct PgsqlParameter<'a> {
    /// The key.
    pub name: Cow<'a, str>,
    /// Its value, as sent.
    pub value: Text<'a>,
}

impl Serialize for PgsqlParameter<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(&self.name, &self.value)?;
        map.end()
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct PgsqlCopyIn {
    /// Messages.
    pub msg_count: u64,
    /// Bytes of all of them.
    pub data_size: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct PgsqlCopyOut {
    /// Messages, each of a row.
    pub row_count: u64,
    /// Bytes of all of them.
    pub data_size: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct PgsqlColumns {
    /// Columns of what is copied.
    pub columns: u16,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct PgsqlResponse<'a> {
    /// The answer to `SSLRequest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_accepted: Option<bool>,
    /// Salt for the digest (`AuthenticationMD5Password`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_md5_password: Option<Text<'a>>,
    /// The last word of SASL (`AuthenticationSASLFinal`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_sasl_final: Option<Text<'a>>,
    /// Kind of a message, or the text of an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Text<'a>>,
    /// Fields of an error, but for its text.
    #[serde(flatten)]
    pub error: PgsqlError<'a>,
    /// Settings of the server that it reports (`ParameterStatus`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameter_status: Vec<PgsqlParameter<'a>>,
    /// The process that serves the client (`BackendKeyData`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_id: Option<u32>,
    /// With which its statements can be cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key: Option<u32>,
    /// Columns of the result (`RowDescription`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_count: Option<u16>,
    /// Rows of the result (`DataRow`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_rows: Option<u64>,
    /// Bytes of all rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_size: Option<u64>,
    /// The server is about to send (`CopyOutResponse`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_out_response: Option<PgsqlColumns>,
    /// The server awaits data (`CopyInResponse`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_in_response: Option<PgsqlColumns>,
    /// Data that it sent (`CopyData`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_data_out: Option<PgsqlCopyOut>,
    /// What was done, with the number of rows (`CommandComplete`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_completed: Option<Text<'a>>,
}

/// Fields of an error by their names.
#[derive(Debug, Clone, Default)]
pub struct PgsqlError<'a>(pub Vec<(&'static str, Text<'a>)>);

impl Serialize for PgsqlError<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
