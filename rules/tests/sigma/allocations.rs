//! An event that no rule matches costs no allocation.

use std::sync::Arc;

use rules::sigma::{Detector, Pipeline, SharedState, load};

use super::rule_files;

#[test]
fn events_without_match_allocate_nothing() {
    let ruleset = Arc::new(load(&rule_files(), &Pipeline::eve()));
    let mut detector = Detector::new(ruleset, SharedState::default());
    let events = include_str!("events.jsonl");
    // The buffers grow with the first events.
    for _ in 0..2 {
        for event in events.lines() {
            let findings = detector.run(event, None).expect("an event");
            assert!(findings.is_empty(), "{findings:?} {event}");
        }
    }
    for event in events.lines() {
        let counted = allocation_counter::measure(|| {
            detector.run(event, None).expect("an event");
        });
        assert_eq!(counted.count_total, 0, "{event}");
    }
}
