//! `pgsql`: the object of a PostgreSQL transaction.

use std::borrow::Cow;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Pgsql<'a> {
    /// Counted from 1.
    pub tx_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<PgsqlRequest<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<PgsqlResponse<'a>>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct PgsqlRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub startup_parameters: Option<PgsqlStartup<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_authentication_mechanism: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_param: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_response: Option<Text<'a>>,
    /// A password was sent; it is not kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub password_redacted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simple_query: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_data_in: Option<PgsqlCopyIn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_fail: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key: Option<u32>,
}

#[derive(Debug, Clone, Serialize)]
pub struct PgsqlStartup<'a> {
    pub user: Text<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub optional_parameters: Vec<PgsqlParameter<'a>>,
}

/// An object with the parameter's name as its one key.
#[derive(Debug, Clone)]
pub struct PgsqlParameter<'a> {
    pub name: Cow<'a, str>,
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
    pub msg_count: u64,
    pub data_size: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct PgsqlCopyOut {
    pub row_count: u64,
    pub data_size: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct PgsqlColumns {
    pub columns: u16,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct PgsqlResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_accepted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_md5_password: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication_sasl_final: Option<Text<'a>>,
    /// Kind of a message, or the text of an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Text<'a>>,
    /// Fields of an error, but for its text.
    #[serde(flatten)]
    pub error: PgsqlError<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameter_status: Vec<PgsqlParameter<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_count: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_out_response: Option<PgsqlColumns>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_in_response: Option<PgsqlColumns>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_data_out: Option<PgsqlCopyOut>,
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
