//! `syslog`: a message (RFC 5424 §6, and the older format of RFC 3164 §4). A record of our own.

use serde::Serialize;

use crate::Text;

#[derive(Debug, Clone, Serialize)]
pub struct Syslog<'a> {
    /// By name: `auth`, `local0` (RFC 5424 §6.2.1).
    pub facility: &'static str,
    /// By name: `error`, `info` (RFC 5424 §6.2.1).
    pub severity: &'static str,
    /// Of the newer format: 1 (RFC 5424 §6.2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u8>,
    /// As the sender wrote it (RFC 5424 §6.2.3, RFC 3164 §4.1.2): it is not read as a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Text<'a>>,
    /// What the sender calls itself (RFC 5424 §6.2.4); its address is beside the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Text<'a>>,
    /// The program (RFC 5424 §6.2.5; the tag of RFC 3164 §4.1.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_name: Option<Text<'a>>,
    /// Its process (RFC 5424 §6.2.6), most often a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proc_id: Option<Text<'a>>,
    /// Kind of the message (RFC 5424 §6.2.7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg_id: Option<Text<'a>>,
    /// With its brackets (RFC 5424 §6.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured_data: Option<Text<'a>>,
    /// The text, without a line end (RFC 5424 §6.4).
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
