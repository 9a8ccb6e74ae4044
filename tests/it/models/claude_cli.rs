//! The program `claude`: what it is given, what it may see, what its output means, and that nothing of it is left.

use super::{TIME, leaky, request};
use rstest::rstest;
use sre_copilot::adapters::claude_cli::{ClaudeCliModel, ClaudeCliOptions};
use sre_copilot::config::LlmSettings;
use sre_copilot::ports::{LanguageModel, ModelAnswer, ModelError};
use sre_copilot::redact::Redactor;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Asked of a test that runs again in a process of its own, with keys in its environment.
const AGAIN: &str = "SRE_COPILOT_TEST_CLAUDE_FOLDER";

/// A program in a folder that does what a script says, and may write down there what it saw.
struct Fake(TempDir);

impl Fake {
    fn new(script: &str) -> Self {
        let fake = Self(tempfile::tempdir().unwrap());
        write_program(fake.0.path(), script);
        fake
    }

    fn model(&self) -> ClaudeCliModel {
        model(self.0.path())
    }

    fn kept(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    async fn ask(&self) -> Result<ModelAnswer, ModelError> {
        self.model().ask(&request(), TIME).await
    }
}

/// The folder is put into the script, since the program is told nothing about it.
fn write_program(folder: &Path, script: &str) {
    let program = folder.join("claude");
    let text = format!("#!/bin/sh\nkeep='{}'\n{script}\n", folder.display());
    // A file that is open for writing while another thread starts a process can't be run; a process of its own writes it.
    let mut writing = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 700 \"$0\""])
        .arg(&program)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut writing.stdin.take().unwrap(), text.as_bytes()).unwrap();
    assert!(writing.wait().unwrap().success());
    assert_eq!(fs::metadata(&program).unwrap().permissions().mode() & 0o777, 0o700);
}

fn model(folder: &Path) -> ClaudeCliModel {
    let settings = LlmSettings { claude: folder.join("claude"), ..LlmSettings::default() };
    ClaudeCliModel::new(ClaudeCliOptions::of(&settings), Redactor::fixed())
}

const SEEN: &str = r#"printf '%s\n' "$@" > "$keep/arguments"; cat > "$keep/input"; env > "$keep/environment"; pwd > "$keep/folder"; ls -A > "$keep/files"; echo '{"type":"result","is_error":false,"result":"{}","usage":{"input_tokens":3,"cache_creation_input_tokens":4,"cache_read_input_tokens":5,"output_tokens":6}}'"#;

#[tokio::test]
async fn what_it_is_given_is_what_was_shown() {
    let fake = Fake::new(SEEN);
    let model = fake.model();
    let shown = model.egress(&leaky());
    let answer = model.ask(&leaky(), TIME).await.unwrap();
    assert_eq!(answer.text, "{}");
    let usage = answer.usage;
    assert_eq!([usage.input_tokens, usage.cache_write_tokens, usage.cache_read_tokens, usage.output_tokens], [3, 4, 5, 6]);
    assert_eq!(shown.body, fake.kept("input"));
    assert!(!shown.body.contains("hunter2") && !shown.body.contains("abcdef123456"), "{}", shown.body);
    let schema = request().schema.to_string();
    let expected = [
        "--print",
        "--output-format",
        "json",
        "--json-schema",
        &schema,
        "--model",
        "claude-sonnet-5-5",
        "--tools",
        "",
        "--strict-mcp-config",
    ];
    assert_eq!(fake.kept("arguments"), expected.join("\n") + "\n");
    let typed = "--print --output-format json --json-schema '{\"additionalProperties\"";
    assert!(shown.address.starts_with(typed) && shown.address.ends_with("--tools '' --strict-mcp-config"), "{}", shown.address);
    assert_eq!(fake.kept("files"), "", "the working directory is empty");
    assert!(!Path::new(fake.kept("folder").trim()).exists(), "and gone");
}

#[test]
fn it_sees_no_key_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    write_program(folder.path(), SEEN);
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "models::claude_cli::asks_in_a_process_of_its_own", "--ignored"]).env(AGAIN, folder.path());
    for name in ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "JIRA_API_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "KUBECONFIG"] {
        again.env(name, "planted-secret");
    }
    again.env("LC_ALL", "C").env("XDG_CONFIG_HOME", "/xdg").env("CLAUDE_CONFIG_DIR", "/claude").env("no_proxy", "a");
    assert!(again.output().unwrap().status.success());
    let seen = fs::read_to_string(folder.path().join("environment")).unwrap();
    assert!(!seen.contains("planted-secret") && !seen.contains("ANTHROPIC"), "{seen}");
    for line in ["LC_ALL=C", "XDG_CONFIG_HOME=/xdg", "CLAUDE_CONFIG_DIR=/claude", "no_proxy=a"] {
        assert!(seen.lines().any(|seen| seen == line), "{line} is missing:\n{seen}");
    }
}

