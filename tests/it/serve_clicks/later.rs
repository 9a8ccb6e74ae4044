//! What is told later: what became of it, and how it is taken back.

use super::*;
use sre_copilot::domain::{JobKind, Lane};
use sre_copilot::ports::{FollowUp, JobQueue, Replies};
use sre_copilot::worker::follow_up::follow_up;

async fn approved(home: &Home) -> (Run, Attempt) {
    let run = home.analysed().await;
    let attempt = home.proposed(&run).await;
    let ids = home.buttons(&run).await;
    let second = button(&home.click(APPROVER, &ids[&Verb::Apply]).await);
    assert_eq!(home.click_second(APPROVER, &second).await["type"], 5);
    (run, attempt)
}

async fn message(home: &Home, told: &Value) -> (ReplyTo, Value) {
    let told: FollowUp = serde_json::from_value(told.clone()).unwrap();
    let rules = interactions::approval_rules(&home.settings);
    let redactor = Redactor::fixed();
    let answer = follow_up(home.store.as_ref(), &told, rules, &|text| redactor.text(text), home.now()).await.unwrap();
    let (reply, message) = answer.unwrap();
    home.store.forget_reply(&told.reply).await.unwrap();
    (reply.to, message)
}

#[tokio::test]
async fn who_approved_is_told_what_became_of_it_and_the_token_goes() {
    let home = Home::new().await;
    let (_, attempt) = approved(&home).await;
    assert!(home.told().is_empty());
    assert_eq!(home.count("replies"), 1);
    home.brought(&attempt, &[AttemptState::Claimed, AttemptState::Running]).await;
    assert!(home.told().is_empty());
    home.brought(&attempt, &[AttemptState::Succeeded]).await;
    let told = home.told();
    assert_eq!(told.len(), 1);
    assert!(!told[0].to_string().contains("token-of-"), "the outbox holds no token");
    let (to, message) = message(&home, &told[0]).await;
    assert!(to.token.starts_with("token-of-") && !format!("{to:?}").contains("token-of-"));
    assert!(message["content"].as_str().unwrap().contains("was applied"), "{message}");
    assert_eq!(home.count("replies"), 0);
    home.brought(&attempt, &[AttemptState::Verified]).await;
    assert_eq!(home.told().len(), 1);
}

#[tokio::test]
async fn what_nobody_took_up_is_told_and_a_token_is_kept_for_fifteen_minutes() {
    let home = Home::new().await;
    let (run, attempt) = approved(&home).await;
    home.pass(SignedDuration::from_secs(61));
    home.brought(&attempt, &[AttemptState::Expired]).await;
    let told = home.told();
    assert_eq!(told.len(), 1);
    home.pass(SignedDuration::from_mins(15));
    let redactor = Redactor::fixed();
    let told: FollowUp = serde_json::from_value(told[0].clone()).unwrap();
    let rules = interactions::approval_rules(&home.settings);
    let late = follow_up(home.store.as_ref(), &told, rules, &|text| redactor.text(text), home.now()).await.unwrap();
    assert!(late.is_none());
    let ids = home.buttons(&run).await;
    home.click(STRANGER, &ids[&Verb::Up]).await;
    assert_eq!(home.count("replies"), 0, "the next click tidies up");
}

#[tokio::test]
async fn an_undo_is_planned_shown_and_approved() {
    let home = Home::new().await;
    let (run, attempt) = approved(&home).await;
    let applied = home.brought(&attempt, &[AttemptState::Claimed, AttemptState::Running, AttemptState::Succeeded]).await;
    message(&home, &home.told()[0]).await;
    let ids = home.buttons(&run).await;
    assert_eq!(ids.keys().copied().collect::<Vec<_>>(), [Verb::Up, Verb::Down, Verb::Undo]);
    assert!(text(&home.click(STRANGER, &ids[&Verb::Undo]).await).contains("not among those"));
    for who in [APPROVER, OTHER_APPROVER] {
        assert!(text(&home.click(who, &ids[&Verb::Undo]).await).contains("being planned"));
    }
    let job = home.store.claim(Lane::Analysis).await.unwrap().unwrap().job;
    assert_eq!((job.kind, job.payload["attempt"].as_str()), (JobKind::Undo, Some(applied.id.as_str())));
    assert_eq!(home.count("jobs"), 1, "two wishes are one job");
    // As the worker plans it.
    let new = NewAttempt { undo_of: Some(applied.id.clone()), ..proposal(&run, plan("low"), home.now()) };
    let mut back = new.plan.clone();
    back.intent["params"]["replicas"] = json!(2);
    back.undo_of = Some(applied.id.clone());
    let undo = home.store.propose(NewAttempt { plan: back, ..new }).await.unwrap();
    let told = home.told();
    assert_eq!(told.len(), 3);
    let (_, shown) = message(&home, &told[1]).await;
    let (_, other) = message(&home, &told[2]).await;
    let id = shown["components"][0]["components"][0]["custom_id"].as_str().unwrap();
    assert!(id.starts_with("sc1:undo2:"));
    assert_ne!(Some(id), other["components"][0]["components"][0]["custom_id"].as_str());
    assert!(text(&home.click_second(OTHER_APPROVER, id).await).contains("somebody else's"));
    assert_eq!(home.click_second(APPROVER, id).await["type"], 5);
    assert_eq!(home.attempt(&undo).await.state, AttemptState::Approved);
    home.brought(&undo, &[AttemptState::Claimed, AttemptState::Running, AttemptState::Succeeded]).await;
    assert_eq!(home.attempt(&applied).await.state, AttemptState::Undone);
    assert_eq!(home.told().len(), 4);
    assert_eq!(home.buttons(&run).await.len(), 2, "what takes back isn't taken back");
}

#[tokio::test]
async fn an_undo_that_can_not_be_planned_says_why_and_after_a_day_there_is_none() {
    let home = Home::new().await;
    let (run, attempt) = approved(&home).await;
    let applied = home.brought(&attempt, &[AttemptState::Claimed, AttemptState::Running, AttemptState::Succeeded]).await;
    home.pass(SignedDuration::from_secs(24 * 3600 - 1));
    let ids = home.buttons(&run).await;
    assert!(text(&home.click(APPROVER, &ids[&Verb::Undo]).await).contains("being planned"));
    home.store.no_undo(&applied.id, "somebody changed the object since @here").await.unwrap();
    let (_, message) = message(&home, home.told().last().unwrap()).await;
    let said = message["content"].as_str().unwrap();
    assert!(said.contains("somebody changed the object since") && !said.contains("@here"), "{said}");
    home.pass(SignedDuration::from_secs(1));
    assert!(text(&home.click(APPROVER, &ids[&Verb::Undo]).await).contains("older report"));
    assert_eq!(home.buttons(&run).await.len(), 2);
}

#[tokio::test]
async fn a_click_on_nothing_is_noted_by_its_id_alone() {
    let home = Home::new().await;
    let click = Click {
        id: "1".to_owned(),
        by: Actor { kind: "discord".to_owned(), id: ANNA.to_owned(), name: String::new() },
        roles: Vec::new(),
        button: None,
        channel_id: String::new(),
        message_id: String::new(),
        reply_to: ReplyTo { application_id: String::new(), token: "t".to_owned() },
    };
    let judge = |_: &Click, _: &sre_copilot::ports::Seen| sre_copilot::ports::Effect::Approved;
    // Whatever the judge says: there is nothing to do it to.
    assert!(home.store.click(click.clone(), judge).await.unwrap().unwrap().attempt.is_none());
    assert!(home.store.click(click, judge).await.unwrap().is_none());
}
