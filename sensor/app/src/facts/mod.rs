//! Facts derived from transactions and flows: hosts, services, certificates and software, told when first seen,
//! once a day; names that led to addresses; protocols on ports where they are not expected.
//!
//! It stands here because it reads transactions of many protocols and nothing else; what it says becomes records
//! of their own (`sensor_event::Fact`). Each worker remembers for itself what was told, and asks what all of them
//! share only about what is new to it, so that packets wait for no lock.

mod certificate;
mod journal;
mod names;
mod software;
mod told;

use std::net::IpAddr;
use std::sync::Arc;

use sensor_event::Fact;
use sensor_flow::{Direction, Flow};

use crate::dns::wire::Rdata;
use crate::dns::{DnsTransaction, Kind};
use crate::{Body, Protocol, Transaction};

pub use told::{MAX_TOLD, Shared};
use told::{Seen, Told};

/// Bytes kept of what a machine says that it runs.
pub const MAX_TEXT_BYTES: usize = 256;
/// Facts that one transaction may bring.
const MAX_PER_TRANSACTION: usize = 64;
const DNS_PORT: u16 = 53;
const HTTP_PORTS: [u16; 9] = [80, 591, 3128, 5985, 8000, 8008, 8080, 8081, 8888];
const TCP: u8 = 6;

/// What one worker knows.
#[derive(Debug)]
pub struct Facts {
    told: Told,
    shared: Arc<Shared>,
    /// Facts of today that had to be forgotten for new ones: they may be told again.
    forgotten: u64,
}

impl Default for Facts {
    fn default() -> Self {
        Facts::new(Arc::default())
    }
}

impl Facts {
    pub fn new(shared: Arc<Shared>) -> Self {
        Facts {
            told: Told::default(),
            shared,
            forgotten: 0,
        }
    }

    /// Facts that may be told twice on one day, as there were more than [`MAX_TOLD`].
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// What a transaction that is due tells for the first time today. A port says nothing of a protocol that has
    /// another one before it in its flow.
    pub fn of_transaction(
        &mut self,
        transaction: &Transaction,
        flow: &Flow,
        before: Option<Protocol>,
        now_ns: i64,
    ) -> Vec<Fact> {
        let mut facts = Vec::new();
        let within = |own| before.is_some_and(|before| before != own);
        match &transaction.body {
            Body::Dns(dns) => {
                self.answer(dns, now_ns, &mut facts);
                let expected = within(Protocol::Dns) || flow.server_port == DNS_PORT;
                self.port(Protocol::Dns, expected, flow, now_ns, &mut facts);
            }
            Body::Http1(_) => {
                let expected = within(Protocol::Http1) || HTTP_PORTS.contains(&flow.server_port);
                self.port(Protocol::Http1, expected, flow, now_ns, &mut facts);
            }
            Body::Http2(http2) => {
                if let Some(dns) = http2.side(Direction::ToClient).dns.as_deref() {
                    self.answer(dns, now_ns, &mut facts);
                }
                // What carries DNS has been HTTP/2 before.
                let expected = within(Protocol::Http2) || HTTP_PORTS.contains(&flow.server_port);
                self.port(transaction.protocol(), expected, flow, now_ns, &mut facts);
            }
            Body::Tls(tls) => {
                if let Some(shown) = &tls.server.certificate {
                    let asked = tls
                        .client
                        .hello
                        .as_ref()
                        .and_then(|hello| hello.server_name.as_deref());
                    let name_mismatch = certificate::mismatch(shown, asked);
                    let key = (
                        "certificate",
                        flow.server,
                        flow.server_port,
                        &shown.fingerprint,
                        &name_mismatch,
                    );
                    if self.is_new(key, now_ns) {
                        let place = (flow.server, flow.server_port);
                        facts.push(certificate::fact(shown, place, name_mismatch, now_ns));
                    }
                }
            }
            _ => {}
        }
        for direction in Direction::BOTH {
            self.software(transaction, direction, flow, now_ns, &mut facts);
        }
        facts
    }

