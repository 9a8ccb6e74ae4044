//! The program as a person or a script runs it: exit codes, what goes to which stream, and errors.

use assert_cmd::Command;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use tempfile::TempDir;

/// The program, in an environment that nothing of this machine leaks into.
fn program() -> Command {
    let mut command = Command::cargo_bin("sre-copilot").unwrap();
    command.env_clear().env("KUBECONFIG", "/nonexistent/kubeconfig");
    command
}

struct Output {
    code: i32,
    out: String,
    err: String,
}

fn run(args: &[&str]) -> Output {
    let output = program().args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

fn pod(namespace: &str, name: &str, status: Value) -> Value {
    let container = json!({"name": "app", "image": "registry.example/app:1", "resources": {"limits": {"memory": "64Mi"}}});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace, "name": name, "labels": {"app": name}},
        "spec": {"containers": [container]}, "status": status})
}

/// A container that the kernel killed at its limit three minutes before the capture.
fn out_of_memory() -> Value {
    let ended = json!({"terminated": {"reason": "OOMKilled", "exitCode": 137,
        "startedAt": "2026-01-02T05:00:00Z", "finishedAt": "2026-01-02T05:03:00Z"}});
    json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{"name": "app", "restartCount": 4, "ready": false, "lastState": ended,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}}}]})
}

fn running() -> Value {
    json!({"phase": "Running", "startTime": "2026-01-01T05:00:00Z",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T05:00:10Z"}],
        "containerStatuses": [{"name": "app", "restartCount": 0, "ready": true, "started": true,
            "state": {"running": {"startedAt": "2026-01-01T05:00:05Z"}}}]})
}

/// A folder of two bundles: `broken`, whose pod is killed, and `well`.
struct Cases(TempDir);

impl Cases {
    fn new() -> Self {
        let cases = Self(tempfile::tempdir().unwrap());
        let broken = [pod("shop", "checkout-0", out_of_memory()), pod("shop", "cart-0", running())];
        cases.add("broken", &broken, json!({"verdict": "confirmed", "cause": "oom_killed", "facts": {"oom_killed": "found"}}));
        cases.add("well", &[pod("shop", "checkout-0", running())], json!({"verdict": "healthy", "gate": "none"}));
        cases
    }

    fn add(&self, name: &str, objects: &[Value], expected: Value) {
        let folder = self.0.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        let incident = json!({"apiVersion": "sre-copilot/v1", "kind": "IncidentBundle", "capturedAt": "2026-01-02T05:06:00Z",
            "target": {"kind": "Pod", "namespace": "shop", "name": "checkout-0"}, "sources": {"kubernetes": "ok", "logs": "ok"}});
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        for (file, content) in [("incident.json", incident), ("objects.json", list), ("expected.json", expected)] {
            fs::write(folder.join(file), content.to_string()).unwrap();
        }
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }
}

/// Every error: its exit code, nothing on standard output, and what it says, in at most four lines.
#[test]
fn errors_say_what_to_do_in_at_most_four_lines() {
    let cases = Cases::new();
    let broken = cases.path("broken");
    let of = |args: &[&str], code: i32, says: &str| {
        let Output { code: got, out, err } = run(args);
        assert_eq!((got, out.as_str()), (code, ""), "{args:?}: {err}");
        assert!(err.contains(says), "{args:?} should say {says:?}: {err}");
        assert!(err.lines().count() <= 4 && err.starts_with("error: "), "{args:?}: {err}");
    };
    of(&["analyse"], 2, "'analyze'");
    of(&["analyze", "--frm", "x"], 2, "'--from'");
    of(&["analyze", "-o", "xml"], 2, "possible values");
    of(&["analyze", "--since", "yesterday"], 2, "write it as 30s");
    of(&["analyze", "pods", "-l", "app=(x"], 2, "no label requirement");
    of(&["analyze", "pod/x", "-l", "app=x"], 2, "exclude each other");
    of(&["analyze", "-A", "-n", "shop"], 2, "cannot be used with");
    of(&["analyze", "depoyment/x"], 2, "did you mean deployment?");
    of(&["analyze", "checkout-0"], 2, "pod/checkout-0");
    of(&["replay"], 2, "<BUNDLE>");
    of(&["analyze", "--from", "/nonexistent"], 1, "/nonexistent");
    of(&["analyze", "-n", "shop"], 1, "kubeconfig");
    of(&["analyze", "--from", &broken, "pod/checkout"], 1, "did you mean pod/checkout-0 -n shop");
    of(&["analyze", "--from", &broken, "pod/chekcout-0"], 1, "did you mean pod/checkout-0 -n shop");
    of(&["analyze", "--from", &broken, "pod/checkout-0", "-n", "bank"], 1, "did you mean pod/checkout-0 -n shop");
    of(&["analyze", "--from", &broken, "ns/shpo"], 1, "did you mean -n shop?");
    of(&["analyze", "--from", &broken, "svc"], 1, "no service");
    of(&["replay", "--all", &cases.path("broken/nothing")], 1, "nothing");
}

