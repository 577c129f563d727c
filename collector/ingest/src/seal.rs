//! Seals of rules: sensors run what the collector that they are enrolled with vouches for, and nothing else.
//!
//! The key that signs is made anew at every start; what sensors trust is its certificate, for the signing of code (RFC
//! 5280 §4.2.1.12), by the authority that they pinned at enrolment. A seal says when it was made, so that a sensor knows
//! an older one that is brought to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message as _;
use prost::bytes::Bytes;
use rcgen::{ExtendedKeyUsagePurpose, KeyPair, PKCS_ED25519, SigningKey};
use sensor_event::{RULES_BUNDLE_MAGIC, RULES_SEAL_CONTEXT};
use sha2::{Digest, Sha256};

use crate::authority::Authority;
use crate::error::PortError;
use crate::limits::MAX_RULES_PART_BYTES;
use crate::ports::PublishedRules;
use crate::wire;

/// The name in the certificate; the usage is what counts.
const SIGNER_NAME: &str = "matluoi-rules";
/// Once a text, however many sensors get it.
const ZSTD_LEVEL: i32 = 9;

/// Vouches for rules.
pub struct Sealer {
    key: KeyPair,
    certificate: Bytes,
    /// What connections hand out now, by hash: packed once for all of them.
    shared: Mutex<HashMap<String, Weak<SealedRules>>>,
}

/// Rules as they go to sensors.
pub struct SealedRules {
    pub(crate) hash: String,
    seal: wire::RulesSeal,
    packed: Bytes,
    packed_sha256: Bytes,
}

impl Sealer {
    /// # Errors
    /// When no key can be made.
    pub fn new(authority: &Authority) -> crate::Result<Sealer> {
        let key = KeyPair::generate_for(&PKCS_ED25519)?;
        let usage = ExtendedKeyUsagePurpose::CodeSigning;
        let certificate = authority.certify(SIGNER_NAME, &key, usage)?;
        Ok(Sealer {
            key,
            certificate: certificate.der().to_vec().into(),
            shared: Mutex::default(),
        })
    }

    /// A file of rules for a site without a link. Packs: blocks for a while.
    ///
    /// # Errors
    /// When it cannot be packed or signed.
    pub fn bundle(&self, rules: PublishedRules) -> Result<Vec<u8>, PortError> {
        let sealed = self.shared(rules)?;
        let bundle = wire::RulesBundle {
            seal: Some(sealed.seal.clone()),
            packed: sealed.packed.clone(),
        };
        Ok([RULES_BUNDLE_MAGIC, &bundle.encode_to_vec()].concat())
    }

    /// Rules as all who want them get them. Packs: blocks for a while, the others as well.
    pub(crate) fn shared(&self, rules: PublishedRules) -> Result<Arc<SealedRules>, PortError> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.retain(|_, sealed| sealed.strong_count() > 0);
        if let Some(sealed) = shared.get(&rules.hash).and_then(Weak::upgrade) {
            return Ok(sealed);
        }
        let sealed = Arc::new(self.seal(rules)?);
        shared.insert(sealed.hash.clone(), Arc::downgrade(&sealed));
        Ok(sealed)
    }

    fn seal(&self, rules: PublishedRules) -> Result<SealedRules, PortError> {
        let packed = match rules.text.as_bytes() {
            [] => Bytes::new(),
            text => zstd::bulk::compress(text, ZSTD_LEVEL)?.into(),
        };
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let manifest = wire::RulesManifest {
            hash: rules.hash.clone(),
            text_bytes: rules.text.len() as u64,
            issued_ms: u64::try_from(since.as_millis())?,
        };
        let manifest = manifest.encode_to_vec();
        let signed = [RULES_SEAL_CONTEXT, &manifest].concat();
        Ok(SealedRules {
            hash: rules.hash,
            seal: wire::RulesSeal {
                signature: self.key.sign(&signed)?.into(),
                certificate: self.certificate.clone(),
                manifest: manifest.into(),
            },
            packed_sha256: Sha256::digest(&packed).to_vec().into(),
            packed,
        })
    }
}

impl SealedRules {
    pub(crate) fn offer(&self) -> wire::RulesOffer {
        wire::RulesOffer {
            seal: Some(self.seal.clone()),
            packed_bytes: self.packed.len() as u64,
            packed_sha256: self.packed_sha256.clone(),
        }
    }

    /// For a sensor that takes no parts.
    pub(crate) fn in_one(&self) -> wire::PublishedRules {
        wire::PublishedRules {
            hash: self.hash.clone(),
            text: self.packed.clone(),
        }
    }

    /// The part that a sensor asks for; none when it asks for another text, or for what is not there.
    pub(crate) fn part(&self, ask: &wire::RulesAsk) -> Option<wire::RulesPart> {
        let from = usize::try_from(ask.from).ok()?;
        if ask.packed_sha256 != self.packed_sha256 || from >= self.packed.len() {
            return None;
        }
        let bytes = (ask.at_most_bytes as usize).clamp(1, MAX_RULES_PART_BYTES);
        let end = self.packed.len().min(from.saturating_add(bytes));
        Some(wire::RulesPart {
            packed_sha256: self.packed_sha256.clone(),
            from: ask.from,
            packed: self.packed.slice(from..end),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> PublishedRules {
        PublishedRules {
            hash: format!("of {text}"),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_text_is_packed_once_and_handed_out_in_parts() {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::open(folder.path()).expect("it is made");
        let sealer = Sealer::new(&authority).expect("a key");
        let text: String = (0..200_000).map(|n| format!("{:x}\n", n * 7_919)).collect();
        let sealed = sealer.shared(rules(&text)).expect("it is sealed");
        let again = sealer.shared(rules(&text)).expect("it is sealed");
        assert!(Arc::ptr_eq(&sealed, &again));
        let ask = |from: usize, at_most_bytes| wire::RulesAsk {
            packed_sha256: sealed.packed_sha256.clone(),
            from: from as u64,
            at_most_bytes,
        };
        let mut got = Vec::new();
        while let Some(part) = sealed.part(&ask(got.len(), u32::MAX)) {
            assert!((1..=MAX_RULES_PART_BYTES).contains(&part.packed.len()));
            got.extend_from_slice(&part.packed);
        }
        assert!(got == sealed.packed, "the parts are the whole");
        assert_eq!(sealed.part(&ask(5, 0)).expect("one").packed.len(), 1);
        let other = wire::RulesAsk {
            packed_sha256: Bytes::from_static(b"other"),
            ..ask(0, 9)
        };
        assert!(sealed.part(&other).is_none());
        let far = wire::RulesAsk {
            from: u64::MAX,
            ..ask(0, 9)
        };
        assert!(sealed.part(&far).is_none());
        let none = sealer.shared(rules("")).expect("it is sealed");
        assert_eq!(none.offer().packed_bytes, 0);
        drop((sealed, again, none));
        sealer.shared(rules("x")).expect("it is sealed");
        assert_eq!(sealer.shared.lock().expect("not poisoned").len(), 1);
    }
}
