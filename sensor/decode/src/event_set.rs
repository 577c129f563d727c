//! What the events of decoder and streams have in common: tables of names, and sets.

use std::marker::PhantomData;

/// Words of a set.
const WORDS: usize = 3;
/// Events that a set has room for.
pub const MAX_EVENTS: usize = WORDS * u64::BITS as usize;

/// Something odd that rules know by a name. There are [`MAX_EVENTS`] of a kind at most.
pub trait Event: Copy + 'static {
    /// In the order of their numbers.
    const ALL: &'static [Self];

    /// Number by which rules refer to it.
    fn number(self) -> u16;
}

/// Makes an enumeration of events from their names in the rule language, and the name of what stands before them in EVE.
#[macro_export]
macro_rules! events {
    ($(#[$about:meta])* $kind:ident of $layer:literal { $($variant:ident = $name:literal),* $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $kind { $($variant),* }

        impl $kind {
            /// In the order of their numbers.
            pub const ALL: &[$kind] = &[$($kind::$variant),*];

            /// Full name, as in EVE: that of the layer in front.
            pub fn full_name(self) -> &'static str {
                match self { $($kind::$variant => concat!($layer, $name)),* }
            }

            /// Name as in rules.
            pub fn name(self) -> &'static str {
                match self { $($kind::$variant => $name),* }
            }

            /// Number by which rules refer to it.
            pub fn number(self) -> u16 {
                self as u16
            }
        }

        impl $crate::Event for $kind {
            const ALL: &'static [Self] = Self::ALL;

            fn number(self) -> u16 {
                self as u16
            }
        }

        const _: () = assert!($kind::ALL.len() <= $crate::MAX_EVENTS);
    };
}

/// A set of events of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSet<E> {
    words: [u64; WORDS],
    of: PhantomData<E>,
}

impl<E> Default for EventSet<E> {
    fn default() -> Self {
        EventSet {
            words: [0; WORDS],
            of: PhantomData,
        }
    }
}

impl<E: Event> EventSet<E> {
    pub fn insert(&mut self, event: E) {
        let number = usize::from(event.number());
        self.words[number / 64] |= 1 << (number % 64);
    }

    pub fn contains(&self, event: E) -> bool {
        self.has_number(event.number())
    }

    /// Whether the event with this number is in the set; unknown numbers are not.
    pub fn has_number(&self, number: u16) -> bool {
        let number = usize::from(number);
        self.words
            .get(number / 64)
            .is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    pub fn is_empty(&self) -> bool {
        self.words == [0; WORDS]
    }

    pub fn iter(&self) -> impl Iterator<Item = E> + '_ {
        E::ALL.iter().copied().filter(|&event| self.contains(event))
    }
}
