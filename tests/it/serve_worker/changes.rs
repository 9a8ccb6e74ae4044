//! What becomes of a change that was approved while the cluster can't be reached.

use super::*;
use sre_copilot::domain::{AttemptState, AuditEvent, AuditName};
use sre_copilot::ports::{Advance, AttemptStore, Changes, NewAttempt};

fn anna() -> Actor {
    Actor { kind: "discord".to_owned(), id: "7".to_owned(), name: "anna".to_owned() }
}

impl House {
    async fn approved(&self, name: &str) -> Attempt {
        let checkout = ObjectRef::new("Deployment", "shop", name);
        let incident = self.store.open_or_join("default", &checkout).await.unwrap();
        let report = Report::new(checkout, Verdict::Confirmed, self.clock.now());
        let run = self.store.record(&incident.id, &report).await.unwrap();
        let plan = json!({
            "apiVersion": "sre-copilot/v1", "kind": "Plan", "cluster": "5d1c",
            "intent": {"action": "restart_deployment", "resource_type": "deployment", "resource_name": name, "namespace": "shop"},
            "target": {"uid": "uid", "version": "generation:7"},
            "request": {"method": "PATCH", "path": format!("/apis/apps/v1/namespaces/shop/deployments/{name}"),
                        "contentType": "application/strategic-merge-patch+json", "body": {}},
            "diff": [], "risk": {"level": "low", "axes": []},
        });
        let new = NewAttempt {
            incident: incident.id,
            run_id: run.id,
            plan: serde_json::from_value(plan).unwrap(),
            context: json!({}),
            requested_by: None,
            expires_at: self.clock.now() + SignedDuration::from_mins(30),
            before: None,
            undo_of: None,
            audit: vec![AuditEvent::new(AuditName::ApprovalRequested, anna(), "cli")],
        };
        let proposed = self.store.propose(new).await.unwrap();
        let advance = Advance {
            id: proposed.id,
            from: proposed.state,
            version: proposed.version,
            fence: proposed.fence,
            to: AttemptState::Approved,
            set: Changes { decided_by: Some(anna()), ..Changes::default() },
            audit: AuditEvent::new(AuditName::ApprovalApproved, anna(), "discord"),
            per_hour: None,
        };
        self.store.advance(advance).await.unwrap()
    }

    async fn attempt(&self, id: &str, wanted: impl Fn(&Attempt) -> bool) -> Attempt {
        for _ in 0..2_000 {
            let attempt = self.store.attempt(id).await.unwrap().unwrap();
            if wanted(&attempt) {
                return attempt;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never as wanted: {:?}", self.store.attempt(id).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_expires_in_a_minute_and_says_what_kept_it_though_no_cluster_answers() {
    let house = House::new(Does::Finds);
    let approved = house.approved("checkout").await;
    let work = house.work();
    let kept = house.attempt(&approved.id, |attempt| attempt.reason.is_some()).await;
    assert_eq!((kept.state, kept.reason.as_deref()), (AttemptState::Approved, Some("not here")));
    assert_eq!((kept.decided_at, kept.expires_at), (approved.decided_at, approved.expires_at), "its minute goes on");
    // It is tried again, and nothing new is written for that.
    house.clock.0.fetch_add(61, Ordering::SeqCst);
    let expired = house.attempt(&approved.id, |attempt| attempt.state == AttemptState::Expired).await;
    let why = "expired: it was approved, and could not be applied within 60 s (not here)";
    assert_eq!((expired.reason.as_deref(), expired.version), (Some(why), kept.version + 1));
    house.stops.send_replace(true);
    work.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_takes_its_time_keeps_nobody_elses_waiting() {
    let house = House::new(Does::Finds);
    let slow = house.approved("slow").await;
    let work = house.work();
    // It was taken up before the other was approved.
    while house.queued.receiver_count() == 0 {
        tokio::task::yield_now().await;
    }
    let other = house.approved("checkout").await;
    house.attempt(&other.id, |attempt| attempt.reason.is_some()).await;
    assert_eq!(house.store.attempt(&slow.id).await.unwrap().unwrap().reason, None);
    house.world.may_go_on.add_permits(1_000);
    house.attempt(&slow.id, |attempt| attempt.reason.is_some()).await;
    house.stops.send_replace(true);
    work.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_program_ends_no_part_for_good() {
    let house = House::new(Does::Finds);
    house.world.faults.store(1, Ordering::SeqCst);
    let work = house.work();
    while house.world.faults.load(Ordering::SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
    let approved = house.approved("checkout").await;
    house.attempt(&approved.id, |attempt| attempt.reason.is_some()).await;
    house.stops.send_replace(true);
    work.await.unwrap();
}
