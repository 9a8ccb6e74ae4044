//! What happens by the clock, copies, and what goes.

use super::*;
use sre_copilot::domain::{JobKind, Keep};
use sre_copilot::ports::{Periodic, PeriodicTask, Schedule};

fn tasks() -> Vec<PeriodicTask> {
    let leases = Schedule::Every(SignedDuration::from_secs(15));
    vec![
        PeriodicTask { name: "leases", schedule: leases, job: None },
        PeriodicTask { name: "retention", schedule: Schedule::Daily(180), job: Some(JobKind::Retention) },
    ]
}

#[tokio::test]
async fn however_many_times_were_missed_it_runs_once() {
    let home = Home::new();
    assert!(home.store.due(tasks()).await.unwrap().is_empty());
    home.set(17);
    assert_eq!(home.store.due(tasks()).await.unwrap(), ["leases"]);
    assert!(home.store.due(tasks()).await.unwrap().is_empty());
    home.set(10 * 86_400);
    assert_eq!(home.store.due(tasks()).await.unwrap(), ["leases"]);
    home.set(20 * 86_400);
    home.store.due(tasks()).await.unwrap();
    assert_eq!(home.count("jobs WHERE kind = 'retention'"), 1, "the first still waits");
    assert!(home.store.claim(Lane::Maintenance).await.unwrap().is_some());
    assert_eq!(home.claim().await, None);
}

#[tokio::test]
async fn what_was_kept_long_enough_goes_and_open_incidents_stay() {
    let home = Home::new();
    home.take((0..700).map(|number| pod("Crash", number, 0, None)).collect()).await;
    home.one(with("Old", &json!({"namespace": "x"}), 0, None)).await;
    home.analyse(Verdict::Confirmed).await;
    home.take((0..700).map(|number| pod("Crash", number, 0, Some(10))).chain([json!(7)]).collect()).await;
    home.set(7 * 86_400 + 1);
    home.store.clean().await.unwrap();
    assert_eq!((home.count("intakes"), home.count("episodes"), home.count("set_aside")), (0, 701, 1));
    home.set(180 * 86_400 + 1);
    home.store.clean().await.unwrap();
    let counts = (home.count("episodes"), home.count("incidents"), home.count("runs"), home.count("set_aside"));
    assert_eq!(counts, (1, 1, 0, 0));
    assert_eq!(home.one(with("Old", &json!({"namespace": "x"}), 0, None)).await.result, Taken::Repeat);
}

#[tokio::test]
async fn how_long_is_kept_what_is_a_setting() {
    let mut home = Home::new();
    let keep = Keep { bodies: SignedDuration::from_hours(1), messages: SignedDuration::from_hours(2), ..Keep::default() };
    home.store = open(home.path(), &home.clock).with_lifecycle(Lifecycle { keep, ..Lifecycle::default() });
    home.take(vec![pod("Crash", 0, 0, None), json!(7)]).await;
    for (second, intakes, set_aside) in [(3_600, 1, 1), (3_601, 0, 1), (7_200, 0, 1), (7_201, 0, 0)] {
        home.set(second);
        home.store.clean().await.unwrap();
        assert_eq!((home.count("intakes"), home.count("set_aside")), (intakes, set_aside), "after {second} s");
    }
}

#[tokio::test]
async fn a_copy_made_while_alerts_come_in_is_whole_and_goes_on() {
    let home = Home::new();
    home.one(pod("Crash", 0, 0, None)).await;
    let folder = home.folder.path().join("copies");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("state-20250101T000000Z.db.partial"), "of one that was killed").unwrap();
    let flood = async {
        for number in 1..40 {
            home.one(pod("Crash", number, 0, None)).await;
        }
    };
    let (copy, ()) = futures::join!(home.store.back_up(&folder), flood);
    let copy = copy.unwrap();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left there");
    let restored = open(copy, &home.clock);
    let answer = take(&restored, json!({"alerts": [pod("Crash", 0, 0, None)]}), at(0)).await.unwrap();
    assert_eq!(answer.alerts[0].result, Taken::Repeat);
}
