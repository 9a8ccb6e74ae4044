//! `[redact]`: what is masked beside secrets.

use serde::Deserialize;

/// `[redact]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedactSettings {
    /// IP addresses too.
    pub ips: bool,
}
