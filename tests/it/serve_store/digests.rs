//! What digests are made of: counted over real deliveries.

use super::{Home, at, pod, with};
use jiff::SignedDuration;
use serde_json::json;
use sre_copilot::domain::{ObjectRef, Severity, Verdict};
use sre_copilot::ports::{Chronic, Digests, Fired, Recent};

const HOUR: i64 = 3_600;

async fn recent(home: &Home) -> Recent {
    home.store.recent(at(home.now())).await.unwrap()
}

fn of<'a>(recent: &'a Recent, alert: &str) -> &'a Fired {
    recent.fired.iter().find(|fired| fired.alert == alert).unwrap()
}

/// An alert about the Deployment shop/cart.
fn cart(alert: &str, start: i64, end: Option<i64>) -> serde_json::Value {
    with(alert, &json!({"namespace": "shop", "deployment": "cart", "severity": "critical", "team": "pay"}), start, end)
}

#[tokio::test]
async fn what_began_five_times_is_chronic_and_forty_pods_at_once_are_one_time() {
    let home = Home::new();
    for hour in 0..5 {
        home.set(hour * HOUR);
        home.one(cart("Crash", hour * HOUR, None)).await;
        home.set(hour * HOUR + 600);
        home.one(cart("Crash", hour * HOUR, Some(hour * HOUR + 590))).await;
    }
    home.analyse(Verdict::Confirmed).await;
    for number in 0..40 {
        home.one(pod("KubePodNotReady", number, 4 * HOUR, None)).await;
    }
    home.set(5 * HOUR);
    let seen = recent(&home).await;
    assert_eq!((seen.window, seen.fired.len()), (SignedDuration::from_hours(24), 2));
    let crash = of(&seen, "Crash");
    assert_eq!((crash.cycles, crash.new, crash.firing, crash.fired_before), (5, 0, 0, 0));
    assert_eq!((crash.severity, crash.labels["team"].as_str()), (Severity::Critical, "pay"));
    assert_eq!((&crash.subject, crash.last_at), (&ObjectRef::new("Deployment", "shop", "cart"), at(4 * HOUR)));
    assert_eq!(crash.chronic, Some(Chronic { firing_seconds: 5 * 600, cause: None }));
    let pods = of(&seen, "KubePodNotReady");
    assert_eq!((pods.cycles, pods.new, pods.firing, &pods.chronic), (1, 40, 40, &None));
    let day = home.store.day(at(home.now())).await.unwrap();
    assert_eq!((day.opened, day.resolved, day.oldest), (2, 1, Some(at(0))));
    assert_eq!(day.by_verdict, [(Some("confirmed".to_owned()), 1), (None, 1)].into());
}

#[tokio::test]
async fn a_day_is_compared_with_the_one_before_and_what_fires_on_is_stuck() {
    let home = Home::new();
    home.one(cart("Stuck", 0, None)).await;
    home.one(cart("Over", 0, None)).await;
    home.set(2 * HOUR);
    home.one(cart("Over", 0, Some(2 * HOUR))).await;
    home.one(cart("Gone", HOUR, Some(2 * HOUR))).await;
    home.set(25 * HOUR);
    home.one(cart("New", 25 * HOUR, None)).await;
    let seen = recent(&home).await;
    let counts: Vec<_> = seen.fired.iter().map(|it| (it.alert.as_str(), it.firing, it.fired_before, it.new)).collect();
    // "Gone" was over before it was heard of, and never fired here.
    assert_eq!(counts, [("New", 1, 0, 1), ("Over", 0, 1, 0), ("Stuck", 1, 1, 0)]);
    assert_eq!((of(&seen, "Stuck").stuck_since, of(&seen, "New").stuck_since), (Some(at(0)), None));
    home.set(27 * HOUR);
    assert_eq!(recent(&home).await.fired.len(), 2, "what ended more than a day ago is not recent");
}
