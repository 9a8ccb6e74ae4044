//! Planted secrets in every quoting that programs use: none may leave, whatever it is wrapped in.

use super::{Counts, Redactor};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;

/// The value that must not leave, and the text that it stands in.
const PLANTED: &[(&str, &str)] = &[
    // 1 PEM, whole and cut off, and JSON web tokens
    (
        "MIIEpAIBAAKCAQEA7bq9",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq9\nAQEFAASCBKcwggSj\n-----END RSA PRIVATE KEY-----",
    ),
    ("MHcCAQEEIIGlzx8PqT2v", "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIGlzx8PqT2v\n"),
    ("AQEFAASCBKcwggSjAgEAAoIB", "AQEFAASCBKcwggSjAgEAAoIB\nabc=\n-----END PRIVATE KEY-----"),
    (
        "b3BlbnNzaC1rZXktdjEAAAAA",
        r"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----",
    ),
    (
        "Qm9vdHN0cmFwUHJveHk5",
        "Proc-Type: 4,ENCRYPTED\n-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: AES-128-CBC,0011\n\nQm9vdHN0cmFwUHJveHk5",
    ),
    ("eyJzdWIiOiJqYW5lIn0", "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJl"),
    ("c2lnbmF0dXJlMTIz", "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3fQ.c2lnbmF0dXJlMTIz expired"),
    // 2 addresses and query strings
    ("hunter2pw", "dial postgres://shop:hunter2pw@db.shop.svc:5432/app?sslmode=disable failed"),
    ("p%40ss9w0rd", "redis://:p%40ss9w0rd@cache:6379/0"),
    ("pa/s#s@9w", "amqp://guest:pa/s#s@9w@mq:5672/vhost"),
    ("0123abcdef", "https://0123abcdef@o1.ingest.example.io/2"),
    ("m0ng0pw", "mongodb+srv://app:m0ng0pw@m1.example.net,m2.example.net/x"),
    ("gitt0ken", "cloning https://oauth2:gitt0ken@git.example.com/a/b.git"),
    ("aB3%2Fx9", "GET /blob?sv=2020&sig=aB3%2Fx9&se=2 200"),
    ("qt0k3n", "GET /hook?token=qt0k3n&x=1"),
    ("0011aa22bb", "https://b.s3.example.com/x?X-Amz-Signature=0011aa22bb&x=1"),
    ("FwoGZXIvYXdz", "https://b.s3.example.com/x?X-Amz-Security-Token=FwoGZXIvYXdz&y=2"),
    ("ac9tok", "wss://x.example.com/s?a=1&access_token=ac9tok"),
    // 3 connection strings
    ("p w,x9", "Server=tcp:db,1433;User Id=sa;Password=p w,x9;Encrypt=true"),
    ("pwd9;", "Uid=sa;Pwd=pwd9;;Server=db"),
    ("QUJDRA9+/==", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=QUJDRA9+/==;EndpointSuffix=x"),
    ("sAk9abc=", "Endpoint=sb://x.example.net/;SharedAccessKeyName=root;SharedAccessKey=sAk9abc="),
    ("sv=2020&sr=b9", "BlobEndpoint=https://a.example.net;SharedAccessSignature=sv=2020&sr=b9"),
    ("my5qlpw", "shop:my5qlpw@tcp(db:3306)/shop?parseTime=true"),
    ("t1ger9", "jdbc:oracle:thin:scott/t1ger9@//ora:1521/x"),
    ("jdbcpw9", "jdbc:postgresql://db:5432/x?user=a&password=jdbcpw9&ssl=true"),
    // 4 headers
    ("abc.def-19", "Authorization: Bearer abc.def-19"),
    ("dTpwOTk=", "curl -H 'authorization: Basic dTpwOTk=' http://a"),
    ("12345token9", r#"{"Authorization":["Token 12345token9"]}"#),
    ("q1w2e3r4t5", "map[Authorization:[Bearer q1w2e3r4t5] Accept:[*/*]]"),
    ("pr0xycred", "Proxy-Authorization: Basic pr0xycred"),
    ("s1dval", "Cookie: sid=s1dval; csrf=2"),
    ("setc00kie", "set-cookie: sid=setc00kie; Path=/"),
    ("xkeyval9", "X-Api-Key: xkeyval9"),
    ("funckey9", "x-functions-key: funckey9"),
    ("vaultt0ken", "X-Vault-Token: vaultt0ken"),
    ("8f3kdk29dk20", "sent bearer 8f3kdk29dk20 to upstream"),
    // 5 vendors
    ("AKIAIOSFODNN7EXAMPLE", "id AKIAIOSFODNN7EXAMPLE used"),
    ("ASIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"),
    ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "pushed with ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
    ("github_pat_11ABCDEFG0abcdefghijkl_mn", "github_pat_11ABCDEFG0abcdefghijkl_mn"),
    ("glpat-abcdefghij1234567890", "x glpat-abcdefghij1234567890 y"),
    ("xoxb-1234567890-abcdefghij", "slack xoxb-1234567890-abcdefghij"),
    ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "AIzaSyA1234567890abcdefghijklmnopqrstuv"),
    ("sk-proj-abcdefghij1234567890ABCD", "sk-proj-abcdefghij1234567890ABCD"),
    ("sk-ant-api03-abcdefghij1234567890ABCD", "sk-ant-api03-abcdefghij1234567890ABCD"),
    ("sk_live_abcdefghij1234567890", "sk_live_abcdefghij1234567890"),
    ("npm_abcdefghij1234567890abcdefghij123456", "npm_abcdefghij1234567890abcdefghij123456"),
    ("hvs.CAESIJabcdefghijklmnopqrstuv", "hvs.CAESIJabcdefghijklmnopqrstuv"),
    ("abc-DEF_ghi9", "https://discord.com/api/webhooks/123456789012345678/abc-DEF_ghi9"),
    (
        "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz-0123456789",
        "bot MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz-0123456789",
    ),
    // 6 names and values
    ("kv1secret", "DB_PASSWORD=kv1secret"),
    ("a b c9", "export API_TOKEN='a b c9' && run"),
    ("x y9", "password => \"x y9\""),
    ("json1val", r#"{"apiKey": "json1val", "n": 1}"#),
    ("quoted b9", r#"{"client_secret": "quoted b9", "n": 1}"#),
    ("esc1val", r#"{\"token\":\"esc1val\",\"n\":1}"#),
    ("esc2val", r#"{\\\"secret\\\" : \\\"esc2val\\\", \\\"y\\\":1}"#),
    ("single9", "{'passwd': 'single9', 'a': 1}"),
    ("yaml9val", "spring:\n  datasource:\n    password: yaml9val\n    user: x"),
    ("two words9", "passphrase: \"two words9\""),
    ("block9line", "a:\n  password: |-\n    block9line\n  user: x"),
    ("flag9val", "run --db-password flag9val --port 80"),
    ("flag9eq", "run --client-secret=flag9eq --port 80"),
    ("list9val", r#"args ["--password", "list9val"]"#),
    ("go9val", "{Password:go9val} User:x"),
    ("rust9val", "Config { password: Some(\"rust9val\"), user: \"x\" }"),
    ("xml9val", "<password>xml9val</password>"),
    ("sql9val", "CREATE USER x IDENTIFIED BY 'sql9val'"),
    ("env9val", r#"{"name":"DB_PASSWORD","value":"env9val"}"#),
    ("env8val", "- name: API_TOKEN\n  value: env8val\n- name: X"),
    ("priv9val", "private_key := priv9val"),
    ("acc9val", "aws_secret_access_key = acc9val"),
    ("dsn9val", "SENTRY_DSN=https://dsn9val@o1.example.io/1"),
    ("cred9val", "credentials: cred9val"),
    ("num98765", r#"{"password": "num98765"}"#),
    ("9182736455", r#"{"password":9182736455,"a":1}"#),
    // 7 people, cards and opaque strings
    ("jane.doe@example.com", "mail from jane.doe@example.com to x"),
    ("o'b+x@mail.example.co.uk", "<o'b+x@mail.example.co.uk>"),
    ("4111 1111 1111 1111", "card 4111 1111 1111 1111 refused"),
    ("5555-5555-5555-4444", "card 5555-5555-5555-4444 refused"),
    ("378282246310005", "amex 378282246310005"),
    ("d41d8cd98f00b204e9800998ecf8427e", "md5 d41d8cd98f00b204e9800998ecf8427e"),
    ("D41D8CD98F00B204E9800998ECF8427ED41D8CD9", "key D41D8CD98F00B204E9800998ECF8427ED41D8CD9"),
    ("dGhpcyBpcyBhIHNlY3JldCBrZXkgb2YgbWluZSAxMjM0NQ==", "blob dGhpcyBpcyBhIHNlY3JldCBrZXkgb2YgbWluZSAxMjM0NQ== end"),
    ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "found wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY in a file"),
];

/// What is no secret: it tells one object from another.
const KEPT: &[&str] = &[
    "app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "uid 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "node ip-10-0-12-34.eu-central-1.compute.internal",
    "pod checkout-7c9f5d8b6d-x2x1z on db.shop.svc.cluster.local:5432",
];

fn masked(text: &str) -> String {
    Redactor::fixed().text(text).into_owned()
}

fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// What a text is wrapped in on its way: a log line, JSON in JSON, a list, an annotation.
fn wrapped(text: &str, how: usize) -> String {
    match how {
        0 => text.to_owned(),
        1 => format!("2026-01-02T05:05:54Z ERROR [main] c.e.App: {text}"),
        2 => quoted(text),
        3 => quoted(&quoted(text)),
        4 => json!({"level": "error", "msg": text}).to_string(),
        5 => json!({"line": json!({"msg": text}).to_string()}).to_string(),
        6 => json!([text, "next"]).to_string(),
        7 => format!("level=error msg={} pod=web-1", quoted(text)),
        8 => format!("first\n{text}\nlast"),
        9 => format!("first\r\n{text}\r\n"),
        10 => format!("({text})"),
        11 => format!("error: \u{1b}[31m{text}\u{1b}[0m"),
        _ => format!("{text}\t"),
    }
}

const WRAPPINGS: usize = 13;

/// Whether a value can be read in a text, as it is or escaped.
fn shows(text: &str, secret: &str) -> bool {
    let escaped = quoted(secret);
    text.contains(secret) || text.contains(escaped.trim_matches('"'))
}

#[test]
fn no_planted_secret_leaves_in_any_wrapping() {
    assert!(PLANTED.len() >= 60);
    let mut leaks = Vec::new();
    for (secret, text) in PLANTED {
        for how in 0..WRAPPINGS {
            let wrapped = wrapped(text, how);
            assert!(shows(&wrapped, secret) || secret.contains(['\'', '/']), "{secret} isn't planted in {wrapped}");
            let once = masked(&wrapped);
            if shows(&once, secret) {
                leaks.push(format!("{how}: {once}"));
            }
            assert_eq!(masked(&once), once, "masking twice is masking once");
        }
    }
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

#[test]
fn what_tells_objects_apart_stays_in_any_wrapping() {
    for text in KEPT {
        for how in 0..WRAPPINGS {
            assert_eq!(masked(&wrapped(text, how)), wrapped(text, how));
        }
    }
}

#[test]
fn the_same_value_is_the_same_placeholder_wherever_it_stands() {
    let texts =
        ["DB_PASSWORD=Corr3lated", "redis://:Corr3lated@cache:6379", r#"{"apiKey":"Corr3lated"}"#, "X-Api-Key: Corr3lated"];
    let placeholders: BTreeSet<String> = texts
        .iter()
        .map(|text| {
            let masked = masked(text);
            let start = masked.find("<secret:").unwrap();
            masked.chars().skip(start).take("<secret:3f9a1c>".len()).collect()
        })
        .collect();
    assert_eq!(placeholders.len(), 1, "{placeholders:?}");
    assert!(masked("redis://:Corr3lated@cache:6379").ends_with("@cache:6379"), "hosts stay");
}

#[test]
fn masked_values_are_counted_by_kind() {
    let redactor = Redactor::fixed().with_ips(true);
    let text = "DB_PASSWORD=abc9 mail jane@example.com and joe@example.com card 4111111111111111 from 10.1.2.3";
    let (masked, counts) = redactor.counted(text);
    assert_eq!(counts.to_string(), "1 card, 1 ip, 2 mail, 1 secret");
    assert_eq!((counts.total(), &Counts::of(&masked)), (5, &counts));
    assert_eq!(Redactor::fixed().counted("nothing here").1.to_string(), "nothing");
    let mut all = Counts::default();
    all.add(&counts);
    all.add(&counts);
    assert_eq!(all.total(), 10);
    assert_eq!(Counts::of("<secret:zzzzzz> <secret:3f9a1c <mail:77b0d2>").to_string(), "1 mail");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_planted_secret_leaves_in_wrappings_of_wrappings(
        which in 0..PLANTED.len(), first in 0..WRAPPINGS, second in 0..WRAPPINGS, noise in "[a-zA-Z0-9 .,]{0,20}",
    ) {
        let (secret, text) = PLANTED[which];
        let text = format!("{noise}\n{}", wrapped(&wrapped(text, first), second));
        let once = masked(&text);
        prop_assert!(!shows(&once, secret), "{once}");
        prop_assert_eq!(masked(&once), once);
    }

    #[test]
    fn base64_of_random_bytes_never_leaves(bytes in proptest::collection::vec(any::<u8>(), 32..64)) {
        let secret = base64(&bytes);
        let once = masked(&format!("value {secret} end"));
        prop_assert!(!once.contains(&secret), "{once}");
    }
}

/// RFC 4648, section 4, without padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = |at: usize| {
        (0..6).fold(0, |sum, bit| {
            let place = at + bit;
            let byte = bytes.get(place / 8).copied().unwrap_or(0);
            sum << 1 | usize::from(byte >> (7 - place % 8) & 1)
        })
    };
    (0..bytes.len() * 8).step_by(6).map(|at| char::from(LETTERS[bits(at)])).collect()
}
