use super::Redactor;
use super::placeholder;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

fn masked(text: &str) -> String {
    Redactor::fixed().text(text).into_owned()
}

/// The text with every placeholder written as its kind alone.
fn shape(text: &str) -> String {
    let masked = masked(text);
    let mut out = String::new();
    let mut rest = masked.as_str();
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let length = placeholder::leading(from.as_bytes()).unwrap_or(0);
        out.push_str(if length > 0 { from.split(':').next().unwrap() } else { "<" });
        out.push_str(if length > 0 { ">" } else { "" });
        rest = &from[length.max(1)..];
    }
    out + rest
}

#[rstest]
// 1 PEM and JSON web tokens
#[case("key: -----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq\n-----END RSA PRIVATE KEY-----\nnext", "key: <secret>\nnext")]
#[case(r"k -----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIGl\n-----END EC PRIVATE KEY-----\n end", r"k <secret>\n end")]
#[case("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSj\nserver started", "<secret>\nserver started")]
#[case("AQEFAASCBKcwggSjAgEAAoIB\nabc=\n-----END PRIVATE KEY-----\nok", "<secret>\nok")]
#[case("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl back", "got <secret> back")]
// 2 addresses
#[case(
    "dial postgres://shop:hunter2@db.shop.svc:5432/app?sslmode=disable",
    "dial postgres://<secret>:<secret>@db.shop.svc:5432/app?sslmode=disable"
)]
#[case("redis://:p%40ss@cache:6379/0", "redis://:<secret>@cache:6379/0")]
#[case("amqp://u:p/a#s@s@mq:5672/vhost", "amqp://<secret>:<secret>@mq:5672/vhost")]
#[case("https://0123abcd@o1.ingest.sentry.io/2", "https://<secret>@o1.ingest.sentry.io/2")]
#[case("mongodb://u:p@m1:27017,m2:27017/x", "mongodb://<secret>:<secret>@m1:27017,m2:27017/x")]
#[case("shop:hunter2@tcp(db:3306)/shop", "<secret>:<secret>@tcp(db:3306)/shop")]
#[case("jdbc:oracle:thin:scott/tiger@//ora:1521/x", "jdbc:oracle:thin:<secret>/<secret>@//ora:1521/x")]
#[case("jdbc:postgresql://db:5432/x?user=a&password=b&ssl=true", "jdbc:postgresql://db:5432/x?user=a&password=<secret>&ssl=true")]
#[case("GET /blob?sv=1&sig=aB3%2Fx&se=2 200", "GET /blob?sv=1&sig=<secret>&se=2 200")]
#[case("https://b.s3/x?X-Amz-Signature=0011aa&x=1", "https://b.s3/x?X-Amz-Signature=<secret>&x=1")]
#[case("https://git@github.com/a/b", "https://git@github.com/a/b")]
// 3 connection strings
#[case(
    "Server=tcp:db,1433;User Id=sa;Password=p w,x;Encrypt=true",
    "Server=tcp:db,1433;User Id=sa;Password=<secret>;Encrypt=true"
)]
#[case("Password=p w;Server=db", "Password=<secret>;Server=db")]
#[case("AccountName=a;AccountKey=QUJD+/==;EndpointSuffix=x", "AccountName=a;AccountKey=<secret>;EndpointSuffix=x")]
#[case("SharedAccessKeyName=root;SharedAccessKey=abc=", "SharedAccessKeyName=root;SharedAccessKey=<secret>")]
// 4 headers
#[case("Authorization: Bearer abc.def-1", "Authorization: Bearer <secret>")]
#[case("curl -H 'authorization: Basic dTpw' http://a", "curl -H 'authorization: Basic <secret>' http://a")]
#[case(r#"{"Authorization":["Token 12345"]}"#, r#"{"Authorization":["Token <secret>"]}"#)]
#[case("map[Authorization:[Bearer q1w2] Accept:[*/*]]", "map[Authorization:[Bearer <secret>] Accept:[*/*]]")]
#[case(
    "Authorization: Digest username=\"a\", realm=\"b\", response=\"c\"",
    "Authorization: Digest <secret>\"a\", realm=\"b\", response=\"c\""
)]
#[case("Cookie: sid=1; csrf=2\nHost: a", "Cookie: <secret>\nHost: a")]
#[case("set-cookie: a=b; Path=/", "set-cookie: <secret>")]
#[case("X-Functions-Key: abc", "X-Functions-Key: <secret>")]
#[case("sent bearer 8f3kdk29dk20 to upstream", "sent bearer <secret> to upstream")]
// 5 shapes
#[case("id AKIAIOSFODNN7EXAMPLE used", "id <secret> used")]
#[case("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "<secret>")]
#[case("x glpat-abcdefghij1234567890", "x <secret>")]
#[case("xoxb-1234567890-abcdefghij", "<secret>")]
#[case("sk-proj-abcdefghij1234567890ABCD", "<secret>")]
#[case("hvs.CAESIJabcdefghijklmnopqrstuv", "<secret>")]
#[case("https://discord.com/api/webhooks/123456789012345678/abc-DEF_ghi", "https://discord.com/api/webhooks/<secret>")]
#[case("MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz-0123456789", "<secret>")]
// 6 names and values
#[case("DB_PASSWORD=hunter2", "DB_PASSWORD=<secret>")]
#[case("export API_TOKEN='a b c' && run", "export API_TOKEN='<secret>' && run")]
#[case("password => \"x y\"", "password => \"<secret>\"")]
#[case(r#"{"apiKey": "a \" b", "n": 1}"#, r#"{"apiKey": "<secret>", "n": 1}"#)]
#[case(r#"{\"token\":\"a\\\"b\",\"n\":1}"#, r#"{\"token\":\"<secret>\",\"n\":1}"#)]
#[case(r#"\\\"secret\\\" : \\\"x\\\", y"#, r#"\\\"secret\\\" : \\\"<secret>\\\", y"#)]
#[case("{'passwd': 'x', 'a': 1}", "{'passwd': '<secret>', 'a': 1}")]
#[case("spring.datasource.password: s3cr3t # comment", "spring.datasource.password: <secret> # comment")]
#[case("passphrase: correct horse battery", "passphrase: <secret>")]
#[case("a:\n  password: |-\n    one\n    two\n  user: x", "a:\n  password: |-\n    <secret>\n  user: x")]
#[case("run --db-password hunter2 --port 80", "run --db-password <secret> --port 80")]
#[case(r#"args ["--password", "hunter2"]"#, r#"args ["--password", "<secret>"]"#)]
#[case("login with password: hunter2 failed", "login with password: <secret> failed")]
#[case("{Password:abc} User:x", "{Password:<secret>} User:x")]
#[case("Config { password: Some(\"hunter2\"), user: \"x\" }", "Config { password: Some(\"<secret>\"), user: \"x\" }")]
#[case("<password>hunter2</password>", "<password><secret></password>")]
#[case("[password] => hunter2", "[password] => <secret>")]
#[case("level=info client_secret=a,b;c user=x", "level=info client_secret=<secret> user=x")]
#[case("a=1, token=abc, b=2", "a=1, token=<secret>, b=2")]
#[case("ALTER USER shop PASSWORD 'hunter2'", "ALTER USER shop PASSWORD '<secret>'")]
#[case("CREATE USER x IDENTIFIED BY 'hunter2'", "CREATE USER x IDENTIFIED BY '<secret>'")]
#[case(r#"{"name":"DB_PASSWORD","value":"hunter2"}"#, r#"{"name":"DB_PASSWORD","value":"<secret>"}"#)]
#[case(r#"{\"name\":\"API_TOKEN\", \"value\":\"hunter2\"}"#, r#"{\"name\":\"API_TOKEN\", \"value\":\"<secret>\"}"#)]
#[case("- name: DB_PASSWORD\n  value: hunter2\n- name: X", "- name: DB_PASSWORD\n  value: <secret>\n- name: X")]
#[case("the api key: abc123def", "the api key: <secret>")]
#[case("SENTRY_DSN=https://abc@o1.sentry.io/1", "SENTRY_DSN=https://<secret>@o1.sentry.io/1")]
#[case("WEBHOOK_TOKEN_URL=https://hooks.example.com/a/b", "WEBHOOK_TOKEN_URL=https://hooks.example.com/<secret>")]
// 7 people and opaque strings
#[case("mail from jane.doe@example.com to x", "mail from <mail> to x")]
#[case("card 4111 1111 1111 1111 refused", "card <card> refused")]
#[case("pan=4111111111111111", "pan=<card>")]
#[case("md5 d41d8cd98f00b204e9800998ecf8427e", "md5 <secret>")]
#[case("blob dGhpcyBpcyBhIHNlY3JldCBrZXkgb2YgbWluZSAxMjM0NQ== end", "blob <secret> end")]
fn masks(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(shape(text), expected);
    let once = masked(text);
    assert_eq!(masked(&once), once, "masking twice is masking once");
}

