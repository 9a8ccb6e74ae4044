//! The nouns. No I/O, no async, no clock, no Kubernetes client: everything else may use them, they use nothing.

mod alert;
mod attempt;
mod audit;
mod check;
mod chronic_digest;
mod click;
mod conversation;
mod daily_digest;
mod decision;
mod delivery;
mod deploy;
mod deploy_report;
mod episode;
mod evidence;
mod exchange;
mod feedback;
mod graph_facts;
mod health;
mod history;
mod incident;
mod incident_summary;
mod incident_view;
mod intent;
mod job;
mod keep;
mod kinds;
mod lifecycle;
mod log_template;
mod message;
mod moments;
mod object;
mod owner;
mod payload;
mod periodic_digest;
mod plan;
mod price;
mod reasoning;
mod report;
mod source;
mod standing;
mod team_digest;
mod ticket;

pub use alert::{alerted_node, subject_of, target_of};
pub use attempt::{Actor, Attempt, AttemptContext, AttemptState, CLAIM_LEASE, UNDO_WITHIN};
pub use audit::{AuditCheck, AuditData, AuditEvent, AuditHead, AuditName, AuditRow, Code};
pub use check::{Check, CheckState};
pub use chronic_digest::{ChronicDigest, ChronicRow};
pub use click::{ButtonIds, CustomId, SECOND_STEP, TokenHash, Verb};
pub use conversation::{
    AskPayload, CONVERSATION_LASTS, Conversation, CopilotAnswer, IncidentLine, LONGEST_QUESTION, MOST_QUESTIONS, Reply,
    Suggestion, Turn,
};
pub use daily_digest::{
    Anomalies, Changed, DailyDigest, DeployLine, ErrorSource, FragileService, GraphFigures, IncidentFigures, ModelSpend,
    NoisyAlert, Part, Resources, StaleWorkloads, TeamCount, UnownedNamespace, WideService,
};
pub use decision::{Decision, DecisionValue};
pub use delivery::{DeliveredAlert, Delivery, Mark, Reading, SetAside, Severity, Unparsable};
pub use deploy::Deploy;
pub use deploy_report::{DeployRating, DeployReport, Shift};
pub use episode::{Effect, End, Ended, Episode, Windows, effect};
pub use evidence::{Evidence, EvidenceSource};
pub use exchange::{EXCHANGE_VERSION, Exchange, ExchangeAnswer, ExchangeError, ExchangeMessage, ExchangeRequest, ModelName};
pub use feedback::{Feedback, FeedbackCounts, FeedbackReason};
pub use graph_facts::{
    Dependency, FiringUpstream, GraphFacts, MessagingLink, PodEvent, Replicas, Rollout, SeenChange, TrailEntry,
};
pub use health::{ClusterHealth, FIGURES, HealthStatus};
pub use history::{Cycle, FixResult, Flapping, History, Occurrence, PastFix, Recurrence, RememberedIncident, SimilarIncident};
pub use incident::{Incident, IncidentRecord, IncidentStatus, OutcomeMemory, Run};
pub use incident_summary::IncidentSummary;
pub use incident_view::{AnalysisState, Finding, IncidentView};
pub use intent::{Action, ExecutionIntent, Params, ResourceParams, ResourceType, Risk};
pub use job::{Class, Job, JobKind, JobRules, JobState, Lane, RISES_AFTER, Reason, Trigger, retry_after};
pub use keep::Keep;
pub use kinds::{KINDS, kind_called};
pub use lifecycle::{Consequence, Lifecycle, Placement, Situation};
pub use log_template::LogTemplate;
pub use message::{
    BURST_WITHIN, BurstPeer, IncidentMessage, MessageSituation, MessageState, MessageStep, PostMark, REPEATS_WITHIN, STALE_AFTER,
    content_key,
};
pub use moments::{Moment, MomentKind, Timeline, Unheard};
pub use object::{ObjectRef, Subject};
pub use owner::owner_of;
pub use periodic_digest::PeriodicDigest;
pub use plan::{
    CLAIM_TIME, DiffLine, Digest, Plan, PlanRequest, PlanTarget, RESOURCE_VERSION, RiskAxis, RiskReport, template_hash,
};
pub use price::{Price, micro_usd};
pub use reasoning::{
    Analysis, Choice, Hypothesis, ModelCost, Narrative, NextStep, Objection, Origin, Perspective, Reasoning, Stage, StageTrace,
    Statement, Suspicious, Usage,
};
pub use report::{
    ActionDecision, ActionReport, CauseReport, Change, Contradiction, ExecutionReport, FactReport, FieldChange, HistoryEntry,
    NumberedEvidence, Report, RuledOut, State, SymptomReport, TimelineEntry, Unknown, Verdict,
};
pub(crate) use source::named;
pub use source::{DEPLOYS, HISTORY, KUBERNETES, LOG_SEARCH, LOGS, SIGNALS, SourceState, Sources, TICKETS, beside, not_checked};
pub use standing::{AlertStanding, EpisodeRecord};
pub use team_digest::{BudgetBurn, StuckEpisode, TeamDigest};
pub use ticket::Ticket;
