//! Flows that a parser knows of before they begin.

use sensor_flow::Direction;

use crate::ftp::Transfer;

/// Expected flows of one flow that nobody has fetched yet; later ones are not told.
pub const MAX_EXPECTED: usize = 32;

/// A flow between the same two hosts, to a port that one of them named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// At the flow's server.
    pub port: u16,
    /// The side that will speak.
    pub direction: Direction,
    pub transfer: Transfer,
}
