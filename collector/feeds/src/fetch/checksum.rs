//! Checksums that stand beside a file: `.sha256` and `.md5`, as public rule sets have them. MD5 tells a broken download,
//! not a forged one; what keeps forgers out is TLS.

use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::http::Client;
use super::{FetchError, Fetched, Request, Seen};

const OFFERED: [(&str, fn(&[u8]) -> String); 2] = [(".sha256", sha256), (".md5", md5)];

/// Brings a file, and compares it with the checksum that is offered beside it.
pub async fn fetch(client: &Client, request: &Request) -> Result<Fetched, FetchError> {
    let mut pause = client.limits.pause;
    for attempt in 1.. {
        match compared(client, request).await {
            Err(error @ FetchError::Checksum { .. }) if attempt < client.limits.attempts => {
                tracing::debug!(%error, attempt, "a source is asked again");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            fetched => return fetched,
        }
    }
    unreachable!("the last attempt returns")
}

async fn compared(client: &Client, request: &Request) -> Result<Fetched, FetchError> {
    let fetched = client.get(&request.address, &request.seen).await?;
    let Fetched::Content {
        name, bytes, seen, ..
    } = fetched
    else {
        return Ok(fetched);
    };
    let mut checked_by = None;
    for (ending, digest) in OFFERED {
        let Some(by) = beside(&request.address, ending) else {
            continue;
        };
        // Most sources offer none: what is not there, or is no checksum, is passed over.
        let Ok(Fetched::Content { bytes: offered, .. }) = client.get(&by, &Seen::default()).await
        else {
            continue;
        };
        let found = digest(&bytes);
        let Some(expected) = first_digest(&offered, found.len()) else {
            continue;
        };
        if expected != found {
            return Err(FetchError::Checksum {
                by,
                expected,
                found,
            });
        }
        checked_by = Some(by);
        break;
    }
    Ok(Fetched::Content {
        name,
        bytes,
        seen,
        checked_by,
    })
}

/// The address with an ending behind its path.
fn beside(address: &str, ending: &str) -> Option<String> {
    let mut url = url::Url::parse(address).ok()?;
    let path = format!("{}{ending}", url.path());
    url.set_path(&path);
    Some(url.into())
}

/// The first word, if it is hexadecimal and as long as it should be.
fn first_digest(bytes: &[u8], length: usize) -> Option<String> {
    let text = std::str::from_utf8(bytes.get(..1_024).unwrap_or(bytes)).ok()?;
    let word = text.split_whitespace().next()?;
    let is_digest = word.len() == length && word.chars().all(|c| c.is_ascii_hexdigit());
    is_digest.then(|| word.to_ascii_lowercase())
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn md5(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}
