//! `syslog`: a message. A record of our own.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Syslog<'a> {
    /// By name: `auth`, `local0`.
    pub facility: &'static str,
    /// By name: `error`, `info`.
    pub severity: &'static str,
    /// Of the newer format (RFC 5424).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u8>,
    /// As the sender wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_name: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proc_id: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg_id: Option<Text<'a>>,
    /// With its brackets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured_data: Option<Text<'a>>,
    pub message: Text<'a>,
}

/// A message of a device, as a collector receives it: the record that a sensor would make of it on the wire, with the
/// values that devices write as `name=value` beside the message.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceLog<'a> {
    /// When it was received: the clocks of devices are not believed.
    pub timestamp: crate::Time,
    event_type: &'static str,
    pub src_ip: std::net::IpAddr,
    pub src_port: u16,
    pub dest_port: u16,
    /// `UDP`, `TCP`
    pub proto: &'static str,
    pub syslog: DeviceSyslog<'a>,
}

#[derive(Debug, Clone, Serialize)]
pub struct DeviceSyslog<'a> {
    #[serde(flatten)]
    pub message: Syslog<'a>,
    /// None has a name that [`Syslog`] has.
    #[serde(flatten)]
    pub values: std::collections::BTreeMap<&'a str, &'a str>,
}

impl<'a> DeviceLog<'a> {
    pub fn new(
        timestamp: crate::Time,
        (src_ip, src_port): (std::net::IpAddr, u16),
        dest_port: u16,
        proto: &'static str,
        message: Syslog<'a>,
        mut values: std::collections::BTreeMap<&'a str, &'a str>,
    ) -> DeviceLog<'a> {
        values.retain(|name, _| !NAMES.contains(name));
        DeviceLog {
            timestamp,
            event_type: "syslog",
            src_ip,
            src_port,
            dest_port,
            proto,
            syslog: DeviceSyslog { message, values },
        }
    }
}

/// Names of the members of [`Syslog`].
const NAMES: [&str; 10] = [
    "facility",
    "severity",
    "version",
    "timestamp",
    "hostname",
    "app_name",
    "proc_id",
    "msg_id",
    "structured_data",
    "message",
];
