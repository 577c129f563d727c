//! Sigma, from outside: cases, all shared rules, and the compiled engine against a plain reading of the rules.

mod allocations;
mod cases;
mod differential;
mod hostile;
mod reference;

use std::path::{Path, PathBuf};

use rules::signature::SourceFile;

/// The shared material: beside the repository, or where MATLUOI_SHARED says.
fn shared() -> PathBuf {
    std::env::var_os("MATLUOI_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    )
}

/// The shared rules, or our own examples where they are not here.
fn rule_files() -> Vec<SourceFile> {
    let mut sources = Vec::new();
    collect(&shared().join("rules/sigma"), &mut sources);
    if sources.is_empty() {
        sources = documents("examples.yml", include_str!("examples.yml"));
    }
    sources
}

/// The documents of a file, each as a file of its own.
fn documents(name: &str, text: &str) -> Vec<SourceFile> {
    text.split("\n---\n")
        .enumerate()
        .map(|(number, text)| SourceFile {
            name: format!("{name} {number}"),
            text: text.to_owned(),
        })
        .collect()
}

fn collect(folder: &Path, out: &mut Vec<SourceFile>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, out);
        } else if path.extension().is_some_and(|end| end == "yml") {
            out.push(SourceFile {
                name: path.display().to_string(),
                text: std::fs::read_to_string(&path).expect("a rule"),
            });
        }
    }
}
