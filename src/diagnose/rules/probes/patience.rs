//! Whether a liveness probe kills a process that only needs more time: to start, or to answer.

use super::super::last_lines;
use super::failure::Failure;
use super::target::Wrong;
use super::{Probed, works};
use crate::cluster::json;
use crate::cluster::pod::{self, Termination};
use crate::cluster::probe::{ProbeRole, probe};
use crate::diagnose::confidence::Proof;
use jiff::SignedDuration;

/// How long the API gives a process to end when the pod doesn't say.
const GRACE: i64 = 30;
/// Between the kubelet's clock ticks and the status: probes start at a random moment of their first period.
const SLACK: i64 = 5;
/// A probe that gives up this soon after the start leaves hardly any process the time: a first answer within that many seconds
/// is the rule for small static servers only.
const HASTY: i64 = 15;

/// Says why the probe is too impatient, where something shows that the process would come up or answer.
pub(super) fn too_aggressive(probed: &Probed<'_, '_>, end: Option<&Termination<'_>>) -> Option<Wrong> {
    let slow = matches!(probed.failure, Failure::Timeout);
    let starting = matches!(
        probed.failure,
        Failure::Refused | Failure::Timeout | Failure::Closed | Failure::GrpcNotConnected | Failure::Status(500..=599)
    );
    let has_startup = json::key(probed.container.spec, "startupProbe").is_object();
    let killed_early = starting && !has_startup && end.is_some_and(|end| in_start(probed, end));
    if !killed_early && !slow {
        return None;
    }
    while_starting(probed, end, killed_early).or_else(|| if slow { too_slow(probed) } else { None })
}

/// Seconds after the start at which the probe has failed often enough.
fn budget(probed: &Probed<'_, '_>) -> i64 {
    probed.probe.gives_up_after().saturating_add(probed.probe.timeout)
}

/// Whether an instance was killed at the first chance that the probe had: it never passed.
fn in_start(probed: &Probed<'_, '_>, end: &Termination<'_>) -> bool {
    let Some((started, finished)) = end.started.zip(end.finished) else { return false };
    let grace = probed.container.pod.int("spec.terminationGracePeriodSeconds").unwrap_or(GRACE).clamp(0, 3600);
    let grace = if end.exit_code == 137 { grace } else { grace.min(SLACK) };
    let most = budget(probed).saturating_add(probed.probe.period).saturating_add(grace).saturating_add(SLACK);
    finished.duration_since(started) <= SignedDuration::from_secs(most.clamp(0, 86_400))
}

fn while_starting(probed: &Probed<'_, '_>, end: Option<&Termination<'_>>, killed_early: bool) -> Option<Wrong> {
    if !killed_early {
        return None;
    }
    let given = budget(probed);
    let says = |why: &str| {
        format!(
            "the liveness probe ({}) gives the process {given} s to start (initialDelaySeconds {}, failureThreshold {}, periodSeconds {}), \
             and {why}",
            probed.asks(),
            probed.probe.initial_delay,
            probed.probe.failure_threshold,
            probed.probe.period
        )
    };
    let fix = |seconds: i64| format!("add a startupProbe that allows at least {seconds} s, or raise initialDelaySeconds");
    if let Some(needed) = start_of_siblings(probed).filter(|needed| *needed > given) {
        return Some((
            says(&format!("a pod of the same workload needed {needed} s")),
            fix(needed.saturating_mul(2)),
            Proof::ComputedAndSaid,
        ));
    }
    if let Some(before) = probed.before {
        let patient = probe(before, ProbeRole::Liveness).map(|before| before.gives_up_after().saturating_add(before.timeout));
        let startup = probe(before, ProbeRole::Startup).map(|before| before.period.saturating_mul(before.failure_threshold));
        if let Some(startup) = startup {
            let why = format!("the revision before had a startupProbe that allowed {startup} s");
            return Some((says(&why), fix(startup), Proof::ComputedAndSaid));
        }
        match patient {
            Some(patient) if patient > given => {
                return Some((says(&format!("the revision before gave it {patient} s")), fix(patient), Proof::ComputedAndSaid));
            }
            None => return Some((says("the revision before had no liveness probe"), fix(given.saturating_mul(3)), Proof::Event)),
            Some(_) => {}
        }
    }
    let lines = end.map(|end| last_lines::of(probed.cx, probed.container, end)).unwrap_or_default();
    // Nobody outside reaches a server on the loopback address, however long one waits.
    if lines.iter().any(|line| says_started(&line.text) && (line.text.contains("127.0.0.1") || line.text.contains("localhost"))) {
        return None;
    }
    if given <= HASTY {
        return Some((says("it is killed before it answers once"), fix(60), Proof::Event));
    }
    if lines.iter().any(|line| last_lines::says(&line.text, ERROR) || says_started(&line.text)) {
        return None;
    }
    let line = lines.iter().rev().find(|line| last_lines::says(&line.text, STARTING))?;
    let why = format!("it is killed while it still starts; it said: {}", line.text.trim());
    Some((says(&why), fix(given.saturating_mul(3).max(60)), Proof::ExitAndLine))
}

