//! For every rule, events that match it, nearly match it, or are a match with something changed: the engine, which
//! has all rules compiled together, must say what the plain reading says, and sigma-rust too where it is right.

use std::sync::Arc;

use rules::sigma::ast::{Expr, FieldTest, Test};
use rules::sigma::{Detector, Finding, Pattern, Pipeline, SharedState, Token, load};
use serde_json::{Map, Value, json};

use super::{reference, rule_files};

/// Events made for each rule.
const EVENTS: usize = 40;

/// Numbers without order, the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides.max(1)
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
        Test::Regex(regex) => regex.text.replace('\\', ""),
        Test::Null => return Value::Null,
        Test::Exists | Test::Time(..) | Test::Field(_) => "2026-08-05T03:22:11Z".to_owned(),
    };
    json!(match dice.roll(4) {
        0 => changed(&text, dice),
        _ => text,
    })
}

/// An event with some of the values that a rule speaks of.
fn event(rule: &Expr, dice: &mut Dice) -> Value {
    let (mut fields, mut keywords) = (Vec::new(), Vec::new());
    leaves(rule, &mut fields, &mut keywords);
    let mut members = Map::new();
    let density = 1 + dice.roll(4);
    let mut names: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        if dice.roll(8) == 0 {
            continue;
        }
        let own: Vec<&&FieldTest> = fields.iter().filter(|field| field.field == name).collect();
        // Tests that must all hold are often met by one long value.
        let parts = if dice.roll(2) == 0 {
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

/// Whether sigma-rust reads and matches a rule rightly: without keywords, null, lists in events, and patterns that
/// have to be tried again behind a `?`.
fn sigma_rust_is_right(expr: &Expr) -> bool {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().all(sigma_rust_is_right),
        Expr::Not(inner) => sigma_rust_is_right(inner),
        Expr::Keyword(_) => false,
        Expr::Field(field) => match &field.test {
            Test::Text(pattern) => !pattern.tokens().contains(&Token::One),
            Test::Cidr(_) | Test::Regex(_) => true,
            _ => false,
        },
    }
}

fn is_plain(event: &Value) -> bool {
    event
        .as_object()
        .is_some_and(|members| members.values().all(|value| value.is_string()))
}

#[test]
fn engine_reference_and_sigma_rust_agree() {
    let sources = rule_files();
    let ruleset = Arc::new(load(&sources, &Pipeline::none()));
    assert!(!ruleset.has_errors());
    let mut detector = Detector::new(Arc::clone(&ruleset), SharedState::default());
    let mut dice = Dice(2026);
    let (mut compared, mut matched, mut beside, mut never) = (0, 0, 0, Vec::new());
    for (index, own) in ruleset.rules.iter().enumerate() {
        let source = sources.iter().find(|source| source.name == own.file);
        let other = source
            .filter(|_| sigma_rust_is_right(&own.rule.expression))
            .and_then(|source| sigma_rust::rule_from_yaml(&source.text).ok());
        let mut once = false;
        for _ in 0..EVENTS {
            let event = event(&own.rule.expression, &mut dice);
            let text = event.to_string();
            let findings = detector.run(&text, None).expect("an event").to_vec();
            let found = |rule: usize| findings.contains(&Finding::Rule(rule));
            // The rule itself, and another that knows nothing of this event.
            for rule in [index, dice.roll(ruleset.rules.len())] {
                let expected = reference::matches(&ruleset.rules[rule].rule.expression, &event);
                assert_eq!(
                    found(rule),
                    expected,
                    "{}: {text}",
                    ruleset.rules[rule].rule.meta.title
                );
                compared += 1;
            }
            once |= found(index);
            matched += usize::from(found(index));
            if let Some(other) = &other
                && is_plain(&event)
            {
                let event = sigma_rust::event_from_json(&text).expect("an event");
                assert_eq!(
                    found(index),
                    other.is_match(&event),
                    "sigma-rust: {} {text}",
                    own.rule.meta.title
                );
                beside += 1;
            }
        }
        if !once {
            never.push(own.rule.meta.title.clone());
        }
    }
    println!(
        "{compared} answers agree, {matched} events match, {beside} agree with sigma-rust; never matched: {never:?}"
    );
    assert!(
        never.len() * 10 <= ruleset.rules.len(),
        "too few events match: {never:?}"
    );
}
