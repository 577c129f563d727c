//! For every rule, events that match it, nearly match it, or are a match with something changed: the engine, which
//! has all rules compiled together, must say what the plain reading says, and what sigma-rust and rsigma say where they
//! are right ([`peers`]).

mod events;
mod peers;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rules::sigma::{Detector, Finding, Pipeline, Ruleset, SharedState, load};
use rules::signature::SourceFile;

use super::{collect, documents, reference, rule_files};
use events::{Dice, event};
use peers::{Case, Judge, PEERS, Peer};

/// Events made for each rule.
const EVENTS: usize = 40;

/// The shared rules or our examples, the rules of our own set, and what of the language they do not use.
fn sources() -> Vec<SourceFile> {
    let mut sources = rule_files();
    sources.extend(documents("language.yml", include_str!("../language.yml")));
    let mut own = Vec::new();
    let set = Path::new(env!("CARGO_MANIFEST_DIR")).join("sets/sigma/rules");
    collect(&set, &mut own);
    // Rules that only serve correlations tell nothing, but alone.
    for file in own {
        let mut rules = documents(&file.name, &file.text);
        rules.retain(|source| source.text.contains("\ndetection:"));
        sources.append(&mut rules);
    }
    sources
}

fn loaded(sources: &[SourceFile]) -> Arc<Ruleset> {
    let ruleset = load(sources, &Pipeline::none());
    assert!(!ruleset.has_errors(), "{:?}", ruleset.diagnostics);
    Arc::new(ruleset)
}

#[test]
fn engine_and_reference_agree() {
    let ruleset = loaded(&sources());
    let mut detector = Detector::new(Arc::clone(&ruleset), SharedState::default());
    let mut dice = Dice::new(2026);
    let (mut compared, mut matched, mut never) = (0, 0, Vec::new());
    for (index, own) in ruleset.rules.iter().enumerate() {
        let mut once = false;
        for _ in 0..EVENTS {
            let event = event(&own.rule.expression, &mut dice);
            let text = event.to_string();
            let findings = detector.run(&text, None).expect("an event").to_vec();
            let found = |rule: usize| findings.contains(&Finding::Rule(rule));
            // The rule itself, and another that knows nothing of this event.
            for rule in [index, dice.roll(ruleset.rules.len())] {
                let other = &ruleset.rules[rule].rule;
                let expected = reference::matches(&other.expression, &event);
                assert_eq!(found(rule), expected, "{}: {text}", other.meta.title);
                compared += 1;
            }
            once |= found(index);
            matched += usize::from(found(index));
        }
        if !once {
            never.push(own.rule.meta.title.clone());
        }
    }
    println!("{compared} answers agree, {matched} events match; never matched: {never:?}");
    assert!(never.is_empty(), "no event matches: {never:?}");
}

#[test]
fn engine_and_peers_agree() {
    let sources = sources();
    let ruleset = loaded(&sources);
    let mut detector = Detector::new(Arc::clone(&ruleset), SharedState::default());
    for peer in PEERS {
        let mut dice = Dice::new(6);
        let (mut compared, mut apart) = (0, BTreeMap::new());
        let mut refused = 0;
        for (index, own) in ruleset.rules.iter().enumerate() {
            let source = sources.iter().find(|source| source.name == own.file);
            let text = source.map_or("", |source| source.text.as_str());
            let judge = (peer.read)(text);
            refused += usize::from(judge.is_err());
            for _ in 0..EVENTS {
                let event = event(&own.rule.expression, &mut dice);
                let case = Case {
                    text,
                    rule: &own.rule.expression,
                    event: &event,
                };
                if let Some(own) = peer.exceptions.iter().find(|own| (own.applies)(&case)) {
                    *apart.entry(own.why).or_insert(0) += 1;
                    continue;
                }
                let told = (peer.name, own.rule.meta.title.as_str());
                let judge = judge
                    .as_ref()
                    .unwrap_or_else(|reason| panic!("{told:?} is refused: {reason}"));
                let line = event.to_string();
                let findings = detector.run(&line, None).expect("an event");
                let found = findings.contains(&Finding::Rule(index));
                assert_eq!(found, judge(&event), "{told:?}: {line}");
                compared += 1;
            }
        }
        println!(
            "{}: {compared} answers agree, {refused} rules are refused, left out: {apart:#?}",
            peer.name
        );
        let all = ruleset.rules.len() * EVENTS;
        assert!(compared * 4 > all, "{} is hardly asked", peer.name);
    }
}

/// What a peer says of an exception's case; none where it refuses the rule.
fn said(peer: &Peer, text: &str, event: &str) -> Option<bool> {
    let judge: Judge = (peer.read)(text).ok()?;
    Some(judge(&serde_json::from_str(event).expect("an event")))
}

#[test]
fn exceptions_of_peers_still_stand() {
    for peer in PEERS {
        for exception in peer.exceptions {
            let (detection, event, right) = exception.shown;
            let text = format!("title: t\nlogsource: {{category: test}}\ndetection: {detection}\n");
            let source = SourceFile {
                name: "case".to_owned(),
                text: text.clone(),
            };
            let mut detector = Detector::new(loaded(&[source]), SharedState::default());
            let found = !detector.run(event, None).expect("an event").is_empty();
            assert_eq!(found, right, "{}: {detection} {event}", exception.why);
            assert_ne!(
                said(peer, &text, event),
                Some(right),
                "{} is right now, so that this exception goes: {}",
                peer.name,
                exception.why
            );
        }
    }
}
