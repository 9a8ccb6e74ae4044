//! `explain` answers for every id that a report can hold.

use serde_json::Value;
use sre_copilot::diagnose::{SYMPTOMS, catalogue};

fn explain(args: &[&str]) -> (i32, String, String) {
    let mut command = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("sre-copilot"));
    let output = command.arg("explain").args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_cause_says_what_it_is_and_what_to_do() {
    let (code, out, err) = explain(&["oom_killed"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("oom_killed: "), "{out}");
    for part in ["What ", "Shows as ", "Source ", "Check it ", "Mend it ", "crash_loop", "OOMKilled", "kubectl "] {
        assert!(out.contains(part), "{part}: {out}");
    }
    // A command is copied whole.
    assert!(out.lines().any(|line| line.starts_with("Check it") && line.ends_with("terminated}'")), "{out}");
}

#[test]
fn a_symptom_names_what_can_be_behind_it() {
    let (code, out, _) = explain(&["crash_loop"]);
    assert_eq!(code, 0);
    assert!(out.contains("symptom") && out.contains("oom_killed"), "{out}");
}

#[test]
fn json_of_one_and_of_all() {
    let json = |args: &[&str]| -> Value { serde_json::from_str(&explain(args).1).unwrap() };
    let one = json(&["OOM_killed", "-o", "json"]);
    assert_eq!((&one["kind"], &one["id"]), (&"Cause".into(), &"oom_killed".into()));
    assert!(one["symptoms"].as_array().unwrap().iter().any(|it| it["id"] == "crash_loop"), "{one}");
    let all = json(&["-o", "json"]);
    let rows = catalogue().iter().map(|(_, causes)| causes.len()).sum::<usize>();
    assert_eq!(all["items"].as_array().unwrap().len(), rows);
}

#[test]
fn the_table_has_every_cause_in_every_form() {
    for form in ["text", "markdown", "yaml"] {
        let (code, out, _) = explain(&["-o", form]);
        assert_eq!(code, 0);
        for (section, causes) in catalogue() {
            assert!(out.to_lowercase().contains(&section.title().to_lowercase()), "{form}: {}", section.title());
            for cause in causes {
                assert!(out.contains(cause.id), "{form}: {}", cause.id);
            }
        }
    }
}

#[test]
fn the_page_of_causes_has_a_section_for_every_cause() {
    let page = sre_copilot::cli::causes_page();
    for cause in catalogue().into_iter().flat_map(|(_, causes)| causes) {
        assert_eq!(page.matches(&format!("### `{}`\n", cause.id)).count(), 1, "{}", cause.id);
    }
    assert!(SYMPTOMS.iter().all(|symptom| page.contains(&format!("- `{}`: ", symptom.id))));
}

#[test]
fn an_unknown_id_is_answered_with_what_was_probably_meant() {
    for (id, meant) in
        [("oom_kiled", "oom_killed?"), ("OOMKilled", "oom_killed"), ("oom", "oom_killed"), ("crash-loop-", "crash_loop")]
    {
        let (code, out, err) = explain(&[id]);
        assert_eq!((code, out.as_str()), (2, ""), "{id}");
        assert!(err.contains("did you mean") && err.contains(meant), "{id}: {err}");
    }
    let (code, _, err) = explain(&["qqqqqqqqqqqqqqqqqqqqqqqq"]);
    assert!(code == 2 && err.contains("sre-copilot explain, without an id"), "{err}");
}
