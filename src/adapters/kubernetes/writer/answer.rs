//! What an answer other than 2xx means, by the words that the API server uses. Pure: a status and a body in, a code, a
//! sentence and the particulars out. The words are the server's own, masked, on one line and cut.
//!
//! The wordings are those of Kubernetes 1.20 to 1.34: apiserver's `pkg/api/errors` and `pkg/admission`, the quota plugin,
//! and `pkg/registry/core/pod/storage/eviction.go`.

use super::super::fault;
use crate::ports::{ApiReason, ApiRefusal};
use crate::redact::Redactor;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The most particulars that are kept, of one answer.
const MAX_DETAILS: usize = 8;

/// `Status` of `meta/v1`, as far as it counts here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    message: String,
    reason: String,
    details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    name: String,
    causes: Option<Vec<Cause>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cause {
    reason: String,
    message: String,
    field: String,
}

/// What an answer means.
pub(super) fn classify(status: u16, body: &[u8], redactor: &Redactor) -> ApiRefusal {
    let said: Status = serde_json::from_slice(body).unwrap_or_default();
    let words = Words { redactor };
    let code = reason(status, &said);
    let details = details(code, &said, &words);
    let sentence = sentence(code, status, &said.message, &details, &words);
    ApiRefusal { code, status, sentence, details }
}

fn reason(status: u16, said: &Status) -> ApiReason {
    let message = said.message.as_str();
    let causes = || said.details.iter().flat_map(|details| details.causes.iter().flatten());
    // These come with whatever status the webhook, or a version of the server, chose.
    if message.contains("admission webhook ") && message.contains(" denied the request") {
        return ApiReason::WebhookDenied;
    }
    if message.contains("failed calling webhook ") {
        return ApiReason::WebhookUnavailable;
    }
    if message.contains(" does not support dry run") {
        return ApiReason::DryRunUnsupported;
    }
    if message.contains("more than one PodDisruptionBudget") {
        return ApiReason::PdbAmbiguous;
    }
    if message.contains("ValidatingAdmissionPolicy '") && message.contains(" denied request") {
        return ApiReason::AdmissionDenied;
    }
    match status {
        401 => ApiReason::Unauthorized,
        403 if causes().any(|cause| cause.reason == "NamespaceTerminating") => ApiReason::NamespaceTerminating,
        403 if message.contains("exceeded quota: ") => ApiReason::QuotaExceeded,
        403 if message.contains(" cannot ") => ApiReason::RbacDenied,
        403 => ApiReason::AdmissionDenied,
        404 if said.details.as_ref().is_some_and(|details| !details.name.is_empty()) => ApiReason::TargetGone,
        404 if said.reason == "NotFound" && message.ends_with("\" not found") => ApiReason::TargetGone,
        404 => ApiReason::NotServed,
        409 if message.contains("UID in precondition") || message.contains("UID in the precondition") => {
            ApiReason::TargetReplaced
        }
        409 => ApiReason::TargetChanged,
        422 if causes().any(|cause| cause.field == "metadata.uid") => ApiReason::TargetReplaced,
        400 | 422 => ApiReason::Invalid,
        429 if causes().any(|cause| cause.reason == "DisruptionBudget") => ApiReason::PdbBlocks,
        429 => ApiReason::Throttled,
        500.. => ApiReason::ServerError,
        _ => ApiReason::Refused,
    }
}

fn details(code: ApiReason, said: &Status, words: &Words<'_>) -> BTreeMap<String, String> {
    let message = said.message.as_str();
    let causes = said.details.iter().flat_map(|details| details.causes.iter().flatten());
    let mut found = BTreeMap::new();
    let mut keep = |key: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty() && found.len() < MAX_DETAILS) {
            found.insert(words.line(key), words.line(value));
        }
    };
    match code {
        ApiReason::RbacDenied => {
            // User "U" cannot VERB resource "R" in API group "G" in the namespace "N"; the group is absent in old versions.
            keep("user", between(message, "User \"", "\" cannot "));
            keep("verb", between(message, "\" cannot ", " "));
            keep("resource", between(message, " resource \"", "\""));
            keep("group", between(message, " in API group \"", "\""));
            keep("namespace", between(message, " in the namespace \"", "\""));
        }
        ApiReason::QuotaExceeded => {
            keep("quota", between(message, "exceeded quota: ", ", requested: "));
            keep("requested", between(message, ", requested: ", ", used: "));
            keep("used", between(message, ", used: ", ", limited: "));
            keep("limited", after(message, ", limited: "));
        }
        ApiReason::WebhookDenied => {
            keep("webhook", between(message, "admission webhook \"", "\" denied"));
            keep("says", after(message, "denied the request: "));
        }
        ApiReason::WebhookUnavailable => {
            keep("webhook", between(message, "failed calling webhook \"", "\""));
            keep("why", after(message, "failed calling webhook ").and_then(|rest| after(rest, "\": ")));
        }
        ApiReason::DryRunUnsupported => keep("webhook", between(message, "admission webhook \"", "\" does not support")),
        ApiReason::AdmissionDenied => keep("policy", between(message, "ValidatingAdmissionPolicy '", "'")),
        ApiReason::TargetReplaced => keep("uid", between(message, "UID in object meta: ", " ").or_else(|| record(message))),
        ApiReason::PdbBlocks => {
            let mut causes = causes.filter(|cause| cause.reason == "DisruptionBudget");
            let cause = causes.next().map(|cause| cause.message.as_str()).unwrap_or_default();
            keep("budget", between(cause, "The disruption budget ", " "));
            keep("needed", between(cause, " needs ", " healthy pods"));
            keep("healthy", after(cause, " healthy pods and has ").and_then(|rest| rest.split(' ').next()));
            keep("says", Some(cause));
        }
        ApiReason::Invalid => causes.for_each(|cause| {
            let field = if cause.field.is_empty() { "object" } else { cause.field.as_str() };
            keep(field, Some(cause.message.as_str()));
        }),
        _ => {}
    }
    found
}

