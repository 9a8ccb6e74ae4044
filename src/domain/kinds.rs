//! The kinds of objects that can be analysed, and how people call them.

/// What can be analysed: the kind, its plural and short names as `kubectl api-resources` prints them, and its API group.
pub const KINDS: &[(&str, &str, &str, &str)] = &[
    ("Pod", "pods", "po", ""),
    ("Deployment", "deployments", "deploy", "apps"),
    ("StatefulSet", "statefulsets", "sts", "apps"),
    ("DaemonSet", "daemonsets", "ds", "apps"),
    ("ReplicaSet", "replicasets", "rs", "apps"),
    ("Job", "jobs", "", "batch"),
    ("CronJob", "cronjobs", "cj", "batch"),
    ("Service", "services", "svc", ""),
    ("Ingress", "ingresses", "ing", "networking.k8s.io"),
    ("PersistentVolumeClaim", "persistentvolumeclaims", "pvc", ""),
    ("HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa", "autoscaling"),
    ("Node", "nodes", "no", ""),
    ("Namespace", "namespaces", "ns", ""),
];

/// The kind that a type means, in any spelling that kubectl takes; case doesn't matter.
pub fn kind_called(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    let (name, group) = lower.split_once('.').unwrap_or((&lower, ""));
    // `deployments.v1.apps`: a version before the group.
    let group = match group.split_once('.') {
        Some((version, rest)) if version.starts_with('v') && version[1..].starts_with(|char: char| char.is_ascii_digit()) => rest,
        _ => group,
    };
    let mut known = KINDS.iter();
    let found = known.find(|(kind, plural, short, own_group)| {
        let called = name == *plural || name == kind.to_lowercase() || (!short.is_empty() && name == *short);
        called && (group.is_empty() || group == *own_group)
    });
    found.map(|(kind, ..)| *kind)
}
