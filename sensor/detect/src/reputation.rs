//! What is known of addresses from elsewhere: reputation lists (`iprep`) and a country database (`geoip`).

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Categories are numbered below this.
pub const MAX_CATEGORIES: u8 = 60;
/// The highest score.
pub const MAX_SCORE: u8 = 127;
/// Scores that are kept; lists with more are refused.
const MAX_SCORES: usize = 4 << 20;

/// A file about addresses that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReputationError {
    #[error("{}: {source}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: line {line}: {reason}", path.display())]
    Line {
        path: PathBuf,
        line: usize,
        reason: &'static str,
    },
    #[error("more than {MAX_SCORES} scores")]
    TooMany,
    #[error("{}: {reason}", path.display())]
    Database { path: PathBuf, reason: String },
}

fn read(path: &Path) -> Result<String, ReputationError> {
    std::fs::read_to_string(path).map_err(|source| ReputationError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Lines with their numbers, without those that are empty or begin with `#`.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// Reads categories: number, short name, and words about it.
///
/// # Errors
/// When the file cannot be read, or a line is no category.
pub fn read_categories(path: &Path) -> Result<HashMap<String, u8>, ReputationError> {
    let text = read(path)?;
    let mut categories = HashMap::new();
    for (line, row) in lines(&text) {
        let wrong = |reason| ReputationError::Line {
            path: path.to_owned(),
            line,
            reason,
        };
        let mut parts = row.splitn(3, ',').map(str::trim);
        let number: u8 = parts
            .next()
            .and_then(|number| number.parse().ok())
            .filter(|number| *number < MAX_CATEGORIES)
            .ok_or_else(|| wrong("a category has a number below 60"))?;
        let name = parts
            .next()
            .filter(|name| !name.is_empty())
            .ok_or_else(|| wrong("a category has a short name"))?;
        categories.insert(name.to_owned(), number);
    }
    Ok(categories)
}

/// A network of one category: of which version, how long its prefix is, its bits.
type Network = (u8, bool, u8, u128);

/// Scores of addresses by category.
#[derive(Debug, Default)]
pub struct Reputation {
    /// Addresses of their own, with a score for each category in which they stand.
    hosts: HashMap<IpAddr, Vec<(u8, u8)>>,
    networks: HashMap<Network, u8>,
    /// By category and version, longest first: lengths of prefixes that occur.
    lengths: HashMap<(u8, bool), Vec<u8>>,
    count: usize,
}

impl Reputation {
    /// Adds the lines of a list: address or network, number of a category, score. Lines that are none of that are
    /// passed over and counted.
    ///
    /// # Errors
    /// When the file cannot be read, or there are too many scores.
    pub fn add_file(&mut self, path: &Path) -> Result<usize, ReputationError> {
        let text = read(path)?;
        let mut odd = 0;
        for (_, row) in lines(&text) {
            odd += usize::from(self.add(row)?.is_none() && !row.starts_with("ip,"));
        }
        for lengths in self.lengths.values_mut() {
            lengths.sort_unstable_by(|one, other| other.cmp(one));
        }
        Ok(odd)
    }

    fn add(&mut self, row: &str) -> Result<Option<()>, ReputationError> {
        self.count += 1;
        if self.count > MAX_SCORES {
            return Err(ReputationError::TooMany);
        }
        let mut parts = row.split(',').map(str::trim);
        let (Some(place), Some(category), Some(score)) = (
            parts.next(),
            number(parts.next(), MAX_CATEGORIES - 1),
            number(parts.next(), MAX_SCORE),
        ) else {
            return Ok(None);
        };
        let Some((address, prefix)) = place.split_once('/') else {
            let Ok(address) = place.parse::<IpAddr>() else {
                return Ok(None);
            };
            let scores = self.hosts.entry(address).or_default();
            scores.retain(|(other, _)| *other != category);
            scores.push((category, score));
            return Ok(Some(()));
        };
        let (Ok(address), Ok(prefix)) = (address.parse::<IpAddr>(), prefix.parse::<u8>()) else {
            return Ok(None);
        };
        if prefix > width(address) {
            return Ok(None);
        }
        let key = network(category, address, prefix);
        self.networks.insert(key, score);
        let lengths = self
            .lengths
            .entry((category, address.is_ipv4()))
            .or_default();
        if !lengths.contains(&prefix) {
            lengths.push(prefix);
        }
        Ok(Some(()))
    }

    /// The score of an address in a category: its own, else that of the smallest network around it. An address that
    /// stands in other categories only has 0.
    pub fn score(&self, address: IpAddr, category: u8) -> Option<u8> {
        if let Some(scores) = self.hosts.get(&address) {
            let own = scores.iter().find(|(other, _)| *other == category);
            return Some(own.map_or(0, |(_, score)| *score));
        }
        let lengths = self.lengths.get(&(category, address.is_ipv4()))?;
        lengths
            .iter()
            .find_map(|&prefix| self.networks.get(&network(category, address, prefix)))
            .copied()
    }
}

fn number(text: Option<&str>, highest: u8) -> Option<u8> {
    text?.parse().ok().filter(|number| *number <= highest)
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn network(category: u8, address: IpAddr, prefix: u8) -> Network {
    let bits = match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    let low = u32::from(width(address).saturating_sub(prefix));
    let masked = bits.checked_shr(low).unwrap_or(0);
    (category, address.is_ipv4(), prefix, masked)
}

/// A database of countries, in the format of MaxMind.
pub struct Countries(maxminddb::Reader<Vec<u8>>);

impl Countries {
    /// # Errors
    /// When the file cannot be read, or is no such database.
    pub fn open(path: &Path) -> Result<Self, ReputationError> {
        let database = maxminddb::Reader::open_readfile(path);
        database
            .map(Countries)
            .map_err(|error| ReputationError::Database {
                path: path.to_owned(),
                reason: error.to_string(),
            })
    }

    /// Two letters for the country of an address.
    pub fn country(&self, address: IpAddr) -> Option<&str> {
        let path = maxminddb::path!["country", "iso_code"];
        self.0.lookup(address).ok()?.decode_path(&path).ok()?
    }
}

/// Everything of this kind that rules may ask.
#[derive(Default)]
pub struct Known {
    pub reputation: Reputation,
    pub countries: Option<Countries>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }

    #[test]
    fn the_longest_prefix_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(
            folder.path(),
            "list",
            "# scores\n10.0.0.0/8,1,10\n10.1.0.0/16,1,20\n10.1.1.1,1,30\n10.1.1.2,2,5\n2001:db8::/32,1,40\n\
             0.0.0.0/0,3,1\n10.0.0.1,1,128\nnonsense\n10.0.0.0/33,1,1\n",
        );
        let mut reputation = Reputation::default();
        assert_eq!(reputation.add_file(&path).expect("readable"), 3);
        for (address, category, score) in [
            ("10.9.9.9", 1, Some(10)),
            ("10.1.9.9", 1, Some(20)),
            ("10.1.1.1", 1, Some(30)),
            ("10.1.1.1", 2, Some(0)),
            ("10.1.1.2", 1, Some(0)),
            ("11.0.0.1", 1, None),
            ("11.0.0.1", 3, Some(1)),
            ("2001:db8::1", 1, Some(40)),
            ("2001:db9::1", 1, None),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(
                reputation.score(address, category),
                score,
                "{address} {category}"
            );
        }
    }

    #[test]
    fn categories_have_numbers_and_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let good = file(folder.path(), "good", "1,BadHosts,known bad\n2,CnC,\n");
        let categories = read_categories(&good).expect("readable");
        assert_eq!(categories.get("CnC"), Some(&2));
        for wrong in ["60,TooHigh,x", "x,Name,y", "1"] {
            let path = file(folder.path(), "bad", wrong);
            assert!(read_categories(&path).is_err(), "{wrong}");
        }
        assert!(read_categories(&folder.path().join("none")).is_err());
    }

    /// A database of IPv4 alone with 24-bit records: 128.0.0.0/1 is `VN`, the rest is not known.
    fn database() -> Vec<u8> {
        let text = |text: &str| [&[0x40 | text.len() as u8][..], text.as_bytes()].concat();
        let word = |value: u8| vec![0xa1, value];
        let map = |pairs: &[(&str, Vec<u8>)]| {
            let mut bytes = vec![0xe0 | pairs.len() as u8];
            for (key, value) in pairs {
                bytes.extend(text(key));
                bytes.extend(value);
            }
            bytes
        };
        // One node: the left record leads nowhere (the number of nodes), the right one to the first data.
        let mut bytes = vec![0, 0, 1, 0, 0, 17];
        bytes.extend([0; 16]);
        bytes.extend(map(&[("country", map(&[("iso_code", text("VN"))]))]));
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        bytes.extend(map(&[
            ("binary_format_major_version", word(2)),
            ("binary_format_minor_version", word(0)),
            // A 64-bit number is of an extended type.
            ("build_epoch", vec![0x01, 0x02, 1]),
            ("database_type", text("Test")),
            ("description", map(&[("en", text("test"))])),
            ("ip_version", word(4)),
            // An empty array, of an extended type.
            ("languages", vec![0x00, 0x04]),
            ("node_count", vec![0xc1, 1]),
            ("record_size", word(24)),
        ]));
        bytes
    }

    #[test]
    fn countries_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(folder.path(), "countries.mmdb", database());
        let countries = Countries::open(&path).expect("a database");
        let of = |address: &str| countries.country(address.parse().expect("an address"));
        assert_eq!(of("200.1.2.3"), Some("VN"));
        assert_eq!(of("1.2.3.4"), None);
        assert_eq!(of("2001:db8::1"), None);
        let wrong = file(folder.path(), "wrong.mmdb", "nonsense");
        assert!(Countries::open(&wrong).is_err());
    }
}
