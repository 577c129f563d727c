//! What an editor asks about rule text: the meaning of the word under the cursor, what may be written there, and
//! which rule sets a flow bit.

use super::explain::{Language, place};
use super::{Environment, lexer};
use crate::Vocabulary;
use crate::keyword::{KEYWORDS, Keyword};

/// What a completion stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemKind {
    Action,
    Protocol,
    Variable,
    Keyword,
    Buffer,
    /// A number of a protocol.
    Field,
    Class,
}

/// Something that may be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub label: String,
    pub kind: ItemKind,
    pub doc: String,
}

impl Item {
    fn new(label: &str, kind: ItemKind, doc: impl Into<String>) -> Self {
        Item {
            label: label.to_owned(),
            kind,
            doc: doc.into(),
        }
    }
}

/// Where in a rule the cursor stands.
enum Spot<'a> {
    /// Number of the header's word.
    Header(usize),
    /// In the name of an option.
    Name,
    /// In the value of the option with this name.
    Value(&'a str, &'a str),
}

fn spot(text: &str, offset: usize) -> Option<Spot<'_>> {
    let before = text.get(..offset)?;
    let Some(open) = before.find('(') else {
        let words = lexer::words(before);
        let inside = words
            .last()
            .filter(|(at, word)| at + word.len() == before.len());
        return Some(match inside {
            Some(_) => Spot::Header(words.len() - 1),
            None => Spot::Header(words.len()),
        });
    };
    let mut start = open + 1;
    while lexer::option_end(before, start) < before.len() {
        start = lexer::option_end(before, start) + 1;
    }
    let option = before.get(start..)?;
    Some(match option.split_once(':') {
        Some((name, value)) => Spot::Value(name.trim(), value),
        None => Spot::Name,
    })
}

fn keyword(name: &str) -> Option<&'static Keyword> {
    KEYWORDS
        .iter()
        .flat_map(|family| family.iter())
        .find(|keyword| keyword.name == name || keyword.aliases.contains(&name))
}

/// What may be written at a place of a rule.
pub fn complete(
    text: &str,
    offset: usize,
    vocabulary: &Vocabulary,
    environment: &Environment,
    language: Language,
) -> Vec<Item> {
    match spot(text, offset) {
        Some(Spot::Header(0)) => ["alert", "drop", "pass", "reject", "config"]
            .iter()
            .map(|action| Item::new(action, ItemKind::Action, ""))
            .collect(),
        Some(Spot::Header(1)) => {
            const LAYERS: [&str; 11] = [
                "ip",
                "ipv4",
                "ipv6",
                "tcp",
                "tcp-pkt",
                "tcp-stream",
                "udp",
                "icmp",
                "icmpv4",
                "icmpv6",
                "pkthdr",
            ];
            let layers = LAYERS.iter().copied();
            layers
                .chain(
                    vocabulary
                        .protocols
                        .iter()
                        .filter(|spec| spec.parsed)
                        .map(|spec| spec.name),
                )
                .map(|name| Item::new(name, ItemKind::Protocol, ""))
                .collect()
        }
        Some(Spot::Header(4)) => ["->", "<>", "=>"]
            .iter()
            .map(|arrow| Item::new(arrow, ItemKind::Keyword, ""))
            .collect(),
        Some(Spot::Header(number)) => environment
            .variables(matches!(number, 3 | 6))
            .map(|(name, value)| Item::new(&format!("${name}"), ItemKind::Variable, value))
            .chain(std::iter::once(Item::new("any", ItemKind::Keyword, "")))
            .collect(),
        Some(Spot::Name) => names(vocabulary, language),
        Some(Spot::Value("classtype", _)) => environment
            .classes()
            .map(|(name, text)| Item::new(name, ItemKind::Class, text))
            .collect(),
        Some(Spot::Value("app-layer-protocol", _)) => vocabulary
            .protocols
            .iter()
            .map(|spec| Item::new(spec.name, ItemKind::Protocol, ""))
            .collect(),
        Some(Spot::Value("flow", _)) => words(&[
            "established",
            "not_established",
            "stateless",
            "to_server",
            "to_client",
            "only_stream",
            "no_stream",
            "only_frag",
            "no_frag",
        ]),
        Some(Spot::Value("flowbits", value)) if !value.contains(',') => {
            words(&["set", "isset", "isnotset", "unset", "toggle", "noalert"])
        }
        Some(Spot::Value("decode-event", _)) => vocabulary
            .decode_events
            .keys()
            .map(|name| Item::new(name, ItemKind::Keyword, ""))
            .collect(),
        Some(Spot::Value("stream-event", _)) => vocabulary
            .stream_events
            .keys()
            .map(|name| Item::new(name, ItemKind::Keyword, ""))
            .collect(),
        Some(Spot::Value("app-layer-event", _)) => vocabulary
            .app_events
            .keys()
            .map(|name| Item::new(name, ItemKind::Keyword, ""))
            .collect(),
        Some(Spot::Value(..)) | None => Vec::new(),
    }
}

