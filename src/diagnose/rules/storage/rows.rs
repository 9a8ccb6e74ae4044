//! The causes for which a claim has no volume.

use crate::diagnose::catalogue::{Cause, Explains, Link, Perspective};
use crate::diagnose::rules::explains::{CLAIM_WAITS, POD_DOWN};

/// A claim without a volume keeps its pods waiting, and whoever names it.
const EXPLAINS: &[Explains] = &[POD_DOWN, CLAIM_WAITS, &[(Link::Mounts, "pending"), (Link::Mounts, "replicas_missing")]];
const FIELDS: &[&str] = &["volumes", "volumeClaimTemplates"];
const CHECK: &str = "kubectl -n NAMESPACE describe pvc CLAIM; kubectl get pv";

pub(super) static PVC_NOT_FOUND: Cause = Cause {
    id: "pvc_not_found",
    title: "a volume claim that the pod names doesn't exist",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: "pod spec, claims, events",
    source: "kube-scheduler: event FailedScheduling, `persistentvolumeclaim \"NAME\" not found`",
    doc: "A volume of the pod names a PersistentVolumeClaim that isn't in its namespace.",
    check: "kubectl -n NAMESPACE get pvc",
    fix: "create the claim, or correct the name in the pod template",
    fields: FIELDS,
};

pub(super) static PVC_STORAGE_CLASS_MISSING: Cause = Cause {
    id: "pvc_storage_class_missing",
    title: "the claim's storage class doesn't exist",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: "claims, storage classes, volumes, events",
    source: "persistentvolume-controller: event ProvisioningFailed, `storageclass.storage.k8s.io \"NAME\" not found`; FailedBinding, `no storage class is set`",
    doc: "The class that the claim names doesn't exist and no volume has it, or it names none and there is neither a default nor a volume.",
    check: "kubectl get storageclass; kubectl -n NAMESPACE get pvc CLAIM -o jsonpath='{.spec.storageClassName}'",
    fix: "make the claim anew with a class that exists, or create the class",
    fields: FIELDS,
};

pub(in crate::diagnose::rules) static PVC_CAPACITY_UNSATISFIABLE: Cause = Cause {
    id: "pvc_capacity_unsatisfiable",
    title: "every volume is too small for the claim",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: "claims, volumes, events",
    source: "persistentvolume-controller: events FailedBinding and VolumeMismatch, `requested PV is too small`",
    doc: "A volume would fit the claim in class, modes and labels, but has less than the claim asks for.",
    check: CHECK,
    fix: "ask for no more than the volume has, or provide a larger volume",
    fields: FIELDS,
};

pub(super) static PVC_ACCESS_MODE_MISMATCH: Cause = Cause {
    id: "pvc_access_mode_mismatch",
    title: "no volume has the claim's access modes",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: "claims, volumes, events",
    source: "persistentvolume-controller: events FailedBinding and VolumeMismatch, `incompatible accessMode`, `incompatible volumeMode`",
    doc: "A volume would fit the claim but for its access modes (ReadWriteMany against ReadWriteOnce), or Block against Filesystem.",
    check: CHECK,
    fix: "ask for the modes that the volume has, or provide a volume with these modes",
    fields: FIELDS,
};

pub(super) static PVC_SELECTOR_MISMATCH: Cause = Cause {
    id: "pvc_selector_mismatch",
    title: "no volume has the labels of the claim's selector",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: "claims, volumes, events",
    source: "persistentvolume-controller: event FailedBinding, `no persistent volumes available for this claim`",
    doc: "A volume would fit the claim but for the labels that the claim's selector asks for.",
    check: "kubectl get pv --show-labels; kubectl -n NAMESPACE get pvc CLAIM -o jsonpath='{.spec.selector}'",
    fix: "correct the claim's selector, or label the volume that is meant",
    fields: FIELDS,
};

pub(super) static PV_ALREADY_BOUND: Cause = Cause {
    id: "pv_already_bound",
    title: "the volume belongs to another claim",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: "claims, volumes, events",
    source: "PersistentVolume spec.claimRef; persistentvolume-controller: event FailedBinding, `volume \"NAME\" already bound to a different claim`",
    doc: "The volume that the claim wants is bound to another claim, or was released and still remembers the claim before.",
    check: "kubectl get pv VOLUME -o jsonpath='{.status.phase} {.spec.claimRef}'",
    fix: "use another volume, or free this one: remove its spec.claimRef once nobody needs its data for the other claim",
    fields: FIELDS,
};

pub(super) static PVC_LOST: Cause = Cause {
    id: "pvc_lost",
    title: "the claim's volume is gone",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: "claims, volumes, events",
    source: "persistentvolume-controller: claim phase Lost, event ClaimLost; kube-scheduler: `bound to non-existent persistentvolume`",
    doc: "The claim is bound to, or asks by name for, a volume that doesn't exist (any more).",
    check: "kubectl -n NAMESPACE get pvc CLAIM; kubectl get pv VOLUME",
    fix: "restore the data into a new claim, or create the volume again with the same name on the same storage",
    fields: FIELDS,
};

pub(super) static PVC_PROVISIONING_FAILED: Cause = Cause {
    id: "pvc_provisioning_failed",
    title: "the volume can't be made",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: "claims, storage classes, events",
    source: "external-provisioner and persistentvolume-controller: events ProvisioningFailed and ExternalProvisioning of the claim",
    doc: "The provisioner of the claim's class refuses to make a volume, or isn't there.",
    check: "kubectl -n NAMESPACE describe pvc CLAIM",
    fix: "see what the provisioner says, and whether its pods run",
    fields: FIELDS,
};

/// Stated by the scheduling family, which knows the nodes.
pub(in crate::diagnose::rules) static VOLUME_NODE_AFFINITY_CONFLICT: Cause = Cause {
    id: "volume_node_affinity_conflict",
    title: "the volume can't be used on any node that the pod may run on",
    perspective: Perspective::Infra,
    explains: EXPLAINS,
    reads: "pod spec, claims, volumes, nodes, events",
    source: "kube-scheduler, VolumeBinding and VolumeZone: event FailedScheduling, `node(s) had volume node affinity conflict`",
    doc: "The pod's volume is tied to a node or zone where the pod can't run.",
    check: "kubectl get pv VOLUME -o jsonpath='{.spec.nodeAffinity}'; kubectl get nodes --show-labels",
    fix: "let the pod run where its volume is, bring that node back, or move the data to a new volume",
    fields: &["volumes", "nodeSelector", "affinity.nodeAffinity"],
};
