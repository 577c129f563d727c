//! Session → the `tls` object.

use std::borrow::Cow;

use sensor_event::{
    AppRecord, Base64, DateTime, Text, Tls, TlsClient, TlsClientHandshake, TlsJa3,
    TlsServerHandshake,
};

use super::fingerprint::Ja3;
use super::{Peer, TlsTransaction, Version, message};

/// How much of a session is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// A record of its own: everything.
    Full,
    /// Beside an alert: without certificates and parameters of the handshake.
    Short,
}

impl TlsTransaction {
    /// The EVE object of the session's own record.
    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Tls(Box::new(self.object(Detail::Full)))
    }

    /// The EVE object beside an alert.
    pub fn alert_record(&self) -> AppRecord<'_> {
        AppRecord::Tls(Box::new(self.object(Detail::Short)))
    }

    fn object(&self, detail: Detail) -> Tls<'_> {
        let TlsTransaction { client, server, .. } = self;
        let found = server.certificate.as_deref();
        let full = detail == Detail::Full;
        let version = if server.version == Version::UNKNOWN {
            client.version
        } else {
            server.version
        };
        Tls {
            subject: found.map(|found| Text(&found.subject)),
            issuerdn: found.map(|found| Text(&found.issuer)),
            subjectaltname: found
                .map(|found| found.names.iter().map(|name| Text(name)).collect())
                .unwrap_or_default(),
            session_resumed: full && self.is_resumed(),
            serial: found.map(|found| Text(found.serial.as_bytes())),
            fingerprint: found.map(|found| Text(found.fingerprint.as_bytes())),
            sni: client
                .hello
                .as_ref()
                .and_then(|hello| hello.server_name.as_deref())
                .map(Text),
            version: version
                .name()
                .unwrap_or_else(|| version.0.to_string().into()),
            notbefore: found.and_then(|found| date(found.not_before)),
            notafter: found.and_then(|found| date(found.not_after)),
            certificate: server.chain.first().filter(|_| full).map(|der| Base64(der)),
            chain: if full { chain(server) } else { Vec::new() },
            ja3: client.ja3.as_ref().map(ja3_object),
            ja3s: server.ja3.as_ref().map(ja3_object),
            ja4: Some(Text(self.ja4().unwrap_or(JA4_WITHOUT_HELLO).as_bytes())),
            client_alpns: alpns(client),
            server_alpns: alpns(server),
            client_handshake: client.hello.as_ref().filter(|_| full).map(|hello| {
                TlsClientHandshake {
                    version: version_name(hello.highest_version),
                    ciphers: &hello.ciphers,
                    exts: &hello.extensions,
                    sig_algs: &hello.signature_algorithms,
                }
            }),
            server_handshake: server.hello.as_ref().filter(|_| full).map(|hello| {
                TlsServerHandshake {
                    version: version_name(hello.highest_version),
                    cipher: hello.ciphers.first().copied().unwrap_or(0),
                    exts: &hello.extensions,
                }
            }),
            client: client_object(client, full),
            from_proto: None,
        }
    }

    /// An earlier session goes on: there is no certificate, though there would be one to see.
    fn is_resumed(&self) -> bool {
        self.resumed
            && self.server.certificate.is_none()
            && self.has_seen(message::SERVER_HELLO)
            && !self.without_certificate
    }
}

/// What JA4 says of a client whose hello was that of SSL 2, or is lost.
const JA4_WITHOUT_HELLO: &str = "t00i000000_e3b0c44298fc_d2e2adf7177b";

fn version_name(version: Version) -> Cow<'static, str> {
    version
        .name()
        .unwrap_or_else(|| format!("0x{:04x}", version.0).into())
}

/// Certificates without a date have none to tell.
fn date(seconds: i64) -> Option<DateTime> {
    (seconds != 0).then_some(DateTime(seconds))
}

fn chain(peer: &Peer) -> Vec<Base64<'_>> {
    peer.chain.iter().map(|der| Base64(der)).collect()
}

fn alpns(peer: &Peer) -> Vec<Text<'_>> {
    let hello = peer.hello.as_ref();
    hello.map_or_else(Vec::new, |hello| {
        hello.alpns.iter().map(|name| Text(name)).collect()
    })
}

fn ja3_object(ja3: &Ja3) -> TlsJa3<'_> {
    TlsJa3 {
        hash: Text(ja3.hash.as_bytes()),
        string: Text(ja3.text.as_bytes()),
    }
}

fn client_object(client: &Peer, full: bool) -> Option<TlsClient<'_>> {
    let found = client.certificate.as_deref()?;
    Some(TlsClient {
        subject: Text(&found.subject),
        issuerdn: Text(&found.issuer),
        fingerprint: Text(found.fingerprint.as_bytes()),
        serial: Text(found.serial.as_bytes()),
        notbefore: date(found.not_before),
        notafter: date(found.not_after),
        certificate: client.chain.first().filter(|_| full).map(|der| Base64(der)),
        chain: if full { chain(client) } else { Vec::new() },
    })
}
