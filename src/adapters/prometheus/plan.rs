//! Which queries are asked: each template with what a request is about in the place of its place-holders. Names come from a
//! cluster and go into a query only as escaped, quoted values that match whole names.

use super::templates::DISKS;
use crate::domain::FIGURES;
use crate::ports::{EvidenceRequest, NodeNames};
use std::collections::{BTreeMap, BTreeSet};

/// The most names of one query: VictoriaMetrics reads 16 KiB of it (`-search.maxQueryLen`), and a name has up to 253 bytes.
const NAMES: usize = 50;
/// The most pods that are asked about.
pub(super) const MOST_PODS: usize = 400;
/// Behind a template's name, where pods and nodes have the same signal.
const OF_NODES: &str = "_of_nodes";

/// One query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// The signal that it gives.
    pub signal: String,
    /// What it is about, which says what its labels mean.
    pub about: About,
    /// The expression.
    pub text: String,
}

/// What a query is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// Containers, or pods as a whole.
    Pods,
    /// Nodes.
    Nodes,
    /// Services and workloads.
    Services,
    /// What probes reach.
    Targets,
    /// What lies in a namespace.
    Namespace,
    /// One figure of the whole cluster, at one moment.
    Figure,
    /// The whole cluster otherwise.
    Cluster,
}

impl About {
    fn of(name: &str, template: &str) -> Self {
        let has = |place_holder: &str| uses(template, place_holder);
        match () {
            () if has("c") || has("p") => Self::Pods,
            () if has("n") => Self::Nodes,
            () if has("targets") => Self::Targets,
            () if has("services") || has("workloads") => Self::Services,
            () if has("namespace") => Self::Namespace,
            () if FIGURES.contains(&name) => Self::Figure,
            () => Self::Cluster,
        }
    }
}

/// The queries of all templates, in their order; those about nothing that is asked for are left out.
pub(super) fn queries(templates: &BTreeMap<String, String>, request: &EvidenceRequest, production: &[String]) -> Vec<Query> {
    let production = quoted(&production.iter().map(|glob| of_glob(glob)).collect::<Vec<_>>().join("|"));
    let mut queries = Vec::new();
    for (name, template) in templates {
        let about = About::of(name, template);
        let signal = name.strip_suffix(OF_NODES).unwrap_or(name);
        for mut values in values(about, request) {
            values.insert("disks", DISKS.to_owned());
            values.insert("production", production.clone());
            queries.push(Query { signal: signal.to_owned(), about, text: filled(template, &values) });
        }
    }
    queries
}

/// The values of a template's place-holders, once for each query that it takes.
fn values(about: About, request: &EvidenceRequest) -> Vec<BTreeMap<&'static str, String>> {
    match about {
        About::Pods => of_pods(request),
        About::Nodes => of_nodes(&request.nodes),
        About::Services | About::Targets => of_services(about, request),
        About::Namespace => {
            request.namespaces.iter().map(|namespace| BTreeMap::from([("namespace", quoted(namespace))])).collect()
        }
        About::Figure | About::Cluster => vec![BTreeMap::new()],
    }
}

fn of_pods(request: &EvidenceRequest) -> Vec<BTreeMap<&'static str, String>> {
    let mut by_namespace: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for pod in request.pods.iter().take(MOST_PODS) {
        by_namespace.entry(pod.ns()).or_default().insert(&pod.name);
    }
    let mut values = Vec::new();
    for (namespace, pods) in by_namespace {
        let pods: Vec<&str> = pods.into_iter().collect();
        for pods in pods.chunks(NAMES) {
            let matchers = format!("namespace={},pod=~{}", quoted(namespace), one_of(pods.iter().copied()));
            values.push(BTreeMap::from([("c", format!("{matchers},container!=\"\"")), ("p", matchers)]));
        }
    }
    values
}

