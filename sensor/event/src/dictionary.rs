//! Dictionaries for compressing records (zstd). A batch names the version that it was compressed with; both
//! ends hold all of them, so that a spool from before an upgrade is still read.
//!
//! They were trained on the records of this project's own captures under its own rules:
//! `zstd --train -r RECORDS --maxdict=49152 --dictID=40002`, a file a record. Those of version 2 were in the short form.

use std::borrow::Cow;

use crate::short::{expand, shorten};

/// A dictionary's version, and its bytes, which bear the id 40000 plus the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dictionary {
    pub version: u32,
    pub bytes: &'static [u8],
    /// What is compressed with it leaves out what can be made anew.
    is_short: bool,
}

const FIRST_ID: u32 = 40_000;

/// All of them, oldest first.
pub const DICTIONARIES: [Dictionary; 2] = [
    Dictionary {
        version: 1,
        bytes: include_bytes!("../dictionary/eve-1.dict"),
        is_short: false,
    },
    Dictionary {
        version: 2,
        bytes: include_bytes!("../dictionary/eve-2.dict"),
        is_short: true,
    },
];

impl Dictionary {
    /// What new blocks are compressed with.
    pub const CURRENT: Dictionary = DICTIONARIES[DICTIONARIES.len() - 1];
    /// For records that have no short form.
    const WHOLE: Dictionary = DICTIONARIES[0];

    /// What to compress these records with, and the form in which to do so.
    pub fn prepare(records: &[u8]) -> (Dictionary, Cow<'_, [u8]>) {
        match shorten(records) {
            Some(short) => (Dictionary::CURRENT, Cow::Owned(short)),
            None => (Dictionary::WHOLE, Cow::Borrowed(records)),
        }
    }

    /// The records of what was compressed with this dictionary. `None`: they are longer than `most` bytes.
    pub fn restore(self, content: Vec<u8>, most: usize) -> Option<Vec<u8>> {
        if self.is_short {
            return expand(&content, most);
        }
        (content.len() <= most).then_some(content)
    }

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
