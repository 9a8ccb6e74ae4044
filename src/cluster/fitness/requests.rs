//! How much a pod asks for, by the scheduler's formula: `PodRequests` in
//! `staging/src/k8s.io/component-helpers/resource/helpers.go`. What a running pod was resized to in place is not looked at.

use crate::cluster::json;
use crate::cluster::quantity::Quantity;
use serde_json::Value;
use std::collections::BTreeMap;

/// Amounts by resource: `cpu` in cores, `memory` and `ephemeral-storage` in bytes, others by their own unit.
pub type Resources = BTreeMap<String, Quantity>;

/// What a pod of this specification asks for: the sum of its containers and sidecars, or what its init containers need
/// while they run if that is more; the pod's own request instead, where it sets one; and its overhead on top.
pub fn pod_requests(spec: &Value) -> Resources {
    let mut total = container_requests(spec);
    let pod_level = json::key(spec, "resources");
    // defaultPodRequests in pkg/apis/core/v1/defaults.go: a pod's limit becomes its request where no container asks.
    for (resource, limit) in read(pod_level, "limits").into_iter().filter(|(resource, _)| is_pod_level(resource)) {
        if total.get(&resource).is_none_or(|asked| asked.is_zero()) {
            total.insert(resource, limit);
        }
    }
    total.extend(read(pod_level, "requests").into_iter().filter(|(resource, _)| is_pod_level(resource)));
    add(&mut total, &read(spec, "overhead"));
    total.iter().map(|(resource, amount)| (resource.clone(), in_scheduler_units(resource, *amount))).collect()
}

/// The resources that can be set for a pod as a whole: `supportedPodLevelResources` in the same file.
fn is_pod_level(resource: &str) -> bool {
    matches!(resource, "cpu" | "memory") || resource.starts_with("hugepages-")
}

fn container_requests(spec: &Value) -> Resources {
    let mut running = Resources::new();
    for container in json::list(spec, "containers") {
        add(&mut running, &effective(container));
    }
    let mut sidecars = Resources::new();
    let mut starting = Resources::new();
    for container in json::list(spec, "initContainers") {
        let mut asked = effective(container);
        if json::text(container, "restartPolicy") == "Always" {
            add(&mut running, &asked);
            add(&mut sidecars, &asked);
            raise(&mut starting, &sidecars);
        } else {
            add(&mut asked, &sidecars);
            raise(&mut starting, &asked);
        }
    }
    raise(&mut running, &starting);
    running
}

/// A container's requests; a limit without a request is one (`SetDefaults_Pod` in `pkg/apis/core/v1/defaults.go`), which
/// pod templates don't show yet.
fn effective(container: &Value) -> Resources {
    let resources = json::key(container, "resources");
    let mut asked = read(resources, "limits");
    asked.extend(read(resources, "requests"));
    asked
}

/// The amounts of a resource list. What is no quantity is left out.
pub(super) fn read(value: &Value, field: &str) -> Resources {
    let entries = json::key(value, field).as_object().into_iter().flatten();
    entries.filter_map(|(resource, amount)| Some((resource.clone(), Quantity::read(amount)?))).collect()
}

/// Rounded up as the scheduler counts: CPU in thousandths, everything else in whole units (`Resource.Add` in
/// `pkg/scheduler/framework/types.go`).
fn in_scheduler_units(resource: &str, amount: Quantity) -> Quantity {
    if resource == "cpu" { amount.round_up_to_milli() } else { amount.round_up_to_whole() }
}

pub(super) fn add(total: &mut Resources, more: &Resources) {
    for (resource, amount) in more {
        let sum = total.entry(resource.clone()).or_default();
        *sum = sum.plus(*amount);
    }
}

