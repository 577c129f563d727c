//! The table of protocols.

use std::borrow::Cow;

use crate::parser::{Parser, Prefix, Transport, Verdict};
use crate::{
    BufferRow, IntFieldRow, bittorrent, dcerpc, dhcp, dnp3, dns, enip, ftp, http1, http2, ike,
    imap, irc, krb5, ldap, llmnr, mdns, modbus, mqtt, mysql, nfs, ntp, pgsql, pop3, quic, rdp,
    redis, rfb, sip, smb, smtp, snmp, socks, ssh, syslog, telnet, tftp, tls, websocket,
};
use sensor_flow::Direction;

/// An application protocol. `Unknown` until detection has spoken, `Failed` once it has given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    Unknown,
    Failed,
    Http1,
    Tls,
    Dcerpc,
    Rdp,
    Snmp,
    Krb5,
    Ldap,
    Dns,
    Mqtt,
    Mdns,
    Llmnr,
    Dnp3,
    Sip,
    Enip,
    Ike,
    Modbus,
    Pgsql,
    Smtp,
    Ssh,
    Smb,
    Nfs,
    Quic,
    Http2,
    Doh2,
    Websocket,
    Rfb,
    Ftp,
    FtpData,
    Imap,
    Pop3,
    Telnet,
    Tftp,
    Dhcp,
    Ntp,
    Bittorrent,
    Irc,
    Mysql,
    Redis,
    Socks,
    Syslog,
}

impl Protocol {
    /// Name in EVE's `app_proto` and in rules.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Unknown => "unknown",
            Protocol::Failed => "failed",
            Protocol::Http1 => "http",
            Protocol::Tls => "tls",
            Protocol::Dcerpc => "dcerpc",
            Protocol::Rdp => "rdp",
            Protocol::Snmp => "snmp",
            Protocol::Krb5 => "krb5",
            Protocol::Ldap => "ldap",
            Protocol::Dns => "dns",
            Protocol::Mqtt => "mqtt",
            Protocol::Mdns => "mdns",
            Protocol::Llmnr => "llmnr",
            Protocol::Dnp3 => "dnp3",
            Protocol::Sip => "sip",
            Protocol::Enip => "enip",
            Protocol::Ike => "ike",
            Protocol::Modbus => "modbus",
            Protocol::Pgsql => "pgsql",
            Protocol::Smtp => "smtp",
            Protocol::Ssh => "ssh",
            Protocol::Smb => "smb",
            Protocol::Nfs => "nfs",
            Protocol::Quic => "quic",
            Protocol::Http2 => "http2",
            Protocol::Doh2 => "doh2",
            Protocol::Websocket => "websocket",
            Protocol::Rfb => "rfb",
            Protocol::Ftp => "ftp",
            Protocol::FtpData => "ftp-data",
            Protocol::Imap => "imap",
            Protocol::Pop3 => "pop3",
            Protocol::Telnet => "telnet",
            Protocol::Tftp => "tftp",
            Protocol::Dhcp => "dhcp",
            Protocol::Ntp => "ntp",
            Protocol::Bittorrent => "bittorrent-dht",
            Protocol::Irc => "irc",
            Protocol::Mysql => "mysql",
            Protocol::Redis => "redis",
            Protocol::Socks => "socks",
            Protocol::Syslog => "syslog",
        }
    }

    /// Its streams are read to their end, whatever the depth of reassembly.
    pub fn is_read_whole(self) -> bool {
        matches!(self, Protocol::Modbus | Protocol::Pgsql | Protocol::Smb)
    }

    /// What one side says brings its transactions forward on both: rules on the other side are asked again.
    pub fn moves_both_sides(self) -> bool {
        matches!(
            self,
            Protocol::Dcerpc
                | Protocol::Doh2
                | Protocol::Enip
                | Protocol::Http2
                | Protocol::Modbus
                | Protocol::Mqtt
                | Protocol::Rfb
                | Protocol::Smb
                | Protocol::Tls
        )
    }

    /// Its `event_type` in EVE.
    pub fn event_type(self) -> &'static str {
        match self {
            Protocol::FtpData => "ftp_data",
            Protocol::Bittorrent => "bittorrent_dht",
            Protocol::Http2 | Protocol::Doh2 => "http",
            _ => self.name(),
        }
    }

    /// Neither `Unknown` nor `Failed`.
    pub fn is_known(self) -> bool {
        !matches!(self, Protocol::Unknown | Protocol::Failed)
    }

    /// Name of one of its events in EVE: rules use lower case, records of some protocols do not.
    pub fn event_label(self, name: &'static str) -> Cow<'static, str> {
        match self {
            Protocol::Dnp3 | Protocol::Http1 | Protocol::Smtp | Protocol::Tls => {
                name.to_ascii_uppercase().into()
            }
            _ => name.into(),
        }
    }

    /// Protocols whose names in rules hold for this one as well.
    pub fn parts(self) -> &'static [Protocol] {
        match self {
            Protocol::Doh2 => &[Protocol::Http2, Protocol::Dns],
            _ => &[],
        }
    }

    /// Names of its frames; each a part of the bytes that its parser announces.
    pub fn frames(self) -> &'static [&'static str] {
        match self {
            Protocol::Http1 => http1::FRAMES,
            Protocol::Tls => tls::FRAMES,
            Protocol::Dcerpc => dcerpc::FRAMES,
            Protocol::Ldap => ldap::FRAMES,
            Protocol::Dns | Protocol::Mdns | Protocol::Llmnr => dns::FRAMES,
            Protocol::Mqtt => mqtt::FRAMES,
            Protocol::Sip => sip::FRAMES,
            Protocol::Enip => enip::FRAMES,
            Protocol::Smtp => smtp::FRAMES,
            Protocol::Ssh => ssh::FRAMES,
            Protocol::Smb => smb::FRAMES,
            Protocol::Nfs => nfs::FRAMES,
            Protocol::Http2 | Protocol::Doh2 => http2::FRAMES,
            Protocol::Websocket => websocket::FRAMES,
            Protocol::Rfb => rfb::FRAMES,
            Protocol::Telnet => telnet::FRAMES,
            _ => &[],
        }
    }

    /// The row of a known protocol.
    pub fn row(self) -> Option<&'static ProtocolRow> {
        PROTOCOLS.iter().find(|row| row.protocol == self)
    }
}

