//! CronJobs whose runs don't come: suspended while somebody waits for them, a schedule that can't be used, runs that the
//! CronJob's own settings leave out. A CronJob that is suspended and that nobody asks about is no fault.

use super::{CRON_JOB_MISSED, CRON_JOB_SCHEDULE_INVALID, CRON_JOB_SUSPENDED, QUOTED};
use crate::cluster::cron::{self, Schedule};
use crate::cluster::{Event, Object, json};
use crate::diagnose::alerts;
use crate::diagnose::confidence::Proof;
use crate::diagnose::context::Context;
use crate::diagnose::findings::Findings;
use crate::diagnose::symptoms::SCHEDULE_MISSED;
use crate::domain::Evidence;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A run that is due for less than this may still be on its way: the older controller looks every 10 s, and creating the Job
/// takes its time (`syncPeriod` in pkg/controller/cronjob, before 1.21).
const LATE: SignedDuration = SignedDuration::from_mins(2);
/// A change to or from summer time moves a run of a schedule in an unknown time zone by this much.
const CLOCK_CHANGE: SignedDuration = SignedDuration::from_hours(1);
/// An event of the controller that is older than this says nothing about now.
const NEWS: SignedDuration = SignedDuration::from_hours(1);
/// At most this many missed runs are counted; the controller gives up at 100.
const COUNTED: usize = 100;
/// The controller looks at a CronJob every 10 seconds, so that with a shorter starting deadline runs are missed:
/// kubernetes.io/docs/concepts/workloads/controllers/cron-jobs.
const SHORTEST_DEADLINE: i64 = 10;

/// How a CronJob is behind its schedule.
struct Overdue {
    /// How many runs at least.
    runs: usize,
    /// When it last ran, or was created.
    last: Timestamp,
}

pub(super) fn check(cx: &Context<'_>, cron_job: &Object, out: &mut Findings) {
    if cron_job.deleted().is_some() || cron_job.partial().is_some() {
        return;
    }
    let text = cron_job.text("spec.schedule");
    if text.is_empty() {
        return;
    }
    let schedule = cron::parse(text);
    if cron_job.flag("spec.suspend") {
        suspended(cx, cron_job, schedule.ok().as_ref(), out);
        return;
    }
    if invalid(cx, cron_job, &schedule, out) {
        return;
    }
    let Ok(schedule) = schedule else { return };
    let overdue = overdue(cx, cron_job, &schedule);
    missed(cx, cron_job, &schedule, overdue, out);
}

/// How far a CronJob is behind, if it surely is. Without a time zone the schedule counts in UTC where its last run fits that;
/// else only a time longer than any two runs lie apart proves that one was due.
fn overdue(cx: &Context<'_>, cron_job: &Object, schedule: &Schedule) -> Option<Overdue> {
    let scheduled = cron_job.time("status.lastScheduleTime");
    let last = scheduled.or_else(|| cron_job.created())?;
    let civil = |at: Timestamp| at.to_zoned(TimeZone::UTC).datetime();
    let in_utc = matches!(cron_job.text("spec.timeZone"), "" | "UTC" | "Etc/UTC")
        && !cron_job.text("spec.schedule").contains("TZ=")
        && scheduled.is_some_and(|at| schedule.is_run(civil(at)));
    let until = civil(cx.snap.now.checked_sub(LATE).ok()?);
    let runs = if in_utc {
        std::iter::successors(schedule.next(civil(last)), |at| schedule.next(*at))
            .take_while(|at| *at <= until)
            .take(COUNTED)
            .count()
    } else {
        let gap = schedule.longest_gap(civil(last))?;
        let waited = cx.snap.age(last) - LATE - CLOCK_CHANGE;
        usize::try_from(waited.as_secs() / gap.as_secs().max(1)).unwrap_or(0).min(COUNTED)
    };
    (runs > 0).then_some(Overdue { runs, last })
}

/// States that somebody waits for a CronJob that is suspended: the analysis was asked about it, or an alert is about it.
fn suspended(cx: &Context<'_>, cron_job: &Object, schedule: Option<&Schedule>, out: &mut Findings) {
    let alert = alerts::firing(cx).into_iter().find(|alert| alert.object.as_ref() == Some(&cron_job.id));
    let is_asked = cx.snap.target.as_ref() == Some(&cron_job.id);
    let overdue = schedule.and_then(|schedule| overdue(cx, cron_job, schedule));
    if alert.is_none() && (!is_asked || overdue.is_none()) {
        return;
    }
    let runs = overdue.as_ref().map_or(String::new(), |overdue| {
        format!(": {} of {:?} missed since {}", runs(overdue.runs), cron_job.text("spec.schedule"), overdue.last)
    });
    if overdue.is_some() {
        state_missed(cx, cron_job, overdue.as_ref(), None, out);
    }
    out.found(&CRON_JOB_SUSPENDED, cron_job.id.clone(), Proof::Structure)
        .since(overdue.map(|overdue| overdue.last))
        .evidence([cx.field(cron_job, "spec.suspend"), cx.field(cron_job, "status.lastScheduleTime")])
        .evidence(alert.map(|alert| alert.evidence))
        .says(format!("is suspended{runs}"))
        .next(format!("kubectl -n {} patch {} -p '{{\"spec\":{{\"suspend\":false}}}}'", cron_job.id.ns(), cron_job.id.kubectl()));
}

