//! The sensor's own engine, asked by the API: what is asked, what it answers, and why it may not.
//!
//! It runs in a process of its own, which whoever joins the API to the rest starts and limits.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ApiState;
use crate::error::{ApiError, Result};

/// A longer rule is not explained.
const MAX_EXPLAINED_BYTES: usize = 64 * 1_024;

/// Language of the words of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tongue {
    #[default]
    Vi,
    En,
}

impl Tongue {
    pub fn name(self) -> &'static str {
        match self {
            Tongue::Vi => "vi",
            Tongue::En => "en",
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TongueQuery {
    #[serde(default)]
    #[param(inline, required = false)]
    pub language: Tongue,
}

/// What is asked of a text of rules, or of a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Which of them load, and what is wrong with the others: [`Checked`].
    Check,
    /// What they do, in words: [`OfRules`] with [`Explained`].
    Explain,
    /// What may be written at a byte of one rule: a list of [`Offer`].
    Complete { offset: usize },
    /// What each does on a capture: [`OfRules`] with [`Tried`].
    Try { capture: PathBuf },
    /// Which files a capture carries: [`Carved`].
    Files { capture: PathBuf },
    /// The bytes of one of them, no JSON.
    FileContent { capture: PathBuf, number: u64 },
}

/// The files that a capture carries.
#[derive(Debug, Deserialize)]
pub struct Carved {
    pub files: Vec<CarvedFile>,
    /// Files beyond those that are told of.
    pub left_out: u64,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CarvedFile {
    /// From 0, in the order in which files end.
    pub number: u64,
    /// Of its end, as EVE writes it.
    pub time: String,
    /// Who sent it, and who got it.
    pub source: String,
    pub destination: String,
    pub protocol: String,
    pub filename: Option<String>,
    /// What kind of file it is, by its first bytes.
    pub magic: Option<String>,
    pub size: u64,
    /// CLOSED: seen to its end; TRUNCATED; ERROR; UNKNOWN
    pub state: String,
    /// Bytes in its midst were not captured.
    pub gaps: bool,
    pub md5: Option<String>,
    pub sha1: Option<String>,
    /// Of files without an end: of what was seen.
    pub sha256: Option<String>,
    /// All that was seen of it can be had.
    pub held: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineFault {
    /// The sensor's program is not there.
    Missing,
    /// Too many others are asking.
    Busy,
    /// It took more time or memory than it may, or answered more.
    Limit(&'static str),
    /// It says why.
    Failed(String),
}

impl From<EngineFault> for ApiError {
    fn from(fault: EngineFault) -> ApiError {
        match fault {
            EngineFault::Missing => ApiError::NoEngine,
            EngineFault::Busy => ApiError::Busy("the rule engine is busy".to_owned()),
            EngineFault::Limit(what) => ApiError::EngineLimit(what),
            EngineFault::Failed(reason) => ApiError::EngineFailed(reason),
        }
    }
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Checked {
    pub loaded: u64,
    pub failed: u64,
    /// Lines that are no rules: comments that hold one.
    pub skipped: u64,
    pub failures: Vec<Remark>,
    pub warnings: Vec<Remark>,
}

/// A fault, or something worth telling of a rule that loads.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Remark {
    /// Of the rule's first line, from 1.
    pub line: u64,
    /// In bytes from 1, counted on over continued lines.
    pub column: u64,
    /// Behind the last byte.
    pub end_column: u64,
    pub sid: Option<u32>,
    pub keyword: Option<String>,
    pub code: Option<String>,
    pub reason: String,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Explained {
    pub sid: u32,
    pub rev: u32,
    pub msg: String,
    pub words: Vec<String>,
    /// How it is looked for: addresses, detection, transactions, frames, waiting, or packets.
    pub kind: String,
    pub fast_pattern: Option<FastPattern>,
    pub advice: Vec<String>,
    pub waits_for: Option<String>,
    pub text: String,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FastPattern {
    pub buffer: String,
    /// As a rule writes it.
    pub pattern: String,
    /// The rule names it.
    pub explicit: bool,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Offer {
    pub label: String,
    /// action, protocol, variable, keyword, buffer, field, class
    pub kind: String,
    pub doc: String,
}

/// What one rule did on a capture.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Tried {
    pub sid: u32,
    pub msg: String,
    /// Packets and transactions that it was looked at with.
    pub looks: u64,
    pub matches: u64,
    pub alerts: u64,
    /// How near it came, the best first; empty when it alerted.
    pub attempts: Vec<NearMiss>,
}

/// Where an attempt ended.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NearMiss {
    /// Number of the captured frame, from 1; absent at the end of a flow.
    pub frame: Option<u64>,
    pub source: Option<String>,
    pub destination: Option<String>,
    pub direction: String,
    /// Number of the transaction within its flow, from 0.
    pub transaction: Option<u64>,
    /// The condition that failed, in words.
    pub why: String,
    pub buffer: Option<String>,
    pub nearest: Option<String>,
    /// Place in the buffer behind the last condition that held.
    pub position: Option<u64>,
    /// Bytes around that place: offset, hexadecimal, text.
    #[serde(default)]
    pub hex: Vec<String>,
}

/// An answer about the rules of a text. What is wrong with rules, a check tells.
#[derive(Deserialize)]
pub struct OfRules<T> {
    pub rules: Vec<T>,
}

/// Asks, and reads the answer.
pub async fn ask<T: serde::de::DeserializeOwned>(
    state: &ApiState,
    question: Question,
    text: &str,
    tongue: Tongue,
) -> Result<T> {
    let answer = state.machine().ask_engine(question, text, tongue).await?;
    serde_json::from_slice(&answer)
        .map_err(|error| ApiError::Broken(format!("the rule engine's answer: {error}")))
}

/// What one rule does, in words. A text that is no sound rule is not found.
pub async fn explained(state: &ApiState, rule: &str, tongue: Tongue) -> Result<Explained> {
    if rule.len() > MAX_EXPLAINED_BYTES {
        return Err(ApiError::EngineLimit("length"));
    }
    let told: OfRules<Explained> = ask(state, Question::Explain, rule, tongue).await?;
    told.rules.into_iter().next().ok_or(ApiError::NotFound)
}
