//! Digests out of what is remembered and measured. What has no source is left out, what a source failed to say is said so; no
//! figure is guessed.

use crate::domain::{
    Changed, ChronicDigest, ChronicRow, DailyDigest, IncidentFigures, ModelSpend, NoisyAlert, Part, Resources, Severity,
    StuckEpisode, TeamCount, TeamDigest, UnownedNamespace, owner_of,
};
use crate::ports::{DayFigures, Fired, Recent};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// So many rows of a chronic digest are kept.
const ROWS: usize = 15;
/// How far a change looks back.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Figures of the cluster by name, as metrics have them.
pub type Measured = Part<BTreeMap<String, f64>>;

/// What came again and again, most often first; `None` where nothing did.
pub fn chronic_digest(recent: &Recent, now: Timestamp) -> Option<ChronicDigest> {
    let mut rows: Vec<ChronicRow> = recent.fired.iter().filter_map(row).collect();
    rows.sort_by(|a, b| b.episodes.cmp(&a.episodes).then_with(|| (&a.alert, &a.subject).cmp(&(&b.alert, &b.subject))));
    let total = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    rows.truncate(ROWS);
    let hours = u32::try_from(recent.window.as_hours()).unwrap_or(u32::MAX);
    (total > 0).then_some(ChronicDigest { at: now, hours, rows, total })
}

fn row(fired: &Fired) -> Option<ChronicRow> {
    let chronic = fired.chronic.as_ref()?;
    Some(ChronicRow {
        alert: fired.alert.clone(),
        subject: fired.subject.clone(),
        severity: Some(fired.severity),
        owner: owner(fired).map(str::to_owned),
        episodes: fired.cycles,
        firing_seconds: chronic.firing_seconds,
        last_at: fired.last_at,
        fires: fired.firing > 0,
        cause: chronic.cause.clone(),
    })
}

/// What the cluster's day is made of.
pub struct Day<'a> {
    /// What fired.
    pub recent: &'a Recent,
    /// What was counted.
    pub figures: &'a DayFigures,
    /// What metrics say now.
    pub now: &'a Measured,
    /// What they said 24 hours before.
    pub before: &'a Measured,
    /// What models may cost a day, in millionths of a US dollar; `None` where there is no model.
    pub budget_micro_usd: Option<u64>,
}

/// The cluster's day.
pub fn daily_digest(day: &Day<'_>, at: Timestamp) -> DailyDigest {
    // Nothing is compared with a time of which nothing is remembered.
    let is_first = day.figures.oldest.is_none_or(|oldest| at.duration_since(oldest) < DAY);
    let change = |now: u64, before: u64| Changed { now: now as f64, before: (!is_first).then_some(before as f64) };
    let (mut now, mut before) = (0, 0);
    let mut teams: BTreeMap<Option<&str>, u64> = BTreeMap::new();
    let mut namespaces: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut alerts: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for fired in &day.recent.fired {
        now += fired.firing;
        before += fired.fired_before;
        let alert = alerts.entry(&fired.alert).or_default();
        alert.0 += fired.firing;
        alert.1 += fired.fired_before;
        alert.2 += u64::from(fired.chronic.is_some());
        if fired.firing == 0 {
            continue;
        }
        let owner = owner(fired);
        *teams.entry(owner).or_default() += fired.firing;
        if let Some(namespace) = &fired.subject.namespace {
            let count = namespaces.entry(namespace).or_default();
            count.0 += fired.firing;
            count.1 += if owner.is_none() { fired.firing } else { 0 };
        }
    }
    let alerts = alerts.into_iter().filter(|(_, (now, ..))| *now > 0).map(|(name, (now, before, chronic))| NoisyAlert {
        alert: name.to_owned(),
        firing: change(now, before),
        chronic,
        resurfaced: day.figures.resurfaced.get(name).copied().unwrap_or_default(),
    });
    let unowned = namespaces.iter().filter(|(_, (_, unowned))| *unowned > 0).map(|(name, (_, firing))| UnownedNamespace {
        namespace: (*name).to_owned(),
        firing: *firing,
        suggested: None,
    });
    let word = |verdict: &Option<String>| verdict.as_ref().map_or("not analysed".to_owned(), |word| word.replace('_', " "));
    DailyDigest {
        at,
        cluster: None,
        nodes: measured(day.now, |of| Some((whole(of("nodes_ready")?), whole(of("nodes_total")?)))),
        crash_loops: compared(day, "crashloops"),
        firing: Part::Measured(change(now, before)),
        resources: resources(day),
        teams: Part::Measured(
            teams.iter().map(|(team, firing)| TeamCount { team: team.map(str::to_owned), firing: *firing }).collect(),
        ),
        namespaces: Part::Measured(namespaces.iter().map(|(name, (firing, _))| ((*name).to_owned(), *firing)).collect()),
        unowned: Part::Measured(unowned.collect()),
        alerts: Part::Measured(alerts.collect()),
        incidents: Part::Measured(IncidentFigures {
            opened: day.figures.opened,
            resolved: day.figures.resolved,
            by_verdict: day.figures.by_verdict.iter().map(|(verdict, count)| (word(verdict), *count)).collect(),
        }),
        anomalies: Part::Absent,
        errors: Part::Absent,
        deploys: Part::Absent,
        fragile: Part::Absent,
        wide: Part::Absent,
        stale: Part::Absent,
        graph: Part::Absent,
        spend: day.budget_micro_usd.map_or(Part::Absent, |budget_micro_usd| {
            let (micro_usd, calls) = day.figures.spent;
            Part::Measured(ModelSpend { micro_usd, budget_micro_usd, calls })
        }),
    }
}

