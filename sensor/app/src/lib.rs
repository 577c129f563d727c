//! Chunks → transactions: application protocols, a folder each.
//!
//! [`AppLayer`] is the application side of one flow. It is fed in-order chunks and gaps (TCP) or
//! datagrams (UDP), finds the protocol by content, and keeps [`Transaction`]s until their user retires them.

pub mod bittorrent;
mod buffer;
pub mod dcerpc;
pub mod dhcp;
pub mod dnp3;
pub mod dns;
pub mod enip;
mod expected;
pub mod facts;
mod file;
mod frame;
pub mod ftp;
pub mod http1;
pub mod http2;
pub mod ike;
pub mod imap;
pub mod irc;
pub mod krb5;
mod layer;
pub mod ldap;
#[cfg(test)]
mod limit_tests;
mod limits;
mod lines;
pub mod llmnr;
mod magic;
pub mod mdns;
#[cfg(test)]
mod midstream_tests;
pub mod modbus;
pub mod mqtt;
pub mod mysql;
pub mod nfs;
pub mod ntp;
mod parser;
pub mod pgsql;
pub mod pop3;
#[cfg(test)]
mod port_tests;
mod protocol;
pub mod quic;
mod ranges;
pub mod rdp;
mod recent;
pub mod redis;
pub mod rfb;
pub mod sip;
pub mod smb;
pub mod smtp;
pub mod snmp;
pub mod socks;
pub mod ssh;
mod stages;
pub mod syslog;
pub mod telnet;
#[cfg(test)]
mod testing;
pub mod tftp;
pub mod tls;
mod transaction;
mod transactions;
mod transfer;
pub mod websocket;

pub use buffer::{BufferGetter, BufferRow, BufferSide, Bytes, IntFieldRow, same_bytes};
pub use expected::Expected;
pub use file::{File, FileId, FileState, Hashes, Window};
pub use frame::{Frame, Frames, STREAM, WantedFrames};
pub use layer::AppLayer;
pub use limits::{Context, Limits};
pub use parser::{Parser, Prefix, Step, Transport, Verdict};
pub use protocol::{EventRow, PROTOCOLS, Protocol, ProtocolRow};
pub use stages::stage;
pub use transaction::{Body, Transaction};
pub use transactions::{MAX_LIVE_TRANSACTIONS, Transactions};
