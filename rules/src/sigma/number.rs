//! Numbers as rules and events write them.

use std::cmp::Ordering;

/// A finite number with its canonical text: `5`, `-3`, `0.5`. Whole numbers of 128 bits are exact.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    value: Scalar,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scalar {
    Whole(i128),
    Real(f64),
}

impl Number {
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn scalar(&self) -> Scalar {
        self.value
    }

    pub fn as_f64(&self) -> f64 {
        self.value.as_f64()
    }

    /// A plain scalar of YAML 1.2 that is a number.
    pub(super) fn of_yaml(text: &str) -> Option<Number> {
        if let Some(digits) = text.strip_prefix("0x") {
            return i128::from_str_radix(digits, 16).ok().map(Number::from);
        }
        if let Some(digits) = text.strip_prefix("0o") {
            return i128::from_str_radix(digits, 8).ok().map(Number::from);
        }
        Scalar::parse(text.strip_prefix('+').unwrap_or(text)).map(Number::from)
    }
}

impl From<i128> for Number {
    fn from(value: i128) -> Self {
        Number::from(Scalar::Whole(value))
    }
}

impl From<Scalar> for Number {
    fn from(value: Scalar) -> Self {
        let text = match value {
            Scalar::Whole(value) => value.to_string(),
            Scalar::Real(value) => value.to_string(),
        };
        Number { value, text }
    }
}

impl Scalar {
    /// A decimal number: digits, a fraction, an exponent. A fraction of zero makes it whole.
    pub fn parse(text: &str) -> Option<Scalar> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let bytes = digits.as_bytes();
        if bytes.is_empty() || text.len() > 64 {
            return None;
        }
        if bytes.iter().all(u8::is_ascii_digit) {
            return match text.parse() {
                Ok(value) => Some(Scalar::Whole(value)),
                Err(_) => text.parse().ok().map(Scalar::Real),
            };
        }
        let plain = bytes
            .iter()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
        if !plain || !(bytes[0].is_ascii_digit() || bytes[0] == b'.') {
            return None;
        }
        let value: f64 = text.parse().ok()?;
        if !value.is_finite() {
            return None;
        }
        // Exact up to here.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.fract() == 0.0 && value.abs() <= EXACT {
            return Some(Scalar::Whole(value as i128));
        }
        Some(Scalar::Real(value))
    }

    pub fn as_f64(self) -> f64 {
        match self {
            // The nearest number will do where the other side is no whole number.
            Scalar::Whole(value) => value as f64,
            Scalar::Real(value) => value,
        }
    }

    pub fn order(self, other: Scalar) -> Option<Ordering> {
        match (self, other) {
            (Scalar::Whole(a), Scalar::Whole(b)) => Some(a.cmp(&b)),
            (a, b) => a.as_f64().partial_cmp(&b.as_f64()),
        }
    }
}

/// How a number is compared with that of the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

impl Comparison {
    pub(super) fn of_name(name: &str) -> Option<Comparison> {
        Some(match name {
            "lt" => Comparison::Less,
            "lte" => Comparison::LessOrEqual,
            "gt" => Comparison::Greater,
            "gte" => Comparison::GreaterOrEqual,
            "eq" => Comparison::Equal,
            "neq" => Comparison::NotEqual,
            _ => return None,
        })
    }

    pub fn symbol(self) -> &'static str {
        match self {
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
            Comparison::Equal => "=",
            Comparison::NotEqual => "!=",
        }
    }

    pub(super) fn holds(self, left: Scalar, right: Scalar) -> bool {
        let Some(order) = left.order(right) else {
            return false;
        };
        match self {
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read() {
        let rows = [
            ("5", Some("5")),
            ("-3", Some("-3")),
            ("5.0", Some("5")),
            ("1e3", Some("1000")),
            ("0.5", Some("0.5")),
            (".5", Some("0.5")),
            ("18446744073709551615", Some("18446744073709551615")),
            ("0x1F", Some("31")),
            ("+7", Some("7")),
            ("-", None),
            ("e5", None),
            ("1.2.3.4", None),
            ("nan", None),
            ("inf", None),
            ("1-2", None),
            ("", None),
        ];
        for (text, canonical) in rows {
            let number = Number::of_yaml(text);
            assert_eq!(number.as_ref().map(Number::text), canonical, "{text}");
        }
    }

    #[test]
    fn comparisons_are_exact_for_whole_numbers() {
        let big = Scalar::parse("18446744073709551615").expect("a number");
        let less = Scalar::parse("18446744073709551614").expect("a number");
        assert!(Comparison::Greater.holds(big, less));
        let real = Scalar::parse("100.5").expect("a number");
        assert!(Comparison::Greater.holds(real, Scalar::Whole(100)));
    }
}