#[tokio::test]
#[ignore = "run by it_sees_no_key_of_ours"]
async fn asks_in_a_process_of_its_own() {
    let Some(folder) = std::env::var_os(AGAIN) else { return };
    model(Path::new(&folder)).ask(&request(), TIME).await.unwrap();
}

#[rstest]
#[case(r#"echo '{"is_error":false,"result":"text","structured_output":{"a":1}}'"#, r#"{"a":1}"#)]
#[case(r#"echo '{"is_error":false,"result":"{\"a\":2}","structured_output":null}'"#, r#"{"a":2}"#)]
#[case(r#"echo '{"a":3}'"#, r#"{"a":3}"#)]
#[case("echo plain words", "plain words")]
#[tokio::test]
async fn the_answer_is_found(#[case] script: &str, #[case] text: &str) {
    assert_eq!(Fake::new(&format!("cat > /dev/null; {script}")).ask().await.unwrap().text, text);
}

#[rstest]
#[case("echo 'token=abcdef0123456789' >&2; exit 3", "unreadable answer: claude failed (exit status: 3): token=<secret:")]
#[case("exit 1", "unreadable answer: claude failed (exit status: 1): no reason given")]
#[case("exit 0", "unreadable answer: claude printed nothing")]
#[case(r#"echo '{"is_error":false,"result":" "}'"#, "unreadable answer: claude printed nothing")]
#[case(r#"echo '{"is_error":true,"result":"run /login"}'"#, "unreadable answer: claude failed (exit status: 0): run /login")]
#[case(r#"echo '{"is_error":true,"result":"x","api_error_status":529}'; exit 1"#, "HTTP 529: x")]
#[case(r#"echo '{"is_error":true,"result":"x","api_error_status":401}'; exit 1"#, "HTTP 401: x")]
#[case(r#"echo '{"is_error":false,"result":"x","stop_reason":"refusal"}'"#, "refused")]
#[case(r#"echo '{"is_error":false,"result":"x","stop_reason":"max_tokens"}'"#, "the answer was cut off")]
#[case("yes", "unreadable answer: claude wrote more than 1 MiB")]
#[case("kill -9 $$", "unreadable answer: claude failed (signal: 9")]
#[tokio::test]
async fn failures(#[case] script: &str, #[case] said: &str) {
    let error = Fake::new(script).ask().await.unwrap_err().to_string();
    assert!(error.starts_with(said), "{error}");
}

#[tokio::test]
async fn no_such_program() {
    let folder = tempfile::tempdir().unwrap();
    let error = model(folder.path()).ask(&request(), TIME).await.unwrap_err();
    assert!(matches!(&error, ModelError::Unreachable(why) if why.contains("No such file")), "{error}");
}

/// Whether a process is there and isn't merely waiting to be buried by its parent.
fn lives(id: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    status.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// The program starts another, which opens the pipe that tells of its life: it reads as ended when none of both is left.
#[tokio::test]
async fn what_hangs_is_killed_with_all_that_it_started() {
    let fake = Fake::new(
        r#"mkfifo "$keep/alive"; sh -c 'echo $$ > "$0/child"; exec 9> "$0/alive"; sleep 1000' "$keep" & exec 8> "$keep/alive"; wait"#,
    );
    let alive = fake.0.path().join("alive");
    // Opening waits until both ends are there, reading until the last writer is gone.
    let ended = tokio::task::spawn_blocking(move || {
        while !alive.exists() {
            std::thread::yield_now();
        }
        let mut alive = fs::File::open(alive).unwrap();
        std::io::Read::read_to_end(&mut alive, &mut Vec::new()).unwrap()
    });
    let time = Duration::from_millis(1_500);
    assert_eq!(fake.model().ask(&request(), time).await.unwrap_err(), ModelError::Timeout(time));
    assert_eq!(ended.await.unwrap(), 0);
    let child = fake.kept("child");
    while lives(child.trim()) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn four_at_once() {
    let fake = Fake::new(
        r#"cat > /dev/null; mkdir "$keep/run.$$"; ls -d "$keep"/run.* | wc -l >> "$keep/counts"; sleep 0.2; rmdir "$keep/run.$$"; echo '{}'"#,
    );
    let (model, request) = (fake.model(), request());
    let asked = futures::future::join_all((0..9).map(|_| model.ask(&request, TIME))).await;
    assert!(asked.iter().all(Result::is_ok));
    let counts: Vec<u32> = fake.kept("counts").lines().map(|line| line.trim().parse().unwrap()).collect();
    assert!(counts.len() == 9 && counts.iter().all(|at_once| *at_once <= 4), "{counts:?}");
}
