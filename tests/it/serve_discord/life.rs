//! The life of messages: what is new, what is changed, what is folded into another.

use super::*;
use jiff::SignedDuration;
use sre_copilot::domain::{Actor, CustomId};
use sre_copilot::pipeline::opens;
use sre_copilot::ports::{AttemptStore, Click, Clicks, Effect, MessageOp, Messages, Notice, Outbox, ReplyTo};

#[tokio::test]
async fn a_digest_goes_to_its_channel_as_it_is_drawn_and_masked() {
    let canary = "ghp_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5";
    let home = Home::with(|settings, _| {
        settings.stats_url = Some(secret(format!("{}/webhooks/2/{CANARY}", settings.api_url)));
    })
    .await;
    let row = json!({
        "alert": "Crash", "subject": {"kind": "Deployment", "name": "checkout", "namespace": "shop"}, "severity": "critical",
        "owner": canary, "episodes": 42, "firingSeconds": 3_600, "lastAt": at(0), "fires": true,
    });
    let digest = json!({"chronic": {"at": at(0), "hours": 24, "rows": [row], "total": 7}});
    let (channel, op, payload) = ("stats".to_owned(), MessageOp::Post, json!({ "digest": digest }));
    home.store.put(Notice { channel, op, incident_id: None, payload, not_before: None }).await.unwrap();
    home.send().await;
    let [message] = home.chat.messages().try_into().unwrap();
    assert!(message.path.starts_with("/webhooks/2/"), "{}", message.path);
    let text = message.body.to_string();
    for part in ["Chronic alerts", "**42×** Crash", "shop/checkout", "+6 more"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains(canary), "{text}");
    assert_eq!(home.count("outbox WHERE state = 'sent'"), 1);
}

#[tokio::test]
async fn a_first_message_has_its_report_if_that_comes_at_once() {
    let home = Home::new().await;
    let incident = home.fires("checkout").await;
    home.send().await;
    assert_eq!(home.chat.requests(), 0, "it waits for its report");
    home.analyse(Some("exhausted")).await;
    home.send().await;
    assert_eq!((home.chat.asked().len(), home.chat.posts()[0].query.as_str()), (1, "wait=true"));
    assert!(home.chat.texts()[0].contains("exhausted"));
    // Nothing new: nothing is asked.
    let notice = Notice {
        channel: String::new(),
        op: MessageOp::Patch,
        incident_id: Some(incident),
        payload: json!({"about": ["episode"]}),
        not_before: None,
    };
    home.store.put(notice).await.unwrap();
    home.send().await;
    assert_eq!(home.chat.asked().len(), 1);
}

#[tokio::test]
async fn the_title_leads_to_the_page_and_opens_it_where_links_are_signed() {
    let (address, ttl) = ("https://copilot.example", SignedDuration::from_hours(2));
    let home = Home::with(|_, messages| {
        (messages.public_url, messages.permalink_ttl) = (Some(address.to_owned()), ttl);
    })
    .await;
    let incident = home.fires("checkout").await;
    home.pass(5);
    home.send().await;
    let shown = home.chat.posts()[0].body["embeds"][0]["url"].as_str().unwrap().to_owned();
    let (page, query) = shown.split_once("?until=").unwrap();
    assert_eq!(page, format!("{address}/incidents/{incident}"));
    let (until, sign) = query.split_once("&sign=").unwrap();
    let key = home.store.key().await.unwrap();
    assert!(opens(&key, &incident, until.parse().unwrap(), sign, ttl, home.time.now()));
}

#[tokio::test]
async fn without_a_report_the_alert_goes_after_five_seconds_and_is_changed_later() {
    let home = Home::new().await;
    home.fires("checkout").await;
    home.pass_millis(4_999);
    home.send().await;
    assert_eq!(home.chat.asked().len(), 0);
    home.pass_millis(1);
    home.send().await;
    home.pass(20);
    home.analyse(Some("exhausted")).await;
    home.send().await;
    assert_eq!((home.chat.posts().len(), home.chat.asked().len(), home.chat.messages().len()), (1, 2, 1));
    assert!(home.chat.texts()[0].contains("exhausted"));
}

#[tokio::test]
async fn what_repeats_for_29_minutes_is_one_message_and_what_fires_again_later_is_another_that_is_linked() {
    let home = Home::new().await;
    home.fires("checkout").await;
    home.pass(5);
    home.send().await;
    for (ends, begins) in [(600, 700), (1_500, 29 * 60)] {
        home.set(ends);
        home.ends("checkout", home_start(ends)).await;
        home.send().await;
        home.set(begins);
        home.fires("checkout").await;
        home.send().await;
    }
    assert_eq!(home.chat.messages().len(), 1);
    assert!(home.chat.texts()[0].contains("×3"), "{:?}", home.chat.texts());
    home.set(30 * 60);
    home.ends("checkout", 29 * 60).await;
    home.set(31 * 60);
    home.fires("checkout").await;
    home.send().await;
    let texts = home.chat.texts();
    assert_eq!(texts.len(), 2);
    assert!(texts[1].contains("RESURFACED") && !texts[0].contains("RESURFACED"), "{texts:?}");
    assert!(texts[0].contains("https://discord.com/channels/7/42/1001"), "{texts:?}");
    assert_eq!(home.chat.messages()[0].body["components"], json!([]));
    // What comes now changes the new one.
    home.analyse(Some("exhausted")).await;
    home.send().await;
    let texts = home.chat.texts();
    assert!(texts.len() == 2 && texts[1].contains("exhausted") && !texts[0].contains("exhausted"), "{texts:?}");
}

