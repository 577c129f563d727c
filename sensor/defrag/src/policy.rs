//! What hosts do with fragments that overlap (Shankar and Paxson; Novak, "Target-based fragmentation reassembly").

use std::net::IpAddr;

/// A way to resolve overlaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    First,
    Last,
    Bsd,
    BsdRight,
    Linux,
    Solaris,
    Windows,
}

impl Policy {
    /// The way of a system, by its name under `host-os-policy` in Suricata's configuration.
    pub fn of_system(name: &str) -> Option<Policy> {
        Some(match name {
            "bsd" | "hpux10" | "irix" => Policy::Bsd,
            "bsd-right" => Policy::BsdRight,
            "linux" | "old-linux" => Policy::Linux,
            "first" | "old-solaris" | "hpux11" | "macos" => Policy::First,
            "solaris" => Policy::Solaris,
            "windows" | "vista" | "windows2k3" => Policy::Windows,
            "last" => Policy::Last,
            _ => return None,
        })
    }
}

/// Which hosts follow which policy; the longest prefix counts.
#[derive(Debug, Clone)]
pub struct HostPolicies(Vec<(IpAddr, u8, Policy)>);

impl Default for HostPolicies {
    /// Windows for IPv4, BSD for the rest.
    fn default() -> Self {
        HostPolicies(vec![(IpAddr::from([0, 0, 0, 0]), 0, Policy::Windows)])
    }
}

impl HostPolicies {
    /// Hosts of a network follow a policy.
    pub fn add(&mut self, network: IpAddr, prefix: u8, policy: Policy) {
        self.0.push((network, prefix, policy));
        self.0
            .sort_by_key(|(_, prefix, _)| std::cmp::Reverse(*prefix));
    }

    pub fn of(&self, host: IpAddr) -> Policy {
        self.0
            .iter()
            .find(|(network, prefix, _)| within(host, *network, *prefix))
            .map_or(Policy::Bsd, |(.., policy)| *policy)
    }
}

fn within(host: IpAddr, network: IpAddr, prefix: u8) -> bool {
    let (host, network, width) = match (host, network) {
        (IpAddr::V4(host), IpAddr::V4(network)) => (
            u128::from(u32::from(host)),
            u128::from(u32::from(network)),
            32,
        ),
        (IpAddr::V6(host), IpAddr::V6(network)) => (u128::from(host), u128::from(network), 128),
        _ => return false,
    };
    let shift = u32::from(width - prefix.min(width));
    (host ^ network).checked_shr(shift).unwrap_or(0) == 0
}

/// A fragment's data at its place.
pub(crate) struct Piece {
    pub offset: u32,
    /// Bytes at its beginning that others hold.
    pub trimmed: u32,
    pub more: bool,
    pub data: Vec<u8>,
}

impl Piece {
    pub fn end(&self) -> u32 {
        self.offset + self.data.len() as u32
    }

    /// Where what is left of it begins.
    fn start(&self) -> u32 {
        self.offset + self.trimmed
    }
}

/// What became of a fragment.
pub(crate) struct Placed {
    pub taken: bool,
    pub overlapped: bool,
}

/// How a fragment fares against one that is there.
enum Verdict {
    /// The next one is to be asked too.
    Next,
    /// Its place is found.
    Insert,
    /// It gives way.
    Drop,
}

/// Puts a fragment among the others.
pub(crate) fn place(
    pieces: &mut Vec<Piece>,
    policy: Policy,
    offset: u32,
    more: bool,
    data: &[u8],
) -> Placed {
    let end = offset + data.len() as u32;
    let mut overlapped = false;
    let mut trimmed = 0;
    let behind = pieces.partition_point(|piece| piece.offset < offset);
    let mut at = if offset == 0 || behind == pieces.len() {
        0
    } else {
        behind.saturating_sub(1)
    };
    let mut gone = None;
    while at < pieces.len() {
        let next = pieces.get(at + 1).map(|next| next.offset);
        let old = &mut pieces[at];
        overlapped |= offset < old.end() && old.offset < end;
        let mut cut_next = false;
        let verdict = meet(policy, (offset, end), &mut trimmed, old, &mut cut_next);
        let replaced = old.trimmed as usize >= old.data.len();
        match verdict {
            Verdict::Next => {}
            Verdict::Drop => {
                return Placed {
                    taken: false,
                    overlapped,
                };
            }
            Verdict::Insert => {
                gone = replaced.then_some(at);
                if cut_next
                    && next.is_some_and(|next| end > next)
                    && let Some(next) = pieces.get_mut(at + 1)
                {
                    next.trimmed = end - next.offset;
                }
                break;
            }
        }
        at += 1;
    }
    if let Some(gone) = gone {
        pieces.remove(gone);
    }
    // A piece that others hold wholly brings nothing.
    pieces.retain(|piece| (piece.trimmed as usize) < piece.data.len());
    let Some(kept) = data.get(trimmed as usize..).filter(|kept| !kept.is_empty()) else {
        return Placed {
            taken: false,
            overlapped,
        };
    };
    let offset = offset + trimmed;
    let at = pieces.partition_point(|piece| piece.offset <= offset);
    pieces.insert(
        at,
        Piece {
            offset,
            trimmed: 0,
            more,
            data: kept.to_vec(),
        },
    );
    Placed {
        taken: true,
        overlapped,
    }
}

