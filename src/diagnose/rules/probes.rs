//! Probes that fail: whether the probe is wrong (its port, its protocol, its patience) or the process behind it. Judged from
//! the kubelet's events, the container's state, its other probes, its ports, its Services and the revision before.

mod causes;
mod failure;
mod listening;
mod patience;
mod target;

use super::kill::{Killer, killer, kills};
use super::previous::previous_container;
use crate::cluster::pod::{self, Container, Role, Termination};
use crate::cluster::probe::{Probe, ProbeKind, ProbeRole, probe};
use crate::cluster::{Event, Object, json, ports};
use crate::diagnose::catalogue::{Cause, Family, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::{Finding, Findings};
use crate::diagnose::symptoms::{CONTAINER_FAILED, CRASH_LOOP};
use crate::domain::Evidence;
use causes::{
    LIVENESS_FAILING, LIVENESS_TOO_AGGRESSIVE, LIVENESS_WRONG_PORT, LIVENESS_WRONG_PROTOCOL, READINESS_FAILING,
    READINESS_WRONG_PORT, READINESS_WRONG_PROTOCOL, STARTUP_FAILING,
};
use failure::Failure;
use jiff::{SignedDuration, Timestamp};

/// The family.
pub static FAMILY: Family = Family {
    section: Section::Runtime,
    causes: &[
        &LIVENESS_WRONG_PORT,
        &LIVENESS_WRONG_PROTOCOL,
        &LIVENESS_TOO_AGGRESSIVE,
        &LIVENESS_FAILING,
        &READINESS_WRONG_PORT,
        &READINESS_WRONG_PROTOCOL,
        &READINESS_FAILING,
        &STARTUP_FAILING,
    ],
    check,
};

/// How long a container may run unready before its readiness probe counts as failing rather than as waiting for the start.
const STARTING: SignedDuration = SignedDuration::from_secs(60);
/// How long an event speaks for the present when the failure goes on: the kubelet's event filter lets one update of the same
/// event pass in five minutes (client-go/tools/record/events_cache.go, `defaultSpamQPS`).
const FRESH: SignedDuration = SignedDuration::from_secs(330);

/// A container's probe that fails, with everything that tells why.
struct Probed<'c, 'a> {
    cx: &'c Context<'a>,
    container: &'c Container<'a>,
    role: ProbeRole,
    probe: Probe<'a>,
    /// How it failed last.
    failure: Failure,
    /// The kubelet's newest event about it.
    event: &'a Event,
    /// All containers' ports and Services' targets are looked up in this.
    pod_spec: &'a serde_json::Value,
    /// The same container in the revision before.
    before: Option<&'a serde_json::Value>,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    for pod in cx.pods().iter().filter(|pod| pod.deleted().is_none() && !pod::is_finished(pod)) {
        for container in pod::containers(pod).iter().filter(|c| matches!(c.role, Role::Main | Role::Sidecar)) {
            if ["livenessProbe", "readinessProbe", "startupProbe"]
                .iter()
                .any(|field| json::key(container.spec, field).is_object())
            {
                liveness(cx, container, out);
                startup(cx, container, out);
                readiness(cx, container, out);
            }
        }
    }
}

impl<'c, 'a> Probed<'c, 'a> {
    /// The probe with its newest failure, if it has one that an event tells.
    fn of(cx: &'c Context<'a>, container: &'c Container<'a>, role: ProbeRole) -> Option<Self> {
        let probe = probe(container.spec, role)?;
        let (event, failure) = failures(cx, container, role).next()?;
        let before = previous_container(cx, container);
        Some(Self { cx, container, role, probe, failure, event, pod_spec: container.pod.at("spec"), before })
    }

    /// The same probe in the revision before.
    fn probe_before(&self) -> Option<Probe<'a>> {
        probe(self.before?, self.role)
    }

    /// `livenessProbe`, and what it asks, for a sentence.
    fn asks(&self) -> String {
        asks(&self.probe)
    }

    fn found<'o>(&self, out: &'o mut Findings, cause: &'static Cause, proof: Proof) -> &'o mut Finding {
        let pod = &self.container.pod.id;
        out.found(cause, self.container.subject(), proof)
            .blame(self.cx.workload(pod))
            .since(self.event.first)
            .evidence([self.event.evidence(), self.container.spec_evidence(self.role.field())])
            .next(format!("kubectl -n {} describe pod {}", pod.ns(), pod.name))
    }
}

