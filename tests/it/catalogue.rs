//! The catalogue is whole: every public id has a row, every row has a case that shows it and one that must not be taken for it,
//! and rows, cases and symptoms speak of nothing that isn't there.

use crate::cases::{Case, fixtures};
use sre_copilot::diagnose::catalogue::{Cause, Section};
use sre_copilot::diagnose::{SYMPTOMS, catalogue};
use std::collections::BTreeSet;

/// The public ids, as they were published. Ids are added to, never renamed.
const PUBLIC: &str = "
    image_not_found image_pull_unauthorized image_pull_secret_missing image_registry_unreachable image_registry_tls_untrusted
    image_registry_dns_failure image_rate_limited image_reference_invalid image_platform_mismatch image_never_pull_absent
    config_map_missing config_map_key_missing secret_missing secret_key_missing container_command_invalid
    container_security_context_denied pod_sandbox_failed volume_attach_failed volume_mount_failed volume_permission_denied
    service_account_missing lifecycle_hook_failed init_container_hanging
    quota_cpu_exceeded quota_memory_exceeded quota_pods_exceeded quota_services_exceeded quota_storage_exceeded quota_exceeded
    limit_range_violated pod_security_denied admission_webhook_denied admission_webhook_unavailable rbac_forbidden
    insufficient_cpu insufficient_memory insufficient_extended_resource node_pod_limit_reached node_selector_mismatch
    node_affinity_mismatch pod_affinity_unsatisfied pod_anti_affinity_conflict topology_spread_unsatisfied taint_not_tolerated
    node_cordoned host_port_conflict scheduling_gated preempted pod_rejected_by_kubelet scheduler_unavailable
    pvc_not_found pvc_storage_class_missing pvc_capacity_unsatisfiable pvc_access_mode_mismatch pvc_selector_mismatch
    pv_already_bound pvc_lost pvc_provisioning_failed volume_node_affinity_conflict volume_full
    oom_killed node_out_of_memory process_crashed application_error exits_immediately liveness_probe_wrong_port
    liveness_probe_wrong_protocol liveness_probe_too_aggressive liveness_probe_failing readiness_probe_wrong_port
    readiness_probe_wrong_protocol readiness_probe_failing startup_probe_failing port_conflict environment_variable_missing
    configuration_invalid dependency_unreachable dns_resolution_failed database_credentials_invalid database_port_wrong
    database_read_only database_connections_exhausted database_permission_denied migration_failed tls_certificate_expired
    tls_certificate_invalid rate_limited disk_full file_permission_denied evicted_disk evicted_pid memory_growing cpu_saturated
    cpu_throttled network_delay network_packet_loss
    scaled_to_zero rollout_paused bad_rollout stateful_set_service_missing job_backoff_exceeded job_deadline_exceeded
    cron_job_suspended cron_job_schedule_invalid cron_job_missed hpa_metrics_unavailable hpa_target_missing hpa_at_maximum
    hpa_requests_missing pdb_blocks_eviction namespace_terminating finalizer_stuck
    service_selector_mismatch service_target_port_mismatch service_protocol_mismatch service_missing environment_address_mismatch
    gateway_misroute ingress_backend_missing ingress_port_undefined ingress_class_missing ingress_tls_secret_missing
    network_policy_blocks dns_policy_misconfigured load_balancer_pending
    kubelet_unavailable container_runtime_unavailable kube_proxy_unavailable node_disk_pressure node_memory_pressure
    node_pid_pressure node_network_unavailable node_disk_saturated node_cpu_saturated node_shutdown node_not_ready
    healthy recovered waiting_by_design expected_alert monitoring_gap unknown";

/// Public ids that are verdicts: they have a row for the documentation, and no rule states them.
const VERDICTS: [&str; 3] = ["healthy", "recovered", "unknown"];

/// Facts that are neither causes nor symptoms.
const CONTEXT: [&str; 1] = ["recent_deploy"];

fn rows() -> Vec<(Section, &'static Cause)> {
    catalogue().into_iter().flat_map(|(section, causes)| causes.into_iter().map(move |cause| (section, cause))).collect()
}

fn cause_ids() -> BTreeSet<&'static str> {
    rows().into_iter().map(|(_, cause)| cause.id).collect()
}

fn symptom_ids() -> BTreeSet<&'static str> {
    SYMPTOMS.iter().map(|symptom| symptom.id).collect()
}

fn assert_none(what: &str, found: impl IntoIterator<Item = String>) {
    let found: Vec<String> = found.into_iter().collect();
    assert!(found.is_empty(), "{what} ({}):\n{}", found.len(), found.join("\n"));
}

