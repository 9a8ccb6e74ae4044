//! A container's probes: what they ask, of which port, and how long they wait, with the defaults of Kubernetes filled in.

use super::{json, ports};
use serde_json::Value;

/// Which of a container's probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeRole {
    /// Restarts the container when it fails.
    Liveness,
    /// Takes the pod out of its Services while it fails.
    Readiness,
    /// Holds the other two back until it succeeds once.
    Startup,
}

impl ProbeRole {
    /// The field of a container that holds it.
    pub fn field(self) -> &'static str {
        match self {
            Self::Liveness => "livenessProbe",
            Self::Readiness => "readinessProbe",
            Self::Startup => "startupProbe",
        }
    }
}

/// What a probe asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ProbeKind<'a> {
    /// An HTTP GET; a status from 200 to 399 is success.
    Http {
        /// Whether it speaks TLS (`scheme: HTTPS`). The certificate is not checked.
        tls: bool,
        /// The path; `/` where none is given.
        path: &'a str,
        /// The host it connects to; empty for the pod's own address.
        host: &'a str,
    },
    /// A TCP connection that opens.
    Tcp {
        /// The host it connects to; empty for the pod's own address.
        host: &'a str,
    },
    /// The gRPC health check.
    Grpc {
        /// The service it asks about; empty for the whole server.
        service: &'a str,
    },
    /// A command in the container; exit 0 is success.
    Exec {
        /// The command and its arguments.
        command: &'a [Value],
    },
}

/// A probe with its defaults filled in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe<'a> {
    /// What it asks.
    pub kind: ProbeKind<'a>,
    /// The port as it is written, a number or a name; null for a command.
    pub port: &'a Value,
    /// The port's number; `None` for a command, and for a name that this container doesn't declare.
    pub number: Option<u16>,
    /// Seconds from the container's start to the first try.
    pub initial_delay: i64,
    /// Seconds between tries.
    pub period: i64,
    /// Seconds after which a try has failed.
    pub timeout: i64,
    /// Failures in a row that count.
    pub failure_threshold: i64,
}

/// A probe of a container. `None` when it has none, or one that asks nothing.
pub fn probe(container: &Value, role: ProbeRole) -> Option<Probe<'_>> {
    let probe = json::key(container, role.field());
    let action = |field| Some(json::key(probe, field)).filter(|action| action.is_object());
    let (kind, port) = if let Some(http) = action("httpGet") {
        let path = Some(json::text(http, "path")).filter(|path| !path.is_empty()).unwrap_or("/");
        let tls = json::text(http, "scheme").eq_ignore_ascii_case("HTTPS");
        (ProbeKind::Http { tls, path, host: json::text(http, "host") }, json::key(http, "port"))
    } else if let Some(tcp) = action("tcpSocket") {
        (ProbeKind::Tcp { host: json::text(tcp, "host") }, json::key(tcp, "port"))
    } else if let Some(grpc) = action("grpc") {
        (ProbeKind::Grpc { service: json::text(grpc, "service") }, json::key(grpc, "port"))
    } else {
        (ProbeKind::Exec { command: json::list(action("exec")?, "command") }, &Value::Null)
    };
    // The kubelet looks for a probe's port name in that container alone, of any protocol: ResolveContainerPort in
    // pkg/probe/util.go.
    let number = match port.as_str() {
        Some(name) => ports::container_ports(container, false).find(|port| port.name == name).map(|port| port.number),
        None => ports::number(port),
    };
    // SetDefaults_Probe in pkg/apis/core/v1/defaults.go; 0 counts as not given.
    let seconds = |field, default| json::int(probe, field).filter(|seconds| *seconds > 0).unwrap_or(default);
    Some(Probe {
        kind,
        port,
        number,
        initial_delay: seconds("initialDelaySeconds", 0),
        period: seconds("periodSeconds", 10),
        timeout: seconds("timeoutSeconds", 1),
        failure_threshold: seconds("failureThreshold", 3),
    })
}

impl Probe<'_> {
    /// Seconds after the container's start at which a probe that never succeeds has failed often enough, at the earliest.
    pub fn gives_up_after(&self) -> i64 {
        let between = self.period.saturating_mul(self.failure_threshold.saturating_sub(1));
        self.initial_delay.saturating_add(between)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn probes_have_their_defaults() {
        let container = json!({"ports": [{"name": "http", "containerPort": 8080}],
            "livenessProbe": {"httpGet": {"port": "http", "scheme": "HTTPS"}},
            "readinessProbe": {"grpc": {"port": 50051}, "initialDelaySeconds": 5, "periodSeconds": 2, "timeoutSeconds": 0},
            "startupProbe": {"exec": {"command": ["true"]}, "failureThreshold": 30}});
        let liveness = probe(&container, ProbeRole::Liveness).unwrap();
        assert_eq!(liveness.kind, ProbeKind::Http { tls: true, path: "/", host: "" });
        assert_eq!((liveness.number, liveness.period, liveness.timeout, liveness.failure_threshold), (Some(8080), 10, 1, 3));
        assert_eq!(liveness.gives_up_after(), 20);
        let readiness = probe(&container, ProbeRole::Readiness).unwrap();
        assert_eq!((readiness.kind, readiness.number), (ProbeKind::Grpc { service: "" }, Some(50051)));
        assert_eq!((readiness.initial_delay, readiness.timeout, readiness.gives_up_after()), (5, 1, 9));
        let startup = probe(&container, ProbeRole::Startup).unwrap();
        assert_eq!((startup.number, startup.gives_up_after()), (None, 290));
        assert_eq!(probe(&json!({"livenessProbe": {}}), ProbeRole::Liveness), None);
        assert_eq!(probe(&json!({"livenessProbe": {"tcpSocket": {"port": "web"}}}), ProbeRole::Liveness).unwrap().number, None);
    }
}
