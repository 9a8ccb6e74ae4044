use super::*;
use crate::domain::{Actor, Incident, ObjectRef, TokenHash};
use crate::pipeline::buttons::tests::attempt;
use crate::ports::ReplyTo;
use crate::remedy::SeparateApprover;
use jiff::SignedDuration;

fn rules() -> ClickRules {
    ClickRules {
        approval: ApprovalRules { is_enabled: true, separate: SeparateApprover::Never },
        approver_users: vec!["1".to_owned()],
        approver_roles: vec!["20".to_owned()],
        feedback_roles: Vec::new(),
        channels: vec!["100".to_owned()],
        per_hour: 5,
    }
}

fn click(verb: Verb) -> Click {
    Click {
        id: "9".to_owned(),
        by: Actor { kind: "discord".to_owned(), id: "1".to_owned(), name: "anna".to_owned() },
        roles: Vec::new(),
        button: Some((verb, TokenHash([0; 32]))),
        channel_id: "100".to_owned(),
        message_id: "200".to_owned(),
        reply_to: ReplyTo { application_id: String::new(), token: String::new() },
    }
}

fn seen(verb: Verb) -> Seen {
    let attempt = attempt(AttemptState::Proposed, "low");
    let subject = ObjectRef::new("Deployment", "shop", "checkout");
    let now = Timestamp::UNIX_EPOCH;
    Seen {
        now,
        button: Some(Button {
            verb,
            incident_id: "incident".to_owned(),
            run_id: "run".to_owned(),
            about: verb.is_decision().then(|| (attempt.id.clone(), attempt.digest.as_str().to_owned())),
            channel_id: Some("100".to_owned()),
            message_id: (!verb.is_second()).then(|| "200".to_owned()),
            user_id: verb.is_second().then(|| "1".to_owned()),
            expires_at: now + SignedDuration::from_mins(5),
            is_used: false,
        }),
        incident: Some(Incident {
            id: "incident".to_owned(),
            cluster: "c".to_owned(),
            subject,
            status: IncidentStatus::Open,
            opened_at: now,
            resolved_at: None,
            merged_into: None,
            verdict: None,
            cause: None,
            summary: None,
        }),
        newest_run: Some("run".to_owned()),
        attempt: verb.is_decision().then_some(attempt),
        is_our_channel: false,
        clicks: 0,
        decisions: 0,
    }
}

fn code(effect: &Effect) -> &'static str {
    match effect {
        Effect::Refused(Refusal::Denied { code, .. }) => code,
        Effect::Refused(Refusal::Older) => "older",
        Effect::Refused(Refusal::StepOver) => "step_over",
        Effect::Refused(Refusal::Used) => "used",
        Effect::Refused(Refusal::TooFast) => "too_fast",
        Effect::Refused(Refusal::NotForYou) => "not_for_you",
        Effect::Refused(Refusal::Over) => "over",
        Effect::Cancelled => "cancelled",
        Effect::Feedback(_) => "feedback",
        Effect::AskedWhy(_) => "asked_why",
        Effect::Shown(_) => "shown",
        Effect::Requested => "requested",
        Effect::Approved => "approved",
        Effect::Declined => "declined",
        Effect::UndoAsked => "undo_asked",
    }
}

#[test]
fn each_verb_does_its_own() {
    let expected = |verb| match verb {
        Verb::Up | Verb::WrongCause | Verb::WrongObject | Verb::WrongAction | Verb::NotAFault => "feedback",
        Verb::Down => "asked_why",
        Verb::Cancel => "cancelled",
        Verb::Apply | Verb::Approve => "shown",
        Verb::Apply2 | Verb::Approve2 | Verb::Undo2 => "approved",
        Verb::Decline => "declined",
        // It was not applied.
        Verb::Undo => "over",
    };
    for verb in Verb::ALL {
        assert_eq!(code(&judge(&click(*verb), &seen(*verb), &rules())), expected(*verb), "{verb}");
    }
}

/// One thing that is not as it should be.
type Wrong = fn(&mut Click, &mut Seen, &mut ClickRules);

