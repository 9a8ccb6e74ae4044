//! A report remembers: what was deployed near the onset, and what earlier incidents say; and a bundle carries both.

use crate::cases;
use sre_copilot::bundle;
use sre_copilot::domain::{DeployRating, FixResult};

fn case() -> &'static cases::Case {
    cases::fixtures().iter().find(|case| case.name == "errors-ten-minutes-after-sync").unwrap()
}

#[test]
fn a_deploy_ten_minutes_before_a_change_of_errors_is_likely_with_its_before_and_after() {
    let report = case().report();
    let [deploy] = report.deploys.as_slice() else { panic!("{:?}", report.deploys) };
    assert_eq!((deploy.rating, deploy.minutes_before), (DeployRating::Likely, 10));
    assert_eq!(deploy.what, "revision 9 of deployment/quotes, Argo CD synced quotes to c41f0a9be7d2");
    assert_eq!(deploy.sources, ["revisions", "argocd"]);
    let shift = &deploy.shifts[0];
    assert_eq!((shift.signal.as_str(), shift.before, shift.after), ("error_ratio", 0.002, 0.045));
}

#[test]
fn the_history_of_a_bundle_is_compared_and_replays_to_the_same_bytes() {
    let case = case();
    let report = case.report();
    let memory = report.memory.as_ref().unwrap();
    let similar: Vec<_> =
        memory.similar.iter().map(|past| (past.cause.as_str(), past.fix.as_ref().map(|fix| fix.result))).collect();
    assert_eq!(similar, [("bad_rollout", Some(FixResult::Verified))]);
    let recurrence = memory.recurrence.as_ref().unwrap();
    assert_eq!((recurrence.in_24_hours, recurrence.in_7_days), (0, 1));
    let folder = tempfile::tempdir().unwrap();
    bundle::write(folder.path(), &case.recording).unwrap();
    let again = cases::report(&bundle::read(folder.path()).unwrap());
    assert_eq!(cases::json(&again), cases::json(&report));
}
