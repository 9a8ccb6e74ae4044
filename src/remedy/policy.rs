//! What policy says to an intent: one table, of which the first row that hits decides. The guard asks its first five rows
//! before any request, the gate all of them after the dry run, and again in the apply on the settings of that moment.

use super::body::{forbidden_field, outside_the_table};
use super::{DataPlane, GitopsOwned, Memory, Refusal, Settings, Tier, tier};
use crate::domain::{Action, Decision, DecisionValue, ExecutionIntent, PlanRequest, Risk, Verdict};
use jiff::{SignedDuration, Timestamp};

/// What the environment says about writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// `SAFE_MODE`: nothing is applied without a person.
    pub safe_mode: bool,
    /// `APPROVAL_REQUIRED`: likewise.
    pub approval_required: bool,
    /// `ENV=production`: likewise.
    pub is_production: bool,
}

impl Default for Mode {
    fn default() -> Self {
        Self { safe_mode: true, approval_required: true, is_production: false }
    }
}

/// Everything that the policy looks at.
#[derive(Clone, Debug)]
pub struct GateInput<'a> {
    /// Of this moment, never of the proposal's.
    pub settings: &'a Settings,
    /// Likewise.
    pub mode: Mode,
    /// The moment.
    pub now: Timestamp,
    /// What is to be done.
    pub intent: &'a ExecutionIntent,
    /// What would be sent for it, where that is known already.
    pub request: Option<&'a PlanRequest>,
    /// What the diagnosis says.
    pub verdict: Verdict,
    /// The id of its first cause, empty where it has none.
    pub cause: &'a str,
    /// Whether something contradicts it.
    pub is_contradicted: bool,
    /// Whether the object holds data.
    pub data_plane: &'a DataPlane,
    /// What the snapshot says against it, see [`super::refusals()`].
    pub refusals: &'a [Refusal],
    /// Who sets the object back to a repository's state, see [`super::gitops_owner`].
    pub gitops_owner: Option<&'a str>,
    /// Earlier incidents and attempts.
    pub memory: &'a Memory,
    /// As computed last.
    pub risk: Risk,
    /// Whether it takes another attempt back: rows 4 and 8 and the verdict don't count then.
    pub is_undo: bool,
}

/// The code of the decision that holds on a terminal only: never from chat or HTTP, nor with `--yes`.
pub const RISK_HIGH: &str = "risk_high";

/// The code of row 8's second half: the cluster took as many writes as an hour allows.
pub const WRITE_BUDGET: &str = "write_budget";

