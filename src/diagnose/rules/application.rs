//! What an application says of its own end: the deciding line of its log, together with its own non-zero exit. A line
//! without such an end is a likelihood, and another container's line is nothing.

use super::application_rows::{self as rows, ROWS};
use super::container_start::{COMMAND_INVALID, SECURITY_CONTEXT_DENIED};
use super::image::PLATFORM_MISMATCH;
use super::kill::{killer, may_be_unseen};
use crate::cluster::pod::{self, Container, Termination};
use crate::cluster::service_dns::{self, Host};
use crate::cluster::{Object, ports};
use crate::diagnose::catalogue::{Cause, Family, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::logs::{self, Captures, LogFinding};
use crate::diagnose::workload_symptoms::selected;
use crate::domain::Evidence;
use jiff::Timestamp;
use serde_json::json;

/// The family.
pub static FAMILY: Family = Family { section: Section::Runtime, causes: ROWS, check };

/// Exit codes that say that the command itself couldn't run (POSIX shell; Docker and containerd use 128 for the same).
const COMMAND: [i64; 3] = [126, 127, 128];
/// 128 + SIGABRT: how runtimes end a process whose exception nobody caught.
const ABORTED: i64 = 134;
/// From this exit code on a signal ended the process.
const SIGNALS: i64 = 129;
/// How much of a line a sentence quotes.
const QUOTED: usize = 200;
/// Ports that databases and brokers listen on by default, as their documentation gives them: PostgreSQL, MySQL, SQL Server,
/// Oracle, MongoDB, Redis, Cassandra, RabbitMQ, Kafka, NATS, Elasticsearch, Memcached.
const DATABASE_PORTS: [u16; 12] = [5432, 3306, 1433, 1521, 27017, 6379, 9042, 5672, 9092, 4222, 9200, 11211];
/// Up to this rank a line names the fault itself.
const EXACT: u8 = 3;
/// Up to this rank a line is at least an exception of the application's own.
const THROWN: u8 = 4;

fn check(cx: &Context<'_>, out: &mut Findings) {
    super::certificates::check(cx, out);
    for pod in cx.pods().iter().filter(|pod| pod.deleted().is_none()) {
        for container in pod::containers(pod) {
            match container.termination() {
                Some(end) if is_its_own(cx, &container, &end) => ended(cx, pod, &container, &end, out),
                _ if container.is_running() && !container.is_ready() => waits(cx, pod, &container, out),
                _ => {}
            }
        }
    }
}

/// Whether the process ended with an error of its own, rather than by a kill, a bad command or well.
fn is_its_own(cx: &Context<'_>, container: &Container<'_>, end: &Termination<'_>) -> bool {
    let code = end.exit_code;
    let own = code != 0 && (code < SIGNALS && !COMMAND.contains(&code) || code == ABORTED || code >= 160);
    own && end.reason != "OOMKilled" && killer(cx, container, end).is_none()
}

fn ended(cx: &Context<'_>, pod: &Object, container: &Container<'_>, end: &Termination<'_>, out: &mut Findings) {
    let exit = container.termination_evidence(end);
    let recovered = cx.recovered(container);
    let Some((line, finding)) = last_words(cx, container, end) else {
        let why = match cx.log(container, !end.current).or_else(|| cx.log(container, false)) {
            Some(reading) if !reading.last.is_empty() => {
                let last: String = reading.last.chars().take(QUOTED).collect();
                format!("its log doesn't say why; the last line is \"{last}\"")
            }
            Some(_) => "its log is empty".to_owned(),
            None => "its log was not read".to_owned(),
        };
        out.unknown("application_error", container.subject(), why.clone());
        if recovered.is_none() {
            out.blind(
                pod.id.clone(),
                format!("why container {} ended with exit code {}", container.name, end.exit_code),
                why,
                "tell which error of its own ended it",
            );
        }
        return;
    };
    if finding.signature.cause == PLATFORM_MISMATCH.id {
        // Said by the family of containers that can't start, with the node's platform.
        return;
    }
    let cause = row(cx, pod, &finding);
    let thrown = finding.rank <= THROWN && cause.id == "application_error";
    let back = back_since(cx, pod, cause, &finding.captures);
    let aside = match (&back, wrong_port(cx, pod, &finding.captures)) {
        (_, Some(known)) if cause.id == rows::DATABASE_PORT_WRONG.id => format!("; its Service has port {known}"),
        (Some((since, _)), _) => format!("; the other end is ready since {since}"),
        _ => String::new(),
    };
    let exact = finding.last_words && (finding.rank <= EXACT || thrown) && !finding.doubtful;
    let proof = if back.is_none() && exact && !half_seen(cx, container, end, cause) { Proof::ExitAndLine } else { Proof::Line };
    out.found(cause, container.subject(), proof)
        .blame(cx.workload(&pod.id))
        .since(end.finished)
        .ended(recovered)
        .evidence([line, exit])
        .evidence(address_evidence(cx, pod, &finding.captures))
        .evidence(back.as_ref().map(|(_, evidence)| evidence.clone()))
        .says(format!("container {} ends with exit code {}: {}{}", container.name, end.exit_code, told(&finding), aside))
        .next(format!(
            "kubectl -n {} logs {} -c {}{}",
            pod.id.ns(),
            pod.id.name,
            container.name,
            if end.current { "" } else { " --previous" }
        ));
}

/// Whether something that would say better why it ended could not be seen: a probe's kill, or the Services among which the
/// other end may stand at another port.
fn half_seen(cx: &Context<'_>, container: &Container<'_>, end: &Termination<'_>, cause: &Cause) -> bool {
    let needs_services = cause.id == rows::DEPENDENCY_UNREACHABLE.id;
    let no_services = needs_services && cx.snap.looked_for("Service", container.pod.id.ns()).is_err();
    no_services || may_be_unseen(cx, container, end)
}

/// A container that runs and isn't ready, and whose log says what it waits for.
fn waits(cx: &Context<'_>, pod: &Object, container: &Container<'_>, out: &mut Findings) {
    let Some(reading) = cx.log(container, false) else { return };
    let Some(finding) = reading.decisive().filter(|finding| finding.rank <= EXACT && finding.last_words) else { return };
    out.found(row(cx, pod, finding), container.subject(), Proof::Line)
        .blame(cx.workload(&pod.id))
        .since(finding.at)
        .evidence([cx.log_line(container, false, finding)])
        .evidence(address_evidence(cx, pod, &finding.captures))
        .says(format!("container {} isn't ready and its log says: {}", container.name, told(finding)))
        .next(format!("kubectl -n {} logs {} -c {}", pod.id.ns(), pod.id.name, container.name));
}

/// The deciding line of the instance that ended: in its termination message, else in its log.
fn last_words(cx: &Context<'_>, container: &Container<'_>, end: &Termination<'_>) -> Option<(Evidence, LogFinding)> {
    let message = logs::read(end.message);
    let said = message.decisive().map(|finding| (container.termination_evidence(end), finding.clone()));
    // A container that waits for its restart has no instance that runs: the current log is of the one that ended.
    let instances = if container.is_running() { [true, true] } else { [false, true] };
    let logged = instances.into_iter().find_map(|previous| {
        let reading = cx.log(container, previous)?;
        let finding = reading.decisive()?;
        Some((cx.log_line(container, previous, finding), finding.clone()))
    });
    match (logged, said) {
        (Some(logged), Some(said)) => Some(if said.1.rank < logged.1.rank { said } else { logged }),
        (logged, said) => logged.or(said),
    }
}

/// The row for a line: its signature's, made more exact by what the snapshot holds.
fn row(cx: &Context<'_>, pod: &Object, finding: &LogFinding) -> &'static Cause {
    let captures = &finding.captures;
    let id = match finding.signature.cause {
        "dependency_unreachable" if wrong_port(cx, pod, captures).is_some() => "database_port_wrong",
        id => id,
    };
    let others = [&COMMAND_INVALID, &SECURITY_CONTEXT_DENIED];
    ROWS.iter().copied().chain(others).find(|row| row.id == id).unwrap_or(&rows::APPLICATION_ERROR)
}

/// The port of a database that a Service has, where a call goes to another of its ports.
fn wrong_port(cx: &Context<'_>, pod: &Object, captures: &Captures) -> Option<u16> {
    let port = captures.port?;
    let service = service_of(cx, pod, captures.host.as_ref()?)?;
    let known: Vec<u16> = ports::of_service(service).iter().map(|port| port.number).collect();
    known.iter().copied().find(|known| DATABASE_PORTS.contains(known)).filter(|_| !known.contains(&port))
}

/// The Service that a host means in this pod.
fn service_of<'a>(cx: &Context<'a>, pod: &Object, host: &str) -> Option<&'a Object> {
    match service_dns::resolve(cx.snap, host, pod.id.ns(), pod.at("spec")) {
        Host::Service(service) => Some(service),
        _ => None,
    }
}

