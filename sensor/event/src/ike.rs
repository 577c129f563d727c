//! `ike`: the object of a message of IKE, version 1 or 2.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::Hex;

#[derive(Debug, Clone, Serialize)]
pub struct Ike<'a> {
    pub version_major: u8,
    pub version_minor: u8,
    /// 16 hexadecimal digits, as the next one.
    pub init_spi: String,
    pub resp_spi: String,
    pub message_id: u32,
    pub exchange_type: u8,
    /// Version 1: the transform that the server has chosen.
    #[serde(flatten)]
    pub chosen: IkeTransform<'a>,
    /// Version 1: transforms of a server that names several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server_proposals: Vec<IkeTransform<'a>>,
    /// Version 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// Version 2: what the responder has chosen.
    #[serde(flatten)]
    pub algorithms: Option<IkeAlgorithms>,
    pub payload: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ikev1: Option<IkeV1<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ikev2: Option<IkeV2>,
}

#[derive(Debug, Clone, Serialize)]
pub struct IkeAlgorithms {
    pub alg_enc: String,
    pub alg_auth: String,
    pub alg_prf: String,
    pub alg_dh: String,
    pub alg_esn: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct IkeV1<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doi: Option<u32>,
    pub encrypted_payloads: bool,
    /// This and the following are told as long as messages are not encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IkeParticipant<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<IkeParticipant<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vendor_ids: Vec<Hex<'a>>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct IkeParticipant<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_exchange_payload: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_exchange_payload_length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce_payload: Option<Hex<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce_payload_length: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<IkeTransform<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct IkeV2 {
    pub errors: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<String>,
}

/// Attributes of a transform: each as its value's name, and as a number or bytes under the name with `_raw`.
#[derive(Debug, Clone, Default)]
pub struct IkeTransform<'a>(pub Vec<IkeAttribute<'a>>);

#[derive(Debug, Clone, Copy)]
pub struct IkeAttribute<'a> {
    pub name: &'static str,
    pub value: &'static str,
    pub raw: Option<IkeRaw<'a>>,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum IkeRaw<'a> {
    Number(u32),
    Bytes(Hex<'a>),
}

impl Serialize for IkeTransform<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for attribute in &self.0 {
            map.serialize_entry(attribute.name, attribute.value)?;
            if let Some(raw) = &attribute.raw {
                map.serialize_entry(&format!("{}_raw", attribute.name), raw)?;
            }
        }
        map.end()
    }
}
