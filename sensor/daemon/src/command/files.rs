//! `files`: which files a capture carries, and the content of one of them.
//!
//! The engine that inspects live traffic reads the capture, and follows bodies further than it does there: as far as it
//! holds files. With `--only-read` it may be given captures that strangers made.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use sensor_event::Class;
use serde::{Deserialize, Serialize};

use super::replay::feed;
use crate::confine;
use crate::console::Console;
use crate::output::Output;
use crate::settings::{Checksums, Settings};
use crate::worker::{MAX_FILE_BYTES, Worker};

/// Files that are told of; others are counted. With names of 1,024 bytes, of which JSON makes six times as many, the
/// list stays under 8 MiB.
const MAX_TOLD: usize = 1_000;

/// Lists the files that passed in a capture.
#[derive(clap::Args)]
pub struct Args {
    /// Capture file: pcap or pcapng, plain, gzip or zstd.
    #[arg(value_name = "PCAP")]
    capture: PathBuf,
    /// Write the content of the file with this number to standard output.
    #[arg(long, value_name = "NUMBER")]
    content: Option<usize>,
    /// How to print the list.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Read this file or folder and no other, as far as the kernel has Landlock. May be given several times
    #[arg(long, value_name = "PATH")]
    only_read: Vec<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// A file that passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Carved {
    /// From 0, in the order in which files end.
    number: usize,
    /// Of its end.
    time: String,
    source: String,
    destination: String,
    protocol: String,
    #[serde(flatten)]
    told: Told,
    /// Its whole content can be had.
    held: bool,
}

/// What the record of a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    filename: Option<String>,
    magic: Option<String>,
    size: u64,
    /// CLOSED, TRUNCATED, ERROR, UNKNOWN
    state: String,
    /// Bytes in its midst were not captured.
    gaps: bool,
    md5: Option<String>,
    sha1: Option<String>,
    sha256: Option<String>,
}

#[derive(Default, Serialize)]
struct Carver {
    files: Vec<Carved>,
    /// Files beyond those that are told of.
    left_out: u64,
    /// Whose content is wanted.
    #[serde(skip)]
    wanted: Option<usize>,
    #[serde(skip)]
    content: Option<Vec<u8>>,
    /// A file was over, and its content was held or not; its record comes next.
    #[serde(skip)]
    ended: Option<bool>,
}

impl Carver {
    /// Of the next file, counted beyond the limit as well.
    fn number(&self) -> usize {
        self.files.len() + usize::try_from(self.left_out).unwrap_or(usize::MAX)
    }

    fn carved(&self, line: &[u8], held: bool) -> serde_json::Result<Carved> {
        #[derive(Deserialize)]
        struct Line {
            timestamp: String,
            src_ip: std::net::IpAddr,
            src_port: Option<u16>,
            dest_ip: std::net::IpAddr,
            dest_port: Option<u16>,
            app_proto: String,
            fileinfo: Told,
        }
        let line: Line = serde_json::from_slice(line)?;
        let end = |address: std::net::IpAddr, port: Option<u16>| match port {
            Some(port) => std::net::SocketAddr::new(address, port).to_string(),
            None => address.to_string(),
        };
        Ok(Carved {
            number: self.number(),
            time: line.timestamp,
            source: end(line.src_ip, line.src_port),
            destination: end(line.dest_ip, line.dest_port),
            protocol: line.app_proto,
            told: line.fileinfo,
            held,
        })
    }
}

impl Output for Carver {
    fn file(&mut self, content: Option<&[u8]>) {
        let content = content.filter(|content| content.len() <= MAX_FILE_BYTES);
        self.ended = Some(content.is_some());
        if self.wanted == Some(self.number()) {
            self.content = content.map(<[u8]>::to_vec);
        }
    }

