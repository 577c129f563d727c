//! Events for a rule: such as match it, nearly match it, or are a match with something changed.

use proptest::strategy::{Strategy, ValueTree};
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;
use rules::sigma::ast::{Expr, FieldTest, Test};
use rules::sigma::{Comparison, Pattern, Token};
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
    "2026-08-10T18:40:00.5Z",
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
        let free = expression.replace("(^|", "(").replace("|$)", ")");
        let free = free.trim_start_matches('^').trim_end_matches('$');
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

/// What an event has to hold so that a rule matches it.
#[derive(Default)]
struct Wanted {
    fields: Map<String, Value>,
    words: Vec<String>,
}

impl Wanted {
    /// Makes an expression hold, or not; what is to be absent is left out. Texts of one field stand one behind the other.
    fn settle(&mut self, rule: &Expr, holds: bool, dice: &mut Dice) {
        match (rule, holds) {
            (Expr::And(parts), true) | (Expr::Or(parts), false) => {
                parts.iter().for_each(|part| self.settle(part, holds, dice));
            }
            (Expr::And(parts) | Expr::Or(parts), _) => {
                let part = &parts[dice.roll(parts.len())];
                self.settle(part, holds, dice);
            }
            (Expr::Not(inner), _) => self.settle(inner, !holds, dice),
            (Expr::Keyword(test), true) => {
                let word = exact(test, dice);
                self.words.extend(word.as_str().map(str::to_owned));
            }
            (Expr::Field(field), true) => {
                let value = exact(&field.test, dice);
                if let Test::Field(other) = &field.test {
                    self.fields.insert(other.field.clone(), value.clone());
                }
                let is_text = matches!(field.test, Test::Text(_) | Test::Regex(_));
                let known = self.fields.entry(field.field.as_str());
                let known = known.or_insert(Value::Null);
                match (known.as_str(), value.as_str()) {
                    (Some(before), Some(text)) if is_text && !before.contains(text) => {
                        *known = json!(format!("{before}{text}"));
                    }
                    (Some(_), _) => {}
                    (None, _) => *known = value,
                }
            }
            (Expr::Field(field), false) => {
                if matches!(field.test, Test::Null) {
                    self.fields.insert(field.field.clone(), json!("x"));
                }
            }
            (Expr::Keyword(_), false) => {}
        }
    }
}

/// A value for which a test holds.
fn exact(test: &Test, dice: &mut Dice) -> Value {
    match test {
        Test::Text(pattern) => json!(example(pattern, dice)),
        Test::Number(number) => match number.text().parse::<i64>() {
            Ok(number) => json!(number),
            Err(_) => json!(number.text()),
        },
        Test::Regex(regex) => json!(dice.text_of(&regex.text)),
        Test::Compare(comparison, number) => {
            let away = match comparison {
                Comparison::Less | Comparison::NotEqual => -1.0,
                Comparison::Greater => 1.0,
                _ => 0.0,
            };
            json!(number.as_f64() + away)
        }
        Test::Cidr(network) => json!(network.to_string().split('/').next()),
        Test::Time(..) => json!(dice.pick(TIMES)),
        Test::Null => Value::Null,
        Test::Exists | Test::Field(_) => json!("x"),
    }
}

/// An event that matches a rule, if its conditions do not stand in each other's way.
fn matching(rule: &Expr, dice: &mut Dice) -> Value {
    let mut wanted = Wanted::default();
    wanted.settle(rule, true, dice);
    if !wanted.words.is_empty() {
        let words = json!(wanted.words.join(" "));
        wanted.fields.insert("message".to_owned(), words);
    }
    Value::Object(wanted.fields)
}

/// An event for a rule: one that matches, one that does with something changed, or one with some of the values that it speaks of.
pub fn event(rule: &Expr, dice: &mut Dice) -> Value {
    match dice.roll(4) {
        0 => return matching(rule, dice),
        1 => {
            let mut event = matching(rule, dice);
            let members = event.as_object_mut().map(|members| members.values_mut());
            for value in members.into_iter().flatten() {
                if let Some(text) = value.as_str()
                    && dice.roll(3) == 0
                {
                    *value = json!(changed(text, dice));
                }
            }
            return event;
        }
        _ => {}
    }
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
