use super::*;
use crate::domain::{AttemptState, ObjectRef, Params, ResourceType};
use crate::remedy::samples::{deployment, intent};
use crate::remedy::{PastAttempt, PastIncident, request};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: &str = "2026-03-10T09:41:27Z";

/// What the rows are asked about; each test changes one thing.
struct Asked {
    settings: Settings,
    mode: Mode,
    intent: ExecutionIntent,
    request: Option<PlanRequest>,
    verdict: Verdict,
    is_contradicted: bool,
    data_plane: DataPlane,
    refusals: Vec<Refusal>,
    gitops_owner: Option<&'static str>,
    memory: Memory,
    risk: Risk,
    is_undo: bool,
}

impl Asked {
    fn new() -> Self {
        Self {
            settings: Settings::default(),
            mode: Mode::default(),
            intent: intent(Action::ScaleDeployment, Params::Scale { replicas: 3 }),
            request: None,
            verdict: Verdict::Confirmed,
            is_contradicted: false,
            data_plane: DataPlane::No,
            refusals: Vec::new(),
            gitops_owner: None,
            memory: Memory::default(),
            risk: Risk::Low,
            is_undo: false,
        }
    }

    fn input(&self) -> GateInput<'_> {
        GateInput {
            settings: &self.settings,
            mode: self.mode,
            now: now(),
            intent: &self.intent,
            request: self.request.as_ref(),
            verdict: self.verdict,
            cause: "oom_killed",
            is_contradicted: self.is_contradicted,
            data_plane: &self.data_plane,
            refusals: &self.refusals,
            gitops_owner: self.gitops_owner,
            memory: &self.memory,
            risk: self.risk,
            is_undo: self.is_undo,
        }
    }
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn hours_ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

fn restart() -> ExecutionIntent {
    intent(Action::RestartDeployment, Params::None)
}

fn attempt(object: &str, action: Action, minutes_ago: i64, state: AttemptState) -> PastAttempt {
    let object = ObjectRef::new("Deployment", "squad-7", object);
    PastAttempt { object, action, state, sent_at: Some(now() - SignedDuration::from_mins(minutes_ago)) }
}

fn resolved(hours_ago: i64) -> Memory {
    let incidents = vec![PastIncident { cause: "oom_killed".into(), resolved_at: self::hours_ago(hours_ago) }];
    Memory { incidents, ..Memory::default() }
}

fn set(settings: Value) -> Settings {
    serde_json::from_value(settings).unwrap()
}

fn unsafe_mode() -> Mode {
    Mode { safe_mode: false, approval_required: false, is_production: false }
}

fn auto_rule() -> Settings {
    set(json!({"policy": {"auto": [{"name": "more", "actions": ["scale_deployment"]}]}}))
}

