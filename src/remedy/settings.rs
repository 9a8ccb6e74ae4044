//! What an operator decides about remediation. Every field has the default that the documentation names, and an unknown
//! key is an error. It holds no secret.

use crate::domain::{Action, Risk};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::freeze::Freeze;

/// The tables `policy`, `remedy`, `approval` and `verify` of the settings file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What may be done where and when.
    pub policy: PolicySettings,
    /// What is proposed.
    pub remedy: RemedySettings,
    /// Who may approve, and for how long.
    pub approval: ApprovalSettings,
    /// When an applied change is looked at.
    pub verify: VerifySettings,
}

/// `[policy]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicySettings {
    /// The tiers of namespaces.
    pub namespaces: NamespaceSettings,
    /// Workloads that hold data, as globs over `NAMESPACE/NAME` or over names alone.
    pub data_plane: Vec<String>,
    /// What is done about a workload that Argo CD or Flux would set back.
    pub gitops_owned: GitopsOwned,
    /// When nothing is written.
    pub freeze: Vec<Freeze>,
    /// What is applied without a person. None by default.
    pub auto: Vec<AutoRule>,
    /// How long an object is left alone after a write.
    pub cooldown: SignedDuration,
    /// How many writes the cluster takes in an hour.
    pub writes_per_hour: usize,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            namespaces: NamespaceSettings::default(),
            data_plane: Vec::new(),
            gitops_owned: GitopsOwned::Block,
            freeze: Vec::new(),
            auto: Vec::new(),
            cooldown: SignedDuration::from_mins(10),
            writes_per_hour: 5,
        }
    }
}

/// `[policy.namespaces]`: globs (`*`, `?`) that match whole names. Forbidden beats read-only beats writable; what none of
/// them matches is read-only.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NamespaceSettings {
    /// Not even read by an intent.
    pub forbidden: Vec<String>,
    /// Read and never written.
    pub read_only: Vec<String>,
    /// Written after approval.
    pub writable: Vec<String>,
}

impl Default for NamespaceSettings {
    fn default() -> Self {
        let list = |globs: &[&str]| globs.iter().map(|glob| (*glob).to_owned()).collect();
        Self {
            forbidden: list(&["kube-*", "mcp"]),
            read_only: list(&["prod*", "preprod*", "preupdate*"]),
            writable: list(&["squad-*", "dev-*", "test-*"]),
        }
    }
}

/// `policy.gitops_owned`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GitopsOwned {
    /// Refused: the change belongs into the repository.
    #[default]
    Block,
    /// Allowed; the screen says that it will be set back.
    Warn,
}

/// One `[[policy.auto]]`: every constraint that is given has to hold, and at least one has to be given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, try_from = "RawAutoRule")]
pub struct AutoRule {
    /// How the decision names it: `auto:NAME`.
    pub name: String,
    /// Only these actions; empty for any.
    pub actions: Vec<Action>,
    /// Only these namespaces, as globs; empty for any.
    pub namespaces: Vec<String>,
    /// Only for these causes; empty for any.
    pub causes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAutoRule {
    name: String,
    #[serde(default)]
    actions: Vec<Action>,
    #[serde(default)]
    namespaces: Vec<String>,
    #[serde(default)]
    causes: Vec<String>,
}

impl TryFrom<RawAutoRule> for AutoRule {
    type Error = String;

    fn try_from(raw: RawAutoRule) -> Result<Self, String> {
        let RawAutoRule { name, actions, namespaces, causes } = raw;
        if actions.is_empty() && namespaces.is_empty() && causes.is_empty() {
            return Err(format!("rule {name:?} of policy.auto would allow anything: give actions, namespaces or causes"));
        }
        Ok(Self { name, actions, namespaces, causes })
    }
}

/// `[remedy]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemedySettings {
    /// How many times as much a request or limit may become at once, above 1 and at most [`MOST_GROWTH`].
    #[serde(deserialize_with = "growth")]
    pub max_growth: f64,
}

