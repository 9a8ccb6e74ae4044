//! What `doctor` asks a cluster: which it is, what time it has, and what this identity may read.

use super::KubernetesReader;
use super::kinds::{CLUSTER, EVENTS, Kind, LEASES, NAMESPACED, NAMESPACES, NODE_LEASES, NODES, PODS};
use super::request::{self, Deadline, OnServerError};
use crate::ports::{AccessQuestion, ReadError};
use jiff::Timestamp;
use serde_json::Value;

/// The longest answer about a version.
const VERSION_BYTES: usize = 64 << 10;

/// A server that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Such as `v1.33.1`.
    pub version: String,
    /// Its clock, to the second; `None` where it doesn't say.
    pub clock: Option<Timestamp>,
}

impl KubernetesReader {
    /// Asks for the server's version, which needs no rights.
    ///
    /// # Errors
    /// It doesn't answer, or doesn't take the credentials.
    pub async fn version(&self) -> Result<Server, ReadError> {
        let deadline = Deadline::after(self.request_timeout);
        let answer = request::get(&self.connection.client, "/version", deadline, VERSION_BYTES, OnServerError::AskAgain).await;
        let server = self.server().to_owned();
        let answer = answer.map_err(|fault| match fault.code() {
            Some(401) => ReadError::Unauthorized { server, why: fault.why().to_owned() },
            _ => ReadError::Unreachable { server, why: fault.why().to_owned() },
        })?;
        let version: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let version = version.get("gitVersion").and_then(Value::as_str).unwrap_or("of an unknown version").to_owned();
        Ok(Server { version, clock: answer.date })
    }
}

/// What an analysis reads in a namespace (everywhere for an empty one), as questions to the server, and then what it reads of
/// the cluster.
pub fn read_rights(namespace: &str) -> (Vec<AccessQuestion>, Vec<AccessQuestion>) {
    let question = |kind: &Kind, namespace: &str| {
        let version = kind.versions.first().copied().unwrap_or_default();
        let group = version.split_once('/').map_or("", |(group, _)| group);
        asked("list", group, kind.plural, "", namespace)
    };
    let here = [&PODS, &EVENTS].into_iter().chain(NAMESPACED.iter().filter(|kind| !kind.addon));
    let mut here: Vec<_> = here.map(|kind| question(kind, namespace)).collect();
    here.push(asked("get", "", "pods", "log", namespace));
    let cluster = [&NODES, &NAMESPACES].into_iter().chain(CLUSTER).map(|kind| question(kind, ""));
    let cluster = cluster.chain([question(&LEASES, NODE_LEASES)]).collect();
    (here, cluster)
}

fn asked(verb: &str, group: &str, resource: &str, subresource: &str, namespace: &str) -> AccessQuestion {
    AccessQuestion {
        verb: verb.to_owned(),
        group: group.to_owned(),
        resource: resource.to_owned(),
        subresource: subresource.to_owned(),
        namespace: namespace.to_owned(),
        name: String::new(),
    }
}
