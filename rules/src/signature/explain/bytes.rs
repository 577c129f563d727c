//! Conditions on bytes in plain words.

use super::super::{
    Asn1, Base, BufferCondition, ByteExtract, ByteJump, ByteMath, ByteTest, CaptureKind,
    Comparison, Content, Dataset, DatasetOperation, Endian, EntropyMatch, FastPattern, IntMatch,
    JumpFrom, MathOperator, Number, Pcre, Reading, Signature,
};
use super::Language;

/// Bytes as a rule writes them.
pub fn literal(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    let mut hex = false;
    for &byte in bytes {
        let plain = (byte.is_ascii_graphic() || byte == b' ') && !b"\";|\\:".contains(&byte);
        if plain == hex {
            text.push('|');
            hex = !hex;
        } else if hex {
            text.push(' ');
        }
        if plain {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("{byte:02X}"));
        }
    }
    if hex {
        text.push('|');
    }
    text.push('"');
    text
}

/// A condition on the bytes of a buffer.
pub fn explain_bytes(
    condition: &BufferCondition,
    signature: &Signature,
    language: Language,
) -> String {
    let words = Words {
        signature,
        language,
    };
    match condition {
        BufferCondition::Content(one) => words.content(one),
        BufferCondition::Pcre(pcre) => words.pcre(pcre),
        BufferCondition::Size(wanted) | BufferCondition::UriSize(wanted) => {
            format!(
                "{} {}",
                words.pick("độ dài", "its length is"),
                size(wanted, language)
            )
        }
        BufferCondition::IsDataAt(at) => {
            let count = words.number(at.count);
            match (at.relative, at.negated, language) {
                (true, false, Language::Vietnamese) => {
                    format!("sau mẫu trước còn ít nhất {count} byte")
                }
                (true, true, Language::Vietnamese) => {
                    format!("sau mẫu trước còn ít hơn {count} byte")
                }
                (false, false, Language::Vietnamese) => format!("dài hơn {count} byte"),
                (false, true, Language::Vietnamese) => format!("không dài hơn {count} byte"),
                (true, false, Language::English) => {
                    format!("at least {} follow the last match", plural(&count))
                }
                (true, true, Language::English) => {
                    format!("fewer than {count} bytes follow the last match")
                }
                (false, false, Language::English) => format!("it is longer than {count} bytes"),
                (false, true, Language::English) => format!("it is not longer than {count} bytes"),
            }
        }
        BufferCondition::Absent { or_else } => words.say(
            *or_else,
            (
                "không có mặt, hoặc có mặt và các điều kiện sau đúng",
                "it is not there, or what follows holds",
            ),
            ("không có mặt", "it is not there"),
        ),
        BufferCondition::Dataset(set) => words.dataset(set),
        BufferCondition::Base64Decode(decode) => {
            let most = decode.bytes.map_or_else(String::new, |bytes| {
                format!(", {} {bytes} byte", words.pick("nhiều nhất", "at most"))
            });
            let from = match (decode.offset, decode.relative) {
                (0, false) => String::new(),
                (offset, false) => format!(" {} {offset}", words.pick("từ byte", "from byte")),
                (offset, true) => format!(
                    " {} {offset} {}",
                    words.pick("từ", "from"),
                    words.pick("byte sau mẫu trước", "bytes behind the last match")
                ),
            };
            format!(
                "{}{from}{most}",
                words.pick("giải mã được base64", "base64 can be decoded")
            )
        }
        BufferCondition::Base64Data(inner) => {
            let inner: Vec<String> = inner
                .iter()
                .map(|one| explain_bytes(one, signature, language))
                .collect();
            format!(
                "{}: {}",
                words.pick("trong dữ liệu đã giải mã", "in what was decoded"),
                inner.join("; ")
            )
        }
        BufferCondition::ByteTest(test) => words.byte_test(test),
        BufferCondition::ByteJump(jump) => words.byte_jump(jump),
        BufferCondition::ByteExtract(extract) => words.byte_extract(extract),
        BufferCondition::ByteMath(math) => words.byte_math(math),
        BufferCondition::Entropy {
            bytes,
            offset,
            wanted,
        } => {
            let most = bytes.map_or_else(String::new, |bytes| format!(", {bytes} byte"));
            let from = if *offset > 0 {
                format!(" {} {offset}", words.pick("từ byte", "from byte"))
            } else {
                String::new()
            };
            format!(
                "{}{from}{most} {}",
                words.pick("entropy (bit mỗi byte)", "its entropy (bits a byte)"),
                entropy(wanted)
            )
        }
        BufferCondition::Asn1(asn1) => words.asn1(asn1),
    }
}

