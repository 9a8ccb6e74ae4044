//! What shows that an address which leads nowhere matters: the workload's own log, the revision that changed it, others that are
//! given another one, a known dependency that nothing else leads to, and trouble that nothing else explains.

use crate::cluster::address;
use crate::cluster::service_dns::{self, Host};
use crate::cluster::{json, ports};
use crate::diagnose::addresses::{Given, GivenAddress};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::failed_calls::FailedCall;
use crate::diagnose::findings::Findings;
use crate::diagnose::reach;
use crate::diagnose::rules::previous::previous_spec;
use crate::domain::{Evidence, ObjectRef};
use jiff::Timestamp;
use serde_json::Value;

/// What shows it.
pub(super) struct Signs<'c, 'a> {
    /// Calls to it that fail, by the workload's own log.
    pub calls: Vec<&'c FailedCall<'a>>,
    /// What the revision before said in its place, where that led to a Service.
    pub changed: Option<Before>,
    /// Another workload's address under the same name, that leads to a Service.
    pub sibling: Option<&'c GivenAddress<'a>>,
    /// A Service that the workload is known to call, that none of its addresses leads to, and that fits this one.
    pub dependency: Option<ObjectRef>,
    /// Whether the workload is in trouble that no cause found so far explains.
    pub in_trouble: bool,
    /// Whether the log of the container was read.
    log_was_read: bool,
}

/// The value of the revision before.
pub(super) struct Before {
    text: String,
    service: ObjectRef,
    since: Option<Timestamp>,
}

impl<'c, 'a> Signs<'c, 'a> {
    /// Looks for everything that shows that an address matters. `wanted` is the Service that it means, there or not.
    pub fn of(cx: &'c Context<'a>, given: &GivenAddress<'_>, wanted: &ObjectRef, out: &Findings) -> Self {
        let is_it = |call: &&FailedCall<'_>| {
            let host = call.host.eq_ignore_ascii_case(given.address.host) || call.towards(cx.snap).as_ref() == Some(wanted);
            let port = call.port.is_none() || given.address.port.is_none() || call.port == given.address.port;
            call.workload == given.workload && host && port && (call.is_current || !call.container.is_ready())
        };
        let log = |previous| cx.snap.log(&given.pod.id, given.container, previous).is_some();
        Self {
            calls: cx.failed_calls.iter().filter(is_it).collect(),
            changed: before(cx, given),
            sibling: sibling(cx, given),
            dependency: dependency(cx, given),
            in_trouble: reach::in_trouble(cx, &given.workload, out),
            log_was_read: log(false) || log(true),
        }
    }

    /// How well these signs prove it; `None` when it is only one of the many addresses that nobody uses. `is_near` says whether it
    /// looks like a slip.
    pub fn proof(&self, is_near: bool) -> Option<Proof> {
        let known = self.sibling.is_some() || self.dependency.is_some();
        match () {
            () if !self.calls.is_empty() => Some(Proof::ComputedAndSaid),
            () if self.changed.is_some() => Some(Proof::Computed),
            () if known && (self.in_trouble || is_near) => Some(Proof::Timing),
            // A log that was read and says nothing of it speaks against it.
            () if self.in_trouble && is_near && !self.log_was_read => Some(Proof::WeakSignal),
            () => None,
        }
    }

    /// The Service that was meant, where the signs tell.
    pub fn meant(&self, cx: &Context<'_>) -> Option<ObjectRef> {
        let by_sibling = self.sibling.and_then(|given| match &given.host {
            Host::Service(service) => Some(service.id.clone()),
            _ => None,
        });
        let known = self.changed.as_ref().map(|before| before.service.clone()).or(by_sibling).or_else(|| self.dependency.clone());
        known.filter(|meant| cx.snap.get(meant).is_some())
    }

    /// The address that belongs there.
    pub fn instead(&self, meant: &ObjectRef, given: &GivenAddress<'_>) -> String {
        match (&self.changed, self.sibling) {
            (Some(before), _) => before.text.clone(),
            (None, Some(sibling)) if matches!(&sibling.host, Host::Service(service) if service.id == *meant) => sibling.shown(),
            _ if meant.ns() == given.pod.id.ns() => meant.name.clone(),
            _ => format!("{}.{}", meant.name, meant.ns()),
        }
    }

    /// Since when.
    pub fn since(&self) -> Option<Timestamp> {
        let calls = self.calls.iter().filter_map(|call| call.since).min();
        calls.or(self.changed.as_ref().and_then(|before| before.since))
    }

    /// What the signs are, for the end of a sentence.
    pub fn told(&self) -> String {
        let calls = self.calls.first().map(|call| format!("its log says of {}: {}", call.shown(), call.failure));
        let changed = self.changed.as_ref().map(|before| format!("the revision before said {}", before.text));
        let sibling = self.sibling.map(|given| format!("{} has {} there", given.workload, given.shown()));
        let dependency = self
            .dependency
            .as_ref()
            .map(|service| format!("it is known to call {service}, and nothing else that it is told leads there"));
        let told: Vec<String> = [calls, changed, sibling, dependency].into_iter().flatten().take(2).collect();
        if told.is_empty() { String::new() } else { format!("; {}", told.join("; ")) }
    }

    /// The lines of the log.
    pub fn evidence(&self) -> impl Iterator<Item = Evidence> {
        let sibling = self.sibling.map(GivenAddress::evidence);
        self.calls.iter().map(|call| call.line.clone()).take(3).chain(sibling)
    }
}

