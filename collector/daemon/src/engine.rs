//! The sensor's engine, in a process of its own: what rule authors and captures bring may stop that process, and
//! nothing else. Time, memory, processor and answer are limited; what they ask lies in a folder that is removed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use collector_api::machine::{EngineFault, Question, Tongue};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::Semaphore;

pub const SENSOR_PROGRAM: &str = "matluoi-sensor";
/// Processes at a time; others wait.
const PARALLEL: usize = 2;
/// Whoever waits longer for a turn is told to come back.
const TURN: Duration = Duration::from_secs(10);
/// The longest answer to keep.
const MAX_ANSWER_BYTES: u64 = 8 * 1_024 * 1_024;
/// The longest file: what a sensor holds of one.
const MAX_FILE_BYTES: u64 = 10 * 1_024 * 1_024;
/// Of what the process complains of, this is told.
const MAX_COMPLAINT_BYTES: u64 = 4 * 1_024;

/// What one question may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub time: Duration,
    /// Of address space.
    pub memory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            time: Duration::from_secs(30),
            memory_bytes: 4 << 30,
        }
    }
}

/// What an answer is.
#[derive(Debug, Clone, Copy)]
enum Form {
    Json,
    Bytes,
}

impl Form {
    fn most_bytes(self) -> u64 {
        match self {
            Form::Json => MAX_ANSWER_BYTES,
            Form::Bytes => MAX_FILE_BYTES,
        }
    }
}

/// Asks the sensor's program.
pub struct Engine {
    program: PathBuf,
    scratch: PathBuf,
    limits: Limits,
    turns: Semaphore,
}

impl Engine {
    /// `program`: the sensor's, the one beside this program when absent; `scratch`: where texts lie while they are asked
    /// about.
    pub fn new(program: Option<PathBuf>, scratch: PathBuf, limits: Limits) -> Engine {
        let beside = || Some(std::env::current_exe().ok()?.with_file_name(SENSOR_PROGRAM));
        Engine {
            program: program.or_else(beside).unwrap_or_default(),
            scratch,
            limits,
            turns: Semaphore::new(PARALLEL),
        }
    }

    /// The answer, as the program printed it: JSON, or the bytes of a file.
    pub async fn ask(
        &self,
        question: Question,
        text: &str,
        tongue: Tongue,
    ) -> Result<Vec<u8>, EngineFault> {
        if !self.program.is_file() {
            return Err(EngineFault::Missing);
        }
        let turn = tokio::time::timeout(TURN, self.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(EngineFault::Busy);
        };
        let failed = |error: std::io::Error| EngineFault::Failed(error.to_string());
        std::fs::create_dir_all(&self.scratch).map_err(failed)?;
        let folder = tempfile::tempdir_in(&self.scratch).map_err(failed)?;
        let file = folder.path().join("draft.rules");
        tokio::fs::write(&file, text).await.map_err(failed)?;
        let mut command = Command::new(&self.program);
        let is_of_rules = !matches!(
            question,
            Question::Files { .. } | Question::FileContent { .. }
        );
        command.arg(if is_of_rules { "rules" } else { "files" });
        // Rules name files; their author may not read what the collector may.
        command.arg("--only-read").arg(folder.path());
        if let Question::Try { capture }
        | Question::Files { capture }
        | Question::FileContent { capture, .. } = &question
        {
            command.arg("--only-read").arg(capture);
        }
        match &question {
            Question::Check => command.args(["check", "--warnings"]).arg(&file),
            Question::Explain => command.arg("explain").arg(&file),
            Question::Complete { offset } => {
                command.args(["complete", "--offset", &offset.to_string()])
            }
            Question::Try { capture } => command
                .args(["test", "--rule"])
                .arg(&file)
                .arg("--pcap")
                .arg(capture),
            Question::Files { capture } => command.arg(capture),
            Question::FileContent { capture, number } => command
                .args(["--content", &number.to_string()])
                .arg(capture),
        };
        command.args(["--format", "json"]);
        if is_of_rules {
            command.args(["--lang", tongue.name()]);
        }
        let form = match question {
            Question::FileContent { .. } => Form::Bytes,
            _ => Form::Json,
        };
        let asked = self.run(command, folder.path(), text, form);
        match tokio::time::timeout(self.limits.time, asked).await {
            Ok(answer) => answer,
            // The process is gone with the future.
            Err(_) => Err(EngineFault::Limit("time")),
        }
    }

