//! Which containers' logs an analysis needs: those that failed or aren't ready, in the order of their worth. Pure.

use crate::cluster::{LogKey, Object, json};
use crate::domain::ObjectRef;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;

/// A restart counts as recent within this time: the kubelet's back-off resets after 10 minutes without a crash, and a
/// leak may take several rounds to show.
const RECENT: SignedDuration = SignedDuration::from_hours(1);

/// A container whose log is needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    /// The log of its current instance.
    pub log: LogKey,
    /// There is a previous instance too.
    pub previous: bool,
    /// The node whose kubelet has the log.
    pub node: String,
}

/// How much a log is worth, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// It crashed and is down, or waits to be started again.
    Down,
    /// It runs and isn't ready, or is an init container that others wait for.
    NotReady,
    /// It runs again after a recent end.
    Restarted,
}

/// The containers whose logs are needed, the most needed first: those of the targets, then one of each workload's
/// pods, then a second one, so that the replicas of one workload don't crowd out another's only pod. `objects` are
/// the owners of the pods, among whatever else there is; `now` is the server's clock.
pub(super) fn wanted(pods: &[&Object], objects: &[Object], targets: &[ObjectRef], now: Option<Timestamp>) -> Vec<Wanted> {
    let owners: BTreeMap<_, _> = objects.iter().filter_map(|object| Some((&object.id, object.controller()?))).collect();
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for pod in pods {
        let owner = owners.get(&pod.id).unwrap_or(&pod.id);
        // The Deployment of a ReplicaSet, the CronJob of a Job.
        let top = owners.get(owner).unwrap_or(owner);
        let others = !targets.iter().any(|target| [&pod.id, owner, top].contains(&target));
        for (rank, wanted) in of_pod(pod, now) {
            groups.entry((owner, wanted.log.container.clone())).or_default().push((others, rank, wanted));
        }
    }
    let mut ordered = Vec::new();
    for mut group in groups.into_values() {
        group.sort();
        ordered.extend(group.into_iter().enumerate().map(|(turn, (others, rank, wanted))| (others, turn, rank, wanted)));
    }
    ordered.sort();
    ordered.into_iter().map(|(.., wanted)| wanted).collect()
}

fn of_pod(pod: &Object, now: Option<Timestamp>) -> Vec<(Rank, Wanted)> {
    let mut found = Vec::new();
    if pod.text("status.phase") == "Succeeded" {
        return found;
    }
    let restarts = matches!(pod.text("spec.restartPolicy"), "Always" | "");
    for (statuses, init) in [("status.initContainerStatuses", true), ("status.containerStatuses", false)] {
        for status in pod.list(statuses) {
            let container = json::text(status, "name");
            // A sidecar: an init container that is restarted and need not end.
            let spec = json::named(&pod.raw, "spec.initContainers", container);
            let sidecar = init && json::text(spec, "restartPolicy") == "Always";
            let ends = init && !sidecar;
            let Some((rank, previous)) = need(status, ends, restarts || sidecar, now) else { continue };
            let log = LogKey {
                namespace: pod.id.ns().to_owned(),
                pod: pod.id.name.clone(),
                container: container.to_owned(),
                previous: false,
            };
            found.push((rank, Wanted { log, previous, node: pod.text("spec.nodeName").to_owned() }));
        }
    }
    found
}

