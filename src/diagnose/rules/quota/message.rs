//! What the API server answers when a ResourceQuota refuses an object, taken apart. The wordings are those of
//! `staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go`, where Kubernetes 1.6 and later have them;
//! `must specify` comes from `pkg/quota/v1/evaluator/core/pods.go`.

/// Why a quota refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// More would be used than the quota allows.
    Exceeded,
    /// The object doesn't say how much it needs, and the quota demands that it does.
    Unspecified,
    /// The quota's usage has not been counted yet, or no quota covers what the cluster demands to be covered.
    Other,
}

/// A quota's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaMessage<'a> {
    /// The quota's name; empty where none is named.
    pub quota: &'a str,
    /// Why.
    pub why: Why,
    /// The resources it is about: only those that are short.
    pub resources: Vec<Shortage<'a>>,
}

/// One resource, with amounts as the server wrote them; empty where it wrote none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage<'a> {
    /// The quota's name for it: `requests.cpu`, `pods`, `count/deployments.apps` …
    pub resource: &'a str,
    /// How much the object asks for.
    pub requested: &'a str,
    /// How much is used.
    pub used: &'a str,
    /// How much is allowed.
    pub limited: &'a str,
}

/// Takes a message apart, whatever stands in front. `None` when it isn't a quota's.
pub fn parse(message: &str) -> Option<QuotaMessage<'_>> {
    if let Some((_, rest)) = message.split_once("xceeded quota: ") {
        let (quota, rest) = rest.split_once(", requested: ")?;
        let (requested, rest) = rest.split_once(", used: ")?;
        let (used, limited) = rest.split_once(", limited: ")?;
        let shortage = |(resource, requested)| Shortage {
            resource,
            requested,
            used: amount(used, resource),
            limited: amount(limited, resource),
        };
        return Some(QuotaMessage { quota, why: Why::Exceeded, resources: pairs(requested).map(shortage).collect() });
    }
    if let Some((_, rest)) = message.split_once("failed quota: ") {
        let (quota, rest) = rest.split_once(": ")?;
        let resources = rest.strip_prefix("must specify ").map(unspecified).unwrap_or_default();
        return Some(QuotaMessage { quota, why: Why::Unspecified, resources });
    }
    if let Some((_, rest)) = message.split_once("status unknown for quota: ") {
        let (quota, resources) = rest.split_once(", resources: ").unwrap_or((rest, ""));
        return Some(QuotaMessage { quota, why: Why::Other, resources: resources.split(',').filter_map(bare).collect() });
    }
    let consumed = message.split_once("insufficient quota to consume: ").map(|(_, resources)| resources);
    let scoped = message.contains("insufficient quota to match these scopes: ");
    let resources = consumed.unwrap_or_default().split(',').filter_map(bare).collect();
    (consumed.is_some() || scoped).then_some(QuotaMessage { quota: "", why: Why::Other, resources })
}

/// `requests.cpu=2,requests.memory=1Gi`, up to the first thing that is none.
fn pairs(list: &str) -> impl Iterator<Item = (&str, &str)> {
    let list = list.split(|c: char| c.is_whitespace() || matches!(c, ']' | ';')).next().unwrap_or_default();
    list.split(',').filter_map(|pair| pair.split_once('=')).filter(|(key, _)| !key.is_empty())
}

fn amount<'a>(list: &'a str, resource: &str) -> &'a str {
    pairs(list).find(|(key, _)| *key == resource).map_or("", |(_, value)| value)
}

/// `limits.cpu,limits.memory` of old, and since 1.23 `limits.cpu for: app; limits.memory for: app,proxy`.
fn unspecified(list: &str) -> Vec<Shortage<'_>> {
    let parts = list.split("; ").flat_map(|part| match part.split_once(" for: ") {
        Some((resource, _)) => vec![resource],
        None => part.split(',').collect(),
    });
    parts.filter_map(bare).collect()
}

fn bare(resource: &str) -> Option<Shortage<'_>> {
    let resource = resource.trim();
    let is_name = !resource.is_empty() && !resource.contains(char::is_whitespace);
    is_name.then_some(Shortage { resource, requested: "", used: "", limited: "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shortage<'a>(resource: &'a str, requested: &'a str, used: &'a str, limited: &'a str) -> Shortage<'a> {
        Shortage { resource, requested, used, limited }
    }

    #[test]
    fn exceeded() {
        let message = "Error creating: pods \"api-5d9c-x2x1z\" is forbidden: exceeded quota: team-a, requested: limits.memory=1Gi,\
                       requests.cpu=500m, used: limits.memory=8Gi,requests.cpu=3800m, limited: limits.memory=8Gi,requests.cpu=4";
        let parsed = parse(message).unwrap();
        assert_eq!((parsed.quota, parsed.why), ("team-a", Why::Exceeded));
        assert_eq!(
            parsed.resources,
            [shortage("limits.memory", "1Gi", "8Gi", "8Gi"), shortage("requests.cpu", "500m", "3800m", "4")]
        );
    }

    #[test]
    fn a_stateful_set_puts_its_words_around_it() {
        let message = "create Claim data-db-2 for Pod db-2 in StatefulSet db failed error: persistentvolumeclaims \"data-db-2\" is \
                       forbidden: exceeded quota: storage, requested: fast.storageclass.storage.k8s.io/requests.storage=10Gi, used: \
                       fast.storageclass.storage.k8s.io/requests.storage=20Gi, limited: fast.storageclass.storage.k8s.io/requests.storage=20Gi";
        let parsed = parse(message).unwrap();
        let resource = "fast.storageclass.storage.k8s.io/requests.storage";
        assert_eq!(parsed.resources, [shortage(resource, "10Gi", "20Gi", "20Gi")]);
    }

    #[test]
    fn unspecified_before_and_after_1_23() {
        let names =
            |message| -> Vec<&str> { parse(message).unwrap().resources.iter().map(|shortage| shortage.resource).collect() };
        assert_eq!(names("failed quota: q: must specify limits.cpu,limits.memory"), ["limits.cpu", "limits.memory"]);
        let newer = "pods \"x\" is forbidden: failed quota: q: must specify limits.cpu for: app,proxy; requests.memory for: app";
        assert_eq!(names(newer), ["limits.cpu", "requests.memory"]);
    }

    #[test]
    fn what_is_not_a_quotas() {
        assert_eq!(parse("Error creating: pods \"x\" is forbidden: error looking up service account a/b"), None);
        assert_eq!(parse("exceeded quota: half"), None);
        assert_eq!(parse("status unknown for quota: q, resources: pods").unwrap().why, Why::Other);
    }

    proptest! {
        #[test]
        fn never_panics(parts in proptest::collection::vec("exceeded quota: |failed quota: |must specify |, requested: |, used: |, limited: |[a-z]{0,3}=|,|; | for: |é|\\]", 0..16)) {
            parse(&parts.concat());
        }
    }
}