/// A comparison of a number.
pub(super) fn size(size: &IntMatch, language: Language) -> String {
    let between = |low: &dyn std::fmt::Display, high: &dyn std::fmt::Display| {
        format!(
            "{} {low} {} {high}",
            language.pick("từ", "from"),
            language.pick("đến", "to")
        )
    };
    match *size {
        IntMatch::Equal(n) => match language {
            Language::Vietnamese => format!("bằng {n}"),
            Language::English => n.to_string(),
        },
        IntMatch::NotEqual(n) => format!("{} {n}", language.pick("khác", "not")),
        IntMatch::Less(n) => format!("{} {n}", language.pick("nhỏ hơn", "less than")),
        IntMatch::LessEqual(n) => format!("{} {n}", language.pick("nhiều nhất", "at most")),
        IntMatch::Greater(n) => format!("{} {n}", language.pick("lớn hơn", "more than")),
        IntMatch::GreaterEqual(n) => format!("{} {n}", language.pick("ít nhất", "at least")),
        IntMatch::Between(low, high) => match (low.checked_add(1), high.checked_sub(1)) {
            (Some(low), Some(high)) if low <= high => between(&low, &high),
            _ => language.say("không số nào cả", "no number at all"),
        },
        IntMatch::Inclusive(low, high) => between(&low, &high),
        IntMatch::NotInclusive(low, high) => format!(
            "{} {}",
            language.pick("không nằm trong khoảng", "not"),
            between(&low, &high)
        ),
        IntMatch::Mask {
            mask,
            value,
            negated,
        } => {
            let how = if negated {
                language.pick("khác", "is not")
            } else {
                language.pick("bằng", "is")
            };
            format!(
                "{} {mask:#x} {how} {value:#x}",
                language.pick("sau khi lọc bit", "which, masked with")
            )
        }
    }
}

pub(super) fn compare(comparison: Comparison, language: Language) -> &'static str {
    match comparison {
        Comparison::Equal => language.pick("bằng", "equal to"),
        Comparison::NotEqual => language.pick("khác", "not"),
        Comparison::Less => language.pick("nhỏ hơn", "less than"),
        Comparison::LessEqual => language.pick("nhiều nhất", "at most"),
        Comparison::Greater => language.pick("lớn hơn", "more than"),
        Comparison::GreaterEqual => language.pick("ít nhất", "at least"),
        Comparison::AnyBit => language.pick("có chung bit với", "not 0 when masked with"),
        Comparison::NoBit => language.pick("không có chung bit với", "0 when masked with"),
    }
}

fn entropy(wanted: &EntropyMatch) -> String {
    let sign = |comparison: Comparison| match comparison {
        Comparison::Equal | Comparison::AnyBit | Comparison::NoBit => "=",
        Comparison::NotEqual => "≠",
        Comparison::Less => "<",
        Comparison::LessEqual => "≤",
        Comparison::Greater => ">",
        Comparison::GreaterEqual => "≥",
    };
    match *wanted {
        EntropyMatch::Compare(comparison, value) => format!("{} {value}", sign(comparison)),
        EntropyMatch::Between(low, high) => format!("> {low}, < {high}"),
        EntropyMatch::NotBetween(low, high) => format!("≤ {low} | ≥ {high}"),
    }
}

/// So many bytes.
fn plural(count: &str) -> String {
    if count == "1" {
        "1 byte".to_owned()
    } else {
        format!("{count} bytes")
    }
}

struct Words<'a> {
    signature: &'a Signature,
    language: Language,
}

