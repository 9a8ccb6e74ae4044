//! One LIST: a kind in one namespace or everywhere, with all its pages, under the newest version that the server has.
//! The objects stay as the server gave them, less their noise and the values of Secrets, which never leave this file.

use super::fault::Fault;
use super::kinds::Kind;
use super::request::{self, Deadline, OnServerError, encode};
use jiff::Timestamp;
use kube::Client;
use serde_json::{Map, Value, json};

/// The largest page that is taken. A page of 500 objects is a few MB as a rule; an object is at most 1.5 MiB (etcd).
const MAX_PAGE_BYTES: usize = 256 << 20;
/// The most pages that are taken: 100,000 objects of 500 a page. A server that never ends costs no more than this.
const MAX_PAGES: usize = 200;
/// The whole object once more, as its author last applied it: it may hold a Secret's values.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Where objects are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In one namespace.
    Namespace(String),
    /// Everywhere: in all namespaces, or outside of any.
    Cluster,
}

/// One LIST to do.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub kind: &'static Kind,
    pub place: Place,
    /// The field selector, or empty.
    pub selector: String,
    /// What this LIST adds to others of its kind, for the source's state when only this one fails.
    pub adds: String,
}

impl List {
    /// All objects of a kind in one place.
    pub fn new(kind: &'static Kind, place: Place) -> Self {
        let adds = match &place {
            Place::Namespace(namespace) => format!("namespace {namespace}"),
            Place::Cluster => "all namespaces".to_owned(),
        };
        Self { kind, place, selector: kind.selector.to_owned(), adds }
    }

    /// Those that a field selector takes; `adds` names them.
    pub fn selecting(self, selector: impl Into<String>, adds: impl Into<String>) -> Self {
        Self { selector: selector.into(), adds: adds.into(), ..self }
    }
}

/// How a LIST ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All objects were read.
    Read,
    /// Some were read; the text says why not all.
    Partial(String),
    /// The server has no such kind.
    NotServed,
    /// None was read.
    Failed(Fault),
}

/// What a LIST brought.
#[derive(Debug)]
pub(super) struct Listing {
    pub list: List,
    pub objects: Vec<Value>,
    pub outcome: Outcome,
    /// The server's clock at the last answer.
    pub date: Option<Timestamp>,
}

/// How LISTs are done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paging {
    /// Objects a page.
    pub size: u32,
    /// The deadline of the LIST with all its pages.
    pub deadline: Deadline,
}

impl List {
    /// Does it.
    pub async fn read(self, client: &Client, paging: Paging) -> Listing {
        let mut listing = Listing { list: self, objects: Vec::new(), outcome: Outcome::NotServed, date: None };
        let kind = listing.list.kind;
        listing.read_newest(client, paging, kind).await;
        let unseen = listing.outcome == Outcome::NotServed || listing.failed_with(403);
        if let Some(instead) = kind.instead.filter(|_| unseen) {
            let first = listing.outcome.clone();
            listing.read_newest(client, paging, instead).await;
            if !matches!(listing.outcome, Outcome::Read | Outcome::Partial(_)) {
                listing.outcome = first;
            }
        }
        if kind.addon && listing.failed_with(403) && !served(client, kind, paging.deadline).await {
            listing.outcome = Outcome::NotServed;
        }
        listing
    }
}

impl Listing {
    /// Whether objects were seen, so that what is not among them may be absent.
    pub fn is_read(&self) -> bool {
        matches!(self.outcome, Outcome::Read | Outcome::Partial(_))
    }

    /// Whether nothing was read, for this HTTP status.
    pub fn failed_with(&self, code: u16) -> bool {
        matches!(&self.outcome, Outcome::Failed(fault) if fault.code() == Some(code))
    }

    async fn read_newest(&mut self, client: &Client, paging: Paging, kind: &Kind) {
        for version in kind.versions {
            self.read_version(client, paging, kind, version).await;
            if self.outcome != Outcome::NotServed {
                return;
            }
        }
    }

