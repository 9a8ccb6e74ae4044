//! Several processes on one file, and processes that are killed. A child is this test binary, started again for the test
//! `child`, which does nothing unless a variable tells it what.

use super::*;
use sre_copilot::domain::{AuditCheck, AuditHead};
use sre_copilot::ports::{AuditFilter, AuditLog, Ledger};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Barrier;

const TASK: &str = "STORE_TEST_TASK";
const PATH: &str = "STORE_TEST_PATH";
const ATTEMPT: &str = "STORE_TEST_ATTEMPT";
/// Marks the lines of a child among those of the test harness.
const MARK: &str = "child says ";

pub fn start(task: &str, path: &std::path::Path, attempt: &str) -> (Child, ChildStdin, impl Iterator<Item = String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::processes::child", "--nocapture", "--test-threads=1"])
        .env(TASK, task)
        .env(PATH, path)
        .env(ATTEMPT, attempt)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let input = child.stdin.take().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    (child, input, lines.filter_map(|line| line.split_once(MARK).map(|(_, said)| said.to_owned())))
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{MARK}{what}").unwrap();
    out.flush().unwrap();
}

#[test]
fn child() {
    let Ok(task) = std::env::var(TASK) else { return };
    let path = PathBuf::from(std::env::var(PATH).unwrap());
    let attempt = std::env::var(ATTEMPT).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let store = Arc::new(Store::open(&path, Timestamp::now).unwrap());
    match task.as_str() {
        "approve" => runtime.block_on(approve(&store, &attempt)),
        "reserve" => runtime.block_on(reserve(&store)),
        "write" => runtime.block_on(write(&store)),
        other => panic!("no task {other}"),
    }
}

/// Sixteen second steps at once, when the parent says go.
async fn approve(store: &Arc<Store>, attempt: &str) {
    let seen = store.attempt(attempt).await.unwrap().unwrap();
    say("ready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let clicks: Vec<_> = (0..16)
        .map(|number| {
            let (store, seen) = (Arc::clone(store), seen.clone());
            let me = format!("p{}-{number}", std::process::id());
            tokio::spawn(async move {
                match store.advance(approval(&seen, &me)).await {
                    Ok(_) => format!("won {me}"),
                    Err(error) => format!("lost {}", winner(error)),
                }
            })
        })
        .collect();
    for click in clicks {
        say(&click.await.unwrap());
    }
}

/// Sixteen calls to a model at once, when the parent says go; each sets a tenth of the day's budget aside.
async fn reserve(store: &Arc<Store>) {
    say("ready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let store = Arc::clone(store);
            tokio::spawn(async move { store.reserve(ledger::DAY, 100, 1_000).await.unwrap() })
        })
        .collect();
    for call in calls {
        say(if call.await.unwrap().is_some() { "granted" } else { "denied" });
    }
}

/// Writes without end, and says what is durable.
async fn write(store: &Arc<Store>) {
    let writers: Vec<_> = (0..8)
        .map(|number| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                for count in 0.. {
                    let incident = format!("i{}-{number}-{count}", std::process::id());
                    let made = store.propose(proposal(&incident, plan(&incident), Timestamp::now())).await.unwrap();
                    say(&format!("attempt {} proposed", made.id));
                    let approved = store.advance(approval(&made, "anna")).await.unwrap();
                    say(&format!("attempt {} approved", approved.id));
                    let row = store.append(event(AuditName::PolicyLoaded)).await.unwrap();
                    say(&format!("row {}:{}", row.seq, row.hash));
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

#[test]
fn of_64_approvals_in_four_processes_one_wins_and_63_are_told_who() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = Store::open(&path, Timestamp::now).unwrap();
    let attempt = runtime.block_on(store.propose(proposal("i1", plan("checkout"), Timestamp::now()))).unwrap();
    let mut children: Vec<_> = (0..4).map(|_| start("approve", &path, &attempt.code)).collect();
    for (_, _, lines) in &mut children {
        assert_eq!(lines.next().as_deref(), Some("ready"));
    }
    for (_, input, _) in &mut children {
        input.write_all(b"go\n").unwrap();
    }
    let mut said = Vec::new();
    for (mut child, _input, lines) in children {
        said.extend(lines);
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(said.len(), 64, "{said:?}");
    let won: Vec<_> = said.iter().filter_map(|said| said.strip_prefix("won ")).collect();
    assert_eq!(won.len(), 1, "{said:?}");
    assert_eq!(said.iter().filter(|said| said.strip_prefix("lost ") == Some(won[0])).count(), 63, "{said:?}");
    let rows = runtime.block_on(store.list(AuditFilter::default())).unwrap();
    assert_eq!(rows.len(), 2, "one proposal, one approval");
    assert_eq!(rows[1].event.actor.id, won[0]);
}

#[test]
fn of_64_approvals_over_threads_with_stores_of_their_own_one_wins() {
    let home = Home::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let seen = runtime.block_on(home.proposed("i1", "checkout"));
    let start = Barrier::new(64);
    let stores: Vec<_> = (0..8).map(|_| open(home.path(), &home.clock)).collect();
    let results: Vec<Result<Attempt, AdvanceError>> = std::thread::scope(|scope| {
        let click = |number: usize| {
            let (store, seen, start, runtime) = (&stores[number % 8], &seen, &start, &runtime);
            scope.spawn(move || {
                start.wait();
                runtime.block_on(store.advance(approval(seen, &format!("p{number}"))))
            })
        };
        let clicks: Vec<_> = (0..64).map(click).collect();
        clicks.into_iter().map(|click| click.join().unwrap()).collect()
    });
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    let first = won.into_iter().next().unwrap().unwrap().decided_by.unwrap().id;
    assert!(lost.into_iter().all(|error| winner(error.unwrap_err()) == first));
}

#[test]
fn what_a_killed_process_was_told_is_durable_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut noted: Option<AuditHead> = None;
    for lines_before in [1, 2, 7, 40, 90, 160, 300] {
        let (mut child, _input, mut lines) = start("write", &path, "");
        let mut said: Vec<String> = lines.by_ref().take(lines_before).collect();
        // SIGKILL, in the middle of whatever it does.
        child.kill().unwrap();
        child.wait().unwrap();
        said.extend(lines);
        assert!(said.len() >= lines_before, "the child ended by itself");
        let store = Store::open(&path, Timestamp::now).unwrap();
        let check = runtime.block_on(store.verify(noted.clone())).unwrap();
        let AuditCheck::Intact { head } = check else { panic!("after {lines_before}: {check:?}") };
        noted = head;
        let rows = runtime.block_on(store.list(AuditFilter::default())).unwrap();
        for said in &said {
            match said.split(' ').collect::<Vec<_>>()[..] {
                ["row", head] => {
                    let head = AuditHead::parse(head).unwrap();
                    let row = rows.get(usize::try_from(head.seq).unwrap() - 1);
                    assert_eq!(row.map(|row| &row.hash), Some(&head.hash), "lost: {said}");
                }
                ["attempt", id, state] => {
                    let kept = runtime.block_on(store.attempt(id)).unwrap();
                    let kept = kept.unwrap_or_else(|| panic!("lost: {said}"));
                    assert!(kept.state.as_str() == state || kept.state == AttemptState::Approved, "{said}: {}", kept.state);
                    let told = rows.iter().filter(|row| row.event.attempt_id.as_deref() == Some(id)).count();
                    assert_eq!(i64::try_from(told).unwrap(), kept.version, "a transition without its row: {said}");
                }
                _ => {}
            }
        }
    }
}
