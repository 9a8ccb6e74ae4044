//! The sections that fit a screen, in the order in which they are read.

use super::Page;
use crate::domain::{
    ActionReport, CauseReport, Contradiction, DecisionValue, EvidenceSource, FieldChange, HistoryEntry, LogTemplate,
    NumberedEvidence, ObjectRef, Report, RuledOut, SymptomReport, Ticket, Unknown, Verdict, beside, not_checked,
};
use crate::render::age::{age, ago, since};
use crate::render::paragraph::Paragraph;
use crate::render::reasoning::{cost, of_model, suspicious};
use crate::render::style::Tone;
use crate::render::value::{show, show_field};
use std::collections::{BTreeMap, BTreeSet};

/// Appends `Deployment shop/checkout container app: oom_killed (97%)`. The percentage is cut, not rounded: 99.6 is not 100.
pub(super) fn cause_line(line: Paragraph, cause: &CauseReport) -> Paragraph {
    let container = cause.container.as_ref().map(|container| format!(" container {container}")).unwrap_or_default();
    line.add(Tone::Strong, &format!("{}{container}: {}", cause.object, cause.id))
        .add(Tone::Dim, &format!(" ({:.0}%)", (cause.confidence * 100.0).floor()))
}

impl<'a> Page<'a> {
    pub(super) fn sections(&mut self) {
        let (report, caps, verbose) = (self.report, self.caps, self.layout.verbose);
        let answer = report.answer();
        if answer.is_some_and(|cause| cause.object != report.target) {
            self.paragraph(&Paragraph::new().add(Tone::Dim, &format!("Asked about {}.", report.target)));
        }
        let further = report.causes.get(usize::from(answer.is_some())..).unwrap_or_default();
        self.section(if answer.is_some() { "Also" } else { "Perhaps" }, further, caps.items, Self::further_cause);
        self.section("Seen", &self.symptoms(), caps.few, |page, alike| page.symptom(alike));
        self.section("Evidence", &self.evidence(), caps.evidence, |page, item| page.observation(item));
        self.section("Changed", &self.change(), caps.change, |_, line| line.clone());
        self.section("Ruled out", &report.ruled_out, caps.items, Self::ruled_out);
        self.section("Conflict", &report.contradictions, caps.few, Self::contradiction);
        self.section("Unknown", &self.unknowns(), caps.items, |page, unknown| page.unknown(unknown));
        self.not_checked();
        self.section("Tickets", &report.tickets, caps.few, Self::ticket);
        self.section("Logged", &report.log_searches, caps.few, Self::logged);
        if report.verdict == Verdict::Recovered || verbose {
            self.section("History", &report.history, caps.few, Self::history);
        }
        if !report.checked.is_empty() && (report.verdict == Verdict::Healthy || verbose) {
            self.section("Checked", &[&report.checked], 1, |_, checked| Paragraph::new().add(Tone::Plain, checked));
        }
        if matches!(report.verdict, Verdict::Healthy | Verdict::Recovered) || verbose {
            self.section("Noticed", &report.noticed, caps.few, Self::noticed);
        }
        self.section("Model", &of_model(report, verbose), caps.items.saturating_add(4), |page, line| {
            page.short(Paragraph::new().add(Tone::Plain, line))
        });
        self.section("Proposed", &self.proposed(), usize::MAX, |_, line| line.clone());
        self.section("To do", &self.advice(), caps.items.saturating_add(2), |_, line| line.clone());
        if let Some(reasoning) = &report.reasoning {
            let said = suspicious(reasoning, verbose).into_iter().chain(cost(reasoning));
            self.lines.push(String::new());
            said.for_each(|line| self.paragraph(&Paragraph::new().add(Tone::Dim, &line).hang(2)));
        }
    }

    /// `id: what, for 24m (pod/x app)`, the form of most sections; the place only where it isn't the target and what was said.
    fn item(&self, id: &str, what: &str, object: &ObjectRef, container: Option<&str>, tail: &str) -> Paragraph {
        let line = self.short(Paragraph::new().add(Tone::Plain, &format!("{id}: {what}{tail}")));
        if *object == self.report.target && container.is_none_or(|container| what.contains(container)) {
            return line;
        }
        line.add(Tone::Dim, &format!(" ({})", self.place(object, container)))
    }

