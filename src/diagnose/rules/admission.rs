//! Pods that the API server refuses for what they are: limits of the namespace, Pod Security, webhooks and policies. Quotas are
//! a family of their own; a missing service account belongs to start-up.

pub mod refusal;

use super::explains::{CLAIM_WAITS, POD_DOWN};
use crate::cluster::{Object, json};
use crate::diagnose::catalogue::{Cause, Explains, Family, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::{Finding, Findings};
use crate::diagnose::symptoms::REPLICAS_MISSING;
use crate::domain::{Evidence, ObjectRef};
use refusal::Refusal;

/// The family.
pub static FAMILY: Family = Family {
    section: Section::Admission,
    causes: &[&LIMIT_RANGE_VIOLATED, &POD_SECURITY_DENIED, &ADMISSION_WEBHOOK_DENIED, &ADMISSION_WEBHOOK_UNAVAILABLE],
    check,
};

const EXPLAINS: &[Explains] = &[POD_DOWN, CLAIM_WAITS];
const READS: &str = "events and conditions of controllers";
const CHECK: &str = "kubectl -n NAMESPACE get events --field-selector reason=FailedCreate";

static LIMIT_RANGE_VIOLATED: Cause = Cause {
    id: "limit_range_violated",
    title: "a LimitRange of the namespace refuses the pods",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: "events and conditions of controllers, limit ranges",
    source: "API server through the controller: event FailedCreate, `maximum cpu usage per Container is 1, but limit is 2`",
    doc: "The pods ask for less or more than a LimitRange allows, or for a limit too far above the request.",
    check: "kubectl -n NAMESPACE describe limitrange",
    fix: "bring the requests and limits within the LimitRange, or change the LimitRange",
    fields: &["resources.requests", "resources.limits"],
};

static POD_SECURITY_DENIED: Cause = Cause {
    id: "pod_security_denied",
    title: "Pod Security refuses the pods",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: "events and conditions of controllers, namespace labels",
    source: "API server through the controller: event FailedCreate, `violates PodSecurity \"restricted:latest\": …`; before 1.25 `PodSecurityPolicy: unable to admit pod`",
    doc: "The pods don't meet the security level that the namespace enforces.",
    check: "kubectl get namespace NAMESPACE -o jsonpath='{.metadata.labels}'",
    fix: "set what the message names in the pod template's securityContext, or let the namespace enforce a lower level",
    fields: &["securityContext", "hostNetwork", "hostPID", "hostIPC", "volumes", "hostPort"],
};

static ADMISSION_WEBHOOK_DENIED: Cause = Cause {
    id: "admission_webhook_denied",
    title: "an admission webhook or policy refuses the pods",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: READS,
    source: "API server through the controller: event FailedCreate, `admission webhook \"NAME\" denied the request: …`, `ValidatingAdmissionPolicy 'NAME' … denied request: …`",
    doc: "A policy that the cluster's owners installed says no to the pods as they are.",
    check: CHECK,
    fix: "change the pod template as the message asks, or have the policy changed",
    fields: &[".image", "labels", "annotations", "resources", "securityContext", "volumes"],
};

static ADMISSION_WEBHOOK_UNAVAILABLE: Cause = Cause {
    id: "admission_webhook_unavailable",
    title: "an admission webhook doesn't answer, so that nothing gets past it",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: "events and conditions of controllers, webhook configurations, Services",
    source: "API server through the controller: event FailedCreate, `failed calling webhook \"NAME\": …`",
    doc: "The API server must ask a webhook before it creates the pods (failurePolicy Fail), and the webhook can't be reached.",
    check: "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations; kubectl -n NAMESPACE get endpoints SERVICE",
    fix: "bring the webhook's pods or certificate back; until then set its failurePolicy to Ignore or leave this namespace out",
    fields: &[],
};

/// How much of a policy's message a sentence quotes.
const QUOTED: usize = 300;

fn check(cx: &Context<'_>, out: &mut Findings) {
    for job in cx.snap.of_kind("Job").iter().filter(|job| refusal::job_has_no_pod(cx, job)) {
        let evidence = vec![cx.field(job, "spec.parallelism"), cx.field(job, "metadata.creationTimestamp")];
        out.symptom(&REPLICAS_MISSING, cx.workload(&job.id), format!("{} has no pod", job.id), job.created(), evidence);
    }
    for refusal in refusal::all(cx) {
        if judge(cx, &refusal, out) {
            refusal::symptom(cx, &refusal, out);
        }
    }
}

/// States the cause of a refusal, if it is one of this family's; says whether it is.
fn judge(cx: &Context<'_>, refusal: &Refusal<'_>, out: &mut Findings) -> bool {
    let message = refusal.message;
    if let Some((_, rest)) = message.split_once("failed calling webhook ") {
        unavailable(cx, refusal, rest, out);
    } else if let Some((_, rest)) = message.split_once("admission webhook \"") {
        let (name, rest) = rest.split_once('"').unwrap_or((rest, ""));
        let why = rest.split_once("denied the request: ").map_or("without an explanation", |(_, why)| why);
        denied(cx, refusal, &format!("admission webhook {name}"), why, out);
    } else if let Some((policy, why)) = policy(message) {
        denied(cx, refusal, &format!("ValidatingAdmissionPolicy {policy}"), why, out);
    } else if let Some((level, why)) = pod_security(message) {
        let namespace = cx.snap.find("Namespace", "", refusal.controller.id.ns());
        let label = |namespace: &Object| {
            let name = "pod-security.kubernetes.io/enforce";
            Some(cx.value(&namespace.id, &format!("metadata.labels[{name}]"), namespace.label(name)?.into(), None))
        };
        found(cx, &POD_SECURITY_DENIED, refusal, namespace.and_then(label).into_iter().collect(), out)
            .says(format!("its pods are refused by {level}: {}", quoted(why)));
    } else if let Some(why) = limit_range(message) {
        let ranges = cx.snap.in_namespace("LimitRange", refusal.controller.id.ns());
        let evidence = ranges.iter().take(3).map(|range| cx.field(range, "spec.limits")).collect();
        found(cx, &LIMIT_RANGE_VIOLATED, refusal, evidence, out)
            .says(format!("its pods are refused by the namespace's LimitRange: {}", quoted(why)));
    } else {
        return false;
    }
    true
}

fn found<'o>(
    cx: &Context<'_>,
    cause: &'static Cause,
    refusal: &Refusal<'_>,
    evidence: Vec<Evidence>,
    out: &'o mut Findings,
) -> &'o mut Finding {
    let id = &refusal.controller.id;
    out.found(cause, cx.workload(id), Proof::Event)
        .also([id.clone().into()])
        .since(refusal.since)
        .ended(refusal.ended)
        .evidence([refusal.evidence.clone()])
        .evidence(evidence)
        .next(format!("kubectl -n {} describe {} {}", id.ns(), id.kind.to_lowercase(), id.name))
}

