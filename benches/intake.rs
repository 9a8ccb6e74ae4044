//! How many alerts a second are durable: batches of 64 from 16 threads into one file, half of them repeats, without HTTP.
//! Prints alerts a second and the time of a batch beside what the disk itself takes for one write; asserts nothing about time.
//! The folder is `TMPDIR`'s.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use jiff::Timestamp;
use serde_json::{Value, json};
use sre_copilot::domain::{Delivery, Reading};
use sre_copilot::ports::Intake;
use sre_copilot::store::Store;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

const THREADS: u32 = 16;
const BATCH: u32 = 64;
const FOR: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut syncs = disk(folder.path())?;
    let store = Store::open(&folder.path().join("state.db"), Timestamp::now)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let began = Instant::now();
    let mut batches = Vec::new();
    std::thread::scope(|scope| {
        let sender = |thread: u32| {
            let (store, runtime) = (&store, runtime.handle());
            scope.spawn(move || send(store, runtime, thread, began))
        };
        let senders: Vec<_> = (0..THREADS).map(sender).collect();
        for sender in senders {
            batches.extend(sender.join().unwrap_or_default());
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    let alerts = batches.len() as f64 * f64::from(BATCH);
    println!("{:.0} durable alerts/s ({} batches of {BATCH} in {seconds:.1} s)", alerts / seconds, batches.len());
    print("a batch", &mut batches);
    print("fdatasync of 4 KiB", &mut syncs);
    Ok(())
}

fn print(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default().as_secs_f64() * 1e3;
    println!("{what}: p50 {:.2} ms, p99 {:.2} ms", at(0.5), at(0.99));
}

fn disk(folder: &std::path::Path) -> Result<Vec<Duration>, std::io::Error> {
    let mut file = std::fs::File::create(folder.join("probe"))?;
    (0..200)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&[7; 4096])?;
            file.sync_data()?;
            Ok(began.elapsed())
        })
        .collect()
}

/// Each batch is new, and the next one repeats it: half of what is sent is known.
fn send(store: &Store, runtime: &tokio::runtime::Handle, thread: u32, began: Instant) -> Vec<Duration> {
    let (labels, severities) = (["cluster".to_owned()], BTreeMap::new());
    let mut times = Vec::new();
    for count in 0.. {
        if began.elapsed() > FOR {
            break;
        }
        // A repeat comes in another group, so that no key is known.
        let body = batch(thread, count / 2, count);
        let raw = body.to_string().into_bytes();
        let at = Instant::now();
        let how =
            Reading { cluster_labels: &labels, default_cluster: "default", severities: &severities, received: Timestamp::now() };
        let Ok(delivery) = Delivery::read(&raw, &how) else { break };
        if runtime.block_on(store.take(delivery, raw)).is_ok() {
            times.push(at.elapsed());
        }
    }
    times
}

fn batch(thread: u32, number: u32, group: u32) -> Value {
    let alert = |index: u32| {
        let pod = format!("web-{thread}-{number}-{index}");
        json!({
            "status": "firing", "startsAt": "2026-01-02T04:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.monitoring:9090/graph?g0.expr=up",
            "labels": {"alertname": "KubePodCrashLooping", "namespace": format!("squad-{}", index % 10), "severity": "warning",
                       "deployment": format!("web-{}", thread % 5), "pod": pod, "container": "app", "job": "kube-state-metrics"},
            "annotations": {"summary": format!("{pod} restarts"), "runbook_url": "https://runbooks.example/crash-looping"},
        })
    };
    let alerts: Vec<_> = (0..BATCH).map(alert).collect();
    json!({"version": "4", "receiver": "sre", "groupKey": format!("{thread}-{group}"), "alerts": alerts})
}