    /// `pod/checkout-7c9f5d-x2x1z app`, with the namespace only where it isn't the target's.
    fn place(&self, object: &ObjectRef, container: Option<&str>) -> String {
        let target = &self.report.target;
        let home = if target.kind == "Namespace" { &target.name } else { target.ns() };
        let namespace = object.namespace.as_ref().filter(|namespace| *namespace != home);
        let namespace = namespace.map(|namespace| format!(" -n {namespace}")).unwrap_or_default();
        let container = container.map(|container| format!(" {container}")).unwrap_or_default();
        format!("{}{namespace}{container}", object.kubectl())
    }

    /// With the indent and the greatest height of an item in a list.
    fn short(&self, line: Paragraph) -> Paragraph {
        line.hang(2).max_lines(self.caps.item_lines)
    }

    fn further_cause(&self, cause: &CauseReport) -> Paragraph {
        self.short(cause_line(Paragraph::new(), cause).then(Tone::Plain, &cause.summary, self.caps.item_lines))
    }

    /// The symptoms, those of one kind together unless everything is to be seen.
    fn symptoms(&self) -> Vec<Vec<&'a SymptomReport>> {
        let mut groups: Vec<Vec<&SymptomReport>> = Vec::new();
        for symptom in &self.report.symptoms {
            match groups.iter_mut().find(|group| !self.layout.verbose && group[0].id == symptom.id) {
                Some(group) => group.push(symptom),
                None => groups.push(vec![symptom]),
            }
        }
        groups
    }

    /// Symptoms of one kind: what the first is, and where they all are.
    fn symptom(&self, alike: &[&SymptomReport]) -> Paragraph {
        let Some(first) = alike.first() else { return Paragraph::new() };
        let since = first.since.map(|at| format!(", for {}", since(at, self.report.captured_at))).unwrap_or_default();
        let line = self.item(&first.id, &first.summary, &first.object, first.container.as_deref(), &since);
        if alike.len() == 1 {
            return line;
        }
        let others = alike[1..].iter().map(|symptom| self.place(&symptom.object, symptom.container.as_deref()));
        let others = others.collect::<Vec<_>>().join(", ");
        line.add(Tone::Plain, &format!(" and {} more: ", alike.len() - 1)).add(Tone::Dim, &others)
    }

    /// The evidence to show: the strongest of every cause first, in the order of the numbers as far as there is room.
    fn evidence(&self) -> Vec<&'a NumberedEvidence> {
        let mut evidence = cited(self.report, self.layout.verbose);
        if !self.layout.verbose {
            let room = self.caps.evidence.min(evidence.len());
            let position = |item: &&NumberedEvidence| self.report.evidence.iter().position(|other| other.id == item.id);
            evidence[..room].sort_by_cached_key(position);
        }
        evidence
    }

    /// Its age and where it was seen, then what was seen: on a line of its own, or on the same when there is room.
    fn observation(&self, item: &NumberedEvidence) -> Paragraph {
        let evidence = &item.evidence;
        let container = evidence.container.as_deref();
        // A field path names the container itself: `status.containerStatuses[app].state`.
        let container = container.filter(|container| !evidence.path.contains(&format!("[{container}]")));
        let place = self.place(&evidence.object, container);
        let count = evidence.count.filter(|count| *count > 1).map(|count| format!(" ×{count}")).unwrap_or_default();
        let line_number = evidence.line.map(|number| format!(" line {number}")).unwrap_or_default();
        let source = source(evidence.source);
        let origin = match evidence.source {
            EvidenceSource::Kubernetes => format!("{place} {}{count}", evidence.path),
            EvidenceSource::Log => format!("{source} {place} {}{line_number}{count}", evidence.path),
            _ => format!("{source} {}{count} {place}", evidence.path),
        };
        let age = evidence.at.map(|at| age(at, self.report.captured_at)).unwrap_or_default();
        let line = Paragraph::new().add(Tone::Number, &item.id).pad(4).add(Tone::Plain, &age).pad(10);
        let line = line.add(Tone::Dim, &origin).then(Tone::Plain, &show(&evidence.value), self.caps.value_lines);
        line.hang(10).max_lines(self.caps.item_lines)
    }

    /// The revision first, then what differs.
    fn change(&self) -> Vec<Paragraph> {
        let Some(change) = &self.report.change else { return Vec::new() };
        let at = change.at.map(|at| format!(", {}", ago(at, self.report.captured_at))).unwrap_or_default();
        let tail = if change.explains { "; the cause is about what it changed" } else { "" };
        let (from, to, place) = (change.from, change.to, self.place(&change.object, None));
        let head = Paragraph::new().add(Tone::Plain, &format!("revision {from} → {to} of {place}{at}{tail}"));
        let field = |field: &FieldChange| {
            let line = Paragraph::new().add(Tone::Dim, &field.path);
            let line = line.add(Tone::Plain, &format!(": {} → ", show_field(&field.before)));
            self.short(line.add(Tone::Strong, &show_field(&field.after)))
        };
        std::iter::once(head).chain(change.fields.iter().map(field)).collect()
    }

    fn ruled_out(&self, out: &RuledOut) -> Paragraph {
        let line = Paragraph::new().add(Tone::Plain, &format!("{}: {}", out.id, out.why));
        self.short(line.add(Tone::Number, &numbers(&out.evidence)))
    }

    fn contradiction(&self, conflict: &Contradiction) -> Paragraph {
        let subject = &conflict.subject;
        self.item(&conflict.facts.join(" and "), &conflict.why, &subject.object, subject.container.as_deref(), "")
    }

    /// What could not be seen; what was asked beside the cluster has a line of its own, unless everything is to be seen.
    fn unknowns(&self) -> Vec<&'a Unknown> {
        let unknown = self.report.unknown.iter();
        unknown.filter(|unknown| self.layout.verbose || !is_not_checked(self.report, unknown)).collect()
    }

    /// Who was asked in vain, however little room there is: nobody may take it for "there is none".
    fn not_checked(&mut self) {
        let silent = not_checked(&self.report.sources);
        if !silent.is_empty() {
            self.lines.push(String::new());
            self.paragraph(&Paragraph::new().add(Tone::Plain, &format!("Not checked: {}", silent.join(", "))).hang(2));
        }
    }

    /// `SHOP-12 open, In Progress: checkout fails`, and its page.
    fn ticket(&self, ticket: &Ticket) -> Paragraph {
        let state = if ticket.resolved { "resolved" } else { "open" };
        let words = [state, &ticket.status, &ticket.priority].into_iter().filter(|word| !word.is_empty());
        let line = Paragraph::new().add(Tone::Strong, &ticket.key);
        let line = line.add(Tone::Plain, &format!(" {}: {}", words.collect::<Vec<_>>().join(", "), ticket.summary));
        self.short(line.then(Tone::Dim, &ticket.url, self.caps.value_lines))
    }

    /// `Error ×12 no route to {Host}, last 3m ago`, and the last of the messages.
    fn logged(&self, logged: &LogTemplate) -> Paragraph {
        let last = logged.last.map(|at| format!(", last {}", ago(at, self.report.captured_at))).unwrap_or_default();
        let line = Paragraph::new().add(Tone::Plain, &format!("{} ×{} {}{last}", logged.level, logged.count, logged.template));
        let example = if logged.exception.is_empty() { &logged.example } else { &logged.exception };
        let line = if *example == logged.template { line } else { line.then(Tone::Dim, example, self.caps.value_lines) };
        self.short(line)
    }

    fn unknown(&self, unknown: &Unknown) -> Paragraph {
        let would = if unknown.would.is_empty() { String::new() } else { format!("; would show {}", unknown.would) };
        let line = Paragraph::new().add(Tone::Plain, &format!("{}: {}{would}", unknown.what, unknown.why));
        self.short(line)
    }

    fn history(&self, past: &HistoryEntry) -> Paragraph {
        let now = self.report.captured_at;
        let last = past.at.map(|at| format!(", last {}", ago(at, now))).unwrap_or_default();
        let ended = past.ended.map(|at| format!(", over for {}", since(at, now))).unwrap_or_default();
        self.item(&past.id, &past.summary, &past.object, past.container.as_deref(), &format!("{last}{ended}"))
            .add(Tone::Number, &numbers(&past.evidence))
    }

    fn noticed(&self, cause: &CauseReport) -> Paragraph {
        self.item(&cause.id, &cause.summary, &cause.object, cause.container.as_deref(), "")
    }

    /// The actions that would change something. Those that only look stand among the commands.
    fn changes(&self) -> impl Iterator<Item = &'a ActionReport> + use<'a> {
        self.report.actions.iter().filter(|action| action.intent.action.is_write())
    }

    /// What could be done, as a command, and what policy says to it.
    fn proposed(&self) -> Vec<Paragraph> {
        let lines = |action: &'a ActionReport| {
            let (decision, place) = (&action.decision, self.place(&action.intent.object(), None));
            let ruling = match decision.value {
                DecisionValue::Block => format!("blocked by {}", decision.rule),
                DecisionValue::Approve => "needs approval".to_owned(),
                DecisionValue::Auto => format!("allowed by {}", decision.rule),
            };
            let head = Paragraph::new().add(Tone::Strong, &format!("{} {place}", action.intent.action));
            let head = self.short(head.add(Tone::Plain, &format!(" ({}, {ruling}): {}", action.risk.as_str(), action.why)));
            let command = Paragraph::new().add(Tone::Dim, "$ ").add(Tone::Strong, &action.command).unbroken();
            let refused =
                (decision.value == DecisionValue::Block).then(|| self.short(Paragraph::new().add(Tone::Dim, &decision.why)));
            [head, command].into_iter().chain(refused)
        };
        self.changes().flat_map(lines).chain(self.execution()).collect()
    }

    /// How far the first of them came, and what to type next.
    fn execution(&self) -> Vec<Paragraph> {
        let Some(execution) = &self.report.execution else { return Vec::new() };
        let code = execution.code.as_ref().map(|code| format!(", {code}")).unwrap_or_default();
        let line = Paragraph::new().add(Tone::Strong, &execution.status).add(Tone::Plain, &format!("{code}: {}", execution.text));
        let approve = execution.attempt.as_ref().map(|attempt| format!("sre-copilot approve {attempt}"));
        let approve = approve.map(|command| Paragraph::new().add(Tone::Dim, "$ ").add(Tone::Strong, &command).unbroken());
        let last_fix = execution.last_fix.as_ref().map(|text| self.short(Paragraph::new().add(Tone::Plain, text)));
        [Some(self.short(line)), last_fix, approve].into_iter().flatten().collect()
    }

    /// The fix of each cause in words, then commands, which are never broken so that they can be copied.
    fn advice(&self) -> Vec<Paragraph> {
        let fixes = self.report.causes.iter().filter(|_| self.report.verdict.is_fault()).map(|cause| cause.fix.as_str());
        let fixes = fixes.filter(|fix| !fix.is_empty()).map(|fix| Paragraph::new().add(Tone::Plain, fix).hang(2));
        let command = |command: &String| Paragraph::new().add(Tone::Dim, "$ ").add(Tone::Strong, command).unbroken();
        let proposed = |command: &&String| self.changes().any(|action| action.command == **command);
        fixes.chain(self.report.next.iter().filter(|next| !proposed(next)).map(command)).collect()
    }
}

