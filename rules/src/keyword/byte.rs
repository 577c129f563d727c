//! Numbers in the payload: `byte_test`, `byte_jump`, `byte_extract`, `byte_math` (rule manual, “Payload keywords”).

use super::{Keyword, needed, parts};
use crate::signature::{
    Base, BufferCondition, Builder, ByteExtract, ByteJump, ByteMath, ByteTest, Comparison, Endian,
    JumpFrom, MathOperator, Number, Reading, parse_integer,
};

pub(super) const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "byte_test",
        aliases: &[],
        doc: "Compares a number in the buffer: count, operator, value, offset [, relative, big|little|dce, string, hex|dec|oct, bitmask].",
        parse: test,
        accepts: &[
            "byte_test:4,>,1000,20;",
            "byte_test:2,!=,0x10,0,relative,little;",
            "byte_test:5,<,100,0,string,dec;",
            "byte_test:1,!&,0x80,2;",
            "byte_test:8,=,13,0;",
            "byte_test:0,=,0,0,string,dec;",
            "byte_test:4,=,13,0,string;",
        ],
        rejects: &[
            "byte_test:4,>,1000;",
            "byte_test:9,>,1,0;",
            "byte_test:4,?,1,0;",
            "byte_test:4,>,1,0,sideways;",
            "byte_test:25,>,1,0,string,dec;",
            "byte_test:1,==,1,0;",
        ],
    },
    Keyword {
        name: "byte_jump",
        aliases: &[],
        doc: "Moves on by a number in the buffer: count, offset [, relative, multiplier n, align, from_beginning, from_end, post_offset n, …].",
        parse: jump,
        accepts: &[
            "byte_jump:4,12;",
            "byte_jump:2,0,relative,little,post_offset -2;",
            "byte_jump:4,0,multiplier 2,align;",
            "byte_jump:0,0,from_end,post_offset -5;",
        ],
        rejects: &[
            "byte_jump:4;",
            "byte_jump:9,0;",
            "byte_jump:4,0,wrong;",
            "byte_jump:4,65536;",
            "byte_jump:4,0,post_offset 65536;",
            "byte_jump:4,0,align 4;",
            "byte_jump:4,0,bitmask 0xff;",
            "byte_jump:4,0,dce,string;",
        ],
    },
    Keyword {
        name: "byte_extract",
        aliases: &[],
        doc: "Keeps a number of the buffer under a name: count, offset, name [, relative, multiplier n, …].",
        parse: extract,
        accepts: &[
            r#"byte_extract:1,0,length; content:"a"; within:length;"#,
            "byte_extract:4,2,x,relative,little,multiplier 2,align 4;",
        ],
        rejects: &[
            "byte_extract:1,0;",
            "byte_extract:9,0,x;",
            "byte_extract:1,0,12;",
            "byte_extract:1,0,x,align;",
            "byte_extract:1,40000,x;",
            "byte_extract:1,0,x,relative,relative;",
            "byte_extract:15,0,x,string,hex;",
        ],
    },
    Keyword {
        name: "byte_math",
        aliases: &[],
        doc: "Keeps the result of an operation on a number of the buffer: bytes n, offset n, oper o, rvalue v, result name.",
        parse: math,
        accepts: &[
            "byte_math:bytes 4, offset 3, oper +, rvalue 248, result var;",
            "byte_math:bytes 2, offset 0, oper <<, rvalue 2, result v, relative, endian little;",
        ],
        rejects: &[
            "byte_math:bytes 4, offset 3, oper +, rvalue 248;",
            "byte_math:bytes 4, offset 0, oper %, rvalue 1, result x;",
            "byte_math:bytes 4, offset 0, oper /, rvalue 0, result x;",
            "byte_math:bytes 5, offset 0, oper <<, rvalue 1, result x;",
            "byte_math:bytes 4, offset 0, oper +, rvalue 4294967296, result x;",
            "byte_math:bytes 4, offset 0, oper +, rvalue 1, result x, little;",
            "byte_math:bytes 4, offset 0, oper +, rvalue 1, result x, string;",
            "byte_math:bytes 4, offset 0, oper +, rvalue 1, result x, endian dce;",
        ],
    },
];

/// Whether options of a keyword may stand twice.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Repeats {
    #[default]
    Allowed,
    Refused,
}

