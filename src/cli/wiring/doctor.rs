//! Looks at what the settings name, one after the other, through the same adapters that an analysis uses. It changes nothing but
//! one row of the database, which says when it was last looked whether it can be written. It makes no database and migrates none.

use super::model::Model;
use super::witnesses::witnesses;
use super::{Cluster, store_path};
use crate::adapters::alertmanager::Alertmanager;
use crate::adapters::discord::Discord;
use crate::adapters::kubernetes::{KubernetesReader, KubernetesWriter, WriterOptions, read_rights};
use crate::adapters::machine::MachineClock;
use crate::cli::installation;
use crate::config::{Backend, Settings};
use crate::domain::{Check, DEPLOYS, LOG_SEARCH, SIGNALS, SourceState, TICKETS};
use crate::ports::channel::INCIDENTS;
use crate::ports::{Access, AccessQuestion, ClusterWriter, Delivery, EvidenceRequest, Pulse};
use crate::remedy::write_rights;
use crate::server::Tokens;
use crate::store::Store;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// Clocks that differ by more make times in a report doubtful: a signed request is refused from five minutes on.
const SKEW: SignedDuration = SignedDuration::from_secs(30);
/// Questions about rights at once.
const AT_ONCE: usize = 8;
/// How long one look at a model may take.
const MODEL_TIME: Duration = Duration::from_secs(15);
/// Less free space than this and the database may soon not be written.
const LITTLE_SPACE: u64 = 512 << 20;

/// Looks at everything. `namespace` is where rights are asked for: `None` is the context's own, an empty one the whole cluster.
pub async fn check_up(settings: &Settings, cluster: Cluster, namespace: Option<String>) -> Vec<Check> {
    let (cluster, witnesses, alertmanager, model, discord) = tokio::join!(
        of_cluster(settings, cluster, namespace),
        of_witnesses(settings),
        of_alertmanager(settings),
        of_model(settings),
        of_discord(settings)
    );
    let mut all = cluster;
    all.push(of_database(settings).await);
    all.push(of_backups(settings));
    all.extend(witnesses);
    all.push(alertmanager);
    all.push(model);
    all.push(discord);
    all.extend(of_start(settings));
    all
}

async fn of_cluster(settings: &Settings, cluster: Cluster, namespace: Option<String>) -> Vec<Check> {
    const NAME: &str = "cluster";
    let reader = match KubernetesReader::connect(cluster.clone().options()).await {
        Ok(reader) => reader,
        Err(error) => {
            return vec![Check::failed(NAME, error.to_string(), "kubectl config get-contexts; --context names another")];
        }
    };
    let server = match reader.version().await {
        Ok(server) => server,
        Err(error) => return vec![Check::failed(NAME, error.to_string(), "kubectl get --raw /version has to answer")],
    };
    let mut all = vec![Check::ok(NAME, format!("{} at {}", server.version, reader.server())), clock(server.clock)];
    let namespace = namespace.unwrap_or_else(|| reader.default_namespace().to_owned());
    let options = |connect| WriterOptions { connect, token_file: None, safe_mode: true, redactor: installation::redactor() };
    match KubernetesWriter::connect(options(cluster.clone().options())).await {
        Ok(asker) => {
            let (here, beyond) = read_rights(&namespace);
            let place = if namespace.is_empty() { "all namespaces".to_owned() } else { format!("namespace {namespace}") };
            all.push(rights("read rights", &asker, here, &place).await);
            all.push(rights("cluster rights", &asker, beyond, "the cluster").await);
        }
        Err(error) => all.push(Check::failed("read rights", error.to_string(), "check the kubeconfig")),
    }
    all.push(of_writer(settings, cluster, &reader).await);
    all
}

fn clock(theirs: Option<Timestamp>) -> Check {
    const NAME: &str = "clock";
    let Some(theirs) = theirs else {
        return Check::warning(NAME, "the API server doesn't say what time it has", "compare with another machine's");
    };
    let off = Timestamp::now().duration_since(theirs);
    let found = format!("{} s from the API server's", off.as_secs().abs());
    if off.abs() <= SKEW { Check::ok(NAME, found) } else { Check::warning(NAME, found, "set both by NTP: ages will be wrong") }
}

