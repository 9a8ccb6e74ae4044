//! SIGTERM while alerts come in.

use super::{Flood, all_done, client, get, holds_once, post, start, until};
use reqwest::StatusCode;
use std::time::{Duration, Instant};

/// A container's grace period (Kubernetes, Pod lifecycle: `terminationGracePeriodSeconds`).
const GRACE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn told_to_end_under_load_it_loses_nothing_and_the_next_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = start(folder.path());
    let (client, address) = (client(), serving.address.clone());
    let flood = Flood::of(8, &address);
    flood.reaches(50).await;
    serving.signal("-TERM");
    let began = Instant::now();
    serving.says("SIGTERM");
    let (status, body) = get(&client, &address, "/readyz").await;
    assert_eq!((status, body["errors"][0]["path"].as_str()), (StatusCode::SERVICE_UNAVAILABLE, Some("shutdown")), "{body}");
    // What comes is still taken.
    let before = flood.acknowledged().len();
    flood.reaches(before + 1).await;
    let (acknowledged, lost) = flood.ended().await;
    let exit = tokio::task::spawn_blocking(move || serving.child.wait().unwrap()).await.unwrap();
    assert_eq!(exit.code(), Some(0));
    assert!(began.elapsed() < GRACE, "{:?}", began.elapsed());
    assert!(!folder.path().join("state.db-wal").exists(), "the write-ahead log is folded in");
    holds_once(folder.path(), &acknowledged);

    let next = start(folder.path());
    for number in &lost {
        assert_eq!(post(&client, &next.address, *number).await.unwrap().status(), StatusCode::ACCEPTED);
    }
    all_done(folder.path()).await;
    holds_once(folder.path(), &acknowledged.union(&lost).copied().collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_under_load_ends_it_at_once_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = start(folder.path());
    let flood = Flood::of(8, &serving.address);
    flood.reaches(50).await;
    serving.signal("-TERM");
    serving.says("SIGTERM");
    serving.signal("-TERM");
    until("it has ended", || !std::path::Path::new(&format!("/proc/{}/exe", serving.child.id())).exists()).await;
    assert_eq!(serving.child.wait().unwrap().code(), Some(1));
    let (acknowledged, _) = flood.ended().await;
    holds_once(folder.path(), &acknowledged);
}
