//! The program's metrics, one method for each thing that happens. A label's value is a word of the program, never a text that
//! came from an alert, a cluster or a person: the methods take `&'static str`, and whoever has another text looks it up with
//! [`one_of`]. So the number of series is bounded, whatever is sent.

use super::standing::{Standing, Told};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};
use std::sync::LazyLock;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// The content type of [`render`] (OpenMetrics 1.0, "Protocol Negotiation").
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers: the bars are 50 ms for a click and 100 ms for a batch of alerts, a batch that is analysed at once takes 25 s.
const ANSWER_SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// From taking a batch to its being on disk: 5 ms of gathering and one flush, which a slow disk makes a second; after two the
/// store gives up.
const COMMIT_SECONDS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.0];
/// Stages: rules take milliseconds, a cluster seconds, a model a minute; a run has 300 s.
const STAGE_SECONDS: [f64; 13] = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 60.0, 300.0];
/// Whole runs, the same way.
const RUN_SECONDS: [f64; 11] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0];

type Labels<const N: usize> = [(&'static str, &'static str); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;
type Amount = Counter<f64, AtomicU64>;

/// The labels of an answer: a status has no word, it is its number.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answer {
    route: &'static str,
    method: &'static str,
    status: u16,
}

/// The methods of HTTP (RFC 9110, section 9; PATCH is RFC 5789); a client may send any other word.
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// The program's own word that `text` is, `other` where it is none of them.
pub fn one_of(known: &'static [&'static str], text: &str) -> &'static str {
    known.iter().find(|word| **word == text).copied().unwrap_or("other")
}

/// All metrics but those that are read at each scrape ([`Standing`]).
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    standing: Told,
    http_requests: Family<Answer, Counter>,
    http_request_duration: Histograms<1>,
    intake_batches: Counters<1>,
    intake_alerts: Counters<2>,
    intake_set_aside: Counters<1>,
    intake_commit: Histogram,
    intake_waiting: Gauge,
    flaps: Counter,
    recurrences: Counter,
    runs: Counters<2>,
    run_duration: Histogram,
    stage_duration: Histograms<2>,
    causes: Counters<2>,
    job_attempts: Counters<2>,
    leases_lost: Counter,
    source_status: Counters<2>,
    model_requests: Counters<3>,
    model_tokens: Counters<2>,
    model_cost: Family<Labels<1>, Amount>,
    model_breaker: Family<Labels<1>, Gauge>,
    notifications: Counters<3>,
    interactions: Counters<2>,
    policy_decisions: Counters<2>,
    attempts: Counters<1>,
    feedback: Counters<1>,
    store_errors: Counters<1>,
}

/// Registers under a name and hands back what was registered.
fn kept<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

