//! The intent that takes a change back. It is proposed like any other, with its own dry run, digest and approval.

use super::request::container_list;
use crate::cluster::json;
use crate::domain::{Action, ExecutionIntent, Params, ResourceParams, Risk};
use serde_json::Value;

/// The annotation with a Deployment's revision: `RevisionAnnotation` in `pkg/controller/deployment/util/deployment_util.go`.
pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";

/// What takes `intent` back, given the object as it was before. `None` where nothing does: a restart, an eviction, a read, or an
/// old value that was none.
pub fn inverse(intent: &ExecutionIntent, before: &Value) -> Option<ExecutionIntent> {
    let (action, params) = match (intent.action, &intent.params) {
        (Action::ScaleDeployment, _) => {
            // What stood at no replicas is not sent back there: that would stop a service.
            let replicas = json::int(before, "spec.replicas").filter(|replicas| *replicas > 0)?;
            (Action::ScaleDeployment, Params::Scale { replicas: i32::try_from(replicas).ok()? })
        }
        (Action::RollbackDeployment | Action::ResumeRollout, _) => {
            let revision = json::key(json::at(before, "metadata.annotations"), REVISION).as_str()?.parse().ok()?;
            (Action::RollbackDeployment, Params::Rollback { revision })
        }
        (Action::SetResources, Params::Resources(params)) => {
            (Action::SetResources, Params::Resources(old_values(params, before)?))
        }
        _ => return None,
    };
    let reason = format!("takes back {}", intent.action);
    Some(ExecutionIntent { action, params, risk: Risk::High, reason, ..intent.clone() })
}

/// What stood where new values were set.
fn old_values(new: &ResourceParams, before: &Value) -> Option<ResourceParams> {
    let list = container_list(before, &new.container)?;
    let resources = json::key(json::named(json::at(before, "spec.template.spec"), list, &new.container), "resources");
    let old = |given: &Option<String>, list: &str, resource: &str| match given {
        None => Some(None),
        Some(_) => match json::key(json::key(resources, list), resource) {
            Value::String(text) => Some(Some(text.clone())),
            Value::Number(number) => Some(Some(number.to_string())),
            _ => None,
        },
    };
    Some(ResourceParams {
        container: new.container.clone(),
        memory_limit: old(&new.memory_limit, "limits", "memory")?,
        memory_request: old(&new.memory_request, "requests", "memory")?,
        cpu_limit: old(&new.cpu_limit, "limits", "cpu")?,
        cpu_request: old(&new.cpu_request, "requests", "cpu")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remedy::samples::{deployment, intent};
    use serde_json::json;

    #[test]
    fn each_action_and_what_takes_it_back() {
        let taken_back = |action, params| inverse(&intent(action, params), &deployment()).map(|it| (it.action, it.params));
        assert_eq!(taken_back(Action::RestartDeployment, Params::None), None);
        assert_eq!(
            taken_back(Action::ScaleDeployment, Params::Scale { replicas: 4 }),
            Some((Action::ScaleDeployment, Params::Scale { replicas: 2 }))
        );
        let to_15 = Some((Action::RollbackDeployment, Params::Rollback { revision: 15 }));
        assert_eq!(taken_back(Action::RollbackDeployment, Params::Rollback { revision: 14 }), to_15);
        assert_eq!(taken_back(Action::ResumeRollout, Params::None), to_15);
        let set = |limit: &str| {
            Params::Resources(ResourceParams {
                container: "app".into(),
                memory_limit: Some(limit.into()),
                ..ResourceParams::default()
            })
        };
        assert_eq!(taken_back(Action::SetResources, set("512Mi")), Some((Action::SetResources, set("256Mi"))));
    }

    #[test]
    fn nothing_goes_back_to_no_replicas() {
        let mut stopped = deployment();
        stopped["spec"]["replicas"] = json!(0);
        assert_eq!(inverse(&intent(Action::ScaleDeployment, Params::Scale { replicas: 4 }), &stopped), None);
    }
}
