//! The chain shows what somebody did to the file.

use super::*;
use rstest::rstest;
use rusqlite::Connection;
use sre_copilot::domain::{AuditCheck, AuditHead};
use sre_copilot::pipeline::execute::note_policy;
use sre_copilot::ports::{AuditFilter, AuditLog};
use sre_copilot::remedy::Settings;

async fn with_rows(count: usize) -> Home {
    let home = Home::new();
    for number in 0..count {
        home.pass(SignedDuration::from_secs(1));
        let mut event = event(AuditName::PolicyLoaded);
        event.incident_id = Some(format!("i{}", number % 2));
        home.store.append(event).await.unwrap();
    }
    home
}

#[tokio::test]
async fn rows_follow_each_other_from_64_zeros_on() {
    let home = with_rows(5).await;
    let rows = home.store.list(AuditFilter::default()).await.unwrap();
    assert_eq!(rows[0].prev, "0".repeat(64));
    for (first, second) in rows.iter().zip(&rows[1..]) {
        assert_eq!((second.seq, &second.prev), (first.seq + 1, &first.hash));
    }
    let head = AuditHead { seq: 5, hash: rows[4].hash.clone() };
    assert_eq!(home.store.verify(Some(head.clone())).await.unwrap(), AuditCheck::Intact { head: Some(head) });
    let empty = Home::new();
    assert_eq!(empty.store.verify(None).await.unwrap(), AuditCheck::Intact { head: None });
}

#[tokio::test]
async fn a_row_s_hash_is_of_its_own_json_without_the_hash() {
    let home = with_rows(1).await;
    let row = home.store.list(AuditFilter::default()).await.unwrap().remove(0);
    let mut value = serde_json::to_value(&row).unwrap();
    value.as_object_mut().unwrap().remove("hash");
    assert_eq!(sre_copilot::domain::Digest::of(&value).unwrap().as_str(), row.hash);
}

#[tokio::test]
async fn lists_by_incident_time_and_count() {
    let home = with_rows(6).await;
    let seqs = |filter| async { home.store.list(filter).await.unwrap().iter().map(|row| row.seq).collect::<Vec<_>>() };
    assert_eq!(seqs(AuditFilter { incident: Some("i1".to_owned()), ..AuditFilter::default() }).await, [2, 4, 6]);
    let since = home.now() - SignedDuration::from_secs(1);
    assert_eq!(seqs(AuditFilter { since: Some(since), ..AuditFilter::default() }).await, [5, 6]);
    assert_eq!(seqs(AuditFilter { limit: Some(2), ..AuditFilter::default() }).await, [5, 6]);
}

#[tokio::test]
async fn a_policy_is_noted_when_it_is_another_one() {
    let home = Home::new();
    let night = json!({"policy": {"freeze": [{"name": "night", "weekly": ["fri 18:00 - mon 06:00"], "zone": "Europe/Berlin"}]}});
    let policies: Vec<Settings> =
        [json!({}), json!({}), night.clone(), night, json!({})].map(|json| serde_json::from_value(json).unwrap()).into();
    for policy in &policies {
        note_policy(&home.store, policy, &Actor::serve(), "worker").await.unwrap();
        home.store.append(AuditEvent::new(AuditName::ReadDone, Actor::serve(), "worker")).await.unwrap();
    }
    let filter = AuditFilter { event: Some(AuditName::PolicyLoaded), ..AuditFilter::default() };
    let digests: Vec<_> = home.store.list(filter).await.unwrap().into_iter().map(|row| row.event.data.policy.unwrap()).collect();
    assert_eq!(digests.len(), 3);
    assert!(digests[0] == digests[2] && digests[0] != digests[1]);
    assert!(matches!(home.store.verify(None).await.unwrap(), AuditCheck::Intact { .. }));
}

#[rstest]
#[case("UPDATE audit SET channel = 'http' WHERE seq = 3")]
#[case("DELETE FROM audit WHERE seq = 3")]
#[case("DELETE FROM audit")]
#[case(
    "INSERT OR REPLACE INTO audit SELECT seq, at, event, actor, 'http', incident_id, run_id, attempt_id, digest, target, data, prev, hash FROM audit WHERE seq = 3"
)]
#[tokio::test]
async fn the_file_itself_refuses_a_change(#[case] sql: &str) {
    let home = with_rows(5).await;
    let refused = Connection::open(home.path()).unwrap().execute_batch(sql).unwrap_err();
    assert!(refused.to_string().contains("insert only"), "{refused}");
    assert!(matches!(home.store.verify(None).await.unwrap(), AuditCheck::Intact { .. }));
}

