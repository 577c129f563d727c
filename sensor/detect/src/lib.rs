//! Prefilter, then full match → alerts.
//!
//! [`Engine`] is a compiled rule set, shared by all workers; an [`Inspector`] belongs to one worker and
//! inspects its packets, stream data and transactions against it. What a flow must remember between its
//! packets is a [`FlowState`].

mod compile;
mod content;
mod dataset;
mod engine;
mod header;
mod hosts;
mod inspect;
mod prefilter;
mod state;
mod subject;
mod threshold;
mod transform;
mod vocabulary;

pub use content::Captured;
pub use dataset::{DatasetError, DatasetId};
pub use engine::{CompileFault, Engine, Summary};
pub use inspect::{ALERT_LIMIT, Counts, Inspector, Match};
pub use state::FlowState;
pub use subject::{Traffic, TransactionInspection};
pub use vocabulary::Names;
