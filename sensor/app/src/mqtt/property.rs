//! Bytes → properties of version 5 (OASIS MQTT 5.0 §2.2.2). Pure.

use sensor_bytes::Reader;

use super::wire::{Malformed, Span, VERSION_5, string, variable_integer};

/// Properties that one list may keep; later ones are read over.
pub const MAX_PROPERTIES: usize = 256;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PropertyValue {
    Number(u32),
    Bytes(Span),
    /// A name and a value of the user's choice.
    Pair(Span, Span),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    pub identifier: u32,
    pub value: PropertyValue,
}

/// `None` where the version or the sender had none.
pub type Properties = Option<Vec<Property>>;

/// A list behind its length; versions before 5 have none.
pub fn properties(reader: &mut Reader<'_>, version: u8) -> Result<Properties, Malformed> {
    if version != VERSION_5 {
        return Ok(None);
    }
    let length = variable_integer(reader)? as usize;
    if length == 0 {
        return Ok(None);
    }
    if length > reader.remaining() {
        return Err(Malformed::Content);
    }
    let end = reader.position() + length;
    let mut list = Vec::new();
    while reader.position() < end {
        let identifier = variable_integer(reader)?;
        let value = property(reader, identifier)?;
        if reader.position() > end {
            return Err(Malformed::Content);
        }
        if let Some(value) = value
            && list.len() < MAX_PROPERTIES
        {
            list.push(Property { identifier, value });
        }
    }
    Ok(Some(list))
}

/// Identifier of a property of the user's choice.
pub const USER_PROPERTY: u32 = 38;

/// Names of properties by identifier (MQTT 5.0 §2.2.2.2).
pub fn property_name(identifier: u32) -> Option<&'static str> {
    Some(match identifier {
        1 => "payload_format_indicator",
        2 => "message_expiry_interval",
        3 => "content_type",
        8 => "response_topic",
        9 => "correlation_data",
        11 => "subscription_identifier",
        17 => "session_expiry_interval",
        18 => "assigned_client_identifier",
        19 => "server_keep_alive",
        21 => "authentication_method",
        22 => "authentication_data",
        23 => "request_problem_information",
        24 => "will_delay_interval",
        25 => "request_response_information",
        26 => "response_information",
        28 => "server_reference",
        31 => "reason_string",
        33 => "receive_maximum",
        34 => "topic_alias_maximum",
        35 => "topic_alias",
        36 => "maximum_qos",
        37 => "retain_available",
        39 => "maximum_packet_size",
        40 => "wildcard_subscription_available",
        41 => "subscription_identifier_available",
        42 => "shared_subscription_available",
        _ => return None,
    })
}

/// The value behind an identifier; an identifier that is not known has none.
fn property(reader: &mut Reader<'_>, identifier: u32) -> Result<Option<PropertyValue>, Malformed> {
    let number = PropertyValue::Number;
    Ok(Some(match identifier {
        1 | 23 | 25 | 36 | 37 | 40 | 41 | 42 => number(u32::from(reader.u8()?)),
        19 | 33 | 34 | 35 => number(u32::from(reader.u16()?)),
        2 | 17 | 24 | 39 => number(reader.u32()?),
        11 => number(variable_integer(reader)?),
        3 | 8 | 9 | 18 | 21 | 22 | 26 | 28 | 31 => PropertyValue::Bytes(string(reader)?),
        USER_PROPERTY => PropertyValue::Pair(string(reader)?, string(reader)?),
        _ => return Ok(None),
    }))
}