#[rstest]
#[case("Access denied for user 'root'@'10.0.0.1' (using password: YES)")]
#[case("password authentication failed for user \"shop\"")]
#[case("failed to fetch anonymous token: unexpected status from GET request: 401 Unauthorized")]
#[case("failed to fetch token: serviceaccounts \"x\" not found")]
#[case("failed to fetch token: x509: certificate signed by unknown authority")]
#[case("invalid token: expired")]
#[case("MountVolume.SetUp failed for volume \"db-secret\" : secret \"db-secret\" not found")]
#[case("MountVolume.SetUp failed for volume \"v\" : references non-existent secret key: tls.key")]
#[case("couldn't find key DB_PASSWORD in Secret shop/db")]
#[case("Error: DB_PASSWORD: must be set")]
#[case("KeyError: 'DB_PASSWORD'")]
#[case("required key DB_PASSWORD missing value")]
#[case("Could not resolve placeholder 'db.password' in value \"${db.password}\"")]
#[case("spec.volumes[0].secret.secretName: Required value")]
#[case("open /run/secrets/db_password: permission denied")]
#[case("dial tcp: lookup token-service on 10.96.0.10:53: no such host")]
#[case("Get \"http://token-service:8080/x\": dial tcp 10.0.0.1:8080: connect: connection refused")]
#[case("Back-off pulling image \"registry.io/a/token-service:v1.2.3\"")]
#[case("pull busybox-secret:1.36")]
#[case("image app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
#[case("containerd://e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
#[case("commit da39a3ee5e6b4b0d3255bfef95601890afd80709")]
#[case("uid 3f2504e0-4f89-11d3-9a0c-0305e82c3301 pvc-3f2504e0-4f89-11d3-9a0c-0305e82c3301")]
#[case("pod sk-checkout-api-7c9f5d8b6d-x2x1z")]
#[case("User \"system:serviceaccount:token-ns:secret\" cannot get resource \"secrets\"")]
#[case("at TokenService.check (/app/token.js:10:5) secret.go:45")]
#[case("DB_PASSWORD=$(DB_PASSWORD) TOKEN=${TOKEN} SECRET=****")]
#[case("password=<redacted> token=[REDACTED]")]
#[case("max_tokens: 4096 prompt_tokens=512 token_ttl=30")]
#[case("secretName: db-creds secretRef=x")]
#[case("PWD=/app OLDPWD=/")]
#[case("ERR AUTH <password> called without any password configured")]
#[case("TLS_KEY_PASSWORD_FILE=/etc/tls/pass")]
#[case("Usage: --password string   the password; use --token to log in")]
#[case("golang.org/x/net@v0.17.0/http2 lodash@4.17.21.tgz getty@tty1.service git@github.com:a/b.git")]
#[case("1767330354251 1767330354251000000 4111111111111112")]
#[case("/usr/local/lib/python3/site-packages/MyApp2/Long/ClassPathName/index.py")]
#[case("org/springframework/beans/factory/AbstractAutowireCapableBeanFactory")]
#[case("1 passed, 2 keys, monkey business, signal 9, design: good")]
#[case("http://[::1]:8080/x@y http://host:$PORT/a@b 10.0.0.1:5432")]
fn keeps(#[case] text: &str) {
    assert_eq!(masked(text), text);
}

