//! What a row of the catalogue holds. The rows themselves stand in the families (`rules/*.rs`), beside the functions that
//! state them, so that adding a cause touches one file and its fixtures.

use super::context::Context;
use super::findings::Findings;

pub use crate::domain::Perspective;

/// A section of the catalogue of causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// From the image to the first process.
    Startup,
    /// The API server refuses an object.
    Admission,
    /// No node takes the pod.
    Scheduling,
    /// Claims and volumes.
    Storage,
    /// The process runs, or ran.
    Runtime,
    /// Controllers: rollouts, Jobs, autoscalers.
    Workloads,
    /// From a caller to a container's port.
    Routing,
    /// Nodes and the control plane.
    Nodes,
    /// Looks like a fault and isn't one.
    NotAFault,
}

impl Section {
    /// The heading in the documentation.
    pub fn title(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Admission => "Admission",
            Self::Scheduling => "Scheduling",
            Self::Storage => "Storage",
            Self::Runtime => "Runtime",
            Self::Workloads => "Workloads",
            Self::Routing => "Service routing",
            Self::Nodes => "Nodes and control plane",
            Self::NotAFault => "Not a fault",
        }
    }
}

/// The link of the object graph over which a cause explains something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// The same container of the same workload.
    Container,
    /// The same pod, or the workload whose template made it.
    Pod,
    /// The same top controller.
    Workload,
    /// The node itself, or a pod on it.
    Node,
    /// A Service that selects the pods, or a route to such a Service.
    Selects,
    /// A pod that uses the object as a volume, variable, account or pull secret.
    Mounts,
    /// A caller of the workload or Service, at any distance.
    Calls,
    /// What the workload calls.
    CalledBy,
    /// Anything in the namespace.
    Namespace,
    /// Anything in the cluster.
    Cluster,
}

/// Which causes and symptoms a cause explains, by id, each over one link.
pub type Explains = &'static [(Link, &'static str)];

/// One cause: what it is, where its signal comes from, what it explains, how to check it by hand and how to mend it.
#[derive(Debug)]
pub struct Cause {
    /// The public id.
    pub id: &'static str,
    /// A few words for headings and tables.
    pub title: &'static str,
    /// From which side it is seen.
    pub perspective: Perspective,
    /// What it explains. Lists that several causes share are joined by the engine.
    pub explains: &'static [Explains],
    /// What the rule reads, in the words of the API (`pod status`, `events`, `logs`).
    pub reads: &'static str,
    /// Which part of Kubernetes emits the signal, and with which words.
    pub source: &'static str,
    /// What it is, one sentence.
    pub doc: &'static str,
    /// A command that checks it by hand, with upper-case place-holders.
    pub check: &'static str,
    /// How to mend it, one sentence.
    pub fix: &'static str,
    /// The fields of a pod template that this cause is about, as parts of a path (`resources.limits.memory`): a revision
    /// that changed one of them is what brought it.
    pub fields: &'static [&'static str],
}

impl Cause {
    /// Whether this cause explains the id over some link; yields those links.
    pub fn links_to<'a>(&'a self, id: &'a str) -> impl Iterator<Item = Link> + 'a {
        self.explains.iter().flat_map(|list| list.iter()).filter(move |(_, other)| *other == id).map(|(link, _)| *link)
    }
}

/// Rules that look at the same objects, and the causes that they can state.
#[derive(Debug)]
pub struct Family {
    /// The section of the catalogue.
    pub section: Section,
    /// The rows.
    pub causes: &'static [&'static Cause],
    /// Looks at the snapshot and states what it finds.
    pub check: fn(&Context<'_>, &mut Findings),
}
