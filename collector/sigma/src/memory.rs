//! What correlations remember over a restart, with the names of the places that events came from.

use std::collections::HashMap;

use rules::sigma::{Origin, SharedState};

/// Memory of more bytes than these is not kept.
pub const MEMORY_BYTES: usize = 64 << 20;

/// Sensors by the number that correlations know them by.
#[derive(Debug, Default)]
pub struct Origins {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Origins {
    pub fn of(&mut self, sensor: &str) -> Origin {
        if let Some(&number) = self.numbers.get(sensor) {
            return Origin(number);
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(sensor.to_owned());
        self.numbers.insert(sensor.to_owned(), number);
        Origin(number)
    }

    pub fn names(&self, origins: &[Origin]) -> Vec<String> {
        origins
            .iter()
            .filter_map(|origin| self.names.get(origin.0 as usize).cloned())
            .collect()
    }
}

/// As bytes: the names in JSON, a line feed, the state.
pub fn write(origins: &Origins, state: &SharedState) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(&origins.names)?;
    bytes.push(b'\n');
    bytes.extend(state.write()?);
    Ok(bytes)
}

/// None where the bytes are not what [`write`] wrote.
pub fn read(bytes: &[u8]) -> Option<(Origins, SharedState)> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let names: Vec<String> = serde_json::from_slice(bytes.get(..end)?).ok()?;
    let mut origins = Origins::default();
    for name in &names {
        origins.of(name);
    }
    Some((origins, SharedState::read(bytes.get(end + 1..)?).ok()?))
}
