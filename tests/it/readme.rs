//! The README shows what the program prints.

use assert_cmd::Command;

#[test]
fn the_readme_shows_what_its_first_command_prints() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut blocks = readme.split("```\n").skip(1).step_by(2);
    let command = blocks.next().unwrap().trim();
    let arguments = command.strip_prefix("cargo run --release -- ").unwrap();
    let output = Command::cargo_bin("sre-copilot").unwrap().args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(blocks.next().unwrap().trim_end(), printed.trim_end());
}
