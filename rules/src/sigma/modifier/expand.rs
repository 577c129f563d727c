//! Placeholders: `%name%` in values, replaced by what a pipeline knows.

use super::{Item, Placeholders};
use crate::sigma::ast::Regex;
use crate::sigma::limits;

/// Replaces `%name%` by the values that it stands for.
pub(super) fn expand(item: Item, placeholders: &Placeholders) -> Result<Vec<Item>, String> {
    let (text, regex) = match item {
        Item::Source(text) => (text, None),
        Item::Regex(regex) => (regex.text.clone(), Some(regex)),
        other => return Ok(vec![other]),
    };
    let pieces = pieces(&text);
    let mut texts = vec![String::new()];
    let mut found = false;
    for piece in pieces {
        let values = match piece {
            Piece::Plain(plain) => vec![plain],
            Piece::Name(name) => {
                found = true;
                let values = placeholders.get(&name).filter(|values| !values.is_empty());
                let values = values.ok_or_else(|| {
                    format!(
                        "nothing is known for the placeholder %{name}%: give its values in a pipeline (placeholders: {{{name}: [...]}})"
                    )
                })?;
                match regex {
                    Some(_) => values.iter().map(|value| ::regex::escape(value)).collect(),
                    None => values.clone(),
                }
            }
        };
        if texts.len().saturating_mul(values.len()) > limits::EXPANSIONS {
            return Err(format!(
                "more than {} values come of this: split them over several items",
                limits::EXPANSIONS
            ));
        }
        texts = texts
            .iter()
            .flat_map(|text| values.iter().map(move |value| format!("{text}{value}")))
            .collect();
    }
    if !found {
        return Err("\"expand\" without a placeholder: write %name%, or leave it out".to_owned());
    }
    Ok(texts
        .into_iter()
        .map(|text| match &regex {
            Some(regex) => Item::Regex(Regex {
                text,
                ..regex.clone()
            }),
            None => Item::Source(text),
        })
        .collect())
}

enum Piece {
    Plain(String),
    Name(String),
}

/// Cuts a text at `%name%`; `\%` is a plain percent sign.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['%', '\\']) {
        plain.push_str(&rest[..at]);
        let tail = &rest[at..];
        if let Some(after) = tail.strip_prefix("\\%") {
            plain.push('%');
            rest = after;
            continue;
        }
        if let Some(after) = tail.strip_prefix('\\') {
            plain.push('\\');
            // What a backslash protects stays protected.
            let mut characters = after.chars();
            if let Some(next @ ('\\' | '*' | '?')) = characters.next() {
                plain.push(next);
                rest = characters.as_str();
            } else {
                rest = after;
            }
            continue;
        }
        let after = &tail[1..];
        let end = after.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')));
        match end {
            Some(end) if end > 0 && after[end..].starts_with('%') => {
                pieces.push(Piece::Plain(std::mem::take(&mut plain)));
                pieces.push(Piece::Name(after[..end].to_owned()));
                rest = &after[end + 1..];
            }
            _ => {
                plain.push('%');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    pieces.push(Piece::Plain(plain));
    pieces
}
