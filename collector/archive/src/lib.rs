//! Partitions past their time, packed, in a folder or in S3-compatible storage, and back.
//!
//! A pack is one object: the files of a partition as `tar` in zstd. Beside it lies its [`Label`], JSON, which says what is
//! in it and bears its SHA-256. The label is written last, after the pack was read back and had the same hash: a pack
//! without a label is half an upload, and is written anew. Names derive from what is packed, so that a second attempt
//! replaces the first.
//!
//! Left out: removing the parts of an upload to S3 that a kill cut off. A rule of the bucket
//! (`AbortIncompleteMultipartUpload`) does that; they are not visible as objects.

mod error;
mod pack;
mod settings;
mod site;
mod transfer;

pub use error::{ArchiveError, Result};
pub use pack::{MAX_FILES, Unpacked};
pub use settings::Settings;
pub use site::{Means, Site};
pub use transfer::{Archive, Label, MAX_PACK_BYTES, NewPack};
