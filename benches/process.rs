//! The whole program, as a person starts it: `--version`, a bundle of about 1 MB, and a namespace with 2,000 objects and
//! 100 MB of logs, beside `kubectl version --client` in the same run. Prints the median and the 99th percentile of the wall
//! time and the peak memory; asserts nothing about time.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use sre_copilot::bundle;
use sre_copilot::cluster::{LogKey, Recording};
use sre_copilot::domain::{KUBERNETES, LOGS, ObjectRef, SourceState};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sre-copilot");
/// How many copies of the shipped incident's workload make about 1 MB.
const USUAL: usize = 14;
/// How many make 2,000 objects.
const LARGE: usize = 58;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (usual, large) = (folder.path().join("usual"), folder.path().join("large"));
    bundle::write(&usual, &copies(USUAL)?)?;
    let mut many = copies(LARGE)?;
    add_logs(&mut many);
    bundle::write(&large, &many)?;
    let size = std::fs::metadata(usual.join("objects.json"))?.len();
    println!("{:<44} {:>6} {:>9} {:>9} {:>9}", "", "runs", "p50 ms", "p99 ms", "peak MiB");
    measure("sre-copilot --version", 200, PROGRAM, &["--version"])?;
    if Command::new("kubectl").args(["version", "--client"]).stdout(Stdio::null()).status().is_ok() {
        measure("kubectl version --client", 50, "kubectl", &["version", "--client"])?;
    }
    let path = |folder: &Path| folder.display().to_string();
    let name = format!("analyze --from, {:.1} MB, {} objects", size as f64 / 1e6, copies(USUAL)?.objects.len());
    measure(&name, 200, PROGRAM, &["analyze", "--from", &path(&usual)])?;
    let name = format!("analyze --from, {} objects, 100 MB of logs", many.objects.len());
    measure(&name, 20, PROGRAM, &["analyze", "--from", &path(&large)])?;
    Ok(())
}

/// A shipped incident and its namesakes: each copy in the same namespace under names of its own.
fn copies(count: usize) -> Result<Recording, Box<dyn std::error::Error>> {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/incidents/oom-after-limit-cut");
    let one = bundle::read(&case)?;
    let mut all = Recording { captured_at: one.captured_at, ..Recording::default() };
    let namespace = one.target.as_ref().map(|target| target.ns().to_owned()).unwrap_or_default();
    all.target = Some(ObjectRef::cluster("Namespace", namespace));
    all.sources = [(KUBERNETES.to_owned(), SourceState::Ok), (LOGS.to_owned(), SourceState::Ok)].into();
    let texts: Vec<String> = one.objects.iter().map(ToString::to_string).collect();
    for copy in 0..count {
        // What is the cluster's is there once.
        let of_copy = texts.iter().filter(|text| copy == 0 || text.contains("ledger"));
        for text in of_copy {
            all.objects.push(serde_json::from_str(&text.replace("ledger", &format!("ledger{copy}")))?);
        }
    }
    Ok(all)
}

/// Logs of 100 MB in all, one for each of so many containers.
fn add_logs(recording: &mut Recording) {
    const FILES: usize = 50;
    let line = "2026-03-10T09:38:46Z level=info msg=\"request served\" path=/v1/entries status=200 ms=12\n";
    let text = line.repeat(2_000_000 / line.len());
    for index in 0..FILES {
        let key =
            LogKey { namespace: "payments".into(), pod: format!("worker-{index}"), container: "app".into(), previous: false };
        recording.logs.insert(key, text.clone());
    }
}

fn measure(name: &str, runs: usize, program: &str, arguments: &[&str]) -> io::Result<()> {
    // `cargo test --benches` starts benches without this argument, to see that they work; once is enough for that.
    let runs = if std::env::args().any(|argument| argument == "--bench") { runs } else { 1 };
    let mut times = Vec::with_capacity(runs);
    let mut peak = 0;
    for _ in 0..runs {
        let started = Instant::now();
        let mut child = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        // The highest mark so far; the last look before the end comes close to the peak.
        while child.try_wait()?.is_none() {
            peak = peak.max(high_water(child.id()));
            std::thread::yield_now();
        }
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(times.len() * share / 100).or(times.last()).copied().unwrap_or(0.0);
    println!("{name:<44} {runs:>6} {:>9.1} {:>9.1} {:>9.1}", at(50), at(99), peak as f64 / 1024.0);
    Ok(())
}

/// The peak resident set of a process in KiB (Linux, proc(5): VmHWM); 0 where it can't be read.
fn high_water(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or(0)
}
