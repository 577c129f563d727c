//! Seals: only rules that the collector of this sensor vouches for are run here, by whatever way they come.
//!
//! The collector signs a manifest with a key for which its authority, the one that was pinned at enrolment, gave a
//! certificate for the signing of code (RFC 5280 §4.2.1.12). Certificates of sensors are for clients: they seal nothing.

use prost::Message as _;
use sensor_event::{RULES_BUNDLE_MAGIC, RULES_SEAL_CONTEXT};
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, ring};

use crate::wire;

/// The longest text that is taken.
pub(crate) const MAX_TEXT_BYTES: u64 = 64 * 1_024 * 1_024;
/// The longest packed text that is taken.
pub(crate) const MAX_PACKED_BYTES: u64 = 32 * 1_024 * 1_024;
/// The longest file of rules that is taken: a packed text and its seal.
pub const MAX_BUNDLE_BYTES: u64 = MAX_PACKED_BYTES + 64 * 1_024;
/// id-kp-codeSigning, 1.3.6.1.5.5.7.3.3, as it is encoded.
const CODE_SIGNING: &[u8] = &[43, 6, 1, 5, 5, 7, 3, 3];

/// Why rules are not the collector's.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("this is no file of rules: it does not begin with {:?}", String::from_utf8_lossy(RULES_BUNDLE_MAGIC).trim())]
    NotABundle,
    #[error("the file is cut short or damaged: {0}")]
    Damaged(#[from] prost::DecodeError),
    #[error("it is not signed")]
    Unsigned,
    #[error("the authority of this sensor's enrolment cannot be read: {0}")]
    Authority(String),
    #[error("it is not signed by the collector that this sensor is enrolled with: {0}")]
    Certificate(webpki::Error),
    #[error("the signature is not that of its content: {0}")]
    Signature(webpki::Error),
    #[error("it is larger than the {limit} bytes that are taken: {bytes}")]
    TooLarge { bytes: u64, limit: u64 },
    #[error("its text cannot be read: {0}")]
    Text(String),
    #[error("its text is not the one that was signed")]
    OtherText,
}

/// What the collector vouches for, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// SHA-256 of the text, hexadecimal; empty for no rules.
    pub hash: String,
    pub text_bytes: u64,
    /// When it was sealed, by the collector's clock, in Unix milliseconds.
    pub issued_ms: u64,
}

/// A text that the collector vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRules {
    pub manifest: Manifest,
    pub text: String,
    /// As it came, to be kept beside the text: [`Manifest::of_kept`].
    pub seal: Vec<u8>,
}

impl SealedRules {
    /// Reads a file of rules.
    ///
    /// # Errors
    /// When it is none, or not that of the collector with this authority (PEM).
    pub fn read_bundle(file: &[u8], authority: &str) -> Result<SealedRules, SealError> {
        let body = file
            .strip_prefix(RULES_BUNDLE_MAGIC)
            .ok_or(SealError::NotABundle)?;
        let bundle = wire::RulesBundle::decode(body)?;
        let seal = bundle.seal.ok_or(SealError::Unsigned)?;
        let manifest = Manifest::check(&seal, authority)?;
        SealedRules::open(&seal, manifest, &bundle.packed)
    }

    /// Unpacks a text whose manifest is checked.
    pub(crate) fn open(
        seal: &wire::RulesSeal,
        manifest: Manifest,
        packed: &[u8],
    ) -> Result<SealedRules, SealError> {
        let text = if packed.is_empty() {
            String::new()
        } else {
            // No more than was signed, which is within its limit.
            let capacity = usize::try_from(manifest.text_bytes).unwrap_or(usize::MAX);
            let bytes = zstd::bulk::decompress(packed, capacity)
                .map_err(|error| SealError::Text(error.to_string()))?;
            String::from_utf8(bytes).map_err(|error| SealError::Text(error.to_string()))?
        };
        if hash_of(text.as_bytes()) != manifest.hash {
            return Err(SealError::OtherText);
        }
        Ok(SealedRules {
            manifest,
            text,
            seal: seal.encode_to_vec(),
        })
    }
}

