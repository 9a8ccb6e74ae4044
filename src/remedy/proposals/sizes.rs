//! How large new limits and how many replicas are to be, from what was measured.

use super::{Case, Condition};
use crate::cluster::quantity::Quantity;
use crate::cluster::{json, workload};
use crate::domain::{Action, Params, ResourceParams};
use crate::remedy::request::container_list;
use serde_json::Value;

/// Room above the highest use that was seen.
const HEADROOM: f64 = 1.5;
const MI: f64 = 1024.0 * 1024.0;
/// New memory limits are multiples of this many MiB.
const MEMORY_STEP: f64 = 64.0;
/// New CPU limits are multiples of this many thousandths.
const CPU_STEP: f64 = 100.0;
/// How much of a limit should be used after scaling out.
const USED: f64 = 0.7;

/// A resource, how it is measured, and in which unit a new limit is written.
pub(super) struct Kind {
    resource: &'static str,
    signal: &'static str,
    unit: f64,
    suffix: &'static str,
    step: f64,
}

pub(super) const MEMORY: Kind =
    Kind { resource: "memory", signal: "memory_working_set_bytes", unit: MI, suffix: "Mi", step: MEMORY_STEP };
pub(super) const CPU: Kind = Kind { resource: "cpu", signal: "cpu_usage_cores", unit: 0.001, suffix: "m", step: CPU_STEP };

/// A higher limit for the container that the cause is about.
pub(super) fn resources(kind: &Kind, case: &Case<'_>) -> Condition {
    let Some(object) = case.snapshot.get(case.workload) else { return Condition::Unknown("the workload was not read") };
    let Some(name) = case.cause.container.as_deref() else { return Condition::Absent };
    let Some(list) = container_list(&object.raw, name) else { return Condition::Absent };
    let resources = json::key(json::named(object.at("spec.template.spec"), list, name), "resources");
    let amount = |list: &str| Quantity::read(json::key(json::key(resources, list), kind.resource));
    let Some(limit) = amount("limits").filter(|limit| !limit.is_zero()) else { return Condition::Absent };
    let measured = peak(case, kind.signal, Some(name));
    let Some(wanted) = new_limit(kind, limit.to_f64(), measured, case.settings.remedy.max_growth) else {
        return Condition::Absent;
    };
    let follows = amount("requests") == Some(limit);
    let request = follows.then(|| wanted.clone());
    let mut params = ResourceParams { container: name.to_owned(), ..ResourceParams::default() };
    let reason = match measured {
        Some(peak) => format!("container {name} used up to {} of its {} limit {limit}", shown(kind, peak), kind.resource),
        None => format!("container {name} reached its {} limit {limit}; how much more it needs was not measured", kind.resource),
    };
    if kind.resource == "memory" {
        (params.memory_limit, params.memory_request) = (Some(wanted), request);
    } else {
        (params.cpu_limit, params.cpu_request) = (Some(wanted), request);
    }
    case.found(Action::SetResources, case.workload, Params::Resources(params), reason)
}

fn shown(kind: &Kind, amount: f64) -> String {
    format!("{}{}", (amount / kind.unit).ceil(), kind.suffix)
}

/// One and a half times the peak, rounded up to a step, at most `max_growth` times the limit. `None` when that is no more than
/// now, or nothing that an intent may ask for.
fn new_limit(kind: &Kind, limit: f64, measured: Option<f64>, max_growth: f64) -> Option<String> {
    // The limit was reached, whatever was sampled.
    let peak = measured.map_or(limit, |peak| peak.max(limit));
    let stepped = (peak * HEADROOM / kind.unit / kind.step).ceil() * kind.step;
    let most = (limit * max_growth / kind.unit).floor();
    let wanted = stepped.min(most);
    (wanted * kind.unit > limit && (1.0..1e6).contains(&wanted)).then(|| format!("{wanted}{}", kind.suffix))
}

/// The highest value of a signal of the workload's pods, or of the workload as a whole.
fn peak(case: &Case<'_>, signal: &str, container: Option<&str>) -> Option<f64> {
    series(case, signal, container)
        .flat_map(|values| values.iter().map(|(_, value)| *value))
        .filter(|value| value.is_finite())
        .reduce(f64::max)
}

