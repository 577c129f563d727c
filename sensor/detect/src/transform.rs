//! Transformations of a buffer before its conditions look at it.

use std::borrow::Cow;
use std::io::Read as _;

use base64::Engine as _;
use rules::signature::{Base64Mode, Transform};
use sha2::Digest as _;

/// Bytes that decompression in a rule may give, whatever the rule asks for.
const INFLATE_LIMIT: u64 = 64 * 1024;

/// A transformation with what it needs built.
pub(crate) enum Step {
    Plain(Transform),
    Pcre(pcre2::bytes::Regex),
}

/// Builds the steps of a list of transformations.
pub(crate) fn compile(transforms: &[Transform]) -> Result<Vec<Step>, pcre2::Error> {
    transforms
        .iter()
        .map(|transform| match transform {
            Transform::PcreXform(pattern) => pcre2::bytes::RegexBuilder::new()
                .jit_if_available(true)
                .build(pattern)
                .map(Step::Pcre),
            other => Ok(Step::Plain(other.clone())),
        })
        .collect()
}

/// The buffer after all steps; `None` when one of them leaves nothing to look at.
pub(crate) fn apply<'a>(steps: &[Step], data: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let mut current = Cow::Borrowed(data);
    for step in steps {
        current = Cow::Owned(match step {
            Step::Pcre(regex) => {
                let mut locations = regex.capture_locations();
                regex
                    .captures_read(&mut locations, &current)
                    .ok()
                    .flatten()?;
                let (start, end) = locations.get(1)?;
                current[start..end].to_vec()
            }
            Step::Plain(transform) => plain(transform, &current)?,
        });
    }
    Some(current)
}

fn plain(transform: &Transform, data: &[u8]) -> Option<Vec<u8>> {
    Some(match transform {
        Transform::ToLowercase => data.to_ascii_lowercase(),
        Transform::ToUppercase => data.to_ascii_uppercase(),
        Transform::StripWhitespace => data
            .iter()
            .copied()
            .filter(|&byte| !is_space(byte))
            .collect(),
        Transform::CompressWhitespace => {
            let mut out = Vec::with_capacity(data.len());
            for &byte in data {
                if !(is_space(byte) && out.last().is_some_and(|&last| is_space(last))) {
                    out.push(byte);
                }
            }
            out
        }
        Transform::UrlDecode => url_decode(data),
        Transform::Xor(key) => data
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key)
            .collect(),
        Transform::DotPrefix => [b".", data].concat(),
        // Nothing has no digest.
        Transform::ToMd5 | Transform::ToSha1 | Transform::ToSha256 if data.is_empty() => Vec::new(),
        Transform::ToMd5 => md5::Md5::digest(data).to_vec(),
        Transform::ToSha1 => sha1::Sha1::digest(data).to_vec(),
        Transform::ToSha256 => sha2::Sha256::digest(data).to_vec(),
        Transform::HeaderLowercase => header_lowercase(data),
        Transform::StripPseudoHeaders => strip_pseudo_headers(data),
        Transform::Domain => domain(data)?.to_vec(),
        Transform::Tld => tld(data)?.to_vec(),
        Transform::FromBase64 {
            bytes,
            offset,
            mode,
        } => from_base64(data, *bytes, *offset, *mode)?,
        Transform::Gunzip { max } => inflate(flate2::read::GzDecoder::new(data), *max)?,
        Transform::ZlibDeflate { max } => inflate(flate2::read::ZlibDecoder::new(data), *max)?,
        Transform::PcreXform(_) => return None,
    })
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// `%XX` and `+`; what is no escape stays.
fn url_decode(data: &[u8]) -> Vec<u8> {
    let spaces: Vec<u8> = data
        .iter()
        .map(|&byte| if byte == b'+' { b' ' } else { byte })
        .collect();
    percent_encoding::percent_decode(&spaces).collect()
}

/// Names of headers in lower case, values as they are.
fn header_lowercase(data: &[u8]) -> Vec<u8> {
    let mut in_name = true;
    data.iter()
        .map(|&byte| {
            match byte {
                b':' => in_name = false,
                b'\n' => in_name = true,
                _ => {}
            }
            if in_name {
                byte.to_ascii_lowercase()
            } else {
                byte
            }
        })
        .collect()
}

