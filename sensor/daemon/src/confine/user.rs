//! The unprivileged user, and capabilities.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context as _, bail};
use caps::CapSet;
use nix::unistd::{User, geteuid, setgroups};

use super::{DEFAULT_USER, Needs, State};

/// Most files that are handed over; the folder holds a handful.
const MAX_ENTRIES: usize = 1_000;

/// Becomes the user, and drops every capability.
pub fn change(needs: &Needs, state: &mut State) -> anyhow::Result<()> {
    if geteuid().is_root() {
        if let Some(user) = chosen(needs)? {
            hand_over(needs, &user)?;
            drop_bounding_set()?;
            setgroups(&[user.gid]).context("setgroups")?;
            nix::unistd::setresgid(user.gid, user.gid, user.gid).context("setresgid")?;
            nix::unistd::setresuid(user.uid, user.uid, user.uid).context("setresuid")?;
        } else {
            state.gaps.push(format!(
                "the sensor stays root, without capabilities; make a user (useradd --system {DEFAULT_USER}) or name one under [run] user"
            ));
            drop_bounding_set()?;
        }
    }
    for set in [
        CapSet::Ambient,
        CapSet::Effective,
        CapSet::Permitted,
        CapSet::Inheritable,
    ] {
        caps::clear(None, set).with_context(|| format!("capabilities ({set:?})"))?;
    }
    // No core file has packets or the key, and no other process of this user looks inside.
    nix::sys::prctl::set_dumpable(false).context("PR_SET_DUMPABLE")?;
    state.user = match User::from_uid(geteuid()) {
        Ok(Some(user)) => user.name,
        _ => geteuid().to_string(),
    };
    Ok(())
}

/// The user to become; none when none is named and the usual one does not exist. Files are read by who reads them:
/// without an interface only a named user is another.
fn chosen(needs: &Needs) -> anyhow::Result<Option<User>> {
    let usual = needs.interface.is_some().then_some(DEFAULT_USER);
    let Some(name) = needs.user.as_deref().or(usual) else {
        return Ok(None);
    };
    match User::from_name(name).context("users")? {
        None if needs.user.is_some() => bail!(
            "[run] user = {name:?} does not exist; make it (useradd --system {name}) or name another"
        ),
        user => Ok(user),
    }
}

/// No program that is started later gets a capability back.
fn drop_bounding_set() -> anyhow::Result<()> {
    let held = caps::read(None, CapSet::Effective).unwrap_or_default();
    // A container may have root without the right to do this; no_new_privs does the same.
    if held.contains(&caps::Capability::CAP_SETPCAP) {
        caps::clear(None, CapSet::Bounding).context("capabilities (bounding set)")?;
    }
    Ok(())
}

/// What root made, by enrolment for one, is the user's now.
fn hand_over(needs: &Needs, user: &User) -> anyhow::Result<()> {
    let folder = &needs.state_dir;
    give(folder, user.uid.as_raw(), user.gid.as_raw())?;
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries.take(MAX_ENTRIES) {
        give(&entry?.path(), user.uid.as_raw(), user.gid.as_raw())?;
    }
    for path in needs.kept_files.iter().filter(|path| path.exists()) {
        give(path, user.uid.as_raw(), user.gid.as_raw())?;
    }
    Ok(())
}

/// Gives what root owns; nothing that the user could have put there to get something else by it: no symbolic link is
/// followed, and no file that has a second name is given.
fn give(path: &Path, uid: u32, gid: u32) -> anyhow::Result<()> {
    let about = std::fs::symlink_metadata(path).with_context(|| path.display().to_string())?;
    let own = about.is_dir() || (about.is_file() && about.nlink() == 1);
    if about.uid() == 0 && own {
        std::os::unix::fs::lchown(path, Some(uid), Some(gid))
            .with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Gives what root has put into a folder to whom the folder belongs.
///
/// # Errors
/// When that cannot be done.
pub fn hand_to_owner_of(folder: &Path) -> anyhow::Result<()> {
    let owner = std::fs::metadata(folder).with_context(|| folder.display().to_string())?;
    if !geteuid().is_root() || owner.uid() == 0 {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)?.take(MAX_ENTRIES) {
        give(&entry?.path(), owner.uid(), owner.gid())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_user_must_exist() {
        for (user, interface, expected) in [
            (Some("root"), None, Ok(Some("root"))),
            (Some("no-such-user-here"), Some("lo"), Err(())),
            (None, None, Ok(None)),
        ] {
            let needs = Needs {
                user: user.map(str::to_owned),
                interface: interface.map(str::to_owned),
                ..Needs::default()
            };
            let name = chosen(&needs)
                .map(|user| user.map(|user| user.name))
                .map_err(drop);
            assert_eq!(name, expected.map(|name| name.map(str::to_owned)));
        }
    }

    #[test]
    fn links_are_not_given_away() {
        if !geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link, twin) = (
            folder.path().join("file"),
            folder.path().join("link"),
            folder.path().join("twin"),
        );
        std::fs::write(&file, b"").expect("it is written");
        std::os::unix::fs::symlink(&file, &link).expect("it is made");
        give(&link, 65_534, 65_534).expect("nothing is done");
        std::fs::hard_link(&file, &twin).expect("it is made");
        give(&file, 65_534, 65_534).expect("nothing is done");
        assert_eq!(std::fs::metadata(&file).expect("it is there").uid(), 0);
        std::fs::remove_file(&twin).expect("it is removed");
        give(&file, 65_534, 65_534).expect("it is given");
        assert_eq!(std::fs::metadata(&file).expect("it is there").uid(), 65_534);
    }
}
