//! Which object an Alertmanager notification is about, read from its labels alone. It asks no cluster, so an object
//! that it names may not exist.

use super::ObjectRef;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Labels that name one object, by the kind they name, in the order in which they decide. They are the label names
/// of kube-state-metrics (`docs/metrics`) and of the kubelet's volume metrics. Objects that can't be a target
/// themselves stand for their namespace.
const OBJECT_LABELS: &[(&str, &str)] = &[
    ("deployment", "Deployment"),
    ("statefulset", "StatefulSet"),
    ("daemonset", "DaemonSet"),
    ("cronjob", "CronJob"),
    ("job_name", "Job"),
    ("horizontalpodautoscaler", "HorizontalPodAutoscaler"),
    ("persistentvolumeclaim", "PersistentVolumeClaim"),
    ("ingress", "Ingress"),
    ("resourcequota", "Namespace"),
    ("poddisruptionbudget", "Namespace"),
];

/// The values of `workload_type` beside a `workload` label, as the kubernetes-mixin's recording rules set them.
const WORKLOAD_TYPES: &[(&str, &str)] =
    &[("deployment", "Deployment"), ("statefulset", "StatefulSet"), ("daemonset", "DaemonSet"), ("job", "Job")];

/// The object that an Alertmanager webhook payload (version 4) is about: that of its firing alerts, or of all of them
/// when none fires. Alerts about several objects of one namespace are about that namespace, unless all of them are one
/// workload and its pods. `None` when the labels name nothing.
pub fn target_of(alert: &Value) -> Option<ObjectRef> {
    let alerts = alert.get("alerts").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let about = |firing: bool| -> Vec<ObjectRef> {
        let wanted = |alert: &&Value| !firing || alert.get("status").and_then(Value::as_str) != Some("resolved");
        alerts.iter().filter(wanted).filter_map(|alert| object_of(alert.get("labels")?)).collect()
    };
    let mut objects = about(true);
    if objects.is_empty() {
        objects = about(false);
    }
    if objects.is_empty() {
        let labels = ["commonLabels", "groupLabels"].into_iter().filter_map(|key| alert.get(key));
        objects = labels.filter_map(object_of).take(1).collect();
    }
    common(&objects)
}

/// The object that one alert's labels name.
fn object_of(labels: &Value) -> Option<ObjectRef> {
    named_by(&Labels::read(labels)?)
}

/// The subject of an alert of a cluster, which its incidents are about: the workload, the node, the Service, the namespace; an
/// object of kind `Alert` with the alert's name where the labels name nothing. Of a pod it is the controller that the pod's name
/// has the shape of: whoever has seen the pod knows better.
pub fn subject_of(name: &str, labels: &BTreeMap<String, String>) -> ObjectRef {
    let labels = Labels::new(labels.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    if let (false, Some(namespace), Some((kind, workload))) =
        (labels.is_about_a_node(), labels.scraped("namespace"), labels.named_object())
        && kind != "Namespace"
    {
        return ObjectRef::new(kind, namespace, workload);
    }
    match named_by(&labels) {
        Some(pod) if pod.kind == "Pod" => controller_of(pod),
        Some(object) => object,
        None => ObjectRef::cluster("Alert", name),
    }
}

/// The controller whose pods are named like this one: `NAME-HASH-xxxxx` of a Deployment, `NAME-xxxxx` of a DaemonSet,
/// `NAME-0` of a StatefulSet. The pod itself where its name has no such shape.
fn controller_of(pod: ObjectRef) -> ObjectRef {
    // What `k8s.io/apimachinery/pkg/util/rand` makes names of: no vowels, no 0, 1 and 3.
    let is_random = |part: &str| part.bytes().all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(&byte));
    let kind_and_name = |pod: &str| -> Option<(&'static str, String)> {
        let (rest, last) = pod.rsplit_once('-').filter(|(rest, _)| !rest.is_empty())?;
        if !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()) && last.len() < 5 {
            return Some(("StatefulSet", rest.to_owned()));
        }
        if last.len() != 5 || !is_random(last) {
            return None;
        }
        match rest.rsplit_once('-') {
            Some((name, hash)) if !name.is_empty() && (6..=10).contains(&hash.len()) && is_random(hash) => {
                Some(("Deployment", name.to_owned()))
            }
            _ => Some(("DaemonSet", rest.to_owned())),
        }
    };
    match kind_and_name(&pod.name) {
        Some((kind, name)) => ObjectRef { kind: kind.to_owned(), namespace: pod.namespace, name },
        None => pod,
    }
}

