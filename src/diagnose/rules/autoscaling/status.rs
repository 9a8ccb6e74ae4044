//! What an autoscaler's controller reports, whatever API version the object came in: `autoscaling/v2` and its betas have
//! conditions and metrics as fields; `autoscaling/v1` has them as JSON in annotations, and CPU as fields of its own.

use crate::cluster::quantity::Quantity;
use crate::cluster::{Object, json};
use crate::diagnose::context::Context;
use crate::diagnose::symptoms::condition_value;
use crate::domain::Evidence;
use jiff::Timestamp;
use serde_json::Value;

/// The annotations of `autoscaling/v1`: staging/src/k8s.io/api/autoscaling/v1/types.go.
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";

/// The keys under which a kind of metric keeps its values, by its `type`.
const SOURCES: &[&str] = &["resource", "containerResource", "pods", "object", "external"];

/// What the controller reports of one autoscaler.
pub(super) struct Status {
    conditions: Vec<Condition>,
    targets: Vec<Value>,
    current: Vec<Value>,
}

/// One condition of an autoscaler.
pub(super) struct Condition(Value);

/// A metric that is above its target, or one of which no value is known.
pub(super) struct Measured {
    name: String,
    current: Value,
    target: String,
}

impl Status {
    pub(super) fn of(cx: &Context<'_>, hpa: &Object) -> Self {
        let list = |path: &str, annotation: &str| -> Vec<Value> {
            let field = hpa.list(path);
            if field.is_empty() {
                let text = hpa.annotation(annotation).unwrap_or("");
                return serde_json::from_str::<Vec<Value>>(text).unwrap_or_default();
            }
            field.to_vec()
        };
        let mut conditions: Vec<Condition> = list("status.conditions", CONDITIONS).into_iter().map(Condition).collect();
        if conditions.is_empty() {
            conditions.extend(by_event(cx, hpa));
        }
        let (mut targets, mut current) = (list("spec.metrics", METRICS), list("status.currentMetrics", CURRENT_METRICS));
        if let Some(target) = hpa.int("spec.targetCPUUtilizationPercentage") {
            targets
                .push(serde_json::json!({"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": target}}));
            let now = hpa.int("status.currentCPUUtilizationPercentage");
            current.extend(now.map(
                |now| serde_json::json!({"type": "Resource", "resource": {"name": "cpu", "currentAverageUtilization": now}}),
            ));
        }
        Self { conditions, targets, current }
    }

    pub(super) fn condition(&self, r#type: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| json::text(&condition.0, "type") == r#type)
    }

    /// The first metric that is above its target. Where no current value was read the controller's word counts.
    pub(super) fn above_target(&self) -> Option<Measured> {
        if self.current.is_empty() {
            return Some(Measured { name: String::new(), current: Value::Null, target: String::new() });
        }
        self.current.iter().find_map(|current| {
            let (source, values) = source(current)?;
            let name = metric_name(values);
            let target = self.targets.iter().find(|target| {
                self::source(target).is_some_and(|(other, values)| other == source && metric_name(values) == name)
            })?;
            above(name, values, self::source(target)?.1)
        })
    }
}

/// Without conditions, the controller's newest warning says as much as one.
fn by_event(cx: &Context<'_>, hpa: &Object) -> Option<Condition> {
    let reasons = |reason: &str| reason.starts_with("FailedGet") && reason.ends_with("Metric");
    let event = cx.snap.events(&hpa.id).iter().filter(|event| reasons(&event.reason)).max_by_key(|event| event.last)?;
    let recent = event.last.is_some_and(|at| cx.snap.age(at) < super::SETTLING) && event.count > 1;
    let condition = serde_json::json!({"type": "ScalingActive", "status": "False", "reason": event.reason, "message": event.message,
        "lastTransitionTime": event.first.map(|at| at.to_string())});
    recent.then_some(Condition(condition))
}

/// The kind of a metric, and its values.
fn source(metric: &Value) -> Option<(&'static str, &Value)> {
    SOURCES.iter().map(|source| (*source, json::key(metric, source))).find(|(_, values)| values.is_object())
}

/// `cpu`, `requests_per_second`, or with its container `cpu of app`.
fn metric_name(values: &Value) -> String {
    let names = ["name", "metric.name", "metricName"].map(|path| json::text(values, path));
    let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or("");
    match json::text(values, "container") {
        "" => name.to_owned(),
        container => format!("{name} of {container}"),
    }
}