impl Manifest {
    /// Checks a seal against the authority (PEM) that was pinned at enrolment.
    pub(crate) fn check(seal: &wire::RulesSeal, authority: &str) -> Result<Manifest, SealError> {
        if seal.signature.is_empty() {
            return Err(SealError::Unsigned);
        }
        let unreadable = |error: String| SealError::Authority(error);
        let root = CertificateDer::from_pem_slice(authority.as_bytes())
            .map_err(|error| unreadable(format!("{error:?}")))?;
        let anchor =
            anchor_from_trusted_cert(&root).map_err(|error| unreadable(error.to_string()))?;
        let certificate = CertificateDer::from(&seal.certificate[..]);
        let signer = EndEntityCert::try_from(&certificate).map_err(SealError::Certificate)?;
        signer
            .verify_for_usage(
                &[ring::ECDSA_P256_SHA256, ring::ED25519],
                &[anchor],
                &[],
                UnixTime::now(),
                KeyUsage::required(CODE_SIGNING),
                None,
                None,
            )
            .map_err(SealError::Certificate)?;
        let signed = [RULES_SEAL_CONTEXT, &seal.manifest].concat();
        signer
            .verify_signature(ring::ED25519, &signed, &seal.signature)
            .map_err(SealError::Signature)?;
        let manifest = Manifest::decode(&seal.manifest)?;
        if manifest.text_bytes > MAX_TEXT_BYTES {
            return Err(SealError::TooLarge {
                bytes: manifest.text_bytes,
                limit: MAX_TEXT_BYTES,
            });
        }
        Ok(manifest)
    }

    /// Of a seal that was checked when it was kept.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn of_kept(seal: &[u8]) -> Result<Manifest, SealError> {
        Manifest::decode(&wire::RulesSeal::decode(seal)?.manifest)
    }

    fn decode(bytes: &[u8]) -> Result<Manifest, SealError> {
        let manifest = wire::RulesManifest::decode(bytes)?;
        Ok(Manifest {
            hash: manifest.hash,
            text_bytes: manifest.text_bytes,
            issued_ms: manifest.issued_ms,
        })
    }
}

