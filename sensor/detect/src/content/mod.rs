//! Conditions on the bytes of one buffer, in rule order, with backtracking.
//!
//! A match moves the *position* (end of the last match); relative conditions count from it. When a
//! later relative condition fails, the search for the earlier one goes on behind its first hit, as the
//! rule language's manual describes (“Payload keywords”: distance, within, isdataat). Work is bounded
//! by [`STEP_LIMIT`] a buffer; a buffer that exhausts it does not match and is counted.

mod compile;
mod expression;
mod number;
mod search;

use base64::Engine as _;
use rules::signature::{
    Asn1, Base64Decode, ByteExtract, ByteJump, ByteMath, ByteTest, Comparison, Dataset, Endian,
    IntMatch, IsDataAt, JumpFrom, MathOperator, Number, Reading,
};

pub(crate) use compile::compile;
pub(crate) use search::Literal;

use crate::dataset::DatasetId;

/// Steps (conditions tried) that one evaluation of one buffer may take.
pub const STEP_LIMIT: u32 = 3_000;
/// Variables that `byte_extract` and `byte_math` may set in one rule.
pub const VARIABLE_LIMIT: usize = 32;
/// Bytes that `base64_decode` decodes at most.
const BASE64_LIMIT: usize = 65_536;

/// A compiled condition. Nearly all are contents: what is larger lies in a box.
pub(crate) enum Check {
    Content(ContentCheck),
    Pcre(Box<PcreCheck>),
    ByteTest(ByteTest),
    ByteJump(ByteJump),
    ByteExtract(ByteExtract),
    ByteMath(ByteMath),
    IsDataAt(IsDataAt),
    Size(IntMatch),
    Base64 {
        decode: Base64Decode,
        then: Vec<Check>,
    },
    Absent {
        or_else: bool,
    },
    Dataset {
        id: DatasetId,
        condition: Box<Dataset>,
    },
    Entropy {
        bytes: Option<u32>,
        offset: u32,
        wanted: rules::signature::EntropyMatch,
        /// Name of the buffer, for the record.
        buffer: &'static str,
    },
    Asn1(Asn1),
}

pub(crate) struct ContentCheck {
    pub literal: Literal,
    pub negated: bool,
    pub offset: Option<Number>,
    pub depth: Option<Number>,
    pub distance: Option<Number>,
    pub within: Option<Number>,
    pub startswith: bool,
    pub endswith: bool,
    /// A later condition counts from where this one ends: other hits are worth trying.
    pub anchors_later: bool,
}

pub(crate) struct PcreCheck {
    pub expression: expression::Expression,
    pub negated: bool,
    pub relative: bool,
    pub captures: Vec<rules::signature::Capture>,
    pub anchors_later: bool,
}

/// What a successful match leaves behind.
#[derive(Debug, Clone, PartialEq)]
pub enum Captured {
    /// A group of a pattern.
    Variable {
        capture: rules::signature::Capture,
        value: Vec<u8>,
    },
    /// Entropy of a buffer.
    Entropy { buffer: &'static str, value: f64 },
    /// What a data set knows of a value, under the name that the rule gives it.
    Context {
        name: String,
        value: sensor_event::Json,
    },
}

/// Looks a value up in a dataset.
pub(crate) trait DatasetLookup {
    fn check(
        &self,
        id: DatasetId,
        condition: &Dataset,
        value: &[u8],
        found: &mut Vec<Captured>,
    ) -> bool;
}

/// The bytes under inspection.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub data: &'a [u8],
    /// Position of `data[0]` in the whole buffer.
    pub base: u64,
    /// The buffer ends with `data`.
    pub complete: bool,
    /// `dce` means that the high byte comes first.
    pub dce_is_big: bool,
}

/// One evaluation of one buffer; a traced one knows how far it came.
pub(crate) struct Evaluation<'a, const TRACED: bool> {
    subject: Subject<'a>,
    datasets: &'a dyn DatasetLookup,
    variables: &'a mut [u64; VARIABLE_LIMIT],
    captured: &'a mut Vec<Captured>,
    steps: u32,
    /// A pattern gave up: its own limit on backtracking stopped it.
    gave_up: bool,
    /// Fewest conditions that were left to try, and the position then.
    deepest: (usize, usize),
}

impl<'a, const TRACED: bool> Evaluation<'a, TRACED> {
    pub fn new(
        subject: Subject<'a>,
        datasets: &'a dyn DatasetLookup,
        variables: &'a mut [u64; VARIABLE_LIMIT],
        captured: &'a mut Vec<Captured>,
    ) -> Self {
        Evaluation {
            subject,
            datasets,
            variables,
            captured,
            steps: STEP_LIMIT,
            gave_up: false,
            deepest: (usize::MAX, 0),
        }
    }