/// How the number is written, as options say it.
#[derive(Default)]
struct Options {
    /// Words that the keyword takes.
    known: &'static [&'static str],
    repeats: Repeats,

    relative: bool,
    endian: Option<Endian>,
    string: bool,
    base: Option<Base>,
    bitmask: Option<u32>,
    multiplier: u32,
    align: Option<u8>,
    from: Option<JumpFrom>,
    post_offset: Option<i64>,
}

/// Highest offset of the keywords, before and behind.
const OFFSET_LIMIT: i64 = 65_535;

impl Options {
    fn once(&self) -> bool {
        self.repeats == Repeats::Refused
    }

    /// Takes one option; false when it is none of them.
    fn take(&mut self, option: &str) -> Result<bool, String> {
        let (word, value) = match option.split_once(char::is_whitespace) {
            Some((word, value)) => (word, Some(value.trim())),
            None => (option, None),
        };
        let number = |value: Option<&str>| {
            value
                .and_then(parse_integer)
                .ok_or_else(|| format!("{word} needs a number"))
        };
        if !self.known.contains(&word) {
            return Ok(false);
        }
        match word {
            "relative" if self.relative && self.once() => {
                return Err("relative stands twice".to_owned());
            }
            "big" | "little" | "dce" | "endian" if self.endian.is_some() && self.once() => {
                return Err("one order of bytes is enough".to_owned());
            }
            "relative" => self.relative = true,
            "big" => self.endian = Some(Endian::Big),
            "little" => self.endian = Some(Endian::Little),
            "dce" => self.endian = Some(Endian::Dce),
            "endian" => {
                self.endian = Some(match value {
                    Some("big") => Endian::Big,
                    Some("little") => Endian::Little,
                    Some("dce") => Endian::Dce,
                    _ => return Err("endian is big, little or dce".to_owned()),
                });
            }
            "string" => {
                self.string = true;
                match value {
                    Some("hex") => self.base = Some(Base::Hex),
                    Some("dec") => self.base = Some(Base::Decimal),
                    Some("oct") => self.base = Some(Base::Octal),
                    Some(other) => {
                        return Err(format!("a string number is hex, dec or oct, not {other:?}"));
                    }
                    None => {}
                }
            }
            "hex" => self.base = Some(Base::Hex),
            "dec" => self.base = Some(Base::Decimal),
            "oct" => self.base = Some(Base::Octal),
            // In byte_math, which has `endian`, it is hexadecimal with or without 0x.
            "bitmask" if self.known.contains(&"endian") => {
                let digits = value.unwrap_or_default();
                let digits = digits.trim_start_matches("0x").trim_start_matches("0X");
                let mask = u32::from_str_radix(digits, 16);
                self.bitmask = Some(mask.map_err(|_| "a bitmask has 32 bits, in hexadecimal")?);
            }
            "bitmask" => {
                self.bitmask = Some(
                    u32::try_from(number(value)?)
                        .map_err(|_| "a bitmask has 32 bits".to_owned())?,
                )
            }
            "multiplier" => {
                self.multiplier = u32::try_from(number(value)?)
                    .ok()
                    .filter(|n| (1..=65_535).contains(n))
                    .ok_or("a multiplier is 1 to 65535")?;
            }
            "align" => {
                self.align = Some(match value {
                    None if !self.once() => 4,
                    Some("2") if self.once() => 2,
                    Some("4") if self.once() => 4,
                    _ => {
                        return Err(
                            "byte_jump has align alone, byte_extract align 2 or align 4".to_owned()
                        );
                    }
                });
            }
            "from_beginning" | "from_end" if self.from.is_some() => {
                return Err("from_beginning and from_end exclude one another".to_owned());
            }
            "from_beginning" => self.from = Some(JumpFrom::Beginning),
            "from_end" => self.from = Some(JumpFrom::End),
            "post_offset" => {
                let offset = small_offset(value.unwrap_or_default(), OFFSET_LIMIT)?;
                self.post_offset = Some(offset.into());
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn reading(&self) -> Result<Reading, String> {
        let also = self.string || self.base.is_some() || self.from.is_some();
        if self.endian == Some(Endian::Dce) && also {
            return Err(
                "dce takes the order of bytes from the call: leave string, its base and from_… out"
                    .to_owned(),
            );
        }
        match (self.string, self.base, self.endian) {
            (true, Some(base), _) => Ok(Reading::String(base)),
            (true, None, _) => Ok(Reading::String(Base::Decimal)),
            (false, Some(_), _) => Err("hex, dec and oct go with string".to_owned()),
            (false, None, endian) => Ok(Reading::Binary(endian.unwrap_or(Endian::Big))),
        }
    }
}

fn rest(
    options: &[&str],
    known: &'static [&'static str],
    repeats: Repeats,
) -> Result<Options, String> {
    let mut taken = Options {
        multiplier: 1,
        known,
        repeats,
        ..Options::default()
    };
    for option in options {
        if !taken.take(option)? {
            return Err(format!("unknown option {option:?}"));
        }
    }
    Ok(taken)
}

fn check_count(count: Number, reading: Reading, lowest: i64) -> Result<(), String> {
    // No bytes of text: digits as far as they go.
    let lowest = match reading {
        Reading::Binary(_) => lowest,
        Reading::String(_) => 0,
    };
    let highest = match reading {
        Reading::Binary(_) => 8,
        Reading::String(_) => 23,
    };
    match count {
        Number::Literal(count) if !(lowest..=highest).contains(&count) => Err(format!(
            "{count} bytes: from {lowest} to {highest} can be read"
        )),
        _ => Ok(()),
    }
}

fn small_offset(text: &str, limit: i64) -> Result<i32, String> {
    parse_integer(text)
        .filter(|offset| (-limit..=limit).contains(offset))
        .and_then(|offset| i32::try_from(offset).ok())
        .ok_or_else(|| format!("{text:?} is no offset (-{limit} to {limit})"))
}

fn test(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let words = parts(needed(value)?);
    let [count, operator, value, offset, options @ ..] = words.as_slice() else {
        return Err("write count, operator, value, offset".to_owned());
    };
    let known = &[
        "relative", "big", "little", "dce", "string", "hex", "dec", "oct", "bitmask",
    ];
    let options = rest(options, known, Repeats::Allowed)?;
    let (negated, operator) = match operator.strip_prefix('!') {
        Some(operator) => (true, operator.trim()),
        None => (false, *operator),
    };
    let comparison = match operator {
        "=" => Comparison::Equal,
        "" if negated => Comparison::Equal,
        "<" => Comparison::Less,
        "<=" => Comparison::LessEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterEqual,
        "&" => Comparison::AnyBit,
        "^" => Comparison::NoBit,
        other => {
            return Err(format!(
                "{other:?} is no operator: < <= = >= > & ^, with ! before it for the opposite"
            ));
        }
    };
    let reading = options.reading()?;
    let count = builder.number(count)?;
    check_count(count, reading, 1)?;
    let condition = ByteTest {
        count,
        negated,
        comparison,
        value: builder.number(value)?,
        offset: builder.number(offset)?,
        relative: options.relative,
        reading,
        bitmask: options.bitmask,
    };
    builder.add(BufferCondition::ByteTest(condition))
}

fn jump(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let words = parts(needed(value)?);
    let [count, offset, options @ ..] = words.as_slice() else {
        return Err("write count, offset".to_owned());
    };
    let known = &[
        "relative",
        "big",
        "little",
        "dce",
        "string",
        "hex",
        "dec",
        "oct",
        "multiplier",
        "align",
        "from_beginning",
        "from_end",
        "post_offset",
    ];
    let options = rest(options, known, Repeats::Allowed)?;
    let reading = options.reading()?;
    let count = builder.number(count)?;
    check_count(count, reading, 0)?;
    let offset = match builder.number(offset)? {
        Number::Literal(_) => Number::Literal(small_offset(offset, OFFSET_LIMIT)?.into()),
        variable => variable,
    };
    let condition = ByteJump {
        count,
        offset,
        relative: options.relative,
        reading,
        multiplier: options.multiplier,
        align: options.align.is_some(),
        from: options.from.unwrap_or(JumpFrom::Here),
        post_offset: Number::Literal(options.post_offset.unwrap_or(0)),
        bitmask: options.bitmask,
    };
    builder.add(BufferCondition::ByteJump(condition))
}

fn extract(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let words = parts(needed(value)?);
    let [count, offset, name, options @ ..] = words.as_slice() else {
        return Err("write count, offset, name".to_owned());
    };
    let known = &[
        "relative",
        "big",
        "little",
        "dce",
        "string",
        "hex",
        "dec",
        "oct",
        "multiplier",
        "align",
    ];
    let options = rest(options, known, Repeats::Refused)?;
    let reading = options.reading()?;
    let count = builder.number(count)?;
    check_count(count, reading, 1)?;
    let highest = match reading {
        Reading::String(Base::Decimal) => 20,
        Reading::String(Base::Hex) => 14,
        _ => 23,
    };
    if matches!(count, Number::Literal(count) if count > highest) {
        return Err(format!(
            "more than {highest} digits do not fit into 64 bits"
        ));
    }
    let condition = ByteExtract {
        count,
        offset: small_offset(offset, i64::from(i16::MAX))?,
        variable: builder.variable(name)?,
        relative: options.relative,
        reading,
        multiplier: options.multiplier,
        align: options.align,
        bitmask: options.bitmask,
    };
    builder.add(BufferCondition::ByteExtract(condition))
}

fn math(builder: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    let (mut count, mut offset, mut operator, mut operand, mut result) =
        (None, None, None, None, None);
    let known = &["relative", "endian", "string", "dce", "bitmask"];
    let mut options = rest(&[], known, Repeats::Refused)?;
    for part in parts(needed(value)?) {
        if options.take(part)? {
            continue;
        }
        let (word, value) = part
            .split_once(char::is_whitespace)
            .ok_or_else(|| format!("{part:?} needs a value"))?;
        let value = value.trim();
        let twice = match word {
            "bytes" => count.replace(builder.number(value)?).is_some(),
            "offset" => offset.replace(small_offset(value, OFFSET_LIMIT)?).is_some(),
            "oper" => operator.replace(math_operator(value)?).is_some(),
            "rvalue" => operand.replace(builder.number(value)?).is_some(),
            "result" => result.replace(value).is_some(),
            other => {
                return Err(format!(
                    "unknown part {other:?}: bytes, offset, oper, rvalue, result"
                ));
            }
        };
        if twice {
            return Err(format!("{word} stands twice"));
        }
    }
    let missing =
        |name: &str| format!("{name} is missing: bytes n, offset n, oper o, rvalue v, result name");
    if options.relative && builder.is_sticky() && !builder.has_pattern() {
        return Err("relative counts from a pattern: write a content before it".to_owned());
    }
    if options.string && options.base.is_none() {
        return Err("string is followed by hex, dec or oct: string dec".to_owned());
    }
    if options.endian == Some(Endian::Dce) {
        return Err("byte_math has no dce: write endian big or endian little".to_owned());
    }
    let reading = options.reading()?;
    let count = count.ok_or_else(|| missing("bytes"))?;
    check_count(count, reading, 1)?;
    let operator = operator.ok_or_else(|| missing("oper"))?;
    let operand = operand.ok_or_else(|| missing("rvalue"))?;
    if matches!(operand, Number::Literal(value) if u32::try_from(value).is_err()) {
        return Err("rvalue is from 0 to 4294967295".to_owned());
    }
    let highest = match operator {
        MathOperator::ShiftLeft | MathOperator::ShiftRight => 4,
        _ => 10,
    };
    if matches!(count, Number::Literal(count) if count > highest) {
        return Err(format!(
            "with this operation at most {highest} bytes are counted"
        ));
    }
    if operator == MathOperator::Divide && operand == Number::Literal(0) {
        return Err("a division by zero".to_owned());
    }
    let condition = ByteMath {
        count,
        offset: offset.ok_or_else(|| missing("offset"))?,
        operator,
        operand,
        variable: builder.variable(result.ok_or_else(|| missing("result"))?)?,
        relative: options.relative,
        reading,
        bitmask: options.bitmask,
    };
    builder.add(BufferCondition::ByteMath(condition))
}

fn math_operator(text: &str) -> Result<MathOperator, String> {
    Ok(match text {
        "+" => MathOperator::Add,
        "-" => MathOperator::Subtract,
        "*" => MathOperator::Multiply,
        "/" => MathOperator::Divide,
        "<<" => MathOperator::ShiftLeft,
        ">>" => MathOperator::ShiftRight,
        other => return Err(format!("{other:?} is no operation: + - * / << >>")),
    })
}