/// A row's test: the reason code and its sentence, if the row hits.
type Test = fn(&GateInput<'_>) -> Option<Refusal>;

/// The rows that block, in order. The guard asks those up to [`GUARD_ROWS`].
const ROWS: [Test; 8] = [namespace, outside, body, recurrence, weak, gitops, freeze, budget];
const GUARD_ROWS: usize = 5;

/// Asks what can be known before any request.
///
/// # Errors
/// The decision to block.
pub fn guard(input: &GateInput<'_>) -> Result<(), Decision> {
    first_hit(input, GUARD_ROWS).map_or(Ok(()), Err)
}

/// Asks everything.
pub fn gate(input: &GateInput<'_>) -> Decision {
    if let Some(block) = first_hit(input, ROWS.len()) {
        return block;
    }
    let decision = |value, rule: &str, why: String| Decision { value, rule: rule.to_owned(), why };
    if !input.intent.action.is_write() {
        return decision(DecisionValue::Auto, "read", "it changes nothing".to_owned());
    }
    if input.risk == Risk::High {
        let why = "the risk is high: approved on a terminal only, by somebody who types the object's name".to_owned();
        return decision(DecisionValue::Approve, RISK_HIGH, why);
    }
    match auto(input) {
        Some(name) => decision(DecisionValue::Auto, &format!("auto:{name}"), format!("rule {name:?} of policy.auto allows it")),
        None => decision(DecisionValue::Approve, "needs_approval", "a person has to approve it".to_owned()),
    }
}

fn first_hit(input: &GateInput<'_>, rows: usize) -> Option<Decision> {
    let hit = ROWS.iter().take(rows).find_map(|test| test(input))?;
    Some(Decision { value: DecisionValue::Block, rule: hit.code, why: hit.why })
}

fn namespace(input: &GateInput<'_>) -> Option<Refusal> {
    let namespace = &input.intent.namespace;
    match tier(input.settings, namespace) {
        Tier::Forbidden => {
            Some(Refusal::new("namespace_forbidden", format!("{namespace} may not even be read by policy.namespaces")))
        }
        Tier::ReadOnly if input.intent.action.is_write() => {
            Some(Refusal::new("namespace_read_only", format!("{namespace} isn't writable by policy.namespaces")))
        }
        _ => None,
    }
}

fn outside(input: &GateInput<'_>) -> Option<Refusal> {
    outside_the_table(input.intent, input.request)
}

fn body(input: &GateInput<'_>) -> Option<Refusal> {
    let field = forbidden_field(&input.request?.body)?;
    Some(Refusal::new(format!("body:{field}"), format!("the request sets {field}, which this program never sends")))
}

fn recurrence(input: &GateInput<'_>) -> Option<Refusal> {
    if input.is_undo { None } else { seen_before(input.intent, input.cause, input.memory, input.now) }
}

/// What was done before and did not last.
pub(super) fn seen_before(intent: &ExecutionIntent, cause: &str, memory: &Memory, now: Timestamp) -> Option<Refusal> {
    if !intent.action.is_write() {
        return None;
    }
    if (intent.action.is_restart() || intent.action == Action::EvictPod)
        && let Some(past) = memory.recurrence(cause, now)
    {
        let why =
            format!("{cause} was resolved at {} and is back: another {} would only hide it", past.resolved_at, intent.action);
        return Some(Refusal::new("recurrence_restart", why));
    }
    let past = memory.tried_in_vain(&intent.object(), intent.action, now)?;
    let at = past.sent_at.map(|at| format!(" at {at}")).unwrap_or_default();
    Some(Refusal::new("already_tried", format!("{} was tried on {}{at} and did not help", intent.action, past.object)))
}

fn weak(input: &GateInput<'_>) -> Option<Refusal> {
    if !input.intent.action.is_write() {
        return None;
    }
    if !input.is_undo && !input.verdict.is_fault() {
        let why = format!("the verdict is {}: a change needs confirmed or likely", input.verdict.as_str());
        return Some(Refusal::new("verdict_too_weak", why));
    }
    if let DataPlane::Yes(reason) = input.data_plane {
        return Some(Refusal::new("data_plane", format!("{} holds data: {reason}", input.intent.object())));
    }
    input.refusals.first().cloned()
}

fn gitops(input: &GateInput<'_>) -> Option<Refusal> {
    let action = input.intent.action;
    let passes = !action.is_write() || action.is_restart() || action == Action::EvictPod;
    let owner = input.gitops_owner.filter(|_| !passes && input.settings.policy.gitops_owned == GitopsOwned::Block)?;
    Some(Refusal::new("gitops_owned", format!("{owner} owns it and would set it back: change it in its repository")))
}

fn freeze(input: &GateInput<'_>) -> Option<Refusal> {
    let intent = input.intent;
    let windows = input.settings.policy.freeze.iter();
    let window = windows
        .into_iter()
        .find(|freeze| intent.action.is_write() && freeze.covers(&intent.namespace, intent.action, input.now))?;
    Some(Refusal::new("freeze_window", format!("freeze {:?} is on in {}", window.name, intent.namespace)))
}

fn budget(input: &GateInput<'_>) -> Option<Refusal> {
    if input.is_undo || !input.intent.action.is_write() {
        return None;
    }
    let policy = &input.settings.policy;
    let object = input.intent.object();
    if let Some(at) = input.memory.last_write(&object).filter(|at| input.now.duration_since(*at) <= policy.cooldown) {
        return Some(Refusal::new(
            "cooldown",
            format!("{object} was written to at {at}; it is left alone for {:#}", policy.cooldown),
        ));
    }
    let writes = input.memory.writes_since(input.now.saturating_sub(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MIN));
    let why = || format!("the cluster took {writes} writes within the hour, allowed are {}", policy.writes_per_hour);
    (writes >= policy.writes_per_hour).then(|| Refusal::new(WRITE_BUDGET, why()))
}

/// The rule that applies a low risk of a confirmed cause without a person, if the environment lets one.
fn auto<'a>(input: &GateInput<'a>) -> Option<&'a str> {
    let Mode { safe_mode, approval_required, is_production } = input.mode;
    let sure = input.verdict == Verdict::Confirmed && !input.is_contradicted && input.risk == Risk::Low && !input.is_undo;
    if safe_mode || approval_required || is_production || !sure {
        return None;
    }
    let intent = input.intent;
    let allows = |given: bool, empty: bool| empty || given;
    let rule = input.settings.policy.auto.iter().find(|rule| {
        let in_namespace = rule.namespaces.iter().any(|glob| super::namespaces::matches(glob, &intent.namespace));
        allows(rule.actions.contains(&intent.action), rule.actions.is_empty())
            && allows(in_namespace, rule.namespaces.is_empty())
            && allows(rule.causes.iter().any(|cause| cause == input.cause), rule.causes.is_empty())
    })?;
    Some(&rule.name)
}

#[cfg(test)]
mod tests;
