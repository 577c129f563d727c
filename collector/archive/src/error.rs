//! What can go wrong between a partition and its place in the archive.

use std::error::Error;
use std::io::ErrorKind;

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("the place of the archive cannot be used: {0}")]
    Site(String),
    #[error("the folder {0} is not below one that the configuration allows ([archive] folders)")]
    NotAllowed(String),
    #[error("{0}")]
    Store(#[from] object_store::Error),
    #[error("{what}: {source}")]
    File {
        what: String,
        source: std::io::Error,
    },
    /// What lies in the archive is not what was put there.
    #[error("{object} is damaged: {reason}")]
    Damaged { object: String, reason: String },
    #[error("the partition is larger than a pack may be")]
    TooLarge,
    #[error("a task of the archive ended: {0}")]
    Task(#[from] tokio::task::JoinError),
}

pub type Result<T> = std::result::Result<T, ArchiveError>;

impl ArchiveError {
    pub(crate) fn file(what: impl std::fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.to_string();
        move |source| ArchiveError::File { what, source }
    }

    /// What a person can do something about, as a word: `site`, `not_allowed`, `refused`, `not_found`, `full`, `damaged`,
    /// `too_large`, `unreachable`, `other`.
    pub fn code(&self) -> &'static str {
        match self {
            ArchiveError::Site(_) => "site",
            ArchiveError::NotAllowed(_) => "not_allowed",
            ArchiveError::Damaged { .. } => "damaged",
            ArchiveError::TooLarge => "too_large",
            ArchiveError::File { source, .. } => file_code(source.kind()).unwrap_or("other"),
            ArchiveError::Store(error) => store_code(error),
            ArchiveError::Task(_) => "other",
        }
    }

    /// The whole chain of causes, without line breaks.
    pub fn told(&self) -> String {
        let mut text = self.to_string();
        let mut cause: Option<&(dyn Error + 'static)> = self.source();
        while let Some(error) = cause {
            let reason = error.to_string();
            if !text.contains(&reason) {
                text.push_str(": ");
                text.push_str(&reason);
            }
            cause = error.source();
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn file_code(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some("full"),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Some("refused"),
        ErrorKind::NotFound | ErrorKind::NotADirectory => Some("not_found"),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::TimedOut => {
            Some("unreachable")
        }
        _ => None,
    }
}

fn store_code(error: &object_store::Error) -> &'static str {
    use object_store::Error as Store;
    match error {
        Store::PermissionDenied { .. } | Store::Unauthenticated { .. } => return "refused",
        Store::NotFound { .. } => return "not_found",
        _ => {}
    }
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(inner) = cause {
        if let Some(code) = inner
            .downcast_ref::<std::io::Error>()
            .and_then(|error| file_code(error.kind()))
        {
            return code;
        }
        if let Some(http) = inner.downcast_ref::<object_store::client::HttpError>() {
            // An answer that cannot be read is one all the same.
            if http.kind() != object_store::client::HttpErrorKind::Decode {
                return "unreachable";
            }
        }
        cause = inner.source();
    }
    "other"
}