/// One row a line: what is different, and what is decided by which rule; with `!` where the guard lets it pass.
#[test]
fn the_table() {
    type Change = fn(&mut Asked);
    let rows: &[(&str, Change)] = &[
        ("approve needs_approval", |_| ()),
        ("block namespace_forbidden", |it| it.intent.namespace = "kube-system".into()),
        ("block namespace_read_only", |it| it.intent.namespace = "prod-eu".into()),
        ("block namespace_read_only", |it| it.intent.namespace = "unheard-of".into()),
        ("auto read", |it| (it.intent.action, it.intent.namespace) = (Action::DescribeResource, "prod-eu".into())),
        ("block namespace_forbidden", |it| (it.intent.action, it.intent.namespace) = (Action::DescribeResource, "mcp".into())),
        ("block resource_not_allowed", |it| it.intent.resource_type = ResourceType::Job),
        ("block verdict_too_weak", |it| it.verdict = Verdict::Inconclusive),
        ("approve needs_approval", |it| it.verdict = Verdict::Likely),
        ("block data_plane", |it| it.data_plane = DataPlane::Yes("claim".into())),
        ("approve needs_approval", |it| it.data_plane = DataPlane::Maybe("name".into())),
        ("block rollout_paused", |it| it.refusals = vec![Refusal::new("rollout_paused", ""), Refusal::new("no_room", "")]),
        ("block recurrence_restart", |it| (it.intent, it.memory) = (restart(), resolved(7 * 24 - 1))),
        ("approve needs_approval", |it| (it.intent, it.memory) = (restart(), resolved(7 * 24))),
        ("approve needs_approval", |it| it.memory = resolved(1)),
        ("block already_tried", |it| {
            it.memory.attempts = vec![attempt("web", Action::ScaleDeployment, 60 * 24, AttemptState::NotVerified)];
        }),
        ("approve needs_approval", |it| {
            it.memory.attempts = vec![attempt("web", Action::ScaleDeployment, 60 * 24 * 8, AttemptState::NotVerified)];
        }),
        ("approve needs_approval", |it| {
            it.memory.attempts = vec![attempt("web", Action::RestartDeployment, 60 * 24, AttemptState::NotVerified)];
        }),
        ("block gitops_owned !", |it| it.gitops_owner = Some("Argo CD")),
        ("approve needs_approval", |it| (it.intent, it.gitops_owner) = (restart(), Some("Flux"))),
        ("approve needs_approval", |it| {
            (it.gitops_owner, it.settings) = (Some("Flux"), set(json!({"policy": {"gitops_owned": "warn"}})));
        }),
        ("block freeze_window !", |it| {
            it.settings = set(json!({"policy": {"freeze": [{"name": "x", "weekly": ["tue 09:00 - tue 10:00"]}]}}));
        }),
        ("block cooldown !", |it| {
            it.memory.attempts = vec![attempt("web", Action::RestartDeployment, 10, AttemptState::Verified)]
        }),
        ("approve needs_approval", |it| {
            it.memory.attempts = vec![attempt("web", Action::RestartDeployment, 11, AttemptState::Verified)];
        }),
        ("block write_budget !", |it| {
            it.memory.attempts =
                (0..5).map(|_| attempt("other", Action::RestartDeployment, 59, AttemptState::Verified)).collect();
        }),
        ("approve needs_approval", |it| {
            it.memory.attempts =
                (0..5).map(|_| attempt("other", Action::RestartDeployment, 61, AttemptState::Verified)).collect();
        }),
        ("approve risk_high", |it| it.risk = Risk::High),
        ("auto auto:more", |it| (it.settings, it.mode) = (auto_rule(), unsafe_mode())),
        ("approve risk_high", |it| (it.settings, it.mode, it.risk) = (auto_rule(), unsafe_mode(), Risk::High)),
        ("approve needs_approval", |it| (it.settings, it.mode, it.risk) = (auto_rule(), unsafe_mode(), Risk::Medium)),
        ("approve needs_approval", |it| (it.settings, it.mode, it.verdict) = (auto_rule(), unsafe_mode(), Verdict::Likely)),
        ("approve needs_approval", |it| (it.settings, it.mode, it.is_contradicted) = (auto_rule(), unsafe_mode(), true)),
        ("approve needs_approval", |it| (it.settings, it.mode, it.intent) = (auto_rule(), unsafe_mode(), restart())),
        ("approve needs_approval", |it| it.settings = auto_rule()),
        ("approve needs_approval", |it| (it.settings, it.mode) = (auto_rule(), Mode { safe_mode: true, ..unsafe_mode() })),
        ("approve needs_approval", |it| {
            (it.settings, it.mode) = (auto_rule(), Mode { approval_required: true, ..unsafe_mode() })
        }),
        ("approve needs_approval", |it| (it.settings, it.mode) = (auto_rule(), Mode { is_production: true, ..unsafe_mode() })),
        ("approve needs_approval", |it| {
            (it.is_undo, it.verdict, it.memory) = (true, Verdict::Healthy, resolved(1));
            it.memory.attempts = vec![attempt("web", Action::ScaleDeployment, 1, AttemptState::NotVerified)];
        }),
        ("block namespace_read_only", |it| (it.is_undo, it.intent.namespace) = (true, "shop".into())),
    ];
    for (index, (wanted, change)) in rows.iter().enumerate() {
        let mut asked = Asked::new();
        change(&mut asked);
        let (input, decision) = (asked.input(), gate(&asked.input()));
        let (wanted, is_gates) = wanted.strip_suffix(" !").map_or((*wanted, false), |wanted| (wanted, true));
        assert_eq!(format!("{} {}", decision.value.as_str(), decision.rule), wanted, "row {index}");
        assert!(!decision.why.is_empty() || decision.rule == "rollout_paused");
        assert_eq!(guard(&input).is_err(), decision.value == DecisionValue::Block && !is_gates, "row {index}, guard");
    }
}

