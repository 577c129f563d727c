//! One transaction: request and reply.

use crate::File;
use crate::bittorrent::BittorrentTransaction;
use crate::dcerpc::{Call, DcerpcTransaction};
use crate::dhcp::DhcpTransaction;
use crate::dnp3::Dnp3Transaction;
use crate::dns::DnsTransaction;
use crate::enip::EnipTransaction;
use crate::ftp::{FtpDataTransaction, FtpTransaction};
use crate::http1::HttpTransaction;
use crate::http2::Http2Transaction;
use crate::ike::IkeTransaction;
use crate::imap::ImapTransaction;
use crate::irc::IrcTransaction;
use crate::krb5::Krb5Transaction;
use crate::ldap::LdapTransaction;
use crate::modbus::ModbusTransaction;
use crate::mqtt::MqttTransaction;
use crate::mysql::MysqlTransaction;
use crate::nfs::NfsTransaction;
use crate::ntp::NtpTransaction;
use crate::pgsql::PgsqlTransaction;
use crate::pop3::Pop3Transaction;
use crate::quic::QuicTransaction;
use crate::rdp::RdpTransaction;
use crate::redis::RedisTransaction;
use crate::rfb::RfbTransaction;
use crate::sip::SipTransaction;
use crate::smb::SmbTransaction;
use crate::smtp::SmtpTransaction;
use crate::snmp::SnmpTransaction;
use crate::socks::SocksTransaction;
use crate::ssh::SshTransaction;
use crate::stages;
use crate::syslog::SyslogTransaction;
use crate::telnet::TelnetTransaction;
use crate::tftp::TftpTransaction;
use crate::tls::{self, TlsTransaction};
use crate::websocket::WebsocketTransaction;
use crate::{Protocol, file::MAX_FILES, llmnr, mdns};
use sensor_event::AppRecord;
use sensor_flow::Direction;

/// Events of one transaction; more are not told.
pub const MAX_EVENTS: usize = 255;

/// One request with its reply, of any protocol.
#[derive(Debug)]
pub struct Transaction {
    /// Number within the flow, from 0.
    pub id: u64,
    /// Number within its protocol, from 0 (`tx_id` in EVE): other than `id` after a change of protocol.
    pub number: u64,
    /// How far each side has come, in the protocol's own stages; `u8::MAX` is complete.
    pub progress: [u8; 2],
    /// Numbers of [`crate::EventRow`]s raised and not yet reported.
    pub events: Vec<u16>,
    pub files: Vec<File>,
    /// The only side that the transaction has (a DNS message); none for request and reply.
    pub only: Option<Direction>,
    /// A rule has switched off its record.
    pub silent: bool,
    /// A rule wants the files of a side stored.
    pub stores: [bool; 2],
    pub body: Body,
}

/// The protocol's own part.
#[derive(Debug)]
pub enum Body {
    Http1(Box<HttpTransaction>),
    Dcerpc(Box<DcerpcTransaction>),
    Rdp(Box<RdpTransaction>),
    Snmp(Box<SnmpTransaction>),
    Dnp3(Box<Dnp3Transaction>),
    Krb5(Box<Krb5Transaction>),
    Ldap(Box<LdapTransaction>),
    Dns(Box<DnsTransaction>),
    Mqtt(Box<MqttTransaction>),
    Mdns(Box<DnsTransaction>),
    Llmnr(Box<DnsTransaction>),
    Sip(Box<SipTransaction>),
    Enip(Box<EnipTransaction>),
    Ike(Box<IkeTransaction>),
    Modbus(Box<ModbusTransaction>),
    Pgsql(Box<PgsqlTransaction>),
    Ssh(Box<SshTransaction>),
    Smb(Box<SmbTransaction>),
    Nfs(Box<NfsTransaction>),
    Http2(Box<Http2Transaction>),
    Quic(Box<QuicTransaction>),
    Websocket(Box<WebsocketTransaction>),
    Rfb(Box<RfbTransaction>),
    Dhcp(Box<DhcpTransaction>),
    Ntp(Box<NtpTransaction>),
    Tls(Box<TlsTransaction>),
    Smtp(Box<SmtpTransaction>),
    Ftp(Box<FtpTransaction>),
    FtpData(Box<FtpDataTransaction>),
    Pop3(Box<Pop3Transaction>),
    Tftp(Box<TftpTransaction>),
    Bittorrent(Box<BittorrentTransaction>),
    Imap(Box<ImapTransaction>),
    Irc(Box<IrcTransaction>),
    Mysql(Box<MysqlTransaction>),
    Redis(Box<RedisTransaction>),
    Socks(Box<SocksTransaction>),
    Syslog(Box<SyslogTransaction>),
    Telnet(Box<TelnetTransaction>),
}