/// Exporters are told apart by the label `node` where the scrape sets it, else by the address that is scraped.
fn of_nodes(nodes: &[NodeNames]) -> Vec<BTreeMap<&'static str, String>> {
    let mut values = Vec::new();
    for nodes in nodes.chunks(NAMES / 2) {
        let by_name = one_of(nodes.iter().map(|node| node.name.as_str()));
        let hosts: BTreeSet<String> = nodes.iter().flat_map(addresses).map(|address| regex::escape(&address)).collect();
        let hosts: Vec<String> = hosts.into_iter().collect();
        let by_instance = quoted(&format!("(?:{})(?::[0-9]+)?", hosts.join("|")));
        for matcher in [format!("node=~{by_name}"), format!("instance=~{by_instance}")] {
            values.push(BTreeMap::from([("n", matcher)]));
        }
    }
    values
}

/// Everything that a node is called, as it stands before a port: RFC 3986 puts an IPv6 address into brackets there.
fn addresses(node: &NodeNames) -> impl Iterator<Item = String> + '_ {
    let names = [&node.name].into_iter().chain(&node.addresses).filter(|name| !name.is_empty());
    names.flat_map(|name| if name.contains(':') { vec![format!("[{name}]"), name.clone()] } else { vec![name.clone()] })
}

fn of_services(about: About, request: &EvidenceRequest) -> Vec<BTreeMap<&'static str, String>> {
    let mut by_namespace: BTreeMap<&str, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for object in &request.objects {
        let Some(namespace) = object.namespace.as_deref() else { continue };
        let (services, workloads) = by_namespace.entry(namespace).or_default();
        match object.kind.as_str() {
            "Service" => _ = services.insert(&object.name),
            "Deployment" | "StatefulSet" | "DaemonSet" => _ = workloads.insert(&object.name),
            _ => {}
        }
    }
    let mut values = Vec::new();
    for (namespace, (services, workloads)) in by_namespace {
        let (services, workloads): (Vec<&str>, Vec<&str>) = (services.into_iter().collect(), workloads.into_iter().collect());
        let chunks = services.len().max(workloads.len()).div_ceil(NAMES);
        for chunk in 0..chunks {
            let part = |names: &[&str]| one_of(names.iter().skip(chunk * NAMES).take(NAMES).copied());
            let mut value = BTreeMap::from([("namespace", quoted(namespace)), ("services", part(&services))]);
            value.insert("workloads", part(&workloads));
            let names = services.iter().skip(chunk * NAMES).take(NAMES).map(|name| regex::escape(name)).collect::<Vec<_>>();
            // Under a Service's names in the cluster's DNS.
            let host = format!("(?:{})\\.{}(?:\\.svc(?:\\..+)?)?", names.join("|"), regex::escape(namespace));
            value.insert("targets", target(&host));
            if about == About::Services || !names.is_empty() {
                values.push(value);
            }
        }
    }
    if about == About::Targets {
        for hosts in request.hosts.chunks(NAMES) {
            let hosts: Vec<String> = hosts.iter().map(|host| regex::escape(host)).collect();
            values.push(BTreeMap::from([("targets", target(&format!("(?:{})", hosts.join("|"))))]));
        }
    }
    values
}

/// A host as probes name their target: with a scheme, a port, a path, or none of them.
fn target(host: &str) -> String {
    quoted(&format!("(?:[a-z]+://)?{host}(?:[:/].*)?"))
}

/// A pattern of whole names. Prometheus anchors patterns at both ends by itself.
fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    quoted(&names.map(regex::escape).collect::<Vec<_>>().join("|"))
}

fn of_glob(glob: &str) -> String {
    regex::escape(glob).replace("\\*", ".*").replace("\\?", ".")
}

/// A string literal as Prometheus and VictoriaMetrics read it: escaped as in Go.
fn quoted(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for char in value.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            char if char.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(char))),
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a template has a place-holder.
fn uses(template: &str, name: &str) -> bool {
    parts(template).any(|(_, found)| found == Some(name))
}

/// A template with its values. What isn't known is left as it is: the server then says what is wrong with it.
fn filled(template: &str, values: &BTreeMap<&'static str, String>) -> String {
    let mut text = String::new();
    for (before, name) in parts(template) {
        text.push_str(before);
        match name.map(|name| (name, values.get(name))) {
            Some((_, Some(value))) => text.push_str(value),
            Some((name, None)) => text.extend(["$", name]),
            None => {}
        }
    }
    text
}

