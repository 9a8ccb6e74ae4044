//! What a model fills in and may not want is noted.

use super::simulated::Server;
use super::{Home, connect, options};
use jiff::Timestamp;
use sre_copilot::cluster::{Recording, Snapshot};
use sre_copilot::domain::{AuditName, Choice, Code, ObjectRef, Reasoning, Report, Verdict};
use sre_copilot::pipeline::Remediation;
use sre_copilot::ports::{AuditFilter, AuditLog};
use sre_copilot::remedy::{Mode, Settings};

#[tokio::test]
async fn an_intent_that_was_rejected_is_in_the_audit_log_with_its_code() {
    let server = Server::start(Vec::new()).await;
    let writer = connect(options(&server.kubeconfig())).await;
    let (home, settings, now) = (Home::new(), Settings::default(), Timestamp::now());
    let snapshot = Snapshot::new(Recording { captured_at: Some(now), ..Recording::default() });
    let remediation = Remediation {
        snapshot: &snapshot,
        settings: &settings,
        mode: Mode::default(),
        is_enabled: true,
        may_apply: false,
        cluster: "5d1c",
    };
    for rejected in [None, Code::new("scale_to_zero")] {
        let mut report = Report::new(ObjectRef::new("Deployment", "squad-7", "web"), Verdict::Confirmed, now);
        let choice = Some(Choice { rejected, ..Choice::default() });
        report.reasoning = Some(Reasoning { choice, ..Reasoning::default() });
        remediation.run(&home.executor(&writer), &mut report).await.unwrap();
    }
    let filter = AuditFilter { event: Some(AuditName::IntentRejected), ..AuditFilter::default() };
    let [row] = home.store.list(filter).await.unwrap().try_into().unwrap();
    assert_eq!(row.event.data.reason, Code::new("scale_to_zero"));
    assert!(row.event.incident_id.is_some() && row.event.run_id.is_some());
    assert_eq!(server.writes(), 0);
}
