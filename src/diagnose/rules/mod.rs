//! The rules, one file a family. A family's file holds its rows (what the catalogue says of a cause) and the functions
//! that look at the snapshot and state them. To add a cause: a row and a function in its family's file, and two fixtures.

mod addresses;
mod admission;
mod application;
mod application_rows;
mod autoscaling;
mod certificates;
mod configuration;
mod container_start;
mod deletion;
mod disruption;
mod dns;
mod evictions;
mod explains;
mod full_volumes;
mod gateway;
mod image;
mod ingress;
mod jobs;
mod kill;
mod last_lines;
mod load_balancers;
mod mounts;
mod network_policies;
mod node_load;
mod nodes;
mod not_a_fault;
mod out_of_memory;
mod pod_start;
mod previous;
mod probes;
mod quota;
mod rollouts;
mod sandbox;
mod scaling;
mod scheduler;
mod scheduling;
mod service_selectors;
mod services;
mod signals;
mod spelling;
mod start_error;
mod storage;
mod termination;
mod volumes;

pub(super) use not_a_fault::is_starting;
pub(super) use signals::measured;

use super::catalogue::{Cause, Family, Section};

/// Whether a cause is one of those that look like a fault and are none.
pub fn is_no_fault(cause: &Cause) -> bool {
    let no_faults = all().filter(|family| family.section == Section::NotAFault);
    no_faults.flat_map(|family| family.causes).any(|other| std::ptr::eq(*other, cause))
}

/// Every family: those that look at the objects, then those that look at what the others stated as well.
pub fn all() -> impl Iterator<Item = &'static Family> {
    FAMILIES.iter().chain(JUDGES).copied()
}

/// The families that look at the objects alone. Their order makes no difference.
pub static FAMILIES: &[&Family] = &[
    &image::FAMILY,
    &configuration::FAMILY,
    &container_start::FAMILY,
    &sandbox::FAMILY,
    &volumes::FAMILY,
    &pod_start::FAMILY,
    &quota::FAMILY,
    &admission::FAMILY,
    &scheduling::FAMILY,
    &scheduler::FAMILY,
    &storage::FAMILY,
    &full_volumes::FAMILY,
    &out_of_memory::FAMILY,
    &termination::FAMILY,
    &signals::FAMILY,
    &scaling::FAMILY,
    &service_selectors::FAMILY,
    &application::FAMILY,
    &probes::FAMILY,
    &ingress::FAMILY,
    &load_balancers::FAMILY,
    &nodes::FAMILY,
    &node_load::FAMILY,
    &evictions::FAMILY,
    &jobs::FAMILY,
    &autoscaling::FAMILY,
    &disruption::FAMILY,
    &deletion::FAMILY,
];

/// The families that also look at the symptoms and causes that were stated, in this order, after all others.
pub static JUDGES: &[&Family] = &[
    &services::FAMILY,
    &addresses::FAMILY,
    &gateway::FAMILY,
    &network_policies::FAMILY,
    &dns::FAMILY,
    &rollouts::FAMILY,
    &not_a_fault::FAMILY,
];