/// The UID of the object that is there, as eviction tells it, or at the end of the older wording.
fn record(message: &str) -> Option<&str> {
    between(message, "does not match the UID in record (", ")").or_else(|| after(message, "UID in object meta: "))
}

fn sentence(code: ApiReason, status: u16, message: &str, details: &BTreeMap<String, String>, words: &Words<'_>) -> String {
    let get = |key: &str| details.get(key).map(String::as_str);
    let told = match code {
        ApiReason::Unauthorized => Some("the API server doesn't accept this identity".to_owned()),
        ApiReason::RbacDenied => rbac(&get),
        ApiReason::QuotaExceeded => get("quota").zip(get("requested")).zip(get("used")).zip(get("limited")).map(
            |(((quota, requested), used), limited)| {
                format!("quota {quota}: requested {requested}, used {used}, limited to {limited}")
            },
        ),
        ApiReason::WebhookDenied => get("webhook").map(|webhook| match get("says") {
            Some(says) => format!("admission webhook {webhook} refused it: {says}"),
            None => format!("admission webhook {webhook} refused it and gave no reason"),
        }),
        ApiReason::WebhookUnavailable => get("webhook").map(|webhook| {
            format!("admission webhook {webhook} must be asked and doesn't answer: {}", get("why").unwrap_or("no reason given"))
        }),
        ApiReason::DryRunUnsupported => get("webhook")
            .map(|webhook| format!("admission webhook {webhook} knows no dry run, so what would happen can't be seen")),
        ApiReason::TargetReplaced => Some("another object has this name now: the one that was looked at is gone".to_owned()),
        ApiReason::PdbBlocks => match (get("budget"), get("needed"), get("healthy")) {
            (Some(budget), Some(needed), Some(healthy)) => {
                Some(format!("PodDisruptionBudget {budget} needs {needed} healthy pods and has {healthy}"))
            }
            _ => get("says").map(str::to_owned),
        },
        ApiReason::PdbAmbiguous => {
            Some("more than one PodDisruptionBudget selects the pod; the server evicts none such".to_owned())
        }
        ApiReason::Throttled => Some("the API server is busy (429)".to_owned()),
        ApiReason::Invalid if !details.is_empty() => {
            let fields: Vec<_> = details.iter().map(|(field, says)| format!("{field}: {says}")).collect();
            Some(words.line(&fields.join("; ")))
        }
        _ => None,
    };
    let own = words.line(message);
    match told {
        Some(told) => told,
        None if own.is_empty() => format!("the API server answered HTTP {status} without a reason"),
        None if code == ApiReason::ServerError => format!("{own} (HTTP {status})"),
        None => own,
    }
}

/// Who may not do what, and the rule that a Role lacks.
fn rbac<'a>(get: &impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let (user, verb, resource) = (get("user")?, get("verb")?, get("resource")?);
    let place = get("namespace").map(|namespace| format!(" in {namespace}")).unwrap_or_default();
    let group = get("group").unwrap_or_default();
    Some(format!(
        "{user} may not {verb} {resource}{place}; a Role must have: apiGroups [{group:?}], resources [{resource:?}], verbs [{verb:?}]"
    ))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    after(text, start)?.split_once(end).map(|(found, _)| found)
}

fn after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.split_once(start).map(|(_, rest)| rest)
}

/// Makes a server's words fit to be shown and kept.
struct Words<'a> {
    redactor: &'a Redactor,
}

impl Words<'_> {
    fn line(&self, text: &str) -> String {
        let shown: String = self.redactor.text(text).chars().filter(|c| !is_invisible(*c)).collect();
        fault::short(&shown)
    }
}

/// Characters that change how those around them are shown: a webhook's words could look like ours (Unicode UAX #9, the
/// bidirectional controls, and what has no width).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests;