fn quoted(text: &str) -> String {
    text.trim().chars().take(QUOTED).collect()
}

fn denied(cx: &Context<'_>, refusal: &Refusal<'_>, by: &str, why: &str, out: &mut Findings) {
    found(cx, &ADMISSION_WEBHOOK_DENIED, refusal, Vec::new(), out).says(format!("its pods are refused by {by}: {}", quoted(why)));
}

/// `ValidatingAdmissionPolicy 'x' with binding 'y' denied request: why`
/// (`staging/src/k8s.io/apiserver/pkg/admission/plugin/policy/validating/dispatcher.go`).
fn policy(message: &str) -> Option<(&str, &str)> {
    let (_, rest) = message.split_once("ValidatingAdmissionPolicy '")?;
    let (name, rest) = rest.split_once('\'')?;
    let (_, why) = rest.split_once(" denied request: ")?;
    Some((name, why))
}

/// Who refuses and why: Pod Security admission (`staging/src/k8s.io/pod-security-admission/admission/admission.go`),
/// PodSecurityPolicy before 1.25, and OpenShift's security context constraints.
fn pod_security(message: &str) -> Option<(String, &str)> {
    if let Some((_, rest)) = message.split_once("violates PodSecurity \"") {
        let (level, rest) = rest.split_once('"')?;
        return Some((format!("Pod Security level {level}"), rest.trim_start_matches([':', ' '])));
    }
    let older = ["unable to admit pod: ", "unable to validate against any pod security policy: "];
    if let Some((_, why)) = older.iter().find_map(|words| message.split_once(words)) {
        return Some(("every PodSecurityPolicy".to_owned(), why));
    }
    let (_, why) = message.split_once("unable to validate against any security context constraint: ")?;
    Some(("every SecurityContextConstraints".to_owned(), why))
}

/// The words of a LimitRange (`plugin/pkg/admission/limitranger/admission.go`), alone or as a list in brackets.
fn limit_range(message: &str) -> Option<&str> {
    let (_, why) = message.split_once(" is forbidden: ")?;
    let why = why.trim_start_matches('[').trim_end_matches(']');
    let starts = why.starts_with("maximum ") || why.starts_with("minimum ");
    let is_bound = starts && why.contains(" usage per ");
    (is_bound || why.contains(" max limit to request ratio per ")).then_some(why)
}

