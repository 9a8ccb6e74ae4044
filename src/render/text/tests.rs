use super::{SCREEN, text};
use crate::render::{Layout, Reports, samples};

const PLAIN: Layout = Layout { width: 100, color: false, verbose: false };

#[test]
fn a_confirmed_cause() {
    insta::assert_snapshot!(text(Reports::One(&samples::out_of_memory()), PLAIN));
}

#[test]
fn a_confirmed_cause_on_a_narrow_screen() {
    insta::assert_snapshot!(text(Reports::One(&samples::out_of_memory()), Layout { width: 60, ..PLAIN }));
}

#[test]
fn a_confirmed_cause_with_everything() {
    insta::assert_snapshot!(text(Reports::One(&samples::out_of_memory()), Layout { verbose: true, ..PLAIN }));
}

#[test]
fn a_confirmed_cause_in_colour() {
    insta::assert_snapshot!(
        text(Reports::One(&samples::out_of_memory()), Layout { color: true, ..PLAIN }).replace('\u{1b}', "ESC")
    );
}

#[test]
fn two_causes() {
    insta::assert_snapshot!(text(Reports::One(&samples::two_causes()), PLAIN));
}

#[test]
fn hostile_text() {
    let text = text(Reports::One(&samples::hostile()), PLAIN);
    assert!(!text.chars().any(|char| char != '\n' && crate::render::escape::is_unsafe(char)));
    insta::assert_snapshot!(text);
}

#[test]
fn recovered() {
    insta::assert_snapshot!(text(Reports::One(&samples::recovered()), PLAIN));
}

#[test]
fn healthy() {
    insta::assert_snapshot!(text(Reports::One(&samples::healthy()), PLAIN));
}

#[test]
fn several_targets() {
    let reports = [samples::healthy(), samples::recovered(), samples::healthy()];
    insta::assert_snapshot!(text(Reports::Many(&reports), PLAIN));
}

#[test]
fn no_target_at_all() {
    assert_eq!(text(Reports::Many(&[]), PLAIN), "0 targets\n");
}

#[test]
fn fits_a_screen() {
    for report in [samples::out_of_memory(), samples::two_causes(), samples::hostile()] {
        let lines = text(Reports::One(&report), PLAIN).lines().count();
        assert!(lines <= SCREEN, "{lines} lines");
    }
}
