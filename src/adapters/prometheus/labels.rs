//! From a server's labels to those of a bundle's signals. What a series says beside is dropped, and so is a series about
//! something that wasn't asked for.

use super::answer::Series;
use super::plan::{About, Query};
use crate::cluster::Signal;
use crate::ports::{EvidenceRequest, NodeNames};
use std::collections::{BTreeMap, BTreeSet};

/// The labels that scrapes and meshes give, by the label of ours that they stand for; the first that a series has counts.
/// `exported_…` are a metric's own where the scraped target has the label too (Prometheus, `honor_labels`).
const NAMES: &[(&str, &[&str])] = &[
    ("namespace", &["exported_namespace", "destination_service_namespace", "namespace"]),
    ("pod", &["exported_pod", "pod"]),
    ("container", &["exported_container", "container"]),
    ("service", &["exported_service", "destination_service_name", "service"]),
    ("workload", &["workload", "deployment", "statefulset", "daemonset", "destination_workload"]),
    ("persistentvolumeclaim", &["persistentvolumeclaim"]),
    ("unit", &["unit", "name"]),
    ("target", &["target", "instance"]),
    ("node", &["exported_node", "node"]),
    ("host", &["host"]),
    ("path", &["path", "mountpoint"]),
];
/// cAdvisor's name of a pod's sandbox with Docker.
const SANDBOX: &str = "POD";

/// The signals of one query's series.
pub(super) fn signals(query: &Query, series: Vec<Series>, request: &EvidenceRequest) -> Vec<Signal> {
    let named = series.into_iter().filter_map(|series| Some((labels(query.about, &series.labels, request)?, series.values)));
    let mut signals: Vec<Signal> =
        named.map(|(labels, values)| Signal { signal: query.signal.clone(), labels, values }).collect();
    if query.about == About::Targets {
        from_several_nodes(&mut signals);
    }
    signals
}

fn labels(about: About, given: &BTreeMap<String, String>, request: &EvidenceRequest) -> Option<BTreeMap<String, String>> {
    let keep: &[&str] = match about {
        About::Pods => &["namespace", "pod", "container"],
        About::Nodes => return of_node(given, &request.nodes),
        About::Services => &["namespace", "service", "workload"],
        About::Targets => &["target", "node"],
        About::Namespace => &["namespace", "persistentvolumeclaim", "service", "workload", "pod", "container", "path"],
        About::Figure => &[],
        About::Cluster => return Some(NAMES.iter().filter_map(|(name, _)| named(given, name)).collect()),
    };
    let mut labels: BTreeMap<String, String> = keep.iter().filter_map(|name| named(given, name)).collect();
    let is = |labels: &BTreeMap<String, String>, name: &str| labels.get(name).cloned().unwrap_or_default();
    match about {
        About::Pods => {
            let (namespace, pod) = (is(&labels, "namespace"), is(&labels, "pod"));
            let asked = request.pods.iter().any(|asked| asked.name == pod && asked.ns() == namespace);
            (asked && is(&labels, "container") != SANDBOX).then_some(labels)
        }
        About::Targets => {
            let host = host(labels.get("target")?).to_owned();
            labels.insert("host".to_owned(), host);
            Some(labels)
        }
        About::Services | About::Namespace => request.namespaces.contains(&is(&labels, "namespace")).then_some(labels),
        _ => Some(labels),
    }
}

fn named(given: &BTreeMap<String, String>, name: &str) -> Option<(String, String)> {
    let (_, candidates) = NAMES.iter().find(|(known, _)| *known == name)?;
    let value = candidates.iter().find_map(|label| given.get(*label).filter(|value| !value.is_empty()))?;
    Some((name.to_owned(), value.clone()))
}

/// The node that an exporter watches: by its label `node`, else by the address that is scraped.
fn of_node(given: &BTreeMap<String, String>, nodes: &[NodeNames]) -> Option<BTreeMap<String, String>> {
    let node = named(given, "node").map(|(_, node)| node);
    let by_name = nodes.iter().find(|known| Some(&known.name) == node.as_ref());
    let by_instance = || {
        let host = host(given.get("instance")?);
        nodes.iter().find(|known| known.name == host || known.addresses.iter().any(|address| address == host))
    };
    let mut labels = BTreeMap::from([("node".to_owned(), by_name.or_else(by_instance)?.name.clone())]);
    labels.extend(named(given, "unit"));
    Some(labels)
}

