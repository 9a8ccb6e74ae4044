//! Settings: defaults, then the file, then the environment; flags are the command line's own and win over all of them. One
//! struct a concern. A key that nobody knows is an error, since a misspelt guard guards nothing.

mod discord;
mod error;
mod layers;
mod llm;
mod redaction;
mod secret;
mod serve;
mod sources;
mod start;

pub use discord::DiscordSettings;
pub use error::ConfigError;
pub use layers::{FILE_NAME, load};
pub use llm::{Backend, LlmSettings, Structured};
pub use redaction::RedactSettings;
pub use secret::Secret;
pub use serve::{Rate, ServeSettings, WebhookAuth};
pub use sources::{DeployMapping, JiraSettings, Mesh, MetricsSettings, SeqSettings, TeamcitySettings};
pub use start::StartChecks;

use crate::remedy::{self, ApprovalSettings, PolicySettings, RemedySettings, VerifySettings};
use serde::Deserialize;
use std::path::PathBuf;

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where this runs; anything but development is strict.
    pub environment: Environment,
    /// Nothing is written to a cluster without an approved attempt that was claimed.
    pub safe_mode: bool,
    /// `sqlite:PATH`; without it, the state folder of the user.
    pub database_url: Option<String>,
    /// What may be sent to the cluster.
    pub executor: Executor,
    /// A person has to approve even what a rule would apply by itself.
    pub approval_required: bool,
    /// What may be done where and when.
    pub policy: PolicySettings,
    /// What is proposed.
    pub remedy: RemedySettings,
    /// Who may approve, and for how long.
    pub approval: ApprovalSettings,
    /// When an applied change is looked at.
    pub verify: VerifySettings,
    /// Which language model, and what it may cost.
    pub llm: LlmSettings,
    /// Time series.
    pub metrics: MetricsSettings,
    /// Tickets.
    pub jira: JiraSettings,
    /// Deploys.
    pub teamcity: TeamcitySettings,
    /// Structured logs.
    pub seq: SeqSettings,
    /// What is masked beside secrets.
    pub redact: RedactSettings,
    /// The server.
    pub serve: ServeSettings,
    /// Discord.
    pub discord: DiscordSettings,
}

impl Settings {
    /// What the pure part of remediation reads of them.
    pub fn remediation(&self) -> remedy::Settings {
        remedy::Settings {
            policy: self.policy.clone(),
            remedy: self.remedy.clone(),
            approval: self.approval.clone(),
            verify: self.verify.clone(),
        }
    }

    /// What the environment says about writing.
    pub fn mode(&self) -> remedy::Mode {
        // Staging follows production's rules.
        let is_production = self.environment != Environment::Development;
        remedy::Mode { safe_mode: self.safe_mode, approval_required: self.approval_required, is_production }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            environment: Environment::default(),
            safe_mode: true,
            database_url: None,
            executor: Executor::default(),
            approval_required: true,
            policy: PolicySettings::default(),
            remedy: RemedySettings::default(),
            approval: ApprovalSettings::default(),
            verify: VerifySettings::default(),
            llm: LlmSettings::default(),
            metrics: MetricsSettings::default(),
            jira: JiraSettings::default(),
            teamcity: TeamcitySettings::default(),
            seq: SeqSettings::default(),
            redact: RedactSettings::default(),
            serve: ServeSettings::default(),
            discord: DiscordSettings::default(),
        }
    }
}

/// `ENV`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Somebody's own machine.
    #[default]
    Development,
    /// Follows production's rules.
    Staging,
    /// Nothing is applied by itself.
    Production,
}

/// `[executor]`: what may be sent to the cluster, and as whom.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Executor {
    /// Dry runs are sent; without it everything stays advice.
    pub enabled: bool,
    /// Approved changes are sent too.
    pub approval_enabled: bool,
    /// The kubeconfig of the identity that writes; without it, the caller's own.
    pub kubeconfig: Option<PathBuf>,
    /// Its context.
    pub context: Option<String>,
    /// A file with the token of a ServiceAccount that writes, on the cluster that is read.
    pub token_file: Option<PathBuf>,
}
