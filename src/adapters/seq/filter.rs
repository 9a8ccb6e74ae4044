//! The filter, from a template in which every value is a string that it can't leave. Seq's language writes a quote within
//! quotes twice and knows no backslash (Seq: "The Seq query language", literals).

use crate::domain::ObjectRef;
use crate::ports::EvidenceRequest;

/// The built-in template: warnings and worse of the workload, under the names that Serilog's and OpenTelemetry's users give
/// the service.
pub const TEMPLATE: &str = "(Application = $workload or ServiceName = $workload or service.name = $workload or \
                            @Resource.service.name = $workload) and \
                            @Level in ['warn', 'warning', 'error', 'fatal', 'critical'] ci";

/// Kinds that applications call themselves by, the likeliest first.
const KINDS: [&str; 6] = ["Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Service"];

/// The longest value that is asked for; Kubernetes' own names have at most 253 characters (RFC 1123 subdomains).
const LONGEST: usize = 253;

/// Targets that hold workloads of which none stands for the others; no application calls itself by their name.
const MANY: [&str; 2] = ["Namespace", "Node"];

/// The value that a request has for a place-holder.
pub fn value(request: &EvidenceRequest, name: &str) -> Option<String> {
    let rank = |object: &&ObjectRef| KINDS.iter().position(|known| *known == object.kind).unwrap_or(KINDS.len());
    let holds_many = || request.objects.iter().any(|object| MANY.contains(&object.kind.as_str()));
    let value = match name {
        "namespace" => request.namespaces.first().cloned(),
        "workload" if holds_many() => None,
        "workload" => request.objects.iter().min_by_key(rank).map(|object| object.name.clone()),
        _ => None,
    };
    value.filter(|value| !value.trim().is_empty())
}

/// The filter of a template. `value` gives the value of a place-holder.
///
/// # Errors
/// The name of a place-holder that nobody knows, or that has no value here.
pub fn filter(template: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut filter = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        filter.push_str(before);
        let end = after.find(|char: char| !char.is_ascii_lowercase()).unwrap_or(after.len());
        let (name, left) = after.split_at(end);
        filter.push_str(&quoted(&value(name).ok_or_else(|| name.to_owned())?));
        rest = left;
    }
    filter.push_str(rest);
    Ok(filter)
}

/// A text as Seq reads it: in single quotes, a quote written twice. Control characters become spaces.
fn quoted(value: &str) -> String {
    let plain: String = value.chars().take(LONGEST).map(|char| if char.is_control() { ' ' } else { char }).collect();
    format!("'{}'", plain.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_quoted() {
        let request = EvidenceRequest {
            objects: vec![ObjectRef::new("Deployment", "shop", "checkout"), ObjectRef::new("Pod", "shop", "checkout-1")],
            namespaces: vec!["o'shop".into()],
            ..EvidenceRequest::default()
        };
        let filter = |template: &str| filter(template, |name| value(&request, name));
        assert!(filter(TEMPLATE).unwrap().starts_with("(Application = 'checkout' or ServiceName = 'checkout' or "));
        assert_eq!(filter("Namespace = $namespace").unwrap(), "Namespace = 'o''shop'");
        assert_eq!(filter("x = $alert"), Err("alert".into()));
        let mut whole = request.clone();
        whole.objects.push(ObjectRef::cluster("Namespace", "shop"));
        assert_eq!((value(&whole, "workload"), value(&whole, "namespace").is_some()), (None, true));
    }

    proptest! {
        /// Read as Seq reads it, a value is one string, and what follows is the template's own.
        #[test]
        fn no_value_leaves_its_quotes(value in any::<String>(), reserved in "['\\\\\" $\\r\\n\\x00or=]{0,12}") {
            for value in [value, reserved] {
                let filter = filter("a = $x and b", |_| Some(value.clone())).unwrap();
                let inner = filter.strip_prefix("a = '").and_then(|rest| rest.strip_suffix("' and b")).unwrap();
                prop_assert!(!inner.replace("''", "").contains('\''));
                prop_assert!(!inner.chars().any(char::is_control));
            }
        }
    }
}
