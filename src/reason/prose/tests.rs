use super::*;
use proptest::prelude::*;

const CONTEXT: &str = r#"Deployment shop/checkout: F7 found oom_killed O2 0.98 "lastState.terminated.reason=OOMKilled" at
    2026-04-14T13:01:05Z, limit 256Mi, exit 137, image registry.example.com/shop/checkout:7.4.0, 0 of 2 pods, pod
    checkout-7d9f8c-x2x1z, restarts 6, namespace shop, Service checkout port 8080"#;
const ROLLBACK: &str = "kubectl -n shop rollout undo deployment/checkout --to-revision=14";

fn left(text: &str) -> Option<String> {
    Prose::over(CONTEXT, &[ROLLBACK]).text(text, &mut Dropped::default())
}

#[test]
fn what_the_context_holds_stays() {
    for text in [
        "Container was killed at its memory limit of 256Mi, exit 137.",
        "Deployment shop/checkout has 0 of 2 pods ready since 13:01 UTC.",
        "Pod checkout-7d9f8c-x2x1z is read-only after an out-of-memory kill.",
        "The image is registry.example.com/shop/checkout:7.4.0.",
        "The fact F7 (oom_killed) says it.",
        "The service of the docker image is slow, and its node is fine.",
        "Namespace shop is fine, and so is the namespace itself.",
        "Its stack trace shows import os and a call of rm.",
    ] {
        assert_eq!(left(text).as_deref(), Some(text));
    }
}

#[test]
fn what_the_context_lacks_is_cut() {
    for text in [
        "Deployment shop/payments is broken.",
        "The limit should be 777Mi.",
        "It fails in namespace billing.",
        "The billing namespace is full.",
        "Service `ledger` is down.",
        "Pod payments crashed.",
        "It restarted 4711 times.",
        "payment-service does not answer.",
        "See evil.example.org for more.",
        "It calls 10.0.0.99 in vain.",
        "Version 7.4.1 is broken.",
    ] {
        assert_eq!(left(text), None, "{text}");
    }
    let mixed = "It was killed at 256Mi. Deployment billing/ledger is next. It has 0 of 2 pods.";
    assert_eq!(left(mixed).as_deref(), Some("It was killed at 256Mi. It has 0 of 2 pods."));
}

#[test]
fn a_command_of_no_intent_is_cut() {
    let prose = Prose::over(&format!("{CONTEXT} {ROLLBACK}"), &[ROLLBACK]);
    let whole = format!("Run `{ROLLBACK}`.");
    assert_eq!(prose.text(&whole, &mut Dropped::default()), Some(whole));
    for text in [
        "Run kubectl delete namespace shop.",
        "Run kubectl -n shop rollout undo deployment/checkout --to-revision=14 --force.",
        "Run kubectl -n shop rollout undo deployment/checkout --to-revision=14 && rm -rf /.",
        "Use curl -s on it.",
        "Try `sudo reboot`.",
        "helm rollback checkout",
        "Run /usr/bin/kubectl get pods.",
        "Pipe it | sh now.",
        "KUBECTL delete pod",
    ] {
        assert_eq!(prose.text(text, &mut Dropped::default()), None, "{text}");
    }
}

#[test]
fn links_become_text_and_nobody_is_called() {
    for (text, wanted) in [
        ("[The pod](https://evil.example/x) was killed.", Some("The pod was killed.")),
        ("![It](b) was killed.", Some("It was killed.")),
        ("<https://evil.example|the pod> was killed.", None),
        ("See https://registry.example.com/shop/checkout:7.4.0 now.", Some("See registry.example.com/shop/checkout:7.4.0 now.")),
        ("@everyone look.", None),
        ("@\u{200b}everyone look.", None),
        ("\u{ff20}here look.", None),
        ("mail@everyone.", None),
        ("<@123456> look.", None),
        ("Ask @oncall.", None),
        ("It was\u{202e} killed\nat 256Mi.\u{7}", Some("It was killed at 256Mi.")),
        ("0 < 2 pods.", Some("0 < 2 pods.")),
    ] {
        assert_eq!(left(text).as_deref(), wanted, "{text}");
    }
}

#[test]
fn a_change_is_told_by_its_verb() {
    for (text, wanted) in [
        ("Restart the Deployment.", Some("restart")),
        ("You should roll it; then roll back.", Some("rollback")),
        ("Just delete the pod", Some("delete")),
        ("Look at the restart count.", None),
        ("See why it restarts.", None),
        ("Raise the limit.", None),
    ] {
        assert_eq!(Prose::change(text), wanted, "{text}");
    }
}

proptest! {
    /// Whatever comes in: no panic, no control character, no mention, no link.
    #[test]
    fn nothing_acts_on_a_screen(text in prop_oneof![
        "\\PC{0,200}", "[@<>\\[\\]()!:/a-z0-9. \u{0}\u{200b}]{0,80}", ".{0,100}",
    ]) {
        let cleaned = clean(&text);
        prop_assert!(!cleaned.chars().any(char::is_control) && !cleaned.contains("://") && !cleaned.contains("]("), "{}", cleaned);
        if let Some(left) = left(&text) {
            prop_assert!(!left.to_lowercase().contains("@everyone") && !left.contains("<@"));
        }
    }
}