/// Drops lines that start with a colon (HTTP/2 pseudo headers, RFC 9113 §8.3).
fn strip_pseudo_headers(data: &[u8]) -> Vec<u8> {
    data.split_inclusive(|&byte| byte == b'\n')
        .filter(|line| !line.starts_with(b":"))
        .flatten()
        .copied()
        .collect()
}

/// The registrable domain: one label below the public suffix.
fn domain(data: &[u8]) -> Option<&[u8]> {
    let suffix = tld(data)?;
    let before = data.len().checked_sub(suffix.len() + 1)?;
    let start = data[..before]
        .iter()
        .rposition(|&byte| byte == b'.')
        .map_or(0, |dot| dot + 1);
    Some(&data[start..])
}

/// The public suffix by the public suffix list.
fn tld(data: &[u8]) -> Option<&[u8]> {
    let suffix = psl::suffix(data)?;
    Some(&data[data.len() - suffix.as_bytes().len()..])
}

fn from_base64(data: &[u8], bytes: Option<u32>, offset: u32, mode: Base64Mode) -> Option<Vec<u8>> {
    let input = data.get(offset as usize..)?;
    let input = &input[..bytes.map_or(input.len(), |bytes| (bytes as usize).min(input.len()))];
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let text: Vec<u8> = match mode {
        // RFC 2045 §6.8: anything outside the alphabet is passed over.
        Base64Mode::Rfc2045 => input.iter().copied().filter(is_digit).collect(),
        // RFC 4648 §3.3: decode up to the first stranger.
        Base64Mode::Rfc4648 => input.iter().copied().take_while(is_digit).collect(),
        Base64Mode::Strict => {
            let padding = input.iter().rev().take_while(|&&byte| byte == b'=').count();
            let body = &input[..input.len() - padding];
            if !body.iter().all(is_digit) || (body.len() + padding) % 4 != 0 {
                return None;
            }
            body.to_vec()
        }
    };
    let whole = if text.len() % 4 == 1 {
        text.len() - 1
    } else {
        text.len()
    };
    base64::engine::general_purpose::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
    )
    .decode(&text[..whole])
    .ok()
    .filter(|decoded| !decoded.is_empty())
}

fn inflate(reader: impl std::io::Read, max: u32) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    // What was decompressed before an error is still worth a look.
    let _ = reader
        .take(u64::from(max).min(INFLATE_LIMIT))
        .read_to_end(&mut out);
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transformations() {
        let rows: &[(Transform, &[u8], Option<&[u8]>)] = &[
            (Transform::StripWhitespace, b"a b\tc\r\n", Some(b"abc")),
            (Transform::CompressWhitespace, b"a  b \t c", Some(b"a b c")),
            (Transform::DotPrefix, b"x.vn", Some(b".x.vn")),
            (Transform::UrlDecode, b"a+b%20c%zz", Some(b"a b c%zz")),
            (
                Transform::Xor(vec![1, 2]),
                b"\x01\x02\x03",
                Some(b"\x00\x00\x02"),
            ),
            (
                Transform::HeaderLowercase,
                b"Host: A\r\nX-Y: B\r\n",
                Some(b"host: A\r\nx-y: B\r\n"),
            ),
            (
                Transform::StripPseudoHeaders,
                b":path: /\r\nHost: a\r\n",
                Some(b"Host: a\r\n"),
            ),
            (
                Transform::Domain,
                b"www.haiduong.gov.vn",
                Some(b"haiduong.gov.vn"),
            ),
            (Transform::Tld, b"www.haiduong.gov.vn", Some(b"gov.vn")),
            (
                Transform::FromBase64 {
                    bytes: None,
                    offset: 0,
                    mode: Base64Mode::Rfc2045,
                },
                b"a G\nk=",
                Some(b"hi"),
            ),
            (
                Transform::FromBase64 {
                    bytes: None,
                    offset: 0,
                    mode: Base64Mode::Strict,
                },
                b"a Gk=",
                None,
            ),
        ];
        for (transform, data, expected) in rows {
            let steps = compile(std::slice::from_ref(transform)).expect("no pattern to compile");
            assert_eq!(apply(&steps, data).as_deref(), *expected, "{transform:?}");
        }
    }
}
