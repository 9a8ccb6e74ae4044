//! Time series from Prometheus, VictoriaMetrics, or whatever else speaks their API: the signals of what is analysed around a
//! moment, and the figures of the whole cluster at that moment. It asks only for exact pods and nodes, keeps nothing of others,
//! and calls nothing zero that wasn't measured.

mod answer;
mod day;
mod labels;
mod plan;
mod templates;

use super::http::{HttpRequest, secret_header};
use super::source::{self, Client, Deadline, LIMIT, address, sendable, unavailable};
use crate::cluster::Signal;
use crate::config::{MetricsSettings, Secret};
use crate::domain::SourceState;
use crate::ports::{Answered, Egress, EvidenceRequest, SignalSource};
use crate::redact::Redactor;
use answer::Answer;
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use plan::{About, MOST_PODS, Query};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How far before the moment series are read.
const BEFORE: SignedDuration = SignedDuration::from_mins(60);
/// How far behind it, as far as time has gone.
const AFTER: SignedDuration = SignedDuration::from_mins(15);
/// The distance of two samples, as `query_range` takes it.
const STEP: &str = "30s";
/// How long all queries may take together.
const TOGETHER: Duration = Duration::from_secs(15);
/// How many queries wait for an answer at once.
const AT_ONCE: usize = 8;
/// As many failures and no answer are enough: the server doesn't answer.
const GIVE_UP: usize = AT_ONCE;
/// A longer query goes into the body: servers and proxies bound a request's first line, often to 8 KiB.
const LONGEST_LINE: usize = 4_000;
/// How many reasons are given why something is missing.
const REASONS: usize = 3;
/// How many signals are named that a reason is about.
const NAMED: usize = 4;

/// A metrics server.
pub struct Prometheus {
    url: String,
    token: Option<Secret>,
    templates: BTreeMap<String, String>,
    production: Vec<String>,
    client: Client,
}

impl Prometheus {
    /// `None` where no metrics server is configured, since then it isn't asked.
    ///
    /// # Errors
    /// When a query is for a signal that there isn't, or there can be no HTTP client.
    pub fn new(settings: &MetricsSettings, redactor: Redactor) -> Option<Result<Self, SourceState>> {
        let (url, token, production) = (settings.url.clone()?, settings.token.clone(), settings.production.clone());
        Some(templates(settings).and_then(|templates| {
            let client = Client::new(redactor)?;
            Ok(Self { url, token, templates, production, client })
        }))
    }

    /// What is sent for such a request, one for each query.
    pub fn egress(&self, asked: &EvidenceRequest) -> Vec<Egress> {
        let queries = plan::queries(&self.templates, asked, &self.production);
        let requests = queries.iter().filter_map(|query| self.request(query, asked).ok());
        requests.map(|request| request.egress("signals", self.client.redactor())).collect()
    }

    /// Asks one query.
    async fn ask(&self, query: &Query, request: &EvidenceRequest) -> Result<Answer, SourceState> {
        let deadline = Deadline::after(LIMIT);
        let reply = self.client.send(self.request(query, request)?, deadline).await?;
        let expected = if query.about == About::Figure { "vector" } else { "matrix" };
        let answer = answer::read(&reply.body, expected)
            .map_err(|why| SourceState::Unavailable(self.client.redactor().text(&why).into()))?;
        if query.about == About::Figure && answer.series.len() > 1 {
            return Err(SourceState::Unavailable(format!("{} series for one figure", answer.series.len())));
        }
        Ok(answer)
    }

    /// Asks one query, and says which it was.
    async fn numbered(&self, index: usize, query: &Query, request: &EvidenceRequest) -> (usize, Result<Answer, SourceState>) {
        (index, self.ask(query, request).await)
    }