/// The kubelet's events about a container's probe of one role, newest first.
fn failures<'a>(cx: &Context<'a>, container: &Container<'_>, role: ProbeRole) -> impl Iterator<Item = (&'a Event, Failure)> {
    let name = container.name.to_owned();
    // An event without a field path is about the only container that has such a probe.
    let alone = pod::containers(container.pod).iter().filter(|c| json::key(c.spec, role.field()).is_object()).count() == 1;
    let events = cx.snap.events(&container.pod.id).iter().rev();
    events.filter(|event| event.reason == "Unhealthy").filter_map(move |event| {
        let mine = event.container.as_deref().map_or(alone, |container| container == name);
        let (of, failure) = failure::read(&event.message).filter(|_| mine)?;
        (of == role).then_some((event, failure))
    })
}

/// What a probe asks: `GET http port 8080 /healthz`.
fn asks(probe: &Probe<'_>) -> String {
    let port = match (probe.port.as_str(), probe.number) {
        (Some(name), Some(number)) => format!("{name} ({number})"),
        (Some(name), None) => name.to_owned(),
        (None, number) => number.map_or_else(|| "?".to_owned(), |number| number.to_string()),
    };
    match probe.kind {
        ProbeKind::Http { tls, path, .. } => format!("{} GET {path} on port {port}", if tls { "HTTPS" } else { "HTTP" }),
        ProbeKind::Tcp { .. } => format!("TCP on port {port}"),
        ProbeKind::Grpc { .. } => format!("gRPC on port {port}"),
        ProbeKind::Exec { command } => {
            let words: Vec<&str> = command.iter().filter_map(|word| word.as_str()).collect();
            format!("command {}", words.join(" ").chars().take(80).collect::<String>())
        }
    }
}

/// A liveness probe by which the kubelet kills the container.
fn liveness(cx: &Context<'_>, container: &Container<'_>, out: &mut Findings) {
    let Some(probed) = Probed::of(cx, container, ProbeRole::Liveness) else {
        if container.restarts() > 0 && json::key(container.spec, "livenessProbe").is_object() {
            absent(cx, container, "liveness_probe_failing", ProbeRole::Liveness, out);
        }
        return;
    };
    let end = container.termination();
    let kill = kills(cx, container).find(|(_, killer)| *killer == Killer::Liveness).map(|(event, _)| event);
    let by_probe = end.as_ref().and_then(|end| killer(cx, container, end)).is_some_and(|(_, killer)| killer == Killer::Liveness);
    if kill.is_none() && !(by_probe || looks_killed(&probed, end.as_ref())) {
        return;
    }
    let ended = liveness_ended(&probed);
    let evidence: Vec<Evidence> =
        kill.map(Event::evidence).into_iter().chain(end.map(|end| container.termination_evidence(&end))).collect();
    let finish = |finding: &mut Finding| {
        finding.ended(ended).evidence(evidence.clone());
    };
    let times = restarts(container);
    if let Some((says, fix, proof)) = target::wrong_protocol(&probed) {
        let says = format!("container {}: the liveness probe asks {}, and {says}; {times}", container.name, probed.asks());
        finish(probed.found(out, &LIVENESS_WRONG_PROTOCOL, proof).says(says).fix(fix));
    } else if let Some((says, fix, proof)) = target::wrong_port(&probed) {
        let says = format!("container {}: the liveness probe asks {}, and {says}; {times}", container.name, probed.asks());
        finish(probed.found(out, &LIVENESS_WRONG_PORT, proof).says(says).fix(fix));
    } else if let Some((says, fix, proof)) = patience::too_aggressive(&probed, end.as_ref()) {
        let says = format!("container {}: {says}; {times}", container.name);
        finish(probed.found(out, &LIVENESS_TOO_AGGRESSIVE, proof).says(says).fix(fix));
    } else {
        let says = format!(
            "container {} fails its liveness probe ({}): {}{}; {times}",
            container.name,
            probed.asks(),
            probed.failure.told(),
            target::remark(&probed)
        );
        // How long it ran until the kill would tell whether the probe only lacks patience.
        let unseen = container.restarts() > 0 && container.termination().is_none();
        let proof = if unseen { Proof::Timing } else { unless_told(&probed, out) };
        finish(probed.found(out, &LIVENESS_FAILING, proof).says(says));
    }
    if ended.is_none() {
        symptom(&probed, out);
    }
}

/// Whether a container that was restarted without an event that says by whom was killed for its probe: its end is a kill's,
/// and the probe failed as often as that takes.
fn looks_killed(probed: &Probed<'_, '_>, end: Option<&Termination<'_>>) -> bool {
    // 137 and 143 are SIGKILL and SIGTERM; a process that handles SIGTERM may end with 0.
    let by_signal = end.is_some_and(|end| matches!(end.exit_code, 0 | 137 | 143) && end.reason != "OOMKilled");
    let threshold = u64::try_from(probed.probe.failure_threshold).unwrap_or(u64::MAX);
    let near = end
        .and_then(|end| end.finished)
        .zip(probed.event.last)
        .is_none_or(|(finished, last)| finished.duration_since(last).abs() <= FRESH);
    by_signal && near && probed.event.count >= threshold && probed.container.restarts() > 0
}

