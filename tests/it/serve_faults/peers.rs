//! Peers that are slow or dead: they hold up nobody but themselves. When they are let go is tested where time can be moved.

use super::{client, get, holds_once, post, start};
use reqwest::StatusCode;
use std::collections::BTreeSet;
use std::io::Write;
use std::net::{Shutdown, TcpStream};

/// So many of each sort.
const EACH: usize = 50;
/// What is sent of a post whose rest never comes.
const BEGUN: &str = "POST /webhooks/alertmanager HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4096\r\n\r\n{\"alerts\": [";

#[tokio::test(flavor = "multi_thread")]
async fn those_who_say_nothing_or_half_of_it_hold_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let serving = start(folder.path());
    let connect = |says: &str| {
        let mut stream = TcpStream::connect(&serving.address).unwrap();
        stream.write_all(says.as_bytes()).unwrap();
        stream
    };
    let mut peers = Vec::new();
    for index in 0..EACH {
        // Nothing at all; half a head; half a body; half a body, and gone; a request whose answer nobody reads.
        peers.push(connect(""));
        peers.push(connect("POST /webhooks/alertmanager HTTP/1.1\r\nHost:"));
        peers.push(connect(BEGUN));
        let gone = connect(BEGUN);
        gone.shutdown(Shutdown::Both).unwrap();
        peers.push(connect(&"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1 + index % 20)));
    }
    let client = client();
    for number in 0..10 {
        assert_eq!(post(&client, &serving.address, number).await.unwrap().status(), StatusCode::ACCEPTED);
    }
    assert_eq!(get(&client, &serving.address, "/readyz").await.0, StatusCode::OK);
    holds_once(folder.path(), &(0..10).collect::<BTreeSet<_>>());
    drop(peers);
    assert_eq!(get(&client, &serving.address, "/healthz").await.0, StatusCode::OK);
}
