//! The addresses that containers are given, in variables, arguments and configuration files, and where each leads. Says what
//! pods are told to call; whether they do, and whether it works, it doesn't know.

use crate::cluster::address::{self, Address};
use crate::cluster::pod::{self, Container};
use crate::cluster::service_dns::{self, Host};
use crate::cluster::{Object, Snapshot, json};
use crate::domain::{Evidence, EvidenceSource, ObjectRef};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Files of ConfigMaps that are longer are read to here.
const MOST_FILE: usize = 64 * 1024;
/// How much of a line of a file is shown.
const MOST_SHOWN: usize = 200;

/// How a container is given an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Given<'a> {
    /// By a variable of its environment, with the ConfigMap that the value comes from, if one does.
    Variable {
        /// The variable.
        name: &'a str,
        /// The ConfigMap.
        config_map: Option<&'a str>,
    },
    /// By its command or one of its arguments.
    Argument,
    /// By a file of a ConfigMap.
    File {
        /// The ConfigMap.
        config_map: &'a str,
        /// The key in it.
        key: &'a str,
    },
}

/// One address that a container is given.
#[derive(Clone, Debug)]
pub struct GivenAddress<'a> {
    /// A pod whose container it is. Pods of one revision are given the same; this is the first of them.
    pub pod: &'a Object,
    /// The pod's top controller.
    pub workload: ObjectRef,
    /// The container.
    pub container: &'a str,
    /// How.
    pub given: Given<'a>,
    /// The text that holds it: a value, an argument, a line of a file.
    pub text: &'a str,
    /// The address.
    pub address: Address<'a>,
    /// Where its host leads.
    pub host: Host<'a>,
}

impl GivenAddress<'_> {
    /// `host:port`, or the host alone.
    pub fn shown(&self) -> String {
        match self.address.port {
            Some(port) => format!("{}:{port}", self.address.host),
            None => self.address.host.to_owned(),
        }
    }

    /// By what it is given, for a sentence: `variable CART_ADDR`.
    pub fn by(&self) -> String {
        match &self.given {
            Given::Variable { name, config_map: None } => format!("variable {name}"),
            Given::Variable { name, config_map: Some(map) } => format!("variable {name} of ConfigMap {map}"),
            Given::Argument => "an argument".to_owned(),
            Given::File { config_map, key } => format!("file {key} of ConfigMap {config_map}"),
        }
    }

    /// The field of the pod template that gives it, as revisions name it; empty where a ConfigMap does.
    pub fn field(&self) -> String {
        match &self.given {
            Given::Variable { name, config_map: None } => format!("containers[{}].env[{name}]", self.container),
            Given::Argument => format!("containers[{}].args", self.container),
            _ => String::new(),
        }
    }

    /// The field or the line as evidence.
    pub fn evidence(&self) -> Evidence {
        let shown: String = self.text.trim().chars().take(MOST_SHOWN).collect();
        let (object, path) = match &self.given {
            Given::Variable { name, config_map: None } => {
                (self.pod.id.clone(), format!("spec.containers[{}].env[{name}]", self.container))
            }
            Given::Variable { name, config_map: Some(map) } => {
                (ObjectRef::new("ConfigMap", self.pod.id.ns(), *map), format!("data, as variable {name}"))
            }
            Given::Argument => (self.pod.id.clone(), format!("spec.containers[{}].args", self.container)),
            Given::File { config_map, key } => {
                (ObjectRef::new("ConfigMap", self.pod.id.ns(), *config_map), format!("data[{key}]"))
            }
        };
        Evidence {
            source: EvidenceSource::Kubernetes,
            object,
            container: None,
            path,
            line: None,
            value: json!(shown),
            at: None,
            count: None,
        }
    }
}

/// Every address that the containers of running pods are given and that could lead into the cluster, by workload, container and
/// the order of the fields.
pub fn given(snap: &Snapshot) -> Vec<GivenAddress<'_>> {
    let mut found = Vec::new();
    for pod in one_of_each_revision(snap) {
        let reader = Reader { snap, pod, workload: snap.workload(&pod.id) };
        for container in pod::containers(pod) {
            reader.variables(&container, &mut found);
            reader.arguments(&container, &mut found);
        }
        reader.files(&mut found);
    }
    found
}

/// The first pod of each revision of each workload, of those that have not ended.
fn one_of_each_revision(snap: &Snapshot) -> Vec<&Object> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for pod in snap.of_kind("Pod").iter().filter(|pod| !pod::is_finished(pod) && pod.deleted().is_none()) {
        let is_new = pod.controller().is_none_or(|owner| seen.insert((owner, pod.label("controller-revision-hash"))));
        if is_new {
            found.push(pod);
        }
    }
    found
}

