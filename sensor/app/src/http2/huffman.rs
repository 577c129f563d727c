//! The Huffman code of header fields (RFC 7541 appendix B).
//!
//! The code is canonical: symbols of one length have consecutive codes in their order, so that the lengths
//! are all there is to know.

/// Bits of each byte's code, and of the end's.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const MAX_BITS: usize = 30;
const END: u16 = 256;

/// By length: the first code, the number of codes, and where their symbols stand in the order.
struct Code {
    first: [u32; MAX_BITS + 1],
    count: [u32; MAX_BITS + 1],
    start: [u32; MAX_BITS + 1],
    order: [u16; 257],
}

const CODE: Code = code();

const fn code() -> Code {
    let mut code = Code {
        first: [0; MAX_BITS + 1],
        count: [0; MAX_BITS + 1],
        start: [0; MAX_BITS + 1],
        order: [0; 257],
    };
    let mut next = 0u32;
    let mut placed = 0usize;
    let mut bits = 1;
    while bits <= MAX_BITS {
        next <<= 1;
        code.first[bits] = next;
        code.start[bits] = placed as u32;
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] as usize == bits {
                code.order[placed] = symbol as u16;
                placed += 1;
                next += 1;
            }
            symbol += 1;
        }
        code.count[bits] = placed as u32 - code.start[bits];
        bits += 1;
    }
    code
}

/// Decodes bytes up to a limit; `None` when they are no such code.
pub fn decode(bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len().min(limit));
    let (mut value, mut bits) = (0u32, 0usize);
    let mut ones = true;
    for byte in bytes {
        for shift in (0..8).rev() {
            let bit = u32::from(byte >> shift & 1);
            value = value << 1 | bit;
            bits += 1;
            ones &= bit == 1;
            if bits > MAX_BITS {
                return None;
            }
            let at = value.wrapping_sub(CODE.first[bits]);
            if value >= CODE.first[bits] && at < CODE.count[bits] {
                let symbol = CODE.order[(CODE.start[bits] + at) as usize];
                if symbol == END || out.len() >= limit {
                    return None;
                }
                out.push(symbol as u8);
                (value, bits, ones) = (0, 0, true);
            }
        }
    }
    // What fills up the last byte is the beginning of the end's code.
    (bits < 8 && ones).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 7541 appendix C.4.
    #[test]
    fn examples_of_the_standard() {
        let rows: &[(&[u8], &[u8])] = &[
            (
                &[
                    0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
                ],
                b"www.example.com",
            ),
            (&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf], b"no-cache"),
            (&[], b""),
        ];
        for (bytes, text) in rows {
            assert_eq!(decode(bytes, 100).as_deref(), Some(*text));
        }
        // Padding of zeros, a whole byte of padding, too long.
        assert_eq!(decode(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xb0], 100), None);
        assert_eq!(decode(&[0xff], 100), None);
        assert_eq!(decode(rows[0].0, 3), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            decode(&bytes, 40);
        }
    }
}
