//! `ssh`: the object of a ssh transaction.

use serde::Serialize;

use crate::{Limited, Text};

#[derive(Debug, Clone, Serialize)]
pub struct Ssh<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<SshSide<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<SshSide<'a>>,
}

/// What one side has told before encryption.
#[derive(Debug, Clone, Serialize)]
pub struct SshSide<'a> {
    pub proto_version: Limited<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<Limited<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hassh: Option<SshHassh<'a>>,
}

/// Fingerprint of the algorithms that a side offers.
#[derive(Debug, Clone, Serialize)]
pub struct SshHassh<'a> {
    pub hash: &'a str,
    pub string: Text<'a>,
}
