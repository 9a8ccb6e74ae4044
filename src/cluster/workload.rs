//! What a workload wants and what it has: replicas over all kinds of controllers, and the pod template that each is made
//! from.

use super::{Object, json};
use serde_json::Value;

/// How many pods a workload wants and has, as its controller last counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replicas {
    /// How many should run now. For a Job that is what may still run in parallel; for a DaemonSet the nodes that it is for.
    pub desired: i64,
    /// How many exist, ready or not, of whatever revision.
    pub existing: i64,
    /// How many of them are of the current revision.
    pub updated: i64,
    /// How many are ready.
    pub ready: i64,
    /// How many have been ready for `minReadySeconds`.
    pub available: i64,
    /// Whether the controller has seen the specification as it is now. While it hasn't, the other numbers may be about an
    /// older one.
    pub is_observed: bool,
}

impl Replicas {
    /// Whether every pod that should run is ready, and the numbers are of now.
    pub fn are_all_ready(&self) -> bool {
        self.is_observed && self.ready >= self.desired
    }

    /// Whether a rollout is through, as `kubectl rollout status` judges it
    /// (`staging/src/k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go`): all of the current revision, none of an older
    /// one, all available.
    pub fn are_rolled_out(&self) -> bool {
        self.is_observed && self.updated >= self.desired && self.existing <= self.updated && self.available >= self.updated
    }
}

/// The replicas of a Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController or Job; `None` for other kinds.
pub fn replicas(workload: &Object) -> Option<Replicas> {
    let count = |field: &str| json::int(workload.at("status"), field).unwrap_or(0);
    let has_status = workload.at("status").is_object();
    // The controllers count a generation as seen when the numbers are of it or a later one.
    let generation = |path| workload.int(path).unwrap_or(0);
    let is_observed = has_status && generation("metadata.generation") <= generation("status.observedGeneration");
    // SetDefaults in pkg/apis/apps/v1/defaults.go: one replica.
    let desired = workload.int("spec.replicas").unwrap_or(1);
    let (existing, ready) = (count("replicas"), count("readyReplicas"));
    Some(match workload.id.kind.as_str() {
        "Deployment" => Replicas {
            desired,
            existing,
            updated: count("updatedReplicas"),
            ready,
            available: count("availableReplicas"),
            is_observed,
        },
        "StatefulSet" => Replicas {
            desired,
            existing,
            updated: count("updatedReplicas"),
            ready,
            // Servers before 1.22 don't count these; since then the field is always there.
            available: workload.int("status.availableReplicas").unwrap_or(ready),
            is_observed,
        },
        "ReplicaSet" | "ReplicationController" => {
            Replicas { desired, existing, updated: existing, ready, available: count("availableReplicas"), is_observed }
        }
        "DaemonSet" => Replicas {
            desired: count("desiredNumberScheduled"),
            existing: count("currentNumberScheduled"),
            updated: count("updatedNumberScheduled"),
            ready: count("numberReady"),
            available: count("numberAvailable"),
            is_observed,
        },
        "Job" => {
            let (active, ready) = (count("active"), count("ready"));
            Replicas {
                desired: job_desired(workload),
                existing: active,
                updated: active,
                ready,
                available: ready,
                is_observed: has_status,
            }
        }
        _ => return None,
    })
}

/// How many pods of a Job should run: none once it has ended or while it is suspended, else what its parallelism allows of
/// what is left to do. Without `completions` one success ends it, and until then all run.
fn job_desired(job: &Object) -> i64 {
    let is = |condition| json::text(job.condition(condition), "status") == "True";
    if job.flag("spec.suspend") || is("Complete") || is("Failed") {
        return 0;
    }
    let parallelism = job.int("spec.parallelism").unwrap_or(1);
    match job.int("spec.completions") {
        Some(completions) => parallelism.min(completions.saturating_sub(job.int("status.succeeded").unwrap_or(0))).max(0),
        None => parallelism,
    }
}

/// Where the pod template of a kind stands in its objects. A Pod is its own template.
pub fn template_path(kind: &str) -> &'static str {
    match kind {
        "Pod" => "",
        "CronJob" => "spec.jobTemplate.spec.template",
        "ControllerRevision" => "data.spec.template",
        // Also the workloads that other APIs add keep to this place.
        _ => "spec.template",
    }
}

