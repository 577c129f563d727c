//! One X.509 certificate (RFC 5280) → the texts that records and rules speak of.

use sha1::{Digest, Sha1};
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::GeneralName;
use x509_parser::nom;
use x509_parser::prelude::FromDer;

use super::events;

/// Alternative names that are kept of one certificate.
pub const MAX_NAMES: usize = 1024;

/// What is told of the first certificate of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub subject: Vec<u8>,
    pub issuer: Vec<u8>,
    /// `00:97:E6:…`
    pub serial: String,
    /// Seconds since the epoch.
    pub not_before: i64,
    pub not_after: i64,
    /// SHA-1 as `cc:aa:48:…`
    pub fingerprint: String,
    pub names: Vec<Vec<u8>>,
}

impl Certificate {
    /// Reads DER; an error is the event that it calls for.
    pub fn read(der: &[u8]) -> Result<Certificate, u16> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|error| event(&error))?;
        let names = match certificate.subject_alternative_name() {
            Ok(Some(names)) => names
                .value
                .general_names
                .iter()
                .take(MAX_NAMES)
                .map(name)
                .collect(),
            _ => Vec::new(),
        };
        let validity = certificate.validity();
        Ok(Certificate {
            subject: certificate.subject().to_string().into_bytes(),
            issuer: certificate.issuer().to_string().into_bytes(),
            serial: colons(certificate.raw_serial(), Case::Upper),
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
            fingerprint: colons(&Sha1::digest(der), Case::Lower),
            names,
        })
    }
}

/// A name as EVE has it.
fn name(name: &GeneralName<'_>) -> Vec<u8> {
    match name {
        GeneralName::DNSName(text) | GeneralName::URI(text) => text.as_bytes().to_vec(),
        GeneralName::IPAddress(bytes) => format!("{bytes:?}").into_bytes(),
        other => other.to_string().into_bytes(),
    }
}

enum Case {
    Upper,
    Lower,
}

fn colons(bytes: &[u8], case: Case) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 {
            text.push(':');
        }
        let digits: &[u8; 16] = match case {
            Case::Upper => b"0123456789ABCDEF",
            Case::Lower => b"0123456789abcdef",
        };
        text.push(char::from(digits[usize::from(byte >> 4)]));
        text.push(char::from(digits[usize::from(byte & 15)]));
    }
    text
}

fn event(error: &nom::Err<X509Error>) -> u16 {
    match error {
        nom::Err::Incomplete(_) => events::CERTIFICATE_INVALID_LENGTH,
        nom::Err::Error(error) | nom::Err::Failure(error) => match error {
            X509Error::InvalidVersion => events::CERTIFICATE_INVALID_VERSION,
            X509Error::InvalidSerial => events::CERTIFICATE_INVALID_SERIAL,
            X509Error::InvalidAlgorithmIdentifier => {
                events::CERTIFICATE_INVALID_ALGORITHMIDENTIFIER
            }
            X509Error::InvalidX509Name => events::CERTIFICATE_INVALID_X509NAME,
            X509Error::InvalidDate => events::CERTIFICATE_INVALID_DATE,
            X509Error::InvalidExtensions => events::CERTIFICATE_INVALID_EXTENSIONS,
            X509Error::Der(_) => events::CERTIFICATE_INVALID_DER,
            _ => events::INVALID_CERTIFICATE,
        },
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tlv(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        match u8::try_from(body.len()) {
            Ok(length) if length < 0x80 => bytes.push(length),
            Ok(length) => bytes.extend([0x81, length]),
            Err(_) => {
                bytes.push(0x82);
                bytes.extend((body.len() as u16).to_be_bytes());
            }
        }
        bytes.extend_from_slice(body);
        bytes
    }

    fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
        tlv(0x30, &parts.concat())
    }

    fn common_name(text: &str) -> Vec<u8> {
        let attribute = sequence(&[tlv(6, &[0x55, 4, 3]), tlv(0x0c, text.as_bytes())]);
        sequence(&[tlv(0x31, &attribute)])
    }

    /// A certificate of no use but to be read.
    pub fn der(subject: &str) -> Vec<u8> {
        let algorithm = sequence(&[
            tlv(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b]),
            tlv(5, &[]),
        ]);
        let key = sequence(&[
            sequence(&[
                tlv(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]),
                tlv(5, &[]),
            ]),
            tlv(3, &[0, 1, 2]),
        ]);
        let names = sequence(&[tlv(0x82, b"a.test"), tlv(0x87, &[192, 0, 2, 1])]);
        let extension = sequence(&[tlv(6, &[0x55, 0x1d, 0x11]), tlv(4, &names)]);
        let body = sequence(&[
            tlv(0xa0, &tlv(2, &[2])),
            tlv(2, &[0, 0x97, 0xe6]),
            algorithm.clone(),
            common_name("Issuer"),
            sequence(&[tlv(0x17, b"170323000000Z"), tlv(0x17, b"200513120000Z")]),
            common_name(subject),
            key,
            tlv(0xa3, &sequence(&[extension])),
        ]);
        sequence(&[body, algorithm, tlv(3, &[0, 1])])
    }

    #[test]
    fn a_certificate_is_read() {
        let certificate = Certificate::read(&der("a.test")).expect("sound");
        assert_eq!(certificate.subject, b"CN=a.test");
        assert_eq!(certificate.issuer, b"CN=Issuer");
        assert_eq!(certificate.serial, "00:97:E6");
        assert_eq!(
            (certificate.not_before, certificate.not_after),
            (1_490_227_200, 1_589_371_200)
        );
        assert_eq!(certificate.fingerprint.len(), 59);
        assert_eq!(
            certificate.names,
            [b"a.test".to_vec(), b"[192, 0, 2, 1]".to_vec()]
        );
    }

    #[test]
    fn damaged_certificates_call_for_an_event() {
        let sound = der("a.test");
        let rows = [
            (vec![1, 2, 3], events::CERTIFICATE_INVALID_DER),
            (sound[..20].to_vec(), events::CERTIFICATE_INVALID_LENGTH),
        ];
        for (bytes, expected) in rows {
            let event = Certificate::read(&bytes).expect_err("damaged");
            let known = [
                expected,
                events::INVALID_CERTIFICATE,
                events::CERTIFICATE_INVALID_DER,
            ];
            assert!(known.contains(&event), "{event}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(at in 0usize..300, byte in any::<u8>(), length in 0usize..400) {
            let mut bytes = der("a.test");
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            bytes.truncate(length);
            let _ = Certificate::read(&bytes);
        }
    }
}