/// A part out of figures, all of which have to be there.
fn measured<T>(figures: &Measured, read: impl FnOnce(&dyn Fn(&str) -> Option<f64>) -> Option<T>) -> Part<T> {
    match figures {
        Part::Measured(figures) => read(&|name| figures.get(name).copied().filter(|value| value.is_finite()))
            .map_or_else(|| Part::NotMeasured("the metrics server has no such series".to_owned()), Part::Measured),
        Part::NotMeasured(why) => Part::NotMeasured(why.clone()),
        Part::Absent => Part::Absent,
    }
}

fn figure(figures: &Measured, name: &str) -> Option<f64> {
    match measured(figures, |of| of(name)) {
        Part::Measured(value) => Some(value),
        Part::NotMeasured(_) | Part::Absent => None,
    }
}

fn compared(day: &Day<'_>, name: &str) -> Part<Changed> {
    measured(day.now, |of| Some(Changed { now: of(name)?, before: figure(day.before, name) }))
}

fn resources(day: &Day<'_>) -> Part<Resources> {
    measured(day.now, |of| {
        let of = |name: &str| Some(Changed { now: of(name)?, before: figure(day.before, name) });
        Some(Resources { cpu: of("cpu_pct")?, memory: of("mem_pct")?, disk: of("disk_peak_pct")? })
    })
}

/// A count, which metrics have as a float.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates, and less than none is none")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// The day of each of these teams, and of each that owns something that fired. Teams are told apart trimmed and without case.
pub fn team_digests(recent: &Recent, known: &BTreeSet<String>, at: Timestamp) -> Vec<TeamDigest> {
    let mut teams: BTreeMap<String, TeamDigest> = BTreeMap::new();
    for team in known {
        teams.entry(team.trim().to_lowercase()).or_insert_with(|| no_news(team, at));
    }
    let mut open: BTreeMap<(String, Severity), u64> = BTreeMap::new();
    for fired in &recent.fired {
        let Some(owner) = owner(fired) else { continue };
        let key = owner.to_lowercase();
        let digest = teams.entry(key.clone()).or_insert_with(|| no_news(owner, at));
        if fired.firing > 0 {
            *open.entry((key, fired.severity)).or_default() += fired.firing;
            digest.new_alerts += fired.new;
        }
        if let Some(since) = fired.stuck_since {
            let seconds = u64::try_from(at.duration_since(since).as_secs()).unwrap_or_default();
            digest.stuck.push(StuckEpisode { alert: fired.alert.clone(), subject: fired.subject.clone(), seconds });
        }
    }
    for ((team, severity), count) in open.into_iter().rev() {
        if let Some(digest) = teams.get_mut(&team) {
            digest.open.push((severity, count));
        }
    }
    teams.into_values().collect()
}

fn no_news(team: &str, at: Timestamp) -> TeamDigest {
    TeamDigest {
        at,
        team: team.trim().to_owned(),
        services: None,
        deploys: Part::Absent,
        open: Vec::new(),
        new_alerts: 0,
        fragile: Part::Absent,
        stuck: Vec::new(),
        budgets: Part::Absent,
    }
}