/// Since when the probe succeeds again, if the container runs on without a further failure.
fn liveness_ended(probed: &Probed<'_, '_>) -> Option<Timestamp> {
    let since = probed.container.running_since()?;
    let snap = probed.cx.snap;
    let patience = SignedDuration::from_secs(probed.probe.gives_up_after().saturating_add(probed.probe.period).clamp(0, 86_400));
    let failed_since = probed.event.last.is_none_or(|last| last > since);
    let quiet = probed.event.last.is_some_and(|last| snap.age(last) > FRESH.max(patience));
    let stable = snap.age(since) > patience.max(STARTING);
    (stable && probed.container.is_ready() && (!failed_since || quiet)).then_some(since)
}

/// States the restarts as a symptom where nothing else does: between two kills the container runs and is ready.
fn symptom(probed: &Probed<'_, '_>, out: &mut Findings) {
    let subject = probed.container.subject();
    let known = out.symptoms.iter().any(|symptom| symptom.subject == subject);
    if known {
        return;
    }
    let symptom = if probed.container.restarts() >= 3 { &CRASH_LOOP } else { &CONTAINER_FAILED };
    let summary = format!("container {} is killed over and over, {}", probed.container.name, restarts(probed.container));
    out.symptom(symptom, subject, summary, probed.event.first, vec![probed.container.status_evidence("restartCount", None)]);
}

/// `restarted 4 times`, for a sentence.
fn restarts(container: &Container<'_>) -> String {
    match container.restarts() {
        0 => "not restarted yet".to_owned(),
        1 => "restarted once".to_owned(),
        n => format!("restarted {n} times"),
    }
}

/// A startup probe that isn't passed in its time.
fn startup(cx: &Context<'_>, container: &Container<'_>, out: &mut Findings) {
    let Some(probed) = Probed::of(cx, container, ProbeRole::Startup) else { return };
    let killed = kills(cx, container).any(|(_, killer)| killer == Killer::Startup);
    let started = json::flag(container.status, "started");
    let never = matches!(probed.failure, Failure::UnknownPort | Failure::NotHttp(_) | Failure::NotTls | Failure::NotGrpc);
    if started && container.is_running() || !(killed || never || looks_killed(&probed, container.termination().as_ref())) {
        return;
    }
    let probe = &probed.probe;
    let given = probe.initial_delay.saturating_add(probe.period.saturating_mul(probe.failure_threshold));
    let wrong = target::wrong_protocol(&probed).or_else(|| target::wrong_port(&probed));
    let (why, fix) = match wrong {
        Some((says, fix, _)) => (says, Some(fix)),
        None => (probed.failure.told(), None),
    };
    let says = format!(
        "container {} doesn't pass its startup probe ({}) within {given} s (failureThreshold {} × periodSeconds {}): {why}; {}",
        container.name,
        probed.asks(),
        probe.failure_threshold,
        probe.period,
        restarts(container)
    );
    let kill = kills(cx, container).next().map(|(event, _)| event.evidence());
    let proof = unless_told(&probed, out);
    let finding = probed.found(out, &STARTUP_FAILING, proof).says(says).evidence(kill);
    if let Some(fix) = fix {
        finding.fix(fix);
    }
    symptom(&probed, out);
}

/// A readiness probe that keeps a container that runs from being ready.
fn readiness(cx: &Context<'_>, container: &Container<'_>, out: &mut Findings) {
    let Some(since) = container.running_since() else { return };
    let Some(probed) = Probed::of(cx, container, ProbeRole::Readiness) else {
        if !container.is_ready() {
            absent(cx, container, "readiness_probe_failing", ProbeRole::Readiness, out);
        }
        return;
    };
    let held_back = json::key(container.spec, "startupProbe").is_object() && !json::flag(container.status, "started");
    if container.is_ready() || held_back {
        let after = pod::ready_since(container.pod).filter(|_| container.is_ready());
        return healed(&probed, after, out);
    }
    // A failure of the instance before says nothing about this one.
    if probed.event.last.is_some_and(|last| last < since) {
        return;
    }
    let wrong = target::wrong_protocol(&probed).map(|wrong| (&READINESS_WRONG_PROTOCOL, wrong));
    let wrong = wrong.or_else(|| target::wrong_port(&probed).map(|wrong| (&READINESS_WRONG_PORT, wrong)));
    let evidence = [container.status_evidence("ready", None)];
    if let Some((cause, (says, fix, proof))) = wrong {
        let says = format!("container {}: the readiness probe asks {}, and {says}", container.name, probed.asks());
        probed.found(out, cause, proof).evidence(evidence).says(says).fix(fix);
        return;
    }
    let delay = SignedDuration::from_secs(probed.probe.gives_up_after().clamp(0, 86_400));
    if cx.snap.age(since) < delay.max(STARTING) || crashes_by_itself(cx, container) {
        return;
    }
    let times = if probed.event.count > 1 { format!(" ({} times)", probed.event.count) } else { String::new() };
    let says = format!(
        "container {} runs and fails its readiness probe ({}){times}: {}{}",
        container.name,
        probed.asks(),
        probed.failure.told(),
        target::remark(&probed)
    );
    let proof = unless_told(&probed, out);
    probed.found(out, &READINESS_FAILING, proof).evidence(evidence).says(says);
}

