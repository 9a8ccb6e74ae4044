//! From an intent to what the API server would make of it: reads the object, builds the request, tries it without doing it
//! and compares. A proposal and its application both go through here, so that what is sent is what was shown.

use super::outcome::Stop;
use super::{Executor, Reason};
use crate::cluster::json as at;
use crate::cluster::selector;
use crate::domain::{
    Action, CLAIM_TIME, DiffLine, ExecutionIntent, Params, Plan, PlanRequest, PlanTarget, RiskReport, template_hash,
};
use crate::ports::{AccessQuestion, ApiReason, AttemptStore, AuditLog, Clock, ClusterWriter, StoreError};
use crate::redact::Redactor;
use crate::remedy;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// How often the object is read again when it changes while the request is tried.
const MAX_READS: u32 = 3;
/// How often a request is tried with another time in place of the claim's: kubectl's own form of it.
const TRIED_AT: &str = "%Y-%m-%dT%H:%M:%SZ";

/// Whether a plan may only give more, or takes back what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    /// A change: within the bounds of the object as it is.
    ToGrow,
    /// An undo.
    ToGoBack,
}

/// A change as the API server would make it.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// The object as it is.
    pub live: Value,
    /// What the change holds for.
    pub target: PlanTarget,
    /// What is sent, with its place-holders.
    pub request: PlanRequest,
    /// What changes; secrets in it stand as hashes.
    pub diff: Vec<DiffLine>,
}

impl Planned {
    /// The plan that is approved.
    pub fn plan(&self, cluster: &str, intent: &ExecutionIntent, risk: RiskReport, undo_of: Option<String>) -> Plan {
        Plan {
            api_version: "sre-copilot/v1".to_owned(),
            kind: "Plan".to_owned(),
            cluster: cluster.to_owned(),
            intent: intent.bound(),
            target: self.target.clone(),
            request: self.request.bound(),
            diff: self.diff.clone(),
            risk,
            undo_of,
        }
    }

    /// Nothing would change.
    pub fn is_empty(&self) -> bool {
        self.diff.iter().all(|line| line.by.is_some())
    }
}

