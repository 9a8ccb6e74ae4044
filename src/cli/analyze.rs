//! `analyze`: what is wrong, and why.

use super::approve::caller;
use super::duration;
use super::egress;
use super::error::{CliError, Exit};
use super::installation;
use super::output::{self, Format};
use super::target;
use super::ui::Screen;
use super::wiring::{self, Cluster, Desk};
use crate::bundle;
use crate::cluster::{Recording, Snapshot, is_cluster_scoped};
use crate::config::{self, Backend};
use crate::diagnose::{Examination, Options, concerns};
use crate::domain::{AttemptState, Exchange, ExecutionReport, ModelName, ObjectRef, Report};
use crate::pipeline::execute::note_policy;
use crate::pipeline::{
    NoTarget, Remediation, Scope, Selector, Wanted, evidence_request, propose, redact_recording, resolve, subject, think,
};
use crate::ports::{ClusterWriter, EvidenceRequest, ReadRequest};
use crate::reason::{Case, Numbers};
use crate::redact::Redactor;
use crate::remedy::{Memory, Settings};
use crate::render::Reports;
use crate::telemetry::{self, Stage};
use clap::{Args, ValueHint};
use jiff::SignedDuration;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tracing::Span;
use tracing::field::Empty;

const EXAMPLES: &str = "Examples:
  # A pod; two workloads; every pod with a label
  sre-copilot analyze pod/checkout-7c9f5d-x2x1z -n shop
  sre-copilot analyze deploy checkout cart -n shop
  sre-copilot analyze pods -l app=checkout -n shop

  # A namespace, or all of them: finds the faulty object itself
  sre-copilot analyze -n shop
  sre-copilot analyze -A

  # What somebody else has recorded, without a cluster
  sre-copilot analyze --from incident/
  kubectl get all,events -n shop -o json | sre-copilot analyze --from -

  # Keep what was read; it holds no Secret's values
  sre-copilot analyze -n shop --record incident/

  # In a script
  sre-copilot analyze deploy/checkout -n shop --exit-code -o json";

/// Find the root cause of what is wrong with a pod, workload, node, service or namespace
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AnalyzeArgs {
    /// TYPE/NAME…, TYPE NAME…, or TYPE alone for all of it; kubectl's short names work. Without: the namespace, or what
    /// the recording is about
    #[arg(value_name = "TYPE/NAME | TYPE NAME")]
    targets: Vec<String>,
    /// The namespace; without it, the context's own
    #[arg(short, long, value_name = "NS", value_hint = ValueHint::Other)]
    namespace: Option<String>,
    /// Every namespace
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// Only objects with these labels, as kubectl takes them: app=shop,tier!=db,env in (a,b)
    #[arg(short = 'l', long, value_name = "SELECTOR", requires = "targets", value_hint = ValueHint::Other)]
    selector: Option<Selector>,
    /// The kubeconfig's context
    #[arg(long, conflicts_with = "from", help_heading = "Cluster", value_hint = ValueHint::Other)]
    context: Option<String>,
    /// The kubeconfig; without it, $KUBECONFIG, ~/.kube/config, or the pod's own service account
    #[arg(long, value_name = "FILE", conflicts_with = "from", help_heading = "Cluster")]
    kubeconfig: Option<PathBuf>,
    /// How long reading the cluster may take
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse, help_heading = "Cluster", value_hint = ValueHint::Other)]
    timeout: SignedDuration,
    /// Read no cluster but an incident bundle, what kubectl get -o json|yaml or cluster-info dump wrote, or - for
    /// standard input
    #[arg(long, value_name = "BUNDLE|FILE|-", help_heading = "Recordings")]
    from: Option<PathBuf>,
    /// Keep what was read as an incident bundle in this folder
    #[arg(long, value_name = "DIR", help_heading = "Recordings")]
    record: Option<PathBuf>,
    /// How far back events and terminations count, such as 30m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration::parse, value_hint = ValueHint::Other)]
    since: Option<SignedDuration>,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Format,
    /// Have the API server try the change that is proposed, and keep it for sre-copilot approve; needs EXECUTOR_ENABLED=true.
    /// Nothing is changed, unless a rule of policy.auto allows it. Ends with 5 when it is refused
    #[arg(long, conflicts_with = "from")]
    propose: bool,
    /// Show what would leave this machine, to whom, exactly as it would be sent, and send none of it
    #[arg(long, conflicts_with_all = ["from", "propose", "record"])]
    show_egress: bool,
    /// End with 3 when a fault is found and with 4 when something is wrong and the cause is not certain
    #[arg(long)]
    exit_code: bool,
}

