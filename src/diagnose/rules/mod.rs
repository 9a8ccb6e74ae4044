//! The rules, one file a family. A family's file holds its rows (what the catalogue says of a cause) and the functions
//! that look at the snapshot and state them. To add a cause: a row and a function in its family's file, and two fixtures.

mod addresses;
mod admission;
mod application;
mod application_rows;
mod configuration;
mod container_start;
mod dns;
mod explains;
mod full_volumes;
mod gateway;
mod image;
mod ingress;
mod kill;
mod last_lines;
mod load_balancers;
mod mounts;
mod network_policies;
mod nodes;
mod out_of_memory;
mod pod_start;
mod previous;
mod probes;
mod quota;
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

use super::catalogue::Family;

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
    &full_volumes::FAMILY,
    &out_of_memory::FAMILY,
    &termination::FAMILY,
    &signals::FAMILY,
    &scaling::FAMILY,
    &service_selectors::FAMILY,
    &application::FAMILY,
    &probes::FAMILY,
    &services::FAMILY,
    &addresses::FAMILY,
    &ingress::FAMILY,
    &gateway::FAMILY,
    &network_policies::FAMILY,
    &dns::FAMILY,
    &load_balancers::FAMILY,
    &nodes::FAMILY,
];
