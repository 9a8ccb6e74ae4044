//! Who gets in, and how often.

use super::*;
use rstest::rstest;
use sre_copilot::config::Rate;
use sre_copilot::server::Tokens;

fn without(mut claims: Value, key: &str) -> Value {
    claims.as_object_mut().unwrap().remove(key);
    claims
}

fn with(mut claims: Value, key: &str, value: Value) -> Value {
    claims[key] = value;
    claims
}

/// Any token that is not good is answered like no token at all.
#[tokio::test]
async fn what_is_not_signed_for_here_gets_401() {
    let home = Home::new().await;
    let good = claims("anna", &["viewer"]);
    let seconds = |from_now: i64| json!(EPOCH / 1000 + from_now);
    let parts: Vec<String> = token("anna", &["viewer"]).split('.').map(str::to_owned).collect();
    let raised = token("anna", &["approver"]);
    let none = "eyJhbGciOiJub25lIn0"; // {"alg":"none"}
    let cases = [
        ("HS256 with the public key", signed(Algorithm::HS256, &EncodingKey::from_secret(RSA_PUBLIC.as_bytes()), &good)),
        ("RS384", signed(Algorithm::RS384, &EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap(), &good)),
        ("ES256", signed(Algorithm::ES256, &EncodingKey::from_ec_pem(P256.as_bytes()).unwrap(), &good)),
        ("other key", signed(Algorithm::RS256, &EncodingKey::from_rsa_pem(OTHER.as_bytes()).unwrap(), &good)),
        ("none", format!("{none}.{}.", parts[1])),
        ("none with a signature", format!("{none}.{}.{}", parts[1], parts[2])),
        ("other claims", format!("{}.{}.{}", parts[0], raised.split('.').nth(1).unwrap(), parts[2])),
        ("cut", format!("{}.{}", parts[0], parts[1])),
        ("no words", "…".to_owned()),
        ("no exp", rsa(&without(good.clone(), "exp"))),
        ("exp as text", rsa(&with(good.clone(), "exp", json!("2099")))),
        ("over", rsa(&with(good.clone(), "exp", seconds(-60)))),
        ("not yet", rsa(&with(good.clone(), "nbf", seconds(61)))),
        ("no aud", rsa(&without(good.clone(), "aud"))),
        ("wrong aud", rsa(&with(good.clone(), "aud", json!(["grafana", "sre-copilot-dev"])))),
        ("no sub", rsa(&without(good.clone(), "sub"))),
        ("empty sub", rsa(&with(good.clone(), "sub", json!(" ")))),
    ];
    let (status, expected) = home.send("GET", "/evaluation/stats", None, None).await;
    assert_eq!((status, &expected["code"]), (401, &json!("unauthenticated")));
    for (case, token) in cases {
        let (status, document) = home.get("/evaluation/stats", &token).await;
        assert_eq!((status, &document["detail"]), (401, &expected["detail"]), "{case}: {document}");
    }
    for (case, claims) in [
        ("good", good.clone()),
        ("within the leeway", with(good.clone(), "exp", seconds(-59))),
        ("nearly yet", with(good.clone(), "nbf", seconds(59))),
        ("one of two", with(good.clone(), "aud", json!(["grafana", "sre-copilot"]))),
    ] {
        assert_eq!(home.get("/evaluation/stats", &rsa(&claims)).await.0, 200, "{case}");
    }
}

#[tokio::test]
async fn an_elliptic_key_takes_its_own_algorithm_alone() {
    let mut settings = settings();
    settings.serve.jwt_public_key = Some(P256_PUBLIC.to_owned());
    settings.serve.jwt_issuer = Some("https://id.example".to_owned());
    let home = Home::with(settings).await;
    let good = with(claims("anna", &["viewer"]), "iss", json!("https://id.example"));
    let key = EncodingKey::from_ec_pem(P256.as_bytes()).unwrap();
    let elliptic = |claims: &Value| signed(Algorithm::ES256, &key, claims);
    assert_eq!(home.get("/evaluation/stats", &elliptic(&good)).await.0, 200);
    for token in [
        rsa(&good),
        signed(Algorithm::HS256, &EncodingKey::from_secret(P256_PUBLIC.as_bytes()), &good),
        elliptic(&without(good.clone(), "iss")),
        elliptic(&with(good.clone(), "iss", json!("https://id.example/"))),
    ] {
        assert_eq!(home.get("/evaluation/stats", &token).await.0, 401);
    }
}

