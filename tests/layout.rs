//! Which crate may import which: the table of the code's map, checked against what the manifests declare.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each crate with the crates of this project that it must never import, in the order in which a packet
/// passes them. `all` is every crate of the project; `but:` names the exceptions.
const MAP: &[(&str, &str)] = &[
    ("sensor/bytes", "all"),
    ("sensor/capture", "all"),
    ("sensor/decode", "all but: sensor-bytes"),
    ("sensor/defrag", "sensor-flow sensor-app rules"),
    ("sensor/flow", "sensor-stream sensor-app rules"),
    ("sensor/stream", "sensor-app rules"),
    ("sensor/app", "sensor-capture sensor-decode rules"),
    ("rules", "all"),
    ("sensor/detect", "sensor-capture sensor-ship"),
    ("sensor/event", "all"),
    ("sensor/query", "all"),
    ("sensor/evidence", "all"),
    ("sensor/archive", "all but: sensor-event sensor-query"),
    (
        "sensor/ship",
        "all but: sensor-event sensor-query sensor-evidence sensor-archive",
    ),
    ("sensor/daemon", ""),
    ("collector/ingest", "collector-search collector-api"),
    ("collector/index", "collector-ingest collector-api"),
    ("collector/search", "collector-ingest collector-api"),
    ("collector/evidence", "all"),
    ("collector/archive", "all"),
    (
        "collector/state",
        "collector-index collector-search collector-api",
    ),
    (
        "collector/notify",
        "collector-ingest collector-index collector-search collector-api",
    ),
    ("collector/sigma", "collector-search collector-api tantivy"),
    ("collector/feeds", "all but: rules"),
    ("collector/api", "tantivy"),
    ("collector/daemon", "matluoi-sensor"),
];

/// Packet code: the collector takes the schema, the delivery protocol and what queries mean from the sensor, and nothing
/// else.
const PACKET_CODE: &[&str] = &[
    "sensor-capture",
    "sensor-decode",
    "sensor-defrag",
    "sensor-flow",
    "sensor-stream",
    "sensor-app",
    "sensor-detect",
    "sensor-evidence",
    "sensor-archive",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    let text = std::fs::read_to_string(&path).expect("a crate has a manifest");
    text.parse().expect("a manifest is TOML")
}

/// What a crate imports outside its tests.
fn imports(folder: &str) -> Vec<String> {
    let manifest = manifest(folder);
    ["dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flat_map(|section| section.keys().cloned())
        .collect()
}

#[test]
fn the_workspace_lists_its_members_in_the_order_of_the_map() {
    let workspace = manifest(".");
    let members = workspace["workspace"]["members"].as_array();
    let members: Vec<&str> = members
        .expect("the members are a list")
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    let expected: Vec<&str> = MAP
        .iter()
        .map(|(folder, _)| *folder)
        .chain(["tests"])
        .collect();
    assert_eq!(members, expected);
}

#[test]
fn no_crate_imports_what_it_must_not() {
    let names: BTreeMap<String, &str> = MAP
        .iter()
        .map(|(folder, _)| {
            let name = manifest(folder)["package"]["name"]
                .as_str()
                .map(str::to_owned);
            (name.expect("a package has a name"), *folder)
        })
        .collect();
    let mut faults = Vec::new();
    for (folder, forbidden) in MAP {
        for import in imports(folder) {
            let is_forbidden = match forbidden.strip_prefix("all") {
                Some(rest) => {
                    let exceptions = rest.strip_prefix(" but: ").unwrap_or_default();
                    names.contains_key(&import) && !exceptions.split(' ').any(|name| name == import)
                }
                None => forbidden.split(' ').any(|name| name == import),
            };
            let crosses =
                folder.starts_with("collector/") && PACKET_CODE.contains(&import.as_str());
            if is_forbidden || crosses {
                faults.push(format!("{folder} imports {import}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_top_level_holds_what_the_map_names_and_nothing_else() {
    const ALLOWED: &[&str] = &[
        "Cargo.toml",
        "Cargo.lock",
        "LICENSE",
        "README.md",
        "collector",
        "rules",
        "script",
        "sensor",
        "tests",
        "web",
    ];
    let listed = std::process::Command::new("git")
        .args(["ls-tree", "--name-only", "HEAD"])
        .current_dir(root())
        .output()
        .expect("git lists the files");
    let listed = String::from_utf8(listed.stdout).expect("names are text");
    let extra: Vec<&str> = listed
        .lines()
        .filter(|name| !name.starts_with('.') && !ALLOWED.contains(name))
        .collect();
    assert!(extra.is_empty(), "{extra:?}");
}