    /// How a number is read here.
    fn reading(&self, reading: Reading) -> Reading {
        match reading {
            Reading::Binary(Endian::Dce) if self.subject.dce_is_big => Reading::Binary(Endian::Big),
            reading => reading,
        }
    }

    /// Whether all conditions hold.
    pub fn matches(&mut self, checks: &[Check]) -> bool {
        self.run(checks, 0)
    }

    /// A limit stopped the evaluation, or a pattern in it: it may have said no for that alone.
    pub fn exhausted(&self) -> bool {
        self.steps == 0 || self.gave_up
    }

    /// Conditions of `checks` that held, and the position behind them.
    pub fn depth(&self, checks: &[Check]) -> (usize, usize) {
        let (left, position) = self.deepest;
        (checks.len().saturating_sub(left), position)
    }

    fn run(&mut self, checks: &[Check], position: usize) -> bool {
        if TRACED && checks.len() < self.deepest.0 {
            self.deepest = (checks.len(), position);
        }
        let Some((check, rest)) = checks.split_first() else {
            return true;
        };
        let Some(steps) = self.steps.checked_sub(1) else {
            return false;
        };
        self.steps = steps;
        let data = self.subject.data;
        match check {
            Check::Content(content) => self.content(content, rest, position),
            Check::Pcre(pcre) => self.pcre(pcre, rest, position),
            Check::ByteTest(test) => self.byte_test(test, position) && self.run(rest, position),
            Check::ByteJump(jump) => match self.byte_jump(jump, position) {
                Some(landed) => self.run(rest, landed),
                None => false,
            },
            Check::ByteExtract(extract) => match self.byte_extract(extract, position) {
                Some(behind) => self.run(rest, behind),
                None => false,
            },
            Check::ByteMath(math) => match self.byte_math(math, position) {
                Some(behind) => self.run(rest, behind),
                None => false,
            },
            Check::IsDataAt(at) => {
                let count = self.number(at.count);
                let length = data.len() as i64;
                let there = if at.relative {
                    position as i64 + count <= length
                } else {
                    count < length
                };
                there != at.negated && self.run(rest, position)
            }
            Check::Size(size) => {
                let length = self.subject.base + data.len() as u64;
                (self.subject.complete
                    || matches!(size, IntMatch::Greater(_) | IntMatch::GreaterEqual(_)))
                    && size.matches(length)
                    && self.run(rest, position)
            }
            Check::Base64 { decode, then } => {
                let Some(decoded) = base64_decode(decode, data, position) else {
                    return false;
                };
                let inner = Subject {
                    data: &decoded,
                    base: 0,
                    complete: true,
                    dce_is_big: self.subject.dce_is_big,
                };
                let mut inner_evaluation = Evaluation::<false> {
                    subject: inner,
                    datasets: self.datasets,
                    variables: self.variables,
                    captured: self.captured,
                    steps: self.steps,
                    gave_up: false,
                    deepest: (usize::MAX, 0),
                };
                let matched = inner_evaluation.run(then, 0);
                let (steps, gave_up) = (inner_evaluation.steps, inner_evaluation.gave_up);
                self.steps = steps;
                self.gave_up |= gave_up;
                matched && self.run(rest, position)
            }
            // The buffer is there, or this would not run: only `or_else` lets the rest decide.
            Check::Absent { or_else } => *or_else && self.run(rest, position),
            Check::Dataset { id, condition } => {
                self.datasets.check(*id, condition, data, self.captured) && self.run(rest, position)
            }
            Check::Entropy {
                bytes,
                offset,
                wanted,
                buffer,
            } => {
                let from = (*offset as usize).min(data.len());
                let to = bytes.map_or(data.len(), |bytes| (from + bytes as usize).min(data.len()));
                let value = entropy(&data[from..to]);
                self.captured.push(Captured::Entropy { buffer, value });
                wanted.matches(value) && self.run(rest, position)
            }
            Check::Asn1(asn1) => {
                number::asn1_is_odd(asn1, data, position) && self.run(rest, position)
            }
        }
    }

    fn content(&mut self, content: &ContentCheck, rest: &[Check], position: usize) -> bool {
        let data = self.subject.data;
        let range = self.content_range(content, position);
        if content.negated {
            // Of the beginning of a buffer a later part of it tells nothing.
            if self.is_behind(content) {
                return false;
            }
            let found =
                range.is_some_and(|(start, end)| self.find(content, data, start, end).is_some());
            return !found && self.run(rest, position);
        }
        let Some((mut start, end)) = range else {
            return false;
        };
        while let Some(at) = self.find(content, data, start, end) {
            if self.run(rest, at + content.literal.len()) {
                return true;
            }
            if !content.anchors_later || self.steps == 0 {
                return false;
            }
            start = at + 1;
        }
        false
    }

