//! The built-in queries, one for each signal. A query asks about what its place-holders say:
//!
//! | place-holder | stands for |
//! | --- | --- |
//! | `$c` | label matchers of the containers of the exact pods, in one namespace |
//! | `$p` | label matchers of those pods, containers or not |
//! | `$n` | a label matcher of the nodes' exporters: once by the label `node`, once by `instance` |
//! | `$namespace` | the namespace, quoted, for `=` |
//! | `$services`, `$workloads` | the names of Services and of workloads in that namespace, quoted, for `=~` |
//! | `$targets` | the addresses under which probes reach those Services and hosts, quoted, for `=~` |
//! | `$disks` | label matchers of real file systems |
//! | `$production` | the namespaces of the production tier, quoted, for `=~` |
//!
//! A query without any but the last two is about the whole cluster.

use crate::config::Mesh;

/// A signal's query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Template {
    /// The key of `metrics.queries`: the signal, and `_of_nodes` behind it where pods have one of the same signal.
    pub name: &'static str,
    /// The query.
    pub query: &'static str,
}

const fn template(name: &'static str, query: &'static str) -> Template {
    Template { name, query }
}

/// File systems that aren't a disk's: in memory, in layers, read-only images (the first list of the node exporter's
/// `--collector.filesystem.fs-types-exclude`), and what the kubelet mounts for pods.
pub(super) const DISKS: &str = r#"fstype!~"tmpfs|ramfs|devtmpfs|rootfs|overlay|aufs|squashfs|iso9660|udf|erofs|autofs|nsfs|proc|sysfs|cgroup2?|fuse.*",mountpoint!~"/var/lib/(kubelet|docker|containerd)/.+|/run/.+""#;