    /// The request for one query: a GET, unless that would be too long.
    fn request(&self, query: &Query, request: &EvidenceRequest) -> Result<HttpRequest, SourceState> {
        sendable(self.client.redactor(), &query.text)?;
        let at = request.at.min(request.until);
        let path = if query.about == About::Figure { "query" } else { "query_range" };
        let mut url: Url = address(&self.url, false, &["api", "v1", path])?;
        let mut form = url.query_pairs_mut();
        form.append_pair("query", &query.text).append_pair("timeout", &format!("{}s", LIMIT.as_secs()));
        if query.about == About::Figure {
            form.append_pair("time", &seconds(at));
        } else {
            let (start, end) = window(at, request.until);
            form.append_pair("start", &seconds(start)).append_pair("end", &seconds(end)).append_pair("step", STEP);
        }
        drop(form);
        let form = url.query().unwrap_or_default().to_owned();
        let mut request = source::request(Method::GET, url);
        if form.len() > LONGEST_LINE {
            request.method = Method::POST;
            request.url.set_query(None);
            request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
            request.body = form;
        }
        if let Some(token) = &self.token {
            let value = secret_header(&format!("Bearer {}", token.expose())).map_err(unavailable)?;
            request.headers.insert(AUTHORIZATION, value);
        }
        Ok(request)
    }
}

impl SignalSource for Prometheus {
    async fn signals(&self, request: &EvidenceRequest) -> Answered<Signal> {
        let queries = plan::queries(&self.templates, request, &self.production);
        let together = Deadline::after(TOGETHER);
        let asked: Vec<_> = queries.iter().enumerate().map(|(index, query)| self.numbered(index, query, request)).collect();
        let mut answers = futures::stream::iter(asked).buffer_unordered(AT_ONCE);
        let mut read: BTreeMap<usize, Answer> = BTreeMap::new();
        let mut failed: BTreeMap<usize, SourceState> = BTreeMap::new();
        while read.len() + failed.len() < queries.len() {
            match together.wait(answers.next()).await {
                Ok(Some((index, Ok(answer)))) => _ = read.insert(index, answer),
                Ok(Some((index, Err(state)))) => _ = failed.insert(index, state),
                Ok(None) => break,
                Err(late) => {
                    let left = (0..queries.len()).filter(|index| !read.contains_key(index) && !failed.contains_key(index));
                    let left: Vec<usize> = left.collect();
                    failed.extend(left.into_iter().map(|index| (index, late.clone())));
                }
            }
            if read.is_empty() && failed.len() >= GIVE_UP {
                break;
            }
        }
        let state = state(&queries, &read, &failed, request);
        let mut items: BTreeMap<(String, BTreeMap<String, String>), Signal> = BTreeMap::new();
        for (index, answer) in read {
            let Some(query) = queries.get(index) else { continue };
            for signal in labels::signals(query, answer.series, request) {
                // An exporter that two ways lead to is the same one.
                items.entry((signal.signal.clone(), signal.labels.clone())).or_insert(signal);
            }
        }
        Answered { state, items: items.into_values().collect() }
    }
}

/// How reading went as a whole.
fn state(
    queries: &[Query],
    read: &BTreeMap<usize, Answer>,
    failed: &BTreeMap<usize, SourceState>,
    request: &EvidenceRequest,
) -> SourceState {
    if read.is_empty() {
        // A right that is missing says more than what else went wrong.
        let forbidden = failed.values().find(|state| matches!(state, SourceState::Forbidden(_)));
        return forbidden.or_else(|| failed.values().next()).cloned().unwrap_or(SourceState::Ok);
    }
    let mut reasons: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let signal = |index: &usize| queries.get(*index).map_or("", |query| query.signal.as_str());
    for (index, state) in failed {
        reasons.entry(state.why().unwrap_or_default().to_owned()).or_default().insert(signal(index));
    }
    for (index, answer) in read {
        for why in &answer.incomplete {
            reasons.entry(why.clone()).or_default().insert(signal(index));
        }
    }
    let more = reasons.len().saturating_sub(REASONS);
    let mut said: Vec<String> = reasons
        .into_iter()
        .take(REASONS)
        .map(|(why, signals)| {
            let others = signals.len().saturating_sub(NAMED);
            let names = signals.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
            if others > 0 { format!("{names} and {others} more: {why}") } else { format!("{names}: {why}") }
        })
        .collect();
    if more > 0 {
        said.push(format!("{more} more reasons"));
    }
    if request.pods.len() > MOST_PODS {
        said.push(format!("only {MOST_PODS} of {} pods were asked about", request.pods.len()));
    }
    if said.is_empty() { SourceState::Ok } else { SourceState::Partial(said.join("; ")) }
}

