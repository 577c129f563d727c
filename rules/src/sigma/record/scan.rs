//! JSON text → the values that a plan wants, in one pass.

use crate::sigma::limits;
use crate::sigma::number::{Number, Scalar};

use super::plan::{Plan, ROOT, Slot};
use super::{Kind, Record, RecordError, Span, Stored};

impl Record {
    /// Takes the values that a plan wants from an event in JSON; what is derived of them, [`Record::derive`] adds.
    pub(in crate::sigma) fn read(&mut self, plan: &Plan, json: &str) -> Result<(), RecordError> {
        if json.len() > (u32::MAX / 4) as usize {
            return Err(RecordError::Length);
        }
        self.clear(plan.slots());
        let mut scanner = Scanner {
            json,
            bytes: json.as_bytes(),
            at: 0,
            plan,
            under: std::mem::take(&mut self.under),
            record: self,
        };
        scanner.under.clear();
        let read = scanner.event();
        let under = std::mem::take(&mut scanner.under);
        self.under = under;
        read
    }
}

struct Scanner<'a> {
    json: &'a str,
    bytes: &'a [u8],
    at: usize,
    plan: &'a Plan,
    record: &'a mut Record,
    /// Slots that take every value here.
    under: Vec<Slot>,
}

impl<'a> Scanner<'a> {
    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    fn event(&mut self) -> Result<(), RecordError> {
        self.space();
        self.value(Some(ROOT), 0, 0)?;
        self.space();
        if self.at < self.bytes.len() {
            return self.fail();
        }
        Ok(())
    }

    fn fail<T>(&self) -> Result<T, RecordError> {
        Err(RecordError::Syntax(self.at))
    }

    fn expect(&mut self, byte: u8) -> Result<(), RecordError> {
        if self.bytes.get(self.at) == Some(&byte) {
            self.at += 1;
            Ok(())
        } else {
            self.fail()
        }
    }

    /// A value at a node of the plan, `levels` keys down.
    fn value(&mut self, node: Option<u32>, levels: u16, depth: usize) -> Result<(), RecordError> {
        if depth > limits::EVENT_DEPTH {
            return Err(RecordError::Depth);
        }
        let found = node.and_then(|node| self.plan.nodes.get(node as usize));
        let slot = found.and_then(|node| node.slot);
        let wanted = slot.is_some() || !self.under.is_empty();
        match self.bytes.get(self.at) {
            Some(b'{') => {
                if let Some(slot) = slot {
                    self.container(Kind::Object, slot, levels);
                }
                if found.is_none_or(|node| node.depth == 0) && self.under.is_empty() {
                    return self.skip(depth);
                }
                self.object(node, levels, depth)
            }
            Some(b'[') => {
                if let Some(slot) = slot {
                    self.container(Kind::List, slot, levels);
                }
                if found.is_none() && self.under.is_empty() {
                    return self.skip(depth);
                }
                self.at += 1;
                self.space();
                if self.bytes.get(self.at) == Some(&b']') {
                    self.at += 1;
                    return Ok(());
                }
                loop {
                    self.space();
                    self.value(node, levels, depth + 1)?;
                    self.space();
                    match self.bytes.get(self.at) {
                        Some(b',') => self.at += 1,
                        Some(b']') => {
                            self.at += 1;
                            return Ok(());
                        }
                        _ => return self.fail(),
                    }
                }
            }
            Some(b'"') => {
                let text = self.string()?;
                if wanted {
                    let stored = match text {
                        Some(text) => self.record.store(Kind::Text, text),
                        None => {
                            let own = std::mem::take(&mut self.record.unescaped);
                            let stored = self.record.store(Kind::Text, &own);
                            self.record.unescaped = own;
                            stored
                        }
                    };
                    self.put(slot, stored, levels);
                }
                Ok(())
            }
            Some(b't') => self.word("true", Kind::Bool, slot, wanted, levels),
            Some(b'f') => self.word("false", Kind::Bool, slot, wanted, levels),
            Some(b'n') => self.word("null", Kind::Null, slot, wanted, levels),
            Some(b'-' | b'0'..=b'9') => {
                let start = self.at;
                while matches!(
                    self.bytes.get(self.at),
                    Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
                ) {
                    self.at += 1;
                }
                if wanted {
                    let text = self.json.get(start..self.at).unwrap_or_default();
                    let stored = self.number(text);
                    self.put(slot, stored, levels);
                }
                Ok(())
            }
            _ => self.fail(),
        }
    }