/// The texts of a template, each with the place-holder behind it.
fn parts(template: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = Some(template);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some((before, behind)) = text.split_once('$') else { return Some((text, None)) };
        let end = behind.find(|char: char| !char.is_ascii_lowercase()).unwrap_or(behind.len());
        let (name, after) = behind.split_at(end);
        rest = Some(after);
        Some((before, Some(name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ObjectRef;
    use proptest::prelude::*;

    fn request() -> EvidenceRequest {
        EvidenceRequest {
            pods: ["web-1.a", "web-2"].map(|name| ObjectRef::new("Pod", "shop", name)).into(),
            objects: vec![ObjectRef::new("Deployment", "shop", "web"), ObjectRef::new("Service", "shop", "front")],
            nodes: vec![NodeNames { name: "w1".into(), addresses: vec!["10.0.0.7".into(), "fd00::7".into()] }],
            namespaces: vec!["shop".into()],
            hosts: vec!["shop.example.com".into()],
            ..EvidenceRequest::default()
        }
    }

    fn texts(template: &str) -> Vec<String> {
        let templates = BTreeMap::from([("x".to_owned(), template.to_owned())]);
        let queries = queries(&templates, &request(), &["prod*".to_owned(), "a.b?".to_owned()]);
        queries.into_iter().map(|query| query.text).collect()
    }

    #[test]
    fn each_place_holder() {
        assert_eq!(texts("a{$c}"), [r#"a{namespace="shop",pod=~"web\\-1\\.a|web\\-2",container!=""}"#]);
        assert_eq!(texts("a{$p,x=\"$\"}"), [r#"a{namespace="shop",pod=~"web\\-1\\.a|web\\-2",x="$"}"#]);
        let nodes = r#"a{instance=~"(?:10\\.0\\.0\\.7|\\[fd00::7\\]|fd00::7|w1)(?::[0-9]+)?"}"#;
        assert_eq!(texts("a{$n}"), [r#"a{node=~"w1"}"#, nodes]);
        assert_eq!(texts("a{b=$namespace,c=~$services,d=~$workloads}"), [r#"a{b="shop",c=~"front",d=~"web"}"#]);
        assert_eq!(
            texts("a{b=~$targets}"),
            [
                r#"a{b=~"(?:[a-z]+://)?(?:front)\\.shop(?:\\.svc(?:\\..+)?)?(?:[:/].*)?"}"#,
                r#"a{b=~"(?:[a-z]+://)?(?:shop\\.example\\.com)(?:[:/].*)?"}"#
            ]
        );
        assert_eq!(texts("a{b=$namespace}"), [r#"a{b="shop"}"#]);
        assert_eq!(texts("a{b=~$production}"), [r#"a{b=~"prod.*|a\\.b."}"#]);
        assert_eq!(texts("a{$nope}"), ["a{$nope}"]);
    }

    #[test]
    fn many_pods_are_asked_about_in_queries_of_a_bounded_length() {
        let pods = (0..1_000).map(|n| ObjectRef::new("Pod", "shop", format!("{:a>253}", n))).collect();
        let templates = BTreeMap::from([("x".to_owned(), "a{$c}".to_owned())]);
        let queries = queries(&templates, &EvidenceRequest { pods, ..request() }, &[]);
        assert_eq!(queries.len(), MOST_PODS / NAMES);
        assert!(queries.iter().all(|query| query.text.len() < 16 << 10));
    }

    proptest! {
        #[test]
        fn a_name_stays_within_its_quotes(name in "\\PC{0,20}|[\"\\\\{}$|.*\n]{0,8}") {
            let pods = vec![ObjectRef::new("Pod", &*name, &*name)];
            let templates = BTreeMap::from([("x".to_owned(), "a{$c}".to_owned())]);
            let query = &queries(&templates, &EvidenceRequest { pods, ..EvidenceRequest::default() }, &[])[0].text;
            let mut outside = String::new();
            let mut chars = query.chars();
            while let Some(char) = chars.next() {
                outside.push(char);
                if char == '"' {
                    while let Some(inner) = chars.next().filter(|inner| *inner != '"') {
                        prop_assert!(!inner.is_control());
                        if inner == '\\' {
                            chars.next();
                        }
                    }
                }
            }
            prop_assert_eq!(outside, "a{namespace=\",pod=~\",container!=\"}");
        }
    }
}
