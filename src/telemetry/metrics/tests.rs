use super::*;
use std::collections::{BTreeMap, BTreeSet};

/// What is promised to those who write alerts and dashboards: names as they are scraped, and their labels.
const PROMISED: &str = "
    http_requests_total{route,method,status} http_request_duration_seconds{route}
    intake_batches_total{result} intake_alerts_total{status,result} intake_set_aside_total{reason}
    intake_commit_seconds intake_waiting watchdog_age_seconds
    incidents_open{severity} episodes_firing{severity} flaps_total recurrences_total
    runs_total{state,verdict} run_duration_seconds stage_duration_seconds{stage,outcome} causes_total{cause,verdict}
    jobs{kind,state} job_oldest_seconds{kind} job_attempts_total{kind,outcome} leases_lost_total
    source_status_total{source,status} model_requests_total{backend,stage,outcome} model_tokens_total{backend,direction}
    model_cost_usd_total{backend} model_budget_left_usd model_breaker_open{backend}
    notifications_total{channel,op,outcome} outbox_oldest_seconds{channel} interactions_total{kind,outcome}
    policy_decisions_total{decision,rule} attempts_total{state} feedback_total{accepted}
    store_bytes wal_bytes store_errors_total{kind} backup_age_seconds build_info{version}";

/// One of everything.
fn busy() -> Metrics {
    let metrics = Metrics::new();
    let took = Duration::from_millis(7);
    metrics.http_request("/incidents/{id}", "GET", 200, took);
    metrics.intake_batch("accepted");
    metrics.intake_alert("firing", "queued");
    metrics.intake_set_aside("no_alertname");
    metrics.intake_commit(took);
    metrics.intake_waiting(3);
    metrics.flap();
    metrics.recurrence();
    metrics.run("done", "confirmed", took);
    metrics.stage("collect", "ok", took);
    metrics.cause("oom_killed", "confirmed");
    metrics.job_attempt("analyze", "done");
    metrics.lease_lost();
    metrics.source_status("kubernetes", "ok");
    metrics.model_request("anthropic", "analyze", "ok");
    metrics.model_use("anthropic", 1_000, 200, 0.25);
    metrics.model_breaker("anthropic", true);
    metrics.notification("team", "post", "sent");
    metrics.interaction("approve", "done");
    metrics.policy_decision("approve", "tier");
    metrics.attempt("verified");
    metrics.feedback(true);
    metrics.store_error("full");
    metrics.stand(Standing {
        incidents_open: vec![("critical", 2), ("warning", 0)],
        episodes_firing: vec![("critical", 5)],
        jobs: vec![("analyze", "queued", 4)],
        job_oldest_seconds: vec![("analyze", 1.5)],
        outbox_oldest_seconds: vec![("team", 2.5)],
        watchdog_age_seconds: Some(30.0),
        backup_age_seconds: Some(86_400.0),
        model_budget_left_usd: Some(4.75),
        store_bytes: Some(1 << 20),
        wal_bytes: Some(4_096),
    });
    metrics
}

/// A series: its name, its labels, its value.
type Series = (String, BTreeMap<String, String>, f64);

/// The series of an exposition, and the type of each family by its name.
fn read(text: &str) -> (Vec<Series>, BTreeMap<String, String>) {
    let (mut samples, mut types) = (Vec::new(), BTreeMap::new());
    assert!(text.ends_with("# EOF\n"), "{text}");
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} stands there twice");
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = labels.strip_suffix('}').unwrap().split_terminator("\",");
            let labels = labels.map(|label| {
                let (name, value) = label.split_once("=\"").unwrap();
                (name.to_owned(), value.trim_end_matches('"').to_owned())
            });
            samples.push((name.to_owned(), labels.collect(), value.parse().unwrap()));
        }
    }
    (samples, types)
}