#[test]
fn ids_are_unique_and_in_snake_case() {
    let ids: Vec<&str> = rows().iter().map(|(_, cause)| cause.id).chain(symptom_ids()).chain(CONTEXT).collect();
    let mut seen = BTreeSet::new();
    assert_none("stated twice", ids.iter().filter(|id| !seen.insert(**id)).map(ToString::to_string));
    let is_snake = |id: &str| id.split('_').all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase()));
    assert_none("not in snake case", ids.iter().filter(|id| !is_snake(id)).map(ToString::to_string));
}

#[test]
fn every_public_id_has_a_row() {
    let ids = cause_ids();
    let lacking = PUBLIC.split_whitespace().filter(|id| !ids.contains(id));
    assert_none("public ids without a row", lacking.map(ToString::to_string));
}

#[test]
fn rows_explain_only_what_can_be_stated() {
    let known: BTreeSet<&str> = cause_ids().union(&symptom_ids()).copied().collect();
    let explained = rows().into_iter().flat_map(|(_, cause)| {
        let ids = cause.explains.iter().flat_map(|list| list.iter()).map(|(_, id)| *id);
        ids.map(|id| (id, cause.id)).collect::<Vec<_>>()
    });
    let lost: BTreeSet<_> = explained.filter(|(id, _)| !known.contains(id)).collect();
    assert_none("not stated by anything", lost.into_iter().map(|(id, by)| format!("{id}, which {by} explains")));
}

#[test]
fn every_fault_explains_a_symptom() {
    let symptoms = symptom_ids();
    let explains = |cause: &Cause| symptoms.iter().any(|id| cause.links_to(id).next().is_some());
    assert_none(
        "explain no symptom",
        rows()
            .into_iter()
            .filter(|(_, cause)| !explains(cause) && !VERDICTS.contains(&cause.id))
            .map(|(_, cause)| cause.id.to_owned()),
    );
}

#[test]
fn rows_say_something_in_every_column() {
    let mut bad = Vec::new();
    for (_, cause) in rows() {
        let mut must = |holds: bool, what: &str| {
            if !holds {
                bad.push(format!("{}: {what}", cause.id));
            }
        };
        must(cause.doc.ends_with('.') && cause.doc.len() > 20, "doc is a sentence");
        must(!cause.title.is_empty() && !cause.title.ends_with('.'), "title is a few words");
        must(!cause.fix.is_empty() && !cause.fix.ends_with('.'), "fix is a phrase");
        must(!cause.reads.is_empty(), "reads");
        must(!cause.source.is_empty(), "source");
        let program = cause.check.split(' ').next().unwrap_or("");
        must(["kubectl", "openssl"].contains(&program), "check is a command that is at hand");
    }
    assert_none("columns", bad);
}

/// A case where the cause is what is wrong.
fn shows(case: &Case, id: &str) -> bool {
    case.expected.as_ref().is_some_and(|expected| expected.cause.as_deref() == Some(id))
}

/// A case that must not be taken for the cause.
fn denies(case: &Case, id: &str) -> bool {
    case.expected.as_ref().is_some_and(|expected| expected.not_causes.iter().any(|other| other == id))
}

#[test]
fn every_row_has_a_case_and_a_near_miss() {
    let mut missing = Vec::new();
    for id in cause_ids().into_iter().filter(|id| !VERDICTS.contains(id)) {
        let case = fixtures().iter().any(|case| shows(case, id));
        let near_miss = fixtures().iter().any(|case| denies(case, id));
        match (case, near_miss) {
            (true, true) => {}
            (false, true) => missing.push(format!("{id}: no case")),
            (true, false) => missing.push(format!("{id}: no near miss")),
            (false, false) => missing.push(format!("{id}: neither case nor near miss")),
        }
    }
    assert_none("rows without fixtures", missing);
}

#[test]
fn cases_speak_of_ids_that_there_are() {
    let (causes, symptoms) = (cause_ids(), symptom_ids());
    let mut unknown = Vec::new();
    for case in fixtures() {
        let Some(expected) = &case.expected else { continue };
        let cause = expected.cause.iter().chain(&expected.not_causes).map(String::as_str);
        let is_cause = |id: &str| causes.contains(id);
        unknown.extend(cause.filter(|id| !is_cause(id)).map(|id| format!("{}: cause {id}", case.name)));
        let is_fact = |id: &str| is_cause(id) || symptoms.contains(id) || CONTEXT.contains(&id);
        unknown.extend(expected.facts.keys().filter(|id| !is_fact(id)).map(|id| format!("{}: fact {id}", case.name)));
    }
    assert_none("ids that nothing states", unknown);
}
