//! Each class of answer: delivered as soon as it allows, never sooner.

use super::*;
use wiremock::ResponseTemplate;

/// Sends until nothing more is asked within this many seconds, a quarter of a second at a time.
async fn for_seconds(home: &Home, seconds: i64) {
    for _ in 0..seconds * 4 {
        home.send().await;
        home.pass_millis(250);
    }
}

/// When the posts came, in milliseconds since the first.
fn gaps(home: &Home) -> Vec<i64> {
    let posts = home.chat.posts();
    posts.iter().map(|post| post.at - posts[0].at).collect()
}

#[tokio::test]
async fn limits_are_waited_for_and_no_longer() {
    for (headers, body, wait) in [
        (vec![("retry-after", "9")], json!({"retry_after": 1.5}), 1_500),
        (vec![("retry-after", "2")], json!("banned"), 2_000),
        (vec![], json!({"retry_after": 3.0, "global": true}), 3_000),
        (vec![("x-ratelimit-scope", "global")], json!({"retry_after": 1.0}), 1_000),
    ] {
        let home = Home::new().await;
        home.fires("checkout").await;
        home.pass(5);
        home.chat.then(429, &headers, &body);
        for_seconds(&home, 12).await;
        assert_eq!(gaps(&home), [0, wait], "{headers:?} {body}");
        assert_eq!(home.chat.messages().len(), 1);
    }
}