impl<W: ClusterWriter, S: AttemptStore + AuditLog, C: Clock> Executor<'_, W, S, C> {
    /// Reads, tries and compares. `asking` has the server asked first whether this identity may do it at all, and holds the
    /// intent against the object as it is now: only what takes a change back may go down.
    #[tracing::instrument(name = "sre.copilot.execution.dry_run", skip_all)]
    pub(super) async fn planned(&self, intent: &ExecutionIntent, asking: Option<Asking>) -> Result<Planned, Stop> {
        let mut live = self.writer.get(&intent.object()).await?;
        self.progress.reached("target.read");
        if asking.is_some() {
            self.ask_access(intent).await?;
        }
        let revision = self.revision(intent, &live).await?;
        let version = match intent.action {
            Action::EvictPod => self.writer.eviction_version().await?,
            _ => String::new(),
        };
        let autoscaled = self.is_autoscaled(intent).await;
        for _ in 0..MAX_READS {
            let target = remedy::plan_target(intent, &live, autoscaled);
            if asking == Some(Asking::ToGrow) {
                remedy::within_bounds(intent, &live).map_err(|refusal| Stop::Blocked(Reason::new(refusal.code, refusal.why)))?;
            }
            let request = remedy::request(intent, &live, revision.as_ref(), &version)
                .map_err(|refusal| Stop::Blocked(Reason::new(refusal.code, refusal.why)))?;
            let tried_at = self.clock.now().strftime(TRIED_AT).to_string();
            match self.writer.dry_run(&request.filled(&tried_at, at::text(&live, "metadata.resourceVersion"))).await {
                Ok(after) => {
                    self.progress.reached("dry_run.done");
                    let mut diff = remedy::diff(&comparable(intent, &live), &after, &request);
                    diff.extend(self.allowances(intent, &live).await);
                    self.mask(&mut diff).await?;
                    return Ok(Planned { live, target, request, diff });
                }
                Err(error) if error.code() == Some(ApiReason::TargetChanged) => live = self.writer.get(&intent.object()).await?,
                Err(error) => return Err(error.into()),
            }
        }
        let why = format!("{} changed each of the {MAX_READS} times that the change was tried", intent.object());
        Err(Stop::Refused(Reason::new(ApiReason::TargetChanged.as_str(), why)))
    }

    async fn ask_access(&self, intent: &ExecutionIntent) -> Result<(), Stop> {
        let question = remedy::access(intent);
        let access = self.writer.access(&question).await?;
        if access.allowed {
            return Ok(());
        }
        let AccessQuestion { verb, group, resource, subresource, namespace, .. } = &question;
        let resource = if subresource.is_empty() { resource.clone() } else { format!("{resource}/{subresource}") };
        let own = if access.reason.is_empty() { String::new() } else { format!(" ({})", access.reason) };
        let why = format!(
            "the write identity may not {verb} {resource} in {namespace}{own}; a Role must have: apiGroups [{group:?}], resources \
             [{resource:?}], verbs [{verb:?}]"
        );
        Err(Stop::Refused(Reason::new(ApiReason::RbacDenied.as_str(), why)))
    }

    /// The ReplicaSet that a rollback goes back to.
    async fn revision(&self, intent: &ExecutionIntent, live: &Value) -> Result<Option<Value>, Stop> {
        let Params::Rollback { revision } = intent.params else { return Ok(None) };
        let wanted = revision.to_string();
        let kept = self.writer.revisions(live).await?;
        let number =
            |object: &Value| at::key(at::at(object, "metadata.annotations"), "deployment.kubernetes.io/revision").clone();
        Ok(kept.into_iter().find(|object| number(object).as_str() == Some(&wanted)))
    }

    /// Whether an autoscaler owns the replicas, which moves the generation. Where that can't be seen the generation counts,
    /// and an approval is void sooner.
    async fn is_autoscaled(&self, intent: &ExecutionIntent) -> bool {
        if !matches!(intent.resource_type.kind(), "Deployment" | "StatefulSet") {
            return false;
        }
        let autoscalers = self.writer.list("HorizontalPodAutoscaler", &intent.namespace, "").await.unwrap_or_default();
        autoscalers.iter().any(|autoscaler| {
            let owned = at::at(autoscaler, "spec.scaleTargetRef");
            at::text(owned, "kind") == intent.resource_type.kind() && at::text(owned, "name") == intent.resource_name
        })
    }

    /// What an eviction takes of each budget that counts for the pod.
    async fn allowances(&self, intent: &ExecutionIntent, pod: &Value) -> Vec<DiffLine> {
        if intent.action != Action::EvictPod {
            return Vec::new();
        }
        let budgets = self.writer.list("PodDisruptionBudget", &intent.namespace, "").await.unwrap_or_default();
        let labels = at::at(pod, "metadata.labels");
        let counts = |budget: &&Value| selector::matches(at::at(budget, "spec.selector"), labels);
        let line = |budget: &Value| {
            let allowed = at::int(budget, "status.disruptionsAllowed")?;
            let path = format!("poddisruptionbudgets[{}].status.disruptionsAllowed", at::text(budget, "metadata.name"));
            Some(DiffLine { path, before: json!(allowed), after: json!(allowed - 1), by: None })
        };
        budgets.iter().filter(counts).filter_map(line).collect()
    }

    /// Puts hashes in place of environment values, and masks what looks like a secret elsewhere.
    async fn mask(&self, diff: &mut [DiffLine]) -> Result<(), Stop> {
        let key = self.store.key().await?;
        let redactor = Redactor::new(&key);
        for line in diff {
            let is_own_text = line.path.contains(".annotations.") || line.path.contains(".annotations[");
            let is_value = line.path.contains(".env[") && line.path.ends_with(".value");
            let is_hashed = is_value || (is_own_text && !line.path.contains(remedy::RESTARTED_AT));
            for value in [&mut line.before, &mut line.after] {
                match value {
                    Value::Null => {}
                    Value::String(text) if text == CLAIM_TIME => {}
                    _ if is_hashed => *value = json!(keyed_hash(&key, value)),
                    _ => masked(&redactor, &line.path, value),
                }
            }
        }
        Ok(())
    }
}

