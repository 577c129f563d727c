//! `llmnr`: the object of a link-local multicast name resolution message.

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use crate::{MdnsQuestion, MdnsResource};

#[derive(Debug, Clone, Serialize)]
pub struct Llmnr<'a> {
    /// `request` or `response`, by the bit QR (RFC 4795 §2.1.1).
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Number by which a response names its request (RFC 4795 §2.1.1).
    pub id: u16,
    /// Bits of the header that are set: `c`, `tc`, `t`.
    #[serde(skip_serializing_if = "LlmnrFlags::is_empty")]
    pub flags: LlmnrFlags,
    /// 0 is the only one that is defined (RFC 4795 §2.1.1).
    pub opcode: u8,
    /// Names that are asked for (RFC 1035 §4.1.2).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<MdnsQuestion<'a>>,
    /// Records that answer (RFC 1035 §4.1.3).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<MdnsResource<'a>>,
    /// Records of the authority section, which has none in LLMNR (RFC 4795 §2.1.1).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorities: Vec<MdnsResource<'a>>,
    /// Records of the additional section (RFC 4795 §2.9).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additionals: Vec<MdnsResource<'a>>,
}

/// The second word of the header as the names of its set bits (RFC 4795 §2.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LlmnrFlags(pub u16);

impl LlmnrFlags {
    /// Conflict, truncation, tentative.
    const BITS: [(&str, u16); 3] = [("c", 0x0400), ("tc", 0x0200), ("t", 0x0100)];

    fn is_empty(&self) -> bool {
        Self::BITS.iter().all(|(_, bit)| self.0 & bit == 0)
    }
}

impl Serialize for LlmnrFlags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for (name, bit) in Self::BITS {
            if self.0 & bit != 0 {
                list.serialize_element(name)?;
            }
        }
        list.end()
    }
}
