//! `modbus`: the object of a Modbus transaction (Modbus Application Protocol 1.1b3, "MAP" below; the header is that of Modbus
//! Messaging on TCP/IP 1.0b §3.1.3).

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Modbus<'a> {
    /// Counted from 1.
    pub id: u64,
    /// Absent if it was not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<ModbusMessage<'a>>,
    /// The one with the same transaction, unit and function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<ModbusMessage<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct ModbusMessage<'a> {
    /// Number that a response has from its request.
    pub transaction_id: u16,
    /// 0 is Modbus.
    pub protocol_id: u16,
    /// Device behind the one that has the address.
    pub unit_id: u8,
    /// Number of the function (MAP §5.1); with 128 added, an exception.
    pub function_raw: u8,
    /// Its name.
    pub function_code: String,
    /// What the function does to what, as `READ | COILS`.
    pub access_type: String,
    /// Kind of its number (MAP §5): `PUBLIC_ASSIGNED`, `USER_DEFINED`, …
    pub category: String,
    /// What does not hold in the message, or `NONE`.
    pub error_flags: String,
    /// Why the device refuses (MAP §7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<ModbusCode<'a>>,
    /// Subfunction of function 8 (MAP §6.8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnostic: Option<ModbusCode<'a>>,
    /// Kind of encapsulated interface, of function 43 (MAP §6.19).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mei: Option<ModbusCode<'a>>,
    /// Of functions that read (MAP §6.1 to §6.4, §6.17).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<ModbusRead<'a>>,
    /// Of functions that write (MAP §6.5, §6.6, §6.11, §6.12, §6.16, §6.17).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<ModbusWrite<'a>>,
    /// Bytes of any other function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Text<'a>>,
}

/// A number with its name, and what stands behind it.
#[derive(Debug, Clone, Serialize)]
pub struct ModbusCode<'a> {
    /// The number.
    pub raw: u16,
    /// Its name.
    pub code: String,
    /// Bytes behind it.
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
