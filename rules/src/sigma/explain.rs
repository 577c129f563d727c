//! What a Sigma rule does, in plain words.

use super::ast::{CorrelationKind, Expr, Test};
use super::number::Comparison;
use super::pattern::{Anchor, Pattern, Token};
use super::ruleset::{LoadedCorrelation, LoadedRule};
use crate::signature::Language;

/// Values of one test that are spelled out.
const SPELLED: usize = 12;

/// A rule, a line a step; what stands within another is indented.
pub fn explain(own: &LoadedRule, language: Language) -> Vec<String> {
    let vi = language == Language::Vietnamese;
    let mut lines = vec![own.rule.meta.title.clone()];
    lines.push(match &own.mapping {
        Some(mapping) if mapping.events.is_empty() => {
            pick(vi, "Xét mọi bản ghi.", "Looks at every record.").to_owned()
        }
        Some(mapping) => format!(
            "{} {}.",
            pick(vi, "Xét các bản ghi", "Looks at records of"),
            mapping.events.join(", ")
        ),
        None => format!(
            "{} ({}).",
            pick(
                vi,
                "Không bản ghi nào ứng với nguồn nhật ký này, luật chưa chạy",
                "No records are known for its log source, so that it does not run"
            ),
            own.rule.logsource
        ),
    });
    lines.push(pick(vi, "Cảnh báo khi:", "Alerts when:").to_owned());
    expression(&own.rule.expression, vi, 1, &mut lines);
    if !own.alerts {
        let words = pick(
            vi,
            "Chỉ dùng cho luật tương quan, tự nó không cảnh báo.",
            "Serves correlations only, and does not alert by itself.",
        );
        lines.push(words.to_owned());
    }
    lines
}

/// A correlation.
pub fn explain_correlation(own: &LoadedCorrelation, language: Language) -> Vec<String> {
    let vi = language == Language::Vietnamese;
    let correlation = &own.correlation;
    let rules: Vec<&str> = correlation
        .rules
        .iter()
        .map(|own| own.name.as_str())
        .collect();
    let group = if correlation.group_by.is_empty() {
        pick(vi, "tất cả chung", "all together").to_owned()
    } else {
        correlation.group_by.join(", ")
    };
    let condition: Vec<String> = correlation
        .condition
        .comparisons
        .iter()
        .map(|(comparison, number)| format!("{} {}", comparison.symbol(), number.text()))
        .collect();
    let fields = match correlation.condition.fields.as_slice() {
        [] => String::new(),
        fields => format!(" ({})", fields.join(", ")),
    };
    // Temporal correlations count which of their rules have matched.
    let counted = match correlation.kind {
        CorrelationKind::Temporal => pick(vi, " luật đã khớp", " of its rules have matched"),
        CorrelationKind::TemporalOrdered => pick(
            vi,
            " luật đã khớp, theo đúng thứ tự",
            " of its rules have matched, in their order",
        ),
        _ => "",
    };
    let condition = condition.join(pick(vi, " và ", " and ")) + counted;
    vec![
        correlation.meta.title.clone(),
        format!(
            "{} {}{fields} {} {} s; {} {group}; {} {condition}.",
            pick(vi, "Tính", "Computes"),
            correlation.kind.name(),
            pick(vi, "trong", "over"),
            correlation.timespan_s,
            pick(vi, "theo", "by"),
            pick(vi, "cảnh báo khi", "alerts when"),
        ),
        format!(
            "{} {}.",
            pick(vi, "Từ các luật", "Of the rules"),
            rules.join(", ")
        ),
    ]
}

/// An expression in one line.
pub(super) fn in_words(expr: &Expr, language: Language) -> String {
    let mut lines = Vec::new();
    expression(expr, language == Language::Vietnamese, 0, &mut lines);
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_start()).collect();
    lines.join(" ")
}

fn pick(vi: bool, vietnamese: &'static str, english: &'static str) -> &'static str {
    if vi { vietnamese } else { english }
}

fn expression(expr: &Expr, vi: bool, depth: usize, lines: &mut Vec<String>) {
    let mut tell = |text: String| lines.push(format!("{}{text}", "  ".repeat(depth)));
    match expr {
        Expr::And(parts) => {
            tell(pick(vi, "tất cả:", "all of:").to_owned());
            for part in parts {
                expression(part, vi, depth + 1, lines);
            }
        }
        Expr::Or(parts) => {
            tell(pick(vi, "ít nhất một:", "any of:").to_owned());
            for part in parts.iter().take(SPELLED) {
                expression(part, vi, depth + 1, lines);
            }
            if let Some(more) = parts.len().checked_sub(SPELLED).filter(|more| *more > 0) {
                let more = format!("{} {more}", pick(vi, "… và thêm", "… and more:"));
                lines.push(format!("{}{more}", "  ".repeat(depth + 1)));
            }
        }
        Expr::Not(inner) => {
            tell(pick(vi, "không phải:", "not:").to_owned());
            expression(inner, vi, depth + 1, lines);
        }
        Expr::Field(field) => tell(format!("{} {}", field.field, test(&field.test, vi))),
        Expr::Keyword(own) => tell(format!(
            "{} {}",
            pick(vi, "một giá trị bất kỳ", "any value"),
            test(own, vi)
        )),
    }
}

fn test(test: &Test, vi: bool) -> String {
    match test {
        Test::Text(own) => pattern(own, vi),
        Test::Number(number) => format!("= {}", number.text()),
        Test::Regex(regex) => format!("{} /{}/", pick(vi, "khớp biểu thức", "matches"), regex.text),
        Test::Cidr(network) => format!("{} {network}", pick(vi, "thuộc mạng", "is in")),
        Test::Compare(comparison, number) => format!("{} {}", comparison.symbol(), number.text()),
        Test::Time(part, comparison, number) => {
            format!("{} {} {}", part.name(), comparison.symbol(), number.text())
        }
        Test::Field(reference) => format!(
            "{} {} {}",
            Comparison::Equal.symbol(),
            pick(vi, "trường", "the field"),
            reference.field
        ),
        Test::Null => pick(vi, "vắng mặt", "is absent").to_owned(),
        Test::Exists => pick(vi, "có mặt", "is there").to_owned(),
    }
}

fn pattern(pattern: &Pattern, vi: bool) -> String {
    let mut text: String = pattern
        .tokens()
        .iter()
        .map(|token| match token {
            Token::Literal(text) => text.as_str(),
            Token::One => "?",
            Token::Many => "*",
            Token::Dash => "[-/]",
        })
        .collect();
    let words = match pattern.simple() {
        Some((anchor, literal)) => {
            text = literal.to_owned();
            match anchor {
                Anchor::Whole => "=",
                Anchor::Start => pick(vi, "bắt đầu bằng", "begins with"),
                Anchor::End => pick(vi, "kết thúc bằng", "ends with"),
                Anchor::Anywhere => pick(vi, "chứa", "contains"),
            }
        }
        None => pick(vi, "có dạng", "is like"),
    };
    let case = if pattern.is_cased() {
        pick(vi, " (phân biệt hoa thường)", " (with case)")
    } else {
        ""
    };
    format!("{words} \"{text}\"{case}")
}
