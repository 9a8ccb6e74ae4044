//! Objects and intents that the tests of this module share.

use crate::domain::{
    Action, CauseReport, ExecutionIntent, ObjectRef, Params, Report, ResourceType, Risk, SymptomReport, Verdict,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// A Deployment of two replicas at revision 15.
pub fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": "squad-7", "name": "web", "uid": "d-1", "generation": 3, "resourceVersion": "100",
            "creationTimestamp": "2026-03-01T00:00:00Z", "annotations": {"deployment.kubernetes.io/revision": "15"}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "app", "image": "web:2", "resources": {"limits": {"memory": "256Mi"}}}]}}},
        "status": {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}})
}

/// An intent on that Deployment.
pub fn intent(action: Action, params: Params) -> ExecutionIntent {
    ExecutionIntent {
        action,
        resource_type: ResourceType::Deployment,
        resource_name: "web".to_owned(),
        namespace: "squad-7".to_owned(),
        params,
        risk: Risk::Low,
        reason: "because".to_owned(),
    }
}

/// A report of a fault of that Deployment, seen at a pod for half an hour.
pub fn report(verdict: Verdict) -> Report {
    let captured_at: Timestamp = "2026-03-10T09:41:27Z".parse().unwrap();
    let object = ObjectRef::new("Deployment", "squad-7", "web");
    let cause = CauseReport {
        id: "oom_killed".to_owned(),
        object: object.clone(),
        container: Some("app".to_owned()),
        confidence: 0.9,
        summary: String::new(),
        fix: String::new(),
        explains: Vec::new(),
        evidence: Vec::new(),
        perspective: "runtime".into(),
        since: None,
    };
    let symptom = SymptomReport {
        id: "crash_loop".to_owned(),
        object: ObjectRef::new("Pod", "squad-7", "web-1"),
        container: Some("app".to_owned()),
        summary: String::new(),
        since: Some(captured_at - SignedDuration::from_mins(30)),
        evidence: Vec::new(),
    };
    Report { causes: vec![cause], symptoms: vec![symptom], ..Report::new(object, verdict, captured_at) }
}