/// How sure it is that a failing probe is where to begin: sure, unless the container's own log says what it lacks, such as
/// its database. Then the probe only passes that on.
fn unless_told(probed: &Probed<'_, '_>, out: &Findings) -> Proof {
    let subject = probed.container.subject();
    let told = out.causes.iter().any(|found| found.subject == subject && found.ended.is_none() && found.proof == Proof::Line);
    if told { Proof::Timing } else { Proof::Event }
}

/// A readiness probe that failed after the start and succeeds again.
fn healed(probed: &Probed<'_, '_>, after: Option<Timestamp>, out: &mut Findings) {
    let Some(after) = after else { return };
    let started = probed.container.running_since();
    // What failed only while the process started was no fault.
    let while_starting = probed.event.last.zip(started).is_none_or(|(last, started)| {
        let startup = STARTING.max(SignedDuration::from_secs(probed.probe.gives_up_after().clamp(0, 86_400)));
        last <= started + startup || last > after
    });
    if while_starting {
        return;
    }
    let says =
        format!("container {} failed its readiness probe ({}): {}", probed.container.name, probed.asks(), probed.failure.told());
    probed.found(out, &READINESS_FAILING, Proof::Event).ended(Some(after)).says(says);
}

/// Whether the container ends by itself again and again: then its probes fail since it isn't there.
fn crashes_by_itself(cx: &Context<'_>, container: &Container<'_>) -> bool {
    let Some(end) = container.last_terminated() else { return false };
    let recent = end.finished.is_none_or(|at| cx.snap.age(at) <= SignedDuration::from_mins(10));
    recent && container.restarts() >= 2 && killer(cx, container, &end).is_none()
}

/// States that no probe of this role fails, where the events were read.
fn absent(cx: &Context<'_>, container: &Container<'_>, id: &'static str, role: ProbeRole, out: &mut Findings) {
    if failures(cx, container, role).next().is_some() {
        return;
    }
    match cx.snap.looked_for("Event", container.pod.id.ns()) {
        Ok(()) => out.absent(id, container.subject(), "no event says that the probe fails", Vec::new()),
        Err(why) => out.unknown(id, container.subject(), why),
    }
}

/// The Services that select a pod.
fn services<'a>(cx: &Context<'a>, pod: &Object) -> Vec<&'a Object> {
    let selects = |service: &&Object| {
        let mut selector = json::entries(&service.raw, "spec.selector").peekable();
        selector.peek().is_some()
            && selector.all(|(key, value)| pod.label(key).is_some_and(|label| value.as_str() == Some(label)))
    };
    cx.snap.in_namespace("Service", pod.id.ns()).iter().filter(selects).collect()
}

/// Whether another probe of the container succeeds, as far as its state and the events tell.
fn works(cx: &Context<'_>, container: &Container<'_>, role: ProbeRole) -> bool {
    let Some(probe) = probe(container.spec, role) else { return false };
    let sure = match role {
        ProbeRole::Readiness => container.is_ready(),
        ProbeRole::Startup => json::flag(container.status, "started") && container.is_running(),
        ProbeRole::Liveness => false,
    };
    let run = |from: Option<Timestamp>, to: Option<Timestamp>| from.zip(to).map(|(from, to)| to.duration_since(from));
    let now = run(container.running_since(), Some(cx.snap.now));
    let last = container.last_terminated().and_then(|end| run(end.started, end.finished));
    let asked = SignedDuration::from_secs(
        probe.initial_delay.saturating_add(probe.period).saturating_add(probe.timeout).clamp(0, 86_400),
    );
    let was_asked = now.max(last).is_some_and(|ran| ran > asked);
    let silent = failures(cx, container, role).next().is_none() && cx.snap.looked_for("Event", container.pod.id.ns()).is_ok();
    sure || was_asked && silent
}

/// The TCP ports that a container declares, by number.
fn declared<'a>(probed: &Probed<'_, 'a>) -> Vec<ports::ContainerPort<'a>> {
    let name = probed.container.name;
    ports::declared(probed.pod_spec).into_iter().filter(|port| port.container == name).collect()
}
