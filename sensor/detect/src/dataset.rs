//! Datasets: named sets of values that rules look up and extend.
//!
//! Sets are shared by all workers of a sensor, hence the lock; only rules with `dataset` take it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use base64::Engine as _;
use rules::signature::{Comparison, Dataset, DatasetOperation};
use sensor_event::Json;
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
    #[error("{path}: {reason}")]
    Json { path: PathBuf, reason: String },
    #[error("set {name} does not fit into its memcap of {memcap} bytes")]
    Memory { name: String, memcap: u64 },
    #[error("{path} cannot be written: {source}")]
    Write {
        path: PathBuf,
        source: std::io::Error,
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
    /// Where the set is written at the end.
    save: Option<PathBuf>,
    /// No file stands behind it: it has what rules put in.
    in_memory: bool,
    /// Shared with the set of this name in the rule set before, if rules fill it.
    values: Arc<RwLock<Values>>,
}

type Values = HashMap<Vec<u8>, Entry>;

/// What is known of a value.
#[derive(Debug, Clone, Default)]
struct Entry {
    reputation: u16,
    context: Option<Json>,
}

/// How the file of a set is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// A value a line, with its reputation behind a comma.
    Lines,
    /// An array of objects.
    Json,
    /// An object a line.
    JsonLines,
}

fn option<'a>(dataset: &'a Dataset, name: &str) -> Option<&'a str> {
    dataset
        .options
        .iter()
        .find(|(word, _)| word == name)
        .map(|(_, value)| value.as_str())
}

/// All sets of a rule set.
#[derive(Debug, Default)]
pub struct DatasetTable {
    /// Relative `load` paths are looked up here, then in the working directory.
    directories: Vec<PathBuf>,
    /// Files that the rules carry with them, by name.
    carried: HashMap<String, String>,
    sets: Vec<Arc<Set>>,
    /// Sets of the rule set before this one.
    before: Vec<Arc<Set>>,
}

impl DatasetTable {
    /// Sets of rules that take the place of those of `before`.
    pub fn new(directories: Vec<PathBuf>, before: Option<&DatasetTable>) -> Self {
        DatasetTable {
            directories,
            carried: HashMap::new(),
            sets: Vec::new(),
            before: before.map_or_else(Vec::new, |table| table.sets.clone()),
        }
    }

    /// With files that the rules carry with them: these are looked at first.
    pub fn carrying(mut self, carried: HashMap<String, String>) -> Self {
        self.carried = carried;
        self
    }

