//! Where a host name leads from inside a pod, by the rules of the cluster's name service: `NAME` in the pod's own namespace,
//! `NAME.NAMESPACE`, `NAME.NAMESPACE.svc[.DOMAIN]` (kubernetes.io/docs/concepts/services-networking/dns-pod-service), and
//! where an address of a Service or a pod leads. Knows no network: only what the snapshot holds.

use super::address::is_own;
use super::{Object, Snapshot, json, selector};
use core::net::IpAddr;

/// Where a host leads.
#[derive(Clone, Debug, PartialEq)]
pub enum Host<'a> {
    /// To a Service.
    Service(&'a Object),
    /// To a pod's own address.
    Pod(&'a Object),
    /// To a Service that doesn't exist, in a namespace that was read.
    Missing(Missing<'a>),
    /// To the pod itself.
    Own,
    /// To a Service, or to none: the Services of that namespace were not read.
    Unread,
    /// Out of the cluster, or into a namespace that was not read.
    Elsewhere,
}

/// A Service that a name means and that doesn't exist.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing<'a> {
    /// The namespace that the name means.
    pub namespace: String,
    /// The Service's name.
    pub name: String,
    /// The Service that was probably meant: its name in another spelling, or the same name in another namespace.
    pub nearest: Option<&'a Object>,
}

/// Where a host leads from a pod (or from its template, with the namespace given) of a namespace.
pub fn resolve<'a>(snap: &'a Snapshot, host: &str, namespace: &str, pod_spec: &serde_json::Value) -> Host<'a> {
    if is_own(host) || is_alias(host, pod_spec) {
        return Host::Own;
    }
    if let Ok(ip) = host.parse::<IpAddr>() {
        // Programs on IPv6 sockets write IPv4 addresses as ::ffff:10.96.0.7.
        return by_ip(snap, ip.to_canonical(), namespace);
    }
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let labels: Vec<&str> = host.split('.').collect();
    // `svc` stands after the namespace; before it are one label for a Service and two for a pod of a headless one.
    let svc = labels.iter().position(|label| *label == "svc").filter(|index| *index >= 2);
    match (labels.as_slice(), svc) {
        (_, Some(index)) => service(snap, labels[index - 2], labels[index - 1]),
        ([name], None) => service(snap, name, namespace),
        ([name, other], None) => match snap.find("Service", other, name) {
            Some(found) => Host::Service(found),
            None if is_namespace(snap, other) => service(snap, name, other),
            // A pod of a headless Service in the pod's own namespace: `db-0.db`.
            None => match snap.find("Service", namespace, other) {
                Some(found) if found.text("spec.clusterIP") == "None" => Host::Service(found),
                _ => misspelt_namespace(snap, name, other),
            },
        },
        ([_, name, other], None) if is_namespace(snap, other) => service(snap, name, other),
        _ => Host::Elsewhere,
    }
}

fn is_alias(host: &str, pod_spec: &serde_json::Value) -> bool {
    let aliases = json::list(pod_spec, "hostAliases").iter().flat_map(|alias| json::list(alias, "hostnames"));
    aliases.into_iter().any(|name| name.as_str() == Some(host))
}

fn is_namespace(snap: &Snapshot, name: &str) -> bool {
    snap.find("Namespace", "", name).is_some() || !snap.in_namespace("Service", name).is_empty()
}

fn service<'a>(snap: &'a Snapshot, name: &str, namespace: &str) -> Host<'a> {
    match snap.find("Service", namespace, name) {
        Some(found) => Host::Service(found),
        None if is_namespace(snap, namespace) && snap.looked_for("Service", namespace).is_ok() => {
            let nearest = nearest(snap, name, namespace);
            Host::Missing(Missing { namespace: namespace.to_owned(), name: name.to_owned(), nearest })
        }
        None if could_not_read(snap, namespace) => Host::Unread,
        None => Host::Elsewhere,
    }
}

/// Whether the Services of a namespace were asked for and could not be read.
fn could_not_read(snap: &Snapshot, namespace: &str) -> bool {
    snap.sources.keys().any(|source| source == "kubernetes/services") && snap.looked_for("Service", namespace).is_err()
}

/// `cart.shpo` where there is a Service `cart` in a namespace `shop`; anything else with one dot is a name out of the cluster.
fn misspelt_namespace<'a>(snap: &'a Snapshot, name: &str, namespace: &str) -> Host<'a> {
    let services = snap.of_kind("Service").iter();
    let meant = services
        .filter(|service| service.id.name == name)
        .find(|service| selector::nearest(namespace, [service.id.ns()]).is_some());
    match meant {
        Some(meant) if snap.looked_for("Namespace", "").is_ok() => {
            Host::Missing(Missing { namespace: namespace.to_owned(), name: name.to_owned(), nearest: Some(meant) })
        }
        _ => Host::Elsewhere,
    }
}

/// The Service whose name is nearly this one: misspelt, with a part too many or too few, or in another namespace.
fn nearest<'a>(snap: &'a Snapshot, name: &str, namespace: &str) -> Option<&'a Object> {
    let here = snap.in_namespace("Service", namespace);
    let names = || here.iter().map(|service| service.id.name.as_str());
    let spelt = selector::nearest(name, names());
    let parts = || names().filter(|other| is_part(name, other) || is_part(other, name)).max_by_key(|other| other.len());
    let near = spelt.or_else(parts).and_then(|near| snap.find("Service", namespace, near));
    near.or_else(|| snap.of_kind("Service").iter().find(|service| service.id.name == name))
}

