//! The rules, one file a family. A family's file holds its rows (what the catalogue says of a cause) and the functions
//! that look at the snapshot and state them. To add a cause: a row and a function in its family's file, and two fixtures.

mod admission;
mod explains;
mod nodes;
mod quota;
mod scheduler;
mod scheduling;
mod service_selectors;
mod signals;
mod storage;
mod termination;

use super::catalogue::Family;

/// Every family, in the order of the catalogue.
pub static FAMILIES: &[&Family] = &[
    &quota::FAMILY,
    &admission::FAMILY,
    &scheduling::FAMILY,
    &scheduler::FAMILY,
    &storage::FAMILY,
    &termination::FAMILY,
    &nodes::FAMILY,
    &signals::FAMILY,
    &service_selectors::FAMILY,
    &service_selectors::SCALED,
];