    async fn read_version(&mut self, client: &Client, paging: Paging, kind: &Kind, version: &str) {
        let mut next = None;
        let mut restarted = false;
        for _ in 0..MAX_PAGES {
            let path = self.list.path(kind, version, paging.size, next.as_deref());
            let fault = match request::get(client, &path, paging.deadline, MAX_PAGE_BYTES, OnServerError::AskAgain).await {
                Ok(answer) => match page(&answer.body, kind.kind, version) {
                    Ok(page) => {
                        self.date = self.date.max(answer.date);
                        self.objects.extend(page.objects);
                        match page.next {
                            Some(token) => next = Some(token),
                            None => return self.outcome = Outcome::Read,
                        }
                        continue;
                    }
                    Err(fault) => fault,
                },
                Err(fault) => fault,
            };
            match fault.code() {
                Some(404) if next.is_none() => return self.outcome = Outcome::NotServed,
                // The snapshot that the pages come from has expired (etcd compacts after 5 minutes): begin anew, once.
                Some(410) if next.is_some() && !restarted => {
                    restarted = true;
                    next = None;
                    self.objects.clear();
                }
                _ if self.objects.is_empty() => return self.outcome = Outcome::Failed(fault),
                _ => return self.outcome = Outcome::Partial(format!("only the first {}: {}", self.objects.len(), fault.why())),
            }
        }
        self.outcome = Outcome::Partial(format!("only the first {}: there are too many", self.objects.len()));
    }
}

impl List {
    fn path(&self, kind: &Kind, version: &str, size: u32, next: Option<&str>) -> String {
        let mut path = format!("{}/", api(version));
        if let Place::Namespace(namespace) = &self.place {
            path += &format!("namespaces/{}/", encode(namespace));
        }
        path += &format!("{}?limit={size}", kind.plural);
        if !self.selector.is_empty() {
            path += &format!("&fieldSelector={}", encode(&self.selector));
        }
        if let Some(token) = next {
            path += &format!("&continue={}", encode(token));
        }
        path
    }
}

/// The path of an API version: the core group's is older than groups.
pub(super) fn api(version: &str) -> String {
    if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") }
}

/// Whether the server has an add-on's API. Asked only after a refusal, which comes before the server looks whether the
/// kind exists; everybody may read which APIs there are (the ClusterRole `system:discovery`).
async fn served(client: &Client, kind: &Kind, deadline: Deadline) -> bool {
    let Some((group, _)) = kind.versions.first().and_then(|version| version.split_once('/')) else { return true };
    let path = format!("/apis/{group}");
    let answer = request::get(client, &path, deadline, MAX_PAGE_BYTES, OnServerError::GiveUp).await;
    !matches!(answer, Err(fault) if fault.code() == Some(404))
}

/// GETs one object; `None` where there is none.
pub(super) async fn one(client: &Client, kind: &Kind, name: &str, deadline: Deadline) -> Result<Option<Value>, Fault> {
    let version = kind.versions.first().copied().unwrap_or_default();
    let path = format!("{}/{}/{}", api(version), kind.plural, encode(name));
    match request::get(client, &path, deadline, MAX_PAGE_BYTES, OnServerError::AskAgain).await {
        Ok(answer) => Ok(object(parse(&answer.body)?, kind.kind, version)),
        Err(fault) if fault.code() == Some(404) => Ok(None),
        Err(fault) => Err(fault),
    }
}

struct Page {
    objects: Vec<Value>,
    next: Option<String>,
}

fn page(body: &[u8], kind: &str, version: &str) -> Result<Page, Fault> {
    let mut list = parse(body)?;
    let items = match list.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items,
        // An empty list of Go is `null` in JSON; the API server writes `[]`, an aggregated one may not.
        Some(Value::Null) => Vec::new(),
        _ => return Err(Fault::Unreadable("the answer is not a Kubernetes list; check the server's address".to_owned())),
    };
    let next = list.pointer("/metadata/continue").and_then(Value::as_str).filter(|token| !token.is_empty());
    let next = next.map(str::to_owned);
    Ok(Page { objects: items.into_iter().filter_map(|item| object(item, kind, version)).collect(), next })
}

