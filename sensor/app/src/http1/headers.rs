//! The fields of a message, as a table.

use super::wire::Field;

/// Fields of one message; a message with more ends parsing.
pub const MAX_FIELDS: usize = 1024;
/// Repeated fields of one message that are joined; later ones are dropped.
pub const MAX_REPETITIONS: u16 = 64;

/// One field, with the values of its repetitions joined by `", "`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub name: Vec<u8>,
    pub value: Vec<u8>,
    pub repeated: bool,
}

/// What adding a field came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    New,
    /// The second of its name.
    Repeated,
    /// The third or a later one.
    AgainRepeated,
    /// `Content-Length` with another value than before. The first one counts.
    Contradicts {
        first: bool,
    },
    TooMany,
}

/// The fields in their order. Names are looked up through hashes, so that many fields cost little.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    fields: Vec<Header>,
    hashes: Vec<u32>,
    repetitions: u16,
}

impl Headers {
    /// The first field with this name, whatever its case.
    pub fn find(&self, name: &[u8]) -> Option<&Header> {
        self.position(name).and_then(|at| self.fields.get(at))
    }

    /// The value of the first field with this name, NULs left out.
    pub fn value(&self, name: &[u8]) -> Option<&[u8]> {
        self.find_without_nuls(name)
            .map(|header| header.value.as_slice())
    }

    /// The first field whose name is this one when its NULs are left out: browsers do so.
    pub fn find_without_nuls(&self, name: &[u8]) -> Option<&Header> {
        let hash = hash(name);
        self.candidates(hash)
            .filter_map(|at| self.fields.get(at))
            .find(|header| {
                header
                    .name
                    .iter()
                    .filter(|&&byte| byte != 0)
                    .map(u8::to_ascii_lowercase)
                    .eq(name.iter().map(u8::to_ascii_lowercase))
            })
    }

    pub fn iter(&self) -> impl Iterator<Item = &Header> {
        self.fields.iter()
    }

    pub fn get(&self, at: usize) -> Option<&Header> {
        self.fields.get(at)
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub fn clear(&mut self) {
        *self = Headers::default();
    }

    /// Adds a field. `same_length` says whether two values of `Content-Length` mean the same.
    pub fn add(&mut self, field: Field, same_length: fn(&[u8], &[u8]) -> bool) -> Added {
        let Some(at) = self.position(&field.name) else {
            if self.fields.len() >= MAX_FIELDS {
                return Added::TooMany;
            }
            self.hashes.push(hash(&field.name));
            self.fields.push(Header {
                name: field.name,
                value: field.value,
                repeated: false,
            });
            return Added::New;
        };
        let existing = &mut self.fields[at];
        let first = !existing.repeated;
        if !first {
            if self.repetitions >= MAX_REPETITIONS {
                return Added::AgainRepeated;
            }
            self.repetitions += 1;
        }
        existing.repeated = true;
        if field.name.eq_ignore_ascii_case(b"content-length") {
            if !same_length(&existing.value, &field.value) {
                return Added::Contradicts { first };
            }
        } else {
            existing.value.extend_from_slice(b", ");
            existing.value.extend_from_slice(&field.value);
        }
        if first {
            Added::Repeated
        } else {
            Added::AgainRepeated
        }
    }

    fn position(&self, name: &[u8]) -> Option<usize> {
        self.candidates(hash(name)).find(|&at| {
            self.fields
                .get(at)
                .is_some_and(|header| header.name.eq_ignore_ascii_case(name))
        })
    }

    fn candidates(&self, hash: u32) -> impl Iterator<Item = usize> {
        self.hashes
            .iter()
            .enumerate()
            .filter(move |(_, other)| **other == hash)
            .map(|(at, _)| at)
    }
}

/// FNV-1a over the lower-case name without NULs.
fn hash(name: &[u8]) -> u32 {
    name.iter()
        .filter(|&&byte| byte != 0)
        .fold(0x811c_9dc5, |hash, byte| {
            (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::wire::Oddities;

    #[test]
    fn repetitions_are_joined() {
        let mut headers = Headers::default();
        let mut add = |name: &str, value: &str| {
            headers.add(
                Field {
                    name: name.into(),
                    value: value.into(),
                    oddities: Oddities::default(),
                },
                |a, b| a == b,
            )
        };
        assert_eq!(add("A", "1"), Added::New);
        assert_eq!(add("b\0", "2"), Added::New);
        assert_eq!(add("a", "3"), Added::Repeated);
        assert_eq!(add("a", "4"), Added::AgainRepeated);
        assert_eq!(add("Content-Length", "4"), Added::New);
        assert_eq!(
            add("Content-Length", "5"),
            Added::Contradicts { first: true }
        );
        assert_eq!(headers.value(b"A"), Some(&b"1, 3, 4"[..]));
        assert!(headers.find(b"b").is_none());
        assert_eq!(headers.value(b"B"), Some(&b"2"[..]));
        assert_eq!(headers.value(b"content-length"), Some(&b"4"[..]));
    }
}
