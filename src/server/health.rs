//! `GET /healthz` and `/readyz`: whether a restart would help, and whether requests should come here.

use super::problem::{Code, Problem};
use super::state::App;
use super::stopping::Phase;
use crate::ports::{Books, StoreError};
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// A writer that is silent for this long is dead.
const SILENT: Duration = Duration::from_secs(60);
/// A write has to be on disk within this.
const COMMIT: Duration = Duration::from_secs(5);
/// An answer stands for so long, so that nobody can have the disk written by asking.
const FRESH: Duration = Duration::from_secs(1);

/// The last probe of the store: when it was answered, and what it found.
#[derive(Debug, Default)]
pub struct Probe(Mutex<Option<(Instant, Result<(), String>)>>);

impl Probe {
    async fn ask(&self, store: &impl Books) -> Result<(), String> {
        // Those who ask meanwhile wait for the same answer.
        let mut last = self.0.lock().await;
        if let Some((at, found)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            let _ = at;
            return found.clone();
        }
        let found = match timeout(COMMIT, store.probe()).await {
            Err(_) => Err(format!("no write was on disk within {} s", COMMIT.as_secs())),
            Ok(written) => written.map_err(|error| told(&error)),
        };
        *last = Some((Instant::now(), found.clone()));
        found
    }
}

/// What may be told to anyone: no path and no text of the engine.
fn told(error: &StoreError) -> String {
    match error {
        StoreError::ReadOnly => "the database is read-only".to_owned(),
        StoreError::Full | StoreError::Locked { .. } | StoreError::Busy | StoreError::Stopped => error.to_string(),
        _ => "a write failed".to_owned(),
    }
}

/// Health and readiness.
pub fn routes<S: Books>() -> Router<App<S>> {
    Router::new().route("/healthz", get(healthy)).route("/readyz", get(ready))
}

async fn healthy<S: Books>(State(app): State<App<S>>) -> Result<Json<Value>, Problem> {
    let why = match app.store.silent_for() {
        None => "it ended".to_owned(),
        Some(silent) if silent >= SILENT => format!("silent for {} s", silent.as_secs()),
        Some(_) => return Ok(Json(json!({"status": "ok"}))),
    };
    Err(failed().fault("writer", why))
}

async fn ready<S: Books>(State(app): State<App<S>>) -> Result<Json<Value>, Problem> {
    let mut problem = failed();
    if app.stopping.phase() != Phase::Serving {
        problem = problem.fault("shutdown", "the process ends");
    } else if let Err(why) = app.probe.ask(&*app.store).await {
        problem = problem.fault("store", why);
    }
    if problem.errors.is_empty() { Ok(Json(json!({"status": "ready"}))) } else { Err(problem) }
}

fn failed() -> Problem {
    Problem::new(Code::StoreUnavailable, "a check failed")
}
