//! The witnesses beside the cluster, as the settings name them, and what the books remember.

use super::{Cluster, Progress, runtime, store_path};
use crate::adapters::jira::Jira;
use crate::adapters::kubernetes::KubernetesReader;
use crate::adapters::prometheus::Prometheus;
use crate::adapters::seq::Seq;
use crate::adapters::teamcity::Teamcity;
use crate::cli::error::CliError;
use crate::cluster::Recording;
use crate::config::Settings;
use crate::domain::HISTORY;
use crate::pipeline::{Witnesses, history};
use crate::ports::{Egress, EvidenceRequest};
use crate::redact::Redactor;
use crate::store::Store;
use jiff::Timestamp;

pub(super) fn witnesses(settings: &Settings, redactor: &Redactor) -> Witnesses<Prometheus, Teamcity, Jira, Seq> {
    Witnesses {
        signals: Prometheus::new(&settings.metrics, redactor.clone()),
        deploys: Teamcity::new(&settings.teamcity, redactor.clone()),
        tickets: Jira::new(&settings.jira, redactor.clone()),
        log_search: Seq::new(&settings.seq, redactor.clone()),
    }
}

/// What the witnesses and the books say of these objects, redacted; `None` where there are none. The books are only opened
/// where there are any already: an analysis by itself leaves nothing behind.
///
/// # Errors
/// When the system gives no threads.
pub fn testify(
    cluster: Cluster,
    settings: &Settings,
    redactor: &Redactor,
    request: &EvidenceRequest,
    progress: &Progress,
) -> Result<Option<Recording>, CliError> {
    let witnesses = witnesses(settings, redactor);
    let books = store_path(settings).ok().filter(|path| path.exists());
    if witnesses.is_empty() && books.is_none() {
        return Ok(None);
    }
    let runtime = runtime()?;
    let evidence = runtime.block_on(async {
        progress.say("asking metrics, deploys, tickets and earlier incidents");
        let remembered = async {
            let path = books?;
            // An installation that can't tell its cluster by name has no memory of it.
            let cluster = KubernetesReader::connect(cluster.options()).await.ok()?.known_as().await?;
            let answer = match Store::open(&path, Timestamp::now) {
                Ok(store) => history(&store, &cluster, request.until).await,
                Err(error) => crate::ports::Answered {
                    state: crate::domain::SourceState::Unavailable(error.to_string()),
                    items: Vec::new(),
                },
            };
            Some(answer)
        };
        let (mut evidence, remembered) = tokio::join!(witnesses.testify(request, redactor), remembered);
        if let Some(answer) = remembered {
            evidence.sources.insert(HISTORY.to_owned(), answer.state);
            evidence.history = answer.items;
        }
        evidence
    });
    // A name server that doesn't answer must not hold up the end.
    runtime.shutdown_background();
    Ok(Some(evidence))
}

/// What would be sent to the witnesses; none of it is.
///
/// # Errors
/// When the system gives no threads.
pub fn egress(settings: &Settings, redactor: &Redactor, request: &EvidenceRequest) -> Result<Vec<Egress>, CliError> {
    // HTTP clients are made within a runtime.
    let runtime = runtime()?;
    let _entered = runtime.enter();
    let witnesses = witnesses(settings, redactor);
    let mut all = witnesses.signals.and_then(Result::ok).map(|source| source.egress(request)).unwrap_or_default();
    all.extend(witnesses.deploys.and_then(Result::ok).and_then(|source| source.egress(request)));
    all.extend(witnesses.tickets.and_then(Result::ok).and_then(|source| source.egress(request)));
    all.extend(witnesses.log_search.and_then(Result::ok).and_then(|source| source.egress(request)));
    Ok(all)
}
