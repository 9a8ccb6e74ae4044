//! The ports of a pod and of a Service: what containers declare, where a number or a name leads, and which protocol a
//! Service's port says that it speaks. A declared port is documentation: a container may listen on others too.

use super::{Object, json};
use serde_json::Value;

/// A port that a container declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerPort<'a> {
    /// The container.
    pub container: &'a str,
    /// The port's name; empty when it has none.
    pub name: &'a str,
    /// The port in the pod.
    pub number: u16,
    /// `TCP`, `UDP` or `SCTP`; `TCP` where none is given.
    pub protocol: &'a str,
    /// The port on the node, if it takes one. With `hostNetwork` it is the container's port.
    pub host_port: Option<u16>,
    /// The address on the node that the host port is bound to; empty for all.
    pub host_ip: &'a str,
}

/// The ports that the containers of a pod specification declare: main containers first, then the init containers that run
/// on beside them, in the order in which Kubernetes looks for a name (`FindPort` in `pkg/api/v1/pod/util.go`).
pub fn declared(spec: &Value) -> Vec<ContainerPort<'_>> {
    let sidecars =
        json::list(spec, "initContainers").iter().filter(|container| json::text(container, "restartPolicy") == "Always");
    let host_network = json::flag(spec, "hostNetwork");
    let containers = json::list(spec, "containers").iter().chain(sidecars);
    containers.flat_map(|container| container_ports(container, host_network)).collect()
}

/// The ports that one container declares. With `host_network` each is the node's port too.
pub(super) fn container_ports(container: &Value, host_network: bool) -> impl Iterator<Item = ContainerPort<'_>> {
    json::list(container, "ports").iter().filter_map(move |port| {
        let number = number(json::key(port, "containerPort"))?;
        let host_port = self::number(json::key(port, "hostPort")).or(host_network.then_some(number));
        Some(ContainerPort {
            container: json::text(container, "name"),
            name: json::text(port, "name"),
            number,
            protocol: protocol(port),
            host_port,
            host_ip: json::text(port, "hostIP"),
        })
    })
}

/// The `protocol` of a container's, Service's or policy's port: `TCP` where none is given.
pub fn protocol(port: &Value) -> &str {
    match json::text(port, "protocol") {
        "" => "TCP",
        protocol => protocol,
    }
}

/// A port number from 1 to 65535. A string is a name, also when it looks like a number.
pub fn number(port: &Value) -> Option<u16> {
    port.as_u64().and_then(|number| u16::try_from(number).ok()).filter(|number| *number > 0)
}

/// Where a port (a number or a name) leads in a pod: a number to itself, a name to the first declared port of that
/// name and protocol. `None` for a name that no container declares.
pub fn resolve(port: &Value, protocol: &str, spec: &Value) -> Option<u16> {
    match port.as_str() {
        Some(name) => declared(spec).iter().find(|port| port.name == name && port.protocol == protocol).map(|port| port.number),
        None => number(port),
    }
}

/// One port of a Service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServicePort<'a> {
    /// The port's name; empty when it has none.
    pub name: &'a str,
    /// The port that clients of the Service connect to.
    pub number: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'a str,
    /// `appProtocol` as it is written; empty when it isn't given.
    pub app_protocol: &'a str,
    /// The port of the pods, a number or a name; null means the same number as the Service's port.
    pub target: &'a Value,
    /// The port on every node, where one is open.
    pub node_port: Option<u16>,
}

/// The ports of a Service.
pub fn of_service(service: &Object) -> Vec<ServicePort<'_>> {
    let read = |port| {
        Some(ServicePort {
            name: json::text(port, "name"),
            number: number(json::key(port, "port"))?,
            protocol: protocol(port),
            app_protocol: json::text(port, "appProtocol"),
            target: json::key(port, "targetPort"),
            node_port: number(json::key(port, "nodePort")),
        })
    };
    service.list("spec.ports").iter().filter_map(read).collect()
}

impl ServicePort<'_> {
    /// The port of this pod that the Service sends to. `None` for a name that the pod doesn't declare.
    pub fn target_in(&self, spec: &Value) -> Option<u16> {
        // An empty name and 0 are what API clients send for "not given".
        match self.target {
            Value::Null => Some(self.number),
            Value::String(name) if name.is_empty() => Some(self.number),
            Value::Number(number) if number.as_i64() == Some(0) => Some(self.number),
            target => resolve(target, self.protocol, spec),
        }
    }

    /// The protocol that the port says it speaks, by `appProtocol`, else by its name.
    pub fn application(&self) -> Option<Application> {
        Application::of_app_protocol(self.app_protocol).or_else(|| Application::of_port_name(self.name))
    }
}

/// A protocol above TCP, as a port can say that it speaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Application {
    /// HTTP/1.1, WebSocket over it included.
    Http,
    /// HTTP/2 without TLS.
    Http2,
    /// HTTP over TLS.
    Https,
    /// gRPC, which is HTTP/2.
    Grpc,
    /// TLS around something else.
    Tls,
    /// Something that nothing more is said of.
    Tcp,
    /// A database's own protocol.
    Database,
}

