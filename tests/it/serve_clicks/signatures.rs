//! What isn't Discord's, or not of now, or was there before, is one 401.

use super::*;

fn ping(id: &str) -> String {
    json!({"id": id, "application_id": "1100000000000000098", "type": 1, "version": 1, "token": "t"}).to_string()
}

fn is_401((status, answer): (u16, Value), case: &str) -> Value {
    assert_eq!(status, 401, "{case}: {answer}");
    assert_eq!(answer["code"], "unauthenticated", "{case}: {answer}");
    json!([answer["type"], answer["title"], answer["detail"], answer["errors"]])
}

#[tokio::test]
async fn whatever_is_wrong_with_a_signature_is_the_same_401() {
    let home = Home::new().await;
    let body = ping("1");
    let time = home.now().as_second().to_string();
    let good = home.signature(&time, body.as_bytes());
    let other = home.signature(&time, b"another body");
    let ago = |seconds: i64| (home.now().as_second() - seconds).to_string();
    let signed_at = |time: &str| home.signature(time, body.as_bytes());
    let cases: Vec<(&str, Option<String>, Option<String>)> = vec![
        ("no headers", None, None),
        ("no time", Some(good.clone()), None),
        ("no signature", None, Some(time.clone())),
        ("empty", Some(String::new()), Some(time.clone())),
        ("of another body", Some(other), Some(time.clone())),
        ("short", Some(good[..127].to_owned()), Some(time.clone())),
        ("two digits short", Some(good[..126].to_owned()), Some(time.clone())),
        ("long", Some(format!("{good}0")), Some(time.clone())),
        ("two digits long", Some(format!("{good}00")), Some(time.clone())),
        ("no hex", Some("g".repeat(128)), Some(time.clone())),
        ("a sign", Some(format!("+{}", &good[1..])), Some(time.clone())),
        ("zeros", Some("0".repeat(128)), Some(time.clone())),
        ("old", Some(signed_at(&ago(301))), Some(ago(301))),
        ("future", Some(signed_at(&ago(-301))), Some(ago(-301))),
        ("no number", Some(signed_at("now")), Some("now".to_owned())),
        ("negative", Some(signed_at("-1790000000")), Some("-1790000000".to_owned())),
        ("plus", Some(signed_at(&format!("+{time}"))), Some(format!("+{time}"))),
        ("fraction", Some(signed_at(&format!("{time}.0"))), Some(format!("{time}.0"))),
        ("endless", Some(signed_at(&"9".repeat(40))), Some("9".repeat(40))),
    ];
    let mut answers = Vec::new();
    for (case, signature, time) in cases {
        let headers = [("X-Signature-Ed25519", signature), ("X-Signature-Timestamp", time)];
        let headers: Vec<_> = headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        answers.push(is_401(home.send(&headers, body.clone()).await, case));
    }
    let twice =
        [("X-Signature-Ed25519", good.clone()), ("X-Signature-Ed25519", good.clone()), ("X-Signature-Timestamp", time.clone())];
    answers.push(is_401(home.send(&twice, body.clone()).await, "twice"));
    let changed = body.replace("\"t\"", "\"u\"");
    let headers = [("X-Signature-Ed25519", good), ("X-Signature-Timestamp", time)];
    answers.push(is_401(home.send(&headers, changed).await, "a changed byte"));
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");
    assert_eq!(home.count("interactions"), 0, "nothing of it was looked at");
    // Upper case, and the last second that counts.
    for seconds in [300, -300] {
        let time = ago(seconds);
        let signature = home.signature(&time, ping(&time).as_bytes()).to_uppercase();
        let headers = [("X-Signature-Ed25519", signature), ("X-Signature-Timestamp", time.clone())];
        assert_eq!(home.send(&headers, ping(&time)).await, (200, json!({"type": 1})));
    }
}

#[tokio::test]
async fn without_a_key_or_with_another_nothing_is_discords() {
    for key in [
        "",
        "00",
        &"0".repeat(64),
        &"zz".repeat(32),
        &SigningKey::from_bytes(&[8; 32]).verifying_key().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
    ] {
        let mut settings = settings();
        settings.discord.public_key = Some(key.to_owned());
        let home = Home::with(settings).await;
        is_401(home.signed(&ping("1")).await, key);
    }
}

#[tokio::test]
async fn a_good_ping_is_answered_once() {
    let home = Home::new().await;
    assert_eq!(home.signed(&ping("1")).await, (200, json!({"type": 1})));
    is_401(home.signed(&ping("1")).await, "the same again");
    assert_eq!(home.signed(&ping("2")).await, (200, json!({"type": 1})));
}

#[tokio::test]
async fn too_long_a_body_is_413_before_anything_else() {
    let home = Home::new().await;
    for length in [(256 << 10) + 1, 1 << 20] {
        let (status, answer) = home.send(&[], "x".repeat(length)).await;
        assert_eq!((status, &answer["code"]), (413, &json!("too_large")));
    }
    is_401(home.send(&[], "x".repeat(256 << 10)).await, "as long as it may be");
}

#[tokio::test]
async fn what_is_signed_and_unreadable_is_400_and_what_is_not_known_is_said() {
    let home = Home::new().await;
    let bodies = [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        "7".to_owned(),
        "{}".to_owned(),
        json!({"id": "1", "type": 0}).to_string(),
        json!({"id": "1", "type": 6}).to_string(),
        json!({"id": "1", "type": "1"}).to_string(),
        json!({"id": "1", "type": -1}).to_string(),
        json!({"type": 1}).to_string(),
        json!({"id": 1, "type": 1}).to_string(),
        json!({"id": "", "type": 1}).to_string(),
        json!({"id": "1' OR 1", "type": 1}).to_string(),
        // Nobody clicked.
        json!({"id": "1", "type": 3}).to_string(),
        json!({"id": "1", "type": 3, "member": {"roles": []}}).to_string(),
        json!({"id": "1", "type": 3, "member": {"user": {"id": "no number"}}}).to_string(),
        "[".repeat(200_000),
    ];
    for body in bodies {
        let (status, answer) = home.signed(&body).await;
        assert_eq!((status, &answer["code"]), (400, &json!("unparsable")), "{}", &body[..body.len().min(80)]);
    }
    for kind in [2, 5] {
        let body = json!({"id": home.number(), "type": kind, "data": {"id": "1", "name": "x", "components": []}}).to_string();
        let (status, answer) = home.signed(&body).await;
        assert_eq!(status, 200);
        assert!(text(&checked(answer)).contains("not supported"));
        is_401(home.signed(&body).await, "the same again");
    }
    let body = json!({"id": home.number(), "type": 4, "data": {"name": "x", "options": []}}).to_string();
    assert_eq!(home.signed(&body).await, (200, json!({"type": 8, "data": {"choices": []}})));
}
