//! `modbus`: the object of a Modbus transaction.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Modbus<'a> {
    /// Counted from 1.
    pub id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<ModbusMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<ModbusMessage<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct ModbusMessage<'a> {
    pub transaction_id: u16,
    pub protocol_id: u16,
    pub unit_id: u8,
    pub function_raw: u8,
    pub function_code: String,
    pub access_type: String,
    pub category: String,
    pub error_flags: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<ModbusCode<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnostic: Option<ModbusCode<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mei: Option<ModbusCode<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<ModbusRead<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<ModbusWrite<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Text<'a>>,
}

/// A number with its name, and what stands behind it.
#[derive(Debug, Clone, Serialize)]
pub struct ModbusCode<'a> {
    pub raw: u16,
    pub code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Text<'a>>,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum ModbusRead<'a> {
    Request { address: u16, quantity: u16 },
    Response { data: Text<'a> },
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum ModbusWrite<'a> {
    Many {
        address: u16,
        quantity: u16,
        data: Text<'a>,
    },
    Mask {
        address: u16,
        and_mask: u16,
        or_mask: u16,
    },
    One {
        address: u16,
        data: u16,
    },
}