#[test]
fn equal_values_get_equal_placeholders_under_one_key_only() {
    let (first, second) = (Redactor::new(b"a"), Redactor::new(b"b"));
    let value = first.text("DB_PASSWORD=hunter2").into_owned();
    let placeholder = value.strip_prefix("DB_PASSWORD=").unwrap();
    assert!(placeholder::is_whole(placeholder));
    assert_eq!(
        first.text("postgres://u:hunter2@h/x"),
        format!("postgres://{}:{placeholder}@h/x", first.text("p_token=u").strip_prefix("p_token=").unwrap())
    );
    assert_ne!(second.text("DB_PASSWORD=hunter2"), value);
    // RFC 4231, test case 2, and 6 for a key that is longer than the block.
    let placeholder = |key: &[u8], value: &str| Redactor::new(key).placeholder(super::Kind::Secret, value);
    assert_eq!(placeholder(b"Jefe", "what do ya want for nothing?"), "<secret:5bdcc1>");
    assert_eq!(placeholder(&[0xaa; 131], "Test Using Larger Than Block-Size Key - Hash Key First"), "<secret:60e431>");
}

#[test]
fn ip_addresses_are_masked_when_asked_for() {
    let redactor = Redactor::fixed().with_ips(true);
    let text = redactor.text("dial tcp 10.0.0.1:5432 from [2001:db8::1]:80 listen 0.0.0.0:80 at 12:30:45 v1.2.3").into_owned();
    assert!(!text.contains("10.0.0.1") && !text.contains("2001:db8"), "{text}");
    assert!(text.contains(">:5432") && text.contains("0.0.0.0:80 at 12:30:45 v1.2.3"), "{text}");
    assert_eq!(redactor.text(&text), text);
}

