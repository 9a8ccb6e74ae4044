//! What ends though nobody said so.

use super::*;

/// Delivers the alert; its fingerprint.
async fn fires(house: &House) -> String {
    house.alert("Down", 0).await;
    house.store.firing("default").await.unwrap()[0].fingerprint.clone()
}

/// Compares one list after the other; whether the alert fires on.
async fn after(house: &House, lists: Vec<Result<BTreeSet<String>, String>>) -> bool {
    *house.world.lists.lock().unwrap() = lists.into();
    let work = house.work();
    while !house.world.lists.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    house.stops.send_replace(true);
    work.await.unwrap();
    !house.store.firing("default").await.unwrap().is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_in_two_lists_is_over_and_one_that_could_not_be_read_is_none() {
    let none = || Ok(BTreeSet::new());
    let unread = || Err("503".to_owned());
    for (lists, fires_on) in [(vec![none()], true), (vec![none(), unread()], true), (vec![none(), unread(), none()], false)] {
        let mut house = House::new(Does::Finds);
        house.compare = Some(Duration::from_millis(1));
        fires(&house).await;
        assert_eq!(after(&house, lists.clone()).await, fires_on, "{lists:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_active_between_two_lists_that_lack_it_fires_on() {
    let mut house = House::new(Does::Finds);
    house.compare = Some(Duration::from_millis(1));
    let print = fires(&house).await;
    let lists = vec![Ok(BTreeSet::new()), Ok(BTreeSet::from([print])), Ok(BTreeSet::new())];
    assert!(after(&house, lists).await);
}
