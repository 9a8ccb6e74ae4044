//! Other names for everything in an incident: objects, namespaces, containers, volumes, label values, images and hosts get
//! other letters, the same everywhere, so that what is spelt alike stays alike. What Kubernetes makes out of names (`DEPLOYMENT-HASH-SUFFIX`, `CLAIM-SET-0`,
//! `NAME.NAMESPACE.svc`) is made out of the new ones, and Kubernetes' own names and words stay.

use super::random::Random;
use serde_json::{Map, Value};
use sre_copilot::cluster::{LogKey, Recording};
use sre_copilot::domain::ObjectRef;
use std::collections::{BTreeMap, BTreeSet};

/// Names and label values that are Kubernetes' or a registry's own.
const OWN: &[&str] = &[
    "amd64",
    "arm64",
    "cluster",
    "com",
    "control-plane",
    "coredns",
    "default",
    "docker",
    "example",
    "false",
    "gcr",
    "ghcr",
    "internal",
    "io",
    "k8s",
    "latest",
    "library",
    "linux",
    "local",
    "localhost",
    "net",
    "none",
    "org",
    "quay",
    "registry",
    "restricted",
    "baseline",
    "privileged",
    "svc",
    "true",
    "windows",
];

/// Names that are English or the stacks' own words too: in running text they are a name only where they stand as one.
const WORDS: &[&str] = &[
    "api",
    "app",
    "application",
    "auth",
    "backend",
    "batch",
    "cache",
    "client",
    "config",
    "configuration",
    "container",
    "core",
    "data",
    "database",
    "db",
    "deployment",
    "disk",
    "edge",
    "file",
    "frontend",
    "gateway",
    "http",
    "https",
    "image",
    "index",
    "ingress",
    "init",
    "java",
    "job",
    "jobs",
    "kafka",
    "logs",
    "main",
    "memory",
    "migrate",
    "migration",
    "migrations",
    "mongo",
    "mysql",
    "network",
    "nginx",
    "node",
    "orders",
    "pod",
    "pods",
    "postgres",
    "postgresql",
    "prepare",
    "probe",
    "proxy",
    "queue",
    "rabbitmq",
    "redis",
    "report",
    "root",
    "run",
    "secret",
    "server",
    "service",
    "services",
    "setup",
    "sidecar",
    "standard",
    "storage",
    "store",
    "system",
    "task",
    "test",
    "token",
    "users",
    "volume",
    "wait",
    "web",
    "worker",
    "workers",
    "write",
];

/// Fields whose values are words of the API, never names.
const ENUMS: &[&str] = &[
    "apiVersion",
    "kind",
    "type",
    "reason",
    "phase",
    "operator",
    "effect",
    "protocol",
    "appProtocol",
    "status",
    "signal",
    "component",
    "reportingComponent",
    "reportingController",
    "resource",
    "resources",
    "verbs",
    "apiGroups",
    "imagePullPolicy",
    "restartPolicy",
    "severity",
    "alertname",
];

/// What follows the class in a quota's resource (`V1ResourceByStorageClass` in pkg/quota/v1/evaluator/core).
const CLASS_RESOURCE: &str = ".storageclass.storage.k8s.io/";

/// The letters and digits of the hashes that Kubernetes appends (k8s.io/apimachinery/pkg/util/rand).
const HASH: &str = "bcdfghjklmnpqrstvwxz2456789";

/// Which name became which.
pub struct Names {
    known: BTreeMap<String, String>,
    letters: Vec<char>,
}

impl Names {
    /// New names for all names of a recording.
    pub fn new(recording: &Recording, random: &mut Random) -> Self {
        let mut old = BTreeSet::new();
        recording.objects.iter().for_each(|object| collect(object, &mut old));
        for key in recording.logs.keys() {
            old.extend([key.namespace.clone(), key.pod.clone(), key.container.clone()]);
        }
        for end in recording.dependencies.iter().flat_map(|edge| [&edge.from, &edge.to]) {
            old.extend([end.namespace.clone(), end.name.clone()]);
        }
        for labels in recording.signals.iter().map(|series| &series.labels) {
            let named = ["namespace", "service", "workload", "pod", "container", "node", "persistentvolumeclaim"];
            old.extend(named.iter().filter_map(|name| labels.get(*name)).cloned());
        }
        old.retain(|name| is_renamed(name));
        let mut shortest_first: Vec<String> = old.into_iter().collect();
        shortest_first.sort_by_key(|name| (name.len(), name.clone()));
        let mut letters: Vec<char> = ('a'..='z').collect();
        random.shuffle(&mut letters);
        let mut names = Self { known: BTreeMap::new(), letters };
        for name in shortest_first {
            let new = names.derived(&name).unwrap_or_else(|| names.enciphered(&name));
            names.known.insert(name, new);
        }
        names
    }

    /// Each letter by another one. An `x` in front keeps it from being a word or a hash by chance.
    fn enciphered(&self, name: &str) -> String {
        let other = |char: char| match char {
            'a'..='z' => self.letters[usize::from(char as u8 - b'a')],
            'A'..='Z' => self.letters[usize::from(char as u8 - b'A')].to_ascii_uppercase(),
            other => other,
        };
        format!("x{}", name.chars().map(other).collect::<String>())
    }

    /// Gives a name this new one.
    pub fn set(&mut self, name: &str, new: &str) {
        self.known.insert(name.to_owned(), new.to_owned());
    }