/// The Service that an address leads to, if it offers its port.
fn leads(host: &Host<'_>, address: &address::Address<'_>) -> Option<ObjectRef> {
    let Host::Service(service) = host else { return None };
    let offered = ports::of_service(service);
    let fits = address.port.is_none_or(|port| offered.is_empty() || offered.iter().any(|offered| offered.number == port));
    fits.then(|| service.id.clone())
}

/// What the same variable, or the arguments, said in the revision before, where that led to a Service.
fn before(cx: &Context<'_>, given: &GivenAddress<'_>) -> Option<Before> {
    let spec = previous_spec(cx, given.pod)?;
    let container = json::list(spec, "containers")
        .iter()
        .chain(json::list(spec, "initContainers"))
        .find(|container| json::text(container, "name") == given.container)?;
    let texts: Vec<&str> = match &given.given {
        Given::Variable { name, config_map: None } => {
            vec![json::text(json::named(container, "env", name), "value")]
        }
        Given::Argument => {
            ["command", "args"].into_iter().flat_map(|field| json::list(container, field)).filter_map(Value::as_str).collect()
        }
        _ => return None,
    };
    let since = given.pod.controller().and_then(|owner| cx.snap.get(&owner)?.created()).or_else(|| given.pod.created());
    // What stands in both revisions was not changed.
    if texts.contains(&given.text) {
        return None;
    }
    texts.into_iter().find_map(|text| {
        let addresses = address::addresses(text).into_iter().chain(address::bare(text));
        let host = |address: &address::Address<'_>| service_dns::resolve(cx.snap, address.host, given.pod.id.ns(), spec);
        let service = addresses.into_iter().find_map(|address| leads(&host(&address), &address))?;
        Some(Before { text: text.to_owned(), service, since })
    })
}

/// Another workload that is given an address under the same name, and that one leads somewhere.
fn sibling<'c, 'a>(cx: &'c Context<'a>, given: &GivenAddress<'_>) -> Option<&'c GivenAddress<'a>> {
    let Given::Variable { name, .. } = &given.given else { return None };
    let is_sibling = |other: &&GivenAddress<'_>| {
        let same = matches!(&other.given, Given::Variable { name: other, .. } if other == name);
        same && other.workload != given.workload
            && other.pod.id.namespace == given.pod.id.namespace
            && leads(&other.host, &other.address).is_some()
    };
    // A name such as HOST says something else in each workload.
    name.contains(['_', '.', '-']).then(|| cx.addresses.iter().find(is_sibling)).flatten()
}

/// The Service that this address is probably meant for: one that the workload is known to call and that none of its addresses
/// leads to, if there is exactly one, and if its name or its port is like the address.
fn dependency(cx: &Context<'_>, given: &GivenAddress<'_>) -> Option<ObjectRef> {
    let led_to: Vec<ObjectRef> = cx
        .addresses
        .iter()
        .filter(|other| other.workload == given.workload)
        .filter_map(|other| leads(&other.host, &other.address))
        .collect();
    let mut open = cx.calls.callees(&given.workload).filter(|callee| callee.kind == "Service" && !led_to.contains(callee));
    let only = open.next().filter(|_| open.next().is_none())?;
    let is_near = matches!(&given.host, Host::Missing(missing) if missing.nearest.is_some_and(|near| near.id == *only));
    let offers = cx
        .snap
        .get(only)
        .is_some_and(|service| ports::of_service(service).iter().any(|offered| Some(offered.number) == given.address.port));
    let leads_there = matches!(&given.host, Host::Service(service) if service.id == *only);
    (is_near || offers || leads_there).then(|| only.clone())
}