impl Words<'_> {
    fn pick<'w>(&self, vietnamese: &'w str, english: &'w str) -> &'w str {
        self.language.pick(vietnamese, english)
    }

    fn say(&self, is: bool, yes: (&str, &str), no: (&str, &str)) -> String {
        let (vietnamese, english) = if is { yes } else { no };
        self.language.say(vietnamese, english)
    }

    /// A number, or the name of the variable that holds it.
    fn number(&self, number: Number) -> String {
        match number {
            Number::Literal(value) => value.to_string(),
            Number::Variable(variable) => self.variable(variable),
        }
    }

    fn variable(&self, variable: u8) -> String {
        let name = self.signature.variables.get(usize::from(variable));
        name.map_or_else(|| "?".to_owned(), |name| format!("“{name}”"))
    }

    fn content(&self, content: &Content) -> String {
        let mut text = format!(
            "{} {}",
            self.say(
                content.negated,
                ("không có", "does not hold"),
                ("có", "holds")
            ),
            literal(&content.bytes)
        );
        let mut add = |vietnamese: &str, english: &str| {
            text.push_str(", ");
            text.push_str(self.language.pick(vietnamese, english));
        };
        if content.nocase {
            add("không phân biệt hoa thường", "without regard to case");
        }
        if content.startswith {
            add("ở ngay đầu", "at its start");
        }
        if content.endswith {
            add("ở ngay cuối", "at its end");
        }
        match (
            content.offset.map(|n| self.number(n)),
            content.depth.map(|n| self.number(n)),
        ) {
            (None, None) => {}
            (Some(from), None) => add(
                &format!("từ byte {from} trở đi"),
                &format!("from byte {from} on"),
            ),
            (None, Some(depth)) if depth == content.bytes.len().to_string() => {
                add("ở ngay đầu", "at its start");
            }
            (None, Some(depth)) => add(
                &format!("trong {depth} byte đầu"),
                &format!("within the first {}", plural(&depth)),
            ),
            (Some(from), Some(depth)) => add(
                &format!("trong {depth} byte kể từ byte {from}"),
                &format!("within {} from byte {from}", plural(&depth)),
            ),
        }
        let behind = content
            .distance
            .map(|n| (self.number(n), matches!(n, Number::Literal(n) if n < 0)));
        match (behind, content.within.map(|n| self.number(n))) {
            (None, None) => {}
            (Some((distance, _)), None) if distance == "0" => {
                add("ở sau mẫu trước", "behind the last match")
            }
            (Some((distance, false)), None) => add(
                &format!("sau mẫu trước ít nhất {distance} byte"),
                &format!("at least {} behind the last match", plural(&distance)),
            ),
            (Some((distance, true)), None) => {
                let back = distance.trim_start_matches('-').to_owned();
                add(
                    &format!("từ {back} byte trước chỗ mẫu trước kết thúc"),
                    &format!("from {} before the end of the last match on", plural(&back)),
                );
            }
            (None, Some(within)) => add(
                &format!("trong {within} byte sau mẫu trước"),
                &format!("within {} behind the last match", plural(&within)),
            ),
            (Some((distance, _)), Some(within)) if distance == "0" => add(
                &format!("trong {within} byte sau mẫu trước"),
                &format!("within {} behind the last match", plural(&within)),
            ),
            (Some((distance, _)), Some(within)) => add(
                &format!("trong {within} byte, tính từ {distance} byte sau mẫu trước"),
                &format!(
                    "within {}, counted from {} behind the last match",
                    plural(&within),
                    plural(&distance)
                ),
            ),
        }
        match content.fast_pattern {
            Some(FastPattern::Only) => add("chỉ dùng để tìm nhanh", "only for the fast search"),
            Some(FastPattern::Whole) => add("được chọn để tìm nhanh", "chosen for the fast search"),
            Some(FastPattern::Chop { offset, length }) => add(
                &format!("{length} byte từ byte {offset} được chọn để tìm nhanh"),
                &format!("{length} bytes from byte {offset} chosen for the fast search"),
            ),
            None => {}
        }
        text
    }

    fn pcre(&self, pcre: &Pcre) -> String {
        let mut text = format!(
            "{} /{}/",
            self.say(
                pcre.negated,
                (
                    "không khớp biểu thức chính quy",
                    "does not match the regular expression"
                ),
                ("khớp biểu thức chính quy", "matches the regular expression")
            ),
            pcre.pattern
        );
        if pcre.relative {
            text.push_str(self.pick(", tìm từ sau mẫu trước", ", from behind the last match on"));
        }
        for capture in &pcre.captures {
            let whose = match capture.kind {
                CaptureKind::Packet => self.pick("của gói tin", "of the packet"),
                CaptureKind::Flow => self.pick("của luồng", "of the flow"),
                CaptureKind::Alert => self.pick("trong cảnh báo", "of the alert"),
            };
            text.push_str(&format!(
                ", {} “{}” {whose}",
                self.pick("ghi phần khớp vào biến", "keeps a group as the variable"),
                capture.name
            ));
        }
        text
    }

    fn dataset(&self, set: &Dataset) -> String {
        let name = format!("“{}”", set.name);
        match set.operation {
            DatasetOperation::IsSet => {
                format!("{} {name}", self.pick("có trong tập", "is in the set"))
            }
            DatasetOperation::IsNotSet => format!(
                "{} {name}",
                self.pick("không có trong tập", "is not in the set")
            ),
            DatasetOperation::Set => format!(
                "{} {name}",
                self.pick("được thêm vào tập", "is put into the set")
            ),
            DatasetOperation::Unset => format!(
                "{} {name}",
                self.pick("được bỏ khỏi tập", "is taken out of the set")
            ),
            DatasetOperation::Reputation => {
                let wanted = set
                    .reputation
                    .map_or_else(String::new, |(comparison, value)| {
                        format!(" {} {value}", compare(comparison, self.language))
                    });
                format!(
                    "{} {name}{wanted}",
                    self.pick("có điểm uy tín trong tập", "has a reputation in the set")
                )
            }
        }
    }

    /// `4 bytes as a number, little-endian, at byte 3`.
    fn reads(&self, count: Number, offset: &str, relative: bool, reading: Reading) -> String {
        let count = self.number(count);
        let kind = match reading {
            Reading::Binary(Endian::Big) => String::new(),
            Reading::Binary(Endian::Little) => {
                self.language.say(" (byte thấp trước)", " (little-endian)")
            }
            Reading::Binary(Endian::Dce) => self
                .language
                .say(" (thứ tự byte theo DCE/RPC)", " (byte order of DCE/RPC)"),
            Reading::String(Base::Decimal) => self
                .language
                .say(" (chữ số thập phân)", " (decimal digits)"),
            Reading::String(Base::Hex) => self
                .language
                .say(" (chữ số thập lục phân)", " (hexadecimal digits)"),
            Reading::String(Base::Octal) => {
                self.language.say(" (chữ số bát phân)", " (octal digits)")
            }
        };
        let back = offset.strip_prefix('-');
        match (self.language, relative) {
            (Language::Vietnamese, false) => format!("số {count} byte{kind} tại byte {offset}"),
            (Language::Vietnamese, true) => match (offset, back) {
                ("0", _) => format!("số {count} byte{kind} ngay sau mẫu trước"),
                (_, Some(back)) => {
                    format!("số {count} byte{kind} tại {back} byte trước chỗ mẫu trước kết thúc")
                }
                _ => format!("số {count} byte{kind} tại {offset} byte sau mẫu trước"),
            },
            (Language::English, false) => {
                format!("the number of {}{kind} at byte {offset}", plural(&count))
            }
            (Language::English, true) => {
                let number = format!("the number of {}{kind}", plural(&count));
                match (offset, back) {
                    ("0", _) => format!("{number} right behind the last match"),
                    (_, Some(back)) => {
                        format!("{number} {} before the end of the last match", plural(back))
                    }
                    _ => format!("{number} {} behind the last match", plural(offset)),
                }
            }
        }
    }

    fn masked(&self, mask: Option<u32>) -> String {
        mask.map_or_else(String::new, |mask| {
            format!(", {} {mask:#x}", self.pick("lọc bit", "masked with"))
        })
    }

    fn byte_test(&self, test: &ByteTest) -> String {
        let read = self.reads(
            test.count,
            &self.number(test.offset),
            test.relative,
            test.reading,
        );
        let how = match (self.language, test.negated) {
            (_, false) if self.language == Language::Vietnamese => "",
            (Language::Vietnamese, _) => "không ",
            (Language::English, false) => "is ",
            (Language::English, true) => "is not ",
        };
        format!(
            "{read}{} {how}{} {}",
            self.masked(test.bitmask),
            compare(test.comparison, self.language),
            self.number(test.value)
        )
    }

    fn byte_jump(&self, jump: &ByteJump) -> String {
        let read = self.reads(
            jump.count,
            &self.number(jump.offset),
            jump.relative,
            jump.reading,
        );
        let times = if jump.multiplier > 1 {
            format!(" × {}", jump.multiplier)
        } else {
            String::new()
        };
        let from = match jump.from {
            JumpFrom::Here => self.pick("từ sau số đó", "from behind it"),
            JumpFrom::Beginning => self.pick("từ đầu", "from the start"),
            JumpFrom::End => self.pick("từ cuối", "from the end"),
        };
        let more = match jump.post_offset {
            Number::Literal(0) => String::new(),
            more => format!(
                ", {} {}",
                self.pick("cộng thêm", "and further by"),
                self.number(more)
            ),
        };
        let align = if jump.align {
            self.pick(
                ", làm tròn lên bội của 4",
                ", rounded up to a multiple of 4",
            )
        } else {
            ""
        };
        let mask = self.masked(jump.bitmask);
        match self.language {
            Language::Vietnamese => {
                format!("{from} nhảy đi một khoảng bằng {read}{mask}{times}{more}{align}")
            }
            Language::English => format!("jumps by {read}{mask}{times} {from}{more}{align}"),
        }
    }

    fn byte_extract(&self, extract: &ByteExtract) -> String {
        let read = self.reads(
            extract.count,
            &extract.offset.to_string(),
            extract.relative,
            extract.reading,
        );
        let times = if extract.multiplier > 1 {
            format!(" × {}", extract.multiplier)
        } else {
            String::new()
        };
        format!(
            "{} {read}{}{times} {} {}",
            self.pick("ghi", "keeps"),
            self.masked(extract.bitmask),
            self.pick("vào biến", "as the variable"),
            self.variable(extract.variable)
        )
    }

    fn byte_math(&self, math: &ByteMath) -> String {
        let read = self.reads(
            math.count,
            &math.offset.to_string(),
            math.relative,
            math.reading,
        );
        let operator = match math.operator {
            MathOperator::Add => "+",
            MathOperator::Subtract => "−",
            MathOperator::Multiply => "×",
            MathOperator::Divide => "÷",
            MathOperator::ShiftLeft => "<<",
            MathOperator::ShiftRight => ">>",
        };
        format!(
            "{} {read} {operator} {}{} {} {}",
            self.pick("ghi", "keeps"),
            self.number(math.operand),
            self.masked(math.bitmask),
            self.pick("vào biến", "as the variable"),
            self.variable(math.variable)
        )
    }

    fn asn1(&self, asn1: &Asn1) -> String {
        let mut odd = Vec::new();
        if let Some(length) = asn1.oversize_length {
            odd.push(format!(
                "{} {length}",
                self.pick("trường dài hơn", "a field longer than")
            ));
        }
        if asn1.bitstring_overflow {
            odd.push(self.language.say(
                "chuỗi bit sai số bit thừa",
                "a bit string with a wrong number of unused bits",
            ));
        }
        if asn1.double_overflow {
            odd.push(
                self.language
                    .say("số thực dài bất thường", "an overlong real number"),
            );
        }
        format!(
            "{}: {}",
            self.pick("mã hoá ASN.1 bất thường", "its ASN.1 is odd"),
            odd.join(", ")
        )
    }
}
