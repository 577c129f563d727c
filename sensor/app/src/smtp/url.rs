//! Addresses of web pages in the text of mail.

/// Addresses kept of one mail.
pub const MAX_URLS: usize = 512;
/// Bytes kept of one address.
pub const MAX_URL_BYTES: usize = 2048;
/// A line with more bytes is looked at in pieces.
pub const MAX_LINE_BYTES: usize = 8192;

const SCHEME: &[u8] = b"http";
const MARK: &[u8] = b"://";

/// Collects the addresses of text that passes, without their scheme.
#[derive(Debug, Default)]
pub struct Urls {
    found: Vec<Vec<u8>>,
    line: Vec<u8>,
}

impl Urls {
    /// In the order of the text.
    pub fn found(&self) -> &[Vec<u8>] {
        &self.found
    }

    /// The next bytes of text.
    pub fn push(&mut self, mut text: &[u8]) {
        while !text.is_empty() && self.found.len() < MAX_URLS {
            let end = text.iter().position(|&byte| byte == b'\n');
            let length = end.map_or(text.len(), |end| end + 1);
            let length = length.min(MAX_LINE_BYTES.saturating_sub(self.line.len()).max(1));
            let (piece, rest) = text.split_at(length);
            text = rest;
            if self.line.is_empty() && piece.ends_with(b"\n") {
                self.look(piece);
                continue;
            }
            self.line.extend_from_slice(piece);
            if self.line.ends_with(b"\n") || self.line.len() >= MAX_LINE_BYTES {
                self.finish();
            }
        }
    }

    /// Looks at the last line, which may lack its end.
    pub fn finish(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        self.look(&line);
        line.clear();
        self.line = line;
    }

    fn look(&mut self, line: &[u8]) {
        let mut from = 0;
        while let Some(colon) = line[from..].iter().position(|&byte| byte == MARK[0]) {
            let colon = from + colon;
            from = colon + 1;
            let scheme = colon
                .checked_sub(SCHEME.len())
                .is_some_and(|begin| line[begin..colon].eq_ignore_ascii_case(SCHEME));
            if !scheme || !line[colon..].starts_with(MARK) {
                continue;
            }
            let rest = &line[colon + MARK.len()..];
            let end = rest.iter().position(|byte| b" \"'<>]\t\r\n".contains(byte));
            let url = &rest[..end.unwrap_or(rest.len())];
            from = colon + MARK.len() + url.len();
            if self.found.len() < MAX_URLS {
                self.found
                    .push(url[..url.len().min(MAX_URL_BYTES)].to_vec());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_across_pieces() {
        let text = b"see http://a.example/x and <HTTP://b.example>\r\nhttps://c http:/d\nhttp://e";
        for step in [1, 3, 1000] {
            let mut urls = Urls::default();
            for piece in text.chunks(step) {
                urls.push(piece);
            }
            urls.finish();
            let found: Vec<_> = urls
                .found()
                .iter()
                .map(|url| String::from_utf8_lossy(url).into_owned())
                .collect();
            assert_eq!(found, ["a.example/x", "b.example", "e"]);
        }
    }

    #[test]
    fn what_is_kept_has_a_limit() {
        let mut urls = Urls::default();
        for _ in 0..2 * MAX_URLS {
            urls.push(b"http://a ");
        }
        urls.push(&[b'x'; 3 * MAX_LINE_BYTES]);
        urls.finish();
        assert!(urls.found().len() <= MAX_URLS);
        assert!(urls.line.len() <= MAX_LINE_BYTES);
    }
}
