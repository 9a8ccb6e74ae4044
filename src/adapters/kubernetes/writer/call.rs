//! One request and its answer, with a deadline and a limit on what is read. Sent once, whatever comes of it.

use super::super::fault::{self, Fault};
use super::answer;
use crate::ports::{ApiReason, ApiRefusal, WriteError};
use crate::redact::Redactor;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::Client;
use kube::client::Body;
use serde_json::Value;
use std::time::Duration;

/// The largest answer that is read. An object is at most 1.5 MiB (etcd), a page of 500 more; a log is cut by its lines.
const MAX_BYTES: usize = 64 << 20;

/// What is sent.
pub(super) struct Call<'a> {
    pub method: &'a str,
    /// With its query.
    pub path: String,
    pub content_type: &'a str,
    pub body: Option<&'a Value>,
    /// From the first byte sent to the last one read.
    pub within: Duration,
}

impl Call<'_> {
    /// A GET of this path.
    pub fn get(path: String, within: Duration) -> Self {
        Self { method: "GET", path, content_type: "", body: None, within }
    }

    /// Sends it; the bytes of an answer of 2xx.
    pub async fn send(self, client: &Client, redactor: &Redactor) -> Result<Vec<u8>, WriteError> {
        let unusable =
            |what: &str| WriteError::Refused(ApiRefusal::own(ApiReason::Invalid, format!("the request's {what} is not valid")));
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|_| unusable("method"))?;
        let mut request =
            Request::builder().method(method).uri(&self.path).header(header::ACCEPT, "application/json, text/plain");
        let body = match self.body {
            Some(body) => {
                request =
                    request.header(header::CONTENT_TYPE, HeaderValue::from_str(self.content_type).map_err(|_| unusable("type"))?);
                Body::from(serde_json::to_vec(body).map_err(|_| unusable("body"))?)
            }
            None => Body::empty(),
        };
        let request = request.body(body).map_err(|_| unusable("path"))?;
        match tokio::time::timeout(self.within, answer(client, request, redactor)).await {
            Ok(answer) => answer,
            Err(_) => Err(WriteError::NoAnswer(format!("no answer within {} s", self.within.as_secs_f32()))),
        }
    }

    /// Sends it; the JSON of an answer of 2xx.
    pub async fn json(self, client: &Client, redactor: &Redactor) -> Result<Value, WriteError> {
        let body = self.send(client, redactor).await?;
        // The parser's error names a place in the body and quotes nothing of it.
        serde_json::from_slice(&body).map_err(|error| WriteError::NoAnswer(format!("the answer is not JSON: {error}")))
    }
}

async fn answer(client: &Client, request: Request<Body>, redactor: &Redactor) -> Result<Vec<u8>, WriteError> {
    let response = client.send(request).await.map_err(|error| of_fault(fault::of_transport(&error)))?;
    let (parts, body) = response.into_parts();
    let body = match Limited::new(body, MAX_BYTES).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(WriteError::NoAnswer(format!("the answer is larger than {} MiB", MAX_BYTES >> 20)));
        }
        // The status alone says enough of a refusal; a success without its end may still be one, so it is no answer.
        Err(_) if !parts.status.is_success() => Vec::new(),
        Err(error) => return Err(of_fault(fault::of_chain(error.as_ref()))),
    };
    match parts.status.is_success() {
        true => Ok(body),
        false => Err(answer::classify(parts.status.as_u16(), &body, redactor).into()),
    }
}

fn of_fault(fault: Fault) -> WriteError {
    match fault {
        // Credentials that could not be got: nothing was sent.
        Fault::Refused { code: 401, why, .. } => {
            ApiRefusal { status: 401, ..ApiRefusal::own(ApiReason::Unauthorized, why) }.into()
        }
        Fault::Refused { why, .. } | Fault::Unreachable(why) | Fault::Unreadable(why) => WriteError::NoAnswer(why),
    }
}
