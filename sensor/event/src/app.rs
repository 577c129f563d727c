//! Application-layer records: one object named after its protocol.

use serde::Serialize;

use crate::{
    BittorrentDht, Dcerpc, Dhcp, Dnp3, Dns, Doh2, Enip, Ftp, FtpData, Http, Http2, Ike, Imap, Irc,
    Krb5, Ldap, Llmnr, Mdns, Metadata, Modbus, Mqtt, Mysql, NfsRecord, Ntp, Pgsql, Pop3, Quic, Rdp,
    Redis, Rfb, Sip, Smb, SmtpRecord, Snmp, Socks, Ssh, Syslog, Telnet, Tftp, Tls, Websocket,
};

/// The object of a transaction, under its protocol's name.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AppRecord<'a> {
    Dcerpc(Box<Dcerpc>),
    Rdp(Box<Rdp<'a>>),
    Snmp(Box<Snmp<'a>>),
    Dnp3(Box<Dnp3<'a>>),
    Krb5(Box<Krb5<'a>>),
    Ldap(Box<Ldap<'a>>),
    Dns(Dns<'a>),
    Ftp(Box<Ftp<'a>>),
    #[serde(rename = "ftp_data")]
    FtpData(FtpData<'a>),
    Pop3(Box<Pop3<'a>>),
    Tftp(Tftp<'a>),
    Http(Box<Http<'a>>),
    Mqtt(Mqtt<'a>),
    Mdns(Box<Mdns<'a>>),
    Sip(Box<Sip<'a>>),
    Enip(Box<Enip<'a>>),
    Ike(Box<Ike<'a>>),
    Modbus(Box<Modbus<'a>>),
    Pgsql(Box<Pgsql<'a>>),
    #[serde(rename = "http")]
    Http2(Box<Http2<'a>>),
    Quic(Box<Quic<'a>>),
    Ssh(Box<Ssh<'a>>),
    Smb(Box<Smb<'a>>),
    Dhcp(Box<Dhcp<'a>>),
    Ntp(Box<Ntp<'a>>),
    Tls(Box<Tls<'a>>),
    Websocket(Websocket),
    Rfb(Box<Rfb<'a>>),
    #[serde(rename = "bittorrent_dht")]
    BittorrentDht(Box<BittorrentDht<'a>>),
    Imap(Box<Imap<'a>>),
    Irc(Box<Irc<'a>>),
    Llmnr(Box<Llmnr<'a>>),
    Mysql(Box<Mysql<'a>>),
    Redis(Box<Redis<'a>>),
    Socks(Box<Socks<'a>>),
    Syslog(Box<Syslog<'a>>),
    Telnet(Box<Telnet<'a>>),
    /// Two objects, which name themselves.
    #[serde(untagged)]
    Doh2(Box<Doh2<'a>>),
    /// Two objects, which name themselves.
    #[serde(untagged)]
    Nfs(Box<NfsRecord<'a>>),
    /// Two objects, which name themselves.
    #[serde(untagged)]
    Smtp(Box<SmtpRecord<'a>>),
}

impl AppRecord<'_> {
    /// Records of this protocol say which transaction of the flow they are of.
    pub fn has_transaction_number(&self) -> bool {
        matches!(
            self,
            AppRecord::Http(_) | AppRecord::Smb(_) | AppRecord::Smtp(_)
        )
    }
}

/// Event of a transaction (`event_type` http, dns, tls, …).
#[derive(Debug, Clone, Serialize)]
pub struct TransactionRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_id: Option<u64>,
    #[serde(flatten)]
    pub metadata: Option<Metadata<'a>>,
    #[serde(flatten)]
    pub app: AppRecord<'a>,
}