/// The name or the address of the node that one alert's labels are about; `None` when they are about something else. An address
/// is that of a node or of an exporter's pod on it: only a cluster can tell.
pub fn alerted_node(labels: &Value) -> Option<&str> {
    node_of(&Labels::read(labels)?)
}

fn node_of<'a>(labels: &Labels<'a>) -> Option<&'a str> {
    if labels.is_about_a_node() {
        return labels.node();
    }
    let of_another = labels.scraped("pod").is_some() || labels.named_object().is_some();
    labels.scraped("node").filter(|_| !of_another)
}

/// The object that labels name.
fn named_by(labels: &Labels<'_>) -> Option<ObjectRef> {
    if let Some(node) = node_of(labels) {
        return Some(ObjectRef::cluster("Node", node));
    }
    let namespace = labels.scraped("namespace");
    let pod = labels.scraped("pod");
    if let (Some(namespace), Some((kind, name))) = (namespace, labels.named_object()) {
        return Some(match pod {
            _ if kind == "Namespace" => ObjectRef::cluster(kind, namespace),
            Some(pod) if is_pod_of(pod, name) => ObjectRef::new("Pod", namespace, pod),
            _ => ObjectRef::new(kind, namespace, name),
        });
    }
    if let (Some(namespace), Some(pod)) = (namespace, pod) {
        return Some(ObjectRef::new("Pod", namespace, pod));
    }
    let namespace = namespace?;
    Some(match labels.scraped("service") {
        Some(service) => ObjectRef::new("Service", namespace, service),
        None => ObjectRef::cluster("Namespace", namespace),
    })
}

/// One alert's labels.
struct Labels<'a> {
    labels: BTreeMap<&'a str, &'a str>,
    /// Prometheus renames a metric's own labels to `exported_…` where the scraped target has them too
    /// (`honor_labels: false`). The plain ones then speak of the exporter.
    exported: bool,
}

impl<'a> Labels<'a> {
    fn new(labels: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let labels: BTreeMap<_, _> = labels.collect();
        let exported = labels.keys().any(|key| key.starts_with("exported_"));
        Self { labels, exported }
    }

    /// What isn't text says nothing.
    fn read(labels: &'a Value) -> Option<Self> {
        Some(Self::new(labels.as_object()?.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.labels.get(name).copied().filter(|value| !value.is_empty())
    }

    /// The value of a label that a scrape adds for its own target as well: the metric's own one.
    fn scraped(&self, name: &str) -> Option<&'a str> {
        if self.exported { self.get(&format!("exported_{name}")) } else { self.get(name) }
    }

    fn named_object(&self) -> Option<(&'static str, &'a str)> {
        let by_type = || {
            let kind = self.get("workload_type")?;
            let (_, kind) = WORKLOAD_TYPES.iter().find(|(name, _)| kind.eq_ignore_ascii_case(name))?;
            Some((*kind, self.get("workload")?))
        };
        OBJECT_LABELS.iter().find_map(|(label, kind)| Some((*kind, self.get(label)?))).or_else(by_type)
    }

    /// Alerts about nodes carry the namespace and the pod of the exporter that watches the node.
    fn is_about_a_node(&self) -> bool {
        let name = self.get("alertname").unwrap_or("");
        (name.starts_with("Node") || name.starts_with("KubeNode")) && self.node().is_some()
    }

    /// The label `node`, else the scraped instance without its port: a name or an address of the node.
    fn node(&self) -> Option<&'a str> {
        let instance = || {
            let instance = self.get("instance")?;
            let host = instance.rsplit_once(':').map_or(instance, |(host, _)| host);
            Some(host.trim_start_matches('[').trim_end_matches(']'))
        };
        self.get("exported_node").or_else(|| self.get("node")).or_else(instance).filter(|node| !node.is_empty())
    }
}

/// Whether a pod's name has the shape that the controller of this name gives to its pods.
fn is_pod_of(pod: &str, controller: &str) -> bool {
    pod.strip_prefix(controller).is_some_and(|rest| rest.starts_with('-'))
}

