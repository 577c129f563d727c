//! Enrolment: one string from the collector makes this sensor known to it.
//!
//! The string is `matluoi1:` and base64url of a JSON object: `a` address of delivery, `e` address of
//! enrolment, `p` SHA-256 of the collector's authority in hex, `t` a token that works once. The sensor
//! makes its own key, which never leaves it, and has it signed.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};

use crate::error::{Result, ShipError};
use crate::identity::Identity;
use crate::tls::{COLLECTOR_NAME, digest, pinned_client};

const PREFIX: &str = "matluoi1:";
/// Longest answer that is read.
const MAX_ANSWER_BYTES: usize = 64 * 1_024;
const TIMEOUT: Duration = Duration::from_secs(30);

/// What an enrolment string says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentString {
    /// `host:port` of delivery.
    #[serde(rename = "a")]
    pub delivery: String,
    /// `host:port` of enrolment.
    #[serde(rename = "e")]
    pub enrolment: String,
    /// SHA-256 of the authority's certificate (DER), in hex.
    #[serde(rename = "p")]
    pub ca_sha256: String,
    #[serde(rename = "t")]
    pub token: String,
}

impl EnrolmentString {
    pub fn parse(text: &str) -> Result<EnrolmentString> {
        let body = text
            .trim()
            .strip_prefix(PREFIX)
            .ok_or(ShipError::EnrolmentString("it begins with matluoi1:"))?;
        let json = URL_SAFE_NO_PAD
            .decode(body.trim_end_matches('='))
            .map_err(|_| ShipError::EnrolmentString("a character is missing or too many"))?;
        let parsed: EnrolmentString = serde_json::from_slice(&json)
            .map_err(|_| ShipError::EnrolmentString("a part of it is missing"))?;
        parsed.pin()?;
        Ok(parsed)
    }

    fn pin(&self) -> Result<[u8; 32]> {
        let wrong =
            || ShipError::EnrolmentString("the digest of the authority is not 64 hex digits");
        let mut pin = [0; 32];
        if self.ca_sha256.len() != 64 || !self.ca_sha256.is_ascii() {
            return Err(wrong());
        }
        for (at, byte) in pin.iter_mut().enumerate() {
            let digits = self.ca_sha256.get(2 * at..2 * at + 2).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        Ok(pin)
    }
}

impl std::fmt::Display for EnrolmentString {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let json = serde_json::to_vec(self).map_err(|_| std::fmt::Error)?;
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(json))
    }
}

#[derive(Serialize)]
struct Request<'a> {
    token: &'a str,
    csr_pem: &'a str,
    hostname: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    sensor_id: String,
    certificate_pem: String,
    ca_pem: String,
    /// Older collectors do not tell it.
    now_ms: Option<i64>,
}

/// A sensor that is known to a collector.
#[derive(Debug)]
pub struct Enrolled {
    pub identity: Identity,
    /// How far this clock is before the collector's, in milliseconds, if that one tells; the way of the answer
    /// is in it.
    pub ahead_ms: Option<i64>,
}

/// Enrols with the collector that made the string, and writes the identity into the state folder.
pub async fn enrol(text: &str, state_dir: &Path, hostname: &str) -> Result<Enrolled> {
    let string = EnrolmentString::parse(text)?;
    let key = rcgen::KeyPair::generate()?;
    let request = rcgen::CertificateParams::new(Vec::new())?.serialize_request(&key)?;
    let body = serde_json::to_vec(&Request {
        token: &string.token,
        csr_pem: &request.pem()?,
        hostname,
    })
    .map_err(|error| ShipError::EnrolmentAnswer(error.to_string()))?;
    let answer = tokio::time::timeout(TIMEOUT, post(&string, body))
        .await
        .map_err(|_| ShipError::EnrolmentAnswer("none within 30 s".to_owned()))??;
    let now_ms = unix_ms();
    let answer: Answer = serde_json::from_slice(&answer)
        .map_err(|error| ShipError::EnrolmentAnswer(error.to_string()))?;
    let ca = CertificateDer::from_pem_slice(answer.ca_pem.as_bytes())
        .map_err(|error| ShipError::EnrolmentAnswer(format!("ca_pem: {error:?}")))?;
    if digest(&ca) != string.pin()? {
        return Err(ShipError::EnrolmentAnswer(
            "the authority is not the one in the enrolment string".to_owned(),
        ));
    }
    let identity = Identity {
        sensor_id: answer.sensor_id,
        address: string.delivery,
        key_pem: key.serialize_pem(),
        certificate_pem: answer.certificate_pem,
        ca_pem: answer.ca_pem,
    };
    identity.save(state_dir)?;
    Ok(Enrolled {
        identity,
        ahead_ms: answer.now_ms.map(|theirs| now_ms.saturating_sub(theirs)),
    })
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

async fn post(string: &EnrolmentString, body: Vec<u8>) -> Result<Bytes> {
    let connect = |source| ShipError::EnrolmentConnect {
        address: string.enrolment.clone(),
        source,
    };
    let tcp = TcpStream::connect(&string.enrolment)
        .await
        .map_err(connect)?;
    let name = ServerName::try_from(COLLECTOR_NAME)
        .map_err(|_| ShipError::EnrolmentString("no name to verify"))?;
    let tls = TlsConnector::from(Arc::new(pinned_client(string.pin()?)?))
        .connect(name, tcp)
        .await
        .map_err(connect)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls)).await?;
    let driver = tokio::spawn(connection);
    let request = hyper::Request::post("/enrol")
        .header("host", COLLECTOR_NAME)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| ShipError::EnrolmentAnswer(error.to_string()))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let answer = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
        .collect()
        .await
        .map_err(|error| ShipError::EnrolmentAnswer(error.to_string()))?
        .to_bytes();
    driver.abort();
    if !status.is_success() {
        return Err(ShipError::EnrolmentRefused {
            status: status.as_u16(),
            detail: String::from_utf8_lossy(answer.get(..500).unwrap_or(&answer)).into_owned(),
        });
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_read_as_they_were_written() {
        let string = EnrolmentString {
            delivery: "10.0.0.1:8443".to_owned(),
            enrolment: "10.0.0.1:8444".to_owned(),
            ca_sha256: "0f".repeat(32),
            token: "secret".to_owned(),
        };
        let text = format!("  {string}\n");
        assert_eq!(EnrolmentString::parse(&text).expect("it is whole"), string);
        let end = text.trim_end().len() - 1;
        for bad in [
            "",
            "matluoi1:",
            "matluoi2:e30",
            &text[..end],
            "matluoi1:e30",
        ] {
            EnrolmentString::parse(bad).expect_err(bad);
        }
        let short = EnrolmentString {
            ca_sha256: "0f".to_owned(),
            ..string
        };
        EnrolmentString::parse(&short.to_string()).expect_err("the digest is short");
    }
}
