//! What an analyst reads beside an alert: by signature, else by ATT&CK technique, else by class.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Bilingual {
    pub vi: String,
    pub en: String,
}

/// Steps in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BilingualList {
    pub vi: Vec<String>,
    pub en: Vec<String>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GuidanceText {
    pub title: Bilingual,
    pub meaning: Bilingual,
    pub cause: Bilingual,
    pub check: BilingualList,
    pub escalate: Bilingual,
    /// What it was found by: sid, technique, classtype.
    pub found_by: String,
}

#[derive(Deserialize)]
struct Entry {
    sid: Option<u32>,
    technique: Option<String>,
    classtype: Option<String>,
    /// The words of `alert.category` that go with the class.
    category: Option<String>,
    title: Bilingual,
    meaning: Bilingual,
    cause: Bilingual,
    check: BilingualList,
    escalate: Bilingual,
}

#[derive(Debug, thiserror::Error)]
#[error("guidance file {file}: {reason}")]
pub struct GuidanceError {
    /// Place in the list that was given.
    pub file: usize,
    pub reason: String,
}

#[derive(Debug, Clone, Default)]
pub struct Guidance {
    by_sid: HashMap<u32, GuidanceText>,
    by_technique: HashMap<String, GuidanceText>,
    by_class: HashMap<String, GuidanceText>,
}

impl Guidance {
    /// Reads YAML lists. An entry with a `sid` is for that signature even if it names a technique.
    pub fn parse(files: &[&str]) -> Result<Guidance, GuidanceError> {
        let mut guidance = Guidance::default();
        for (file, text) in files.iter().enumerate() {
            let entries: Vec<Entry> =
                serde_saphyr::from_str(text).map_err(|error| GuidanceError {
                    file,
                    reason: error.to_string(),
                })?;
            for entry in entries {
                guidance.add(entry);
            }
        }
        Ok(guidance)
    }

    fn add(&mut self, entry: Entry) {
        let found_by = match (&entry.sid, &entry.technique) {
            (Some(_), _) => "sid",
            (None, Some(_)) => "technique",
            (None, None) => "classtype",
        };
        let text = GuidanceText {
            title: entry.title,
            meaning: entry.meaning,
            cause: entry.cause,
            check: entry.check,
            escalate: entry.escalate,
            found_by: found_by.to_owned(),
        };
        match (entry.sid, entry.technique) {
            (Some(sid), _) => {
                self.by_sid.insert(sid, text);
            }
            (None, Some(technique)) => {
                self.by_technique.insert(technique, text);
            }
            (None, None) => {
                for class in [entry.classtype, entry.category].into_iter().flatten() {
                    self.by_class.insert(class.to_lowercase(), text.clone());
                }
            }
        }
    }

    /// The best entry: of the signature, its technique (a sub-technique falls back to its technique), its
    /// class.
    pub fn find(&self, sid: u32, technique: Option<&str>, category: &str) -> Option<&GuidanceText> {
        self.by_sid
            .get(&sid)
            .or_else(|| {
                let technique = technique?;
                let parent = technique.split('.').next().unwrap_or(technique);
                let found = self.by_technique.get(technique);
                found.or_else(|| self.by_technique.get(parent))
            })
            .or_else(|| self.by_class.get(&category.to_lowercase()))
    }

    /// The title of a signature that has an entry of its own.
    pub fn title(&self, sid: u32) -> Option<&Bilingual> {
        self.by_sid.get(&sid).map(|text| &text.title)
    }
}

#[cfg(test)]
mod tests {
    use super::Guidance;

    #[test]
    fn the_nearest_entry_wins() {
        let entry = |key: &str, title: &str| {
            format!(
                "- {key}\n  title: {{vi: v, en: {title}}}\n  meaning: {{vi: v, en: e}}\n  cause: {{vi: v, en: e}}\n  \
                 check: {{vi: [a], en: [a]}}\n  escalate: {{vi: v, en: e}}\n"
            )
        };
        let sid = entry("sid: 9", "of-sid");
        let technique = entry("technique: T1046", "of-technique");
        let class = entry("classtype: attempted-recon", "of-class");
        let guidance = Guidance::parse(&[&sid, &technique, &class]).expect("they are lists");
        for (sid, technique, class, expected) in [
            (9, Some("T1046"), "", Some("of-sid")),
            (8, Some("T1046.001"), "", Some("of-technique")),
            (8, Some("T1"), "Attempted-Recon", Some("of-class")),
            (8, None, "x", None),
        ] {
            let found = guidance.find(sid, technique, class);
            assert_eq!(found.map(|text| text.title.en.as_str()), expected);
        }
        assert!(Guidance::parse(&["- sid: x"]).is_err());
    }
}
