//! Whoever clicked is told what became of it, for as long as Discord takes that; the token goes with the last answer. And an
//! attempt changes its incident's message.

use super::*;
use sre_copilot::domain::{Actor, Attempt, AttemptState, AuditEvent, AuditName};
use sre_copilot::ports::{Advance, AttemptStore, Changes, NewAttempt};

fn anna() -> Actor {
    Actor { kind: "discord".to_owned(), id: "7".to_owned(), name: "anna".to_owned() }
}

impl Home {
    /// An incident whose report proposes a restart, on its message.
    async fn proposed(&self) -> Attempt {
        let incident = self.fires("checkout").await;
        self.analyse(Some("exhausted")).await;
        self.send().await;
        let run_id = self.rows("SELECT id FROM runs").remove(0);
        let plan = json!({
            "apiVersion": "sre-copilot/v1", "kind": "Plan", "cluster": "5d1c",
            "intent": {"action": "restart_deployment", "resource_type": "deployment", "resource_name": "checkout", "namespace": "shop"},
            "target": {"uid": "uid", "version": "generation:7"},
            "request": {"method": "PATCH", "path": "/apis/apps/v1/namespaces/shop/deployments/checkout",
                        "contentType": "application/strategic-merge-patch+json", "body": {}},
            "diff": [], "risk": {"level": "low", "axes": []},
        });
        let new = NewAttempt {
            incident,
            run_id,
            plan: serde_json::from_value(plan).unwrap(),
            context: json!({"command": "kubectl get pods", "decision": {"value": "approve", "rule": "r", "why": "because"}}),
            requested_by: None,
            expires_at: at(3_600),
            before: None,
            undo_of: None,
            audit: vec![AuditEvent::new(AuditName::ApprovalRequested, anna(), "cli")],
        };
        self.store.propose(new).await.unwrap()
    }

    /// Somebody waits for what becomes of it.
    fn waits(&self, attempt: &Attempt) {
        let connection = rusqlite::Connection::open(self.folder.path().join("state.db")).unwrap();
        let reply = "INSERT INTO replies VALUES ('r', '77', ?1, '7', ?2, 'outcome', ?3)";
        connection.execute(reply, rusqlite::params![CANARY, attempt.id, at(900).as_millisecond()]).unwrap();
    }

    async fn declines(&self, attempt: &Attempt) {
        let advance = Advance {
            id: attempt.id.clone(),
            from: attempt.state,
            version: attempt.version,
            fence: attempt.fence,
            to: AttemptState::Declined,
            set: Changes { decided_by: Some(anna()), ..Changes::default() },
            audit: AuditEvent::new(AuditName::ApprovalDeclined, anna(), "discord"),
            per_hour: None,
        };
        self.store.advance(advance).await.unwrap();
    }
}

#[tokio::test]
async fn who_clicked_is_told_and_the_message_changes() {
    let home = Home::new().await;
    let attempt = home.proposed().await;
    home.send().await;
    assert!(home.chat.texts()[0].contains("sc1:decline:"), "{:?}", home.chat.texts());
    home.waits(&attempt);
    home.declines(&attempt).await;
    let told = format!("/webhooks/77/{CANARY}/messages/@original");
    // It doesn't know of the click's answer yet; then it has trouble of its own.
    let early = wiremock::ResponseTemplate::new(404).set_body_json(json!({"code": 10015, "message": "Unknown Webhook"}));
    for trouble in [early, wiremock::ResponseTemplate::new(500)] {
        home.chat.rule(move |asked| asked.path.ends_with("@original").then(|| trouble.clone()));
        home.send().await;
        home.chat.works_again();
        home.pass(2);
    }
    home.chat.rule(|asked| {
        asked.path.ends_with("@original").then(|| wiremock::ResponseTemplate::new(200).set_body_json(json!({"id": "9"})))
    });
    home.send().await;
    let answers: Vec<_> = home.chat.asked().into_iter().filter(|asked| asked.path == told).collect();
    assert_eq!(answers.len(), 3);
    assert!(answers[2].body.to_string().contains(&attempt.code), "{}", answers[2].body);
    assert_eq!((home.count("replies"), home.count("outbox WHERE state IN ('queued', 'failed')")), (0, 0));
    assert!(!home.chat.texts()[0].contains("sc1:decline:"), "nothing is left to decide");
}

#[tokio::test]
async fn an_answer_that_nobody_takes_any_more_is_forgotten() {
    let home = Home::new().await;
    let attempt = home.proposed().await;
    home.waits(&attempt);
    home.declines(&attempt).await;
    home.chat.rule(|_| Some(wiremock::ResponseTemplate::new(500)));
    for _ in 0..500 {
        home.send().await;
        home.pass(2);
    }
    assert_eq!((home.count("replies"), home.count("outbox WHERE op = 'reply' AND state = 'sent'")), (0, 1));
}

#[tokio::test]
async fn without_buttons_the_message_says_how_to_decide() {
    let home = Home::new().await;
    home.chat.is_foreign();
    let attempt = home.proposed().await;
    home.send().await;
    let text = home.chat.texts().remove(0);
    assert!(text.contains(&format!("sre-copilot approve {}", attempt.code)) && !text.contains("sc1:"), "{text}");
}