#[tokio::test]
async fn what_is_left_is_obeyed_before_it_is_refused() {
    let home = Home::new().await;
    for name in ["a", "b", "c"] {
        home.take(vec![alert(&format!("Down{name}"), name, "critical", 0, None)]).await;
    }
    home.pass(5);
    home.chat.then_right(&[("x-ratelimit-bucket", "x"), ("x-ratelimit-remaining", "1"), ("x-ratelimit-reset-after", "2.1")]);
    home.chat.then_right(&[("x-ratelimit-bucket", "x"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset-after", "2.1")]);
    for_seconds(&home, 6).await;
    assert_eq!(gaps(&home), [0, 0, 2_250], "at the first look after 2.1 s");
    assert_eq!(home.chat.messages().len(), 3);
}

#[tokio::test]
async fn a_global_limit_holds_for_every_channel() {
    let home = Home::with(|settings, _| {
        let url = settings.webhook_url.as_ref().unwrap().expose().replace("/1/", "/2/");
        settings.team_channel_map.insert("payments".to_owned(), secret(url));
    })
    .await;
    home.fires("a").await;
    let mut other = alert("Other", "b", "critical", 0, None);
    other["labels"]["team"] = json!("nobody");
    home.take(vec![other]).await;
    home.pass(5);
    home.chat.then(429, &[], &json!({"retry_after": 2.0, "global": true}));
    for_seconds(&home, 6).await;
    let posts = home.chat.posts();
    assert_eq!(posts.len(), 3);
    assert_eq!(posts.iter().map(|post| post.at - posts[0].at).collect::<Vec<_>>(), [0, 2_000, 2_000]);
    assert_ne!(posts[1].path, posts[2].path);
}

#[tokio::test]
async fn trouble_of_its_own_is_waited_out_longer_each_time() {
    let home = Home::new().await;
    home.fires("checkout").await;
    home.pass(5);
    for status in [500, 502, 503, 504] {
        home.chat.then(status, &[], &json!({}));
    }
    for_seconds(&home, 30).await;
    let gaps = gaps(&home);
    assert_eq!(gaps.len(), 5);
    for (pair, wait) in gaps.windows(2).zip([1_000, 2_000, 4_000, 8_000]) {
        let waited = pair[1] - pair[0];
        assert!((wait * 8 / 10..=wait * 12 / 10 + 250).contains(&waited), "{gaps:?}");
    }
    assert_eq!(home.chat.messages().len(), 1);
}

#[tokio::test]
async fn no_answer_and_no_connection_are_tried_again() {
    let mut home = Home::new().await;
    home.fires("checkout").await;
    home.pass(5);
    home.chat.then_hangs();
    home.send().await;
    assert_eq!(home.chat.messages().len(), 0);
    // Nobody listens there.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = format!("http://{}/webhooks/1/{CANARY}", listener.local_addr().unwrap());
    drop(listener);
    let somewhere = home.settings.webhook_url.replace(secret(nowhere));
    home.restart().await;
    home.pass(2);
    home.send().await;
    // Somebody listens, and hangs up.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    home.settings.webhook_url = Some(secret(format!("http://{}/webhooks/1/{CANARY}", listener.local_addr().unwrap())));
    let hangs_up = tokio::spawn(async move {
        loop {
            drop(listener.accept().await);
        }
    });
    home.restart().await;
    home.pass(3);
    home.send().await;
    hangs_up.abort();
    home.settings.webhook_url = somewhere;
    home.restart().await;
    for_seconds(&home, 12).await;
    assert_eq!((home.chat.messages().len(), home.count("outbox WHERE state = 'sent'")), (1, 1));
    assert_eq!(home.rows("SELECT CAST(failures AS TEXT) FROM outbox"), ["3"]);
}

#[tokio::test]
async fn what_is_refused_goes_short_and_is_kept() {
    let home = Home::new().await;
    let id = home.fires("checkout").await;
    home.analyse(Some("exhausted")).await;
    home.chat.then(400, &[], &json!({"message": "Invalid Form Body", "code": 50035}));
    home.send().await;
    let posts = home.chat.posts();
    assert_eq!(posts.len(), 2);
    let short = posts[1].body["content"].as_str().unwrap();
    assert!(short.contains(&id) && short.contains("confirmed") && short.chars().count() <= 500, "{short}");
    assert_eq!((home.count("outbox WHERE state = 'sent' AND body IS NOT NULL"), home.chat.messages().len()), (1, 1));
    assert!(posts[0].body.to_string().contains("sc1:up:"), "it had buttons");
    assert_eq!(home.count("outbox WHERE body LIKE '%sc1:%'"), 0, "what presses them is not kept");
}

#[tokio::test]
async fn what_is_refused_twice_is_a_dead_letter_and_said_so_once() {
    let home = Home::new().await;
    home.fires("checkout").await;
    home.pass(5);
    home.chat.rule(|asked| asked.body.to_string().contains("checkout").then(|| ResponseTemplate::new(400)));
    home.send().await;
    assert_eq!(home.count("outbox WHERE state = 'failed' AND body IS NOT NULL"), 1);
    assert_eq!(home.chat.texts().iter().filter(|text| text.contains("given up")).count(), 1);
    home.take(vec![alert("Other", "checkout2", "critical", 5, None)]).await;
    home.pass(5);
    home.send().await;
    assert_eq!((home.count("outbox WHERE state = 'failed'"), home.chat.messages().len()), (2, 1), "once in six hours");
    home.pass(6 * 3_600);
    home.take(vec![alert("Third", "checkout3", "critical", 5, None)]).await;
    home.pass(5);
    home.send().await;
    assert_eq!(home.chat.messages().len(), 2);
}

#[tokio::test]
async fn a_message_that_is_gone_is_posted_anew() {
    let home = Home::new().await;
    home.fires("checkout").await;
    home.pass(5);
    home.send().await;
    home.chat.forget("1000");
    home.analyse(Some("exhausted")).await;
    home.send().await;
    let asked = home.chat.asked();
    assert_eq!(asked.iter().map(|asked| asked.method.as_str()).collect::<Vec<_>>(), ["POST", "PATCH", "POST"]);
    assert!(home.chat.texts()[0].contains("exhausted"));
}

#[tokio::test]
async fn a_broken_channel_s_messages_go_to_the_default_one_and_it_is_asked_again_hourly() {
    for (status, code) in [(401, 50_027), (403, 50_013), (404, 10_015)] {
        let home = Home::with(|settings, _| {
            let url = settings.webhook_url.as_ref().unwrap().expose().replace("/1/", "/2/");
            settings.team_channel_map.insert("payments".to_owned(), secret(url));
        })
        .await;
        home.chat.rule(move |asked| {
            asked.path.starts_with("/webhooks/2/").then(|| ResponseTemplate::new(status).set_body_json(json!({"code": code})))
        });
        home.fires("checkout").await;
        home.pass(5);
        home.send().await;
        let to = |home: &Home, name: &str| home.chat.posts().iter().filter(|post| post.path.starts_with(name)).count();
        // The message, and the trouble.
        assert_eq!((to(&home, "/webhooks/2/"), to(&home, "/webhooks/1/")), (1, 2));
        assert!(home.chat.texts().iter().any(|text| text.contains("team:payments") && text.contains("broken")));
        home.analyse(Some("exhausted")).await;
        home.send().await;
        assert!(home.chat.texts().iter().any(|text| text.contains("exhausted")), "it is changed where it stands");
        home.take(vec![alert("Other", "other", "critical", 5, None)]).await;
        home.pass(3_590);
        home.send().await;
        assert_eq!((to(&home, "/webhooks/2/"), to(&home, "/webhooks/1/")), (1, 3));
        home.chat.works_again();
        home.take(vec![alert("Third", "third", "critical", 3_500, None)]).await;
        home.pass(30);
        home.send().await;
        assert_eq!((to(&home, "/webhooks/2/"), to(&home, "/webhooks/1/")), (2, 3));
    }
}

#[tokio::test]
async fn a_default_channel_that_is_broken_is_asked_again_hourly() {
    let home = Home::new().await;
    home.chat.rule(|_| Some(ResponseTemplate::new(404).set_body_json(json!({"code": 10_015}))));
    home.fires("checkout").await;
    home.pass(5);
    home.send().await;
    home.pass(3_599);
    home.send().await;
    assert_eq!(home.chat.posts().len(), 1);
    home.chat.works_again();
    home.pass(1);
    home.send().await;
    assert!(home.chat.texts()[0].contains("checkout"));
}

#[tokio::test]
async fn what_is_over_for_a_day_is_given_up() {
    let home = Home::new().await;
    home.chat.rule(|_| Some(ResponseTemplate::new(500)));
    home.fires("checkout").await;
    home.set(60);
    home.ends("checkout", 0).await;
    for hour in 0..=25 {
        home.set(3_600 * hour + 120);
        home.send().await;
        assert_eq!(home.count("outbox WHERE state = 'failed'") > 0, hour >= 24, "{hour}");
    }
    home.chat.works_again();
    home.pass(600);
    home.send().await;
    assert!(home.chat.texts()[0].contains("given up"));
}