/// An oddity that a parser reports: its name in rules (`app-layer-event:http.<name>`) and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRow {
    pub name: &'static str,
    pub number: u16,
}

/// What the rest of the sensor knows of a protocol.
pub struct ProtocolRow {
    pub protocol: Protocol,
    pub name: &'static str,
    /// Other names in rules.
    pub synonyms: &'static [&'static str],
    pub buffers: &'static [BufferRow],
    pub int_fields: &'static [IntFieldRow],
    pub events: &'static [EventRow],
    pub transports: &'static [Transport],
    /// The side that has to speak first, if the protocol has one.
    pub first: Option<Direction>,
    /// Tells the protocol by the first bytes of either side.
    pub probe: fn(&Prefix<'_>) -> Verdict,
    pub parser: fn(Transport) -> Box<dyn Parser>,
}

/// Every protocol that is parsed; order is the order of detection.
pub const PROTOCOLS: &[ProtocolRow] = &[
    http1::PROTOCOL,
    tls::PROTOCOL,
    dns::PROTOCOL,
    mqtt::PROTOCOL,
    mdns::PROTOCOL,
    llmnr::PROTOCOL,
    dnp3::PROTOCOL,
    sip::PROTOCOL,
    enip::PROTOCOL,
    ike::PROTOCOL,
    modbus::PROTOCOL,
    pgsql::PROTOCOL,
    smtp::PROTOCOL,
    ssh::PROTOCOL,
    smb::PROTOCOL,
    nfs::PROTOCOL,
    dcerpc::PROTOCOL,
    http2::PROTOCOL,
    http2::DOH2_PROTOCOL,
    websocket::PROTOCOL,
    rdp::PROTOCOL,
    snmp::PROTOCOL,
    // Knows itself by little but the port.
    quic::PROTOCOL,
    rfb::PROTOCOL,
    krb5::PROTOCOL,
    ldap::PROTOCOL,
    // Before those that also begin with a name or a password.
    irc::PROTOCOL,
    pop3::PROTOCOL,
    ftp::PROTOCOL,
    ftp::DATA_PROTOCOL,
    tftp::PROTOCOL,
    imap::PROTOCOL,
    dhcp::PROTOCOL,
    ntp::PROTOCOL,
    bittorrent::PROTOCOL,
    mysql::PROTOCOL,
    redis::PROTOCOL,
    socks::PROTOCOL,
    syslog::PROTOCOL,
    telnet::PROTOCOL,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_given_once() {
        for row in PROTOCOLS {
            assert_eq!(row.name, row.protocol.name());
            // Protocols share some buffers (`file.data`), each has one of a name.
            let mut buffers: Vec<_> = row.buffers.iter().map(|buffer| buffer.name).collect();
            buffers.sort_unstable();
            buffers.dedup();
            assert_eq!(buffers.len(), row.buffers.len(), "{}", row.name);
            let mut events: Vec<_> = row.events.iter().map(|event| event.number).collect();
            events.sort_unstable();
            events.dedup();
            assert_eq!(events.len(), row.events.len(), "{}", row.name);
        }
    }
}
