//! What a released version left behind opens in this one: state, index, search and audit chain.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use collector_index::{Index, Options};
use collector_search::{
    ClassFilter, Clock, Embedded, Request, SearchEngine, parse_pipeline, settled,
};
use collector_state::{Scope, Store, StoreOptions};

/// A folder with the data of each release.
fn releases() -> Vec<(String, tempfile::TempDir)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/compat");
    let files = std::fs::read_dir(root).expect("there are releases");
    let files = files.map(|file| file.expect("a file").path());
    let files = files.filter(|path| path.extension().is_some_and(|ending| ending == "zst"));
    files
        .map(|path| (path.display().to_string(), unpacked(&path)))
        .collect()
}

fn unpacked(path: &PathBuf) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut tar = Command::new("tar");
    tar.arg("--zstd")
        .arg("-xf")
        .arg(path)
        .arg("-C")
        .arg(folder.path());
    assert!(tar.status().expect("tar runs").success());
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_every_release_open() {
    let releases = releases();
    assert!(!releases.is_empty());
    for (name, folder) in releases {
        let verified = Command::new(env!("CARGO_BIN_EXE_matluoi-collector"))
            .args(["admin", "verify", "--data"])
            .arg(folder.path())
            .output()
            .expect("it runs");
        let told = String::from_utf8_lossy(&verified.stdout).into_owned();
        assert!(verified.status.success(), "{name}: {verified:?}");
        assert!(told.contains("audit: 2 rows, unbroken"), "{name}: {told}");
        assert!(
            told.contains("index: 55 events in 2 partitions"),
            "{name}: {told}"
        );

        let path = folder.path().join("state.sqlite");
        let store = Store::open(&path, StoreOptions::default())
            .await
            .expect("it opens");
        let users = store.users(&Scope::All).await.expect("a list");
        assert_eq!(users.len(), 1, "{name}");
        assert_eq!(users[0].name, "thu", "{name}");
        let sources = store.sources(&Scope::All).await.expect("a list");
        assert!(sources.iter().any(|source| source.name == "old"), "{name}");
        store.close().await;

        let index = Index::open(&folder.path().join("index"), Options::default());
        let engine = Embedded::new(Arc::new(index.expect("it opens")));
        for (query, expected) in [
            ("event_type:dns", 40),
            ("alert.signature:\"quet cong\"", 14),
            ("src_ip:10.0.0.0/8 event_type:dns n:>=39", 1),
        ] {
            let clock = Clock {
                now: 0,
                zone_minutes: Clock::VIETNAM_MINUTES,
            };
            let pipeline = parse_pipeline(query).expect("it is a query");
            let request = Request {
                query: settled(pipeline.query, clock),
                from: None,
                to: None,
                class: ClassFilter::All,
                sensors: None,
            };
            let counted = engine.count(request).await.expect("it counts");
            assert_eq!(counted.total, expected, "{name}: {query}");
        }
    }
}
