//! What findings say, in Vietnamese and English. The console has the same words from the same files.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::finding::{Code, Figure, Finding};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Language {
    #[default]
    Vi,
    En,
}

/// What is wrong, and what to do; `{{name}}` is a figure, `{{name, number}}` a number in the language's way.
#[derive(Debug, Deserialize)]
struct Words {
    what: String,
    remedy: String,
}

type Table = BTreeMap<Code, Words>;

const TABLES: [(Language, &str); 2] = [
    (
        Language::Vi,
        include_str!("../../../event/findings/vi.json"),
    ),
    (
        Language::En,
        include_str!("../../../event/findings/en.json"),
    ),
];

/// Writes findings in one language.
pub struct Writer {
    language: Language,
    table: Table,
}

impl Writer {
    pub fn new(language: Language) -> Self {
        let text = TABLES
            .iter()
            .find(|(known, _)| *known == language)
            .map_or("{}", |(_, text)| text);
        Writer {
            language,
            table: serde_json::from_str(text).unwrap_or_default(),
        }
    }

    pub fn what(&self, finding: &Finding) -> String {
        self.fill(finding, |words| &words.what)
    }

    pub fn remedy(&self, finding: &Finding) -> String {
        self.fill(finding, |words| &words.remedy)
    }

    fn fill(&self, finding: &Finding, part: impl Fn(&Words) -> &String) -> String {
        let Some(words) = self.table.get(&finding.code) else {
            return finding.code.name().to_owned();
        };
        let mut filled = String::new();
        let mut rest = part(words).as_str();
        while let Some((before, after)) = rest.split_once("{{") {
            filled.push_str(before);
            let (place, after) = after.split_once("}}").unwrap_or((after, ""));
            let name = place.split(',').next().unwrap_or(place).trim();
            match finding.figures.get(name) {
                Some(Figure::Number(number)) => filled.push_str(&self.number(*number)),
                Some(Figure::Text(text)) => filled.push_str(text),
                None => filled.push('?'),
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    /// With the language's mark between thousands.
    pub fn number(&self, number: u64) -> String {
        let mark = match self.language {
            Language::Vi => '.',
            Language::En => ',',
        };
        let digits = number.to_string();
        let mut written = String::with_capacity(digits.len() + digits.len() / 3);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                written.push(mark);
            }
            written.push(digit);
        }
        written
    }
}

/// A time as records write it.
pub fn time(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1_000).unwrap_or(0);
    format!("{}Z", sensor_event::DateTime(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of figures in a text.
    fn places(text: &str) -> Vec<&str> {
        text.split("{{")
            .skip(1)
            .filter_map(|part| part.split_once("}}"))
            .map(|(place, _)| place.split(',').next().unwrap_or(place).trim())
            .collect()
    }

    #[test]
    fn every_code_has_words_in_both_languages_with_the_same_figures() {
        let [vi, en] = TABLES.map(|(language, text)| {
            serde_json::from_str::<Table>(text)
                .unwrap_or_else(|error| panic!("{language:?}: {error}"))
        });
        let codes: Vec<&Code> = Code::ALL.iter().collect();
        assert_eq!(vi.keys().collect::<Vec<_>>(), codes);
        assert_eq!(en.keys().collect::<Vec<_>>(), codes);
        for (code, words) in &vi {
            let other = &en[code];
            for (text, twin) in [(&words.what, &other.what), (&words.remedy, &other.remedy)] {
                let (mut names, mut twins) = (places(text), places(twin));
                names.sort_unstable();
                twins.sort_unstable();
                assert_eq!(names, twins, "{code:?}");
            }
        }
    }

    #[test]
    fn figures_are_filled_in() {
        let finding = Finding::new(Code::RulesFailing, 0)
            .with("failed", 12)
            .with("loaded", 34_567);
        let vi = Writer::new(Language::Vi).what(&finding);
        assert!(vi.contains("12") && vi.contains("34.567"), "{vi}");
        let en = Writer::new(Language::En).what(&finding);
        assert!(en.contains("34,567"), "{en}");
        assert_eq!(Writer::new(Language::En).number(1_234_567), "1,234,567");
    }
}
