//! What a prompt says about a case: the facts first, then the evidence by kind, each kind within a budget of bytes. Read once for
//! a case; every call then takes of it what fits into its share. Holds no clock and no counter, so that the same case gives the same
//! bytes. Adding a kind of evidence is a file with a `section` function and a line in [`Context::of`].

mod case;
mod changes;
mod events;
mod facts;
mod health;
mod logs;
mod neighbours;
mod past;
mod quote;
mod scope;
mod section;
mod signals;
mod templates;

use super::Case;
use super::prompt::{DATA_FOLLOWS, Prompt, Task, Turn, perspective, system};
use crate::domain::Suspicious;
use quote::{Quotes, one_line};
use scope::Scope;
use section::{Section, fitted};

/// Task, target, verdict and objects together.
const TASK: usize = 2_000;
/// The found facts, whatever else fits.
const FOUND: usize = 5_000;
/// The hypotheses in question, or the intents.
const QUESTION: usize = 2_500;
/// A conversation's question, and the turns before it.
const ASKED: usize = 2_000;
const TURNS: usize = 4_000;
const MOST_TURNS: usize = 6;

/// All that prompts of one case can say.
#[derive(Debug)]
pub struct Context<'a> {
    case: Case<'a>,
    verdict: String,
    objects: Section,
    intents: Vec<String>,
    /// From the longest form to the shortest.
    found: Vec<String>,
    /// In the order of the prompt.
    sections: Vec<Section>,
    suspicious: Vec<Suspicious>,
}

impl<'a> Context<'a> {
    /// Reads a case.
    pub fn of(case: Case<'a>) -> Self {
        let mut quotes = Quotes::default();
        let scope = Scope::of(&case);
        let found = facts::found(&case, &mut quotes);
        let sections = vec![
            facts::unknown(&case, &mut quotes),
            facts::absent(&case),
            changes::section(&case, &mut quotes),
            logs::section(&case, &scope, &mut quotes),
            events::section(&case, &scope, &mut quotes),
            signals::section(&case, &scope, &mut quotes),
            neighbours::section(&case, &scope, &mut quotes),
            health::section(&case, &quotes),
            past::section(&case, &mut quotes),
        ];
        Self {
            verdict: case::verdict(&case, &quotes),
            objects: case::objects(&case, &quotes),
            intents: case::intents(&case, &quotes),
            found: found.into_iter().map(|rows| titled("Found facts", &rows)).collect(),
            sections,
            suspicious: quotes.suspicious(),
            case,
        }
    }

    /// Lines in the case's evidence that try to instruct, whether they fit into a prompt or not; sorted.
    pub fn suspicious(&self) -> &[Suspicious] {
        &self.suspicious
    }

    /// The prompt for a task, with system text and user's message of at most `room` bytes together (see [`room`](super::room)).
    /// `None` when not even the task and the found facts fit: then there is no call.
    pub fn prompt(&self, task: Task<'_>, room: usize) -> Option<Prompt> {
        let system = system(task.stage());
        let mut suspicious = self.suspicious.clone();
        let mut user = DATA_FOLLOWS.to_owned();
        if let Task::Hypothesize(from) = task {
            user.push_str(&format!("perspective: {}\n", perspective(from)));
        }
        user.push_str(&self.verdict);
        let question = self.question(task, &mut suspicious);
        let shortest = |forms: &[String]| forms.last().map_or(0, String::len);
        // What is never cut away, then the objects' names, then what is asked, then how much the found facts say.
        let mut rest = room.checked_sub(system.len() + user.len() + shortest(&self.found) + shortest(&question))?;
        let objects = self.objects.shown(rest.min(TASK.saturating_sub(system.len() + user.len())));
        rest -= objects.text.len();
        // What is asked leaves half of the room to the evidence.
        let asked = if matches!(task, Task::Converse { .. }) { ASKED + TURNS } else { QUESTION };
        let question = longest(&question, asked.min(rest / 2 + shortest(&question)), &mut rest);
        let found = longest(&self.found, FOUND.max(shortest(&self.found)), &mut rest);
        user.extend([objects.text.as_str(), found]);
        let mut left_out = Vec::new();
        let mut note = |section: &Section, lines: usize| {
            if lines > 0 {
                left_out.push(format!("{}: {lines} of {} lines left out", section.name, section.lines.len()));
            }
        };
        note(&self.objects, objects.left_out);
        for (section, shown) in self.sections.iter().zip(fitted(&self.sections, rest)) {
            note(section, shown.left_out);
            user.push_str(&shown.text);
        }
        user.push_str(question);
        if self.found.first().map(String::as_str) != Some(found) {
            left_out.insert(0, "found facts: evidence texts shortened or left out".to_owned());
        }
        Some(Prompt { system, user, left_out, suspicious })
    }

    /// What a task asks about, from the longest form to the shortest.
    fn question(&self, task: Task<'_>, suspicious: &mut Vec<Suspicious>) -> Vec<String> {
        match task {
            Task::Analyze | Task::Hypothesize(_) => Vec::new(),
            Task::Criticize(hypotheses) => case::hypotheses(&self.case, hypotheses),
            Task::Synthesize(hypotheses) => {
                let told = case::hypotheses(&self.case, hypotheses);
                told.into_iter().map(|told| told + self.intents.last().map_or("", String::as_str)).collect()
            }
            Task::Fix => self.intents.clone(),
            Task::Converse { question, turns } => {
                let mut quotes = Quotes::default();
                let asked = quotes.quote(question, ASKED, || "the question".to_owned());
                let intents = self.intents.last().map_or("", String::as_str);
                let forms = said(turns, TURNS).map(|said| format!("{intents}\n## Conversation\n{said}question {asked}\n"));
                suspicious.extend(quotes.suspicious());
                forms.collect()
            }
        }
    }
}

/// The longest form within a bound and within what is left; the shortest one was taken off already.
fn longest<'f>(forms: &'f [String], most: usize, rest: &mut usize) -> &'f str {
    let Some(shortest) = forms.last() else { return "" };
    let all = *rest + shortest.len();
    let form = forms.iter().find(|form| form.len() <= most.min(all)).unwrap_or(shortest);
    *rest = all.saturating_sub(form.len());
    form
}

fn titled(title: &str, rows: &[String]) -> String {
    if rows.is_empty() { format!("\n## {title}\nnone\n") } else { format!("\n## {title}\n{}\n", rows.join("\n")) }
}

/// The last turns in at most so many bytes: all six, then fewer, then none.
fn said(turns: &[Turn], most: usize) -> impl Iterator<Item = String> + use<> {
    let quotes = Quotes::default();
    let told: Vec<String> = turns
        .iter()
        .skip(turns.len().saturating_sub(MOST_TURNS))
        .map(|turn| {
            let [question, answer] = [&turn.question, &turn.answer].map(|text| quotes.repeat(&one_line(text), most / 4));
            format!("asked {question}\nanswered {answer}\n")
        })
        .collect();
    let forms: Vec<String> = (0..=told.len()).filter_map(|first| Some(told.get(first..)?.concat())).collect();
    forms.into_iter().filter(move |form| form.len() <= most)
}
