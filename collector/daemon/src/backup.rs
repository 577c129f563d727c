//! Backup of a running collector, and putting it back.
//!
//! A backup is a folder with the layout of a data folder and a list of its files. State and index are
//! taken at one moment, between two commits, so that they agree: the index by links to its files, which
//! never change, as does evidence, the state by SQLite's own copy. Copying comes after, and takes only what the folder does
//! not hold yet. `admin backup` asks a running collector over a socket in its data folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use collector_index::{Index, Options};
use collector_state::Store;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::collector::{lock, now, open_state};

const SOCKET: &str = "control.sock";
const MANIFEST: &str = "backup.json";
const STATE: &str = "state.sqlite";
/// Links of a backup under way; removed at its end, and at the next start.
const SNAPSHOT: &str = "snapshot";
const MAX_REQUEST_BYTES: u64 = 8 * 1_024;

/// Waits until index and state agree; they do while the guard lives.
pub type Quiet = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Option<Guard>> + Send>> + Send + Sync>;
type Guard = tokio::sync::OwnedMutexGuard<()>;

/// What a backup holds.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    version: String,
    created_ms: i64,
    /// Bytes by path.
    files: BTreeMap<String, u64>,
}

#[derive(Serialize, Deserialize)]
struct Request {
    backup: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    error: Option<String>,
    copied_bytes: u64,
}

/// `admin backup`: through the collector that runs on the data folder, else by itself.
pub async fn backup(data: &Path, folder: &Path) -> Result<()> {
    let folder = std::path::absolute(folder)?;
    let copied = match lock(data) {
        Ok(_lock) => {
            let state = open_state(data).await?;
            let index = Index::open(&data.join("index"), Options::default()).context("index")?;
            let copied = take(data, &state, &index, &folder, None).await;
            state.close().await;
            copied?
        }
        Err(_) => ask(data, &folder).await?,
    };
    println!("{} ({copied} bytes copied)", folder.display());
    Ok(())
}

