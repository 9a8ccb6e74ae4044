//! What Kubernetes takes a field of a pod template to be when it is left out, so that writing it out is no change.

use serde_json::Value;

/// What the API server fills in where nothing is given (`pkg/apis/core/v1/defaults.go`), by the end of the field's
/// path without the names of list elements.
fn default_of(path: &str) -> Option<Value> {
    let ends = |end: &str| path.ends_with(end);
    let text = |fields: &[(&str, &str)]| fields.iter().find(|(end, _)| ends(end)).map(|(_, value)| Value::from(*value));
    let number = |fields: &[(&str, i64)]| fields.iter().find(|(end, _)| ends(end)).map(|(_, value)| Value::from(*value));
    text(&[
        ("spec.restartPolicy", "Always"),
        ("spec.dnsPolicy", "ClusterFirst"),
        ("spec.schedulerName", "default-scheduler"),
        ("spec.preemptionPolicy", "PreemptLowerPriority"),
        ("terminationMessagePath", "/dev/termination-log"),
        ("terminationMessagePolicy", "File"),
        ("ports.protocol", "TCP"),
        ("httpGet.scheme", "HTTP"),
        ("httpGet.path", "/"),
        ("fieldRef.apiVersion", "v1"),
        ("securityContext.procMount", "Default"),
        ("volumeMounts.recursiveReadOnly", "Disabled"),
    ])
    .or_else(|| {
        number(&[
            ("spec.terminationGracePeriodSeconds", 30),
            ("Probe.timeoutSeconds", 1),
            ("Probe.periodSeconds", 10),
            ("Probe.successThreshold", 1),
            ("Probe.failureThreshold", 3),
            ("configMap.defaultMode", 0o644),
            ("secret.defaultMode", 0o644),
            ("projected.defaultMode", 0o644),
            ("downwardAPI.defaultMode", 0o644),
            ("serviceAccountToken.expirationSeconds", 3600),
        ])
    })
    .or_else(|| ["spec.enableServiceLinks", "spec.automountServiceAccountToken"].iter().any(|end| ends(end)).then(|| true.into()))
}

/// Fields whose false or 0 says something that leaving them out doesn't.
const MEANINGFUL_ZERO: &[&str] = &[
    "allowPrivilegeEscalation",
    "automountServiceAccountToken",
    "enableServiceLinks",
    "fsGroup",
    "hostUsers",
    "priority",
    "runAsGroup",
    "runAsUser",
    "terminationGracePeriodSeconds",
];

/// Whether a value that is given says the same as leaving the field out: it is the field's default, or nothing at all.
pub(super) fn says_nothing(fields: &str, given: &Value) -> bool {
    if let Some(default) = default_of(fields) {
        return *given == default;
    }
    let last = fields.rsplit('.').next().unwrap_or("");
    match given {
        Value::Null => true,
        Value::Bool(given) => !given && !MEANINGFUL_ZERO.contains(&last),
        Value::Number(given) => given.as_f64() == Some(0.0) && !MEANINGFUL_ZERO.contains(&last),
        // The default of imagePullPolicy is one of these two, by the image's tag.
        Value::String(given) if last == "imagePullPolicy" => matches!(given.as_str(), "Always" | "IfNotPresent"),
        Value::String(given) => given.is_empty(),
        Value::Array(given) => given.is_empty(),
        // `emptyDir: {}` and its like choose a kind by being there.
        Value::Object(given) => given.is_empty() && matches!(last, "securityContext" | "resources" | "affinity" | "dnsConfig"),
    }
}
