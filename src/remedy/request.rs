//! The one request that an intent stands for, and what it is bound to. What is only known when it is sent stands as a
//! place-holder, so that a plan and its digest stay the same.

use super::Refusal;
use crate::cluster::json;
use crate::domain::{
    Action, CLAIM_TIME, Digest, ExecutionIntent, Params, PlanRequest, PlanTarget, RESOURCE_VERSION, ResourceParams, ResourceType,
};
use serde_json::{Map, Value, json};

/// The annotation by which kubectl rolls pods over: `staging/src/k8s.io/kubectl/pkg/polymorphichelpers/objectrestarter.go`.
pub const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
/// The label that the Deployment controller adds to a ReplicaSet's template: `DefaultDeploymentUniqueLabelKey` in
/// `staging/src/k8s.io/api/apps/v1/types.go`.
pub(super) const TEMPLATE_HASH: &str = "pod-template-hash";

/// The media types of patches: `staging/src/k8s.io/apimachinery/pkg/types/patch.go`.
const STRATEGIC_MERGE: &str = "application/strategic-merge-patch+json";
const MERGE: &str = "application/merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";

/// The request of a write. `live` is the object as a GET returned it; `revision` the ReplicaSet that a rollback goes back to;
/// `eviction_version` the API version of Eviction that discovery gives, such as `policy/v1`.
///
/// # Errors
/// When there is nothing to send: the intent only reads, or what it needs isn't in the objects.
pub fn request(
    intent: &ExecutionIntent,
    live: &Value,
    revision: Option<&Value>,
    eviction_version: &str,
) -> Result<PlanRequest, Refusal> {
    let patch = |subresource: &str, content_type: &str, body: Value| PlanRequest {
        method: "PATCH".to_owned(),
        path: format!("{}{subresource}", object_path(intent)),
        content_type: content_type.to_owned(),
        body,
    };
    let guarded = |spec: Value| json!({"metadata": {"resourceVersion": RESOURCE_VERSION}, "spec": spec});
    Ok(match (intent.action, &intent.params) {
        (Action::RestartDeployment | Action::RestartStatefulSet | Action::RestartDaemonSet, _) => {
            let annotations = json!({"annotations": {RESTARTED_AT: CLAIM_TIME}});
            patch("", STRATEGIC_MERGE, guarded(json!({"template": {"metadata": annotations}})))
        }
        (Action::ScaleDeployment, Params::Scale { replicas }) => patch("/scale", MERGE, guarded(json!({"replicas": replicas}))),
        (Action::ResumeRollout, _) => patch("", STRATEGIC_MERGE, guarded(json!({"paused": false}))),
        (Action::RollbackDeployment, Params::Rollback { revision: number }) => {
            let template = revision.and_then(template).ok_or_else(|| {
                Refusal::new("object_missing", format!("no ReplicaSet of {} has revision {number}", intent.object()))
            })?;
            if template == bare(json::at(live, "spec.template")) {
                let why = format!("revision {number} has the template that {} has now", intent.object());
                return Err(Refusal::new("same_template", why));
            }
            let replace = |path: &str, value: Value| json!({"op": "replace", "path": path, "value": value});
            let version = replace("/metadata/resourceVersion", json!(RESOURCE_VERSION));
            patch("", JSON_PATCH, json!([version, replace("/spec/template", template)]))
        }
        (Action::SetResources, Params::Resources(params)) => {
            let list = container_list(live, &params.container).ok_or_else(|| {
                Refusal::new("object_missing", format!("{} has no container {}", intent.object(), params.container))
            })?;
            let container = json!({"name": params.container, "resources": resources(params)});
            patch("", STRATEGIC_MERGE, guarded(json!({"template": {"spec": {list: [container]}}})))
        }
        (Action::EvictPod, _) => PlanRequest {
            method: "POST".to_owned(),
            path: format!("{}/eviction", object_path(intent)),
            content_type: "application/json".to_owned(),
            body: json!({
                "apiVersion": eviction_version,
                "kind": "Eviction",
                "metadata": {"name": intent.resource_name, "namespace": intent.namespace},
                "deleteOptions": {"preconditions": {"uid": json::at(live, "metadata.uid")}},
            }),
        },
        (action, _) => return Err(Refusal::new("verb_not_allowed", format!("{action} with these params is no write"))),
    })
}

