//! One run of a program: its input, its bounded output, and an end to all that it started.

use super::environment;
use rustix::process::{Pid, Signal, kill_process_group};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};

/// The longest output that is read, in bytes.
const LONGEST: u64 = 1 << 20;
/// How much of what it says about a failure is kept, in bytes.
const COMPLAINT: u64 = 64 << 10;

/// What a program left behind.
pub(super) struct Ended {
    pub status: ExitStatus,
    pub output: Vec<u8>,
    pub complaint: Vec<u8>,
}

/// Why it left nothing.
pub(super) enum Failure {
    /// There is no such program, or it may not be run.
    NotStarted(String),
    /// It could not be read or waited for.
    Broken(String),
    /// It wrote more than may be read.
    TooLong,
}

/// The group of a child that leads it. Until the child is waited for its number can't become another's.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn kill(&mut self) {
        if let Some(leader) = self.0.take() {
            // It fails only where nothing is left to be killed.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a program in a folder, and kills it with all that it started when this is dropped.
pub(super) async fn run(program: &Path, arguments: &[String], input: &str, folder: &Path) -> Result<Ended, Failure> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(environment::allowed()).current_dir(folder).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| Failure::NotStarted(error.to_string()))?;
    let mut group = Group::of(&child);
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let output = async {
        let output = beginning(stdout, LONGEST + 1).await?;
        if u64::try_from(output.len()).unwrap_or(u64::MAX) > LONGEST { Err(Failure::TooLong) } else { Ok(output) }
    };
    let complaint = async {
        let mut stderr = stderr;
        let complaint = beginning(stderr.as_mut(), COMPLAINT).await?;
        if let Some(mut rest) = stderr {
            // A full pipe would stop it.
            let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
        }
        Ok(complaint)
    };
    let ((), output, complaint) = tokio::try_join!(given(stdin, input), output, complaint)?;
    let status = child.wait().await.map_err(|error| Failure::Broken(error.to_string()))?;
    // It was waited for, so its number may be another's by now.
    group.0 = None;
    Ok(Ended { status, output, complaint })
}

/// Writes all of the input, unless nobody reads it.
async fn given(stdin: Option<ChildStdin>, input: &str) -> Result<(), Failure> {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input.as_bytes()).await;
        let _ = stdin.shutdown().await;
    }
    Ok(())
}

/// Reads until the end, or so many bytes.
async fn beginning(from: Option<impl AsyncRead + Unpin>, longest: u64) -> Result<Vec<u8>, Failure> {
    let mut read = Vec::new();
    if let Some(from) = from {
        from.take(longest).read_to_end(&mut read).await.map_err(|error| Failure::Broken(error.to_string()))?;
    }
    Ok(read)
}
