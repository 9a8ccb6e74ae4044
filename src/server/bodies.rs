//! Request bodies: read whole, within a size, a time and what there may be of them in memory at once.

use super::problem::{Code, Problem};
use super::state::App;
use axum::body::Body;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// So many bytes of bodies there may be at a time.
const IN_FLIGHT: usize = 128 << 20;
/// So long a body may take.
pub(super) const READ: Duration = Duration::from_secs(30);

/// The bytes of all bodies that are being read or worked on.
#[derive(Clone, Debug, Default)]
pub struct Budget(Arc<AtomicUsize>);

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
struct Share {
    budget: Budget,
    bytes: usize,
}

impl Share {
    fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let within = |used: usize| used.checked_add(bytes).filter(|used| *used <= IN_FLIGHT);
        if self.budget.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, within).is_err() {
            return Err(Problem::new(Code::QueueFull, "too many requests are being read; come again"));
        }
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// A body, as it came. It counts for as long as it lives.
#[derive(Debug)]
pub struct Bytes {
    bytes: Vec<u8>,
    _share: Share,
}

impl Bytes {
    /// It.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// It, to be kept.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

/// Reads a body of at most so many bytes.
///
/// # Errors
/// It is too long (413), takes too long (408), breaks off (400), or too many are read at the moment (503).
pub async fn read<S>(app: &App<S>, headers: &HeaderMap, mut body: Body, most: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Code::TooLarge, format!("a body may have {most} bytes"));
    let claimed = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok()).unwrap_or_default();
    if claimed > most {
        return Err(too_large());
    }
    let mut share = Share { budget: app.bodies.clone(), bytes: 0 };
    share.grow(claimed)?;
    let mut bytes = Vec::new();
    let until = Instant::now() + READ;
    loop {
        let frame = timeout_at(until, body.frame()).await;
        let frame =
            frame.map_err(|_| Problem::new(Code::Timeout, format!("a body has to arrive within {} s", READ.as_secs())))?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| Problem::new(Code::Unparsable, "the body broke off").because(error))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > most {
            return Err(too_large());
        }
        share.grow((bytes.len() + data.len()).saturating_sub(share.bytes))?;
        bytes.extend_from_slice(&data);
    }
    Ok(Bytes { bytes, _share: share })
}
