use super::*;
use proptest::prelude::*;
use serde_json::json;

fn pod(namespace: &str, name: &str, ip: &str, patch: Value) -> Object {
    let mut raw = json!({"kind": "Pod", "metadata": {"namespace": namespace, "name": name, "labels": {"app": name}},
        "spec": {"containers": [{"name": "app", "ports": [{"name": "http", "containerPort": 8080}]}]}, "status": {"podIP": ip}});
    if let (Some(spec), Some(patch)) = (raw["spec"].as_object_mut(), patch.as_object()) {
        spec.extend(patch.clone());
    }
    Object::new(raw).unwrap()
}

fn policy(name: &str, spec: Value) -> Object {
    Object::new(json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"namespace": "shop", "name": name}, "spec": spec}))
    .unwrap()
}

fn namespace(name: &str, labels: Value) -> Object {
    Object::new(json!({"kind": "Namespace", "metadata": {"name": name, "labels": labels}})).unwrap()
}

/// `Ingress by a(peer), b` for what drops TCP from `web` to `api` on 8080, both in `shop`.
fn told(specs: &[Value]) -> Vec<String> {
    let (from, to) = (pod("shop", "web", "10.1.0.5", json!({})), pod("shop", "api", "10.1.0.6", json!({})));
    told_of(&from, &to, 8080, specs)
}

fn told_of(from: &Object, to: &Object, port: u16, specs: &[Value]) -> Vec<String> {
    let policies: Vec<Object> =
        specs.iter().enumerate().map(|(index, spec)| policy(&format!("p{index}"), spec.clone())).collect();
    let labels = namespace("shop", json!({"team": "a"}));
    let end = |pod| End::Pod(PodEnd::new(pod, Some(&labels)));
    let traffic = Traffic { from: end(from), to: end(to), port, protocol: "TCP" };
    blocked(&traffic, &policies).iter().map(show).collect()
}

fn show(blocked: &Blocked) -> String {
    let by = blocked.by.iter().map(|isolation| {
        let peer = if isolation.allows_peer { "+peer" } else { "" };
        let port = if isolation.allows_port { "+port" } else { "" };
        format!("{}{peer}{port}", isolation.policy.name)
    });
    format!("{} by {}", name(blocked.direction), by.collect::<Vec<_>>().join(", "))
}

#[test]
fn without_a_policy_for_it_a_pod_is_open() {
    assert!(told(&[]).is_empty());
    assert!(told(&[json!({"podSelector": {"matchLabels": {"app": "other"}}})]).is_empty());
    let mut elsewhere = policy("deny", json!({"podSelector": {}}));
    elsewhere.id.namespace = Some("else".into());
    let (from, to) = (pod("shop", "web", "", json!({})), pod("shop", "api", "", json!({})));
    let end = |pod| End::Pod(PodEnd::new(pod, None));
    let traffic = Traffic { from: end(&from), to: end(&to), port: 1, protocol: "TCP" };
    assert!(blocked(&traffic, [&elsewhere]).is_empty());
}

#[test]
fn deny_all_drops_at_the_ends_it_is_for() {
    assert_eq!(told(&[json!({"podSelector": {}})]), ["Ingress by p0"]);
    assert_eq!(told(&[json!({})]), ["Ingress by p0"]);
    assert_eq!(told(&[json!({"podSelector": {}, "policyTypes": ["Egress"]})]), ["Egress by p0"]);
    assert_eq!(told(&[json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})]), ["Egress by p0", "Ingress by p0"]);
    assert_eq!(told(&[json!({"podSelector": {"matchLabels": {"app": "api"}}, "policyTypes": ["Egress"]})]), [""; 0]);
}

#[test]
fn one_policy_that_allows_is_enough() {
    let deny = json!({"podSelector": {}});
    let allow = json!({"podSelector": {"matchLabels": {"app": "api"}}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}]});
    assert!(told(&[deny.clone(), allow.clone()]).is_empty());
    let everyone = json!({"podSelector": {}, "ingress": [{}]});
    assert!(told(&[deny, everyone]).is_empty());
}

#[test]
fn tells_whether_the_peer_or_the_port_is_wrong() {
    let from_web = |port: Value| json!({"podSelector": {}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [port]}]});
    assert_eq!(told(&[from_web(json!({"port": 9090}))]), ["Ingress by p0+peer"]);
    assert_eq!(told(&[from_web(json!({"port": 8080, "protocol": "UDP"}))]), ["Ingress by p0+peer"]);
    assert!(told(&[from_web(json!({"port": "http"}))]).is_empty());
    assert_eq!(told(&[from_web(json!({"port": "grpc"}))]), ["Ingress by p0+peer"]);
    assert!(told(&[from_web(json!({"port": 8000, "endPort": 8100}))]).is_empty());
    assert_eq!(told(&[from_web(json!({"port": 8081, "endPort": 8100}))]), ["Ingress by p0+peer"]);
    assert!(told(&[from_web(json!({"protocol": "TCP"}))]).is_empty());
    let other_peer = json!({"podSelector": {}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "job"}}}], "ports": [{"port": 8080}]}]});
    assert_eq!(told(&[other_peer]), ["Ingress by p0+port"]);
}