#[test]
fn control_characters_in_arguments_do_not_reach_the_terminal() {
    for args in [&["\u{1b}[31mred"][..], &["analyze", "\u{1b}]0;x\u{7}/y"], &["analyze", "--from", "/\u{1b}[2J\nerror: x"]] {
        let err = run(args).err;
        assert!(!err.chars().any(|char| char.is_control() && char != '\n'), "{err:?}");
        assert!(!err.lines().any(|line| line == "error: x"), "{err:?}");
    }
}

#[test]
fn help_and_version_are_results() {
    for args in [&["--version"][..], &["--help"], &["analyze", "--help"], &["help", "replay"]] {
        let Output { code, out, err } = run(args);
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
        assert!(!out.is_empty(), "{args:?}");
    }
    assert_eq!(run(&["--version"]).out, format!("sre-copilot {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(run(&[]).code, 2);
}

#[test]
fn exit_codes_tell_the_verdict_only_when_asked_to() {
    let cases = Cases::new();
    let (broken, well) = (cases.path("broken"), cases.path("well"));
    assert_eq!(run(&["analyze", "--from", &broken]).code, 0);
    assert_eq!(run(&["analyze", "--from", &broken, "--exit-code"]).code, 3);
    assert_eq!(run(&["analyze", "--from", &well, "--exit-code"]).code, 0);
    assert_eq!(run(&["analyze", "--from", &broken, "pod/cart-0", "--exit-code"]).code, 0);
    assert_eq!(run(&["replay", &broken, "--exit-code"]).code, 3);
    assert_eq!(run(&["replay", &broken]).code, 0);
}

#[test]
fn targets_are_found_the_way_kubectl_finds_them() {
    let cases = Cases::new();
    let broken = cases.path("broken");
    let headline = |args: &[&str]| {
        let output = run(&[&["analyze", "--from", &broken][..], args].concat());
        assert_eq!(output.code, 0, "{}", output.err);
        output.out.lines().next().unwrap().to_owned()
    };
    for args in [&[][..], &["pod/checkout-0"], &["po", "checkout-0"], &["pods/checkout-0", "-n", "shop"]] {
        assert!(headline(args).starts_with("CONFIRMED  Pod shop/checkout-0 container app: oom_killed"), "{args:?}");
    }
    assert!(headline(&["-n", "shop"]).starts_with("CONFIRMED  Pod shop/checkout-0"), "the namespace finds the pod");
    assert_eq!(headline(&["pods", "-l", "app=cart-0"]), "HEALTHY  Pod shop/cart-0");
}

#[test]
fn several_targets_are_a_list() {
    let cases = Cases::new();
    let broken = cases.path("broken");
    let json = |args: &[&str]| -> Value {
        let output = run(&[&["analyze", "--from", &broken, "-o", "json"][..], args].concat());
        serde_json::from_str(&output.out).unwrap()
    };
    assert_eq!(json(&["pod/cart-0"])["kind"], "Report");
    for args in [&["pod", "checkout-0", "cart-0"][..], &["pods"]] {
        let list = json(args);
        assert_eq!((&list["kind"], list["items"].as_array().map(Vec::len)), (&json!("ReportList"), Some(2)), "{args:?}");
    }
    // One that happens to be alone is still a list.
    assert_eq!(json(&["pods", "-l", "app=cart-0"])["kind"], "ReportList");
    let text = run(&["analyze", "--from", &broken, "pods"]).out;
    assert!(text.ends_with("2 targets: 1 confirmed, 1 healthy\n"), "{text}");
}

#[test]
fn the_same_input_gives_the_same_bytes_and_nothing_else_on_standard_output() {
    let cases = Cases::new();
    for format in ["text", "json", "yaml", "markdown"] {
        let args = ["analyze", "--from", &cases.path("broken"), "-o", format];
        let (first, second) = (run(&args), run(&args));
        assert_eq!((first.out.as_str(), first.err.as_str()), (second.out.as_str(), ""), "{format}");
        assert!(first.out.contains("oom_killed"), "{format}");
    }
}

#[test]
fn reads_what_kubectl_prints_from_standard_input() {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [pod("shop", "checkout-0", out_of_memory())]});
    let output = program().args(["analyze", "--from", "-", "pod/checkout-0"]).write_stdin(list.to_string()).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("oom_killed"), "{output:?}");
}