fn series<'a>(case: &Case<'a>, signal: &'a str, container: Option<&'a str>) -> impl Iterator<Item = &'a [(f64, f64)]> + use<'a> {
    let pods: Vec<&str> = case.snapshot.pods_of(case.workload).into_iter().map(|pod| pod.id.name.as_str()).collect();
    let workload = case.workload;
    case.snapshot.signals.iter().filter(move |series| series.signal == signal).filter_map(move |series| {
        let label = |name: &str| series.labels.get(name).map(String::as_str);
        let here = label("namespace").is_none_or(|namespace| namespace == workload.ns());
        let of_pod = label("pod").map(|pod| pods.contains(&pod));
        let of_workload = ["workload", "service"].into_iter().any(|name| label(name) == Some(&workload.name));
        let of_container = container.is_none() || label("container").is_none() || label("container") == container;
        (here && of_pod.unwrap_or(of_workload) && of_container).then_some(series.values.as_slice())
    })
}

/// As many replicas as bring the use of the CPU limit down to seven tenths.
pub(super) fn replicas(case: &Case<'_>) -> Condition {
    let Some(object) = case.snapshot.get(case.workload).filter(|object| object.id.kind == "Deployment") else {
        return Condition::Absent;
    };
    let live = workload::replicas(object).map_or(0, |replicas| replicas.desired);
    let Some(limit) = cpu_limit(object.at("spec.template.spec"), case.cause.container.as_deref()) else {
        return Condition::Unknown("no CPU limit is set");
    };
    let latest: Vec<f64> =
        series(case, CPU.signal, case.cause.container.as_deref()).filter_map(|values| Some(values.last()?.1)).collect();
    if latest.is_empty() || live < 1 {
        return Condition::Unknown("the use of the processor was not measured");
    }
    let used = latest.iter().sum::<f64>() / latest.len() as f64;
    let needed = (live as f64 * used / (USED * limit)).ceil();
    let wanted = needed.min(most_replicas(live) as f64);
    // Not a number where the measured one was none.
    if wanted.is_nan() || wanted <= live as f64 {
        return Condition::Absent;
    }
    let reason = format!("each of {live} replicas uses {} of a limit of {}", shown(&CPU, used), shown(&CPU, limit));
    case.found(Action::ScaleDeployment, case.workload, Params::Scale { replicas: wanted as i32 }, reason)
}

/// How many replicas a scaling may ask for: double, or two more, and never more than 100.
pub(in crate::remedy) fn most_replicas(live: i64) -> i64 {
    live.saturating_mul(2).max(live.saturating_add(2)).min(100)
}

fn cpu_limit(spec: &Value, container: Option<&str>) -> Option<f64> {
    let containers = json::list(spec, "containers").iter();
    let mut own = containers.filter(|it| container.is_none_or(|name| json::text(it, "name") == name));
    let limit = own.find_map(|it| Quantity::read(json::at(it, "resources.limits.cpu")))?.to_f64();
    (limit > 0.0).then_some(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_as_much_again_in_steps_and_no_more_than_double() {
        let of = |kind: &Kind, limit: f64, peak: Option<f64>, growth| new_limit(kind, limit, peak, growth);
        for (limit, peak, wanted) in [
            (256.0, None, Some("384Mi")),
            (256.0, Some(200.0), Some("384Mi")),
            (256.0, Some(300.0), Some("512Mi")),
            (256.0, Some(900.0), Some("512Mi")),
            (50.0, None, Some("100Mi")),
            (0.5, None, Some("1Mi")),
        ] {
            assert_eq!(of(&MEMORY, limit * MI, peak.map(|peak| peak * MI), 2.0).as_deref(), wanted, "{limit} {peak:?}");
        }
        assert_eq!(of(&CPU, 0.5, None, 2.0).as_deref(), Some("800m"));
        assert_eq!(of(&CPU, 0.5, Some(0.5), 1.2).as_deref(), Some("600m"));
        assert_eq!(of(&MEMORY, 1.0, None, 2.0), None);
    }

    #[test]
    fn double_or_two_more() {
        for (live, most) in [(0, 2), (1, 3), (2, 4), (5, 10), (80, 100), (i64::MAX, 100)] {
            assert_eq!(most_replicas(live), most);
        }
    }
}