    /// No more sets are opened: what they were read from is forgotten.
    pub fn loaded(&mut self) {
        self.carried = HashMap::new();
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
                    self.load(dataset, load, &mut values)?;
                }
                check_memory(dataset, &values)?;
                self.sets.push(Arc::new(Set {
                    name: dataset.name.clone(),
                    kind: kind.to_owned(),
                    save: dataset.save.as_ref().map(|save| self.place(save)),
                    in_memory: dataset.load.is_none() && dataset.save.is_none(),
                    values: self.running(dataset, values),
                }));
                self.sets.len() - 1
            }
        };
        Ok(DatasetId(index as u32))
    }

    /// The values of a set that rules fill go on from the rule set before, with what its file has beside; those of
    /// a set that is only read are what its file has now.
    fn running(&self, dataset: &Dataset, loaded: Values) -> Arc<RwLock<Values>> {
        let filled = dataset.load.is_none() || dataset.save.is_some();
        let same = |set: &&Arc<Set>| set.name == dataset.name && set.kind == dataset.kind;
        match self.before.iter().find(same).filter(|_| filled) {
            None => Arc::new(RwLock::new(loaded)),
            Some(set) => {
                // What the file of a kept set has is older than what runs.
                if dataset.load != dataset.save {
                    let mut values = set
                        .values
                        .write()
                        .unwrap_or_else(|poisoned| poisoned.into_inner());
                    for (value, entry) in loaded {
                        if values.len() < VALUE_LIMIT {
                            values.entry(value).or_insert(entry);
                        }
                    }
                }
                Arc::clone(&set.values)
            }
        }
    }

    /// Where a set file lies: beside the rules, else in the working directory.
    fn place(&self, name: &str) -> PathBuf {
        let beside = |directory: &PathBuf| directory.join(name);
        self.directories
            .iter()
            .map(beside)
            .find(|path| path.is_file())
            .or_else(|| self.directories.first().map(beside))
            .unwrap_or_else(|| Path::new(name).to_owned())
    }

    fn load(&self, dataset: &Dataset, load: &str, values: &mut Values) -> Result<(), DatasetError> {
        let path = self.place(load);
        let read = match self.carried.get(load) {
            Some(text) => Ok(text.clone()),
            None => std::fs::read_to_string(&path),
        };
        let text = match read {
            Ok(text) => text,
            // A set that is kept from run to run begins empty.
            Err(source)
                if source.kind() == std::io::ErrorKind::NotFound && dataset.save.is_some() =>
            {
                return Ok(());
            }
            Err(source) => return Err(DatasetError::Read { path, source }),
        };
        let format = match option(dataset, "format") {
            Some("json") => Format::Json,
            Some("ndjson" | "jsonline") => Format::JsonLines,
            _ => Format::Lines,
        };
        let broken = |reason: String| DatasetError::Json {
            path: path.clone(),
            reason,
        };
        match format {
            Format::Lines => read_lines(&path, &text, &dataset.kind, values),
            Format::Json => {
                let whole =
                    serde_json::from_str(&text).map_err(|error| broken(error.to_string()))?;
                let mut at: &serde_json::Value = &whole;
                for step in option(dataset, "array_key")
                    .into_iter()
                    .flat_map(|key| key.split('.'))
                {
                    at = at
                        .get(step)
                        .ok_or_else(|| broken(format!("there is no {step:?}")))?;
                }
                let array = at
                    .as_array()
                    .ok_or_else(|| broken("an array of objects is wanted".to_owned()))?;
                for object in array {
                    add_object(dataset, object, values).map_err(broken)?;
                }
                Ok(())
            }
            Format::JsonLines => {
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    let object =
                        serde_json::from_str(line).map_err(|error| broken(error.to_string()))?;
                    add_object(dataset, &object, values).map_err(broken)?;
                }
                Ok(())
            }
        }
    }

    /// Where the sets that rules want kept are written.
    pub fn kept_files(&self) -> Vec<PathBuf> {
        self.sets
            .iter()
            .filter_map(|set| set.save.clone())
            .collect()
    }

    /// Empties the sets that have nothing but what rules put in.
    pub fn forget(&self) {
        for set in self.sets.iter().filter(|set| set.in_memory) {
            set.values
                .write()
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .clear();
        }
    }

    /// Writes the sets that rules want kept.
    ///
    /// # Errors
    /// The first file that cannot be written.
    pub fn save(&self) -> Result<(), DatasetError> {
        for set in &self.sets {
            let Some(path) = &set.save else { continue };
            let values = set
                .values
                .read()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            let mut lines: Vec<String> = values
                .keys()
                .filter_map(|value| encode_value(value, &set.kind))
                .collect();
            lines.sort_unstable();
            let mut text = lines.join("\n");
            if !text.is_empty() {
                text.push('\n');
            }
            std::fs::write(path, text).map_err(|source| DatasetError::Write {
                path: path.clone(),
                source,
            })?;
        }
        Ok(())
    }
}

fn read_lines(
    path: &Path,
    text: &str,
    kind: &str,
    values: &mut Values,
) -> Result<(), DatasetError> {
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
            path: path.to_owned(),
            line: number + 1,
            kind: kind.to_owned(),
        })?;
        if values.len() < VALUE_LIMIT {
            values.insert(
                value,
                Entry {
                    reputation,
                    context: None,
                },
            );
        }
    }
    Ok(())
}

/// Puts an object's value into a set, with the rest of it as context. An object without the value is passed over.
fn add_object(
    dataset: &Dataset,
    object: &serde_json::Value,
    values: &mut Values,
) -> Result<(), String> {
    let path = option(dataset, "value_key").ok_or("value_key is missing")?;
    let mut at = object;
    for step in path.split('.') {
        match at.get(step) {
            Some(inner) => at = inner,
            None => return Ok(()),
        }
    }
    let text = at.as_str().ok_or_else(|| format!("{path} is no text"))?;
    // Strings stand in JSON as they are.
    let value = match dataset.kind.as_str() {
        "string" | "" => text.as_bytes().to_vec(),
        kind => decode_value(text, kind).ok_or_else(|| format!("{text:?} is no {kind}"))?,
    };
    let mut context = json(object);
    if option(dataset, "remove_key").is_some()
        && let Json::Object(members) = &mut context
    {
        members.retain(|(name, _)| name != path);
    }
    if values.len() < VALUE_LIMIT {
        values.insert(
            value,
            Entry {
                reputation: 0,
                context: Some(context),
            },
        );
    }
    Ok(())
}

