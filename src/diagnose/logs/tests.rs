use super::*;

fn decisive(log: &str) -> (&'static str, String, Captures) {
    let reading = read(log);
    let finding = reading.decisive().unwrap_or_else(|| panic!("nothing found in {log}"));
    (finding.signature.cause, finding.text.clone(), finding.captures.clone())
}

#[rstest::rstest]
#[case("FATAL:  password authentication failed for user \"orders\"", "database_credentials_invalid")]
#[case("ERROR 1045 (28000): Access denied for user 'app'@'10.1.2.3' (using password: YES)", "database_credentials_invalid")]
#[case("WRONGPASS invalid username-password pair or user is disabled.", "database_credentials_invalid")]
#[case("pq: permission denied for table invoices", "database_permission_denied")]
#[case("ERROR: permission denied for relation ledger (SQLSTATE 42501)", "database_permission_denied")]
#[case("FATAL: sorry, too many clients already", "database_connections_exhausted")]
#[case("ERROR: cannot execute INSERT in a read-only transaction", "database_read_only")]
#[case("READONLY You can't write against a read only replica.", "database_read_only")]
#[case("error: Dirty database version 42. Fix and force version.", "migration_failed")]
#[case("ERROR: relation \"orders\" does not exist (SQLSTATE 42P01)", "migration_failed")]
#[case("dial tcp: lookup orders-db.shop.svc.cluster.local on 10.96.0.10:53: no such host", "dns_resolution_failed")]
#[case("Error: getaddrinfo ENOTFOUND redis-cache", "dns_resolution_failed")]
#[case("java.net.UnknownHostException: inventory", "dns_resolution_failed")]
#[case("x509: certificate has expired or is not yet valid: current time 2026-01-02", "tls_certificate_expired")]
#[case("x509: certificate signed by unknown authority", "tls_certificate_invalid")]
#[case("listen tcp :8080: bind: address already in use", "port_conflict")]
#[case("Error: listen EADDRINUSE: address already in use :::3000", "port_conflict")]
#[case("write /var/lib/data/wal: no space left on device", "disk_full")]
#[case("open /data/app.db: permission denied", "file_permission_denied")]
#[case(
    "pods is forbidden: User \"system:serviceaccount:shop:sync\" cannot list resource \"pods\" in API group \"\"",
    "rbac_forbidden"
)]
#[case("HTTP 429 Too Many Requests from https://api.example/v1", "rate_limited")]
#[case("panic: required environment variable STRIPE_KEY not set", "environment_variable_missing")]
#[case("KeyError: 'DATABASE_URL' (missing environment variable)", "environment_variable_missing")]
#[case("Could not resolve placeholder 'billing.url' in value \"${billing.url}\"", "configuration_invalid")]
#[case("Unable to resolve service for type 'Shop.IClock' while attempting to activate 'Shop.Api'", "configuration_invalid")]
#[case("Error: unknown flag: --verbos", "configuration_invalid")]
#[case("nginx: [emerg] unknown directive \"servr\" in /etc/nginx/nginx.conf:3", "configuration_invalid")]
#[case("dial tcp 10.0.0.7:5432: connect: connection refused", "dependency_unreachable")]
#[case("Error: connect ECONNREFUSED 10.4.0.9:6379", "dependency_unreachable")]
#[case("panic: runtime error: invalid memory address or nil pointer dereference", "application_error")]
#[case("Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space", "application_error")]
#[case("thread 'main' panicked at src/main.rs:4:5:", "application_error")]
fn names_the_fault(#[case] line: &str, #[case] cause: &str) {
    assert_eq!(decisive(line).0, cause);
}

#[rstest::rstest]
#[case("no connection refused since the restart")]
#[case("MemoryPressure   False   kubelet has sufficient memory available")]
#[case("processed 53300 rows in 42501 ms")]
#[case("level=info msg=\"retrying after connection refused\"")]
#[case("{\"level\":\"info\",\"msg\":\"handler for too many requests registered\"}")]
#[case("0 errors, 0 warnings")]
#[case("")]
fn finds_nothing_where_nothing_is_wrong(#[case] line: &str) {
    assert!(read(line).decisive().is_none(), "{:?}", read(line).findings);
}

#[test]
fn the_innermost_cause_decides() {
    let log = "Exception in thread \"main\" org.springframework.beans.factory.BeanCreationException: Error creating bean\n\
               \tat org.springframework.boot.SpringApplication.run\n\
               Caused by: java.lang.IllegalStateException: pool\n\
               \tat com.zaxxer.hikari.pool\n\
               Caused by: org.postgresql.util.PSQLException: FATAL: password authentication failed for user \"ledger\"\n";
    let (cause, _, captures) = decisive(log);
    assert_eq!((cause, captures.user.as_deref()), ("database_credentials_invalid", Some("ledger")));
}

#[test]
fn a_success_ends_what_was_tried_again() {
    let log = "dial tcp 10.0.0.7:5432: connect: connection refused\nconnected to database\n";
    let reading = read(log);
    assert!(reading.decisive().is_none());
    assert!(reading.findings[0].recovered);
}

#[test]
fn repeats_are_folded_and_counted() {
    let log: String = (0..40)
        .map(|n| format!("2026-01-02T10:00:{n:02}Z error: attempt {n}: connect to orders-db:5432: connection refused\n"))
        .collect();
    let reading = read(&log);
    let finding = reading.decisive().unwrap();
    assert_eq!((finding.count, finding.line, reading.findings.len()), (40, 40, 1));
    assert_eq!((finding.captures.host.as_deref(), finding.captures.port), (Some("orders-db"), Some(5432)));
    assert!(finding.at.is_some());
}

