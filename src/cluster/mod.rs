//! A snapshot of Kubernetes in memory: objects, indexed, and the questions that rules ask of them. Pure: it reads no
//! file, no network and no clock.

pub mod address;
pub mod cron;
mod event;
pub mod fitness;
pub mod json;
pub mod network_policy;
mod node_name;
mod object;
pub mod pod;
pub mod ports;
pub mod probe;
pub mod quantity;
mod recording;
pub mod references;
pub mod revisions;
pub mod scheduling_message;
pub mod selector;
pub mod service_dns;
mod snapshot;
pub mod workload;

pub use event::Event;
pub use node_name::node;
pub use object::{Object, PARTIAL, canonical_kind, is_cluster_scoped};
pub use recording::{Dependency, LogEvent, LogKey, Recording, ServiceName, Signal};
pub use snapshot::{Snapshot, labels_of, plural};