#[test]
fn an_object_keeps_its_structure_and_loses_its_secrets() {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "web-d41d8cd98f00b204e9800998ecf8427e", "namespace": "shop", "uid": "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "labels": {"token-type": "jwt", "app": "web"},
            "annotations": {"example.com/api-key": "hunter2", "note": "mail jane@example.com",
                "kubectl.kubernetes.io/last-applied-configuration": "{\"env\":[{\"name\":\"DB_PASSWORD\",\"value\":\"hunter2\"}]}"},
            "managedFields": [{"fieldsV1": {"f:password": {}}}]
        },
        "spec": {
            "template": {"spec": {"initContainers": [{"name": "i", "image": "a@sha256:e3b0", "env": [{"name": "PGPASSWORD", "value": "hunter2"}]}]}},
            "containers": [{"name": "app", "args": ["--token", "hunter2", "--port", "80"], "env": [
                {"name": "DB_PASSWORD", "value": "hunter2"},
                {"name": "REF", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
                {"name": "EXPANDED_TOKEN", "value": "$(DB_PASSWORD)"},
                {"name": "DATABASE_URL", "value": "postgres://u:hunter2@db:5432/x"},
                {"name": "LOG_LEVEL", "value": "info"}],
                "livenessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": "Bearer hunter2"}]}}}],
            "ephemeralContainers": [{"name": "e", "env": [{"name": "API_TOKEN", "value": "hunter2"}]}],
            "imagePullSecrets": [{"name": "regcred"}],
            "volumes": [{"name": "v", "secret": {"secretName": "db-secret"}}]
        }
    });
    Redactor::fixed().object(&mut pod);
    let text = pod.to_string();
    assert!(!text.contains("hunter2") && !text.contains("jane"), "{text}");
    let app = &pod["spec"]["containers"][0];
    assert_eq!(pod["metadata"]["name"], "web-d41d8cd98f00b204e9800998ecf8427e");
    assert_eq!(pod["metadata"]["labels"], json!({"token-type": "jwt", "app": "web"}));
    assert_eq!(app["env"][0]["value"], app["args"][1], "the same value, the same placeholder");
    assert_eq!(app["env"][1]["valueFrom"]["secretKeyRef"], json!({"name": "db", "key": "password"}));
    assert_eq!(app["env"][2]["value"], "$(DB_PASSWORD)");
    assert!(app["env"][3]["value"].as_str().unwrap().ends_with("@db:5432/x"));
    assert_eq!(app["env"][4]["value"], "info");
    assert_eq!(pod["spec"]["volumes"][0]["secret"]["secretName"], "db-secret");
    assert_eq!(pod["spec"]["imagePullSecrets"][0]["name"], "regcred");
}

