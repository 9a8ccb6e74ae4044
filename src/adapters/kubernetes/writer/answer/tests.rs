//! The answers of a real API server (1.20; newer wordings are marked), and what they mean.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn status(code: u16, message: &str, reason: &str, details: Value) -> ApiRefusal {
    let body =
        json!({"kind": "Status", "status": "Failure", "message": message, "reason": reason, "details": details, "code": code});
    classify(code, body.to_string().as_bytes(), &Redactor::fixed())
}

fn cause(reason: &str, field: &str, message: &str) -> Value {
    json!({"causes": [{"reason": reason, "field": field, "message": message}]})
}

#[test]
fn each_answer_has_its_code_and_its_sentence() {
    let web = json!({"name": "web", "group": "apps", "kind": "deployments"});
    let uid = "Operation cannot be fulfilled on deployments/scale.apps \"web\": Precondition failed: UID in precondition: 1111, \
               UID in object meta: 8f97677f";
    let evicted = "Operation cannot be fulfilled on Pod \"web-1\": the UID in the precondition (1111) does not match the UID in \
                   record (c52cef55). The object might have been deleted and then recreated";
    let table: Vec<(u16, &str, Value, ApiReason, &str)> = vec![
        (401, "Unauthorized", json!(null), ApiReason::Unauthorized, "the API server doesn't accept this identity"),
        (
            403,
            "deployments.apps \"web\" is forbidden: User \"system:serviceaccount:shop:weak\" cannot patch resource \
             \"deployments/scale\" in API group \"apps\" in the namespace \"shop\"",
            web.clone(),
            ApiReason::RbacDenied,
            "system:serviceaccount:shop:weak may not patch deployments/scale in shop; a Role must have: apiGroups [\"apps\"], \
             resources [\"deployments/scale\"], verbs [\"patch\"]",
        ),
        (
            403,
            "pods \"x\" is forbidden: exceeded quota: q, requested: pods=1,requests.memory=64Mi, used: pods=2,requests.memory=128Mi, \
             limited: pods=2,requests.memory=128Mi",
            json!({"name": "x", "kind": "pods"}),
            ApiReason::QuotaExceeded,
            "quota q: requested pods=1,requests.memory=64Mi, used pods=2,requests.memory=128Mi, limited to \
             pods=2,requests.memory=128Mi",
        ),
        (
            400,
            "admission webhook \"gate.example.com\" denied the request: images come from elsewhere",
            json!(null),
            ApiReason::WebhookDenied,
            "admission webhook gate.example.com refused it: images come from elsewhere",
        ),
        (
            500,
            "admission webhook \"gate.example.com\" denied the request without explanation",
            json!(null),
            ApiReason::WebhookDenied,
            "admission webhook gate.example.com refused it and gave no reason",
        ),
        (
            // From 1.30 on.
            422,
            "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy 'replicas' with binding 'all' denied request: \
             failed expression: object.spec.replicas <= 5",
            web.clone(),
            ApiReason::AdmissionDenied,
            "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy 'replicas' with binding 'all' denied request: failed \
             expression: object.spec.replicas <= 5",
        ),
        (
            500,
            "Internal error occurred: failed calling webhook \"gate.example.com\": Post \"https://127.0.0.1:1/deny?timeout=2s\": \
             dial tcp 127.0.0.1:1: connect: connection refused",
            json!(null),
            ApiReason::WebhookUnavailable,
            "admission webhook gate.example.com must be asked and doesn't answer: Post \"https://127.0.0.1:1/deny?timeout=2s\": dial \
             tcp 127.0.0.1:1: connect: connection refused",
        ),
        (
            // From 1.23 on.
            500,
            "Internal error occurred: failed calling webhook \"gate.example.com\": failed to call webhook: Post \
             \"https://gate.shop.svc:443/x?timeout=10s\": context deadline exceeded",
            json!(null),
            ApiReason::WebhookUnavailable,
            "admission webhook gate.example.com must be asked and doesn't answer: failed to call webhook: Post \
             \"https://gate.shop.svc:443/x?timeout=10s\": context deadline exceeded",
        ),
        (
            400,
            "admission webhook \"gate.example.com\" does not support dry run",
            json!(null),
            ApiReason::DryRunUnsupported,
            "admission webhook gate.example.com knows no dry run, so what would happen can't be seen",
        ),
        (404, "deployments.apps \"web\" not found", web.clone(), ApiReason::TargetGone, "deployments.apps \"web\" not found"),
        (
            404,
            "the server could not find the requested resource",
            json!({}),
            ApiReason::NotServed,
            "the server could not find the requested resource",
        ),
        (
            422,
            "Deployment.apps \"web\" is invalid: spec.x: Invalid value: \"128Mi\": must be less than or equal to memory limit",
            cause("FieldValueInvalid", "spec.x", "Invalid value: \"128Mi\": must be less than or equal to memory limit"),
            ApiReason::Invalid,
            "spec.x: Invalid value: \"128Mi\": must be less than or equal to memory limit",
        ),
        (
            // From 1.23 on an unreadable quantity is a bad request; before, a 422 about the field `patch`.
            400,
            "Deployment in version \"v1\" cannot be handled as a Deployment: unable to parse quantity's suffix",
            json!(null),
            ApiReason::Invalid,
            "Deployment in version \"v1\" cannot be handled as a Deployment: unable to parse quantity's suffix",
        ),
        (
            409,
            "Operation cannot be fulfilled on deployments.apps \"web\": the object has been modified; please apply your changes to \
             the latest version and try again",
            web.clone(),
            ApiReason::TargetChanged,
            "Operation cannot be fulfilled on deployments.apps \"web\": the object has been modified; please apply your changes to the \
             latest version and try again",
        ),
        (409, uid, web, ApiReason::TargetReplaced, "another object has this name now: the one that was looked at is gone"),
        (
            409,
            evicted,
            json!(null),
            ApiReason::TargetReplaced,
            "another object has this name now: the one that was looked at is gone",
        ),
        (
            422,
            "Deployment.apps \"web\" is invalid: metadata.uid: Invalid value: \"1111\": field is immutable",
            cause("FieldValueInvalid", "metadata.uid", "Invalid value: \"1111\": field is immutable"),
            ApiReason::TargetReplaced,
            "another object has this name now: the one that was looked at is gone",
        ),
        (
            429,
            "Cannot evict pod as it would violate the pod's disruption budget.",
            cause("DisruptionBudget", "", "The disruption budget web needs 2 healthy pods and has 2 currently"),
            ApiReason::PdbBlocks,
            "PodDisruptionBudget web needs 2 healthy pods and has 2",
        ),
        (
            429,
            "Cannot evict pod as it would violate the pod's disruption budget.",
            cause("DisruptionBudget", "", "The disruption budget web is still being processed by the server."),
            ApiReason::PdbBlocks,
            "The disruption budget web is still being processed by the server.",
        ),
        (
            500,
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
            json!(null),
            ApiReason::PdbAmbiguous,
            "more than one PodDisruptionBudget selects the pod; the server evicts none such",
        ),
        (429, "too many requests, please try again later", json!(null), ApiReason::Throttled, "the API server is busy (429)"),
        (503, "the server is shutting down", json!(null), ApiReason::ServerError, "the server is shutting down (HTTP 503)"),
        (405, "", json!(null), ApiReason::Refused, "the API server answered HTTP 405 without a reason"),
        (
            403,
            "pods \"web-1\" is forbidden: unable to create new content in namespace shop because it is being terminated",
            cause("NamespaceTerminating", "metadata.namespace", "namespace shop is being terminated"),
            ApiReason::NamespaceTerminating,
            "pods \"web-1\" is forbidden: unable to create new content in namespace shop because it is being terminated",
        ),
    ];
    for (code, message, details, wanted, sentence) in table {
        let reason = if code == 404 { "NotFound" } else { "" };
        let refusal = status(code, message, reason, details);
        assert_eq!((refusal.code, refusal.sentence.as_str(), refusal.status), (wanted, sentence, code), "{message}");
    }
}

