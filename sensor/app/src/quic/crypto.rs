//! Keys of initial packets, which anybody may make from the connection's id (RFC 9001 §5.2, RFC 9369 §3.3).

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey, quic};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use sensor_flow::Direction;

use super::wire::{Header, Version};

const KEY_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;
/// Bytes of ciphertext by which a header is hidden.
const SAMPLE_BYTES: usize = 16;
/// Longest packet number; the sample is taken behind it.
const NUMBER_BYTES: usize = 4;

/// RFC 9001, and drafts 33 and 34.
const SALT_V1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
];
/// RFC 9369.
const SALT_V2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
    0xf9, 0xbd, 0x2e, 0xd9,
];
/// Drafts 29 to 32.
const SALT_DRAFT_29: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0,
    0x43, 0x90, 0xa8, 0x99,
];
/// Drafts 23 to 28, and what one large site made of them.
const SALT_DRAFT_23: [u8; 20] = [
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65,
    0xbe, 0xf9, 0xf5, 0x02,
];
/// Google's last version before the standard.
const SALT_Q050: [u8; 20] = [
    0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94, 0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0,
    0xd3, 0xb5, 0x6b, 0x45,
];

fn salt(version: Version) -> Option<[u8; 20]> {
    Some(match version.0 {
        0x0000_0001 | 0xff00_0021..=0xff00_0022 => SALT_V1,
        0x6b33_43cf => SALT_V2,
        0xff00_001d..=0xff00_0020 => SALT_DRAFT_29,
        0xface_b002 | 0xff00_0017..=0xff00_001c => SALT_DRAFT_23,
        0x5130_3530 => SALT_Q050,
        _ => return None,
    })
}

/// Keys of one side.
struct Keys {
    header: quic::HeaderProtectionKey,
    packet: LessSafeKey,
    iv: [u8; 12],
}

/// Keys of both sides.
pub struct InitialKeys([Keys; 2]);

impl std::fmt::Debug for InitialKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InitialKeys")
    }
}

/// A length that `ring` may be asked for.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label of TLS 1.3 with an empty context (RFC 8446 §7.1).
fn expand<const N: usize>(secret: &Prk, label: &str) -> Option<[u8; N]> {
    const PREFIX: &str = "tls13 ";
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let label_length = [u8::try_from(PREFIX.len() + label.len()).ok()?];
    let info = [
        &length[..],
        &label_length,
        PREFIX.as_bytes(),
        label.as_bytes(),
        &[0],
    ];
    let mut out = [0; N];
    secret.expand(&info, Length(N)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

impl Keys {
    fn new(initial: &Prk, side: &str, version: Version) -> Option<Keys> {
        let secret = expand::<SECRET_BYTES>(initial, side)?;
        let secret = Prk::new_less_safe(HKDF_SHA256, &secret);
        let [key, iv, header] = if version == Version::V2 {
            ["quicv2 key", "quicv2 iv", "quicv2 hp"]
        } else {
            ["quic key", "quic iv", "quic hp"]
        };
        let key = expand::<KEY_BYTES>(&secret, key)?;
        let header = expand::<KEY_BYTES>(&secret, header)?;
        Some(Keys {
            header: quic::HeaderProtectionKey::new(&quic::AES_128, &header).ok()?,
            packet: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?),
            iv: expand(&secret, iv)?,
        })
    }
}

impl InitialKeys {
    /// Keys for the connection that the client gave this id; `None` for an unknown version.
    pub fn new(version: Version, destination: &[u8]) -> Option<InitialKeys> {
        let initial = Salt::new(HKDF_SHA256, &salt(version)?).extract(destination);
        Some(InitialKeys([
            Keys::new(&initial, "client in", version)?,
            Keys::new(&initial, "server in", version)?,
        ]))
    }

    /// Opens a packet of a side: its frames; `None` when it is no such packet.
    pub fn open(&self, direction: Direction, header: &Header, packet: &[u8]) -> Option<Vec<u8>> {
        let keys = &self.0[direction.index()];
        let mut bytes = packet.get(..header.length + header.payload)?.to_vec();
        let sample_at = header.length + NUMBER_BYTES;
        let sample = bytes.get(sample_at..sample_at + SAMPLE_BYTES)?;
        let [first, rest @ ..] = keys.header.new_mask(sample).ok()?;
        // Four bits of the first byte of a long header are hidden, five of a short one.
        bytes[0] ^= first & if header.is_long { 0x0f } else { 0x1f };
        let number_bytes = usize::from(bytes[0] & 0x03) + 1;
        let number_end = header.length + number_bytes;
        let mut number = 0u64;
        for (byte, mask) in bytes
            .get_mut(header.length..number_end)?
            .iter_mut()
            .zip(rest)
        {
            *byte ^= mask;
            number = number << 8 | u64::from(*byte);
        }
        let mut nonce = keys.iv;
        for (place, byte) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *place ^= byte;
        }
        let mut payload = bytes.split_off(number_end);
        let opened = keys
            .packet
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(&bytes),
                &mut payload,
            )
            .ok()?
            .len();
        payload.truncate(opened);
        Some(payload)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Seals frames into an initial packet of a side, as an end does.
    pub fn seal(
        direction: Direction,
        version: Version,
        destination: &[u8],
        frames: &[u8],
    ) -> Vec<u8> {
        let keys = InitialKeys::new(version, destination).expect("a known version");
        let keys = &keys.0[direction.index()];
        let first = if version == Version::V2 { 0xd0 } else { 0xc0 };
        let mut packet = vec![first];
        packet.extend(version.0.to_be_bytes());
        packet.push(destination.len() as u8);
        packet.extend(destination);
        // No source id, no token.
        packet.extend([0, 0]);
        // Short packets are padded, for the sample.
        let mut payload = frames.to_vec();
        payload.resize(frames.len().max(4), 0);
        let length = (1 + payload.len() + 16) as u16;
        packet.extend((length | 0x4000).to_be_bytes());
        let header_bytes = packet.len();
        packet.push(0);
        let nonce = Nonce::assume_unique_for_key(keys.iv);
        keys.packet
            .seal_in_place_append_tag(nonce, Aad::from(&packet), &mut payload)
            .expect("fits");
        packet.extend(payload);
        let sample = &packet[header_bytes + 4..header_bytes + 20];
        let mask = keys.header.new_mask(sample).expect("a sample");
        packet[0] ^= mask[0] & 0x0f;
        packet[header_bytes] ^= mask[1];
        packet
    }

    #[test]
    fn sealed_packets_are_opened() {
        let frames = [1; 40];
        for version in [1, 0x6b33_43cf, 0xff00_001d, 0xff00_0017, 0x5130_3530] {
            let version = Version(version);
            for direction in Direction::BOTH {
                let packet = seal(direction, version, b"connection", &frames);
                let header = Header::read(&packet).expect("a packet");
                let keys = InitialKeys::new(version, &header.destination).expect("known");
                assert_eq!(
                    keys.open(direction, &header, &packet).as_deref(),
                    Some(&frames[..])
                );
                assert_eq!(keys.open(direction.opposite(), &header, &packet), None);
            }
        }
        assert!(InitialKeys::new(Version(7), b"").is_none());
    }

    /// RFC 9001 appendix A.1.
    #[test]
    fn the_keys_of_the_standards_example() {
        let id = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
        let keys = InitialKeys::new(Version(1), &id).expect("known");
        assert_eq!(
            keys.0[0].iv,
            [
                0xfa, 0x04, 0x4b, 0x2f, 0x42, 0xa3, 0xfd, 0x3b, 0x46, 0xfb, 0x25, 0x5c
            ]
        );
    }
}
