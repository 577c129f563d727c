//! Records on their way from the sensor to its collector.
//!
//! Workers hand records to a [`Recorder`], which never waits. A thread of its own numbers them per
//! class and appends them to the [`Spool`], a store on disk within a budget. The [`Shipper`] sends what
//! is spooled, best class first, over one stream with mutual TLS, and deletes what the collector has
//! acknowledged. [`enrol`] makes the sensor known to a collector.
//!
//! [`Outlets`] bring the same records to others: a file, the syslog, a Unix socket.
//!
//! What is lost on the way is counted by class, hour and reason in the [`Ledger`]: `made` is what the
//! workers handed over, and equals what was shed, is spooled, and was acknowledged.

mod batch;
mod block;
mod budget;
mod canary;
mod enrol;
mod error;
mod evidence;
mod fleet;
mod heartbeat;
mod hunt;
mod identity;
mod ledger;
mod link;
mod outlet;
mod pace;
mod plan;
mod recorder;
mod renewal;
mod rules;
mod seal;
mod shipper;
mod spool;
mod store;
mod tls;
mod writer;

/// The delivery protocol, generated from `sensor/event/proto/delivery.proto`.
#[allow(clippy::all, missing_docs)]
pub mod wire {
    tonic::include_proto!("matluoi.delivery.v1");
}

pub use budget::{HourRate, LinkBudget, LinkPlan, LinkUse, PlanError};
pub use enrol::{Enrolled, EnrolmentString, enrol};
pub use error::{Result, ShipError};
pub use evidence::EvidenceSource;
pub use fleet::{ConfigurationState, FleetDesk};
pub use hunt::HuntSource;
pub use identity::Identity;
pub use ledger::{Counts, HourClass, Ledger, Reason};
pub use outlet::{OutletPlan, OutletState, Outlets, Place, PreparedOutlets};
pub use recorder::{Bookmark, Recorder};
pub use rules::{RulesDesk, RulesState};
pub use seal::{MAX_BUNDLE_BYTES, Manifest, SealError, SealedRules};
pub use shipper::{CommandHandler, Contact, Dial, Shipper, ShipperOptions, SigmaInUse};
pub use spool::{Backlog, Commits, Spool, SpoolLimits};
