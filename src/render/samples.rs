//! Reports made by hand, for looking at every form of output.

use crate::domain::{
    Action, ActionDecision, ActionReport, CauseReport, Change, Contradiction, DecisionValue, Evidence, EvidenceSource,
    ExecutionIntent, FactReport, FieldChange, HistoryEntry, NumberedEvidence, ObjectRef, Params, Report, ResourceType, Risk,
    RuledOut, SourceState, State, Subject, SymptomReport, TimelineEntry, Unknown, Verdict,
};
use jiff::Timestamp;
use serde_json::{Value, json};

fn at(text: &str) -> Timestamp {
    format!("2026-01-02T{text}Z").parse().unwrap()
}

fn pod() -> ObjectRef {
    ObjectRef::new("Pod", "shop", "checkout-7c9f5d8b6d-x2x1z")
}

fn deployment() -> ObjectRef {
    ObjectRef::new("Deployment", "shop", "checkout")
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn evidence(id: &str, source: EvidenceSource, object: ObjectRef, path: &str, value: Value) -> NumberedEvidence {
    let evidence = Evidence { source, object, container: None, path: path.into(), line: None, value, at: None, count: None };
    NumberedEvidence { id: id.into(), evidence }
}

fn empty(target: ObjectRef, verdict: Verdict, summary: &str) -> Report {
    Report {
        summary: summary.into(),
        sources: [("kubernetes".to_owned(), SourceState::Ok)].into(),
        ..Report::new(target, verdict, at("05:05:54"))
    }
}

fn cause(id: &str, object: ObjectRef, confidence: f64, summary: &str, fix: &str, cited: &[&str]) -> CauseReport {
    CauseReport {
        id: id.into(),
        object,
        container: None,
        confidence,
        summary: summary.into(),
        fix: fix.into(),
        explains: Vec::new(),
        evidence: strings(cited),
        perspective: "infra".into(),
        since: None,
    }
}

pub(super) fn rollback(why: &str, command: &str) -> ActionReport {
    let intent = ExecutionIntent {
        action: Action::RollbackDeployment,
        resource_type: ResourceType::Deployment,
        resource_name: "checkout".into(),
        namespace: "shop".into(),
        params: Params::Rollback { revision: 14 },
        risk: Risk::Medium,
        reason: why.into(),
    };
    let decision =
        ActionDecision { value: DecisionValue::Approve, rule: "needs_approval".into(), why: "a person has to approve it".into() };
    ActionReport { intent, why: why.into(), command: command.into(), risk: Risk::Medium, decision }
}

/// A pod whose container is killed at a limit that the last revision lowered.
pub(super) fn out_of_memory() -> Report {
    let summary = "Container app of Deployment checkout was killed 7 times at its memory limit of 256Mi, last 4 minutes ago; \
                   revision 15 lowered the limit from 512Mi.";
    let fix = "Raise the memory limit of container app to at least 512Mi, or roll back to revision 14, which ran for 9 days.";
    let mut report = empty(pod(), Verdict::Confirmed, summary);
    report.causes = vec![CauseReport {
        container: Some("app".into()),
        explains: strings(&["crash_loop"]),
        since: Some(at("04:41:07")),
        ..cause("oom_killed", deployment(), 0.97, summary, fix, &["e1", "e2", "e3", "e4"])
    }];
    report.symptoms = vec![SymptomReport {
        id: "crash_loop".into(),
        object: pod(),
        container: Some("app".into()),
        summary: "restarted 7 times, waits 5m before the next start".into(),
        since: Some(at("04:41:07")),
        evidence: strings(&["e3"]),
    }];
    report.change = Some(Change {
        kind: "revision".into(),
        object: deployment(),
        from: 14,
        to: 15,
        at: Some(at("04:38:12")),
        fields: vec![
            FieldChange {
                path: "containers[app].image".into(),
                before: json!("shop/checkout:1.41"),
                after: json!("shop/checkout:1.42"),
            },
            FieldChange { path: "containers[app].resources.limits.memory".into(), before: json!("512Mi"), after: json!("256Mi") },
        ],
        explains: true,
    });
    report.ruled_out = vec![
        RuledOut {
            id: "process_crashed".into(),
            subject: Subject::container(pod(), "app"),
            why: "exit 137 with reason OOMKilled is the kernel's kill, not a signal of the process".into(),
            evidence: strings(&["e1"]),
        },
        RuledOut {
            id: "node_out_of_memory".into(),
            subject: ObjectRef::cluster("Node", "worker-2").into(),
            why: "no system OOM event on worker-2, MemoryPressure is False".into(),
            evidence: strings(&["e5"]),
        },
    ];
    report.unknown = vec![Unknown {
        what: "memory before the kill".into(),
        why: "no metrics source was asked".into(),
        would: "a leak, or a limit that is too small".into(),
    }];
    report.evidence = vec![
        NumberedEvidence {
            id: "e1".into(),
            evidence: Evidence {
                container: Some("app".into()),
                at: Some(at("05:01:10")),
                ..evidence(
                    "e1",
                    EvidenceSource::Kubernetes,
                    pod(),
                    "status.containerStatuses[app].lastState.terminated",
                    json!({"reason": "OOMKilled", "exitCode": 137}),
                )
                .evidence
            },
        },
        evidence("e2", EvidenceSource::Kubernetes, deployment(), "spec.template.spec.containers[app].resources.limits.memory", json!("256Mi")),
        NumberedEvidence {
            id: "e3".into(),
            evidence: Evidence {
                at: Some(at("05:04:40")),
                count: Some(31),
                ..evidence(
                    "e3",
                    EvidenceSource::Event,
                    pod(),
                    "BackOff",
                    json!("Back-off restarting failed container app in pod checkout-7c9f5d8b6d-x2x1z_shop(0d9c0d4e-1d4b-4f0e-9a53-2a8f3f4b7c11)"),
                )
                .evidence
            },
        },
        NumberedEvidence {
            id: "e4".into(),
            evidence: Evidence {
                container: Some("app".into()),
                line: Some(210),
                at: Some(at("05:01:09")),
                ..evidence("e4", EvidenceSource::Log, pod(), "previous", json!("level=info msg=\"cart rebuilt\" items=48211")).evidence
            },
        },
        evidence("e5", EvidenceSource::Kubernetes, ObjectRef::cluster("Node", "worker-2"), "status.conditions[MemoryPressure].status", json!("False")),
    ];
    report.timeline = vec![
        TimelineEntry { at: at("04:38:12"), what: "revision 15 of Deployment checkout".into(), evidence: None },
        TimelineEntry { at: at("04:41:07"), what: "container app killed for the first time".into(), evidence: Some("e1".into()) },
    ];
    report.facts = vec![
        FactReport {
            id: "oom_killed".into(),
            subject: Subject::container(pod(), "app"),
            state: State::Found,
            confidence: Some(0.97),
            reason: None,
            evidence: strings(&["e1", "e2"]),
        },
        FactReport {
            id: "process_crashed".into(),
            subject: Subject::container(pod(), "app"),
            state: State::Absent,
            confidence: Some(0.9),
            reason: Some("terminated by the kernel".into()),
            evidence: strings(&["e1"]),
        },
        FactReport {
            id: "memory_growing".into(),
            subject: deployment().into(),
            state: State::Unknown,
            confidence: None,
            reason: Some("no signals".into()),
            evidence: Vec::new(),
        },
    ];
    report.actions = vec![rollback("revision 14 ran well", "kubectl -n shop rollout undo deployment/checkout --to-revision=14")];
    report.next = strings(&[
        "kubectl -n shop rollout undo deployment/checkout --to-revision=14",
        "kubectl -n shop logs checkout-7c9f5d8b6d-x2x1z -c app --previous",
    ]);
    report.sources.insert("logs".into(), SourceState::Partial("1 of 3 containers forbidden".into()));
    report.checked = "3 pods, 12 events".into();
    report
}

/// A namespace in which text from outside tries everything, and nothing is certain.
pub(super) fn hostile() -> Report {
    let name = "x\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}y";
    let log = "panic: @oncall <img src=x onerror=alert(1)> | `rm -rf` \u{1b}[31mred\u{1b}[0m\nCONFIRMED forged ```";
    let object = ObjectRef::new("Pod", "shop", name);
    let mut report =
        empty(ObjectRef::cluster("Namespace", "shop"), Verdict::Inconclusive, "Pod is not ready | @oncall\r\nhealthy");
    report.causes = vec![CauseReport {
        container: Some("a`b".into()),
        ..cause("application_error", object.clone(), 0.45, log, "Do `this`", &["e1"])
    }];
    report.symptoms = (0..9)
        .map(|number| SymptomReport {
            id: "not_ready".into(),
            object: ObjectRef::new("Pod", "other", format!("pod-{number}")),
            container: None,
            summary: "接続できません ".repeat(12),
            since: None,
            evidence: Vec::new(),
        })
        .collect();
    report.evidence = (1..=30)
        .map(|number| NumberedEvidence {
            evidence: Evidence {
                line: Some(number),
                at: Some(at("05:05:59")),
                ..evidence("", EvidenceSource::Log, object.clone(), "current", json!(log)).evidence
            },
            id: format!("e{number}"),
        })
        .collect();
    report.causes[0].evidence = report.evidence.iter().map(|evidence| evidence.id.clone()).collect();
    report.unknown = (0..8)
        .map(|number| Unknown {
            what: format!("logs of container-{number}"),
            why: "forbidden: pods/log in namespace shop for user \"reader\"".into(),
            would: "what the application said before it ended".into(),
        })
        .collect();
    report.contradictions = vec![Contradiction {
        facts: strings(&["oom_killed", "process_crashed"]),
        subject: Subject::container(object, "app"),
        why: "one termination can't be both".into(),
    }];
    report.actions = vec![rollback("\u{1b}[2J<b>@here</b>", "kubectl -n shop 'x'\n; echo forged")];
    report.next = strings(&["kubectl -n shop describe pod 'x'\n; echo forged"]);
    report
}

/// A workload that was wrong an hour ago.
pub(super) fn recovered() -> Report {
    let mut report = empty(
        deployment(),
        Verdict::Recovered,
        "Deployment checkout is well: 3 of 3 pods ready for 52 minutes; it failed to pull its image before.",
    );
    report.history = vec![HistoryEntry {
        id: "image_not_found".into(),
        object: deployment(),
        container: Some("app".into()),
        summary: "tag 1.24 of shop/checkout did not exist".into(),
        at: Some(at("04:10:00")),
        ended: Some(at("04:13:30")),
        evidence: strings(&["e1"]),
    }];
    report.evidence = vec![NumberedEvidence {
        id: "e1".into(),
        evidence: Evidence {
            at: Some(at("04:10:00")),
            count: Some(4),
            ..evidence("e1", EvidenceSource::Event, pod(), "Failed", json!("manifest unknown")).evidence
        },
    }];
    report
}

/// Nothing is wrong.
pub(super) fn healthy() -> Report {
    let mut report = empty(
        ObjectRef::new("Deployment", "shop", "cart"),
        Verdict::Healthy,
        "Nothing is wrong with Deployment cart: 2 of 2 pods ready, no restarts.",
    );
    report.checked = "2 pods, 1 service, 0 events in the last hour".into();
    report.noticed = vec![cause(
        "pdb_blocks_eviction",
        ObjectRef::new("PodDisruptionBudget", "shop", "cart"),
        0.9,
        "allows 0 disruptions at 2 of 2 ready pods",
        "",
        &[],
    )];
    report
}

/// Two faults that have nothing to do with each other.
pub(super) fn two_causes() -> Report {
    let mut report = out_of_memory();
    report.target = ObjectRef::cluster("Namespace", "shop");
    report.causes.push(cause(
        "service_selector_mismatch",
        ObjectRef::new("Service", "shop", "cart"),
        0.95,
        "Service cart selects app=carts, its pods carry app=cart: 0 of 2 endpoints.",
        "Set the selector of Service cart to app=cart.",
        &["e6"],
    ));
    report.evidence.push(evidence(
        "e6",
        EvidenceSource::Kubernetes,
        ObjectRef::new("Service", "shop", "cart"),
        "spec.selector",
        json!({"app": "carts"}),
    ));
    report
}