#[test]
fn one_thing_that_is_wrong_is_enough() {
    fn button(seen: &mut Seen) -> &mut Button {
        seen.button.as_mut().unwrap()
    }
    fn state(seen: &mut Seen, state: AttemptState) {
        seen.attempt.as_mut().unwrap().state = state;
    }
    let cases: Vec<(&str, Verb, Wrong, &str)> = vec![
        ("thirty clicks", Verb::Up, |_, seen, _| seen.clicks = 30, "too_fast"),
        ("nobody's token", Verb::Apply2, |_, seen, _| seen.button = None, "older"),
        ("another verb", Verb::Apply2, |click, _, _| click.button = Some((Verb::Up, TokenHash([0; 32]))), "older"),
        ("not our id", Verb::Apply2, |click, _, _| click.button = None, "older"),
        ("another message", Verb::Decline, |click, _, _| click.message_id = "201".to_owned(), "older"),
        ("another channel", Verb::Apply2, |click, _, _| click.channel_id = "101".to_owned(), "older"),
        ("another analysis", Verb::Apply2, |_, seen, _| seen.newest_run = Some("newer".to_owned()), "older"),
        ("no incident", Verb::Up, |_, seen, _| seen.incident = None, "older"),
        ("merged", Verb::Up, |_, seen, _| seen.incident.as_mut().unwrap().status = IncidentStatus::Merged, "older"),
        ("no attempt", Verb::Apply2, |_, seen, _| seen.attempt = None, "older"),
        ("about nothing", Verb::Apply2, |_, seen, _| button(seen).about = None, "older"),
        ("another plan", Verb::Apply2, |_, seen, _| button(seen).about.as_mut().unwrap().1 = "0".repeat(64), "older"),
        ("somebody else's", Verb::Apply2, |click, _, _| click.by.id = "2".to_owned(), "other_user"),
        ("used", Verb::Apply2, |_, seen, _| button(seen).is_used = true, "used"),
        ("five minutes later", Verb::Apply2, |_, seen, _| seen.now += SignedDuration::from_mins(5), "step_over"),
        ("the plan's time is over", Verb::Apply, |_, seen, _| seen.now += SignedDuration::from_mins(5), "over"),
        ("a month later", Verb::Up, |_, seen, _| seen.now += SignedDuration::from_mins(5), "older"),
        ("another's channel", Verb::Apply, |_, _, rules| rules.channels.clear(), "other_channel"),
        (
            "no approvers",
            Verb::Decline,
            |_, _, rules| (rules.approver_users.clear(), rules.approver_roles.clear()).0,
            "not_an_approver",
        ),
        ("a name", Verb::Apply, |_, _, rules| rules.approver_users = vec!["anna".to_owned()], "not_an_approver"),
        (
            "a name that is an id",
            Verb::Apply,
            |click, _, _| {
                click.by = Actor { id: "3".to_owned(), name: "1".to_owned(), ..click.by.clone() };
            },
            "not_an_approver",
        ),
        ("switched off", Verb::Decline, |_, _, rules| rules.approval.is_enabled = false, "executor_disabled"),
        ("five decisions", Verb::Decline, |_, seen, _| seen.decisions = 5, "approval_rate"),
        ("five decisions, feedback", Verb::Up, |_, seen, _| seen.decisions = 5, "feedback"),
        ("approved", Verb::Apply2, |_, seen, _| state(seen, AttemptState::Approved), "over"),
        ("declined", Verb::Decline, |_, seen, _| state(seen, AttemptState::Declined), "over"),
        ("expired", Verb::Apply2, |_, seen, _| seen.attempt.as_mut().unwrap().expires_at = seen.now, "over"),
        (
            "a high risk",
            Verb::Apply2,
            |_, seen, _| {
                seen.attempt.as_mut().unwrap().plan["risk"]["level"] = serde_json::json!("high");
            },
            "risk_high",
        ),
        (
            "an unreadable plan",
            Verb::Apply,
            |_, seen, _| {
                seen.attempt.as_mut().unwrap().plan = serde_json::Value::Null;
            },
            "risk_high",
        ),
        ("other roles give feedback", Verb::Down, |_, _, rules| rules.feedback_roles = vec!["30".to_owned()], "not_for_you"),
    ];
    for (case, verb, wrong, expected) in cases {
        let (mut click, mut seen, mut rules) = (click(verb), seen(verb), rules());
        wrong(&mut click, &mut seen, &mut rules);
        assert_eq!(code(&judge(&click, &seen, &rules)), expected, "{case}");
    }
}

#[test]
fn a_role_makes_an_approver_and_a_message_an_own_channel() {
    let (mut click, mut seen, mut rules) = (click(Verb::Apply), seen(Verb::Apply), rules());
    click.by.id = "2".to_owned();
    click.roles = vec!["7".to_owned(), "20".to_owned()];
    rules.channels.clear();
    seen.is_our_channel = true;
    assert_eq!(judge(&click, &seen, &rules), Effect::Shown(Verb::Apply2));
}

#[test]
fn where_another_has_to_agree_who_asks_only_asks() {
    let mut rules = rules();
    rules.approval.separate = SeparateApprover::Always;
    let mut seen = seen(Verb::Apply2);
    assert_eq!(judge(&click(Verb::Apply2), &seen, &rules), Effect::Requested);
    let by = |id: &str, kind: &str| Some(Actor { kind: kind.to_owned(), id: id.to_owned(), name: "x".to_owned() });
    seen.attempt.as_mut().unwrap().requested_by = by("1", "discord");
    assert_eq!(code(&judge(&click(Verb::Apply2), &seen, &rules)), "separate_approver");
    // The same number elsewhere is somebody else.
    for (id, kind) in [("2", "discord"), ("1", "operator")] {
        seen.attempt.as_mut().unwrap().requested_by = by(id, kind);
        assert_eq!(judge(&click(Verb::Apply2), &seen, &rules), Effect::Approved);
    }
}

#[test]
fn an_applied_change_is_taken_back_within_a_day() {
    let mut seen = seen(Verb::Undo);
    let attempt = seen.attempt.as_mut().unwrap();
    (attempt.state, attempt.sent_at) = (AttemptState::Verified, Some(Timestamp::UNIX_EPOCH));
    assert_eq!(judge(&click(Verb::Undo), &seen, &rules()), Effect::UndoAsked);
    seen.now += SignedDuration::from_hours(24);
    seen.button.as_mut().unwrap().expires_at = Timestamp::MAX;
    assert_eq!(judge(&click(Verb::Undo), &seen, &rules()), Effect::Refused(Refusal::Over));
}