/// The pod template of a workload: a value with `metadata` and `spec` as a pod has them. `None` when it holds none.
pub fn pod_template(object: &Object) -> Option<&Value> {
    let template = match template_path(&object.id.kind) {
        "" => &object.raw,
        path => object.at(path),
    };
    Some(template).filter(|template| json::key(template, "spec").is_object())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn workload(kind: &str, spec: Value, status: Value) -> Object {
        let group = if kind.ends_with("Job") { "batch/v1" } else { "apps/v1" };
        let version = if kind == "ReplicationController" || kind == "Pod" { "v1" } else { group };
        Object::new(json!({"apiVersion": version, "kind": kind, "metadata": {"name": "web", "generation": 4}, "spec": spec, "status": status})).unwrap()
    }

    fn numbers(replicas: Replicas) -> [i64; 5] {
        [replicas.desired, replicas.existing, replicas.updated, replicas.ready, replicas.available]
    }

    #[test]
    fn a_deployment_in_the_middle_of_a_rollout() {
        let status =
            json!({"observedGeneration": 4, "replicas": 4, "updatedReplicas": 1, "readyReplicas": 3, "availableReplicas": 3});
        let deployment = replicas(&workload("Deployment", json!({"replicas": 3}), status)).unwrap();
        assert_eq!(numbers(deployment), [3, 4, 1, 3, 3]);
        assert!(deployment.are_all_ready() && !deployment.are_rolled_out());
    }

    #[test]
    fn numbers_of_an_older_generation_prove_nothing() {
        let status =
            json!({"observedGeneration": 3, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1});
        let deployment = replicas(&workload("Deployment", json!({}), status)).unwrap();
        assert_eq!(deployment.desired, 1);
        assert!(!deployment.is_observed && !deployment.are_all_ready() && !deployment.are_rolled_out());
        assert!(!replicas(&workload("Deployment", json!({}), json!(null))).unwrap().is_observed);
    }

    #[test]
    fn the_other_kinds() {
        let status = json!({"observedGeneration": 4, "replicas": 3, "readyReplicas": 2, "updatedReplicas": 3});
        assert_eq!(numbers(replicas(&workload("StatefulSet", json!({"replicas": 3}), status.clone())).unwrap()), [3, 3, 3, 2, 2]);
        assert_eq!(numbers(replicas(&workload("ReplicaSet", json!({"replicas": 3}), status.clone())).unwrap()), [3, 3, 3, 2, 0]);
        assert_eq!(
            numbers(replicas(&workload("ReplicationController", json!({"replicas": 0}), status)).unwrap()),
            [0, 3, 3, 2, 0]
        );
        let status = json!({"observedGeneration": 4, "desiredNumberScheduled": 5, "currentNumberScheduled": 5, "updatedNumberScheduled": 5,
            "numberReady": 5, "numberAvailable": 5});
        let daemon_set = replicas(&workload("DaemonSet", json!({}), status)).unwrap();
        assert_eq!(numbers(daemon_set), [5; 5]);
        assert!(daemon_set.are_rolled_out());
        assert_eq!(replicas(&workload("CronJob", json!({}), json!({}))), None);
    }

    #[test]
    fn a_job_wants_what_is_left_to_do() {
        let desired = |spec, status| replicas(&workload("Job", spec, status)).unwrap().desired;
        assert_eq!(desired(json!({"completions": 10, "parallelism": 3}), json!({"succeeded": 8})), 2);
        assert_eq!(desired(json!({"completions": 10, "parallelism": 3}), json!({"succeeded": 1})), 3);
        assert_eq!(desired(json!({"parallelism": 3}), json!({"succeeded": 8})), 3);
        assert_eq!(desired(json!({}), json!({})), 1);
        assert_eq!(desired(json!({"suspend": true}), json!({})), 0);
        assert_eq!(desired(json!({}), json!({"conditions": [{"type": "Failed", "status": "True"}]})), 0);
        let job = replicas(&workload("Job", json!({}), json!({"active": 1, "ready": 1}))).unwrap();
        assert_eq!(numbers(job), [1; 5]);
    }

    #[test]
    fn every_kind_has_its_template() {
        let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}});
        for kind in ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"] {
            assert_eq!(pod_template(&workload(kind, json!({"template": template}), json!({}))), Some(&template), "{kind}");
        }
        let cron_job = workload("CronJob", json!({"jobTemplate": {"spec": {"template": template}}}), json!({}));
        assert_eq!(pod_template(&cron_job), Some(&template));
        let pod = workload("Pod", json!({"containers": []}), json!({}));
        assert_eq!(pod_template(&pod), Some(&pod.raw));
        assert_eq!(pod_template(&workload("Deployment", json!({}), json!({}))), None);
        let rollout = Object::new(
            json!({"apiVersion": "example.com/v1", "kind": "Rollout", "metadata": {"name": "r"}, "spec": {"template": template}}),
        )
        .unwrap();
        assert_eq!(pod_template(&rollout), Some(&template));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(number in any::<i64>(), text in "\\PC{0,10}") {
            for garbage in [json!(null), json!(number), json!(text), json!([number]), json!({"replicas": number, "succeeded": number, "completions": number})] {
                for kind in ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob", "Pod"] {
                    let object = workload(kind, garbage.clone(), garbage.clone());
                    replicas(&object);
                    pod_template(&object);
                }
            }
        }
    }
}
