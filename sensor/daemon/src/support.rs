//! A support bundle: what helps somebody far away to find a fault. It holds no keys, no packets and no records.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::centre::Centre;
use crate::health::Observer;
use crate::health::words::{Language, Writer};
use crate::log;

/// Values of keys with these words in them are left out.
const SECRET: [&str; 4] = ["password", "secret", "token", "key"];
const LEFT_OUT: &str = "left out";

/// Where the parts of a bundle come from.
pub struct Support {
    /// [`about`], from before the sensor confined itself.
    pub about: String,
    pub config: PathBuf,
    pub centre: Arc<Centre>,
    pub observer: Weak<Observer>,
}

impl Support {
    /// A gzipped tar archive.
    ///
    /// # Errors
    /// When the archive cannot be written; a part that cannot be read says so in its own place.
    pub fn bundle(&self) -> io::Result<Vec<u8>> {
        let own = match std::fs::read_to_string(&self.config) {
            Ok(text) => without_secrets(&text),
            Err(error) => format!("# {}: {error}\n", self.config.display()),
        };
        let mut parts = vec![
            ("about.txt", self.about.clone().into_bytes()),
            ("configuration.toml", own.into_bytes()),
            ("centre.json", self.centre.text().into_bytes()),
            ("running.json", self.centre.state().running.into_bytes()),
            ("log.txt", log::newest()),
        ];
        if let Some(observer) = self.observer.upgrade() {
            let status = observer.status();
            let mut findings = String::new();
            for (name, language) in [("Tiếng Việt", Language::Vi), ("English", Language::En)] {
                findings.push_str(&format!("# {name}\n"));
                let writer = Writer::new(language);
                for finding in &status.findings {
                    let (what, remedy) = (writer.what(finding), writer.remedy(finding));
                    findings.push_str(&format!("{what}\n    → {remedy}\n"));
                }
            }
            parts.push(("doctor.txt", findings.into_bytes()));
            parts.push(("status.json", serde_json::to_vec_pretty(&status)?));
        }
        archive(&parts)
    }
}

/// Program and kernel.
pub fn about() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease");
    format!(
        "matluoi-sensor {}\nkernel {}\nprocess {}\n",
        env!("CARGO_PKG_VERSION"),
        kernel.unwrap_or_else(|error| error.to_string()).trim(),
        std::process::id()
    )
}

/// A configuration with the values of what sounds like a secret left out. One that is no TOML is left out whole.
fn without_secrets(text: &str) -> String {
    fn clean(table: &mut toml::Table) {
        for (name, value) in table.iter_mut() {
            let name = name.to_ascii_lowercase();
            match value {
                _ if SECRET.iter().any(|word| name.contains(word)) => *value = LEFT_OUT.into(),
                toml::Value::Table(table) => clean(table),
                toml::Value::Array(items) => {
                    for item in items {
                        if let Some(table) = item.as_table_mut() {
                            clean(table);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    match toml::from_str::<toml::Table>(text) {
        Ok(mut table) => {
            clean(&mut table);
            toml::to_string_pretty(&table).unwrap_or_default()
        }
        Err(error) => format!("# {LEFT_OUT}: {}\n", error.message()),
    }
}

fn archive(parts: &[(&str, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, content) in parts {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        archive.append_data(
            &mut header,
            format!("matluoi-sensor/{name}"),
            content.as_slice(),
        )?;
    }
    archive.into_inner()?.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn secrets_are_left_out() {
        let text = "state_dir = \"/var\"\n[[output]]\nto = \"syslog+tcp://10.0.0.1:514\"\napi_token = \"abc\"\n[feed]\nPassword = \"xyz\"\n";
        let clean = without_secrets(text);
        assert!(clean.contains("10.0.0.1") && clean.contains("/var"));
        assert!(!clean.contains("abc") && !clean.contains("xyz"), "{clean}");
        assert!(!without_secrets("password = abc def").contains("abc"));
    }

    #[test]
    fn a_bundle_holds_what_runs_and_what_was_logged() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("sensor.toml");
        let text = format!(
            "state_dir = {:?}\n[input]\ninterface = \"eth0\"\n",
            folder.path()
        );
        std::fs::write(&config, text).expect("written");
        let (centre, _) = Centre::open(&config).expect("it is read");
        let support = Support {
            about: about(),
            config,
            centre: Arc::new(centre),
            observer: Weak::new(),
        };
        let bundle = support.bundle().expect("a bundle");
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bundle.as_slice()));
        let mut names = Vec::new();
        for entry in archive.entries().expect("an archive") {
            let mut entry = entry.expect("an entry");
            let name = entry.path().expect("a name").display().to_string();
            let mut content = String::new();
            entry.read_to_string(&mut content).expect("text");
            if name.ends_with("running.json") {
                assert!(content.contains(r#""evidence.mode":"alerts""#), "{content}");
            }
            names.push(name);
        }
        for part in ["about.txt", "configuration.toml", "centre.json", "log.txt"] {
            assert!(
                names.contains(&format!("matluoi-sensor/{part}")),
                "{names:?}"
            );
        }
    }
}
