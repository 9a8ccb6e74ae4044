//! Hands spans over to a collector, on a thread of its own, so that nothing waits for it.

use super::otlp::{self, Span};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// So many spans wait at most; then the oldest go. An incident has about twenty.
const WAITING: usize = 2_048;
/// So many are sent at once.
const BATCH: usize = 512;
/// So often they are sent (as the batch processors of OpenTelemetry do by default), and tried again.
const EVERY: Duration = Duration::from_secs(5);
/// So long a collector may take (OTEL_EXPORTER_OTLP_TIMEOUT's default).
const ANSWER: Duration = Duration::from_secs(10);

/// Why a collector did not take spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// It may take them later.
    Again(String),
    /// It never takes these.
    Never(String),
}

/// Brings a request of OTLP, in protobuf, to the collector.
pub type Delivery = Box<dyn Fn(Vec<u8>) -> Pin<Box<dyn Future<Output = Result<(), Undelivered>> + Send>> + Send>;

/// Spans that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    spans: Mutex<VecDeque<Span>>,
    /// Many wait, or it is the end.
    hurry: Notify,
    ends: Mutex<bool>,
}

impl Queue {
    fn spans(&self) -> MutexGuard<'_, VecDeque<Span>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, span: Span) {
        let mut spans = self.spans();
        if spans.len() == WAITING {
            spans.pop_front();
        }
        spans.push_back(span);
        if spans.len() == BATCH {
            self.hurry.notify_one();
        }
    }

    pub(super) fn take(&self) -> Vec<Span> {
        let mut spans = self.spans();
        let count = spans.len().min(BATCH);
        spans.drain(..count).collect()
    }

    /// For another time, as far as there is room.
    pub(super) fn put_back(&self, batch: Vec<Span>) {
        let mut spans = self.spans();
        for span in batch.into_iter().rev().take(WAITING.saturating_sub(spans.len())) {
            spans.push_front(span);
        }
    }

    fn ends(&self) -> MutexGuard<'_, bool> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that sends.
#[derive(Debug)]
pub(in crate::telemetry) struct Exporter {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
    ended: std::sync::mpsc::Receiver<()>,
}

impl Exporter {
    /// Starts it. `resource` says who sends: `service.name` and so on.
    pub(in crate::telemetry) fn start(resource: Vec<(String, String)>, deliver: Delivery) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let theirs = Arc::clone(&queue);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (says, ended) = std::sync::mpsc::channel();
        let thread = Builder::new().name("traces".to_owned()).spawn(move || {
            runtime.block_on(send_all(&theirs, &resource, &deliver));
            _ = says.send(());
        })?;
        Ok(Self { queue, thread: Some(thread), ended })
    }

    pub(super) fn queue(&self) -> Arc<Queue> {
        Arc::clone(&self.queue)
    }

    /// Sends what waits, and ends; what isn't taken within this time is lost.
    pub(in crate::telemetry) fn end(mut self, within: Duration) {
        *self.queue.ends() = true;
        self.queue.hurry.notify_one();
        if self.ended.recv_timeout(within).is_ok()
            && let Some(thread) = self.thread.take()
        {
            _ = thread.join();
        }
    }
}

async fn send_all(queue: &Queue, resource: &[(String, String)], deliver: &Delivery) {
    let mut is_down = false;
    loop {
        _ = timeout(EVERY, queue.hurry.notified()).await;
        let is_last = *queue.ends();
        loop {
            let batch = queue.take();
            if batch.is_empty() {
                break;
            }
            let sent = timeout(ANSWER, deliver(otlp::request(resource, &batch))).await;
            let why = match sent.unwrap_or_else(|_| Err(Undelivered::Again(format!("no answer within {} s", ANSWER.as_secs())))) {
                Ok(()) => {
                    is_down = false;
                    continue;
                }
                Err(Undelivered::Never(why)) => why,
                Err(Undelivered::Again(why)) => {
                    queue.put_back(batch);
                    why
                }
            };
            if !is_down {
                tracing::warn!(
                    why,
                    "the collector of traces does not take them; it is tried again, and said no more until it does"
                );
                is_down = true;
            }
            break;
        }
        if is_last {
            return;
        }
    }
}
