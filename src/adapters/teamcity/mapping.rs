//! Which build deploys what, and where: a setting, since no build says so by itself. A build that nothing maps is no deploy,
//! and a namespace that nothing maps is unknown, never without deploys.

use super::builds::Build;
use crate::config::DeployMapping;
use crate::domain::Deploy;

/// The deploys of builds, and what could not be resolved, a sentence each.
pub fn deploys(mappings: &[DeployMapping], builds: &[Build]) -> (Vec<Deploy>, Vec<String>) {
    let (mut deploys, mut missing) = (Vec::new(), Vec::new());
    for build in builds {
        let of_build = mappings.iter().filter(|mapping| matches(&mapping.build_type, &build.deploy.build_type));
        for mapping in of_build {
            match (resolve(&mapping.service, build), resolve(&mapping.namespace, build)) {
                (Ok(service), Ok(namespace)) => deploys.push(Deploy { service, namespace, ..build.deploy.clone() }),
                (Err(parameter), _) | (_, Err(parameter)) => {
                    missing.push(format!("a build of {} has no parameter {parameter}", build.deploy.build_type));
                }
            }
        }
    }
    missing.sort();
    missing.dedup();
    (deploys, missing)
}

/// Whether a build configuration deploys something by any mapping.
pub fn is_mapped(mappings: &[DeployMapping], build_type: &str) -> bool {
    mappings.iter().any(|mapping| matches(&mapping.build_type, build_type))
}

/// Whether a setting names a parameter of builds.
pub fn names_parameters(mappings: &[DeployMapping]) -> bool {
    mappings.iter().any(|mapping| parameter(&mapping.service).is_some() || parameter(&mapping.namespace).is_some())
}

/// The namespaces of these that no build configuration is mapped to. A namespace that comes from a parameter can be any.
pub fn unmapped<'a>(mappings: &[DeployMapping], namespaces: &'a [String]) -> Vec<&'a str> {
    let covers =
        |mapping: &DeployMapping, namespace: &str| parameter(&mapping.namespace).is_some() || mapping.namespace == namespace;
    let is_covered = |namespace: &str| mappings.iter().any(|mapping| covers(mapping, namespace));
    namespaces.iter().map(String::as_str).filter(|namespace| !is_covered(namespace)).collect()
}

/// A setting's own text, or the value of the build's parameter that it names.
fn resolve(setting: &str, build: &Build) -> Result<String, String> {
    let Some(name) = parameter(setting) else { return Ok(setting.to_owned()) };
    build.parameters.get(name).filter(|value| !value.is_empty()).cloned().ok_or_else(|| name.to_owned())
}

/// `%name%`, as TeamCity refers to a parameter.
fn parameter(setting: &str) -> Option<&str> {
    setting.strip_prefix('%')?.strip_suffix('%').filter(|name| !name.is_empty())
}

/// Whether a glob matches a whole id: `*` stands for any characters, `?` for one. Linear in the product of both lengths.
fn matches(glob: &str, id: &str) -> bool {
    let (glob, id): (Vec<char>, Vec<char>) = (glob.chars().collect(), id.chars().collect());
    // Which starts of the id the glob so far matches.
    let mut reached = vec![false; id.len() + 1];
    reached[0] = true;
    for part in glob {
        let mut next = vec![false; id.len() + 1];
        for end in 0..=id.len() {
            let before = end.checked_sub(1);
            let follows = before.is_some_and(|before| reached[before]);
            next[end] = match part {
                '*' => reached[end] || before.is_some_and(|before| next[before]),
                '?' => follows,
                char => follows && before.is_some_and(|before| id[before] == char),
            };
        }
        reached = next;
    }
    reached[id.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mapping(build_type: &str, service: &str, namespace: &str) -> DeployMapping {
        DeployMapping { build_type: build_type.into(), service: service.into(), namespace: namespace.into() }
    }

    fn build(build_type: &str, parameters: &[(&str, &str)]) -> Build {
        Build {
            id: "1".into(),
            deploy: Deploy { build_type: build_type.into(), number: "7".into(), ..Deploy::default() },
            parameters: parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        }
    }

    #[test]
    fn a_build_deploys_what_the_setting_says() {
        let mappings = [
            mapping("Shop_Checkout_Deploy", "checkout", "shop"),
            mapping("Shop_*_Release", "%env.SERVICE%", "%env.NAMESPACE%"),
            mapping("Shop_Checkout_Deploy", "checkout", "shop-eu"),
        ];
        let builds = [
            build("Shop_Checkout_Deploy", &[]),
            build("Shop_Cart_Release", &[("env.SERVICE", "cart"), ("env.NAMESPACE", "shop")]),
            build("Shop_Web_Release", &[("env.SERVICE", "web"), ("env.NAMESPACE", "")]),
            build("Shop_Checkout_Test", &[]),
        ];
        let (deploys, missing) = deploys(&mappings, &builds);
        let places: Vec<_> = deploys.iter().map(|deploy| (deploy.service.as_str(), deploy.namespace.as_str())).collect();
        assert_eq!(places, [("checkout", "shop"), ("checkout", "shop-eu"), ("cart", "shop")]);
        assert_eq!(missing, ["a build of Shop_Web_Release has no parameter env.NAMESPACE"]);
    }

    #[test]
    fn a_namespace_without_a_mapping_is_named() {
        let namespaces = ["shop".to_owned(), "billing".to_owned()];
        assert_eq!(unmapped(&[mapping("A", "a", "shop")], &namespaces), ["billing"]);
        assert!(unmapped(&[mapping("A", "a", "%env.NAMESPACE%")], &namespaces).is_empty());
        assert_eq!(unmapped(&[], &namespaces).len(), 2);
        assert!(names_parameters(&[mapping("A", "%x%", "shop")]) && !names_parameters(&[mapping("A", "%%", "shop")]));
    }

    proptest! {
        #[test]
        fn a_glob_matches_what_it_was_made_from(id in "[a-zA-Z0-9_]{0,40}", from in 0usize..40, to in 0usize..40) {
            let (from, to) = (from.min(id.len()), to.min(id.len()));
            let glob = format!("{}*{}", &id[..from], &id[from.max(to)..]);
            prop_assert!(matches(&glob, &id) && matches(&id, &id));
            let longer = format!("{id}x");
            prop_assert!(!matches(&id, &longer));
            prop_assert!(matches(&"?".repeat(id.len()), &id) && !matches(&"?".repeat(id.len() + 1), &id));
        }
    }
}
