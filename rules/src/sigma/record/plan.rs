//! What of events is looked at: a tree over the dotted paths that rules read.

use std::collections::HashMap;

use crate::sigma::limits;
use crate::sigma::pipeline::{Source, Take};

/// A value that rules read, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::sigma) struct Slot(pub u32);

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::sigma) enum SlotKey {
    Path(String),
    Derived(Source),
    /// All values below objects; none: of the whole event.
    Under(Vec<String>),
}

/// What of events is looked at.
#[derive(Debug, Default)]
pub(in crate::sigma) struct Plan {
    slots: HashMap<SlotKey, Slot>,
    pub(super) nodes: Vec<PathNode>,
    pub(super) derived: Vec<Derived>,
    derivations: HashMap<Slot, Derivation>,
}

/// Place in the derived values of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sigma) struct Derivation(pub(super) usize);

#[derive(Debug, Default)]
pub(super) struct PathNode {
    /// Dotted paths below, all of them, by the length and the text from here on.
    children: Vec<Vec<Child>>,
    pub(super) slot: Option<Slot>,
    /// Slots that take every value from here on.
    pub(super) under: Vec<Slot>,
    /// Whether anything below is wanted.
    pub(super) depth: u32,
}

#[derive(Debug)]
struct Child {
    ends: [u8; 2],
    node: u32,
    name: Box<str>,
}

#[derive(Debug)]
pub(super) struct Derived {
    pub(super) slot: Slot,
    pub(super) input: Slot,
    pub(super) second: Option<Slot>,
    pub(super) take: Take,
}

pub(super) const ROOT: u32 = 0;
/// So many names are looked through one by one.
const FEW: usize = 8;

impl Plan {
    pub(in crate::sigma) fn new() -> Plan {
        Plan {
            nodes: vec![PathNode::default()],
            ..Plan::default()
        }
    }

    pub(in crate::sigma) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// How a slot is computed, where it is computed of others.
    pub(in crate::sigma) fn derivation(&self, slot: Slot) -> Option<Derivation> {
        self.derivations.get(&slot).copied()
    }

    pub(in crate::sigma) fn path(&mut self, path: &str) -> Slot {
        self.slot(SlotKey::Path(path.to_owned()))
    }

    pub(in crate::sigma) fn source(&mut self, source: &Source) -> Slot {
        match source.take {
            Take::Whole => self.path(&source.path),
            _ => self.slot(SlotKey::Derived(source.clone())),
        }
    }

    pub(in crate::sigma) fn under(&mut self, objects: &[String]) -> Slot {
        self.slot(SlotKey::Under(objects.to_vec()))
    }

    fn slot(&mut self, key: SlotKey) -> Slot {
        if let Some(slot) = self.slots.get(&key) {
            return *slot;
        }
        let derived = match &key {
            SlotKey::Derived(source) => Some(self.inputs(source)),
            _ => None,
        };
        let slot = Slot(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        self.slots.insert(key.clone(), slot);
        match key {
            SlotKey::Path(path) => {
                let node = self.node(&path);
                if let Some(node) = self.nodes.get_mut(node as usize) {
                    node.slot = Some(slot);
                }
            }
            SlotKey::Under(objects) if objects.is_empty() => {
                if let Some(root) = self.nodes.get_mut(ROOT as usize) {
                    root.under.push(slot);
                }
            }
            SlotKey::Under(objects) => {
                for object in objects {
                    let node = self.node(&object);
                    if let Some(node) = self.nodes.get_mut(node as usize) {
                        node.under.push(slot);
                    }
                }
            }
            SlotKey::Derived(source) => {
                let (input, second) = derived.unwrap_or((slot, None));
                self.derivations
                    .insert(slot, Derivation(self.derived.len()));
                self.derived.push(Derived {
                    slot,
                    input,
                    second,
                    take: source.take,
                });
            }
        }
        slot
    }

    fn inputs(&mut self, source: &Source) -> (Slot, Option<Slot>) {
        match &source.take {
            Take::Absolute { host: second } | Take::RpcOperation { opnum: second } => {
                (self.path(&source.path), Some(self.path(second)))
            }
            Take::Header { .. } | Take::BasicUser { .. } => (
                self.path(&format!("{}.name", source.path)),
                Some(self.path(&format!("{}.value", source.path))),
            ),
            _ => (self.path(&source.path), None),
        }
    }

    /// The node of a path; every node on its way knows it by the rest of the path.
    fn node(&mut self, path: &str) -> u32 {
        let mut node = ROOT;
        if let Some((from, _)) = path.rmatch_indices('.').next()
            && let Some(parent) = path.get(..from)
            && !parent.is_empty()
            && path.len() <= limits::FIELD_BYTES
        {
            node = self.node(parent);
        }
        let parent = node;
        let last = path.rsplit('.').next().unwrap_or(path);
        let own = if parent == ROOT { path } else { last };
        if let Some(found) = self.child(parent, own) {
            return found;
        }
        let new = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(PathNode::default());
        // From every ancestor, by the rest of the path.
        let mut start = Some(0);
        let mut ancestor = ROOT;
        while let Some(at) = start {
            let rest = path.get(at..).unwrap_or_default();
            if let Some(node) = self.nodes.get_mut(ancestor as usize) {
                node.add(rest, new);
                node.depth += 1;
            }
            start = rest.find('.').map(|dot| at + dot + 1);
            if let Some(next) = start {
                let prefix = path.get(..next - 1).unwrap_or_default();
                match self.child(ROOT, prefix) {
                    Some(found) => ancestor = found,
                    None => break,
                }
            }
        }
        new
    }

    pub(super) fn child(&self, node: u32, key: &str) -> Option<u32> {
        self.nodes.get(node as usize)?.child(key)
    }
}

impl PathNode {
    fn add(&mut self, name: &str, node: u32) {
        if self.children.len() <= name.len() {
            self.children.resize_with(name.len() + 1, Vec::new);
        }
        if let Some(same) = self.children.get_mut(name.len()) {
            let ends = ends(name);
            let place = same.partition_point(|own| (own.ends, own.name.as_ref()) < (ends, name));
            let name = name.into();
            same.insert(place, Child { ends, node, name });
        }
    }

    fn child(&self, key: &str) -> Option<u32> {
        let same = self.children.get(key.len())?;
        let ends = ends(key);
        let found = if same.len() > FEW {
            let place = |own: &Child| (own.ends, own.name.as_ref()).cmp(&(ends, key));
            same.get(same.binary_search_by(place).ok()?)
        } else {
            let mut named = same.iter();
            named.find(|own| own.ends == ends && own.name.as_ref() == key)
        };
        found.map(|own| own.node)
    }
}

/// First and last byte: most names of one length differ in them.
fn ends(name: &str) -> [u8; 2] {
    let bytes = name.as_bytes();
    [
        bytes.first().copied().unwrap_or_default(),
        bytes.last().copied().unwrap_or_default(),
    ]
}
