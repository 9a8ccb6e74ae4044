//! What somebody would type for the same: a kubectl argument vector, to be read and never to be run by this program. It is
//! quoted only where it is printed.

use crate::cluster::json;
use crate::domain::{Action, ExecutionIntent, Params};
use serde_json::Value;

/// The arguments from `kubectl` on. `live` is the object, for the count that a scaling begins at and the selector of a
/// workload's pods; without it these are left out.
pub fn command(intent: &ExecutionIntent, live: Option<&Value>) -> Vec<String> {
    let ExecutionIntent { namespace, resource_type, resource_name: name, .. } = intent;
    let object = format!("{resource_type}/{name}");
    let mut words: Vec<String> = ["kubectl", "-n", namespace].map(str::to_owned).into();
    let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    match (intent.action, &intent.params) {
        (Action::RestartDeployment | Action::RestartStatefulSet | Action::RestartDaemonSet, _) => {
            add(&["rollout", "restart", &object]);
        }
        (Action::ResumeRollout, _) => add(&["rollout", "resume", &object]),
        (Action::ScaleDeployment, Params::Scale { replicas }) => {
            add(&["scale", &object, &format!("--replicas={replicas}")]);
            if let Some(count) = live.and_then(|live| json::int(live, "spec.replicas")) {
                add(&[&format!("--current-replicas={count}")]);
            }
        }
        (Action::RollbackDeployment, Params::Rollback { revision }) => {
            add(&["rollout", "undo", &object, &format!("--to-revision={revision}")]);
        }
        (Action::SetResources, Params::Resources(params)) => {
            add(&["set", "resources", &object, "-c", &params.container]);
            let lists =
                [("limits", &params.memory_limit, &params.cpu_limit), ("requests", &params.memory_request, &params.cpu_request)];
            for (list, memory, cpu) in lists {
                let amounts = [("memory", memory), ("cpu", cpu)].into_iter();
                let amounts: Vec<String> =
                    amounts.filter_map(|(name, amount)| Some(format!("{name}={}", amount.as_ref()?))).collect();
                if !amounts.is_empty() {
                    add(&[&format!("--{list}={}", amounts.join(","))]);
                }
            }
        }
        (Action::EvictPod, _) => {
            add(&["create", "--raw", &format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction"), "-f", "eviction.json"]);
        }
        (Action::GetLogs, params) => {
            add(&["logs", name]);
            if let Params::Logs { container, previous, tail } = params {
                if let Some(container) = container {
                    add(&["-c", container]);
                }
                if *previous {
                    add(&["--previous"]);
                }
                add(&[&format!("--tail={tail}")]);
            }
        }
        (Action::GetPods, params) => {
            add(&["get", "pods"]);
            let given = match params {
                Params::Pods { label_selector } => label_selector.clone(),
                _ => None,
            };
            if let Some(selector) = given.or_else(|| live.and_then(own_selector)) {
                add(&["-l", &selector]);
            }
        }
        _ => add(&["describe", &object]),
    }
    words
}

/// The labels by which a workload or Service selects its pods.
fn own_selector(live: &Value) -> Option<String> {
    let labels = |path| {
        let pairs = json::entries(live, path).filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
        Some(pairs.collect::<Vec<_>>().join(",")).filter(|text| !text.is_empty())
    };
    labels("spec.selector.matchLabels").or_else(|| labels("spec.selector"))
}

/// An argument vector as a POSIX shell takes it: each word that holds more than letters, digits and `_-./=:,@%+` in quotes.
pub fn shown(words: &[String]) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "_-./=:,@%+".contains(char);
    let quoted = words.iter().map(|word| {
        let needs_none = !word.is_empty() && word.chars().all(plain);
        if needs_none { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ResourceParams, ResourceType};
    use crate::remedy::samples::{deployment, intent};

    #[test]
    fn each_action_as_kubectl_takes_it() {
        let resources = ResourceParams {
            container: "app".into(),
            memory_limit: Some("1Gi".into()),
            memory_request: Some("512Mi".into()),
            cpu_limit: Some("2".into()),
            cpu_request: None,
        };
        let logs = Params::Logs { container: Some("app".into()), previous: true, tail: 200 };
        for (action, params, text) in [
            (Action::RestartDeployment, Params::None, "rollout restart deployment/web"),
            (Action::ScaleDeployment, Params::Scale { replicas: 4 }, "scale deployment/web --replicas=4 --current-replicas=2"),
            (Action::RollbackDeployment, Params::Rollback { revision: 14 }, "rollout undo deployment/web --to-revision=14"),
            (
                Action::SetResources,
                Params::Resources(resources),
                "set resources deployment/web -c app --limits=memory=1Gi,cpu=2 --requests=memory=512Mi",
            ),
            (Action::ResumeRollout, Params::None, "rollout resume deployment/web"),
            (Action::EvictPod, Params::None, "create --raw /api/v1/namespaces/squad-7/pods/web/eviction -f eviction.json"),
            (Action::GetLogs, logs, "logs web -c app --previous --tail=200"),
            (Action::GetPods, Params::Pods { label_selector: None }, "get pods -l app=web"),
            (Action::DescribeResource, Params::None, "describe deployment/web"),
        ] {
            assert_eq!(shown(&command(&intent(action, params), Some(&deployment()))), format!("kubectl -n squad-7 {text}"));
        }
        let mut set = intent(Action::RestartStatefulSet, Params::None);
        set.resource_type = ResourceType::StatefulSet;
        assert_eq!(shown(&command(&set, None)), "kubectl -n squad-7 rollout restart statefulset/web");
    }

    #[test]
    fn words_are_quoted_where_they_are_printed() {
        let words = ["kubectl", "a b", "", "it's", "$(reboot)"].map(str::to_owned);
        assert_eq!(shown(&words), r"kubectl 'a b' '' 'it'\''s' '$(reboot)'");
    }
}
