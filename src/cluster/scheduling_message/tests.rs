use super::*;
use proptest::prelude::*;

fn taint(key: &str, value: &str) -> Reason {
    Reason::Taint { key: Some(key.into()), value: Some(value.into()) }
}

fn insufficient(resource: &str) -> Reason {
    Reason::Insufficient { resource: resource.into() }
}

#[test]
fn the_current_form() {
    let message = parse(
        "0/6 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu, 3 node(s) didn't match Pod's node \
         affinity/selector. no new claims to deallocate, preemption: 0/6 nodes are available: 2 No preemption victims found \
         for incoming pod, 4 Preemption is not helpful for scheduling.",
    );
    assert_eq!((message.available, message.total), (Some(0), Some(6)));
    assert_eq!(
        message.reasons,
        [(Some(1), Reason::Taint { key: None, value: None }), (Some(2), insufficient("cpu")), (Some(3), Reason::NodeAffinity)]
    );
    assert!(message.preemption.unwrap().starts_with("0/6 nodes are available: 2 No preemption victims"));
}

#[test]
fn taints_with_dots_colons_and_empty_values() {
    let message = parse(
        "0/4 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 1 node(s) had \
         taint {dedicated: gpu-a.1}, that the pod didn't tolerate, 2 Insufficient nvidia.com/gpu, 2 Insufficient memory.",
    );
    assert_eq!(
        message.reasons,
        [
            (Some(1), taint("node-role.kubernetes.io/control-plane", "")),
            (Some(1), taint("dedicated", "gpu-a.1")),
            (Some(2), insufficient("nvidia.com/gpu")),
            (Some(2), insufficient("memory")),
        ]
    );
    assert_eq!(message.preemption, None);
}

#[test]
fn reasons_about_the_pod_have_no_count() {
    let message = parse(
        "0/3 nodes are available: persistentvolumeclaim \"data.web-0\" not found. preemption: 0/3 nodes are available: 3 \
         Preemption is not helpful for scheduling.",
    );
    assert_eq!(message.reasons, [(None, Reason::ClaimMissing { claim: "data.web-0".into() })]);
    assert_eq!(message.total, Some(3));
    let counted = parse("0/3 nodes are available: 3 persistentvolumeclaim \"data\" not found.");
    assert_eq!(counted.reasons, [(Some(3), Reason::ClaimMissing { claim: "data".into() })]);
    let bare = parse("persistentvolumeclaim \"data\" not found");
    assert_eq!((bare.total, bare.reasons), (None, vec![(None, Reason::ClaimMissing { claim: "data".into() })]));
}

#[test]
fn older_releases_wrap_and_repeat() {
    let unbound = [(None, Reason::UnboundClaim)];
    assert_eq!(parse("pod has unbound immediate PersistentVolumeClaims (repeated 2 times)").reasons, unbound);
    let wrapped = "running \"VolumeBinding\" filter plugin for pod \"web-0\": pod has unbound immediate PersistentVolumeClaims";
    assert_eq!(parse(wrapped).reasons, unbound);
    assert_eq!(parse(&format!("error while {wrapped}")).reasons, unbound);
    let both = parse(
        "0/2 nodes are available: 2 node(s) didn't match pod affinity/anti-affinity, 2 node(s) didn't match pod \
         anti-affinity rules.",
    );
    assert_eq!(both.reasons, [(Some(2), Reason::InterPodAffinity), (Some(2), Reason::PodAntiAffinity)]);
    let selector = parse(
        "0/5 nodes are available: 2 node(s) had taints that the pod didn't tolerate, 3 node(s) didn't match node selector.",
    );
    assert_eq!(selector.reasons[1], (Some(3), Reason::NodeAffinity));
}

#[test]
fn every_fixed_wording_is_read_with_its_count() {
    for (words, reason) in FIXED {
        let message =
            parse(&format!("0/7 nodes are available: 3 {words}, 4 Insufficient cpu. preemption: 0/7 nodes are available."));
        assert_eq!(message.reasons, [(Some(3), reason.clone()), (Some(4), insufficient("cpu"))], "{words}");
    }
}

