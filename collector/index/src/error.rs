//! What can go wrong in the index.

use std::io::ErrorKind;
use std::path::PathBuf;

use tantivy::TantivyError;
use tantivy::directory::error::OpenReadError;

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("index engine: {0}")]
    Engine(#[from] tantivy::TantivyError),
    #[error("{}: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: {source}", path.display())]
    Marks {
        path: PathBuf,
        source: serde_json::Error,
    },
}

pub type Result<T> = std::result::Result<T, IndexError>;

impl IndexError {
    /// Whether what is on disk is not what was written: trying again does not help. Too few file handles, a right that is
    /// missing, or the index of another version are something else.
    pub fn is_damage(&self) -> bool {
        let is_content = |error: &std::io::Error| {
            matches!(
                error.kind(),
                ErrorKind::InvalidData | ErrorKind::UnexpectedEof
            )
        };
        match self {
            IndexError::Marks { .. }
            | IndexError::Engine(
                TantivyError::DataCorruption(_)
                | TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(_)),
            ) => true,
            IndexError::Engine(TantivyError::OpenReadError(OpenReadError::IoError {
                io_error,
                ..
            })) => is_content(io_error),
            IndexError::Engine(TantivyError::IoError(error)) => is_content(error),
            IndexError::Engine(_) | IndexError::File { .. } => false,
        }
    }

    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> IndexError {
        let path = path.into();
        move |source| IndexError::File { path, source }
    }
}