/// Masks a value, which its name may say to be secret: the last part of its path, or the name beside a `value`.
fn masked(redactor: &Redactor, path: &str, value: &mut Value) {
    let named = path.strip_suffix("].value").and_then(|path| path.rsplit_once('[')).map(|(_, name)| name);
    let key = path
        .strip_suffix(']')
        .and_then(|path| path.rsplit_once('['))
        .map_or_else(|| path.rsplit('.').next().unwrap_or_default(), |(_, key)| key);
    let mut holder = match named {
        Some(name) => json!({"name": name, "value": value.take()}),
        None => json!({key: value.take()}),
    };
    redactor.object(&mut holder);
    *value = holder.get_mut(if named.is_some() { "value" } else { key }).map(Value::take).unwrap_or_default();
}

/// `hmac:` and twelve digits.
fn keyed_hash(key: &[u8], value: &Value) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return "hmac:".to_owned() };
    mac.update(value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_bytes());
    let digits: String = mac.finalize().into_bytes().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("hmac:{digits}")
}

/// What is compared with the answer: of a scaling the server answers with a `Scale`.
fn comparable(intent: &ExecutionIntent, live: &Value) -> Value {
    match intent.action {
        Action::ScaleDeployment => json!({"spec": {"replicas": at::at(live, "spec.replicas")}}),
        _ => live.clone(),
    }
}

/// The object as an attempt keeps it: what tells a version from another and what an undo restores, and nothing that may be
/// secret.
pub(super) fn kept(object: &Value) -> Value {
    let text = |path: &str| at::at(object, path).clone();
    let revision = "deployment.kubernetes.io/revision";
    let containers = |list: &str| {
        let containers = at::list(object, &format!("spec.template.spec.{list}")).iter();
        Value::Array(
            containers.map(|one| json!({"name": at::key(one, "name"), "resources": at::key(one, "resources")})).collect(),
        )
    };
    json!({
        "kind": text("kind"),
        "metadata": {
            "name": text("metadata.name"), "namespace": text("metadata.namespace"), "uid": text("metadata.uid"),
            "generation": text("metadata.generation"), "resourceVersion": text("metadata.resourceVersion"),
            "annotations": {revision: at::key(at::at(object, "metadata.annotations"), revision)},
        },
        "spec": {
            "replicas": text("spec.replicas"), "paused": text("spec.paused"), "nodeName": text("spec.nodeName"),
            "template": {"spec": {"containers": containers("containers"), "initContainers": containers("initContainers")}},
        },
        "templateHash": remedy::template(object).map(|template| template_hash(&template)),
    })
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Unanswered(Reason::new("store", error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_that_its_value_is_secret() {
        let redactor = Redactor::fixed();
        let shown = |path: &str| {
            let mut value = json!("correct-horse");
            masked(&redactor, path, &mut value);
            value.as_str().unwrap().to_owned()
        };
        for path in [
            "spec.template.spec.volumes[data].csi.volumeAttributes.password",
            "spec.template.spec.volumes[data].csi.volumeAttributes[db-password]",
            "spec.template.spec.containers[app].livenessProbe.httpGet.httpHeaders[X-Api-Key].value",
        ] {
            assert!(shown(path).starts_with("<secret:"), "{path}: {}", shown(path));
        }
        assert_eq!(shown("spec.template.spec.containers[app].image"), "correct-horse");
        let mut count = json!(3);
        masked(&redactor, "spec.replicas", &mut count);
        assert_eq!(count, 3);
    }
}
