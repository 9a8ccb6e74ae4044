//! For tests: a model that says what it is told to, a book in memory, and a clock that tokio's paused time drives.

use super::Question;
use crate::domain::{Price, Stage, Usage};
use crate::ports::{Clock, Egress, LanguageModel, Ledger, ModelAnswer, ModelError, ModelRequest, Reservation, StoreError};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// What a call with [`USAGE`] costs at this price: 100 × 2 + 50 × 10.
pub(super) const PRICE: Price = Price { input: 2.0, output: 10.0, cache_write: 2.0, cache_read: 0.2 };
pub(super) const USAGE: Usage = Usage { input_tokens: 100, cache_write_tokens: 0, cache_read_tokens: 0, output_tokens: 50 };
pub(super) const COST: u64 = 700;

/// 12:03:00 UTC when a test begins.
pub(super) struct TestClock(Instant);

impl TestClock {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }

    pub(super) fn passed(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let began: Timestamp = "2026-01-02T12:03:00Z".parse().unwrap();
        began + SignedDuration::try_from(self.passed()).unwrap()
    }

    async fn wait(&self, time: SignedDuration) {
        tokio::time::sleep(time.unsigned_abs()).await;
    }
}

/// Says one thing after the other, each after so long; when there is nothing left, the last again.
pub(super) struct Scripted {
    script: Mutex<VecDeque<(Duration, Result<ModelAnswer, ModelError>)>>,
    pub(super) asked: Mutex<Vec<ModelRequest>>,
}

impl Scripted {
    pub(super) fn new(script: impl IntoIterator<Item = (u64, Result<ModelAnswer, ModelError>)>) -> Self {
        let script = script.into_iter().map(|(seconds, said)| (Duration::from_secs(seconds), said)).collect();
        Self { script: Mutex::new(script), asked: Mutex::default() }
    }

    pub(super) fn sent(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl LanguageModel for Scripted {
    fn backend(&self) -> &'static str {
        "anthropic"
    }

    fn model(&self) -> &str {
        "claude-sonnet-5-5"
    }

    fn address(&self) -> &str {
        "https://api.example.com"
    }

    /// Pays no heed to the time it is given: the caller must.
    async fn ask(&self, request: &ModelRequest, _: Duration) -> Result<ModelAnswer, ModelError> {
        self.asked.lock().unwrap().push(request.clone());
        let (after, said) = {
            let mut script = self.script.lock().unwrap();
            if script.len() > 1 { script.pop_front().unwrap() } else { script[0].clone() }
        };
        tokio::time::sleep(after).await;
        said
    }

    fn egress(&self, _: &ModelRequest) -> Egress {
        Egress { destination: "model", method: String::new(), address: String::new(), headers: Vec::new(), body: String::new() }
    }
}

/// A book in memory: what is set aside or spent, one entry a call.
#[derive(Default)]
pub(super) struct Book {
    pub(super) rows: Mutex<Vec<(Date, u64)>>,
    pub(super) broken: Option<StoreError>,
}

impl Ledger for Book {
    async fn reserve(&self, day: Date, worst: u64, limit: u64) -> Result<Option<Reservation>, StoreError> {
        let sum = self.spent(day).await? + worst;
        let mut rows = self.rows.lock().unwrap();
        Ok((sum <= limit).then(|| {
            rows.push((day, worst));
            Reservation(i64::try_from(rows.len()).unwrap() - 1)
        }))
    }

    async fn settle(&self, reservation: Reservation, real: u64) -> Result<(), StoreError> {
        self.rows.lock().unwrap()[usize::try_from(reservation.0).unwrap()].1 = real;
        Ok(())
    }

    async fn spent(&self, day: Date) -> Result<u64, StoreError> {
        match &self.broken {
            Some(error) => Err(error.clone()),
            None => Ok(self.rows.lock().unwrap().iter().filter(|(on, _)| *on == day).map(|(_, sum)| sum).sum()),
        }
    }
}

pub(super) fn says(text: &str) -> Result<ModelAnswer, ModelError> {
    Ok(ModelAnswer { text: text.to_owned(), stop_reason: "end_turn".to_owned(), usage: USAGE })
}

pub(super) fn busy(status: u16, retry_after: Option<u64>) -> Result<ModelAnswer, ModelError> {
    let retry_after = retry_after.map(Duration::from_secs);
    Err(ModelError::Busy { status, retry_after, message: "overloaded".to_owned() })
}

pub(super) fn question(stage: Stage) -> Question {
    Question {
        stage,
        perspective: None,
        system: "You look.".to_owned(),
        user: "What is it?".to_owned(),
        schema: json!({"type": "object"}),
        max_tokens: 3_000,
    }
}

/// An answer is a number.
pub(super) fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}
