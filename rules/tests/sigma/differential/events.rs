//! Events for a rule: such as match it, nearly match it, or are a match with something changed.

use proptest::strategy::{Strategy, ValueTree};
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;
use rules::sigma::ast::{Expr, FieldTest, Test};
use rules::sigma::{Pattern, Token};
use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization;

/// Around the times that rules speak of, in the ways in which events write them.
const TIMES: &[&str] = &[
    "2026-08-05T03:22:11Z",
    "2026-08-05T03:22:11.000123+0700",
    "2026-08-06T06:22:11Z",
    "2026-08-05T23:09:59-03:30",
    "2025-12-31T23:59:59Z",
    "2026-08-09T12:23:00Z",
    "2026-08-10T00:00:00Z",
    "noon",
];

/// Numbers and texts without order, the same every time.
pub struct Dice {
    state: u64,
    texts: TestRunner,
}

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice {
            state: seed,
            texts: TestRunner::deterministic(),
        }
    }

    pub fn roll(&mut self, sides: usize) -> usize {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.state >> 33) as usize) % sides.max(1)
    }

    /// A text that an expression matches, most of the time: without what binds it to ends.
    fn text_of(&mut self, expression: &str) -> String {
        let free = expression.trim_start_matches('^').trim_end_matches('$');
        string_regex(free)
            .ok()
            .and_then(|texts| texts.new_tree(&mut self.texts).ok())
            .map_or_else(|| free.replace('\\', ""), |tree| tree.current())
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.roll(items.len())]
    }
}

fn leaves<'a>(expr: &'a Expr, fields: &mut Vec<&'a FieldTest>, keywords: &mut Vec<&'a Test>) {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => {
            parts.iter().for_each(|part| leaves(part, fields, keywords));
        }
        Expr::Not(inner) => leaves(inner, fields, keywords),
        Expr::Field(field) => fields.push(field),
        Expr::Keyword(test) => keywords.push(test),
    }
}

/// A text that a pattern matches.
fn example(pattern: &Pattern, dice: &mut Dice) -> String {
    pattern
        .tokens()
        .iter()
        .map(|token| match token {
            Token::Literal(text) if dice.roll(3) == 0 && !pattern.is_cased() => text.to_uppercase(),
            Token::Literal(text) if dice.roll(8) == 0 => text.nfd().collect(),
            Token::Literal(text) => text.clone(),
            Token::One => "x".to_owned(),
            Token::Dash => (*dice.pick(&["-", "/", "–"])).to_owned(),
            Token::Many => (*dice.pick(&["", "ab", "/./", " Việt ", "\n"])).to_owned(),
        })
        .collect()
}

/// A text with something changed.
fn changed(text: &str, dice: &mut Dice) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let at = dice.roll(characters.len());
    match dice.roll(5) {
        0 if !characters.is_empty() => {
            characters.remove(at);
        }
        1 => characters.insert(at, 'q'),
        2 if !characters.is_empty() => characters[at] = '_',
        3 => characters.push('z'),
        _ => characters.insert(0, 'z'),
    }
    characters.into_iter().collect()
}

fn value(test: &Test, dice: &mut Dice) -> Value {
    let text = match test {
        Test::Text(pattern) => example(pattern, dice),
        Test::Number(number) => {
            return match number.text().parse::<i64>() {
                Ok(number) if dice.roll(3) > 0 => json!(number + i64::from(dice.roll(4) == 0)),
                _ => json!(number.text()),
            };
        }
        Test::Cidr(network) => {
            let text = network.to_string();
            text.split('/').next().unwrap_or_default().to_owned()
        }
        Test::Compare(_, number) => return json!(number.as_f64() + dice.roll(3) as f64 - 1.0),
        Test::Regex(regex) => dice.text_of(&regex.text),
        Test::Null => return Value::Null,
        Test::Exists if dice.roll(4) == 0 => return Value::Null,
        Test::Time(..) => return json!(dice.pick(TIMES)),
        Test::Exists | Test::Field(_) => "x".to_owned(),
    };
    json!(match dice.roll(4) {
        0 => changed(&text, dice),
        _ => text,
    })
}

/// An event with some of the values that a rule speaks of.
pub fn event(rule: &Expr, dice: &mut Dice) -> Value {
    let (mut fields, mut keywords) = (Vec::new(), Vec::new());
    leaves(rule, &mut fields, &mut keywords);
    let mut members = Map::new();
    let density = 1 + dice.roll(4);
    let mut names: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for field in &fields {
        if let Test::Field(other) = &field.test
            && dice.roll(8) > 0
        {
            members.insert(other.field.clone(), value(&field.test, dice));
        }
    }
    for name in names {
        if dice.roll(8) == 0 {
            continue;
        }
        let own: Vec<&&FieldTest> = fields.iter().filter(|field| field.field == name).collect();
        // Tests that must all hold are often met by one long value.
        let is_text = own
            .iter()
            .all(|field| matches!(field.test, Test::Text(_) | Test::Regex(_)));
        let parts = if is_text && dice.roll(2) == 0 {
            own.len().min(4)
        } else {
            1
        };
        let start = dice.roll(own.len());
        let values: Vec<Value> = (0..parts)
            .map(|part| value(&own[(start + part) % own.len()].test, dice))
            .collect();
        let joined = match (values.as_slice(), dice.roll(6)) {
            ([one], 0) => json!(["other", one]),
            ([one], _) => one.clone(),
            (_, 0) => Value::Array(values),
            _ => {
                let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
                json!(texts.concat())
            }
        };
        members.insert(name.to_owned(), joined);
    }
    if !keywords.is_empty() {
        let words: Vec<String> = (0..density)
            .filter_map(|_| {
                value(dice_pick(&keywords, dice), dice)
                    .as_str()
                    .map(str::to_owned)
            })
            .collect();
        members.insert("message".to_owned(), json!(words.join(" ")));
    }
    Value::Object(members)
}

fn dice_pick<'a>(keywords: &[&'a Test], dice: &mut Dice) -> &'a Test {
    keywords[dice.roll(keywords.len())]
}
