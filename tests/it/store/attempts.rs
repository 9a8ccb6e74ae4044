//! What the port of attempts promises, one promise a test.

use super::*;
use sre_copilot::domain::AttemptState::{
    Approved, Claimed, Declined, Expired, Failed, NotVerified, Proposed, Running, Succeeded, Superseded, Undone, Unknown,
    Verified,
};
use sre_copilot::ports::{Advance, AdvanceError, AttemptFilter, AuditFilter, AuditLog, Note, StoreError};

#[tokio::test]
async fn a_proposal_is_read_back_by_id_and_by_code_in_any_case() {
    let home = Home::new();
    let made = home.proposed("i1", "checkout").await;
    assert_eq!((made.state, made.version, made.fence, made.try_number), (Proposed, 1, 0, 1));
    assert_eq!(made.target, "squad-7/deployment/checkout");
    assert_eq!(made.digest, plan("checkout").digest().unwrap());
    assert_eq!(serde_json::from_value::<Plan>(made.plan.clone()).unwrap(), plan("checkout"));
    for name in [&made.id, &made.code, &made.code.to_lowercase()] {
        assert_eq!(home.store.attempt(name).await.unwrap().as_ref(), Some(&made));
    }
    for name in ["", "A-", "A-!!!!!!", "x' OR '1'='1", "nobody"] {
        assert_eq!(home.store.attempt(name).await.unwrap(), None);
    }
    assert!(!serde_json::to_string(&made).unwrap().contains(&made.nonce));
}

#[tokio::test]
async fn a_newer_proposal_supersedes_the_open_one_of_its_incident() {
    let home = Home::new();
    let first = home.proposed("i1", "checkout").await;
    let elsewhere = home.proposed("i2", "checkout").await;
    let second = home.proposed("i1", "payments").await;
    assert_eq!(home.store.attempt(&first.id).await.unwrap().unwrap().state, Superseded);
    assert_eq!(home.store.attempt(&elsewhere.id).await.unwrap().unwrap().state, Proposed);
    let rows = home.store.list(AuditFilter { attempt: Some(first.id), ..AuditFilter::default() }).await.unwrap();
    let last = &rows.last().unwrap().event;
    assert_eq!((last.event, last.data.from, last.data.to), (AuditName::ApprovalSuperseded, Some(Proposed), Some(Superseded)));
    assert_eq!(last.data.other.as_ref().unwrap().as_str(), second.id);
}

#[tokio::test]
async fn the_same_plan_of_the_same_run_is_one_attempt_while_it_waits_or_works() {
    let home = Home::new();
    let first = home.proposed("i1", "checkout").await;
    assert_eq!(home.proposed("i1", "checkout").await, first);
    let claimed = home.brought(first, &[Approved, Claimed]).await;
    assert_eq!(home.proposed("i1", "checkout").await, claimed);
    let failed = home.brought(claimed, &[Failed]).await;
    let again = home.proposed("i1", "checkout").await;
    assert_eq!((again.try_number, again.digest.clone()), (2, failed.digest.clone()));
    assert_ne!((again.id, again.code, again.nonce), (failed.id, failed.code, failed.nonce));
}

#[tokio::test]
async fn a_proposal_whose_time_is_over_makes_way_as_expired() {
    let home = Home::new();
    let first = home.proposed("i1", "checkout").await;
    home.pass(SignedDuration::from_mins(30));
    let second = home.proposed("i1", "checkout").await;
    assert_eq!((second.state, second.try_number), (Proposed, 2));
    assert_eq!(home.store.attempt(&first.id).await.unwrap().unwrap().state, Expired);
}

