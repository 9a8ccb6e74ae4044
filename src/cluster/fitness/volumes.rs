//! Where a pod's bound volumes can be used. A claim that is not bound yet says nothing about nodes here.

use super::{Candidate, Misfit, Surroundings, node_affinity};
use crate::cluster::{Object, references, selector};

/// The labels of a volume that say where it is, and their names before 1.17 (`topologyLabels` in
/// `pkg/scheduler/framework/plugins/volumezone/volume_zone.go`).
const TOPOLOGY: &[(&str, &str)] = &[
    ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"),
    ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"),
];

/// Separates the zones of a volume that is in several (`LabelMultiZoneDelimiter` in
/// `staging/src/k8s.io/cloud-provider/volume/constants.go`).
const ZONE_DELIMITER: &str = "__";

/// A claim of the pod, and the volume that it is bound to.
pub(super) struct BoundClaim<'a> {
    claim: &'a Object,
    volume: &'a Object,
}

/// The pod's claims whose volume is known.
pub(super) fn bound_claims<'a>(candidate: &Candidate<'a>, surroundings: &Surroundings<'a>) -> Vec<BoundClaim<'a>> {
    let references = references::references(candidate.spec, candidate.name);
    let claims = references.iter().filter(|reference| reference.kind == "PersistentVolumeClaim");
    let bound = claims.filter_map(|reference| {
        let claim = surroundings.claim(candidate.namespace, &reference.name)?;
        Some(BoundClaim { claim, volume: surroundings.volume(claim.text("spec.volumeName"))? })
    });
    bound.collect()
}

impl BoundClaim<'_> {
    pub(super) fn misfits(&self, node: &Object, found: &mut Vec<Misfit>) {
        let (claim, volume) = (self.claim.id.name.clone(), self.volume.id.name.clone());
        // The volume's node affinity is a node selector: staging/src/k8s.io/component-helpers/storage/volume/helpers.go.
        let required = self.volume.at("spec.nodeAffinity.required");
        if !required.is_null() && !selector::matches_node(required, node) {
            let terms = node_affinity::unmet_terms(required, node);
            found.push(Misfit::VolumeNodeAffinity { claim, volume, terms });
            return;
        }
        let either =
            |object: &'_ Object, names: &(&str, &str)| object.label(names.0).or_else(|| object.label(names.1)).map(str::to_owned);
        // A node without any of these labels is taken to be everywhere.
        if TOPOLOGY.iter().all(|names| either(node, names).is_none()) {
            return;
        }
        for names in TOPOLOGY {
            let (Some(wanted), got) = (either(self.volume, names), either(node, names)) else { continue };
            let is_in = |got: &String| wanted.split(ZONE_DELIMITER).any(|zone| zone == got);
            if !got.as_ref().is_some_and(is_in) {
                let (claim, volume) = (claim.clone(), volume.clone());
                found.push(Misfit::VolumeZone { claim, volume, key: names.0.to_owned(), wanted, got });
            }
        }
    }
}
