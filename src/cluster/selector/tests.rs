use super::*;
use proptest::prelude::*;
use serde_json::json;

fn node(labels: Value) -> Object {
    Object::new(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker-1", "labels": labels}})).unwrap()
}

#[test]
fn empty_matches_everything_and_null_nothing() {
    let labels = json!({"app": "web"});
    assert!(matches(&json!({}), &labels));
    assert!(matches(&json!({"matchLabels": {}}), &json!(null)));
    assert!(!matches(&json!(null), &labels));
    assert!(!matches(&json!("app=web"), &labels));
    assert!(!matches_map(&json!({}), &labels));
    assert!(!matches_map(&json!(null), &labels));
}

#[test]
fn every_operator() {
    let labels = json!({"app": "web", "tier": "front"});
    let one = |key: &str, operator: &str, values: Value| {
        matches(&json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]}), &labels)
    };
    assert!(one("app", "In", json!(["api", "web"])));
    assert!(!one("app", "In", json!([])));
    assert!(!one("gone", "In", json!(["web"])));
    assert!(one("gone", "NotIn", json!(["web"])));
    assert!(!one("app", "NotIn", json!(["web"])));
    assert!(one("app", "Exists", json!(null)));
    assert!(!one("gone", "Exists", json!(null)));
    assert!(one("gone", "DoesNotExist", json!(null)));
    assert!(!one("app", "DoesNotExist", json!(null)));
    assert!(!one("app", "Equals", json!(["web"])));
    assert!(matches(
        &json!({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}),
        &labels
    ));
    assert!(!matches(&json!({"matchLabels": {"app": 7}}), &labels));
}

#[test]
fn node_terms_are_alternatives_of_conditions() {
    let node = node(json!({"zone": "a", "cores": "16"}));
    let term = |expressions: Value| json!({"nodeSelectorTerms": [{"matchExpressions": expressions}]});
    assert!(matches_node(&term(json!([{"key": "cores", "operator": "Gt", "values": ["8"]}])), &node));
    assert!(!matches_node(&term(json!([{"key": "cores", "operator": "Lt", "values": ["8"]}])), &node));
    assert!(!matches_node(&term(json!([{"key": "zone", "operator": "Gt", "values": ["8"]}])), &node));
    assert!(!matches_node(&term(json!([{"key": "cores", "operator": "Gt", "values": ["1", "2"]}])), &node));
    assert!(!matches_node(&term(json!([])), &node));
    assert!(!matches_node(&json!({"nodeSelectorTerms": []}), &node));
    let by_name = json!({"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["b"]}]},
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["worker-1"]}]}]});
    assert!(matches_node(&by_name, &node));
}

#[test]
fn tells_which_label_differs() {
    let service = json!({"app": "checkout", "component": "web"});
    let differences = near_miss(&map_requirements(&service), &json!({"app": "chekout", "componet": "web"}));
    assert_eq!(
        differences,
        [
            Difference {
                key: "app".into(),
                wanted: "app=checkout".into(),
                got: Some("chekout".into()),
                alike: Some("app=chekout".into())
            },
            Difference { key: "component".into(), wanted: "component=web".into(), got: None, alike: Some("componet=web".into()) },
        ]
    );
    let other = near_miss(&map_requirements(&json!({"app": "checkout"})), &json!({"app": "payments"}));
    assert_eq!(other[0].alike, None);
    assert!(near_miss(&map_requirements(&service), &service).is_empty());
}

#[test]
fn reads_like_kubectl() {
    let selector = json!({"matchLabels": {"app": "web"}, "matchExpressions": [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "gpu", "operator": "DoesNotExist"}]});
    let shown: Vec<String> = requirements(&selector).iter().map(Requirement::to_string).collect();
    assert_eq!(shown, ["app=web", "tier in (a, b)", "!gpu"]);
    assert_eq!(describe(&selector), "app=web,tier in (a, b),!gpu");
}

#[test]
fn a_namespace_has_its_name_as_a_label() {
    let by_name = json!({"matchLabels": {"kubernetes.io/metadata.name": "shop"}});
    assert!(matches_namespace(&by_name, "shop", &json!(null)));
    assert!(!matches_namespace(&by_name, "other", &json!({"team": "a"})));
    assert!(matches_namespace(&json!({"matchLabels": {"team": "a"}}), "other", &json!({"team": "a"})));
    assert!(matches_namespace(&json!({}), "other", &json!(null)));
    assert!(!matches_namespace(&json!(null), "other", &json!(null)));
}

proptest! {
    #[test]
    fn in_and_not_in_exclude_each_other(value in proptest::option::of("[a-c]{1,2}"), values in proptest::collection::vec("[a-c]{1,2}", 1..4)) {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let requirement = |operator| Requirement { key: "k", operator, values: values.clone() };
        let value = value.as_deref();
        prop_assert_ne!(requirement(Operator::In).matches(value), requirement(Operator::NotIn).matches(value));
    }

    #[test]
    fn no_difference_exactly_when_all_match(wanted in "[a-c]{1,3}", got in "[a-c]{1,3}") {
        let (selector, labels) = (json!({"app": wanted}), json!({"app": got}));
        let requirements = map_requirements(&selector);
        prop_assert_eq!(near_miss(&requirements, &labels).is_empty(), all_match(&requirements, &labels));
    }
}

proptest! {
    /// What is passed over without a matrix would have been passed over with it.
    #[test]
    fn letters_alone_never_ask_for_more_edits_than_there_are(a in "[a-d-]{0,12}", b in "[a-d-]{0,12}") {
        prop_assert!(foreign(&a, &b) <= strsim::damerau_levenshtein(&a, &b));
    }
}