    /// Numbers that are not written in the plainest way are kept so beside.
    fn number(&mut self, text: &str) -> Stored {
        let mut stored = self.record.store(Kind::Number, text);
        if text.contains(['.', 'e', 'E', '+'])
            && let Some(number) = Scalar::parse(text)
        {
            let number = Number::from(number);
            let start = self.record.text.len();
            self.record.text.push_str(number.text());
            stored.folded = Span {
                start: start as u32,
                end: self.record.text.len() as u32,
            };
        }
        stored
    }

    fn word(
        &mut self,
        word: &str,
        kind: Kind,
        slot: Option<Slot>,
        wanted: bool,
        levels: u16,
    ) -> Result<(), RecordError> {
        let end = self.at + word.len();
        if self.bytes.get(self.at..end) != Some(word.as_bytes()) {
            return self.fail();
        }
        self.at = end;
        if wanted {
            let text = if kind == Kind::Null { "" } else { word };
            let stored = self.record.store(kind, text);
            self.put(slot, stored, levels);
        }
        Ok(())
    }

    fn container(&mut self, kind: Kind, slot: Slot, levels: u16) {
        let stored = self.record.store(kind, "");
        self.record.push(slot, stored, levels);
    }

    fn put(&mut self, slot: Option<Slot>, stored: Stored, levels: u16) {
        if let Some(slot) = slot {
            self.record.push(slot, stored, levels);
        }
        if stored.kind != Kind::Null {
            for slot in &self.under {
                self.record.push(*slot, stored, 0);
            }
        }
    }

    fn object(&mut self, node: Option<u32>, levels: u16, depth: usize) -> Result<(), RecordError> {
        let before = self.under.len();
        if let Some(found) = node.and_then(|node| self.plan.nodes.get(node as usize)) {
            for slot in &found.under {
                if !self.under.contains(slot) {
                    self.under.push(*slot);
                }
            }
        }
        self.at += 1;
        self.space();
        if self.bytes.get(self.at) == Some(&b'}') {
            self.at += 1;
            self.under.truncate(before);
            return Ok(());
        }
        loop {
            self.space();
            let child = match self.string()? {
                Some(key) => node.and_then(|node| self.plan.child(node, key)),
                None => node.and_then(|node| self.plan.child(node, &self.record.unescaped)),
            };
            self.space();
            self.expect(b':')?;
            self.space();
            let inside = self.under.len();
            // Values that are no objects come here too.
            if let Some(found) = child.and_then(|node| self.plan.nodes.get(node as usize))
                && !matches!(self.bytes.get(self.at), Some(b'{'))
            {
                for slot in &found.under {
                    if !self.under.contains(slot) {
                        self.under.push(*slot);
                    }
                }
            }
            self.value(child, levels + 1, depth + 1)?;
            self.under.truncate(inside);
            self.space();
            match self.bytes.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    self.under.truncate(before);
                    return Ok(());
                }
                _ => return self.fail(),
            }
        }
    }

    /// A string: itself where it stands for itself, otherwise none, with the text in `record.unescaped`.
    fn string(&mut self) -> Result<Option<&'a str>, RecordError> {
        self.expect(b'"')?;
        let start = self.at;
        let Some(end) = special(self.bytes, start) else {
            self.at = self.bytes.len();
            return self.fail();
        };
        self.at = end;
        if self.bytes.get(self.at) == Some(&b'"') {
            let text = self.json.get(start..self.at);
            self.at += 1;
            return match text {
                Some(text) => Ok(Some(text)),
                None => self.fail(),
            };
        }
        self.record.unescaped.clear();
        let mut plain = start;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some(found) = memchr::memchr2(b'"', b'\\', rest) else {
                return self.fail();
            };
            self.at += found;
            let text = self.json.get(plain..self.at).unwrap_or_default();
            self.record.unescaped.push_str(text);
            if self.bytes.get(self.at) == Some(&b'"') {
                self.at += 1;
                return Ok(None);
            }
            self.escape()?;
            plain = self.at;
        }
    }

    fn escape(&mut self) -> Result<(), RecordError> {
        let character = match self.bytes.get(self.at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.unit(self.at + 2)?;
                self.at += 6;
                let code = if (0xd800..0xdc00).contains(&first)
                    && self.bytes.get(self.at..self.at + 2) == Some(b"\\u")
                    && let Ok(second) = self.unit(self.at + 2)
                    && (0xdc00..0xe000).contains(&second)
                {
                    self.at += 6;
                    0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                } else {
                    first
                };
                let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                self.record.unescaped.push(character);
                return Ok(());
            }
            _ => return self.fail(),
        };
        self.record.unescaped.push(character);
        self.at += 2;
        Ok(())
    }

    fn unit(&self, at: usize) -> Result<u32, RecordError> {
        self.json
            .get(at..at + 4)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or(RecordError::Syntax(at))
    }

    /// Passes over an object or a list that nobody reads.
    fn skip(&mut self, depth: usize) -> Result<(), RecordError> {
        let mut open = 0usize;
        loop {
            match self.bytes.get(self.at) {
                Some(b'{' | b'[') => {
                    open += 1;
                    if open + depth > limits::EVENT_DEPTH {
                        return Err(RecordError::Depth);
                    }
                    self.at += 1;
                }
                Some(b'}' | b']') => {
                    self.at += 1;
                    open -= 1;
                    if open == 0 {
                        return Ok(());
                    }
                }
                Some(b'"') => {
                    self.at += 1;
                    loop {
                        let Some(end) = special(self.bytes, self.at) else {
                            return self.fail();
                        };
                        self.at = end + 1;
                        if self.bytes.get(end) == Some(&b'"') {
                            break;
                        }
                        self.at += 1;
                    }
                }
                Some(_) => self.at += 1,
                None => return self.fail(),
            }
        }
    }
}

