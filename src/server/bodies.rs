//! Request bodies: read whole, within a size, a time and what there may be of them in memory at once.

use super::problem::{Code, Problem};
use axum::body::Body;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// So many bytes of bodies there may be at a time.
const IN_FLIGHT: usize = 128 << 20;
/// So many of these are of senders who have yet to prove who they are, which takes the whole body.
const UNPROVEN: usize = 32 << 20;
/// So long a body may take.
pub(super) const READ: Duration = Duration::from_secs(30);

/// So much, and for so long, of a body that is too long is let in.
const SWALLOWED: usize = 64 << 20;
const SWALLOW: Duration = Duration::from_secs(2);

/// The bytes of all bodies that are being read or worked on.
#[derive(Clone, Debug)]
pub struct Budget {
    used: Arc<AtomicUsize>,
    most: usize,
}

impl Budget {
    fn new(most: usize) -> Self {
        Self { used: Arc::default(), most }
    }

    /// That of all whose sender is known.
    pub(super) fn proven() -> Self {
        Self::new(IN_FLIGHT)
    }

    /// That of those whose sender isn't known yet.
    pub(super) fn unproven() -> Self {
        Self::new(UNPROVEN)
    }

    fn share(&self) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
struct Share {
    budget: Budget,
    bytes: usize,
}

impl Share {
    fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        // Alone it has what it needs: nothing is refused for ever.
        let within = |used: usize| used.checked_add(bytes).filter(|all| used == 0 || *all <= self.budget.most);
        if self.budget.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, within).is_err() {
            return Err(Problem::new(Code::QueueFull, "too many requests are being read; come again"));
        }
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// A body, as it came. It counts for as long as it lives.
#[derive(Debug)]
pub struct Bytes {
    bytes: Vec<u8>,
    share: Share,
}

impl Bytes {
    /// It.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// Counts it, with so many more bytes for what was read of it, in this budget.
    ///
    /// # Errors
    /// There is too much at the moment (503).
    pub(super) fn count_in(&mut self, budget: &Budget, more: usize) -> Result<(), Problem> {
        self.share = budget.share();
        self.share.grow(self.bytes.len() + more)
    }

    /// It, to be kept.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

/// Reads a body of at most so many bytes, which count in the budget while they come and for as long as they live.
///
/// # Errors
/// It is too long (413), takes too long (408), breaks off (400), or too many are read at the moment (503).
pub async fn read(budget: &Budget, headers: &HeaderMap, mut body: Body, most: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Code::TooLarge, format!("a body may have {most} bytes"));
    let claimed = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok()).unwrap_or_default();
    if claimed > most {
        refuse(headers, body).await;
        return Err(too_large());
    }
    // What is claimed and doesn't come takes no room from others.
    let mut share = budget.share();
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
            drop(std::mem::take(&mut bytes));
            swallow(body).await;
            return Err(too_large());
        }
        share.grow(data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok(Bytes { bytes, share })
}

/// Does without a body that nobody has begun to read.
pub(super) async fn refuse(headers: &HeaderMap, body: Body) {
    if !headers.contains_key(EXPECT) {
        swallow(body).await;
    }
}

/// Lets a body come in and forgets it, for a while: who is cut off while it sends doesn't read the answer.
async fn swallow(mut body: Body) {
    let mut left = SWALLOWED;
    let all = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = match left.checked_sub(frame.data_ref().map_or(0, |data| data.len())) {
                Some(left) => left,
                None => break,
            };
        }
    };
    // Whether it was all, or all that we take, the answer is the same.
    _ = timeout(SWALLOW, all).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_so_much_room_together() {
        let budget = Budget::proven();
        let (mut one, mut other) = (budget.share(), budget.share());
        assert!(one.grow(IN_FLIGHT - 10).is_ok() && other.grow(10).is_ok());
        let refusal = other.grow(1).unwrap_err();
        assert_eq!((refusal.code, refusal.status.as_u16(), refusal.retry_after), (Code::QueueFull, 503, Some(5)));
        drop(one);
        assert!(other.grow(1).is_ok());
        drop(other);
        assert_eq!(budget.used.load(Ordering::Acquire), 0);
    }

    #[test]
    fn a_body_goes_from_one_budget_to_the_other_and_alone_it_has_room() {
        let (unproven, proven) = (Budget::new(10), Budget::new(20));
        let mut share = unproven.share();
        share.grow(10).unwrap();
        let mut body = Bytes { bytes: vec![0; 10], share };
        body.count_in(&proven, 15).unwrap();
        assert_eq!((unproven.used.load(Ordering::Acquire), proven.used.load(Ordering::Acquire)), (0, 25));
        let mut second = Bytes { bytes: vec![0], share: unproven.share() };
        assert_eq!(second.count_in(&proven, 0).unwrap_err().code, Code::QueueFull);
        drop(body);
        second.count_in(&proven, 0).unwrap();
    }
}