fn words(names: &[&str]) -> Vec<Item> {
    names
        .iter()
        .map(|name| Item::new(name, ItemKind::Keyword, ""))
        .collect()
}

/// Names that an option may have.
fn names(vocabulary: &Vocabulary, language: Language) -> Vec<Item> {
    let keywords = KEYWORDS
        .iter()
        .flat_map(|family| family.iter())
        .map(|keyword| Item::new(keyword.name, ItemKind::Keyword, keyword.doc));
    let buffers = vocabulary
        .buffers
        .iter()
        .filter(|spec| spec.parsed)
        .map(|spec| {
            Item::new(
                spec.name,
                ItemKind::Buffer,
                place(spec, vocabulary, language),
            )
        });
    let fields = vocabulary
        .int_fields
        .iter()
        .filter(|spec| spec.parsed)
        .map(|spec| Item::new(spec.name, ItemKind::Field, ""));
    let mut items: Vec<Item> = keywords.chain(buffers).chain(fields).collect();
    items.sort_by(|left, right| left.label.cmp(&right.label));
    items.dedup_by(|left, right| left.label == right.label);
    items
}

/// What the word at a place means, and where the word lies.
pub fn hover(
    text: &str,
    offset: usize,
    vocabulary: &Vocabulary,
    environment: &Environment,
    language: Language,
) -> Option<((usize, usize), String)> {
    let raw = lexer::split(text).ok()?;
    if let Some(&(at, word)) = raw
        .header
        .iter()
        .find(|(at, word)| (*at..at + word.len()).contains(&offset))
    {
        let name = word.trim_start_matches('!').strip_prefix('$')?;
        let (_, value) = environment
            .variables(false)
            .chain(environment.variables(true))
            .find(|(known, _)| *known == name)?;
        return Some(((at, at + word.len()), format!("`${name}` = `{value}`")));
    }
    let option = raw
        .options
        .iter()
        .rev()
        .find(|option| option.offset <= offset)?;
    if offset > lexer::option_end(text, option.offset) {
        return None;
    }
    let span = (option.offset, option.offset + option.name.len());
    if option.name == "classtype"
        && let Some((name, words)) = environment
            .classes()
            .find(|(name, _)| Some(*name) == option.value)
    {
        return Some((span, format!("**classtype** `{name}`: {words}")));
    }
    if let Some(keyword) = keyword(option.name) {
        let examples: Vec<String> = keyword
            .accepts
            .iter()
            .take(3)
            .map(|one| format!("    {one}"))
            .collect();
        return Some((
            span,
            format!(
                "**{}**\n\n{}\n\n{}",
                keyword.name,
                keyword.doc,
                examples.join("\n")
            ),
        ));
    }
    let buffer = vocabulary
        .buffer(option.name)
        .or_else(|| vocabulary.modifier(option.name));
    if let Some(id) = buffer {
        return Some((
            span,
            format!(
                "**{}**",
                place(vocabulary.buffer_spec(id), vocabulary, language)
            ),
        ));
    }
    let field = vocabulary.int_field_spec(vocabulary.int_field(option.name)?);
    let values: Vec<String> = field
        .names
        .iter()
        .take(20)
        .map(|(name, value)| format!("`{name}` ({value})"))
        .collect();
    Some((
        span,
        format!(
            "**{}**: {} bit\n\n{}",
            field.name,
            field.bits,
            values.join(", ")
        ),
    ))
}

/// Flow bits that the option at a place names.
pub fn flow_bits_at(text: &str, offset: usize) -> Vec<&str> {
    let Ok(raw) = lexer::split(text) else {
        return Vec::new();
    };
    let option = raw
        .options
        .iter()
        .rev()
        .find(|option| option.offset <= offset);
    match option.and_then(|option| {
        (option.name == "flowbits")
            .then_some(option.value)
            .flatten()
    }) {
        Some(value) => bits(value).1,
        None => Vec::new(),
    }
}

