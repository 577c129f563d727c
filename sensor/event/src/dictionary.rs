//! Dictionaries for compressing records (zstd). A batch names the version that it was compressed with; both
//! ends hold all of them, so that a spool from before an upgrade is still read.
//!
//! Version 1 was trained on the records of this project's own captures under its own rules:
//! `zstd --train -r RECORDS --maxdict=49152 --dictID=40001`, a file a record.

/// A dictionary's version, and its bytes, which bear the id 40000 plus the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dictionary {
    pub version: u32,
    pub bytes: &'static [u8],
}

const FIRST_ID: u32 = 40_000;

/// All of them, oldest first.
pub const DICTIONARIES: [Dictionary; 1] = [Dictionary {
    version: 1,
    bytes: include_bytes!("../dictionary/eve-1.dict"),
}];

impl Dictionary {
    /// What new blocks are compressed with.
    pub const CURRENT: Dictionary = DICTIONARIES[DICTIONARIES.len() - 1];

    pub fn of_version(version: u32) -> Option<Dictionary> {
        DICTIONARIES
            .into_iter()
            .find(|dictionary| dictionary.version == version)
    }

    /// The dictionary whose id stands in a zstd frame.
    pub fn of_id(id: u32) -> Option<Dictionary> {
        Dictionary::of_version(id.checked_sub(FIRST_ID)?)
    }
}
