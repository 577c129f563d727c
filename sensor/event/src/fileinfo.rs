//! `fileinfo`: a file that passed.

use serde::Serialize;

use crate::{AppRecord, Hex, Metadata, Text};

#[derive(Debug, Clone, Serialize)]
pub struct FileInfo<'a> {
    /// There is none in HTTP/2 and NFS where a request told no path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub magic: Option<&'a str>,
    pub gaps: bool,
    /// `CLOSED`, `TRUNCATED`, `ERROR`, `UNKNOWN`.
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub md5: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha1: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Hex<'a>>,
    pub stored: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_id: Option<u32>,
    pub size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    pub tx_id: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sid: Vec<u32>,
}

#[derive(Debug, Clone, Serialize)]
pub struct FileInfoRecord<'a> {
    #[serde(flatten)]
    pub app: Option<AppRecord<'a>>,
    #[serde(flatten)]
    pub metadata: Option<Metadata<'a>>,
    pub app_proto: &'a str,
    pub fileinfo: FileInfo<'a>,
}
