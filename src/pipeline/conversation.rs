//! A person's question, from when it is asked to the answer: what it is about, and what the answer's parts are. What is about
//! nothing that is known gets the open incidents, and no guess.

use super::think::Said;
use crate::domain::{
    Conversation, CopilotAnswer, FactReport, Incident, IncidentLine, IncidentStatus, LONGEST_QUESTION, ModelCost, ObjectRef,
    Origin, Report, Statement, Suggestion, kind_called,
};
use crate::ports::{AskError, Asked, Conversations, IncidentFilter, IncidentStore, NewQuestion, StoreError};
use crate::reason::Numbers;
use crate::redact::Redactor;
use std::collections::BTreeSet;

/// So many open incidents are offered where the question names nothing.
const OFFERED: usize = 5;
/// So many are looked through for what the question names.
const OPEN: u32 = 500;
/// So much of a piece of evidence is shown, in characters.
const SHOWN: usize = 200;
/// Kinds without a namespace.
const CLUSTER_WIDE: [&str; 2] = ["Node", "Namespace"];

/// Masks a question and queues it.
///
/// # Errors
/// When it can't be asked.
pub async fn ask(store: &impl Conversations, redactor: &Redactor, question: NewQuestion) -> Result<Asked, AskError> {
    let prompt = redactor.text(question.prompt.trim()).into_owned();
    if prompt.is_empty() {
        return Err(AskError::Invalid("the prompt is empty".to_owned()));
    }
    if prompt.chars().count() > LONGEST_QUESTION {
        return Err(AskError::Invalid(format!("a prompt may have {LONGEST_QUESTION} characters")));
    }
    if question.conversation.is_some() && (question.incident.is_some() || question.target.is_some()) {
        return Err(AskError::Invalid("what a conversation is about is said when it is opened".to_owned()));
    }
    store.ask(NewQuestion { prompt, ..question }).await
}

/// What a question is about.
#[derive(Clone, Debug, PartialEq)]
pub enum About {
    /// An incident.
    Incident(Incident),
    /// An object that no open incident is about.
    Target(ObjectRef),
    /// Nothing that is known; the open incidents.
    Nothing(Vec<Incident>),
}

/// What a question is about: what its conversation was opened about, else what it names, else what the turns before it named,
/// the last one first.
///
/// # Errors
/// When the store can't be read.
pub async fn subject_of_question(
    store: &impl IncidentStore,
    conversation: &Conversation,
    question: &str,
) -> Result<About, StoreError> {
    if let Some(id) = &conversation.incident_id
        && let Some(incident) = incident(store, id).await?
    {
        return Ok(About::Incident(incident));
    }
    let filter = IncidentFilter { status: Some(IncidentStatus::Open), limit: Some(OPEN), ..IncidentFilter::default() };
    let open = store.incidents(filter).await?;
    if let Some(target) = &conversation.target {
        return Ok(about(target.clone(), &open));
    }
    let earlier = conversation.turns.iter().rev().map(|turn| turn.question.as_str());
    for text in std::iter::once(question).chain(earlier) {
        for id in text.split(is_edge).filter(|word| word.len() == 36 && word.matches('-').count() == 4) {
            if let Some(incident) = incident(store, id).await? {
                return Ok(About::Incident(incident));
            }
        }
        if let Some(named) = named(text, &open) {
            return Ok(named);
        }
    }
    Ok(About::Nothing(open))
}

/// An incident, or the one that it turned out to be.
async fn incident(store: &impl IncidentStore, id: &str) -> Result<Option<Incident>, StoreError> {
    let mut found = store.incident(id).await?;
    // A chain of mergers has an end; should one have none, it isn't followed for ever.
    for _ in 0..10 {
        let Some(next) = found.as_ref().and_then(|record| record.incident.merged_into.clone()) else { break };
        found = store.incident(&next).await?;
    }
    Ok(found.map(|record| record.incident))
}

