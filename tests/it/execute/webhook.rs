//! A validating webhook that refuses everything, with a certificate that the API server trusts.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

/// Starts it with the certificate of this name in the folder; gives its port.
pub fn start(folder: &Path, says: &'static str) -> u16 {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let chain = CertificateDer::pem_file_iter(folder.join("apiserver.crt")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(folder.join("apiserver.key")).unwrap();
    let config = Arc::new(ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            let _ = answer(&mut tls, says);
        }
    });
    port
}

fn answer(tls: &mut (impl Read + Write), says: &str) -> std::io::Result<()> {
    let mut text = String::new();
    let mut buffer = [0; 65536];
    let review: Value = loop {
        let read = tls.read(&mut buffer)?;
        text += &String::from_utf8_lossy(&buffer[..read]);
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        match serde_json::from_str(body) {
            Ok(review) => break review,
            Err(_) if read > 0 => {}
            Err(error) => return Err(error.into()),
        }
    };
    let refusal = json!({"uid": review["request"]["uid"], "allowed": false, "status": {"code": 403, "message": says}});
    let body = json!({"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": refusal}).to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    write!(tls, "{head}content-length: {}\r\n\r\n{body}", body.len())?;
    tls.flush()
}

/// The configuration that has updates of Deployments in a namespace asked of this port. The namespace needs the label `gate`.
pub fn configuration(namespace: &str, port: u16, authority: &str, side_effects: &str) -> Value {
    let mut client = json!({"url": format!("https://127.0.0.1:{port}/deny")});
    if !authority.is_empty() {
        client["caBundle"] = json!(authority);
    }
    json!({
        "metadata": {"name": namespace},
        "webhooks": [{
            "name": format!("gate.{namespace}.example.com"), "admissionReviewVersions": ["v1", "v1beta1"],
            "sideEffects": side_effects, "failurePolicy": "Fail", "timeoutSeconds": 2, "clientConfig": client,
            "namespaceSelector": {"matchLabels": {"gate": namespace}},
            "rules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"],
                "resources": ["deployments", "deployments/scale"]}],
        }],
    })
}