impl Metrics {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("sre_copilot");
        let out = &mut registry;
        let standing = Told::default();
        out.register_collector(Box::new(standing.clone()));
        out.register("build", "The program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let answers: fn() -> Histogram = || Histogram::new(ANSWER_SECONDS);
        let stages: fn() -> Histogram = || Histogram::new(STAGE_SECONDS);
        Self {
            http_requests: kept(out, "http_requests", "Answers to requests", Family::default()),
            http_request_duration: kept(
                out,
                "http_request_duration_seconds",
                "From a request's head to its answer",
                Family::new_with_constructor(answers),
            ),
            intake_batches: kept(out, "intake_batches", "Deliveries of alerts, by what was answered", Family::default()),
            intake_alerts: kept(out, "intake_alerts", "Alerts, by what became of them", Family::default()),
            intake_set_aside: kept(out, "intake_set_aside", "Alerts and bodies that could not be read", Family::default()),
            intake_commit: kept(
                out,
                "intake_commit_seconds",
                "From taking a delivery to its being on disk",
                Histogram::new(COMMIT_SECONDS),
            ),
            intake_waiting: kept(out, "intake_waiting", "Deliveries that wait to be written", Gauge::default()),
            flaps: kept(out, "flaps", "Alerts that ended and soon fired again", Counter::default()),
            recurrences: kept(out, "recurrences", "Incidents that came back", Counter::default()),
            runs: kept(out, "runs", "Analyses that ended", Family::default()),
            run_duration: kept(out, "run_duration_seconds", "How long analyses took", Histogram::new(RUN_SECONDS)),
            stage_duration: kept(
                out,
                "stage_duration_seconds",
                "How long the stages of analyses took",
                Family::new_with_constructor(stages),
            ),
            causes: kept(out, "causes", "Causes that were found", Family::default()),
            job_attempts: kept(out, "job_attempts", "Tries at jobs that ended", Family::default()),
            leases_lost: kept(
                out,
                "leases_lost",
                "Results that were dropped, since the job was somebody else's",
                Counter::default(),
            ),
            source_status: kept(out, "source_status", "How sources answered", Family::default()),
            model_requests: kept(out, "model_requests", "Calls to language models", Family::default()),
            model_tokens: kept(out, "model_tokens", "Tokens of language models", Family::default()),
            model_cost: kept(out, "model_cost_usd", "What language models cost", Family::default()),
            model_breaker: kept(out, "model_breaker_open", "Whether a model isn't asked because it failed", Family::default()),
            notifications: kept(out, "notifications", "Messages, by how sending went", Family::default()),
            interactions: kept(out, "interactions", "Clicks in Discord", Family::default()),
            policy_decisions: kept(out, "policy_decisions", "What the policy decided", Family::default()),
            attempts: kept(out, "attempts", "Attempts at a change that reached a state", Family::default()),
            feedback: kept(out, "feedback", "What people said of an analysis", Family::default()),
            store_errors: kept(out, "store_errors", "What the store could not do", Family::default()),
            registry,
            standing,
        }
    }

    /// A request was answered. `route` is the router's own pattern, never a path.
    pub fn http_request(&self, route: &'static str, method: &str, status: u16, took: Duration) {
        self.http_requests.get_or_create(&Answer { route, method: one_of(METHODS, method), status }).inc();
        self.http_request_duration.get_or_create(&[("route", route)]).observe(took.as_secs_f64());
    }

    /// A delivery of alerts was answered: accepted, replayed, unparsable, unauthenticated, too_large, …
    pub fn intake_batch(&self, result: &'static str) {
        self.intake_batches.get_or_create(&[("result", result)]).inc();
    }

    /// An alert was taken. `status` is the sender's (firing, resolved), `result` what became of it.
    pub fn intake_alert(&self, status: &'static str, result: &'static str) {
        self.intake_alerts.get_or_create(&[("status", status), ("result", result)]).inc();
    }

    /// An alert or a body was set aside.
    pub fn intake_set_aside(&self, reason: &'static str) {
        self.intake_set_aside.get_or_create(&[("reason", reason)]).inc();
    }

    /// A delivery was on disk, so long after it was handed over.
    pub fn intake_commit(&self, took: Duration) {
        self.intake_commit.observe(took.as_secs_f64());
    }

    /// So many deliveries wait to be written.
    pub fn intake_waiting(&self, deliveries: usize) {
        self.intake_waiting.set(i64::try_from(deliveries).unwrap_or(i64::MAX));
    }

    /// An alert ended and soon fired again.
    pub fn flap(&self) {
        self.flaps.inc();
    }

    /// An incident came back after it was over.
    pub fn recurrence(&self) {
        self.recurrences.inc();
    }

    /// An analysis ended. Without a report `verdict` is `none`.
    pub fn run(&self, state: &'static str, verdict: &'static str, took: Duration) {
        self.runs.get_or_create(&[("state", state), ("verdict", verdict)]).inc();
        self.run_duration.observe(took.as_secs_f64());
    }

    /// A stage of an analysis ended: ok, or why not.
    pub fn stage(&self, stage: &'static str, outcome: &'static str, took: Duration) {
        self.stage_duration.get_or_create(&[("stage", stage), ("outcome", outcome)]).observe(took.as_secs_f64());
    }