    /// What a flow that has ended tells for the first time today. Machines of others are no inventory: `owns` says which
    /// are ours.
    pub fn of_flow(
        &mut self,
        flow: &Flow,
        protocol: Protocol,
        owns: impl Fn(IpAddr) -> bool,
        now_ns: i64,
    ) -> Vec<Fact> {
        let mut facts = Vec::new();
        for (ip, packets) in [
            (flow.client, flow.packets[0]),
            (flow.server, flow.packets[1]),
        ] {
            if packets > 0 && owns(ip) && self.is_new(("host", ip), now_ns) {
                facts.push(Fact::Host { ip });
            }
        }
        let is_tcp = flow.protocol == TCP;
        let app_proto = protocol.is_known().then(|| protocol.name());
        // A server of TCP accepts before it says anything.
        let serves = match is_tcp {
            true => flow.history.is_accepted(),
            false => app_proto.is_some() && flow.packets[1] > 0,
        };
        let key = (
            "service",
            flow.server,
            flow.server_port,
            flow.protocol,
            app_proto,
        );
        // Data of FTP goes to a port of the moment.
        let serves = serves && protocol != Protocol::FtpData;
        if serves && flow.has_ports() && owns(flow.server) && self.is_new(key, now_ns) {
            facts.push(Fact::Service {
                ip: flow.server,
                port: flow.server_port,
                transport: if is_tcp { "tcp" } else { "udp" },
                app_proto,
            });
        }
        facts
    }

    /// Names that led to an address, newest first, as long as they may hold.
    pub fn names(&self, ip: IpAddr, now_ns: i64) -> Vec<String> {
        self.shared.names().of(ip, now_ns)
    }

    fn is_new(&mut self, key: impl std::hash::Hash, now_ns: i64) -> bool {
        let seen = self.told.look(key, now_ns, &self.shared);
        self.forgotten += u64::from(seen == Seen::FirstForgetting);
        seen != Seen::Before
    }

    fn answer(&mut self, dns: &DnsTransaction, now_ns: i64, facts: &mut Vec<Fact>) {
        let message = &dns.message;
        let (Kind::Response, Some(question)) = (dns.kind, message.questions.first()) else {
            return;
        };
        let name = message.name(&question.name).to_ascii_lowercase();
        for resource in message.answers.iter().take(MAX_PER_TRANSACTION) {
            let Rdata::Address(span) = &resource.rdata else {
                continue;
            };
            let bytes = message.bytes(span);
            let ip = match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
                (Ok(bytes), _) => IpAddr::from(bytes),
                (_, Ok(bytes)) => IpAddr::from(bytes),
                _ => continue,
            };
            self.shared.names().add(ip, &name, resource.ttl, now_ns);
            if self.is_new(("name", ip, &name), now_ns) {
                facts.push(Fact::Name {
                    name: text(&name),
                    ip,
                    ttl: resource.ttl,
                });
            }
        }
    }

    /// What the sender of a direction runs.
    fn software(
        &mut self,
        transaction: &Transaction,
        direction: Direction,
        flow: &Flow,
        now_ns: i64,
        facts: &mut Vec<Fact>,
    ) {
        let Some(said) = software::of(transaction, direction) else {
            return;
        };
        let software = &said.text[..said.text.len().min(MAX_TEXT_BYTES)];
        let ((sender, _), _) = flow.ends(direction);
        let ip = said.ip.unwrap_or(sender);
        if !self.is_new(("software", ip, software), now_ns) {
            return;
        }
        facts.push(Fact::Software {
            ip,
            role: match direction {
                Direction::ToServer => "client",
                Direction::ToClient => "server",
            },
            app_proto: said.protocol.name(),
            text: text(software),
        });
    }

    fn port(
        &mut self,
        protocol: Protocol,
        expected: bool,
        flow: &Flow,
        now_ns: i64,
        facts: &mut Vec<Fact>,
    ) {
        let key = ("port", flow.server, flow.server_port, protocol.name());
        if !expected && self.is_new(key, now_ns) {
            facts.push(Fact::OddPort {
                ip: flow.server,
                port: flow.server_port,
                app_proto: protocol.name(),
            });
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