#[test]
fn the_particulars_are_taken_out_of_the_words() {
    let quota = status(
        403,
        "pods \"x\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2",
        "",
        json!({}),
    );
    let found: Vec<_> = quota.details.iter().map(|(key, value)| format!("{key} {value}")).collect();
    assert_eq!(found, ["limited pods=2", "quota q", "requested pods=1", "used pods=2"]);
    let budget = cause("DisruptionBudget", "", "The disruption budget web needs 2 healthy pods and has 1 currently");
    let budget = status(429, "Cannot evict pod.", "TooManyRequests", budget);
    assert_eq!(
        (budget.details["budget"].as_str(), budget.details["needed"].as_str(), budget.details["healthy"].as_str()),
        ("web", "2", "1")
    );
}

#[test]
fn secrets_and_tricks_in_a_webhooks_words_are_not_shown() {
    let refusal = status(
        403,
        "admission webhook \"w\" denied the request: password=hunter2hunter2 \u{1b}[2J\u{202e}\r\nApplied. \u{200b}",
        "",
        json!(null),
    );
    assert_eq!(refusal.code, ApiReason::WebhookDenied);
    assert!(!refusal.sentence.contains("hunter2"), "{}", refusal.sentence);
    assert!(!refusal.sentence.chars().any(|c| c.is_control() || is_invisible(c)), "{:?}", refusal.sentence);
}

proptest! {
    #[test]
    fn whatever_the_answer_it_is_one_short_line(code in 300u16..600, body in proptest::collection::vec(any::<u8>(), 0..1000)) {
        let refusal = classify(code, &body, &Redactor::fixed());
        prop_assert!(!refusal.sentence.is_empty());
    }

    #[test]
    fn whatever_the_message_it_is_short(code in 400u16..600, parts in proptest::collection::vec(prop_oneof![
        Just("admission webhook \"".to_owned()), Just("\" denied the request: ".to_owned()), Just("exceeded quota: ".to_owned()),
        Just(", requested: ".to_owned()), Just(", used: ".to_owned()), Just(", limited: ".to_owned()), Just("User \"".to_owned()),
        Just("\" cannot ".to_owned()), Just(" resource \"".to_owned()), Just("failed calling webhook \"".to_owned()), ".{0,400}",
    ], 0..12)) {
        let refusal = status(code, &parts.concat(), "", json!(null));
        prop_assert!(refusal.sentence.chars().count() <= 1600, "{}", refusal.sentence);
        prop_assert!(!refusal.sentence.chars().any(char::is_control));
    }
}
