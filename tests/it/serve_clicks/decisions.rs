//! Apply, Approve and Decline: two clicks of one person who may, on what is still open.

use super::*;

/// The first click, and the button that it gives.
async fn first(home: &Home, who: Who, ids: &ButtonIds) -> String {
    button(&home.click(who, &ids[&Verb::Apply]).await)
}

#[tokio::test]
async fn two_clicks_approve_exactly_what_was_shown() {
    let home = Home::new().await;
    let run = home.analysed().await;
    let attempt = home.proposed(&run).await;
    let ids = home.buttons(&run).await;
    assert_eq!(ids.keys().copied().collect::<Vec<_>>(), [Verb::Up, Verb::Down, Verb::Apply, Verb::Decline]);
    let shown = home.click(APPROVER, &ids[&Verb::Apply]).await;
    let embed = shown["data"]["embeds"][0].to_string();
    for part in
        ["kubectl -n shop scale deployment/checkout --replicas=4", "spec.replicas", "generation:7", attempt.digest.short()]
    {
        assert!(embed.contains(part), "{part} is not in {embed}");
    }
    assert!(!embed.contains("@everyone") && !embed.contains("https://evil") && !embed.contains("[x]("), "{embed}");
    assert_eq!(home.attempt(&attempt).await.state, AttemptState::Proposed);
    assert_eq!(home.click_second(APPROVER, &button(&shown)).await, json!({"type": 5, "data": {"flags": 64}}));
    let approved = home.attempt(&attempt).await;
    assert_eq!(approved.state, AttemptState::Approved);
    let anna = Actor { kind: "discord".to_owned(), id: ANNA.to_owned(), name: "anna".to_owned() };
    assert_eq!(approved.decided_by, Some(anna));
    assert_eq!(home.log(&attempt).await, ["approval.requested", "approval.first_step", "approval.approved"]);
    assert!(matches!(home.store.verify(None).await.unwrap(), sre_copilot::domain::AuditCheck::Intact { .. }));
}

#[tokio::test]
async fn the_same_interaction_counts_once() {
    let home = Home::new().await;
    let run = home.analysed().await;
    let attempt = home.proposed(&run).await;
    let second = first(&home, APPROVER, &home.buttons(&run).await).await;
    let body = home.body(APPROVER, MESSAGE, &second).to_string();
    assert_eq!(home.signed(&body).await.0, 200);
    for _ in 0..3 {
        assert_eq!(home.signed(&body).await.0, 401);
    }
    assert_eq!(home.log(&attempt).await.iter().filter(|event| event.starts_with("approval.approved")).count(), 1);
}

