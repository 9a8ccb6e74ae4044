//! A diagnosis as it is shown and stored: public, versioned JSON (`sre-copilot/v1`, kind `Report`). Fields are added,
//! never renamed.

use super::{
    AttemptState, ClusterHealth, DecisionValue, DeployReport, Evidence, ExecutionIntent, History, LogTemplate, ObjectRef,
    Reasoning, Risk, Sources, Subject, Ticket,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// How sure the diagnosis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A cause with structural evidence, at 0.85 or more, that nothing contradicts.
    Confirmed,
    /// A cause at 0.60 or more.
    Likely,
    /// Something is wrong, or could not be seen, and no cause reaches 0.60.
    Inconclusive,
    /// It was wrong and is over.
    Recovered,
    /// Looked, and nothing is wrong.
    Healthy,
}

impl Verdict {
    /// The word used in JSON and in text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Likely => "likely",
            Self::Inconclusive => "inconclusive",
            Self::Recovered => "recovered",
            Self::Healthy => "healthy",
        }
    }

    /// Whether this verdict names a fault that is there now.
    pub fn is_fault(self) -> bool {
        matches!(self, Self::Confirmed | Self::Likely)
    }
}

/// Three-valued evidence: unknown never proves or refutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Seen.
    Found,
    /// Looked in a live source, and it isn't there.
    Absent,
    /// Could not look.
    Unknown,
}

/// The whole answer for one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Always `sre-copilot/v1`.
    pub api_version: Cow<'static, str>,
    /// Always `Report`.
    pub kind: Cow<'static, str>,
    /// What was analysed.
    pub target: ObjectRef,
    /// How sure.
    pub verdict: Verdict,
    /// One sentence that names the object, the cause and the number that proves it.
    pub summary: String,
    /// The causes, best first. Consequences of another cause are not here.
    pub causes: Vec<CauseReport>,
    /// What is seen to be wrong.
    pub symptoms: Vec<SymptomReport>,
    /// What changed, when the fault began with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Causes that were looked for and excluded.
    pub ruled_out: Vec<RuledOut>,
    /// What could not be seen.
    pub unknown: Vec<Unknown>,
    /// Facts that can't both be true.
    pub contradictions: Vec<Contradiction>,
    /// What was wrong before and is over.
    pub history: Vec<HistoryEntry>,
    /// What happened, oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// Every fact that was stated.
    pub facts: Vec<FactReport>,
    /// What the facts rest on.
    pub evidence: Vec<NumberedEvidence>,
    /// Faults in configuration that explain no symptom of this target, worst first; for information.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub noticed: Vec<CauseReport>,
    /// What could be done about the first cause, best first. Nothing is done without approval.
    pub actions: Vec<ActionReport>,
    /// How far the first action came that would change something, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionReport>,
    /// What the stages after the diagnosis say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Reasoning>,
    /// What was deployed in the two hours before the trouble began, most suspect first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deploys: Vec<DeployReport>,
    /// What is remembered of incidents like this one; `None` where nobody was asked, or there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<History>,
    /// The names of the alerts that led here, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<String>,
    /// Tickets about what is analysed, as the tracker gives them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<Ticket>,
    /// What structured logs say that were sent elsewhere, the most severe and frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log_searches: Vec<LogTemplate>,
    /// How the whole cluster was at the moment that this is about, where metrics were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<ClusterHealth>,
    /// Commands to run next.
    pub next: Vec<String>,
    /// How reading each source went.
    pub sources: Sources,
    /// How much was looked at, for a verdict of healthy: `3 pods, 12 events`.
    pub checked: String,
    /// "Now" for every age in this report.
    pub captured_at: Timestamp,
}

impl Report {
    /// A report that says nothing yet beside its verdict.
    pub fn new(target: ObjectRef, verdict: Verdict, captured_at: Timestamp) -> Self {
        Self {
            api_version: Cow::Borrowed("sre-copilot/v1"),
            kind: Cow::Borrowed("Report"),
            target,
            verdict,
            summary: String::new(),
            causes: Vec::new(),
            symptoms: Vec::new(),
            change: None,
            ruled_out: Vec::new(),
            unknown: Vec::new(),
            contradictions: Vec::new(),
            history: Vec::new(),
            timeline: Vec::new(),
            facts: Vec::new(),
            evidence: Vec::new(),
            noticed: Vec::new(),
            actions: Vec::new(),
            execution: None,
            reasoning: None,
            deploys: Vec::new(),
            memory: None,
            alerts: Vec::new(),
            tickets: Vec::new(),
            log_searches: Vec::new(),
            health: None,
            next: Vec::new(),
            sources: Sources::new(),
            checked: String::new(),
            captured_at,
        }
    }