impl Application {
    /// Reads `appProtocol`: the names that Kubernetes reserves (`kubernetes.io/h2c`, `ws`, `wss`: the field's
    /// documentation in `staging/src/k8s.io/api/core/v1/types.go`) and the plain ones that meshes read.
    pub fn of_app_protocol(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "kubernetes.io/h2c" => Some(Self::Http2),
            "kubernetes.io/ws" => Some(Self::Http),
            "kubernetes.io/wss" => Some(Self::Https),
            plain => Self::of_word(plain),
        }
    }

    /// Reads a port's name as Istio does: `PROTOCOL` or `PROTOCOL-ANYTHING`
    /// (istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection).
    pub fn of_port_name(name: &str) -> Option<Self> {
        // `grpc-web` is gRPC over HTTP, and its first word says so already.
        let word = name.split_once('-').map_or(name, |(word, _)| word);
        Self::of_word(&word.to_ascii_lowercase())
    }

    fn of_word(word: &str) -> Option<Self> {
        match word {
            "http" | "ws" => Some(Self::Http),
            "http2" | "h2c" => Some(Self::Http2),
            "https" | "wss" => Some(Self::Https),
            "grpc" | "grpc-web" => Some(Self::Grpc),
            "tls" => Some(Self::Tls),
            "tcp" => Some(Self::Tcp),
            "mongo" | "mysql" | "redis" => Some(Self::Database),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn spec() -> Value {
        json!({
            "initContainers": [
                {"name": "migrate", "ports": [{"name": "never", "containerPort": 1}]},
                {"name": "proxy", "restartPolicy": "Always", "ports": [{"name": "admin", "containerPort": 15000}]}],
            "containers": [{"name": "app", "ports": [
                {"name": "http", "containerPort": 8080},
                {"name": "dns", "containerPort": 53, "protocol": "UDP", "hostPort": 5353, "hostIP": "10.0.0.1"}]}]
        })
    }

    fn service(port: Value) -> Object {
        Object::new(json!({"kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [port]}})).unwrap()
    }

    #[test]
    fn main_containers_then_sidecars_and_no_init_containers() {
        let spec = spec();
        let ports = declared(&spec);
        let names: Vec<_> = ports.iter().map(|port| (port.container, port.name, port.number, port.protocol)).collect();
        assert_eq!(names, [("app", "http", 8080, "TCP"), ("app", "dns", 53, "UDP"), ("proxy", "admin", 15000, "TCP")]);
        assert_eq!((ports[1].host_port, ports[1].host_ip), (Some(5353), "10.0.0.1"));
    }

    #[test]
    fn the_host_network_takes_the_nodes_port() {
        let spec = json!({"hostNetwork": true, "containers": [{"name": "a", "ports": [{"containerPort": 9100}]}]});
        assert_eq!(declared(&spec)[0].host_port, Some(9100));
    }

    #[test]
    fn names_lead_to_ports_of_the_same_protocol() {
        let spec = spec();
        assert_eq!(resolve(&json!("http"), "TCP", &spec), Some(8080));
        assert_eq!(resolve(&json!("dns"), "TCP", &spec), None);
        assert_eq!(resolve(&json!("admin"), "TCP", &spec), Some(15000));
        assert_eq!(resolve(&json!("never"), "TCP", &spec), None);
        assert_eq!(resolve(&json!(9999), "TCP", &spec), Some(9999));
        assert_eq!(resolve(&json!("8080"), "TCP", &spec), None);
        assert_eq!(resolve(&json!(70000), "TCP", &spec), None);
    }

    #[test]
    fn a_service_sends_to_its_own_number_unless_told_otherwise() {
        let spec = spec();
        let target = |port| of_service(&service(port))[0].target_in(&spec);
        assert_eq!(target(json!({"port": 80})), Some(80));
        assert_eq!(target(json!({"port": 80, "targetPort": 0})), Some(80));
        assert_eq!(target(json!({"port": 80, "targetPort": 8080})), Some(8080));
        assert_eq!(target(json!({"port": 80, "targetPort": "http"})), Some(8080));
        assert_eq!(target(json!({"port": 80, "targetPort": "web"})), None);
        assert_eq!(target(json!({"port": 53, "protocol": "UDP", "targetPort": "dns"})), Some(53));
        assert!(of_service(&service(json!({"port": "http"}))).is_empty());
    }

    #[test]
    fn ports_say_what_they_speak() {
        let says = |port| of_service(&service(port))[0].application();
        assert_eq!(says(json!({"port": 80, "name": "http-web"})), Some(Application::Http));
        assert_eq!(says(json!({"port": 80, "name": "grpc"})), Some(Application::Grpc));
        assert_eq!(says(json!({"port": 80, "name": "grpc-web"})), Some(Application::Grpc));
        assert_eq!(says(json!({"port": 80, "name": "http", "appProtocol": "kubernetes.io/h2c"})), Some(Application::Http2));
        assert_eq!(says(json!({"port": 80, "name": "https", "appProtocol": "example.com/custom"})), Some(Application::Https));
        assert_eq!(says(json!({"port": 80, "name": "web"})), None);
        assert_eq!(says(json!({"port": 80})), None);
    }

    proptest! {
        #[test]
        fn numbers_resolve_to_themselves_and_nothing_else(port in any::<i64>()) {
            let expected = u16::try_from(port).ok().filter(|port| *port > 0);
            prop_assert_eq!(resolve(&json!(port), "TCP", &spec()), expected);
        }

        #[test]
        fn port_names_never_panic(name in "\\PC{0,30}") {
            prop_assert_eq!(Application::of_port_name(&format!("http-{name}")), Some(Application::Http));
            Application::of_port_name(&name);
            Application::of_app_protocol(&name);
        }
    }
}
