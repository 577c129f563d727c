//! Where a list goes on: behind the event with this time and order.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::SearchError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Microseconds since 1970.
    pub time: i64,
    pub order: u64,
}

impl Cursor {
    pub fn encode(self) -> String {
        let mut bytes = self.time.to_be_bytes().to_vec();
        bytes.extend(self.order.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub fn decode(text: &str) -> Result<Cursor, SearchError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| SearchError::Cursor)?;
        let (time, order) = bytes.split_first_chunk::<8>().ok_or(SearchError::Cursor)?;
        Ok(Cursor {
            time: i64::from_be_bytes(*time),
            order: u64::from_be_bytes(order.try_into().map_err(|_| SearchError::Cursor)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn cursors_survive_the_browser() {
        let cursor = Cursor {
            time: -5,
            order: u64::MAX,
        };
        assert_eq!(Cursor::decode(&cursor.encode()).expect("its own"), cursor);
        for text in ["", "x", "AAAA", "***"] {
            assert!(Cursor::decode(text).is_err(), "{text}");
        }
    }
}
