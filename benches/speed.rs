//! The parts of an analysis, in process: reading, masking, indexing, the rules alone, the report.

use sre_copilot::bundle;
use sre_copilot::cluster::{Recording, Snapshot};
use sre_copilot::diagnose::{Examination, Options};
use sre_copilot::domain::ObjectRef;
use sre_copilot::pipeline::redact_recording;
use sre_copilot::redact::Redactor;
use std::path::PathBuf;

const CASE: &str = "oom-after-limit-cut";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/incidents").join(CASE)
}

fn recording() -> Recording {
    let mut recording = bundle::read(&folder()).unwrap_or_default();
    redact_recording(&Redactor::fixed(), &mut recording);
    recording
}

fn target(recording: &Recording) -> ObjectRef {
    recording.target.clone().unwrap_or_default()
}

#[divan::bench]
fn read() -> usize {
    bundle::read(&folder()).map_or(0, |recording| recording.objects.len())
}

#[divan::bench]
fn mask(bencher: divan::Bencher<'_, '_>) {
    let redactor = Redactor::fixed();
    let read = || bundle::read(&folder()).unwrap_or_default();
    bencher.with_inputs(read).bench_values(|mut recording| {
        redact_recording(&redactor, &mut recording);
        recording
    });
}

#[divan::bench]
fn index(bencher: divan::Bencher<'_, '_>) {
    bencher.with_inputs(recording).bench_values(Snapshot::new);
}

#[divan::bench]
fn rules_alone(bencher: divan::Bencher<'_, '_>) {
    let snapshot = Snapshot::new(recording());
    bencher.bench_local(|| Examination::new(&snapshot, Options::default()));
}

#[divan::bench]
fn report(bencher: divan::Bencher<'_, '_>) {
    let recording = recording();
    let target = target(&recording);
    let snapshot = Snapshot::new(recording);
    let examination = Examination::new(&snapshot, Options::default());
    bencher.bench_local(|| examination.report(&target));
}

fn main() {
    divan::main();
}
