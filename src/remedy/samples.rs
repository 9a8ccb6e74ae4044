//! Objects and intents that the tests of this module share.

use crate::domain::{Action, ExecutionIntent, Params, ResourceType, Risk};
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
