//! One hop around a workload: whom it calls and who calls it, through Services. It says who depends on whom and never that a call
//! fails.

use super::addresses;
use super::calls::CallGraph;
use crate::cluster::Snapshot;
use crate::domain::ObjectRef;
use std::collections::BTreeSet;

/// Whom a workload has to do with. Services stand for themselves, and what is behind or before them is named too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// What it calls.
    pub callees: BTreeSet<ObjectRef>,
    /// What calls it.
    pub callers: BTreeSet<ObjectRef>,
}

/// The neighbours of each of these objects, in the same order.
pub fn neighbours(snap: &Snapshot, of: &[ObjectRef]) -> Vec<Neighbours> {
    let graph = CallGraph::new(snap, &addresses::given(snap));
    of.iter().map(|object| around(&graph, object)).collect()
}

fn around(graph: &CallGraph, object: &ObjectRef) -> Neighbours {
    let mut found = Neighbours::default();
    for callee in graph.callees(object) {
        found.callees.insert(callee.clone());
        if callee.kind == "Service" {
            found.callees.extend(graph.callees(callee).cloned());
        }
    }
    for caller in graph.callers(object) {
        // The Service before a workload is its own; who calls that one is the neighbour.
        if caller.kind == "Service" {
            found.callers.extend(graph.callers(caller).cloned());
        } else {
            found.callers.insert(caller.clone());
        }
    }
    found.callees.remove(object);
    found.callers.remove(object);
    found
}
