//! What keeps the server from starting, and what it warns of: all of it at once, so that nobody has to start five times.

use super::{Environment, Settings};
use crate::domain::Keep;
use jiff::SignedDuration;

/// A lease is renewed four times while it lasts, and a write may take a second.
const LEAST_LEASE: SignedDuration = SignedDuration::from_secs(4);

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartChecks {
    /// Each keeps it from starting.
    pub refusals: Vec<String>,
    /// Each is worth a line in the log.
    pub warnings: Vec<String>,
}

impl Settings {
    /// Looks at the settings of the server. Staging follows production's rules.
    pub fn start_checks(&self) -> StartChecks {
        let is_production = self.environment != Environment::Development;
        let no_identity = [&self.executor.kubeconfig, &self.executor.token_file].iter().all(|file| file.is_none())
            && self.executor.context.is_none();
        let serve = &self.serve;
        let public_key = self.discord.public_key.as_deref();
        let role = self.discord.mention_role_id.as_deref();
        let refusals = [
            (
                is_production && !self.senders_can_prove(),
                "senders of alerts can't say who they are (ALERTMANAGER_WEBHOOK_SECRET)",
            ),
            (is_production && !self.safe_mode, "SAFE_MODE=false"),
            (is_production && !self.approval_required, "APPROVAL_REQUIRED=false"),
            (
                self.executor.approval_enabled && no_identity,
                "EXECUTOR_APPROVAL_ENABLED needs an identity that writes (executor.token_file, .kubeconfig or .context)",
            ),
            (public_key.is_some_and(|key| !is_public_key(key)), "DISCORD_PUBLIC_KEY is not 64 hex digits"),
            (role.is_some_and(|role| !is_id(role)), "DISCORD_MENTION_ROLE_ID is no role's id, which is digits alone"),
            (serve.lease < LEAST_LEASE, "serve.lease is shorter than 4 s, within which it can't be renewed"),
            (!serve.alertmanager_every.is_positive(), "serve.alertmanager_every has to be longer than nothing"),
            (!serve.backup_every.is_positive(), "serve.backup_every has to be longer than nothing"),
            (
                serve.keep_bodies < serve.chronic_window,
                "serve.keep_bodies is shorter than serve.chronic_window, within which it is known when an analysis ran",
            ),
            (serve.max_attempts == 0, "serve.max_attempts is 0: no job would ever be begun"),
            (
                serve.keep_incidents < Keep::LEAST_INCIDENTS,
                "serve.keep_incidents is shorter than 2160h (90 days), which memory reaches back",
            ),
        ];
        let nobody_approves = self.discord.approvers_user_ids.is_empty() && self.discord.approvers_role_ids.is_empty();
        let warnings = [
            (is_production && self.serve.direct_invoke, "PIPELINE_DIRECT_INVOKE keeps senders waiting for analyses"),
            (
                is_production && self.serve.jwt_public_key.is_none(),
                "without JWT_PUBLIC_KEY nobody can use the operators' endpoints",
            ),
            (is_production && self.serve.public_url.is_none(), "without serve.public_url messages have no links"),
            (
                is_production && public_key.is_some() && nobody_approves,
                "nobody can approve in Discord: DISCORD_APPROVERS_USER_IDS and DISCORD_APPROVERS_ROLE_IDS are empty",
            ),
            (
                self.serve.webhook_client_cert_header.is_some() && !self.certificates_count(),
                "client certificates count for nobody without serve.trusted_proxies and serve.webhook_client_cert_subjects",
            ),
        ];
        let found = |checks: &[(bool, &str)]| checks.iter().filter(|(is, _)| *is).map(|(_, text)| (*text).to_owned()).collect();
        StartChecks { refusals: found(&refusals), warnings: found(&warnings) }
    }

    /// Whether any sender of alerts can prove who it is.
    fn senders_can_prove(&self) -> bool {
        let has_secret = self.serve.webhook_secret.as_ref().is_some_and(|secret| !secret.expose().is_empty());
        (has_secret && !self.serve.webhook_auth.is_empty()) || self.certificates_count()
    }

    fn certificates_count(&self) -> bool {
        let serve = &self.serve;
        serve.webhook_client_cert_header.is_some()
            && !serve.webhook_client_cert_subjects.is_empty()
            && !serve.trusted_proxies.is_empty()
    }
}

/// An Ed25519 key as Discord shows it.
fn is_public_key(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// An id as Discord gives them ("Snowflakes": a number of 64 bits, as text).
fn is_id(text: &str) -> bool {
    text.parse::<u64>().is_ok() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn production_names_every_refusal_at_once() {
        let mut settings =
            Settings { environment: Environment::Staging, safe_mode: false, approval_required: false, ..Settings::default() };
        settings.executor.approval_enabled = true;
        settings.discord.public_key = Some("no key".to_owned());
        settings.discord.mention_role_id = Some("@oncall".to_owned());
        let found = settings.start_checks();
        assert_eq!(found.refusals.len(), 6, "{found:?}");
        assert!(found.refusals[0].contains("ALERTMANAGER_WEBHOOK_SECRET"));
        settings.environment = Environment::Development;
        assert_eq!(settings.start_checks().refusals.len(), 3);
        settings.discord.mention_role_id = Some("1180000000000000001".to_owned());
        assert_eq!(settings.start_checks().refusals.len(), 2);
        settings.serve.lease = SignedDuration::ZERO;
        settings.serve.max_attempts = 0;
        settings.serve.keep_incidents = SignedDuration::from_hours(89 * 24);
        assert_eq!(settings.start_checks().refusals.len(), 5);
    }

    #[test]
    fn a_secret_or_a_certificate_is_enough_in_production() {
        let mut settings = Settings { environment: Environment::Production, ..Settings::default() };
        settings.serve.webhook_secret = Some(Secret::from(String::new()));
        assert_eq!(settings.start_checks().refusals.len(), 1);
        settings.serve.webhook_client_cert_header = Some("x-subject".to_owned());
        assert_eq!(settings.start_checks().refusals.len(), 1);
        settings.serve.webhook_client_cert_subjects = vec!["CN=am".to_owned()];
        settings.serve.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        assert_eq!(settings.start_checks().refusals.len(), 0);
        let with_secret = |secret: &str| {
            let mut settings = Settings { environment: Environment::Production, ..Settings::default() };
            settings.serve.webhook_secret = Some(Secret::from(secret.to_owned()));
            settings.serve.webhook_auth = vec![crate::config::WebhookAuth::Bearer];
            settings.start_checks()
        };
        let found = with_secret("s");
        assert!(found.refusals.is_empty() && found.warnings.len() == 2, "{found:?}");
    }
}
