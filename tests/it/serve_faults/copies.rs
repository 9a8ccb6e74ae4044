//! Copies of the database, made from outside and by the program itself while alerts come in, and served from.

use super::{BATCH, Flood, all_done, client, get, holds_once, number, post, start};
use crate::serve_http::process::Serving;
use reqwest::StatusCode;
use rusqlite::Connection;
use rusqlite::backup::Backup;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// A server from a copy holds what was acknowledged before it was made, and takes more.
async fn goes_on(copy: &Path, before: &BTreeSet<u32>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(copy, folder.path().join("state.db")).unwrap();
    assert_eq!(number(folder.path(), "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
    holds_once(folder.path(), before);
    let serving = start(folder.path());
    let client = client();
    assert_eq!(get(&client, &serving.address, "/readyz").await.0, StatusCode::OK);
    let known = number(folder.path(), "SELECT count(*) FROM episodes");
    // What the copy has is a repeat, what it hasn't is new.
    let old = post(&client, &serving.address, *before.first().unwrap()).await.unwrap();
    assert_eq!(old.status(), StatusCode::ACCEPTED);
    assert_eq!(number(folder.path(), "SELECT count(*) FROM episodes"), known);
    let new = post(&client, &serving.address, 1_000_000).await.unwrap();
    assert_eq!(new.status(), StatusCode::ACCEPTED);
    assert_eq!(number(folder.path(), "SELECT count(*) FROM episodes"), known + i64::from(BATCH));
    all_done(folder.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sqlite_copies_in_a_flood_is_served_from() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let serving = start(folder.path());
    let flood = Flood::of(8, &serving.address);
    flood.reaches(100).await;
    let before = flood.acknowledged();
    let (from, to) = (folder.path().join("state.db"), elsewhere.path().join("copy.db"));
    let copy = to.clone();
    // As the shell's `.backup` does it: the whole file in one step, which lets no writer in between begin it anew.
    let copied = tokio::task::spawn_blocking(move || {
        let (from, mut to) = (Connection::open(from).unwrap(), Connection::open(to).unwrap());
        Backup::new(&from, &mut to).unwrap().run_to_completion(i32::MAX, Duration::from_millis(10), None).unwrap();
    });
    copied.await.unwrap();
    // It went on meanwhile, and does so.
    let then = flood.acknowledged().len();
    flood.reaches(then + 10).await;
    drop(serving);
    flood.ended().await;
    goes_on(&copy, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_copies_in_a_flood_are_served_from() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let settings = format!("[serve]\nbackup_dir = \"{}\"\nbackup_every = \"1s\"\n", elsewhere.path().display());
    std::fs::write(folder.path().join("sre-copilot.toml"), settings).unwrap();
    let serving = Serving::start_with(folder.path(), &[("KUBECONFIG", "none"), ("SRE_COPILOT_CONFIG", "sre-copilot.toml")]);
    let flood = Flood::of(4, &serving.address);
    flood.reaches(100).await;
    let before = flood.acknowledged();
    let known: BTreeSet<_> = copies(elsewhere.path());
    // Two more: the first may have been begun before.
    super::until("copies are made", || copies(elsewhere.path()).difference(&known).count() >= 2).await;
    let newest = copies(elsewhere.path()).last().cloned().unwrap();
    drop(serving);
    flood.ended().await;
    goes_on(&newest, &before).await;
}

fn copies(folder: &Path) -> BTreeSet<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "db")).collect()
}
