//! Rule conditions → checks with their searchers built.

use rules::signature::{BufferCondition, Content, Pcre};

use super::expression::Expression;
use super::{Check, ContentCheck, Literal, PcreCheck};
use crate::dataset::DatasetTable;

/// Why a condition cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    #[error("dataset: {0}")]
    Dataset(#[from] crate::dataset::DatasetError),
}

pub(crate) fn compile(
    conditions: &[BufferCondition],
    buffer: &'static str,
    datasets: &mut DatasetTable,
) -> Result<Vec<Check>, CompileError> {
    let mut checks = Vec::with_capacity(conditions.len());
    let mut iter = conditions.iter().enumerate().peekable();
    while let Some((index, condition)) = iter.next() {
        let later = &conditions[index + 1..];
        checks.push(match condition {
            BufferCondition::Content(content) => Check::Content(content_check(content, later)),
            BufferCondition::Pcre(pcre) => Check::Pcre(Box::new(pcre_check(pcre, later))),
            BufferCondition::ByteTest(test) => Check::ByteTest(test.clone()),
            BufferCondition::ByteJump(jump) => Check::ByteJump(jump.clone()),
            BufferCondition::ByteExtract(extract) => Check::ByteExtract(extract.clone()),
            BufferCondition::ByteMath(math) => Check::ByteMath(math.clone()),
            BufferCondition::IsDataAt(at) => Check::IsDataAt(at.clone()),
            BufferCondition::Size(size) | BufferCondition::UriSize(size) => Check::Size(*size),
            BufferCondition::Base64Decode(decode) => {
                let then = match iter.peek() {
                    Some((_, BufferCondition::Base64Data(then))) => {
                        compile(then, buffer, datasets)?
                    }
                    _ => Vec::new(),
                };
                if !then.is_empty() {
                    iter.next();
                }
                Check::Base64 {
                    decode: decode.clone(),
                    then,
                }
            }
            // Without a base64_decode before it there is nothing decoded to look at.
            BufferCondition::Base64Data(_) => Check::Absent { or_else: false },
            BufferCondition::Absent { or_else } => Check::Absent { or_else: *or_else },
            BufferCondition::Dataset(dataset) => Check::Dataset {
                id: datasets.open(dataset)?,
                condition: Box::new(dataset.clone()),
            },
            BufferCondition::Entropy {
                bytes,
                offset,
                wanted,
            } => Check::Entropy {
                bytes: *bytes,
                offset: *offset,
                wanted: *wanted,
                buffer,
            },
            BufferCondition::Asn1(asn1) => Check::Asn1(asn1.clone()),
        });
    }
    Ok(checks)
}

fn content_check(content: &Content, later: &[BufferCondition]) -> ContentCheck {
    ContentCheck {
        literal: Literal::new(&content.bytes, content.nocase),
        negated: content.negated,
        offset: content.offset,
        depth: content.depth,
        distance: content.distance,
        within: content.within,
        startswith: content.startswith,
        endswith: content.endswith,
        anchors_later: counts_from_here(later),
    }
}

fn pcre_check(pcre: &Pcre, later: &[BufferCondition]) -> PcreCheck {
    PcreCheck {
        expression: Expression::new(&pcre.pattern),
        negated: pcre.negated,
        relative: pcre.relative,
        captures: pcre.captures.clone(),
        anchors_later: counts_from_here(later),
    }
}

/// Whether a later condition counts from the position that the present one sets.
fn counts_from_here(later: &[BufferCondition]) -> bool {
    for condition in later {
        let (relative, moves) = match condition {
            BufferCondition::Content(content) => (
                content.distance.is_some() || content.within.is_some(),
                !content.negated,
            ),
            BufferCondition::Pcre(pcre) => (pcre.relative, !pcre.negated),
            BufferCondition::ByteTest(test) => (test.relative, false),
            BufferCondition::ByteJump(jump) => (jump.relative, true),
            BufferCondition::ByteExtract(extract) => (extract.relative, true),
            BufferCondition::ByteMath(math) => (math.relative, true),
            BufferCondition::IsDataAt(at) => (at.relative, false),
            BufferCondition::Base64Decode(decode) => (decode.relative, false),
            BufferCondition::Asn1(asn1) => (asn1.relative_offset.is_some(), false),
            _ => (false, false),
        };
        if relative {
            return true;
        }
        if moves {
            return false;
        }
    }
    false
}
