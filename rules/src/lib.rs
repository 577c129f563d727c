//! Rule text → checked signatures.
//!
//! [`sigma`] is the Sigma rule language, over events. [`signature`] is the Suricata rule language: text → [`signature::Signature`], every fault with its
//! place, reason and remedy. [`keyword`] holds one file a keyword. A keyword sees traffic through the
//! [`Subject`] trait, which `sensor-detect` implements; the names of protocols and buffers reach this
//! crate as a [`Vocabulary`] value, built there from the protocols that are compiled in.

pub mod keyword;
mod known;
pub mod sigma;
pub mod signature;
mod subject;
mod vocabulary;

pub use known::known_names;
pub use subject::{Address, AppProtocols, FlowState, HOLE, ModbusRequest, RpcInterface, Subject};
pub use vocabulary::{
    BufferId, BufferSpec, FrameSpec, IntFieldId, IntFieldSpec, ProtocolId, ProtocolSpec, Side,
    Vocabulary,
};