/// Where a rule sets a flow bit, if it does.
pub fn sets_flow_bit(text: &str, bit: &str) -> Option<usize> {
    if !text.contains(bit) {
        return None;
    }
    let raw = lexer::split(text).ok()?;
    let sets = |value: &str| {
        let (operation, names) = bits(value);
        matches!(operation, "set" | "toggle") && names.contains(&bit)
    };
    raw.options
        .iter()
        .find(|option| option.name == "flowbits" && option.value.is_some_and(sets))
        .map(|option| option.offset)
}

fn bits(value: &str) -> (&str, Vec<&str>) {
    match value.split_once(',') {
        Some((operation, names)) => (operation.trim(), names.split('|').map(str::trim).collect()),
        None => (value.trim(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels at the mark `^`.
    fn labels(marked: &str) -> Vec<String> {
        let offset = marked.find('^').expect("a mark");
        let text = marked.replace('^', "");
        let items = complete(
            &text,
            offset,
            &crate::known_names(),
            &Environment::default(),
            Language::English,
        );
        items.into_iter().map(|item| item.label).collect()
    }

    #[test]
    fn what_may_be_written() {
        for (marked, wanted) in [
            ("^", "alert"),
            ("alert ht^", "tcp"),
            ("alert tcp $^", "$HOME_NET"),
            ("alert tcp any $^", "$HTTP_PORTS"),
            ("alert tcp any any ^", "->"),
            ("alert tcp any any -> any any (^", "content"),
            (
                "alert tcp any any -> any any (msg:\"a\\;b\"; co^",
                "content",
            ),
            (
                "alert tcp any any -> any any (classtype:^; sid:1;)",
                "bad-unknown",
            ),
            ("alert tcp any any -> any any (flow:es^", "established"),
            ("alert tcp any any -> any any (flowbits:^", "isset"),
        ] {
            assert!(
                labels(marked).iter().any(|label| label == wanted),
                "{wanted} at {marked}: {:?}",
                labels(marked)
            );
        }
        assert!(labels("alert tcp any any -> any any (content:\"^").is_empty());
    }

    #[test]
    fn what_words_mean() {
        let text = r#"alert tcp $HOME_NET any -> any any (content:"a"; http_uri; classtype:bad-unknown; sid:1;)"#;
        for (word, wanted) in [
            ("$HOME_NET", "192.168.0.0/16"),
            ("content", "**content**"),
            ("http_uri", "http.uri"),
            ("classtype", "Potentially Bad Traffic"),
        ] {
            let offset = text.find(word).expect("it is there") + 1;
            let told = hover(
                text,
                offset,
                &crate::known_names(),
                &Environment::default(),
                Language::English,
            );
            assert!(
                told.as_ref().is_some_and(|(_, told)| told.contains(wanted)),
                "{word}: {told:?}"
            );
        }
        assert_eq!(
            hover(
                "nonsense",
                3,
                &crate::known_names(),
                &Environment::default(),
                Language::English
            ),
            None
        );
    }

    proptest::proptest! {
        #[test]
        fn no_place_of_any_text_panics(text in "[\\PC]{0,80}", offset in 0usize..100) {
            let (vocabulary, environment) = (crate::known_names(), Environment::default());
            complete(&text, offset, &vocabulary, &environment, Language::English);
            hover(&text, offset, &vocabulary, &environment, Language::English);
            flow_bits_at(&text, offset);
            let (start, end) = crate::signature::option_span(&text, offset);
            assert!(start <= end && end <= text.len());
        }
    }

    #[test]
    fn who_sets_a_flow_bit() {
        let asks = r#"alert tcp any any -> any any (flowbits:isset,a|b; sid:1;)"#;
        let sets = r#"alert tcp any any -> any any (content:"x"; flowbits:set, b; sid:2;)"#;
        assert_eq!(
            flow_bits_at(asks, asks.find("isset").expect("it is there")),
            ["a", "b"]
        );
        assert_eq!(sets_flow_bit(sets, "b"), sets.find("flowbits"));
        assert_eq!(sets_flow_bit(asks, "b"), None);
    }
}
