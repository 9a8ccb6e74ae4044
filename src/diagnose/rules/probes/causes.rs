//! The rows of the family: what the catalogue says of each cause.

use super::super::explains::{CONTAINER_DOWN, LAST_WORDS};
use crate::diagnose::catalogue::{Cause, Explains, Link, Perspective};

/// What a readiness probe that fails brings: the process runs, and gets no traffic.
const NOT_READY: Explains = &[
    (Link::Pod, "not_ready"),
    (Link::Workload, "replicas_missing"),
    (Link::Workload, "rollout_stuck"),
    (Link::Workload, "bad_rollout"),
    (Link::Selects, "no_ready_endpoints"),
];

/// How a process that the kubelet kills may end, and what else fails while it starts anew.
const KILLED: Explains = &[
    (Link::Container, "exits_immediately"),
    (Link::Container, "process_crashed"),
    (Link::Container, "liveness_probe_failing"),
    (Link::Container, "readiness_probe_failing"),
];

/// What the rows of liveness probes have in common.
const LIVENESS: Cause = Cause {
    id: "",
    title: "",
    perspective: Perspective::Runtime,
    explains: &[CONTAINER_DOWN, LAST_WORDS, KILLED],
    reads: "pod status, pod spec, events, Services, logs, revisions",
    source: "",
    doc: "",
    check: "kubectl -n NAMESPACE get events --field-selector involvedObject.name=POD,reason=Unhealthy",
    fix: "",
    fields: &["livenessProbe", ".ports"],
};

/// What the rows of readiness probes have in common.
const READINESS: Cause = Cause { explains: &[NOT_READY], fields: &["readinessProbe", ".ports"], ..LIVENESS };

pub(super) static LIVENESS_WRONG_PORT: Cause = Cause {
    id: "liveness_probe_wrong_port",
    title: "the liveness probe asks a port on which nothing listens",
    source: "kubelet: event Unhealthy `Liveness probe failed: … connection refused`; the ports of the container and its Services",
    doc: "The liveness probe's port isn't the one on which the process listens, so that the kubelet kills a process that works.",
    fix: "set the liveness probe's port to the one on which the container listens",
    ..LIVENESS
};

pub(super) static LIVENESS_WRONG_PROTOCOL: Cause = Cause {
    id: "liveness_probe_wrong_protocol",
    title: "the liveness probe speaks another protocol than the port",
    source: "kubelet: event Unhealthy with `malformed HTTP response`, `server gave HTTP response to HTTPS client` or a gRPC error",
    doc: "The liveness probe speaks HTTP to a gRPC or TLS port, or the other way round, so that the kubelet kills a process that works.",
    fix: "give the liveness probe the protocol that the port speaks: grpc, tcpSocket, httpGet or scheme HTTPS",
    ..LIVENESS
};

pub(super) static LIVENESS_TOO_AGGRESSIVE: Cause = Cause {
    id: "liveness_probe_too_aggressive",
    title: "the liveness probe doesn't wait long enough",
    source: "kubelet: events Unhealthy and Killing, against initialDelaySeconds, periodSeconds, failureThreshold and timeoutSeconds",
    doc: "The kubelet kills the process while it still starts, or since it answers more slowly than timeoutSeconds.",
    fix: "add a startupProbe for the start, and raise timeoutSeconds and failureThreshold of the liveness probe",
    fields: &["livenessProbe", "startupProbe", "resources.limits.cpu", ".image"],
    ..LIVENESS
};

pub(super) static LIVENESS_FAILING: Cause = Cause {
    id: "liveness_probe_failing",
    title: "the liveness probe fails",
    explains: &[CONTAINER_DOWN, &[(Link::Container, "exits_immediately"), (Link::Container, "readiness_probe_failing")]],
    source: "kubelet: events Unhealthy `Liveness probe failed` and Killing `failed liveness probe, will be restarted`",
    doc: "The kubelet kills and restarts the container, since its liveness probe fails.",
    fix: "find out why the endpoint doesn't answer; let the liveness probe ask only for what a restart mends",
    fields: &["livenessProbe", ".image", ".env[", ".command", ".args"],
    ..LIVENESS
};

pub(super) static READINESS_WRONG_PORT: Cause = Cause {
    id: "readiness_probe_wrong_port",
    title: "the readiness probe asks a port on which nothing listens",
    explains: &[NOT_READY, &[(Link::Container, "readiness_probe_failing")]],
    source: "kubelet: event Unhealthy `Readiness probe failed: … connection refused`; the ports of the container and its Services",
    doc: "The readiness probe's port isn't the one on which the process listens, so that the pod never gets traffic.",
    fix: "set the readiness probe's port to the one on which the container listens",
    ..READINESS
};

pub(super) static READINESS_WRONG_PROTOCOL: Cause = Cause {
    id: "readiness_probe_wrong_protocol",
    title: "the readiness probe speaks another protocol than the port",
    source: "kubelet: event Unhealthy with `malformed HTTP response`, `server gave HTTP response to HTTPS client` or a gRPC error",
    doc: "The readiness probe speaks HTTP to a gRPC or TLS port, or the other way round, so that the pod never gets traffic.",
    fix: "give the readiness probe the protocol that the port speaks: grpc, tcpSocket, httpGet or scheme HTTPS",
    ..READINESS
};

pub(super) static READINESS_FAILING: Cause = Cause {
    id: "readiness_probe_failing",
    title: "the readiness probe fails",
    source: "kubelet: event Unhealthy `Readiness probe failed`, condition Ready False",
    doc: "The process runs and its readiness probe fails, so that the pod gets no traffic.",
    fix: "find out why the endpoint answers that it isn't ready: its path, and what it depends on",
    fields: &["readinessProbe", ".image", ".env[", ".command", ".args"],
    ..READINESS
};

pub(super) static STARTUP_FAILING: Cause = Cause {
    id: "startup_probe_failing",
    title: "the startup probe fails",
    explains: LIVENESS_FAILING.explains,
    source: "kubelet: events Unhealthy `Startup probe failed` and Killing `failed startup probe, will be restarted`",
    doc: "The container doesn't pass its startup probe in the time that it is given, and is killed and started again.",
    check: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.spec.containers[*].startupProbe}'",
    fix: "raise failureThreshold × periodSeconds above the start's duration, or correct what the probe asks",
    fields: &["startupProbe", ".ports", ".image", ".env[", "resources.limits.cpu"],
    ..LIVENESS
};
