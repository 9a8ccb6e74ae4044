//! `[serve]`: where it listens, who may send alerts and ask, and how much of everything. Every number is a default of the
//! documentation.

use super::Secret;
use crate::domain::{JobRules, Keep, Lifecycle, Severity, Windows};
use ipnet::IpNet;
use jiff::SignedDuration;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// `[serve]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServeSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where `/metrics` is, where that is another address.
    pub metrics_listen: Option<SocketAddr>,
    /// What people reach it under, without a slash at the end.
    pub public_url: Option<String>,
    /// Proxies whose headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// How long the link to an incident in a message opens it without a token; zero is not at all.
    pub permalink_ttl: SignedDuration,

    /// `ALERTMANAGER_WEBHOOK_SECRET`.
    pub webhook_secret: Option<Secret>,
    /// `ALERTMANAGER_WEBHOOK_SECRET_PREVIOUS`: accepted too, while the secret rotates.
    pub webhook_secret_previous: Option<Secret>,
    /// How a sender may say who it is.
    pub webhook_auth: Vec<WebhookAuth>,
    /// The user of basic authentication; without it any.
    pub webhook_basic_user: Option<String>,
    /// How old a signature may be.
    pub webhook_max_age: SignedDuration,
    /// Whether a signature needs its time.
    pub webhook_require_timestamp: bool,
    /// The header in which a trusted proxy names the subject of a client certificate.
    pub webhook_client_cert_header: Option<String>,
    /// The subjects that may send.
    pub webhook_client_cert_subjects: Vec<String>,

    /// The longest body, in bytes.
    #[serde(deserialize_with = "size")]
    pub max_body: usize,
    /// So many deliveries may wait for the disk.
    pub intake_queue: usize,
    /// So many jobs may wait.
    pub job_queue: usize,
    /// Deliveries of one sender.
    pub sender_rate: Rate,
    /// Requests of one operator.
    pub operator_rate: Rate,
    /// Questions and replays of one operator.
    pub ask_rate: Rate,

    /// `ALERTMANAGER_URL`: the Alertmanager that sends this cluster's alerts, without a path of its API.
    pub alertmanager_url: Option<String>,
    /// `ALERTMANAGER_TOKEN`: sent to it as a bearer token.
    pub alertmanager_token: Option<Secret>,
    /// How often its list of active alerts is read.
    pub alertmanager_every: SignedDuration,

    /// Labels that name the cluster; the first that is there counts.
    pub cluster_labels: Vec<String>,
    /// The cluster of an alert that names none.
    pub default_cluster: String,
    /// Other words for severities.
    pub severity_map: BTreeMap<String, Severity>,
    /// Alerts that are kept and nothing else.
    pub suppress_alertnames: Vec<String>,

    /// A start that is later by no more than this belongs to the same episode.
    pub same_episode: SignedDuration,
    /// What fires this soon after its end with the same start was overtaken by it.
    pub reorder_grace: SignedDuration,
    /// An episode that was not heard of for this long is marked.
    pub silent_after: SignedDuration,
    /// The end of an incident is announced after this much quiet.
    pub resolve_settle: SignedDuration,
    /// The same while it flaps.
    pub flapping_settle: SignedDuration,
    /// An episode that begins this soon after the end is a flap.
    pub flap_window: SignedDuration,
    /// So many flaps within 24 h are flapping.
    pub flapping_from: usize,
    /// An analysis because of a flap begins no sooner after the last.
    pub rerun_interval: SignedDuration,
    /// In which an incident with the same cause is a recurrence.
    pub recurrence_window: SignedDuration,
    /// So many episodes are chronic.
    pub chronic_from: usize,
    /// In which they are counted.
    pub chronic_window: SignedDuration,
    /// An episode that fires for this long is stuck.
    pub stuck_after: SignedDuration,

    /// How many analyses run at a time.
    pub workers: usize,
    /// How long a worker has a job before it must renew its lease.
    pub lease: SignedDuration,
    /// How often a job is begun before it is given up.
    pub max_attempts: u32,
    /// How long a job waits after its first failure.
    pub backoff: SignedDuration,
    /// How long the process takes to end.
    pub shutdown_timeout: SignedDuration,
    /// `PIPELINE_DIRECT_INVOKE`: the handler runs what it queued before it answers.
    pub direct_invoke: bool,

    /// `JWT_PUBLIC_KEY`: PEM; without it the operators' endpoints are closed.
    pub jwt_public_key: Option<String>,
    /// `JWT_AUDIENCE`.
    pub jwt_audience: String,
    /// `JWT_ISSUER`.
    pub jwt_issuer: Option<String>,
    /// The claim that lists the roles.
    pub jwt_roles_claim: String,

    /// Where copies of the database go; without it none are made.
    pub backup_dir: Option<PathBuf>,
    /// How often.
    pub backup_every: SignedDuration,
    /// How many are kept.
    pub backup_keep: usize,

    /// How long bodies as they came, finished jobs and conversations are kept.
    pub keep_bodies: SignedDuration,
    /// How long alerts that were set aside, messages that were sent and jobs that were given up are.
    pub keep_messages: SignedDuration,
    /// How long recordings of analyses are.
    pub keep_bundles: SignedDuration,
    /// The size of all recordings, in bytes: the oldest make way.
    #[serde(deserialize_with = "size")]
    pub keep_bundles_size: usize,
    /// How long incidents that are over are, with their alerts, analyses and feedback.
    pub keep_incidents: SignedDuration,
}