    /// First hit at or behind `start` that ends within `end`.
    fn find(&self, content: &ContentCheck, data: &[u8], start: usize, end: usize) -> Option<usize> {
        if content.endswith {
            let at = data.len().checked_sub(content.literal.len())?;
            let fits = self.subject.complete && end == data.len() && at >= start;
            return (fits && content.literal.is_at(data, at)).then_some(at);
        }
        content
            .literal
            .find(data.get(start..end)?)
            .map(|at| start + at)
    }

    /// The data lie wholly behind the place to which the content is bound.
    fn is_behind(&self, content: &ContentCheck) -> bool {
        let Some(base) = i64::try_from(self.subject.base)
            .ok()
            .filter(|base| *base > 0)
        else {
            return false;
        };
        let depth = if content.startswith {
            content.literal.len() as i64
        } else if let Some(depth) = content.depth {
            self.number(depth)
        } else {
            return false;
        };
        let offset = content.offset.map_or(0, |offset| self.number(offset));
        content.distance.is_none()
            && content.within.is_none()
            && offset.saturating_add(depth) <= base
    }

    /// Where the content may lie: byte range of the data, `None` when nowhere.
    fn content_range(&self, content: &ContentCheck, position: usize) -> Option<(usize, usize)> {
        let length = self.subject.data.len() as i64;
        let (start, end) = if content.distance.is_some() || content.within.is_some() {
            let start = position as i64 + content.distance.map_or(0, |n| self.number(n));
            let end = content
                .within
                .map_or(length, |n| start.saturating_add(self.number(n)));
            (start, end)
        } else {
            let base = i64::try_from(self.subject.base).unwrap_or(i64::MAX);
            let offset = content.offset.map_or(0, |n| self.number(n));
            let depth = if content.startswith {
                Some(content.literal.len() as i64)
            } else {
                content.depth.map(|n| self.number(n))
            };
            let end = depth.map_or(length, |depth| {
                offset.saturating_add(depth).saturating_sub(base)
            });
            (offset.saturating_sub(base), end)
        };
        let start = start.clamp(0, length);
        let end = end.clamp(0, length);
        (start <= end).then_some((start as usize, end as usize))
    }

    fn pcre(&mut self, pcre: &PcreCheck, rest: &[Check], position: usize) -> bool {
        let data = self.subject.data;
        let Some(regex) = pcre.expression.regex() else {
            self.gave_up = true;
            return false;
        };
        let mut start = if pcre.relative {
            position.min(data.len())
        } else {
            0
        };
        // A relative pattern sees what follows the last match as its whole subject: `^` is its start.
        let window = if pcre.relative { &data[start..] } else { data };
        let shift = start;
        if pcre.relative {
            start = 0;
        }
        if pcre.negated {
            let found = regex.is_match(window);
            self.gave_up |= found.is_err();
            return !found.unwrap_or(false) && self.run(rest, position);
        }
        loop {
            let mut locations = regex.capture_locations();
            let found = match regex.captures_read_at(&mut locations, window, start) {
                Ok(Some(found)) => found,
                Ok(None) => return false,
                Err(_) => {
                    self.gave_up = true;
                    return false;
                }
            };
            let (from, to) = (found.start(), found.end());
            let mark = self.captured.len();
            for (group, capture) in pcre.captures.iter().enumerate() {
                if let Some((first, last)) = locations.get(group + 1) {
                    self.captured.push(Captured::Variable {
                        capture: capture.clone(),
                        value: window[first..last].to_vec(),
                    });
                }
            }
            if self.run(rest, shift + to) {
                return true;
            }
            self.captured.truncate(mark);
            if !pcre.anchors_later || self.steps == 0 || from >= window.len() {
                return false;
            }
            start = from + 1;
        }
    }

    fn byte_test(&self, test: &ByteTest, position: usize) -> bool {
        let at = self.number(test.offset) + if test.relative { position as i64 } else { 0 };
        let Some(mut value) = number::read(
            self.subject.data,
            at,
            self.number(test.count),
            self.reading(test.reading),
        ) else {
            return false;
        };
        if let Some(mask) = test.bitmask {
            value = number::masked(value, mask);
        }
        let wanted = self.number(test.value) as u64;
        let holds = match test.comparison {
            Comparison::Equal => value == wanted,
            Comparison::NotEqual => value != wanted,
            Comparison::Less => value < wanted,
            Comparison::LessEqual => value <= wanted,
            Comparison::Greater => value > wanted,
            Comparison::GreaterEqual => value >= wanted,
            Comparison::AnyBit => value & wanted != 0,
            Comparison::NoBit => value & wanted == 0,
        };
        holds != test.negated
    }

