//! Messages behind `Content-Length` headers (LSP 3.17, base protocol).
//!
//! `lsp_server::Message` knows their content; it believes every length and ends with the first bad message, so that
//! reading is done here.

use std::io::{BufRead, Read as _, Result};

use lsp_server::Message;

/// Bytes of one message.
const MESSAGE_LIMIT_BYTES: usize = 64 << 20;
/// Bytes of a header line, and lines of a header.
const HEADER_LIMIT_BYTES: u64 = 4 << 10;
const HEADER_LIMIT_LINES: usize = 32;

/// What came.
pub enum Incoming {
    Message(Message),
    /// Bytes that are no message; reading may go on.
    Broken(String),
    End,
}

/// Reads the next message.
///
/// # Errors
/// When the input fails.
pub fn read(input: &mut impl BufRead) -> Result<Incoming> {
    let mut length = None;
    for _ in 0..HEADER_LIMIT_LINES {
        let mut line = Vec::new();
        input
            .take(HEADER_LIMIT_BYTES)
            .read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(Incoming::End);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if line.is_empty() {
            let Some(length) = length.take() else {
                // Blank lines between messages harm nobody.
                continue;
            };
            return body(input, length);
        }
        match line.split_once(':') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("Content-Length") => {
                match value.trim().parse::<usize>() {
                    Ok(value) => length = Some(value),
                    Err(_) => return Ok(Incoming::Broken(format!("{value:?} is no length"))),
                }
            }
            Some(_) => {}
            None => return Ok(Incoming::Broken("a header line without a colon".to_owned())),
        }
    }
    Ok(Incoming::Broken("a header without an end".to_owned()))
}

fn body(input: &mut impl BufRead, length: usize) -> Result<Incoming> {
    if length > MESSAGE_LIMIT_BYTES {
        // What it announces is passed over, however long it is.
        std::io::copy(&mut input.take(length as u64), &mut std::io::sink())?;
        return Ok(Incoming::Broken(format!(
            "a message of {length} bytes is too long"
        )));
    }
    let mut bytes = Vec::new();
    input.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        return Ok(Incoming::End);
    }
    Ok(match serde_json::from_slice(&bytes) {
        Ok(message) => Incoming::Message(message),
        Err(error) => Incoming::Broken(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_messages_are_found_among_broken_ones() {
        let sound = r#"{"jsonrpc":"2.0","method":"exit"}"#;
        let framed = |body: &str| format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let mut text = String::new();
        for part in ["{", "[]", "\u{fffd}", sound] {
            text.push_str(&framed(part));
        }
        text.push_str("nonsense\r\nContent-Length: x\r\n\r\n");
        text.push_str(&framed(sound));
        text.push_str("Content-Length: 99999999999\r\n\r\nabc");
        let mut input = text.as_bytes();
        let mut told = String::new();
        for _ in 0..32 {
            match read(&mut input).expect("memory does not fail") {
                Incoming::Message(_) => told.push('m'),
                Incoming::Broken(_) => told.push('b'),
                Incoming::End => {
                    told.push('e');
                    break;
                }
            }
        }
        assert_eq!(told, "bbbmbbmbe");
    }
}
