//! Files that a text of rules carries with it, for rules whose `load` names them: a published set is one text, and its
//! lists come in it.
//!
//! They stand in comments, so that whoever does not know of them reads the rules as ever:
//!
//! ```text
//! #:file urls.lst
//! #:=ZXZpbC5leGFtcGxl
//! ```
//!
//! A file ends with the first line that does not begin with `#:=`. Of two with one name the first counts.

use std::collections::HashMap;

const FILE: &str = "#:file ";
const LINE: &str = "#:=";

/// The files that texts carry, by name.
pub fn carried_files<'a>(texts: impl IntoIterator<Item = &'a str>) -> HashMap<String, String> {
    let mut files: HashMap<String, String> = HashMap::new();
    for text in texts {
        let mut open: Option<&mut String> = None;
        for line in text.lines() {
            if let Some(name) = line.strip_prefix(FILE) {
                let name = name.trim();
                open =
                    (!files.contains_key(name)).then(|| files.entry(name.to_owned()).or_default());
            } else if let Some(content) = line.strip_prefix(LINE) {
                if let Some(file) = &mut open {
                    file.push_str(content);
                    file.push('\n');
                }
            } else {
                open = None;
            }
        }
    }
    files
}

/// A file as a text of rules carries it.
pub fn carry(name: &str, content: &str) -> String {
    let mut text = format!("{FILE}{name}\n");
    for line in content.lines() {
        text.push_str(LINE);
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::rule_texts;

    #[test]
    fn what_is_carried_comes_out_again_and_is_no_rule() {
        let first = carry("a.lst", "one\n\n#:file b.lst\n") + "# a comment\n#:=nowhere\n";
        let second = carry("a.lst", "other") + &carry("empty.lst", "");
        let both = [first.as_str(), second.as_str()];
        let files = carried_files(both);
        assert_eq!(files["a.lst"], "one\n\n#:file b.lst\n");
        assert_eq!(files["empty.lst"], "");
        assert_eq!(files.len(), 2);
        assert!(both.iter().all(|text| rule_texts(text).is_empty()));
    }
}