/// Reads, diagnoses and prints.
///
/// # Errors
/// When nothing could be read, or there is no such target.
pub fn run(args: &AnalyzeArgs, settings: &config::Settings, screen: Screen) -> Result<Exit, CliError> {
    let wanted = target::parse(&args.targets)?;
    if args.selector.is_some() && wanted.iter().any(|wanted| matches!(wanted, Wanted::Named { .. })) {
        return Err(CliError::usage("a selector and a name exclude each other").hint("leave out the names, or -l"));
    }
    let trace = trace();
    let _within = trace.enter();
    let (started, collect) = (Instant::now(), Stage::Collect.span());
    let (mut recording, namespace) = match &args.from {
        Some(path) => (collect.in_scope(|| read(path))?, args.namespace.clone()),
        None => collect.in_scope(|| from_cluster(args, &wanted, screen))?,
    };
    // The one boundary: whatever is judged, shown or written from here on is masked.
    let redactor = if args.from.is_some() { Redactor::fixed() } else { installation::redactor() };
    let redactor = redactor.with_ips(settings.redact.ips && args.from.is_none());
    redact_recording(&redactor, &mut recording);
    let read_in = started.elapsed();
    screen.warn(&recording.warnings);
    let (exchanges, model) = (std::mem::take(&mut recording.exchanges), recording.model.clone());
    let mut kept = args.record.as_ref().map(|dir| (dir, recording.clone()));

    let started = Instant::now();
    let mut snapshot = Snapshot::new(recording);
    let selector = args.selector.clone();
    let scope = Scope { namespace, all_namespaces: args.all_namespaces, selector };
    let targets = resolve(&snapshot, &wanted, &scope).map_err(|error| no_target(&error))?;
    let asked = evidence_request(&snapshot, &targets);
    if args.from.is_none() && !args.show_egress {
        let testify = || wiring::testify(cluster(args), settings, &redactor, &asked, &screen.progress());
        let evidence = collect.in_scope(testify)?;
        if let Some(evidence) = evidence {
            kept.iter_mut().for_each(|(_, recording)| recording.add(evidence.clone()));
            snapshot.add(evidence);
        }
    }
    drop(collect);
    let mut reports: Vec<Report> = telemetry::stage(Stage::Diagnose, || {
        let examination = Examination::new(&snapshot, Options { since: args.since });
        targets.iter().map(|target| examination.report(target)).collect()
    });
    // A recording is judged as everybody would judge it, whatever this machine's settings are.
    let policy = if args.from.is_some() { Settings::default() } else { settings.remediation() };
    for report in &mut reports {
        propose(report, &snapshot, &Memory::default(), &policy);
    }
    if args.show_egress {
        return show_egress(settings, &redactor, &snapshot, &reports, &asked, screen);
    }
    let mut differences = None;
    let count = reports.len();
    for report in &mut reports {
        let numbers = Numbers::of(report);
        let case = Case { report, snapshot: &snapshot, numbers: &numbers };
        let reasoning = match (&args.from, &model) {
            (Some(_), Some(model)) => {
                let (reasoning, said, different) = wiring::with_recording(model.clone(), exchanges.clone(), case)?;
                keep(&mut kept, said, model);
                differences = Some(different);
                reasoning
            }
            (Some(_), None) => think::by_rules(case, NO_MODEL),
            (None, _) if count > 1 && settings.llm.backend != Backend::None => {
                think::by_rules(case, "model: asked about one target at a time")
            }
            (None, _) => match wiring::with_model(settings, &redactor, case, &screen.progress())? {
                Some((reasoning, said, model)) => {
                    keep(&mut kept, said, &model);
                    reasoning
                }
                None => think::by_rules(case, NO_MODEL),
            },
        };
        report.reasoning = Some(reasoning);
    }
    let mut not_planned = None;
    if args.propose {
        let [report] = reports.as_mut_slice() else {
            return Err(
                CliError::usage("a change is proposed for one target at a time").hint("name one: deploy/NAME -n NAMESPACE")
            );
        };
        if let Err(error) = to_approval(args, settings, &snapshot, report, screen) {
            // Whatever keeps a change from being planned costs that and not the diagnosis.
            report.execution =
                Some(ExecutionReport { status: "error".to_owned(), text: error.what.clone(), ..ExecutionReport::default() });
            not_planned = Some(error);
        }
    }
    screen.remark(&format!(
        "read {} objects in {} ms, diagnosed {} in {:.1} ms",
        snapshot.objects().len(),
        read_in.as_millis(),
        if targets.len() == 1 { "1 target".to_owned() } else { format!("{} targets", targets.len()) },
        started.elapsed().as_secs_f64() * 1000.0
    ));
    if let [report] = reports.as_slice() {
        concluded(&trace, report);
    }
    if let Some((dir, mut recording)) = kept {
        // What the bundle is about when it is replayed.
        recording.captured_at = Some(snapshot.now);
        // Of the memory only what these reports could be compared with.
        let subjects: Vec<(&Report, ObjectRef)> = reports.iter().map(|report| (report, subject(report, &snapshot))).collect();
        recording.history.retain(|past| subjects.iter().any(|(report, subject)| concerns(past, report, subject)));
        recording.target = if let [target] = targets.as_slice() { Some(target.clone()) } else { recording.target };
        bundle::write(dir, &recording)?;
        screen.note(&format!("recorded in {}", dir.display()));
    }
    // The form doesn't depend on how many happened to be there.
    let is_one = matches!(wanted.as_slice(), [] | [Wanted::Named { .. }]) && !args.all_namespaces;
    let shown = match reports.as_slice() {
        [report] if is_one => Reports::One(report),
        reports => Reports::Many(reports),
    };
    screen.print(&output::reports(shown, args.output, screen)?)?;
    if let Some(differences) = differences.filter(|differences| !differences.missing.is_empty()) {
        screen.warn(
            &differences.missing.iter().map(|call| format!("no recording of {call}: the rules answer")).collect::<Vec<_>>(),
        );
        return Ok(Exit::Finding);
    }
    let executed = reports.iter().find_map(|report| report.execution.as_ref()).and_then(exit_of_execution);
    if let Some(error) = not_planned {
        return Err(error);
    }
    let exit = if let Some(exit) = executed {
        exit
    } else if args.exit_code {
        output::exit_of(&reports)
    } else {
        Exit::Done
    };
    // The process ends here: giving a large cluster's objects back one by one would take longer than diagnosing it.
    std::mem::forget(snapshot);
    Ok(exit)
}

