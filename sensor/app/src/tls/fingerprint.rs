//! What the way in which somebody says hello tells of the program: JA3, JA3S and JA4.
//!
//! JA3 and JA3S are MD5 over numbers of the hello in their order; JA4 sorts and shortens them, so that
//! programs which shuffle their extensions keep one fingerprint.
//!
//! Of the JA4 family JA4 alone is free (BSD 3-Clause); JA4S, JA4H, JA4X and the others are under a licence of their
//! own (FoxIO License 1.1) that forbids products, so that they are left out.

use std::fmt::Write;

use md5::Md5;
use sensor_event::Hex;
use sha2::{Digest, Sha256};

use super::wire::{ALPN, Hello, SERVER_NAME, Version, is_grease};

/// The carrier of a handshake, first letter of a JA4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    Tcp,
    Quic,
}

/// A JA3 or JA3S: the text and its MD5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ja3 {
    pub text: String,
    pub hash: String,
}

impl Ja3 {
    fn new(text: String) -> Self {
        let hash = Hex(&Md5::digest(&text)).to_string();
        Ja3 { text, hash }
    }
}

/// JA3 of a client: version, ciphers, extensions, groups, point formats.
pub fn ja3(hello: &Hello) -> Ja3 {
    let mut text = hello.legacy_version.0.to_string();
    for list in [&hello.ciphers, &hello.extensions, &hello.groups] {
        text.push(',');
        push_list(&mut text, list.iter().copied(), '-', Base::Decimal);
    }
    text.push(',');
    let formats = hello.point_formats.iter().copied().map(u16::from);
    push_list(&mut text, formats, '-', Base::Decimal);
    Ja3::new(text)
}

/// JA3S of a server: version, cipher, extensions.
pub fn ja3s(hello: &Hello) -> Ja3 {
    let mut text = hello.legacy_version.0.to_string();
    for list in [&hello.ciphers, &hello.extensions] {
        text.push(',');
        push_list(&mut text, list.iter().copied(), '-', Base::Decimal);
    }
    Ja3::new(text)
}

/// JA4 of a client.
pub fn ja4(hello: &Hello, carrier: Carrier) -> String {
    let protocol = match carrier {
        Carrier::Tcp => 't',
        Carrier::Quic => 'q',
    };
    // In QUIC Suricata takes what the extension says for it, drafts too.
    let version = match carrier {
        Carrier::Tcp => hello.highest_version,
        Carrier::Quic => hello.offered_version,
    };
    let version = match version {
        Version::TLS13 => "13",
        Version::TLS12 => "12",
        Version::TLS11 => "11",
        Version::TLS10 => "10",
        Version::SSL3 => "s3",
        _ => "00",
    };
    let named = if hello.extensions.contains(&SERVER_NAME) {
        'd'
    } else {
        'i'
    };
    let [first, last] = alpn_ends(hello.alpns.first().map_or(&[], Vec::as_slice));
    let (ciphers, extensions) = (hello.ciphers.len().min(99), hello.extensions.len().min(99));

    let mut sorted = hello.ciphers.clone();
    sorted.sort_unstable();
    let mut cipher_text = String::new();
    push_list(&mut cipher_text, sorted.into_iter(), ',', Base::Hex);

    let mut sorted: Vec<u16> = hello
        .extensions
        .iter()
        .copied()
        .filter(|kind| *kind != ALPN && *kind != SERVER_NAME)
        .collect();
    sorted.sort_unstable();
    let mut rest_text = String::new();
    push_list(&mut rest_text, sorted.into_iter(), ',', Base::Hex);
    rest_text.push('_');
    let algorithms = hello.signature_algorithms.iter().copied();
    push_list(&mut rest_text, algorithms, ',', Base::Hex);

    format!(
        "{protocol}{version}{named}{ciphers:02}{extensions:02}{first}{last}_{}_{}",
        short_hash(&cipher_text),
        short_hash(&rest_text)
    )
}

/// First and last letter of the first protocol; of its bytes in hex when they are no letters or digits.
fn alpn_ends(name: &[u8]) -> [char; 2] {
    let (Some(&first), Some(&last)) = (name.first(), name.last()) else {
        return ['0', '0'];
    };
    if name.len() == 2 && is_grease(u16::from_be_bytes([first, last])) {
        return ['0', '0'];
    }
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(first), char::from(last)];
    }
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    [digit(first >> 4), digit(last & 0x0f)]
}

fn short_hash(text: &str) -> String {
    Hex(&Sha256::digest(text)[..6]).to_string()
}

enum Base {
    Decimal,
    Hex,
}

fn push_list(text: &mut String, values: impl Iterator<Item = u16>, separator: char, base: Base) {
    for (at, value) in values.enumerate() {
        if at > 0 {
            text.push(separator);
        }
        // Writing to a string cannot fail.
        let _ = match base {
            Base::Decimal => write!(text, "{value}"),
            Base::Hex => write!(text, "{value:04x}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_of_a_known_client() {
        let hello = Hello {
            legacy_version: Version(769),
            highest_version: Version(769),
            ciphers: vec![4, 5, 10],
            extensions: vec![0, 10, 11],
            groups: vec![23, 24],
            point_formats: vec![0],
            ..Hello::default()
        };
        let ja3 = ja3(&hello);
        assert_eq!(ja3.text, "769,4-5-10,0-10-11,23-24,0");
        assert_eq!(ja3.hash.len(), 32);
        assert_eq!(ja3s(&hello).text, "769,4-5-10,0-10-11");
        let ja4 = ja4(&hello, Carrier::Tcp);
        assert_eq!(ja4[..11], *"t10d030300_");
        assert_eq!(ja4.len(), 36);
    }

    #[test]
    fn an_empty_hello_has_fingerprints_too() {
        let hello = Hello::default();
        assert_eq!(ja3(&hello).text, "0,,,,");
        assert_eq!(
            ja4(&hello, Carrier::Tcp),
            "t00i000000_e3b0c44298fc_d2e2adf7177b"
        );
    }

    #[test]
    fn ends_of_a_protocol_name() {
        let rows: &[(&[u8], [char; 2])] = &[
            (b"", ['0', '0']),
            (b"b", ['b', 'b']),
            (b"http/1.1", ['h', '1']),
            (&[0x2a, 0x2a], ['0', '0']),
            (&[0xab, 0xcd], ['a', 'd']),
            (&[0x30, 0xab], ['3', 'b']),
        ];
        for (name, ends) in rows {
            assert_eq!(alpn_ends(name), *ends, "{name:?}");
        }
    }
}
