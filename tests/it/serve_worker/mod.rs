//! Workers over a real store and a world that does as it is told: what is begun ends once, whatever happens to whoever began it.

mod absent;
mod changes;
mod digests;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sre_copilot::domain::{
    Actor, Attempt, Delivery, IncidentView, Job, JobState, Lane, ObjectRef, Part, Reading, Report, Severity, Verdict,
};
use sre_copilot::ports::{Clock, IncidentStore, Intake, JobFilter, JobQueue, Outbox};
use sre_copilot::store::Store;
use sre_copilot::worker::{Analysed, Backups, Digests, Settings, Workers, World};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// This machine's time, so many seconds later.
#[derive(Clone, Default)]
struct Later(Arc<AtomicI64>);

impl Clock for Later {
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.0.load(Ordering::SeqCst))
    }

    async fn wait(&self, time: SignedDuration) {
        self.0.fetch_add(time.as_secs(), Ordering::SeqCst);
    }
}

/// What an analysis does.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    Finds,
    Fails,
    Panics,
    /// Waits until it may go on, then finds.
    Waits,
}

struct Told {
    does: Does,
    /// Analyses that have begun, and that have come to their end.
    begun: AtomicUsize,
    ended: AtomicUsize,
    heard: Notify,
    may_go_on: Semaphore,
    /// Changes that wait for the cluster, by their objects' names.
    slow: BTreeSet<String>,
    /// What is active, one answer after the other.
    lists: Mutex<VecDeque<Result<BTreeSet<String>, String>>>,
    /// So many looks end in a panic.
    faults: AtomicUsize,
}

impl World for Told {
    type Examined = ();

    async fn examine(&self, view: &IncidentView, _: Instant) -> Result<Analysed<()>, String> {
        assert_eq!(view.incident.subject.name, "checkout");
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.heard.notify_waiters();
        match self.does {
            Does::Finds => {}
            Does::Fails => return Err("the disk is gone".to_owned()),
            Does::Panics => panic!("on purpose"),
            Does::Waits => self.may_go_on.acquire().await.unwrap().forget(),
        }
        Ok(Analysed { examined: (), subject: Some(ObjectRef::new("StatefulSet", "shop", "checkout")) })
    }

    async fn conclude(&self, (): (), view: &IncidentView, _: &str, _: Instant) -> Result<Report, String> {
        // What was learnt of the subject counts from here on.
        assert_eq!(view.incident.subject.kind, "StatefulSet");
        self.ended.fetch_add(1, Ordering::SeqCst);
        Ok(Report::new(view.incident.subject.clone(), Verdict::Likely, Timestamp::now()))
    }

    async fn replay(&self, _: &IncidentView) -> Result<Value, String> {
        Ok(json!({"same": true}))
    }

    async fn answer(&self, _: &Job, _: Instant) -> Result<Value, String> {
        Err("not here".to_owned())
    }

    async fn apply(&self, attempt: &Attempt) -> Result<Attempt, String> {
        if self.slow.iter().any(|name| attempt.target.ends_with(name)) {
            self.may_go_on.acquire().await.unwrap().forget();
        }
        Err("not here".to_owned())
    }

    async fn undo(&self, _: &Attempt, _: &Actor) -> Result<Attempt, String> {
        Err("not here".to_owned())
    }

    async fn look_after(&self) -> Result<Vec<Attempt>, String> {
        let is_fault = |left: usize| left.checked_sub(1);
        let faults = self.faults.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_fault);
        assert!(faults.is_err(), "on purpose");
        // The cluster doesn't answer.
        std::future::pending().await
    }

    async fn figures(&self, _: Timestamp, whole: bool) -> Part<BTreeMap<String, f64>> {
        // A day before there was one node more.
        let nodes = if whole { 3.0 } else { 2.0 };
        Part::Measured([("nodes_ready", nodes), ("nodes_total", 3.0)].map(|(name, value)| (name.to_owned(), value)).into())
    }

    async fn active_alerts(&self) -> Result<BTreeSet<String>, String> {
        self.lists.lock().unwrap().pop_front().unwrap_or_else(|| Err("no list".to_owned()))
    }

    async fn tidy(&self) -> Result<Value, String> {
        Ok(json!({}))
    }

    async fn back_up(&self, _: &Backups) -> Result<Value, String> {
        Ok(json!({}))
    }
}

struct House {
    folder: TempDir,
    store: Arc<Store>,
    clock: Later,
    world: Arc<Told>,
    stops: watch::Sender<bool>,
    queued: watch::Sender<()>,
    digests: Option<Digests>,
    compare: Option<Duration>,
}

impl House {
    fn new(does: Does) -> Self {
        Self::with_clock(does, Later::default())
    }