/// How long the slowest ready pod of the same workload took from its container's start to its being ready, in seconds.
fn start_of_siblings(probed: &Probed<'_, '_>) -> Option<i64> {
    let own = &probed.container.pod.id;
    let workload = probed.cx.workload(own);
    let took = |other: &crate::cluster::Object| {
        let ready = pod::ready_since(other)?;
        let containers = pod::containers(other);
        let container = containers.iter().find(|container| container.name == probed.container.name)?;
        // A pod that lost its readiness and found it again tells nothing about its start.
        let started = container.running_since().filter(|started| *started <= ready && container.restarts() == 0)?;
        Some(ready.duration_since(started).as_secs()).filter(|seconds| *seconds < 3600)
    };
    probed.cx.snap.pods_of(&workload).into_iter().filter(|other| other.id != *own).filter_map(took).max()
}

/// The process answers, and later than the probe waits.
fn too_slow(probed: &Probed<'_, '_>) -> Option<Wrong> {
    let timeout = probed.probe.timeout;
    let says =
        |why: &str| format!("the liveness probe ({}) waits {timeout} s for an answer (timeoutSeconds), and {why}", probed.asks());
    let fix = |seconds: i64| format!("raise timeoutSeconds of the livenessProbe to {seconds} or more");
    let before = probed.probe_before().map(|before| before.timeout).filter(|before| *before > timeout);
    if let Some(before) = before {
        return Some((says(&format!("the revision before waited {before} s")), fix(before), Proof::ComputedAndSaid));
    }
    let readiness = probe(probed.container.spec, ProbeRole::Readiness)?;
    let patient = readiness.timeout > timeout && works(probed.cx, probed.container, ProbeRole::Readiness);
    patient.then(|| {
        let why = format!("the readiness probe, which waits {} s, gets its answer", readiness.timeout);
        (says(&why), fix(readiness.timeout), Proof::Event)
    })
}

/// What a line has that says that the process still starts, as frameworks put it.
const STARTING: &[&str] = &[
    "starting",
    "initializing",
    "initialising",
    "loading",
    "warming",
    "warmup",
    "bootstrapping",
    "migrating",
    "applying migration",
    "preparing",
    "booting",
    "connecting",
    "building index",
    "replaying",
    "restoring",
    "recovering",
    "importing",
    "compiling",
];

/// What a line has that says that the process is up.
const STARTED: &[&str] =
    &["listening", "startup complete", "started in", "ready to accept", "server started", "ready for connections", "now serving"];

/// Whether a line says that the process is up.
fn says_started(line: &str) -> bool {
    last_lines::says(line, STARTED) || last_lines::says(line, &["started "]) && last_lines::says(line, &[" seconds"])
}

/// What an error's line has.
const ERROR: &[&str] =
    &[" error ", "error:", "=error", "\"error\"", "[error]", "exception", "fatal", "panic", "traceback", "refused", "denied"];
