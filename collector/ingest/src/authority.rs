//! The collector's certificate authority: made at the first start, kept in the data folder. It signs the
//! collector's own certificate, anew at every start, and those of sensors.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use crate::error::{IngestError, Result};

/// The name that sensors verify, whatever the collector's address.
pub const COLLECTOR_NAME: &str = "matluoi-collector";

/// Of a sensor's certificate. Connected ones renew it every year; one may lie in a cupboard for long before it is connected
/// again.
const SENSOR_LIFETIME: time::Duration = time::Duration::days(5 * 365);
/// Of the authority, which cannot be renewed.
const AUTHORITY_LIFETIME: time::Duration = time::Duration::days(20 * 365);

const CA_FILE: &str = "ca.pem";
const CA_KEY_FILE: &str = "ca-key.pem";

/// The authority, and the collector's certificate for this run.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    ca_pem: String,
    ca_der: CertificateDer<'static>,
    server_pem: String,
    server_key_pem: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("ca_sha256", &self.ca_sha256())
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Reads the authority from a folder, or makes it there.
    pub fn open(folder: &Path) -> Result<Authority> {
        let (ca, key) = (folder.join(CA_FILE), folder.join(CA_KEY_FILE));
        if !ca.exists() {
            make(folder)?;
        }
        let ca_pem = std::fs::read_to_string(&ca).map_err(IngestError::file(&ca))?;
        let key_pem = std::fs::read_to_string(&key).map_err(IngestError::file(&key))?;
        let issuer = Issuer::from_ca_cert_pem(&ca_pem, KeyPair::from_pem(&key_pem)?)?;
        let ca_der = certificate(&ca_pem)?;
        let server_key = KeyPair::generate()?;
        let mut params = params(COLLECTOR_NAME, vec![COLLECTOR_NAME.to_owned()])?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server = params.signed_by(&server_key, &issuer)?;
        Ok(Authority {
            issuer,
            ca_der,
            server_pem: format!("{}{ca_pem}", server.pem()),
            server_key_pem: server_key.serialize_pem(),
            ca_pem,
        })
    }

    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// SHA-256 of the authority's certificate (DER), in hex: the pin in enrolment strings.
    pub fn ca_sha256(&self) -> String {
        hex_digest(&self.ca_der)
    }

    /// Signs a sensor's request. Of the request only the key counts: the name is `sensor_id`. Returns
    /// the certificate and its SHA-256.
    pub(crate) fn sign(&self, csr_pem: &str, sensor_id: &str) -> Result<(String, String)> {
        let mut request = CertificateSigningRequestParams::from_pem(csr_pem)?;
        request.params = params(sensor_id, Vec::new())?;
        request.params.not_after = OffsetDateTime::now_utc() + SENSOR_LIFETIME;
        request.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let signed = request.signed_by(&self.issuer)?;
        Ok((signed.pem(), hex_digest(signed.der())))
    }

    /// A certificate of this authority.
    pub(crate) fn certify(
        &self,
        name: &str,
        key: &KeyPair,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<rcgen::Certificate> {
        let mut params = params(name, Vec::new())?;
        params.extended_key_usages = vec![usage];
        Ok(params.signed_by(key, &self.issuer)?)
    }

    /// Whether a certificate request is one, and is signed by its own key.
    pub(crate) fn accepts(csr_pem: &str) -> bool {
        CertificateSigningRequestParams::from_pem(csr_pem).is_ok()
    }

    /// For delivery: only clients with a certificate of this authority.
    pub(crate) fn delivery_tls(&self) -> ServerTlsConfig {
        ServerTlsConfig::new()
            .identity(Identity::from_pem(&self.server_pem, &self.server_key_pem))
            .client_ca_root(Certificate::from_pem(&self.ca_pem))
    }

    /// For enrolment: any client; the chain contains the authority, which the client pins.
    pub(crate) fn enrolment_tls(&self) -> Result<ServerConfig> {
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(self.server_pem.as_bytes())
                .collect::<std::result::Result<_, _>>()
                .map_err(|error| IngestError::Pem(format!("{error:?}")))?;
        let key = PrivateKeyDer::from_pem_slice(self.server_key_pem.as_bytes())
            .map_err(|error| IngestError::Pem(format!("{error:?}")))?;
        Ok(
            ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_single_cert(chain, key)?,
        )
    }
}

/// The common name in a certificate: the sensor's id.
pub(crate) fn common_name(der: &[u8]) -> Option<String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let name = certificate.subject().iter_common_name().next()?;
    name.as_str().ok().map(str::to_owned)
}

fn make(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(IngestError::file(folder))?;
    let key = KeyPair::generate()?;
    let mut params = params("Mat Luoi authority", Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key)?;
    // The certificate comes last: where it is, the key is too.
    write(&folder.join(CA_KEY_FILE), &key.serialize_pem())?;
    write(&folder.join(CA_FILE), &certificate.pem())
}

/// A certificate's common fields. A sensor is shut out by revoking it in the state.
fn params(common_name: &str, names: Vec<String>) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(names)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    params.distinguished_name = name;
    // A sensor whose clock lost its battery begins at 1970, and is to be heard all the same.
    params.not_before = date_time_ymd(1970, 1, 1);
    params.not_after = OffsetDateTime::now_utc() + AUTHORITY_LIFETIME;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

fn certificate(pem: &str) -> Result<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|error| IngestError::Pem(format!("{error:?}")))
}

fn hex_digest(der: &[u8]) -> String {
    let digest = Sha256::digest(der);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file that only its owner reads.
fn write(path: &Path, content: &str) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(IngestError::file(path))?;
    file.write_all(content.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(IngestError::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_stays_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Authority::open(folder.path()).expect("it is made");
        let second = Authority::open(folder.path()).expect("it is read");
        assert_eq!(first.ca_sha256(), second.ca_sha256());
        assert_eq!(first.ca_sha256().len(), 64);
    }

    #[test]
    fn a_sensor_gets_the_name_it_was_given() {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::open(folder.path()).expect("it is made");
        let key = KeyPair::generate().expect("a key");
        let mut wanted = CertificateParams::new(vec!["evil".to_owned()]).expect("valid");
        wanted
            .distinguished_name
            .push(DnType::CommonName, "someone else");
        let csr = wanted
            .serialize_request(&key)
            .expect("a request")
            .pem()
            .expect("PEM");
        assert!(Authority::accepts(&csr));
        let (pem, fingerprint) = authority.sign(&csr, "sensor-1").expect("it signs");
        let der = certificate(&pem).expect("PEM");
        assert_eq!(common_name(&der).as_deref(), Some("sensor-1"));
        assert_eq!(fingerprint, hex_digest(&der));
        assert!(!Authority::accepts("nonsense"));
        assert!(authority.sign("nonsense", "sensor-1").is_err());
    }
}
