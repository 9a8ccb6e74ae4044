//! The queue of what is to be done. Each write of a worker names its lease, so that one that was taken for dead and comes back
//! changes nothing.

use super::{Notice, StoreError};
use crate::domain::{Class, Job, JobKind, JobState, Lane, ObjectRef, Report, Run};
use jiff::Timestamp;
use serde_json::Value;
use std::future::Future;

/// A job to be queued.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// What there is to do.
    pub kind: JobKind,
    /// How urgent.
    pub class: Class,
    /// The incident it is about.
    pub incident_id: Option<String>,
    /// While one with the same key waits, this one isn't queued.
    pub dedup_key: Option<String>,
    /// What is to be done in particular.
    pub payload: Value,
    /// Who asked.
    pub requested_by: Option<String>,
    /// Not before this time; `None` is at once.
    pub not_before: Option<Timestamp>,
}

/// A job that a worker has, for 60 s from the claim or the last renewal.
#[derive(Clone, Debug, PartialEq)]
pub struct Leased {
    /// The job, as it was claimed.
    pub job: Job,
    /// What the worker's writes have to name.
    pub token: String,
}

/// What came of a job.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// An analysis.
    Report(Box<Report>),
    /// Anything else.
    Result(Value),
    /// What there is to say of it, and messages that go out.
    Messages(Value, Vec<Notice>),
}

/// Which jobs; `None` is all.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Of this incident.
    pub incident: Option<String>,
    /// At most so many, the newest; 50 without it.
    pub limit: Option<u32>,
}

/// The queue. `false` and `None` of what names a lease mean that it is somebody else's: nothing changed.
pub trait JobQueue: Sync {
    /// Queues a job; the one that waits with the same key, where one does.
    fn enqueue(&self, job: NewJob) -> impl Future<Output = Result<Job, StoreError>> + Send;

    /// Queues an analysis because a person asks for it; the one that waits or the one that runs, where one does. `None` where
    /// there is no such incident.
    fn ask_for_run(&self, incident: &str, by: &str) -> impl Future<Output = Result<Option<Job>, StoreError>> + Send;

    /// Takes the most urgent job of a lane that may begin. One job of an incident at a time.
    fn claim(&self, lane: Lane) -> impl Future<Output = Result<Option<Leased>, StoreError>> + Send;

    /// Keeps a job for another 60 s.
    fn renew(&self, leased: &Leased) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Ends a job: what came of it, the message about it and the release of the lease are one transaction. The run, of an
    /// analysis.
    fn finish(&self, leased: &Leased, outcome: Outcome) -> impl Future<Output = Result<Option<Finished>, StoreError>> + Send;

    /// Gives a job back unharmed, because the process ends: the attempt isn't counted.
    fn give_back(&self, leased: &Leased) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// An attempt failed: the job waits a while, or is given up after the fourth. What it became.
    fn fail(&self, leased: &Leased, why: &str) -> impl Future<Output = Result<Option<JobState>, StoreError>> + Send;

    /// Takes the jobs of dead workers back. How many.
    fn expire_leases(&self) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// Takes all jobs back, and messages that were being sent: at the start of a process that knows it is the only one.
    fn release_all(&self) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// Queues analyses anew that were given up, whose time has come and whose incident is open. How many.
    fn retry_failed(&self) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// The analysis learnt the real subject of its incident. Where another open incident has it, the younger one of both is
    /// merged into the older; else the incident has a new subject. The incident that goes on.
    fn found_subject(
        &self,
        leased: &Leased,
        subject: &ObjectRef,
    ) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;

    /// One job.
    fn job(&self, id: &str) -> impl Future<Output = Result<Option<Job>, StoreError>> + Send;

    /// Jobs, newest first.
    fn jobs(&self, filter: JobFilter) -> impl Future<Output = Result<Vec<Job>, StoreError>> + Send;
}

/// A job that is done.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// The analysis that was stored.
    pub run: Option<Run>,
    /// The job that follows, because something happened meanwhile.
    pub follow_up: Option<String>,
    /// All alerts ended while it ran.
    pub resolved_during_run: bool,
}
