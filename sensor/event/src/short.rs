//! The short form in which records are stored and sent: `payload_printable` says once more what the `payload` before it
//! says, so it is left out and made anew, byte for byte.
//!
//! `"payload":"QUI=","payload_printable":"AB"` becomes `"payload":"QUI=","payload_printable":null`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::{memmem, memrchr};

use crate::text::Printable;

/// From the quote that ends the payload.
const NAME: &[u8] = br#"","payload_printable":"#;
const PAYLOAD: &[u8] = br#""payload":""#;
const LEFT_OUT: &[u8] = b"null";

/// Records without what [`expand`] makes anew. `None`: a record says `null` of itself, so the short form would be
/// mistaken.
pub(crate) fn shorten(records: &[u8]) -> Option<Vec<u8>> {
    let mut short = Vec::with_capacity(records.len());
    let mut printable = Vec::new();
    let mut taken = 0;
    for at in memmem::find_iter(records, NAME) {
        let Some(value) = value_at(records, at) else {
            continue;
        };
        if value.rest.starts_with(LEFT_OUT) {
            return None;
        }
        printable.clear();
        if write_printable(value.payload, &mut printable).is_some()
            && value.rest.starts_with(&printable)
        {
            short.extend_from_slice(records.get(taken..value.begin)?);
            short.extend_from_slice(LEFT_OUT);
            taken = value.begin + printable.len();
        }
    }
    short.extend_from_slice(records.get(taken..)?);
    Some(short)
}

/// Records as they were before [`shorten`]. `None`: they are longer than `most` bytes.
pub(crate) fn expand(short: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut records = Vec::with_capacity(short.len());
    let mut taken = 0;
    for at in memmem::find_iter(short, NAME) {
        let Some(value) = value_at(short, at) else {
            continue;
        };
        if !value.rest.starts_with(LEFT_OUT) {
            continue;
        }
        records.extend_from_slice(short.get(taken..value.begin)?);
        // Only a stranger leaves out what cannot be made.
        let left_out = match write_printable(value.payload, &mut records) {
            Some(()) => LEFT_OUT.len(),
            None => 0,
        };
        taken = value.begin + left_out;
        if records.len() > most {
            return None;
        }
    }
    records.extend_from_slice(short.get(taken..)?);
    (records.len() <= most).then_some(records)
}

/// A `payload_printable`: the payload before it, where its value begins, and what stands from there.
struct Value<'a> {
    payload: &'a [u8],
    begin: usize,
    rest: &'a [u8],
}

/// That whose [`NAME`] is at this place. Quotes within strings are escaped, so no value looks like this.
fn value_at(records: &[u8], at: usize) -> Option<Value<'_>> {
    let before = records.get(..at)?;
    let quote = memrchr(b'"', before)?;
    let begin = at + NAME.len();
    before.get(..=quote)?.ends_with(PAYLOAD).then_some(Value {
        payload: before.get(quote + 1..)?,
        begin,
        rest: records.get(begin..)?,
    })
}

/// Appends the JSON string of a payload in base64. `None`, and nothing: it is none.
fn write_printable(payload: &[u8], text: &mut Vec<u8>) -> Option<()> {
    let bytes = STANDARD.decode(payload).ok()?;
    text.push(b'"');
    for byte in Printable(&bytes).to_string().into_bytes() {
        match byte {
            b'"' | b'\\' => text.extend([b'\\', byte]),
            b'\r' => text.extend(br"\r"),
            b'\n' => text.extend(br"\n"),
            _ => text.push(byte),
        }
    }
    text.push(b'"');
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Base64;

    fn record(payload: &[u8]) -> String {
        let value = serde_json::to_string(&Printable(payload)).expect("it is a string");
        let payload = serde_json::to_string(&Base64(payload)).expect("it is a string");
        format!("{{\"payload\":{payload},\"payload_printable\":{value},\"stream\":0}}\n")
    }

    #[test]
    fn what_is_said_twice_is_left_out() {
        let records = record(b"GET /\r\n\0\"\\\xff\x7f") + &record(b"") + "{\"a\":1}\n";
        let short = shorten(records.as_bytes()).expect("nothing is in its way");
        assert!(!short.windows(5).any(|part| part == b"GET /"));
        let short_text = String::from_utf8_lossy(&short);
        assert_eq!(short_text.matches(":null").count(), 2, "{short_text}");
        let whole = expand(&short, records.len()).expect("it fits");
        assert_eq!(String::from_utf8_lossy(&whole), records);
        assert_eq!(expand(&short, records.len() - 1), None);
    }

    #[test]
    fn what_says_something_else_stays() {
        let rows = [
            r#"{"payload":"QUI=","payload_printable":"AC"}"#,
            r#"{"payload":"QUI=","payload_printable":"A"#,
            r#"{"payload":"QUI","payload_printable":"AB"}"#,
            r#"{"payload":"QUI=","payload_printable":"\u0041B"}"#,
            r#"{"payload":"QUI=","packet":"QUI=","payload_printable":"AB"}"#,
            r#"{"payload_printable":"AB"}"#,
            r#"","payload_printable":"#,
            "",
        ];
        for row in rows {
            let short = shorten(row.as_bytes()).expect(row);
            assert_eq!(short, row.as_bytes());
            assert_eq!(expand(&short, row.len()).as_deref(), Some(row.as_bytes()));
        }
        let null = r#"{"payload":"QUI=","payload_printable":null}"#;
        assert_eq!(shorten(null.as_bytes()), None);
        let broken = r#"{"payload":"QU","payload_printable":null}"#;
        assert_eq!(
            expand(broken.as_bytes(), 100).as_deref(),
            Some(broken.as_bytes())
        );
    }
}