/// The metric, if it is above its target. v2 keeps values under `current` and `target`, v2beta1 beside the name.
fn above(name: String, current: &Value, target: &Value) -> Option<Measured> {
    let either = |value: &Value, new: &str, old: &str| match json::at(value, new) {
        Value::Null => json::key(value, old).clone(),
        found => found.clone(),
    };
    let now = either(current, "current.averageUtilization", "currentAverageUtilization");
    let wanted = either(target, "target.averageUtilization", "targetAverageUtilization");
    if let (Some(now), Some(wanted)) = (now.as_i64(), wanted.as_i64()) {
        return (now > wanted).then(|| Measured { name, current: now.into(), target: format!("{wanted} %") });
    }
    let fields = [("averageValue", "AverageValue"), ("value", "Value")];
    fields.into_iter().find_map(|(new, old)| {
        let now = either(current, &format!("current.{new}"), &format!("current{old}"));
        let wanted = either(target, &format!("target.{new}"), &format!("target{old}"));
        let above = Quantity::read(&now)? > Quantity::read(&wanted)?;
        let wanted = wanted.as_str().map_or_else(|| wanted.to_string(), str::to_owned);
        above.then_some(Measured { name: name.clone(), current: now, target: wanted })
    })
}

impl Condition {
    pub(super) fn is(&self, status: &str) -> bool {
        json::text(&self.0, "status") == status
    }

    pub(super) fn reason(&self) -> &str {
        json::text(&self.0, "reason")
    }

    pub(super) fn message(&self) -> &str {
        json::text(&self.0, "message")
    }

    pub(super) fn since(&self) -> Option<Timestamp> {
        json::time(&self.0, "lastTransitionTime")
    }

    pub(super) fn evidence(&self, cx: &Context<'_>, hpa: &Object) -> Evidence {
        let path = format!("status.conditions[{}]", json::text(&self.0, "type"));
        cx.value(&hpa.id, &path, condition_value(&self.0), self.since())
    }
}

impl Measured {
    /// `cpu is at 98 % against a target of 70 %`.
    pub(super) fn told(&self) -> String {
        match &self.current {
            Value::Null => "the desired number is more than that".to_owned(),
            Value::Number(percent) => format!("{} is at {percent} % against a target of {}", self.name, self.target),
            other => format!("{} is at {} against a target of {}", self.name, other.as_str().unwrap_or("?"), self.target),
        }
    }

    pub(super) fn evidence(&self, cx: &Context<'_>, hpa: &Object) -> Option<Evidence> {
        let path = format!("status.currentMetrics[{}]", self.name);
        (!self.current.is_null()).then(|| cx.value(&hpa.id, &path, self.current.clone(), None))
    }
}

#[cfg(test)]
mod tests {
    use super::{above, metric_name};
    use serde_json::json;

    fn told(current: serde_json::Value, target: serde_json::Value) -> Option<String> {
        above(metric_name(&current), &current, &target).map(|measured| measured.told())
    }

    #[test]
    fn compares_every_version_of_the_api() {
        let v2 = told(
            json!({"name": "cpu", "current": {"averageUtilization": 98, "averageValue": "980m"}}),
            json!({"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}),
        );
        assert_eq!(v2.unwrap(), "cpu is at 98 % against a target of 70 %");
        let v2beta1 =
            told(json!({"name": "cpu", "currentAverageUtilization": 98}), json!({"name": "cpu", "targetAverageUtilization": 70}));
        assert_eq!(v2beta1.unwrap(), "cpu is at 98 % against a target of 70 %");
        let pods = told(
            json!({"metric": {"name": "rps"}, "current": {"averageValue": "2500m"}}),
            json!({"metric": {"name": "rps"}, "target": {"averageValue": "2"}}),
        );
        assert_eq!(pods.unwrap(), "rps is at 2500m against a target of 2");
        let memory = told(
            json!({"name": "memory", "container": "app", "current": {"averageValue": "1Gi"}}),
            json!({"name": "memory", "target": {"averageValue": "900Mi"}}),
        );
        assert_eq!(memory.unwrap(), "memory of app is at 1Gi against a target of 900Mi");
    }

    #[test]
    fn below_the_target_or_unreadable_is_nothing() {
        assert_eq!(
            told(json!({"name": "cpu", "current": {"averageUtilization": 70}}), json!({"target": {"averageUtilization": 70}})),
            None
        );
        assert_eq!(
            told(json!({"name": "cpu", "current": {"averageValue": "1"}}), json!({"target": {"averageUtilization": 70}})),
            None
        );
        assert_eq!(told(json!({"current": 7}), json!("x")), None);
    }
}
