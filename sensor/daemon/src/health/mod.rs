//! How the sensor is: what it counts of itself, what is wrong by that, and in which words it is told.
//!
//! Workers put counts on a [`Board`]; the [`Observer`] joins them with what rules, spool, link and system tell to a
//! [`Status`], and [`judge`] makes findings of it. The running sensor gives its status to whoever connects to a socket
//! in its state folder ([`socket`]) and sends the findings with its heartbeats; `doctor` and `top` read the socket.

mod board;
pub mod finding;
mod interface;
mod judge;
pub mod metrics;
mod observer;
pub mod socket;
pub mod status;
pub mod words;

pub use board::Board;
pub use interface::Interface;
pub use judge::{CLOCK_MS, judge};
pub use observer::{Delivery, Observer, Sources, disk_of, unix_ms};
