//! What looks like a fault and is none: objects that wait by design, alerts that say nothing, rollouts on their way, and alerts
//! about monitoring itself. Looks at what every other family stated; where one of them found a fault, that stands.

mod alerted;
pub(super) mod converging;

use super::storage::claims;
use crate::cluster::{Object, json, workload};
use crate::diagnose::catalogue::{Cause, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::symptoms::condition_evidence;
use crate::domain::ObjectRef;

/// The family.
pub static FAMILY: Family = Family {
    section: Section::NotAFault,
    causes: &[&HEALTHY, &RECOVERED, &WAITING_BY_DESIGN, &EXPECTED_ALERT, &MONITORING_GAP, &UNKNOWN],
    check,
};

/// A row for a verdict, which no rule states: the report reaches it from what the rules stated or didn't.
macro_rules! verdict {
    ($name:ident, $id:literal, $title:literal, $source:literal, $doc:literal, $fix:literal) => {
        static $name: Cause = Cause {
            id: $id,
            title: $title,
            perspective: Perspective::Infra,
            explains: &[],
            reads: "everything that was read",
            source: $source,
            doc: $doc,
            check: "kubectl -n NAMESPACE get all",
            fix: $fix,
            fields: &[],
        };
    };
}

verdict!(
    HEALTHY,
    "healthy",
    "nothing is wrong",
    "no symptom in anything that was read, and no source that the verdict needs was missing",
    "The target was looked at, and nothing is wrong with it; the report says how much was looked at.",
    "nothing is to be done"
);
verdict!(
    RECOVERED,
    "recovered",
    "it was wrong and is over",
    "a cause that ended, at most a day ago, and no symptom now",
    "Something was wrong with the target and is over; the report says what it was and since when it is well.",
    "nothing has to be done now; the history says what to prevent"
);
verdict!(
    UNKNOWN,
    "unknown",
    "something is wrong, and what was read doesn't say why",
    "a symptom without a cause that is at least likely, or a target that could not be read",
    "The target was looked at as far as possible, and no cause is at least likely; the report says what is missing to tell.",
    "get what the report says is missing, and look again"
);

static WAITING_BY_DESIGN: Cause = Cause {
    id: "waiting_by_design",
    title: "waits as it was meant to",
    perspective: Perspective::Infra,
    explains: &[&[
        (Link::Pod, "claim_pending"),
        (Link::Pod, "pending"),
        (Link::Workload, "replicas_missing"),
        (Link::Selects, "no_ready_endpoints"),
    ]],
    reads: "claims, storage classes, jobs, cron jobs, pods, workloads",
    source: "volume controller: `waiting for first consumer to be created before binding`; spec.suspend; spec.schedulingGates; spec.replicas 0",
    doc: "The object waits for something that its owner or its class asked it to wait for.",
    check: "kubectl -n NAMESPACE describe KIND NAME",
    fix: "nothing has to be mended; it goes on when what it waits for comes",
    fields: &[],
};

static EXPECTED_ALERT: Cause = Cause {
    id: "expected_alert",
    title: "nothing is wrong: this is to be expected",
    perspective: Perspective::Infra,
    explains: &[&[
        (Link::Pod, "alert_firing"),
        (Link::Workload, "alert_firing"),
        (Link::Workload, "replicas_missing"),
        (Link::Workload, "not_ready"),
        (Link::Workload, "container_not_starting"),
        (Link::Workload, "pending"),
        (Link::Selects, "no_ready_endpoints"),
    ]],
    reads: "alerts, workloads, pods",
    source: "kube-prometheus: the alerts Watchdog and InfoInhibitor; deployment controller: condition Progressing True",
    doc: "The alert fires by convention, or what it says isn't so any more, or a rollout is on its way and gets on.",
    check: "kubectl -n NAMESPACE rollout status deployment/NAME",
    fix: "nothing has to be mended",
    fields: &[],
};

static MONITORING_GAP: Cause = Cause {
    id: "monitoring_gap",
    title: "the alert is about monitoring, not about the workload",
    perspective: Perspective::Infra,
    explains: &[&[(Link::Pod, "alert_firing")]],
    reads: "alerts, services, pods",
    source: "Prometheus, vmagent and their rules: a scrape target, a scrape pool or a rule without data",
    doc: "A scrape target is gone or a rule has no data, while what it should measure is well.",
    check: "kubectl get servicemonitors,podmonitors,vmservicescrapes -A",
    fix: "make the scrape configuration or the rule name what exists now",
    fields: &[],
};

/// Whether pods of a workload are only starting, so that being not ready yet says nothing.
pub(in crate::diagnose) fn is_starting(cx: &Context<'_>, workload: &ObjectRef) -> bool {
    converging::starting(cx, workload).is_some()
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    for claim in cx.snap.of_kind("PersistentVolumeClaim") {
        first_consumer(cx, claim, out);
    }
    for job in cx.snap.of_kind("Job").iter().filter(|job| job.flag("spec.suspend")) {
        let suspended = json::text(job.condition("Suspended"), "status") == "True";
        let condition = suspended.then(|| condition_evidence(cx, job, "Suspended"));
        out.found(&WAITING_BY_DESIGN, job.id.clone(), Proof::Structure)
            .since(json::time(job.condition("Suspended"), "lastTransitionTime"))
            .evidence([cx.field(job, "spec.suspend")])
            .evidence(condition)
            .says("is suspended (spec.suspend) and has no pods until it is resumed");
    }
    let is_fault = |id: &str, object: &ObjectRef, out: &Findings| {
        out.causes.iter().any(|finding| finding.cause.id == id && finding.subjects().any(|subject| subject.object == *object))
    };
    for cron_job in cx.snap.of_kind("CronJob").iter().filter(|cron_job| cron_job.flag("spec.suspend")) {
        if !is_fault("cron_job_suspended", &cron_job.id, out) {
            out.found(&WAITING_BY_DESIGN, cron_job.id.clone(), Proof::Structure)
                .evidence([cx.field(cron_job, "spec.suspend")])
                .says("is suspended (spec.suspend) and starts no Jobs until it is resumed");
        }
    }
    for pod in cx.pods().iter().filter(|pod| !pod.list("spec.schedulingGates").is_empty() && pod.text("spec.nodeName").is_empty())
    {
        if !is_fault("scheduling_gated", &pod.id, out) {
            gated(cx, pod, out);
        }
    }
    for kind in ["Deployment", "StatefulSet"] {
        for workload in cx.snap.of_kind(kind).iter().filter(|workload| workload.int("spec.replicas") == Some(0)) {
            let rests = workload::replicas(workload).is_some_and(|replicas| replicas.is_observed && replicas.existing == 0);
            if rests && !is_fault("scaled_to_zero", &workload.id, out) {
                out.found(&WAITING_BY_DESIGN, workload.id.clone(), Proof::Computed)
                    .evidence([cx.field(workload, "spec.replicas")])
                    .says("is scaled to zero, and nothing that was read depends on it");
            }
        }
    }
    converging::check(cx, out);
    alerted::check(cx, out);
}

/// A claim whose class binds volumes when the first pod that uses the claim is scheduled, as long as there is no such pod.
fn first_consumer(cx: &Context<'_>, claim: &Object, out: &mut Findings) {
    let pending = claim.text("status.phase") == "Pending" && claim.deleted().is_none() && claim.partial().is_none();
    let pods_known = cx.snap.looked_for("Pod", claim.id.ns()).is_ok();
    if !pending || !pods_known || !claim.text("spec.volumeName").is_empty() || !claims::waits_for_consumer(cx, claim) {
        return;
    }
    let users = claims::users(cx, &claim.id);
    // A pod that is held back by a gate isn't scheduled, and nor is its claim bound.
    if users.iter().any(|pod| pod.list("spec.schedulingGates").is_empty()) {
        return;
    }
    let said =
        cx.snap.events(&claim.id).iter().filter(|event| event.reason == "WaitForFirstConsumer").max_by_key(|event| event.last);
    let class = claims::class(cx, claim);
    let owner = claims::owner(cx, &claim.id);
    let consumer = if owner == claim.id {
        "no pod uses it".to_owned()
    } else {
        format!("no pod of {owner}, which uses it, is to be scheduled")
    };
    let by = class.map_or(String::new(), |class| format!(" of {}", class.id));
    let proof = if said.is_some() { Proof::ComputedAndSaid } else { Proof::Computed };
    out.found(&WAITING_BY_DESIGN, claim.id.clone(), proof)
        .since(claim.created())
        .evidence(class.map(|class| cx.field(class, "volumeBindingMode")))
        .evidence(said.map(crate::cluster::Event::evidence))
        .says(format!("waits for its first consumer, as the binding mode{by} asks: {consumer}"))
        .next(format!("kubectl -n {} describe pvc {}", claim.id.ns(), claim.id.name));
}

/// A pod that its gates hold back, where nobody has to have removed them yet.
fn gated(cx: &Context<'_>, pod: &Object, out: &mut Findings) {
    let gates: Vec<&str> = pod.list("spec.schedulingGates").iter().map(|gate| json::text(gate, "name")).collect();
    let claims = claims::of_pod(cx, pod).into_iter().map(|claim| claim.subject()).collect::<Vec<_>>();
    out.found(&WAITING_BY_DESIGN, pod.id.clone(), Proof::Structure)
        .blame(cx.workload(&pod.id))
        .since(pod.created())
        .evidence([cx.field(pod, "spec.schedulingGates")])
        .also(claims)
        .says(format!("waits until the controller of its scheduling gate {} lets it be scheduled", gates.join(", ")));
}