/// When the episode began that ends then.
fn home_start(ends: i64) -> i64 {
    if ends == 600 { 0 } else { 700 }
}

#[tokio::test]
async fn the_same_some_hours_later_is_a_new_incident_whose_message_is_linked() {
    let home = Home::new().await;
    home.fires("checkout").await;
    home.pass(5);
    home.send().await;
    home.set(600);
    home.ends("checkout", 0).await;
    home.set(4 * 3_600);
    home.fires("checkout").await;
    home.pass(5);
    home.send().await;
    let texts = home.chat.texts();
    assert!(texts.len() == 2 && texts[1].contains("RESURFACED") && texts[0].contains("/1001"), "{texts:?}");
    assert_eq!(home.count("incidents"), 2);
}

#[tokio::test]
async fn what_becomes_worse_is_a_new_message() {
    let home = Home::new().await;
    home.take(vec![alert("Crash", "checkout", "warning", 0, None)]).await;
    home.pass(5);
    home.send().await;
    home.pass(60);
    home.take(vec![alert("Down", "checkout", "critical", 60, None)]).await;
    home.send().await;
    let texts = home.chat.texts();
    assert!(texts.len() == 2 && texts[0].contains("/1001") && !texts[1].contains("RESURFACED"), "{texts:?}");
}

#[tokio::test]
async fn what_comes_again_and_again_is_only_changed() {
    let home = Home::new().await;
    for cycle in 0..6 {
        home.set(cycle * 2_000);
        home.fires("checkout").await;
        home.pass(5);
        home.send().await;
        home.pass(100);
        home.ends("checkout", cycle * 2_000).await;
        home.send().await;
    }
    // Each of the first four is more than 30 min after the one before; the fifth is chronic.
    assert_eq!(home.chat.messages().len(), 4);
}

#[tokio::test]
async fn forty_of_one_alert_are_two_messages_of_which_the_first_names_the_others() {
    let home = Home::new().await;
    for number in 0..40 {
        home.set(number * 7);
        home.fires(&format!("app{number:02}")).await;
        home.send().await;
    }
    home.pass(5);
    home.send().await;
    let texts = home.chat.texts();
    assert_eq!((texts.len(), home.count("incidents")), (2, 40));
    assert!((2..10).all(|number| texts[0].contains(&format!("app{number:02}"))), "{}", texts[0]);
    assert!(texts[0].contains("+30"), "the others are counted: {}", texts[0]);
    assert!(!texts[1].contains("app02"));
    // Another alert is no part of it.
    home.take(vec![alert("Other", "other", "critical", 280, None)]).await;
    home.pass(5);
    home.send().await;
    assert_eq!(home.chat.messages().len(), 3);
}

#[tokio::test]
async fn one_of_a_burst_that_has_another_cause_gets_a_message_of_its_own() {
    let home = Home::new().await;
    for number in 0..4 {
        home.fires(&format!("app{number}")).await;
        home.pass(5);
        home.send().await;
    }
    assert_eq!(home.chat.messages().len(), 2);
    for cause in ["exhausted", "exhausted", "misnamed", "exhausted"] {
        home.analyse(Some(cause)).await;
        home.send().await;
    }
    let texts = home.chat.texts();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[2].contains("app2") && texts[2].contains("misnamed"));
    assert!(texts[0].contains("app3") && !texts[0].contains("app2"), "{}", texts[0]);
}

#[tokio::test]
async fn what_a_message_names_gets_one_of_its_own_when_that_one_is_over() {
    let home = Home::new().await;
    for number in 0..5 {
        home.fires(&format!("app{number}")).await;
        home.pass(5);
        home.send().await;
    }
    home.ends("app0", 0).await;
    home.send().await;
    home.pass(59);
    assert_eq!(home.store.settle().await.unwrap().len(), 0);
    assert!(!home.chat.texts()[0].contains("Resolved"), "its end may not last");
    home.pass(1);
    assert_eq!(home.store.settle().await.unwrap().len(), 1);
    home.send().await;
    let texts = home.chat.texts();
    assert_eq!(texts.len(), 3);
    assert!(texts[0].contains("✅") && texts[0].contains("Resolved after") && !texts[2].contains("Resolved"));
    assert!(["app2", "app3", "app4"].iter().all(|name| texts[2].contains(name)), "{}", texts[2]);
    assert!(!texts[0].contains("app3"));
}

