//! Images that are known to exist, since a node of this cluster has them: from running containers, nodes' lists and events.

use super::reference::ImageReference;
use crate::cluster::{json, pod};
use crate::diagnose::context::Context;
use std::collections::BTreeSet;

/// Every image that a container runs or ran from, that a node lists, or that an event says was pulled; sorted.
pub(super) fn images(cx: &Context<'_>) -> BTreeSet<ImageReference> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for pod in cx.pods() {
        for container in pod::containers(pod).iter().filter(|c| !json::text(c.status, "imageID").is_empty()) {
            names.insert(container.image());
        }
    }
    for node in cx.snap.of_kind("Node") {
        for image in node.list("status.images") {
            names.extend(json::list(image, "names").iter().filter_map(|name| name.as_str()));
        }
    }
    for event in cx.snap.all_events().iter().filter(|event| event.reason == "Pulled") {
        // `Successfully pulled image "x" in 2s`, `Container image "x" already present on machine`.
        names.extend(event.message.split('"').nth(1));
    }
    names.into_iter().filter_map(ImageReference::parse).collect()
}