/// Raises each amount to the other's where that is higher.
pub(super) fn raise(total: &mut Resources, other: &Resources) {
    for (resource, amount) in other {
        let highest = total.entry(resource.clone()).or_insert(*amount);
        *highest = (*highest).max(*amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn shown(spec: &Value) -> Vec<String> {
        pod_requests(spec).iter().map(|(resource, amount)| format!("{resource}={amount}")).collect()
    }

    fn asks(cpu: &str) -> Value {
        json!({"resources": {"requests": {"cpu": cpu}}})
    }

    #[test]
    fn containers_run_together_and_init_containers_one_by_one() {
        let spec = json!({
            "initContainers": [
                {"resources": {"requests": {"cpu": "2", "memory": "1Gi"}}},
                {"resources": {"requests": {"cpu": "2", "memory": "3Gi"}}}],
            "containers": [
                {"resources": {"requests": {"cpu": "2", "memory": "1Gi"}}},
                {"resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}]
        });
        assert_eq!(shown(&spec), ["cpu=3", "memory=3Gi"]);
    }

    #[test]
    fn a_sidecar_runs_beside_what_starts_after_it() {
        let sidecar = |cpu: &str| json!({"restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}});
        let spec = json!({"initContainers": [asks("4"), sidecar("1"), asks("5")], "containers": [asks("2")]});
        assert_eq!(shown(&spec), ["cpu=6"]);
        let spec = json!({"initContainers": [asks("4"), sidecar("1")], "containers": [asks("3500m")]});
        assert_eq!(shown(&spec), ["cpu=4500m"]);
    }

    #[test]
    fn limits_stand_in_for_requests() {
        let spec =
            json!({"containers": [{"resources": {"limits": {"cpu": "1", "nvidia.com/gpu": 1}, "requests": {"cpu": "100m"}}}]});
        assert_eq!(shown(&spec), ["cpu=100m", "nvidia.com/gpu=1"]);
    }

    #[test]
    fn the_pods_own_request_replaces_the_sum() {
        let spec = json!({
            "resources": {"requests": {"cpu": "8", "nvidia.com/gpu": "4"}, "limits": {"cpu": "9", "memory": "2Gi", "hugepages-2Mi": "4Mi"}},
            "containers": [{"resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}],
            "overhead": {"cpu": "250m"}
        });
        assert_eq!(shown(&spec), ["cpu=8250m", "hugepages-2Mi=4Mi", "memory=1Gi"]);
    }

    #[test]
    fn counts_in_the_schedulers_units() {
        let spec = json!({"containers": [{"resources": {"requests": {"cpu": "0.0001", "memory": "128974848100m"}}}]});
        let requests = pod_requests(&spec);
        assert_eq!(requests["cpu"], Quantity::parse("1m").unwrap());
        assert_eq!(requests["memory"], Quantity::whole(128_974_849));
    }

    #[test]
    fn garbage_asks_for_nothing() {
        for garbage in
            [json!(null), json!({"containers": "x"}), json!({"containers": [{"resources": {"requests": {"cpu": "lots"}}}]})]
        {
            assert!(pod_requests(&garbage).is_empty());
        }
    }

    proptest! {
        #[test]
        fn never_less_than_any_container(init in proptest::collection::vec((0_u32..9000, any::<bool>()), 0..5), main in proptest::collection::vec(0_u32..9000, 0..5)) {
            let request = |cpu: u32| json!({"requests": {"cpu": format!("{cpu}m")}});
            let init_specs: Vec<Value> = init.iter().map(|(cpu, sidecar)| match sidecar {
                true => json!({"restartPolicy": "Always", "resources": request(*cpu)}),
                false => json!({"resources": request(*cpu)}),
            }).collect();
            let main_specs: Vec<Value> = main.iter().map(|cpu| json!({"resources": request(*cpu)})).collect();
            let total = pod_requests(&json!({"initContainers": init_specs, "containers": main_specs})).get("cpu").copied().unwrap_or_default();
            let read = |cpu: u32| Quantity::parse(&format!("{cpu}m")).unwrap();
            let sum: u32 = main.iter().sum::<u32>() + init.iter().filter(|(_, sidecar)| *sidecar).map(|(cpu, _)| cpu).sum::<u32>();
            prop_assert!(total >= read(sum));
            prop_assert!(init.iter().all(|(cpu, _)| total >= read(*cpu)));
        }
    }
}
