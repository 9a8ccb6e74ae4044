//! The rules, one file a family. A family's file holds its rows (what the catalogue says of a cause) and the functions
//! that look at the snapshot and state them. To add a cause: a row and a function in its family's file, and two fixtures.

mod admission;
mod configuration;
mod container_start;
mod explains;
mod image;
mod kill;
mod last_lines;
mod mounts;
mod nodes;
mod pod_start;
mod previous;
mod quota;
mod sandbox;
mod scheduler;
mod scheduling;
mod service_selectors;
mod signals;
mod spelling;
mod start_error;
mod storage;
mod termination;
mod volumes;

use super::catalogue::{Cause, Family, Section};

/// Whether a cause is one of those that look like a fault and are none.
pub fn is_no_fault(cause: &Cause) -> bool {
    let no_faults = FAMILIES.iter().filter(|family| family.section == Section::NotAFault);
    no_faults.flat_map(|family| family.causes).any(|other| other.id == cause.id)
}

/// Every family, in the order of the catalogue.
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
    &termination::FAMILY,
    &signals::FAMILY,
    &service_selectors::SCALED,
    &service_selectors::FAMILY,
    &nodes::FAMILY,
];
