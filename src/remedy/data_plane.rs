//! Whether a workload holds data: what does is never changed by this program.

use super::Settings;
use super::namespaces::matches;
use crate::cluster::{Object, Snapshot, json, workload};
use crate::domain::ObjectRef;
use serde_json::Value;

/// Whether a workload holds data, and why one thinks so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataPlane {
    /// Nothing says so.
    No,
    /// Its name sounds like it.
    Maybe(String),
    /// A claim that it writes to, or a setting.
    Yes(String),
}

/// Words in names of databases, caches, queues and stores.
const WORDS: &[&str] = &[
    "cache",
    "cassandra",
    "clickhouse",
    "cockroach",
    "cockroachdb",
    "consul",
    "database",
    "db",
    "elasticsearch",
    "etcd",
    "influxdb",
    "kafka",
    "mariadb",
    "memcached",
    "minio",
    "mongo",
    "mongodb",
    "mq",
    "mysql",
    "nats",
    "opensearch",
    "pg",
    "postgres",
    "postgresql",
    "pulsar",
    "queue",
    "rabbitmq",
    "redis",
    "scylla",
    "sql",
    "storage",
    "vault",
    "zookeeper",
];

/// Whether an object, a workload or a pod, holds data.
pub fn data_plane(snapshot: &Snapshot, settings: &Settings, object: &ObjectRef) -> DataPlane {
    let top = snapshot.workload(object);
    let path = format!("{}/{}", top.ns(), top.name);
    if let Some(glob) = settings.policy.data_plane.iter().find(|glob| matches(glob, &path) || matches(glob, &top.name)) {
        return DataPlane::Yes(format!("policy.data_plane names {glob}"));
    }
    let found = [&top, object].into_iter().filter_map(|id| snapshot.get(id)).find_map(|seen| writable_claim(snapshot, seen));
    if let Some(claim) = found {
        return DataPlane::Yes(format!("writes to claim {claim}"));
    }
    let word = top.name.split(['-', '.']).find(|word| WORDS.contains(&word.trim_end_matches(|char: char| char.is_ascii_digit())));
    word.map_or(DataPlane::No, |word| DataPlane::Maybe(format!("its name says {word}")))
}

/// A claim that the pods of a workload may write to.
fn writable_claim(snapshot: &Snapshot, object: &Object) -> Option<String> {
    if let Some(claim) = object.list("spec.volumeClaimTemplates").first() {
        return Some(json::text(claim, "metadata.name").to_owned());
    }
    let spec = json::key(workload::pod_template(object)?, "spec");
    json::list(spec, "volumes").iter().find_map(|volume| {
        let source = json::key(volume, "persistentVolumeClaim");
        let own = json::key(volume, "ephemeral").is_object();
        let claim = if own { json::text(volume, "name") } else { json::text(source, "claimName") };
        let writable = !claim.is_empty() && !json::flag(source, "readOnly") && is_written(spec, json::text(volume, "name"));
        (writable && !is_read_only(snapshot, object.id.ns(), claim)).then(|| claim.to_owned())
    })
}

/// Whether some container mounts the volume for writing.
fn is_written(spec: &Value, volume: &str) -> bool {
    let containers = ["containers", "initContainers"].into_iter().flat_map(|list| json::list(spec, list));
    let mut mounts = containers.flat_map(|container| json::list(container, "volumeMounts"));
    mounts.any(|mount| json::text(mount, "name") == volume && !json::flag(mount, "readOnly"))
}

/// Whether a claim that was read allows nobody to write.
fn is_read_only(snapshot: &Snapshot, namespace: &str, claim: &str) -> bool {
    let modes = snapshot.find("PersistentVolumeClaim", namespace, claim).map_or(&[][..], |claim| claim.list("spec.accessModes"));
    !modes.is_empty() && modes.iter().all(|mode| mode == "ReadOnlyMany")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Recording;
    use crate::remedy::samples::deployment;
    use serde_json::json;

    fn of(change: impl Fn(&mut Value)) -> DataPlane {
        let mut object = deployment();
        change(&mut object);
        let id = Object::new(object.clone()).unwrap().id;
        let mut settings = Settings::default();
        settings.policy.data_plane = vec!["*/ledger".to_owned()];
        data_plane(&Snapshot::new(Recording { objects: vec![object], ..Recording::default() }), &settings, &id)
    }

    fn with_claim(read_only: bool) -> impl Fn(&mut Value) {
        move |object| {
            let spec = &mut object["spec"]["template"]["spec"];
            spec["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "web-data"}}]);
            spec["containers"][0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/data", "readOnly": read_only}]);
        }
    }

    #[test]
    fn yes_no_and_maybe() {
        assert_eq!(of(|_| ()), DataPlane::No);
        assert_eq!(of(with_claim(false)), DataPlane::Yes("writes to claim web-data".into()));
        assert_eq!(of(with_claim(true)), DataPlane::No);
        assert_eq!(of(|it| it["metadata"]["name"] = json!("orders-redis6")), DataPlane::Maybe("its name says redis6".into()));
        assert_eq!(of(|it| it["metadata"]["name"] = json!("redistribution")), DataPlane::No);
        assert_eq!(of(|it| it["metadata"]["name"] = json!("ledger")), DataPlane::Yes("policy.data_plane names */ledger".into()));
    }
}
