//! `serve` under a flood, as a sender sees it: the release program, pinned to two cores where there are more, gets batches over
//! kept connections, half of them repeats, while somebody clicks in Discord. Prints what it takes idle, alerts and single posts
//! a second, the time from the first byte sent to the status line, its memory, and beside that what the disk takes for one
//! write; asserts nothing about time. Where Debian's Alertmanager is installed, what its own API takes of the same alerts, in
//! the same run: it keeps them in memory.
//!
//! `SECONDS` (60), `BATCH` (64) and `CONNECTIONS` (16) change the flood; the folder is `TMPDIR`'s.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use ed25519_dalek::{Signer, SigningKey};
use std::error::Error;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sre-copilot");
/// Before it counts.
const WARM_UP: Duration = Duration::from_secs(10);
/// The seed of the key that clicks are signed with.
const KEY: [u8; 32] = [7; 32];

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let mut syncs = disk(folder.path())?;
    let seconds = Duration::from_secs(setting("SECONDS", 60));
    let (batch, connections) = (setting("BATCH", 64), setting("CONNECTIONS", 16));
    let serving = Serving::start(folder.path())?;
    std::thread::sleep(seconds.min(Duration::from_secs(60)));
    println!("idle: {:.1} MiB resident", serving.memory("VmRSS"));
    for (what, size, time) in [("single alerts", 1, seconds / 4), ("batches", batch, seconds)] {
        let flood = Flood::new(&serving.address, OURS, size, time);
        let (posts, mut clicks) = flood.run(connections)?;
        flood.print(what, posts);
        print("  a click meanwhile", &mut clicks);
        serving.print_memory();
    }
    print("fdatasync of 4 KiB, before", &mut syncs);
    drop(serving);
    if let Some(alertmanager) = Serving::alertmanager(folder.path())? {
        for (what, size, time) in [("single alerts", 1, seconds / 4), ("batches", batch, seconds)] {
            let flood = Flood::new(&alertmanager.address, ALERTMANAGER, size, time);
            let (posts, _) = flood.run(connections)?;
            flood.print(&format!("Alertmanager's API v2, {what}"), posts);
            alertmanager.print_memory();
        }
    }
    print("fdatasync of 4 KiB, after", &mut disk(folder.path())?);
    Ok(())
}

fn setting<T: FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn print(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default().as_secs_f64() * 1e3;
    println!("{what}: p50 {:.2} ms, p99 {:.2} ms, most {:.1} ms ({})", at(0.5), at(0.99), at(1.0 - 1e-9), times.len());
}

fn disk(folder: &Path) -> Result<Vec<Duration>, std::io::Error> {
    let mut file = std::fs::File::create(folder.join("probe"))?;
    let one = |_| {
        let began = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        Ok(began.elapsed())
    };
    (0..200).map(one).collect()
}

struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(folder: &Path) -> Result<Self, Failure> {
        std::fs::write(folder.join("sre-copilot.toml"), "[serve]\nsender_rate = \"1000000/s\"\n")?;
        let cores = std::thread::available_parallelism()?.get();
        let mut command = if cores > 2 { Command::new("taskset") } else { Command::new(PROGRAM) };
        if cores > 2 {
            command.args(["-c", "0,1", PROGRAM]);
        } else {
            println!("only {cores} cores: the sender shares them");
        }
        let key: String = SigningKey::from_bytes(&KEY).verifying_key().as_bytes().iter().fold(String::new(), hex);
        command.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(folder).stderr(Stdio::piped());
        command.env("DATABASE_URL", "sqlite:state.db").env("XDG_STATE_HOME", folder).env("KUBECONFIG", "none");
        command.env("DISCORD_PUBLIC_KEY", key).env("DISCORD_APPLICATION_ID", "1").env("ALERTMANAGER_WEBHOOK_SECRET", "s3cret");
        let mut child = command.spawn()?;
        let mut log = BufReader::new(child.stderr.take().ok_or("no log")?);
        let mut line = String::new();
        let address = loop {
            line.clear();
            if log.read_line(&mut line)? == 0 {
                return Err("it ended before it listened".into());
            }
            if let Some(at) = line.find("127.0.0.1:").filter(|_| line.contains("listening")) {
                let rest = line.get(at..).unwrap_or_default();
                break rest.chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
            }
        };
        // Whoever doesn't read its log holds it up.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Ok(Self { child, address })
    }

    /// `None` where it isn't installed.
    fn alertmanager(folder: &Path) -> Result<Option<Self>, Failure> {
        std::fs::write(
            folder.join("alertmanager.yml"),
            r#"{"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}"#,
        )?;
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let mut command = Command::new("prometheus-alertmanager");
        command.args(["--config.file=alertmanager.yml", "--storage.path=alertmanager", "--cluster.listen-address="]);
        command.arg(format!("--web.listen-address={address}")).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(child) = command.spawn() else {
            println!("prometheus-alertmanager isn't installed: nothing to compare with");
            return Ok(None);
        };
        let began = Instant::now();
        while TcpStream::connect(&address).is_err() {
            if began.elapsed() > WARM_UP {
                return Err("Alertmanager doesn't listen".into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(Some(Self { child, address }))
    }

    fn print_memory(&self) {
        println!("  memory: {:.1} MiB resident, {:.1} MiB at most", self.memory("VmRSS"), self.memory("VmHWM"));
    }

    /// A line of its status, in MiB.
    fn memory(&self, what: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(what)?.split_whitespace().nth(1)?.parse::<f64>().ok());
        line.unwrap_or_default() / 1024.0
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn hex(mut text: String, byte: &u8) -> String {
    _ = write!(text, "{byte:02x}");
    text
}

/// Who takes alerts, and how.
#[derive(Clone, Copy)]
struct Taker {
    path: &'static str,
    headers: &'static str,
    is_envelope: bool,
    answers: &'static str,
}

const OURS: Taker =
    Taker { path: "/webhooks/alertmanager", headers: "Authorization: Bearer s3cret\r\n", is_envelope: true, answers: "202" };

/// What Prometheus sends its alerts to.
const ALERTMANAGER: Taker = Taker { path: "/api/v2/alerts", headers: "", is_envelope: false, answers: "200" };

struct Flood<'a> {
    address: &'a str,
    taker: Taker,
    /// Alerts a post.
    size: u32,
    /// Numbers the posts.
    group: AtomicU32,
    /// What is sent from then on counts.
    from: Instant,
    time: Duration,
}

impl<'a> Flood<'a> {
    fn new(address: &'a str, taker: Taker, size: u32, time: Duration) -> Self {
        Self { address, taker, size, group: AtomicU32::new(0), from: Instant::now() + WARM_UP, time }
    }

    fn print(&self, what: &str, mut posts: Vec<Duration>) {
        let (taken, size) = (posts.len() as f64 / self.time.as_secs_f64(), self.size);
        println!("{what}: {taken:.0} posts/s, {:.0} alerts/s, {size} a post", taken * f64::from(size));
        print("  a post", &mut posts);
    }

    /// The times of posts and of clicks, which nobody but us takes.
    fn run(&self, connections: u32) -> Result<(Vec<Duration>, Vec<Duration>), Failure> {
        std::thread::scope(|scope| {
            let senders: Vec<_> = (0..connections).map(|_| scope.spawn(|| self.send())).collect();
            let clicks = scope.spawn(|| if self.taker.is_envelope { self.click() } else { Ok(Vec::new()) });
            let mut posts = Vec::new();
            for sender in senders {
                posts.extend(sender.join().map_err(|_| "a sender fell over")??);
            }
            Ok((posts, clicks.join().map_err(|_| "the clicks fell over")??))
        })
    }

    fn until(&self) -> Instant {
        self.from + self.time
    }

    fn send(&self) -> Result<Vec<Duration>, Failure> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        let (mut times, mut text, mut answer) = (Vec::new(), String::new(), Vec::new());
        while Instant::now() < self.until() {
            let group = self.group.fetch_add(1, Ordering::Relaxed);
            self.write(group, &mut text);
            let began = Instant::now();
            let status = ask(&mut stream, self.taker.path, self.taker.headers, &text, &mut answer)?;
            if status != self.taker.answers {
                return Err(format!("answered {status}: {}", String::from_utf8_lossy(&answer)).into());
            }
            if began >= self.from {
                times.push(began.elapsed());
            }
        }
        Ok(times)
    }

    /// Each batch is new, and the next one repeats it under another group, so that no key is known.
    fn write(&self, group: u32, text: &mut String) {
        text.clear();
        let (number, size) = (group / 2, self.size);
        if self.taker.is_envelope {
            _ = write!(text, r#"{{"version":"4","receiver":"sre","groupKey":"{size}-{group}","alerts":"#);
        }
        text.push('[');
        // Alertmanager adds these itself.
        let (status, end) =
            if self.taker.is_envelope { (r#""status":"firing","#, r#","endsAt":"0001-01-01T00:00:00Z""#) } else { ("", "") };
        for index in 0..size {
            let (comma, workload) = (if index == 0 { "" } else { "," }, (index + number) % 50);
            let pod = format!("web-{workload}-{size}-{number}-{index}");
            _ = write!(
                text,
                r#"{comma}{{{status}"startsAt":"2026-01-02T04:00:00Z"{end},"generatorURL":"http://prometheus.monitoring:9090/graph?g0.expr=up","labels":{{"alertname":"KubePodCrashLooping","namespace":"squad-{}","severity":"warning","deployment":"web-{workload}","pod":"{pod}","container":"app","job":"kube-state-metrics"}},"annotations":{{"summary":"{pod} restarts","runbook_url":"https://runbooks.example/crash-looping"}}}}"#,
                workload % 10
            );
        }
        text.push_str(if self.taker.is_envelope { "]}" } else { "]" });
    }

    /// Somebody clicks twenty times a second.
    fn click(&self) -> Result<Vec<Duration>, Failure> {
        let key = SigningKey::from_bytes(&KEY);
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        let (mut times, mut answer) = (Vec::new(), Vec::new());
        while Instant::now() < self.until() {
            let now = jiff::Timestamp::now();
            // An interaction counts once.
            let id = now.as_microsecond();
            let body = format!(r#"{{"id":"{id}","application_id":"1","type":1,"version":1,"token":"t"}}"#);
            let time = now.as_second().to_string();
            let signature = key.sign(format!("{time}{body}").as_bytes()).to_bytes().iter().fold(String::new(), hex);
            let headers = format!("X-Signature-Ed25519: {signature}\r\nX-Signature-Timestamp: {time}\r\n");
            let began = Instant::now();
            let status = ask(&mut stream, "/discord/interactions", &headers, &body, &mut answer)?;
            if status != "200" {
                println!("  clicks are answered {status}");
                return Ok(Vec::new());
            }
            if began >= self.from {
                times.push(began.elapsed());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(times)
    }
}

/// Posts JSON and reads the whole answer; its status.
fn ask(stream: &mut TcpStream, path: &str, headers: &str, body: &str, answer: &mut Vec<u8>) -> Result<String, Failure> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: bench\r\n{headers}Content-Type: application/json\r\nContent-Length: ");
    stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes())?;
    answer.clear();
    let mut part = [0; 16 << 10];
    let end = loop {
        let read = stream.read(&mut part)?;
        if read == 0 {
            return Err("the connection ended".into());
        }
        answer.extend_from_slice(part.get(..read).unwrap_or_default());
        if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default()).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    let status = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let had = answer.len();
    answer.resize(end + length.ok_or("an answer without length")?, 0);
    if let Some(rest) = answer.get_mut(had..) {
        stream.read_exact(rest)?;
    }
    Ok(status)
}
