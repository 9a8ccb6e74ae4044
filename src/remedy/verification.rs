//! Whether a change helped: criteria, each found, absent or unknown, judged over a fresh snapshot and report.

use crate::cluster::{Snapshot, json, pod, workload};
use crate::domain::{Action, ExecutionIntent, ObjectRef, Params, Report, State, Verdict};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A change isn't called good before this time.
const EARLIEST: SignedDuration = SignedDuration::from_mins(5);
/// For this long no container may have restarted.
const CALM: SignedDuration = SignedDuration::from_mins(5);

/// What a check looks at.
#[derive(Clone, Copy, Debug)]
pub struct VerifyInput<'a> {
    /// What was done.
    pub intent: &'a ExecutionIntent,
    /// The cause that it was for, and the object which that blamed.
    pub cause: (&'a str, &'a ObjectRef),
    /// When it was applied.
    pub applied_at: Timestamp,
    /// Read after it.
    pub snapshot: &'a Snapshot,
    /// The diagnosis of that snapshot, for the same target.
    pub report: &'a Report,
    /// Whether the incident's alerts resolved, and what was seen of them; `None` where it has none.
    pub alert: Option<(State, &'a str)>,
    /// Whether no further check follows.
    pub is_last: bool,
}

/// What a check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Too early to say: another check follows.
    Pending,
    /// It helped.
    Verified,
    /// It did not.
    NotVerified,
    /// Something could not be seen to the end.
    Undetermined,
}

/// One criterion and what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Criterion {
    /// Such as `replicas available`.
    pub name: &'static str,
    /// Found when it holds.
    pub state: State,
    /// What was seen.
    pub seen: String,
}

/// A check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// What it says.
    pub outcome: Outcome,
    /// Why.
    pub criteria: Vec<Criterion>,
}

/// Judges a change: all criteria found, from five minutes on, is verified; at the last check one absent is not verified, and
/// one unknown undetermined.
pub fn judge(input: &VerifyInput<'_>) -> Verification {
    let mut criteria = vec![cause_gone(input), no_new_cause(input)];
    if let Some((state, seen)) = input.alert {
        criteria.push(Criterion { name: "alert resolved", state, seen: seen.to_owned() });
    }
    match input.intent.action {
        Action::EvictPod => criteria.push(successor(input)),
        Action::ScaleDeployment => criteria.push(scaled(input)),
        _ => criteria.extend([rolled_out(input), calm(input)]),
    }
    let any = |state| criteria.iter().any(|criterion| criterion.state == state);
    let elapsed = input.snapshot.now.duration_since(input.applied_at);
    let outcome = match (any(State::Absent), any(State::Unknown)) {
        (false, false) if elapsed >= EARLIEST => Outcome::Verified,
        (true, _) if input.is_last => Outcome::NotVerified,
        (false, true) if input.is_last => Outcome::Undetermined,
        (false, false) if input.is_last => Outcome::Undetermined,
        _ => Outcome::Pending,
    };
    Verification { outcome, criteria }
}

fn criterion(name: &'static str, holds: bool, seen: String) -> Criterion {
    Criterion { name, state: if holds { State::Found } else { State::Absent }, seen }
}

fn unknown(name: &'static str, why: String) -> Criterion {
    Criterion { name, state: State::Unknown, seen: why }
}

fn cause_gone(input: &VerifyInput<'_>) -> Criterion {
    const NAME: &str = "cause gone";
    let (id, object) = input.cause;
    if let Some(cause) = input.report.causes.iter().find(|cause| cause.id == id && cause.object == *object) {
        return criterion(NAME, false, cause.summary.clone());
    }
    if input.report.verdict == Verdict::Inconclusive {
        return unknown(NAME, input.report.summary.clone());
    }
    criterion(NAME, true, format!("{id} is not found on {object}"))
}

fn no_new_cause(input: &VerifyInput<'_>) -> Criterion {
    let (id, object) = input.cause;
    let acted_on = input.intent.object();
    let mut causes = input.report.causes.iter();
    let new = causes.find(|cause| {
        cause.id != id && (cause.object == *object || cause.object == acted_on) && input.report.verdict == Verdict::Confirmed
    });
    match new {
        Some(cause) => criterion("no new cause", false, cause.summary.clone()),
        None => criterion("no new cause", true, String::new()),
    }
}

fn rolled_out(input: &VerifyInput<'_>) -> Criterion {
    const NAME: &str = "rolled out";
    let object = input.intent.object();
    let Some(replicas) = input.snapshot.get(&object).and_then(workload::replicas) else {
        return unknown(NAME, format!("{object} was not read"));
    };
    let workload::Replicas { desired, updated, available, .. } = replicas;
    let seen = format!("{updated} updated and {available} available of {desired}");
    criterion(NAME, replicas.are_rolled_out() && available == desired, seen)
}

fn scaled(input: &VerifyInput<'_>) -> Criterion {
    const NAME: &str = "replicas ready";
    let object = input.intent.object();
    let wanted = match input.intent.params {
        Params::Scale { replicas } => i64::from(replicas),
        _ => 0,
    };
    match input.snapshot.get(&object).and_then(workload::replicas) {
        Some(replicas) => {
            criterion(NAME, replicas.is_observed && replicas.ready == wanted, format!("{} of {wanted} ready", replicas.ready))
        }
        None => unknown(NAME, format!("{object} was not read")),
    }
}

fn successor(input: &VerifyInput<'_>) -> Criterion {
    const NAME: &str = "successor ready";
    let (_, blamed) = input.cause;
    let workload = if blamed.kind == "Pod" { None } else { Some(blamed) };
    let Some(workload) = workload.filter(|workload| input.snapshot.get(workload).is_some()) else {
        return unknown(NAME, "the evicted pod's workload was not read".to_owned());
    };
    let pods = input.snapshot.pods_of(workload);
    let new = pods
        .iter()
        .find(|pod| pod.created() >= Some(input.applied_at) && pod.id.name != input.intent.resource_name && pod::is_ready(pod));
    criterion(NAME, new.is_some(), new.map_or("none yet".to_owned(), |pod| format!("{} is Ready", pod.id)))
}

fn calm(input: &VerifyInput<'_>) -> Criterion {
    const NAME: &str = "no restarts";
    let pods = input.snapshot.pods_of(&input.intent.object());
    if let Err(why) = input.snapshot.looked_for("Pod", &input.intent.namespace) {
        return unknown(NAME, why);
    }
    let recent = pods.iter().filter(|pod| pod.deleted().is_none()).flat_map(|pod| pod::containers(pod)).find(|container| {
        let end = container.last_terminated().and_then(|end| end.finished);
        let failed = container.terminated().is_some_and(|end| end.failed());
        failed || end.is_some_and(|at| at >= input.applied_at && input.snapshot.age(at) < CALM)
    });
    let ready = |object: &ObjectRef| {
        input.snapshot.get(object).map(|object| json::int(object.at("status"), "readyReplicas").unwrap_or(0))
    };
    match recent {
        Some(container) => criterion(NAME, false, format!("{} ended {} times", container.subject(), container.restarts().max(1))),
        None => criterion(NAME, true, format!("{} ready", ready(&input.intent.object()).unwrap_or(0))),
    }
}

#[cfg(test)]
mod tests;