    fn byte_jump(&self, jump: &ByteJump, position: usize) -> Option<usize> {
        let data = self.subject.data;
        let at = self.number(jump.offset) + if jump.relative { position as i64 } else { 0 };
        let count = self.number(jump.count);
        let mut value = match jump.reading {
            // Nothing read is a jump by nothing; a text of no digits is no number.
            Reading::Binary(_) if count == 0 => 0,
            reading => number::read(data, at, count, self.reading(reading))?,
        };
        if let Some(mask) = jump.bitmask {
            value = number::masked(value, mask);
        }
        let mut distance = i64::try_from(value)
            .ok()?
            .checked_mul(i64::from(jump.multiplier.max(1)))?;
        if jump.align {
            distance = distance.checked_add(3)? & !3;
        }
        distance = distance.checked_add(self.number(jump.post_offset))?;
        let from = match jump.from {
            JumpFrom::Here => at + number::width(data, at, count, jump.reading),
            JumpFrom::Beginning => 0,
            JumpFrom::End => data.len() as i64,
        };
        // A jump to before the buffer lands at its start.
        let landed = usize::try_from(from.checked_add(distance)?).unwrap_or(0);
        (landed <= data.len()).then_some(landed)
    }

    /// Keeps a number; the place behind it.
    fn byte_extract(&mut self, extract: &ByteExtract, position: usize) -> Option<usize> {
        let at = i64::from(extract.offset) + if extract.relative { position as i64 } else { 0 };
        let count = self.number(extract.count);
        let mut value = number::read(self.subject.data, at, count, self.reading(extract.reading))?;
        if let Some(mask) = extract.bitmask {
            value = number::masked(value, mask);
        }
        value = value.wrapping_mul(u64::from(extract.multiplier.max(1)));
        if let Some(align) = extract.align.filter(|&align| align > 1) {
            value = value.next_multiple_of(u64::from(align));
        }
        self.set(extract.variable, value)?;
        let behind = at + number::width(self.subject.data, at, count, extract.reading);
        usize::try_from(behind).ok()
    }

    /// Keeps the result of an operation; the place behind its number.
    fn byte_math(&mut self, math: &ByteMath, position: usize) -> Option<usize> {
        let at = i64::from(math.offset) + if math.relative { position as i64 } else { 0 };
        let count = self.number(math.count);
        let value = number::read(self.subject.data, at, count, self.reading(math.reading))?;
        let operand = self.number(math.operand) as u64;
        let result = match math.operator {
            MathOperator::Add => value.wrapping_add(operand),
            MathOperator::Subtract => value.wrapping_sub(operand),
            MathOperator::Multiply => value.wrapping_mul(operand),
            MathOperator::Divide => value.checked_div(operand)?,
            MathOperator::ShiftLeft => u32::try_from(operand)
                .ok()
                .and_then(|n| value.checked_shl(n))
                .unwrap_or(0),
            MathOperator::ShiftRight => u32::try_from(operand)
                .ok()
                .and_then(|n| value.checked_shr(n))
                .unwrap_or(0),
        };
        let result = math
            .bitmask
            .map_or(result, |mask| number::masked(result, mask));
        self.set(math.variable, result)?;
        let behind = at + number::width(self.subject.data, at, count, math.reading);
        usize::try_from(behind).ok()
    }

    fn set(&mut self, variable: u8, value: u64) -> Option<()> {
        *self.variables.get_mut(usize::from(variable))? = value;
        Some(())
    }

    fn number(&self, number: Number) -> i64 {
        match number {
            Number::Literal(value) => value,
            Number::Variable(variable) => self
                .variables
                .get(usize::from(variable))
                .map_or(0, |&value| value as i64),
        }
    }
}

/// Decodes as far as the text is base64; `None` when nothing is.
fn base64_decode(decode: &Base64Decode, data: &[u8], position: usize) -> Option<Vec<u8>> {
    let start = decode.offset as usize + if decode.relative { position } else { 0 };
    let input = data.get(start..)?;
    let limit = decode
        .bytes
        .map_or(BASE64_LIMIT, |bytes| (bytes as usize).min(BASE64_LIMIT));
    let text: Vec<u8> = input
        .iter()
        .take(limit)
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        .collect();
    let whole = match text.len() % 4 {
        1 => text.len() - 1,
        _ => text.len(),
    };
    let engine = base64::engine::general_purpose::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
    );
    engine
        .decode(&text[..whole])
        .ok()
        .filter(|decoded| !decoded.is_empty())
}

/// Shannon entropy in bits a byte.
fn entropy(data: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for &byte in data {
        counts[usize::from(byte)] += 1;
    }
    let total = data.len() as f64;
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| f64::from(count) / total)
        .map(|p| -p * p.log2())
        .sum()
}
