//! Landlock (landlock(7)): which files, ports, signals and sockets remain.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, NetPort,
    PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, Scope,
};

use super::{Needs, State};

/// The newest version whose refusals are asked for; older kernels refuse what they know.
const NEWEST: ABI = ABI::V6;

/// From which version on something is refused, and what stays open before it.
const STEPS: &[(i32, &str)] = &[
    (
        1,
        "files and programs are limited by the user's rights and seccomp only",
    ),
    (2, "files may be moved among the sensor's own folders"),
    (3, "files may be cut"),
    (4, "TCP connections may go to any port"),
    (5, "devices may be commanded"),
    (
        6,
        "signals and abstract sockets reach other processes of the user",
    ),
];

/// Files that libmagic looks for.
const MAGIC: &[&str] = &[
    "/etc/magic",
    "/etc/magic.mgc",
    "/usr/share/misc",
    "/usr/share/file",
    "/usr/lib/file",
];

const RANDOM: [&str; 2] = ["/dev/random", "/dev/urandom"];

/// The version of Landlock that runs here (0: none), and what this kernel cannot refuse. A thread that ends at once
/// confines itself to find out.
pub fn kernel() -> (i32, Vec<String>) {
    let status = std::thread::spawn(|| {
        Ruleset::default()
            .handle_access(AccessFs::Execute)
            .and_then(Ruleset::create)
            .and_then(RulesetCreated::restrict_self)
    })
    .join();
    let abi = match status {
        Ok(Ok(status)) => version(status.landlock),
        _ => 0,
    };
    (abi, gaps(abi))
}

fn version(status: LandlockStatus) -> i32 {
    match status {
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => 0,
        LandlockStatus::Available {
            effective_abi,
            kernel_abi,
        } => kernel_abi.unwrap_or(effective_abi as i32),
    }
}

/// What a kernel with this version cannot refuse.
fn gaps(abi: i32) -> Vec<String> {
    STEPS
        .iter()
        .filter(|(since, _)| abi < *since)
        .map(|(since, open)| format!("{open} (needs Landlock {since}, this kernel has {abi})"))
        .collect()
}

/// Closes everything but the needs.
pub fn raise(needs: &Needs, state: &mut State) -> anyhow::Result<()> {
    if needs.looks_up() {
        state.gaps.push(
            "the collector is a name: /etc can be read and UDP is open, for the resolver; an address in the enrolment string closes both".to_owned(),
        );
    }
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write_file = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
    let own = write_file
        | AccessFs::ReadDir
        | AccessFs::RemoveDir
        | AccessFs::RemoveFile
        | AccessFs::MakeDir
        | AccessFs::MakeReg
        | AccessFs::Refer;
    let mut walls = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    walls = open(walls, &needs.state_dir, own)?;
    for path in &needs.kept_files {
        walls = open(walls, path, write_file)?;
    }
    for path in readable(needs) {
        walls = open(walls, &path, read)?;
    }
    for folder in needs.outlet_folders() {
        walls = open(walls, &folder, own)?;
    }
    for port in needs.ports() {
        walls = walls.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    let abi = version(walls.restrict_self()?.landlock);
    state.landlock_abi = abi;
    state.gaps.extend(gaps(abi));
    Ok(())
}

/// Leaves these files and folders to be read, and nothing else: no other file, no TCP port. What the kernel does not know
/// stays open ([`kernel`]).
///
/// # Errors
/// When the kernel refuses to confine the thread.
pub fn only_read(paths: &[PathBuf]) -> anyhow::Result<()> {
    let mut walls = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    for path in MAGIC
        .iter()
        .map(Path::new)
        .chain(paths.iter().map(PathBuf::as_path))
    {
        walls = open(walls, path, AccessFs::ReadFile | AccessFs::ReadDir)?;
    }
    walls.restrict_self()?;
    Ok(())
}

/// All that is read.
fn readable(needs: &Needs) -> Vec<PathBuf> {
    let mut paths = needs.readable.clone();
    paths.extend(MAGIC.iter().map(PathBuf::from));
    // Where libmagic is told to look instead.
    if let Some(magic) = std::env::var_os("MAGIC") {
        paths.extend(std::env::split_paths(&magic));
    }
    // A program with the C library in it does not find the kernel's call for random numbers by its name.
    paths.extend(RANDOM.map(PathBuf::from));
    paths.push(PathBuf::from("/proc/self/statm"));
    if let Some(interface) = &needs.interface {
        // libpcap reads the card's own counters there, and the doctor whether it has a link.
        let link = Path::new("/sys/class/net").join(interface);
        paths.extend(link.canonicalize().ok());
    }
    if needs.looks_up() {
        // Whoever renews the address writes resolv.conf as a new file, so that a rule for the old one ends.
        paths.extend(
            [
                "/etc",
                "/run/systemd/resolve",
                "/run/resolvconf",
                "/run/NetworkManager",
            ]
            .map(PathBuf::from),
        );
    }
    paths
}

/// A path that is not there opens nothing.
fn open(
    walls: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> anyhow::Result<RulesetCreated> {
    let Ok(descriptor) = PathFd::new(path) else {
        tracing::debug!(path = %path.display(), "not there when the sensor was confined");
        return Ok(walls);
    };
    let access = if path.is_dir() {
        access
    } else {
        access & AccessFs::from_file(NEWEST)
    };
    Ok(walls.add_rule(PathBeneath::new(descriptor, access))?)
}

#[cfg(test)]
mod tests {
    use crate::ruleset;
    use crate::settings::Settings;

    use super::*;

    #[test]
    fn each_version_closes_more() {
        for (abi, open) in [(0, 6), (1, 5), (3, 3), (6, 0), (9, 0)] {
            assert_eq!(gaps(abi).len(), open, "{abi}");
        }
    }

    /// Faults of a rule that names a file, read by a thread that may read `folders` alone, if there are any.
    fn faults(rules: PathBuf, folders: Vec<PathBuf>) -> Vec<String> {
        let confined = move || {
            if !folders.is_empty() {
                only_read(&folders).expect("the thread is confined");
            }
            let loaded = ruleset::compile(&[rules], &Settings::default()).expect("it reads");
            loaded
                .failures
                .into_iter()
                .map(|fault| fault.reason)
                .collect()
        };
        std::thread::spawn(confined).join().expect("it ends")
    }

    #[test]
    fn rules_of_strangers_reach_no_other_file() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let elsewhere = tempfile::tempdir().expect("a folder can be made");
        let list = elsewhere.path().join("list");
        std::fs::write(&list, "YQ==\n").expect("it is written");
        let rules = folder.path().join("x.rules");
        let text = format!(
            "alert dns any any -> any any (dns.query; dataset:isset,l,type string,load {}; sid:1;)\n",
            list.display()
        );
        std::fs::write(&rules, text).expect("it is written");
        assert_eq!(faults(rules.clone(), Vec::new()), [""; 0]);
        if kernel().0 == 0 {
            eprintln!("left out: this kernel has no Landlock");
            return;
        }
        let told = faults(rules, vec![folder.path().to_owned()]);
        assert!(
            told.len() == 1 && told[0].contains("ermission denied"),
            "{told:?}"
        );
    }
}