#[tokio::test]
async fn two_people_who_press_at_once_approve_once() {
    let home = Home::new().await;
    let run = home.analysed().await;
    let attempt = home.proposed(&run).await;
    let ids = home.buttons(&run).await;
    let seconds = [(APPROVER, first(&home, APPROVER, &ids).await), (OTHER_APPROVER, first(&home, OTHER_APPROVER, &ids).await)];
    let presses = (0..20).map(|press| {
        let (who, id) = &seconds[press % 2];
        home.click_second(*who, id)
    });
    let answers = futures::future::join_all(presses).await;
    assert_eq!(answers.iter().filter(|answer| answer["type"] == 5).count(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer["type"] == 4) {
        assert!(text(answer).contains("approved by <@"), "{answer}");
    }
    assert_eq!(home.attempt(&attempt).await.state, AttemptState::Approved);
    assert_eq!(home.log(&attempt).await.iter().filter(|event| *event == "approval.approved").count(), 1);
    assert_eq!(home.count("attempts WHERE state = 'approved'"), 1);
}

#[tokio::test]
async fn who_is_no_approver_is_refused_whatever_they_are_called() {
    let home = Home::new().await;
    let run = home.analysed().await;
    let attempt = home.proposed(&run).await;
    let ids = home.buttons(&run).await;
    for verb in [Verb::Apply, Verb::Decline] {
        assert!(text(&home.click(STRANGER, &ids[&verb]).await).contains("not among those"));
    }
    // A button that was shown to somebody else.
    let second = first(&home, APPROVER, &ids).await;
    assert!(text(&home.click_second(OTHER_APPROVER, &second).await).contains("somebody else's"));
    assert!(text(&home.click_second(STRANGER, &second).await).contains("somebody else's"));
    assert_eq!(home.attempt(&attempt).await.state, AttemptState::Proposed);
    let denied: Vec<_> = home.log(&attempt).await.into_iter().filter(|event| event.starts_with("approval.denied")).collect();
    let expected = ["not_an_approver", "not_an_approver", "other_user", "other_user"];
    assert_eq!(denied, expected.map(|code| format!("approval.denied {code}")));
    // And it still works for whose it is, and for a role.
    assert_eq!(home.click_second(APPROVER, &second).await["type"], 5);
}

#[tokio::test]
async fn without_approvers_there_is_no_button_and_one_made_by_hand_does_nothing() {
    let mut settings = settings();
    settings.discord.approvers_user_ids.clear();
    settings.discord.approvers_role_ids.clear();
    let home = Home::with(settings).await;
    let run = home.analysed().await;
    let attempt = home.proposed(&run).await;
    assert_eq!(home.buttons(&run).await.keys().copied().collect::<Vec<_>>(), [Verb::Up, Verb::Down]);
    let about = Some((attempt.id.clone(), attempt.digest.clone()));
    let made = [Verb::Apply, Verb::Apply2, Verb::Approve2, Verb::Decline].map(|verb| sre_copilot::ports::NewButton {
        verb,
        about: about.clone(),
        expires_at: attempt.expires_at,
    });
    let new = NewButtons {
        incident_id: run.incident.clone(),
        run_id: run.id.clone(),
        place: Some(place()),
        user_id: None,
        buttons: made.into(),
    };
    for id in home.store.mint(new).await.unwrap().ids.values() {
        assert!(text(&home.click(APPROVER, id).await).contains("not among those"));
    }
    assert_eq!(home.attempt(&attempt).await.state, AttemptState::Proposed);
}

#[tokio::test]
async fn switched_off_after_the_buttons_were_drawn_is_off() {
    let on = Home::new().await;
    let run = on.analysed().await;
    let attempt = on.proposed(&run).await;
    let ids = on.buttons(&run).await;
    // The same store behind a server with other settings.
    let mut settings = settings();
    settings.executor.approval_enabled = false;
    settings.discord.public_key = on.settings.discord.public_key.clone();
    let off = Home::with(settings).await;
    assert!(off.rules().approval.is_enabled != on.rules().approval.is_enabled);
    let run_off = off.analysed().await;
    let attempt_off = off.proposed(&run_off).await;
    assert_eq!(off.buttons(&run_off).await.len(), 2);
    let new = |verb| sre_copilot::ports::NewButton {
        verb,
        about: Some((attempt_off.id.clone(), attempt_off.digest.clone())),
        expires_at: attempt_off.expires_at,
    };
    let new = NewButtons {
        incident_id: run_off.incident.clone(),
        run_id: run_off.id.clone(),
        place: Some(place()),
        user_id: None,
        buttons: [Verb::Apply, Verb::Decline].map(new).into(),
    };
    for id in off.store.mint(new).await.unwrap().ids.values() {
        assert!(text(&off.click(APPROVER, id).await).contains("EXECUTOR_APPROVAL_ENABLED"));
    }
    first(&on, APPROVER, &ids).await;
    assert_eq!(on.attempt(&attempt).await.state, AttemptState::Proposed);
}

#[tokio::test]
async fn what_was_declined_is_not_applied() {
    let home = Home::new().await;
    let run = home.analysed().await;
    let attempt = home.proposed(&run).await;
    let ids = home.buttons(&run).await;
    let second = first(&home, APPROVER, &ids).await;
    assert!(text(&home.click(OTHER_APPROVER, &ids[&Verb::Decline]).await).starts_with("Declined"));
    assert!(text(&home.click_second(APPROVER, &second).await).contains(&format!("declined by <@{BERT}>")));
    assert!(text(&home.click(APPROVER, &ids[&Verb::Apply]).await).contains("declined by"));
    assert!(text(&home.click(APPROVER, &ids[&Verb::Decline]).await).contains("declined by"));
    let declined = home.attempt(&attempt).await;
    assert_eq!(declined.state, AttemptState::Declined);
    let incident = home.store.incident(&run.incident).await.unwrap().unwrap().incident;
    assert_eq!(incident.status, sre_copilot::domain::IncidentStatus::Open);
}

#[tokio::test]
async fn a_plan_whose_time_is_over_is_not_applied_nor_a_step_after_five_minutes() {
    let home = Home::new().await;
    let run = home.analysed().await;
    let attempt = home.proposed(&run).await;
    let ids = home.buttons(&run).await;
    let second = first(&home, APPROVER, &ids).await;
    home.pass(SignedDuration::from_secs(300));
    assert!(text(&home.click_second(APPROVER, &second).await).contains("five minutes"));
    assert_eq!(home.log(&attempt).await.last().unwrap(), "approval.denied second_step_too_late");
    let second = first(&home, APPROVER, &ids).await;
    home.pass(SignedDuration::from_secs(299));
    let third = first(&home, APPROVER, &ids).await;
    home.pass(SignedDuration::from_mins(20));
    home.pass(SignedDuration::from_secs(1));
    assert!(text(&home.click_second(APPROVER, &second).await).contains("five minutes"));
    assert!(text(&home.click_second(APPROVER, &third).await).contains("five minutes"));
    let over = home.click(APPROVER, &ids[&Verb::Apply]).await;
    assert!(text(&over).contains("is over") && text(&over).contains(&attempt.code), "{over}");
    assert_eq!(home.attempt(&attempt).await.state, AttemptState::Proposed);
    assert_eq!(home.log(&attempt).await.last().unwrap(), "approval.denied too_late");
}

#[tokio::test]
async fn an_older_analysis_a_foreign_message_and_a_forged_token_do_nothing_and_say_so() {
    let home = Home::new().await;
    let run = home.analysed().await;
    let attempt = home.proposed(&run).await;
    let ids = home.buttons(&run).await;
    let second = first(&home, APPROVER, &ids).await;
    let older = |answer: Value, link: &str| {
        assert!(text(&answer).starts_with("This belongs to an older report"), "{answer}");
        assert!(text(&answer).contains(link), "{answer}");
        assert!(answer["data"]["components"].as_array().unwrap().is_empty());
    };
    let link = format!("(https://copilot.example/incidents/{})", run.incident);
    older(home.click_on(APPROVER, "1100000000000000003", &ids[&Verb::Apply]).await, &link);
    // Another channel.
    let body = interaction(&home.number(), APPROVER, "1100000000000000004", MESSAGE, &ids[&Verb::Apply]);
    older(checked(home.signed(&body.to_string()).await.1), &link);
    let token = ids[&Verb::Up].rsplit(':').next().unwrap().to_owned();
    for forged in
        ["".to_owned(), "x".to_owned(), format!("sc1:apply:{token}"), format!("sc1:apply2:{}", "0".repeat(26)), "é".repeat(40)]
    {
        let answer = home.click(APPROVER, &forged).await;
        older(answer, "(https://copilot.example/incidents");
    }
    // A newer analysis.
    home.analysed_again(&run.incident).await;
    older(home.click(APPROVER, &ids[&Verb::Apply]).await, &link);
    older(home.click(APPROVER, &ids[&Verb::Up]).await, &link);
    older(home.click_second(APPROVER, &second).await, &link);
    assert_eq!(home.attempt(&attempt).await.state, AttemptState::Proposed);
    assert_eq!(home.count("feedback"), 0);
}

#[tokio::test]
async fn an_earlier_set_of_a_message_works_for_a_while() {
    let home = Home::new().await;
    let run = home.analysed().await;
    home.proposed(&run).await;
    let earlier = home.buttons(&run).await;
    home.pass(SignedDuration::from_mins(9));
    home.buttons(&run).await;
    first(&home, APPROVER, &earlier).await;
    home.pass(SignedDuration::from_mins(2));
    let newer = home.buttons(&run).await;
    assert!(text(&home.click(APPROVER, &earlier[&Verb::Apply]).await).contains("older report"));
    first(&home, APPROVER, &newer).await;
}

#[tokio::test]
async fn a_message_whose_place_is_not_known_yet_takes_it_from_the_first_click() {
    let home = Home::new().await;
    let run = home.analysed().await;
    home.proposed(&run).await;
    let ids = home.minted(&run).await.ids;
    assert!(text(&home.click(APPROVER, &ids[&Verb::Apply]).await).contains("only in the channels"), "not one of ours yet");
    home.click(APPROVER, &ids[&Verb::Up]).await;
    assert!(text(&home.click_on(APPROVER, "1100000000000000003", &ids[&Verb::Up]).await).contains("older report"));
}

#[tokio::test]
async fn where_another_person_has_to_agree_the_first_asks_and_the_second_approves() {
    let mut settings = settings();
    settings.approval.separate_approver = sre_copilot::remedy::SeparateApprover::Medium;
    let home = Home::with(settings).await;
    let run = home.analysed().await;
    let attempt = home.proposed_with(&run, "medium").await;
    let ids = home.buttons(&run).await;
    let asked = home.click_second(APPROVER, &first(&home, APPROVER, &ids).await).await;
    assert!(text(&asked).starts_with("Asked for"), "{asked}");
    let now = home.attempt(&attempt).await;
    assert_eq!((now.state, now.requested_by.unwrap().id.as_str()), (AttemptState::Proposed, ANNA));
    let ids = home.buttons(&run).await;
    assert_eq!(ids.keys().copied().collect::<Vec<_>>(), [Verb::Up, Verb::Down, Verb::Approve, Verb::Decline]);
    assert!(text(&home.click(APPROVER, &ids[&Verb::Approve]).await).contains("somebody else has to approve"));
    let second = button(&home.click(OTHER_APPROVER, &ids[&Verb::Approve]).await);
    assert_eq!(home.click_second(OTHER_APPROVER, &second).await["type"], 5);
    let approved = home.attempt(&attempt).await;
    assert_eq!((approved.state, approved.decided_by.unwrap().id.as_str()), (AttemptState::Approved, BERT));
    let log = home.log(&attempt).await;
    let expected = [
        "approval.first_step",
        "approval.requested",
        "approval.denied separate_approver",
        "approval.first_step",
        "approval.approved",
    ];
    assert_eq!(log[1..], expected);
}

#[tokio::test]
async fn a_high_risk_is_for_a_terminal() {
    let home = Home::new().await;
    let run = home.analysed().await;
    home.proposed_with(&run, "high").await;
    assert_eq!(home.buttons(&run).await.len(), 2);
}

#[tokio::test]
async fn an_object_that_another_attempt_holds_is_left_alone() {
    let home = Home::new().await;
    let run = home.analysed().await;
    let held = home.proposed(&run).await;
    let ids = home.buttons(&run).await;
    home.click_second(APPROVER, &first(&home, APPROVER, &ids).await).await;
    // Another incident about the same object.
    let other = home.store.open_or_join("5d1c", &ObjectRef::new("Service", "shop", "checkout")).await.unwrap();
    let run = home.analysed_again(&other.id).await;
    let attempt = home.proposed(&run).await;
    let ids = home.buttons(&run).await;
    let answer = home.click_second(OTHER_APPROVER, &first(&home, OTHER_APPROVER, &ids).await).await;
    assert!(text(&answer).contains(&format!("{} is about the same object", held.code)), "{answer}");
    assert_eq!(home.attempt(&attempt).await.state, AttemptState::Proposed);
}