/// Asks for each right. What is missing is named.
async fn rights(name: &str, asker: &KubernetesWriter, questions: Vec<AccessQuestion>, place: &str) -> Check {
    let count = questions.len();
    let asked = stream::iter(questions).map(|question| async move {
        let answer = asker.access(&question).await;
        (question, answer)
    });
    let answers: Vec<_> = asked.buffered(AT_ONCE).collect().await;
    let mut missing = BTreeSet::new();
    for (question, answer) in answers {
        let sub = if question.subresource.is_empty() { String::new() } else { format!("/{}", question.subresource) };
        match answer {
            Ok(Access { allowed: true, .. }) => {}
            Ok(_) => _ = missing.insert(format!("{} {}{sub}", question.verb, question.resource)),
            Err(error) => return Check::failed(name, error.to_string(), "kubectl auth can-i --list has to answer"),
        }
    }
    // Secrets are left out on purpose: deploy/ doesn't give that right.
    let secrets = missing.remove("list secrets");
    let note = if secrets { "; secrets are not read, so that a missing key in one stays unknown" } else { "" };
    if missing.is_empty() {
        return Check::ok(name, format!("all {} in {place}{note}", count - usize::from(secrets)));
    }
    let missing: Vec<_> = missing.into_iter().collect();
    let found = format!("in {place} may not {}{note}", missing.join(", "));
    Check::warning(name, found, "what these show stays unknown; deploy/manifests/read-only.yaml has the rules")
}

async fn of_writer(settings: &Settings, cluster: Cluster, reader: &KubernetesReader) -> Check {
    const NAME: &str = "write rights";
    let executor = &settings.executor;
    if !executor.enabled {
        return Check::off(NAME, "nothing is written, dry runs neither", "EXECUTOR_ENABLED=true sends dry runs");
    }
    let connect = Cluster {
        kubeconfig: executor.kubeconfig.clone().or(cluster.kubeconfig),
        context: executor.context.clone().or(cluster.context.filter(|_| executor.kubeconfig.is_none())),
        timeout: cluster.timeout,
    };
    let options = WriterOptions {
        connect: connect.options(),
        token_file: executor.token_file.clone(),
        safe_mode: settings.safe_mode,
        redactor: installation::redactor(),
    };
    let writer = match KubernetesWriter::connect(options).await {
        Ok(writer) => writer,
        Err(error) => return Check::failed(NAME, error.to_string(), "check executor.kubeconfig and executor.token_file"),
    };
    if let Err(error) = writer.check_cluster(reader).await {
        return Check::failed(NAME, error.to_string(), "both identities have to lead to the same cluster");
    }
    let named = settings.policy.namespaces.writable.iter().filter(|glob| !glob.contains(['*', '?']));
    let namespaces: Vec<&str> = named.map(String::as_str).collect();
    if namespaces.is_empty() {
        let found =
            format!("policy.namespaces.writable names only patterns ({})", settings.policy.namespaces.writable.join(", "));
        return Check::warning(NAME, found, "each proposal asks for its own right; name namespaces to have them checked here");
    }
    let questions = namespaces.iter().flat_map(|namespace| write_rights(namespace)).collect();
    rights(NAME, &writer, questions, &namespaces.join(", ")).await
}