/// Whether a container's log is needed, and whether it had an instance before. `ends` is true of an init container
/// that has to end for others to start, `restarts` of one that must not end.
fn need(status: &Value, ends: bool, restarts: bool, now: Option<Timestamp>) -> Option<(Rank, bool)> {
    let last = json::at(status, "lastState.terminated");
    let previous = last.is_object();
    let terminated = json::at(status, "state.terminated");
    let rank = if terminated.is_object() {
        let failed = json::int(terminated, "exitCode") != Some(0);
        (failed || (restarts && !ends)).then_some(Rank::Down)
    } else if json::at(status, "state.running").is_object() {
        let recent = |now: Timestamp| json::time(last, "finishedAt").is_none_or(|end| now.duration_since(end) <= RECENT);
        match ends || !json::flag(status, "ready") {
            true => Some(Rank::NotReady),
            false => (previous && now.is_none_or(recent)).then_some(Rank::Restarted),
        }
    } else {
        // Waiting: there is a log only if it ran before.
        previous.then_some(Rank::Down)
    };
    rank.map(|rank| (rank, previous))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, owner: &str, status: Value) -> Object {
        let owners = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "controller": true}]);
        let metadata = json!({"namespace": "shop", "name": name, "ownerReferences": owners});
        Object::new(
            json!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": {"nodeName": "n1"}, "status": status}),
        )
        .unwrap()
    }

    fn app(state: Value, last: Value, ready: bool) -> Value {
        json!({"containerStatuses": [{"name": "app", "state": state, "lastState": last, "ready": ready}]})
    }

    fn names(pods: &[Object], targets: &[ObjectRef]) -> Vec<String> {
        let refs: Vec<_> = pods.iter().collect();
        let wanted = wanted(&refs, pods, targets, Some("2026-01-01T12:00:00Z".parse().unwrap()));
        wanted.into_iter().map(|wanted| format!("{} {}", wanted.log.pod, wanted.previous)).collect()
    }

    fn ended(code: i64, at: &str) -> Value {
        json!({"terminated": {"exitCode": code, "finishedAt": at}})
    }

    #[test]
    fn containers_that_are_well_are_left_alone() {
        let running = json!({"running": {}});
        let pods = [
            pod("ready", "a", app(running.clone(), json!({}), true)),
            pod("restarted-long-ago", "a", app(running, ended(1, "2026-01-01T01:00:00Z"), true)),
            pod("pulls-its-image", "a", app(json!({"waiting": {"reason": "ImagePullBackOff"}}), json!({}), false)),
            pod(
                "done",
                "a",
                json!({"phase": "Succeeded", "containerStatuses": [{"name": "app", "state": {"terminated": {"exitCode": 1}}}]}),
            ),
        ];
        assert_eq!(names(&pods, &[]), Vec::<String>::new());
    }

    #[test]
    fn those_that_are_down_come_before_those_that_run() {
        let running = json!({"running": {}});
        let pods = [
            pod("restarted", "a", app(running.clone(), ended(1, "2026-01-01T11:30:00Z"), true)),
            pod("not-ready", "b", app(running, json!({}), false)),
            pod("down", "c", app(json!({"waiting": {"reason": "CrashLoopBackOff"}}), ended(0, "2026-01-01T11:59:00Z"), false)),
            pod("failed", "d", app(ended(1, ""), json!({}), false)),
        ];
        assert_eq!(names(&pods, &[]), ["down true", "failed false", "not-ready false", "restarted true"]);
    }

    #[test]
    fn replicas_take_turns_with_other_workloads_and_targets_come_first() {
        let down = || app(json!({"waiting": {}}), ended(1, ""), false);
        let pods = [pod("a1", "a", down()), pod("a2", "a", down()), pod("b1", "b", down()), pod("c1", "c", down())];
        assert_eq!(names(&pods, &[]), ["a1 true", "b1 true", "c1 true", "a2 true"]);
        assert_eq!(names(&pods, &[ObjectRef::new("ReplicaSet", "shop", "c")])[0], "c1 true");
        assert_eq!(names(&pods, &[ObjectRef::new("Pod", "shop", "a2")])[0], "a2 true");
    }

    #[test]
    fn an_init_container_that_others_wait_for_is_read_and_a_sidecar_that_is_well_is_not() {
        let status = |name: &str, ready| json!({"name": name, "state": {"running": {}}, "ready": ready});
        let mut waiting = pod("p", "a", json!({"initContainerStatuses": [status("wait", false), status("mesh", true)]}));
        waiting.raw["spec"]["initContainers"] = json!([{"name": "wait"}, {"name": "mesh", "restartPolicy": "Always"}]);
        let wanted = wanted(&[&waiting], &[], &[], None);
        assert_eq!(wanted.iter().map(|wanted| wanted.log.container.as_str()).collect::<Vec<_>>(), ["wait"]);
    }
}
