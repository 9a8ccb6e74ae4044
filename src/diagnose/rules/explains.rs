//! What whole groups of causes explain, declared once.

use crate::diagnose::catalogue::{Explains, Link};

/// What follows when a container doesn't run: its own symptoms, its pod's, its workload's, and its Services'.
pub const CONTAINER_DOWN: Explains = &[
    (Link::Container, "crash_loop"),
    (Link::Container, "container_failed"),
    (Link::Container, "container_not_starting"),
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

/// What follows for the claims that a pod waits for, or that wait for the pod.
pub const CLAIM_WAITS: Explains = &[(Link::Pod, "claim_pending")];
