//! The running sensor's status, for who may enter its state folder: a socket that gives one JSON document to everybody
//! who connects, and reads nothing.

use std::io::{ErrorKind, Read};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::unistd::Pid;
use tokio::io::AsyncWriteExt;

use super::observer::Observer;
use super::status::Status;

const FILE: &str = "status.sock";
/// Who does not read for so long makes others wait no longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// A longer document is none of ours.
const DOCUMENT_BYTES: u64 = 4 << 20;

fn path_in(state_dir: &Path) -> PathBuf {
    state_dir.join(FILE)
}

/// Makes the socket; before the sensor confines itself, as it can make none afterwards.
///
/// # Errors
/// When another sensor works with this folder, or the socket cannot be made.
pub fn listen(state_dir: &Path) -> anyhow::Result<UnixListener> {
    let path = path_in(state_dir);
    let place = || path.display().to_string();
    if UnixStream::connect(&path).is_ok() {
        bail!(
            "a sensor runs with state_dir {} already; stop it, or give this one another folder",
            state_dir.display()
        );
    }
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).with_context(place),
        _ => {}
    }
    let listener = UnixListener::bind(&path).with_context(place)?;
    listener.set_nonblocking(true).with_context(place)?;
    Ok(listener)
}

/// The sensor that works with this folder, if one does.
///
/// # Errors
/// When it cannot be told.
pub fn answering(state_dir: &Path) -> anyhow::Result<Option<Pid>> {
    let path = path_in(state_dir);
    let Ok(stream) = UnixStream::connect(&path) else {
        return Ok(None);
    };
    let peer = getsockopt(&stream, PeerCredentials).with_context(|| path.display().to_string())?;
    Ok(Some(Pid::from_raw(peer.pid())))
}

/// Answers, one after the other, until it is dropped.
pub async fn answer(listener: UnixListener, observer: Arc<Observer>) -> std::io::Result<()> {
    let listener = tokio::net::UnixListener::from_std(listener)?;
    loop {
        let mut stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "status socket");
                tokio::time::sleep(PATIENCE).await;
                continue;
            }
        };
        let document = match serde_json::to_vec(&observer.full_status()) {
            Ok(document) => document,
            Err(error) => {
                tracing::error!(%error, "the status cannot be written");
                continue;
            }
        };
        // Whoever asked may have gone.
        let _ = tokio::time::timeout(PATIENCE, stream.write_all(&document)).await;
    }
}

/// The status of the sensor that runs with this folder; none when none runs.
///
/// # Errors
/// When it may not be asked, or does not answer as this version does.
pub fn ask(state_dir: &Path) -> anyhow::Result<Option<Status>> {
    let path = path_in(state_dir);
    let place = || path.display().to_string();
    let stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            bail!(
                "{}: {error}; run this as root, or as the sensor's user",
                place()
            );
        }
        Err(error) => return Err(error).with_context(place),
    };
    stream
        .set_read_timeout(Some(4 * PATIENCE))
        .with_context(place)?;
    let mut document = Vec::new();
    stream
        .take(DOCUMENT_BYTES)
        .read_to_end(&mut document)
        .with_context(place)?;
    serde_json::from_slice(&document)
        .with_context(|| format!("{}: the sensor that runs is of another version", place()))
        .map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_answers_where_no_sensor_runs() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(ask(folder.path()).expect("it is told").is_none());
        drop(listen(folder.path()).expect("it is made"));
        // The file of a sensor that was killed.
        assert!(ask(folder.path()).expect("it is told").is_none());
        let listener = listen(folder.path()).expect("it takes the place");
        listen(folder.path()).expect_err("one runs");
        drop(listener);
    }
}
