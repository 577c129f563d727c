//! The order in which signatures are looked at, and their alerts told.
//!
//! By action first, then those that set a variable before those that read it, then by priority and number
//! (rule manual, “Rule order”).

use std::cmp::Reverse;

use rules::signature::{
    Action, BitKeyword, BitOperation, BufferCondition, CaptureKind, FlowIntOperation, Signature,
    Track,
};

use crate::compile::Compiled;

/// Use of one kind of variable; what sets it comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Use {
    None,
    Reads,
    SetsAndReads,
    Sets,
}

impl Use {
    fn of(reads: bool, sets: bool) -> Self {
        match (reads, sets) {
            (false, false) => Use::None,
            (true, false) => Use::Reads,
            (true, true) => Use::SetsAndReads,
            (false, true) => Use::Sets,
        }
    }
}

pub(crate) type Key = (usize, [Reverse<Use>; 6], u32, u32, bool);

fn reads(operation: BitOperation) -> bool {
    matches!(operation, BitOperation::IsSet | BitOperation::IsNotSet)
}

/// The place of a signature among the others.
pub(crate) fn key(one: &Compiled, actions: &[Action; 4]) -> Key {
    let signature = &one.signature;
    let action = match signature.action {
        Action::Config => Action::Alert,
        action => action,
    };
    let action = actions.iter().position(|other| *other == action);
    (
        action.unwrap_or(actions.len()),
        [
            Reverse(flowbits(signature)),
            Reverse(flowints(signature)),
            Reverse(captures(signature, CaptureKind::Flow)),
            Reverse(captures(signature, CaptureKind::Packet)),
            Reverse(host_bits(signature, false)),
            Reverse(host_bits(signature, true)),
        ],
        signature.priority,
        signature.sid,
        one.swapped,
    )
}

fn flowbits(signature: &Signature) -> Use {
    let of = |wanted: bool| {
        signature
            .flowbits
            .iter()
            .any(|bits| reads(bits.operation) == wanted)
    };
    Use::of(of(true), of(false))
}

fn flowints(signature: &Signature) -> Use {
    let sets = |operation: &FlowIntOperation| {
        matches!(
            operation,
            FlowIntOperation::Set(_) | FlowIntOperation::Add(_) | FlowIntOperation::Subtract(_)
        )
    };
    let of = |wanted: bool| {
        signature
            .flowints
            .iter()
            .any(|int| sets(&int.operation) == wanted)
    };
    Use::of(of(false), of(true))
}

fn captures(signature: &Signature, kind: CaptureKind) -> Use {
    let sets = signature
        .buffers
        .iter()
        .filter(|buffer| buffer.source == rules::signature::Source::Payload)
        .flat_map(|buffer| &buffer.conditions)
        .any(|condition| match condition {
            BufferCondition::Pcre(pcre) => pcre.captures.iter().any(|capture| capture.kind == kind),
            _ => false,
        });
    let tests = signature
        .variable_tests
        .iter()
        .any(|test| test.kind == kind);
    Use::of(tests, sets)
}

/// Bits of hosts or pairs. As the reference engine has it, `xbits` counts where it reads, `hostbits` where it sets.
fn host_bits(signature: &Signature, pairs: bool) -> Use {
    let of = |keyword: BitKeyword, reading: bool| {
        signature.xbits.iter().any(|bit| {
            (bit.track == Track::Both) == pairs
                && bit.track != Track::Transaction
                && bit.keyword == keyword
                && reads(bit.operation) == reading
        })
    };
    Use::of(of(BitKeyword::Xbits, true), of(BitKeyword::Hostbits, false))
}