/// What a plan holds for: the object's UID and its version. `autoscaled` says that an autoscaler owns the replicas, which moves
/// the generation; then the template alone is the version, unless the action sets the replicas.
pub fn plan_target(intent: &ExecutionIntent, live: &Value, autoscaled: bool) -> PlanTarget {
    let uid = json::text(live, "metadata.uid").to_owned();
    if intent.action == Action::EvictPod {
        let node = Some(json::text(live, "spec.nodeName").to_owned()).filter(|node| !node.is_empty());
        return PlanTarget { uid, version: String::new(), node };
    }
    let by_template = autoscaled && intent.action != Action::ScaleDeployment;
    let hash = by_template.then(|| Digest::of(json::at(live, "spec.template")).ok()).flatten();
    let version = match hash {
        Some(hash) => format!("template:{}", hash.short()),
        None => format!("generation:{}", json::int(live, "metadata.generation").unwrap_or(0)),
    };
    PlanTarget { uid, version, node: None }
}

/// The path of the intent's object in the API, without a query.
pub fn object_path(intent: &ExecutionIntent) -> String {
    let (namespace, name) = (&intent.namespace, &intent.resource_name);
    let (group, plural) = resource(intent.resource_type);
    format!("{group}/namespaces/{namespace}/{plural}/{name}")
}

/// Where the API serves a type: the group's path, and the plural.
pub fn resource(resource_type: ResourceType) -> (&'static str, &'static str) {
    match resource_type {
        ResourceType::Deployment => ("/apis/apps/v1", "deployments"),
        ResourceType::StatefulSet => ("/apis/apps/v1", "statefulsets"),
        ResourceType::DaemonSet => ("/apis/apps/v1", "daemonsets"),
        ResourceType::ReplicaSet => ("/apis/apps/v1", "replicasets"),
        ResourceType::Pod => ("/api/v1", "pods"),
        ResourceType::Job => ("/apis/batch/v1", "jobs"),
        ResourceType::CronJob => ("/apis/batch/v1", "cronjobs"),
        ResourceType::Service => ("/api/v1", "services"),
        ResourceType::Ingress => ("/apis/networking.k8s.io/v1", "ingresses"),
        ResourceType::NetworkPolicy => ("/apis/networking.k8s.io/v1", "networkpolicies"),
        ResourceType::PersistentVolumeClaim => ("/api/v1", "persistentvolumeclaims"),
        ResourceType::HorizontalPodAutoscaler => ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
        ResourceType::PodDisruptionBudget => ("/apis/policy/v1", "poddisruptionbudgets"),
        ResourceType::ResourceQuota => ("/api/v1", "resourcequotas"),
    }
}

/// A ReplicaSet's template as the Deployment had it: without the label that the controller added.
pub fn template(replica_set: &Value) -> Option<Value> {
    let template = json::at(replica_set, "spec.template");
    template.is_object().then(|| bare(template))
}

/// A template without the controller's label, and without the empty time that the API server shows in one.
fn bare(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(metadata) = template.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("creationTimestamp");
        if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
            labels.remove(TEMPLATE_HASH);
        }
    }
    template
}

/// Which list of the template holds a container.
pub(super) fn container_list(workload: &Value, container: &str) -> Option<&'static str> {
    let spec = json::at(workload, "spec.template.spec");
    ["containers", "initContainers"].into_iter().find(|list| !json::named(spec, list, container).is_null())
}

