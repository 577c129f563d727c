//! What a parser that was taken over would try, tried from inside: a test runs it.

use std::fs::{File, OpenOptions};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use nix::sys::ptrace;
use nix::unistd::{Pid, getppid, setuid};
use sensor_capture::{LiveCapture, LiveOptions};

use crate::command::run::Config;
use crate::console::Console;

#[derive(clap::Args)]
pub struct Args {
    /// Configuration of the sensor.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// A folder that everybody may read and write, with a file `file`, and is none of the sensor's.
    #[arg(long, value_name = "DIR")]
    outside: PathBuf,
    /// `host:port` of a service that is not the collector.
    #[arg(long, value_name = "ADDRESS")]
    elsewhere: String,
}

/// What was tried.
#[derive(serde::Serialize)]
struct Attempt {
    what: &'static str,
    /// It should be possible.
    wanted: bool,
    possible: bool,
    error: Option<String>,
}

#[derive(serde::Serialize)]
struct Report {
    state: super::State,
    attempts: Vec<Attempt>,
}

/// Confines this process as `run` does, and tries. Fails when anything is possible that should not be, or the other
/// way round.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = Config::read(&args.config)?;
    let identity = sensor_ship::Identity::load(&config.state_dir)?;
    let needs = config.needs(&args.config, Some(&identity.address), Vec::new());
    // Later it could not be asked for: whatever is tried on it would fail for want of its number.
    let parent = getppid();
    let state = super::confine(&needs)?;
    // As the workers are: a thread that was started afterwards.
    let attempts = std::thread::scope(|scope| {
        scope
            .spawn(|| attempts(args, &config, &identity.address, parent))
            .join()
    })
    .map_err(|_| anyhow::anyhow!("the attempts failed"))?;
    let as_wanted = attempts.iter().all(|one| one.wanted == one.possible);
    Console::new().json(&Report { state, attempts })?;
    Ok(if as_wanted {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn attempts(args: &Args, config: &Config, collector: &str, parent: Pid) -> Vec<Attempt> {
    let mut done = Vec::new();
    let mut attempt = |what, wanted, outcome: Result<(), String>| {
        done.push(Attempt {
            what,
            wanted,
            possible: outcome.is_ok(),
            error: outcome.err(),
        });
    };
    fn told<T, E: std::fmt::Display>(outcome: Result<T, E>) -> Result<(), String> {
        outcome.map(drop).map_err(|error| error.to_string())
    }
    let own = config.state_dir.join("attempt");
    attempt(
        "write in the state folder",
        true,
        told(std::fs::write(&own, b"x")),
    );
    attempt("remove there", true, told(std::fs::remove_file(&own)));
    for path in &config.rules {
        let outcome = if path.is_dir() {
            told(std::fs::read_dir(path))
        } else {
            told(File::open(path))
        };
        attempt("read rules", true, outcome);
    }
    attempt(
        "read the configuration",
        true,
        told(File::open(&args.config)),
    );
    attempt(
        "connect to the collector",
        true,
        told(TcpStream::connect(collector)),
    );
    attempt(
        "read a file outside",
        false,
        told(File::open(args.outside.join("file"))),
    );
    attempt(
        "write a file outside",
        false,
        told(
            OpenOptions::new()
                .append(true)
                .open(args.outside.join("file")),
        ),
    );
    attempt(
        "make a file outside",
        false,
        told(File::create(args.outside.join("new"))),
    );
    attempt(
        "list a folder outside",
        false,
        told(std::fs::read_dir(&args.outside)),
    );
    attempt(
        "move a file out",
        false,
        std::fs::write(&own, b"x")
            .and_then(|()| std::fs::rename(&own, args.outside.join("moved")))
            .map_err(|error| error.to_string()),
    );
    attempt("read the passwords", false, told(File::open("/etc/shadow")));
    attempt(
        "write the rules",
        false,
        match config.rules.first() {
            Some(path) if path.is_dir() => told(File::create(path.join("new.rules"))),
            _ => Err("no folder".to_owned()),
        },
    );
    attempt(
        "start a program",
        false,
        told(Command::new("/bin/true").status()),
    );
    attempt(
        "connect elsewhere",
        false,
        told(TcpStream::connect(&args.elsewhere)),
    );
    attempt("send by UDP", false, told(UdpSocket::bind("127.0.0.1:0")));
    attempt("listen", false, told(TcpListener::bind("127.0.0.1:0")));
    attempt("trace the parent", false, told(ptrace::attach(parent)));
    let memory = format!("/proc/{parent}/mem");
    attempt("read the parent's memory", false, told(File::open(memory)));
    attempt(
        "signal the parent",
        false,
        told(nix::sys::signal::kill(parent, None)),
    );
    attempt("become root", false, told(setuid(0.into())));
    attempt(
        "capture",
        false,
        told(LiveCapture::open(&LiveOptions::new("lo"))),
    );
    done
}