fn json(value: &serde_json::Value) -> Json {
    use serde_json::Value;
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => Json::Unsigned(value),
            (None, Some(value)) => Json::Integer(value),
            (None, None) => number.as_f64().map_or(Json::Null, Json::Float),
        },
        Value::String(text) => Json::Text(text.clone()),
        Value::Array(values) => Json::List(values.iter().map(json).collect()),
        Value::Object(members) => Json::Object(
            members
                .iter()
                .map(|(name, value)| (name.clone(), json(value)))
                .collect(),
        ),
    }
}

/// Whether the values fit into the memory that the rule grants, as the reference engine counts it.
fn check_memory(dataset: &Dataset, values: &Values) -> Result<(), DatasetError> {
    /// A row of the table, a value in it, and the values that it makes room for at once.
    const ROW_BYTES: u64 = 64;
    const VALUE_BYTES: u64 = 104;
    const AT_ONCE: u64 = 1_000;
    let size = |name: &str| option(dataset, name).and_then(parse_size);
    let Some(memcap) = size("memcap") else {
        return Ok(());
    };
    let held: u64 = values.keys().map(|value| value.len() as u64).sum();
    let used = size("hashsize").unwrap_or(0) * ROW_BYTES
        + AT_ONCE.max(values.len() as u64) * VALUE_BYTES
        + held;
    if used > memcap {
        return Err(DatasetError::Memory {
            name: dataset.name.clone(),
            memcap,
        });
    }
    Ok(())
}

/// Bytes, with a unit if wanted.
fn parse_size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(factor)
}