fn about(target: ObjectRef, open: &[Incident]) -> About {
    match open.iter().find(|incident| incident.subject == target) {
        Some(incident) => About::Incident(incident.clone()),
        None => About::Target(target),
    }
}

/// What ends a word of a question.
fn is_edge(char: char) -> bool {
    char.is_whitespace() || matches!(char, ',' | ';' | '?' | '!' | '(' | ')' | '"' | '\'' | '`' | ':')
}

/// What a text names: an object as kubectl calls it (`deploy/checkout -n shop`) or as reports do (`Deployment shop/checkout`),
/// the one open incident of `shop/checkout`, else the one open incident whose subject is called like one of its words.
fn named(text: &str, open: &[Incident]) -> Option<About> {
    let words: Vec<&str> = text.split(is_edge).map(|word| word.trim_end_matches('.')).filter(|word| !word.is_empty()).collect();
    let before = |first: &str| words.iter().position(|word| *word == first).and_then(|at| words.get(at + 1)).copied();
    let namespace = before("-n").or_else(|| before("--namespace")).or_else(|| before("namespace")).filter(|name| is_name(name));
    for (index, word) in words.iter().enumerate() {
        let Some((left, name)) = word.split_once('/').filter(|(left, name)| is_name(name) && !left.is_empty()) else { continue };
        let before = index.checked_sub(1).and_then(|before| words.get(before)).and_then(|word| kind_called(word));
        let (kind, namespace) = match (before, kind_called(left)) {
            (Some(kind), _) if is_name(left) => (kind, Some(left)),
            (_, Some(kind)) => (kind, namespace),
            _ => {
                let same = |incident: &&Incident| incident.subject.ns() == left && incident.subject.name == name;
                match only(open.iter().filter(same)) {
                    Some(incident) => return Some(About::Incident(incident.clone())),
                    None => continue,
                }
            }
        };
        if CLUSTER_WIDE.contains(&kind) {
            return Some(about(ObjectRef::cluster(kind, name), open));
        }
        if let Some(namespace) = namespace {
            return Some(about(ObjectRef::new(kind, namespace, name), open));
        }
        let same = |incident: &&Incident| incident.subject.kind == kind && incident.subject.name == name;
        if let Some(incident) = only(open.iter().filter(same)) {
            return Some(About::Incident(incident.clone()));
        }
    }
    let words: BTreeSet<&str> = words.into_iter().collect();
    let called = |incident: &&Incident| {
        words.contains(incident.subject.name.as_str()) && namespace.is_none_or(|namespace| incident.subject.ns() == namespace)
    };
    only(open.iter().filter(called)).map(|incident| About::Incident(incident.clone()))
}

/// Whether it can be an object's name (RFC 1123).
fn is_name(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    !word.is_empty() && word.len() <= 253 && word.bytes().all(is_plain) && word.starts_with(|first: char| first.is_alphanumeric())
}

fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next();
    if all.next().is_some() { None } else { first }
}

/// The answer about a report.
pub fn answer(conversation: &str, incident: Option<&str>, report: &Report, said: Said) -> CopilotAnswer {
    let (numbers, reply) = (Numbers::of(report), said.reply);
    let fact = |number: &String| {
        let fact = numbers.fact(report, number)?;
        Some(Statement { text: in_words(report, fact), facts: vec![number.clone()] })
    };
    let look = |number: &String| {
        let action = numbers.action(report, number)?;
        Some(Suggestion { id: number.clone(), command: action.command.clone(), why: action.why.clone() })
    };
    CopilotAnswer {
        conversation_id: conversation.to_owned(),
        origin: reply.origin,
        facts: reply.facts.iter().filter_map(fact).collect(),
        look: reply.look.iter().filter_map(look).collect(),
        answer: reply.answer,
        unknown: reply.unknown,
        verdict: Some(report.verdict),
        target: Some(report.target.clone()),
        incident_id: incident.map(str::to_owned),
        captured_at: Some(report.captured_at),
        open_incidents: Vec::new(),
        report: (reply.origin == Origin::Rules).then(|| Box::new(report.clone())),
        dropped: said.dropped,
        model: said.model,
    }
}

