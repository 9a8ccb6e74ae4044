//! The cluster's figures for a digest, at one moment: the same queries at another moment give what they are compared with.

use super::answer::Answer;
use super::plan::{self, About, Query};
use super::source::Deadline;
use super::{Prometheus, TOGETHER};
use crate::domain::SourceState;
use crate::ports::EvidenceRequest;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Counts, as they are at the moment.
const COUNTS: [&str; 3] = ["nodes_total", "nodes_ready", "crashloops"];
/// Shares, whose mean of a day says more than their moment does.
const SHARES: [&str; 3] = ["cpu_pct", "mem_pct", "disk_peak_pct"];
/// How far apart the samples of a day are (Prometheus, querying basics: subquery).
const SUBQUERY: &str = "[24h:30m]";
/// So many of the 48 samples have to be there for a mean of the whole day: an exporter may have been restarted.
const WHOLE: u32 = 44;

impl Prometheus {
    /// The figures at a moment, by their names; those that the server has no series of are left out. `whole` leaves out means
    /// of much less than 24 hours.
    ///
    /// # Errors
    /// How reading went, where nothing was read at all.
    pub async fn day(&self, at: Timestamp, whole: bool) -> Result<BTreeMap<String, f64>, SourceState> {
        let request = EvidenceRequest {
            at,
            until: at,
            objects: Vec::new(),
            pods: Vec::new(),
            nodes: Vec::new(),
            namespaces: Vec::new(),
            hosts: Vec::new(),
            alerts: Vec::new(),
        };
        let figures = plan::queries(&self.templates, &request, &self.production).into_iter();
        let queries: Vec<Query> = figures.filter_map(|query| of_day(query, whole)).collect();
        let together = Deadline::after(TOGETHER);
        let asked = futures::future::join_all(queries.iter().map(|query| self.ask(query, &request)));
        let answers = together.wait(asked).await?;
        if answers.iter().all(Result::is_err) {
            return Err(answers.into_iter().find_map(Result::err).unwrap_or(SourceState::Ok));
        }
        let value = |answer: Answer| answer.series.first()?.values.last().map(|(_, value)| *value);
        let read = queries.into_iter().zip(answers).filter_map(|(query, answer)| Some((query.signal, value(answer.ok()?)?)));
        Ok(read.collect())
    }
}

/// The query of a figure that a digest has.
fn of_day(query: Query, whole: bool) -> Option<Query> {
    let name = query.signal.as_str();
    if query.about != About::Figure || COUNTS.contains(&name) {
        return COUNTS.contains(&name).then_some(query);
    }
    if !SHARES.contains(&name) {
        return None;
    }
    let day = format!("({}){SUBQUERY}", query.text);
    let enough = if whole { format!(" and count_over_time({day}) >= {WHOLE}") } else { String::new() };
    Some(Query { text: format!("avg_over_time({day}){enough}"), ..query })
}