fn owner(fired: &Fired) -> Option<&str> {
    owner_of(&fired.labels, &fired.annotations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ObjectRef;
    use crate::ports::Chronic;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + hour * 3_600).unwrap()
    }

    fn fired(alert: &str, namespace: &str, team: Option<&str>, firing: u64, before: u64) -> Fired {
        Fired {
            subject: ObjectRef::new("Deployment", namespace, "checkout"),
            alert: alert.to_owned(),
            severity: Severity::Warning,
            labels: team.map(|team| ("team".to_owned(), team.to_owned())).into_iter().collect(),
            annotations: BTreeMap::new(),
            cycles: firing,
            firing,
            new: firing.min(1),
            fired_before: before,
            stuck_since: None,
            last_at: at(-1),
            chronic: None,
        }
    }

    fn recent(fired: Vec<Fired>) -> Recent {
        Recent { window: DAY, fired }
    }

    fn chronic(fired: Fired, cycles: u64) -> Fired {
        Fired { cycles, chronic: Some(Chronic { firing_seconds: 60, cause: Some("oom_killed".to_owned()) }), ..fired }
    }

    #[test]
    fn the_chronic_ones_most_often_first_and_all_are_counted() {
        let rows = (0..20).map(|n| chronic(fired(&format!("A{n:02}"), "shop", None, u64::from(n == 3), 0), 5 + n % 3));
        let digest = chronic_digest(&recent(rows.chain([fired("B", "shop", None, 40, 0)]).collect()), at(0)).unwrap();
        assert_eq!((digest.total, digest.rows.len(), digest.hours), (20, 15, 24));
        let first: Vec<_> = digest.rows.iter().map(|row| (row.alert.as_str(), row.episodes)).take(7).collect();
        assert_eq!(first, [("A02", 7), ("A05", 7), ("A08", 7), ("A11", 7), ("A14", 7), ("A17", 7), ("A01", 6)]);
        assert!(chronic_digest(&recent(vec![fired("B", "shop", None, 40, 0)]), at(0)).is_none());
    }

    fn day(recent: &Recent, figures: &DayFigures, now: &Measured, before: &Measured) -> DailyDigest {
        daily_digest(&Day { recent, figures, now, before, budget_micro_usd: None }, at(0))
    }

    #[test]
    fn what_fires_is_counted_by_team_and_namespace_and_compared_with_the_day_before() {
        let recent = recent(vec![
            fired("A", "shop", Some("pay"), 3, 1),
            chronic(fired("A", "cart", None, 2, 0), 9),
            fired("B", "shop", None, 0, 4),
        ]);
        let resurfaced = BTreeMap::from([("A".to_owned(), 2)]);
        let figures = DayFigures { oldest: Some(at(-30)), resurfaced, ..DayFigures::default() };
        let digest = day(&recent, &figures, &Part::Absent, &Part::Absent);
        let changed = |now, before| Changed { now, before: Some(before) };
        assert_eq!(digest.firing, Part::Measured(changed(5.0, 5.0)));
        let team = |team: Option<&str>, firing| TeamCount { team: team.map(str::to_owned), firing };
        assert_eq!(digest.teams, Part::Measured(vec![team(None, 2), team(Some("pay"), 3)]));
        assert_eq!(digest.namespaces, Part::Measured(vec![("cart".to_owned(), 2), ("shop".to_owned(), 3)]));
        let Part::Measured(unowned) = digest.unowned else { panic!("{:?}", digest.unowned) };
        assert_eq!(unowned.iter().map(|it| (it.namespace.as_str(), it.firing)).collect::<Vec<_>>(), [("cart", 2)]);
        let noisy = NoisyAlert { alert: "A".to_owned(), firing: changed(5.0, 1.0), chronic: 1, resurfaced: 2 };
        assert_eq!(digest.alerts, Part::Measured(vec![noisy]));
        assert_eq!((digest.nodes, digest.spend), (Part::Absent, Part::Absent), "nobody is asked");
        let first = DayFigures { oldest: Some(at(-23)), ..DayFigures::default() };
        let digest = day(&recent, &first, &Part::Absent, &Part::Absent);
        assert_eq!(digest.firing, Part::Measured(Changed { now: 5.0, before: None }));
    }

    #[test]
    fn figures_are_compared_where_both_are_there_and_a_source_that_failed_says_so() {
        let figures = |pairs: &[(&str, f64)]| -> Measured {
            Part::Measured(pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect())
        };
        let (recent, counted) = (recent(Vec::new()), DayFigures::default());
        let all = [("nodes_ready", 2.0), ("nodes_total", 3.0), ("crashloops", 4.0), ("cpu_pct", 50.0), ("mem_pct", 60.0)];
        let now = figures(&all);
        let before = figures(&[("crashloops", 1.0), ("nodes_ready", f64::NAN)]);
        let digest = day(&recent, &counted, &now, &before);
        assert_eq!(digest.nodes, Part::Measured((2, 3)));
        assert_eq!(digest.crash_loops, Part::Measured(Changed { now: 4.0, before: Some(1.0) }));
        assert!(matches!(digest.resources, Part::NotMeasured(_)), "the disk is missing");
        let failed = Part::NotMeasured("timeout".to_owned());
        let digest = day(&recent, &counted, &failed, &Part::Absent);
        assert_eq!(digest.nodes, Part::NotMeasured("timeout".to_owned()));
    }

    #[test]
    fn each_team_has_its_day_and_known_ones_even_a_quiet_one() {
        let known = BTreeSet::from(["Quiet".to_owned(), "PAY".to_owned()]);
        let stuck =
            Fired { stuck_since: Some(at(-30)), severity: Severity::Critical, new: 0, ..fired("A", "shop", Some("pay"), 1, 1) };
        let digests = team_digests(&recent(vec![stuck, fired("B", "shop", Some(" Pay"), 4, 0)]), &known, at(0));
        assert_eq!(digests.iter().map(|digest| digest.team.as_str()).collect::<Vec<_>>(), ["PAY", "Quiet"]);
        assert_eq!(digests[0].open, [(Severity::Critical, 1), (Severity::Warning, 4)]);
        assert_eq!((digests[0].new_alerts, digests[0].stuck[0].seconds), (1, 30 * 3_600));
        assert_eq!((digests[1].open.len(), digests[1].services), (0, None));
    }
}
