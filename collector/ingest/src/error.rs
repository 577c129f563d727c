//! What can go wrong on the way in.

use std::path::PathBuf;

/// An error of something behind a trait of this crate.
pub type PortError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error("{}: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("TLS: {0}")]
    Tls(#[from] tokio_rustls::rustls::Error),
    #[error("a certificate of ours is not PEM: {0}")]
    Pem(String),
    #[error("delivery service: {0}")]
    Transport(#[from] tonic::transport::Error),
    #[error("{0}")]
    Port(PortError),
}

pub type Result<T> = std::result::Result<T, IngestError>;

impl IngestError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> IngestError {
        let path = path.into();
        move |source| IngestError::File { path, source }
    }
}