/// Whether one name is the other with something put before or behind it, and most of it: `cart` of `cart-v2`, `old-cart`.
fn is_part(part: &str, whole: &str) -> bool {
    part.len() >= 3 && part.len() * 3 >= whole.len() && (whole.starts_with(part) || whole.ends_with(part))
}

fn by_ip<'a>(snap: &'a Snapshot, ip: IpAddr, namespace: &str) -> Host<'a> {
    let is = |text: &str| text.parse::<IpAddr>() == Ok(ip);
    let services = snap.of_kind("Service").iter();
    let has = |service: &&Object| {
        is(service.text("spec.clusterIP"))
            || ["spec.clusterIPs", "spec.externalIPs"]
                .iter()
                .flat_map(|path| service.list(path))
                .any(|ip| ip.as_str().is_some_and(is))
            || service.list("status.loadBalancer.ingress").iter().any(|ingress| is(json::text(ingress, "ip")))
    };
    if let Some(service) = services.into_iter().find(has) {
        return Host::Service(service);
    }
    // A pod on the node's network has the node's address, which many share.
    let pods = snap.of_kind("Pod").iter().filter(|pod| !pod.flag("spec.hostNetwork") && !super::pod::is_finished(pod));
    match pods.into_iter().find(|pod| is(pod.text("status.podIP"))) {
        Some(pod) => Host::Pod(pod),
        None if is_private(ip) && could_not_read(snap, namespace) => Host::Unread,
        None => Host::Elsewhere,
    }
}

/// Whether an address is one that clusters take for Services (RFC 1918, RFC 4193).
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Recording;
    use crate::domain::SourceState;
    use serde_json::{Value, json};

    fn service(namespace: &str, name: &str, ip: &str) -> Value {
        json!({"kind": "Service", "apiVersion": "v1", "metadata": {"namespace": namespace, "name": name}, "spec": {"clusterIP": ip}})
    }

    fn snapshot() -> Snapshot {
        let objects = vec![
            json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "shop"}}),
            json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "data"}}),
            service("shop", "cart", "10.96.0.7"),
            service("shop", "order-service", "10.96.0.8"),
            service("data", "db", "None"),
            service("data", "ledger", "10.96.0.9"),
            json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"namespace": "shop", "name": "cart-0"}, "status": {"podIP": "10.1.0.4"}}),
        ];
        let sources = [("kubernetes".to_owned(), SourceState::Ok)].into();
        Snapshot::new(Recording { objects, sources, ..Recording::default() })
    }

    fn told(host: &str, namespace: &str) -> String {
        let snap = snapshot();
        let spec = json!({"hostAliases": [{"ip": "1.2.3.4", "hostnames": ["legacy"]}]});
        match resolve(&snap, host, namespace, &spec) {
            Host::Service(found) => found.id.to_string(),
            Host::Pod(found) => found.id.to_string(),
            Host::Missing(missing) => {
                let nearest = missing.nearest.map_or(String::new(), |near| format!(", near {}/{}", near.id.ns(), near.id.name));
                format!("no {}/{}{nearest}", missing.namespace, missing.name)
            }
            Host::Own => "own".to_owned(),
            Host::Unread => "unread".to_owned(),
            Host::Elsewhere => "elsewhere".to_owned(),
        }
    }

    #[test]
    fn every_form_of_a_name() {
        for host in
            ["cart", "cart.shop", "cart.shop.svc", "CART.shop.svc.cluster.local.", "cart.shop.svc.corp.example", "10.96.0.7"]
        {
            assert_eq!(told(host, "shop"), "Service shop/cart", "{host}");
        }
        assert_eq!(told("db-0.db", "data"), "Service data/db");
        assert_eq!(told("db-0.db.data", "shop"), "Service data/db");
        assert_eq!(told("db-0.db.data.svc.cluster.local", "shop"), "Service data/db");
        assert_eq!(told("10.1.0.4", "shop"), "Pod shop/cart-0");
    }

    #[test]
    fn what_is_missing_and_what_was_meant() {
        assert_eq!(told("carts", "shop"), "no shop/carts, near shop/cart");
        assert_eq!(told("order", "shop"), "no shop/order, near shop/order-service");
        assert_eq!(told("cart-wrong", "shop"), "no shop/cart-wrong, near shop/cart");
        assert_eq!(told("ledger", "shop"), "no shop/ledger, near data/ledger");
        assert_eq!(told("billing", "shop"), "no shop/billing");
        assert_eq!(told("cart.data", "shop"), "no data/cart, near shop/cart");
        assert_eq!(told("cart.shpo", "shop"), "no shpo/cart, near shop/cart");
    }

    #[test]
    fn services_that_could_not_be_read_are_unknown() {
        let sources = [
            ("kubernetes".to_owned(), SourceState::Ok),
            ("kubernetes/services".to_owned(), SourceState::Forbidden("no right".to_owned())),
        ];
        let snap = Snapshot::new(Recording { sources: sources.into(), ..Recording::default() });
        for (host, expected) in [
            ("cart", Host::Unread),
            ("cart.shop.svc", Host::Unread),
            ("10.96.0.7", Host::Unread),
            ("example.com", Host::Elsewhere),
            ("8.8.8.8", Host::Elsewhere),
        ] {
            assert_eq!(resolve(&snap, host, "shop", &Value::Null), expected, "{host}");
        }
    }

    #[test]
    fn what_is_not_in_the_cluster_is_elsewhere() {
        for host in ["example.com", "api.example.com", "cart.unread.svc", "8.8.8.8", "a.b.c.d"] {
            assert_eq!(told(host, "shop"), "elsewhere", "{host}");
        }
        assert_eq!(told("localhost", "shop"), "own");
        assert_eq!(told("legacy", "shop"), "own");
    }
}