/// `3 runs`, for a sentence.
fn runs(count: usize) -> String {
    match count {
        1 => "1 run".to_owned(),
        COUNTED.. => format!("{COUNTED} runs or more"),
        count => format!("{count} runs"),
    }
}

fn state_missed(cx: &Context<'_>, cron_job: &Object, overdue: Option<&Overdue>, event: Option<&Event>, out: &mut Findings) {
    let summary = match overdue {
        Some(overdue) => format!("has missed {} since {}", runs(overdue.runs), overdue.last),
        None => "leaves runs out".to_owned(),
    };
    let evidence: Vec<Evidence> = [cx.field(cron_job, "status.lastScheduleTime"), cx.field(cron_job, "spec.schedule")]
        .into_iter()
        .chain(event.map(Event::evidence))
        .filter(|evidence| !evidence.value.is_null())
        .collect();
    out.symptom(&SCHEDULE_MISSED, cron_job.id.clone(), summary, overdue.map(|overdue| overdue.last), evidence);
}

/// The controller's newest word about a CronJob with one of these reasons, since its last run and not too long ago.
fn news<'a>(cx: &Context<'a>, cron_job: &Object, reasons: &[&str]) -> Option<&'a Event> {
    let last = cron_job.time("status.lastScheduleTime");
    let events = cx.snap.events(&cron_job.id).iter().filter(|event| reasons.contains(&event.reason.as_str()));
    events
        .filter(|event| event.last > last && event.last.is_some_and(|at| cx.snap.age(at) <= NEWS))
        .max_by_key(|event| event.last)
}

/// States that the schedule can't be used, if so; says whether it can't.
fn invalid(cx: &Context<'_>, cron_job: &Object, schedule: &Result<Schedule, String>, out: &mut Findings) -> bool {
    let text = cron_job.text("spec.schedule");
    // Before 1.21 one reason stands for whatever keeps a run from being looked for.
    let said = news(
        cx,
        cron_job,
        &["UnparseableSchedule", "UnParseableCronJobSchedule", "InvalidSchedule", "UnknownTimeZone", "FailedNeedsStart"],
    )
    .filter(|event| event.reason != "FailedNeedsStart" || event.message.to_lowercase().contains("unparseable"));
    let now = cx.snap.now.to_zoned(TimeZone::UTC).datetime();
    let says = match (said, schedule) {
        (Some(event), _) if event.reason == "UnknownTimeZone" => {
            format!("never runs: its time zone {:?} isn't known to the controller", cron_job.text("spec.timeZone"))
        }
        (_, Err(why)) => format!("never runs: its schedule {text:?} can't be understood: {why}"),
        (Some(event), Ok(_)) => {
            let said: String = event.message.chars().take(QUOTED).collect();
            format!("never runs: the controller can't use its schedule {text:?}: {said}")
        }
        (None, Ok(schedule)) if schedule.next(now).is_none() => {
            format!("never runs: its schedule {text:?} names a date that never comes")
        }
        (None, Ok(_)) => return false,
    };
    let proof = match (said, schedule) {
        (Some(_), Err(_)) => Proof::ComputedAndSaid,
        (Some(_), Ok(_)) => Proof::Event,
        (None, _) => Proof::Computed,
    };
    let summary = "never runs by its schedule";
    out.symptom(&SCHEDULE_MISSED, cron_job.id.clone(), summary, cron_job.created(), vec![cx.field(cron_job, "spec.schedule")]);
    let zone = cx.field(cron_job, "spec.timeZone");
    out.found(&CRON_JOB_SCHEDULE_INVALID, cron_job.id.clone(), proof)
        .evidence([cx.field(cron_job, "spec.schedule")])
        .evidence(Some(zone).filter(|zone| !zone.value.is_null()))
        .evidence(said.map(Event::evidence))
        .says(says)
        .next(format!("kubectl -n {} describe {}", cron_job.id.ns(), cron_job.id.kubectl()));
    true
}