async fn of_database(settings: &Settings) -> Check {
    const NAME: &str = "database";
    let path = match store_path(settings) {
        Ok(path) => path,
        Err(error) => return Check::failed(NAME, error.what, error.next.unwrap_or_default()),
    };
    const OTHER: &str = "DATABASE_URL=sqlite:FILE names another file";
    let pending = match Store::pending(&path) {
        Ok(pending) => pending,
        Err(error) => return Check::failed(NAME, error.to_string(), OTHER),
    };
    match pending {
        None => {
            let found = format!("there is none at {} yet", path.display());
            return match unwritable(path.parent()) {
                Some(why) => Check::failed(NAME, format!("{found}, and {why}"), OTHER),
                None => Check::off(NAME, found, "serve, approve and analyze --propose make it"),
            };
        }
        Some(0) => {}
        Some(steps) => {
            let found = format!("{} is older by {steps} steps; serve brings it up to date when it starts", path.display());
            return Check::warning(
                NAME,
                found,
                "an older program can't read it any more then: copy it first (docs/operations.md)",
            );
        }
    }
    if let Err(error) = async { Store::open(&path, Timestamp::now)?.probe().await }.await {
        return Check::failed(NAME, error.to_string(), OTHER);
    }
    let size = std::fs::metadata(&path).map_or(0, |file| file.len());
    let found = format!("{}, {} MiB, can be written", path.display(), size >> 20);
    let folder = path.parent().unwrap_or(&path);
    match rustix::fs::statvfs(folder) {
        Ok(space) if space.f_bavail.saturating_mul(space.f_frsize) < LITTLE_SPACE => {
            let left = space.f_bavail.saturating_mul(space.f_frsize) >> 20;
            Check::warning(NAME, format!("{found}; only {left} MiB are free"), "when the disk is full, alerts are answered 503")
        }
        _ => Check::ok(NAME, found),
    }
}

/// Why nothing can be made in a folder; of one that isn't there, in the nearest that is.
fn unwritable(folder: Option<&Path>) -> Option<String> {
    let here = Path::new(".");
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(here);
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(here);
    let allowed = rustix::fs::access(there, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK);
    allowed.err().map(|error| format!("nothing can be made in {}: {}", there.display(), std::io::Error::from(error)))
}

/// Whether copies of the database have a place.
fn of_backups(settings: &Settings) -> Check {
    const NAME: &str = "back-ups";
    let Some(folder) = &settings.serve.backup_dir else {
        return Check::off(NAME, "no copies of the database are made", "serve.backup_dir names their folder");
    };
    match unwritable(Some(folder)) {
        Some(why) => Check::failed(NAME, why, "serve.backup_dir has to name a folder that can be written"),
        None => Check::ok(NAME, format!("{} can be written", folder.display())),
    }
}

/// Asked as an analysis asks them, about nothing in particular.
async fn of_witnesses(settings: &Settings) -> Vec<Check> {
    let redactor = installation::redactor();
    let now = Timestamp::now();
    let request = EvidenceRequest { at: now, until: now, namespaces: vec!["default".to_owned()], ..EvidenceRequest::default() };
    let answered = witnesses(settings, &redactor).testify(&request, &redactor).await;
    let named = [
        ("metrics", SIGNALS, "VICTORIA_METRICS_URL"),
        ("deploys", DEPLOYS, "TC_URL and TC_TOKEN"),
        ("tickets", TICKETS, "JIRA_BASE_URL, JIRA_EMAIL and JIRA_API_TOKEN"),
        ("log search", LOG_SEARCH, "SEQ_URL and SEQ_API_KEY"),
    ];
    let check = |(name, source, variables): (&str, &str, &str)| match answered.sources.get(source) {
        None => Check::off(name, "not configured", format!("{variables} would add it")),
        Some(SourceState::Ok) => Check::ok(name, "answers"),
        Some(SourceState::Partial(why)) => Check::warning(name, why, format!("check {variables}")),
        Some(SourceState::Forbidden(why)) => Check::failed(name, why, format!("check the rights behind {variables}")),
        Some(SourceState::Unavailable(why)) => Check::failed(name, why, format!("check {variables}")),
    };
    named.into_iter().map(check).collect()
}

/// Whether its list can be read; that it can reach `serve` only a delivery shows.
async fn of_alertmanager(settings: &Settings) -> Check {
    const NAME: &str = "alertmanager";
    let active = match Alertmanager::new(&settings.serve, installation::redactor()) {
        None => {
            let fix = "ALERTMANAGER_URL would add it: then an alert whose end was lost doesn't stay open";
            return Check::off(NAME, "not configured", fix);
        }
        Some(Err(state)) => Err(state),
        Some(Ok(alertmanager)) => alertmanager.active().await,
    };
    match active {
        Ok(active) => Check::ok(NAME, format!("answers; {} alerts are active", active.len())),
        Err(state) => Check::failed(NAME, state.to_string(), "check ALERTMANAGER_URL and ALERTMANAGER_TOKEN"),
    }
}

