//! What the events of decoder and streams have in common: tables of names, and what happened to one packet.

use std::marker::PhantomData;

/// Words of a set.
const WORDS: usize = 3;
/// Events that a set has room for.
pub const MAX_EVENTS: usize = WORDS * u64::BITS as usize;
/// Events of one packet that are told one by one.
pub const MAX_TOLD: usize = 15;

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

/// The events of one packet, of one kind, in the order in which they happened; one that happens twice (two broken
/// options) is told twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSet<E> {
    words: [u64; WORDS],
    /// Numbers; those beyond [`MAX_TOLD`] are in `words` alone.
    told: [u8; MAX_TOLD],
    count: u8,
    of: PhantomData<E>,
}

impl<E> Default for EventSet<E> {
    fn default() -> Self {
        EventSet {
            words: [0; WORDS],
            told: [0; MAX_TOLD],
            count: 0,
            of: PhantomData,
        }
    }
}

impl<E: Event> EventSet<E> {
    pub fn insert(&mut self, event: E) {
        let number = event.number();
        self.words[usize::from(number / 64)] |= 1 << (number % 64);
        let place = self.told.get_mut(usize::from(self.count));
        if let (Some(place), Ok(number)) = (place, u8::try_from(number)) {
            *place = number;
            self.count += 1;
        }
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
        self.count == 0
    }

    /// The first [`MAX_TOLD`], in their order.
    pub fn iter(&self) -> impl Iterator<Item = E> + '_ {
        self.told[..usize::from(self.count)]
            .iter()
            .filter_map(|&number| E::ALL.get(usize::from(number)).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DecodeEvent;

    #[test]
    fn events_are_told_in_order_as_often_as_they_happen() {
        let mut events = EventSet::default();
        assert!(events.is_empty());
        let happened = [
            DecodeEvent::Ipv4OptPadRequired,
            DecodeEvent::Ipv4OptInvalidLen,
            DecodeEvent::Ipv4OptInvalidLen,
        ];
        happened.iter().for_each(|&event| events.insert(event));
        assert_eq!(events.iter().collect::<Vec<_>>(), happened);
        for _ in 0..MAX_TOLD {
            events.insert(DecodeEvent::Ipv4OptInvalid);
        }
        events.insert(DecodeEvent::TooManyLayers);
        assert_eq!(events.iter().count(), MAX_TOLD);
        assert!(events.contains(DecodeEvent::TooManyLayers));
    }
}
