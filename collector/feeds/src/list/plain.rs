//! A value a line, as blocklists have them: comments with `#`, `;` or `//`, hosts files, CSV of which the first column
//! counts.

use std::net::IpAddr;

use super::{IndicatorKind, Indicators};

/// Reads a list of one kind.
pub fn read(text: &str, kind: IndicatorKind, into: &mut Indicators) {
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';', '!']) || line.starts_with("//") {
            continue;
        }
        let line = line.split(" #").next().unwrap_or(line);
        let line = line.split(" ;").next().unwrap_or(line);
        let mut words = line.split([',', ' ', '\t']).filter(|word| !word.is_empty());
        let Some(first) = words.next() else { continue };
        let first = first.trim_matches('"');
        // A hosts file leads the names to nowhere.
        let is_nowhere = first
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback() || address.is_unspecified());
        match words.next() {
            Some(name) if is_nowhere && kind == IndicatorKind::Domain => {
                if name != "localhost" {
                    into.add(kind, name);
                }
            }
            _ => into.add(kind, first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_comments_and_hosts_files() {
        let text = "# a list\n! of names\n\nevil.example # why\n127.0.0.1\tbad.example\n\
            0.0.0.0 worse.example\n127.0.0.1 localhost\n\"csv.example\",3\nno name at all!\n";
        let mut found = Indicators::default();
        read(text, IndicatorKind::Domain, &mut found);
        let names: Vec<&str> = found.values[&IndicatorKind::Domain]
            .iter()
            .map(String::as_str)
            .collect();
        assert_eq!(
            names,
            [
                "bad.example",
                "csv.example",
                "evil.example",
                "worse.example"
            ]
        );
        assert_eq!(found.left_out["malformed"], 1);
    }
}
