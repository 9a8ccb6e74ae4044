//! Which intent each cause calls for. A row is tried from left to right: a step whose condition is found gives the intent, one
//! whose condition is absent gives way to the next, and one that can't be decided ends the row.

use super::Step::{
    self, EvictAlone, EvictOnNode, Logs, RestartForSecret, RestartToBuyTime, RestartToReach, Resume, Rollback, ScaleBack,
    ScaleOut, SetCpu, SetMemory,
};

/// Causes that are mended alike.
#[derive(Debug)]
pub(super) struct Row {
    /// Their ids.
    pub causes: &'static [&'static str],
    /// What to try, in order; empty where only a person can help.
    pub steps: &'static [Step],
    /// What to mend by hand where there is no safe action.
    pub by_hand: &'static str,
}

const fn row(causes: &'static [&'static str], steps: &'static [Step], by_hand: &'static str) -> Row {
    Row { causes, steps, by_hand }
}

/// Every id of the catalogue of causes, once.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row(&["image_not_found", "image_reference_invalid", "image_platform_mismatch", "image_never_pull_absent", "bad_rollout"],
        &[Rollback], "correct the tag, or go back to a revision that ran"),
    row(&["image_pull_unauthorized", "image_pull_secret_missing", "service_account_missing", "pvc_not_found"],
        &[Rollback], "create what is named"),
    row(&["config_map_missing", "config_map_key_missing", "secret_missing", "secret_key_missing"],
        &[Rollback], "create it; the kubelet tries again by itself"),
    row(&["container_command_invalid", "container_security_context_denied", "lifecycle_hook_failed", "init_container_hanging"],
        &[Rollback], "correct the pod template"),
    row(&["quota_cpu_exceeded", "quota_memory_exceeded", "quota_pods_exceeded", "quota_storage_exceeded", "quota_exceeded"],
        &[Rollback], "raise the quota, or use less of it"),
    row(&["limit_range_violated", "pod_security_denied", "admission_webhook_denied", "rbac_forbidden"],
        &[Rollback], "meet the policy, or bind the Role that it needs"),
    row(&["insufficient_cpu", "insufficient_memory", "insufficient_extended_resource", "node_pod_limit_reached"],
        &[Rollback], "add nodes, or ask for less"),
    row(&["node_selector_mismatch", "node_affinity_mismatch", "pod_affinity_unsatisfied", "pod_anti_affinity_conflict"],
        &[Rollback], "correct the rule, or label the node"),
    row(&["topology_spread_unsatisfied", "taint_not_tolerated", "host_port_conflict", "scheduling_gated"],
        &[Rollback], "correct the constraint"),
    row(&["liveness_probe_wrong_port", "liveness_probe_wrong_protocol", "liveness_probe_too_aggressive", "startup_probe_failing"],
        &[Rollback], "correct the probe"),
    row(&["readiness_probe_wrong_port", "readiness_probe_wrong_protocol", "service_protocol_mismatch"],
        &[Rollback], "correct the probe, or the Service"),
    row(&["service_selector_mismatch", "service_target_port_mismatch", "environment_address_mismatch"],
        &[Rollback], "correct the Service, or the address"),
    row(&["process_crashed", "application_error", "exits_immediately", "port_conflict", "configuration_invalid"],
        &[Rollback, Logs], "mend the program"),
    row(&["environment_variable_missing", "database_port_wrong", "file_permission_denied", "dns_policy_misconfigured"],
        &[Rollback, Logs], "correct the setting"),
    row(&["oom_killed"], &[Rollback, SetMemory], "find what grows"),
    row(&["cpu_throttled"], &[Rollback, SetCpu], "find what grows"),
    row(&["liveness_probe_failing", "readiness_probe_failing"], &[Rollback, EvictAlone], "read its log"),
    row(&["pod_sandbox_failed"], &[EvictOnNode], "mend that node's network or container runtime"),
    row(&["dependency_unreachable", "dns_resolution_failed"], &[Rollback, RestartToReach], "bring the other end back"),
    row(&["database_credentials_invalid", "tls_certificate_expired", "tls_certificate_invalid"],
        &[Rollback, RestartForSecret], "renew the credentials or the certificate"),
    row(&["memory_growing"], &[RestartToBuyTime], "find the leak"),
    row(&["cpu_saturated"], &[ScaleOut], "find what uses the processor, or add nodes"),
    row(&["scaled_to_zero"], &[ScaleBack], "ask who scaled it down, and why"),
    row(&["rollout_paused"], &[Resume], "ask who paused it, and why"),
    row(&["image_registry_unreachable", "image_registry_tls_untrusted", "image_registry_dns_failure", "image_rate_limited"],
        &[], "mend the registry, or the way to it"),
    row(&["volume_attach_failed", "volume_mount_failed", "volume_permission_denied", "volume_full", "disk_full", "pvc_lost"],
        &[], "mend the storage"),
    row(&["pvc_storage_class_missing", "pvc_capacity_unsatisfiable", "pvc_access_mode_mismatch", "pvc_selector_mismatch"],
        &[], "correct the claim, or the storage class"),
    row(&["pv_already_bound", "pvc_provisioning_failed", "volume_node_affinity_conflict"],
        &[], "correct the claim or its volume; no data is deleted"),
    row(&["preempted", "evicted_disk", "evicted_pid", "pod_rejected_by_kubelet", "node_out_of_memory"],
        &[], "make room on the nodes"),
    row(&["ephemeral_storage_exceeded"], &[], "find what it writes, or allow it more"),
    row(&["migration_failed", "finalizer_stuck", "namespace_terminating"],
        &[], "ask its owner; neither a schema is rolled back nor a finalizer removed"),
    row(&["database_read_only", "database_connections_exhausted", "database_permission_denied", "rate_limited"],
        &[], "mend the other end"),
    row(&["job_backoff_exceeded", "job_deadline_exceeded", "cron_job_suspended", "cron_job_schedule_invalid", "cron_job_missed"],
        &[], "correct the Job and start it again"),
    row(&["hpa_metrics_unavailable", "hpa_target_missing", "hpa_at_maximum", "hpa_requests_missing", "pdb_blocks_eviction"],
        &[], "correct the autoscaler, or the disruption budget"),
    row(&["hpa_selector_ambiguous"], &[], "give each autoscaler pods of its own"),
    row(&["service_missing", "stateful_set_service_missing", "gateway_misroute", "load_balancer_pending", "network_policy_blocks"],
        &[], "correct the object that is named"),
    row(&["gateway_not_programmed"], &[], "correct the Gateway, or bring its controller back"),
    row(&["ingress_backend_missing", "ingress_port_undefined", "ingress_class_missing", "ingress_tls_secret_missing"],
        &[], "correct the Ingress"),
    row(&["admission_webhook_unavailable", "scheduler_unavailable", "quota_services_exceeded"],
        &[], "bring it back, or raise the quota"),
    row(&["network_delay", "network_packet_loss", "node_network_unavailable", "kube_proxy_unavailable"],
        &[], "mend the node's network"),
    row(&["kubelet_unavailable", "container_runtime_unavailable", "node_not_ready", "node_cordoned", "node_shutdown"],
        &[], "repair, drain or uncordon the node"),
    row(&["node_disk_pressure", "node_memory_pressure", "node_pid_pressure", "node_disk_saturated", "node_cpu_saturated"],
        &[], "free the node"),
    row(&["healthy", "recovered", "waiting_by_design", "expected_alert"], &[], ""),
    row(&["monitoring_gap"], &[], "correct the scrape configuration, or the rule"),
    row(&["unknown"], &[], ""),
];

/// The row of a cause.
pub(super) fn of(cause: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.causes.contains(&cause))
}

/// The ids of all causes that have a row, in the order of the rows.
pub fn causes() -> impl Iterator<Item = &'static str> {
    ROWS.iter().flat_map(|row| row.causes).copied()
}
