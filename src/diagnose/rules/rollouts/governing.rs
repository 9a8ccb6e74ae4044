//! StatefulSets whose `spec.serviceName` names no Service. Many run well without: only a set whose pods' names are used, or
//! whose pods fail with nothing else to explain it, is in trouble for that.

use super::STATEFUL_SET_SERVICE_MISSING;
use crate::cluster::{Object, json, references, workload};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::symptoms::BROKEN_REFERENCE;
use crate::domain::Evidence;
use serde_json::Value;

/// How much of a configuration file is searched for names of pods.
const SEARCHED: usize = 64 * 1024;

pub(super) fn check(cx: &Context<'_>, set: &Object, out: &mut Findings) {
    let (service, namespace) = (set.text("spec.serviceName"), set.id.ns());
    let seen_whole = set.partial().is_none() && set.deleted().is_none();
    if service.is_empty() || !seen_whole || cx.snap.find("Service", namespace, service).is_some() {
        return;
    }
    if let Err(why) = cx.snap.looked_for("Service", namespace) {
        out.unknown(STATEFUL_SET_SERVICE_MISSING.id, set.id.clone(), why);
        return;
    }
    let used = names_pods(cx, set, service);
    let ready = workload::replicas(set).is_some_and(|replicas| replicas.are_all_ready());
    let field = || cx.field(set, "spec.serviceName");
    if let Some(used) = &used {
        let summary = format!("names Service {service}, which doesn't exist");
        out.symptom(&BROKEN_REFERENCE, set.id.clone(), summary, None, vec![field(), used.clone()]);
    }
    // Unless something is seen to use the names, only the pods' state speaks for it.
    let proof = if used.is_some() || ready { Proof::Computed } else { Proof::Timing };
    let names = used.as_ref().map_or_else(String::new, |used| format!(", which {} asks for", used.path));
    out.found(&STATEFUL_SET_SERVICE_MISSING, set.id.clone(), proof)
        .evidence([field()])
        .evidence(used)
        .says(format!(
            "names Service {service}, which doesn't exist in {namespace}: its pods can't be reached as {}-0.{service}{names}",
            set.id.name
        ))
        .fix(format!("create a headless Service {service} that selects the pods of {}", set.id.name))
        .next(format!("kubectl -n {namespace} get services"));
}

/// Where the set's own template, or a ConfigMap that it uses, names pods below the Service: `NAME-0.SERVICE`.
fn names_pods(cx: &Context<'_>, set: &Object, service: &str) -> Option<Evidence> {
    let spec = set.at("spec.template.spec");
    for list in ["initContainers", "containers"] {
        for container in json::list(spec, list) {
            let at = format!("spec.template.spec.{list}[{}]", json::text(container, "name"));
            for variable in json::list(container, "env") {
                if is_below(json::text(variable, "value"), service) {
                    let path = format!("{at}.env[{}]", json::text(variable, "name"));
                    return Some(cx.value(&set.id, &path, json::key(variable, "value").clone(), None));
                }
            }
            for field in ["command", "args"] {
                let words = json::list(container, field).iter();
                if let Some(word) = words.filter_map(Value::as_str).find(|word| is_below(word, service)) {
                    return Some(cx.value(&set.id, &format!("{at}.{field}"), word.into(), None));
                }
            }
        }
    }
    let config_maps = references::references(spec, "").into_iter().filter(|reference| reference.kind == "ConfigMap");
    for reference in config_maps {
        let Some(config_map) = cx.snap.find("ConfigMap", set.id.ns(), &reference.name) else { continue };
        for (key, text) in json::entries(&config_map.raw, "data").filter_map(|(key, value)| Some((key, value.as_str()?))) {
            let searched = text.get(..SEARCHED).unwrap_or(text);
            if let Some(line) = searched.lines().find(|line| is_below(line, service)) {
                let quoted: String = line.trim().chars().take(200).collect();
                return Some(cx.value(&config_map.id, &format!("data[{key}]"), quoted.into(), None));
            }
        }
    }
    None
}

/// Whether a text holds a name with the Service as one of its later labels: `db-0.db`, `$(POD_NAME).db.shop.svc`.
fn is_below(text: &str, service: &str) -> bool {
    let part_of_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.');
    text.split(|char| !part_of_name(char)).any(|host| {
        // What a variable stands for was cut off, and leaves a name that begins with a dot.
        host.contains('.') && host.split('.').skip(1).any(|label| label == service)
    })
}

#[cfg(test)]
mod tests {
    use super::is_below;

    #[test]
    fn finds_names_below_a_service() {
        for text in [
            "db-0.db",
            "http://db-0.db:2380,http://db-1.db:2380",
            "$(POD_NAME).db.shop.svc.cluster.local",
            "seeds: [\"db-0.db.shop\"]",
        ] {
            assert!(is_below(text, "db"), "{text}");
        }
        for text in ["db", "db:5432", "db.shop.svc", "mydb-0.mydb", "", "a.dbx", "x-db.y"] {
            assert!(!is_below(text, "db"), "{text}");
        }
    }
}
