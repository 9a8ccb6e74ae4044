//! What the identity that writes must be allowed to do.

use super::resource;
use crate::domain::{Action, ExecutionIntent, ResourceType};
use crate::ports::AccessQuestion;
use std::collections::BTreeSet;

/// The right that an intent's one request needs.
pub fn access(intent: &ExecutionIntent) -> AccessQuestion {
    right(intent.action, intent.resource_type, &intent.namespace, &intent.resource_name)
}

/// The rights that all changes together need in a namespace.
pub fn write_rights(namespace: &str) -> Vec<AccessQuestion> {
    let writes = Action::ALL.into_iter().filter(|action| action.is_write());
    let each = writes.flat_map(|action| action.works_on().iter().map(move |on| (action, *on)));
    let mut seen = BTreeSet::new();
    let rights = each.map(|(action, on)| right(action, on, namespace, ""));
    rights.filter(|right| seen.insert((right.verb.clone(), right.resource.clone(), right.subresource.clone()))).collect()
}

fn right(action: Action, resource_type: ResourceType, namespace: &str, name: &str) -> AccessQuestion {
    let (verb, subresource) = match action {
        Action::EvictPod => ("create", "eviction"),
        Action::ScaleDeployment => ("patch", "scale"),
        _ => ("patch", ""),
    };
    let (api, plural) = resource(resource_type);
    let group = api.strip_prefix("/apis/").and_then(|api| api.split('/').next()).unwrap_or_default();
    AccessQuestion {
        verb: verb.to_owned(),
        group: group.to_owned(),
        resource: plural.to_owned(),
        subresource: subresource.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_changes_need_five_rights() {
        let rights: Vec<_> = write_rights("shop")
            .iter()
            .map(|it| format!("{} {}/{}/{}", it.verb, it.group, it.resource, it.subresource))
            .collect();
        assert_eq!(
            rights,
            [
                "patch apps/deployments/",
                "patch apps/statefulsets/",
                "patch apps/daemonsets/",
                "patch apps/deployments/scale",
                "create /pods/eviction"
            ]
        );
    }
}
