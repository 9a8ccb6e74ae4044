//! The file can't be written: somebody else holds it, its disk is full, or it is read-only. Nothing is acknowledged then, and
//! the sender is told to come again.

use super::{Flood, all_done, client, get, holds_once, open, post, start, until};
use crate::serve_http::process::program;
use reqwest::{Response, StatusCode};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Refused for the database's sake, with a time after which to come again.
async fn refused(answer: Response) {
    let wait = answer.headers().get("retry-after").map(|wait| wait.to_str().unwrap().parse::<u64>().unwrap());
    let (status, body) = (answer.status(), answer.json::<serde_json::Value>().await.unwrap());
    assert_eq!((status, body["code"].as_str()), (StatusCode::SERVICE_UNAVAILABLE, Some("store_unavailable")), "{body}");
    assert!(wait.is_some_and(|wait| wait > 0), "{wait:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_somebody_else_holds_the_file_nothing_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let serving = start(folder.path());
    let (client, address) = (client(), serving.address.as_str());
    assert_eq!(post(&client, address, 0).await.unwrap().status(), StatusCode::ACCEPTED);
    let other = open(folder.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (one, two, ready) = tokio::join!(post(&client, address, 1), post(&client, address, 2), get(&client, address, "/readyz"));
    refused(one.unwrap()).await;
    refused(two.unwrap()).await;
    assert_eq!((ready.0, ready.1["errors"][0]["path"].as_str()), (StatusCode::SERVICE_UNAVAILABLE, Some("store")));
    assert_eq!(get(&client, address, "/healthz").await.0, StatusCode::OK, "a restart would not help");
    other.execute_batch("ROLLBACK").unwrap();
    // The last answer to this question stands for a second.
    while get(&client, address, "/readyz").await.0 != StatusCode::OK {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for number in [1, 2] {
        assert_eq!(post(&client, address, number).await.unwrap().status(), StatusCode::ACCEPTED);
    }
    holds_once(folder.path(), &BTreeSet::from([0, 1, 2]));
}

/// A small disk of its own, where that may be made: in a container of root's, as in CI.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mounted(folder: &'a Path, size: &str) -> Option<Self> {
        let disk = Self(folder);
        disk.mount(&format!("size={size}")).then_some(disk)
    }

    fn mount(&self, options: &str) -> bool {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(self.0).output();
        mount.is_ok_and(|made| made.status.success())
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("--lazy").arg(self.0).output();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_costs_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mounted(folder.path(), "2m") else {
        println!("skipped: no disk can be mounted here");
        return;
    };
    {
        let serving = start(folder.path());
        let (client, address) = (client(), serving.address.as_str());
        // Each ends when it is refused.
        let flood = Flood::of(4, address);
        let (acknowledged, lost) = flood.ended().await;
        assert!(!acknowledged.is_empty() && !lost.is_empty());
        refused(post(&client, address, *lost.first().unwrap()).await.unwrap()).await;
        assert_eq!(get(&client, address, "/healthz").await.0, StatusCode::OK);
        assert!(disk.mount("remount,size=64m"));
        for number in &lost {
            assert_eq!(post(&client, address, *number).await.unwrap().status(), StatusCode::ACCEPTED);
        }
        while get(&client, address, "/readyz").await.0 != StatusCode::OK {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        all_done(folder.path()).await;
        holds_once(folder.path(), &acknowledged.union(&lost).copied().collect());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_read_only_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mounted(folder.path(), "16m") else {
        println!("skipped: no disk can be mounted here");
        return;
    };
    drop(start(folder.path()));
    until("its file is let go", || disk.mount("remount,ro")).await;
    let output = program(folder.path()).current_dir("/").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.to_lowercase().contains("read-only") && said.lines().count() <= 4, "{said}");
}
