//! What kind of file some bytes begin, in the words of `file(1)`.
//!
//! The words are libmagic's, as rules are written for them; where its library finds no database nothing is told.
//! Its handle is not to be shared, so each thread opens one when it is first asked.

use magic::Cookie;
use magic::cookie::{Flags, Load};

thread_local! {
    static COOKIE: Option<Cookie<Load>> = Cookie::open(Flags::default())
        .ok()
        .and_then(|cookie| cookie.load(&Default::default()).ok());
}

/// Names the kind of a file by its first bytes.
pub fn describe(head: &[u8]) -> Option<String> {
    COOKIE.with(|cookie| cookie.as_ref()?.buffer(head).ok())
}

#[cfg(test)]
mod tests {
    #[test]
    fn kinds_are_named() {
        let kind = super::describe(b"%PDF-1.5\n%\xd0\xd4\xc5\xd8\n").unwrap_or_default();
        assert!(kind.starts_with("PDF document, version 1.5"), "{kind}");
    }
}