#[test]
fn structured_lines_are_read_by_their_fields() {
    let (cause, text, captures) =
        decisive(r#"{"level":"error","msg":"startup failed","error":"dial tcp: lookup cache on 10.96.0.10:53: no such host"}"#);
    assert_eq!((cause, captures.host.as_deref()), ("dns_resolution_failed", Some("cache")));
    assert!(text.starts_with("startup failed: dial tcp"));
    assert_eq!(
        decisive("ts=1 level=fatal msg=\"cannot start\" err=\"flag provided but not defined: -x\"").0,
        "configuration_invalid"
    );
    assert_eq!(decisive("\u{1b}[31mFATAL\u{1b}[0m giving up").0, "application_error");
}

#[test]
fn a_usage_text_is_no_error() {
    let log = "Error: unknown flag: --prot\nUsage:\n  serve [flags]\n\nFlags:\n      --on-error string   what to do on connection refused\n";
    let reading = read(log);
    assert_eq!(reading.decisive().unwrap().captures.setting.as_deref(), Some("--prot"));
    assert!(reading.findings.iter().all(|finding| finding.signature.cause != "dependency_unreachable"));
}

#[test]
fn names_are_found() {
    assert_eq!(decisive("panic: required environment variable STRIPE_KEY not set").2.setting.as_deref(), Some("STRIPE_KEY"));
    assert_eq!(decisive("open /data/app.db: permission denied").2.path.as_deref(), Some("/data/app.db"));
    assert_eq!(decisive("listen tcp :8080: bind: address already in use").2.port, Some(8080));
    let url = decisive("Get \"http://prices.shop.svc:8080/v1\": dial tcp 10.96.3.4:8080: connect: connection refused").2;
    assert_eq!((url.host.as_deref(), url.port), (Some("prices.shop.svc"), Some(8080)));
}

#[test]
fn an_error_without_an_address_learns_it_from_its_wrapper() {
    let log = "Unhandled exception. Npgsql.NpgsqlException (0x80004005): Failed to connect to 10.0.0.5:5432\n \
               ---> System.Net.Sockets.SocketException (111): Connection refused\n   at Npgsql.A.B()\n";
    let captures = decisive(log).2;
    assert_eq!((captures.host.as_deref(), captures.port), (Some("10.0.0.5"), Some(5432)));
}

#[test]
fn the_last_of_a_list_of_causes_decides() {
    let log = "Error: could not start\n\nCaused by:\n    0: while counting\n    1: the answer is 41\n";
    assert_eq!(decisive(log).1, "1: the answer is 41");
    let log = "Error: could not start\n\nCaused by:\n    0: loading tariffs\n    1: missing field `currency`\n";
    assert_eq!((decisive(log).0, decisive(log).2.setting.as_deref()), ("configuration_invalid", Some("currency")));
}

#[test]
fn a_report_of_spring_is_quoted_where_it_says_what_failed() {
    let log = "***************************\nAPPLICATION FAILED TO START\n***************************\n\nDescription:\n\n\
               The bean 'x' could not be registered.\n\nAction:\n\nConsider renaming one of the beans.\n";
    assert_eq!(decisive(log).1, "The bean 'x' could not be registered.");
}

#[test]
fn what_ends_the_program_beats_what_it_tried_again() {
    let tried: String = (0..50)
        .map(|n| format!("level=warning msg=\"redis: dial tcp 10.0.0.7:6379: connection refused, again in {n}s\"\n"))
        .collect();
    let log = format!("{tried}level=fatal msg=\"required key PAYMENT_URL missing value\"\n");
    assert_eq!((decisive(&log).0, decisive(&log).2.setting.as_deref()), ("environment_variable_missing", Some("PAYMENT_URL")));
}

#[test]
fn a_message_of_several_lines_is_read_whole() {
    let log = r#"{"log.level":"ERROR","message":"node validation exception\n[1] bootstrap checks failed.\nvm.max_map_count is too low"}"#;
    assert_eq!(decisive(log).0, "configuration_invalid");
}

#[test]
fn every_signature_compiles_and_is_reachable() {
    for signature in table::SIGNATURES {
        assert!(!signature.any.is_empty(), "{}", signature.cause);
        for text in signature.any.iter().chain(signature.and) {
            assert_eq!(*text, text.to_lowercase(), "lower case is what lines are compared in");
        }
    }
}

proptest::proptest! {
    #[test]
    fn never_panics_and_numbers_lines_rightly(log in "(?s).{0,400}") {
        let reading = read(&log);
        for finding in &reading.findings {
            proptest::prop_assert!(finding.line >= 1 && finding.line <= reading.lines);
        }
    }

    #[test]
    fn line_ends_do_not_matter(lines in proptest::collection::vec("[ -~]{0,60}", 0..12)) {
        let unix = read(&lines.join("\n"));
        let windows = read(&lines.join("\r\n"));
        let told = |reading: &LogReading| reading.findings.iter().map(|f| (f.signature.cause, f.line, f.count)).collect::<Vec<_>>();
        proptest::prop_assert_eq!(told(&unix), told(&windows));
    }

    #[test]
    fn words_of_the_table_never_panic(parts in proptest::collection::vec(0..table::SIGNATURES.len(), 0..6), noise in "[ -~é]{0,30}") {
        let log: String = parts.iter().map(|index| format!("{noise}{}{noise}\n", table::SIGNATURES[*index].any[0])).collect();
        let _ = read(&log);
    }
}
