//! A new certificate before the old one ends. The new key is made here and never leaves; who asks is known by the present
//! certificate. The next link uses it.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use x509_parser::pem::parse_x509_pem;

use crate::error::Result;
use crate::identity::Identity;
use crate::wire;

/// The identity of a shipper, and where it lies.
pub(crate) struct Renewal {
    identity: Mutex<Identity>,
    folder: Option<PathBuf>,
}

/// A key that waits for its certificate.
pub(crate) struct Asked {
    key: rcgen::KeyPair,
    csr_pem: String,
}

impl Asked {
    pub fn request(&self) -> wire::CertificateRequest {
        wire::CertificateRequest {
            csr_pem: self.csr_pem.clone(),
        }
    }
}

impl Renewal {
    pub fn new(identity: Identity, folder: Option<PathBuf>) -> Renewal {
        Renewal {
            identity: Mutex::new(identity),
            folder,
        }
    }

    pub fn identity(&self) -> Identity {
        let identity = self.identity.lock();
        identity.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A request, when it is time for one, at this Unix time in seconds.
    pub fn ask(&self, now: i64) -> Result<Option<Asked>> {
        if self.folder.is_none() || !self.identity().is_due(now) {
            return Ok(None);
        }
        let key = rcgen::KeyPair::generate()?;
        let request = rcgen::CertificateParams::new(Vec::new())?.serialize_request(&key)?;
        let csr_pem = request.pem()?;
        Ok(Some(Asked { key, csr_pem }))
    }

    /// Takes the certificate for a key. One that is not for it changes nothing.
    pub fn accept(&self, asked: Asked, certificate: &wire::Certificate) {
        let Some(folder) = &self.folder else { return };
        if !is_for(&certificate.certificate_pem, &asked.key) {
            tracing::error!("the collector's certificate is for another key; the old one goes on");
            return;
        }
        let key_pem = asked.key.serialize_pem();
        let renewed = self
            .identity()
            .renew(folder, key_pem, certificate.certificate_pem.clone());
        match renewed {
            Ok(renewed) => {
                tracing::info!("the certificate is renewed");
                *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
            }
            Err(error) => tracing::error!(%error, "the new certificate cannot be kept"),
        }
    }
}

fn is_for(certificate_pem: &str, key: &rcgen::KeyPair) -> bool {
    let Ok((_, pem)) = parse_x509_pem(certificate_pem.as_bytes()) else {
        return false;
    };
    pem.parse_x509().is_ok_and(|certificate| {
        let public = &certificate.public_key().subject_public_key.data;
        public.as_ref() == rcgen::PublicKeyData::der_bytes(key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(key: &rcgen::KeyPair, year: i32) -> String {
        let mut parameters = rcgen::CertificateParams::default();
        parameters.not_after = rcgen::date_time_ymd(year, 5, 6);
        parameters.self_signed(key).expect("signed").pem()
    }

    #[test]
    fn it_is_asked_for_in_time_and_taken_for_the_own_key_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = rcgen::KeyPair::generate().expect("a key");
        let identity = Identity {
            sensor_id: "id".to_owned(),
            address: "collector:8443".to_owned(),
            key_pem: key.serialize_pem(),
            certificate_pem: signed(&key, 2031),
            ca_pem: "ca".to_owned(),
        };
        identity.save(folder.path()).expect("it is written");
        let renewal = Renewal::new(identity.clone(), Some(folder.path().to_owned()));
        let year = 365 * 86_400;
        let ends = identity.certificate_ends().expect("it is read");
        assert!(
            renewal.ask(ends - 5 * year).expect("asked").is_none(),
            "too early"
        );
        let fixed = Renewal::new(identity, None);
        assert!(
            fixed.ask(ends).expect("asked").is_none(),
            "nowhere to keep it"
        );
        let asked = || renewal.ask(ends - year).expect("asked").expect("it is due");
        let of = |certificate_pem| wire::Certificate {
            certificate_pem,
            ca_pem: String::new(),
        };
        for wrong in [signed(&key, 2040), "no certificate".to_owned()] {
            renewal.accept(asked(), &of(wrong));
            assert_eq!(renewal.identity().certificate_ends().expect("it"), ends);
        }
        let asked = asked();
        let (certificate, own) = (signed(&asked.key, 2040), asked.key.serialize_pem());
        renewal.accept(asked, &of(certificate));
        for identity in [
            renewal.identity(),
            Identity::load(folder.path()).expect("it is read"),
        ] {
            assert!(identity.certificate_ends().expect("it") > ends);
            assert_eq!(identity.key_pem, own);
        }
    }
}