/// Whether messages reach their channel, and whether they may have buttons there. Nothing is posted.
async fn of_discord(settings: &Settings) -> Check {
    const NAME: &str = "discord";
    let discord = &settings.discord;
    if !discord.is_on() {
        let fix = "DISCORD_WEBHOOK_URL, or DISCORD_BOT_TOKEN and DISCORD_INCIDENT_CHANNEL_ID, would add it";
        return Check::off(NAME, "not configured: incidents are read over HTTP", fix);
    }
    if discord.dry_run {
        return Check::off(NAME, "DISCORD_DRY_RUN: messages are drawn and not sent", "DISCORD_DRY_RUN=false sends them");
    }
    let chat = match Discord::new(discord, installation::redactor(), MachineClock) {
        Ok(chat) => chat,
        Err(error) => return Check::failed(NAME, error.to_string(), "docs/settings.md says what each setting is for"),
    };
    let mut has_buttons = false;
    let names: Vec<&str> = chat.channels().collect();
    for name in &names {
        match chat.check(name).await {
            Ok(buttons) => has_buttons |= buttons && *name == INCIDENTS,
            Err(fault) => return broken(&format!("{NAME} {name}"), fault),
        }
    }
    let count = if names.len() == 1 { "the channel answers".to_owned() } else { format!("{} channels answer", names.len()) };
    let buttons = if has_buttons { "have buttons" } else { "have no buttons, decisions are taken with approve" };
    Check::ok(NAME, format!("{count}; messages {buttons}"))
}

/// A channel that can't be written to.
fn broken(name: &str, fault: Delivery) -> Check {
    match fault {
        Delivery::RateLimited { until, .. } => Check::warning(name, format!("it is limited until {until:.0}"), "ask again then"),
        Delivery::ChannelGone(why) | Delivery::Refused(why) => {
            Check::failed(name, why, "make the webhook anew, or let the bot see the channel")
        }
        Delivery::Retry(why) => Check::failed(name, why, "check the network; messages wait until it answers"),
        Delivery::MessageGone | Delivery::Sent { .. } => Check::warning(name, "it answered oddly", "ask again"),
    }
}

/// What `serve` would refuse to start with, and what it would warn of.
fn of_start(settings: &Settings) -> Vec<Check> {
    const NAME: &str = "serve";
    let found = settings.start_checks();
    let key = Tokens::of(&settings.serve).err();
    let refusals = found.refusals.iter().chain(&key).map(|what| Check::failed(NAME, what, "serve does not start with it"));
    let warnings = found.warnings.iter().map(|what| Check::warning(NAME, what, "docs/settings.md: [serve]"));
    let mut all: Vec<Check> = refusals.chain(warnings).collect();
    if all.is_empty() {
        all.push(Check::ok(NAME, format!("would start; without --listen it listens on {}", settings.serve.listen)));
    }
    all
}

async fn of_model(settings: &Settings) -> Check {
    const NAME: &str = "model";
    if settings.llm.backend == Backend::None {
        return Check::off(NAME, "none: the rules answer by themselves", "LLM_BACKEND names one");
    }
    let redactor = installation::redactor();
    let model = match Model::of(&settings.llm, &redactor) {
        Ok(Some(model)) => model,
        Ok(None) => return Check::off(NAME, "none", "LLM_BACKEND names one"),
        Err(error) => return Check::failed(NAME, error.what, error.next.unwrap_or_default()),
    };
    match model.probe(MODEL_TIME).await {
        Ok(found) => Check::ok(NAME, found),
        Err(error) => Check::failed(NAME, error.to_string(), "check [llm] (docs/settings.md); until then the rules answer alone"),
    }
}
