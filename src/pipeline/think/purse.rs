//! What one incident may use: calls, tokens, money. Before a call its worst case is booked, afterwards what it really was; what
//! nobody knows stays booked.

use super::live::Limits;
use crate::domain::{Stage, Usage};
use crate::ports::ModelRequest;
use crate::reason::tokens;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many calls, repairs not among them.
const CALLS: u32 = 8;
/// So many repairs.
const REPAIRS: u32 = 2;

/// What a call comes to, at most or really.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    /// Tokens that are read, cached ones among them.
    pub input: u64,
    /// Tokens that are written.
    pub output: u64,
    /// Millionths of a US dollar.
    pub micro_usd: u64,
}

impl Sum {
    /// What a call really came to.
    pub(super) fn of(usage: &Usage, micro_usd: u64) -> Self {
        let cached = usage.cache_write_tokens.saturating_add(usage.cache_read_tokens);
        Self { input: usage.input_tokens.saturating_add(cached), output: usage.output_tokens, micro_usd }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            micro_usd: self.micro_usd.saturating_add(other.micro_usd),
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_sub(other.input),
            output: self.output.saturating_sub(other.output),
            micro_usd: self.micro_usd.saturating_sub(other.micro_usd),
        }
    }
}

/// The most tokens that a request's prompt, system text and schema can be: one for three bytes.
pub(super) fn prompt_tokens(request: &ModelRequest) -> u64 {
    let said: usize = request.messages.iter().map(|message| message.text.len()).sum();
    let bytes = request.system.len() + said + request.schema.to_string().len();
    tokens(bytes)
}

/// What one incident has used.
#[derive(Debug, Default)]
pub(super) struct Purse {
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    calls: u32,
    repairs: u32,
    /// The wave of the first repair.
    repaired: Option<u8>,
    sum: Sum,
}

impl Purse {
    /// Books the worst case of one try. The first try of a request also counts as a call, or as a repair.
    ///
    /// # Errors
    /// Which bar it would break.
    pub(super) fn book(
        &self,
        limits: &Limits,
        request: &ModelRequest,
        is_first_try: bool,
        worst: Sum,
    ) -> Result<(), &'static str> {
        let mut used = self.used();
        let (wave, is_repair) = (wave(request.stage), request.attempt > 1);
        if is_first_try && !is_repair && used.calls >= CALLS {
            return Err("this incident's calls are used up");
        }
        // At most four calls one after the other: three waves and the repairs of one of them.
        if is_first_try && is_repair && (used.repairs >= REPAIRS || used.repaired.is_some_and(|first| first != wave)) {
            return Err("this incident's repairs are used up");
        }
        let sum = used.sum.plus(worst);
        if sum.input > limits.input_tokens {
            return Err("this incident's input tokens are used up");
        } else if sum.output > limits.output_tokens {
            return Err("this incident's output tokens are used up");
        } else if sum.micro_usd > limits.micro_usd {
            return Err("this incident's money is used up");
        }
        used.sum = sum;
        match (is_first_try, is_repair) {
            (true, true) => {
                used.repairs += 1;
                used.repaired = Some(wave);
            }
            (true, false) => used.calls += 1,
            (false, _) => {}
        }
        Ok(())
    }

    /// Replaces what was booked by what it really was.
    pub(super) fn settle(&self, booked: Sum, real: Sum) {
        let mut used = self.used();
        used.sum = used.sum.minus(booked).plus(real);
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In which wave a stage is: what is in one runs in parallel.
fn wave(stage: Stage) -> u8 {
    match stage {
        Stage::Analyze | Stage::Hypothesize | Stage::Converse => 1,
        Stage::Criticize => 2,
        Stage::Synthesize | Stage::Fix => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{Message, Role};
    use serde_json::json;

    fn request(stage: Stage, attempt: u32) -> ModelRequest {
        let messages = vec![Message { role: Role::User, text: "ä".repeat(10) }];
        ModelRequest { stage, perspective: None, attempt, system: "12345".into(), messages, schema: json!({}), max_tokens: 100 }
    }

    #[test]
    fn a_token_for_three_bytes() {
        assert_eq!(prompt_tokens(&request(Stage::Fix, 1)), 9, "5 + 20 + 2 bytes");
    }

    #[test]
    fn eight_calls_and_two_repairs_in_one_wave() {
        let (purse, limits) = (Purse::default(), Limits::default());
        let book = |stage, attempt, first| purse.book(&limits, &request(stage, attempt), first, Sum::default());
        for _ in 0..8 {
            assert_eq!(book(Stage::Analyze, 1, true), Ok(()));
        }
        assert!(book(Stage::Fix, 1, true).is_err());
        assert_eq!(book(Stage::Analyze, 1, false), Ok(()), "a retry is no further call");
        assert_eq!(book(Stage::Analyze, 2, true), Ok(()));
        assert!(book(Stage::Criticize, 2, true).is_err(), "it would be the fifth call in a row");
        assert_eq!(book(Stage::Hypothesize, 2, true), Ok(()));
        assert!(book(Stage::Hypothesize, 2, true).is_err(), "two repairs");
    }

    #[test]
    fn the_bars_hold_for_what_is_booked_and_for_what_was_used() {
        let purse = Purse::default();
        let limits = Limits { input_tokens: 100, output_tokens: 100, micro_usd: 100, ..Limits::default() };
        let book = |input, output, micro_usd| {
            purse.book(&limits, &request(Stage::Fix, 1), true, Sum { input, output, micro_usd }).is_ok()
        };
        assert!(!book(101, 0, 0) && !book(0, 101, 0) && !book(0, 0, 101) && !book(u64::MAX, 0, 0));
        assert!(book(60, 60, 60));
        assert!(!book(41, 0, 0) && !book(0, 41, 0) && !book(0, 0, 41));
        let usage = Usage { input_tokens: 10, cache_read_tokens: 20, cache_write_tokens: 5, output_tokens: 7 };
        purse.settle(Sum { input: 60, output: 60, micro_usd: 60 }, Sum::of(&usage, 3));
        assert!(!book(66, 0, 0), "cached tokens count");
        assert!(book(65, 93, 97));
    }
}
