//! `fact`: what was seen for the first time on a day. A record of our own: its object stands in `matluoi`.

use std::net::IpAddr;

use serde::Serialize;

use crate::DateTime;
use crate::common::address;

#[derive(Debug, Clone, Serialize)]
pub struct FactRecord {
    pub matluoi: FactObject,
}

#[derive(Debug, Clone, Serialize)]
pub struct FactObject {
    pub fact: Fact,
}

/// A fact by its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fact {
    /// A machine of an internal network that speaks.
    Host {
        #[serde(serialize_with = "address")]
        ip: IpAddr,
    },
    /// A service that answers in an internal network.
    Service {
        #[serde(serialize_with = "address")]
        ip: IpAddr,
        port: u16,
        /// `tcp` or `udp`.
        transport: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        app_proto: Option<&'static str>,
    },
    /// A certificate that a server showed; what may be wrong with it stands there only when it is true.
    Certificate {
        #[serde(serialize_with = "address")]
        ip: IpAddr,
        port: u16,
        fingerprint: String,
        subject: String,
        issuer: String,
        notbefore: DateTime,
        notafter: DateTime,
        /// It names itself as its issuer.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        self_signed: bool,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        expired: bool,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        not_yet_valid: bool,
        /// The name that the client asked for, when the certificate is for others.
        #[serde(skip_serializing_if = "Option::is_none")]
        name_mismatch: Option<String>,
    },
    /// What a machine says that it runs.
    Software {
        #[serde(serialize_with = "address")]
        ip: IpAddr,
        /// `client` or `server`.
        role: &'static str,
        app_proto: &'static str,
        text: String,
    },
    /// A name that led to an address, from an answer of DNS.
    Name {
        name: String,
        #[serde(serialize_with = "address")]
        ip: IpAddr,
        /// Seconds.
        ttl: u32,
    },
    /// A protocol on a port where it is not expected.
    OddPort {
        #[serde(serialize_with = "address")]
        ip: IpAddr,
        port: u16,
        app_proto: &'static str,
    },
}

/// What is ours in the record of a flow.
#[derive(Debug, Clone, Serialize)]
pub struct FlowExtra {
    /// One letter for each thing first seen, in its order: `ShADadFf`. Capitals are the client's.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub history: String,
    /// Names that led to the server's address before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub server_names: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_stands_first() {
        let record = FactRecord {
            matluoi: FactObject {
                fact: Fact::Host {
                    ip: IpAddr::from([192, 168, 0, 1]),
                },
            },
        };
        assert_eq!(
            serde_json::to_string(&record).expect("a record serialises"),
            r#"{"matluoi":{"fact":{"kind":"host","ip":"192.168.0.1"}}}"#
        );
    }
}