fn in_words(report: &Report, fact: &FactReport) -> String {
    let seen = fact.evidence.first().and_then(|id| report.evidence.iter().find(|numbered| numbered.id == *id));
    match seen {
        Some(seen) => {
            let value = seen.evidence.value.as_str().map_or_else(|| seen.evidence.value.to_string(), str::to_owned);
            let short: String = value.chars().take(SHOWN).collect();
            let more = if short.len() < value.len() { "…" } else { "" };
            format!("{} at {}: {} {short}{more}", fact.id, fact.subject, seen.evidence.path)
        }
        None => format!("{} at {}", fact.id, fact.subject),
    }
}

/// The answer where nothing is known of what the question is about: `why`, and the open incidents.
pub fn nothing_named(conversation: &str, why: &str, open: &[Incident]) -> CopilotAnswer {
    let line = |incident: &Incident| IncidentLine {
        id: incident.id.clone(),
        subject: incident.subject.clone(),
        status: incident.status,
        summary: incident.summary.clone(),
    };
    CopilotAnswer {
        conversation_id: conversation.to_owned(),
        origin: Origin::Rules,
        answer: why.to_owned(),
        facts: Vec::new(),
        unknown: Vec::new(),
        look: Vec::new(),
        verdict: None,
        target: None,
        incident_id: None,
        captured_at: None,
        open_incidents: open.iter().take(OFFERED).map(line).collect(),
        report: None,
        dropped: Vec::new(),
        model: ModelCost {
            backend: "none".to_owned(),
            note: Some("nothing to ask a model about".to_owned()),
            ..ModelCost::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn open(id: &str, subject: ObjectRef) -> Incident {
        Incident {
            id: id.to_owned(),
            cluster: "c".to_owned(),
            subject,
            status: IncidentStatus::Open,
            opened_at: Timestamp::UNIX_EPOCH,
            resolved_at: None,
            merged_into: None,
            verdict: None,
            cause: None,
            summary: None,
        }
    }

    #[test]
    fn a_question_names_objects_as_people_and_reports_do() {
        let checkout = open("1", ObjectRef::new("Deployment", "shop", "checkout"));
        let all =
            [checkout.clone(), open("2", ObjectRef::new("Deployment", "a", "web")), open("3", ObjectRef::new("Job", "b", "web"))];
        let incident = About::Incident(checkout);
        let target = |kind: &str, namespace: &str, name: &str| About::Target(ObjectRef::new(kind, namespace, name));
        for (text, expected) in [
            ("why does deploy/checkout -n shop restart?", Some(incident.clone())),
            ("what is wrong with Deployment shop/checkout?", Some(incident.clone())),
            ("deploy/checkout, again", Some(incident.clone())),
            ("Is checkout down?", Some(incident.clone())),
            ("why does shop/checkout restart?", Some(incident.clone())),
            ("why does other/checkout restart?", None),
            ("b/web", Some(About::Incident(all[2].clone()))),
            ("is checkout in namespace other down?", None),
            ("po/checkout-7d9-x in namespace shop.", Some(target("Pod", "shop", "checkout-7d9-x"))),
            ("node/n1?", Some(About::Target(ObjectRef::cluster("Node", "n1")))),
            ("pod/somewhere", None),
            ("web is slow", None),
            ("job/web", Some(About::Incident(all[2].clone()))),
            ("a/b/c ../../etc/passwd and/or", None),
        ] {
            assert_eq!(named(text, &all), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in ".{0,200}") {
            _ = named(&text, &[open("1", ObjectRef::new("Deployment", "shop", "checkout"))]);
        }
    }
}