impl Body {
    pub fn protocol(&self) -> Protocol {
        match self {
            Body::Http1(_) => Protocol::Http1,
            Body::Dcerpc(_) => Protocol::Dcerpc,
            Body::Rdp(_) => Protocol::Rdp,
            Body::Snmp(_) => Protocol::Snmp,
            Body::Dnp3(_) => Protocol::Dnp3,
            Body::Krb5(_) => Protocol::Krb5,
            Body::Ldap(_) => Protocol::Ldap,
            Body::Dns(_) => Protocol::Dns,
            Body::Mqtt(_) => Protocol::Mqtt,
            Body::Mdns(_) => Protocol::Mdns,
            Body::Llmnr(_) => Protocol::Llmnr,
            Body::Sip(_) => Protocol::Sip,
            Body::Enip(_) => Protocol::Enip,
            Body::Ike(_) => Protocol::Ike,
            Body::Modbus(_) => Protocol::Modbus,
            Body::Pgsql(_) => Protocol::Pgsql,
            Body::Ssh(_) => Protocol::Ssh,
            Body::Smb(_) => Protocol::Smb,
            Body::Nfs(_) => Protocol::Nfs,
            Body::Http2(http2) if http2.is_doh => Protocol::Doh2,
            Body::Http2(_) => Protocol::Http2,
            Body::Quic(_) => Protocol::Quic,
            Body::Websocket(_) => Protocol::Websocket,
            Body::Rfb(_) => Protocol::Rfb,
            Body::Dhcp(_) => Protocol::Dhcp,
            Body::Ntp(_) => Protocol::Ntp,
            Body::Tls(_) => Protocol::Tls,
            Body::Smtp(_) => Protocol::Smtp,
            Body::Ftp(_) => Protocol::Ftp,
            Body::FtpData(_) => Protocol::FtpData,
            Body::Pop3(_) => Protocol::Pop3,
            Body::Tftp(_) => Protocol::Tftp,
            Body::Bittorrent(_) => Protocol::Bittorrent,
            Body::Imap(_) => Protocol::Imap,
            Body::Irc(_) => Protocol::Irc,
            Body::Mysql(_) => Protocol::Mysql,
            Body::Redis(_) => Protocol::Redis,
            Body::Socks(_) => Protocol::Socks,
            Body::Syslog(_) => Protocol::Syslog,
            Body::Telnet(_) => Protocol::Telnet,
        }
    }
}

impl Transaction {
    /// Numbers in what it carries for others (DCE/RPC) have their high byte first.
    pub fn is_big_endian(&self) -> bool {
        match &self.body {
            Body::Dcerpc(call) => call.big_endian,
            Body::Smb(smb) => smb.is_big_endian(),
            _ => false,
        }
    }

    /// Progress that means the side is complete.
    pub const COMPLETE: u8 = u8::MAX;

    pub(crate) fn new(id: u64, number: u64, body: Body) -> Self {
        Transaction {
            id,
            number,
            progress: [0; 2],
            events: Vec::new(),
            files: Vec::new(),
            only: None,
            silent: false,
            stores: [false; 2],
            body,
        }
    }

    /// The whole content of a file, while all of it is held.
    pub fn content<'a>(&'a self, file: &'a File) -> Option<&'a [u8]> {
        let window = self.window(file);
        let whole = window.offset() == 0 && window.end() == file.size && !file.gaps;
        whole.then(|| window.data())
    }

    /// What kind of file one of its files is; costly when it is asked for the first time.
    pub fn magic<'a>(&'a self, file: &'a File) -> Option<&'a str> {
        file.magic(self.window(file))
    }

    /// What is held of a file.
    fn window<'a>(&'a self, file: &'a File) -> &'a crate::file::Window {
        match &self.body {
            Body::Http1(http) if file.is_whole_body => &http.message(file.direction).body.window,
            _ => &file.window,
        }
    }

    /// Whether the transaction has something to look at on a side.
    pub fn has_side(&self, direction: Direction) -> bool {
        self.only.is_none_or(|only| only == direction)
    }

    pub fn is_complete(&self, direction: Direction) -> bool {
        self.progress[direction.index()] == Self::COMPLETE
    }

    pub fn protocol(&self) -> Protocol {
        self.body.protocol()
    }