    /// An analysis found a cause; `cause` is an id of the catalogue.
    pub fn cause(&self, cause: &'static str, verdict: &'static str) {
        self.causes.get_or_create(&[("cause", cause), ("verdict", verdict)]).inc();
    }

    /// A try at a job ended.
    pub fn job_attempt(&self, kind: &'static str, outcome: &'static str) {
        self.job_attempts.get_or_create(&[("kind", kind), ("outcome", outcome)]).inc();
    }

    /// Shows 0 where nothing was counted yet, so that the first one is an increase.
    pub fn job_attempts_from_zero(&self, kind: &'static str, outcome: &'static str) {
        drop(self.job_attempts.get_or_create(&[("kind", kind), ("outcome", outcome)]));
    }

    /// A worker came back with a result that was no longer its own to write.
    pub fn lease_lost(&self) {
        self.leases_lost.inc();
    }

    /// A source answered, or did not.
    pub fn source_status(&self, source: &'static str, status: &'static str) {
        self.source_status.get_or_create(&[("source", source), ("status", status)]).inc();
    }

    /// A model was called.
    pub fn model_request(&self, backend: &'static str, stage: &'static str, outcome: &'static str) {
        self.model_requests.get_or_create(&[("backend", backend), ("stage", stage), ("outcome", outcome)]).inc();
    }

    /// What a call to a model used up.
    pub fn model_use(&self, backend: &'static str, tokens_in: u64, tokens_out: u64, usd: f64) {
        self.model_tokens.get_or_create(&[("backend", backend), ("direction", "in")]).inc_by(tokens_in);
        self.model_tokens.get_or_create(&[("backend", backend), ("direction", "out")]).inc_by(tokens_out);
        // A counter never falls, whatever a price list says.
        self.model_cost.get_or_create(&[("backend", backend)]).inc_by(if usd.is_finite() { usd.max(0.0) } else { 0.0 });
    }

    /// Whether a model is left alone for a while, because it failed.
    pub fn model_breaker(&self, backend: &'static str, is_open: bool) {
        self.model_breaker.get_or_create(&[("backend", backend)]).set(i64::from(is_open));
    }

    /// Sending a message ended. `channel` is what kind of channel it is, never its name or address.
    pub fn notification(&self, channel: &'static str, op: &'static str, outcome: &'static str) {
        self.notifications.get_or_create(&[("channel", channel), ("op", op), ("outcome", outcome)]).inc();
    }

    /// A click was answered.
    pub fn interaction(&self, kind: &'static str, outcome: &'static str) {
        self.interactions.get_or_create(&[("kind", kind), ("outcome", outcome)]).inc();
    }

    /// The policy decided about a change; `rule` is the id of the rule that did.
    pub fn policy_decision(&self, decision: &'static str, rule: &'static str) {
        self.policy_decisions.get_or_create(&[("decision", decision), ("rule", rule)]).inc();
    }

    /// An attempt at a change reached a state.
    pub fn attempt(&self, state: &'static str) {
        self.attempts.get_or_create(&[("state", state)]).inc();
    }

    /// Somebody said whether an analysis was right.
    pub fn feedback(&self, is_accepted: bool) {
        self.feedback.get_or_create(&[("accepted", if is_accepted { "true" } else { "false" })]).inc();
    }

    /// The store could not do something.
    pub fn store_error(&self, kind: &'static str) {
        self.store_errors.get_or_create(&[("kind", kind)]).inc();
    }

    /// How things stand now, for the next scrape.
    pub fn stand(&self, standing: Standing) {
        self.standing.set(standing);
    }

    fn render(&self) -> String {
        let mut text = String::new();
        // A String takes everything: only a metric of ours could refuse, and then the rest is worth more than nothing.
        _ = encode(&mut text, &self.registry);
        text
    }
}

/// The process's metrics.
pub fn metrics() -> &'static Metrics {
    static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);
    &METRICS
}

/// All metrics as [`OPEN_METRICS`].
pub fn render() -> String {
    metrics().render()
}

#[cfg(test)]
mod tests;