async fn ask(data: &Path, folder: &Path) -> Result<u64> {
    let path = data.join(SOCKET);
    let mut stream = UnixStream::connect(&path)
        .await
        .with_context(|| format!("the collector that uses {} does not answer", data.display()))?;
    let request = serde_json::to_string(&Request {
        backup: folder.to_owned(),
    })?;
    stream.write_all(format!("{request}\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let answer: Answer = serde_json::from_str(&answer).context("the collector's answer")?;
    match answer.error {
        None => Ok(answer.copied_bytes),
        Some(error) => bail!(error),
    }
}

/// Serves requests from this machine; whoever may open the data folder may ask.
pub async fn serve(
    data: PathBuf,
    state: Store,
    index: Arc<Index>,
    quiet: Quiet,
    stopping: impl Future<Output = ()>,
) -> Result<()> {
    let path = data.join(SOCKET);
    // A socket that a killed collector left; the lock on the folder is ours.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).with_context(|| path.display().to_string())?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let mut stopping = std::pin::pin!(stopping);
    loop {
        let stream = tokio::select! {
            () = &mut stopping => {
                let _ = std::fs::remove_file(&path);
                return Ok(());
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a request from this machine is not accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            }
        };
        // One at a time: two backups at once would only slow each other.
        if let Err(error) = answer(stream, &data, &state, &index, &quiet).await {
            tracing::warn!(
                error = format!("{error:#}"),
                "a request from this machine fails"
            );
        }
    }
}

async fn answer(
    stream: UnixStream,
    data: &Path,
    state: &Store,
    index: &Index,
    quiet: &Quiet,
) -> Result<()> {
    let mut reader = BufReader::new(stream.take(MAX_REQUEST_BYTES));
    let mut line = String::new();
    reader.read_line(&mut line).await?;
    let done = match serde_json::from_str::<Request>(&line) {
        Ok(request) => take(data, state, index, &request.backup, Some(quiet)).await,
        Err(error) => Err(error.into()),
    };
    let answer = match done {
        Ok(copied_bytes) => Answer {
            error: None,
            copied_bytes,
        },
        Err(error) => Answer {
            error: Some(format!("{error:#}")),
            copied_bytes: 0,
        },
    };
    let mut stream = reader.into_inner().into_inner();
    stream
        .write_all(serde_json::to_string(&answer)?.as_bytes())
        .await?;
    stream.shutdown().await?;
    Ok(())
}

/// Takes a backup into a folder: a new one, or one that holds an earlier backup. Returns the bytes copied.
async fn take(
    data: &Path,
    state: &Store,
    index: &Index,
    folder: &Path,
    quiet: Option<&Quiet>,
) -> Result<u64> {
    let is_new = !folder.exists();
    if !is_new && !folder.join(MANIFEST).exists() && std::fs::read_dir(folder)?.next().is_some() {
        bail!("{} holds something else than a backup", folder.display());
    }
    let snapshot = data.join(SNAPSHOT);
    remove(&snapshot)?;
    std::fs::create_dir_all(&snapshot).with_context(|| snapshot.display().to_string())?;
    let taken = async {
        let guard = match quiet {
            Some(quiet) => quiet().await,
            None => None,
        };
        // Before and after: what comes meanwhile is there, and so is what is forgotten meanwhile.
        link_whole(data, &snapshot, "evidence", "pcapng")?;
        state.copy_to(&snapshot.join(STATE)).await?;
        link_whole(data, &snapshot, "evidence", "pcapng")?;
        index.link_committed(&snapshot.join("index"))?;
        drop(guard);
        link_all(&data.join("authority"), &snapshot.join("authority"))?;
        // What sources sent last: some of it came by hand, and cannot be fetched again.
        link_whole(data, &snapshot, "feeds", "content")?;
        fill(&snapshot, folder)
    };
    let taken = taken.await;
    remove(&snapshot)?;
    if taken.is_err() && is_new {
        // Half a backup is none.
        remove(folder)?;
    }
    taken
}

/// Makes the folder hold what the snapshot holds, copying only what it lacks.
fn fill(snapshot: &Path, folder: &Path) -> Result<u64> {
    let mut files = BTreeMap::new();
    list(snapshot, snapshot, &mut files)?;
    // Without its list the folder is no backup, until it is whole again.
    let manifest = folder.join(MANIFEST);
    if manifest.exists() {
        std::fs::remove_file(&manifest)?;
    }
    let mut copied = 0;
    for (name, &bytes) in &files {
        let (from, to) = (snapshot.join(name), folder.join(name));
        let is_segment = name.starts_with("index/") && !name.ends_with(".json");
        if is_segment && std::fs::metadata(&to).is_ok_and(|file| file.len() == bytes) {
            continue;
        }
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let new = to.with_extension("new");
        std::fs::copy(&from, &new).with_context(|| to.display().to_string())?;
        std::fs::File::open(&new)?.sync_all()?;
        std::fs::rename(&new, &to)?;
        copied += bytes;
    }
    let mut there = BTreeMap::new();
    list(folder, folder, &mut there)?;
    for name in there.keys().filter(|name| !files.contains_key(*name)) {
        std::fs::remove_file(folder.join(name))?;
    }
    let written = Manifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        created_ms: now().0,
        files,
    };
    std::fs::write(&manifest, serde_json::to_vec_pretty(&written)?)?;
    std::fs::File::open(&manifest)?.sync_all()?;
    Ok(copied)
}

/// `admin restore`: puts a backup into an empty data folder.
pub fn restore(folder: &Path, data: &Path) -> Result<()> {
    if data.exists() && std::fs::read_dir(data)?.next().is_some() {
        bail!("{} is not empty", data.display());
    }
    let manifest = checked(folder)?.with_context(|| {
        format!(
            "{} holds no backup: there is no {MANIFEST}",
            folder.display()
        )
    })?;
    for name in manifest.files.keys() {
        let to = data.join(name);
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::copy(folder.join(name), &to).with_context(|| to.display().to_string())?;
    }
    println!("{}", data.display());
    Ok(())
}

/// Whether a folder that has a list holds all of it.
pub fn check(folder: &Path) -> Result<()> {
    if let Some(manifest) = checked(folder)? {
        println!("backup: {} files, all there", manifest.files.len());
    }
    Ok(())
}

/// Whether a folder holds all that its list names; `None` for one without a list.
fn checked(folder: &Path) -> Result<Option<Manifest>> {
    let path = folder.join(MANIFEST);
    if !path.exists() {
        return Ok(None);
    }
    let manifest: Manifest = serde_json::from_slice(&std::fs::read(&path)?)
        .with_context(|| path.display().to_string())?;
    for (name, &bytes) in &manifest.files {
        let file = folder.join(name);
        let found = std::fs::metadata(&file).map(|file| file.len());
        if found.as_ref().ok() != Some(&bytes) {
            bail!(
                "{}: {bytes} bytes in the list, {found:?} here",
                file.display()
            );
        }
    }
    Ok(Some(manifest))
}

fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| folder.display().to_string())
        }
        _ => Ok(()),
    }
}

/// Files of a folder that are whole, and never change but by another in their place: what is still coming is fetched anew
/// after a restore.
fn link_whole(data: &Path, snapshot: &Path, folder: &str, kind: &str) -> Result<()> {
    let (from, to) = (data.join(folder), snapshot.join(folder));
    if !from.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(&to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        // Files of another kind are not whole yet.
        let (Some(name), true) = (
            path.file_name(),
            path.extension().is_some_and(|ending| ending == kind),
        ) else {
            continue;
        };
        match std::fs::hard_link(&path, to.join(name)) {
            // Linked before, or forgotten at this moment.
            Err(error)
                if [
                    std::io::ErrorKind::AlreadyExists,
                    std::io::ErrorKind::NotFound,
                ]
                .contains(&error.kind()) => {}
            outcome => outcome.with_context(|| path.display().to_string())?,
        }
    }
    Ok(())
}

fn link_all(from: &Path, to: &Path) -> Result<()> {
    if !from.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::hard_link(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Files under a folder by path from the root, but for the list itself.
fn list(root: &Path, folder: &Path, files: &mut BTreeMap<String, u64>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            list(root, &path, files)?;
            continue;
        }
        let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
        if name != MANIFEST {
            files.insert(name, entry.metadata()?.len());
        }
    }
    Ok(())
}
