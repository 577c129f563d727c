//! From a sensor's stream to what is durable, and only then acknowledged.
//!
//! [`Ingest`] takes checked batches, hands their events to a [`Store`] and their alerts to [`Groups`],
//! and acknowledges through what all of them have committed. Each keeps its own mark per stream and
//! skips what it has, so that after a crash the stream comes again from the lowest mark and nothing is
//! stored, grouped or counted twice. [`serve`] puts the delivery service and the enrolment endpoint on
//! their sockets; [`Authority`] is the certificate authority of both.
//!
//! Rules over records ([`Judge`]) are asked twice: what matches is picked out before it is stored, and judged once it
//! is, so that a batch which has to come again counts once.
//!
//! A line that is no event goes to quarantine and is counted as rejected; it holds nothing up.

mod authority;
mod batch;
mod committer;
mod connection;
mod enrolment;
mod error;
mod evidence;
mod fleet;
mod hunt;
mod intake;
pub mod limits;
mod ports;
mod seal;
mod server;
mod syslog;

/// The delivery protocol, generated from `sensor/event/proto/delivery.proto`.
#[allow(clippy::all, missing_docs)]
pub mod wire {
    tonic::include_proto!("matluoi.delivery.v1");
}

pub use authority::Authority;
pub use committer::{Desks, Ingest, IngestOptions};
pub use enrolment::enrolment_string;
pub use error::{IngestError, PortError, Result};
pub use evidence::{Chunk, EvidenceDesk, NoEvidence, Told, Wanted};
pub use fleet::{
    Configuration, ConfigurationState, FleetDesk, FleetOrder, Greeting, NoFleet, OrderTold,
};
pub use hunt::{ArchivePlace, FoundPart, FoundRecord, HuntDesk, HuntStep, NoHunts, WantedHunt};
pub use intake::{Intake, LineFault, Numbering, Taken};
pub use ports::{
    Alert, Backlog, CanaryMade, Groups, Heartbeat, HourCounts, Judge, LedgerRow, Matched,
    PublishedRules, RefusedLine, Registry, RulesState, SensorRules, Spool, Store, StreamMarks,
};
pub use seal::{SealedRules, Sealer};
pub use server::{Addresses, delivery_service, serve};
pub use syslog::{RefusedSender, SyslogCounts, SyslogSockets, serve_syslog};
