//! Every form of output that isn't text, over the reports of `samples`.

use super::escape::is_unsafe;
use super::{Cell, Fit, Layout, Reports, Tone, json, markdown, samples, table, yaml};

#[test]
fn markdown_of_a_confirmed_cause() {
    insta::assert_snapshot!(markdown(Reports::One(&samples::out_of_memory()), false));
}

#[test]
fn markdown_with_everything() {
    insta::assert_snapshot!(markdown(Reports::One(&samples::two_causes()), true));
}

#[test]
fn markdown_of_hostile_text() {
    let text = markdown(Reports::One(&samples::hostile()), false);
    // The zero-width space is ours: it keeps a mention from notifying anybody.
    assert!(!text.chars().any(|char| char != '\n' && char != '\u{200b}' && is_unsafe(char)));
    insta::assert_snapshot!(text.replace('\u{200b}', "ZWSP"));
}

#[test]
fn markdown_of_several() {
    insta::assert_snapshot!(markdown(Reports::Many(&[samples::recovered(), samples::healthy()]), false));
}

#[test]
fn json_of_a_confirmed_cause() {
    insta::assert_snapshot!(json(&Reports::One(&samples::out_of_memory())).unwrap());
}

#[test]
fn json_of_several() {
    let text = json(&Reports::Many(&[samples::recovered(), samples::healthy()])).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["apiVersion"], "sre-copilot/v1");
    assert_eq!(value["kind"], "ReportList");
    assert_eq!(value["items"][1]["verdict"], "healthy");
}

#[test]
fn yaml_of_a_confirmed_cause() {
    insta::assert_snapshot!(yaml(&Reports::One(&samples::out_of_memory())).unwrap());
}

#[test]
fn json_and_yaml_of_hostile_text_hold_the_same_and_act_on_no_terminal() {
    let report = samples::hostile();
    let (json, yaml) = (json(&Reports::One(&report)).unwrap(), yaml(&Reports::One(&report)).unwrap());
    for text in [&json, &yaml] {
        let found = text.chars().find(|char| *char != '\n' && is_unsafe(*char));
        assert_eq!(found, None, "in {text}");
    }
    let from_json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let from_yaml: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(from_json, from_yaml);
}

#[test]
fn a_table_fits_the_screen_or_stays_on_one_line_a_row() {
    let layout = Layout { width: 48, color: false, verbose: false };
    let rows = [
        vec![Cell::new("checkout-oom"), Cell::toned("confirmed", Tone::Bad), Cell::new("Deployment shop/checkout-with-a-name")],
        vec![Cell::new("x\u{1b}[2J"), Cell::toned("healthy", Tone::Good), Cell::new("接続できません 接続できません 接続")],
    ];
    let head = ["case", "verdict", "object"];
    let shown = [Fit::Wrap, Fit::Cut(&[2]), Fit::Whole].map(|fit| table(&head, &rows, layout, fit));
    insta::assert_snapshot!(shown.join("\n"));
}
