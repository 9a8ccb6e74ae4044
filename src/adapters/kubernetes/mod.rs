//! A live cluster. The reader does one LIST a kind and place, all at once, then the logs of the containers that need them.
//! It only ever GETs, so that read-only rights are enough; what it may not or can't see becomes a source's state and the
//! rest goes on. The writer, in a folder of its own, is the only one that changes anything. Secrets' values, tokens and
//! bodies of answers appear in no error and no log.

mod checkup;
mod connect;
mod containers;
mod fault;
mod identity;
mod kinds;
mod list;
mod logs;
mod plan;
mod request;
mod sources;
mod writer;

pub use checkup::{Server, read_rights};
pub use connect::ConnectOptions;
pub use writer::{KubernetesWriter, WriterOptions};

use crate::cluster::{Object, Recording};
use crate::domain::{KUBERNETES, LOGS, ObjectRef, SourceState};
use crate::ports::{ClusterReader, ReadError, ReadRequest};
use connect::Connection;
use fault::Fault;
use futures::{StreamExt, future, stream};
use kinds::{NAMESPACES, NODES, PODS};
use list::{List, Listing, Outcome, Paging};
use plan::Plan;
use request::Deadline;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// LISTs at once: all those of one namespace, so that each costs one round trip; more namespaces take turns. Each is a
/// connection of its own, since kube speaks HTTP/1.1.
const LISTS_AT_ONCE: usize = 48;

/// Reads one cluster.
pub struct KubernetesReader {
    connection: Connection,
    request_timeout: Duration,
    read_timeout: Duration,
    page_size: u32,
    progress: Progress,
}

impl fmt::Debug for KubernetesReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubernetesReader").field("server", &self.connection.server).finish_non_exhaustive()
    }
}

/// Who hears what is being read.
#[derive(Clone, Default)]
struct Progress(Option<Arc<Hear>>);

type Hear = dyn Fn(&str) + Send + Sync;

impl Progress {
    fn say(&self, text: impl FnOnce() -> String) {
        if let Some(hear) = &self.0 {
            hear(&text());
        }
    }
}

impl KubernetesReader {
    /// Finds the cluster and gets the credentials for it, which may run the kubeconfig's credential command. Nothing is
    /// sent to the cluster yet. Must be called within a tokio runtime, after a TLS provider has been installed.
    ///
    /// # Errors
    /// [`ReadError::Config`] for a kubeconfig, context or credentials that can't be used.
    pub async fn connect(options: ConnectOptions) -> Result<Self, ReadError> {
        let connection = connect::connect(&options).await?;
        let ConnectOptions { request_timeout, read_timeout, page_size, .. } = options;
        Ok(Self { connection, request_timeout, read_timeout, page_size, progress: Progress::default() })
    }

    /// Tells `hear` what has just been read, in a few words (`objects 12/37: services`), from whatever thread.
    #[must_use]
    pub fn with_progress(self, hear: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { progress: Progress(Some(Arc::new(hear))), ..self }
    }

    /// The server's address, without credentials.
    pub fn server(&self) -> &str {
        &self.connection.server
    }

    /// The namespace of the context, or of the pod we run in; `default` where neither names one.
    pub fn default_namespace(&self) -> &str {
        &self.connection.namespace
    }

    /// What the cluster is called in the books; `None` where it can't be asked.
    pub async fn known_as(&self) -> Option<String> {
        self.cluster_id().await.ok()
    }

    /// Which cluster this is: the UID of its namespace `kube-system`, else `server:` and a hash of the server's address.
    ///
    /// # Errors
    /// What is wrong with the cluster, where it doesn't answer.
    async fn cluster_id(&self) -> Result<String, Fault> {
        let deadline = Deadline::after(self.request_timeout);
        match list::one(&self.connection.client, &NAMESPACES, identity::NAMESPACE, deadline).await {
            Ok(namespace) => Ok(namespace.as_ref().and_then(identity::of).unwrap_or_else(|| identity::by_address(self.server()))),
            Err(fault) if fault.code() == Some(403) => Ok(identity::by_address(self.server())),
            Err(fault) => Err(fault),
        }
    }

