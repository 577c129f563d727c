//! Datasets: named sets of values that rules look up and extend.
//!
//! Sets are shared by all workers of a sensor, hence the lock; only rules with `dataset` take it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use base64::Engine as _;
use rules::signature::{Comparison, Dataset, DatasetOperation};
use sha2::Digest as _;

use crate::content::{Captured, DatasetLookup};

/// Values that one set holds at most; `set` beyond it is counted and ignored.
pub const VALUE_LIMIT: usize = 1 << 20;
/// Bytes of one value.
pub const VALUE_BYTES_LIMIT: usize = 4_096;

/// Index of a set in its [`DatasetTable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatasetId(u32);

#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    #[error("cannot read {path}: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}:{line}: not a value of type {kind}")]
    Value {
        path: PathBuf,
        line: usize,
        kind: String,
    },
    #[error("set {name} is used with types {first} and {second}")]
    KindConflict {
        name: String,
        first: String,
        second: String,
    },
}

#[derive(Debug)]
struct Set {
    name: String,
    kind: String,
    /// Value → reputation (0 without one).
    values: RwLock<HashMap<Vec<u8>, u16>>,
}

/// All sets of a rule set.
#[derive(Debug, Default)]
pub struct DatasetTable {
    /// Relative `load` paths are looked up here, then in the working directory.
    directories: Vec<PathBuf>,
    sets: Vec<Arc<Set>>,
}

impl DatasetTable {
    pub fn new(directories: Vec<PathBuf>) -> Self {
        DatasetTable {
            directories,
            sets: Vec::new(),
        }
    }

    /// The set that a rule names, loaded on first use.
    pub fn open(&mut self, dataset: &Dataset) -> Result<DatasetId, DatasetError> {
        let kind = dataset.kind.as_str();
        let index = match self.sets.iter().position(|set| set.name == dataset.name) {
            Some(index) => {
                let first = &self.sets[index].kind;
                if !kind.is_empty() && first != kind {
                    return Err(DatasetError::KindConflict {
                        name: dataset.name.clone(),
                        first: first.clone(),
                        second: kind.to_owned(),
                    });
                }
                index
            }
            None => {
                let mut values = HashMap::new();
                if let Some(load) = &dataset.load {
                    self.read(load, kind, &mut values)?;
                }
                self.sets.push(Arc::new(Set {
                    name: dataset.name.clone(),
                    kind: kind.to_owned(),
                    values: RwLock::new(values),
                }));
                self.sets.len() - 1
            }
        };
        Ok(DatasetId(index as u32))
    }

    fn read(
        &self,
        load: &str,
        kind: &str,
        values: &mut HashMap<Vec<u8>, u16>,
    ) -> Result<(), DatasetError> {
        let path = self
            .directories
            .iter()
            .map(|directory| directory.join(load))
            .find(|path| path.is_file())
            .unwrap_or_else(|| Path::new(load).to_owned());
        let text = std::fs::read_to_string(&path).map_err(|source| DatasetError::Read {
            path: path.clone(),
            source,
        })?;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (value, reputation) = match line.rsplit_once(',') {
                Some((value, number)) if number.trim().parse::<u16>().is_ok() => {
                    (value, number.trim().parse().unwrap_or(0))
                }
                _ => (line, 0),
            };
            let value = decode_value(value, kind).ok_or_else(|| DatasetError::Value {
                path: path.clone(),
                line: number + 1,
                kind: kind.to_owned(),
            })?;
            if values.len() < VALUE_LIMIT {
                values.insert(value, reputation);
            }
        }
        Ok(())
    }
}

impl DatasetLookup for DatasetTable {
    fn check(
        &self,
        id: DatasetId,
        condition: &Dataset,
        value: &[u8],
        _found: &mut Vec<Captured>,
    ) -> bool {
        let Some(set) = self.sets.get(id.0 as usize) else {
            return false;
        };
        let Some(key) = key(value, &set.kind) else {
            return false;
        };
        match condition.operation {
            DatasetOperation::IsSet | DatasetOperation::IsNotSet | DatasetOperation::Reputation => {
                let values = set
                    .values
                    .read()
                    .unwrap_or_else(|poisoned| poisoned.into_inner());
                let found = values.get(&key).copied();
                match (condition.operation, condition.reputation) {
                    (DatasetOperation::IsSet, _) => found.is_some(),
                    (DatasetOperation::IsNotSet, _) => found.is_none(),
                    (_, Some((comparison, wanted))) => {
                        found.is_some_and(|reputation| compare(reputation, comparison, wanted))
                    }
                    _ => false,
                }
            }
            DatasetOperation::Set => {
                let mut values = set
                    .values
                    .write()
                    .unwrap_or_else(|poisoned| poisoned.into_inner());
                values.len() < VALUE_LIMIT && values.insert(key, 0).is_none()
            }
            DatasetOperation::Unset => {
                let mut values = set
                    .values
                    .write()
                    .unwrap_or_else(|poisoned| poisoned.into_inner());
                values.remove(&key).is_some()
            }
        }
    }
}

/// How a value of the traffic is kept in a set of a kind: hashes of it, or itself.
fn key(value: &[u8], kind: &str) -> Option<Vec<u8>> {
    match kind {
        "md5" => Some(match value.len() {
            16 => value.to_vec(),
            _ => md5::Md5::digest(value).to_vec(),
        }),
        "sha256" => Some(match value.len() {
            32 => value.to_vec(),
            _ => sha2::Sha256::digest(value).to_vec(),
        }),
        // Addresses are kept as 16 bytes, IPv4 mapped.
        "ip" | "ipv6" | "ipv4" => match value.len() {
            4 => Some([&[0; 10][..], &[0xff, 0xff], value].concat()),
            16 => Some(value.to_vec()),
            _ => None,
        },
        _ => (value.len() <= VALUE_BYTES_LIMIT).then(|| value.to_vec()),
    }
}

/// How a value is written in a file of a kind: strings in base64, hashes in hexadecimal.
fn decode_value(text: &str, kind: &str) -> Option<Vec<u8>> {
    match kind {
        "md5" | "sha256" => {
            let length = if kind == "md5" { 32 } else { 64 };
            (text.len() == length).then_some(())?;
            text.as_bytes()
                .chunks(2)
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                .collect()
        }
        "ipv4" | "ip" | "ipv6" => match text.parse::<std::net::IpAddr>().ok()? {
            std::net::IpAddr::V4(v4) => Some(v4.to_ipv6_mapped().octets().to_vec()),
            std::net::IpAddr::V6(v6) => Some(v6.octets().to_vec()),
        },
        _ => base64::engine::general_purpose::STANDARD.decode(text).ok(),
    }
}

fn compare(reputation: u16, comparison: Comparison, wanted: u16) -> bool {
    match comparison {
        Comparison::Equal => reputation == wanted,
        Comparison::NotEqual => reputation != wanted,
        Comparison::Less => reputation < wanted,
        Comparison::LessEqual => reputation <= wanted,
        Comparison::Greater => reputation > wanted,
        Comparison::GreaterEqual => reputation >= wanted,
        Comparison::AnyBit | Comparison::NoBit => false,
    }
}
