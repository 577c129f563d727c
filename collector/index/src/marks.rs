//! High-water marks: through which number of each stream something is stored.

use std::collections::BTreeMap;

use sensor_event::Class;
use serde::{Deserialize, Serialize};

use crate::event::Stream;

/// Epochs remembered per sensor. A sensor has a new epoch when its spool was made anew, so that nothing
/// of the old ones can come again.
const MAX_EPOCHS: usize = 16;

/// Marks by sensor, epoch and class. Serialised into commit payloads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Marks(BTreeMap<String, BTreeMap<u64, BTreeMap<String, u64>>>);

impl Marks {
    /// The mark of a stream; 0 when there is none.
    pub fn of(&self, stream: &Stream) -> u64 {
        self.0
            .get(&stream.sensor)
            .and_then(|epochs| epochs.get(&stream.epoch))
            .and_then(|classes| classes.get(stream.class.name()))
            .copied()
            .unwrap_or(0)
    }

    /// Raises the mark of a stream. Marks never fall.
    pub fn raise(&mut self, stream: &Stream, through: u64) {
        if !self.0.contains_key(&stream.sensor) {
            self.0.insert(stream.sensor.clone(), BTreeMap::new());
        }
        let Some(epochs) = self.0.get_mut(&stream.sensor) else {
            return;
        };
        if !epochs.contains_key(&stream.epoch) && epochs.len() >= MAX_EPOCHS {
            epochs.pop_first();
        }
        let mark = epochs
            .entry(stream.epoch)
            .or_default()
            .entry(stream.class.name().to_owned())
            .or_insert(0);
        *mark = (*mark).max(through);
    }

    /// Raises every mark to at least that of `other`.
    pub fn raise_all(&mut self, other: &Marks) {
        for (sensor, epochs) in &other.0 {
            for (&epoch, classes) in epochs {
                for (class, &through) in classes {
                    if let Some(class) = Class::from_name(class) {
                        let stream = Stream {
                            sensor: sensor.clone(),
                            epoch,
                            class,
                        };
                        self.raise(&stream, through);
                    }
                }
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(epoch: u64, class: Class) -> Stream {
        Stream {
            sensor: "s".to_owned(),
            epoch,
            class,
        }
    }

    #[test]
    fn marks_rise_and_survive_json() {
        let mut marks = Marks::default();
        marks.raise(&stream(1, Class::Alert), 5);
        marks.raise(&stream(1, Class::Alert), 3);
        marks.raise(&stream(1, Class::Flow), 9);
        assert_eq!(marks.of(&stream(1, Class::Alert)), 5);
        assert_eq!(marks.of(&stream(2, Class::Alert)), 0);
        let json = serde_json::to_string(&marks).expect("marks serialise");
        assert_eq!(json, r#"{"s":{"1":{"alert":5,"flow":9}}}"#);
        assert_eq!(serde_json::from_str::<Marks>(&json).expect("valid"), marks);
    }

    #[test]
    fn old_epochs_are_forgotten() {
        let mut marks = Marks::default();
        for epoch in 0..100 {
            marks.raise(&stream(epoch, Class::Alert), 1);
        }
        assert_eq!(marks.of(&stream(0, Class::Alert)), 0);
        assert_eq!(marks.of(&stream(99, Class::Alert)), 1);
        assert_eq!(marks.0["s"].len(), MAX_EPOCHS);
    }
}