#[test]
fn secrets_keep_their_keys_and_config_maps_are_read_as_text() {
    let mut list = json!({"kind": "List", "items": [
        {"kind": "Secret", "metadata": {"name": "db", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{\"a\":\"aHVudGVyMg==\"}}"}},
         "data": {"password": "aHVudGVyMg==", "ca.crt": "eA=="}, "stringData": {"x": "hunter2"}},
        {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {
            "app.properties": "db.host=db\ndb.password=hunter2\n", "secrets.yaml": "user: x\npassword: hunter2\n", "name": "token=hunter2",
            "SESSION_TOKEN": "hunter2"}, "binaryData": {"b": "aHVudGVyMg=="}}]});
    Redactor::fixed().object(&mut list);
    let text = list.to_string();
    assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMg"), "{text}");
    assert_eq!(list["items"][0]["data"], json!({"password": "", "ca.crt": ""}));
    let config = &list["items"][1]["data"];
    assert!(config["app.properties"].as_str().unwrap().starts_with("db.host=db\ndb.password=<secret:"));
    assert!(config["secrets.yaml"].as_str().unwrap().starts_with("user: x\npassword: <secret:"));
}

#[test]
fn what_is_nested_too_deep_is_dropped() {
    let mut value = json!("token=hunter2");
    for _ in 0..400 {
        value = json!([value]);
    }
    Redactor::fixed().object(&mut value);
    assert!(!value.to_string().contains("hunter2"));
}

/// Pieces that rules look for, so that random texts are full of half matches.
fn fragment() -> impl Strategy<Value = String> {
    let words = [
        "password",
        "token",
        "secret",
        "dsn",
        "Authorization",
        "Cookie",
        "bearer",
        "name",
        "value",
        "api key",
        "sig",
        "=",
        ":",
        ": ",
        "=>",
        "\"",
        "\\\"",
        "'",
        "\\",
        ",",
        ";",
        "&",
        "?",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "<secret:3f9a1c>",
        "<mail:77b0d2>",
        "<secret:",
        "://",
        "@",
        "@tcp(",
        "a@b.cd",
        "eyJhbGciOi.eyJ",
        "-----BEGIN X-----",
        "-----END X-----",
        "sk-",
        "ghp_",
        "AKIA",
        "4111111111111111",
        "4111 ",
        "1111",
        "--",
        "d41d8cd98f00b204e9800998ecf8427e",
        "dGhpcyBpcyBhIHNlY3JldCBrZXkgb2YgbWluZSAxMjM0NQ==",
        "\n",
        "\r\n",
        "  ",
        " ",
        "|",
        "|-",
        "é",
        "日",
        "\u{0}",
        "x",
        "Hunter2",
        "/",
        ".",
        "-",
        "(",
        ")",
        "$(X)",
        "Password=",
        "identified by",
        "10.0.0.1",
        "::1",
    ];
    prop_oneof![4 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => "[a-zA-Z0-9+/_.-]{1,44}", 1 => "\\PC{0,6}"]
}