#[test]
fn a_body_with_more_rights_is_refused_wherever_they_stand() {
    let mut asked = Asked::new();
    asked.intent = intent(Action::RollbackDeployment, Params::Rollback { revision: 1 });
    for (field, spec) in [
        ("privileged", json!({"containers": [{"name": "app", "securityContext": {"privileged": true}}]})),
        (
            "allowPrivilegeEscalation",
            json!({"initContainers": [{"name": "app", "securityContext": {"allowPrivilegeEscalation": true}}]}),
        ),
        ("hostNetwork", json!({"hostNetwork": true})),
        ("hostPID", json!({"hostPID": true})),
        ("hostIPC", json!({"hostIPC": "true"})),
        ("hostPath", json!({"volumes": [{"name": "x", "hostPath": {"path": "/"}}]})),
        ("capabilities.add", json!({"containers": [{"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]})),
    ] {
        let old = json!({"spec": {"template": {"metadata": {}, "spec": spec}}});
        asked.request = Some(request(&asked.intent, &deployment(), Some(&old), "policy/v1").unwrap());
        let decision = guard(&asked.input()).unwrap_err();
        assert_eq!(decision.rule, format!("body:{field}"));
    }
    let harmless = json!({"spec": {"template": {"spec": {"hostNetwork": false, "containers": [{"securityContext":
        {"privileged": false, "capabilities": {"drop": ["ALL"]}}}]}}}});
    asked.request = Some(request(&asked.intent, &deployment(), Some(&harmless), "policy/v1").unwrap());
    assert_eq!(guard(&asked.input()), Ok(()));
}

#[test]
fn a_request_that_is_not_the_intents_is_refused() {
    let mut asked = Asked::new();
    let right = request(&asked.intent, &deployment(), None, "policy/v1").unwrap();
    type Change = fn(&mut PlanRequest);
    let changes: [(&str, Change); 6] = [
        ("verb_not_allowed", |it| it.method = "DELETE".into()),
        ("verb_not_allowed", |it| it.method = "PUT".into()),
        ("resource_not_allowed", |it| it.path = it.path.replace("/scale", "")),
        ("resource_not_allowed", |it| it.path = it.path.replace("squad-7", "kube-system")),
        ("resource_not_allowed", |it| it.path = it.path.replace("deployments", "secrets")),
        ("resource_not_allowed", |it| it.path += "/../../pods/x/exec"),
    ];
    for (code, change) in changes {
        let mut wrong = right.clone();
        change(&mut wrong);
        asked.request = Some(wrong);
        assert_eq!(guard(&asked.input()).unwrap_err().rule, code);
    }
    asked.request = Some(right);
    assert_eq!(guard(&asked.input()), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    /// What the tier says, the guard and the gate say too, for writes and for reads.
    #[test]
    fn guard_and_gate_follow_the_tier(namespace in "(kube-|mcp|prod|preprod|preupdate|squad-|dev-|test-|shop|)[a-z0-9-]{0,12}") {
        let mut asked = Asked::new();
        asked.intent.namespace.clone_from(&namespace);
        let tier = tier(&asked.settings, &namespace);
        prop_assert_eq!(guard(&asked.input()).is_ok(), tier == Tier::Writable);
        prop_assert_eq!(gate(&asked.input()).value == DecisionValue::Block, tier != Tier::Writable);
        asked.intent.action = Action::DescribeResource;
        prop_assert_eq!(guard(&asked.input()).is_ok(), tier != Tier::Forbidden);
        prop_assert_eq!(gate(&asked.input()).value == DecisionValue::Block, tier == Tier::Forbidden);
    }

    /// However the rest is set, nothing is applied without a person in production, nor a high risk anywhere.
    #[test]
    fn never_auto_in_production_nor_at_high_risk(safe in any::<bool>(), required in any::<bool>(), production in any::<bool>(), high in any::<bool>()) {
        let mut asked = Asked::new();
        asked.settings = auto_rule();
        asked.mode = Mode { safe_mode: safe, approval_required: required, is_production: production };
        asked.risk = if high { Risk::High } else { Risk::Low };
        let auto = gate(&asked.input()).value == DecisionValue::Auto;
        prop_assert_eq!(auto, !(safe || required || production || high));
    }
}
