//! Prefilter, then full match → alerts.
//!
//! [`Engine`] is a compiled rule set, shared by all workers; an [`Inspector`] belongs to one worker and
//! inspects its packets, stream data and transactions against it. What a flow must remember between its
//! packets is a [`FlowState`].

mod advice;
mod build;
mod compile;
mod content;
mod dataset;
mod engine;
mod header;
mod hosts;
mod inspect;
mod lineage;
mod measure;
mod order;
mod pattern;
mod plan;
mod prefilter;
mod profile;
mod reputation;
mod state;
mod subject;
mod tag;
mod threshold;
mod trace;
mod transform;
mod vocabulary;

pub use advice::Advice;
pub use build::EngineBuilder;
pub use content::Captured;
pub use dataset::{DatasetError, DatasetId};
pub use engine::{CompileFault, Engine, Keep, Options, Summary};
pub use inspect::{ALERT_LIMIT, Counts, Inspector, Match, StoreFiles, Verdict};
pub use lineage::GENERATION_LIMIT;
#[doc(hidden)]
pub use measure::Prefilter;
pub use plan::Plan;
pub use profile::{Cost, Costs};
pub use reputation::{Countries, Known, Reputation, ReputationError, read_categories};
pub use state::{FlowAction, FlowState};
pub use subject::{Traffic, TransactionInspection};
pub use trace::{Attempt, BytesMiss, HeaderMiss, Missed, Trace, Traced};
pub use vocabulary::Names;