    /// The stage that a side has reached, by name; none for a protocol whose stages have no names.
    pub fn stage_name(&self, direction: Direction) -> Option<&'static str> {
        stages::stage_name(self.protocol(), direction, self.progress[direction.index()])
    }

    /// Moves a side forward; it never goes back.
    pub(crate) fn advance(&mut self, direction: Direction, progress: u8) {
        let now = &mut self.progress[direction.index()];
        *now = progress.max(*now);
    }

    /// Raises an event, each time that it happens.
    pub(crate) fn raise(&mut self, number: u16) {
        if self.events.len() < MAX_EVENTS {
            self.events.push(number);
        }
    }

    /// Whether one more file may be opened.
    pub(crate) fn has_room_for_file(&self) -> bool {
        self.files.len() < MAX_FILES
    }

    /// The direction in which addresses stand in its record: from the client, but for a protocol whose server
    /// speaks unasked.
    pub fn record_direction(&self) -> Direction {
        match &self.body {
            Body::Bittorrent(_)
            | Body::Imap(_)
            | Body::Irc(_)
            | Body::Llmnr(_)
            | Body::Mqtt(_)
            | Body::Quic(_)
            | Body::Websocket(_) => self.only.unwrap_or(Direction::ToServer),
            _ => Direction::ToServer,
        }
    }

    /// The call of a procedure that the transaction is, of DCE/RPC by itself or through a pipe.
    pub fn call(&self) -> Option<Call<'_>> {
        match &self.body {
            Body::Dcerpc(call) => call.call(),
            Body::Smb(smb) => smb.call(),
            _ => None,
        }
    }

    /// The EVE object of this transaction (`http`, `dns`, `tls`).
    pub fn record(&self) -> AppRecord<'_> {
        match &self.body {
            Body::Http1(http) => AppRecord::Http(Box::new(http.record())),
            Body::Dcerpc(call) => call.record(self.progress),
            Body::Rdp(rdp) => rdp.record(self.number),
            Body::Snmp(snmp) => snmp.record(),
            Body::Dnp3(dnp3) => dnp3.record(),
            Body::Krb5(krb5) => krb5.record(),
            Body::Ldap(ldap) => ldap.record(),
            Body::Dns(dns) => dns.record(self.id),
            Body::Mqtt(mqtt) => mqtt.record(),
            Body::Mdns(dns) => mdns::record(dns),
            Body::Llmnr(dns) => llmnr::record(dns),
            Body::Sip(sip) => sip.record(),
            Body::Enip(enip) => enip.record(),
            Body::Ike(ike) => ike.record(),
            Body::Modbus(modbus) => modbus.record(self.number),
            Body::Pgsql(pgsql) => pgsql.record(self.number),
            Body::Ssh(ssh) => ssh.record(),
            Body::Smb(smb) => smb.record(self.number),
            Body::Nfs(nfs) => nfs.record(self.number),
            Body::Http2(http2) => http2.record(),
            Body::Quic(quic) => quic.record(),
            Body::Websocket(websocket) => websocket.record(),
            Body::Rfb(rfb) => rfb.record(),
            Body::Dhcp(dhcp) => dhcp.record(),
            Body::Ntp(ntp) => ntp.record(),
            Body::Tls(tls) => tls.record(),
            Body::Smtp(smtp) => AppRecord::Smtp(Box::new(smtp.record())),
            Body::Ftp(ftp) => AppRecord::Ftp(Box::new(ftp.record())),
            Body::FtpData(data) => AppRecord::FtpData(data.record()),
            Body::Pop3(pop3) => pop3.record(),
            Body::Tftp(tftp) => tftp.record(),
            Body::Bittorrent(bittorrent) => bittorrent.record(),
            Body::Imap(imap) => imap.record(),
            Body::Irc(irc) => irc.record(),
            Body::Mysql(mysql) => mysql.record(),
            Body::Redis(redis) => redis.record(),
            Body::Socks(socks) => socks.record(),
            Body::Syslog(syslog) => syslog.record(),
            Body::Telnet(telnet) => telnet.record(),
        }
    }

    /// The type of its record (`event_type`).
    pub fn event_type(&self) -> &'static str {
        match &self.body {
            Body::Http2(http2) if http2.dns().is_some() => Protocol::Dns.event_type(),
            _ => self.protocol().event_type(),
        }
    }

    /// The protocol in whose name its events are raised.
    pub fn event_protocol(&self) -> Protocol {
        match self.protocol() {
            Protocol::Doh2 => Protocol::Http2,
            protocol => protocol,
        }
    }

    /// The same as it stands beside alerts and files, where some protocols say less, or nothing yet.
    pub fn alert_record(&self) -> Option<AppRecord<'_>> {
        match &self.body {
            Body::Dnp3(dnp3) => dnp3.alert_record(),
            Body::Dns(dns) => Some(dns.alert_record(self.id)),
            Body::Http2(http2) => Some(http2.alert_record()),
            Body::Smtp(smtp) => Some(AppRecord::Smtp(Box::new(smtp.summary()))),
            Body::Tls(tls) => Some(tls.alert_record()),
            _ => Some(self.record()),
        }
    }

    /// Whether all is known that its record tells.
    pub fn is_due(&self) -> bool {
        let enough = match &self.body {
            Body::Tls(_) => tls::stage::HANDSHAKE_DONE,
            _ => Self::COMPLETE,
        };
        self.progress.iter().all(|progress| *progress >= enough)
    }

    /// Whether there is a record to write once it is due.
    pub fn is_recorded(&self) -> bool {
        let enough = match &self.body {
            Body::Http2(http2) => http2.is_recorded(),
            Body::Irc(irc) => irc.is_recorded(),
            Body::Nfs(nfs) => nfs.is_recorded(),
            Body::Tls(tls) => tls.is_recorded(),
            _ => true,
        };
        enough && !self.silent
    }
}