    fn with_clock(does: Does, clock: Later) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let told = clock.clone();
        let store = Arc::new(Store::open(&folder.path().join("s.db"), move || told.now()).unwrap());
        let world = Told {
            does,
            begun: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            heard: Notify::new(),
            may_go_on: Semaphore::new(0),
            slow: BTreeSet::from(["/slow".to_owned()]),
            lists: Mutex::default(),
            faults: AtomicUsize::new(0),
        };
        Self {
            folder,
            store,
            clock,
            world: Arc::new(world),
            stops: watch::Sender::new(false),
            queued: watch::Sender::new(()),
            digests: None,
            compare: None,
        }
    }

    fn work(&self) -> JoinHandle<()> {
        let workers = Workers {
            store: Arc::clone(&self.store),
            world: Arc::clone(&self.world),
            clock: Arc::new(self.clock.clone()),
            queued: self.queued.clone(),
            stop: self.stops.subscribe(),
            settings: Settings {
                workers: 2,
                lease: Duration::from_secs(60),
                own_cluster: "default".to_owned(),
                compare: self.compare,
                shutdown: Duration::from_millis(50),
                backups: None,
                digests: self.digests.clone(),
            },
        };
        tokio::spawn(workers.run())
    }

    async fn alert(&self, name: &str, start: i64) -> String {
        let labels = json!({"alertname": name, "namespace": "shop", "deployment": "checkout", "severity": "critical"});
        let start = Timestamp::from_second(1_790_000_000 + start).unwrap();
        self.take(json!({"status": "firing", "labels": labels, "startsAt": start})).await
    }

    /// Delivers one alert; the incident it is in.
    async fn take(&self, alert: Value) -> String {
        let body = json!({"alerts": [alert]});
        let severities: BTreeMap<String, Severity> = BTreeMap::new();
        let how =
            Reading { cluster_labels: &[], default_cluster: "default", severities: &severities, received: self.clock.now() };
        let taken = self
            .store
            .take(Delivery::read(body.to_string().as_bytes(), &how).unwrap(), body.to_string().into_bytes())
            .await
            .unwrap();
        self.queued.send_replace(());
        taken.alerts[0].incident_id.clone().unwrap()
    }

    /// Waits until the newest job is as wanted.
    async fn job(&self, wanted: impl Fn(&Job) -> bool) -> Job {
        for _ in 0..2_000 {
            let jobs = self.store.jobs(JobFilter::default()).await.unwrap();
            if let Some(job) = jobs.into_iter().find(&wanted) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never as wanted: {:?}", self.store.jobs(JobFilter::default()).await.unwrap());
    }

    async fn begun(&self, count: usize) {
        while self.world.begun.load(Ordering::SeqCst) < count {
            _ = tokio::time::timeout(Duration::from_millis(20), self.world.heard.notified()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_ends_as_a_report_about_its_real_subject_and_a_message() {
    let house = House::new(Does::Finds);
    let work = house.work();
    let incident = house.alert("KubePodNotReady", 0).await;
    let job = house.job(|job| job.state == JobState::Done).await;
    let record = house.store.incident(&incident).await.unwrap().unwrap();
    assert_eq!(record.incident.subject, ObjectRef::new("StatefulSet", "shop", "checkout"));
    assert_eq!((record.runs.len(), record.runs[0].id.as_str()), (1, job.run_id.as_deref().unwrap()));
    let message = house.store.next().await.unwrap().unwrap();
    assert_eq!(message.notice.payload["about"], json!(["opened", "report"]), "the report came in time");
    house.stops.send_replace(true);
    work.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_or_panics_is_tried_four_times_and_then_given_up() {
    for (does, why) in [(Does::Fails, "the disk is gone"), (Does::Panics, "it ended in a panic")] {
        let house = House::new(does);
        let work = house.work();
        house.alert("KubePodNotReady", 0).await;
        for attempts in 1..4 {
            let job = house.job(|job| job.state == JobState::Queued && job.attempts == attempts).await;
            assert_eq!(job.error.as_deref(), Some(why));
            // The back-off is eight minutes at most, and a fifth more.
            house.clock.0.fetch_add(600, Ordering::SeqCst);
        }
        let job = house.job(|job| job.state == JobState::Failed).await;
        assert_eq!((job.attempts, house.world.begun.load(Ordering::SeqCst)), (4, 4));
        house.stops.send_replace(true);
        work.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_when_the_process_ends_is_given_back_and_begins_anew_in_the_next() {
    let house = House::new(Does::Waits);
    let work = house.work();
    house.alert("KubePodNotReady", 0).await;
    house.begun(1).await;
    house.stops.send_replace(true);
    work.await.unwrap();
    let job = house.job(|_| true).await;
    assert_eq!((job.state, job.attempts), (JobState::Queued, 0), "that attempt isn't counted");

    house.stops.send_replace(false);
    house.world.may_go_on.add_permits(1);
    let work = house.work();
    house.job(|job| job.state == JobState::Done).await;
    assert_eq!(house.world.ended.load(Ordering::SeqCst), 1);
    house.stops.send_replace(true);
    work.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_lease_changes_nothing() {
    let house = House::new(Does::Waits);
    let work = house.work();
    let incident = house.alert("KubePodNotReady", 0).await;
    house.begun(1).await;
    // Another process took it for dead, and has it now.
    house.store.release_all().await.unwrap();
    let taken = loop {
        if let Some(taken) = house.store.claim(Lane::Analysis).await.unwrap() {
            break taken;
        }
        assert!(house.world.begun.load(Ordering::SeqCst) < 3, "the workers took it again each time");
        house.store.release_all().await.unwrap();
    };
    house.world.may_go_on.add_permits(5);
    while house.world.ended.load(Ordering::SeqCst) + 1 < house.world.begun.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    house.stops.send_replace(true);
    work.await.unwrap();
    let record = house.store.incident(&incident).await.unwrap().unwrap();
    assert!(record.runs.is_empty(), "a late result was stored");
    assert!(house.store.renew(&taken).await.unwrap(), "the lease is still the other one's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_that_comes_while_it_runs_is_one_more_run() {
    let house = House::new(Does::Waits);
    let work = house.work();
    let incident = house.alert("KubePodNotReady", 0).await;
    house.begun(1).await;
    house.alert("KubeDeploymentReplicasMismatch", 1).await;
    house.alert("KubeContainerWaiting", 2).await;
    house.world.may_go_on.add_permits(10);
    house.begun(2).await;
    house.job(|job| job.state == JobState::Superseded).await;
    house.job(|job| job.state == JobState::Done).await;
    let record = house.store.incident(&incident).await.unwrap().unwrap();
    assert_eq!(record.runs.len(), 2, "one follow-up for both");
    house.stops.send_replace(true);
    work.await.unwrap();
    drop(house.folder);
}
