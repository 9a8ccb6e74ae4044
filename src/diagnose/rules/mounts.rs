//! Where a path lies in a container: on which mount, and from which volume of the pod.

use crate::cluster::json;
use crate::cluster::pod::Container;
use serde_json::Value;

/// The mount that a path lies on, the deepest one; `None` for a path of the image itself.
pub(super) fn mount_of<'a>(container: &Container<'a>, path: &str) -> Option<&'a Value> {
    let mounts = json::list(container.spec, "volumeMounts").iter();
    let below = |mount: &&Value| {
        let at = json::text(mount, "mountPath").trim_end_matches('/');
        !at.is_empty() && path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    mounts.filter(below).max_by_key(|mount| json::text(mount, "mountPath").trim_end_matches('/').len())
}

/// The pod's volume that a mount shows.
pub(super) fn volume_of<'a>(container: &Container<'a>, mount: &Value) -> &'a Value {
    json::named(&container.pod.raw, "spec.volumes", json::text(mount, "name"))
}

/// What kind of volume it is: `persistentVolumeClaim`, `configMap`, `emptyDir` …
pub(super) fn kind_of(volume: &Value) -> &str {
    volume.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).find(|key| *key != "name").unwrap_or("")
}