/// The root of the trace, whose attributes are known at the end.
fn trace() -> Span {
    tracing::info_span!(
        "sre.copilot.incident.process",
        sre.user.source = "cli",
        sre.incident.namespace = Empty,
        sre.incident.subject = Empty,
        sre.incident.verdict = Empty,
        sre.incident.cause = Empty,
        sre.incident.confidence = Empty,
        sre.execution.status = Empty,
    )
}

fn concluded(trace: &Span, report: &Report) {
    trace.record("sre.incident.namespace", report.target.ns()).record("sre.incident.subject", report.target.to_string());
    trace.record("sre.incident.verdict", report.verdict.as_str());
    if let Some(cause) = report.causes.first() {
        trace.record("sre.incident.cause", &cause.id).record("sre.incident.confidence", cause.confidence);
    }
    if let Some(execution) = &report.execution {
        trace.record("sre.execution.status", &execution.status);
    }
}

/// Why there is no model's part, where none is configured.
const NO_MODEL: &str = "model: none";

/// What was said belongs to what was read.
fn keep(kept: &mut Option<(&PathBuf, Recording)>, said: Vec<Exchange>, model: &ModelName) {
    if let Some((_, recording)) = kept {
        recording.exchanges.extend(said);
        recording.model = Some(model.clone());
    }
}

/// Prints what would be sent, to the witnesses and to the model.
fn show_egress(
    settings: &config::Settings,
    redactor: &Redactor,
    snapshot: &Snapshot,
    reports: &[Report],
    asked: &EvidenceRequest,
    screen: Screen,
) -> Result<Exit, CliError> {
    let mut all = wiring::witness_egress(settings, redactor, asked)?;
    if let [report] = reports {
        let numbers = Numbers::of(report);
        all.extend(wiring::model_egress(settings, redactor, Case { report, snapshot, numbers: &numbers })?);
    }
    screen.print(&egress::text(&all))?;
    Ok(Exit::Done)
}

fn cluster(args: &AnalyzeArgs) -> Cluster {
    Cluster { kubeconfig: args.kubeconfig.clone(), context: args.context.clone(), timeout: args.timeout.unsigned_abs() }
}

