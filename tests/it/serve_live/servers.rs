//! Other programs that a test runs beside ours.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether all of them are; the test is skipped otherwise.
pub fn are_installed(programs: &[&str]) -> bool {
    let there = |program: &&&str| Command::new(program).arg("--version").output().is_ok();
    let missing: Vec<_> = programs.iter().filter(|program| !there(program)).collect();
    if !missing.is_empty() {
        assert!(std::env::var_os("SRE_COPILOT_REQUIRE_ALERTMANAGER").is_none(), "missing: {missing:?}");
        println!("skipped: missing {missing:?}");
    }
    missing.is_empty()
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A program that runs until this is dropped; what it says is in `NAME.log`.
pub struct Process(Child);

impl Process {
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Self {
        let log = File::create(folder.join(format!("{name}.log"))).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self(command.spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// Asks other processes until it is so.
pub async fn until(what: &str, folder: &Path, mut is_so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        if began.elapsed() > PATIENCE {
            let logs = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
            for log in logs.filter(|path| path.extension().is_some_and(|end| end == "log")) {
                println!("== {}\n{}", log.display(), std::fs::read_to_string(&log).unwrap_or_default());
            }
            panic!("not within {PATIENCE:?}: {what}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