#[tokio::test]
async fn after_an_hour_without_discord_each_incident_has_one_message_in_its_newest_state() {
    let home = Home::new().await;
    home.chat.rule(|_| Some(wiremock::ResponseTemplate::new(503)));
    for number in 0..5 {
        home.take(vec![alert(&format!("Alert{number}"), &format!("app{number}"), "critical", 0, None)]).await;
    }
    for minute in 0..60 {
        home.set(minute * 60);
        home.send().await;
        if minute == 10 {
            for _ in 0..5 {
                home.analyse(Some("exhausted")).await;
            }
        }
    }
    let (down, posts) = (home.chat.asked().len(), home.chat.posts().len());
    assert!(down < 5 * 25, "{down} requests in an hour");
    home.chat.works_again();
    home.pass(360);
    home.send().await;
    assert_eq!((home.chat.posts().len() - posts, home.chat.messages().len()), (5, 5));
    assert!(home.chat.texts().iter().all(|text| text.contains("exhausted")));
    assert_eq!(home.count("outbox WHERE state IN ('queued', 'sending')"), 0);
}

#[tokio::test]
async fn a_channel_that_drops_buttons_has_plain_messages_from_then_on() {
    let home = Home::new().await;
    home.fires("checkout").await;
    home.analyse(Some("exhausted")).await;
    home.send().await;
    assert!(home.chat.texts()[0].contains("sc1:up:"));
    home.chat.is_foreign();
    home.pass(60);
    home.take(vec![alert("Down", "other", "critical", 60, None)]).await;
    home.analyse(Some("misnamed")).await;
    home.send().await;
    let texts = home.chat.texts();
    assert!(texts.len() == 2 && !texts[1].contains("sc1:"), "{texts:?}");
    let asked = home.chat.asked();
    assert!(asked.iter().any(|asked| asked.method == "POST" && asked.body.to_string().contains("misnamed")));
    // A webhook that is nobody's is known from the start.
    let home = Home::new().await;
    home.chat.is_foreign();
    home.fires("checkout").await;
    home.analyse(Some("exhausted")).await;
    home.send().await;
    assert!(home.chat.asked().len() == 1 && !home.chat.texts()[0].contains("sc1:"));
}

#[tokio::test]
async fn buttons_work_where_their_message_stands() {
    let home = Home::bot().await;
    home.fires("checkout").await;
    home.analyse(Some("exhausted")).await;
    home.send().await;
    assert_eq!(home.chat.messages()[0].path, "/channels/42/messages");
    assert!(home.chat.texts()[0].contains("sc1:down:"));
    let places = home.rows("SELECT DISTINCT channel_id || ' ' || message_id FROM buttons");
    assert_eq!(places, ["42 1000"]);
}

#[tokio::test]
async fn what_nobody_answers_for_a_day_is_looked_at_again() {
    let home = Home::new().await;
    home.fires("checkout").await;
    home.pass(5);
    home.send().await;
    home.set(86_399);
    assert_eq!(home.store.tend().await.unwrap(), 0);
    home.set(86_400);
    assert_eq!((home.store.tend().await.unwrap(), home.store.tend().await.unwrap()), (1, 0));
    assert_eq!(home.count("outbox WHERE state = 'queued' AND payload LIKE '%stale%'"), 1);
}

#[tokio::test]
async fn a_click_takes_the_mark_of_what_nobody_answered_away() {
    let home = Home::new().await;
    home.fires("checkout").await;
    home.analyse(Some("exhausted")).await;
    home.send().await;
    home.set(86_400);
    assert_eq!(home.store.tend().await.unwrap(), 1);
    home.send().await;
    let message = home.chat.messages().remove(0);
    let text = message.body.to_string();
    assert!(text.contains("STALE"), "{text}");
    let id = text.split('"').find(|word| word.starts_with("sc1:down:")).unwrap();
    let button = CustomId::parse(id).map(|id| (id.verb, id.hash()));
    let by = Actor { kind: "discord".to_owned(), id: "7".to_owned(), name: "anna".to_owned() };
    let reply_to = ReplyTo { application_id: "77".to_owned(), token: CANARY.to_owned() };
    let (channel_id, message_id) = (String::new(), String::new());
    let click = Click { id: "1".to_owned(), by, roles: Vec::new(), button, channel_id, message_id, reply_to };
    home.store.click(click, |_, _| Effect::Cancelled).await.unwrap().unwrap();
    home.send().await;
    assert!(!home.chat.texts()[0].contains("STALE"), "{}", home.chat.texts()[0]);
}

#[tokio::test]
async fn the_process_s_end_lets_what_is_under_way_finish() {
    let home = Home::new().await;
    home.fires("checkout").await;
    home.pass(5);
    let (queued, (stops, stop)) = (tokio::sync::watch::Sender::new(()), tokio::sync::watch::channel(false));
    let chat = Arc::clone(&home.chat);
    let watches = async {
        while chat.asked().is_empty() {
            tokio::task::yield_now().await;
        }
        stops.send_replace(true);
    };
    // It can be spawned.
    let running: std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> = Box::pin(home.courier.run(&queued, &stop));
    futures::join!(running, watches);
    assert_eq!((home.chat.messages().len(), home.count("outbox WHERE state = 'sent'")), (1, 1));
}
