//! What each source would have shown, for the part of a report that says what could not be seen.

/// What seeing a source that failed would tell.
pub fn would_show(source: &str) -> &'static str {
    match source {
        "kubernetes" => "the objects that this verdict is about",
        "logs" => "an application's own error",
        "signals" => "saturation, growth, latency and loss",
        "deploys" => "whether a deployment went before the fault",
        "tickets" => "whether somebody works on it already",
        "dependencies" => "who calls whom",
        "kubernetes/events" => "what the kubelet, the scheduler and the controllers said",
        "kubernetes/nodes" => "whether the node is well, and which nodes would fit",
        "kubernetes/pods" => "everything about pods",
        "kubernetes/secrets" => "whether a Secret or a key that is named exists",
        "kubernetes/configmaps" => "whether a ConfigMap or a key that is named exists",
        "kubernetes/persistentvolumes" | "kubernetes/storageclasses" => "why a claim isn't bound",
        "kubernetes/leases" => "whether the kubelet is alive",
        "kubernetes/replicasets" | "kubernetes/controllerrevisions" => "what the last revision changed",
        "kubernetes/resourcequotas" | "kubernetes/limitranges" => "which quota or limit refuses objects",
        "kubernetes/validatingwebhookconfigurations" | "kubernetes/mutatingwebhookconfigurations" => {
            "which webhook stands in the way"
        }
        _ => "faults that only it shows",
    }
}
