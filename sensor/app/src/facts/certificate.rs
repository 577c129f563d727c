//! What may be wrong with a certificate, as far as it tells itself: hints, as no chain is checked here.

use std::net::IpAddr;

use sensor_event::{DateTime, Fact};

use super::text;
use crate::tls::Certificate;

const SECOND_NS: i64 = 1_000_000_000;

pub(super) fn fact(
    certificate: &Certificate,
    (ip, port): (IpAddr, u16),
    name_mismatch: Option<String>,
    now_ns: i64,
) -> Fact {
    let now = now_ns.div_euclid(SECOND_NS);
    Fact::Certificate {
        ip,
        port,
        fingerprint: certificate.fingerprint.clone(),
        subject: text(&certificate.subject),
        issuer: text(&certificate.issuer),
        notbefore: DateTime(certificate.not_before),
        notafter: DateTime(certificate.not_after),
        self_signed: certificate.subject == certificate.issuer,
        expired: now > certificate.not_after,
        not_yet_valid: now < certificate.not_before,
        name_mismatch,
    }
}

/// The name that the client asked for, when the certificate is for none that fits (RFC 6125 §6.4).
pub(super) fn mismatch(certificate: &Certificate, asked: Option<&[u8]>) -> Option<String> {
    let asked = asked?.to_ascii_lowercase();
    let fits = certificate.names.iter().any(|name| fits(name, &asked))
        || certificate.names.is_empty()
            && common_name(&certificate.subject).is_some_and(|name| fits(name, &asked));
    (!fits).then(|| text(&asked))
}

/// A star stands for one label, the first.
fn fits(name: &[u8], asked: &[u8]) -> bool {
    match name.strip_prefix(b"*") {
        Some(rest) => asked
            .iter()
            .position(|&byte| byte == b'.')
            .is_some_and(|dot| asked[dot..].eq_ignore_ascii_case(rest)),
        None => name.eq_ignore_ascii_case(asked),
    }
}

fn common_name(subject: &[u8]) -> Option<&[u8]> {
    subject
        .split(|&byte| byte == b',')
        .find_map(|part| part.trim_ascii().strip_prefix(b"CN="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_told() {
        let certificate = |subject: &str, names: &[&str]| Certificate {
            subject: subject.as_bytes().to_vec(),
            issuer: b"CN=a.test".to_vec(),
            serial: String::new(),
            not_before: 100,
            not_after: 200,
            fingerprint: String::new(),
            names: names.iter().map(|name| name.as_bytes().to_vec()).collect(),
        };
        for (subject, names, asked, fits) in [
            ("C=VN, CN=a.test", &[][..], "A.test", true),
            ("CN=a.test", &["b.test"], "a.test", false),
            ("CN=x", &["*.test"], "a.test", true),
            ("CN=x", &["*.test"], "b.a.test", false),
            ("CN=x", &["*"], "test", false),
        ] {
            let found = mismatch(&certificate(subject, names), Some(asked.as_bytes()));
            assert_eq!(found.is_none(), fits, "{subject} {asked}");
        }
        assert_eq!(mismatch(&certificate("CN=x", &[]), None), None);
        let place = (IpAddr::from([192, 0, 2, 1]), 443);
        let Fact::Certificate {
            self_signed,
            expired,
            not_yet_valid,
            ..
        } = fact(&certificate("CN=a.test", &[]), place, None, 201 * SECOND_NS)
        else {
            panic!("it is a certificate");
        };
        assert!(self_signed && expired && !not_yet_valid);
    }
}
