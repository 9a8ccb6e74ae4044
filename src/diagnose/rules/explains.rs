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
    (Link::Selects, "no_ready_endpoints"),
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
    (Link::Selects, "no_ready_endpoints"),
];
