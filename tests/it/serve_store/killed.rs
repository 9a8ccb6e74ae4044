//! Processes that are killed while alerts come in: what was answered is there exactly once. A child is this test binary, started
//! again for the test `child`, which does nothing unless a variable tells it where.

use super::*;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

const PATH: &str = "SERVE_STORE_TEST_PATH";
const MARK: &str = "child says ";

fn body(number: u32) -> Value {
    json!({"alerts": (0..5).map(|index| pod("Crash", number * 5 + index, 0, None)).collect::<Vec<_>>()})
}

#[test]
fn child() {
    let Ok(path) = std::env::var(PATH) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let store = Arc::new(Store::open(&PathBuf::from(path), Timestamp::now).unwrap());
    runtime.block_on(store.release_all()).unwrap();
    let senders: Vec<_> = (0..8u32)
        .map(|sender| {
            let store = Arc::clone(&store);
            runtime.spawn(async move {
                // Each child sends the same ones, from the first: what is known is a replay.
                for count in 0.. {
                    let number = count * 8 + sender;
                    let taken = take(&store, body(number), at(0)).await.unwrap();
                    for alert in taken.alerts {
                        let mut out = std::io::stdout().lock();
                        writeln!(out, "\n{MARK}{} {}", alert.fingerprint, alert.episode_id.unwrap()).unwrap();
                        out.flush().unwrap();
                    }
                    if let Some(leased) = store.claim(Lane::Analysis).await.unwrap() {
                        store.finish(&leased, outcome(Verdict::Confirmed)).await.unwrap();
                    }
                }
            })
        })
        .collect();
    for sender in senders {
        runtime.block_on(sender).unwrap();
    }
}

#[test]
fn what_was_answered_before_the_kill_is_there_once() {
    let home = Home::new();
    let mut said = BTreeSet::new();
    for lines_before in [1, 3, 20, 60, 150, 400, 2, 90, 700] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "serve_store::killed::child", "--nocapture", "--test-threads=1"])
            .env(PATH, home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut lines = lines.filter_map(|line| line.split_once(MARK).map(|(_, said)| said.to_owned()));
        let before: Vec<_> = lines.by_ref().take(lines_before).collect();
        assert_eq!(before.len(), lines_before, "the child ended by itself");
        // SIGKILL, in the middle of whatever it does.
        child.kill().unwrap();
        child.wait().unwrap();
        // The last line may be cut.
        said.extend(before.into_iter().chain(lines).filter(|line| line.len() == 16 + 1 + 36));
        let connection = rusqlite::Connection::open(home.path()).unwrap();
        let mut statement = connection.prepare("SELECT fingerprint || ' ' || id FROM episodes").unwrap();
        let kept: BTreeSet<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert!(said.is_subset(&kept), "lost: {:?}", said.difference(&kept).next());
        let alerts: i64 = connection.query_row("SELECT count(DISTINCT fingerprint) FROM episodes", [], |row| row.get(0)).unwrap();
        assert_eq!(alerts, i64::try_from(kept.len()).unwrap(), "an alert stands twice");
    }
    let (runs, done) = (home.count("runs"), home.count("jobs WHERE state IN ('done', 'superseded')"));
    assert_eq!((runs, home.count("incidents")), (done, 1), "a report of each run");
}