/// A new fragment (`offset..end`, its first `trimmed` bytes lost already) meets an old one.
fn meet(
    policy: Policy,
    (offset, end): (u32, u32),
    trimmed: &mut u32,
    old: &mut Piece,
    cut_next: &mut bool,
) -> Verdict {
    let replace = |old: &mut Piece| old.trimmed = old.data.len() as u32;
    let start = offset + *trimmed;
    match policy {
        Policy::Bsd => {
            if offset >= old.end() {
                return Verdict::Next;
            }
            *cut_next = true;
            if old.offset <= offset {
                if old.end() > end {
                    return Verdict::Drop;
                }
                *trimmed = old.end() - offset;
            } else if end > old.start() {
                old.trimmed = old.trimmed.max(end - old.offset);
            }
            Verdict::Insert
        }
        Policy::Linux => {
            if old.start() < start && old.end() > start {
                *trimmed += old.end() - offset;
            }
            let start = offset + *trimmed;
            if start < old.start() && end > old.start() {
                old.trimmed = end - old.offset;
                return Verdict::Insert;
            }
            if start <= old.start() && end >= old.end() {
                replace(old);
                return Verdict::Insert;
            }
            Verdict::Next
        }
        Policy::Windows => {
            if offset >= old.offset && end <= old.end() {
                return Verdict::Drop;
            }
            if offset < old.offset && end > old.end() {
                replace(old);
                return Verdict::Insert;
            }
            if start > old.start() && start < old.end() || offset == old.offset && end > old.end() {
                *trimmed += old.end() - offset;
                return Verdict::Insert;
            }
            Verdict::Next
        }
        Policy::Solaris => {
            if offset >= old.end() {
                return Verdict::Next;
            }
            if offset >= old.offset {
                *trimmed = old.end() - offset;
            } else if end >= old.end() {
                replace(old);
            }
            Verdict::Insert
        }
        Policy::First => {
            if offset >= old.offset && end <= old.end() {
                return Verdict::Drop;
            }
            if offset < old.offset {
                return Verdict::Insert;
            }
            if offset < old.end() {
                *trimmed = old.end() - offset;
                return Verdict::Insert;
            }
            Verdict::Next
        }
        Policy::Last => {
            if offset > old.offset {
                return Verdict::Next;
            }
            if end > old.offset {
                old.trimmed = end - old.offset;
            }
            Verdict::Insert
        }
        Policy::BsdRight => Verdict::Next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fragments by offset and letter, eight bytes for each letter, in the order of arrival.
    fn assembled(policy: Policy, fragments: &[(u32, &str)]) -> String {
        let mut pieces = Vec::new();
        for (offset, letters) in fragments {
            place(&mut pieces, policy, *offset, true, letters.as_bytes());
        }
        let mut out = vec![
            b'.';
            pieces
                .iter()
                .map(|piece| piece.end() as usize)
                .max()
                .unwrap_or(0)
        ];
        for piece in &pieces {
            out[piece.start() as usize..piece.end() as usize]
                .copy_from_slice(&piece.data[piece.trimmed as usize..]);
        }
        String::from_utf8(out).expect("letters")
    }

    #[test]
    fn overlaps_are_resolved_by_policy() {
        type Row = (Policy, &'static [(u32, &'static str)], &'static str);
        let rows: [Row; 9] = [
            (Policy::First, &[(0, "AAAA"), (2, "BBBB")], "AAAABB"),
            (Policy::Last, &[(0, "AAAA"), (0, "BB")], "BBAA"),
            (Policy::Bsd, &[(2, "AAAA"), (0, "BBBB")], "BBBBAA"),
            (Policy::Linux, &[(0, "AAAA"), (0, "BBBB")], "BBBB"),
            (Policy::Windows, &[(0, "AAAA"), (0, "BBBB")], "AAAA"),
            (Policy::Windows, &[(2, "AA"), (0, "BBBBBB")], "BBBBBB"),
            (Policy::Windows, &[(0, "AAAA"), (2, "BBBB")], "AAAABB"),
            (Policy::Solaris, &[(0, "AAAA"), (2, "BBBB")], "AAAABB"),
            (Policy::Solaris, &[(2, "AA"), (0, "BBBB")], "BBBB"),
        ];
        for (policy, fragments, whole) in rows {
            assert_eq!(
                assembled(policy, fragments),
                whole,
                "{policy:?} {fragments:?}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn any_fragments_are_placed(
            fragments in proptest::collection::vec((0u32..200, 1usize..40), 1..40),
            policy in 0usize..7,
        ) {
            let policy = [
                Policy::First,
                Policy::Last,
                Policy::Bsd,
                Policy::BsdRight,
                Policy::Linux,
                Policy::Solaris,
                Policy::Windows,
            ][policy];
            let mut pieces = Vec::new();
            for (offset, length) in fragments {
                place(&mut pieces, policy, offset, true, &vec![1; length]);
            }
            for pair in pieces.windows(2) {
                proptest::prop_assert!(pair[0].offset <= pair[1].offset);
            }
            for piece in &pieces {
                proptest::prop_assert!((piece.trimmed as usize) < piece.data.len());
            }
        }
    }
}
