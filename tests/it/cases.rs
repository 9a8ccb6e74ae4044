//! The recorded incidents that the tests run over: the fixtures, and a benchmark's bundles where `SRE_COPILOT_BENCH` names a
//! folder of them. The benchmark's are only disturbed, never judged: what is expected of them is not ours to know here.

use sre_copilot::bundle::{self, Expected};
use sre_copilot::cluster::{Recording, Snapshot};
use sre_copilot::diagnose::{self, Options};
use sre_copilot::domain::{ObjectRef, Report};
use sre_copilot::pipeline::{Scope, propose, redact_recording, resolve, think};
use sre_copilot::reason::{self, Numbers};
use sre_copilot::redact::Redactor;
use sre_copilot::remedy::{Memory, Settings};
use sre_copilot::render;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// How many of the benchmark's bundles are taken: evenly spread, so that each of its kinds occurs.
const FROM_BENCH: usize = 24;

/// One recorded incident.
pub struct Case {
    /// The folder's name.
    pub name: String,
    /// The folder.
    pub path: PathBuf,
    /// What it holds, masked.
    pub recording: Recording,
    /// What it asserts; `None` for those of the benchmark.
    pub expected: Option<Expected>,
}

static FIXTURES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let bundles = bundle::list(&root().join("fixtures/incidents")).unwrap();
    bundles.into_iter().map(|path| Case { expected: bundle::expected(&path).unwrap(), ..Case::read(path) }).collect()
});

static BENCH: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let Some(folder) = std::env::var_os("SRE_COPILOT_BENCH") else { return Vec::new() };
    let bundles = bundle::list(Path::new(&folder)).unwrap();
    let step = bundles.len().div_ceil(FROM_BENCH).max(1);
    bundles.into_iter().step_by(step).map(Case::read).collect()
});

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every fixture, by name.
pub fn fixtures() -> &'static [Case] {
    &FIXTURES
}

/// Every fixture, and the sample of the benchmark.
pub fn all() -> impl Iterator<Item = &'static Case> {
    FIXTURES.iter().chain(BENCH.iter())
}

impl Case {
    /// Reads one.
    pub fn read(path: PathBuf) -> Self {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut recording = bundle::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        redact_recording(&Redactor::fixed(), &mut recording);
        Self { name, path, recording, expected: None }
    }

    /// The report of this incident as it was recorded.
    pub fn report(&self) -> Report {
        report(&self.recording)
    }
}

/// The report with what the stages say without a model, as the program prints it.
pub fn whole(recording: &Recording) -> Report {
    let mut whole = report(recording);
    let snapshot = Snapshot::new(recording.clone());
    let numbers = Numbers::of(&whole);
    let reasoning = think::by_rules(reason::Case { report: &whole, snapshot: &snapshot, numbers: &numbers }, "model: none");
    whole.reasoning = Some(reasoning);
    whole
}

/// What a recording is about, as `replay` finds it.
pub fn target(snapshot: &Snapshot) -> ObjectRef {
    let targets = resolve(snapshot, &[], &Scope::default()).unwrap_or_default();
    targets.into_iter().next().unwrap_or_else(|| ObjectRef::cluster("Namespace", "default"))
}

/// The report of a recording.
pub fn report(recording: &Recording) -> Report {
    let snapshot = Snapshot::new(recording.clone());
    let mut report = diagnose::diagnose(&snapshot, &target(&snapshot), Options::default());
    propose(&mut report, &snapshot, &Memory::default(), &Settings::default());
    report
}

/// A report as `-o json` prints it.
pub fn json(report: &Report) -> String {
    render::json(report).unwrap()
}