/// What several objects have in common.
fn common(objects: &[ObjectRef]) -> Option<ObjectRef> {
    let first = objects.first()?;
    let distinct: BTreeSet<&ObjectRef> = objects.iter().collect();
    if distinct.len() == 1 {
        return Some(first.clone());
    }
    let namespace = namespace_of(first);
    if namespace.is_none() || distinct.iter().any(|object| namespace_of(object) != namespace) {
        return Some(first.clone());
    }
    let mut others = distinct.iter().filter(|object| object.kind != "Pod");
    if let (Some(workload), None) = (others.next(), others.next())
        && distinct.iter().all(|object| object == workload || is_pod_of(&object.name, &workload.name))
    {
        return Some((*workload).clone());
    }
    let stem = |object: &ObjectRef| object.name.rsplit_once('-').map(|(stem, _)| stem.to_owned());
    if distinct.iter().all(|object| object.kind == "Pod" && stem(object).is_some() && stem(object) == stem(first)) {
        return Some(first.clone());
    }
    namespace.map(|namespace| ObjectRef::cluster("Namespace", namespace))
}

/// The namespace that an object is in, or is.
fn namespace_of(object: &ObjectRef) -> Option<&str> {
    if object.kind == "Namespace" { Some(&object.name) } else { object.namespace.as_deref() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(labels: Value) -> Option<String> {
        Some(target_of(&json!({"version": "4", "alerts": [{"status": "firing", "labels": labels}]}))?.to_string())
    }

    /// Notifications as Alertmanager 0.25 and 0.28 and vmalert send them, cut down to what decides.
    #[test]
    fn alertmanager_notifications() {
        let crash_looping = |pod: &str, status: &str| {
            json!({"status": status, "labels": {"alertname": "KubePodCrashLooping", "container": "app", "instance":
                "127.0.0.1:19096", "job": "kube-state-metrics", "namespace": "shop", "pod": pod, "severity": "warning"}})
        };
        let mismatch = json!({"status": "firing", "labels": {"alertname": "KubeDeploymentReplicasMismatch",
            "deployment": "checkout", "instance": "127.0.0.1:19096", "job": "kube-state-metrics", "namespace": "shop"}});
        let about = |alerts: Vec<Value>| target_of(&json!({"version": "4", "alerts": alerts})).map(|target| target.to_string());
        let (first, second) = ("checkout-6d5f9c7b8-abcde", "checkout-6d5f9c7b8-fghij");

        assert_eq!(about(vec![crash_looping(first, "firing")]).as_deref(), Some("Pod shop/checkout-6d5f9c7b8-abcde"));
        assert_eq!(about(vec![mismatch.clone(), crash_looping(first, "firing")]).as_deref(), Some("Deployment shop/checkout"));
        assert_eq!(
            about(vec![crash_looping(first, "resolved"), crash_looping(second, "firing")]).as_deref(),
            Some("Pod shop/checkout-6d5f9c7b8-fghij")
        );
        assert_eq!(
            about(vec![crash_looping(first, "firing"), crash_looping(second, "firing")]).as_deref(),
            Some("Pod shop/checkout-6d5f9c7b8-abcde")
        );
        assert_eq!(
            about(vec![crash_looping(first, "firing"), crash_looping("ledger-0", "firing")]).as_deref(),
            Some("Namespace shop")
        );
        assert_eq!(about(vec![crash_looping(first, "resolved")]).as_deref(), Some("Pod shop/checkout-6d5f9c7b8-abcde"));
        assert_eq!(about(vec![]), None);
    }

    #[test]
    fn the_exporters_own_labels_are_not_the_subject() {
        // A ServiceMonitor adds pod, container and service of the exporter to each metric that lacks them.
        let exporter = |labels: Value| {
            let mut all = json!({"container": "kube-state-metrics", "job": "kube-state-metrics", "service": "kps-kube-state-metrics",
                "pod": "kps-kube-state-metrics-5b4d", "instance": "10.1.2.3:8080", "endpoint": "http"});
            all.as_object_mut().unwrap().extend(labels.as_object().unwrap().clone());
            of(all)
        };
        assert_eq!(exporter(json!({"deployment": "checkout", "namespace": "shop"})).as_deref(), Some("Deployment shop/checkout"));
        assert_eq!(exporter(json!({"resourcequota": "small", "namespace": "shop"})).as_deref(), Some("Namespace shop"));
        assert_eq!(
            exporter(json!({"alertname": "KubeNodeNotReady", "node": "worker-1", "namespace": "monitoring"})).as_deref(),
            Some("Node worker-1")
        );
        assert_eq!(
            exporter(json!({"exported_namespace": "shop", "exported_pod": "checkout-1", "namespace": "monitoring"})).as_deref(),
            Some("Pod shop/checkout-1")
        );
        assert_eq!(exporter(json!({"exported_namespace": "shop", "namespace": "monitoring"})).as_deref(), Some("Namespace shop"));
    }

    #[test]
    fn each_label_that_names_an_object() {
        for (labels, expected) in [
            (json!({"namespace": "shop", "statefulset": "db"}), "StatefulSet shop/db"),
            (json!({"namespace": "shop", "statefulset": "db", "pod": "db-0"}), "Pod shop/db-0"),
            (json!({"namespace": "shop", "daemonset": "agent"}), "DaemonSet shop/agent"),
            (json!({"namespace": "shop", "job_name": "report-28", "job": "kube-state-metrics"}), "Job shop/report-28"),
            (json!({"namespace": "shop", "cronjob": "report"}), "CronJob shop/report"),
            (json!({"namespace": "shop", "persistentvolumeclaim": "data", "node": "w1"}), "PersistentVolumeClaim shop/data"),
            (json!({"namespace": "shop", "horizontalpodautoscaler": "web"}), "HorizontalPodAutoscaler shop/web"),
            (json!({"namespace": "shop", "workload": "web", "workload_type": "deployment"}), "Deployment shop/web"),
            (json!({"namespace": "shop", "service": "web"}), "Service shop/web"),
            (json!({"namespace": "shop"}), "Namespace shop"),
            (json!({"node": "w1"}), "Node w1"),
            (json!({"namespace": "shop", "pod": "web-1", "node": "w1"}), "Pod shop/web-1"),
            (json!({"alertname": "NodeFilesystemFull", "instance": "10.0.0.7:9100", "namespace": "mon"}), "Node 10.0.0.7"),
            (json!({"alertname": "NodeClockSkew", "instance": "[fd00::7]:9100"}), "Node fd00::7"),
        ] {
            assert_eq!(of(labels.clone()).as_deref(), Some(expected), "{labels}");
        }
        for labels in [json!({}), json!({"pod": "web-1"}), json!({"namespace": 7}), json!("x"), json!({"namespace": ""})] {
            assert_eq!(of(labels.clone()), None, "{labels}");
        }
    }

    #[test]
    fn the_subject_is_the_workload() {
        let subject = |labels: &[(&str, &str)]| {
            let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            subject_of("HighLatency", &labels).to_string()
        };
        let of_pod = |pod: &str| subject(&[("namespace", "shop"), ("pod", pod)]);
        assert_eq!(of_pod("checkout-6d5f9c7b8-x2kbd"), "Deployment shop/checkout");
        assert_eq!(of_pod("ledger-0"), "StatefulSet shop/ledger");
        assert_eq!(of_pod("agent-x2kbd"), "DaemonSet shop/agent");
        for own in ["web", "-x2kbd", "static-web-node", "web-aeiou", "web-"] {
            assert_eq!(of_pod(own), format!("Pod shop/{own}"));
        }
        let both = [("namespace", "shop"), ("deployment", "checkout"), ("pod", "checkout-6d5f9c7b8-x2kbd")];
        assert_eq!(subject(&both), "Deployment shop/checkout");
        assert_eq!(subject(&[("namespace", "shop"), ("resourcequota", "small"), ("pod", "ksm-0")]), "Namespace shop");
        assert_eq!(subject(&[("exported_namespace", "shop"), ("exported_pod", "db-0"), ("pod", "ksm-1")]), "StatefulSet shop/db");
        assert_eq!(subject(&[("namespace", "shop"), ("service", "web")]), "Service shop/web");
        assert_eq!(subject(&[("node", "w1")]), "Node w1");
        assert_eq!(subject(&[("team", "payments")]), "Alert HighLatency");
    }

    #[test]
    fn common_labels_stand_in_for_missing_alerts() {
        let target = target_of(&json!({"commonLabels": {}, "groupLabels": {"namespace": "shop"}}));
        assert_eq!(target, Some(ObjectRef::cluster("Namespace", "shop")));
    }
}