fn parse(body: &[u8]) -> Result<Value, Fault> {
    // The parser's error names a place in the body and quotes nothing of it.
    serde_json::from_slice(body).map_err(|error| Fault::Unreadable(format!("the answer is not JSON: {error}")))
}

/// An object as it is kept: with its kind, without the noise, without a Secret's values.
fn object(item: Value, kind: &str, version: &str) -> Option<Value> {
    let Value::Object(mut item) = item else { return None };
    item.entry("kind").or_insert_with(|| json!(kind));
    item.entry("apiVersion").or_insert_with(|| json!(version));
    if let Some(metadata) = item.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(LAST_APPLIED);
        }
    }
    if kind == "Secret" || item.get("kind").and_then(Value::as_str) == Some("Secret") {
        for field in ["data", "stringData"] {
            if let Some(data) = item.get_mut(field) {
                *data = keys(data);
            }
        }
    }
    Some(Value::Object(item))
}

/// The keys of a map, each with an empty value; of anything else nothing.
fn keys(data: &Value) -> Value {
    let keys = data.as_object().into_iter().flat_map(Map::keys);
    Value::Object(keys.map(|key| (key.clone(), json!(""))).collect())
}

#[cfg(test)]
mod tests {
    use super::super::kinds::{EVENTS, NODES, PODS};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_those_of_the_api() {
        let list = List::new(&PODS, Place::Namespace("shop".to_owned()));
        assert_eq!(list.path(&PODS, "v1", 500, None), "/api/v1/namespaces/shop/pods?limit=500");
        assert_eq!(list.path(&PODS, "apps/v1", 2, Some("a=b")), "/apis/apps/v1/namespaces/shop/pods?limit=2&continue=a%3Db");
        let list = List::new(&NODES, Place::Cluster);
        assert_eq!(list.path(&NODES, "v1", 500, None), "/api/v1/nodes?limit=500");
        let list = List::new(&EVENTS, Place::Cluster).selecting("involvedObject.kind=Node", "node events");
        assert_eq!(list.path(&EVENTS, "v1", 1, None), "/api/v1/events?limit=1&fieldSelector=involvedObject.kind%3DNode");
    }

    #[test]
    fn items_get_their_kind_and_lose_their_noise() {
        let item = json!({"metadata": {"name": "a", "managedFields": [{}], "annotations": {LAST_APPLIED: "{}", "b": "c"}}, "spec": {"x": 1.5}});
        assert_eq!(
            object(item, "Pod", "v1"),
            Some(
                json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a", "annotations": {"b": "c"}}, "spec": {"x": 1.5}})
            )
        );
        assert_eq!(object(json!("garbage"), "Pod", "v1"), None);
    }

    #[test]
    fn of_a_secret_only_the_keys_are_kept() {
        let secret =
            json!({"metadata": {"name": "s"}, "type": "Opaque", "data": {"a": "Zm9v", "b": {"c": "Zm9v"}}, "stringData": "Zm9v"});
        for kind in ["Secret", "Pod"] {
            let mut secret = secret.clone();
            secret["kind"] = json!("Secret");
            let kept = object(secret, kind, "v1").unwrap();
            assert_eq!(kept["data"], json!({"a": "", "b": ""}));
            assert_eq!(kept["stringData"], json!({}));
            assert!(!kept.to_string().contains("Zm9v"));
        }
    }

    #[test]
    fn an_answer_that_is_no_list_is_not_an_empty_one() {
        assert!(page(br#"{"kind": "Status"}"#, "Pod", "v1").is_err());
        assert!(page(b"[]", "Pod", "v1").is_err());
        assert!(page(b"ok", "Pod", "v1").is_err());
        let empty = page(br#"{"metadata": {}, "items": null}"#, "Pod", "v1").unwrap();
        assert!(empty.objects.is_empty() && empty.next.is_none());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = page(&body, "Secret", "v1");
        }
    }
}
