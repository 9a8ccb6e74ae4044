//! How things stand at the moment of a scrape: figures that somebody reads from the store then, since no event tells them.
//! They are written as they were read, all at once, so that a kind that is gone leaves nothing behind.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// How things stand. What is not known is not shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// Open incidents, by severity.
    pub incidents_open: Vec<(&'static str, u64)>,
    /// Episodes that fire, by severity; those that are kept and nothing else count too.
    pub episodes_firing: Vec<(&'static str, u64)>,
    /// Jobs that wait, run, or were given up, by kind and state.
    pub jobs: Vec<(&'static str, &'static str, u64)>,
    /// Age of the job that waits longest, by kind.
    pub job_oldest_seconds: Vec<(&'static str, f64)>,
    /// Age of the message that waits longest, by kind of channel.
    pub outbox_oldest_seconds: Vec<(&'static str, f64)>,
    /// Since the last alert that says that alerting works.
    pub watchdog_age_seconds: Option<f64>,
    /// Since the last back-up that was checked.
    pub backup_age_seconds: Option<f64>,
    /// What may still be spent on models today; none without a budget.
    pub model_budget_left_usd: Option<f64>,
    /// Size of the database's file.
    pub store_bytes: Option<u64>,
    /// Size of its write-ahead log.
    pub wal_bytes: Option<u64>,
}

/// The last one that was told.
#[derive(Clone, Debug, Default)]
pub(super) struct Told(Arc<Mutex<Standing>>);

impl Told {
    pub(super) fn set(&self, standing: Standing) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }
}

impl Collector for Told {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let standing = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let out = &mut encoder;
        let severity =
            |of: &[(&'static str, u64)]| of.iter().map(|(at, count)| ([("severity", *at)], *count)).collect::<Vec<_>>();
        family(out, "incidents_open", "Incidents that are open", &severity(&standing.incidents_open))?;
        family(out, "episodes_firing", "Episodes of alerts that fire", &severity(&standing.episodes_firing))?;
        let jobs = standing.jobs.iter().map(|(kind, state, count)| ([("kind", *kind), ("state", *state)], *count));
        family(out, "jobs", "Jobs that wait, run, or were given up", &jobs.collect::<Vec<_>>())?;
        let ages = |label, of: &[(&'static str, f64)]| of.iter().map(|(at, age)| ([(label, *at)], *age)).collect::<Vec<_>>();
        let oldest = ages("kind", &standing.job_oldest_seconds);
        family(out, "job_oldest_seconds", "Age of the job that waits longest", &oldest)?;
        let oldest = ages("channel", &standing.outbox_oldest_seconds);
        family(out, "outbox_oldest_seconds", "Age of the message that waits longest", &oldest)?;
        one(out, "watchdog_age_seconds", "Since the last alert that says that alerting works", standing.watchdog_age_seconds)?;
        one(out, "backup_age_seconds", "Since the last back-up that was checked", standing.backup_age_seconds)?;
        one(out, "model_budget_left_usd", "What may still be spent on models today", standing.model_budget_left_usd)?;
        one(out, "store_bytes", "Size of the database's file", standing.store_bytes)?;
        one(out, "wal_bytes", "Size of the database's write-ahead log", standing.wal_bytes)
    }
}

type Labelled<V, const N: usize> = ([(&'static str, &'static str); N], V);

fn family<V, const N: usize>(out: &mut DescriptorEncoder<'_>, name: &str, help: &str, values: &[Labelled<V, N>]) -> fmt::Result
where
    V: EncodeGaugeValue + Copy,
{
    if values.is_empty() {
        return Ok(());
    }
    let mut encoder = out.encode_descriptor(name, &format!("{help}."), None, MetricType::Gauge)?;
    for (labels, value) in values {
        let labelled = encoder.encode_family(labels)?;
        ConstGauge::new(*value).encode(labelled)?;
    }
    Ok(())
}

fn one<V: EncodeGaugeValue + Copy>(out: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: Option<V>) -> fmt::Result {
    match value {
        Some(value) => {
            ConstGauge::new(value).encode(out.encode_descriptor(name, &format!("{help}."), None, MetricType::Gauge)?)
        }
        None => Ok(()),
    }
}
