//! What can go wrong between a worker and the collector.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum ShipError {
    #[error("{}: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("spool: {0}")]
    Store(#[from] redb::Error),
    #[error("spool: block {key:02x?} is damaged: {reason}")]
    Block { key: Vec<u8>, reason: &'static str },
    #[error("spool: entry {key} is not what this version writes: {source}")]
    Entry {
        key: String,
        source: serde_json::Error,
    },
    #[error("enrolment string: {0}")]
    EnrolmentString(&'static str),
    #[error("enrolment: no connection to {address}: {source}")]
    EnrolmentConnect {
        address: String,
        source: std::io::Error,
    },
    #[error("enrolment: {0}")]
    EnrolmentHttp(#[from] hyper::Error),
    #[error("enrolment refused by the collector ({status}): {detail}")]
    EnrolmentRefused { status: u16, detail: String },
    #[error("enrolment: the answer is not understood: {0}")]
    EnrolmentAnswer(String),
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("TLS: {0}")]
    Tls(#[from] tokio_rustls::rustls::Error),
    #[error("{} is not enrolled: {reason}", folder.display())]
    NotEnrolled { folder: PathBuf, reason: String },
}

pub type Result<T> = std::result::Result<T, ShipError>;

impl ShipError {
    /// What is on disk is not what was written.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            ShipError::Block { .. } | ShipError::Entry { .. } => true,
            ShipError::Store(error) => match error {
                redb::Error::Corrupted(_) => true,
                redb::Error::Io(io) => matches!(
                    io.kind(),
                    std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
                ),
                _ => false,
            },
            _ => false,
        }
    }

    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> ShipError {
        let path = path.into();
        move |source| ShipError::File { path, source }
    }

    /// Any of the store's errors.
    pub(crate) fn store(error: impl Into<redb::Error>) -> ShipError {
        ShipError::Store(error.into())
    }
}
