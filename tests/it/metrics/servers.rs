//! The adapter against Prometheus and VictoriaMetrics themselves, filled with the samples of a small cluster at explicit times.
//! `prometheus`, `promtool` and `victoria-metrics` are taken from PATH; without them the tests are skipped, unless
//! `SRE_COPILOT_REQUIRE_METRICS` is set.

use super::{ask, health, request};
use sre_copilot::adapters::prometheus::Prometheus;
use sre_copilot::cluster::Signal;
use sre_copilot::config::MetricsSettings;
use sre_copilot::domain::{HealthStatus, SourceState};
use sre_copilot::ports::Answered;
use sre_copilot::redact::Redactor;
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The moment of the incident: 2026-01-02T05:00:00Z.
const AT: i64 = 1_767_330_000;
/// Samples begin an hour and a quarter before, those of kube-state-metrics end a quarter of an hour behind, the others an hour.
const FROM: i64 = AT - 75 * 60;
const KUBE_STATE_METRICS_ENDS: i64 = AT + 15 * 60;
const TO: i64 = AT + 60 * 60;
const MIB: f64 = 1_048_576.0;

/// A program on PATH, or `None`, and the test is skipped.
fn program(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var_os("SRE_COPILOT_REQUIRE_METRICS").is_none(), "{name} is not on PATH");
        println!("skipped: {name} is not on PATH");
    }
    found
}

