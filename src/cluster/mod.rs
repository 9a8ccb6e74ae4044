//! A snapshot of Kubernetes in memory: objects, indexed, and the questions that rules ask of them. Pure: it reads no
//! file, no network and no clock.

pub mod json;
mod object;
mod recording;

pub use object::{Object, PARTIAL, canonical_kind, is_cluster_scoped};
pub use recording::{Dependency, LogKey, Recording, ServiceName, Signal};
