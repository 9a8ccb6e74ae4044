//! Calls to others that fail, by the caller's own log: to whom, and in which way. A line counts when it names the other end;
//! a call that failed at the start and works since is left out. Says what the caller saw, never why.

mod lines;

use super::context::Context;
use super::findings::{Findings, SymptomFinding};
pub use super::logs::Failure;
use super::symptoms::CALLS_FAIL;
use crate::cluster::pod::{self, Container};
use crate::cluster::service_dns::{self, Host};
use crate::cluster::{Object, Snapshot, ports};
use crate::domain::{Evidence, EvidenceSource, ObjectRef};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;

/// A failing line that bears a time counts this long.
const RECENT: SignedDuration = SignedDuration::from_mins(15);
/// A failing line counts when it is in the last third of the log, or among its last so many lines: what follows works.
const LAST_LINES: usize = 40;
/// A single failing line may be a hiccup.
const REPEATED: usize = 2;
/// How much of a line is quoted.
const QUOTED: usize = 400;

/// One end that a container's calls don't reach.
#[derive(Clone, Debug)]
pub struct FailedCall<'a> {
    /// Who calls.
    pub container: Container<'a>,
    /// The caller's top controller.
    pub workload: ObjectRef,
    /// The other end as the log names it.
    pub host: String,
    /// Its port, where the log names it.
    pub port: Option<u16>,
    /// Where the host leads.
    pub target: Host<'a>,
    /// In which way the calls fail.
    pub failure: Failure,
    /// How many lines say so.
    pub count: usize,
    /// The time on the first of them.
    pub since: Option<Timestamp>,
    /// The last of them.
    pub line: Evidence,
    /// Whether it is going on: a failing line is recent.
    pub is_current: bool,
}

impl FailedCall<'_> {
    /// `host:port`, or the host alone.
    pub fn shown(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// The object that the calls are meant for, also one that doesn't exist; where names aren't answered, the name service.
    pub fn towards(&self, snap: &Snapshot) -> Option<ObjectRef> {
        if self.failure == Failure::NameUnanswered
            && let Some(dns) = name_services(snap).next()
        {
            return Some(dns.id.clone());
        }
        match &self.target {
            Host::Service(service) => Some(service.id.clone()),
            Host::Pod(pod) => Some(snap.workload(&pod.id)),
            Host::Missing(missing) => Some(ObjectRef::new("Service", &missing.namespace, &missing.name)),
            Host::Own | Host::Unread | Host::Elsewhere => None,
        }
    }
}

/// The Services of the cluster's name service: in the namespace that each distribution has for it, on port 53.
pub fn name_services(snap: &Snapshot) -> impl Iterator<Item = &Object> {
    let services = ["kube-system", "openshift-dns"].iter().flat_map(|namespace| snap.in_namespace("Service", namespace));
    services.filter(|service| ports::of_service(service).iter().any(|port| port.number == 53))
}

/// Every end that calls don't reach, by container and host.
pub fn read<'a>(cx: &Context<'a>) -> Vec<FailedCall<'a>> {
    let mut found = Vec::new();
    let live = |pod: &&Object| !pod::is_finished(pod) && pod.deleted().is_none();
    for pod in cx.pods().iter().filter(live) {
        for container in pod::containers(pod) {
            // What a process that has ended saw is in the log of the instance before.
            for previous in [false, true] {
                let ended = !container.is_running() || !container.is_ready();
                if let Some(text) = cx.snap.log(&pod.id, container.name, previous).filter(|_| !previous || ended) {
                    of_log(cx, &container, previous, text, &mut found);
                }
            }
        }
    }
    found
}

fn of_log<'a>(cx: &Context<'a>, container: &Container<'a>, previous: bool, text: &str, found: &mut Vec<FailedCall<'a>>) {
    let lines = lines::failing_lines(text);
    let mut ends: BTreeMap<(String, Option<u16>, Failure), Vec<&lines::FailingLine<'_>>> = BTreeMap::new();
    for line in &lines {
        let spec = container.pod.at("spec");
        let leads = |host: &str| service_dns::resolve(cx.snap, host, container.pod.id.ns(), spec);
        // An error wraps another: the end that is named last and that the cluster knows is the one that failed.
        let inside = line.ends.iter().rev().find(|end| !matches!(leads(end.host), Host::Elsewhere | Host::Own));
        let Some(end) = inside.or(line.ends.last()).filter(|end| !matches!(leads(end.host), Host::Own)) else { continue };
        ends.entry((end.host.to_ascii_lowercase(), end.port, line.failure)).or_default().push(line);
    }
    let total = text.lines().count();
    for ((host, port, failure), lines) in ends {
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else { continue };
        let at = last.time();
        let is_late = last.number + LAST_LINES > total || last.number * 3 >= total * 2;
        let is_current = is_late && at.is_none_or(|at| cx.snap.age(at) <= RECENT);
        let target = service_dns::resolve(cx.snap, &host, container.pod.id.ns(), container.pod.at("spec"));
        let line = Evidence {
            source: EvidenceSource::Log,
            object: container.pod.id.clone(),
            container: Some(container.name.to_owned()),
            path: if previous { "previous" } else { "current" }.to_owned(),
            line: Some(last.number),
            value: Value::String(last.text.chars().filter(|c| !c.is_control()).take(QUOTED).collect()),
            at,
            count: u64::try_from(lines.len()).ok().filter(|count| *count > 1),
        };
        found.push(FailedCall {
            container: *container,
            workload: cx.workload(&container.pod.id),
            host,
            port,
            target,
            failure,
            count: lines.len(),
            since: first.time(),
            line,
            is_current: is_current && (lines.len() >= REPEATED || !container.is_running()),
        });
    }
}

/// States the symptom for containers that run while their calls fail. One that has ended has symptoms of its own.
pub fn check(cx: &Context<'_>, out: &mut Findings) {
    for call in
        cx.failed_calls.iter().filter(|call| call.is_current && call.container.is_running() && call.line.path == "current")
    {
        // A name without dots can only be the cluster's, also where its Services can't be seen.
        let inside = !matches!(call.target, Host::Elsewhere) || !call.host.contains('.');
        if !inside && call.failure != Failure::NameUnanswered {
            continue;
        }
        let summary = format!(
            "calls of container {} to {} fail: {} ({} lines)",
            call.container.name,
            call.shown(),
            call.failure,
            call.count
        );
        out.symptoms.push(SymptomFinding {
            symptom: &CALLS_FAIL,
            subject: call.container.subject(),
            summary,
            since: call.since,
            evidence: vec![call.line.clone()],
            towards: call.towards(cx.snap),
        });
    }
}