impl DatasetLookup for DatasetTable {
    fn check(
        &self,
        id: DatasetId,
        condition: &Dataset,
        value: &[u8],
        captured: &mut Vec<Captured>,
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
                let found = values.get(&key);
                if condition.operation == DatasetOperation::IsSet
                    && let (Some(context), Some(name)) = (
                        found.and_then(|entry| entry.context.as_ref()),
                        option(condition, "context_key"),
                    )
                {
                    captured.push(Captured::Context {
                        name: name.to_owned(),
                        value: context.clone(),
                    });
                }
                let found = found.map(|entry| entry.reputation);
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
                values.len() < VALUE_LIMIT && values.insert(key, Entry::default()).is_none()
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
        "md5" | "sha1" | "sha256" => {
            let length = match kind {
                "md5" => 32,
                "sha1" => 40,
                _ => 64,
            };
            // Lists as digest programs write them have the name of the file behind.
            let text = text.split_ascii_whitespace().next()?;
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

/// The value as a file of its kind has it.
fn encode_value(value: &[u8], kind: &str) -> Option<String> {
    Some(match kind {
        "md5" | "sha256" => value.iter().map(|byte| format!("{byte:02x}")).collect(),
        "ipv4" | "ip" | "ipv6" => {
            let v6 = std::net::Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?);
            match v6.to_ipv4_mapped() {
                Some(v4) => v4.to_string(),
                None => v6.to_string(),
            }
        }
        _ => base64::engine::general_purpose::STANDARD.encode(value),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(kind: &str, options: &[(&str, &str)]) -> Dataset {
        Dataset {
            operation: DatasetOperation::IsSet,
            name: "bad".to_owned(),
            kind: kind.to_owned(),
            load: None,
            save: None,
            reputation: None,
            options: options
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }

    #[test]
    fn objects_bring_their_context() {
        let object = serde_json::json!({"host": {"fqdn": "a.vn"}, "year": 2005});
        let mut values = Values::new();
        let set = dataset("string", &[("value_key", "host.fqdn")]);
        assert_eq!(add_object(&set, &object, &mut values), Ok(()));
        let context = values["a.vn".as_bytes()].context.clone();
        assert!(
            matches!(context, Some(Json::Object(members)) if members.len() == 2),
            "both members"
        );
        let address = serde_json::json!({"ip": "10.0.0.1", "x": 1});
        let set = dataset("ip", &[("value_key", "ip"), ("remove_key", "")]);
        assert_eq!(add_object(&set, &address, &mut values), Ok(()));
        let key = key(&[10, 0, 0, 1], "ip").expect("an address");
        assert_eq!(
            values[&key].context,
            Some(Json::Object(vec![("x".to_owned(), Json::Unsigned(1))]))
        );
    }

    #[test]
    fn values_fit_into_memory_or_are_refused() {
        let mut values = Values::new();
        let set = dataset("string", &[("memcap", "104064"), ("hashsize", "1")]);
        assert!(check_memory(&set, &values).is_ok());
        values.insert(b"a".to_vec(), Entry::default());
        assert!(check_memory(&set, &values).is_err());
    }

    #[test]
    fn files_that_rules_carry_come_before_those_of_folders() {
        let carried = HashMap::from([("set.lst".to_owned(), "b2xk\n".to_owned())]);
        let mut table = DatasetTable::new(Vec::new(), None).carrying(carried);
        let set = |load: &str| Dataset {
            load: Some(load.to_owned()),
            ..dataset("string", &[])
        };
        table.open(&set("set.lst")).expect("it is carried");
        let values = table.sets[0].values.read().expect("nobody fails");
        assert!(values.contains_key(b"old".as_slice()));
        drop(values);
        table.loaded();
        let other = Dataset {
            name: "other".to_owned(),
            ..set("set.lst")
        };
        assert!(table.open(&other).is_err(), "it is forgotten");
    }

    #[test]
    fn sets_that_rules_fill_go_on_and_those_that_are_read_are_read_anew() {
        let folder = std::env::temp_dir().join(format!("matluoi-sets-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let write = |values: &[&str]| {
            let lines: Vec<String> = values
                .iter()
                .filter_map(|value| encode_value(value.as_bytes(), "string"))
                .collect();
            std::fs::write(folder.join("set.lst"), lines.join("\n"))
                .expect("a file can be written");
        };
        let file = || Some("set.lst".to_owned());
        // What is loaded and saved, and what the set has of old, gained and new after a reload.
        for (load, save, expected) in [
            (None, None, "-g-"),
            (file(), None, "--n"),
            (file(), file(), "og-"),
            (file(), Some("other.lst".to_owned()), "ogn"),
        ] {
            let set = Dataset {
                load,
                save,
                ..dataset("string", &[])
            };
            write(&["old"]);
            let mut first = DatasetTable::new(vec![folder.clone()], None);
            first.open(&set).expect("it loads");
            let gain = first.sets[0].values.write();
            gain.expect("nobody fails")
                .insert(b"gained".to_vec(), Entry::default());
            write(&["new"]);
            let mut second = DatasetTable::new(vec![folder.clone()], Some(&first));
            second.open(&set).expect("it loads");
            let values = second.sets[0].values.read().expect("nobody fails");
            let has = |value: &str, mark| {
                if values.contains_key(value.as_bytes()) {
                    mark
                } else {
                    '-'
                }
            };
            let found: String = [has("old", 'o'), has("gained", 'g'), has("new", 'n')]
                .iter()
                .collect();
            assert_eq!(found, expected, "{set:?}");
            drop(values);
            let in_memory = set.load.is_none() && set.save.is_none();
            second.forget();
            let values = second.sets[0].values.read().expect("nobody fails");
            assert_eq!(values.is_empty(), in_memory, "{set:?}");
        }
        std::fs::remove_dir_all(&folder).expect("it was there");
    }

    #[test]
    fn values_are_written_as_they_are_read() {
        for (kind, text) in [
            ("string", "YWJj"),
            ("md5", "900150983cd24fb0d6963f7d28e17f72"),
            ("ip", "10.0.0.1"),
            ("ip", "2001:db8::1"),
        ] {
            let value = decode_value(text, kind).expect("a value");
            assert_eq!(encode_value(&value, kind).as_deref(), Some(text), "{kind}");
        }
    }
}
