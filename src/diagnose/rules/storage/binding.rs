//! Why a claim isn't bound to any of the volumes that are there: each volume held against the claim as the volume controller
//! does (`findMatchingVolume` in `pkg/controller/volume/persistentvolume/index.go`). Of all volumes the one that misses least decides.

use super::claims;
use crate::cluster::quantity::Quantity;
use crate::cluster::{Object, json, selector};
use serde_json::Value;
use std::cmp::Reverse;

/// Why one volume is not for a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// Another class, or none.
    Class {
        /// The claim's class; empty for none.
        wanted: String,
        /// The volume's.
        got: String,
    },
    /// `Filesystem` against `Block`.
    VolumeMode {
        /// The claim's.
        wanted: String,
        /// The volume's.
        got: String,
    },
    /// Not all access modes.
    AccessModes {
        /// The claim's.
        wanted: String,
        /// The volume's.
        got: String,
    },
    /// The claim's selector asks for other labels.
    Selector {
        /// What it asks for and the volume lacks.
        wanted: String,
        /// What the volume has under these keys.
        got: String,
    },
    /// Too small.
    Capacity {
        /// The claim's request.
        wanted: String,
        /// The volume's capacity.
        got: String,
    },
    /// Bound to, or kept for, another claim.
    Taken {
        /// `NAMESPACE/NAME` of that claim.
        by: String,
        /// Whether it is a claim of the same name that was deleted: the volume was released and not cleared.
        released: bool,
    },
    /// Being deleted, or failed.
    Unusable {
        /// Its phase.
        phase: String,
    },
}

/// Why this volume is not for this claim. Empty when the controller would bind them.
pub(super) fn mismatches(claim: &Object, class: &str, volume: &Object) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let got = volume_class(volume);
    if got != class {
        found.push(Mismatch::Class { wanted: class.to_owned(), got: got.to_owned() });
    }
    let mode = |object: &Object| match object.text("spec.volumeMode") {
        "" => "Filesystem".to_owned(),
        mode => mode.to_owned(),
    };
    if mode(claim) != mode(volume) {
        found.push(Mismatch::VolumeMode { wanted: mode(claim), got: mode(volume) });
    }
    let (wanted, got) = (access_modes(claim), access_modes(volume));
    if wanted.iter().any(|mode| !got.contains(mode)) {
        found.push(Mismatch::AccessModes { wanted: wanted.join(", "), got: got.join(", ") });
    }
    found.extend(unmatched_labels(claim, volume));
    let wanted = Quantity::read(claim.at("spec.resources.requests.storage"));
    let got = Quantity::read(volume.at("spec.capacity.storage"));
    if let (Some(wanted), Some(got)) = (wanted, got)
        && got < wanted
    {
        found.push(Mismatch::Capacity { wanted: wanted.to_string(), got: got.to_string() });
    }
    found.extend(taken(claim, volume));
    let phase = volume.text("status.phase");
    if volume.deleted().is_some() || phase == "Failed" {
        let phase = if volume.deleted().is_some() { "Terminating" } else { phase };
        found.push(Mismatch::Unusable { phase: phase.to_owned() });
    }
    found
}

/// `GetPersistentVolumeClass` in `staging/src/k8s.io/component-helpers/storage/volume/pv_helpers.go`.
pub(super) fn volume_class(volume: &Object) -> &str {
    volume.annotation("volume.beta.kubernetes.io/storage-class").unwrap_or_else(|| volume.text("spec.storageClassName"))
}

fn access_modes(object: &Object) -> Vec<&str> {
    let mut modes: Vec<&str> = object.list("spec.accessModes").iter().filter_map(Value::as_str).collect();
    modes.sort_unstable();
    modes
}

fn unmatched_labels(claim: &Object, volume: &Object) -> Option<Mismatch> {
    let wanted = claim.at("spec.selector");
    if !wanted.is_object() {
        return None;
    }
    let differences = selector::near_miss(&selector::requirements(wanted), volume.at("metadata.labels"));
    let got = differences.iter().map(|difference| match &difference.got {
        Some(got) => format!("{}={got}", difference.key),
        None => format!("no label {}", difference.key),
    });
    let got = got.collect::<Vec<_>>().join(", ");
    let wanted = differences.iter().map(|difference| difference.wanted.as_str()).collect::<Vec<_>>().join(", ");
    (!differences.is_empty()).then_some(Mismatch::Selector { wanted, got })
}

fn taken(claim: &Object, volume: &Object) -> Option<Mismatch> {
    let reference = volume.at("spec.claimRef");
    if !reference.is_object() {
        return None;
    }
    let (namespace, name) = (json::text(reference, "namespace"), json::text(reference, "name"));
    let same_name = namespace == claim.id.ns() && name == claim.id.name;
    let uid = json::text(reference, "uid");
    let same = same_name && (uid.is_empty() || claim.uid().is_empty() || uid == claim.uid());
    (!same).then(|| Mismatch::Taken { by: format!("{namespace}/{name}"), released: same_name })
}

/// The volume that comes nearest to a claim, and what it misses: the one that misses fewest; of those one that can still be
/// had, then one that is right in what volumes are meant for, then the largest.
pub(super) fn nearest<'a>(claim: &Object, class: &str, volumes: &'a [Object]) -> Option<(&'a Object, Vec<Mismatch>)> {
    let wanted = claim.text("spec.volumeName");
    let held = volumes.iter().filter(|volume| wanted.is_empty() || volume.id.name == wanted);
    let all = held.map(|volume| (volume, mismatches(claim, class, volume)));
    let rank = |volume: &Object, mismatches: &[Mismatch]| {
        let out_of_reach = |m: &Mismatch| matches!(m, Mismatch::Taken { released: false, .. } | Mismatch::Unusable { .. });
        let first = mismatches.first().map(Mismatch::order);
        let capacity = Quantity::read(volume.at("spec.capacity.storage"));
        (mismatches.len(), mismatches.iter().any(out_of_reach), Reverse(first), Reverse(capacity), volume.id.name.clone())
    };
    all.min_by_key(|(volume, mismatches)| rank(volume, mismatches))
}

impl Mismatch {
    /// From what a volume is meant for to what it is.
    fn order(&self) -> u8 {
        match self {
            Self::Class { .. } => 0,
            Self::VolumeMode { .. } => 1,
            Self::AccessModes { .. } => 2,
            Self::Selector { .. } => 3,
            Self::Capacity { .. } => 4,
            Self::Taken { .. } => 5,
            Self::Unusable { .. } => 6,
        }
    }
}

/// The class that a claim's volume must have: the one it names, else the default, else none.
pub(super) fn class_for_matching<'a>(claim: &'a Object, default: Option<&'a Object>) -> &'a str {
    claims::class_name(claim).or_else(|| default.map(|class| class.id.name.as_str())).unwrap_or_default()
}
