//! What whole groups of causes explain, declared once.

use crate::diagnose::catalogue::{Explains, Link};

/// What follows when a container doesn't run: its own symptoms, its pod's, its workload's, and its Services'.
pub const CONTAINER_DOWN: Explains = &[
    (Link::Container, "crash_loop"),
    (Link::Container, "container_failed"),
    (Link::Container, "container_not_starting"),
    (Link::Container, "liveness_probe_failing"),
    (Link::Container, "readiness_probe_failing"),
    (Link::Container, "startup_probe_failing"),
    (Link::Container, "init_container_hanging"),
    (Link::Pod, "not_ready"),
    (Link::Pod, "pod_failed"),
    (Link::Pod, "job_failed"),
    (Link::Workload, "job_failed"),
    (Link::Workload, "replicas_missing"),
    (Link::Workload, "rollout_stuck"),
    (Link::Workload, "bad_rollout"),
    (Link::Workload, "schedule_missed"),
    (Link::Workload, "cron_job_missed"),
    (Link::Selects, "no_ready_endpoints"),
    (Link::Selects, "probe_failed"),
    (Link::Calls, "calls_fail"),
    (Link::Calls, "error_rate"),
    (Link::Calls, "dependency_unreachable"),
    (Link::Pod, "kube_proxy_unavailable"),
];

/// What follows when a pod doesn't get as far as its containers.
pub const POD_DOWN: Explains = &[
    (Link::Pod, "container_not_starting"),
    (Link::Pod, "pending"),
    (Link::Pod, "not_ready"),
    (Link::Pod, "pod_failed"),
    (Link::Workload, "job_failed"),
    (Link::Workload, "replicas_missing"),
    (Link::Workload, "rollout_stuck"),
    (Link::Workload, "bad_rollout"),
    (Link::Workload, "schedule_missed"),
    (Link::Workload, "cron_job_missed"),
    (Link::Selects, "no_ready_endpoints"),
    (Link::Selects, "probe_failed"),
    (Link::Calls, "calls_fail"),
    (Link::Calls, "error_rate"),
    (Link::Calls, "dependency_unreachable"),
    (Link::Pod, "kube_proxy_unavailable"),
];

/// What follows when a workload answers slowly: its own latency, that of its callers and of those that it keeps waiting.
pub const SLOW: Explains = &[
    (Link::Workload, "high_latency"),
    (Link::Workload, "saturation"),
    (Link::Workload, "error_rate"),
    (Link::Calls, "high_latency"),
    (Link::Calls, "error_rate"),
    (Link::Calls, "calls_fail"),
    (Link::CalledBy, "high_latency"),
];

/// What follows when nobody answers behind a Service: its own symptom, and trouble of those that call it.
pub const UNREACHABLE: Explains = &[
    (Link::Pod, "no_ready_endpoints"),
    (Link::Pod, "probe_failed"),
    (Link::Selects, "no_ready_endpoints"),
    (Link::Selects, "probe_failed"),
    (Link::Calls, "crash_loop"),
    (Link::Calls, "container_failed"),
    (Link::Calls, "not_ready"),
    (Link::Calls, "error_rate"),
    (Link::Calls, "high_latency"),
    (Link::Calls, "calls_fail"),
    (Link::Calls, "dependency_unreachable"),
];

/// What follows for the claims that a pod waits for, or that wait for the pod.
pub const CLAIM_WAITS: Explains = &[(Link::Pod, "claim_pending")];

/// What follows when a workload doesn't reach something that it calls: what its container does then, what its Services' users and
/// its callers see of it, and what the application's own rules make of it.
pub const UNREACHED: Explains = &[
    (Link::Container, "crash_loop"),
    (Link::Container, "container_failed"),
    (Link::Container, "calls_fail"),
    (Link::Container, "dependency_unreachable"),
    (Link::Container, "dns_resolution_failed"),
    (Link::Container, "application_error"),
    (Link::Container, "liveness_probe_failing"),
    (Link::Container, "readiness_probe_failing"),
    (Link::Container, "startup_probe_failing"),
    (Link::Container, "init_container_hanging"),
    (Link::Pod, "not_ready"),
    (Link::Pod, "job_failed"),
    (Link::Workload, "job_failed"),
    (Link::Workload, "replicas_missing"),
    (Link::Workload, "rollout_stuck"),
    (Link::Workload, "bad_rollout"),
    (Link::Workload, "error_rate"),
    (Link::Workload, "high_latency"),
    (Link::Workload, "broken_reference"),
    (Link::Selects, "no_ready_endpoints"),
    (Link::Selects, "probe_failed"),
    (Link::Calls, "calls_fail"),
    (Link::Calls, "error_rate"),
    (Link::Calls, "high_latency"),
    (Link::Calls, "dependency_unreachable"),
];

/// What an application may say, or how it may end, when something around it keeps it from running: its own words are then
/// about the consequence.
pub const LAST_WORDS: Explains = &[
    (Link::Container, "application_error"),
    (Link::Container, "configuration_invalid"),
    (Link::Container, "dependency_unreachable"),
    (Link::Container, "disk_full"),
    (Link::Container, "environment_variable_missing"),
    (Link::Container, "exits_immediately"),
    (Link::Container, "file_permission_denied"),
    (Link::Container, "process_crashed"),
];
