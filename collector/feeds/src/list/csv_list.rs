//! CSV with a line of titles, as abuse.ch publishes it: URLhaus, ThreatFox, Feodo Tracker, SSL blacklists. The titles
//! stand in a comment, or in the first line; they say which column holds what.

use super::{IndicatorKind, Indicators};

/// Titles of columns, and what stands below them.
const COLUMNS: [(&str, IndicatorKind); 10] = [
    ("url", IndicatorKind::Url),
    ("dst_ip", IndicatorKind::Ip),
    ("dstip", IndicatorKind::Ip),
    ("ip_address", IndicatorKind::Ip),
    ("domain", IndicatorKind::Domain),
    ("ja3_md5", IndicatorKind::Ja3),
    ("sha1", IndicatorKind::CertSha1),
    ("sha256_hash", IndicatorKind::Sha256),
    ("md5_hash", IndicatorKind::Md5),
    ("sha1_hash", IndicatorKind::Sha1),
];
/// ThreatFox: one column has the value, another tells its type.
const VALUE: &str = "ioc_value";
const TYPE: &str = "ioc_type";
const TYPES: [(&str, IndicatorKind); 7] = [
    ("domain", IndicatorKind::Domain),
    ("url", IndicatorKind::Url),
    ("ip:port", IndicatorKind::Ip),
    ("ip", IndicatorKind::Ip),
    ("md5_hash", IndicatorKind::Md5),
    ("sha1_hash", IndicatorKind::Sha1),
    ("sha256_hash", IndicatorKind::Sha256),
];

/// Which columns are read.
enum Layout {
    Columns(Vec<(usize, IndicatorKind)>),
    Typed { value: usize, kind: usize },
}

/// Reads a list; answers false where no line has titles that are known.
pub fn read(text: &str, into: &mut Indicators) -> bool {
    let mut layout = None;
    let mut body = String::with_capacity(text.len());
    for line in text.lines() {
        let is_comment = line.trim_start().starts_with('#');
        if layout.is_none() {
            layout = titles(line.trim_start_matches(['#', ' ']));
            if layout.is_some() {
                continue;
            }
        }
        if !is_comment && !line.trim().is_empty() {
            // ThreatFox puts spaces between the columns, in front of quotes.
            body.push_str(&line.replace("\", \"", "\",\""));
            body.push('\n');
        }
    }
    let Some(layout) = layout else { return false };
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(body.as_bytes());
    for row in rows.records() {
        let Ok(row) = row else {
            into.leave("malformed");
            continue;
        };
        match &layout {
            Layout::Columns(columns) => {
                for &(column, kind) in columns {
                    match row.get(column) {
                        Some("") => {}
                        Some(value) => into.add(kind, value),
                        None => into.leave("malformed"),
                    }
                }
            }
            Layout::Typed { value, kind } => {
                let (Some(value), Some(name)) = (row.get(*value), row.get(*kind)) else {
                    into.leave("malformed");
                    continue;
                };
                match TYPES.iter().find(|(known, _)| *known == name) {
                    Some((_, kind)) => into.add(*kind, without_port(value, *kind)),
                    None => into.leave("other_type"),
                }
            }
        }
    }
    true
}

fn titles(line: &str) -> Option<Layout> {
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(line.as_bytes());
    let row = rows.records().next()?.ok()?;
    let titles: Vec<String> = row
        .iter()
        .map(|title| title.trim_matches(['"', ' ']).to_lowercase())
        .collect();
    let place = |name: &str| titles.iter().position(|title| title == name);
    if let (Some(value), Some(kind)) = (place(VALUE), place(TYPE)) {
        return Some(Layout::Typed { value, kind });
    }
    let columns: Vec<(usize, IndicatorKind)> = COLUMNS
        .iter()
        .filter_map(|(name, kind)| Some((place(name)?, *kind)))
        .collect();
    // One word alone is more likely a sentence's.
    (!columns.is_empty() && titles.len() > 1).then_some(Layout::Columns(columns))
}

fn without_port(value: &str, kind: IndicatorKind) -> &str {
    if kind != IndicatorKind::Ip {
        return value;
    }
    match value.rsplit_once(':') {
        Some((address, _)) if !address.contains(':') => address,
        Some((address, _)) if address.starts_with('[') => address.trim_matches(['[', ']']),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(IndicatorKind, &str)]) -> Indicators {
        let mut found = Indicators::default();
        assert!(read(text, &mut found), "{text}");
        let told: Vec<(IndicatorKind, &str)> = found
            .values
            .iter()
            .flat_map(|(kind, values)| values.iter().map(|value| (*kind, value.as_str())))
            .collect();
        assert_eq!(told, expected);
        found
    }

    #[test]
    fn each_publisher_is_read_by_its_titles() {
        use IndicatorKind::*;
        check(
            "# Dump\r\n# id,dateadded,url,url_status,threat\r\n\
             \"1\",\"2026-01-01\",\"http://evil.example/a,b\",\"online\",\"x\"\r\n",
            &[(Url, "evil.example/a,b")],
        );
        let found = check(
            "# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\",\"threat_type\"\n\
             \"t\", \"1\", \"203.0.113.5:443\", \"ip:port\", \"botnet_cc\"\n\
             \"t\", \"2\", \"evil.example\", \"domain\", \"botnet_cc\"\n\
             \"t\", \"3\", \"x\", \"envelope_from\", \"botnet_cc\"\n",
            &[(Domain, "evil.example"), (Ip, "203.0.113.5")],
        );
        assert_eq!(found.left_out["other_type"], 1);
        check(
            "\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"malware\"\n\"t\",\"203.0.113.7\",\"443\",\"m\"\n# END\n",
            &[(Ip, "203.0.113.7")],
        );
        let sha1 = "0a".repeat(20);
        check(
            &format!("# Listingdate,SHA1,Listingreason\n2026-01-01 00:00:00,{sha1},C&C\n"),
            &[(CertSha1, &sha1)],
        );
        let ja3 = "1b".repeat(16);
        check(
            &format!("# ja3_md5,Firstseen,Lastseen,Listingreason\n{ja3},a,b,c\n"),
            &[(Ja3, &ja3)],
        );
    }

    #[test]
    fn without_titles_it_is_no_such_list() {
        let mut found = Indicators::default();
        assert!(!read("<html>\n<p>domain, please\n1,2,3\n", &mut found));
        assert!(found.is_empty());
    }
}