/// Where the next quotation mark or backslash is. Most texts are shorter than what a wide search costs to begin.
fn special(bytes: &[u8], start: usize) -> Option<usize> {
    const WORDS: usize = 6;
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let mut at = start;
    // Eight bytes at a time: the lowest byte that is met has its highest bit set.
    let met = |word: u64, byte: u8| {
        let apart = word ^ (ONES * u64::from(byte));
        apart.wrapping_sub(ONES) & !apart & (ONES << 7)
    };
    for _ in 0..WORDS {
        let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) else {
            break;
        };
        let word = u64::from_le_bytes(*word);
        let found = met(word, b'"') | met(word, b'\\');
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let found = memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
    Some(at + found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(paths: &[&str], json: &str) -> Vec<Vec<String>> {
        let mut plan = Plan::new();
        let slots: Vec<Slot> = paths.iter().map(|path| plan.path(path)).collect();
        let mut record = Record::default();
        record.read(&plan, json).expect("an event");
        slots
            .iter()
            .map(|slot| {
                record
                    .values(*slot)
                    .map(|value| format!("{:?}:{}", value.kind, value.text))
                    .collect()
            })
            .collect()
    }

    #[test]
    fn paths_lead_through_objects_lists_and_dotted_keys() {
        let rows: &[(&str, &str, &[&str])] = &[
            ("a.b", r#"{"a":{"b":1}}"#, &["Number:1"]),
            ("a.b", r#"{"a":{"b":2},"a.b":1}"#, &["Number:1"]),
            ("a.b", r#"{"a.b":1,"a":{"b":2}}"#, &["Number:1"]),
            ("z.id.h", r#"{"z":{"id.h":"x"}}"#, &["Text:x"]),
            ("a.b.c", r#"{"a.b":{"c":1},"a":{"x":0}}"#, &["Number:1"]),
            (
                "a.b",
                r#"{"a":[{"b":1},{"b":[2,3]}]}"#,
                &["Number:1", "List:", "Number:2", "Number:3"],
            ),
            ("a", r#"{"a":{"b":1}}"#, &["Object:"]),
            ("a", r#"{"b":{"a":1},"c":[{"a":2}]}"#, &[]),
            (
                "a",
                r#"{"a":"x\n\u0111\ud83d\ude00\"\\"}"#,
                &["Text:x\nđ😀\"\\"],
            ),
            ("a", r#"{"a":null}"#, &["Null:"]),
            ("a", r#" { "a" : true , "b" : [ ] } "#, &["Bool:true"]),
            ("a.b.c.d", r#"{"a":{"b":{"c":{"d":9}}}}"#, &["Number:9"]),
            ("a.b.c.d", r#"{"a":{"b.c":{"d":9}}}"#, &["Number:9"]),
            ("a.b.c.d", r#"{"a.b.c.d":9}"#, &["Number:9"]),
            ("đ", r#"{"đ":1}"#, &["Number:1"]),
            ("đ", r#"{"\u0111":1}"#, &["Number:1"]),
        ];
        for (path, json, expected) in rows {
            assert_eq!(&read(&[path], json)[0], expected, "{path} {json}");
        }
        let several = read(&["a", "a.b", "a.b.c", "b"], r#"{"a":{"b":{"c":1}},"b":2}"#);
        assert_eq!(several[2], ["Number:1"]);
        assert_eq!(several[3], ["Number:2"]);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        // What nobody reads is passed over, and not looked at closely.
        let mut plan = Plan::new();
        plan.path("a");
        let mut record = Record::default();
        let deep = "[".repeat(100_000);
        let rows = [
            "",
            "{",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":"#,
            r#"{"a":tru}"#,
            r#"{"a":"\x"}"#,
            "{} x",
            &deep,
        ];
        for json in rows {
            assert!(record.read(&plan, json).is_err(), "{json:.20}");
        }
    }
}