#[test]
fn what_is_recorded_replays_the_same() {
    let cases = Cases::new();
    let (broken, copy) = (cases.path("broken"), cases.path("copy"));
    let before = run(&["analyze", "--from", &broken, "pod/checkout-0", "-o", "json", "--record", &copy]);
    assert_eq!(before.code, 0, "{}", before.err);
    let after = run(&["replay", &copy, "-o", "json"]);
    assert_eq!(after.out, before.out);
    let refused = run(&["analyze", "--from", &broken, "--record", env!("CARGO_MANIFEST_DIR")]);
    assert_eq!((refused.code, refused.err.lines().count()), (1, 2), "{}", refused.err);
}

#[test]
fn replay_compares_with_what_was_expected() {
    let cases = Cases::new();
    let all = cases.path("");
    let same = run(&["replay", "--all", &all, "--diff"]);
    assert_eq!(same.code, 0, "{}", same.out);
    assert!(same.out.contains("2 cases: 2 as expected\n"), "{}", same.out);

    cases.add("wrong", &[pod("shop", "checkout-0", running())], json!({"verdict": "confirmed", "mentions": ["disk"]}));
    let different = run(&["replay", "--all", &all, "--diff", "-o", "json"]);
    assert_eq!(different.code, 3);
    let document: Value = serde_json::from_str(&different.out).unwrap();
    let expected = json!([{"key": "verdict", "expected": "confirmed", "got": "healthy"},
        {"key": "mentions", "expected": "disk", "got": "not in the text"}]);
    assert_eq!(document["items"][2]["differences"], expected);
    assert_eq!(document["totals"]["different"], 1);
    assert_eq!(run(&["replay", "--all", &all]).code, 0);
}

#[test]
fn a_case_that_can_not_be_read_differs() {
    let cases = Cases::new();
    fs::write(PathBuf::from(cases.path("well")).join("objects.json"), "{\"kind\": ").unwrap();
    let output = run(&["replay", "--all", &cases.path(""), "--diff"]);
    assert_eq!(output.code, 3);
    assert!(output.out.contains("2 cases: 1 as expected, 1 unreadable\n"), "{}", output.out);
    assert_eq!(run(&["replay", "--all", &cases.path("")]).code, 1);
}

#[test]
fn colour_only_where_it_is_wanted() {
    let cases = Cases::new();
    let colored = |flag: &[&str], env: &[(&str, &str)]| {
        let output =
            program().args(["analyze", "--from", &cases.path("broken")]).args(flag).envs(env.iter().copied()).output().unwrap();
        output.stdout.contains(&0x1b)
    };
    assert!(!colored(&[], &[]), "not into a pipe");
    assert!(colored(&["--color", "always"], &[("NO_COLOR", "1")]), "the flag decides");
    assert!(colored(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!colored(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!colored(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let cases = Cases::new();
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("sre-copilot"))
        .args(["analyze", "--from", &cases.path("broken"), "-v"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn completions_are_scripts() {
    for shell in ["bash", "zsh", "fish"] {
        let Output { code, out, .. } = run(&["completions", shell]);
        assert!(code == 0 && out.contains("namespace"), "{shell}");
    }
    assert_eq!(run(&["completions", "csh"]).code, 2);
    // Every state that the script for bash goes to has its completions.
    let bash = run(&["completions", "bash"]).out;
    let states: Vec<&str> = bash.lines().filter_map(|line| line.trim().strip_prefix("cmd=\"")?.strip_suffix('"')).collect();
    assert!(states.len() > 4, "{states:?}");
    for state in states.into_iter().filter(|state| !state.is_empty()) {
        assert!(bash.lines().any(|line| line.trim() == format!("{state})")), "{state}");
    }
}
