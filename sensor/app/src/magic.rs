//! What kind of file some bytes begin, in the words of `file(1)`.
//!
//! The words are libmagic's, as rules are written for them; where its library finds no database nothing is told.
//! Its handle is not to be shared, so each thread opens one when it is first asked. A description takes libmagic as
//! long as hundreds of packets take the rest of the sensor, and the same files cross a network again and again, so
//! that the last ones are remembered.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};

use magic::Cookie;
use magic::cookie::{Flags, Load};

/// Descriptions that are remembered, by thread.
const REMEMBERED: usize = 512;

thread_local! {
    static DESCRIBER: RefCell<Describer> = RefCell::new(Describer::new());
}

struct Describer {
    cookie: Option<Cookie<Load>>,
    /// Its key is secret, so that nobody can make two files with one digest.
    digest: RandomState,
    /// By digest, the newest of each place.
    remembered: Vec<Option<(u64, Option<String>)>>,
}

impl Describer {
    fn new() -> Describer {
        Describer {
            cookie: Cookie::open(Flags::default())
                .ok()
                .and_then(|cookie| cookie.load(&Default::default()).ok()),
            digest: RandomState::new(),
            remembered: vec![None; REMEMBERED],
        }
    }

    fn describe(&mut self, head: &[u8]) -> Option<String> {
        let digest = self.digest.hash_one(head);
        let place = &mut self.remembered[digest as usize % REMEMBERED];
        match place {
            Some((known, kind)) if *known == digest => kind.clone(),
            _ => {
                let kind = self.cookie.as_ref()?.buffer(head).ok();
                *place = Some((digest, kind.clone()));
                kind
            }
        }
    }
}

/// Names the kind of a file by its first bytes.
pub fn describe(head: &[u8]) -> Option<String> {
    DESCRIBER.with_borrow_mut(|describer| describer.describe(head))
}

#[cfg(test)]
mod tests {
    #[test]
    fn kinds_are_named_each_time() {
        for _ in 0..2 {
            for (head, expected) in [
                (
                    &b"%PDF-1.5\n%\xd0\xd4\xc5\xd8\n"[..],
                    "PDF document, version 1.5",
                ),
                (&b"GIF89a\x01\x00\x01\x00"[..], "GIF image data"),
            ] {
                let kind = super::describe(head).unwrap_or_default();
                assert!(kind.starts_with(expected), "{kind}");
            }
        }
    }
}
