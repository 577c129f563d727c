//! Five-tuple → flow, direction, timeouts.

mod direction;

pub use direction::Direction;