/// What became of the change, where that isn't as it should be.
fn exit_of_execution(execution: &ExecutionReport) -> Option<Exit> {
    match (execution.status.as_str(), execution.state) {
        ("guardrail_blocked" | "dry_run_failed", _) | (_, Some(AttemptState::Superseded)) => Some(Exit::Refused),
        ("error", _) | (_, Some(AttemptState::Failed)) => Some(Exit::Failed),
        (_, Some(AttemptState::Unknown)) => Some(Exit::Inconclusive),
        _ => None,
    }
}

/// Keeps the analysis, and takes what it proposes as far as it comes without a person.
fn to_approval(
    args: &AnalyzeArgs,
    settings: &config::Settings,
    snapshot: &Snapshot,
    report: &mut Report,
    screen: Screen,
) -> Result<(), CliError> {
    let runtime = wiring::runtime()?;
    let progress = screen.progress();
    let done = runtime.block_on(async {
        progress.say("asking the API server what it would change");
        let desk = Desk::open(cluster(args), settings).await?;
        let policy = settings.remediation();
        let remediation = Remediation {
            snapshot,
            settings: &policy,
            mode: settings.mode(),
            is_enabled: settings.executor.enabled,
            may_apply: settings.executor.approval_enabled,
            cluster: &desk.writer.cluster_id().await?,
        };
        let actor = caller();
        note_policy(&desk.store, &policy, &actor, "cli").await?;
        let executor = desk.executor(&actor);
        remediation.run(&executor, report).await.map_err(CliError::from)
    });
    runtime.shutdown_background();
    done
}

fn read(path: &Path) -> Result<Recording, CliError> {
    if path == Path::new("-") {
        return Ok(bundle::read_stream(std::io::stdin().lock(), "standard input")?);
    }
    Ok(bundle::read(path)?)
}

/// What the cluster holds, and the namespace that is meant.
fn from_cluster(args: &AnalyzeArgs, wanted: &[Wanted], screen: Screen) -> Result<(Recording, Option<String>), CliError> {
    let mut namespace = args.namespace.clone();
    let recording = wiring::read(cluster(args), &screen.progress(), |default_namespace| {
        // What lies in no namespace is judged by what lies in all of them, such as the pods on a node.
        let all = |wanted: &Wanted| matches!(wanted, Wanted::All { kind } if is_cluster_scoped(kind));
        if args.all_namespaces || wanted.iter().any(all) {
            return ReadRequest { targets: Vec::new(), all_namespaces: true };
        }
        let namespace = namespace.get_or_insert_with(|| default_namespace.to_owned());
        let targets = wanted.iter().map(|wanted| match wanted {
            Wanted::Named { kind, name } if is_cluster_scoped(kind) => ObjectRef::cluster(*kind, name),
            Wanted::Named { kind, name } => ObjectRef::new(*kind, &*namespace, name),
            Wanted::All { .. } => ObjectRef::cluster("Namespace", &*namespace),
        });
        let targets: Vec<ObjectRef> = targets.collect();
        let whole = || vec![ObjectRef::cluster("Namespace", &*namespace)];
        ReadRequest { targets: if targets.is_empty() { whole() } else { targets }, all_namespaces: false }
    })?;
    Ok((recording, namespace))
}

fn no_target(error: &NoTarget) -> CliError {
    let what = error.to_string();
    match error {
        NoTarget::NotFound { near, .. } | NoTarget::NotSeen { near, .. } if !near.is_empty() => {
            let near = near.iter().map(offered).collect::<Vec<_>>().join(", or ");
            CliError::failed(what).hint(format!("did you mean {near}?"))
        }
        NoTarget::NotFound { .. } | NoTarget::Nothing { .. } => {
            CliError::failed(what).hint("kubectl get shows what there is; -n names another namespace, -A looks in all of them")
        }
        NoTarget::NotSeen { .. } => CliError::failed(what).hint("kubectl auth can-i --list -n NAMESPACE shows what is allowed"),
        NoTarget::Ambiguous { .. } => CliError::failed(what).hint("say which with -n, or -A for all of them"),
        NoTarget::NotSaid => CliError::failed(what).hint("name a target: pod/NAME, deploy/NAME or ns/NAME"),
    }
}

/// As it is typed: `deployment/checkout -n shop`, `-n shop`.
fn offered(object: &ObjectRef) -> String {
    match (object.kind.as_str(), &object.namespace) {
        ("Namespace", _) => format!("-n {}", object.name),
        (_, Some(namespace)) => format!("{} -n {namespace}", object.kubectl()),
        (_, None) => object.kubectl(),
    }
}
