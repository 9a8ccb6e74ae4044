//! More at once than there is time for, and a disk that is full.

use super::*;
use std::process::Command;

async fn flood(alerts: u32) {
    let home = Home::new();
    let store = &home.store;
    let bodies = (0..alerts / 100).map(|batch| async move {
        let alert = |index: u32| {
            let number = batch * 100 + index;
            let severity = if number % 50 == 7 { "critical" } else { "warning" };
            let labels = json!({"namespace": "shop", "deployment": format!("d{}", number % 50), "n": number.to_string(), "severity": severity});
            with("Down", &labels, 0, None)
        };
        let body = json!({"groupKey": batch.to_string(), "alerts": (0..100).map(alert).collect::<Vec<_>>()});
        loop {
            match take(store, body.clone(), at(0)).await {
                // As the server answers 503, and the sender comes again.
                Err(StoreError::Busy) => tokio::task::yield_now().await,
                taken => return taken.unwrap().alerts.len(),
            }
        }
    });
    let taken: usize = futures::future::join_all(bodies).await.into_iter().sum();
    assert_eq!(taken, alerts as usize);
    assert_eq!(home.count("episodes"), i64::from(alerts));
    assert_eq!((home.count("incidents WHERE status = 'open'"), home.count("jobs")), (50, 50));
    assert_eq!(home.claim().await.unwrap().job.class.number(), 0, "the critical one goes first");
}

#[tokio::test]
async fn a_flood_about_fifty_subjects_is_fifty_incidents() {
    flood(10_000).await;
}

#[tokio::test]
#[ignore = "minutes in a debug build"]
async fn a_flood_of_200_000() {
    flood(200_000).await;
}

#[tokio::test]
async fn a_full_disk_takes_nothing_and_afterwards_the_retried_alerts_are_in() {
    let folder = tempfile::tempdir().unwrap();
    let mount = |size: &str, how: &str| {
        let options = format!("{how}size={size}");
        Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).output()
    };
    // Who may not mount can't fill a disk: the store's own test does it by a limit on pages.
    if !mount("2m", "").is_ok_and(|made| made.status.success()) {
        return;
    }
    let clock = Arc::new(AtomicI64::new(0));
    let store = open(folder.path().join("state.db"), &clock);
    let body =
        |number: u32| json!({"alerts": (0..20).map(|index| pod("Crash", number * 20 + index, 0, None)).collect::<Vec<_>>()});
    let mut refused = Vec::new();
    for number in 0..200 {
        if let Err(error) = take(&store, body(number), at(0)).await {
            assert_eq!(error, StoreError::Full);
            refused.push(number);
        }
    }
    assert!(!refused.is_empty() && refused.len() < 200, "{}", refused.len());
    assert!(mount("64m", "remount,").unwrap().status.success());
    for number in &refused {
        take(&store, body(*number), at(0)).await.unwrap();
    }
    let connection = rusqlite::Connection::open(folder.path().join("state.db")).unwrap();
    let episodes: i64 = connection.query_row("SELECT count(*) FROM episodes", [], |row| row.get(0)).unwrap();
    drop((connection, store));
    Command::new("umount").arg(folder.path()).status().unwrap();
    assert_eq!(episodes, 4_000);
}

#[tokio::test]
async fn an_approval_goes_before_deliveries_that_wait() {
    let home = Home::new();
    let alerts = |number: u32| (0..200).map(|index| pod("Crash", number * 200 + index, 0, None)).collect();
    let deliveries = (0..40).map(|number| home.take(alerts(number)));
    let deliveries = futures::future::join_all(deliveries);
    futures::pin_mut!(deliveries);
    assert!(futures::poll!(&mut deliveries).is_pending());
    home.store.release_all().await.unwrap();
    let there = home.count("intakes");
    deliveries.await;
    assert_eq!(home.count("intakes"), 40);
    assert!(there < 40, "it waited for all of them");
}
