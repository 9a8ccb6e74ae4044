//! Jobs that gave up and CronJobs that don't run. Why a Job's pods failed is other families' to say: that a Job failed as often
//! as it may stands only where nothing says why.

mod cron;

use crate::cluster::{Object, json, pod};
use crate::diagnose::catalogue::{Cause, Family, Link, Perspective, Section};
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::symptoms::condition_evidence;
use crate::diagnose::workload_symptoms::job_succeeded;

/// The family.
pub static FAMILY: Family = Family {
    section: Section::Workloads,
    causes: &[&JOB_BACKOFF_EXCEEDED, &JOB_DEADLINE_EXCEEDED, &CRON_JOB_SUSPENDED, &CRON_JOB_SCHEDULE_INVALID, &CRON_JOB_MISSED],
    check,
};

static JOB_BACKOFF_EXCEEDED: Cause = Cause {
    id: "job_backoff_exceeded",
    title: "the Job failed as often as it may",
    perspective: Perspective::App,
    explains: &[&[(Link::Pod, "job_failed")]],
    reads: "jobs, pods",
    source: "job controller: condition Failed with reason BackoffLimitExceeded, FailedIndexes, MaxFailedIndexesExceeded or PodFailurePolicy",
    doc: "The Job's pods failed until its limits allowed no further one, and nothing that was read says why they failed.",
    check: "kubectl -n NAMESPACE describe job NAME; kubectl -n NAMESPACE logs -l job-name=NAME --all-containers",
    fix: "find out why its pods fail, mend that, and create the Job anew",
    fields: &[".image", ".command", ".args", ".env["],
};

static JOB_DEADLINE_EXCEEDED: Cause = Cause {
    id: "job_deadline_exceeded",
    title: "the Job took longer than its deadline",
    perspective: Perspective::App,
    explains: &[&[(Link::Pod, "job_failed")]],
    reads: "jobs, pods",
    source: "job controller: condition Failed with reason DeadlineExceeded, `Job was active longer than specified deadline`",
    doc: "The Job was not done within activeDeadlineSeconds, so that its pods were ended, and nothing that was read says what held it up.",
    check: "kubectl -n NAMESPACE get job NAME -o jsonpath='{.spec.activeDeadlineSeconds}'",
    fix: "find out what takes so long, or give the Job more time",
    fields: &[".image", ".command", ".args", ".env["],
};

static CRON_JOB_SUSPENDED: Cause = Cause {
    id: "cron_job_suspended",
    title: "the CronJob is suspended",
    perspective: Perspective::Infra,
    explains: &[&[(Link::Pod, "schedule_missed"), (Link::Pod, "alert_firing")]],
    reads: "cron jobs, alerts",
    source: "spec.suspend of the CronJob; the controller says nothing",
    doc: "Somebody suspended the CronJob, and its runs are missed by those who ask for them.",
    check: "kubectl -n NAMESPACE get cronjob NAME -o jsonpath='{.spec.suspend}'",
    fix: "resume it, after asking who suspended it",
    fields: &[],
};

static CRON_JOB_SCHEDULE_INVALID: Cause = Cause {
    id: "cron_job_schedule_invalid",
    title: "the schedule can't be used",
    perspective: Perspective::Infra,
    explains: &[&[(Link::Pod, "schedule_missed")]],
    reads: "cron jobs, events",
    source: "cron job controller: events UnparseableSchedule, InvalidSchedule, UnknownTimeZone; before 1.21 FailedNeedsStart",
    doc: "The CronJob's schedule or time zone can't be understood, or names a date that never comes, so that it never runs.",
    check: "kubectl -n NAMESPACE get cronjob NAME -o jsonpath='{.spec.schedule} {.spec.timeZone}'",
    fix: "correct spec.schedule or spec.timeZone",
    fields: &[],
};