    /// A name that Kubernetes made out of names that are known.
    fn derived(&self, name: &str) -> Option<String> {
        for (dash, _) in name.match_indices('-').rev() {
            let (start, end) = (&name[..dash], &name[dash + 1..]);
            if is_suffix(end)
                && let Some(start) = self.known.get(start).cloned().or_else(|| self.derived(start))
            {
                return Some(format!("{start}-{end}"));
            }
            // A claim that a StatefulSet made: TEMPLATE-SET-ORDINAL.
            if let (Some(template), Some((set, ordinal))) = (self.known.get(start), end.rsplit_once('-'))
                && let (Some(set), Ok(ordinal)) = (self.known.get(set), ordinal.parse::<u32>())
            {
                return Some(format!("{template}-{set}-{ordinal}"));
            }
        }
        None
    }

    /// The new name of one that stands alone.
    pub fn name(&self, name: &str) -> String {
        self.new_name(name).unwrap_or_else(|| name.to_owned())
    }

    fn new_name(&self, name: &str) -> Option<String> {
        self.known.get(name).cloned().or_else(|| self.derived(name))
    }

    /// The reference under its new name.
    pub fn object(&self, object: &ObjectRef) -> ObjectRef {
        let namespace = object.namespace.as_ref().map(|namespace| self.name(namespace));
        ObjectRef { kind: object.kind.clone(), namespace, name: self.name(&object.name) }
    }

    /// Every name in a text.
    pub fn text(&self, text: &str) -> String {
        let is_word = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        let prose = text.contains(' ');
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        while !rest.is_empty() {
            let gap = rest.find(is_word).unwrap_or(rest.len());
            out.push_str(&rest[..gap]);
            rest = &rest[gap..];
            let end = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            out.push_str(&self.word(word, &out, after, prose));
            rest = after;
        }
        out
    }

    fn word(&self, word: &str, before: &str, after: &str, prose: bool) -> String {
        // The key of a label or of a JSON log, not a value.
        let is_key = after.starts_with('=') || after.starts_with("\":") || after.starts_with(".kubernetes.io");
        let is_name = !WORDS.contains(&word)
            || !prose
            || before.ends_with(['"', '{', '=', '/', '(', '\''])
            || before.to_lowercase().ends_with("container ")
            || before.ends_with("container: ")
            || before.ends_with("quota: ");
        if is_key || !is_name {
            return word.to_owned();
        }
        match self.new_name(word) {
            Some(name) => name,
            // `NAMESPACE_POD_UID`, as the kubelet names folders of logs and volumes.
            None => word.split('_').map(|part| self.name(part)).collect::<Vec<_>>().join("_"),
        }
    }

    /// The recording under its new names.
    pub fn recording(&self, recording: &Recording) -> Recording {
        let mut new = recording.clone();
        new.target = recording.target.as_ref().map(|target| self.object(target));
        new.objects.iter_mut().for_each(|object| self.value(object));
        let log = |(key, text): (&LogKey, &String)| {
            let (namespace, pod, container) = (self.name(&key.namespace), self.name(&key.pod), self.name(&key.container));
            (LogKey { namespace, pod, container, previous: key.previous }, self.text(text))
        };
        new.logs = recording.logs.iter().map(log).collect();
        for series in &mut new.signals {
            series.labels.values_mut().for_each(|value| *value = self.text(value));
        }
        for edge in &mut new.dependencies {
            for end in [&mut edge.from, &mut edge.to] {
                (end.namespace, end.name) = (self.name(&end.namespace), self.name(&end.name));
            }
        }
        for deploy in &mut new.deploys {
            (deploy.namespace, deploy.service) = (self.name(&deploy.namespace), self.name(&deploy.service));
        }
        new.alert.iter_mut().for_each(|alert| self.value(alert));
        new
    }

    fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(map) => {
                // A quota's resource names a class in its key.
                for key in map.keys().filter(|key| key.contains(CLASS_RESOURCE)).cloned().collect::<Vec<_>>() {
                    let value = map.remove(&key).unwrap();
                    map.insert(self.text(&key), value);
                }
                for (key, value) in map {
                    if !(ENUMS.contains(&key.as_str()) && value.is_string()) {
                        self.value(value);
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_renamed(name: &str) -> bool {
    let own = OWN.contains(&name) || name.starts_with("kube-") || name.starts_with("system:") || name.contains("kubernetes.io");
    name.len() > 2
        && !own
        && !is_suffix(name)
        && !name.bytes().all(|byte| byte.is_ascii_digit())
        && !name.contains(['.', ':', '/'])
}

/// A hash, an ordinal, a time, or several of them.
fn is_suffix(text: &str) -> bool {
    text.split('-').all(|part| {
        let is_hash = (5..=10).contains(&part.len()) && part.chars().all(|char| HASH.contains(char));
        is_hash || !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Collects the names in an object.
fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        Value::Object(map) => {
            for (key, value) in map {
                match key.as_str() {
                    "metadata" => identity(value, names),
                    "containers" | "initContainers" | "ephemeralContainers" | "volumes" | "volumeClaimTemplates" => {
                        names.extend(
                            value.as_array().into_iter().flatten().filter_map(|item| item["name"].as_str()).map(str::to_owned),
                        );
                    }
                    "image" => {
                        let image = value.as_str().unwrap_or("").split(['@', ':']).next().unwrap_or("");
                        names.extend(image.split(['/', '.']).map(str::to_owned));
                    }
                    "labels" | "matchLabels" | "selector" | "nodeSelector" => {
                        names.extend(texts(value.as_object()));
                    }
                    _ => {}
                }
                collect(value, names);
            }
        }
        _ => {}
    }
}

fn identity(metadata: &Value, names: &mut BTreeSet<String>) {
    for key in ["name", "namespace"] {
        names.extend(metadata[key].as_str().map(str::to_owned));
    }
    names.extend(texts(metadata["labels"].as_object()));
}

fn texts(map: Option<&Map<String, Value>>) -> impl Iterator<Item = String> {
    map.into_iter().flatten().filter_map(|(_, value)| value.as_str()).map(str::to_owned)
}