/// SHA-256, hexadecimal; empty for nothing.
pub(crate) fn hash_of(text: &[u8]) -> String {
    if text.is_empty() {
        return String::new();
    }
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
        KeyUsagePurpose, SigningKey,
    };

    use super::*;

    /// A collector as far as seals go.
    pub(crate) struct Collector {
        pub authority: String,
        issuer: Issuer<'static, KeyPair>,
    }

    impl Collector {
        pub fn new() -> Collector {
            let key = KeyPair::generate().expect("a key");
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            let certificate = params.self_signed(&key).expect("signed");
            Collector {
                authority: certificate.pem(),
                issuer: Issuer::new(params, key),
            }
        }

        fn seal_for(
            &self,
            manifest: &wire::RulesManifest,
            usage: ExtendedKeyUsagePurpose,
        ) -> wire::RulesSeal {
            let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
            let mut params = CertificateParams::default();
            params.extended_key_usages = vec![usage];
            let certificate = params.signed_by(&key, &self.issuer).expect("signed");
            let manifest = manifest.encode_to_vec();
            let signed = [RULES_SEAL_CONTEXT, &manifest].concat();
            wire::RulesSeal {
                signature: key.sign(&signed).expect("signed").into(),
                certificate: certificate.der().to_vec().into(),
                manifest: manifest.into(),
            }
        }

        pub fn seal(&self, text: &str) -> wire::RulesSeal {
            self.seal_for(&manifest(text), ExtendedKeyUsagePurpose::CodeSigning)
        }

        fn bundle(&self, text: &str) -> wire::RulesBundle {
            wire::RulesBundle {
                seal: Some(self.seal(text)),
                packed: packed(text),
            }
        }
    }

    pub(crate) fn packed(text: &str) -> hyper::body::Bytes {
        let packed = zstd::bulk::compress(text.as_bytes(), 3);
        packed.expect("it is packed").into()
    }

    fn manifest(text: &str) -> wire::RulesManifest {
        wire::RulesManifest {
            hash: hash_of(text.as_bytes()),
            text_bytes: text.len() as u64,
            issued_ms: 7,
        }
    }

    fn file(bundle: &wire::RulesBundle) -> Vec<u8> {
        [RULES_BUNDLE_MAGIC, &bundle.encode_to_vec()].concat()
    }

    #[test]
    fn a_bundle_of_the_collector_is_read_and_no_other() {
        let (ours, other) = (Collector::new(), Collector::new());
        let text = "luật một\n";
        let sound = ours.bundle(text);
        let read = SealedRules::read_bundle(&file(&sound), &ours.authority).expect("it is ours");
        assert_eq!((read.text.as_str(), read.manifest.issued_ms), (text, 7));
        let kept = Manifest::of_kept(&read.seal).expect("it was kept");
        assert_eq!(kept, read.manifest);

        let with = |change: &dyn Fn(&mut wire::RulesBundle, &mut wire::RulesSeal)| {
            let mut bundle = ours.bundle(text);
            let mut seal = bundle.seal.take().expect("a seal");
            change(&mut bundle, &mut seal);
            bundle.seal = Some(seal);
            file(&bundle)
        };
        let of_a_sensor = ours.seal_for(&manifest(text), ExtendedKeyUsagePurpose::ClientAuth);
        let huge = wire::RulesManifest {
            text_bytes: MAX_TEXT_BYTES + 1,
            ..manifest(text)
        };
        let huge = ours.seal_for(&huge, ExtendedKeyUsagePurpose::CodeSigning);
        let rows: [(&str, Vec<u8>, fn(&SealError) -> bool); 9] = [
            ("nothing", Vec::new(), |e| {
                matches!(e, SealError::NotABundle)
            }),
            ("another collector's", file(&other.bundle(text)), |e| {
                matches!(e, SealError::Certificate(_))
            }),
            (
                "signed with a sensor's certificate",
                with(&|_, seal| *seal = of_a_sensor.clone()),
                |e| matches!(e, SealError::Certificate(_)),
            ),
            ("not signed", with(&|_, seal| seal.signature.clear()), |e| {
                matches!(e, SealError::Unsigned)
            }),
            (
                "another manifest",
                with(&|_, seal| {
                    let later = wire::RulesManifest {
                        issued_ms: 8,
                        ..manifest(text)
                    };
                    seal.manifest = later.encode_to_vec().into();
                }),
                |e| matches!(e, SealError::Signature(_)),
            ),
            (
                "a text of the same length",
                with(&|bundle, _| bundle.packed = packed("luật hai\n")),
                |e| matches!(e, SealError::OtherText),
            ),
            (
                "a longer text",
                with(&|bundle, _| bundle.packed = packed(&text.repeat(9))),
                |e| matches!(e, SealError::Text(_)),
            ),
            (
                "no frame",
                with(&|bundle, _| bundle.packed = b"none".to_vec().into()),
                |e| matches!(e, SealError::Text(_)),
            ),
            (
                "more than is taken",
                with(&|_, seal| *seal = huge.clone()),
                |e| matches!(e, SealError::TooLarge { .. }),
            ),
        ];
        for (what, file, expected) in rows {
            let error = SealedRules::read_bundle(&file, &ours.authority).expect_err(what);
            assert!(expected(&error), "{what}: {error}");
        }
        let whole = file(&sound);
        for cut in 0..whole.len() {
            SealedRules::read_bundle(&whole[..cut], &ours.authority).expect_err("it is cut");
        }
    }

    #[test]
    fn no_rules_are_sealed_as_well() {
        let ours = Collector::new();
        let seal = ours.seal("");
        let manifest = Manifest::check(&seal, &ours.authority).expect("it is ours");
        let none = SealedRules::open(&seal, manifest, b"").expect("nothing is something");
        assert_eq!((none.text.as_str(), none.manifest.hash.as_str()), ("", ""));
    }
}