#[rstest]
#[case::a_private_key(RSA, "JWT_PUBLIC_KEY is not the PEM of a public key")]
#[case::another_curve(include_str!("keys/p384.pub.pem"), "JWT_PUBLIC_KEY is of another curve than P-256")]
#[case::too_short(include_str!("keys/short.pub.pem"), "JWT_PUBLIC_KEY is an RSA key of less than 2048 bits")]
#[case::no_pem("s3cret", "JWT_PUBLIC_KEY is no PEM")]
fn a_key_that_cannot_be_used_is_said_at_the_start(#[case] pem: &str, #[case] why: &str) {
    let mut settings = Settings::default().serve;
    settings.jwt_public_key = Some(pem.to_owned());
    assert_eq!(Tokens::of(&settings).unwrap_err(), why);
    settings.jwt_public_key = Some(RSA_PUBLIC.replace('\n', "\\n"));
    assert!(Tokens::of(&settings).unwrap().is_some());
}

#[tokio::test]
async fn a_role_is_needed_and_operators_and_approvers_are_viewers() {
    let home = Home::new().await;
    let run = home.analysed().await;
    let submit = format!("/evaluation/{}/submit", run.id);
    let said = json!({"score": 5, "is_accepted": true});
    for (roles, look, judge, decide) in [
        (&[][..], 403, 403, 403),
        (&["admin"], 403, 403, 403),
        (&["viewer"], 200, 403, 403),
        (&["operator"], 200, 200, 403),
        (&["approver"], 200, 403, 404),
        (&["operator", "approver"], 200, 200, 404),
    ] {
        let token = token("anna", roles);
        assert_eq!(home.get("/evaluation/stats", &token).await.0, look, "{roles:?}");
        assert_eq!(home.post(&submit, &token, said.clone()).await.0, judge, "{roles:?}");
        assert_eq!(home.post("/approvals/A-000000/reject", &token, json!({})).await.0, decide, "{roles:?}");
    }
}

#[tokio::test]
async fn without_a_key_a_developer_may_look_and_ask_and_others_nothing() {
    for (environment, look, ask, decide) in [
        (Environment::Development, 200, 202, 403),
        (Environment::Staging, 401, 401, 401),
        (Environment::Production, 401, 401, 401),
    ] {
        let mut settings = settings();
        (settings.environment, settings.serve.jwt_public_key) = (environment, None);
        let home = Home::with(settings).await;
        assert_eq!(home.send("GET", "/evaluation/stats", None, None).await.0, look);
        assert_eq!(home.send("POST", "/copilot", None, Some(json!({"prompt": "why?"}))).await.0, ask);
        assert_eq!(home.send("POST", "/approvals/A-000000/approve", None, Some(json!({}))).await.0, decide);
    }
}

#[tokio::test]
async fn whoever_asks_too_often_waits_and_nobody_else() {
    let mut settings = settings();
    settings.serve.operator_rate = Rate { count: 60, per: SignedDuration::from_hours(1) };
    settings.serve.ask_rate = Rate { count: 10, per: SignedDuration::from_hours(1) };
    let home = Home::with(settings).await;
    let (anna, ben) = (token("anna", &["operator"]), token("ben", &["operator"]));
    for _ in 0..10 {
        assert_eq!(home.post("/copilot", &anna, json!({"prompt": "why?"})).await.0, 202);
    }
    let (status, document) = home.post("/copilot", &anna, json!({"prompt": "why?"})).await;
    assert_eq!((status, &document["code"]), (429, &json!("rate_limited")));
    for _ in 11..60 {
        assert_eq!(home.get("/evaluation/stats", &anna).await.0, 200);
    }
    assert_eq!(home.get("/evaluation/stats", &anna).await.0, 429);
    // Whoever can't prove to be anna takes nothing of hers, nor of ben's.
    assert_eq!(home.get("/evaluation/stats", "anna").await.0, 401);
    assert_eq!(home.post("/copilot", &ben, json!({"prompt": "why?"})).await.0, 202);
}
