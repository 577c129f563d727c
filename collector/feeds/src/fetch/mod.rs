//! Content of a source, brought over HTTP or from a folder: within limits of size and time, by way of a proxy, and only
//! when it has changed.

mod checksum;
mod folder;
mod http;
mod misp;
mod taxii;

use std::path::PathBuf;
use std::time::Duration;

use crate::read::FeedKind;

pub use http::{Client, client};

/// What a collector allows.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// For sources without one of their own.
    pub proxy: Option<String>,
    /// Certificates (PEM) that are trusted beside those of public authorities.
    pub authorities: Vec<u8>,
    /// Folders below which sources of [`FeedKind::Folder`] may lie.
    pub folders: Vec<PathBuf>,
    pub limits: Limits,
}

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of one answer, and of all answers of a source together.
    pub bytes: u64,
    /// Without a byte.
    pub idle: Duration,
    /// Of everything that a source needs.
    pub total: Duration,
    pub redirects: usize,
    /// Of one request that may work later.
    pub attempts: u32,
    /// Before the second attempt; doubled before each further one.
    pub pause: Duration,
    /// Requests of one source: events of MISP, pages of TAXII.
    pub requests: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bytes: 128 << 20,
            idle: Duration::from_secs(30),
            total: Duration::from_secs(600),
            redirects: 5,
            attempts: 3,
            pause: Duration::from_secs(2),
            requests: 2_000,
        }
    }
}

/// Where content is, and how it is asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub address: String,
    pub proxy: Option<String>,
    /// Name and value of a header that lets the source know who asks.
    pub header: Option<(String, String)>,
    /// What an earlier answer said of itself.
    pub seen: Seen,
}

/// What tells two states of content apart (RFC 9110 §8.8).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    NotModified,
    Content {
        /// Of the file, for one that is no archive.
        name: String,
        bytes: Vec<u8>,
        seen: Seen,
        /// The checksum file that it was compared with.
        checked_by: Option<String>,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("{0:?} is no address: write https://host/path")]
    Address(String),
    #[error("{0:?} is no proxy: write http://host:port")]
    Proxy(String),
    #[error("the certificates in [feeds] authorities cannot be read: {0}")]
    Authorities(String),
    #[error("the header {0:?} cannot be sent")]
    Header(String),
    #[error("{address} cannot be reached: {reason}")]
    Unreachable { address: String, reason: String },
    #[error("{address} answers {status}")]
    Refused { address: String, status: u16 },
    #[error("{address}: no byte came for {} s, or all of it took longer than it may", .idle.as_secs())]
    Slow { address: String, idle: Duration },
    #[error("{address}: more than {} MiB", .most >> 20)]
    TooLarge { address: String, most: u64 },
    #[error("{0}: more than {1} redirects")]
    Redirects(String, usize),
    #[error("{from} leads to {to}, which is not encrypted")]
    Downgrade { from: String, to: String },
    #[error(
        "the checksum in {by} is {expected}, that of the content {found}: a broken download, or a changed file"
    )]
    Checksum {
        by: String,
        expected: String,
        found: String,
    },
    #[error("{0}: more than {1} files or pages")]
    TooMany(String, usize),
    #[error("{address}: {reason}")]
    Malformed { address: String, reason: String },
    #[error("the folder {0:?} is not below one that [feeds] folders names")]
    Forbidden(PathBuf),
    #[error("{path}: {source}")]
    Folder {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Archive(#[from] crate::archive::ArchiveError),
}

impl FetchError {
    /// A word for it, which the console translates.
    pub fn code(&self) -> &'static str {
        match self {
            FetchError::Address(_) => "address",
            FetchError::Proxy(_) => "proxy",
            FetchError::Authorities(_) => "authorities",
            FetchError::Header(_) => "header",
            FetchError::Unreachable { .. } => "unreachable",
            FetchError::Refused { .. } => "refused",
            FetchError::Slow { .. } => "slow",
            FetchError::TooLarge { .. } => "too_large",
            FetchError::Redirects(..) | FetchError::Downgrade { .. } => "redirect",
            FetchError::Checksum { .. } => "checksum",
            FetchError::TooMany(..) => "too_many",
            FetchError::Malformed { .. } => "malformed",
            FetchError::Forbidden(_) => "forbidden",
            FetchError::Folder { .. } => "folder",
            FetchError::Archive(_) => "archive",
        }
    }

    /// Whether the same may work a little later.
    fn may_pass(&self) -> bool {
        match self {
            FetchError::Unreachable { .. } | FetchError::Slow { .. } => true,
            // A file and its checksum are not published in one step.
            FetchError::Checksum { .. } => true,
            FetchError::Refused { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}

/// Brings the content of a source.
///
/// # Errors
/// Why there is none, after all attempts.
pub async fn fetch(
    kind: FeedKind,
    request: &Request,
    settings: &Settings,
) -> Result<Fetched, FetchError> {
    if kind == FeedKind::Folder {
        let (path, folders) = (PathBuf::from(&request.address), settings.folders.clone());
        let most = settings.limits.bytes;
        let read = tokio::task::spawn_blocking(move || folder::read(&path, &folders, most));
        return read.await.unwrap_or_else(|error| {
            Err(FetchError::Malformed {
                address: request.address.clone(),
                reason: error.to_string(),
            })
        });
    }
    let client = Client::new(request, settings)?;
    let brought = async {
        match kind {
            FeedKind::Misp => misp::fetch(&client, request).await,
            FeedKind::Taxii => taxii::fetch(&client, request).await,
            FeedKind::Rules => checksum::fetch(&client, request).await,
            FeedKind::List | FeedKind::Csv | FeedKind::Folder => {
                client.get(&request.address, &request.seen).await
            }
        }
    };
    tokio::time::timeout(settings.limits.total, brought)
        .await
        .unwrap_or_else(|_| {
            Err(FetchError::Slow {
                address: request.address.clone(),
                idle: settings.limits.idle,
            })
        })
}