/// The bound that no setting lifts.
pub const MOST_GROWTH: f64 = 4.0;

impl Default for RemedySettings {
    fn default() -> Self {
        Self { max_growth: 2.0 }
    }
}

fn growth<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let growth = f64::deserialize(deserializer)?;
    if growth > 1.0 && growth <= MOST_GROWTH {
        return Ok(growth);
    }
    Err(serde::de::Error::custom(format!("remedy.max_growth is {growth}, allowed is more than 1 and at most {MOST_GROWTH}")))
}

/// `[approval]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApprovalSettings {
    /// How long a proposal can be approved.
    pub ttl: SignedDuration,
    /// From which risk on the requester may not approve.
    pub separate_approver: SeparateApprover,
    /// How many approvals one person gives in an hour.
    pub per_hour: usize,
}

impl Default for ApprovalSettings {
    fn default() -> Self {
        Self { ttl: SignedDuration::from_mins(30), separate_approver: SeparateApprover::Never, per_hour: 5 }
    }
}

/// `approval.separate_approver`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SeparateApprover {
    /// The requester may approve.
    #[default]
    Never,
    /// From medium risk on somebody else has to.
    Medium,
    /// Somebody else always has to.
    Always,
}

impl SeparateApprover {
    /// Whether somebody else than the requester has to approve at this risk.
    pub fn applies_to(self, risk: Risk) -> bool {
        match self {
            Self::Never => false,
            Self::Medium => risk >= Risk::Medium,
            Self::Always => true,
        }
    }
}

/// `[verify]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifySettings {
    /// How long after a change it is looked at, in rising order.
    pub after: Vec<SignedDuration>,
}

impl Default for VerifySettings {
    fn default() -> Self {
        Self { after: [1, 5, 15].map(SignedDuration::from_mins).to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: serde_json::Value) -> Result<Settings, serde_json::Error> {
        serde_json::from_value(value)
    }

    #[test]
    fn nothing_gives_the_defaults() {
        assert_eq!(read(json!({})).unwrap(), Settings::default());
        assert!(Settings::default().policy.auto.is_empty());
    }

    #[test]
    fn every_key() {
        let settings = read(json!({
            "policy": {"namespaces": {"writable": ["shop"]}, "data_plane": ["ledger-*"], "gitops_owned": "warn",
                "freeze": [{"name": "night", "weekly": ["fri 18:00 - mon 06:00"], "zone": "Europe/Berlin"}],
                "auto": [{"name": "restarts", "actions": ["restart_deployment"]}], "cooldown": "5m", "writes_per_hour": 2},
            "remedy": {"max_growth": 4.0}, "approval": {"ttl": "1h", "separate_approver": "medium", "per_hour": 1},
            "verify": {"after": ["1m", "2m"]}
        }))
        .unwrap();
        assert_eq!(settings.policy.namespaces.forbidden, NamespaceSettings::default().forbidden);
        assert_eq!(settings.policy.cooldown, SignedDuration::from_mins(5));
        assert!(
            settings.approval.separate_approver.applies_to(Risk::High)
                && !settings.approval.separate_approver.applies_to(Risk::Low)
        );
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        for (wrong, why) in [
            (json!({"policy": {"namespace": {}}}), "unknown field"),
            (json!({"remedy": {"max_growth": 4.5}}), "at most 4"),
            (json!({"remedy": {"max_growth": 1.0}}), "more than 1"),
            (json!({"policy": {"auto": [{"name": "all"}]}}), "would allow anything"),
            (json!({"policy": {"freeze": [{"name": "never"}]}}), "from"),
            (json!({"approval": {"separate_approver": "sometimes"}}), "unknown variant"),
        ] {
            let error = read(wrong.clone()).unwrap_err().to_string();
            assert!(error.contains(why), "{wrong}: {error}");
        }
    }
}
