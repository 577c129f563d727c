//! Sigma rules on the collector: over records as they are stored.
//!
//! [`LiveRules`] is asked by ingest ([`collector_ingest::Judge`]). What matches is picked out on the way in; once it is
//! stored it is judged, with correlations over all sensors, and the alerts are kept in the state store in one
//! transaction with how far the stream is judged. [`LiveRules::deliver`] then hands them to ingest as records of the
//! collector's own, so that they are stored, grouped, hidden and told like any other; they say
//! `matluoi.source: collector`, and which record they come of.
//!
//! - **Once**: a record comes at least once, and is judged once: a stream is judged from its mark on, and what was
//!   judged but could not be kept waits in memory. A rule that a sensor runs itself over its records is left to it, and
//!   a correlation of such a rule where only that sensor's records brought it about.
//! - **Time** is the record's, but not beyond now: a sensor whose clock is ahead does not age what others say.
//! - **Scope**: an alert of one record belongs to its sensor's unit, one of several sensors to the lowest unit that
//!   holds them all.
//! - **Over a restart**: alerts on their way are delivered; what correlations remember is kept every minute and at the
//!   end. After a crash they miss what came since they were kept (they count too little, never twice), and other rules,
//!   or another pipeline, begin anew. That a DNS response belongs to a request that has alerted is not kept.

mod live;
mod memory;
mod record;

pub use live::{Counts, LiveRules, Options, Running};
