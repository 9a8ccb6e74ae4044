//! Our clock jumps while `serve` runs. libfaketime moves it (Debian: `faketime`); the clock that only goes forward is left alone,
//! as a machine's is when its time is corrected. Without the library the test is skipped, unless `SRE_COPILOT_REQUIRE_FAKETIME`
//! is set.

use super::{Flood, SUBJECTS, all_done, client, get, holds_once, number, post};
use crate::serve_http::process::Serving;
use reqwest::StatusCode;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn library() -> Option<PathBuf> {
    let folders = ["/usr/lib", "/usr/lib64"].map(std::fs::read_dir).into_iter().flatten().flatten().flatten();
    let mut all = folders.map(|entry| entry.path()).map(|folder| folder.join("faketime/libfaketime.so.1"));
    let found = all.find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var_os("SRE_COPILOT_REQUIRE_FAKETIME").is_none(), "libfaketime is not installed");
        println!("skipped: libfaketime is not installed");
    }
    found
}

/// Sets the clock of the program, as an offset in seconds to this machine's.
fn set(clock: &Path, seconds: i64) {
    let other = clock.with_extension("new");
    std::fs::write(&other, format!("{seconds:+}\n")).unwrap();
    std::fs::rename(other, clock).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_clock_does_alerts_are_taken_and_analysed_and_nothing_flaps() {
    let Some(library) = library() else { return };
    let folder = tempfile::tempdir().unwrap();
    let clock = folder.path().join("clock");
    set(&clock, 0);
    let serving = Serving::start_with(
        folder.path(),
        &[
            ("KUBECONFIG", "none"),
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ],
    );
    let (client, address) = (client(), serving.address.as_str());
    let flood = Flood::of(2, address);
    flood.reaches(SUBJECTS as usize).await;
    for jump in [86_400, 0, -3_600, 3_600, -86_400, 0] {
        // Jobs are waiting and running meanwhile.
        set(&clock, jump);
        let then = flood.acknowledged().len();
        flood.reaches(then + 20).await;
    }
    let moved = "SELECT (max(begun_at) - min(begun_at)) / 3600000 FROM episodes";
    assert!(number(folder.path(), moved) >= 47, "its clock was not moved");
    let acknowledged = flood.acknowledged();
    for number in 2_000_000..2_000_000 + SUBJECTS {
        assert_eq!(post(&client, address, number).await.unwrap().status(), StatusCode::ACCEPTED);
    }
    assert_eq!(get(&client, address, "/readyz").await.0, StatusCode::OK);
    all_done(folder.path()).await;
    holds_once(folder.path(), &acknowledged.into_iter().chain(2_000_000..2_000_000 + SUBJECTS).collect::<BTreeSet<_>>());
    let (status, list) = get(&client, address, "/incidents?status=all&limit=500").await;
    let incidents = list["incidents"].as_array().unwrap();
    assert_eq!((status, incidents.len()), (StatusCode::OK, SUBJECTS as usize));
    for incident in incidents {
        let is_zero = |key: &str| incident[key] == 0;
        assert!(is_zero("flap_count") && is_zero("recurrence") && incident["status"] == "open", "{incident}");
    }
    assert_eq!(number(folder.path(), "SELECT count(*) FROM jobs WHERE state = 'failed'"), 0);
}