#[tokio::test]
async fn a_plan_without_an_object_or_a_word_in_the_log_is_refused() {
    let home = Home::new();
    let mut nameless = plan("checkout");
    nameless.intent = json!({"action": "restart_deployment"});
    let refused = home.store.propose(proposal("i1", nameless, home.now())).await;
    assert!(matches!(refused, Err(StoreError::Invalid(_))));
    let mut silent = proposal("i1", plan("checkout"), home.now());
    silent.audit.clear();
    assert!(matches!(home.store.propose(silent).await, Err(StoreError::Invalid(_))));
    assert!(home.store.attempts(AttemptFilter::default()).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_approval_is_single_use_and_names_who_was_first() {
    let home = Home::new();
    let seen = home.proposed("i1", "checkout").await;
    home.store.advance(approval(&seen, "anna")).await.unwrap();
    assert_eq!(winner(home.store.advance(approval(&seen, "bert")).await.unwrap_err()), "anna");
    let rows = home.store.list(AuditFilter::default()).await.unwrap();
    assert_eq!(rows.len(), 2, "the one that lost left no row of a transition");
}

#[tokio::test]
async fn an_approval_after_the_proposal_s_time_is_too_late() {
    let home = Home::new();
    let seen = home.proposed("i1", "checkout").await;
    home.pass(SignedDuration::from_mins(30));
    let late = home.store.advance(approval(&seen, "anna")).await;
    assert!(matches!(late, Err(AdvanceError::TooLate(attempt)) if attempt.state == Proposed));
    home.store.advance(step(&seen, Expired, home.now())).await.unwrap();
}

#[tokio::test]
async fn an_approval_is_claimed_within_sixty_seconds_or_never() {
    let home = Home::new();
    let seen = home.proposed("i1", "checkout").await;
    let approved = home.brought(seen, &[Approved]).await;
    assert_eq!(approved.expires_at, home.now() + SignedDuration::from_secs(60));
    home.pass(SignedDuration::from_secs(60));
    let late = home.store.advance(step(&approved, Claimed, home.now())).await;
    assert!(matches!(late, Err(AdvanceError::TooLate(_))));
    assert_eq!(home.store.due(home.now()).await.unwrap(), [approved]);
}

#[tokio::test]
async fn a_claim_counts_the_fence_up_and_a_lapsed_lease_sends_nothing() {
    let home = Home::new();
    let claimed = home.proposed("i1", "checkout").await;
    let claimed = home.brought(claimed, &[Approved, Claimed]).await;
    assert_eq!((claimed.fence, claimed.lease_until), (1, Some(home.now() + SignedDuration::from_secs(90))));
    home.pass(SignedDuration::from_secs(90));
    let late = home.store.advance(step(&claimed, Running, home.now())).await;
    assert!(matches!(late, Err(AdvanceError::TooLate(_))), "the sleeper must not send");
    assert_eq!(home.store.due(home.now()).await.unwrap(), std::slice::from_ref(&claimed));
    let failed = home.brought(claimed.clone(), &[Failed]).await;
    assert_eq!(failed.lease_until, None);
    let later = home.store.advance(step(&claimed, Running, home.now())).await;
    assert!(matches!(later, Err(AdvanceError::Lost(current)) if current.state == Failed));
}

#[tokio::test]
async fn an_old_fence_moves_nothing() {
    let home = Home::new();
    let claimed = home.proposed("i1", "checkout").await;
    let claimed = home.brought(claimed, &[Approved, Claimed]).await;
    let mut stale = step(&claimed, Running, home.now());
    stale.fence -= 1;
    assert!(matches!(home.store.advance(stale).await, Err(AdvanceError::Lost(current)) if *current == claimed));
}

#[tokio::test]
async fn one_attempt_holds_an_object_at_a_time() {
    let home = Home::new();
    let first = home.proposed("i1", "checkout").await;
    let second = home.proposed("i2", "checkout").await;
    let other = home.proposed("i3", "payments").await;
    let mut elsewhere = plan("checkout");
    elsewhere.cluster = "77aa".to_owned();
    let elsewhere = home.store.propose(proposal("i4", elsewhere, home.now())).await.unwrap();
    let first = home.brought(first, &[Approved]).await;
    let held = home.store.advance(approval(&second, "bert")).await;
    assert!(matches!(held, Err(AdvanceError::TargetHeld(holder)) if *holder == first));
    home.brought(other, &[Approved]).await;
    home.brought(elsewhere, &[Approved]).await;
    let unknown = home.brought(first, &[Claimed, Running, Unknown]).await;
    assert!(matches!(home.store.advance(approval(&second, "bert")).await, Err(AdvanceError::TargetHeld(_))));
    home.brought(unknown, &[Failed]).await;
    home.store.advance(approval(&second, "bert")).await.unwrap();
}

#[tokio::test]
async fn what_isn_t_in_the_table_is_refused_for_every_pair_of_states() {
    let home = Home::new();
    let seen = home.proposed("i1", "checkout").await;
    for to in AttemptState::ALL.into_iter().filter(|to| !Proposed.may_become(*to)) {
        let refused = home.store.advance(step(&seen, to, home.now())).await;
        assert!(matches!(refused, Err(AdvanceError::NoSuchTransition { from: Proposed, to: wanted }) if wanted == to), "{to}");
    }
    let mut nobody = step(&seen, Approved, home.now());
    nobody.id = "0".to_owned();
    assert!(matches!(home.store.advance(nobody).await, Err(AdvanceError::NotFound(_))));
}

#[tokio::test]
async fn a_state_without_what_it_needs_is_refused_and_leaves_no_row() {
    let home = Home::new();
    let seen = home.proposed("i1", "checkout").await;
    let mut by_nobody = step(&seen, Approved, home.now());
    by_nobody.set.decided_by = None;
    let refused = home.store.advance(by_nobody).await;
    assert!(matches!(refused, Err(AdvanceError::Store(StoreError::Invalid(_)))));
    let claimed = home.brought(seen, &[Approved, Claimed]).await;
    let mut unsent = step(&claimed, Running, home.now());
    unsent.set.sent_at = None;
    assert!(matches!(home.store.advance(unsent).await, Err(AdvanceError::Store(StoreError::Invalid(_)))));
    assert_eq!(home.store.attempt(&claimed.id).await.unwrap(), Some(claimed));
    assert_eq!(home.store.list(AuditFilter::default()).await.unwrap().len(), 3);
}

#[tokio::test]
async fn all_that_a_worker_sets_is_kept() {
    let home = Home::new();
    let claimed = home.proposed("i1", "checkout").await;
    let claimed = home.brought(claimed, &[Approved, Claimed]).await;
    let mut sends = step(&claimed, Running, home.now());
    sends.set.token = Some("2026-11-23T05:09:31Z".to_owned());
    sends.set.resource_version = Some("4711".to_owned());
    sends.set.sends = Some(1);
    sends.set.before = Some(json!({"replicas": 3}));
    let running = home.store.advance(sends).await.unwrap();
    let again =
        Changes { sends: Some(2), sent_at: Some(home.now()), resource_version: Some("4712".to_owned()), ..Changes::default() };
    let running = home.store.advance(Advance { set: again, ..step(&running, Running, home.now()) }).await.unwrap();
    assert_eq!((running.sends, running.resource_version.as_deref(), running.fence), (2, Some("4712"), 1));
    let mut ends = step(&running, Succeeded, home.now());
    ends.set.after = Some(json!({"replicas": 5}));
    ends.set.reason = Some("applied: generation 16".to_owned());
    ends.set.verify_due_at = Some(home.now() + SignedDuration::from_mins(1));
    let done = home.store.advance(ends).await.unwrap();
    assert_eq!(done.token.as_deref(), Some("2026-11-23T05:09:31Z"));
    assert_eq!((done.before, done.after), (Some(json!({"replicas": 3})), Some(json!({"replicas": 5}))));
    assert_eq!((done.lease_until, done.sent_at), (None, Some(home.now())));
}

#[tokio::test]
async fn a_check_that_decides_nothing_is_noted_without_a_row() {
    let home = Home::new();
    let done = home.proposed("i1", "checkout").await;
    let done = home.brought(done, &[Approved, Claimed, Running, Succeeded]).await;
    assert!(home.store.due(Timestamp::MAX).await.unwrap().is_empty());
    let rows = home.store.list(AuditFilter::default()).await.unwrap().len();
    let at = home.now() + SignedDuration::from_mins(5);
    let set = Changes { verify_due_at: Some(at), verification: Some(json!({"checks": 1})), ..Changes::default() };
    let note = Note { id: done.id.clone(), state: Succeeded, version: done.version, fence: done.fence, set };
    let noted = home.store.note(note.clone()).await.unwrap();
    assert_eq!((noted.state, noted.changed_at, noted.verify_due_at), (Succeeded, done.changed_at, Some(at)));
    assert!(matches!(home.store.note(note).await, Err(AdvanceError::Lost(_))), "two checks at once: one counts");
    assert!(home.store.due(home.now()).await.unwrap().is_empty());
    assert_eq!(home.store.due(at).await.unwrap(), std::slice::from_ref(&noted));
    assert_eq!(home.store.list(AuditFilter::default()).await.unwrap().len(), rows);
    let verified = home.brought(noted, &[Verified]).await;
    assert_eq!((verified.verify_due_at, verified.verification), (None, Some(json!({"checks": 1}))));
}

#[tokio::test]
async fn what_kept_an_approved_attempt_waiting_is_gone_once_it_is_claimed() {
    let home = Home::new();
    let proposed = home.proposed("i1", "checkout").await;
    let approved = home.brought(proposed, &[Approved]).await;
    let set = Changes { reason: Some("no route".to_owned()), ..Changes::default() };
    let (id, version, fence) = (approved.id.clone(), approved.version, approved.fence);
    home.pass(SignedDuration::from_secs(5));
    let waits = home.store.note(Note { id, state: Approved, version, fence, set }).await.unwrap();
    assert_eq!(waits.reason.as_deref(), Some("no route"));
    assert_eq!((waits.decided_at, waits.expires_at), (approved.decided_at, approved.expires_at));
    assert_eq!(home.brought(waits, &[Claimed]).await.reason, None);
}

#[tokio::test]
async fn the_success_of_an_undo_undoes_the_other_in_one_step() {
    let home = Home::new();
    let original = home.proposed("i1", "checkout").await;
    let original = home.brought(original, &[Approved, Claimed, Running, Succeeded, NotVerified]).await;
    let mut back = plan("checkout");
    back.undo_of = Some(original.id.clone());
    let new = NewAttempt { undo_of: Some(original.id.clone()), ..proposal("i1", back, home.now()) };
    let undo = home.store.propose(new).await.unwrap();
    let undo = home.brought(undo, &[Approved, Claimed, Running]).await;
    assert_eq!(home.store.attempt(&original.id).await.unwrap().unwrap().state, NotVerified);
    home.brought(undo.clone(), &[Succeeded]).await;
    assert_eq!(home.store.attempt(&original.id).await.unwrap().unwrap().state, Undone);
    let rows = home.store.list(AuditFilter { attempt: Some(original.id), ..AuditFilter::default() }).await.unwrap();
    let last = &rows.last().unwrap().event;
    assert_eq!((last.event, last.data.other.as_ref().unwrap().as_str()), (AuditName::AttemptUndone, undo.id.as_str()));
}

#[tokio::test]
async fn what_an_hour_allows_is_counted_where_it_is_decided() {
    let home = Home::new();
    let path = [Approved, Claimed, Running, Succeeded];
    let first = home.proposed("i1", "checkout").await;
    home.brought(first, &path).await;
    home.pass(SignedDuration::from_mins(20));
    let second = home.proposed("i2", "payments").await;
    home.brought(second, &path).await;
    let failed = home.proposed("i3", "search").await;
    home.brought(failed, &[Approved, Claimed, Running, Failed]).await;
    let declined = home.proposed("i4", "basket").await;
    home.brought(declined, &[Declined]).await;
    let too_many = |result| match result {
        Err(AdvanceError::TooMany { given, allowed }) => (given, allowed),
        other => panic!("{other:?}"),
    };
    let fifth = home.proposed("i5", "mail").await;
    let asked = |per_hour| Advance { per_hour: Some(per_hour), ..approval(&fifth, "anna") };
    // What failed was approved all the same; a refusal is no approval.
    assert_eq!(too_many(home.store.advance(asked(3)).await), (3, 3));
    home.brought(fifth, &[Declined]).await;
    home.pass(SignedDuration::from_mins(41));
    let sixth = home.proposed("i6", "mail").await;
    let asked = |by: &str, per_hour| Advance { per_hour: Some(per_hour), ..approval(&sixth, by) };
    assert_eq!(too_many(home.store.advance(asked("anna", 2)).await), (2, 2), "the first is over an hour ago");
    assert_eq!(home.store.advance(asked("bert", 1)).await.unwrap().state, Approved);

    let last = home.proposed("i7", "shop").await;
    let claimed = home.brought(last, &[Approved, Claimed]).await;
    let send = |per_hour| Advance { per_hour: Some(per_hour), ..step(&claimed, Running, home.now()) };
    // Of the writes within the hour one failed for certain.
    assert_eq!(too_many(home.store.advance(send(1)).await), (1, 1));
    assert_eq!(home.store.advance(send(2)).await.unwrap().state, Running);
}

#[tokio::test]
async fn lists_are_filtered_and_newest_first() {
    let home = Home::new();
    let first = home.proposed("i1", "checkout").await;
    home.pass(SignedDuration::from_secs(1));
    let second = home.proposed("i2", "payments").await;
    let second = home.brought(second, &[Declined]).await;
    let list = |filter| async { home.store.attempts(filter).await.unwrap() };
    assert_eq!(list(AttemptFilter::default()).await, [second.clone(), first.clone()]);
    let of = |states: &[AttemptState]| AttemptFilter { states: states.to_vec(), ..AttemptFilter::default() };
    assert_eq!(list(of(&[Proposed, Approved])).await, std::slice::from_ref(&first));
    assert_eq!(
        list(AttemptFilter { since: Some(second.created_at), ..AttemptFilter::default() }).await,
        std::slice::from_ref(&second)
    );
    assert_eq!(list(AttemptFilter { limit: Some(1), ..AttemptFilter::default() }).await, [second]);
    assert_eq!(list(AttemptFilter { target: Some(first.target.clone()), ..AttemptFilter::default() }).await, [first]);
}

#[tokio::test]
async fn the_key_is_made_once() {
    let home = Home::new();
    let key = home.store.key().await.unwrap();
    assert_ne!(key, [0; 32]);
    let again = open(home.path(), &home.clock);
    assert_eq!(again.key().await.unwrap(), key);
    assert_ne!(Home::new().store.key().await.unwrap(), key);
}
