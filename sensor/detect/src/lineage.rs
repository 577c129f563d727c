//! What survives when one rule set takes the place of another.
//!
//! A flow remembers signatures by their numbers, and a new rule set numbers them anew. Each engine therefore
//! knows its *generation* and, for some generations before it, what became of their signatures: one whose text is
//! still there keeps its progress, the others are forgotten. A flow compares its generation with the engine's
//! once a packet, and translates itself when they differ; nothing else on the packet path knows of reloading.
//!
//! Names (flow bits, host bits) keep their numbers for as long as the sensor runs; what is counted by rule
//! (thresholds, tags) is counted by its ids. Hence bits, thresholds and tags need no translation.

use std::collections::HashMap;

use rules::signature::Signature;

use crate::compile::Compiled;

/// Generations of which the numbers can be translated; a flow that slept over more of them begins its
/// transactions anew.
pub const GENERATION_LIMIT: usize = 8;

/// No signature of the present rule set.
const GONE: u32 = u32::MAX;

/// A rule, whatever its number: a new revision is another rule, and its counts begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RuleKey {
    gid: u32,
    sid: u32,
    rev: u32,
}

impl RuleKey {
    pub fn of(signature: &Signature) -> Self {
        RuleKey {
            gid: signature.gid,
            sid: signature.sid,
            rev: signature.rev,
        }
    }

    #[cfg(test)]
    pub fn numbered(sid: u32) -> Self {
        RuleKey {
            gid: 1,
            sid,
            rev: 1,
        }
    }
}

/// An earlier generation, seen from the present one.
#[derive(Debug)]
struct Past {
    generation: u32,
    /// By number then: the number now, or [`GONE`].
    now: Vec<u32>,
}

/// The generations before an engine's.
#[derive(Debug, Default)]
pub(crate) struct Lineage {
    generation: u32,
    /// The latest first.
    past: Vec<Past>,
}

impl Lineage {
    /// The lineage of signatures that take the place of others.
    pub fn after(before: &Lineage, then: &[Compiled], now: &[Compiled]) -> Self {
        let number: HashMap<(u32, u64, bool), u32> = (0..)
            .zip(now)
            .map(|(index, one)| (identity(one), index))
            .collect();
        let step: Vec<u32> = then
            .iter()
            .map(|one| number.get(&identity(one)).copied().unwrap_or(GONE))
            .collect();
        let through = |index: u32| step.get(index as usize).copied().unwrap_or(GONE);
        let older = before.past.iter().map(|past| Past {
            generation: past.generation,
            now: past.now.iter().map(|&index| through(index)).collect(),
        });
        let older: Vec<Past> = older.take(GENERATION_LIMIT - 1).collect();
        let mut past = vec![Past {
            generation: before.generation,
            now: step,
        }];
        past.extend(older);
        Lineage {
            generation: before.generation + 1,
            past,
        }
    }

    /// 0 for the first rule set, one more with each that takes its place.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The present number of a signature of an earlier generation.
    pub fn translate(&self, generation: u32, signature: u32) -> Option<u32> {
        let past = self.past(generation)?;
        past.now
            .get(signature as usize)
            .copied()
            .filter(|&now| now != GONE)
    }

    /// Whether a present signature is known to be newer than a generation.
    pub fn is_newer(&self, signature: u32, generation: u32) -> bool {
        self.past(generation)
            .is_some_and(|past| !past.now.contains(&signature))
    }

    fn past(&self, generation: u32) -> Option<&Past> {
        self.past.iter().find(|past| past.generation == generation)
    }
}

/// What makes two signatures the same: the text (by number and hash), and which direction of a rule with `<>` it is.
fn identity(one: &Compiled) -> (u32, u64, bool) {
    (one.signature.sid, one.text_hash, one.swapped)
}