/// Since when the other end of a call that failed is ready, if it is: then it isn't what is wrong now, or not alone.
fn back_since(cx: &Context<'_>, pod: &Object, cause: &Cause, captures: &Captures) -> Option<(Timestamp, Evidence)> {
    if cause.id != rows::DEPENDENCY_UNREACHABLE.id {
        return None;
    }
    let service = service_of(cx, pod, captures.host.as_ref()?)?;
    let pods = selected(cx, service);
    let (since, ready) = pods.iter().filter_map(|pod| Some((pod::ready_since(pod)?, pod))).min_by_key(|(since, _)| *since)?;
    Some((since, cx.value(&ready.id, "status.conditions[Ready]", json!("True"), Some(since))))
}

/// The ports of the Service that is called, as evidence beside the line.
fn address_evidence(cx: &Context<'_>, pod: &Object, captures: &Captures) -> Option<Evidence> {
    let service = service_of(cx, pod, captures.host.as_ref()?)?;
    Some(cx.field(service, "spec.ports"))
}

/// The line in quotes, with the name that it is about in front.
fn told(finding: &LogFinding) -> String {
    let captures = &finding.captures;
    let address = captures.host.as_ref().map(|host| match captures.port {
        Some(port) => format!("{host}:{port}"),
        None => host.clone(),
    });
    let user = captures.user.as_ref().map(|user| format!("user {user}"));
    let named = [&address, &captures.setting, &captures.path, &user].into_iter().flatten().next();
    let of = finding.signature.of;
    let times = if finding.count > 1 { format!(" (×{})", finding.count) } else { String::new() };
    let quote: String = finding.text.chars().take(QUOTED).collect();
    let ahead = match (of, named) {
        ("", None) => String::new(),
        ("", Some(name)) => format!("{name}: "),
        (of, None) => format!("{of}: "),
        (of, Some(name)) => format!("{of}, {name}: "),
    };
    format!("{ahead}\"{quote}\"{times}")
}
