//! Hellos of TLS 1.3 within crypto frames.

use sensor_bytes::Reader;

use crate::tls::{Hello, Speaker, extension_list};

/// Bytes of a side's handshake that are put together.
pub const MAX_CRYPTO_BYTES: usize = 65_535;
/// Pieces of it that wait for those before them.
const MAX_PIECES: usize = 64;

/// An extension as it is told: its number, and values where they are of interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    pub kind: u16,
    pub values: Vec<Vec<u8>>,
}

/// A hello, whose it is, and its extensions in their order.
#[derive(Debug)]
pub struct Found {
    pub hello: Hello,
    pub speaker: Speaker,
    pub extensions: Vec<Extension>,
}

/// What the handshake of a side has come to.
#[derive(Debug)]
pub enum Outcome {
    More,
    Hello(Box<Found>),
    /// Something else, where a hello has to be.
    Wrong,
}

/// The beginning of a side's handshake, from pieces in any order.
#[derive(Debug, Default)]
pub struct Crypto {
    bytes: Vec<u8>,
    /// Parts of `bytes` that are there, sorted and apart.
    pieces: Vec<(usize, usize)>,
}

impl Crypto {
    /// Takes a piece; false when it lies too far off.
    pub fn push(&mut self, offset: u64, data: &[u8]) -> bool {
        let Some((start, end)) = usize::try_from(offset)
            .ok()
            .and_then(|start| Some((start, start.checked_add(data.len())?)))
            .filter(|(_, end)| *end < MAX_CRYPTO_BYTES)
        else {
            return false;
        };
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        if let Some(place) = self.bytes.get_mut(start..end) {
            place.copy_from_slice(data);
        }
        let at = self.pieces.partition_point(|piece| piece.0 < start);
        self.pieces.insert(at, (start, end));
        let mut joined: Vec<(usize, usize)> = Vec::with_capacity(self.pieces.len());
        for &(from, to) in &self.pieces {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        joined.truncate(MAX_PIECES);
        self.pieces = joined;
        true
    }

    /// The first message, once it is whole.
    pub fn outcome(&self) -> Outcome {
        let known = match self.pieces.first() {
            Some(&(0, end)) => self.bytes.get(..end).unwrap_or_default(),
            _ => return Outcome::More,
        };
        let mut reader = Reader::new(known);
        let Ok(kind) = reader.u8() else {
            return Outcome::More;
        };
        let speaker = match kind {
            1 => Speaker::Client,
            2 => Speaker::Server,
            _ => return Outcome::Wrong,
        };
        let body = reader
            .u24()
            .and_then(|length| reader.take(usize::try_from(length).unwrap_or(usize::MAX)));
        let Ok(body) = body else {
            return Outcome::More;
        };
        let hello = Hello::read(body, speaker);
        if !hello.complete {
            return Outcome::Wrong;
        }
        Outcome::Hello(Box::new(Found {
            hello,
            speaker,
            extensions: extension_list(body, speaker)
                .into_iter()
                .map(|(kind, body)| Extension {
                    kind,
                    values: values(kind, body, speaker),
                })
                .collect(),
        }))
    }
}

/// Values of the extensions that tell of the program and where it goes.
fn values(kind: u16, body: &[u8], speaker: Speaker) -> Vec<Vec<u8>> {
    let mut reader = Reader::new(body);
    let read = || -> Result<Vec<Vec<u8>>, sensor_bytes::Short> {
        let mut values = Vec::new();
        match kind {
            // Names of the server, each with a type.
            0 => {
                reader.skip(2)?;
                while !reader.is_empty() {
                    reader.skip(1)?;
                    let length = reader.u16()?;
                    values.push(reader.take(usize::from(length))?.to_vec());
                }
            }
            // Signature algorithms.
            13 => {
                reader.skip(2)?;
                while !reader.is_empty() {
                    values.push(reader.u16()?.to_string().into_bytes());
                }
            }
            // Protocols within.
            16 => {
                reader.skip(2)?;
                while !reader.is_empty() {
                    let length = reader.u8()?;
                    values.push(reader.take(usize::from(length))?.to_vec());
                }
            }
            // Versions.
            43 => {
                if speaker == Speaker::Client {
                    reader.skip(1)?;
                }
                while !reader.is_empty() {
                    values.push(version(reader.u16()?).into_bytes());
                }
            }
            _ => {}
        }
        Ok(values)
    };
    let mut read = read;
    read().unwrap_or_default()
}

fn version(number: u16) -> String {
    match number {
        0x0300 => "Ssl30".to_owned(),
        0x0301 => "Tls10".to_owned(),
        0x0302 => "Tls11".to_owned(),
        0x0303 => "Tls12".to_owned(),
        0x0304 => "Tls13".to_owned(),
        other => format!("TlsVersion({other} / 0x{other:x})"),
    }
}

/// Name of an extension, where it has one.
pub fn extension_name(kind: u16) -> Option<&'static str> {
    const NAMES: &[(u16, &str)] = &[
        (0, "server_name"),
        (1, "max_fragment_length"),
        (2, "client_certificate_url"),
        (3, "trusted_ca_keys"),
        (4, "truncated_hmac"),
        (5, "status_request"),
        (6, "user_mapping"),
        (7, "client_authz"),
        (8, "server_authz"),
        (9, "cert_type"),
        (10, "supported_groups"),
        (11, "ec_point_formats"),
        (12, "srp"),
        (13, "signature_algorithms"),
        (14, "use_srtp"),
        (15, "heartbeat"),
        (16, "alpn"),
        (17, "status_request_v2"),
        (18, "signed_certificate_timestamp"),
        (19, "client_certificate_type"),
        (20, "server_certificate_type"),
        (21, "padding"),
        (22, "encrypt_then_mac"),
        (23, "extended_master_secret"),
        (24, "token_binding"),
        (25, "cached_info"),
        (26, "tls_lts"),
        (27, "compress_certificate"),
        (28, "record_size_limit"),
        (29, "pwd_protect"),
        (30, "pwd_clear"),
        (31, "password_salt"),
        (32, "ticket_pinning"),
        (33, "tls_cert_with_extern_psk"),
        (34, "delegated_credentials"),
        (35, "session_ticket"),
        (36, "tlmsp"),
        (37, "tlmsp_proxying"),
        (38, "tlmsp_delegate"),
        (39, "supported_ekt_ciphers"),
        (41, "pre_shared_key"),
        (42, "early_data"),
        (43, "supported_versions"),
        (44, "cookie"),
        (45, "psk_key_exchange_modes"),
        (47, "certificate_authorities"),
        (48, "oid_filters"),
        (49, "post_handshake_auth"),
        (50, "signature_algorithms_cert"),
        (51, "key_share"),
        (52, "transparency_info"),
        (53, "connection_id_deprecated"),
        (54, "connection_id"),
        (55, "external_id_hash"),
        (56, "external_session_id"),
        (57, "quic_transport_parameters"),
        (58, "ticket_request"),
        (59, "dnssec_chain"),
        (13_172, "next_protocol_negotiation"),
        (65_281, "renegotiation_info"),
    ];
    let at = NAMES.binary_search_by_key(&kind, |row| row.0).ok()?;
    NAMES.get(at).map(|row| row.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::tests::hello_for;
    use proptest::prelude::*;

    fn message() -> Vec<u8> {
        let body = hello_for(b"a.test");
        let length = (body.len() as u32).to_be_bytes();
        [&[1][..], &length[1..], &body].concat()
    }

    proptest! {
        #[test]
        fn pieces_come_in_any_order(cuts in proptest::collection::vec(1usize..60, 1..10), order in any::<prop::sample::Index>()) {
            let whole = message();
            let mut pieces = Vec::new();
            let mut at = 0;
            let mut cuts = cuts.into_iter().cycle();
            while at < whole.len() {
                let end = (at + cuts.next().unwrap_or(1)).min(whole.len());
                pieces.push((at, end));
                at = end;
            }
            let first = order.index(pieces.len());
            pieces.rotate_left(first);
            let mut crypto = Crypto::default();
            for (at, &(from, to)) in pieces.iter().enumerate() {
                prop_assert!(crypto.push(from as u64, &whole[from..to]));
                let done = matches!(crypto.outcome(), Outcome::Hello(_));
                if at + 1 == pieces.len() {
                    prop_assert!(done);
                }
            }
        }
    }

    #[test]
    fn extensions_are_told_with_their_values() {
        let mut crypto = Crypto::default();
        crypto.push(0, &message());
        let Outcome::Hello(found) = crypto.outcome() else {
            panic!("no hello");
        };
        let told: Vec<_> = found
            .extensions
            .iter()
            .map(|extension| (extension_name(extension.kind), extension.values.len()))
            .collect();
        assert_eq!(
            told[..3],
            [
                (None, 0),
                (Some("server_name"), 1),
                (Some("supported_groups"), 0)
            ]
        );
        assert_eq!(found.extensions[6].values[1], b"Tls13");
    }

    #[test]
    fn what_is_put_together_has_a_limit() {
        let mut crypto = Crypto::default();
        assert!(!crypto.push(65_000, &[0; 600]));
        assert!(!crypto.push(u64::MAX, &[0; 600]));
        assert!(crypto.push(4, &[1; 6]));
        assert!(matches!(crypto.outcome(), Outcome::More));
    }
}