#[test]
fn names_and_labels_are_the_promised_ones() {
    let text = busy().render();
    let (samples, types) = read(&text);
    let mut shown = BTreeSet::new();
    for (name, labels, _) in &samples {
        let family = name.strip_prefix("sre_copilot_").unwrap_or_else(|| panic!("{name} has another prefix"));
        let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| family.strip_suffix(end));
        let family = histogram.filter(|base| types.get(&format!("sre_copilot_{base}")).is_some_and(|kind| kind == "histogram"));
        let family = family.unwrap_or(name.trim_start_matches("sre_copilot_"));
        let labels: BTreeSet<&str> = labels.keys().map(String::as_str).filter(|label| *label != "le").collect();
        shown.insert((family.to_owned(), labels.into_iter().map(str::to_owned).collect::<BTreeSet<_>>()));
    }
    let promised = PROMISED.split_whitespace().map(|metric| {
        let (name, labels) = metric.split_once('{').unwrap_or((metric, "}"));
        let labels = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty()).map(str::to_owned);
        (name.to_owned(), labels.collect())
    });
    assert_eq!(shown, promised.collect());
}

#[test]
fn what_counts_up_ends_in_total_and_nothing_else_does() {
    let (samples, types) = read(&busy().render());
    for (family, kind) in &types {
        let total = format!("{family}_total");
        assert_eq!(samples.iter().any(|(name, _, _)| *name == total), kind == "counter", "{family} {kind}");
        assert!(matches!(kind.as_str(), "counter" | "gauge" | "histogram" | "info"), "{family} {kind}");
    }
}

#[test]
fn values_are_what_happened() {
    let (samples, _) = read(&busy().render());
    let value = |name: &str, labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let name = format!("sre_copilot_{name}");
        samples.iter().find(|sample| sample.0 == name && sample.1 == labels).map(|sample| sample.2)
    };
    assert_eq!(value("model_tokens_total", &[("backend", "anthropic"), ("direction", "in")]), Some(1_000.0));
    assert_eq!(value("model_cost_usd_total", &[("backend", "anthropic")]), Some(0.25));
    assert_eq!(value("model_breaker_open", &[("backend", "anthropic")]), Some(1.0));
    assert_eq!(value("http_requests_total", &[("route", "/incidents/{id}"), ("method", "GET"), ("status", "200")]), Some(1.0));
    assert_eq!(value("stage_duration_seconds_bucket", &[("stage", "collect"), ("outcome", "ok"), ("le", "0.005")]), Some(0.0));
    assert_eq!(value("stage_duration_seconds_bucket", &[("stage", "collect"), ("outcome", "ok"), ("le", "0.025")]), Some(1.0));
    assert_eq!(value("incidents_open", &[("severity", "warning")]), Some(0.0));
    assert_eq!(value("intake_waiting", &[]), Some(3.0));
    assert_eq!(value("build_info", &[("version", env!("CARGO_PKG_VERSION"))]), Some(1.0));
}

#[test]
fn a_kind_that_is_gone_is_shown_no_more() {
    let metrics = busy();
    metrics.stand(Standing { jobs: vec![("replay", "queued", 1)], ..Standing::default() });
    let text = metrics.render();
    assert!(text.contains("sre_copilot_jobs{kind=\"replay\",state=\"queued\"} 1\n"), "{text}");
    assert!(!text.contains("kind=\"analyze\",state=\"queued\"") && !text.contains("sre_copilot_wal_bytes"), "{text}");
}

#[test]
fn what_a_client_may_choose_makes_no_more_series() {
    let metrics = Metrics::new();
    for number in 0..10_000 {
        metrics.http_request("/healthz", &format!("M{number}"), 405, Duration::ZERO);
    }
    let (samples, _) = read(&metrics.render());
    let requests: Vec<_> = samples.iter().filter(|sample| sample.0 == "sre_copilot_http_requests_total").collect();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].1["method"].as_str(), requests[0].2), ("other", 10_000.0));
}

#[test]
fn a_cost_never_falls() {
    let metrics = Metrics::new();
    for usd in [1.0, -5.0, f64::NAN, f64::INFINITY] {
        metrics.model_use("openai", 0, 0, usd);
    }
    assert!(metrics.render().contains("sre_copilot_model_cost_usd_total{backend=\"openai\"} 1.0\n"));
}
