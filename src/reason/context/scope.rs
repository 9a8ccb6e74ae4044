//! Which objects a case is about: those that the report names, the pods below the target and below the first cause's object.

use crate::cluster::{Object, Snapshot};
use crate::domain::ObjectRef;
use crate::reason::Case;
use std::collections::BTreeSet;

/// More pods than this add nothing but length.
const MOST_PODS: usize = 200;

/// The objects in question.
#[derive(Debug)]
pub struct Scope<'a> {
    /// All of them.
    pub objects: BTreeSet<ObjectRef>,
    /// The pods among them, sorted.
    pub pods: Vec<&'a Object>,
    /// The workloads whose neighbours matter: the target's, and that of the first cause's object.
    pub workloads: Vec<ObjectRef>,
}

impl<'a> Scope<'a> {
    /// Of a case.
    pub fn of(case: &Case<'a>) -> Self {
        let snapshot: &'a Snapshot = case.snapshot;
        let mut workloads = vec![snapshot.workload(&case.report.target)];
        let blamed = case.report.causes.first().map(|cause| snapshot.workload(&cause.object));
        workloads.extend(blamed.filter(|blamed| !workloads.contains(blamed)));
        let mut objects: BTreeSet<ObjectRef> = case.numbers.objects().iter().cloned().collect();
        for workload in &workloads {
            objects.insert(workload.clone());
            objects.extend(snapshot.children(workload).map(|child| child.id.clone()));
            objects.extend(snapshot.pods_of(workload).into_iter().take(MOST_PODS).map(|pod| pod.id.clone()));
        }
        let pods: Vec<&Object> =
            objects.iter().filter(|object| object.kind == "Pod").filter_map(|pod| snapshot.get(pod)).collect();
        Self { objects, pods, workloads }
    }

    /// The nodes that the pods run on.
    pub fn nodes(&self) -> BTreeSet<&'a str> {
        self.pods.iter().map(|pod| pod.text("spec.nodeName")).filter(|node| !node.is_empty()).collect()
    }
}