    fn record(&mut self, _class: Class, line: &[u8]) {
        let Some(held) = self.ended.take() else {
            return;
        };
        match self.carved(line, held) {
            Ok(carved) if self.files.len() < MAX_TOLD => self.files.push(carved),
            Ok(_) => self.left_out += 1,
            Err(error) => {
                tracing::warn!(%error, "the record of a file cannot be read");
                self.left_out += 1;
            }
        }
    }
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if !args.only_read.is_empty() {
        confine::only_read(&args.only_read)?;
    }
    let carver = carve(&args.capture, args.content)?;
    let mut console = Console::new();
    if let Some(number) = args.content {
        match (carver.content, number < carver.files.len()) {
            (Some(content), _) => console.write_all(&content)?,
            (None, true) => bail!("not all of file {number} is there"),
            (None, false) => bail!("there is no file {number}"),
        }
        console.flush()?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.format == Format::Json {
        console.json(&carver)?;
        return Ok(ExitCode::SUCCESS);
    }
    for file in &carver.files {
        let told = &file.told;
        let shown = |text: &Option<String>| {
            let text = text.as_deref().unwrap_or("-");
            text.escape_debug().to_string()
        };
        writeln!(
            console,
            "{:>4} {:9} {:>10} {} {} {} {}",
            file.number,
            told.state,
            told.size,
            file.protocol,
            shown(&told.sha256),
            shown(&told.filename),
            shown(&told.magic),
        )?;
    }
    if carver.left_out > 0 {
        writeln!(console, "     and {} more", carver.left_out)?;
    }
    console.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn carve(capture: &Path, wanted: Option<usize>) -> anyhow::Result<Carver> {
    let mut settings = Settings {
        checksums: Checksums::None,
        ..Settings::default()
    };
    settings.follow_files();
    let carver = Carver {
        wanted,
        ..Carver::default()
    };
    let mut worker = Worker::new(0, Arc::new(settings), None, None, carver);
    feed(&mut worker, &[capture.to_owned()], |_| true)
        .with_context(|| capture.display().to_string())?;
    worker.finish();
    Ok(worker.into_output())
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn capture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/pcap")
            .join(name)
            .join("input.pcap")
    }

    /// Every file that is held is given with the bytes that its hash is of.
    #[test]
    fn files_are_told_and_given() {
        for (name, protocol, least) in [
            ("web/browse", "http", 1),
            ("http2/cleartext", "http2", 1),
            ("smtp/mail", "smtp", 1),
            ("ftp/upload", "ftp-data", 1),
            ("smb/file-read", "smb", 1),
        ] {
            let path = capture(name);
            let found = carve(&path, None).expect("readable");
            assert!(found.content.is_none());
            let held: Vec<&Carved> = found.files.iter().filter(|file| file.held).collect();
            assert!(held.len() >= least, "{name}: {:?}", found.files);
            for file in held {
                assert_eq!(file.protocol, protocol, "{name}");
                let given = carve(&path, Some(file.number)).expect("readable");
                let content = given.content.expect("it is held");
                assert_eq!(content.len() as u64, file.told.size, "{name}");
                let hash = Sha256::digest(&content);
                let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(Some(hash), file.told.sha256, "{name}: {file:?}");
            }
        }
    }

    #[test]
    fn files_beyond_the_limit_are_counted() {
        let line = br#"{"timestamp":"t","src_ip":"::1","src_port":1,"dest_ip":"10.0.0.1","app_proto":"http","fileinfo":{"size":1,"state":"CLOSED","gaps":false}}"#;
        let mut carver = Carver {
            wanted: Some(MAX_TOLD + 1),
            ..Carver::default()
        };
        carver.record(Class::Record, b"no file");
        for number in 0..MAX_TOLD + 2 {
            carver.file(Some(&number.to_le_bytes()));
            carver.record(Class::Record, line);
        }
        assert_eq!((carver.files.len(), carver.left_out), (MAX_TOLD, 2));
        assert_eq!(carver.files[0].source, "[::1]:1");
        assert_eq!(carver.files[0].destination, "10.0.0.1");
        // Of those too, the content can be had.
        let last = (MAX_TOLD + 1).to_le_bytes();
        assert_eq!(carver.content.as_deref(), Some(&last[..]));
    }

    #[test]
    fn the_list_stays_within_an_answer() {
        let worst = Carved {
            number: usize::MAX,
            time: "2026-11-27T00:00:00.000000+0000".to_owned(),
            source: "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535".to_owned(),
            destination: "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535".to_owned(),
            protocol: "bittorrent-dht".to_owned(),
            told: Told {
                filename: Some("\u{1}".repeat(1_024)),
                magic: Some("x".repeat(512)),
                size: u64::MAX,
                state: "TRUNCATED".to_owned(),
                gaps: true,
                md5: Some("0".repeat(32)),
                sha1: Some("0".repeat(40)),
                sha256: Some("0".repeat(64)),
            },
            held: true,
        };
        let all = Carver {
            files: vec![worst; MAX_TOLD],
            ..Carver::default()
        };
        let written = serde_json::to_vec_pretty(&all).expect("JSON");
        assert!(written.len() < 8 * 1_024 * 1_024, "{}", written.len());
    }
}