/// Where a target was probed from is told only where it was probed from several nodes: else its failure says nothing about one.
fn from_several_nodes(signals: &mut [Signal]) {
    let mut from: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for signal in signals.iter() {
        if let (Some(target), Some(node)) = (signal.labels.get("target"), signal.labels.get("node")) {
            from.entry(target.clone()).or_default().insert(node.clone());
        }
    }
    for signal in signals {
        if signal.labels.get("target").and_then(|target| from.get(target)).is_none_or(|nodes| nodes.len() < 2) {
            signal.labels.remove("node");
        }
    }
}

/// The host of an address with or without scheme, port and path. An IPv6 address with a port stands in brackets (RFC 3986).
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if let Some((host, _)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return host;
    }
    match authority.split_once(':') {
        Some((host, port)) if !port.contains(':') => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ObjectRef;
    use proptest::prelude::*;

    fn request() -> EvidenceRequest {
        EvidenceRequest {
            pods: vec![ObjectRef::new("Pod", "shop", "web-1")],
            nodes: vec![NodeNames { name: "w1".into(), addresses: vec!["10.0.0.7".into(), "fd00::7".into()] }],
            namespaces: vec!["shop".into()],
            ..EvidenceRequest::default()
        }
    }

    fn shown(about: About, given: &[&[(&str, &str)]]) -> Vec<String> {
        let labels = |pairs: &&[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let series = given.iter().map(|pairs| Series { labels: labels(pairs), values: vec![(1.0, 1.0)] }).collect();
        let query = Query { signal: "x".into(), about, text: String::new() };
        let pairs = |signal: Signal| signal.labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>();
        signals(&query, series, &request()).into_iter().map(|signal| pairs(signal).join(",")).collect()
    }

    #[test]
    fn only_what_was_asked_for_is_kept() {
        let pod = |name| [("namespace", "shop"), ("pod", name), ("container", "app"), ("id", "/kubepods/x")];
        assert_eq!(shown(About::Pods, &[&pod("web-1"), &pod("web-10")]), ["container=app,namespace=shop,pod=web-1"]);
        let exported = [("exported_namespace", "shop"), ("exported_pod", "web-1"), ("namespace", "mon"), ("pod", "ksm-0")];
        assert_eq!(shown(About::Pods, &[&exported]), ["namespace=shop,pod=web-1"]);
        let sandbox = [("namespace", "shop"), ("pod", "web-1"), ("container", "POD")];
        assert!(shown(About::Pods, &[&sandbox, &[("namespace", "lab"), ("pod", "web-1")]]).is_empty());
    }

    #[test]
    fn a_node_is_found_by_name_or_address() {
        for given in [
            &[("node", "w1"), ("instance", "10.9.9.9:9100")][..],
            &[("instance", "10.0.0.7:9100")],
            &[("instance", "[fd00::7]:9100")],
            &[("instance", "w1")],
            &[("node", "elsewhere"), ("exported_node", "w1")],
        ] {
            assert_eq!(shown(About::Nodes, &[given]), ["node=w1"], "{given:?}");
        }
        assert!(shown(About::Nodes, &[&[("instance", "10.0.0.70:9100")], &[]]).is_empty());
        let unit = [("node", "w1"), ("name", "kubelet.service")];
        assert_eq!(shown(About::Nodes, &[&unit]), ["node=w1,unit=kubelet.service"]);
    }

    #[test]
    fn one_prober_says_nothing_about_its_node() {
        let probe = |node| [("instance", "https://shop.example.com:443/x"), ("node", node)];
        let target = "target=https://shop.example.com:443/x";
        assert_eq!(shown(About::Targets, &[&probe("w1")]), [format!("host=shop.example.com,{target}")]);
        assert!(shown(About::Targets, &[&probe("w1"), &probe("w2")])[1].contains("node=w2"));
        let service = [("destination_service_namespace", "shop"), ("destination_service_name", "web"), ("namespace", "istio")];
        assert_eq!(shown(About::Services, &[&service]), ["namespace=shop,service=web"]);
    }

    proptest! {
        #[test]
        fn a_host_is_part_of_its_address(address in "\\PC{0,30}|[a-z0-9:/.\\[\\]]{0,20}") {
            prop_assert!(address.contains(host(&address)));
        }
    }
}
