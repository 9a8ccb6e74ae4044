//! What the rules state: causes and symptoms that were found, were looked for and are not there, or could not be looked for.

use super::catalogue::Cause;
use super::confidence::Proof;
use super::symptoms::Symptom;
use crate::domain::{Evidence, ObjectRef, Subject, Unknown};
use jiff::Timestamp;

/// A cause that was found for one subject.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The row.
    pub cause: &'static Cause,
    /// Where it shows.
    pub subject: Subject,
    /// The object to mend.
    pub blames: ObjectRef,
    /// What kind of evidence proves it.
    pub proof: Proof,
    /// Since when it is so.
    pub since: Option<Timestamp>,
    /// Since when it is over; `None` while it lasts.
    pub ended: Option<Timestamp>,
    /// What it rests on, most telling first.
    pub evidence: Vec<Evidence>,
    /// One sentence with the number that proves it, without the object's name in front.
    pub summary: String,
    /// What to do, where it is more exact than the row's text.
    pub fix: Option<String>,
    /// Commands that show or check it.
    pub next: Vec<String>,
    /// Further places where it shows, such as the other pods of the workload.
    pub also: Vec<Subject>,
    /// The object that the trouble lies with, where it is a call to another that fails.
    pub towards: Option<ObjectRef>,
    /// The one field of the pod template that this is about, where it is more exact than the row's; empty for none.
    pub field: Option<String>,
}

impl Finding {
    /// Points at another object than the top controller of the subject.
    pub fn blame(&mut self, object: ObjectRef) -> &mut Self {
        self.blames = object;
        self
    }

    /// Says since when.
    pub fn since(&mut self, since: Option<Timestamp>) -> &mut Self {
        self.since = since;
        self
    }

    /// Says that it is over.
    pub fn ended(&mut self, ended: Option<Timestamp>) -> &mut Self {
        self.ended = ended;
        self
    }

    /// Adds an observation.
    pub fn evidence(&mut self, evidence: impl IntoIterator<Item = Evidence>) -> &mut Self {
        self.evidence.extend(evidence);
        self
    }

    /// Says it in one sentence, with the number that proves it, without the object's name in front.
    pub fn says(&mut self, summary: impl Into<String>) -> &mut Self {
        self.summary = summary.into();
        self
    }

    /// Says what to do, where that is more exact than the row's text.
    pub fn fix(&mut self, fix: impl Into<String>) -> &mut Self {
        self.fix = Some(fix.into());
        self
    }

    /// Adds a command.
    pub fn next(&mut self, command: impl Into<String>) -> &mut Self {
        self.next.push(command.into());
        self
    }

    /// Adds further places where it shows.
    pub fn also(&mut self, subjects: impl IntoIterator<Item = Subject>) -> &mut Self {
        self.also.extend(subjects);
        self
    }

    /// Says to whom the call goes that fails: what is wrong there explains this.
    pub fn towards(&mut self, object: Option<ObjectRef>) -> &mut Self {
        self.towards = object;
        self
    }

    /// Says which field of the pod template it is about: a revision that changed another didn't bring it.
    pub fn field(&mut self, path: impl Into<String>) -> &mut Self {
        self.field = Some(path.into());
        self
    }

    /// The container that it is about, where the blamed object has one: nodes and policies have none.
    pub fn container(&self) -> Option<&str> {
        let has_containers = self.blames.namespace.is_some() && self.blames.kind != "NetworkPolicy";
        self.subject.container.as_deref().filter(|_| has_containers)
    }

    /// Every place where it shows.
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        std::iter::once(&self.subject).chain(&self.also)
    }
}

/// A symptom that is seen.
#[derive(Debug, Clone)]
pub struct SymptomFinding {
    /// The row.
    pub symptom: &'static Symptom,
    /// Where.
    pub subject: Subject,
    /// What is seen.
    pub summary: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// The object that the trouble lies with, where the symptom itself names it: the Service that calls don't reach.
    pub towards: Option<ObjectRef>,
}

/// A cause or symptom that was looked for and is not there, with why; or that could not be looked for.
#[derive(Debug, Clone)]
pub struct Negative {
    /// The id of the cause or symptom.
    pub id: &'static str,
    /// For whom.
    pub subject: Subject,
    /// Whether it is absent, or only unknown.
    pub absent: bool,
    /// Why.
    pub why: String,
    /// What shows that it is absent.
    pub evidence: Vec<Evidence>,
}

/// Everything that the rules state about one snapshot.
#[derive(Debug, Default)]
pub struct Findings {
    /// Causes found.
    pub causes: Vec<Finding>,
    /// Symptoms seen.
    pub symptoms: Vec<SymptomFinding>,
    /// Causes and symptoms that are absent or unknown.
    pub negatives: Vec<Negative>,
    /// What could not be seen, in words, by the object that it would have been about.
    pub unknown: Vec<(ObjectRef, Unknown)>,
}

impl Findings {
    /// States a cause. It blames the subject's own object until [`Finding::blame`] says otherwise.
    #[expect(clippy::expect_used, reason = "an element was pushed in the line before")]
    pub fn found(&mut self, cause: &'static Cause, subject: impl Into<Subject>, proof: Proof) -> &mut Finding {
        let subject = subject.into();
        self.causes.push(Finding {
            cause,
            blames: subject.object.clone(),
            subject,
            proof,
            since: None,
            ended: None,
            evidence: Vec::new(),
            summary: cause.title.to_owned(),
            fix: None,
            next: Vec::new(),
            also: Vec::new(),
            towards: None,
            field: None,
        });
        self.causes.last_mut().expect("just pushed")
    }

    /// States a symptom.
    pub fn symptom(
        &mut self,
        symptom: &'static Symptom,
        subject: impl Into<Subject>,
        summary: impl Into<String>,
        since: Option<Timestamp>,
        evidence: Vec<Evidence>,
    ) {
        let found = SymptomFinding { symptom, subject: subject.into(), summary: summary.into(), since, evidence, towards: None };
        self.symptoms.push(found);
    }

    /// States that a live source was looked at and the cause or symptom is not there.
    pub fn absent(&mut self, id: &'static str, subject: impl Into<Subject>, why: impl Into<String>, evidence: Vec<Evidence>) {
        self.negatives.push(Negative { id, subject: subject.into(), absent: true, why: why.into(), evidence });
    }

    /// States that a cause or symptom could not be looked for.
    pub fn unknown(&mut self, id: &'static str, subject: impl Into<Subject>, why: impl Into<String>) {
        self.negatives.push(Negative { id, subject: subject.into(), absent: false, why: why.into(), evidence: Vec::new() });
    }

    /// Says in words what could not be seen about an object, and what seeing it would tell.
    pub fn blind(&mut self, about: ObjectRef, what: impl Into<String>, why: impl Into<String>, would: impl Into<String>) {
        self.unknown.push((about, Unknown { what: what.into(), why: why.into(), would: would.into() }));
    }
}