#[test]
fn the_rarer_forms() {
    let one = |text: &str| parse(&format!("0/2 nodes are available: {text}.")).reasons.remove(0).1;
    assert_eq!(one("2 node(s) didn't satisfy plugin(s) [NodeAffinity]"), Reason::Plugins(vec!["NodeAffinity".into()]));
    assert_eq!(
        one("node(s) didn't satisfy plugin(s) [NodeAffinity VolumeBinding] simultaneously"),
        Reason::Plugins(vec!["NodeAffinity".into(), "VolumeBinding".into()])
    );
    assert_eq!(one("1 cannot allocate all claims"), Reason::Device("cannot allocate all claims".into()));
    assert_eq!(
        one("waiting for ephemeral volume controller to create the persistentvolumeclaim \"web-0-scratch\""),
        Reason::ClaimNotCreated { claim: "web-0-scratch".into() }
    );
    assert_eq!(
        one("persistentvolumeclaim \"data\" bound to non-existent persistentvolume \"pv-1\""),
        Reason::ClaimLost { claim: "data".into(), volume: "pv-1".into() }
    );
    assert_eq!(
        one("looking up PVC shop/data: persistentvolumeclaim \"data\" is being deleted"),
        Reason::ClaimDeleting { claim: "data".into() }
    );
    assert_eq!(one("2 node(s) had disk pressure"), Reason::NodeCondition("node(s) had disk pressure".into()));
    assert_eq!(
        one("1 node declared features check failed - unsatisfied requirements: FeatureA, FeatureB"),
        Reason::Other("node declared features check failed - unsatisfied requirements: FeatureA, FeatureB".into())
    );
}

#[test]
fn preemption_that_is_ruled_out() {
    let never = parse("0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.");
    assert_eq!(never.preemption.as_deref(), Some("not eligible due to preemptionPolicy=Never."));
    let devices = parse(
        "0/2 nodes are available: 1 cannot allocate all claims, 1 node(s) didn't match Pod's node affinity/selector. still not \
         schedulable, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
    );
    assert_eq!(devices.reasons.len(), 2);
    assert!(devices.preemption.is_some());
}

#[test]
fn what_is_not_understood_is_kept() {
    assert_eq!(parse(""), SchedulerMessage::default());
    assert_eq!(parse("no nodes available to schedule pods").reasons, [(None, Reason::NoNodes)]);
    assert_eq!(parse("Scheduling is blocked due to non-empty scheduling gates").reasons, [(None, Reason::Gated)]);
    assert_eq!(
        parse("skip schedule deleting pod: shop/web").reasons,
        [(None, Reason::Other("skip schedule deleting pod: shop/web".into()))]
    );
    assert_eq!(parse("0/0 nodes are available").total, Some(0));
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC*") {
        parse(&text);
        parse(&format!("0/3 nodes are available: {text}"));
    }

    #[test]
    fn never_panics_on_its_own_words(parts in proptest::collection::vec("0/3 nodes are available|: |, |\\. |[0-9]{1,12} |node\\(s\\) had taint \\{|\\}|persistentvolumeclaim |\"|preemption:|Insufficient |plugin for pod |é", 0..20)) {
        parse(&parts.concat());
    }

    #[test]
    fn counts_come_back(reasons in proptest::collection::vec((1_u32..500, 0..FIXED.len()), 1..6)) {
        let text: Vec<String> = reasons.iter().map(|(count, index)| format!("{count} {}", FIXED[*index].0)).collect();
        let parsed = parse(&format!("0/9 nodes are available: {}.", text.join(", "))).reasons;
        let expected: Vec<_> = reasons.iter().map(|(count, index)| (Some(*count), FIXED[*index].1.clone())).collect();
        prop_assert_eq!(parsed, expected);
    }
}
