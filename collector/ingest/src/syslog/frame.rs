//! Messages out of a TCP stream, by the lengths or by the line ends between them (RFC 6587).

/// Bytes of one message; what is longer is cut.
pub const MAX_MESSAGE_BYTES: usize = 8 * 1_024;
/// Digits of a length.
const MAX_DIGITS: usize = 6;

/// Cuts a stream into messages.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Bytes at the start of the buffer that are done with. They go when more bytes come, and not with each message:
    /// a piece full of short ones would move the rest of it once for each.
    taken: usize,
    /// Bytes of a cut message that are passed over; none: until the line ends.
    skipping: Option<Option<usize>>,
}

/// A message, and whether it was cut.
#[derive(Debug, PartialEq, Eq)]
pub struct Framed {
    pub message: Vec<u8>,
    pub is_cut: bool,
}

impl Framer {
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The rest of a stream that has ended.
    pub fn rest(self) -> Option<Framed> {
        let is_open = self.skipping.is_none();
        let message = self.left().to_vec();
        (is_open && !message.is_empty()).then_some(Framed {
            message,
            is_cut: false,
        })
    }

    /// The next message, as soon as it is whole.
    pub fn take(&mut self) -> Option<Framed> {
        if let Some(skipping) = self.skipping {
            self.skip(skipping)?;
        }
        // Between messages.
        let mut bytes = self.left().iter();
        let start = bytes.position(|byte| !matches!(byte, b'\n' | b'\r' | 0));
        self.taken += start.unwrap_or(self.left().len());
        if self.left().is_empty() {
            return None;
        }
        match self.counted() {
            Some((digits, length)) => self.by_length(digits, length),
            None => self.by_line(),
        }
    }

    fn left(&self) -> &[u8] {
        self.buffer.get(self.taken..).unwrap_or_default()
    }

    /// Passes over the rest of a cut message; none while there may be more of it.
    fn skip(&mut self, skipping: Option<usize>) -> Option<()> {
        match skipping {
            Some(left) => {
                let now = left.min(self.left().len());
                self.taken += now;
                self.skipping = (now < left).then_some(Some(left - now));
            }
            None => match memchr::memchr(b'\n', self.left()) {
                Some(end) => {
                    self.taken += end + 1;
                    self.skipping = None;
                }
                None => self.taken = self.buffer.len(),
            },
        }
        self.skipping.is_none().then_some(())
    }

    /// The length that stands before a message, where one does.
    fn counted(&self) -> Option<(usize, usize)> {
        let left = self.left();
        let digits = left
            .iter()
            .take(MAX_DIGITS + 1)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let is_length = (1..=MAX_DIGITS).contains(&digits) && left.get(digits) == Some(&b' ');
        let text = std::str::from_utf8(left.get(..digits)?).ok()?;
        is_length.then_some((digits + 1, text.parse().ok()?))
    }

    fn by_length(&mut self, start: usize, length: usize) -> Option<Framed> {
        let kept = length.min(MAX_MESSAGE_BYTES);
        let message = self.left().get(start..start + kept)?.to_vec();
        self.taken += start + kept;
        let is_cut = length > kept;
        self.skipping = is_cut.then_some(Some(length - kept));
        Some(Framed { message, is_cut })
    }

    fn by_line(&mut self) -> Option<Framed> {
        let left = self.left();
        let reach = left.get(..=MAX_MESSAGE_BYTES).unwrap_or(left);
        match memchr::memchr(b'\n', reach) {
            Some(end) => {
                let message = reach.get(..end)?.to_vec();
                self.taken += end + 1;
                Some(Framed {
                    message,
                    is_cut: false,
                })
            }
            None if left.len() <= MAX_MESSAGE_BYTES => None,
            None => {
                let message = reach.get(..MAX_MESSAGE_BYTES)?.to_vec();
                self.taken += MAX_MESSAGE_BYTES;
                self.skipping = Some(None);
                Some(Framed {
                    message,
                    is_cut: true,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(stream: &[u8], piece: usize) -> Vec<(String, bool)> {
        let mut framer = Framer::default();
        let mut found = Vec::new();
        for bytes in stream.chunks(piece) {
            framer.push(bytes);
            while let Some(framed) = framer.take() {
                found.push(framed);
            }
        }
        found.extend(framer.rest());
        let text = |framed: Framed| {
            String::from_utf8_lossy(&framed.message)
                .trim_end()
                .to_owned()
        };
        found
            .into_iter()
            .map(|framed| (framed.is_cut, framed))
            .map(|(is_cut, framed)| (text(framed), is_cut))
            .collect()
    }

    #[test]
    fn messages_are_found_however_the_stream_is_cut() {
        let long = "x".repeat(MAX_MESSAGE_BYTES + 5);
        let stream =
            format!("<13>one\n9 <13>two\nx<13>three\r\n{long}\n<13>four\n8197 {long}<13>end");
        let cut = "x".repeat(MAX_MESSAGE_BYTES);
        let expected = [
            ("<13>one", false),
            ("<13>two\nx", false),
            ("<13>three", false),
            (&cut, true),
            ("<13>four", false),
            (&cut, true),
            ("<13>end", false),
        ];
        for piece in [1, 2, 7, 4_096, 1 << 20] {
            let found = all(stream.as_bytes(), piece);
            let found: Vec<(&str, bool)> = found
                .iter()
                .map(|(text, cut)| (text.as_str(), *cut))
                .collect();
            assert_eq!(found, expected, "{piece}");
        }
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same(stream in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b' '), b'0'..=b'9', any::<u8>()], 0..300), piece in 1_usize..40) {
            prop_assert_eq!(all(&stream, piece), all(&stream, 1));
        }
    }
}
