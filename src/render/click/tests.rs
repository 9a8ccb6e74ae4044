use super::*;
use crate::domain::Digest;
use proptest::prelude::*;

fn attempt(title: &str, command: &str, value: &str) -> Attempt {
    let plan = json!({
        "apiVersion": "sre-copilot/v1", "kind": "Plan", "cluster": "c", "intent": {},
        "target": {"uid": "u", "version": "generation:7"},
        "request": {"method": "PATCH", "path": "/x", "contentType": "x", "body": []},
        "diff": [{"path": "spec.replicas", "before": value, "after": 4}],
        "risk": {"level": "low", "axes": [{"axis": "blast radius", "value": value, "level": 0}]},
    });
    let at = jiff::Timestamp::UNIX_EPOCH;
    Attempt {
        id: "1".to_owned(),
        code: "A-000000".to_owned(),
        incident: String::new(),
        run_id: String::new(),
        digest: Digest::of(&plan).unwrap(),
        try_number: 1,
        plan,
        cluster: String::new(),
        target: title.to_owned(),
        context: json!({"title": title, "why": value, "command": command, "undo": value, "unchecked": [value]}),
        state: AttemptState::Proposed,
        version: 1,
        requested_by: None,
        decided_by: None,
        decided_at: None,
        nonce: String::new(),
        created_at: at,
        changed_at: at,
        expires_at: at,
        lease_until: None,
        fence: 0,
        sent_at: None,
        token: None,
        resource_version: None,
        sends: 0,
        before: None,
        after: None,
        reason: Some(value.to_owned()),
        verify_due_at: None,
        verification: None,
        undo_of: None,
    }
}

fn as_it_is(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

#[test]
fn a_command_that_does_not_fit_takes_its_button_with_it() {
    let id = "sc1:apply2:x";
    let shown = |command: &str| plan(&attempt("t", command, "v"), "head", Some((Verb::Apply2, id)), &as_it_is);
    let whole = shown("kubectl -n shop scale deployment/checkout --replicas=4");
    assert_eq!(whole["components"][0]["components"][0]["custom_id"], id);
    for command in ["", &"x".repeat(1001)] {
        let cut = shown(command);
        assert_eq!(cut["components"], json!([]), "{cut}");
        assert!(cut["content"].as_str().unwrap().contains("sre-copilot approve A-000000"));
    }
}

#[test]
fn what_became_of_it_says_why_without_its_code() {
    let told = |state, reason: &str, change: &dyn Fn(&mut Attempt)| {
        let mut attempt = Attempt { state, reason: Some(reason.to_owned()), ..attempt("t", "c", "v") };
        change(&mut attempt);
        outcome(&attempt, &as_it_is)
    };
    let at = jiff::Timestamp::from_second(7).unwrap();
    let by = Actor { kind: "discord".to_owned(), id: "7".to_owned(), name: "anna".to_owned() };
    let unseen = "undetermined: the last check could not see whether it helped";
    assert_eq!(
        told(AttemptState::Succeeded, unseen, &|it| it.sent_at = Some(at)),
        "A-000000 was applied <t:7:R>: the last check could not see whether it helped"
    );
    assert_eq!(
        told(AttemptState::Succeeded, "x: y", &|it| it.verify_due_at = Some(at)),
        "A-000000 was applied. Whether it helped is looked at <t:7:R>."
    );
    assert_eq!(
        told(AttemptState::Expired, "expired: it could not be applied (no route)", &|it| it.decided_by = Some(by.clone())),
        "A-000000 was not applied: it could not be applied \\(no route\\).\n`sre-copilot approve A-000000` plans it afresh."
    );
}

#[test]
fn text_from_outside_is_only_text() {
    for (text, expected) in [
        ("@everyone", "@\u{200b}everyone"),
        ("<@1>", "\\<@\u{200b}1\\>"),
        ("[x](https://evil.example)", "\\[x\\]\\(https:\u{200b}//evil.example\\)"),
        ("# head", "\\# head"),
        ("- item", "\\- item"),
        ("12. item", "12\\. item"),
        ("1.2", "1\\.2"),
        ("a\nb\u{202e}c", "a bc"),
        ("`**x**`", "\\`\\*\\*x\\*\\*\\`"),
    ] {
        assert_eq!(plain(text, 100), expected, "{text}");
    }
    assert_eq!(block("a```b`c", 100), "```\na`\u{200b}`\u{200b}`b`c\n```");
    assert_eq!(plain("abcdef", 4), "abc…");
    assert_eq!(plain("ab**", 4), "ab…", "no half escape");
    assert_eq!(plain("abcd", 4), "abcd");
}

fn fits(message: &Value) -> Result<(), TestCaseError> {
    let units = |value: &Value| value.as_str().unwrap_or_default().encode_utf16().count();
    prop_assert!(units(&message["content"]) <= 2000);
    for embed in message["embeds"].as_array().into_iter().flatten() {
        let mut sum = units(&embed["title"]) + units(&embed["description"]);
        prop_assert!(units(&embed["title"]) <= 256 && units(&embed["description"]) <= 4096);
        for field in embed["fields"].as_array().into_iter().flatten() {
            prop_assert!((1..=256).contains(&units(&field["name"])) && (1..=1024).contains(&units(&field["value"])), "{field}");
            sum += units(&field["name"]) + units(&field["value"]);
        }
        prop_assert!(sum <= 5900, "{sum}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn whatever_stands_in_a_plan_it_fits_and_says_nothing_of_its_own(
        parts in proptest::collection::vec(prop_oneof![
            any::<String>(), Just("@everyone".to_owned()), Just("https://evil.example ".to_owned()), Just("```".to_owned()),
            Just("](".to_owned()), Just("\u{1f469}\u{200d}\u{1f52c}".to_owned()), Just("x".repeat(700)),
        ], 0..12),
    ) {
        let text = parts.concat();
        let attempt = attempt(&text, &text, &text);
        let message = plan(&attempt, "head", Some((Verb::Apply2, "id")), &as_it_is);
        fits(&message)?;
        let embed = &message["embeds"][0];
        for part in [&embed["title"], &embed["description"]] {
            let part = part.as_str().unwrap_or_default();
            prop_assert!(!part.contains("@everyone") && !part.contains("://") && !part.replace("\\]\\(", "").contains("]("), "{part}");
        }
        for field in embed["fields"].as_array().into_iter().flatten() {
            let value = field["value"].as_str().unwrap_or_default();
            if value.starts_with("```") {
                prop_assert_eq!(value.matches("```").count(), 2, "{}", value);
            } else {
                prop_assert!(!value.contains("@everyone") && !value.contains("://"), "{}", value);
            }
        }
        let text = outcome(&Attempt { state: AttemptState::Failed, ..attempt }, &as_it_is);
        prop_assert!(!text.contains("@everyone") && text.encode_utf16().count() <= 2000);
    }
}
