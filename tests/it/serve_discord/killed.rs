//! A process that ends before, in and after a post: a bot's message stands once, a webhook's at most twice, and none is missing.

use super::*;
use std::pin::pin;

/// Ends in the middle of a step, once the chat was asked.
async fn killed_in_a_post(home: &Home) {
    let before = home.chat.posts().len();
    let mut step = pin!(home.courier.step());
    loop {
        let polled = futures::poll!(step.as_mut());
        assert!(polled.is_pending(), "it wasn't killed: {polled:?}");
        if home.chat.posts().len() > before {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn before_in_and_after_a_post() {
    for (mut home, most) in [(Home::new().await, 2), (Home::bot().await, 1)] {
        home.fires("checkout").await;
        home.pass(5);
        // Taken, and nothing more.
        home.store.release_all().await.unwrap();
        {
            use sre_copilot::ports::Outbox;
            assert!(home.store.next().await.unwrap().is_some());
        }
        home.restart().await;
        // Posted, and the answer never came.
        home.chat.swallows(true);
        killed_in_a_post(&home).await;
        home.chat.swallows(false);
        home.restart().await;
        home.send().await;
        assert_eq!((home.chat.posts().len(), home.chat.messages().len()), (2, most));
        // From now on the one that is known is changed.
        home.analyse(Some("exhausted")).await;
        home.send().await;
        home.restart().await;
        home.send().await;
        assert_eq!((home.chat.posts().len(), home.chat.messages().len()), (2, most));
        assert!(home.chat.texts().last().unwrap().contains("exhausted"));
        assert_eq!(home.count("messages"), 1);
    }
}

#[tokio::test]
async fn who_gave_up_half_way_is_replaced_after_a_while() {
    use sre_copilot::ports::{Messages, Outbox};
    let home = Home::new().await;
    home.fires("checkout").await;
    home.pass(5);
    assert!(home.store.next().await.unwrap().is_some());
    home.pass(299);
    assert_eq!(home.store.tend().await.unwrap(), 0);
    home.pass(2);
    assert_eq!(home.store.tend().await.unwrap(), 1);
    home.send().await;
    assert_eq!(home.chat.messages().len(), 1);
}