fn messy() -> impl Strategy<Value = String> {
    proptest::collection::vec(fragment(), 0..24).prop_map(|fragments| fragments.concat())
}

/// A secret in one of the ways that programs write it, with the marker in it.
fn planted() -> impl Strategy<Value = String> {
    let forms = [
        "DB_PASSWORD={}",
        "export X_TOKEN=\"{}\"",
        "{\"secret\":\"{}\"}",
        "{\\\"passwd\\\":\\\"a {}\\\"}",
        "password: {}",
        "  apiKey: '{} b'",
        "redis://u:{}@cache:6379/0",
        "https://{}@api.example.com/x",
        "Server=x;Pwd=a {};Y=1",
        "Authorization: Bearer {}",
        "Cookie: a={}",
        "X-Api-Key: {}",
        "--client-secret {}",
        "--passphrase={}",
        "?token={}&x=1",
        "{'access_key': b'{}'}",
        "private_key => {}",
        "u:{}@tcp(db:3306)/x",
        "-----BEGIN PRIVATE KEY-----\n{}AAAAAAAAAAAA\n-----END PRIVATE KEY-----",
        "eyJhbGciOiJI.{}.abc",
        "ghp_{}AAAAAAAAAAAAAAA",
        "AccountKey={}==;x",
        "<passwd>{}</passwd>",
        "PGPASS={}",
        "credentials={}",
    ];
    let secret = "[A-Z][a-z]{2}[0-9][A-Za-z0-9]{8,12}";
    (proptest::sample::select(forms.to_vec()), secret)
        .prop_map(|(form, secret)| format!("{secret}\u{1}{}", form.replace("{}", &secret)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn masking_twice_is_masking_once(text in messy()) {
        let redactor = Redactor::fixed().with_ips(true);
        let once = redactor.text(&text).into_owned();
        prop_assert_eq!(redactor.text(&once).into_owned(), once);
    }

    #[test]
    fn planted_secrets_never_survive(planted in planted(), before in "(\\PC{0,20}\n)?", after in "(\n\\PC{0,20})?") {
        let (secret, line) = planted.split_once('\u{1}').unwrap();
        let masked = masked(&format!("{before}{line}{after}"));
        prop_assert!(!masked.contains(secret), "{masked}");
    }

    #[test]
    fn names_of_objects_survive(name in "[a-z][a-z0-9]{0,12}(-[a-z0-9]{1,12}){0,3}", hash in "[bcdf0-9]{8,10}", tail in "[bcdf0-9]{5}", uid in
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", digest in "[0-9a-f]{64}", commit in "[0-9a-f]{40}", port in 1..65535_u32) {
        let text = format!("pod {name}-{hash}-{tail} uid {uid} pvc-{uid} image r.io/{name}@sha256:{digest} at {commit}: dial tcp {name}.ns.svc:{port} failed");
        prop_assert_eq!(masked(&text), text);
    }

    #[test]
    fn objects_of_any_shape_are_masked_once(keys in proptest::collection::vec(fragment(), 1..6), texts in proptest::collection::vec(messy(), 1..6)) {
        let map = |from: usize| -> serde_json::Map<String, serde_json::Value> {
            keys.iter().cycle().skip(from).zip(&texts).map(|(key, text)| (key.clone(), json!(text))).collect()
        };
        let mut value = json!({"kind": "ConfigMap", "data": map(0), "spec": [map(1), {"name": keys[0], "value": texts[0]}, texts]});
        let redactor = Redactor::fixed();
        redactor.object(&mut value);
        let once = value.clone();
        redactor.object(&mut value);
        prop_assert_eq!(value, once);
    }
}