    /// The cause that the verdict rests on: of a fault the cause, of a healthy target what looks like a fault and is none.
    pub fn answer(&self) -> Option<&CauseReport> {
        let answered = self.verdict.is_fault() || self.verdict == Verdict::Healthy;
        self.causes.first().filter(|_| answered)
    }
}

/// One cause and what it accounts for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CauseReport {
    /// The id of the catalogue.
    pub id: String,
    /// The object to mend.
    pub object: ObjectRef,
    /// The container, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// 0 to 1.
    pub confidence: f64,
    /// One sentence with the number that proves it.
    pub summary: String,
    /// What to do about it, in words.
    pub fix: String,
    /// The ids of the symptoms and causes that it explains.
    pub explains: Vec<String>,
    /// The ids of its evidence.
    pub evidence: Vec<String>,
    /// `app`, `infra`, `deps` or `runtime`.
    pub perspective: Cow<'static, str>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// One action that is proposed, with what policy says to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionReport {
    /// It.
    pub intent: ExecutionIntent,
    /// Why it is proposed.
    pub why: String,
    /// The same as a kubectl command.
    pub command: String,
    /// How much can go wrong.
    pub risk: Risk,
    /// `block`, `approve` or `auto`, with the rule that decided and its sentence.
    #[serde(flatten)]
    pub decision: ActionDecision,
}

/// A decision as a report shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionDecision {
    /// What may happen.
    #[serde(rename = "decision")]
    pub value: DecisionValue,
    /// The reason code.
    pub rule: String,
    /// The rule's sentence.
    #[serde(rename = "ruling")]
    pub why: String,
}

/// What became of a proposed change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionReport {
    /// `skipped`, `dry_run_ok`, `dry_run_failed`, `guardrail_blocked`, `read_ok` or `error`.
    pub status: String,
    /// The reason code, where it did not come through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// One sentence.
    pub text: String,
    /// What became of the last change that was tried for this subject, within seven days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_fix: Option<String>,
    /// The attempt that waits for approval, as people type it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
    /// Where it stands: `proposed`, unless a rule of the policy had it applied at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<AttemptState>,
    /// The digest of its plan, all 64 digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Until when it can be approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// One symptom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SymptomReport {
    /// The id of the symptom.
    pub id: String,
    /// Where it shows.
    pub object: ObjectRef,
    /// The container, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// What is seen, in words.
    pub summary: String,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The ids of its evidence.
    pub evidence: Vec<String>,
}

/// A revision of a workload after which the fault began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Always `revision`.
    pub kind: Cow<'static, str>,
    /// The workload that changed.
    pub object: ObjectRef,
    /// The revision before.
    pub from: i64,
    /// The revision that runs.
    pub to: i64,
    /// When the revision was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What differs.
    pub fields: Vec<FieldChange>,
    /// Whether one of the fields is one that the first cause is about.
    pub explains: bool,
}

/// One field that two revisions differ in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The path in the pod template, with list elements by name.
    pub path: String,
    /// The value before; null when it was not set. Values that look like secrets are masked where they were read.
    pub before: Value,
    /// The value now; null when it is no longer set.
    pub after: Value,
}

/// A cause that was looked for and excluded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuledOut {
    /// The id of the cause.
    pub id: String,
    /// Where it was looked for.
    pub subject: Subject,
    /// Why it isn't that.
    pub why: String,
    /// The ids of the evidence.
    pub evidence: Vec<String>,
}

/// Something that could not be seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unknown {
    /// What.
    pub what: String,
    /// Why not.
    pub why: String,
    /// What seeing it would tell.
    pub would: String,
}

/// Two facts about one subject that can't both be true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contradiction {
    /// The ids of the facts.
    pub facts: Vec<String>,
    /// About what.
    pub subject: Subject,
    /// Why they exclude each other.
    pub why: String,
}

/// Something that was wrong and is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The id of the cause.
    pub id: String,
    /// The object it was about.
    pub object: ObjectRef,
    /// The container, where it was about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// What it was.
    pub summary: String,
    /// When it last showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Since when it is well again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// The ids of the evidence.
    pub evidence: Vec<String>,
}

/// One moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub what: String,
    /// The id of the evidence, where one is cited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// One stated fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactReport {
    /// The id of a cause, a symptom or a context.
    pub id: String,
    /// About what.
    pub subject: Subject,
    /// Found, absent or unknown.
    pub state: State,
    /// 0 to 1; no number for unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Why it is unknown or absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ids of the evidence.
    pub evidence: Vec<String>,
}

/// Evidence under its number in this report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumberedEvidence {
    /// `e1`, `e2` … in the order in which the report cites them.
    pub id: String,
    /// The observation.
    #[serde(flatten)]
    pub evidence: Evidence,
}
