//! Names that were probably meant.

use crate::catalogue::FIELDS;
use crate::query::{Node, Position};

/// A word of a query that can be run, but probably means something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    pub position: Position,
    pub written: String,
    pub meant: String,
}

/// The known name that differs least, if it differs little.
pub(crate) fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = match written.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    known
        .map(|name| (distance(written, name), name))
        .filter(|(distance, _)| (1..=most).contains(distance))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Insertions, deletions, replacements and swaps of neighbours. Both texts are names, hence short.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(64).collect();
    let right: Vec<char> = right.chars().take(64).collect();
    let width = right.len() + 1;
    let mut two_back = vec![0; width];
    let mut back: Vec<usize> = (0..width).collect();
    for (row, a) in left.iter().enumerate() {
        let mut here = vec![row + 1; width];
        for (column, b) in right.iter().enumerate() {
            let changed = back[column] + usize::from(a != b);
            here[column + 1] = changed.min(back[column + 1] + 1).min(here[column] + 1);
            let swapped = row > 0
                && column > 0
                && left.get(row - 1) == Some(b)
                && right.get(column - 1) == Some(a);
            if swapped {
                here[column + 1] = here[column + 1].min(two_back[column - 1] + 1);
            }
        }
        two_back = std::mem::replace(&mut back, here);
    }
    back.last().copied().unwrap_or(0)
}

/// Fields that are not of the catalogue, but nearly.
pub fn hints(node: &Node) -> Vec<Hint> {
    let mut found = Vec::new();
    walk(node, &mut found);
    found
}

fn walk(node: &Node, found: &mut Vec<Hint>) {
    match node {
        Node::All | Node::Words(_) | Node::WordPrefix(_) => {}
        Node::And(nodes) | Node::Or(nodes) => nodes.iter().for_each(|node| walk(node, found)),
        Node::Not(node) => walk(node, found),
        Node::Field { path, position, .. } => {
            let known = FIELDS
                .iter()
                .any(|field| field.name == path || field.path == Some(path));
            // A branch of the record, such as `tls`, is no misspelling.
            let branch = FIELDS
                .iter()
                .any(|field| field.name.starts_with(&format!("{path}.")));
            if known || branch {
                return;
            }
            if let Some(meant) = nearest(path, FIELDS.iter().map(|field| field.name)) {
                found.push(Hint {
                    position: *position,
                    written: path.clone(),
                    meant: meant.to_owned(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;

    #[test]
    fn near_names_are_found() {
        for (written, meant) in [
            ("scr_ip", Some("src_ip")),
            ("dest_prot", Some("dest_port")),
            ("http.hostnam", Some("http.hostname")),
            ("krb5.cname", None),
            ("x", None),
        ] {
            let found = nearest(written, FIELDS.iter().map(|field| field.name));
            assert_eq!(found, meant, "{written}");
        }
    }

    #[test]
    fn only_what_is_unknown_is_pointed_out() {
        for (text, meant) in [
            ("src_ip:10.0.0.1 tls:*", None),
            ("a -scr_ip:10.0.0.1", Some((3, "src_ip"))),
        ] {
            let found = hints(&parse(text).expect(text));
            let first = found
                .first()
                .map(|hint| (hint.position, hint.meant.as_str()));
            assert_eq!(first, meant, "{text}");
        }
    }
}
