//! Answers to analyses: one of a person and analysis, and the last one counts.

use super::*;
use sre_copilot::domain::{Feedback, FeedbackReason};
use sre_copilot::ports::FeedbackStore;

async fn all(home: &Home, run: &Run) -> Vec<(String, u8, bool, Option<FeedbackReason>)> {
    let given = home.store.feedback(&run.incident).await.unwrap();
    given.into_iter().map(|given| (given.by.id, given.score, given.is_accepted, given.reason)).collect()
}

#[tokio::test]
async fn a_thumb_up_counts_at_once_and_a_thumb_down_with_its_reason() {
    let home = Home::new().await;
    let run = home.analysed().await;
    let ids = home.buttons(&run).await;
    assert_eq!(ids.keys().copied().collect::<Vec<_>>(), [Verb::Up, Verb::Down]);
    let thanks = home.click(STRANGER, &ids[&Verb::Up]).await;
    assert!(text(&thanks).starts_with("Recorded"));
    assert_eq!(all(&home, &run).await, [(STRANGER.id.to_owned(), 5, true, None)]);
    let why = home.click(STRANGER, &ids[&Verb::Down]).await;
    assert_eq!(all(&home, &run).await.len(), 1, "asking why records nothing");
    let row = why["data"]["components"][0]["components"].as_array().unwrap();
    let labels: Vec<_> = row.iter().map(|button| button["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["Wrong cause", "Wrong object", "Wrong action", "Not a fault", "Cancel"]);
    let id = |at: usize| row[at]["custom_id"].as_str().unwrap().to_owned();
    assert!(text(&home.click_second(APPROVER, &id(0)).await).contains("somebody else's"));
    assert!(text(&home.click_second(STRANGER, &id(2)).await).starts_with("Recorded: wrong action"));
    assert!(text(&home.click_second(STRANGER, &id(2)).await).contains("already"));
    assert!(text(&home.click_second(STRANGER, &id(4)).await).contains("already"));
    home.pass(SignedDuration::from_secs(1));
    home.click(APPROVER, &ids[&Verb::Up]).await;
    let expected = [(STRANGER.id.to_owned(), 1, false, Some(FeedbackReason::WrongAction)), (ANNA.to_owned(), 5, true, None)];
    assert_eq!(all(&home, &run).await, expected);
    let why = home.click(APPROVER, &ids[&Verb::Down]).await;
    let cancel = why["data"]["components"][0]["components"][4]["custom_id"].as_str().unwrap();
    assert_eq!(text(&home.click_second(APPROVER, cancel).await), "Nothing was recorded.");
    assert_eq!(all(&home, &run).await, expected);
    let counts = home.store.feedback_counts(None, None).await.unwrap();
    assert_eq!((counts.total, counts.accepted, counts.rejected), (2, 1, 1));
    assert_eq!(counts.accuracy_rate().as_deref(), Some("50.00%"));
    let view = view(home.store.as_ref(), &run.incident, home.now()).await.unwrap().unwrap();
    assert_eq!(view.feedback.len(), 2);
}

#[tokio::test]
async fn feedback_can_be_for_some_roles() {
    let mut settings = settings();
    settings.discord.feedback_roles = vec!["7".to_owned()];
    let home = Home::with(settings).await;
    let run = home.analysed().await;
    let ids = home.buttons(&run).await;
    assert!(text(&home.click(APPROVER, &ids[&Verb::Up]).await).contains("other roles"));
    assert!(all(&home, &run).await.is_empty());
    home.click(STRANGER, &ids[&Verb::Up]).await;
    assert_eq!(all(&home, &run).await.len(), 1);
}

#[tokio::test]
async fn an_answer_is_about_an_analysis_of_its_incident() {
    let home = Home::new().await;
    let run = home.analysed().await;
    let given = |incident: &str, run: &str| Feedback {
        incident_id: incident.to_owned(),
        run_id: run.to_owned(),
        by: Actor { kind: "operator".to_owned(), id: "ops".to_owned(), name: "Ops".to_owned() },
        channel: "http".to_owned(),
        score: 4,
        is_accepted: true,
        reason: None,
        cause: Some("oom_killed".to_owned()),
        comment: Some("yes".to_owned()),
        at: Timestamp::UNIX_EPOCH,
    };
    for (incident, id) in [(run.incident.as_str(), "nobody"), ("nobody", run.id.as_str()), ("", "")] {
        assert!(matches!(home.store.put_feedback(given(incident, id)).await, Err(StoreError::Invalid(_))));
    }
    let stored = home.store.put_feedback(given(&run.incident, &run.id)).await.unwrap();
    assert_eq!(stored.at, home.now());
    assert_eq!(home.store.feedback(&run.incident).await.unwrap(), [stored]);
    let now = home.now();
    let total = async |from, to| home.store.feedback_counts(from, to).await.unwrap().total;
    assert_eq!(total(Some(now), None).await, 1);
    assert_eq!(total(None, Some(now)).await, 0, "before, and not at it");
    assert_eq!(home.store.feedback_counts(None, None).await.unwrap().scores.get(&4), Some(&1));
}