/// A server that ends with its test.
struct Server {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Server {
    async fn start(mut command: Command, url: String, ready: &str, folder: TempDir) -> Self {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, url, _folder: folder };
        let client = client();
        let is_up = async {
            let mut tick = tokio::time::interval(Duration::from_millis(50));
            loop {
                tick.tick().await;
                let answer = client.get(format!("{}{ready}", server.url)).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    break;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), is_up).await.expect("the server is not ready");
        server
    }
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

async fn prometheus() -> Option<Server> {
    let (prometheus, promtool) = (program("prometheus")?, program("promtool")?);
    let folder = tempfile::tempdir().unwrap();
    let (input, data) = (folder.path().join("samples"), folder.path().join("data"));
    // OpenMetrics takes seconds, and the samples of a metric one behind the other.
    std::fs::write(&input, format!("{}# EOF\n", samples(1))).unwrap();
    let made = Command::new(promtool).args(["tsdb", "create-blocks-from", "openmetrics"]).args([&input, &data]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let config = folder.path().join("prometheus.yml");
    std::fs::write(&config, "global: {}\n").unwrap();
    let address = free_address();
    let mut command = Command::new(prometheus);
    command.arg(format!("--config.file={}", config.display())).arg(format!("--storage.tsdb.path={}", data.display()));
    command.arg(format!("--web.listen-address={address}")).arg("--storage.tsdb.retention.time=100y");
    Some(Server::start(command, format!("http://{address}"), "/-/ready", folder).await)
}

async fn victoria_metrics() -> Option<Server> {
    let program = program("victoria-metrics")?;
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let mut command = Command::new(program);
    command.arg(format!("-storageDataPath={}", folder.path().display())).arg(format!("-httpListenAddr={address}"));
    command.arg("-retentionPeriod=100y").arg("-loggerLevel=ERROR");
    let server = Server::start(command, format!("http://{address}"), "/health", folder).await;
    let import = format!("{}/api/v1/import/prometheus", server.url);
    let sent = client().post(import).body(samples(1_000)).send().await.unwrap();
    assert!(sent.status().is_success(), "{}", sent.status());
    client().get(format!("{}/internal/force_flush", server.url)).send().await.unwrap().error_for_status().unwrap();
    Some(server)
}

/// What exporters of a small cluster tell, in the text format, with times in seconds times `unit`.
fn samples(unit: i64) -> String {
    let mut text = String::new();
    let mut series = |name: &str, labels: &str, to: i64, value: &dyn Fn(f64) -> f64| {
        // The memory of nodes is known for more than a day.
        let day_before = if name.starts_with("node_memory") { AT - 25 * 3_600 } else { FROM };
        for at in (day_before..FROM).step_by(240) {
            text.push_str(&format!("{name}{{{labels}}} {} {}\n", value(0.0), at * unit));
        }
        for at in (FROM..=to).step_by(30) {
            let value = value((at - FROM) as f64);
            text.push_str(&format!("{name}{{{labels}}} {value} {}\n", at * unit));
        }
    };
    // Pods whose names begin alike, one in another namespace, and the sum over a pod that has no container's name.
    let containers = [
        ("shop", "web-1", "app"),
        ("shop", "web-10", "app"),
        ("shop", "xweb-1", "app"),
        ("lab", "web-1", "app"),
        ("shop", "web-1", ""),
    ];
    let of = |(namespace, pod, container): (&str, &str, &str)| {
        format!("namespace=\"{namespace}\",pod=\"{pod}\",container=\"{container}\",id=\"/kubepods/{pod}{container}\"")
    };
    for container in containers {
        series("container_memory_working_set_bytes", &of(container), TO, &|at| (100.0 + at / 60.0) * MIB);
    }
    for container in containers {
        series("container_cpu_usage_seconds_total", &of(container), TO, &|at| at * 0.5);
    }
    for container in containers {
        series("container_cpu_cfs_periods_total", &of(container), TO, &|at| at * 10.0);
    }
    for container in containers {
        series("container_cpu_cfs_throttled_periods_total", &of(container), TO, &|at| at * 4.0);
    }
    for container in &containers[..4] {
        let labels = format!("{},resource=\"memory\",unit=\"byte\"", of(*container));
        series("kube_pod_container_resource_limits", &labels, KUBE_STATE_METRICS_ENDS, &|_| 256.0 * MIB);
    }
    series("kube_pod_container_status_restarts_total", &of(containers[0]), KUBE_STATE_METRICS_ENDS, &|_| 3.0);
    for pod in ["web-1", "web-10"] {
        series(
            "container_network_receive_bytes_total",
            &format!("namespace=\"shop\",pod=\"{pod}\",interface=\"eth0\""),
            TO,
            &|at| at * 8.0,
        );
    }
    for node in ["w1", "w2", "w3"] {
        series("kube_node_info", &format!("node=\"{node}\""), KUBE_STATE_METRICS_ENDS, &|_| 1.0);
    }
    for (node, status, value) in
        [("w1", "true", 1.0), ("w1", "false", 0.0), ("w2", "true", 1.0), ("w3", "true", 0.0), ("w3", "false", 1.0)]
    {
        let labels = format!("node=\"{node}\",condition=\"Ready\",status=\"{status}\"");
        series("kube_node_status_condition", &labels, KUBE_STATE_METRICS_ENDS, &|_| value);
    }
    series("kube_pod_info", "namespace=\"shop\",pod=\"web-1\"", KUBE_STATE_METRICS_ENDS, &|_| 1.0);
    for (phase, value) in [("Running", 1.0), ("Pending", 0.0), ("Failed", 0.0)] {
        series(
            "kube_pod_status_phase",
            &format!("namespace=\"shop\",pod=\"web-1\",phase=\"{phase}\""),
            KUBE_STATE_METRICS_ENDS,
            &|_| value,
        );
    }
    series("kube_deployment_spec_replicas", "namespace=\"shop\",deployment=\"web\"", KUBE_STATE_METRICS_ENDS, &|_| 3.0);
    series(
        "kube_deployment_status_replicas_available",
        "namespace=\"shop\",deployment=\"web\"",
        KUBE_STATE_METRICS_ENDS,
        &|_| 2.0,
    );
    series("ALERTS", "alertname=\"A\",alertstate=\"firing\",severity=\"critical\",namespace=\"prod-eu\"", TO, &|_| 1.0);
    series("ALERTS", "alertname=\"B\",alertstate=\"firing\",severity=\"critical\",namespace=\"shop\"", TO, &|_| 1.0);
    series("ALERTS", "alertname=\"Watchdog\",alertstate=\"firing\",severity=\"critical\"", TO, &|_| 1.0);
    for (instance, idle) in [("10.0.0.7:9100", 0.1), ("10.0.0.70:9100", 0.7)] {
        series("node_cpu_seconds_total", &format!("instance=\"{instance}\",cpu=\"0\",mode=\"idle\""), TO, &|at| at * idle);
    }
    for (instance, _) in [("10.0.0.7:9100", 0), ("10.0.0.70:9100", 0)] {
        series("node_memory_MemAvailable_bytes", &format!("instance=\"{instance}\""), TO, &|_| 2e9);
    }
    for instance in ["10.0.0.7:9100", "10.0.0.70:9100"] {
        series("node_memory_MemTotal_bytes", &format!("instance=\"{instance}\""), TO, &|_| 8e9);
    }
    let disks = [("ext4", "/", 40.0), ("tmpfs", "/run/x", 0.0), ("ext4", "/var/lib/kubelet/pods/x", 1.0)];
    for (fstype, mountpoint, available) in disks {
        let labels = format!("instance=\"10.0.0.7:9100\",device=\"d\",fstype=\"{fstype}\",mountpoint=\"{mountpoint}\"");
        series("node_filesystem_avail_bytes", &labels, TO, &|_| available);
    }
    for (fstype, mountpoint, _) in disks {
        let labels = format!("instance=\"10.0.0.7:9100\",device=\"d\",fstype=\"{fstype}\",mountpoint=\"{mountpoint}\"");
        series("node_filesystem_size_bytes", &labels, TO, &|_| 100.0);
    }
    for (name, state, value) in
        [("kubelet.service", "active", 0.0), ("kubelet.service", "failed", 1.0), ("cron.service", "active", 0.0)]
    {
        series("node_systemd_unit_state", &format!("instance=\"10.0.0.7:9100\",name=\"{name}\",state=\"{state}\""), TO, &|_| {
            value
        });
    }
    for (target, value) in [("http://front.shop:80/healthz", 0.0), ("front.shopping:80", 0.0), ("https://shop.example.com", 1.0)]
    {
        series("probe_success", &format!("instance=\"{target}\",job=\"blackbox\""), TO, &|_| value);
    }
    series("probe_ssl_earliest_cert_expiry", "instance=\"https://shop.example.com\"", TO, &|_| AT as f64 + 7_200.0);
    for namespace in ["shop", "shop2"] {
        series(
            "kubelet_volume_stats_available_bytes",
            &format!("namespace=\"{namespace}\",persistentvolumeclaim=\"data\""),
            TO,
            &|_| 5.0,
        );
    }
    for namespace in ["shop", "shop2"] {
        series(
            "kubelet_volume_stats_capacity_bytes",
            &format!("namespace=\"{namespace}\",persistentvolumeclaim=\"data\""),
            TO,
            &|_| 100.0,
        );
    }
    let called = "reporter=\"destination\",destination_service_namespace=\"shop\",destination_service_name";
    for (service, code, rate) in [("front", "200", 9.0), ("front", "503", 1.0), ("frontend", "503", 5.0)] {
        series("istio_requests_total", &format!("{called}=\"{service}\",response_code=\"{code}\""), TO, &|at| at * rate);
    }
    for (le, rate) in [("100", 5.0), ("200", 10.0), ("+Inf", 10.0)] {
        series("istio_request_duration_milliseconds_bucket", &format!("{called}=\"front\",le=\"{le}\""), TO, &|at| at * rate);
    }
    text
}

/// The last values by signal and labels.
fn last(answer: &Answered<Signal>) -> BTreeMap<String, f64> {
    let named = |signal: &Signal| {
        let labels: Vec<String> = signal.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("{}{{{}}}", signal.signal, labels.join(","))
    };
    answer.items.iter().map(|signal| (named(signal), signal.values.last().unwrap().1)).collect()
}

async fn check(server: &Server) -> BTreeSet<String> {
    let answer = ask(&server.url, &request()).await;
    assert_eq!(answer.state, SourceState::Ok);
    let last = last(&answer);
    let app = "{container=app,namespace=shop,pod=web-1}";
    for (name, expected) in [
        (format!("memory_working_set_bytes{app}"), 190.0 * MIB),
        (format!("memory_limit_bytes{app}"), 256.0 * MIB),
        (format!("cpu_usage_cores{app}"), 0.5),
        (format!("cpu_throttled_ratio{app}"), 0.4),
        (format!("restarts_total{app}"), 3.0),
        ("network_receive_bytes_rate{namespace=shop,pod=web-1}".into(), 8.0),
        ("node_cpu_ratio{node=w1}".into(), 0.9),
        ("node_memory_ratio{node=w1}".into(), 0.75),
        ("node_disk_ratio{node=w1}".into(), 0.6),
        ("node_unit_active{node=w1,unit=kubelet.service}".into(), 0.0),
        ("probe_success{host=front.shop,target=http://front.shop:80/healthz}".into(), 0.0),
        ("probe_success{host=shop.example.com,target=https://shop.example.com}".into(), 1.0),
        ("certificate_expiry_seconds{host=shop.example.com,target=https://shop.example.com}".into(), 7_200.0 - 900.0),
        ("volume_used_ratio{namespace=shop,persistentvolumeclaim=data}".into(), 0.95),
        ("request_rate{namespace=shop,service=front}".into(), 10.0),
        ("error_ratio{namespace=shop,service=front}".into(), 0.1),
        ("latency_p50_ms{namespace=shop,service=front}".into(), 100.0),
        ("latency_p90_ms{namespace=shop,service=front}".into(), 180.0),
        ("nodes_total{}".into(), 3.0),
        ("nodes_ready{}".into(), 2.0),
        ("pods_running{}".into(), 1.0),
        ("pods_failed{}".into(), 0.0),
        ("crashloops{}".into(), 0.0),
        ("deploy_mismatch{}".into(), 1.0),
        ("cpu_pct{}".into(), 60.0),
        ("mem_pct{}".into(), 75.0),
        ("disk_peak_pct{}".into(), 60.0),
        ("alerts_critical{}".into(), 2.0),
        ("alerts_warning{}".into(), 0.0),
        ("alerts_production{}".into(), 1.0),
    ] {
        let found = last.get(&name).unwrap_or_else(|| panic!("{name} is not in {last:#?}"));
        assert!((found - expected).abs() <= 0.03 * expected.abs() + 1e-9, "{name}: {found} is not {expected}");
    }
    // Nothing of names that begin alike, of other namespaces, or of a pod as a whole.
    for other in ["web-10", "xweb-1", "lab", "w2", "shop2", "shopping", "frontend", "cron"] {
        assert!(last.keys().all(|name| !name.contains(other)), "{other} is in {last:#?}");
    }
    let is_whole = |signal: &&Signal| signal.signal.starts_with("memory") && !signal.labels.contains_key("container");
    assert_eq!(answer.items.iter().filter(is_whole).count(), 0);
    let memory = answer.items.iter().find(|signal| signal.signal == "memory_working_set_bytes").unwrap();
    assert_eq!(memory.values.len(), 151);
    assert_eq!(memory.values[0].0, (AT - 3_600) as f64);

    let health = health(&answer);
    assert_eq!(health.status, HealthStatus::Critical);
    assert!(health.reasons.contains(&"2 of 3 nodes are ready".to_owned()), "{:?}", health.reasons);
    dead_exporter(server).await;
    day(server).await;
    last.into_keys().collect()
}

/// A digest's figures: of the day before there are counts as they were, and means only of what was there all day.
async fn day(server: &Server) {
    let settings = MetricsSettings { url: Some(server.url.clone()), ..MetricsSettings::default() };
    let metrics = Prometheus::new(&settings, Redactor::fixed()).unwrap().unwrap();
    let at = "2026-01-02T05:00:00Z".parse().unwrap();
    let counts = [("crashloops", 0), ("nodes_ready", 2), ("nodes_total", 3)];
    for (whole, shares) in [(false, vec![("cpu_pct", 60), ("disk_peak_pct", 60), ("mem_pct", 75)]), (true, vec![("mem_pct", 75)])]
    {
        let read = metrics.day(at, whole).await.unwrap();
        let read: BTreeSet<(&str, i64)> = read.iter().map(|(name, value)| (name.as_str(), value.round() as i64)).collect();
        assert_eq!(read, counts.into_iter().chain(shares).collect(), "whole: {whole}");
    }
}

/// Forty minutes later kube-state-metrics has been gone for 25, while all other exporters live.
async fn dead_exporter(server: &Server) {
    let mut late = request();
    late.at = "2026-01-02T05:40:00Z".parse().unwrap();
    let answer = ask(&server.url, &late).await;
    assert_eq!(answer.state, SourceState::Ok);
    let health = health(&answer);
    assert_eq!(health.status, HealthStatus::Unknown);
    for figure in ["nodes_total", "nodes_ready", "pods_failed", "crashloops", "deploy_mismatch"] {
        assert!(!health.figures.contains_key(figure), "{figure} is {:?}", health.figures);
    }
    assert_eq!(health.figures["alerts_critical"], 2.0);
}

#[tokio::test]
async fn prometheus_and_victoria_metrics_say_the_same() {
    let mut names = Vec::new();
    if let Some(server) = prometheus().await {
        names.push(check(&server).await);
    }
    if let Some(server) = victoria_metrics().await {
        names.push(check(&server).await);
    }
    if let [one, other] = names.as_slice() {
        assert_eq!(one, other);
    }
}
