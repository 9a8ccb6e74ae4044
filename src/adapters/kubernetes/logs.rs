//! The logs of the containers that need to be read. A node whose kubelet doesn't answer, and a namespace that refuses,
//! are not asked again, so that a dead node costs one wait.

use super::Progress;
use super::containers::Wanted;
use super::fault::Fault;
use super::request::{self, Deadline, OnServerError, encode};
use crate::cluster::LogKey;
use crate::domain::SourceState;
use futures::{StreamExt, stream};
use kube::Client;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The most containers whose logs are read.
const MAX_CONTAINERS: usize = 40;
/// Containers at once: a log is a connection from the API server to a kubelet.
const AT_ONCE: usize = 8;
/// The last lines that are asked for.
const LINES: u32 = 200;
/// The last bytes of these that are kept.
const KEPT_BYTES: usize = 64 << 10;
/// The kubelet stops after this many bytes (`limitBytes`), counted from the first of the last lines on, so that a
/// limit which is reached costs the newest lines. Hence it is far above what is kept, and once reached, …
const LIMIT_BYTES: usize = 1 << 20;
/// … fewer lines are asked for.
const LINES_WHEN_LONG: u32 = 20;

/// What was read, and how it went.
#[derive(Debug)]
pub(super) struct Logs {
    pub texts: BTreeMap<LogKey, String>,
    pub state: SourceState,
}

/// Reads the logs of the most needed containers.
pub(super) async fn read(client: &Client, wanted: Vec<Wanted>, deadline: Deadline, each: Duration, progress: &Progress) -> Logs {
    let reader = Reader { client, deadline, each, closed: Mutex::default() };
    let (all, asked) = (wanted.len(), wanted.len().min(MAX_CONTAINERS));
    let (reader, done) = (&reader, &AtomicUsize::new(0));
    let containers = wanted.into_iter().take(MAX_CONTAINERS).map(|wanted| async move {
        let read = reader.container(&wanted).await;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        progress.say(|| format!("logs {done}/{asked}: {}/{}", wanted.log.pod, wanted.log.container));
        read
    });
    let mut texts = BTreeMap::new();
    let mut faults = Vec::new();
    let containers: Vec<_> = stream::iter(containers).buffered(AT_ONCE).collect().await;
    for (read, fault) in containers {
        texts.extend(read);
        faults.extend(fault);
    }
    Logs { texts, state: state(all, asked, &faults) }
}

fn state(wanted: usize, asked: usize, faults: &[Fault]) -> SourceState {
    let Some(first) = faults.first() else {
        return match wanted > asked {
            true => SourceState::Partial(format!("only {asked} of the {wanted} containers that need it were read")),
            false => SourceState::Ok,
        };
    };
    match faults.len() == asked {
        true => first.state(),
        false => SourceState::Partial(format!(
            "{} of {wanted} containers could not be read: {}",
            faults.len() + wanted - asked,
            first.why()
        )),
    }
}

struct Reader<'a> {
    client: &'a Client,
    deadline: Deadline,
    each: Duration,
    closed: Mutex<BTreeMap<Door, Fault>>,
}

/// What stands between us and a log, for more than one container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Door {
    Namespace(String),
    Node(String),
}