/// The evidence to show: what the causes cite, in turn, so that the first of each comes before the second of any; where
/// there is no cause, what the symptoms and the history cite. With `all` everything, in the order of the numbers.
pub(in crate::render) fn cited(report: &Report, all: bool) -> Vec<&NumberedEvidence> {
    if all {
        return report.evidence.iter().collect();
    }
    let causes = report.causes.iter().map(|cause| &cause.evidence);
    let others = report.symptoms.iter().map(|symptom| &symptom.evidence);
    let others = others.chain(report.history.iter().map(|past| &past.evidence));
    let lists: Vec<&Vec<String>> = if report.causes.is_empty() { others.collect() } else { causes.collect() };
    let longest = lists.iter().map(|list| list.len()).max().unwrap_or(0);
    let in_turn = (0..longest).flat_map(|index| lists.iter().filter_map(move |list| list.get(index)));
    let known: BTreeMap<_, _> = report.evidence.iter().map(|evidence| (&evidence.id, evidence)).collect();
    let mut shown = BTreeSet::new();
    in_turn.filter(|id| shown.insert(*id)).filter_map(|id| known.get(id).copied()).collect()
}

/// Whether something unknown is a source beside the cluster that did not answer.
pub(in crate::render) fn is_not_checked(report: &Report, unknown: &Unknown) -> bool {
    beside(&unknown.what).is_some() && report.sources.get(&unknown.what).is_some_and(|state| !state.is_read())
}

/// ` (e1, e4)`, or nothing.
pub(super) fn numbers(ids: &[String]) -> String {
    if ids.is_empty() { String::new() } else { format!(" ({})", ids.join(", ")) }
}

/// The word for a source.
pub(in crate::render) fn source(source: EvidenceSource) -> &'static str {
    match source {
        EvidenceSource::Kubernetes => "object",
        EvidenceSource::Event => "event",
        EvidenceSource::Log => "log",
        EvidenceSource::Signal => "signal",
        EvidenceSource::Alert => "alert",
        EvidenceSource::Dependency => "dependency",
        EvidenceSource::Deploy => "deploy",
    }
}