/// The queries by name: the built-in ones, those of the mesh over them, and those of the settings over both.
fn templates(settings: &MetricsSettings) -> Result<BTreeMap<String, String>, SourceState> {
    let built_in = templates::BUILT_IN.iter().map(|template| (template.name.to_owned(), template.query.to_owned()));
    let mut templates: BTreeMap<String, String> = built_in.collect();
    let mesh = settings.mesh.map(templates::of_mesh).unwrap_or_default();
    templates.extend(mesh.into_iter().map(|(name, query)| (name.to_owned(), query)));
    for (name, query) in &settings.queries {
        if !templates.contains_key(name) && !templates::OF_A_MESH.contains(&name.as_str()) {
            let why = format!("metrics.queries.{}: there is no such signal", name.escape_default());
            return Err(SourceState::Unavailable(why));
        }
        templates.insert(name.clone(), query.clone());
    }
    templates.retain(|_, query| !query.trim().is_empty());
    Ok(templates)
}

/// The time that series are read of.
fn window(at: Timestamp, until: Timestamp) -> (Timestamp, Timestamp) {
    let start = at.checked_sub(BEFORE).unwrap_or(Timestamp::MIN);
    (start, at.checked_add(AFTER).unwrap_or(Timestamp::MAX).min(until))
}

/// Unix seconds, as both servers read a time.
fn seconds(at: Timestamp) -> String {
    format!("{}.{:03}", at.as_second(), at.subsec_millisecond().max(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Mesh;
    use crate::domain::FIGURES;

    #[test]
    fn there_is_a_query_for_each_signal_and_settings_win() {
        let plain = templates(&MetricsSettings::default()).unwrap();
        assert!(FIGURES.iter().all(|figure| plain.contains_key(*figure)));
        assert!(!plain.contains_key("error_ratio"));
        for mesh in [Mesh::Istio, Mesh::Linkerd, Mesh::Nginx] {
            let queries = [("error_ratio".to_owned(), "x{$c}".to_owned()), ("nodes_total".to_owned(), " ".to_owned())].into();
            let settings = MetricsSettings { mesh: Some(mesh), queries, ..MetricsSettings::default() };
            let templates = templates(&settings).unwrap();
            assert_eq!(templates["error_ratio"], "x{$c}");
            assert!(templates.contains_key("latency_p99_ms") && !templates.contains_key("nodes_total"));
        }
        let queries = [("eror_ratio".to_owned(), "x".to_owned())].into();
        let error = templates(&MetricsSettings { queries, ..MetricsSettings::default() }).unwrap_err();
        assert_eq!(error.to_string(), "unavailable: metrics.queries.eror_ratio: there is no such signal");
    }

    #[test]
    fn the_window_ends_now_at_the_latest() {
        let at: Timestamp = "2026-01-02T05:00:00Z".parse().unwrap();
        let shown = |until: &str| {
            let (start, end) = window(at, until.parse().unwrap());
            format!("{start} {end}")
        };
        assert_eq!(shown("2026-01-02T09:00:00Z"), "2026-01-02T04:00:00Z 2026-01-02T05:15:00Z");
        assert_eq!(shown("2026-01-02T05:02:00Z"), "2026-01-02T04:00:00Z 2026-01-02T05:02:00Z");
        assert_eq!(seconds("2026-01-02T05:00:00.25Z".parse().unwrap()), "1767330000.250");
    }
}
