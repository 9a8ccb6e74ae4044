//! The program itself: how it starts, refuses to, and ends.

use serde_json::json;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sre-copilot"));
    let database = format!("sqlite:{}", folder.join("state.db").display());
    command.env_clear().env("DATABASE_URL", database).env("XDG_STATE_HOME", folder).env("XDG_CONFIG_HOME", folder);
    command.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(folder).stderr(Stdio::piped());
    command
}

/// The lines of a log, which is kept in a file too. Whoever writes it never waits for whoever reads it.
fn followed(log: ChildStderr, file: &Path) -> Receiver<String> {
    let (mut file, (sender, receiver)) = (File::create(file).unwrap(), channel());
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            writeln!(file, "{line}").unwrap();
            let _ = sender.send(line);
        }
    });
    receiver
}

pub struct Serving {
    pub child: Child,
    pub address: String,
    log: Receiver<String>,
}

/// It doesn't outlive its test, whichever way that ends.
impl Drop for Serving {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Serving {
    pub fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    /// With these variables too.
    pub fn start_with(folder: &Path, variables: &[(&str, &str)]) -> Self {
        let mut child = program(folder).envs(variables.iter().copied()).spawn().unwrap();
        let log = followed(child.stderr.take().unwrap(), &folder.join("serve.log"));
        let (mut address, mut said) = (None, String::new());
        while address.is_none() {
            let line = log.recv().unwrap_or_else(|_| panic!("it ended: {said}"));
            let at = line.contains("listening").then(|| line.find("127.0.0.1:")).flatten();
            address = at.map(|at| line[at..].chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect());
            said.push_str(&line);
        }
        Self { child, address: address.unwrap(), log }
    }

    fn deliver(&self, number: u32) -> Option<String> {
        let alert = json!({"labels": {"alertname": "A", "namespace": "shop", "pod": format!("p-{number}")}});
        let body = json!({ "alerts": [alert] }).to_string();
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let head = format!(
            "POST /webhooks/alertmanager HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Once it has said this.
    pub fn says(&self, what: &str) {
        assert!(self.log.iter().any(|line| line.contains(what)), "it ended, and never said {what}");
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

#[test]
fn a_second_one_on_the_same_database_names_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Serving::start(folder.path());
    let second = program(folder.path()).output().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("process {} serves", first.child.id())) && said.lines().count() <= 4, "{said}");
    // However the first one ends, nothing stands in the way of the next.
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    let mut next = Serving::start(folder.path());
    assert!(next.deliver(1).unwrap().starts_with("HTTP/1.1 202"));
    next.child.kill().unwrap();
    next.child.wait().unwrap();
}

#[test]
fn production_refuses_with_all_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    let output = command.envs([("ENV", "production"), ("SAFE_MODE", "false"), ("APPROVAL_REQUIRED", "false")]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for reason in ["ALERTMANAGER_WEBHOOK_SECRET", "SAFE_MODE=false", "APPROVAL_REQUIRED=false"] {
        assert!(said.contains(reason), "{said}");
    }
    assert!(!folder.path().join("state.db").exists());
}

#[test]
fn it_ends_in_order_and_what_was_acknowledged_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(folder.path());
    assert!(serving.deliver(1).unwrap().starts_with("HTTP/1.1 202"));
    serving.signal("-TERM");
    serving.says("SIGTERM");
    // Not ready any more, and still taking.
    let answer = serving.deliver(2).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    assert_eq!(serving.child.wait().unwrap().code(), Some(0));
    assert!(serving.deliver(3).is_none());
    // The write-ahead log is folded in.
    assert!(!folder.path().join("state.db-wal").exists());
    let connection = rusqlite::Connection::open(folder.path().join("state.db")).unwrap();
    let episodes: i64 = connection.query_row("SELECT count(*) FROM episodes", [], |row| row.get(0)).unwrap();
    assert_eq!(episodes, 2);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(folder.path());
    serving.signal("-TERM");
    serving.says("SIGTERM");
    serving.signal("-INT");
    assert_eq!(serving.child.wait().unwrap().code(), Some(1));
}