/// A webhook that can't be asked. What is to be mended is its configuration, or the Service it is reached by.
fn unavailable(cx: &Context<'_>, refusal: &Refusal<'_>, rest: &str, out: &mut Findings) {
    let rest = rest.trim_start_matches('"');
    let (name, why) = rest.split_once("\": ").or_else(|| rest.split_once(": ")).unwrap_or((rest, ""));
    let why = why.strip_prefix("failed to call webhook: ").unwrap_or(why);
    let service = service_of(why);
    let configuration = configuration(cx, name, service.as_ref());
    let workload = cx.workload(&refusal.controller.id);
    let blames = configuration.map(|object| object.id.clone()).or_else(|| service.clone()).unwrap_or_else(|| workload.clone());
    let mut evidence = Vec::new();
    if let Some((object, index)) = configuration.and_then(|object| Some((object, webhook(object, name)?))) {
        evidence.push(cx.value(&object.id, &format!("webhooks[{name}].clientConfig.service"), index.clone(), None));
    }
    if let Some(service) = service.as_ref().filter(|service| cx.snap.looked_for("Service", service.ns()).is_ok()) {
        let exists = cx.snap.get(service).is_some();
        evidence.extend((!exists).then(|| cx.value(service, "metadata.name", serde_json::Value::Null, None)));
    }
    let by = match (configuration.is_some(), &service) {
        (true, _) => format!("webhook {name}"),
        (false, _) => format!("admission webhook {name}"),
    };
    found(cx, &ADMISSION_WEBHOOK_UNAVAILABLE, refusal, evidence, out)
        .blame(blames)
        .says(format!("{by} can't be reached, so that the pods of {workload} are refused: {}", quoted(why)));
}

/// The Service in the address that the API server called: `Post "https://NAME.NAMESPACE.svc:443/path?timeout=10s": …`.
fn service_of(why: &str) -> Option<ObjectRef> {
    let (_, rest) = why.split_once("https://")?;
    let host = rest.split([':', '/', '?', '"']).next()?;
    let mut labels = host.split('.');
    let (name, namespace, svc) = (labels.next()?, labels.next()?, labels.next()?);
    (svc == "svc" && !name.is_empty() && !namespace.is_empty()).then(|| ObjectRef::new("Service", namespace, name))
}

/// The configuration that has a webhook of this name; of several the one that is reached by this Service.
fn configuration<'a>(cx: &Context<'a>, name: &str, service: Option<&ObjectRef>) -> Option<&'a Object> {
    let kinds = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];
    let all = kinds.iter().flat_map(|kind| cx.snap.of_kind(kind)).filter(|object| webhook(object, name).is_some());
    let all: Vec<&Object> = all.collect();
    let by_service = all.iter().copied().find(|object| {
        let client = webhook(object, name);
        client.zip(service).is_some_and(|(client, service)| {
            json::text(client, "name") == service.name && json::text(client, "namespace") == service.ns()
        })
    });
    by_service.or_else(|| all.first().copied().filter(|_| all.len() == 1))
}

/// `clientConfig.service` of the webhook of this name.
fn webhook<'v>(configuration: &'v Object, name: &str) -> Option<&'v serde_json::Value> {
    let webhook = configuration.list("webhooks").iter().find(|webhook| json::text(webhook, "name") == name)?;
    Some(json::at(webhook, "clientConfig.service"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn limit_ranges() {
        let one = "pods \"a\" is forbidden: maximum cpu usage per Container is 1, but limit is 2";
        assert_eq!(limit_range(one), Some("maximum cpu usage per Container is 1, but limit is 2"));
        let ratio = "pods \"a\" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000";
        assert!(limit_range(ratio).is_some());
        let list = "pods \"a\" is forbidden: [maximum memory usage per Container is 1Gi, but limit is 2Gi, minimum cpu usage per \
                    Container is 100m.  No request is specified]";
        assert!(limit_range(list).unwrap().ends_with("No request is specified"));
        assert_eq!(limit_range("pods \"a\" is forbidden: exceeded quota: q"), None);
    }

    #[test]
    fn pod_security_of_every_age() {
        let restricted = "pods \"a\" is forbidden: violates PodSecurity \"restricted:v1.29\": runAsNonRoot != true (pod or container \
                          \"app\" must set securityContext.runAsNonRoot=true)";
        assert_eq!(pod_security(restricted).unwrap().0, "Pod Security level restricted:v1.29");
        let older =
            "pods \"a\" is forbidden: PodSecurityPolicy: unable to admit pod: [spec.containers[0].securityContext.privileged]";
        assert_eq!(pod_security(older).unwrap().0, "every PodSecurityPolicy");
        assert_eq!(pod_security("pods \"a\" is forbidden: exceeded quota: q"), None);
    }

    #[test]
    fn webhook_addresses() {
        let why = "Post \"https://hook.policy.svc:443/validate?timeout=10s\": no endpoints available for service \"hook\"";
        assert_eq!(service_of(why), Some(ObjectRef::new("Service", "policy", "hook")));
        assert_eq!(service_of("Post \"https://hooks.example.com/validate\": EOF"), None);
        assert_eq!(policy("ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"), Some(("p", "no")));
    }

    proptest! {
        #[test]
        fn never_panics(parts in proptest::collection::vec("violates PodSecurity \"|\" is forbidden: |https://|failed calling webhook |'|\"|é|\\.|:|\\[|ValidatingAdmissionPolicy '| denied request: ", 0..12)) {
            let text = parts.concat();
            let _ = (limit_range(&text), pod_security(&text), service_of(&text), policy(&text));
        }
    }
}
