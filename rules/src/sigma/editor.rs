//! What an editor asks about Sigma text: the meaning of the word under the cursor, and what may be written there.
//!
//! Text that is being written is seldom sound YAML: places are told by lines and indentation, and not by a parser.

use std::ops::Range;

use super::ast::Logsource;
use super::correlation;
use super::meta::{LEVELS, STATUSES};
use super::modifier::{MODIFIERS, Modifier, unknown};
use super::pipeline::{Pipeline, Source};
use crate::signature::Language;
use crate::signature::editor::{Item, ItemKind};

/// Name, meaning in English and in Vietnamese.
type Words = (&'static str, &'static str, &'static str);

const DOCUMENT: &[Words] = &[
    (
        "title",
        "what analysts read beside the alert",
        "điều người trực đọc bên cạnh cảnh báo",
    ),
    (
        "id",
        "a UUID; alerts, guidance and tests know the rule by it",
        "UUID; cảnh báo, hướng dẫn và phép thử nhận ra luật qua đó",
    ),
    (
        "name",
        "a short name by which correlations call the rule",
        "tên ngắn để luật tương quan gọi đến",
    ),
    (
        "status",
        "how far the rule is tried",
        "luật đã được thử đến đâu",
    ),
    (
        "level",
        "how grave an alert of it is",
        "cảnh báo của luật nghiêm trọng đến đâu",
    ),
    (
        "description",
        "what it is about, at length",
        "mô tả chi tiết",
    ),
    ("author", "who wrote it", "người viết"),
    ("date", "when it was written", "ngày viết"),
    ("modified", "when it was changed", "ngày sửa"),
    ("references", "where more stands", "nguồn tham khảo"),
    (
        "tags",
        "ATT&CK tactics and techniques (attack.t1071.004)",
        "chiến thuật và kỹ thuật ATT&CK (attack.t1071.004)",
    ),
    (
        "falsepositives",
        "what else may match",
        "điều vô hại cũng có thể khớp",
    ),
    (
        "fields",
        "what an analyst wants to see",
        "các trường người trực cần xem",
    ),
    (
        "taxonomy",
        "whose names of fields the rule uses",
        "bộ tên trường mà luật dùng",
    ),
    (
        "logsource",
        "which records the rule reads",
        "luật xét những bản ghi nào",
    ),
    (
        "detection",
        "what it looks for: searches, and a condition over them",
        "luật tìm gì: các phép tìm và điều kiện trên chúng",
    ),
    (
        "correlation",
        "counts matches of other rules over a time",
        "đếm lần khớp của các luật khác trong một khoảng thời gian",
    ),
    (
        "filter",
        "leaves out matches of other rules",
        "loại bớt lần khớp của các luật khác",
    ),
    (
        "action",
        "global, repeat, reset: what documents have in common",
        "global, repeat, reset: phần chung của các tài liệu",
    ),
];
const LOGSOURCE: &[Words] = &[
    (
        "category",
        "a kind of logs, of whatever product",
        "loại nhật ký, của bất kỳ sản phẩm nào",
    ),
    ("product", "what writes the logs", "sản phẩm ghi nhật ký"),
    ("service", "which of its logs", "nhật ký nào của sản phẩm"),
    ("definition", "in words, for people", "mô tả bằng lời"),
];
const CONDITION: &[Words] = &[
    ("and", "both", "cả hai"),
    ("or", "either", "một trong hai"),
    ("not", "does not match", "không khớp"),
    (
        "1 of",
        "any of several: 1 of web_*",
        "một trong nhiều: 1 of web_*",
    ),
    (
        "all of",
        "every one of several: all of web_*",
        "tất cả: all of web_*",
    ),
    (
        "them",
        "all searches whose names do not begin with _",
        "mọi phép tìm có tên không bắt đầu bằng _",
    ),
];

/// Where the cursor stands.
struct Spot<'a> {
    /// Keys around it, from the outermost on.
    path: Vec<&'a str>,
    /// It stands in the value of this key.
    of: Option<&'a str>,
    /// The word under it, up to it.
    before: &'a str,
    /// The whole word, in bytes of the text.
    word: Range<usize>,
}