impl Reader<'_> {
    /// The current and the previous log of a container, as far as there are any.
    async fn container(&self, wanted: &Wanted) -> (Vec<(LogKey, String)>, Option<Fault>) {
        let mut read = Vec::new();
        for previous in [false, true].into_iter().filter(|previous| wanted.previous || !previous) {
            let key = LogKey { previous, ..wanted.log.clone() };
            match self.log(&key, &wanted.node).await {
                Ok(Some(text)) => read.push((key, text)),
                Ok(None) => {}
                Err(fault) => return (read, Some(fault)),
            }
        }
        (read, None)
    }

    async fn log(&self, key: &LogKey, node: &str) -> Result<Option<String>, Fault> {
        let doors = [Door::Namespace(key.namespace.clone()), Door::Node(node.to_owned())];
        let closed = |doors: &[Door]| {
            let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
            doors.iter().find_map(|door| closed.get(door).cloned())
        };
        if let Some(fault) = closed(&doors) {
            return Err(fault);
        }
        let fault = match self.tail(key).await {
            Ok(body) => return Ok(Some(last_lines(&body))),
            // The container hasn't started, or its previous instance is gone (400); the pod is gone (404).
            Err(fault) if matches!(fault.code(), Some(400 | 404)) => return Ok(None),
            Err(fault) => fault,
        };
        let [namespace, node] = doors;
        let door = match &fault {
            Fault::Refused { code: 401 | 403, .. } => Some(namespace),
            // The API server could not connect to the kubelet: it says so with 500 and Go's words, or is cut short by
            // a proxy. Another 500 is about one container, such as a log file that is gone.
            Fault::Unreachable(_) | Fault::Refused { code: 502..=504, .. } => Some(node),
            Fault::Refused { code: 500, why, .. } if why.contains("dial tcp") => Some(node),
            _ => None,
        };
        if let Some(door) = door {
            self.closed.lock().unwrap_or_else(PoisonError::into_inner).insert(door, fault.clone());
        }
        Err(fault)
    }

    async fn tail(&self, key: &LogKey) -> Result<Vec<u8>, Fault> {
        let body = self.lines(key, LINES).await?;
        if body.len() < LIMIT_BYTES { Ok(body) } else { self.lines(key, LINES_WHEN_LONG).await }
    }

    async fn lines(&self, key: &LogKey, lines: u32) -> Result<Vec<u8>, Fault> {
        let (namespace, pod, container) = (encode(&key.namespace), encode(&key.pod), encode(&key.container));
        let previous = if key.previous { "&previous=true" } else { "" };
        let path = format!(
            "/api/v1/namespaces/{namespace}/pods/{pod}/log?container={container}&tailLines={lines}&limitBytes={LIMIT_BYTES}{previous}"
        );
        let deadline = self.deadline.within(self.each);
        // Twice the limit: `limitBytes` may be exceeded slightly, says the API's reference.
        let answer = request::get(self.client, &path, deadline, 2 * LIMIT_BYTES, OnServerError::GiveUp).await?;
        Ok(answer.body)
    }
}

/// The last whole lines that fit into what is kept, as text; the end of the last one where not even that fits.
fn last_lines(body: &[u8]) -> String {
    let kept = match body.len().checked_sub(KEPT_BYTES) {
        None | Some(0) => body,
        Some(start) => {
            // The byte before tells whether a line begins right here; the one at the end ends the last line.
            let inner = body.get(start - 1..body.len() - 1).unwrap_or_default();
            let newline = inner.iter().position(|byte| *byte == b'\n').unwrap_or_default();
            body.get(start + newline..).unwrap_or_default()
        }
    };
    String::from_utf8_lossy(kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_kept_is_whole_lines_and_the_newest() {
        let line = format!("{}\n", "x".repeat(99));
        let long = line.repeat(1000) + "the end\n";
        let kept = last_lines(long.as_bytes());
        assert!(kept.len() <= KEPT_BYTES && kept.len() > KEPT_BYTES - 100, "{}", kept.len());
        assert!(kept.starts_with("xxx") && kept.ends_with("the end\n"));
        assert_eq!(kept.lines().next().unwrap().len(), 99);
        assert_eq!(last_lines("x".repeat(KEPT_BYTES * 2).as_bytes()).len(), KEPT_BYTES);
        assert_eq!(last_lines(b"a\xff\n"), "a\u{fffd}\n");
    }

    #[test]
    fn the_state_counts_what_was_not_read() {
        let fault = || Fault::Refused { code: 403, why: "no".to_owned(), retry_after: None };
        assert_eq!(state(0, 0, &[]).to_string(), "ok");
        assert_eq!(state(2, 2, &[fault(), fault()]).to_string(), "forbidden: no");
        assert_eq!(state(3, 3, &[fault()]).to_string(), "partial: 1 of 3 containers could not be read: no");
        assert_eq!(state(50, 40, &[]).to_string(), "partial: only 40 of the 50 containers that need it were read");
        assert_eq!(state(50, 40, &[fault()]).to_string(), "partial: 11 of 50 containers could not be read: no");
    }

    proptest! {
        #[test]
        fn the_end_of_a_log_is_never_lost(lines in proptest::collection::vec(0usize..9000, 1..30), ends: bool) {
            let lines: Vec<_> = lines.into_iter().map(|length| "x".repeat(length)).collect();
            let all = lines.join("\n") + if ends { "\n" } else { "" };
            let kept = last_lines(all.as_bytes());
            prop_assert!(all.ends_with(&kept));
            prop_assert!(kept.len() <= KEPT_BYTES);
            prop_assert!(kept.len() == all.len() || kept.len() + 9001 > KEPT_BYTES, "{} of {}", kept.len(), all.len());
        }
    }
}
