//! A MISP feed: `manifest.json` names the events, each a file beside it (MISP core format, feed).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::http::Client;
use super::{FetchError, Fetched, Request, Seen};
use crate::archive::{self, File};

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    timestamp: serde_json::Value,
}

/// Brings the events that the manifest names, the newest first; one that names too many is refused. A manifest that has
/// not changed says that nothing has.
pub async fn fetch(client: &Client, request: &Request) -> Result<Fetched, FetchError> {
    let base = request.address.trim_end_matches('/');
    let base = base.strip_suffix("/manifest.json").unwrap_or(base);
    let address = format!("{base}/manifest.json");
    let (manifest, seen) = match client.get(&address, &request.seen).await? {
        Fetched::NotModified => return Ok(Fetched::NotModified),
        Fetched::Content { bytes, seen, .. } => (bytes, seen),
    };
    let malformed = |reason: String| FetchError::Malformed {
        address: address.clone(),
        reason,
    };
    let listed: BTreeMap<String, Listed> =
        serde_json::from_slice(&manifest).map_err(|error| malformed(error.to_string()))?;
    let mut events: Vec<(u64, String)> = listed
        .into_iter()
        .map(|(id, listed)| {
            let at = listed.timestamp.as_u64();
            let at = at.or_else(|| listed.timestamp.as_str()?.parse().ok());
            (at.unwrap_or(0), id)
        })
        .collect();
    events.sort_by(|one, other| other.cmp(one));
    if events.len() > client.limits.requests {
        return Err(FetchError::TooMany(address, client.limits.requests));
    }
    let mut files = vec![File {
        name: "manifest.json".to_owned(),
        bytes: manifest.clone(),
    }];
    for (_, id) in events {
        // Ids are UUIDs: anything else would be a path of the source's choice.
        if !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(malformed(format!("{id:?} is no event's id")));
        }
        let event = client
            .get(&format!("{base}/{id}.json"), &Seen::default())
            .await?;
        if let Fetched::Content { bytes, .. } = event {
            files.push(File {
                name: format!("{id}.json"),
                bytes,
            });
        }
    }
    let bytes = archive::pack(&files).map_err(|error| malformed(error.to_string()))?;
    Ok(Fetched::Content {
        name: "misp.tar".to_owned(),
        bytes,
        seen,
        checked_by: None,
    })
}
