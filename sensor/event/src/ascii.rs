//! Short texts of ASCII, put together without the formatter: every record has several, and its machinery takes as
//! long for them as for all the rest of the record.

/// At most `SIZE` bytes; what is pushed beyond them is left out.
pub(crate) struct Ascii<const SIZE: usize> {
    bytes: [u8; SIZE],
    length: usize,
}

impl<const SIZE: usize> Ascii<SIZE> {
    pub fn new() -> Self {
        Ascii {
            bytes: [0; SIZE],
            length: 0,
        }
    }

    pub fn push(&mut self, byte: u8) -> &mut Self {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte & 0x7f;
            self.length += 1;
        }
        self
    }

    /// The last `count` decimal digits of a number, with zeros in front.
    pub fn digits(&mut self, number: u32, count: u32) -> &mut Self {
        for place in (0..count).rev() {
            let digit = number / 10u32.pow(place) % 10;
            self.push(b'0' + digit as u8);
        }
        self
    }

    pub fn decimal(&mut self, number: u8) -> &mut Self {
        self.digits(
            u32::from(number),
            u32::from(number).checked_ilog10().unwrap_or(0) + 1,
        )
    }

    /// Two digits of lower-case hexadecimal.
    pub fn hex(&mut self, byte: u8) -> &mut Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.push(DIGITS[usize::from(byte >> 4)])
            .push(DIGITS[usize::from(byte & 15)])
    }

    pub fn as_str(&self) -> &str {
        self.bytes
            .get(..self.length)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }
}
