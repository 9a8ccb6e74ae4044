//! Which cluster this is: the UID of its namespace `kube-system`, which is made with the cluster and never again.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The namespace that each cluster has.
pub(super) const NAMESPACE: &str = "kube-system";
/// How an id begins that says only where the cluster is.
const BY_ADDRESS: &str = "server:";

/// The id that a namespace gives.
pub(super) fn of(namespace: &Value) -> Option<String> {
    let uid = namespace.pointer("/metadata/uid").and_then(Value::as_str)?;
    (!uid.is_empty()).then(|| uid.to_owned())
}

/// The id where the namespace may not be read: a hash of the server's address.
pub(super) fn by_address(server: &str) -> String {
    let hash: String = Sha256::digest(server.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{BY_ADDRESS}{hash}")
}

/// Whether an id says only where the cluster is.
pub(super) fn is_by_address(id: &str) -> bool {
    id.starts_with(BY_ADDRESS)
}
