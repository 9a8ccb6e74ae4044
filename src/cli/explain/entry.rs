//! What is said about one cause or symptom: its row, and how it hangs together with the other rows.

use crate::diagnose::catalogue::{Cause, Link, Section};
use crate::diagnose::{SYMPTOMS, Symptom, catalogue};
use crate::render::Meaning;
use serde::Serialize;

/// Everything about one cause, or one symptom.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Entry {
    Cause(CauseEntry),
    Symptom(SymptomEntry),
}

/// A cause: its row, and the other rows that name it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CauseEntry {
    kind: &'static str,
    id: &'static str,
    title: &'static str,
    section: &'static str,
    perspective: &'static str,
    doc: &'static str,
    symptoms: Vec<Explained>,
    source: &'static str,
    reads: &'static str,
    check: &'static str,
    fix: &'static str,
    explains: Vec<Explained>,
    explained_by: Vec<&'static str>,
    template_fields: &'static [&'static str],
}

/// An id, and the link of the object graph over which a cause explains it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Explained {
    #[serde(skip)]
    link: Link,
    at: &'static str,
    id: &'static str,
}

/// A symptom, and the causes that explain it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SymptomEntry {
    kind: &'static str,
    id: &'static str,
    doc: &'static str,
    explained_by: Vec<&'static str>,
}

/// Every cause of the catalogue, in its order, as one document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CauseList {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<CauseEntry>,
}

impl Entry {
    /// The entry of an id; case doesn't matter.
    pub(super) fn find(id: &str) -> Option<Self> {
        let cause = rows().find(|(_, cause)| cause.id.eq_ignore_ascii_case(id));
        let symptom = || SYMPTOMS.iter().find(|symptom| symptom.id.eq_ignore_ascii_case(id));
        match cause {
            Some((section, cause)) => Some(Self::Cause(CauseEntry::new(section, cause))),
            None => Some(Self::Symptom(SymptomEntry::new(symptom()?))),
        }
    }

    /// Its id, and what it is in a few words.
    pub(super) fn heading(&self) -> (&'static str, &'static str) {
        match self {
            Self::Cause(cause) => (cause.id, cause.title),
            Self::Symptom(symptom) => (symptom.id, symptom.doc),
        }
    }

    /// What is said about it, in the order in which it is read. What there is nothing to say about is left out.
    pub(super) fn terms(&self) -> Vec<(&'static str, Meaning)> {
        let mut terms = match self {
            Self::Cause(cause) => cause.terms(),
            Self::Symptom(symptom) => symptom.terms(),
        };
        terms.retain(|(_, meaning)| *meaning != Meaning::Prose(String::new()));
        terms
    }
}

impl CauseEntry {
    pub(super) fn new(section: Section, cause: &Cause) -> Self {
        let mut all: Vec<Explained> = cause
            .explains
            .iter()
            .flat_map(|list| list.iter())
            .map(|(link, id)| Explained { link: *link, at: place(*link), id })
            .collect();
        all.sort();
        all.dedup();
        let (symptoms, explains) = all.into_iter().partition(|explained| is_symptom(explained.id));
        Self {
            kind: "Cause",
            id: cause.id,
            title: cause.title,
            section: section.title(),
            perspective: cause.perspective.as_str(),
            doc: cause.doc,
            symptoms,
            source: cause.source,
            reads: cause.reads,
            check: cause.check,
            fix: cause.fix,
            explains,
            explained_by: explained_by(cause.id),
            template_fields: cause.fields,
        }
    }

    fn terms(&self) -> Vec<(&'static str, Meaning)> {
        vec![
            ("What", Meaning::Prose(self.doc.to_owned())),
            ("Shows as", Meaning::Prose(phrase(&self.symptoms))),
            ("Source", Meaning::Prose(self.source.to_owned())),
            ("Read from", Meaning::Prose(self.reads.to_owned())),
            ("Check it", Meaning::Command(self.check.to_owned())),
            ("Mend it", Meaning::Prose(self.fix.to_owned())),
            ("Explains", Meaning::Prose(phrase(&self.explains))),
            ("Follows from", Meaning::Prose(self.explained_by.join(", "))),
            ("Brought by", Meaning::Prose(self.template_fields.join(", "))),
        ]
    }
}

impl SymptomEntry {
    pub(super) fn new(symptom: &Symptom) -> Self {
        Self { kind: "Symptom", id: symptom.id, doc: symptom.doc, explained_by: explained_by(symptom.id) }
    }

    fn terms(&self) -> Vec<(&'static str, Meaning)> {
        let what = "a symptom: it is seen, and something else is its cause".to_owned();
        vec![("What", Meaning::Prose(what)), ("Causes", Meaning::Prose(self.explained_by.join(", ")))]
    }
}

impl CauseList {
    pub(super) fn new() -> Self {
        let items = rows().map(|(section, cause)| CauseEntry::new(section, cause)).collect();
        Self { api_version: "sre-copilot/v1", kind: "CauseList", items }
    }
}

/// Every row with its section, in the catalogue's order.
pub(super) fn rows() -> impl Iterator<Item = (Section, &'static Cause)> {
    catalogue().into_iter().flat_map(|(section, causes)| causes.into_iter().map(move |cause| (section, cause)))
}

fn is_symptom(id: &str) -> bool {
    SYMPTOMS.iter().any(|symptom| symptom.id == id)
}

/// The causes whose rows say that they explain this id.
fn explained_by(id: &str) -> Vec<&'static str> {
    rows().map(|(_, cause)| cause).filter(|cause| cause.id != id && cause.links_to(id).next().is_some()).map(|c| c.id).collect()
}

/// `crash_loop, container_failed in the same container; not_ready in the same pod`.
fn phrase(explained: &[Explained]) -> String {
    let groups = explained.chunk_by(|a, b| a.link == b.link).map(|group| {
        let ids = group.iter().map(|explained| explained.id).collect::<Vec<_>>().join(", ");
        group.first().map_or(String::new(), |first| format!("{ids} {}", first.at))
    });
    groups.collect::<Vec<_>>().join("; ")
}

/// Where a link of the object graph leads to.
fn place(link: Link) -> &'static str {
    match link {
        Link::Container => "in the same container",
        Link::Pod => "in the same pod",
        Link::Workload => "in the same workload",
        Link::Node => "on the same node",
        Link::Selects => "at the Services that select it",
        Link::Mounts => "in the pods that use it",
        Link::Calls => "at its callers",
        Link::CalledBy => "at what it calls",
        Link::Namespace => "in the namespace",
        Link::Cluster => "anywhere in the cluster",
    }
}