impl Default for ServeSettings {
    fn default() -> Self {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            metrics_listen: None,
            public_url: None,
            trusted_proxies: Vec::new(),
            permalink_ttl: SignedDuration::ZERO,
            webhook_secret: None,
            webhook_secret_previous: None,
            webhook_auth: vec![WebhookAuth::Bearer, WebhookAuth::Basic, WebhookAuth::Hmac],
            webhook_basic_user: None,
            webhook_max_age: SignedDuration::from_mins(5),
            webhook_require_timestamp: false,
            webhook_client_cert_header: None,
            webhook_client_cert_subjects: Vec::new(),
            max_body: 16 << 20,
            intake_queue: 512,
            job_queue: 50_000,
            sender_rate: Rate { count: 2_000, per: SignedDuration::from_secs(1) },
            operator_rate: Rate { count: 1, per: SignedDuration::from_secs(1) },
            ask_rate: Rate { count: 10, per: SignedDuration::from_mins(1) },
            alertmanager_url: None,
            alertmanager_token: None,
            alertmanager_every: SignedDuration::from_mins(5),
            cluster_labels: texts(&["cluster", "k8s_cluster"]),
            default_cluster: "default".to_owned(),
            severity_map: BTreeMap::new(),
            suppress_alertnames: texts(&["Watchdog", "InfoInhibitor"]),
            same_episode: SignedDuration::from_mins(5),
            reorder_grace: SignedDuration::from_secs(30),
            silent_after: SignedDuration::from_hours(26),
            resolve_settle: SignedDuration::from_secs(60),
            flapping_settle: SignedDuration::from_mins(10),
            flap_window: SignedDuration::from_mins(60),
            flapping_from: 3,
            rerun_interval: SignedDuration::from_mins(10),
            recurrence_window: SignedDuration::from_hours(7 * 24),
            chronic_from: 5,
            chronic_window: SignedDuration::from_hours(24),
            stuck_after: SignedDuration::from_hours(24),
            workers: 4,
            lease: SignedDuration::from_secs(60),
            max_attempts: 4,
            backoff: SignedDuration::from_secs(30),
            shutdown_timeout: SignedDuration::from_secs(25),
            direct_invoke: false,
            jwt_public_key: None,
            jwt_audience: "sre-copilot".to_owned(),
            jwt_issuer: None,
            jwt_roles_claim: "roles".to_owned(),
            backup_dir: None,
            backup_every: SignedDuration::from_hours(24),
            backup_keep: 7,
            keep_bodies: SignedDuration::from_hours(7 * 24),
            keep_messages: SignedDuration::from_hours(30 * 24),
            keep_bundles: SignedDuration::from_hours(30 * 24),
            keep_bundles_size: 2 << 30,
            keep_incidents: SignedDuration::from_hours(180 * 24),
        }
    }
}

impl ServeSettings {
    /// What decides about the lives of incidents. `notify_from` is the least severity that a message is sent about; `None`
    /// where nobody listens.
    pub fn lifecycle(&self, notify_from: Option<Severity>) -> Lifecycle {
        Lifecycle {
            windows: Windows { same_episode: self.same_episode, reorder_grace: self.reorder_grace, flap: self.flap_window },
            silent_after: self.silent_after,
            resolve_settle: self.resolve_settle,
            flapping_settle: self.flapping_settle,
            flapping_from: self.flapping_from,
            rerun_interval: self.rerun_interval,
            chronic_from: self.chronic_from,
            chronic_window: self.chronic_window,
            stuck_after: self.stuck_after,
            suppressed: self.suppress_alertnames.iter().cloned().collect(),
            notify_from,
            jobs: JobRules { most: self.job_queue, lease: self.lease, max_attempts: self.max_attempts, back_off: self.backoff },
            keep: Keep { bodies: self.keep_bodies, messages: self.keep_messages, incidents: self.keep_incidents },
        }
    }
}

/// A way for a sender of alerts to say who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookAuth {
    /// `Authorization: Bearer`.
    Bearer,
    /// `Authorization: Basic`; the password is the secret.
    Basic,
    /// A signature over the body.
    Hmac,
}

/// So many in so much time: `2000/s`, `10/min`, `5/h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In how much time.
    pub per: SignedDuration,
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = text.split_once('/').and_then(|(count, unit)| {
            let per = match unit.trim() {
                "s" => SignedDuration::from_secs(1),
                "min" => SignedDuration::from_mins(1),
                "h" => SignedDuration::from_hours(1),
                _ => return None,
            };
            Some(Self { count: count.trim().parse().ok().filter(|count| *count > 0)?, per })
        });
        parsed.ok_or_else(|| D::Error::custom(format!("{text:?} is no rate: write 2000/s, 10/min or 5/h")))
    }
}

/// Bytes as a number, or as text with a unit: `16MiB`, `512KiB`.
fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Number(usize),
        Text(String),
    }
    let text = match Size::deserialize(deserializer)? {
        Size::Number(bytes) => return Ok(bytes),
        Size::Text(text) => text,
    };
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
    let parsed = units.iter().find_map(|(unit, bytes)| {
        let number: usize = text.trim().strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(*bytes)
    });
    parsed.ok_or_else(|| D::Error::custom(format!("{text:?} is no size: write 16MiB, 512KiB or a number of bytes")))
}
