//! Subcommands.

pub mod doctor;
pub mod enrol;
pub mod files;
pub mod forward;
pub mod replay;
pub mod rules;
pub mod run;
pub mod top;
