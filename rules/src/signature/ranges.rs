//! Sets of numbers as sorted, disjoint ranges, and the groups that rule headers write.

/// Sorted, disjoint, inclusive.
pub(crate) type Ranges = Vec<(u128, u128)>;

pub(crate) fn union(mut a: Ranges, b: Ranges) -> Ranges {
    a.extend(b);
    a.sort_unstable();
    let mut merged: Ranges = Vec::with_capacity(a.len());
    for (first, last) in a {
        match merged.last_mut() {
            Some(previous) if first <= previous.1.saturating_add(1) => {
                previous.1 = previous.1.max(last)
            }
            _ => merged.push((first, last)),
        }
    }
    merged
}

pub(crate) fn intersection(a: &Ranges, b: &Ranges) -> Ranges {
    let (mut i, mut j) = (0, 0);
    let mut both = Vec::new();
    while let (Some(&(a_first, a_last)), Some(&(b_first, b_last))) = (a.get(i), b.get(j)) {
        let (first, last) = (a_first.max(b_first), a_last.min(b_last));
        if first <= last {
            both.push((first, last));
        }
        if a_last < b_last { i += 1 } else { j += 1 }
    }
    both
}

pub(crate) fn difference(a: &Ranges, b: &Ranges) -> Ranges {
    let mut left = Vec::new();
    let mut j = 0;
    for &(first, last) in a {
        let mut from = Some(first);
        while j > 0 && b[j - 1].1 >= first {
            j -= 1;
        }
        while let (Some(start), Some(&(b_first, b_last))) = (from, b.get(j)) {
            if b_last < start {
                j += 1;
                continue;
            }
            if b_first > last {
                break;
            }
            if b_first > start {
                left.push((start, b_first - 1));
            }
            from = b_last.checked_add(1).filter(|&next| next <= last);
            j += 1;
        }
        if let Some(start) = from {
            left.push((start, last));
        }
    }
    left
}

/// A group: `include` (everything when none) without `exclude`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub include: Option<Ranges>,
    pub exclude: Ranges,
}

impl Group {
    pub fn any() -> Group {
        Group {
            include: None,
            exclude: Vec::new(),
        }
    }

    pub fn of(ranges: Ranges) -> Group {
        Group {
            include: Some(ranges),
            exclude: Vec::new(),
        }
    }

    /// What the group includes, exclusions carried out; none when it includes everything else.
    pub fn plain(&self) -> Option<Ranges> {
        self.include
            .as_ref()
            .map(|include| difference(include, &self.exclude))
    }

    pub fn negate(&self) -> Group {
        match self.plain() {
            Some(ranges) => Group {
                include: None,
                exclude: ranges,
            },
            None => Group::of(self.exclude.clone()),
        }
    }

    pub fn or(self, other: Group) -> Group {
        match (self.plain(), other.plain()) {
            (Some(a), Some(b)) => Group::of(union(a, b)),
            (None, None) => Group {
                include: None,
                exclude: intersection(&self.exclude, &other.exclude),
            },
            (Some(a), None) => Group {
                include: None,
                exclude: difference(&other.exclude, &a),
            },
            (None, Some(b)) => Group {
                include: None,
                exclude: difference(&self.exclude, &b),
            },
        }
    }

    pub fn and(self, other: Group) -> Group {
        let exclude = union(self.exclude, other.exclude);
        let include = match (self.include, other.include) {
            (Some(a), Some(b)) => Some(intersection(&a, &b)),
            (a, b) => a.or(b),
        };
        Group { include, exclude }
    }

    /// Nothing is left.
    pub fn is_empty(&self) -> bool {
        self.plain().is_some_and(|ranges| ranges.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algebra() {
        let a = vec![(0, 10), (20, 30)];
        let b = vec![(5, 22), (28, 40)];
        assert_eq!(union(a.clone(), b.clone()), [(0, 40)]);
        assert_eq!(intersection(&a, &b), [(5, 10), (20, 22), (28, 30)]);
        assert_eq!(difference(&a, &b), [(0, 4), (23, 27)]);
        assert_eq!(
            difference(&vec![(0, 100)], &vec![(10, 20), (30, 40)]),
            [(0, 9), (21, 29), (41, 100)]
        );
        let group = Group::of(a).negate();
        assert_eq!(
            group.clone().negate().plain(),
            Some(vec![(0, 10), (20, 30)])
        );
        assert_eq!(Group::any().and(group).exclude, [(0, 10), (20, 30)]);
    }
}