fn resources(params: &ResourceParams) -> Value {
    let amounts = |memory: &Option<String>, cpu: &Option<String>| {
        let amounts = [("memory", memory), ("cpu", cpu)].into_iter();
        amounts.filter_map(|(name, amount)| Some((name.to_owned(), json!(amount.as_ref()?)))).collect::<Map<_, _>>()
    };
    let lists = [
        ("limits", amounts(&params.memory_limit, &params.cpu_limit)),
        ("requests", amounts(&params.memory_request, &params.cpu_request)),
    ];
    let given = lists.into_iter().filter(|(_, amounts)| !amounts.is_empty());
    Value::Object(given.map(|(list, amounts)| (list.to_owned(), Value::Object(amounts))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remedy::samples::{deployment, intent};

    fn sent(action: Action, params: Params, revision: Option<&Value>) -> PlanRequest {
        request(&intent(action, params), &deployment(), revision, "policy/v1").unwrap()
    }

    #[test]
    fn each_write_is_one_request() {
        let replica_set = json!({"spec": {"template": {"metadata": {"labels": {"app": "web", "pod-template-hash": "abc"}, "creationTimestamp": null},
            "spec": {"containers": [{"name": "app", "image": "web:1"}]}}}});
        let resources = ResourceParams {
            container: "app".into(),
            memory_limit: Some("512Mi".into()),
            cpu_request: Some("200m".into()),
            ..ResourceParams::default()
        };
        let requests = [
            sent(Action::RestartDeployment, Params::None, None),
            sent(Action::ScaleDeployment, Params::Scale { replicas: 4 }, None),
            sent(Action::ResumeRollout, Params::None, None),
            sent(Action::RollbackDeployment, Params::Rollback { revision: 1 }, Some(&replica_set)),
            sent(Action::SetResources, Params::Resources(resources), None),
        ];
        let lines: Vec<String> =
            requests.iter().map(|it| format!("{} {} {} {}", it.method, it.path, it.content_type, it.body)).collect();
        let web = "/apis/apps/v1/namespaces/squad-7/deployments/web";
        let guard = r#""metadata":{"resourceVersion":"<resource-version>"}"#;
        assert_eq!(
            lines,
            [
                format!(
                    r#"PATCH {web} {STRATEGIC_MERGE} {{{guard},"spec":{{"template":{{"metadata":{{"annotations":{{"kubectl.kubernetes.io/restartedAt":"<claim-time>"}}}}}}}}}}"#
                ),
                format!(r#"PATCH {web}/scale {MERGE} {{{guard},"spec":{{"replicas":4}}}}"#),
                format!(r#"PATCH {web} {STRATEGIC_MERGE} {{{guard},"spec":{{"paused":false}}}}"#),
                format!(
                    r#"PATCH {web} {JSON_PATCH} [{{"op":"replace","path":"/metadata/resourceVersion","value":"<resource-version>"}},{{"op":"replace","path":"/spec/template","value":{{"metadata":{{"labels":{{"app":"web"}}}},"spec":{{"containers":[{{"image":"web:1","name":"app"}}]}}}}}}]"#
                ),
                format!(
                    r#"PATCH {web} {STRATEGIC_MERGE} {{{guard},"spec":{{"template":{{"spec":{{"containers":[{{"name":"app","resources":{{"limits":{{"memory":"512Mi"}},"requests":{{"cpu":"200m"}}}}}}]}}}}}}}}"#
                ),
            ]
        );
    }

    #[test]
    fn an_eviction_is_bound_to_the_pods_uid() {
        let mut pod = intent(Action::EvictPod, Params::None);
        pod.resource_type = ResourceType::Pod;
        let live = json!({"metadata": {"uid": "u-1"}, "spec": {"nodeName": "worker-a"}});
        let sent = request(&pod, &live, None, "policy/v1beta1").unwrap();
        assert_eq!(sent.path, "/api/v1/namespaces/squad-7/pods/web/eviction");
        assert_eq!(sent.body["apiVersion"], "policy/v1beta1");
        assert_eq!(sent.body["deleteOptions"]["preconditions"]["uid"], "u-1");
        let target = plan_target(&pod, &live, false);
        assert_eq!((target.version.as_str(), target.node.as_deref()), ("", Some("worker-a")));
    }

    #[test]
    fn what_has_nothing_to_send_is_refused() {
        let rollback = intent(Action::RollbackDeployment, Params::Rollback { revision: 3 });
        assert_eq!(request(&rollback, &deployment(), None, "policy/v1").unwrap_err().code, "object_missing");
        assert_eq!(request(&rollback, &deployment(), Some(&deployment()), "policy/v1").unwrap_err().code, "same_template");
        assert_eq!(
            request(&intent(Action::GetLogs, Params::None), &deployment(), None, "policy/v1").unwrap_err().code,
            "verb_not_allowed"
        );
    }

    #[test]
    fn an_autoscaler_moves_the_generation_and_not_the_template() {
        let restart = intent(Action::RestartDeployment, Params::None);
        let mut moved = deployment();
        moved["metadata"]["generation"] = json!(9);
        assert_ne!(plan_target(&restart, &moved, false), plan_target(&restart, &deployment(), false));
        assert_eq!(plan_target(&restart, &moved, true), plan_target(&restart, &deployment(), true));
        moved["spec"]["template"]["spec"]["containers"][0]["image"] = json!("web:3");
        assert_ne!(plan_target(&restart, &moved, true), plan_target(&restart, &deployment(), true));
        let scale = intent(Action::ScaleDeployment, Params::Scale { replicas: 3 });
        assert_eq!(plan_target(&scale, &moved, true).version, "generation:9");
    }
}