/// States which of the CronJob's settings leave runs out.
fn missed(cx: &Context<'_>, cron_job: &Object, schedule: &Schedule, overdue: Option<Overdue>, out: &mut Findings) {
    let late = news(cx, cron_job, &["MissSchedule", "TooManyMissedTimes", "FailedNeedsStart"]);
    let running = longest_running(cx, cron_job);
    let blocked = running.filter(|(_, age)| hangs(cx, schedule, overdue.as_ref(), *age));
    // A run that is left out because the one before takes a little longer is what Forbid is for.
    let overlaps = running.is_some() && blocked.is_none() && late.is_none();
    if overlaps || overdue.is_none() && late.is_none_or(|event| event.reason == "TooManyMissedTimes") {
        return;
    }
    state_missed(cx, cron_job, overdue.as_ref(), late, out);
    let deadline = cron_job.int("spec.startingDeadlineSeconds");
    let left_out = overdue.as_ref().map_or(String::new(), |overdue| format!("; {} missed", runs(overdue.runs)));
    let (says, fix, evidence, proof) = match (blocked, late, deadline) {
        (Some((job, age)), ..) => {
            let says = format!(
                "forbids a run while another lasts, and Job {} has been running for {} min{left_out}",
                job.id.name,
                age.as_mins()
            );
            let said = news(cx, cron_job, &["JobAlreadyActive"]);
            let proof = if said.is_some() { Proof::ComputedAndSaid } else { Proof::Computed };
            let mut evidence = vec![cx.field(cron_job, "spec.concurrencyPolicy"), cx.field(job, "status.startTime")];
            evidence.extend(said.map(Event::evidence));
            let fix = format!("see why Job {} doesn't end, and delete it so that the next run starts", job.id.name);
            (says, fix, evidence, proof)
        }
        (None, Some(event), Some(deadline)) if event.reason == "MissSchedule" => {
            let short = if deadline < SHORTEST_DEADLINE { ", which is shorter than the controller takes to look" } else { "" };
            let says = format!("starts no run later than {deadline} s after its time (startingDeadlineSeconds){short}{left_out}");
            (says, more_time(), vec![cx.field(cron_job, "spec.startingDeadlineSeconds"), event.evidence()], Proof::Event)
        }
        (None, Some(event), _) => {
            let said: String = event.message.chars().take(QUOTED).collect();
            let fix =
                "set spec.startingDeadlineSeconds, so that the controller looks only for runs that are that late".to_owned();
            (format!("isn't started any more: {said}"), fix, vec![event.evidence()], Proof::Event)
        }
        (None, None, Some(deadline)) if deadline < SHORTEST_DEADLINE => {
            let says = format!(
                "starts no run later than {deadline} s after its time (startingDeadlineSeconds), which is shorter than the controller takes to look{left_out}"
            );
            (says, more_time(), vec![cx.field(cron_job, "spec.startingDeadlineSeconds")], Proof::Timing)
        }
        _ => return,
    };
    out.found(&CRON_JOB_MISSED, cron_job.id.clone(), proof)
        .since(overdue.map(|overdue| overdue.last))
        .evidence(evidence)
        .says(says)
        .fix(fix)
        .next(format!("kubectl -n {} describe {}", cron_job.id.ns(), cron_job.id.kubectl()));
}

fn more_time() -> String {
    "raise spec.startingDeadlineSeconds, or take it away".to_owned()
}

/// The Job that keeps others from starting, and for how long it has been running: the oldest that has not ended, of a CronJob
/// that allows no second one.
fn longest_running<'a>(cx: &Context<'a>, cron_job: &Object) -> Option<(&'a Object, SignedDuration)> {
    if cron_job.text("spec.concurrencyPolicy") != "Forbid" {
        return None;
    }
    let ended = |job: &Object| ["Complete", "Failed"].iter().any(|r#type| json::text(job.condition(r#type), "status") == "True");
    let running = cx.snap.children(&cron_job.id).filter(|job| job.id.kind == "Job" && !ended(job));
    let aged = running.filter_map(|job| Some((job, cx.snap.age(job.time("status.startTime").or_else(|| job.created())?))));
    aged.max_by_key(|(_, age)| *age)
}

/// Whether a Job has lasted longer than two runs lie apart, or a day, and several runs were left out.
fn hangs(cx: &Context<'_>, schedule: &Schedule, overdue: Option<&Overdue>, age: SignedDuration) -> bool {
    let civil = cx.snap.now.to_zoned(TimeZone::UTC).datetime();
    let gap = schedule.longest_gap(civil).unwrap_or(SignedDuration::ZERO);
    overdue.is_some_and(|overdue| overdue.runs >= 2) && age > gap.min(SignedDuration::from_hours(24))
}