    /// Does LISTs, all at once, and gives what they brought in their order.
    async fn lists(&self, lists: Vec<List>, deadline: Deadline) -> Vec<Listing> {
        let (total, done) = (lists.len(), AtomicUsize::new(0));
        let reads = lists.into_iter().map(|list| async {
            let paging = Paging { size: self.page_size, deadline: deadline.within(self.request_timeout) };
            let listing = list.read(&self.connection.client, paging).await;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            self.progress.say(|| format!("objects {done}/{total}: {}", listing.list.kind.plural));
            listing
        });
        stream::iter(reads).buffered(LISTS_AT_ONCE).collect().await
    }

    /// GETs the request's namespaces one by one where they may not be listed, which a right in one namespace allows.
    async fn namespaces(&self, plan: &Plan<'_>, listings: &mut [Listing], deadline: Deadline) {
        let refused = |listing: &&mut Listing| listing.list.kind.plural == NAMESPACES.plural && listing.failed_with(403);
        let Some(listing) = listings.iter_mut().find(refused) else { return };
        let deadline = deadline.within(self.request_timeout);
        let gets = plan.namespaces.iter().map(|name| list::one(&self.connection.client, &NAMESPACES, name, deadline));
        let got: Vec<_> = future::join_all(gets).await.into_iter().filter_map(|got| got.ok().flatten()).collect();
        if let (false, Outcome::Failed(fault)) = (got.is_empty(), &listing.outcome) {
            listing.outcome = Outcome::Partial(format!("only those of the request: {}", fault.why()));
            listing.objects = got;
        }
    }
}

impl ClusterReader for KubernetesReader {
    async fn read(&self, request: &ReadRequest) -> Result<Recording, ReadError> {
        let deadline = Deadline::after(self.read_timeout);
        let plan = Plan::of(request);
        let mut listings = self.lists(plan.lists(), deadline).await;
        if let Some(error) = sources::nothing(&listings, self.server()) {
            return Err(error);
        }
        let mut objects = Objects::default();
        objects.take(&mut listings);
        let pods: Vec<_> = objects.list.iter().filter(|object| object.id.kind == "Pod").collect();
        let mut captured_at = listings.iter().filter_map(|listing| listing.date).max();
        let wanted = containers::wanted(&pods, &objects.list, &request.targets, captured_at);
        let seen = |plural| listings.iter().any(|listing| listing.list.kind.plural == plural && listing.is_read());
        let elsewhere = plan.pods_elsewhere(&pods).filter(|_| seen(NODES.plural));
        let pods_seen = seen(PODS.plural);

        // Second round: what the first one showed to be needed.
        let client = &self.connection.client;
        let (more, (), logs) = future::join3(
            self.lists(elsewhere.into_iter().collect(), deadline),
            self.namespaces(&plan, &mut listings, deadline),
            logs::read(client, wanted, deadline, self.request_timeout, &self.progress),
        )
        .await;
        listings.extend(more);
        objects.take(&mut listings);
        captured_at = captured_at.max(listings.iter().filter_map(|listing| listing.date).max());

        let mut sources = sources::states(&listings);
        let logs_state = if pods_seen { logs.state } else { SourceState::Unavailable(format!("no pods: see {KUBERNETES}/pods")) };
        sources.insert(LOGS.to_owned(), logs_state);
        Ok(Recording {
            captured_at,
            sources,
            objects: objects.list.into_iter().map(|object| object.raw).collect(),
            logs: logs.texts,
            ..Recording::default()
        })
    }
}

/// The objects that were read, each once: a pod can come by its namespace and by its node.
#[derive(Default)]
struct Objects {
    list: Vec<Object>,
    known: BTreeSet<ObjectRef>,
}

impl Objects {
    fn take(&mut self, listings: &mut [Listing]) {
        let taken = listings.iter_mut().flat_map(|listing| std::mem::take(&mut listing.objects));
        self.list.extend(taken.filter_map(Object::new).filter(|object| self.known.insert(object.id.clone())));
    }
}
