//! One line of each stack as its driver, server or runtime writes it, and what it shows. A line is read as the only one of
//! a log, so that no neighbour helps.

use super::read;

const WORDINGS: &[(&str, &str)] = &[
    (
        r#"Npgsql.PostgresException (0x80004005): 28P01: password authentication failed for user "app""#,
        "database_credentials_invalid",
    ),
    ("Npgsql.PostgresException (0x80004005): 42501: permission denied for table invoices", "database_permission_denied"),
    (" ---> Npgsql.PostgresException (0x80004005): 53300: sorry, too many clients already", "database_connections_exhausted"),
    ("MongoServerError: Authentication failed.", "database_credentials_invalid"),
    ("MongoServerSelectionError: connect ECONNREFUSED 10.0.0.4:27017", "dependency_unreachable"),
    (
        "com.mongodb.MongoSecurityException: Exception authenticating MongoCredential{mechanism=SCRAM-SHA-256, userName='app', source='admin'}",
        "database_credentials_invalid",
    ),
    (
        "pymongo.errors.OperationFailure: Authentication failed., full error: {'ok': 0.0, 'errmsg': 'Authentication failed.', 'code': 18, 'codeName': 'AuthenticationFailed'}",
        "database_credentials_invalid",
    ),
    (
        "Error: P1000: Authentication failed against database server at `db`, the provided database credentials for `app` are not valid.",
        "database_credentials_invalid",
    ),
    ("PrismaClientInitializationError: Can't reach database server at `orders-db:5432`", "dependency_unreachable"),
    ("ORA-01017: invalid username/password; logon denied", "database_credentials_invalid"),
    (
        "java.sql.SQLRecoverableException: IO Error: The Network Adapter could not establish the connection",
        "dependency_unreachable",
    ),
    ("ORA-12541: TNS:no listener", "dependency_unreachable"),
    (
        "Microsoft.Data.SqlClient.SqlException (0x80131904): A network-related or instance-specific error occurred while establishing a connection to SQL Server.",
        "dependency_unreachable",
    ),
    (
        "StackExchange.Redis.RedisConnectionException: It was not possible to connect to the redis server(s). There was an authentication failure; check that passwords (or client certificates) are configured correctly: (ReplyError) WRONGPASS invalid username-password pair or user is disabled.",
        "database_credentials_invalid",
    ),
    ("redis.exceptions.ConnectionError: Error 111 connecting to cache:6379. Connection refused.", "dependency_unreachable"),
    (
        "pika.exceptions.ProbableAuthenticationError: ConnectionClosedByBroker: (403) 'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.'",
        "database_credentials_invalid",
    ),
    (
        "[Producer clientId=producer-1] Connection to node -1 (kafka/10.0.0.9:9092) could not be established. Node may not be available.",
        "dependency_unreachable",
    ),
    (
        r#"cassandra.cluster.NoHostAvailable: ('Unable to connect to any servers', {'10.0.0.5:9042': ConnectionRefusedError(111, "Tried connecting to [('10.0.0.5', 9042)]. Last error: Connection refused")})"#,
        "dependency_unreachable",
    ),
    (
        r#"requests.exceptions.ConnectionError: HTTPConnectionPool(host='prices', port=80): Max retries exceeded with url: / (Caused by NameResolutionError("<urllib3.connection.HTTPConnection object at 0x7f>: Failed to resolve 'prices' ([Errno -2] Name or service not known)"))"#,
        "dns_resolution_failed",
    ),
    ("socket.gaierror: [Errno -3] Temporary failure in name resolution", "dns_resolution_failed"),
    (r#"ERROR: could not translate host name "orders-db" to address: Name or service not known"#, "dns_resolution_failed"),
    ("getaddrinfo: Name or service not known (SocketError)", "dns_resolution_failed"),
    ("System.Net.Http.HttpRequestException: Name or service not known (orders:8080)", "dns_resolution_failed"),
    (r#"Error: error returned from database: password authentication failed for user "app""#, "database_credentials_invalid"),
    ("Error: error communicating with database: Connection refused (os error 111)", "dependency_unreachable"),
    ("mysqld: Too many connections", "database_connections_exhausted"),
    (
        r#"MySQLdb.OperationalError: (1045, "Access denied for user 'app'@'10.0.0.2' (using password: YES)")"#,
        "database_credentials_invalid",
    ),
    (
        r#"sqlalchemy.exc.OperationalError: (pymysql.err.OperationalError) (2003, "Can't connect to MySQL server on 'shop-mysql' ([Errno 111] Connection refused)")"#,
        "dependency_unreachable",
    ),
    ("django.db.utils.OperationalError: attempt to write a readonly database", "database_read_only"),
    ("alembic.util.exc.CommandError: Can't locate revision identified by '1975ea83b712'", "migration_failed"),
    ("ActiveRecord::PendingMigrationError: Migrations are pending. To resolve this issue, run:", "migration_failed"),
    ("Error: while executing migrations: migration 20260301 was previously applied but has been modified", "migration_failed"),
    ("Error: NotPresent: environment variable not found", "environment_variable_missing"),
    ("Error: Missing required environment variables: STRIPE_KEY, STRIPE_SECRET", "environment_variable_missing"),
    (r#"panic: env: required environment variable "API_TOKEN" is not set"#, "environment_variable_missing"),
    (
        r#"time="2026-01-01T00:00:00Z" level=fatal msg="parsing env: required environment variable \"API_TOKEN\" is not set""#,
        "environment_variable_missing",
    ),
    ("Error: DATABASE_URL must be set", "environment_variable_missing"),
    ("django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.", "configuration_invalid"),
    ("pydantic_core._pydantic_core.ValidationError: 2 validation errors for Settings", "configuration_invalid"),
    ("Error: yaml: line 12: mapping values are not allowed in this context while loading config", "configuration_invalid"),
    (
        "Parameter 0 of constructor in com.example.A required a bean of type 'com.example.B' that could not be found.",
        "configuration_invalid",
    ),
    (r#"nginx: [emerg] host not found in upstream "orders" in /etc/nginx/conf.d/default.conf:7"#, "dns_resolution_failed"),
    ("2026/01/01 00:00:00 [emerg] 1#1: bind() to 0.0.0.0:80 failed (98: Address already in use)", "port_conflict"),
    (r#"nginx: [emerg] mkdir() "/var/cache/nginx/client_temp" failed (13: Permission denied)"#, "file_permission_denied"),
    ("OSError: [Errno 98] Address already in use", "port_conflict"),
    ("ERROR:    [Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): address already in use", "port_conflict"),
    ("System.IO.IOException: Failed to bind to address http://[::]:8080: address already in use.", "port_conflict"),
    ("Caused by: java.net.BindException: Address already in use", "port_conflict"),
    ("PermissionError: [Errno 13] Permission denied: '/data/cache.db'", "file_permission_denied"),
    ("java.nio.file.AccessDeniedException: /data/index/write.lock", "file_permission_denied"),
    ("Error: EROFS: read-only file system, open '/app/tmp/x'", "file_permission_denied"),
    ("OSError: [Errno 28] No space left on device: '/tmp/x'", "disk_full"),
    ("java.io.IOException: No space left on device", "disk_full"),
    (r#"PANIC:  could not write to file "pg_wal/xlogtemp.29": No space left on device"#, "disk_full"),
    (
        "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1000)",
        "tls_certificate_expired",
    ),
    (
        "requests.exceptions.SSLError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate in certificate chain (_ssl.c:1000)",
        "tls_certificate_invalid",
    ),
    ("Error: unable to verify the first certificate", "tls_certificate_invalid"),
    ("tls: failed to verify certificate: x509: certificate is valid for a.example, not b.example", "tls_certificate_invalid"),
    ("Error: self-signed certificate in certificate chain", "tls_certificate_invalid"),
    (
        "System.Security.Authentication.AuthenticationException: The remote certificate is invalid because of errors in the certificate chain: NotTimeValid",
        "tls_certificate_expired",
    ),
    (
        "System.Security.Authentication.AuthenticationException: The remote certificate is invalid according to the validation procedure: RemoteCertificateNameMismatch",
        "tls_certificate_invalid",
    ),
    ("openai.RateLimitError: Error code: 429 - {'error': {'message': 'Rate limit exceeded'}}", "rate_limited"),
    ("rpc error: code = ResourceExhausted desc = Quota exceeded for quota metric 'Requests'", "rate_limited"),
    (
        r#"rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 10.96.0.4:50051: connect: connection refused""#,
        "dependency_unreachable",
    ),
    (
        r#"io.kubernetes.client.openapi.ApiException: configmaps is forbidden: User "system:serviceaccount:a:b" cannot list resource "configmaps" in API group "" in the namespace "a""#,
        "rbac_forbidden",
    ),
    (
        "ClusterBlockException: index [a] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block]; type cluster_block_exception",
        "database_read_only",
    ),
    ("** (RuntimeError) environment variable SECRET_KEY_BASE is missing.", "environment_variable_missing"),
    ("** (Mix) The database for Shop.Repo couldn't be created: killed", "application_error"),
    (
        "PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [2002] Connection refused in /app/db.php:4",
        "dependency_unreachable",
    ),
    (r#"PHP Fatal error:  Uncaught Error: Class "Redis" not found in /app/a.php:4"#, "application_error"),
    ("/app/a.rb:3:in `<main>': undefined method `foo' for nil:NilClass (NoMethodError)", "application_error"),
    ("thread 'main' panicked at src/main.rs:4:5:", "application_error"),
    ("Error: Cannot find module '/app/dist/main.js'", "application_error"),
    ("TypeError: Cannot read properties of undefined (reading 'x')", "application_error"),
    (
        "Unhandled exception. System.NullReferenceException: Object reference not set to an instance of an object.",
        "application_error",
    ),
    ("com.example.shop.HolidayException: overlap", "application_error"),
    ("fatal error: all goroutines are asleep - deadlock!", "application_error"),
    ("goroutine stack exceeds 1000000000-byte limit", "application_error"),
    ("F0310 09:41:27.123456       1 main.go:88] cannot start", "application_error"),
    (
        r#"{"timestamp":"2026-01-01T00:00:00Z","level":"ERROR","fields":{"message":"no route","error":"tcp connect error: Connection refused (os error 111)"},"target":"a"}"#,
        "dependency_unreachable",
    ),
];

/// Lines that hold the words of a fault and tell of none.
const NO_FAULT: &[&str] = &[
    "loaded 3 error pages",
    "INFO  self-signed certificate generated",
    "certificate is valid for 89 days",
    "WARN DEBUG_MODE is not set in the environment, using default",
    "DATABASE_URL environment variable not found. Falling back to local SQLite.",
    r#"time=2026-01-01T00:00:00Z level=info msg="retry policy for 429 Too Many Requests: 3""#,
    "waiting for SIGTERM",
    "http: TLS handshake error policy: log",
    "  at com.example.net.ConnectException.of(ConnectException.java:3)",
    "[12:00:00 INF] connection refused is retried",
    r#"{"level":30,"msg":"EADDRINUSE is retried on the next port"}"#,
    "no migration failed",
    "2026-01-01 10:00:00.000  INFO 1 --- [main] c.e.App : Failed retries: 0",
    "0 migrations are pending",
    "Errors: none",
];

#[test]
fn each_wording_shows_its_fault() {
    let wrong: Vec<String> = WORDINGS
        .iter()
        .filter_map(|(line, cause)| {
            let reading = read(line);
            let said = reading.decisive().map_or("nothing", |finding| finding.signature.cause);
            (said != *cause).then(|| format!("{line}: {said}, expected {cause}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn words_alone_show_nothing() {
    let wrong: Vec<&&str> = NO_FAULT.iter().filter(|line| read(line).decisive().is_some()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn names_are_those_of_the_other_end() {
    let address = |line: &str| {
        let captures = read(line).decisive().map(|finding| finding.captures.clone()).unwrap_or_default();
        (captures.host.unwrap_or_default(), captures.port.unwrap_or_default())
    };
    let cases: &[(&str, (&str, u16))] = &[
        ("Get \"https://a.example/x\": dial tcp 10.0.0.1:443: connect: connection refused", ("10.0.0.1", 443)),
        ("Error: P1001: Can't reach database server at `db`:`5432`, see https://pris.ly/d/p1001", ("db", 5432)),
        ("PrismaClientInitializationError: Can't reach database server at `db:5432`", ("db", 5432)),
        ("redis.exceptions.ConnectionError: Error 111 connecting to cache:6379. Connection refused.", ("cache", 6379)),
        ("Connection to db:5432 refused. Check that the hostname and port are correct", ("db", 5432)),
        ("Connection refused - connect(2) for \"db\" port 5432 (Errno::ECONNREFUSED)", ("db", 5432)),
        ("System.Net.Http.HttpRequestException: Connection refused (orders:8080)", ("orders", 8080)),
        ("[error] tcp connect (db:5432): connection refused - :econnrefused", ("db", 5432)),
        ("Failed to resolve 'prices' ([Errno -2] Name or service not known)", ("prices", 0)),
        ("getaddrinfo: Name or service not known (orders:80) (SocketError)", ("orders", 0)),
        ("2026-01-01 10:00:12 ERROR dial tcp 10.0.0.1:5432: i/o timeout", ("10.0.0.1", 5432)),
        ("Connection to node -1 (kafka/10.0.0.9:9092) could not be established", ("10.0.0.9", 9092)),
    ];
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(line, (host, port))| address(line) != ((*host).to_owned(), *port))
        .map(|(line, expected)| format!("{line}: {:?}, expected {expected:?}", address(line)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let port = |line: &str| read(line).decisive().and_then(|finding| finding.captures.port);
    assert_eq!(port("2026-01-01 10:00:12 ERROR Web server failed to start. Port 8080 was already in use."), Some(8080));
    assert_eq!(port("error while attempting to bind on address ('0.0.0.0', 8000): address already in use"), Some(8000));
    assert_eq!(port("10:00:12 listen tcp :9090: bind: address already in use"), Some(9090));
}