/// What cAdvisor, kube-state-metrics, the kubelet, the node exporter and the blackbox exporter measure.
pub(super) const BUILT_IN: &[Template] = &[
    // Containers: cAdvisor. The series of an instance that has ended lives on for five minutes: `max`, not `sum`, of a level.
    template("cpu_usage_cores", "sum by (namespace,pod,container) (rate(container_cpu_usage_seconds_total{$c}[5m]))"),
    template(
        "cpu_throttled_ratio",
        "sum by (namespace,pod,container) (increase(container_cpu_cfs_throttled_periods_total{$c}[5m]))
         / (sum by (namespace,pod,container) (increase(container_cpu_cfs_periods_total{$c}[5m])) > 0)",
    ),
    template(
        "cpu_throttled_seconds_rate",
        "sum by (namespace,pod,container) (rate(container_cpu_cfs_throttled_seconds_total{$c}[5m]))",
    ),
    template("memory_working_set_bytes", "max by (namespace,pod,container) (container_memory_working_set_bytes{$c})"),
    // Containers: kube-state-metrics.
    template(
        "memory_limit_bytes",
        r#"max by (namespace,pod,container) (kube_pod_container_resource_limits{resource="memory",$c})"#,
    ),
    template("restarts_total", "max by (namespace,pod,container) (kube_pod_container_status_restarts_total{$c})"),
    // Pods: cAdvisor measures the network of a pod as a whole.
    template("network_receive_bytes_rate", "sum by (namespace,pod) (rate(container_network_receive_bytes_total{$p}[5m]))"),
    template("network_transmit_bytes_rate", "sum by (namespace,pod) (rate(container_network_transmit_bytes_total{$p}[5m]))"),
    template("network_receive_packets_rate", "sum by (namespace,pod) (rate(container_network_receive_packets_total{$p}[5m]))"),
    template("network_transmit_packets_rate", "sum by (namespace,pod) (rate(container_network_transmit_packets_total{$p}[5m]))"),
    // Nodes: the node exporter. Both names of a node are kept, since only one of them may be right.
    template("node_cpu_ratio", r#"1 - avg by (node,instance) (rate(node_cpu_seconds_total{mode="idle",$n}[5m]))"#),
    template(
        "node_memory_ratio",
        "max by (node,instance) (1 - node_memory_MemAvailable_bytes{$n} / node_memory_MemTotal_bytes{$n})",
    ),
    // The fullest file system, or the busiest device: either way the disk is used up.
    template(
        "node_disk_ratio",
        "max by (node,instance) (1 - node_filesystem_avail_bytes{$n,$disks} / node_filesystem_size_bytes{$n,$disks}
         or rate(node_disk_io_time_seconds_total{$n}[5m]))",
    ),
    template("node_tcp_retransmits_rate", "sum by (node,instance) (rate(node_netstat_Tcp_RetransSegs{$n}[5m]))"),
    template(
        "node_unit_active",
        r#"max by (node,instance,name) (node_systemd_unit_state{state="active",name=~"(kubelet|kube-proxy|kube-scheduler|containerd|docker|cri-?o)\\.service",$n})"#,
    ),
    template(
        "network_receive_bytes_rate_of_nodes",
        r#"sum by (node,instance) (rate(node_network_receive_bytes_total{device!~"lo|veth.*|cali.*|lxc.*|cni.*|docker.*|br-.*",$n}[5m]))"#,
    ),
    template(
        "network_transmit_bytes_rate_of_nodes",
        r#"sum by (node,instance) (rate(node_network_transmit_bytes_total{device!~"lo|veth.*|cali.*|lxc.*|cni.*|docker.*|br-.*",$n}[5m]))"#,
    ),
    template(
        "network_receive_packets_rate_of_nodes",
        r#"sum by (node,instance) (rate(node_network_receive_packets_total{device!~"lo|veth.*|cali.*|lxc.*|cni.*|docker.*|br-.*",$n}[5m]))"#,
    ),
    template(
        "network_transmit_packets_rate_of_nodes",
        r#"sum by (node,instance) (rate(node_network_transmit_packets_total{device!~"lo|veth.*|cali.*|lxc.*|cni.*|docker.*|br-.*",$n}[5m]))"#,
    ),
    // Probes: the blackbox exporter; its targets are its `instance`s.
    template("probe_success", "max by (instance,node) (probe_success{instance=~$targets})"),
    template("certificate_expiry_seconds", "min by (instance) (probe_ssl_earliest_cert_expiry{instance=~$targets}) - time()"),
    // Volumes: the kubelet.
    template(
        "volume_used_ratio",
        "max by (namespace,persistentvolumeclaim) (1 - kubelet_volume_stats_available_bytes{namespace=$namespace}
         / (kubelet_volume_stats_capacity_bytes{namespace=$namespace} > 0))",
    ),
    // The cluster's figures. `0 * count(METRIC)` is zero only while METRIC's exporter lives. Two exporters that overlap, such as
    // the old and the new one of a rollout, count each object once.
    template("nodes_total", "count(max by (node) (kube_node_info))"),
    template("nodes_ready", r#"sum(max by (node) (kube_node_status_condition{condition="Ready",status="true"}))"#),
    template(
        "pods_running",
        r#"sum(max by (namespace,pod) (kube_pod_status_phase{phase="Running"})) or 0 * count(kube_pod_info)"#,
    ),
    template(
        "pods_pending",
        r#"sum(max by (namespace,pod) (kube_pod_status_phase{phase="Pending"})) or 0 * count(kube_pod_info)"#,
    ),
    template("pods_failed", r#"sum(max by (namespace,pod) (kube_pod_status_phase{phase="Failed"})) or 0 * count(kube_pod_info)"#),
    template(
        "crashloops",
        r#"sum(max by (namespace,pod,container) (kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"}))
         or 0 * count(kube_pod_info)"#,
    ),
    template(
        "deploy_mismatch",
        "count(max by (namespace,deployment) (kube_deployment_spec_replicas)
         != max by (namespace,deployment) (kube_deployment_status_replicas_available)) or 0 * count(kube_pod_info)",
    ),
    template("cpu_pct", r#"100 * (1 - avg(rate(node_cpu_seconds_total{mode="idle"}[5m])))"#),
    template("mem_pct", "100 * (1 - sum(node_memory_MemAvailable_bytes) / sum(node_memory_MemTotal_bytes))"),
    template("disk_peak_pct", "100 * max(1 - node_filesystem_avail_bytes{$disks} / node_filesystem_size_bytes{$disks})"),
    template(
        "alerts_critical",
        r#"count(ALERTS{alertstate="firing",severity="critical",alertname!~"Watchdog|InfoInhibitor"}) or 0 * count(ALERTS)"#,
    ),
    template(
        "alerts_warning",
        r#"count(ALERTS{alertstate="firing",severity="warning",alertname!~"Watchdog|InfoInhibitor"}) or 0 * count(ALERTS)"#,
    ),
    template(
        "alerts_production",
        r#"count(ALERTS{alertstate="firing",severity="critical",alertname!~"Watchdog|InfoInhibitor",namespace=~$production})
         or 0 * count(ALERTS)"#,
    ),
];

/// What a mesh or an ingress controller calls its metrics, as the called side reports them.
struct MeshMetrics {
    /// The labels that name who is called.
    by: &'static str,
    /// The matchers of who is asked about.
    of: &'static str,
    /// The counter of answers.
    requests: &'static str,
    /// The matcher of answers that are the server's failure.
    failed: &'static str,
    /// The histogram of how long they take.
    duration: &'static str,
    /// What makes milliseconds of its unit.
    to_ms: u32,
}

const ISTIO: &[MeshMetrics] = &[MeshMetrics {
    by: "destination_service_namespace,destination_service_name",
    of: r#"reporter="destination",destination_service_namespace=$namespace,destination_service_name=~$services"#,
    requests: "istio_requests_total",
    failed: r#"response_code=~"5..""#,
    duration: "istio_request_duration_milliseconds_bucket",
    to_ms: 1,
}];

const LINKERD: &[MeshMetrics] = &[MeshMetrics {
    by: "namespace,deployment",
    of: r#"direction="inbound",namespace=$namespace,deployment=~$workloads"#,
    requests: "response_total",
    failed: r#"classification="failure""#,
    duration: "response_latency_ms_bucket",
    to_ms: 1,
}];

/// Where the scrape doesn't honour the metrics' own labels, these are the `exported_` ones and the plain ones the controller's.
const NGINX: &[MeshMetrics] = &[
    MeshMetrics {
        by: "exported_namespace,exported_service",
        of: "exported_namespace=$namespace,exported_service=~$services",
        ..NGINX_PLAIN
    },
    NGINX_PLAIN,
];
const NGINX_PLAIN: MeshMetrics = MeshMetrics {
    by: "namespace,service",
    of: r#"exported_namespace="",namespace=$namespace,service=~$services"#,
    requests: "nginx_ingress_controller_requests",
    failed: r#"status=~"5..""#,
    duration: "nginx_ingress_controller_request_duration_seconds_bucket",
    to_ms: 1_000,
};

/// The queries of the signals that a mesh or an ingress controller has, by signal.
pub(super) fn of_mesh(mesh: Mesh) -> Vec<(&'static str, String)> {
    let metrics = match mesh {
        Mesh::Istio => ISTIO,
        Mesh::Linkerd => LINKERD,
        Mesh::Nginx => NGINX,
    };
    let any = |query: &dyn Fn(&MeshMetrics) -> String| metrics.iter().map(query).collect::<Vec<_>>().join(" or ");
    let latency = |quantile: f64| {
        any(&|MeshMetrics { by, of, duration, to_ms, .. }| {
            format!("{to_ms} * histogram_quantile({quantile}, sum by (le,{by}) (rate({duration}{{{of}}}[5m])))")
        })
    };
    let rate = |MeshMetrics { by, of, requests, .. }: &MeshMetrics| format!("sum by ({by}) (rate({requests}{{{of}}}[5m]))");
    let failed = |it: &MeshMetrics| {
        let MeshMetrics { by, of, requests, failed, .. } = it;
        let all = rate(it);
        format!("(sum by ({by}) (rate({requests}{{{failed},{of}}}[5m])) or 0 * {all}) / ({all} > 0)")
    };
    vec![
        ("request_rate", any(&rate)),
        ("error_ratio", any(&failed)),
        ("latency_p50_ms", latency(0.5)),
        ("latency_p90_ms", latency(0.9)),
        ("latency_p95_ms", latency(0.95)),
        ("latency_p99_ms", latency(0.99)),
    ]
}

/// The signals that only a mesh or an ingress controller has, or that are the complement of one of theirs.
pub(super) const OF_A_MESH: [&str; 7] =
    ["request_rate", "error_ratio", "success_ratio", "latency_p50_ms", "latency_p90_ms", "latency_p95_ms", "latency_p99_ms"];