    async fn run(
        &self,
        mut command: Command,
        folder: &Path,
        input: &str,
        form: Form,
    ) -> Result<Vec<u8>, EngineFault> {
        let failed = |error: std::io::Error| EngineFault::Failed(error.to_string());
        let mut child = command
            .env_clear()
            .env("MATLUOI_LOG", "error")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        self.limit(child.id())?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            return Err(EngineFault::Failed("no pipes".to_owned()));
        };
        let give = async {
            // Who does not read its input says so by its answer.
            let _ = stdin.write_all(input.as_bytes()).await;
            drop(stdin);
        };
        let ((), answer, complaint) = tokio::join!(
            give,
            read(stdout, form.most_bytes()),
            read(stderr, MAX_COMPLAINT_BYTES)
        );
        let answer = answer.map_err(failed)?;
        if answer.len() as u64 > form.most_bytes() {
            return Err(EngineFault::Limit("answer"));
        }
        let status = child.wait().await.map_err(failed)?;
        let is_answer = match form {
            // 1: the rules are not sound, or did not fire; the answer tells.
            Form::Json => matches!(status.code(), Some(0 | 1)) && !answer.trim_ascii().is_empty(),
            // A file may be empty.
            Form::Bytes => status.success(),
        };
        if is_answer {
            return Ok(answer);
        }
        let complaint = complaint.map_err(failed)?;
        let complaint = String::from_utf8_lossy(&complaint).into_owned();
        if status.code().is_none() || complaint.contains("memory allocation") {
            tracing::warn!(%status, complaint, "the rule engine was stopped");
            return Err(EngineFault::Limit("memory or processor"));
        }
        let place = format!("{}/", folder.display());
        Err(EngineFault::Failed(
            complaint.trim().replace(&place, "").to_owned(),
        ))
    }

    fn limit(&self, child: Option<u32>) -> Result<(), EngineFault> {
        let pid = child.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let seconds = self.limits.time.as_secs().max(1);
        let rows = [
            (Resource::As, self.limits.memory_bytes),
            (Resource::Cpu, seconds),
            (Resource::Core, 0),
            // It writes no files.
            (Resource::Fsize, 0),
        ];
        for (resource, most) in rows {
            let limit = Rlimit {
                current: Some(most),
                maximum: Some(most),
            };
            if let Err(error) = prlimit(pid, resource, limit) {
                // It may have ended already; without limits it does not go on.
                if error != rustix::io::Errno::SRCH {
                    return Err(EngineFault::Failed(format!("limits: {error}")));
                }
            }
        }
        Ok(())
    }
}

/// Up to one byte more than `most`; then the reader is closed.
async fn read(from: impl AsyncRead + Unpin, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most + 1).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// An engine whose program is a script of the shell.
    fn engine(folder: &Path, script: &str, limits: Limits) -> Engine {
        let program = folder.join("program");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("written");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, mode).expect("it may run");
        Engine::new(Some(program), folder.join("scratch"), limits)
    }

    async fn asked(script: &str, limits: Limits) -> (Result<Vec<u8>, EngineFault>, usize) {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = engine(folder.path(), script, limits);
        let answer = engine.ask(Question::Check, "a rule", Tongue::Vi).await;
        let left = std::fs::read_dir(folder.path().join("scratch")).expect("the folder");
        (answer, left.count())
    }

    #[tokio::test]
    async fn what_it_says_is_told_and_nothing_is_left() {
        let limits = Limits::default();
        let rows: [(&str, Result<Vec<u8>, EngineFault>); 5] = [
            ("echo '{}'", Ok(b"{}\n".to_vec())),
            // Rules with faults.
            ("echo '{}'; exit 1", Ok(b"{}\n".to_vec())),
            ("cat draft.rules", Ok(b"a rule".to_vec())),
            (
                "echo \"$PWD/draft.rules: no rule\" >&2; exit 1",
                Err(EngineFault::Failed("draft.rules: no rule".to_owned())),
            ),
            ("kill -9 $$", Err(EngineFault::Limit("memory or processor"))),
        ];
        for (script, expected) in rows {
            let (answer, left) = asked(script, limits).await;
            assert_eq!((answer, left), (expected, 0), "{script}");
        }
    }

    #[tokio::test]
    async fn it_is_stopped_at_its_limits() {
        let short = Limits {
            time: Duration::from_secs(1),
            ..Limits::default()
        };
        let (answer, _) = asked("sleep 600", short).await;
        assert_eq!(answer, Err(EngineFault::Limit("time")));
        let (answer, _) = asked("cat /dev/zero", Limits::default()).await;
        assert_eq!(answer, Err(EngineFault::Limit("answer")));
        // Writing is refused whatever it writes.
        let (answer, _) = asked("echo x > file || exit 2", Limits::default()).await;
        assert!(answer.is_err(), "{answer:?}");
    }

    #[tokio::test]
    async fn files_come_as_they_are() {
        let rows: [(&str, Result<usize, EngineFault>); 4] = [
            ("head -c 10485760 /dev/zero", Ok(10 << 20)),
            ("true", Ok(0)),
            (
                "head -c 10485761 /dev/zero",
                Err(EngineFault::Limit("answer")),
            ),
            // What was written before it failed is no file.
            (
                "echo half; echo 'no file 7' >&2; exit 1",
                Err(EngineFault::Failed("no file 7".to_owned())),
            ),
        ];
        for (script, expected) in rows {
            let folder = tempfile::tempdir().expect("a folder");
            let engine = engine(folder.path(), script, Limits::default());
            let question = Question::FileContent {
                capture: PathBuf::from("/c.pcapng"),
                number: 7,
            };
            let answer = engine.ask(question, "", Tongue::Vi).await;
            assert_eq!(answer.map(|bytes| bytes.len()), expected, "{script}");
        }
    }

    #[tokio::test]
    async fn captures_are_asked_about_and_nothing_else_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = engine(folder.path(), "echo \"$@\"", Limits::default());
        let capture = PathBuf::from("/c.pcapng");
        for (question, expected) in [
            (
                Question::Files {
                    capture: capture.clone(),
                },
                "--only-read /c.pcapng /c.pcapng --format json\n",
            ),
            (
                Question::FileContent { capture, number: 7 },
                "--only-read /c.pcapng --content 7 /c.pcapng --format json\n",
            ),
        ] {
            let answer = engine.ask(question, "", Tongue::Vi).await;
            let answer = String::from_utf8(answer.expect("answered")).expect("text");
            assert!(answer.starts_with("files --only-read "), "{answer}");
            assert!(answer.ends_with(expected), "{answer}");
        }
    }

    #[tokio::test]
    async fn without_the_program_it_is_told_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let none = Some(folder.path().join("none"));
        let engine = Engine::new(none, folder.path().join("scratch"), Limits::default());
        let answer = engine.ask(Question::Check, "", Tongue::Vi).await;
        assert_eq!(answer, Err(EngineFault::Missing));
    }
}
