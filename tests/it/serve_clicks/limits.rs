//! How much one person may do, and what is said when nothing can be stored.

use super::*;

#[tokio::test]
async fn five_decisions_an_hour_and_an_apply_is_one() {
    let home = Home::new().await;
    for number in 0..7 {
        let subject = ObjectRef::new("Deployment", "shop", format!("app-{number}").as_str());
        let incident = home.store.open_or_join("5d1c", &subject).await.unwrap();
        let run = home.analysed_again(&incident.id).await;
        let mut plan = plan("low");
        plan.intent["resource_name"] = json!(format!("app-{number}"));
        home.store.propose(proposal(&run, plan, home.now())).await.unwrap();
        let ids = home.buttons(&run).await;
        let answer = home.click(APPROVER, &ids[&Verb::Apply]).await;
        match number {
            0..3 => assert_eq!(home.click_second(APPROVER, &button(&answer)).await["type"], 5),
            3..5 => assert!(text(&home.click(APPROVER, &ids[&Verb::Decline]).await).starts_with("Declined")),
            5 => {
                assert!(text(&answer).contains("5 are allowed"), "{answer}");
                assert!(text(&home.click(APPROVER, &ids[&Verb::Decline]).await).contains("5 are allowed"));
                // Of others nothing is taken.
                button(&home.click(OTHER_APPROVER, &ids[&Verb::Apply]).await);
                home.pass(SignedDuration::from_hours(1));
            }
            _ => _ = button(&answer),
        }
    }
}

#[tokio::test]
async fn thirty_clicks_a_minute() {
    let home = Home::new().await;
    let run = home.analysed().await;
    let ids = home.buttons(&run).await;
    for _ in 0..30 {
        assert!(text(&home.click(STRANGER, &ids[&Verb::Up]).await).starts_with("Recorded"));
    }
    let down = home.click(STRANGER, &ids[&Verb::Down]).await;
    assert!(text(&down).contains("Too many"), "{down}");
    assert!(text(&home.click(APPROVER, &ids[&Verb::Up]).await).starts_with("Recorded"));
    home.pass(SignedDuration::from_mins(1));
    assert!(text(&home.click(STRANGER, &ids[&Verb::Up]).await).starts_with("Recorded"));
}

#[tokio::test]
async fn what_can_not_be_stored_was_not_done_and_is_said() {
    let home = Home::new().await;
    let run = home.analysed().await;
    let attempt = home.proposed(&run).await;
    let ids = home.buttons(&run).await;
    let second = button(&home.click(APPROVER, &ids[&Verb::Apply]).await);
    let other = rusqlite::Connection::open(home.folder.path().join("state.db")).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON interactions BEGIN SELECT RAISE(ABORT, 'no'); END";
    other.execute_batch(refuse).unwrap();
    for id in [&second, &ids[&Verb::Up], &ids[&Verb::Decline]] {
        assert!(text(&home.click(APPROVER, id).await).starts_with("Not recorded, nothing was done"));
    }
    let ping = json!({"id": home.number(), "type": 1}).to_string();
    assert_eq!(home.signed(&ping).await, (200, json!({"type": 1})));
    let command = json!({"id": home.number(), "type": 2}).to_string();
    assert!(text(&checked(home.signed(&command).await.1)).starts_with("Not recorded"));
    assert_eq!(home.attempt(&attempt).await.state, AttemptState::Proposed);
    assert_eq!(home.count("feedback"), 0);
    other.execute_batch("DROP TRIGGER refuse").unwrap();
    // The step was not used up.
    assert_eq!(home.click_second(APPROVER, &second).await["type"], 5);
}

#[tokio::test]
async fn the_effect_and_the_id_stand_or_fall_together() {
    let home = Home::new().await;
    let run = home.analysed().await;
    let attempt = home.proposed(&run).await;
    let ids = home.buttons(&run).await;
    let second = button(&home.click(APPROVER, &ids[&Verb::Apply]).await);
    let other = rusqlite::Connection::open(home.folder.path().join("state.db")).unwrap();
    other.execute_batch("CREATE TRIGGER refuse BEFORE INSERT ON replies BEGIN SELECT RAISE(ABORT, 'no'); END").unwrap();
    let body = home.body(APPROVER, MESSAGE, &second).to_string();
    assert!(text(&home.signed(&body).await.1).starts_with("Not recorded"));
    assert_eq!(home.attempt(&attempt).await.state, AttemptState::Proposed);
    other.execute_batch("DROP TRIGGER refuse").unwrap();
    // The very same request again: its id was not used up either.
    assert_eq!(home.signed(&body).await.1["type"], 5);
    assert_eq!(home.signed(&body).await.0, 401);
}