static CRON_JOB_MISSED: Cause = Cause {
    id: "cron_job_missed",
    title: "runs of the CronJob are left out",
    perspective: Perspective::Infra,
    explains: &[&[(Link::Pod, "schedule_missed")]],
    reads: "cron jobs, jobs, events",
    source: "cron job controller: events JobAlreadyActive, MissSchedule, TooManyMissedTimes; before 1.21 FailedNeedsStart",
    doc: "The CronJob's own settings leave its runs out: it forbids a run while another lasts, or its starting deadline has passed.",
    check: "kubectl -n NAMESPACE describe cronjob NAME",
    fix: "end the run that lasts too long, or change concurrencyPolicy or startingDeadlineSeconds",
    fields: &[],
};

/// How much of a controller's message a sentence quotes.
const QUOTED: usize = 240;

fn check(cx: &Context<'_>, out: &mut Findings) {
    for job in cx.snap.of_kind("Job").iter().filter(|job| job.deleted().is_none()) {
        if json::text(job.condition("Failed"), "status") == "True" {
            failed(cx, job, out);
        }
    }
    for cron_job in cx.snap.of_kind("CronJob") {
        cron::check(cx, cron_job, out);
    }
}

fn failed(cx: &Context<'_>, job: &Object, out: &mut Findings) {
    let condition = job.condition("Failed");
    let (reason, message) = (json::text(condition, "reason"), json::text(condition, "message"));
    let said: String = message.chars().take(QUOTED).collect();
    let times = match job.int("status.failed") {
        Some(1) => "once".to_owned(),
        Some(times) => format!("{times} times"),
        None => "again and again".to_owned(),
    };
    let (cause, says, limit) = match reason {
        "DeadlineExceeded" => {
            let deadline = job.int("spec.activeDeadlineSeconds").map_or(String::new(), |seconds| format!(" of {seconds} s"));
            (&JOB_DEADLINE_EXCEEDED, format!("was not done within its deadline{deadline}"), "spec.activeDeadlineSeconds")
        }
        "BackoffLimitExceeded" => {
            let limit = job.int("spec.backoffLimit").map_or(String::new(), |limit| format!(" of {limit}"));
            // Without new pods the restarts are what counts, which no field of the Job tells.
            let restarted = job.text("spec.template.spec.restartPolicy") == "OnFailure";
            let times = if restarted { "and was restarted" } else { &times };
            (&JOB_BACKOFF_EXCEEDED, format!("failed {times} until its backoffLimit{limit} allowed no more"), "spec.backoffLimit")
        }
        "PodFailurePolicy" => {
            (&JOB_BACKOFF_EXCEEDED, format!("was ended by its pod failure policy: {said}"), "spec.podFailurePolicy")
        }
        "FailedIndexes" | "MaxFailedIndexesExceeded" => {
            let indexes = job.text("status.failedIndexes");
            (&JOB_BACKOFF_EXCEEDED, format!("failed for the indexes {indexes}: {said}"), "spec.backoffLimitPerIndex")
        }
        _ => return,
    };
    let since = json::time(condition, "lastTransitionTime");
    let pods = cx.snap.pods_of(&job.id);
    let gone = pods.iter().all(|pod| !pod::is_finished(pod));
    let kept = if gone { "; none of its failed pods is left to ask" } else { "" };
    if gone && job_succeeded(cx, job).is_none() {
        // With restartPolicy OnFailure the controller deletes the pods of a Job that failed.
        let would = "why they failed";
        out.blind(job.id.clone(), format!("the pods of {}", job.id), "they were deleted when the Job failed", would);
    }
    out.found(cause, job.id.clone(), Proof::Structure)
        .since(since)
        .ended(job_succeeded(cx, job))
        .evidence([condition_evidence(cx, job, "Failed"), cx.field(job, limit)])
        .says(format!("{says}{kept}"))
        .next(format!("kubectl -n {} describe {}", job.id.ns(), job.id.kubectl()));
}
