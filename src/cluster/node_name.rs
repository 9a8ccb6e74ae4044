//! Which Node somebody means who knows only an address: a monitoring system names what it scrapes. Never guesses: a name that
//! fits several Nodes fits none.

use super::{Object, Snapshot, json};

/// The Node of this name; else the one that has this address; else the one that the pod of this IP runs on.
pub fn node<'a>(snap: &'a Snapshot, called: &str) -> Option<&'a Object> {
    if let Some(node) = snap.find("Node", "", called) {
        return Some(node);
    }
    let same = |address: &str| !address.is_empty() && address.eq_ignore_ascii_case(called);
    let has = |node: &&Object| node.list("status.addresses").iter().any(|entry| same(json::text(entry, "address")));
    let mut nodes = snap.of_kind("Node").iter().filter(has);
    if let Some(node) = nodes.next() {
        return nodes.next().is_none().then_some(node);
    }
    let runs = |pod: &&Object| {
        same(pod.text("status.podIP")) || pod.list("status.podIPs").iter().any(|entry| same(json::text(entry, "ip")))
    };
    // The address of a pod that has ended may be another's by now.
    let live = |pod: &&Object| pod.deleted().is_none() && !super::pod::is_finished(pod);
    let mut names = snap.of_kind("Pod").iter().filter(live).filter(runs).map(|pod| pod.text("spec.nodeName"));
    let name = names.next()?;
    if names.any(|other| other != name) {
        return None;
    }
    snap.find("Node", "", name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Recording;
    use crate::domain::ObjectRef;
    use serde_json::{Value, json};

    fn snapshot() -> Snapshot {
        let node = |name: &str, ip: &str| {
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"addresses": [
                {"type": "InternalIP", "address": ip}, {"type": "Hostname", "address": format!("{name}.example.com")}]}})
        };
        let pod = |name: &str, node: &str, ip: &str, phase: &str| -> Value {
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "mon"}, "spec": {"nodeName": node},
                "status": {"phase": phase, "podIP": ip, "podIPs": [{"ip": ip}, {"ip": format!("fd00::{name}")}]}})
        };
        let objects = vec![
            node("w1", "10.0.0.7"),
            node("w2", "10.0.0.70"),
            node("w3", "10.0.0.9"),
            node("w4", "10.0.0.9"),
            pod("a", "w2", "10.244.2.5", "Running"),
            pod("b", "w1", "10.244.1.5", "Running"),
            pod("c", "w2", "10.244.1.5", "Succeeded"),
            pod("d", "w1", "10.244.1.6", "Running"),
            pod("e", "w2", "10.244.1.6", "Running"),
        ];
        let target = Some(ObjectRef::cluster("Node", "10.244.2.5"));
        Snapshot::new(Recording { objects, target, ..Recording::default() })
    }

    #[test]
    fn by_name_by_address_by_pod_and_never_by_half_of_one() {
        let snapshot = snapshot();
        let name = |called| node(&snapshot, called).map(|node| node.id.name.as_str());
        for (called, expected) in [
            ("w1", Some("w1")),
            ("10.0.0.7", Some("w1")),
            ("10.0.0.70", Some("w2")),
            ("W2.example.com", Some("w2")),
            ("10.244.2.5", Some("w2")),
            ("fd00::a", Some("w2")),
            ("10.244.1.5", Some("w1")),
            ("10.244.1.6", None),
            ("10.0.0.9", None),
            ("10.0.0", None),
            ("", None),
        ] {
            assert_eq!(name(called), expected, "{called}");
        }
        assert_eq!(snapshot.target, Some(ObjectRef::cluster("Node", "w2")));
    }
}