struct Reader<'a> {
    snap: &'a Snapshot,
    pod: &'a Object,
    workload: ObjectRef,
}

impl<'a> Reader<'a> {
    fn add(&self, container: &'a str, given: &Given<'a>, text: &'a str, address: Address<'a>, found: &mut Vec<GivenAddress<'a>>) {
        let host = service_dns::resolve(self.snap, address.host, self.pod.id.ns(), self.pod.at("spec"));
        if !matches!(host, Host::Own) {
            let (workload, given) = (self.workload.clone(), given.clone());
            found.push(GivenAddress { pod: self.pod, workload, container, given, text, address, host });
        }
    }

    fn variables(&self, container: &Container<'a>, found: &mut Vec<GivenAddress<'a>>) {
        let variables = self.environment(container);
        for (name, (value, config_map)) in &variables {
            let given = Given::Variable { name, config_map: *config_map };
            let written = address::addresses(value);
            let alone = || address::bare(value).filter(|address| address::is_address_key(name) && address.port.is_none());
            if written.is_empty()
                && let Some(mut address) = alone()
            {
                // DB_HOST and DB_PORT belong together.
                address.port = port_beside(name, &variables);
                self.add(container.name, &given, value, address, found);
            }
            for address in written {
                self.add(container.name, &given, value, address, found);
            }
        }
    }

    /// The variables whose values can be read: those of Secrets can't.
    fn environment(&self, container: &Container<'a>) -> BTreeMap<&'a str, (&'a str, Option<&'a str>)> {
        let mut variables = BTreeMap::new();
        for source in json::list(container.spec, "envFrom") {
            let name = json::text(source, "configMapRef.name");
            // A prefix changes the names, which then match nobody's.
            for (key, value) in self.config_map(name).filter(|_| json::text(source, "prefix").is_empty()) {
                variables.insert(key, (value, Some(name)));
            }
        }
        for variable in json::list(container.spec, "env") {
            let name = json::text(variable, "name");
            let reference = json::at(variable, "valueFrom.configMapKeyRef");
            let (map, key) = (json::text(reference, "name"), json::text(reference, "key"));
            if let Some(value) = json::key(variable, "value").as_str() {
                variables.insert(name, (value, None));
            } else if let Some((_, value)) = self.config_map(map).find(|(found, _)| *found == key) {
                variables.insert(name, (value, Some(map)));
            } else {
                variables.remove(name);
            }
        }
        variables
    }

    fn config_map(&self, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let map = self.snap.find("ConfigMap", self.pod.id.ns(), name);
        map.into_iter().flat_map(|map| json::entries(&map.raw, "data")).filter_map(|(key, value)| Some((key, value.as_str()?)))
    }

    fn arguments(&self, container: &Container<'a>, found: &mut Vec<GivenAddress<'a>>) {
        let words = ["command", "args"].into_iter().flat_map(|field| json::list(container.spec, field));
        for word in words.filter_map(Value::as_str) {
            for address in address::addresses(word) {
                self.add(container.name, &Given::Argument, word, address, found);
            }
        }
    }

    /// The files that the pod mounts from ConfigMaps. They are the pod's: which container reads them is its own affair.
    fn files(&self, found: &mut Vec<GivenAddress<'a>>) {
        let sources = self.pod.list("spec.volumes").iter().flat_map(|volume| {
            let projected = json::list(volume, "projected.sources").iter();
            projected.chain([volume]).map(|source| json::text(source, "configMap.name"))
        });
        let maps: BTreeSet<&str> = sources.filter(|name| !name.is_empty()).collect();
        let Some(container) = pod::containers(self.pod).into_iter().find(|container| container.role == pod::Role::Main) else {
            return;
        };
        for map in maps {
            for (key, text) in self.config_map(map).filter(|(_, text)| text.len() <= MOST_FILE && !text.starts_with("-----BEGIN"))
            {
                for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', ';'])) {
                    for address in address::addresses(line) {
                        self.add(container.name, &Given::File { config_map: map, key }, line, address, found);
                    }
                }
            }
        }
    }
}

/// The port that stands beside a host: `DB_PORT` beside `DB_HOST`.
fn port_beside(name: &str, variables: &BTreeMap<&str, (&str, Option<&str>)>) -> Option<u16> {
    let (stem, _) = name.rsplit_once(['_', '.', '-'])?;
    let separator = name.get(stem.len()..stem.len() + 1)?;
    let port = ["PORT", "port"].iter().find_map(|port| variables.get(format!("{stem}{separator}{port}").as_str()))?;
    port.0.parse().ok().filter(|port| *port > 0)
}
