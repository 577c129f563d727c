//! Whole-system checks, and what they share.

pub mod conversations;
pub mod pieces;
