//! A TAXII 2.1 collection: its indicators, page by page (TAXII 2.1 §5.4, Get Objects).

use serde::Deserialize;

use super::http::Client;
use super::{FetchError, Fetched, Request, Seen};
use crate::archive::{self, File};

const MEDIA_TYPE: &str = "application/taxii+json;version=2.1";
/// Objects of a page that are asked for; a server may give fewer. Named with every page: some servers know what `next` means
/// only beside the same `limit`.
const LIMIT: u32 = 1_000;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    more: bool,
    next: Option<String>,
}

/// Brings all pages of a collection, whose address is `…/collections/ID/`.
pub async fn fetch(client: &Client, request: &Request) -> Result<Fetched, FetchError> {
    let address = request.address.trim_end_matches('/');
    let address = address.strip_suffix("/objects").unwrap_or(address);
    let first = format!("{address}/objects/?match%5Btype%5D=indicator&limit={LIMIT}");
    let mut target = first.clone();
    let mut files = Vec::new();
    loop {
        if files.len() >= client.limits.requests {
            return Err(FetchError::TooMany(first, client.limits.requests));
        }
        let page = client.get_as(&target, &Seen::default(), MEDIA_TYPE).await?;
        let Fetched::Content { bytes, .. } = page else {
            return Ok(Fetched::NotModified);
        };
        let malformed = |reason: String| FetchError::Malformed {
            address: target.clone(),
            reason,
        };
        let page: Page =
            serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
        files.push(File {
            name: format!("page-{:06}.json", files.len() + 1),
            bytes,
        });
        let next = match page.next.filter(|_| page.more) {
            Some(next) => url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>(),
            None if page.more => return Err(malformed("more pages, and none named".to_owned())),
            None => break,
        };
        target = format!("{first}&next={next}");
    }
    let bytes = archive::pack(&files).map_err(|error| FetchError::Malformed {
        address: first,
        reason: error.to_string(),
    })?;
    Ok(Fetched::Content {
        name: "taxii.tar".to_owned(),
        bytes,
        seen: Seen::default(),
        checked_by: None,
    })
}
