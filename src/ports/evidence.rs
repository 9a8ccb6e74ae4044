//! Witnesses beside the cluster: metrics, deploys, tickets, log searches. Each answers with how reading went; only an empty
//! answer of a source that was read is an absence.

use crate::cluster::{LogEvent, Signal};
use crate::domain::{Deploy, ObjectRef, SourceState, Ticket};
use jiff::Timestamp;
use std::future::Future;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvidenceRequest {
    /// The moment that it is about: the episode's start, else now.
    pub at: Timestamp,
    /// The end of what can have been seen: now.
    pub until: Timestamp,
    /// What is analysed, with its workload and Services, sorted.
    pub objects: Vec<ObjectRef>,
    /// The exact pods, sorted.
    pub pods: Vec<ObjectRef>,
    /// The nodes of those pods or the node that is analysed, each with its addresses, sorted.
    pub nodes: Vec<NodeNames>,
    /// The namespaces, sorted.
    pub namespaces: Vec<String>,
    /// The host names that routes and Ingresses over them serve, sorted.
    pub hosts: Vec<String>,
    /// The names of the alerts that led here, sorted.
    pub alerts: Vec<String>,
}

/// How a node is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeNames {
    /// The Node's name.
    pub name: String,
    /// `status.addresses`: host names and IPs.
    pub addresses: Vec<String>,
}

/// What a source answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered<T> {
    /// How reading went.
    pub state: SourceState,
    /// What it has.
    pub items: Vec<T>,
}

/// Time series.
pub trait SignalSource: Sync {
    /// The signals of these objects, and the figures of the whole cluster at that moment.
    fn signals(&self, request: &EvidenceRequest) -> impl Future<Output = Answered<Signal>> + Send;
}

/// What was deployed.
pub trait DeployHistory: Sync {
    /// The finished deploys of the two hours before the moment.
    fn deploys(&self, request: &EvidenceRequest) -> impl Future<Output = Answered<Deploy>> + Send;
}

/// What people know already.
pub trait TicketTracker: Sync {
    /// At most five tickets about these objects.
    fn tickets(&self, request: &EvidenceRequest) -> impl Future<Output = Answered<Ticket>> + Send;
}

/// Structured logs that an application sent elsewhere.
pub trait LogSearch: Sync {
    /// The events of ten minutes before and after the moment, oldest first.
    fn events(&self, request: &EvidenceRequest) -> impl Future<Output = Answered<LogEvent>> + Send;
}