/// What may be written at a byte of a text.
pub fn complete(text: &str, offset: usize, pipeline: &Pipeline, language: Language) -> Vec<Item> {
    let Some(spot) = Spot::of(text, offset) else {
        return Vec::new();
    };
    let words = |rows: &[Words], kind| {
        let item = |row: &Words| item(row.0, kind, said(*row, language));
        rows.iter().map(item).collect::<Vec<Item>>()
    };
    let names = |names: &[&str]| {
        let item = |name: &&str| item(name, ItemKind::Class, "");
        names.iter().map(item).collect::<Vec<Item>>()
    };
    let document = document(text, offset);
    match (spot.path.as_slice(), spot.of) {
        ([], None) => words(DOCUMENT, ItemKind::Keyword),
        ([], Some("level")) => names(LEVELS),
        ([], Some("status")) => names(STATUSES),
        (["logsource"], None) => words(LOGSOURCE, ItemKind::Keyword),
        (["logsource"], Some(part)) => {
            let mut known: Vec<&str> = pipeline
                .logsources()
                .filter_map(|own| own.part(part))
                .collect();
            known.sort_unstable();
            known.dedup();
            names(&known)
        }
        (["correlation"], None) => names(correlation::KEYS),
        (["correlation"], Some("type")) => names(&correlation::kinds()),
        (["detection" | "filter"], Some("condition")) => {
            let mut items = words(CONDITION, ItemKind::Keyword);
            let own = searches(document).into_iter();
            items.extend(own.map(|name| item(name, ItemKind::Variable, "")));
            items
        }
        (["detection" | "filter"], None) => names(&["condition"]),
        (["detection" | "filter", ..], None) if spot.before.contains('|') => MODIFIERS
            .iter()
            .map(|own| item(own.name, ItemKind::Keyword, of_modifier(own, language)))
            .collect(),
        (["detection" | "filter", ..], None) => {
            let mapping = pipeline.mapping(&logsource(document), None);
            let mapping = mapping.ok().flatten().unwrap_or_default();
            let fields = mapping.names();
            fields
                .map(|name| {
                    item(
                        name,
                        ItemKind::Field,
                        &read_from(&mapping.sources(name), language),
                    )
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// What the word at a byte of a text means, with the bytes that it takes.
pub fn hover(
    text: &str,
    offset: usize,
    pipeline: &Pipeline,
    language: Language,
) -> Option<(Range<usize>, String)> {
    let spot = Spot::of(text, offset)?;
    let word = text.get(spot.word.clone())?;
    let told = |meaning: &str| format!("**{word}**: {meaning}");
    let find = |rows: &[Words]| {
        let row = rows.iter().find(|row| row.0 == word)?;
        Some(told(said(*row, language)))
    };
    let meaning = match (spot.path.as_slice(), spot.of) {
        ([], None) => find(DOCUMENT)?,
        (["logsource"], None) => find(LOGSOURCE)?,
        (["detection" | "filter"], Some("condition")) => find(CONDITION)?,
        (["detection" | "filter", _, ..], None) => {
            let is_modifier = spot.before.contains('|');
            match (is_modifier, unknown(word)) {
                (true, None) => {
                    let own = MODIFIERS.iter().find(|own| own.name == word)?;
                    told(of_modifier(own, language))
                }
                (true, Some(reason)) => reason,
                (false, _) => {
                    let mapping = pipeline.mapping(&logsource(document(text, offset)), None);
                    told(&read_from(&mapping.ok()??.sources(word), language))
                }
            }
        }
        _ => return None,
    };
    Some((spot.word, meaning))
}

fn item(label: &str, kind: ItemKind, doc: &str) -> Item {
    Item {
        label: label.to_owned(),
        kind,
        doc: doc.to_owned(),
    }
}

fn said(words: Words, language: Language) -> &'static str {
    match language {
        Language::Vietnamese => words.2,
        Language::English => words.1,
    }
}

fn of_modifier(own: &Modifier, language: Language) -> &'static str {
    said((own.name, own.english, own.vietnamese), language)
}

fn read_from(sources: &[Source], language: Language) -> String {
    let mut paths: Vec<&str> = sources.iter().map(|source| source.path.as_str()).collect();
    paths.dedup();
    let words = said(("", "read from", "đọc từ"), language);
    format!("{words} {}", paths.join(", "))
}

impl<'a> Spot<'a> {
    fn of(text: &'a str, offset: usize) -> Option<Spot<'a>> {
        let start = text.get(..offset)?.rfind('\n').map_or(0, |at| at + 1);
        let (indent, content) = inner(text.get(start..offset)?);
        let mut path = above(text.get(..start)?, indent);
        let (of, word) = within(content, &mut path);
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        // Of `field|modifier` the part under the cursor.
        let part = word.rfind(|c| !is_part(c)).map_or(0, |at| {
            at + word[at..].chars().next().map_or(1, char::len_utf8)
        });
        let rest = text.get(offset..)?;
        let end = offset + rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        Some(Spot {
            path,
            of,
            before: word,
            word: offset - (word.len() - part)..end,
        })
    }
}

/// Indentation of a line, with the dashes of lists, and what follows.
fn inner(line: &str) -> (usize, &str) {
    let content = line.trim_start_matches([' ', '-']);
    (line.len() - content.len(), content)
}

/// Keys of the lines above that a line with this indentation stands in.
fn above(text: &str, mut indent: usize) -> Vec<&str> {
    let mut path = Vec::new();
    for line in text
        .lines()
        .rev()
        .take_while(|line| !line.starts_with("---"))
    {
        let (own, content) = inner(line);
        if own >= indent || content.is_empty() || content.starts_with('#') {
            continue;
        }
        if let Some((key, _)) = content.split_once(':') {
            path.push(key);
        }
        indent = own;
    }
    path.reverse();
    path
}

/// Goes into the braces of a line. The key in whose value its end stands, and the last word.
fn within<'a>(content: &'a str, path: &mut Vec<&'a str>) -> (Option<&'a str>, &'a str) {
    let (mut start, mut depth) = (0, 0_usize);
    for (at, byte) in content.bytes().enumerate() {
        match byte {
            b'{' => {
                let key = content.get(start..at).and_then(|part| part.split_once(':'));
                path.extend(key.map(|(key, _)| key.trim()));
                depth += 1;
                start = at + 1;
            }
            b'}' if depth > 0 => {
                path.pop();
                depth -= 1;
                start = at + 1;
            }
            b',' if depth > 0 => start = at + 1,
            _ => {}
        }
    }
    let part = content.get(start..).unwrap_or_default().trim_start();
    match part.split_once(':') {
        Some((key, value)) => {
            let word = value.rfind([' ', ',', '[', '(']).map_or(0, |at| at + 1);
            (Some(key.trim()), value.get(word..).unwrap_or_default())
        }
        None => (None, part),
    }
}

/// The document around a byte.
fn document(text: &str, offset: usize) -> &str {
    let (before, after) = text.split_at_checked(offset).unwrap_or((text, ""));
    let start = before.rfind("\n---").map_or(0, |at| at + 1);
    let end = after.find("\n---").map_or(text.len(), |at| offset + at);
    text.get(start..end).unwrap_or(text)
}

/// Lines of a part of a document, with what stands beside its name.
fn part<'a>(document: &'a str, name: &str) -> Vec<&'a str> {
    let mut lines = document.lines().skip_while(|line| {
        line.strip_prefix(name)
            .is_none_or(|rest| !rest.starts_with(':'))
    });
    let first = lines.next().and_then(|line| line.split_once(':'));
    let rest = lines.take_while(|line| line.starts_with([' ', '#']) || line.is_empty());
    first
        .map(|(_, beside)| beside)
        .into_iter()
        .chain(rest)
        .collect()
}

fn searches(document: &str) -> Vec<&str> {
    let lines = part(document, "detection");
    let rows = lines.iter().map(|line| inner(line)).skip(1);
    let rows: Vec<(usize, &str)> = rows.filter(|(_, content)| !content.is_empty()).collect();
    let Some(least) = rows.iter().map(|(indent, _)| *indent).min() else {
        return Vec::new();
    };
    let own = rows.iter().filter(|(indent, _)| *indent == least);
    own.filter_map(|(_, content)| content.split_once(':'))
        .map(|(key, _)| key)
        .filter(|key| !matches!(*key, "condition" | "timeframe"))
        .collect()
}

fn logsource(document: &str) -> Logsource {
    let lines = part(document, "logsource");
    let pairs = lines.iter().flat_map(|line| line.split(['{', '}', ',']));
    let mut found = Logsource::default();
    for (key, value) in pairs.filter_map(|pair| pair.split_once(':')) {
        let value = value.split('#').next().unwrap_or_default();
        let value = Some(value.trim().trim_matches(['\'', '"']).to_owned());
        match key.trim() {
            "category" => found.category = value,
            "product" => found.product = value,
            "service" => found.service = value,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "title: t\nlevel: |\nlogsource:\n  category: dns\ndetection:\n  names:\n    query|endswth: .vn\n  other: {query|cont: x, answer: y}\n  condition: names and o\n---\ntitle: u\nlogsource: {category: }\n";

    /// Labels offered behind the first place where `after` stands.
    fn offered(after: &str) -> Vec<String> {
        let at = RULE.find(after).expect("the text has it") + after.len();
        complete(RULE, at, &Pipeline::eve(), Language::English)
            .into_iter()
            .map(|item| item.label)
            .collect()
    }

    #[test]
    fn what_may_be_written() {
        let rows = [
            ("tit", "detection"),
            ("level: ", "critical"),
            ("  cat", "product"),
            ("category: d", "firewall"),
            ("query|end", "windash"),
            ("    qu", "record_type"),
            ("{query|", "base64offset"),
            ("x, ans", "answers"),
            ("names and ", "all of"),
            ("names and o", "other"),
            ("{category: ", "dns"),
        ];
        for (after, label) in rows {
            let labels = offered(after);
            assert!(labels.iter().any(|own| own == label), "{after}: {labels:?}");
        }
    }

    #[test]
    fn what_is_meant() {
        let rows = [
            ("query|endswth", "did you mean \"endswith\"?"),
            ("x, answer", "dns.answers.rdata"),
            ("logsource", "which records"),
            ("names and", "both"),
        ];
        for (word, meaning) in rows {
            let at = RULE.find(word).expect("the text has it") + word.len();
            let told = hover(RULE, at, &Pipeline::eve(), Language::English);
            let (range, told) = told.unwrap_or_else(|| panic!("{word}"));
            assert!(told.contains(meaning), "{word}: {told}");
            assert!(word.ends_with(&RULE[range]), "{word}");
        }
    }

    #[test]
    fn no_place_is_beyond_it() {
        for text in [RULE, "", "{", "- - : |", "đ|ế: {ộ", "---\n---"] {
            for offset in 0..=text.len() + 1 {
                let pipeline = Pipeline::none();
                let range = hover(text, offset, &pipeline, Language::Vietnamese);
                assert!(range.is_none_or(|(range, _)| range.end <= text.len()));
                complete(text, offset, &pipeline, Language::Vietnamese);
            }
        }
    }
}