#[rstest]
#[case::event("UPDATE audit SET event = 'approval.declined' WHERE seq = 3", 3)]
#[case::time("UPDATE audit SET at = at + 1 WHERE seq = 3", 3)]
#[case::actor(r#"UPDATE audit SET actor = replace(actor, 'anna', 'bert') WHERE seq = 3"#, 3)]
#[case::target("UPDATE audit SET target = 'x' WHERE seq = 1", 1)]
#[case::data(r#"UPDATE audit SET data = '{"rule":"x"}' WHERE seq = 5"#, 5)]
#[case::hidden_key(r#"UPDATE audit SET data = '{"rule":1,"rule":2}' WHERE seq = 4"#, 4)]
#[case::spacing("UPDATE audit SET data = '{ }' WHERE seq = 4", 4)]
#[case::no_json("UPDATE audit SET data = 'x' WHERE seq = 2", 2)]
#[case::hash("UPDATE audit SET hash = prev WHERE seq = 2", 2)]
#[case::prev("UPDATE audit SET prev = hash WHERE seq = 2", 2)]
#[case::removed("DELETE FROM audit WHERE seq = 3", 3)]
#[case::first_removed("DELETE FROM audit WHERE seq = 1", 1)]
#[case::removed_and_moved_up("DELETE FROM audit WHERE seq = 3; UPDATE audit SET seq = seq - 1 WHERE seq > 3", 3)]
#[case::swapped(
    "UPDATE audit SET seq = 100 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 100",
    2
)]
#[case::put_before("UPDATE audit SET seq = 0 WHERE seq = 1", 0)]
#[tokio::test]
async fn whatever_is_done_to_a_row_is_found_at_its_number(#[case] sql: &str, #[case] bad: i64) {
    let home = with_rows(5).await;
    without_triggers(&home, sql);
    match home.store.verify(None).await.unwrap() {
        AuditCheck::Broken { seq, why } => assert_eq!(seq, bad, "{why}"),
        AuditCheck::Intact { .. } => panic!("not found: {sql}"),
    }
}

#[tokio::test]
async fn a_row_that_was_changed_and_hashed_anew_shows_at_the_one_after_it() {
    let home = with_rows(5).await;
    let mut row = serde_json::to_value(&home.store.list(AuditFilter::default()).await.unwrap()[2]).unwrap();
    row.as_object_mut().unwrap().remove("hash");
    row["channel"] = json!("http");
    let hash = sre_copilot::domain::Digest::of(&row).unwrap();
    without_triggers(&home, &format!("UPDATE audit SET channel = 'http', hash = '{}' WHERE seq = 3", hash.as_str()));
    assert!(matches!(home.store.verify(None).await.unwrap(), AuditCheck::Broken { seq: 4, .. }));
}

#[tokio::test]
async fn a_cut_tail_shows_with_a_noted_head_only() {
    let home = with_rows(5).await;
    let hash = home.store.list(AuditFilter::default()).await.unwrap().remove(4).hash;
    without_triggers(&home, "DELETE FROM audit WHERE seq > 3");
    assert!(matches!(home.store.verify(None).await.unwrap(), AuditCheck::Intact { .. }));
    let noted = AuditHead { seq: 5, hash };
    assert!(matches!(home.store.verify(Some(noted.clone())).await.unwrap(), AuditCheck::Broken { seq: 4, .. }));
    // Somebody goes on after the cut: the numbers are there again, the hashes aren't.
    for _ in 0..3 {
        home.store.append(event(AuditName::PolicyLoaded)).await.unwrap();
    }
    assert!(matches!(home.store.verify(None).await.unwrap(), AuditCheck::Intact { .. }));
    assert!(matches!(home.store.verify(Some(noted)).await.unwrap(), AuditCheck::Broken { seq: 5, .. }));
}

fn without_triggers(home: &Home, sql: &str) {
    let connection = Connection::open(home.path()).unwrap();
    connection
        .execute_batch(
            "DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_shortened; DROP TRIGGER audit_grows_at_its_end",
        )
        .unwrap();
    connection.execute_batch(sql).unwrap();
}
