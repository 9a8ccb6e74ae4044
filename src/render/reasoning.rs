//! What a model added, in plain lines for every form of a report; who says what is never mixed. Facts are cited by the numbers
//! of their evidence, which is what a reader can look up.

use crate::domain::{Hypothesis, Origin, Perspective, Reasoning, Report};

/// What the model says, a line each; none without a model.
pub(super) fn of_model(report: &Report, all: bool) -> Vec<String> {
    let Some(reasoning) = &report.reasoning else { return Vec::new() };
    let mut lines = Vec::new();
    let analysis = &reasoning.analysis;
    if analysis.origin == Origin::Model {
        lines.push(analysis.summary.clone());
        if all {
            lines.extend(analysis.observations.iter().map(|it| format!("{}{}", it.text, cited(report, &it.facts))));
        }
    }
    let narrative = &reasoning.narrative;
    if narrative.origin == Origin::Model {
        lines.extend([narrative.headline.clone(), narrative.happened.clone()]);
        lines.extend(narrative.because.iter().map(|it| format!("{}{}", it.text, cited(report, &it.facts))));
        lines.extend(narrative.next.iter().map(|step| format!("next: {}", step.text)));
    }
    let theirs = |it: &&Hypothesis| it.origin == Origin::Model || !it.objections.is_empty();
    lines.extend(reasoning.hypotheses.iter().filter(theirs).flat_map(|it| hypothesis(report, it)));
    if narrative.origin == Origin::Model {
        lines.extend(narrative.raises_confidence.iter().map(|what| format!("would settle it: {what}")));
    }
    if let Some(choice) = &reasoning.choice {
        let is_another = choice.origin == Origin::Model && choice.intent.as_deref() != Some("I1");
        let action = choice.intent.as_deref().and_then(|intent| intent.strip_prefix('I')?.parse::<usize>().ok());
        let action = action.and_then(|number| report.actions.get(number.checked_sub(1)?));
        if let Some(action) = action.filter(|_| is_another) {
            let cited = cited(report, &choice.facts);
            lines.push(format!("would rather {} {}: {}{cited}", action.intent.action, action.intent.object(), choice.why));
        }
        lines.extend(choice.remarks.iter().cloned());
    }
    lines.retain(|line| !line.is_empty());
    lines
}

fn hypothesis(report: &Report, it: &Hypothesis) -> Vec<String> {
    let mut lines = Vec::new();
    if it.origin == Origin::Model {
        let sides = if it.seen_by.is_empty() { String::new() } else { format!(", seen from {}", sides(&it.seen_by)) };
        let percent = (it.confidence * 100.0).floor();
        let cited = cited(report, &it.facts);
        lines.push(format!("perhaps {} at {} ({percent:.0}%{sides}): {}{cited}", it.cause, it.object, it.statement));
    }
    lines.extend(it.objections.iter().map(|objection| {
        let weight = if objection.counts { "against" } else { "remark on" };
        let cited = cited(report, std::slice::from_ref(&objection.fact));
        format!("{weight} {} at {}: {}{cited}", it.cause, it.object, objection.why)
    }));
    lines
}

fn sides(sides: &[Perspective]) -> String {
    sides.iter().map(|side| side.as_str()).collect::<Vec<_>>().join(", ")
}

/// ` (e1, e3)`: the evidence of these facts; of a fact without any its id.
fn cited(report: &Report, facts: &[String]) -> String {
    let index = |number: &String| number.strip_prefix('F')?.parse::<usize>().ok()?.checked_sub(1);
    let facts = facts.iter().filter_map(|number| report.facts.get(index(number)?));
    let mut ids: Vec<&str> = Vec::new();
    for fact in facts {
        let evidence = fact.evidence.iter().map(String::as_str);
        let known: Vec<&str> = if fact.evidence.is_empty() { vec![fact.id.as_str()] } else { evidence.collect() };
        ids.extend(known.into_iter().filter(|id| !ids.contains(id)).collect::<Vec<_>>());
    }
    if ids.is_empty() { String::new() } else { format!(" ({})", ids.join(", ")) }
}

/// Which model, what it cost, and what was missing of it: `model: none`.
pub(super) fn cost(reasoning: &Reasoning) -> Vec<String> {
    let model = &reasoning.model;
    let mut lines = Vec::new();
    let note = model.note.as_deref();
    if model.calls == 0 {
        lines.push(note.map_or_else(|| format!("model: {}", model.backend), str::to_owned));
    } else {
        let usage = &model.usage;
        let read = usage.input_tokens + usage.cache_write_tokens + usage.cache_read_tokens;
        let name = model.model.as_deref().unwrap_or(&model.backend);
        let calls = if model.calls == 1 { "1 call".to_owned() } else { format!("{} calls", model.calls) };
        let (written, usd, seconds) = (usage.output_tokens, dollars(model.micro_usd), tenths(model.took_ms));
        lines.push(format!("model {name}: {calls}, {read} tokens read, {written} written, {usd} USD, {seconds} s"));
        lines.extend(note.map(str::to_owned));
    }
    let gaps = reasoning.stages.iter().filter_map(|trace| Some((trace, trace.degraded.as_deref()?)));
    let gaps = gaps.filter(|(_, why)| Some(*why) != note).map(|(trace, why)| {
        let side = trace.perspective.map(|side| format!(" ({})", side.as_str())).unwrap_or_default();
        format!("{}{side} by rules: {why}", trace.stage.as_str())
    });
    lines.extend(gaps);
    lines
}

/// Lines of the evidence that tried to instruct, the first few by their place.
pub(super) fn suspicious(reasoning: &Reasoning, all: bool) -> Vec<String> {
    let most = if all { usize::MAX } else { 3 };
    let mut lines: Vec<String> = reasoning
        .suspicious
        .iter()
        .take(most)
        .map(|it| format!("{} tries to instruct, and is evidence all the same: {}", it.place, it.phrase))
        .collect();
    let more = reasoning.suspicious.len().saturating_sub(most);
    lines.extend((more > 0).then(|| format!("and {more} more lines")));
    lines
}

fn dollars(micro: u64) -> String {
    format!("{}.{:04}", micro / 1_000_000, micro % 1_000_000 / 100)
}

fn tenths(millis: u64) -> String {
    format!("{}.{}", millis / 1_000, millis % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ModelCost, Origin, Perspective, Stage, StageTrace, Usage};

    #[test]
    fn what_it_cost_is_one_line_and_what_failed_another_each() {
        let usage = Usage { input_tokens: 9_000, cache_read_tokens: 812, output_tokens: 1_204, ..Usage::default() };
        let trace = StageTrace {
            stage: Stage::Hypothesize,
            perspective: Some(Perspective::Deps),
            origin: Origin::Rules,
            calls: 1,
            degraded: Some("refused".into()),
            dropped: Vec::new(),
            left_out: Vec::new(),
        };
        let model = ModelCost {
            backend: "anthropic".into(),
            model: Some("claude-sonnet-5-5".into()),
            calls: 4,
            usage,
            micro_usd: 31_250,
            took_ms: 6_249,
            note: None,
        };
        let reasoning = Reasoning { model, stages: vec![trace], ..Reasoning::default() };
        assert_eq!(
            cost(&reasoning),
            [
                "model claude-sonnet-5-5: 4 calls, 9812 tokens read, 1204 written, 0.0312 USD, 6.2 s",
                "hypothesize (deps) by rules: refused"
            ]
        );
        let none = ModelCost { backend: "none".into(), note: Some("model: none".into()), ..ModelCost::default() };
        assert_eq!(cost(&Reasoning { model: none, ..Reasoning::default() }), ["model: none"]);
    }
}