#[test]
fn namespaces_and_pods_together_or_apart() {
    let allows = |peer: Value| told(&[json!({"podSelector": {}, "ingress": [{"from": [peer]}]})]).is_empty();
    assert!(allows(json!({"namespaceSelector": {}})));
    assert!(allows(json!({"namespaceSelector": {"matchLabels": {"team": "a"}}, "podSelector": {"matchLabels": {"app": "web"}}})));
    assert!(!allows(
        json!({"namespaceSelector": {"matchLabels": {"team": "b"}}, "podSelector": {"matchLabels": {"app": "web"}}})
    ));
    assert!(!allows(
        json!({"namespaceSelector": {"matchLabels": {"team": "a"}}, "podSelector": {"matchLabels": {"app": "job"}}})
    ));
    assert!(allows(json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}})));
    assert!(!allows(json!({})));
    let (stranger, api) = (pod("else", "web", "10.2.0.1", json!({})), pod("shop", "api", "10.1.0.6", json!({})));
    let own_namespace = json!({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]});
    assert_eq!(told_of(&stranger, &api, 8080, &[own_namespace]), ["Ingress by p0+port"]);
}

#[test]
fn egress_without_name_resolution_is_the_classic() {
    let only_api = json!({"podSelector": {"matchLabels": {"app": "web"}}, "egress": [{"to": [{"podSelector": {"matchLabels": {"app": "api"}}}]}]});
    assert!(told(&[json!({"podSelector": {}, "ingress": [{}]}), only_api.clone()]).is_empty());
    let dns = pod("kube-system", "dns", "10.1.0.2", json!({}));
    let web = pod("shop", "web", "10.1.0.5", json!({}));
    // Egress rules make it an egress policy, and ingress is on by default.
    assert_eq!(told_of(&web, &dns, 53, &[only_api]), ["Egress by p0+port"]);
}

#[test]
fn blocks_of_addresses_and_their_exceptions() {
    let outside = |ip: &str, cidr: Value| {
        let api = pod("shop", "api", "10.1.0.6", json!({}));
        let policy = policy("p", json!({"podSelector": {}, "ingress": [{"from": [{"ipBlock": cidr}]}]}));
        let to = End::Pod(PodEnd::new(&api, None));
        let traffic = Traffic { from: End::Address(ip.parse().unwrap()), to, port: 8080, protocol: "TCP" };
        blocked(&traffic, [&policy]).is_empty()
    };
    assert!(outside("192.168.1.9", json!({"cidr": "192.168.0.0/16"})));
    assert!(!outside("192.168.1.9", json!({"cidr": "192.168.0.0/16", "except": ["192.168.1.0/24"]})));
    assert!(!outside("172.16.0.1", json!({"cidr": "192.168.0.0/16"})));
    assert!(outside("172.16.0.1", json!({"cidr": "0.0.0.0/0"})));
    assert!(!outside("fd00::1", json!({"cidr": "0.0.0.0/0"})));
    assert!(outside("fd00::1", json!({"cidr": "fd00::/8"})));
    for wrong in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "x/8"] {
        assert!(!outside("10.0.0.1", json!({"cidr": wrong})), "{wrong}");
    }
    assert!(told(&[json!({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}]})]).is_empty());
}

#[test]
fn the_host_network_is_outside_of_policies() {
    let host = pod("shop", "web", "192.168.0.7", json!({"hostNetwork": true}));
    let api = pod("shop", "api", "10.1.0.6", json!({}));
    let deny = json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]});
    assert_eq!(told_of(&host, &api, 8080, std::slice::from_ref(&deny)), ["Ingress by p0"]);
    assert!(told_of(&host, &host, 8080, std::slice::from_ref(&deny)).is_empty());
    assert_eq!(told_of(&api, &host, 8080, std::slice::from_ref(&deny)), ["Egress by p0"]);
    assert!(told_of(&api, &api, 8080, &[deny]).is_empty());
    let by_label = json!({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]});
    assert_eq!(told_of(&host, &api, 8080, &[by_label]), ["Ingress by p0+port"]);
}

proptest! {
    #[test]
    fn garbage_never_panics(text in "\\PC{0,12}", number in any::<i64>()) {
        for garbage in [json!(null), json!(text), json!(number), json!([text]), json!({"cidr": text}), json!([{"port": number, "endPort": text}])] {
            told(std::slice::from_ref(&garbage));
            told(&[json!({"podSelector": garbage, "policyTypes": garbage, "ingress": garbage, "egress": garbage})]);
            told(&[json!({"podSelector": {}, "ingress": [{"from": garbage, "ports": garbage}, {"from": [garbage, {"ipBlock": garbage}]}]})]);
        }
    }

    #[test]
    fn a_block_holds_its_own_addresses(address in any::<u32>(), length in 0_u32..=32) {
        let ip = IpAddr::from(address.to_be_bytes());
        let cidr = format!("{ip}/{length}");
        prop_assert!(contains(&cidr, ip));
        let other = IpAddr::from((address ^ 0x8000_0000).to_be_bytes());
        prop_assert_eq!(contains(&cidr, other), length == 0);
    }
}
