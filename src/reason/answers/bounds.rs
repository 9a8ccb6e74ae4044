//! The bounds that a schema can't carry where strict servers read it, each with its place, so that a repair can quote them.

use super::{
    AnalyzeAnswer, Answer, ConverseAnswer, CriticizeAnswer, FixAnswer, HypothesizeAnswer, StatementAnswer, SynthesizeAnswer,
};
use crate::domain::Stage;

/// So many errors are told; a repair of the first few mends the rest.
pub(super) const TOLD: usize = 5;
/// No list of ids needs more than this: more isn't citing but copying.
const MOST_IDS: usize = 40;
/// An id is a letter and a number; what is longer is text.
const LONGEST_ID: usize = 16;

/// Collects what is out of bounds.
#[derive(Debug, Default)]
pub struct Bounds {
    pub(super) errors: Vec<String>,
}

impl Bounds {
    fn say(&mut self, error: String) {
        if self.errors.len() < TOLD {
            self.errors.push(error);
        }
    }

    /// A text that says something, of at most so many characters.
    fn text(&mut self, path: &str, text: &str, most: usize) {
        let length = text.chars().count();
        if length > most {
            self.say(format!("{path} has {length} characters, at most {most} are allowed"));
        } else if text.trim().is_empty() {
            self.say(format!("{path} is empty"));
        }
    }

    fn count(&mut self, path: &str, count: usize, most: usize) {
        if count > most {
            self.say(format!("{path} has {count} entries, at most {most} are allowed"));
        }
    }

    fn texts(&mut self, path: &str, texts: &[String], most: usize, longest: usize) {
        self.count(path, texts.len(), most);
        for (index, text) in texts.iter().enumerate().take(most) {
            self.text(&format!("{path}[{index}]"), text, longest);
        }
    }

    fn id(&mut self, path: &str, id: &str) {
        if id.chars().count() > LONGEST_ID {
            self.say(format!("{path} is no id"));
        }
    }

    fn ids(&mut self, path: &str, ids: &[String]) {
        self.count(path, ids.len(), MOST_IDS);
        for (index, id) in ids.iter().enumerate().take(MOST_IDS) {
            self.id(&format!("{path}[{index}]"), id);
        }
    }

    fn statements(&mut self, path: &str, statements: &[StatementAnswer], most: usize) {
        self.count(path, statements.len(), most);
        for (index, statement) in statements.iter().enumerate().take(most) {
            self.text(&format!("{path}[{index}].text"), &statement.text, 200);
            self.ids(&format!("{path}[{index}].facts"), &statement.facts);
        }
    }
}

impl Answer for AnalyzeAnswer {
    const STAGE: Stage = Stage::Analyze;

    fn check(&self, bounds: &mut Bounds) {
        bounds.text("summary", &self.summary, 600);
        bounds.statements("observations", &self.observations, 6);
        bounds.texts("missing", &self.missing, 5, 120);
    }
}

impl Answer for HypothesizeAnswer {
    const STAGE: Stage = Stage::Hypothesize;

    fn check(&self, bounds: &mut Bounds) {
        bounds.count("hypotheses", self.hypotheses.len(), 3);
        for (index, hypothesis) in self.hypotheses.iter().enumerate().take(3) {
            let path = format!("hypotheses[{index}]");
            bounds.id(&format!("{path}.object"), &hypothesis.object);
            bounds.text(&format!("{path}.statement"), &hypothesis.statement, 240);
            bounds.ids(&format!("{path}.facts"), &hypothesis.facts);
            if hypothesis.facts.is_empty() {
                bounds.say(format!("{path}.facts is empty, at least one is needed"));
            }
            bounds.ids(&format!("{path}.against"), &hypothesis.against);
            bounds.texts(&format!("{path}.predicts"), &hypothesis.predicts, 3, 120);
            if !(0.0..=1.0).contains(&hypothesis.confidence) {
                bounds.say(format!("{path}.confidence is {}, allowed are 0 to 1", hypothesis.confidence));
            }
        }
    }
}

/// At most three hypotheses of each of four perspectives, and the ten causes that a report ranks.
const MOST_REVIEWS: usize = 22;

impl Answer for CriticizeAnswer {
    const STAGE: Stage = Stage::Criticize;

    fn check(&self, bounds: &mut Bounds) {
        bounds.count("reviews", self.reviews.len(), MOST_REVIEWS);
        for (index, review) in self.reviews.iter().enumerate().take(MOST_REVIEWS) {
            let path = format!("reviews[{index}]");
            bounds.id(&format!("{path}.hypothesis"), &review.hypothesis);
            bounds.count(&format!("{path}.refutations"), review.refutations.len(), 4);
            for (index, refutation) in review.refutations.iter().enumerate().take(4) {
                let path = format!("{path}.refutations[{index}]");
                bounds.id(&format!("{path}.fact"), &refutation.fact);
                bounds.id(&format!("{path}.other"), refutation.other.as_deref().unwrap_or_default());
                bounds.text(&format!("{path}.why"), &refutation.why, 160);
            }
            bounds.ids(&format!("{path}.supports"), &review.supports);
        }
    }
}

impl Answer for SynthesizeAnswer {
    const STAGE: Stage = Stage::Synthesize;

    fn check(&self, bounds: &mut Bounds) {
        bounds.text("headline", &self.headline, 120);
        bounds.text("happened", &self.happened, 400);
        bounds.statements("because", &self.because, 5);
        bounds.count("next", self.next.len(), 4);
        for (index, step) in self.next.iter().enumerate().take(4) {
            bounds.text(&format!("next[{index}].text"), &step.text, 160);
            bounds.id(&format!("next[{index}].intent"), step.intent.as_deref().unwrap_or_default());
        }
        bounds.texts("raises_confidence", &self.raises_confidence, 3, 120);
    }
}

impl Answer for FixAnswer {
    const STAGE: Stage = Stage::Fix;

    fn check(&self, bounds: &mut Bounds) {
        bounds.id("choice", &self.choice);
        bounds.text("why", &self.why, 160);
        bounds.ids("facts", &self.facts);
    }
}

impl Answer for ConverseAnswer {
    const STAGE: Stage = Stage::Converse;

    fn check(&self, bounds: &mut Bounds) {
        bounds.text("answer", &self.answer, 1200);
        bounds.ids("facts", &self.facts);
        bounds.texts("unknown", &self.unknown, 3, 120);
        bounds.ids("look", &self.look);
    }
}
